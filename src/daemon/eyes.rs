//! How changes are seen here, best first: BPF beside fanotify, inotify, the sweep alone.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::drift::OnDrift;
use crate::key::Key;
use crate::observed::Errno;
use crate::procsys::Held;
use crate::watch::bpf::{self, Admitted, Bpf, Wake};
use crate::watch::fanotify::Fanotify;
use crate::watch::inotify::Inotify;
use crate::watch::poll::Poll;

use super::slot::Slot;
use super::source;

/// Room for some sixty writes that are not read yet.
const RING: usize = 64 << 10;

/// What raises events.
pub struct Eyes {
    pub marks: Marks,
    pub bpf: Option<Bpf>,
    /// Why BPF is not used, or does less than it can elsewhere.
    pub why_not: Option<String>,
    /// To which parameters foreign writes are refused.
    pub prevented: Vec<Key>,
    /// Whether that is to go on without this process, and does.
    pin: (bool, bool),
    /// Marks of what is gone, which the kernel takes away with all others only.
    dead: Cell<u32>,
}

/// What raises events after a value has changed.
pub enum Marks {
    Fanotify(Fanotify),
    Inotify(Inotify),
    None,
}

/// Before Linux 5.19 a mark stays, and keeps its inode, where the parameter is gone. So many may.
const MOST_DEAD: u32 = 256;

impl Eyes {
    /// Opens the best there is; BPF follows once it is known which parameters there are.
    pub fn open(poll: &Poll, pin: bool) -> Self {
        // What another daemon has left would refuse what this one writes. It is put right at once.
        if let Err(error) = bpf::unpin() {
            log::warn!("{error}");
        }
        let marks = Fanotify::open().and_then(|fanotify| {
            let added = poll.add(&fanotify, source::KEYS);
            added.map(|()| fanotify).map_err(|e| Errno(e.raw_os_error().unwrap_or(5)))
        });
        let marks = match marks {
            Ok(fanotify) => Marks::Fanotify(fanotify),
            Err(errno) => {
                log::info!("fanotify is not there ({}): writers have no names", words(errno));
                match Inotify::open().and_then(|i| poll.add(&i, source::KEYS).map(|()| i)) {
                    Ok(inotify) => Marks::Inotify(inotify),
                    Err(error) => {
                        log::warn!(
                            "inotify is not there ({error}): drift is found by sweeps alone"
                        );
                        Marks::None
                    }
                }
            }
        };
        let (dead, pin) = (Cell::new(0), (pin, false));
        Self { marks, bpf: None, why_not: None, prevented: Vec::new(), pin, dead }
    }

    /// Raises events for writes to a parameter. Returns inotify's number for it.
    pub fn arm(&self, held: &Held) -> io::Result<Option<i32>> {
        match &self.marks {
            Marks::Fanotify(fanotify) => {
                let marked = fanotify.mark(held.fd()).map(|()| None);
                marked.map_err(|errno| io::Error::from_raw_os_error(errno.0))
            }
            Marks::Inotify(inotify) => inotify.watch_open(held.fd()).map(Some),
            Marks::None => Ok(None),
        }
    }

    /// Raises them no longer.
    pub fn disarm(&self, held: &Held, watch: Option<i32>) {
        match &self.marks {
            Marks::Fanotify(fanotify) => {
                let stays = !fanotify.unmark(held.fd());
                self.dead.set(self.dead.get() + u32::from(stays));
            }
            Marks::Inotify(inotify) => {
                if let Some(watch) = watch {
                    inotify.unwatch(watch);
                }
            }
            Marks::None => {}
        }
    }

    /// Takes the marks of what is gone away where they have become many: with all others, which are
    /// then to be made anew. Whether that was so.
    pub fn bury(&self) -> bool {
        let Marks::Fanotify(fanotify) = &self.marks else { return false };
        let many = self.dead.get() > MOST_DEAD;
        if many {
            self.dead.set(0);
            fanotify.unmark_all();
        }
        many
    }

