//! The kernel's own description of its structures (BTF): where a member stands.

/// Why a description cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BtfError {
    /// Not BTF, of the other byte order, or of another version.
    #[error("it is not a description of types of version 1 in this machine's byte order")]
    NotBtf,
    /// It ends in the middle of something.
    #[error("it is cut off")]
    CutOff,
    /// A kind of type that is newer than this program, of unknown length.
    #[error("it has a kind of type, {0}, that this program does not know")]
    UnknownKind(u32),
}

/// A description of types, looked through once for some structures.
#[derive(Debug)]
pub struct Btf<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins in `types`; the first is the type with the number 1.
    starts: Vec<u32>,
    /// Where the structures that were asked for begin, each with its name's place in the list.
    found: Vec<(usize, u32)>,
}

const MAGIC: u16 = 0xeb9f;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const TYPE_BYTES: usize = 12;
const MEMBER_BYTES: usize = 12;
/// Structures without a name stand in others, one in another; deeper than the kernel ever does.
const DEEPEST: usize = 8;

fn word(bytes: &[u8], at: usize) -> Result<u32, BtfError> {
    let four = bytes.get(at..).and_then(|b| b.first_chunk()).ok_or(BtfError::CutOff)?;
    Ok(u32::from_ne_bytes(*four))
}

/// Of so many types one's place is remembered.
const EACH: usize = 64;

fn index(word: u32) -> usize {
    usize::try_from(word).unwrap_or(usize::MAX)
}

/// A type's header: name, kind, number of members, and whether its members' offsets also hold
/// the sizes of bit fields.
struct Header {
    name: u32,
    kind: u32,
    members: usize,
    packed: bool,
}

impl Header {
    fn read(types: &[u8], at: usize) -> Result<Self, BtfError> {
        let info = word(types, at + 4)?;
        Ok(Self {
            name: word(types, at)?,
            kind: info >> 24 & 0x1f,
            members: index(info & 0xffff),
            packed: info >> 31 == 1,
        })
    }

    /// The bytes that follow the header.
    fn tail(&self) -> Result<usize, BtfError> {
        Ok(match self.kind {
            // Pointers, forward declarations, aliases, qualifiers, functions, floats, type tags.
            2 | 7..=12 | 16 | 18 => 0,
            // Integers, variables, declaration tags.
            1 | 14 | 17 => 4,
            // Arrays.
            3 => 12,
            // Structures, unions, sections, 64-bit enumerations.
            STRUCT | UNION | 15 | 19 => self.members * 12,
            // Enumerations, function prototypes.
            6 | 13 => self.members * 8,
            other => return Err(BtfError::UnknownKind(other)),
        })
    }
}

