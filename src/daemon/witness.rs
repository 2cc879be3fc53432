//! Who wrote: what BPF saw of the last writes, and a glance at /proc where it saw nothing.

use std::time::Duration;

use crate::drift::WriterId;
use crate::observed::{Namespace, Via, Writer};
use crate::watch::attribution::{Cgroups, Glance, Seen, from_attempt, writer_id};
use crate::watch::bpf::Attempt;
use crate::watch::clock;

/// So many attempts are remembered.
const REMEMBERED: usize = 32;
const COMM: usize = 16;
const COMMAND: usize = 512;
const VALUE: usize = 128;

/// What is remembered of one attempt, in buffers of its own.
struct Kept {
    /// Of which parameter, by its slot's number; `None`: of none.
    slot: Option<u64>,
    time: Duration,
    /// Whether it was refused, so that it has changed nothing.
    denied: bool,
    pid: u32,
    tid: u32,
    uid: u32,
    comm: Bytes<COMM>,
    cgroup_id: u64,
    command: Option<Bytes<COMMAND>>,
    command_cut: bool,
    parents: [Option<(u32, Bytes<COMM>)>; 2],
    namespace: Option<Namespace>,
    login_uid: Option<u32>,
    new: Bytes<VALUE>,
}

/// Bytes in a place of fixed size.
#[derive(Clone, Copy)]
struct Bytes<const N: usize> {
    length: usize,
    bytes: [u8; N],
}

impl<const N: usize> Bytes<N> {
    const EMPTY: Self = Self { length: 0, bytes: [0; N] };

    fn of(bytes: &[u8]) -> Self {
        let length = bytes.len().min(N);
        let mut own = Self { length, ..Self::EMPTY };
        own.bytes[..length].copy_from_slice(&bytes[..length]);
        own
    }

