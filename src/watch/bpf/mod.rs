//! A BPF program at the root of the cgroups that sees each write to a parameter in the writer's
//! own context, from any mount or pid namespace: it names the writer, and may refuse the write.
//!
//! It is written here instruction by instruction and handed to bpf(2) as it is: neither a
//! compiler nor a library is needed, and what depends on the kernel's structures is taken from
//! the running kernel's BTF. It goes when this process goes, unless it is pinned.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

mod aside;
mod assembler;
mod btf;
mod error;
mod layout;
mod pin;
mod place;
mod program;
mod record;
mod ring;
mod sys;
mod wanted;

pub use error::BpfError;
pub use pin::{is_unpinned, let_go, unpin};
pub use program::Wake;
pub use record::Attempt;
pub use wanted::{Admitted, Wanted};

use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use crate::key::Key;

use layout::Layout;
use place::Home;
use program::{Identity, Plan};
use ring::{Counter, Ring};
use wanted::{Contents, Domain, ENTRY_BYTES, NAME_BYTES, TEXT_KEY_BYTES};

/// Most names that are watched, and most spellings of admitted texts. The maps have room for
/// twice as many: for a moment, what was and what is to be are in them together.
const MOST_NAMES: u32 = 16_384;
const MOST_TEXTS: u32 = 4_096;
/// Kernels before 5.12 give an error where the verifier's reasons do not fit.
const LOG_BYTES: usize = 1 << 20;

/// How the program is set up, where that is not as usual.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only writers in this cgroup are seen; by default all.
    pub cgroup: Option<PathBuf>,
    /// Bytes of the ring, a power of two; a record takes 1 KiB.
    pub ring_bytes: usize,
    /// When a record makes [`Bpf::fd`] readable for one who waits.
    pub wake: Wake,
    /// Record also what is written to values of other network, IPC, UTS, user or pid namespaces
    /// than this process's own: nothing that it sees has changed then.
    pub others: bool,
    /// As if the kernel had no BTF.
    pub without_btf: bool,
    /// As if the kernel were older than 6.0.
    pub without_helpers: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cgroup: None,
            ring_bytes: 128 << 10,
            wake: Wake::default(),
            others: false,
            without_btf: false,
            without_helpers: false,
        }
    }
}

/// What works here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each works or does not, apart from the others")]
pub struct Rung {
    /// The writer's process id is known.
    pub pid: bool,
    /// Its name.
    pub comm: bool,
    /// Its command line and parents.
    pub command_line: bool,
    /// Whether it writes to a value of the host or of another namespace.
    pub namespaces: bool,
    /// Writes can be refused.
    pub prevent: bool,
    /// Why something does not.
    pub why_not: Option<String>,
}

/// The program, attached. It is detached when this is dropped or the process ends.
#[derive(Debug)]
pub struct Bpf {
    ring: Ring,
    lost: Counter,
    names: sys::Map<NAME_BYTES, ENTRY_BYTES>,
    texts: sys::Map<TEXT_KEY_BYTES, 1>,
    contents: Contents,
    /// The last number that a set of texts got.
    last_text: u64,
    plan: Plan,
    rung: Rung,
    link: OwnedFd,
    pinned: bool,
}

impl Drop for Bpf {
    fn drop(&mut self) {
        // A child of this process may not have closed its copy of the link yet.
        if !self.pinned {
            let _ = sys::detach(self.link.as_fd());
        }
    }
}

