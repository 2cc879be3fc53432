//! Who is behind a process id: a writer as far as the kernel tells, and nothing guessed.

mod cgroup;
mod cgroups;
mod glance;
mod mask;
mod programs;
#[cfg(test)]
mod tests;

pub use cgroups::Cgroups;
pub use glance::Glance;
pub use mask::{MASK, SECRET_KEYS};

use std::time::Duration;

use crate::observed::{Ancestor, Namespace, Via, Writer, fingerprint};

use cgroup::Place;
use mask::{bounded, command_line, harmless};

/// No text of a writer but its command line is longer, in bytes: a path's limit is 4096.
const LONGEST: usize = 512;
/// Ticks of /proc/PID/stat in a second, on every architecture that Linux runs on.
const TICKS: u128 = 100;

/// What was seen of a write in the writer's own context, by BPF.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// When, since the boot, time in suspend included (`CLOCK_BOOTTIME`).
    pub since_boot: Duration,
    /// The process.
    pub pid: u32,
    /// The thread.
    pub tid: u32,
    /// Its real user id.
    pub uid: u32,
    /// The thread's name.
    pub comm: &'a [u8],
    /// Its cgroup's id in the unified hierarchy; 0 where it is not known.
    pub cgroup_id: u64,
    /// Its arguments, each ended by NUL.
    pub command_line: Option<&'a [u8]>,
    /// Whether there are more of them.
    pub command_line_cut: bool,
    /// Its parent.
    pub parent: Option<(u32, &'a [u8])>,
    /// That one's.
    pub grandparent: Option<(u32, &'a [u8])>,
    /// The namespace that it wrote in.
    pub namespace: Option<Namespace>,
    /// The user who logged in, or `u32::MAX`.
    pub login_uid: Option<u32>,
}

/// A number that stands for a writer, for comparing only: its name, because whoever
/// changes a value again and again starts a process each time, and which of what sees it knows the
/// user as well is a matter of moments. 0: nobody knows. Allocates nothing.
pub fn writer_id(comm: &[u8]) -> u64 {
    if comm.is_empty() {
        return 0;
    }
    fingerprint(comm).max(1)
}

impl Glance {
    /// The writer, as far as it was still there.
    pub fn writer(&self, via: Via) -> Writer {
        let place = Place::of(self.cgroup());
        let (arguments, more) = self.command_line();
        let mut writer = Writer {
            // fanotify has 0 for a process that this pid namespace does not know.
            pid: Some(self.pid()).filter(|&pid| pid > 0),
            comm: text(self.comm()),
            exe: text(self.exe()),
            cmdline: command_line(arguments, more),
            uid: self.uid(),
            login_uid: self.login_uid(),
            ancestors: self.ancestors().filter_map(|(pid, comm)| ancestor(pid, comm)).collect(),
            via,
            ..Writer::default()
        };
        place.complete(&mut writer);
        writer
    }
}

/// The writer that BPF saw, completed by what /proc says of it: only if that is certainly the same
/// process, and the program only if that is certainly the same, too.
pub fn from_attempt(seen: &Seen<'_>, glance: Option<&Glance>, groups: &mut Cgroups) -> Writer {
    let proc = glance.filter(|glance| is_same_process(seen, glance)).map(|glance| {
        let same_program = is_same_program(seen, glance);
        (glance.writer(Via::Bpf), same_program, has_more(seen, glance))
    });
    let mut writer = Writer {
        pid: Some(seen.pid).filter(|&pid| pid > 0),
        comm: text(seen.comm),
        uid: Some(seen.uid),
        login_uid: seen.login_uid.filter(|&uid| uid != u32::MAX),
        cmdline: seen
            .command_line
            .and_then(|arguments| command_line(arguments, seen.command_line_cut)),
        ancestors: [seen.parent, seen.grandparent]
            .into_iter()
            .map_while(|parent| parent.and_then(|(pid, comm)| ancestor(pid, comm)))
            .collect(),
        via: Via::Bpf,
        namespace: seen.namespace,
        ..Writer::default()
    };
    if let Some(path) = groups.path(seen.cgroup_id) {
        Place::on(&path).complete(&mut writer);
    }
    let Some((found, same_program, has_more)) = proc else { return writer };
    if same_program {
        writer.exe = found.exe;
        let seen = writer.cmdline.take().filter(|_| !has_more);
        writer.cmdline = seen.or(found.cmdline);
    }
    // Where the write was made from one cgroup and the process is in another by now, the first
    // counts; the older hierarchies may still know more.
    writer.cgroup = writer.cgroup.or(found.cgroup);
    writer.unit = writer.unit.or(found.unit);
    writer.container = writer.container.or(found.container);
    writer.login_uid = writer.login_uid.or(found.login_uid);
    if found.ancestors.starts_with(&writer.ancestors) {
        writer.ancestors = found.ancestors;
    }
    writer
}

impl Place {
    fn complete(self, writer: &mut Writer) {
        let text = |found: Option<String>| found.map(|f| bounded(&harmless(&f), LONGEST));
        writer.cgroup = text(self.cgroup);
        writer.unit = text(self.unit);
        writer.container = text(self.container);
    }
}

/// Whether the process that was looked at is the one that wrote: whoever got the id after it began
/// after the write.
fn is_same_process(seen: &Seen<'_>, glance: &Glance) -> bool {
    let began = glance.stat().map(|stat| u128::from(stat.start));
    glance.pid() == seen.pid
        && began.is_some_and(|ticks| ticks <= seen.since_boot.as_millis() * TICKS / 1000)
}

/// Whether it still ran the program that it wrote with.
fn is_same_program(seen: &Seen<'_>, glance: &Glance) -> bool {
    let (now, _) = glance.command_line();
    match seen.command_line {
        Some(then) if !then.is_empty() && !now.is_empty() => {
            let both = then.len().min(now.len()).min(glance::COMMAND_LINE);
            then[..both] == now[..both]
        }
        // A thread has a name of its own.
        _ => seen.tid == seen.pid && glance.comm() == seen.comm,
    }
}

/// Whether /proc has more of a command line that was cut.
fn has_more(seen: &Seen<'_>, glance: &Glance) -> bool {
    let (now, _) = glance.command_line();
    // Of arguments that were overwritten up to their end /proc gives what follows as well, which is
    // the environment: only then it ends at the first NUL.
    let arguments = |then: &[u8]| then.contains(&0) && now.len() > then.len();
    seen.command_line_cut && seen.command_line.is_some_and(arguments)
}

fn ancestor(pid: u32, comm: &[u8]) -> Option<Ancestor> {
    Some(Ancestor { pid, comm: text(comm)? })
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    (!text.is_empty()).then(|| bounded(&harmless(&text), LONGEST))
}
