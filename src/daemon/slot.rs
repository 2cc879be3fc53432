//! One parameter that is held: its descriptors, what it is to read, and how it stands.

use std::time::Duration;

use crate::drift::{State, Wanted};
use crate::key::{Key, Pattern};
use crate::observed::Errno;
use crate::procsys::Held;
use crate::watch::bpf::Admitted;

use super::eyes::Eyes;
use super::witness::Wrote;

/// Longer than nearly every parameter's text; what is longer is read into memory of its own.
pub const TEXT: usize = 4096;

/// A parameter that is held, or would be if it were there.
///
/// What a look at one that is calm takes comes first, in one line of the processor's cache: at a
/// sweep nothing of all this is in the cache any more, and each further line costs as much as a
/// tenth of the read.
#[allow(clippy::struct_excessive_bools, reason = "each holds or does not, apart from the others")]
#[repr(C, align(64))]
pub struct Slot {
    pub held: Result<Held, Errno>,
    /// What the kernel showed when it was last found as required.
    pub right: Vec<u8>,
    /// It is to be looked at.
    pub dirty: bool,
    /// It was as required when it was last looked at, and there is nothing to do or to tell.
    pub calm: bool,
    /// Somebody has let it go for a while: nothing is looked at.
    pub let_go: bool,
    /// That is over, and it was not looked at since.
    pub taken_back: bool,
    /// It has come since it was looked at last: what it reads nobody has changed.
    pub is_new: bool,
    /// Whether writes to it raise events.
    pub armed: bool,
    /// They do not, because it is fought over, or changes all the time.
    pub is_blind: bool,
    /// So often it is looked at again, because BPF has seen an attempt before the value changed.
    pub again: u8,
    /// Its number, the same as long as the parameter is held, wherever its place is.
    pub id: u64,
    pub key: Key,
    pub wanted: Wanted,
    /// What it is to read, in words.
    pub desired: String,
    /// The pattern that it matched, where it was not named itself.
    pub pattern: Option<Pattern>,
    /// What others may write where foreign writes are refused, to it and to the other half of its
    /// pair.
    pub admitted: Vec<(Key, Admitted)>,
    pub state: State,
    /// The number of inotify's watch on it, where that is used.
    pub watch: Option<i32>,
    /// What it showed when it was last found otherwise.
    pub wrong: Vec<u8>,
    /// Why it was not put right the last time, so that the same is told once.
    pub trouble: Option<Trouble>,
    /// Who wrote to it, where an event told so: 0 for whoever it does not name.
    pub touched_by: Option<u32>,
    /// The last write to it that BPF has seen.
    pub wrote: Option<Wrote>,
    /// What was done and is not told yet.
    pub done: Option<Done>,
    pub refused: Refused,
}

/// Foreign writes that were refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Refused {
    /// Those that are not told yet.
    pub count: u64,
    /// When the first of those was.
    pub since: Duration,
    /// When some were told last.
    pub told: Option<Duration>,
}

/// Why a parameter stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The kernel refuses the write.
    Refused(Errno),
    /// It takes the write and holds this.
    Kept(Vec<u8>),
}

/// What was done about a drift.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub what: What,
    /// From the event to the end of the write; `None` where no event has led to it.
    pub took: Option<Duration>,
    /// The process, 0 where the event does not name it; `None`: there was no event.
    pub pid: Option<u32>,
    /// When that was.
    pub at: Duration,
}

/// What it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Restored,
    /// It has come, and was set for the first time.
    Set,
    Failed(Errno),
    Reported,
    /// It changes all the time, and is left for so long.
    ReportedOnce(Duration),
    Yielded,
    Contested(Duration),
    Settled,
}

/// How a parameter reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    Right,
    Wrong,
    /// It is gone, or cannot be read.
    Gone(Errno),
}

impl Slot {
    pub fn new(id: u64, key: Key, wanted: Wanted, desired: String, state: State) -> Self {
        Self {
            id,
            key,
            wanted,
            desired,
            pattern: None,
            admitted: Vec::new(),
            state,
            held: Err(Errno::ENOENT),
            watch: None,
            armed: false,
            let_go: false,
            taken_back: false,
            is_new: false,
            is_blind: false,
            right: Vec::with_capacity(32),
            wrong: Vec::with_capacity(32),
            trouble: None,
            dirty: true,
            calm: false,
            again: 0,
            touched_by: None,
            wrote: None,
            done: None,
            refused: Refused::default(),
        }
    }

    /// Holds it no longer, because of that. Its descriptor is closed last: nothing is unmarked
    /// without.
    pub fn close(&mut self, eyes: &Eyes, why: Errno) {
        if let (Ok(held), true) = (&self.held, self.armed) {
            eyes.disarm(held, self.watch);
        }
        self.held = Err(why);
        (self.armed, self.watch) = (false, None);
    }

    /// Whether writes to the parameter with that path are refused for this one's sake.
    pub fn prevents(&self, path: &[u8]) -> bool {
        self.admitted.iter().any(|(key, _)| key.as_path().as_bytes() == path)
    }

    /// Looks at it: one pread(2), and a comparison with the bytes that were right before. What is
    /// wrong is kept in `wrong`. Allocates where a text is longer than any before it.
    pub fn look(&mut self, buffer: &mut [u8; TEXT]) -> Look {
        let held = match &self.held {
            Ok(held) => held,
            Err(errno) => return Look::Gone(*errno),
        };
        let length = match held.read(buffer) {
            Ok(length) => length,
            // Some parameters read EIO until they are set for the first time.
            Err(Errno::EIO) => 0,
            Err(errno) => return Look::Gone(errno),
        };
        if length == TEXT {
            return self.look_at_long();
        }
        let bytes = &buffer[..length];
        if *bytes == *self.right {
            return Look::Right;
        }
        judge(&self.wanted, bytes, &mut self.right, &mut self.wrong)
    }

    /// Whether it reads the same bytes as when it was last right: one pread(2).
    pub fn is_as_it_was(&self, buffer: &mut [u8; TEXT]) -> bool {
        let Ok(held) = &self.held else { return false };
        held.read(buffer).is_ok_and(|length| length < TEXT && buffer[..length] == *self.right)
    }

    fn look_at_long(&mut self) -> Look {
        let Ok(held) = &self.held else { return Look::Gone(Errno::ENOENT) };
        let mut large = vec![0; 64 * TEXT];
        match held.read(&mut large) {
            Ok(length) if large[..length] == *self.right => Look::Right,
            Ok(length) => judge(&self.wanted, &large[..length], &mut self.right, &mut self.wrong),
            Err(errno) => Look::Gone(errno),
        }
    }

    /// Writes what is required: one pwrite(2).
    pub fn restore(&self) -> Result<(), Errno> {
        let held = self.held.as_ref().map_err(|errno| *errno)?;
        match self.wanted.target(&text(&self.wrong)) {
            Some(bytes) => held.write(bytes),
            None => Ok(()),
        }
    }
}

fn judge(wanted: &Wanted, bytes: &[u8], right: &mut Vec<u8>, wrong: &mut Vec<u8>) -> Look {
    let (kept, look) =
        if wanted.satisfied_by(&text(bytes)) { (right, Look::Right) } else { (wrong, Look::Wrong) };
    kept.clear();
    kept.extend_from_slice(bytes);
    look
}

/// The text without its final newline; borrowed where it is UTF-8, as nearly always.
pub fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    crate::observed::as_text(bytes.strip_suffix(b"\n").unwrap_or(bytes))
}
