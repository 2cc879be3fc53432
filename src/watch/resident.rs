//! What of this process stays in memory: not what only planning needs.
#![allow(unsafe_code, reason = "neither nix nor rustix gives locked memory back")]
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::fs;

const PAGE: usize = 4096;
/// Free memory in pieces that are smaller stays: what is told of the next event is made there.
const SMALLEST: usize = 8 << 10;
const LARGEST: usize = 128 << 10;
/// No more pieces are given back at once.
const PIECES: usize = 512;
/// So far below a function's own place on the stack, nothing is in use that it calls here.
const STACK: usize = 16 << 10;

/// From an address to that behind the last byte.
type Range = (usize, usize);

/// Code and constants that come back page by page, until this is dropped. Otherwise the kernel
/// maps sixteen pages around each one that is touched, and where memory is locked they stay.
#[must_use = "what is touched meanwhile is what stays"]
#[derive(Debug)]
pub struct Apart(Vec<Range>);

/// Gives back the memory that was freed, the depth of the stack, and the program's own code and
/// constants: planning takes several times what holding does. What is needed again comes back from
/// the page cache.
pub fn shed() -> Apart {
    let Mapped { code, data, stack } = mapped();
    shed_free(&data);
    let here = std::ptr::from_ref(&code).addr();
    if let Some((start, _)) = stack.filter(|(start, end)| (start + STACK..*end).contains(&here)) {
        give_back((start, (here - STACK) / PAGE * PAGE));
    }
    for &(start, end) in &code {
        // The kernel maps around a page only what is alike, and every other page is not: it would
        // be left out of a core dump.
        for page in (start..end).step_by(2 * PAGE) {
            advise((page, page + PAGE), libc::MADV_DONTDUMP);
        }
        give_back((start, end));
    }
    Apart(code)
}

impl Drop for Apart {
    fn drop(&mut self) {
        // All are alike again, and one mapping.
        for range in &self.0 {
            advise(*range, libc::MADV_DODUMP);
        }
    }
}

/// What is mapped.
#[derive(Default)]
struct Mapped {
    /// Of the program's file, as in the file and not to be written to.
    code: Vec<Range>,
    /// Of no file, and writable: memory that was asked for.
    data: Vec<Range>,
    /// The first thread's.
    stack: Option<Range>,
}

fn mapped() -> Mapped {
    let mut mapped = Mapped::default();
    let program = fs::read_link("/proc/self/exe").unwrap_or_default();
    let Some(program) = program.to_str() else { return mapped };
    let maps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    let mut constant = None;
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let Some(first) = fields.next() else { continue };
        if first == "Anonymous:" {
            // Every page is still the file's, and nothing can write to it: it reads the same again.
            mapped.code.extend(constant.take().filter(|_| fields.next() == Some("0")));
        } else if !first.ends_with(':') {
            let address = |text| usize::from_str_radix(text, 16).ok();
            let range = first.split_once('-').and_then(|(s, e)| Some((address(s)?, address(e)?)));
            let permissions = fields.next();
            let constants = matches!(permissions, Some("r-xp" | "r--p"));
            constant = range.filter(|_| constants && line.ends_with(program));
            // Offset, device and inode; a name would follow.
            match (permissions, fields.nth(3)) {
                (Some("rw-p"), None | Some("[heap]")) => mapped.data.extend(range),
                (Some("rw-p"), Some("[stack]")) => mapped.stack = range,
                _ => {}
            }
        }
    }
    mapped
}

/// Asks for what is free in these mappings, piece by piece, gives the pages of each back, and frees
/// them again. An allocator keeps them otherwise, with what start-up left in them.
fn shed_free(mapped: &[Range]) {
    // All are kept to the end, so that none is had twice.
    let mut pieces: Vec<Vec<u8>> = Vec::with_capacity(PIECES);
    let mut size = LARGEST;
    while size >= SMALLEST && pieces.len() < PIECES {
        let piece = Vec::<u8>::with_capacity(size);
        let start = piece.as_ptr().addr();
        let end = start + size;
        give_back((start.next_multiple_of(PAGE), end / PAGE * PAGE));
        pieces.push(piece);
        if !mapped.iter().any(|(s, e)| *s < end && start < *e) {
            // The kernel had to be asked for it: there is no such piece any more.
            size /= 2;
        }
    }
}

/// Lets go of whole pages that either nobody uses or the kernel can read again.
fn give_back(range: Range) {
    // Locked pages too, which the kernel allows since 5.18; before, they stay.
    const DONTNEED_LOCKED: libc::c_int = 24;
    for advice in [libc::MADV_DONTNEED, DONTNEED_LOCKED] {
        advise(range, advice);
    }
}

fn advise((start, end): Range, advice: libc::c_int) {
    let place = std::ptr::without_provenance_mut(start);
    // SAFETY: a mapping of a file with no page of its own, so that no byte changes; or the unused
    // capacity of a vector, or stack below all that is in use, which nobody reads before it is
    // written.
    unsafe { libc::madvise(place, end - start, advice) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_use_stays_and_the_rest_comes_back_in_one_mapping_each() {
        let numbers: Vec<Vec<usize>> = (1..200).map(|n| vec![n; n * 37]).collect();
        let (kept, dropped): (Vec<_>, Vec<_>) =
            numbers.into_iter().partition(|v| v.len().is_multiple_of(2));
        drop(dropped);
        let before = mapped().code;
        assert!(before.len() >= 2, "code and constants: {before:?}");
        for _ in 0..2 {
            let apart = shed();
            let meanwhile = mapped().code.len();
            assert!(meanwhile > before.len(), "{meanwhile}");
            assert!(kept.iter().all(|v| v.iter().all(|n| n * 37 == v.len())));
            drop(apart);
            assert_eq!(mapped().code, before);
        }
        let again: Vec<Vec<usize>> = (1..200).map(|n| vec![n; n * 41]).collect();
        assert!(again.iter().chain(&kept).all(|v| v.iter().all(|n| v[0] == *n)));
    }
}