    fn get(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

const NOBODY: Kept = Kept {
    slot: None,
    time: Duration::ZERO,
    denied: false,
    pid: 0,
    tid: 0,
    uid: 0,
    comm: Bytes::EMPTY,
    cgroup_id: 0,
    command: None,
    command_cut: false,
    parents: [None; 2],
    namespace: None,
    login_uid: None,
    new: Bytes::EMPTY,
};

/// Which attempts are meant.
#[derive(Clone, Copy, Debug)]
pub struct Sought {
    /// At the parameter of the slot with this number.
    pub slot: u64,
    /// By this process, where an event names one.
    pub pid: Option<u32>,
    /// No earlier than this.
    pub since: Duration,
    /// Those that were refused, or those that were not.
    pub denied: bool,
}

/// The last write to a slot's parameter that BPF has seen. It stays with the slot, however many others
/// are written meanwhile: a fight must be seen as one also where it is over hundreds of parameters.
#[derive(Clone, Copy, Debug)]
pub struct Wrote {
    time: Duration,
    pid: u32,
    who: WriterId,
}

impl Wrote {
    pub fn of(attempt: &Attempt<'_>) -> Self {
        let time = Duration::from_nanos(attempt.time_ns);
        Self { time, pid: attempt.pid, who: WriterId(writer_id(attempt.comm)) }
    }

    fn is(&self, sought: Sought) -> bool {
        let pid = sought.pid.filter(|pid| *pid > 0);
        self.time >= sought.since && pid.is_none_or(|pid| pid == self.pid)
    }
}

/// Remembers who wrote. Nothing is allocated until a writer is told.
pub struct Witness {
    kept: Box<[Kept]>,
    next: usize,
    glance: Glance,
    /// Whose glance it is, of this very batch of events.
    glanced: Option<u32>,
    groups: Cgroups,
}

impl Witness {
    pub fn new() -> Self {
        Self {
            kept: (0..REMEMBERED).map(|_| NOBODY).collect(),
            next: 0,
            glance: Glance::new(),
            glanced: None,
            groups: Cgroups::open(),
        }
    }

    /// Remembers an attempt at the parameter of the slot with that number.
    pub fn saw(&mut self, slot: u64, attempt: &Attempt<'_>) {
        let ancestor = |a: Option<(u32, &[u8])>| a.map(|(pid, comm)| (pid, Bytes::of(comm)));
        self.kept[self.next] = Kept {
            slot: Some(slot),
            time: Duration::from_nanos(attempt.time_ns),
            denied: attempt.denied,
            pid: attempt.pid,
            tid: attempt.tid,
            uid: attempt.uid,
            comm: Bytes::of(attempt.comm),
            cgroup_id: attempt.cgroup_id,
            command: attempt.command_line.map(Bytes::of),
            command_cut: attempt.command_line_cut,
            parents: [ancestor(attempt.parent), ancestor(attempt.grandparent)],
            namespace: attempt.namespace,
            login_uid: attempt.login_uid,
            new: Bytes::of(attempt.new),
        };
        self.next = (self.next + 1) % self.kept.len();
    }

    /// The last one of those.
    fn attempt(&self, sought: Sought) -> Option<usize> {
        let pid = sought.pid.filter(|pid| *pid > 0);
        let of = |i: &usize| {
            let kept = &self.kept[*i];
            kept.slot == Some(sought.slot)
                && kept.denied == sought.denied
                && kept.time >= sought.since
                && pid.is_none_or(|pid| pid == kept.pid)
        };
        (0..self.kept.len()).filter(of).max_by_key(|i| self.kept[*i].time)
    }

    /// When the last of those attempts was.
    pub fn when(&self, sought: Sought) -> Option<Duration> {
        self.attempt(sought).map(|i| self.kept[i].time)
    }

    /// Who it was, in a form that is compared only. Where BPF has not seen it, this is the time to
    /// look at /proc: it is asked before the value is put back. `last`: the last write that BPF has
    /// seen. However it is known, the same writer is the same.
    pub fn id(&mut self, sought: Sought, last: Option<Wrote>) -> WriterId {
        if let Some(last) = last.filter(|last| last.is(sought)) {
            return last.who;
        }
        if let Some(i) = self.attempt(sought) {
            let kept = &self.kept[i];
            return WriterId(writer_id(kept.comm.get()));
        }
        let Some(pid) = sought.pid.filter(|pid| *pid > 0) else { return WriterId::UNKNOWN };
        self.glance_at(pid);
        WriterId(writer_id(self.glance.comm()))
    }

    /// The writer, told once the value is put back.
    pub fn writer(&mut self, sought: Sought) -> Option<Writer> {
        if let Some(i) = self.attempt(sought) {
            let kept = &self.kept[i];
            let pid = kept.pid;
            self.glanced = Some(pid);
            self.glance.take(pid);
            self.glance.take_rest();
            let kept = &self.kept[i];
            let asleep = clock::since_boot().saturating_sub(clock::monotonic());
            let ancestor = |at: usize| kept.parents[at].as_ref().map(|(pid, c)| (*pid, c.get()));
            let seen = Seen {
                since_boot: kept.time + asleep,
                pid: kept.pid,
                tid: kept.tid,
                uid: kept.uid,
                comm: kept.comm.get(),
                cgroup_id: kept.cgroup_id,
                command_line: kept.command.as_ref().map(Bytes::get),
                command_line_cut: kept.command_cut,
                parent: ancestor(0),
                grandparent: ancestor(1),
                namespace: kept.namespace,
                login_uid: kept.login_uid,
            };
            return Some(from_attempt(&seen, Some(&self.glance), &mut self.groups));
        }
        let pid = sought.pid.filter(|pid| *pid > 0)?;
        self.glance_at(pid);
        self.glance.take_rest();
        Some(self.glance.writer(Via::Fanotify))
    }

    /// What was to be written by the last of those attempts.
    pub fn text(&self, sought: Sought) -> Option<String> {
        let i = self.attempt(sought)?;
        Some(String::from_utf8_lossy(self.kept[i].new.get()).trim_end().to_owned())
    }

    fn glance_at(&mut self, pid: u32) {
        if self.glanced != Some(pid) {
            self.glanced = Some(pid);
            self.glance.take(pid);
        }
    }

    /// A glance is of the process as it is now: the next one looks anew.
    pub fn look_anew(&mut self) {
        self.glanced = None;
    }
}
