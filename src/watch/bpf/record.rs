//! What the program writes of one attempt: the record in the ring, and how it is read.

use crate::observed::Namespace;

use super::wanted::NAME_BYTES;

/// Where things stand in a record.
pub mod at {
    #![allow(missing_docs, reason = "named like the fields of `Attempt`")]

    pub const TIME: i16 = 0;
    pub const PID_TGID: i16 = 8;
    pub const UID_GID: i16 = 16;
    pub const CGROUP: i16 = 24;
    pub const PARENT: i16 = 32;
    pub const GRANDPARENT: i16 = 36;
    pub const LOGIN_UID: i16 = 40;
    pub const FLAGS: i16 = 44;
    pub const OLD_LENGTH: i16 = 48;
    pub const NEW_LENGTH: i16 = 52;
    pub const COMMAND_LENGTH: i16 = 56;
    pub const POSITION: i16 = 60;
    pub const COMM: i16 = 64;
    pub const PARENT_COMM: i16 = 80;
    pub const GRANDPARENT_COMM: i16 = 96;
    pub const NAME: i16 = 112;
    pub const OLD: i16 = 240;
    pub const NEW: i16 = 368;
    pub const COMMAND: i16 = 496;
}

/// Bytes of a name of a process.
pub const COMM_BYTES: usize = 16;
/// Bytes of a value.
pub const VALUE_BYTES: usize = 128;
/// Bytes of a command line.
pub const COMMAND_BYTES: usize = 512;
/// Bytes of a record: with the ring's 8 of its own, a multiple of 8.
pub const RECORD_BYTES: usize = 1008;

/// Bits of [`at::FLAGS`].
pub mod flag {
    #![allow(missing_docs, reason = "named like the fields of `Attempt`")]

    pub const NAMESPACE_KNOWN: i32 = 1;
    pub const NAMESPACE_OTHER: i32 = 2;
    pub const DENIED: i32 = 4;
    pub const COMMAND_KNOWN: i32 = 8;
    pub const COMMAND_CUT: i32 = 16;
    pub const LOGIN_KNOWN: i32 = 32;
}

/// Somebody writes to a wanted parameter. The value has not changed yet, and the kernel may
/// still refuse it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "three of them say that something was cut")]
pub struct Attempt<'a> {
    /// CLOCK_MONOTONIC.
    pub time_ns: u64,
    /// Its process, in the first pid namespace; 0 is not known.
    pub pid: u32,
    /// Its thread, likewise.
    pub tid: u32,
    /// Its real user id, in the first user namespace.
    pub uid: u32,
    /// The process's name; empty is not known.
    pub comm: &'a [u8],
    /// The parameter: its path below /proc/sys.
    pub name: &'a [u8],
    /// The first line of its value until now.
    pub old: &'a [u8],
    /// The first line of what is written.
    pub new: &'a [u8],
    /// There was more of the old value, in further lines or behind 127 bytes.
    pub old_cut: bool,
    /// The same of the new one.
    pub new_cut: bool,
    /// Where in the value it is written; anything but 0 is odd.
    pub position: u32,
    /// The writer's cgroup (v2).
    pub cgroup_id: u64,
    /// The arguments, each ended by a NUL. None: not known.
    pub command_line: Option<&'a [u8]>,
    /// There are more than 512 bytes of them.
    pub command_line_cut: bool,
    /// Its parent's process id and name.
    pub parent: Option<(u32, &'a [u8])>,
    /// That one's parent's.
    pub grandparent: Option<(u32, &'a [u8])>,
    /// Whose value it is: in the namespaces that tunectl runs in, or in others.
    pub namespace: Option<Namespace>,
    /// The user who logged in.
    pub login_uid: Option<u32>,
    /// The writer got EPERM.
    pub denied: bool,
}

impl<'a> Attempt<'a> {
    /// Reads a record; None if it is none.
    pub fn read(record: &'a [u8]) -> Option<Self> {
        let record: &[u8; RECORD_BYTES] = record.try_into().ok()?;
        let flags = word(record, at::FLAGS).cast_signed();
        let has = |bit: i32| flags & bit != 0;
        let (old, old_cut) = value(record, at::OLD, word(record, at::OLD_LENGTH));
        let (new, new_cut) = value(record, at::NEW, word(record, at::NEW_LENGTH));
        let pid_tgid = double(record, at::PID_TGID);
        let ancestor = |id: i16, comm: i16| match word(record, id) {
            0 => None,
            id => Some((id, text(bytes(record, comm, COMM_BYTES)))),
        };
        let length = usize::try_from(word(record, at::COMMAND_LENGTH)).ok()?;
        let command = bytes(record, at::COMMAND, COMMAND_BYTES).get(..length)?;
        Some(Self {
            time_ns: double(record, at::TIME),
            pid: high(pid_tgid),
            tid: low(pid_tgid),
            uid: low(double(record, at::UID_GID)),
            comm: text(bytes(record, at::COMM, COMM_BYTES)),
            name: text(bytes(record, at::NAME, NAME_BYTES)),
            old,
            new,
            old_cut,
            new_cut,
            position: word(record, at::POSITION),
            cgroup_id: double(record, at::CGROUP),
            command_line: has(flag::COMMAND_KNOWN).then_some(command),
            command_line_cut: has(flag::COMMAND_KNOWN) && has(flag::COMMAND_CUT),
            parent: ancestor(at::PARENT, at::PARENT_COMM),
            grandparent: ancestor(at::GRANDPARENT, at::GRANDPARENT_COMM),
            namespace: has(flag::NAMESPACE_KNOWN).then(|| {
                if has(flag::NAMESPACE_OTHER) { Namespace::Other } else { Namespace::Host }
            }),
            login_uid: Some(word(record, at::LOGIN_UID))
                .filter(|uid| has(flag::LOGIN_KNOWN) && *uid != u32::MAX),
            denied: has(flag::DENIED),
        })
    }
}

fn bytes(record: &[u8; RECORD_BYTES], at: i16, length: usize) -> &[u8] {
    let at = usize::from(at.unsigned_abs());
    record.get(at..at + length).unwrap_or_default()
}

fn word(record: &[u8; RECORD_BYTES], at: i16) -> u32 {
    bytes(record, at, 4).try_into().map_or(0, u32::from_ne_bytes)
}

fn double(record: &[u8; RECORD_BYTES], at: i16) -> u64 {
    bytes(record, at, 8).try_into().map_or(0, u64::from_ne_bytes)
}

fn low(double: u64) -> u32 {
    u32::try_from(double & u64::from(u32::MAX)).unwrap_or_default()
}

fn high(double: u64) -> u32 {
    low(double >> 32)
}

/// Up to the first NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|b| *b == 0).next().unwrap_or_default()
}