impl<'a> Btf<'a> {
    /// Looks through `bytes`, remembering the structures in `names`.
    ///
    /// # Errors
    /// [`BtfError`]
    pub fn parse(bytes: &'a [u8], names: &[&str]) -> Result<Self, BtfError> {
        let magic = bytes.first_chunk().copied().map(u16::from_ne_bytes);
        if magic != Some(MAGIC) || bytes.get(2) != Some(&1) {
            return Err(BtfError::NotBtf);
        }
        let header = index(word(bytes, 4)?);
        let section = |at: usize| -> Result<&'a [u8], BtfError> {
            let start = header.saturating_add(index(word(bytes, at)?));
            let end = start.saturating_add(index(word(bytes, at + 4)?));
            bytes.get(start..end).ok_or(BtfError::CutOff)
        };
        let (types, strings) = (section(8)?, section(16)?);
        let mut btf = Self { types, strings, starts: Vec::new(), found: Vec::new() };
        let (mut at, mut number) = (0, 0_usize);
        while at < types.len() {
            let header = Header::read(types, at)?;
            let start = u32::try_from(at).map_err(|_| BtfError::CutOff)?;
            if number % EACH == 0 {
                btf.starts.push(start);
            }
            number += 1;
            if header.kind == STRUCT && header.members > 0 {
                let named = names.iter().position(|n| btf.is_named(header.name, n));
                btf.found.extend(named.map(|n| (n, start)));
            }
            at += TYPE_BYTES + header.tail()?;
        }
        Ok(btf)
    }

    /// How many bytes behind its beginning the structure with this place in the list of names
    /// has the member `member`, also one of a structure without a name inside it. Where several
    /// structures have one name, the first that has the member counts.
    pub fn offset(&self, structure: usize, member: &str) -> Option<u32> {
        let same = self.found.iter().filter(|(name, _)| *name == structure);
        same.into_iter().find_map(|(_, start)| self.bits(*start, member, DEEPEST)).map(|b| b / 8)
    }

    fn bits(&self, start: u32, member: &str, depth: usize) -> Option<u32> {
        let at = index(start);
        let header = Header::read(self.types, at).ok()?;
        if depth == 0 || !matches!(header.kind, STRUCT | UNION) {
            return None;
        }
        for number in 0..header.members {
            let at = at + TYPE_BYTES + number * MEMBER_BYTES;
            let name = word(self.types, at).ok()?;
            let packed = word(self.types, at + 8).ok()?;
            let offset = if header.packed { packed & 0x00ff_ffff } else { packed };
            if self.is_named(name, member) {
                return Some(offset);
            }
            if name == 0 {
                let inner = index(word(self.types, at + 4).ok()?);
                let inner = inner.checked_sub(1).and_then(|i| self.start(i));
                if let Some(bits) = inner.and_then(|i| self.bits(i, member, depth - 1)) {
                    return Some(offset + bits);
                }
            }
        }
        None
    }

    /// Where the type with that number begins: walked to from the last one that is remembered.
    fn start(&self, number: usize) -> Option<u32> {
        let mut at = index(*self.starts.get(number / EACH)?);
        for _ in 0..number % EACH {
            at += TYPE_BYTES + Header::read(self.types, at).ok()?.tail().ok()?;
        }
        u32::try_from(at).ok().filter(|_| at < self.types.len())
    }

    fn is_named(&self, at: u32, name: &str) -> bool {
        let text = self.strings.get(index(at)..).and_then(|s| s.strip_prefix(name.as_bytes()));
        text.is_some_and(|rest| rest.first() == Some(&0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    /// `struct outer { int a; struct { int b; union { int c; int d; }; }; int e:3; }`, and
    /// before it a type of each length, so that a wrong length loses the way.
    fn described() -> Vec<u8> {
        let strings = b"\0int\0outer\0a\0b\0c\0d\0e\0outer_not\0";
        let at = |name: &str| {
            let with_end = [b"\0", name.as_bytes(), b"\0"].concat();
            let place = strings.windows(with_end.len()).position(|w| w == with_end).unwrap();
            u32::try_from(place + 1).unwrap()
        };
        let info = |kind: u32, members: u32| kind << 24 | members;
        let mut types: Vec<u32> = Vec::new();
        types.extend([at("int"), info(1, 0), 4, 32]); // 1: int
        types.extend([0, info(2, 0), 1]); // 2: int *
        types.extend([0, info(3, 0), 0, 1, 1, 4]); // 3: int[4]
        types.extend([at("a"), info(6, 1), 4, at("b"), 0]); // 4: enum
        types.extend([at("a"), info(19, 1), 8, at("b"), 0, 0]); // 5: enum of 64 bits
        types.extend([0, info(13, 2), 1, 0, 1, 0, 1]); // 6: int (int, int)
        types.extend([at("a"), info(14, 0), 1, 0]); // 7: variable
        types.extend([at("a"), info(17, 0), 1, 0]); // 8: declaration tag
        types.extend([at("outer"), info(7, 0), 0]); // 9: struct outer;
        types.extend([0, info(UNION, 2), 4, at("c"), 1, 0, at("d"), 1, 0]); // 10
        types.extend([0, info(STRUCT, 2), 8, at("b"), 1, 0, 0, 10, 32]); // 11
        types.extend([at("outer_not"), info(STRUCT, 1), 4, at("e"), 1, 0]); // 12
        types.extend([at("outer"), 1 << 31 | info(STRUCT, 3), 16]); // 13
        types.extend([at("a"), 1, 0, 0, 11, 32, at("e"), 1, 0x0300_0060]);
        let length = u32::try_from(types.len() * 4).unwrap();
        let mut bytes = MAGIC.to_ne_bytes().to_vec();
        bytes.extend([1, 0]);
        let text = u32::try_from(strings.len()).unwrap();
        for word in [24, 0, length, length, text].into_iter().chain(types) {
            bytes.extend(word.to_ne_bytes());
        }
        bytes.extend(strings);
        bytes
    }

    #[test]
    fn members_are_found_also_in_structures_without_a_name() {
        let bytes = described();
        let btf = Btf::parse(&bytes, &["other", "outer"]).unwrap();
        let offsets = ["a", "b", "c", "d", "e"].map(|m| btf.offset(1, m));
        assert_eq!(offsets, [Some(0), Some(4), Some(8), Some(8), Some(12)]);
        assert_eq!(btf.offset(1, "f"), None);
        assert_eq!(btf.offset(0, "a"), None);
    }

    #[test]
    fn what_is_not_a_description_is_an_error_and_never_a_crash() {
        let bytes = described();
        assert_eq!(Btf::parse(b"", &[]).unwrap_err(), BtfError::NotBtf);
        assert_eq!(Btf::parse(b"\x7fELF....", &[]).unwrap_err(), BtfError::NotBtf);
        for end in 3..bytes.len() {
            assert_eq!(Btf::parse(&bytes[..end], &["outer"]).unwrap_err(), BtfError::CutOff);
        }
        let mut newer = bytes.clone();
        newer[24 + 7] = 31;
        let kind =
            if cfg!(target_endian = "little") { Some(BtfError::UnknownKind(31)) } else { None };
        assert_eq!(Btf::parse(&newer, &[]).err().filter(|_| kind.is_some()), kind);
    }
}
