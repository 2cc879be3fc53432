//! What of this process stays in memory: not what only planning needs.
#![allow(unsafe_code, reason = "neither nix nor rustix gives locked memory back")]
#![allow(clippy::disallowed_methods, reason = "an edge")]

use std::fs;

use super::memory;

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
    let page = memory::page_size();
    shed_free(&data, page);
    let here = std::ptr::from_ref(&code).addr();
    if let Some(range) = stack.and_then(|stack| unused(stack, here, page)) {
        // SAFETY: whole pages of this thread's stack below all that is in use.
        unsafe { give_back(range) };
    }
    for &(start, end) in &code {
        // The kernel maps around a page only what is alike, and every other page is not: it would
        // be left out of a core dump.
        for one in (start..end).step_by(2 * page) {
            // SAFETY: this advice changes no byte.
            unsafe { advise((one, one + page), libc::MADV_DONTDUMP) };
        }
        // SAFETY: a whole mapping of a file, none of whose pages is its own: it reads the same again.
        unsafe { give_back((start, end)) };
    }
    Apart(code)
}

impl Drop for Apart {
    fn drop(&mut self) {
        // All are alike again, and one mapping.
        for range in &self.0 {
            // SAFETY: this advice changes no byte.
            unsafe { advise(*range, libc::MADV_DODUMP) };
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

/// The whole pages that lie in a range. Of a part of one the kernel would take all: it rounds the
/// length up.
fn whole((start, end): Range, page: usize) -> Option<Range> {
    let (start, end) = (start.checked_next_multiple_of(page)?, end / page * page);
    (start < end).then_some((start, end))
}

/// The whole pages of a stack that are not in use by what is called from the function at `here`.
fn unused((start, end): Range, here: usize, page: usize) -> Option<Range> {
    let below = here.checked_sub(STACK)?;
    whole((start, below), page).filter(|_| here < end)
}

/// Asks for what is free in these mappings, piece by piece, gives the pages of each back, and frees
/// them again. An allocator keeps them otherwise, with what start-up left in them.
fn shed_free(mapped: &[Range], page: usize) {
    // All are kept to the end, so that none is had twice.
    let mut pieces: Vec<Vec<u8>> = Vec::with_capacity(PIECES);
    let mut size = LARGEST;
    while size >= SMALLEST && pieces.len() < PIECES {
        let piece = Vec::<u8>::with_capacity(size);
        let start = piece.as_ptr().addr();
        let end = start + size;
        if let Some(range) = whole((start, end), page) {
            // SAFETY: whole pages of the unused capacity of a vector.
            unsafe { give_back(range) };
        }
        pieces.push(piece);
        if !mapped.iter().any(|(s, e)| *s < end && start < *e) {
            // The kernel had to be asked for it: there is no such piece any more.
            size /= 2;
        }
    }
}

/// Lets go of pages.
///
/// # Safety
/// They are whole pages of this machine, and either of a file and unchanged, or nobody reads them
/// before they are written: memory reads as zero afterwards.
unsafe fn give_back(range: Range) {
    // Locked pages too, which the kernel allows since 5.18; before, they stay.
    const DONTNEED_LOCKED: libc::c_int = 24;
    for advice in [libc::MADV_DONTNEED, DONTNEED_LOCKED] {
        // SAFETY: the caller's.
        unsafe { advise(range, advice) };
    }
}

/// Advises the kernel of pages.
///
/// # Safety
/// The advice may be followed for each page that has a byte in the range.
unsafe fn advise((start, end): Range, advice: libc::c_int) {
    let place = std::ptr::without_provenance_mut(start);
    // SAFETY: the caller's; the address is only told to the kernel.
    unsafe { libc::madvise(place, end - start, advice) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_pages_are_given_back_whatever_a_page_is() {
        for page in [4 << 10, 16 << 10, 64 << 10] {
            let base = 16 * page;
            assert_eq!(whole((base, base + 2 * page), page), Some((base, base + 2 * page)));
            for (start, end) in
                [(base + 1, base + 2 * page + 4095), (base + 4095, base + 3 * page - 1)]
            {
                assert_eq!(
                    whole((start, end), page),
                    Some((base + page, base + 2 * page)),
                    "{page}"
                );
            }
            // None is in there.
            for range in [(base + 16, base + 2 * page - 16), (base, base + page - 1), (base, base)]
            {
                assert_eq!(whole(range, page), None, "{page}");
            }
            assert_eq!(whole((usize::MAX - 9, usize::MAX), page), None);

            let stack = (base, base + 32 * page);
            for here in (base..stack.1).step_by(1808) {
                let Some((start, end)) = unused(stack, here, page) else {
                    assert!(here < base + STACK + page, "{page}: {here}");
                    continue;
                };
                assert!(start == base && end > start && end % page == 0, "{page}: {here}");
                assert!(end <= here - STACK && here - STACK < end + page, "{page}: {here}");
            }
            assert_eq!(unused(stack, stack.1, page), None, "another thread's");
            assert_eq!(unused(stack, STACK - 1, page), None);
        }
    }

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
