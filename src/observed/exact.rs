//! Bytes of any kind as text that has them exactly.

use std::borrow::Cow;

/// In the text these stand for one byte each, 0x00 to 0xff: the last of the characters that Unicode
/// leaves to private use. Where a file has one itself, its bytes stand for themselves.
const FIRST: u32 = 0x0010_ff00;
/// What each of these begins with in UTF-8.
const LEAD: u8 = 0xf4;

/// Bytes as a text that differs for whatever differs; what is UTF-8 is itself.
pub fn exact_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let alone = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|byte| char::from_u32(FIRST + u32::from(*byte))));
    };
    for chunk in bytes.utf8_chunks() {
        let valid = chunk.valid();
        if valid.as_bytes().contains(&LEAD) {
            for c in valid.chars() {
                if byte_of(c).is_some() {
                    alone(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes());
                } else {
                    text.push(c);
                }
            }
        } else {
            text.push_str(valid);
        }
        alone(&mut text, chunk.invalid());
    }
    text
}

/// The bytes that a text of [`exact_text`] stands for.
pub fn exact_bytes(text: &str) -> Cow<'_, [u8]> {
    if !text.as_bytes().contains(&LEAD) {
        return Cow::Borrowed(text.as_bytes());
    }
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match byte_of(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Cow::Owned(bytes)
}

fn byte_of(c: char) -> Option<u8> {
    u8::try_from(u32::from(c).checked_sub(FIRST)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_text_is_itself_again() {
        for bytes in [
            &b"gr\xf6\xdfer\n"[..],
            b"\xff\xfe\xf4\x8f\xbf",
            "\u{10ffff}\u{10ff00}\u{10feff}\u{fffd}\u{0}".as_bytes(),
            b"",
        ] {
            assert_eq!(*exact_bytes(&exact_text(bytes)), *bytes);
        }
        assert_eq!(exact_text("größer\u{10feff}".as_bytes()), "größer\u{10feff}");
        assert_ne!(exact_text(b"\xf6"), exact_text("\u{fffd}".as_bytes()));
        assert_ne!(exact_text(b"\xf6"), exact_text(exact_text(b"\xf6").as_bytes()));
    }

    proptest! {
        #[test]
        fn bytes_are_the_same_there_and_back(bytes: Vec<u8>, text: String) {
            prop_assert!(*exact_bytes(&exact_text(&bytes)) == bytes[..]);
            let with = [exact_text(&bytes), text.clone()].concat();
            prop_assert!(*exact_bytes(&exact_text(with.as_bytes())) == *with.as_bytes());
            if !text.chars().any(|c| byte_of(c).is_some()) {
                prop_assert_eq!(exact_text(text.as_bytes()), text);
            }
        }
    }
}
