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
    /// Of which parameter; `usize::MAX`: of none.
    slot: usize,
    time: Duration,
    pid: u32,
    tid: u32,
    uid: u32,
    comm: Bytes<COMM>,
    cgroup_id: u64,
    command: Option<Bytes<COMMAND>>,
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
    slot: usize::MAX,
    time: Duration::ZERO,
    pid: 0,
    tid: 0,
    uid: 0,
    comm: Bytes::EMPTY,
    cgroup_id: 0,
    command: None,
    parents: [None; 2],
    namespace: None,
    login_uid: None,
    new: Bytes::EMPTY,
};

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

    /// Forgets which attempt was of which parameter: their numbers have changed.
    pub fn forget(&mut self) {
        for kept in &mut self.kept {
            kept.slot = usize::MAX;
        }
    }

    /// Remembers an attempt at the parameter with that number.
    pub fn saw(&mut self, slot: usize, attempt: &Attempt<'_>) {
        let ancestor = |a: Option<(u32, &[u8])>| a.map(|(pid, comm)| (pid, Bytes::of(comm)));
        self.kept[self.next] = Kept {
            slot,
            time: Duration::from_nanos(attempt.time_ns),
            pid: attempt.pid,
            tid: attempt.tid,
            uid: attempt.uid,
            comm: Bytes::of(attempt.comm),
            cgroup_id: attempt.cgroup_id,
            command: attempt.command_line.map(Bytes::of),
            parents: [ancestor(attempt.parent), ancestor(attempt.grandparent)],
            namespace: attempt.namespace,
            login_uid: attempt.login_uid,
            new: Bytes::of(attempt.new),
        };
        self.next = (self.next + 1) % self.kept.len();
    }

    /// The last attempt at that parameter since then: by that process, where one is named.
    fn attempt(&self, slot: usize, pid: Option<u32>, since: Duration) -> Option<usize> {
        let pid = pid.filter(|pid| *pid > 0);
        let of = |i: &usize| {
            let kept = &self.kept[*i];
            kept.slot == slot && kept.time >= since && pid.is_none_or(|pid| pid == kept.pid)
        };
        (0..self.kept.len()).filter(of).max_by_key(|i| self.kept[*i].time)
    }

    /// When the last attempt at that parameter was, if since then.
    pub fn when(&self, slot: usize, pid: Option<u32>, since: Duration) -> Option<Duration> {
        self.attempt(slot, pid, since).map(|i| self.kept[i].time)
    }

    /// Who it was, in a form that is compared only. Where BPF has not seen it, this is the time to
    /// look at /proc: it is asked before the value is put back.
    pub fn id(&mut self, slot: usize, pid: Option<u32>, since: Duration) -> WriterId {
        if let Some(i) = self.attempt(slot, pid, since) {
            let kept = &self.kept[i];
            return WriterId(writer_id(kept.comm.get(), Some(kept.uid)));
        }
        let Some(pid) = pid.filter(|pid| *pid > 0) else { return WriterId::UNKNOWN };
        self.glance_at(pid);
        WriterId(writer_id(self.glance.comm(), None))
    }

    /// The writer, told once the value is put back.
    pub fn writer(&mut self, slot: usize, pid: Option<u32>, since: Duration) -> Option<Writer> {
        if let Some(i) = self.attempt(slot, pid, since) {
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
                parent: ancestor(0),
                grandparent: ancestor(1),
                namespace: kept.namespace,
                login_uid: kept.login_uid,
            };
            return Some(from_attempt(&seen, Some(&self.glance), &mut self.groups));
        }
        let pid = pid.filter(|pid| *pid > 0)?;
        self.glance_at(pid);
        self.glance.take_rest();
        Some(self.glance.writer(Via::Fanotify))
    }

    /// What was to be written by the last attempt at that parameter.
    pub fn text(&self, slot: usize, since: Duration) -> Option<String> {
        let i = self.attempt(slot, None, since)?;
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
