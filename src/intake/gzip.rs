//! gzip streams (RFC 1952), unpacked piece by piece: members behind each other are one stream, and
//! each is held against its checksum.

use std::io::{self, BufRead, Read};

use miniz_oxide::inflate::stream::{InflateState, inflate};
use miniz_oxide::{DataFormat, MZFlush, MZStatus};

/// How a gzip member begins.
pub const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A gzip stream.
pub struct Gzip<R> {
    packed: R,
    state: Box<InflateState>,
    /// Inside a member; between two there may be the end.
    inside: bool,
    crc: u32,
    length: u32,
}

impl<R: BufRead> Gzip<R> {
    /// The stream that `packed` has.
    pub fn new(packed: R) -> Self {
        let state = InflateState::new_boxed(DataFormat::Raw);
        Self { packed, state, inside: false, crc: 0, length: 0 }
    }

    fn bytes<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.packed.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads a member's head; `false` at the end of the stream.
    fn begin(&mut self) -> io::Result<bool> {
        // Archives on tapes are padded with zeros, and gzip(1) passes over them.
        match self.packed.fill_buf()?.first() {
            None | Some(0) => return Ok(false),
            Some(_) => {}
        }
        let [a, b, method, flags, ..] = self.bytes::<10>()?;
        if [a, b] != MAGIC || method != 8 || flags & 0xe0 != 0 {
            return Err(damaged("what follows is no gzip member"));
        }
        if flags & 4 != 0 {
            let length = u16::from_le_bytes(self.bytes()?);
            self.skip(u64::from(length))?;
        }
        // A name, a comment.
        for flag in [8, 16] {
            if flags & flag != 0 {
                while self.bytes::<1>()? != [0] {}
            }
        }
        if flags & 2 != 0 {
            self.bytes::<2>()?;
        }
        self.state.reset(DataFormat::Raw);
        (self.crc, self.length) = (0, 0);
        Ok(true)
    }

    fn skip(&mut self, length: u64) -> io::Result<()> {
        io::copy(&mut self.packed.by_ref().take(length), &mut io::sink()).map(|_| ())
    }

    /// Reads a member's tail.
    fn end(&mut self) -> io::Result<()> {
        let crc = u32::from_le_bytes(self.bytes()?);
        let length = u32::from_le_bytes(self.bytes()?);
        if (crc, length) == (self.crc, self.length) {
            return Ok(());
        }
        Err(damaged("its checksum is another one: the gzip stream is damaged"))
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

impl<R: BufRead> Read for Gzip<R> {
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
            let packed = self.packed.fill_buf()?;
            if packed.is_empty() {
                return Err(damaged("the gzip stream is cut off"));
            }
            let result = inflate(&mut self.state, packed, out, MZFlush::None);
            self.packed.consume(result.bytes_consumed);
            let made = &out[..result.bytes_written];
            self.crc = crc32(self.crc, made);
            #[allow(clippy::cast_possible_truncation, reason = "it is counted modulo 2^32")]
            let length = made.len() as u32;
            self.length = self.length.wrapping_add(length);
            match result.status {
                Ok(MZStatus::StreamEnd) => {
                    self.inside = false;
                    self.end()?;
                }
                Ok(_) if result.bytes_consumed + made.len() > 0 => {}
                _ => return Err(damaged("the gzip stream is damaged")),
            }
            if !made.is_empty() {
                return Ok(made.len());
            }
        }
    }
}

const CRC: [[u32; 256]; 8] = tables();

#[allow(clippy::cast_possible_truncation, reason = "n is below 256")]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut n = 0;
    while n < 256 {
        let mut crc = n as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][n] = crc;
        n += 1;
    }
    n = 0;
    while n < 256 {
        let mut k = 1;
        while k < 8 {
            let before = tables[k - 1][n];
            tables[k][n] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
            k += 1;
        }
        n += 1;
    }
    tables
}

/// The CRC-32 of gzip, carried on; eight bytes at a time.
fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    let mut crc = u64::from(!crc);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let word = (u64::from_le_bytes(*word) ^ crc).to_le_bytes();
        let looked_up = word.iter().zip(CRC.iter().rev()).map(|(b, table)| table[usize::from(*b)]);
        crc = u64::from(looked_up.fold(0, |a, b| a ^ b));
    }
    for byte in rest {
        let [low, ..] = (crc ^ u64::from(*byte)).to_le_bytes();
        crc = (crc >> 8) ^ u64::from(CRC[0][usize::from(low)]);
    }
    #[allow(clippy::cast_possible_truncation, reason = "no table has more than 32 bits")]
    let crc = crc as u32;
    !crc
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A gzip member with what gzip(1) can put into its head.
    fn member(bytes: &[u8], named: bool) -> Vec<u8> {
        let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];
        if named {
            out[3] = 2 | 4 | 8 | 16;
            out.extend([2, 0, b'x', b'y']);
            out.extend(b"reports.json\0a comment\0\x12\x34");
        }
        out.extend(miniz_oxide::deflate::compress_to_vec(bytes, 6));
        out.extend(crc32(0, bytes).to_le_bytes());
        out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
        out
    }

    fn unpack(packed: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut gzip = Gzip::new(io::BufReader::with_capacity(step, packed));
        let mut out = Vec::new();
        let mut buffer = vec![0; step];
        loop {
            match gzip.read(&mut buffer)? {
                0 => return Ok(out),
                n => out.extend(&buffer[..n]),
            }
        }
    }

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        assert_eq!(crc32(0, b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(crc32(0, b"1234567"), b"89"), 0xcbf4_3926);
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(
            parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..3000), any::<bool>()), 0..4),
            step in 1..5000_usize,
        ) {
            let packed: Vec<u8> = parts.iter().flat_map(|(p, named)| member(p, *named)).collect();
            let plain: Vec<u8> = parts.iter().flat_map(|(p, _)| p.clone()).collect();
            prop_assert_eq!(unpack(&packed, step).unwrap(), plain.clone());
            let padded = [packed.clone(), vec![0; 100]].concat();
            prop_assert_eq!(unpack(&padded, step).unwrap(), plain);
            if let Some(cut) = packed.len().checked_sub(1) {
                prop_assert!(unpack(&packed[..cut], step).is_err());
            }
        }

        #[test]
        fn damage_is_found_and_nothing_panics(
            at in 0..10_000_usize, bit in 0..8_u8, step in 1..300_usize,
        ) {
            let plain = b"{\"schema\":\"tunectl/report/1\"}\n".repeat(50);
            let mut packed = member(&plain, false);
            let at = at % packed.len();
            packed[at] ^= 1 << bit;
            match unpack(&packed, step) {
                // Bits that fill the last byte up mean nothing.
                Ok(out) => prop_assert_eq!(out, plain),
                // What the head says of time and system may be anything.
                Err(_) => prop_assert!(!(4..10).contains(&at)),
            }
        }

        #[test]
        fn any_bytes_end(bytes in prop::collection::vec(any::<u8>(), 0..500)) {
            let _ = unpack(&bytes, 64);
            let _ = unpack(&[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], bytes.as_slice()].concat(), 64);
        }
    }
}
