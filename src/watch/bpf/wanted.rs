//! What the program is told to look for: names, whose they are, and which values may be written.

use std::collections::{BTreeMap, BTreeSet};

use crate::key::Key;

use super::BpfError;

/// Bytes of a name in the program's map. The longest real name has under 100.
pub const NAME_BYTES: usize = 128;
/// Bytes of a written value that the program compares.
pub const TEXT_BYTES: usize = 128;
/// Bytes of a comparison: a number that says whose, and the value.
pub const TEXT_KEY_BYTES: usize = 8 + TEXT_BYTES;
/// Bytes of what is known of a name.
pub const ENTRY_BYTES: usize = 48;

/// Where things stand in an entry.
pub mod entry {
    /// A [`super::Domain`], four bytes.
    pub const DOMAIN: i16 = 0;
    /// Four bytes.
    pub const FLAGS: i16 = 4;
    /// The number that its values in the map of texts have, eight bytes.
    pub const TEXTS: i16 = 8;
    /// Bounds of admitted numbers below 0: signed, first and last.
    pub const NEGATIVE: (i16, i16) = (16, 24);
    /// The same from 0 on: unsigned.
    pub const POSITIVE: (i16, i16) = (32, 40);
    /// Foreign writes are refused.
    pub const PREVENT: i32 = 1;
    /// Numbers within the bounds are admitted.
    pub const NUMBERS: i32 = 2;
    /// Some texts are admitted.
    pub const HAS_TEXTS: i32 = 4;
}

/// Writes that are looked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Only writes to these names are reported.
    pub keys: &'a [Key],
    /// These too, and what is admitted from others; a name may stand here several times, and
    /// then each of the values is admitted.
    pub prevent: &'a [(Key, Admitted)],
}

/// A value that a foreign writer may write although the name is prevented. Numbers are read as
/// the kernel reads them (blanks around them, `0x10`, `010`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// This text, with or without a line break; blanks and tabs between its parts are alike.
    Exact(String),
    /// A number from here on.
    AtLeast(i128),
    /// A number up to here.
    AtMost(i128),
    /// A number from here to there, both included.
    Between(i128, i128),
}

/// What a parameter belongs to: there is one of it for each such namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
#[allow(missing_docs, reason = "as above")]
pub enum Domain {
    /// The machine.
    Machine = 0,
    Net = 1,
    Ipc = 2,
    /// Message queues are in the IPC namespace too, but in a set of their own.
    Queues = 3,
    Uts = 4,
    User = 5,
    Pid = 6,
}

impl Domain {
    /// All that are not the machine's.
    pub const OF_NAMESPACES: [Self; 6] =
        [Self::Net, Self::Ipc, Self::Queues, Self::Uts, Self::User, Self::Pid];

    /// What `key` belongs to.
    pub fn of(key: &Key) -> Self {
        let path = key.as_path();
        match path.split_once('/') {
            Some(("net", _)) => Self::Net,
            Some(("user", _)) => Self::User,
            Some(("fs", rest)) if rest.starts_with("mqueue/") => Self::Queues,
            Some(("kernel", "hostname" | "domainname")) => Self::Uts,
            Some(("kernel", "pid_max")) => Self::Pid,
            Some(("kernel", name))
                if ["shm", "msg"].iter().any(|p| name.starts_with(p))
                    || matches!(name, "sem" | "sem_next_id" | "auto_msgmni") =>
            {
                Self::Ipc
            }
            _ => Self::Machine,
        }
    }

    /// As it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Net => "network",
            Self::Ipc | Self::Queues => "IPC",
            Self::Uts => "UTS",
            Self::User => "user",
            Self::Pid => "pid",
        }
    }
}

/// What the maps are to hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// By name.
    pub entries: BTreeMap<[u8; NAME_BYTES], [u8; ENTRY_BYTES]>,
    /// Admitted texts.
    pub texts: BTreeSet<[u8; TEXT_KEY_BYTES]>,
    /// Which texts each number stands for, by the name that has it.
    sets: BTreeMap<Key, (u64, Vec<String>)>,
}