/// The first line of a value, without blanks at its end, and whether there was more. `length` is
/// the kernel's answer: -E2BIG where the value did not fit, another error where there is none.
fn value(record: &[u8; RECORD_BYTES], at: i16, length: u32) -> (&[u8], bool) {
    let all = bytes(record, at, VALUE_BYTES);
    let (all, too_long) = match length.cast_signed() {
        length if length == -libc::E2BIG => (&all[..VALUE_BYTES - 1], true),
        length => {
            let length = usize::try_from(length).unwrap_or_default();
            (all.get(..length).unwrap_or_default(), false)
        }
    };
    let all = text(all);
    let line = all.split(|b| *b == b'\n').next().unwrap_or_default();
    let more = all.get(line.len()..).unwrap_or_default().trim_ascii();
    (line.trim_ascii_end(), too_long || !more.is_empty())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn put(record: &mut [u8; RECORD_BYTES], at: i16, bytes: &[u8]) {
        let at = usize::from(at.unsigned_abs());
        record[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn values(old: &[u8], length: i32) -> (Vec<u8>, bool) {
        let mut record = [0xaa; RECORD_BYTES];
        put(&mut record, at::COMMAND_LENGTH, &0_u32.to_ne_bytes());
        put(&mut record, at::OLD, old);
        put(&mut record, at::OLD_LENGTH, &length.to_ne_bytes());
        let attempt = Attempt::read(&record).unwrap();
        (attempt.old.to_vec(), attempt.old_cut)
    }

    #[test]
    fn values_are_cut_at_a_line_break_and_at_the_end_of_the_buffer() {
        assert_eq!(values(b"60\n", 3), (b"60".to_vec(), false));
        assert_eq!(values(b"60", 2), (b"60".to_vec(), false));
        assert_eq!(values(b"60 \n \n", 6), (b"60".to_vec(), false));
        assert_eq!(values(b"4096\t5\nX=1\n", 11), (b"4096\t5".to_vec(), true));
        let long = [b'x'; 127];
        assert_eq!(values(&long, -libc::E2BIG), (long.to_vec(), true));
        assert_eq!(values(b"left from before", -libc::EINVAL), (Vec::new(), false));
    }

    #[test]
    fn what_is_not_known_is_none_and_old_bytes_of_the_ring_are_never_shown() {
        let mut record = [b'!'; RECORD_BYTES];
        put(&mut record, at::FLAGS, &0_i32.to_ne_bytes());
        for at in [at::PARENT, at::GRANDPARENT, at::OLD_LENGTH, at::NEW_LENGTH, at::COMMAND_LENGTH]
        {
            put(&mut record, at, &0_u32.to_ne_bytes());
        }
        put(&mut record, at::COMM, b"sysctl\0\0\0\0\0\0\0\0\0\0");
        put(&mut record, at::NAME, b"vm/swappiness\0\0");
        put(&mut record, at::PID_TGID, &(7_u64 << 32 | 9).to_ne_bytes());
        let attempt = Attempt::read(&record).unwrap();
        assert_eq!((attempt.pid, attempt.tid, attempt.comm), (7, 9, b"sysctl".as_slice()));
        assert_eq!(attempt.name, b"vm/swappiness");
        assert_eq!(
            (attempt.command_line, attempt.namespace, attempt.login_uid),
            (None, None, None)
        );
        assert_eq!((attempt.parent, attempt.grandparent), (None, None));
        assert_eq!((attempt.old, attempt.new), (b"".as_slice(), b"".as_slice()));
        assert_eq!(Attempt::read(&record[1..]), None);
        put(&mut record, at::COMMAND_LENGTH, &513_u32.to_ne_bytes());
        assert_eq!(Attempt::read(&record), None);
    }
}
