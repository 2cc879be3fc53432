//! What the kernel says about changing a parameter by itself, read when nothing else explains it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use crate::key::Key;

/// The kernel's log from where it was opened on.
#[derive(Debug)]
pub struct KernelLog {
    file: File,
    /// The last of each of the sayings, and when.
    said: [Option<(Duration, String)>; SAYINGS.len()],
}

/// The longest record that /dev/kmsg hands out.
const RECORD: usize = 8192;

/// Which parameter the kernel changes by itself, and what it says about it.
const SAYINGS: [(&str, &str); 3] = [
    // khugepaged, when huge pages are switched on, and when memory comes or goes.
    ("vm/min_free_kbytes", "raising min_free_kbytes"),
    ("vm/min_free_kbytes", "min_free_kbytes is not updated"),
    ("kernel/perf_event_max_sample_rate", "lowering kernel.perf_event_max_sample_rate"),
];

/// Adds a line of an error to the kernel's log, where this process may: it is kept where nothing else
/// of it is.
pub fn say(line: &str) {
    let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
    let log = OpenOptions::new().write(true).custom_flags(flags).open("/dev/kmsg");
    // 3 is an error; a line break would begin another record.
    let line = format!("<3>tunectl: {}", line.replace('\n', " "));
    let _ = log.and_then(|mut log| log.write_all(line.as_bytes()));
}

impl KernelLog {
    /// Opens it, at its end.
    ///
    /// # Errors
    /// It needs CAP_SYSLOG where kernel.dmesg_restrict is set, and is not there in containers.
    pub fn open() -> io::Result<Self> {
        let flags = nix::fcntl::OFlag::O_NONBLOCK.bits();
        let mut log = OpenOptions::new().read(true).custom_flags(flags).open("/dev/kmsg")?;
        log.seek(SeekFrom::End(0))?;
        Ok(Self { file: log, said: [const { None }; SAYINGS.len()] })
    }

    /// The last that was said of `key` since then, in monotonic time.
    pub fn said_of(&mut self, key: &Key, since: Duration) -> Option<&str> {
        self.catch_up();
        let about = SAYINGS.iter().zip(&self.said).filter(|((path, _), _)| *path == key.as_path());
        let said = about.filter_map(|(_, said)| said.as_ref()).filter(|(when, _)| *when >= since);
        said.max_by_key(|(when, _)| *when).map(|(_, message)| message.as_str())
    }

    fn catch_up(&mut self) {
        let mut record = [0; RECORD];
        loop {
            match self.file.read(&mut record) {
                Ok(0) => return,
                Ok(length) => {
                    if let Some((saying, when, message)) = saying(&record[..length]) {
                        self.said[saying] = Some((when, message));
                    }
                }
                // Records were overwritten before they were read; the next ones follow.
                Err(error) if error.raw_os_error() == Some(libc::EPIPE) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }
}

/// Which saying a record is, when it was said, and the message: where it is the kernel's own.
fn saying(record: &[u8]) -> Option<(usize, Duration, String)> {
    let text = String::from_utf8_lossy(record);
    let (prefix, rest) = text.split_once(';')?;
    let mut prefix = prefix.split(',');
    // The facility is in the upper bits: what a process has written there is not the kernel's.
    let priority: u32 = prefix.next()?.parse().ok()?;
    let micros = prefix.nth(1)?.parse().ok()?;
    let message = rest.lines().next()?.trim();
    let saying = SAYINGS.iter().position(|(_, said)| message.contains(said))?;
    (priority >> 3 == 0).then(|| (saying, Duration::from_micros(micros), message.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::saying;

    #[test]
    fn the_kernels_own_words_explain_and_nobody_elses() {
        let raised = "raising min_free_kbytes from 65536 to 67584 to help transparent hugepages";
        let record = |priority: u32| format!("{priority},1044,77,-;khugepaged: {raised}\n SUB=x\n");
        let (which, when, message) = saying(record(6).as_bytes()).unwrap();
        assert_eq!((which, when), (0, Duration::from_micros(77)));
        assert_eq!(message, format!("khugepaged: {raised}"));
        // `echo … > /dev/kmsg` gets the facility of user processes.
        assert_eq!(saying(record(14).as_bytes()), None);
        assert_eq!(saying(b"6,1044,77,-;eth0: link up\n"), None);
        assert_eq!(saying(b"junk"), None);
    }
}