/// One name while it is put together.
struct Entry<'a> {
    domain: Domain,
    texts: Vec<&'a str>,
    numbers: Option<(i128, i128)>,
    prevent: bool,
}

const LEAST: i128 = i64::MIN as i128;
const MOST: i128 = u64::MAX as i128;

impl Contents {
    /// Puts `wanted` in the form of the maps. Numbers that tell whose a text is are taken from
    /// `next` up, which must never have been used before; what has the same texts as `before` keeps
    /// its number.
    ///
    /// # Errors
    /// A name or value that the program has no room for.
    pub fn of(wanted: &Wanted<'_>, before: &Self, next: &mut u64) -> Result<Self, BpfError> {
        let mut names: BTreeMap<&Key, Entry<'_>> = BTreeMap::new();
        let new = |key: &Key, prevent| Entry {
            domain: Domain::of(key),
            texts: Vec::new(),
            numbers: None,
            prevent,
        };
        for key in wanted.keys {
            names.entry(key).or_insert_with(|| new(key, false));
        }
        let mut contents = Self::default();
        for (key, admitted) in wanted.prevent {
            if key.as_path().len() >= NAME_BYTES {
                return Err(BpfError::NameTooLong { key: key.clone() });
            }
            let entry = names.entry(key).or_insert_with(|| new(key, true));
            entry.prevent = true;
            let numbers = match admitted {
                Admitted::Exact(text) => {
                    entry.texts.push(text);
                    continue;
                }
                Admitted::AtLeast(least) => (*least, MOST),
                Admitted::AtMost(most) => (LEAST, *most),
                Admitted::Between(least, most) => (*least, *most),
            };
            entry.numbers = match entry.numbers {
                None => Some(numbers),
                Some((least, most)) if numbers.0 <= most + 1 && least <= numbers.1 + 1 => {
                    Some((least.min(numbers.0), most.max(numbers.1)))
                }
                Some(_) => return Err(BpfError::TwoRanges { key: key.clone() }),
            };
        }
        for (key, entry) in names {
            let mut id = 0;
            if !entry.texts.is_empty() {
                id = before.sets.get(key).filter(|(_, texts)| *texts == entry.texts).map_or_else(
                    || {
                        *next += 1;
                        *next
                    },
                    |(id, _)| *id,
                );
                for spelling in entry.texts.iter().flat_map(|text| spellings(text)) {
                    let too_long = || BpfError::ValueTooLong { key: key.clone() };
                    contents.texts.insert(text_key(id, &spelling).ok_or_else(too_long)?);
                }
                let texts = entry.texts.iter().map(ToString::to_string).collect();
                contents.sets.insert(key.clone(), (id, texts));
            }
            contents.entries.insert(name(key), entry.bytes(id));
        }
        Ok(contents)
    }
}

/// Each name that is to be prevented, and what the program has no room for of it, if anything.
pub fn fits(prevent: &[(Key, Admitted)]) -> impl Iterator<Item = (&Key, Result<(), BpfError>)> {
    let mut names: BTreeMap<&Key, Vec<(Key, Admitted)>> = BTreeMap::new();
    for one in prevent {
        names.entry(&one.0).or_default().push(one.clone());
    }
    names.into_iter().map(|(key, own)| {
        let wanted = Wanted { keys: &[], prevent: &own };
        (key, Contents::of(&wanted, &Contents::default(), &mut 0).map(drop))
    })
}

