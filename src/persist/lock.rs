//! The lock that lets one apply run at a time.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::stat::{major, minor};

use crate::below::is_ours;

use super::made::make_directories;
use super::staged::is_at;

/// Where the lock is, below the root of the host.
pub const LOCK: &str = "/run/tunectl/lock";

/// In its place there may be a FIFO, where others have laid it.
const UNWAITING: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK);

/// Holds the lock until it is dropped; the kernel releases it if the process dies.
#[derive(Debug)]
pub struct Lock(File);

/// Who has the lock.
#[derive(Debug, PartialEq, Eq)]
pub enum Holder {
    /// One alone, as an apply, which said who it is or did not.
    Alone(Option<String>),
    /// Who shares it with others: the daemon for a correction, or somebody who looks at it.
    Sharing,
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alone(None) => write!(out, "another apply is running"),
            Self::Alone(Some(who)) => write!(out, "another apply is running ({who})"),
            Self::Sharing => write!(out, "the daemon corrects a parameter at this moment"),
        }
    }
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("{0}")]
    Busy(Holder),
    /// The lock file cannot be used.
    #[error("cannot use the lock {path}: {error}")]
    Failed {
        /// The lock file.
        path: String,
        /// The system's answer.
        error: io::Error,
    },
}

impl Lock {
    /// Whether somebody holds the lock at `path`; `None` where that cannot be seen.
    pub fn is_held(path: &Path) -> Option<bool> {
        let found = match std::fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(false),
            Err(_) => return None,
        };
        // Who holds which lock the kernel tells everybody; whoever takes it to see that is in the way
        // of the daemon, which waits for nobody.
        let (major, minor) = (major(found.dev()), minor(found.dev()));
        let locks = std::fs::read_to_string("/proc/locks").ok();
        let told = locks.and_then(|locks| listed(&locks, major, minor, found.ino()));
        if told == Some(true) || told == Some(false) && are_all_listed() {
            return told;
        }
        let opened = OpenOptions::new().read(true).custom_flags(UNWAITING.bits()).open(path);
        // It may be root's alone.
        let Ok(file) = opened else { return told };
        Some(matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    /// Takes the lock at `path`, waiting up to `patience` for another holder.
    ///
    /// # Errors
    /// [`LockError::Busy`] names the holder where it said who it is.
    pub fn take(path: &Path, patience: Duration) -> Result<Self, LockError> {
        let failed = |error| LockError::Failed { path: path.display().to_string(), error };
        let mut file = opened(path)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) if is_at(&file, path) => break,
                // It was removed, and another one may have been made: this one excludes nobody.
                Ok(()) => file = opened(path)?,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(LockError::Busy(holder(&mut file)));
                }
            }
        }
        // Who holds it is told to whoever waits; that it cannot be told is no failure.
        let _ = file.set_len(0);
        let _ = write!(&mut file, "pid {}", std::process::id());
        Ok(Self(file))
    }
}

/// Whether /proc/locks has all locks: in a pid namespace, those of its own processes only.
fn are_all_listed() -> bool {
    /// `PROC_PID_INIT_INO`.
    const FIRST: u64 = 0xefff_fffc;
    std::fs::metadata("/proc/self/ns/pid").is_ok_and(|found| found.ino() == FIRST)
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever shares it next says nothing, and is not to be taken for this process.
        let _ = self.0.set_len(0);
    }
}

/// Who keeps others from having the lock alone.
fn holder(file: &mut File) -> Holder {
    if file.try_lock_shared().is_ok() {
        let _ = file.unlock();
        return Holder::Sharing;
    }
    let mut who = String::new();
    let _ = file.take(200).read_to_string(&mut who);
    let who = who.trim();
    Holder::Alone((!who.is_empty()).then(|| who.to_owned()))
}

/// Whether /proc/locks has a lock of that file. `None`: one of that inode on another device, which
/// may be the same file where file systems lie on each other.
fn listed(locks: &str, major: u64, minor: u64, inode: u64) -> Option<bool> {
    // 1: FLOCK  ADVISORY  WRITE 812 00:19:1234 0 EOF
    let places = locks.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let exclusive = words.next() == Some("FLOCK") && words.nth(1) == Some("WRITE");
        words.nth(1).filter(|_| exclusive)
    });
    let of_inode = places.filter_map(|place| {
        let (device, number) = place.rsplit_once(':')?;
        (number.parse() == Ok(inode)).then_some(device)
    });
    let mut elsewhere = false;
    for device in of_inode {
        if device == format!("{major:02x}:{minor:02x}") {
            return Some(true);
        }
        elsewhere = true;
    }
    (!elsewhere).then_some(false)
}

pub(super) fn opened(path: &Path) -> Result<File, LockError> {
    let failed = |error| LockError::Failed { path: path.display().to_string(), error };
    if let Some(parent) = path.parent() {
        // Whatever the umask: others look there for trials and holds.
        make_directories(parent).map_err(|error| failed(error.error))?;
    }
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(UNWAITING.bits())
        .open(path);
    opened.and_then(|file| is_a_lock(&file).map(|()| file)).map_err(failed)
}

