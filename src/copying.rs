//! `memcpy` and its kin for the static build, where musl's begin a string instruction for the
//! shortest text and compare byte by byte.
//!
//! Starting such an instruction takes a processor some thirty cycles, and a plan makes thousands of
//! copies of a few bytes. Up to 128 bytes are copied by plain loads and stores here, all of them
//! loaded before any is stored, so that overlapping pieces need no other way.
#![allow(unsafe_code, reason = "the C library's functions take pointers")]

use std::arch::asm;
use std::arch::x86_64::__m128i;

/// The same names as the C library's: the linker then takes none of its own. Without optimisation
/// the loads and stores below would be calls of these.
#[cfg(all(target_env = "musl", not(debug_assertions)))]
mod symbols {
    use std::ffi::{c_int, c_void};

    use super::{compare, copy, copy_overlapping};

    // SAFETY: each of these four is what C says of that name.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcpy(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void {
        // SAFETY: the caller's promises are passed on.
        unsafe { copy(to.cast(), from.cast(), n) };
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memmove(to: *mut c_void, from: *const c_void, n: usize) -> *mut c_void {
        // SAFETY: the caller's promises are passed on.
        unsafe { copy_overlapping(to.cast(), from.cast(), n) };
        to
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn memcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int {
        // SAFETY: the caller's promises are passed on.
        unsafe { compare(a.cast(), b.cast(), n) }
    }

    #[unsafe(no_mangle)]
    unsafe extern "C" fn bcmp(a: *const c_void, b: *const c_void, n: usize) -> c_int {
        // SAFETY: the caller's promises are passed on.
        unsafe { compare(a.cast(), b.cast(), n) }
    }
}

/// Copies `n` bytes that are the first and the last ones of a type, as one or two of it.
macro_rules! ends {
    ($type:ty, $to:ident, $from:ident, $n:ident) => {{
        let rest = $n - size_of::<$type>();
        let first = $from.cast::<$type>().read_unaligned();
        let last = $from.add(rest).cast::<$type>().read_unaligned();
        $to.cast::<$type>().write_unaligned(first);
        $to.add(rest).cast::<$type>().write_unaligned(last);
    }};
}

/// At most 128 bytes, which may overlap; `false` where there are more.
///
/// # Safety
/// `n` bytes can be read at `from` and written at `to`.
#[inline]
unsafe fn copy_few(to: *mut u8, from: *const u8, n: usize) -> bool {
    type Two = [__m128i; 2];
    type Four = [__m128i; 4];
    // SAFETY: each arm reaches bytes below `n` alone.
    unsafe {
        match n {
            0 => {}
            1 => to.write(from.read()),
            2..=3 => ends!(u16, to, from, n),
            4..=7 => ends!(u32, to, from, n),
            8..=16 => ends!(u64, to, from, n),
            17..=32 => ends!(__m128i, to, from, n),
            33..=64 => ends!(Two, to, from, n),
            65..=128 => ends!(Four, to, from, n),
            _ => return false,
        }
    }
    true
}

/// # Safety
/// `n` bytes can be read at `from` and written at `to`, and the two do not overlap.
#[inline]
unsafe fn copy(to: *mut u8, from: *const u8, n: usize) {
    // SAFETY: as the caller promises.
    if unsafe { !copy_few(to, from, n) } {
        // SAFETY: as the caller promises; the direction flag is clear between functions.
        unsafe {
            asm!("rep movsb", inout("rcx") n => _, inout("rdi") to => _, inout("rsi") from => _,
                options(nostack, preserves_flags));
        }
    }
}

/// # Safety
/// `n` bytes can be read at `from` and written at `to`.
#[inline]
unsafe fn copy_overlapping(to: *mut u8, from: *const u8, n: usize) {
    // What is written lies at or behind where is read next, unless it begins inside the source.
    if to.addr().wrapping_sub(from.addr()) >= n {
        // SAFETY: as the caller promises.
        return unsafe { copy(to, from, n) };
    }
    // SAFETY: as the caller promises; from the end on, and the direction flag is cleared again.
    unsafe {
        if !copy_few(to, from, n) {
            asm!("std", "rep movsb", "cld", inout("rcx") n => _,
                inout("rdi") to.add(n - 1) => _, inout("rsi") from.add(n - 1) => _,
                options(nostack));
        }
    }
}

/// Less than 0, 0 or more than 0, as the first byte that differs.
///
/// # Safety
/// `n` bytes can be read at both.
#[inline]
unsafe fn compare(one: *const u8, other: *const u8, n: usize) -> i32 {
    let mut at = 0;
    // SAFETY: `at` stays so far below `n` that what is read ends there.
    unsafe {
        while at + 8 <= n {
            let order = eight(one.add(at)).cmp(&eight(other.add(at)));
            if order.is_ne() {
                return order as i32;
            }
            at += 8;
        }
        while at < n {
            let order = one.add(at).read().cmp(&other.add(at).read());
            if order.is_ne() {
                return order as i32;
            }
            at += 1;
        }
    }
    0
}

/// Eight bytes, the first the weightiest.
///
/// # Safety
/// They can be read.
#[inline]
unsafe fn eight(from: *const u8) -> u64 {
    // SAFETY: as the caller promises.
    u64::from_be(unsafe { from.cast::<u64>().read_unaligned() })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ROOM: usize = 700;

    fn filled() -> Vec<u8> {
        (0..ROOM).map(|n| u8::try_from(n * 7 % 251).unwrap()).collect()
    }

    #[test]
    fn pieces_are_copied_whether_they_overlap_or_not() {
        for n in (0..300).chain([511]) {
            for (to, from) in
                [(0, 350), (350, 1), (3, 0), (0, 3), (9, 9), (40, 0), (0, 40), (150, 0)]
            {
                if to.max(from) + n > ROOM {
                    continue;
                }
                let mut expected = filled();
                expected.copy_within(from..from + n, to);
                let mut room = filled();
                let start = room.as_mut_ptr();
                // SAFETY: both lie in the room.
                unsafe { copy_overlapping(start.add(to), start.add(from), n) };
                assert_eq!(room, expected, "{n} from {from} to {to}");
                if to.abs_diff(from) >= n {
                    let mut room = filled();
                    let start = room.as_mut_ptr();
                    // SAFETY: both lie in the room, apart from each other.
                    unsafe { copy(start.add(to), start.add(from), n) };
                    assert_eq!(room, expected, "{n} from {from} to {to}, apart");
                }
            }
        }
    }

    #[test]
    fn the_first_byte_that_differs_decides() {
        for n in 0..40 {
            for at in 0..n {
                for (x, y) in [(0_u8, 1_u8), (1, 0), (127, 128), (255, 0)] {
                    let (mut a, mut b) = (filled(), filled());
                    (a[at], b[at]) = (x, y);
                    // What lies behind must not count.
                    b[n] ^= 0xff;
                    // SAFETY: both are longer.
                    let told = unsafe { compare(a.as_ptr(), b.as_ptr(), n) };
                    assert_eq!(told.signum(), a[..n].cmp(&b[..n]) as i32, "{n} bytes, {at}");
                }
            }
            let (a, b) = (filled(), filled());
            // SAFETY: both are longer.
            assert_eq!(unsafe { compare(a.as_ptr(), b.as_ptr(), n) }, 0);
        }
    }
}
