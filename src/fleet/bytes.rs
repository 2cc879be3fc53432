//! Texts looked at many bytes at a time, which musl's own functions do not do.

use std::cmp::Ordering;

/// Whether two texts are the same.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    // The rest, and what was compared before where it is shorter than what is compared at once.
    if let (Some(a_last), Some(b_last)) = (a.last_chunk::<16>(), b.last_chunk::<16>()) {
        let ((a, _), (b, _)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
        a.iter().zip(b).all(|(a, b)| a == b) && a_last == b_last
    } else if let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) {
        a.first_chunk::<8>() == b.first_chunk::<8>() && a_last == b_last
    } else if let (Some(a_last), Some(b_last)) = (a.last_chunk::<4>(), b.last_chunk::<4>()) {
        a.first_chunk::<4>() == b.first_chunk::<4>() && a_last == b_last
    } else {
        a.iter().zip(b).all(|(a, b)| a == b)
    }
}

/// The order of two texts, as bytes have it.
pub fn order(a: &[u8], b: &[u8]) -> Ordering {
    let ((a_words, _), (b_words, _)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let alike = a_words.iter().zip(b_words).take_while(|(a, b)| a == b).count();
    match (a_words.get(alike), b_words.get(alike)) {
        (Some(a), Some(b)) => u64::from_be_bytes(*a).cmp(&u64::from_be_bytes(*b)),
        _ => a[8 * alike..].cmp(&b[8 * alike..]),
    }
}

/// The first byte from `at` on that ends the plain part of a JSON string: a quote, a backslash or a
/// control character.
pub fn plain_until(bytes: &[u8], mut at: usize) -> usize {
    let one = |found: bool| u8::from(found);
    let ends = |byte: u8| one(byte == b'"') | one(byte == b'\\') | one(byte < 0x20);
    // Sixteen at a time, which the compiler does with a few instructions.
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<16>) {
        let found = u128::from_le_bytes(chunk.map(ends));
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += 16;
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|byte| ends(*byte) != 0).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn many_bytes_at_a_time_say_what_each_says(
            begin in prop::collection::vec(any::<u8>(), 0..40),
            ends in prop::collection::vec(prop::collection::vec(0x1e..0x60_u8, 0..20), 2),
        ) {
            let (a, b) = ([&begin[..], &ends[0]].concat(), [&begin[..], &ends[1]].concat());
            prop_assert_eq!(order(&a, &b), a.cmp(&b));
            prop_assert_eq!(same(&a, &b), a == b);
            prop_assert!(same(&a, &a.clone()));
            for at in 0..a.len() {
                let mut other = a.clone();
                other[at] ^= 0x80;
                prop_assert!(!same(&a, &other));
                let plain = |byte: &&u8| !matches!(**byte, b'"' | b'\\' | 0..0x20);
                let expected = at + a[at..].iter().take_while(plain).count();
                prop_assert_eq!(plain_until(&a, at), expected);
            }
            prop_assert_eq!(plain_until(&a, a.len()), a.len());
        }
    }
}
