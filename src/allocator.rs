//! Memory for the static build: a piece that lies ready for short runs, dlmalloc for what is more.
//!
//! musl's own allocator maps and unmaps memory for nearly every size class, and dlmalloc alone
//! fetches a page at a time from the kernel and takes a mutex twice a value. A plan needs less than
//! two hundred kilobytes for less than a millisecond. So values are laid one behind the other in a
//! piece whose first pages the kernel brings in one go, and what is given back is handed out again
//! by size; what a longer run needs besides comes from dlmalloc.
#![allow(unsafe_code, reason = "an allocator hands out memory that nothing else keeps apart")]
#![allow(clippy::cast_ptr_alignment, reason = "each part begins at a multiple of 16")]

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};

use dlmalloc::GlobalDlmalloc;

/// Bytes that lie ready. Pages of them that are never reached cost nothing.
const READY: usize = 256 * 1024;
/// Of these a plan reaches so many, so they are brought at once.
const REACHED: usize = 120 * 1024;
/// Sizes are multiples of this, and every part begins at one.
const STEP: usize = 16;
/// What is given back is kept by size up to this one.
const LARGEST_KEPT: usize = 1024;

/// The program's allocator.
pub struct Allocator;

/// Page-aligned, as madvise(2) wants it.
#[repr(C, align(4096))]
struct Piece(UnsafeCell<[MaybeUninit<u8>; READY]>);

// SAFETY: it is reached through pointers to parts of it alone, each of which `Parts` has given
// away once.
unsafe impl Sync for Piece {}

static PIECE: Piece = Piece(UnsafeCell::new([MaybeUninit::uninit(); READY]));

/// What is taken of the piece, and what was given back.
struct Parts {
    /// Bytes from the start that are taken, or were.
    taken: usize,
    /// For each size the first part of it that was given back; each has the next one in it.
    kept: [*mut u8; LARGEST_KEPT / STEP + 1],
}

struct Owned(UnsafeCell<Parts>);

// SAFETY: one thread alone reaches the parts: its owner.
unsafe impl Sync for Owned {}

static PARTS: Owned =
    Owned(UnsafeCell::new(Parts { taken: 0, kept: [null_mut(); LARGEST_KEPT / STEP + 1] }));
/// Whether a thread owns the piece.
static HAS_OWNER: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether it is this one.
    static IS_OWNER: Cell<bool> = const { Cell::new(false) };
}

/// The first thread that asks for memory owns the piece, and needs no lock for it: a lock taken
/// and given back takes longer than all the rest. `None` in any other thread.
#[inline]
fn with_parts<T>(act: impl FnOnce(&mut Parts) -> T) -> Option<T> {
    if !IS_OWNER.get() && !become_owner() {
        return None;
    }
    // SAFETY: this thread alone comes here, and `act` takes no memory itself.
    Some(act(unsafe { &mut *PARTS.0.get() }))
}

#[cold]
fn become_owner() -> bool {
    let first = !HAS_OWNER.load(Ordering::Relaxed) && !HAS_OWNER.swap(true, Ordering::Relaxed);
    IS_OWNER.set(first);
    first
}

/// What a request takes of the piece; `None` where it is not for the piece.
#[inline]
fn size_of(layout: Layout) -> Option<usize> {
    let size = layout.size().checked_next_multiple_of(STEP)?;
    (layout.align() <= STEP && size <= READY).then_some(size)
}

/// Where in the piece that is; `None`: it is dlmalloc's.
#[inline]
fn place(pointer: *mut u8) -> Option<usize> {
    let place = pointer.addr().wrapping_sub(PIECE.0.get().addr());
    (place < READY).then_some(place)
}

fn at(place: usize) -> *mut u8 {
    PIECE.0.get().cast::<u8>().wrapping_add(place)
}

/// Has the kernel bring the pages that a plan reaches, which costs less than one fault for each.
/// Before Linux 5.14 it does not know how, and they come one by one.
#[cold]
fn begin() {
    // SAFETY: the bytes are this piece's, and are as they are afterwards.
    unsafe { libc::madvise(at(0).cast(), REACHED, libc::MADV_POPULATE_WRITE) };
}

impl Parts {
    #[inline]
    fn take(&mut self, size: usize) -> Option<*mut u8> {
        if let Some(kept) = self.kept.get_mut(size / STEP)
            && !kept.is_null()
        {
            let part = *kept;
            // SAFETY: a part that was given back begins with the next one, as `give_back` wrote it.
            *kept = unsafe { part.cast::<*mut u8>().read() };
            return Some(part);
        }
        let end = self.taken + size;
        if end > READY {
            return None;
        }
        if self.taken == 0 {
            begin();
        }
        let part = at(self.taken);
        self.taken = end;
        Some(part)
    }