impl Entry<'_> {
    fn bytes(&self, texts: u64) -> [u8; ENTRY_BYTES] {
        let flag = |on: bool, bit: i32| if on { bit.cast_unsigned() } else { 0 };
        let flags = flag(self.prevent, entry::PREVENT)
            | flag(self.numbers.is_some(), entry::NUMBERS)
            | flag(!self.texts.is_empty(), entry::HAS_TEXTS);
        // An empty range where nothing is admitted: the first is behind the last.
        let (least, most) = self.numbers.unwrap_or((1, 0));
        let signed = |n: i128| i64::try_from(n.clamp(LEAST, 0)).unwrap_or_default();
        let unsigned = |n: i128| u64::try_from(n.clamp(0, MOST)).unwrap_or_default();
        let negative = if least < 0 { (signed(least), signed(most.min(-1))) } else { (0, -1) };
        let positive = if most >= 0 { (unsigned(least), unsigned(most)) } else { (1, 0) };
        let mut bytes = [0; ENTRY_BYTES];
        let mut put = |at: i16, value: &[u8]| {
            let at = usize::from(at.unsigned_abs());
            bytes[at..at + value.len()].copy_from_slice(value);
        };
        put(entry::DOMAIN, &(self.domain as u32).to_ne_bytes());
        put(entry::FLAGS, &flags.to_ne_bytes());
        put(entry::TEXTS, &texts.to_ne_bytes());
        put(entry::NEGATIVE.0, &negative.0.to_ne_bytes());
        put(entry::NEGATIVE.1, &negative.1.to_ne_bytes());
        put(entry::POSITIVE.0, &positive.0.to_ne_bytes());
        put(entry::POSITIVE.1, &positive.1.to_ne_bytes());
        bytes
    }
}

/// A name as the program finds it: cut as the kernel cuts it where it is longer than any is.
pub fn name(key: &Key) -> [u8; NAME_BYTES] {
    let path = key.as_path().as_bytes();
    let mut bytes = [0; NAME_BYTES];
    let length = path.len().min(NAME_BYTES - 1);
    bytes[..length].copy_from_slice(&path[..length]);
    bytes
}

fn text_key(id: u64, text: &str) -> Option<[u8; TEXT_KEY_BYTES]> {
    let mut bytes = [0; TEXT_KEY_BYTES];
    bytes[..8].copy_from_slice(&id.to_ne_bytes());
    // The kernel gives back a value that fills its buffer as one that is cut.
    bytes[8..TEXT_KEY_BYTES - 1].get_mut(..text.len())?.copy_from_slice(text.as_bytes());
    Some(bytes)
}

