//! Zstandard streams (RFC 8878), unpacked piece by piece: frames behind each other are one stream,
//! and each is held against its checksum, where it has one.

use std::io::{self, BufRead, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

/// How a frame begins.
pub const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// As far back as a frame may refer, which is kept in memory: what RFC 8878 asks of every decoder.
const WINDOW: u64 = 8 << 20;

/// A Zstandard stream.
pub struct Zstd<R> {
    packed: R,
    decoder: FrameDecoder,
    inside: bool,
}

impl<R: BufRead> Zstd<R> {
    /// The stream that `packed` has.
    pub fn new(packed: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        Self { packed, decoder, inside: false }
    }

    /// Reads a frame's head; `false` at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame {
                    length,
                    ..
                })) => {
                    let mut skipped = self.packed.by_ref().take(length.into());
                    io::copy(&mut skipped, &mut io::sink())?;
                }
                Err(FrameDecoderError::WindowSizeTooBig { requested, .. }) => {
                    let text = format!(
                        "it refers {} MiB back, and at most {} MiB are kept: unpack it with zstd \
                         --long=31 -dc, or pack it without --long",
                        requested >> 20,
                        WINDOW >> 20
                    );
                    return Err(damaged(&text));
                }
                Err(error) => return Err(damaged(&error)),
            }
        }
        Ok(false)
    }
}

fn damaged(what: &dyn std::fmt::Display) -> io::Error {
    let text = format!("the Zstandard stream is damaged: {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

impl<R: BufRead> Read for Zstd<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.inside {
                if !self.begin()? {
                    return Ok(0);
                }
                self.inside = true;
            }
            let decoder = &mut self.decoder;
            while decoder.can_collect() == 0 && !decoder.is_finished() {
                decoder
                    .decode_blocks(&mut self.packed, BlockDecodingStrategy::UptoBlocks(1))
                    .map_err(|error| damaged(&error))?;
            }
            let made = decoder.read(out)?;
            if decoder.is_finished() && decoder.can_collect() == 0 {
                self.inside = false;
                let asked = decoder.get_checksum_from_data();
                if asked.is_some() && asked != decoder.get_calculated_checksum() {
                    return Err(damaged(&"its checksum is another one"));
                }
            }
            if made > 0 {
                return Ok(made);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    fn unpack(packed: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut zstd = Zstd::new(io::BufReader::with_capacity(step, packed));
        let mut out = Vec::new();
        zstd.read_to_end(&mut out)?;
        Ok(out)
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(
            parts in prop::collection::vec("[a-f]{0,200}", 0..4), step in 1..500_usize
        ) {
            // A frame to be passed over stands before each.
            let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
            let frame = |p: &String| compress_to_vec(p.as_bytes(), CompressionLevel::Fastest);
            let packed: Vec<u8> =
                parts.iter().flat_map(|p| [skipped.to_vec(), frame(p)].concat()).collect();
            prop_assert_eq!(unpack(&packed, step).unwrap(), parts.concat().into_bytes());
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpack(&bytes, 64);
            let _ = unpack(&[&MAGIC, bytes.as_slice()].concat(), 64);
        }
    }

    #[test]
    fn a_frame_that_is_damaged_or_cut_off_is_told() {
        let plain = b"{\"schema\":\"tunectl/report/1\"}\n".repeat(500);
        let packed = compress_to_vec(plain.as_slice(), CompressionLevel::Fastest);
        assert_eq!(unpack(&packed, 4096).unwrap(), plain);
        for cut in 1..packed.len() {
            assert!(unpack(&packed[..cut], 4096).is_err(), "{cut}");
        }
    }
}