    #[inline]
    fn give_back(&mut self, start: usize, size: usize) {
        if start + size == self.taken {
            self.taken = start;
        } else if let Some(kept) = self.kept.get_mut(size / STEP)
            && size > 0
        {
            let part = at(start);
            // SAFETY: the part is nobody's any more, and has room for a pointer.
            unsafe { part.cast::<*mut u8>().write(*kept) };
            *kept = part;
        }
    }

    /// Lets the last part end elsewhere, or one that has not to.
    #[inline]
    fn resize(&mut self, start: usize, old: usize, new: usize) -> bool {
        let last = start + old == self.taken && new <= READY - start;
        if last {
            self.taken = start + new;
        }
        last || new == old
    }
}

// SAFETY: a part is given away by moving `taken` past it or by taking it from those that were
// given back, and comes there only when it is given back itself. All of that is done by one thread;
// its parts may go to others. Everything else is dlmalloc's.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match size_of(layout).and_then(|size| with_parts(|parts| parts.take(size)).flatten()) {
            Some(part) => part,
            // SAFETY: the caller's promises are passed on.
            None => unsafe { GlobalDlmalloc.alloc(layout) },
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        match place(pointer).zip(size_of(layout)) {
            Some((start, size)) => {
                // What another thread gives back stays where it is: there is little of it.
                with_parts(|parts| parts.give_back(start, size));
            }
            // SAFETY: the caller's promises are passed on.
            None => unsafe { GlobalDlmalloc.dealloc(pointer, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Some((start, old)) = place(pointer).zip(size_of(layout)) else {
            // SAFETY: the caller's promises are passed on.
            return unsafe { GlobalDlmalloc.realloc(pointer, layout, size) };
        };
        // SAFETY: the caller promises that the size does not overflow with this alignment.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let resized = |new| with_parts(|parts| parts.resize(start, old, new)) == Some(true);
        if size_of(wanted).is_some_and(resized) {
            return pointer;
        }
        // SAFETY: both are as large as what is copied, the new one is nobody else's, and the old
        // one is given back with the layout that it was asked for with.
        unsafe {
            let new = self.alloc(wanted);
            if !new.is_null() {
                std::ptr::copy_nonoverlapping(pointer, new, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::disallowed_methods)]
mod tests {
    use super::*;

    /// A part with what was written into it.
    struct Held {
        pointer: *mut u8,
        layout: Layout,
        mark: u8,
    }

    impl Held {
        fn new(layout: Layout, mark: u8) -> Self {
            // SAFETY: no layout here is empty.
            let pointer = unsafe { Allocator.alloc(layout) };
            assert!(!pointer.is_null() && pointer.addr().is_multiple_of(layout.align()));
            // SAFETY: it is as large as the layout says.
            unsafe { pointer.write_bytes(mark, layout.size()) };
            Self { pointer, layout, mark }
        }

        fn resize(&mut self, size: usize) {
            // SAFETY: it is the allocator's, with that layout.
            self.pointer = unsafe { Allocator.realloc(self.pointer, self.layout, size) };
            let kept = size.min(self.layout.size());
            self.check(kept);
            self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
            // SAFETY: it is as large as that now.
            unsafe { self.pointer.write_bytes(self.mark, size) };
        }

        fn check(&self, size: usize) {
            // SAFETY: that much was written, and nothing was freed.
            let bytes = unsafe { std::slice::from_raw_parts(self.pointer, size) };
            assert!(bytes.iter().all(|b| *b == self.mark), "{size} bytes are another's");
        }
    }

    /// Numbers without pattern (xorshift), the same in each run.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            usize::try_from(self.0 >> 16).unwrap() % limit
        }
    }

    #[test]
    fn no_part_is_given_away_twice() {
        let workers = (1..=3).map(|seed| {
            std::thread::spawn(move || {
                let mut numbers = Numbers(seed);
                let mut held: Vec<Held> = Vec::new();
                let size = |numbers: &mut Numbers| match numbers.below(20) {
                    0 => 1 + numbers.below(70_000),
                    _ => 1 + numbers.below(600),
                };
                for _ in 0..20_000 {
                    match numbers.below(if held.len() > 200 { 3 } else { 5 }) {
                        0 | 1 if !held.is_empty() => {
                            let gone = held.swap_remove(numbers.below(held.len()));
                            gone.check(gone.layout.size());
                            // SAFETY: it is the allocator's, with that layout.
                            unsafe { Allocator.dealloc(gone.pointer, gone.layout) };
                        }
                        2 if !held.is_empty() => {
                            let at = numbers.below(held.len());
                            let size = size(&mut numbers);
                            held[at].resize(size);
                        }
                        _ => {
                            let align = 1 << numbers.below(8);
                            let layout =
                                Layout::from_size_align(size(&mut numbers), align).unwrap();
                            held.push(Held::new(layout, u8::try_from(numbers.below(256)).unwrap()));
                        }
                    }
                }
                for one in held {
                    one.check(one.layout.size());
                }
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            worker.join().unwrap();
        }
    }
}