/// The ways in which writers spell one value.
fn spellings(text: &str) -> Vec<String> {
    let text = text.trim();
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let mut all = Vec::new();
    for plain in [text.to_owned(), parts.join(" "), parts.join("\t")] {
        if !all.contains(&plain) {
            all.push(format!("{plain}\n"));
            all.push(plain);
        }
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn key(path: &str) -> Key {
        Key::parse(path).unwrap()
    }

    fn refused(prevent: &[(Key, Admitted)]) -> BpfError {
        let wanted = Wanted { keys: &[], prevent };
        let error = Contents::of(&wanted, &Contents::default(), &mut 0).unwrap_err();
        let each: Vec<_> = fits(prevent).collect();
        let refused = each[0].1.as_ref().unwrap_err().to_string();
        assert_eq!((each.len(), refused), (1, error.to_string()));
        error
    }

    fn bounds(admitted: Admitted) -> (i64, i64, u64, u64) {
        let prevent = [(key("vm/swappiness"), admitted)];
        let wanted = Wanted { keys: &[], prevent: &prevent };
        let contents = Contents::of(&wanted, &Contents::default(), &mut 0).unwrap();
        let bytes = contents.entries.values().next().unwrap();
        let at = |i: usize| <[u8; 8]>::try_from(&bytes[i..i + 8]).unwrap();
        (
            i64::from_ne_bytes(at(16)),
            i64::from_ne_bytes(at(24)),
            u64::from_ne_bytes(at(32)),
            u64::from_ne_bytes(at(40)),
        )
    }

    #[test]
    fn a_range_is_divided_at_0() {
        assert_eq!(bounds(Admitted::Between(5, 9)), (0, -1, 5, 9));
        assert_eq!(bounds(Admitted::Between(-9, -5)), (-9, -5, 1, 0));
        assert_eq!(bounds(Admitted::Between(-1, 0)), (-1, -1, 0, 0));
        assert_eq!(bounds(Admitted::AtLeast(3)), (0, -1, 3, u64::MAX));
        assert_eq!(bounds(Admitted::AtMost(3)), (i64::MIN, -1, 0, 3));
        assert_eq!(bounds(Admitted::AtMost(i128::MAX)), (i64::MIN, -1, 0, u64::MAX));
        assert_eq!(bounds(Admitted::Exact("1".into())), (0, -1, 1, 0));
    }

    #[test]
    fn a_name_that_is_both_reported_and_prevented_is_one_entry() {
        let (a, b) = (key("vm/dirty_ratio"), key("net/ipv4/tcp_rmem"));
        let prevent = [
            (b.clone(), Admitted::Exact("1 2\t3".into())),
            (b.clone(), Admitted::Exact("4".into())),
            (b.clone(), Admitted::Between(1, 2)),
            (b.clone(), Admitted::AtLeast(3)),
        ];
        let mut next = 7;
        let wanted = Wanted { keys: &[a.clone(), b.clone(), a], prevent: &prevent };
        let contents = Contents::of(&wanted, &Contents::default(), &mut next).unwrap();
        assert_eq!((contents.entries.len(), next), (2, 8));
        let text = |t: &str| text_key(8, t).unwrap();
        let expected =
            ["1 2\t3\n", "1 2\t3", "1 2 3\n", "1 2 3", "1\t2\t3\n", "1\t2\t3", "4\n", "4"];
        assert_eq!(contents.texts.iter().filter(|t| **t == text("1\t2\t3")).count(), 1);
        for spelling in expected {
            assert!(contents.texts.contains(&text(spelling)), "{spelling:?}");
        }

        let apart = [(b.clone(), Admitted::Between(1, 2)), (b, Admitted::Between(4, 5))];
        let error = refused(&apart);
        assert!(matches!(error, BpfError::TwoRanges { .. }));

        // What has the same texts keeps its number, so that nothing of it is sent again.
        let again = Contents::of(&wanted, &contents, &mut next).unwrap();
        assert_eq!((&again, next), (&contents, 8));
        let other = [(apart[0].0.clone(), Admitted::Exact("1 2\t4".into()))];
        let wanted = Wanted { keys: &[], prevent: &other };
        Contents::of(&wanted, &contents, &mut next).unwrap();
        assert_eq!(next, 9);
    }

    #[test]
    fn what_does_not_fit_is_said_for_prevented_names_and_cut_for_others() {
        let long = key(&format!("dev/{}/{}", "a".repeat(100), "b".repeat(100)));
        let contents = Contents::of(
            &Wanted { keys: std::slice::from_ref(&long), prevent: &[] },
            &Contents::default(),
            &mut 0,
        )
        .unwrap();
        let name = contents.entries.keys().next().unwrap();
        assert_eq!((name[126], name[127]), (b'b', 0));

        let prevent = [(long, Admitted::AtLeast(1))];
        let error = refused(&prevent);
        assert!(matches!(error, BpfError::NameTooLong { .. }));

        let prevent = [(key("kernel/core_pattern"), Admitted::Exact("x".repeat(127)))];
        let error = refused(&prevent);
        assert!(matches!(error, BpfError::ValueTooLong { .. }));
    }

    #[test]
    fn a_key_belongs_to_its_namespace() {
        let of = |path: &str| Domain::of(&key(path));
        assert_eq!(of("net/core/somaxconn"), Domain::Net);
        assert_eq!(of("kernel/shm_rmid_forced"), Domain::Ipc);
        assert_eq!(of("kernel/sem"), Domain::Ipc);
        assert_eq!(of("kernel/msgmax"), Domain::Ipc);
        assert_eq!(of("fs/mqueue/msg_max"), Domain::Queues);
        assert_eq!(of("kernel/hostname"), Domain::Uts);
        assert_eq!(of("user/max_net_namespaces"), Domain::User);
        assert_eq!(of("kernel/pid_max"), Domain::Pid);
        assert_eq!(of("kernel/panic"), Domain::Machine);
        assert_eq!(of("vm/swappiness"), Domain::Machine);
    }
}