    /// Lets BPF look at writes to these slots and keys, and prevent what is to be prevented. What
    /// cannot be prevented is told, and enforced.
    pub fn look_at(&mut self, slots: &[Slot], others: &[Key], poll: &Poll) -> Vec<(Key, String)> {
        let looked: Vec<&Slot> =
            slots.iter().filter(|s| !s.let_go && (s.armed || s.held.is_err())).collect();
        let keys: Vec<Key> =
            looked.iter().map(|s| s.key.clone()).chain(others.iter().cloned()).collect();
        // Also while a fight is left alone: that is by a door which is not watched here.
        let mut prevented: Vec<(Key, Admitted)> = slots
            .iter()
            .filter(|s| !s.let_go && s.state.policy() == OnDrift::Prevent && s.held.is_ok())
            .flat_map(|s| s.admitted.iter().cloned())
            .collect();
        self.prevented.clear();
        let mut problems = Vec::new();
        if let Err(error) = self.attach(poll) {
            let why = error.reason();
            problems.extend(prevented.into_iter().map(|(key, _)| (key, why.clone())));
            self.why_not = Some(error.to_string());
            return problems;
        }
        let Some(bpf) = &mut self.bpf else { return problems };
        self.why_not.clone_from(&bpf.rung().why_not);
        // Whatever is the matter with one of them is no concern of the others.
        let refused: BTreeMap<Key, String> = bpf
            .cannot_prevent(&prevented)
            .into_iter()
            .map(|(key, error)| (key, error.reason()))
            .collect();
        prevented.retain(|(key, _)| !refused.contains_key(key));
        problems.extend(refused);
        if let Err(error) = bpf.rewatch(&bpf::Wanted { keys: &keys, prevent: &prevented }) {
            let why = error.reason();
            problems.extend(prevented.drain(..).map(|(key, _)| (key, why.clone())));
            self.why_not = Some(error.to_string());
            // What was admitted before may be wrong by now, and names that are not watched are
            // the sweep's. At worst BPF does nothing until it takes this again.
            let without = [&keys[..], &[]];
            let wanted = without.map(|keys| bpf::Wanted { keys, prevent: &[] });
            if !wanted.iter().any(|wanted| bpf.rewatch(wanted).is_ok()) {
                log::warn!("what BPF watches and prevents stays as it was");
            }
        }
        let prevented: BTreeSet<&Key> = prevented.iter().map(|(key, _)| key).collect();
        let is_prevented = |s: &&Slot| prevented.contains(&s.key);
        self.prevented = slots.iter().filter(is_prevented).map(|s| s.key.clone()).collect();
        problems
    }

    /// The same where BPF is not wanted: nothing is prevented.
    pub fn look_without_bpf(&mut self, slots: &[Slot]) -> Vec<(Key, String)> {
        const WHY: &str = "BPF is not used, as --no-bpf says";
        self.why_not = Some(WHY.to_owned());
        let prevented = slots.iter().filter(|s| s.state.policy() == OnDrift::Prevent);
        prevented.map(|s| (s.key.clone(), WHY.to_owned())).collect()
    }

    /// Attaches the program, where it is not; nothing is watched yet.
    fn attach(&mut self, poll: &Poll) -> Result<(), bpf::BpfError> {
        if self.bpf.is_some() {
            return Ok(());
        }
        let wake = match &self.marks {
            Marks::Fanotify(_) => Wake::unless_fanotify_does(),
            _ => Wake::Always,
        };
        let mut bpf = Bpf::attach_with(
            &bpf::Wanted::default(),
            &bpf::Options { wake, ring_bytes: RING, ..bpf::Options::default() },
        )?;
        if let Err(error) = poll.add(bpf.fd(), source::BPF) {
            log::warn!("BPF's records are read at sweeps only: {error}");
        }
        if self.pin.0 {
            match bpf.pin() {
                Ok(()) => self.pin.1 = true,
                Err(error) => log::warn!("prevention ends with this process: {error}"),
            }
        }
        self.bpf = Some(bpf);
        Ok(())
    }

    /// Whether what is prevented stays so when this process ends.
    pub fn is_pinned(&self) -> bool {
        self.pin.1
    }

    /// How changes are seen, in a word.
    pub fn name(&self) -> &'static str {
        match (&self.bpf, &self.marks) {
            (Some(_), Marks::Fanotify(_)) => "bpf and fanotify",
            (Some(_), Marks::Inotify(_)) => "bpf and inotify",
            (Some(_), Marks::None) => "bpf",
            (None, Marks::Fanotify(_)) => "fanotify",
            (None, Marks::Inotify(_)) => "inotify",
            (None, Marks::None) => "sweeps",
        }
    }
}

fn words(errno: Errno) -> String {
    io::Error::from_raw_os_error(errno.0).to_string()
}