/// Whoever has the lock writes in it who that is: where others have laid something else in its
/// place, or a file of root's from elsewhere under a second name, that must not be written to.
fn is_a_lock(file: &File) -> io::Result<()> {
    let found = file.metadata()?;
    let why = if !found.is_file() {
        "it is not a regular file: remove it"
    } else if found.nlink() > 1 {
        "it is a file that has another name as well (a hard link): remove it"
    } else if !is_ours(found.uid()) {
        "it is another user's file: remove it"
    } else {
        return Ok(());
    };
    Err(io::Error::other(why))
}

/// The lock as the daemon uses it: for the moment of a correction, shared, and never waited for.
///
/// While an apply has the lock, a correction could undo a step that the apply has just taken; so
/// it waits until the apply has ended, whose baseline may be another by then. An apply, for its
/// part, waits for a correction, which is over within microseconds. Both cost one system call.
#[derive(Debug)]
pub struct Turn {
    file: File,
    path: PathBuf,
}

impl Turn {
    /// Opens the lock file, and makes it where it is missing.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn open(path: &Path) -> Result<Self, LockError> {
        Ok(Self { file: opened(path)?, path: path.to_owned() })
    }

    /// Opens it anew where it was removed: whoever comes next makes another. Not to be done between
    /// [`Turn::begin`] and [`Turn::end`].
    pub fn renew(&mut self) {
        if self.file.metadata().is_ok_and(|found| found.nlink() == 0) {
            // Where it cannot be made, no apply makes it either.
            if let Ok(file) = opened(&self.path) {
                self.file = file;
            }
        }
    }

    /// Takes the lock if no apply has it.
    pub fn begin(&self) -> bool {
        self.file.try_lock_shared().is_ok()
    }

    /// Gives it back.
    pub fn end(&self) {
        // A lock that is not held needs no giving back.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    fn place(name: &str) -> PathBuf {
        let pid = std::process::id();
        let directory = std::env::temp_dir().join(format!("tunectl-lock-{pid}-{name}"));
        let _ = std::fs::remove_dir_all(&directory);
        directory.join("lock")
    }

    #[test]
    fn a_lock_that_was_removed_is_not_taken_for_the_one_that_is_there() {
        let path = place("removed");
        let first = Lock::take(&path, LONG).unwrap();
        let mut turn = Turn::open(&path).unwrap();
        assert!(!turn.begin());
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| Lock::take(&path, LONG).unwrap());
            std::thread::sleep(Duration::from_millis(100));
            std::fs::remove_file(&path).unwrap();
            let second = Lock::take(&path, Duration::ZERO).unwrap();
            drop(first);
            assert!(turn.begin(), "it was the first one's");
            turn.end();
            turn.renew();
            assert!(!turn.begin(), "the second one has it");
            std::thread::sleep(Duration::from_millis(100));
            assert!(!waits.is_finished(), "it waits for the second one");
            drop(second);
            let third = waits.join().unwrap();
            assert!(!turn.begin());
            drop(third);
        });
        assert!(turn.begin());
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
        turn.renew();
        assert!(path.exists(), "it is made anew, with its directory");
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn who_has_it_is_who_has_it_now() {
        let path = place("holder");
        let busy = || Lock::take(&path, Duration::ZERO).unwrap_err().to_string();
        let lock = Lock::take(&path, Duration::ZERO).unwrap();
        let pid = std::process::id();
        assert_eq!(busy(), format!("another apply is running (pid {pid})"));
        drop(lock);
        let turn = Turn::open(&path).unwrap();
        // One that was killed has left who it was.
        for left in ["", "pid 4711"] {
            std::fs::write(&path, left).unwrap();
            assert!(turn.begin());
            assert_eq!(busy(), "the daemon corrects a parameter at this moment");
            turn.end();
        }
        let other = opened(&path).unwrap();
        other.set_len(0).unwrap();
        other.lock().unwrap();
        assert_eq!(busy(), "another apply is running");
        std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn who_holds_a_lock_is_read_from_the_kernels_list() {
        let locks = "1: FLOCK  ADVISORY  WRITE 812 00:19:1234 0 EOF\n\
                     1: -> FLOCK  ADVISORY  WRITE 813 00:19:99 0 EOF\n\
                     2: POSIX  ADVISORY  WRITE 7 00:19:77 0 EOF\n\
                     3: FLOCK  ADVISORY  READ 9 00:19:55 0 EOF\n";
        assert_eq!(listed(locks, 0, 0x19, 1234), Some(true));
        assert_eq!(listed(locks, 0, 0x1a, 1234), None, "on another device");
        for inode in [99, 77, 55, 123] {
            assert_eq!(listed(locks, 0, 0x19, inode), Some(false), "{inode}");
        }
    }
}