impl Bpf {
    /// Attaches the program to the root of the cgroup v2 hierarchy.
    ///
    /// # Errors
    /// [`BpfError`] says what is missing: it is a rung lower, not a failure.
    pub fn attach(wanted: &Wanted<'_>) -> Result<Self, BpfError> {
        Self::attach_with(wanted, &Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Bpf::attach`].
    pub fn attach_with(wanted: &Wanted<'_>, options: &Options) -> Result<Self, BpfError> {
        let (cgroup, path) = place::open_cgroup(options.cgroup.as_deref())?;
        let maps = |source| BpfError::of("make the maps of its BPF program", source);
        let ring = with_memory(|| Ring::new(options.ring_bytes))
            .map_err(|e| BpfError::of("make a BPF ring buffer", e))?;
        let lost = Counter::new().map_err(maps)?;
        let names = sys::Map::hash(2 * MOST_NAMES).map_err(maps)?;
        let texts = sys::Map::hash(2 * MOST_TEXTS).map_err(maps)?;
        let home = Home::of_this_process();
        let plan = Plan {
            names: names.fd().as_raw_fd(),
            texts: texts.fd().as_raw_fd(),
            ring: ring.fd().as_raw_fd(),
            lost: lost.fd().as_raw_fd(),
            identity: Identity::Unknown,
            layout: None,
            home,
            process: home.process(),
            wake: options.wake,
            others: options.others,
        };
        let (program, plan, rung) = load(plan, options)?;
        let mut last_text = 0;
        let contents = Contents::of(wanted, &Contents::default(), &mut last_text)?;
        check(wanted, &contents, &plan, &rung)?;
        fill(&names, &texts, &contents, &Contents::default())?;
        let link = sys::link(program.as_fd(), cgroup.as_fd()).map_err(|source| {
            match (source.raw_os_error(), sys::attached(cgroup.as_fd())) {
                // Loading it has shown that the process may; one above it is not counted here.
                (Some(libc::EPERM), Ok((_, false))) => BpfError::Occupied { path },
                _ => BpfError::of("attach its BPF program to a cgroup", source),
            }
        })?;
        Ok(Self { ring, lost, names, texts, contents, last_text, plan, rung, link, pinned: false })
    }

    /// What works here.
    pub fn rung(&self) -> &Rung {
        &self.rung
    }

    /// The ring, for epoll: readable when there are records.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.ring.fd()
    }

    /// Gives `each` the records that are there, oldest first, and says how many they were.
    /// Nothing is allocated.
    pub fn drain(&mut self, each: &mut dyn FnMut(&Attempt<'_>)) -> usize {
        self.ring.drain(&mut |record| {
            if let Some(attempt) = Attempt::read(record) {
                each(&attempt);
            }
        })
    }

    /// How many records did not fit into the ring since it was attached.
    pub fn lost(&self) -> u64 {
        self.lost.get()
    }

    /// Those of `prevent` whose writes cannot be refused here, and why: each is a matter of its own.
    pub fn cannot_prevent(&self, prevent: &[(Key, Admitted)]) -> Vec<(Key, BpfError)> {
        let checked = wanted::fits(prevent)
            .map(|(key, fits)| (key, fits.and_then(|()| can_prevent(key, &self.plan, &self.rung))));
        checked.filter_map(|(key, can)| Some((key.clone(), can.err()?))).collect()
    }

    /// Watches other names from now on, or prevents others, with nothing unwatched in between.
    ///
    /// # Errors
    /// As [`Bpf::attach`]. What cannot be is found before anything changes.
    pub fn rewatch(&mut self, wanted: &Wanted<'_>) -> Result<(), BpfError> {
        let contents = Contents::of(wanted, &self.contents, &mut self.last_text)?;
        check(wanted, &contents, &self.plan, &self.rung)?;
        // Whoever breaks the glass takes names out of what is pinned: all of it is sent again.
        let nothing = Contents::default();
        let there = if self.pinned { &nothing } else { &self.contents };
        let filled = fill(&self.names, &self.texts, &contents, there);
        let other = if filled.is_ok() {
            std::mem::replace(&mut self.contents, contents)
        } else {
            // As it was: entries that both have may already be the new ones.
            let _ = fill(&self.names, &self.texts, &self.contents, &nothing);
            contents
        };
        let removed = self.remove(&other);
        filled.and(removed)
    }

    /// Takes out of the maps what `other` has and is not to be there.
    fn remove(&self, other: &Contents) -> Result<(), BpfError> {
        let failed =
            |source| BpfError::Failed { what: "change what its BPF program watches", source };
        for name in other.entries.keys().filter(|n| !self.contents.entries.contains_key(*n)) {
            sys::remove_element(&self.names, name).map_err(failed)?;
        }
        for text in other.texts.difference(&self.contents.texts) {
            sys::remove_element(&self.texts, text).map_err(failed)?;
        }
        Ok(())
    }
}

/// Tries again with no limit on memory where that may be what is missing.
fn with_memory<T>(make: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match make() {
        Err(e) if place::is_refusal(&e) => {
            sys::lift_memory_limit();
            make()
        }
        made => made,
    }
}

/// Loads the richest form of the program that this kernel takes.
fn load(plan: Plan, options: &Options) -> Result<(OwnedFd, Plan, Rung), BpfError> {
    let layout = if options.without_btf {
        Err("the kernel's BTF is not used".to_owned())
    } else {
        Layout::of_this_kernel()
    };
    let mut why_not = layout.as_ref().err().cloned();
    let forms = [
        (Identity::Helpers, layout.as_ref().ok()),
        (Identity::Task, layout.as_ref().ok()),
        (Identity::Helpers, None),
        (Identity::Number, None),
        (Identity::Unknown, None),
    ];
    let mut first: Option<(io::Error, String)> = None;
    for (identity, layout) in forms {
        let skipped = options.without_helpers
            && matches!(identity, Identity::Helpers | Identity::Number)
            || layout.is_none() && identity == Identity::Task;
        if skipped {
            continue;
        }
        let plan = Plan { identity, layout: layout.copied(), ..plan };
        let instructions = plan.assemble()?;
        let error = match sys::load(&instructions, None) {
            Ok(program) => {
                let rung = Rung::of(&plan, why_not.filter(|_| plan.layout.is_none()));
                return Ok((program, plan, rung));
            }
            Err(e) if e.raw_os_error() == Some(libc::EPERM) => {
                return Err(BpfError::NotPermitted { what: "load a BPF program" });
            }
            Err(e) => e,
        };
        let log = reasons(&instructions);
        log::debug!("the BPF program ({identity:?}) is refused: {error}\n{log}");
        if layout.is_some() {
            why_not = Some(match place::lockdown() {
                Some(mode) => format!(
                    "the kernel is locked down ({mode}) and shows BPF programs nothing of its \
                     memory"
                ),
                None => format!(
                    "the kernel does not let a BPF program of this kind read its memory \
                     ({error}): CAP_PERFMON is missing, or the kernel is too old for it"
                ),
            });
        }
        first.get_or_insert((error, log));
    }
    let (source, log) = first.unwrap_or_else(|| (io::ErrorKind::Unsupported.into(), String::new()));
    Err(BpfError::Refused { source, log })
}

/// What the verifier says of a program that it has refused.
fn reasons(instructions: &[assembler::Instruction]) -> String {
    let mut log = vec![0; LOG_BYTES];
    let _ = sys::load(instructions, Some(&mut log));
    let text = log.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

impl Rung {
    fn of(plan: &Plan, why_not: Option<String>) -> Self {
        let identified = plan.identity != Identity::Unknown;
        let nested = plan.process.is_none() && identified;
        let not_first =
            "tunectl runs in a pid namespace, where it cannot tell its own writes from others"
                .to_owned();
        Self {
            pid: identified,
            comm: matches!(plan.identity, Identity::Helpers | Identity::Task),
            command_line: plan.layout.is_some(),
            namespaces: Domain::OF_NAMESPACES.into_iter().all(|d| plan.tells(d)),
            prevent: plan.can_prevent(),
            why_not: why_not.or(nested.then_some(not_first)),
        }
    }
}

/// Whether the maps have room, and each prevented name can be.
fn check(
    wanted: &Wanted<'_>,
    contents: &Contents,
    plan: &Plan,
    rung: &Rung,
) -> Result<(), BpfError> {
    for (what, count, most) in [
        ("parameters", contents.entries.len(), MOST_NAMES),
        ("spellings of admitted texts", contents.texts.len(), MOST_TEXTS),
    ] {
        if u32::try_from(count).is_ok_and(|count| count <= most) {
            continue;
        }
        return Err(BpfError::TooMany { what, most });
    }
    wanted.prevent.iter().try_for_each(|(key, _)| can_prevent(key, plan, rung))
}

/// Whether foreign writes to that name can be refused.
fn can_prevent(key: &Key, plan: &Plan, rung: &Rung) -> Result<(), BpfError> {
    let domain = Domain::of(key);
    let reason = || rung.why_not.clone().unwrap_or_else(|| "the kernel does not show it".into());
    let why = if !plan.can_prevent() {
        format!("the BPF program cannot tell who writes ({})", reason())
    } else if !plan.tells(domain) {
        let name = domain.name();
        format!(
            "each {name} namespace has its own, and the BPF program cannot tell whose is written ({})",
            reason()
        )
    } else {
        return Ok(());
    };
    Err(BpfError::NoPrevention { key: key.clone(), why })
}

/// What is `there` already is not sent again. Texts go first: a name must never refer to some that are
/// not there yet.
fn fill(
    names: &sys::Map<NAME_BYTES, ENTRY_BYTES>,
    texts: &sys::Map<TEXT_KEY_BYTES, 1>,
    contents: &Contents,
    there: &Contents,
) -> Result<(), BpfError> {
    let failed = |source| BpfError::of("tell its BPF program what to watch", source);
    for text in contents.texts.difference(&there.texts) {
        sys::set_element(texts, text, &[1]).map_err(failed)?;
    }
    let is_there = |name| there.entries.get(name);
    for (name, entry) in contents.entries.iter().filter(|(name, e)| is_there(*name) != Some(e)) {
        sys::set_element(names, name, entry).map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
