//! The plan: from what is desired and what was observed to ordered steps, with every reason.
#![forbid(unsafe_code)]

mod beaten;
mod boot;
pub mod check;
mod dirty;
mod file;
mod guard;
mod lines;
mod names;
mod needed;
mod note;
mod order;
mod outcome;
mod persisted;
mod preflight;
mod ramp;
mod recovery;
mod remember;
mod returned;
mod rollback;
mod summary;
mod trial;
mod unapplied;
mod volatile;
mod waits;

pub use file::{Dropin, Foreign, has_secret};
pub use guard::Refusal;
pub use needed::{also_needed, also_needed_to_return, asks_of_boot};
pub use note::Note;
pub use order::{Step, bytes};
pub use outcome::{DropinOutcome, Outcome, StepOutcome, StepResult, Stopped};
pub use preflight::{TAKEN_PERCENT, usage_needed, usage_of};
pub use ramp::{Strained, Verdict, bearable, verdict};
pub use recovery::{Recovery, is_committed, looked_at, reads_as, recovery};
pub use remember::Memory;
pub use returned::{Fate, Origin, Returned, Was, managed, needed_to_return, own_patterns};
pub use rollback::rollback;
pub use summary::Summary;
pub use trial::{Untryable, trial, tried, untryable};
pub use unapplied::Unapplied;

use std::collections::BTreeSet;

use crate::baseline::{Desired, DesiredSet};
use crate::bootview::{BootView, Loader, Problem, dropin, with_file};
use crate::diagnostic::Position;
use crate::diff::{self, BootStatus, BootValue, Cause, LiveStatus};
use crate::key::{Key, Selector};
use crate::observed::{ConfTree, Facts, Originals, Reading, Released, Snapshot};

use lines::Lines;

/// What was seen of the host when the plan was made.
pub struct Observed<'a> {
    /// Facts of the host that is planned for.
    pub facts: &'a Facts,
    /// The parameters, and those that a write to them changes.
    pub snapshot: &'a Snapshot,
    /// The sysctl.d files.
    pub conf: &'a ConfTree,
    /// What parameters were before tunectl.
    pub originals: &'a Originals,
    /// Whether that is for root to see.
    pub hides: bool,
    /// What was rolled back and is to be left alone.
    pub released: &'a Released,
    /// Whether what is desired no longer is given back.
    pub gives_back: bool,
    /// Whether the plan may be carried out, and what that takes is worked out as well.
    pub remembers: bool,
}

impl<'a> Observed<'a> {
    /// A host of which nothing is remembered.
    pub fn new(facts: &'a Facts, snapshot: &'a Snapshot, conf: &'a ConfTree) -> Self {
        static NOTHING: Originals = Originals::NONE;
        static NONE: Released = Released::NONE;
        let (originals, released) = (&NOTHING, &NONE);
        let (hides, gives_back, remembers) = (false, false, true);
        Self { facts, snapshot, conf, originals, hides, released, gives_back, remembers }
    }
}

/// Everything that would be done, and why.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is desired, with the texts it came from.
    pub baseline: DesiredSet,
    /// The loader that this host boots with.
    pub loader: Loader,
    /// Each desired parameter, by key.
    pub items: Vec<Item>,
    /// Parameters that are given back.
    pub returned: Vec<Returned>,
    /// Writes, in order.
    pub steps: Vec<Step>,
    /// Values that a cascade may have changed by the time a failed apply is undone; none of a plan
    /// that is only looked at.
    pub originals: Vec<(Key, String)>,
    /// The drop-in.
    pub dropin: Dropin,
    /// The numbers made from this boot's RAM, where tunectl-boot makes them at each boot.
    pub host_file: Dropin,
    /// Whether tunectl-boot.service is enabled.
    pub boot_unit: bool,
    /// Lines that the host's loader stumbles over.
    pub boot_problems: Vec<Problem>,
    /// What is remembered of the time before; nothing of a plan that is only looked at.
    pub memory: Memory,
}

/// One parameter in the plan.
#[derive(Clone, Debug)]
pub struct Item {
    /// What is desired.
    pub desired: Desired,
    /// What it reads now.
    pub live: Option<String>,
    /// How it stands now.
    pub live_status: LiveStatus,
    /// Why, where the status alone does not say.
    pub cause: Option<Cause>,
    /// What systemd-sysctl would leave at the next boot.
    pub systemd: BootValue,
    /// What procps would leave.
    pub procps: BootValue,
    /// How it stands after the next boot, under the host's own loader.
    pub boot_status: BootStatus,
    /// What the line leaves that wins over our drop-in, where one does.
    pub overridden_by: Option<BootValue>,
    /// The lines of other files that set it as well and lose, where they were asked for.
    pub beaten: Vec<Position>,
    /// The file that could not be looked into, where that leaves the boot unknown.
    pub unseen: Option<Position>,
    /// Whether a step writes it.
    pub write: bool,
    /// Whether the drop-in will say something else of it than now.
    pub persist: bool,
    /// The text that is persisted; `None`: nothing.
    pub persisted: Option<String>,
    /// Whether nothing is because the kernel makes what satisfies the bound, at each boot anew.
    pub left_to_kernel: bool,
    /// What is worth knowing.
    pub notes: Vec<Note>,
    /// Guards that stand in the way.
    pub refusals: Vec<Refusal>,
}

impl Item {
    /// Whether the parameter is as required, now and after the next boot.
    pub fn in_sync(&self) -> bool {
        self.live_status == LiveStatus::InSync && self.boot_status == BootStatus::Same
    }

    /// Whether nothing is done about it today, by an exception or because it is not there and need
    /// not be, so that it does not count.
    pub fn waived(&self) -> bool {
        self.desired.waiver.is_some() || self.is_spared()
    }

    /// Whether the kernel has no such parameter, and the baseline says that it may lack it.
    pub fn is_spared(&self) -> bool {
        self.desired.optional && self.live_status == LiveStatus::Absent
    }

    /// Whether an apply cannot bring it in sync.
    pub fn blocked(&self) -> bool {
        !self.waived()
            && (self.live_status.is_beyond_reach()
                || self.boot_status == BootStatus::Overridden
                || !self.refusals.is_empty())
    }

    /// Whether tunectl-boot and the daemon, where they are enabled, hold it, now or once it is there.
    pub fn is_held(&self) -> bool {
        !self.live_status.is_beyond_reach() && !self.waived() && self.refusals.is_empty()
    }

    /// Whether another user alone may read it, so that nothing is known of it here.
    pub fn is_denied(&self) -> bool {
        matches!(self.cause, Some(Cause::ReadRefused(errno)) if errno.is_denial())
    }

    /// Whether it is not there yet.
    pub fn pending(&self) -> bool {
        self.live_status == LiveStatus::Pending && !self.waived()
    }
}

impl Plan {
    /// The item of `key`, or the one by which it is given back.
    pub fn item(&self, key: &Key) -> Option<&Item> {
        let is_it = |r: &&Returned| r.item.desired.key == *key;
        let returned = || {
            // Of a pair it is the other half by which it is given back.
            let own = returned::of(&self.returned, key).filter(is_it);
            own.or_else(|| self.returned.iter().find(is_it)).map(|r| &r.item)
        };
        item_of(&self.items, key).or_else(returned)
    }

    /// Whether an apply would do something.
    pub fn changes(&self) -> bool {
        !self.steps.is_empty() || self.files().any(Dropin::changes)
    }

    /// Whether everything that can be in sync today is, now and after a reboot.
    pub fn in_sync(&self) -> bool {
        !self.changes()
            && self.items.iter().all(|i| {
                i.waived() || i.in_sync() || (i.pending() && i.boot_status == BootStatus::Same)
            })
    }

    /// Our files.
    pub fn files(&self) -> impl Iterator<Item = &Dropin> {
        [&self.dropin, &self.host_file].into_iter()
    }

    /// What lies in the place of one of our files and is not ours, and where.
    pub fn foreign(&self) -> Option<(Foreign, &'static str)> {
        self.in_place().find(|(what, _)| *what != Foreign::Unread)
    }

    /// What keeps this user from writing one of our files: what is not ours, or may be.
    pub fn in_place(&self) -> impl Iterator<Item = (Foreign, &'static str)> {
        self.files().filter_map(|file| Some((file.foreign?, file.path)))
    }

    /// All refusals with the item they concern.
    pub fn refusals(&self) -> impl Iterator<Item = (&Item, &Refusal)> {
        let items = self.items.iter().chain(self.returned.iter().map(|r| &r.item));
        items.flat_map(|item| item.refusals.iter().map(move |r| (item, r)))
    }

    /// Whether an item is one by which something is given back.
    pub fn gives_back(&self, item: &Item) -> bool {
        self.returned.iter().any(|r| std::ptr::eq(&raw const r.item, item))
    }

    /// A file's text without some keys: those that the kernel refused, and the patterns that
    /// would set them all the same. What it does not take back stays. `None`: no file.
    pub fn text_without(&self, file: &Dropin, refused: &[Key]) -> Option<String> {
        let stuck = file.taken_out.iter().filter(|line| match &line.selector {
            Selector::Key(key) => self.is_refused(key, refused),
            Selector::Pattern(_) => false,
        });
        let mut kept: Vec<dropin::Line> = file
            .lines
            .iter()
            .filter(|line| match &line.selector {
                Selector::Key(key) => !refused.contains(key),
                Selector::Pattern(pattern) => !refused.iter().any(|key| pattern.matches(key)),
            })
            .chain(stuck)
            .cloned()
            .collect();
        let patterns = |lines: &[dropin::Line]| {
            lines.iter().filter(|l| matches!(l.selector, Selector::Pattern(_))).count()
        };
        // What went with a pattern that would set what was refused keeps a line of its own.
        if patterns(&kept) < patterns(&file.lines) {
            kept.extend(persisted::uncarried(&self.items, &file.lines, refused));
        }
        if kept.is_empty() && file.gone {
            return None;
        }
        if kept == file.lines && !file.gone {
            return Some(file.text.clone());
        }
        Some(dropin::render(file.path, &self.baseline.name, &self.baseline.sha256, &kept))
    }
}

/// The item of `key` among those of a plan, which are in the order of their keys.
fn item_of<'i>(items: &'i [Item], key: &Key) -> Option<&'i Item> {
    items.binary_search_by(|item| item.desired.key.cmp(key)).ok().and_then(|at| items.get(at))
}

/// Makes the plan. Pure: the same inputs give the same plan.
pub fn plan(baseline: DesiredSet, observed: &Observed<'_>) -> Plan {
    let facts = observed.facts;
    let loader = if facts.systemd { Loader::Systemd } else { Loader::Procps };
    let lasting = volatile::lasting(observed.conf, facts.boot_unit);
    let conf = lasting.as_ref().unwrap_or(observed.conf);
    let now = BootView::on(facts.kernel, conf);
    let own = persisted::Own::of(observed.conf);
    let others = volatile::others(conf).map(|conf| now.of_changed(&conf));
    let without = others.as_ref().unwrap_or(&now);
    let old_lines = Lines::of(own);
    let mut returned = no_longer(&baseline, observed, without, loader, &old_lines);
    let all = with_returned(&baseline.parameters, &returned);
    returned::refuse(&mut returned, &all, observed);
    let files = Files { now: &now, others: others.as_ref(), old_lines: &old_lines, loader };
    let judged = |desired| judged(desired, observed, &files, &all);
    let mut items: Vec<Item> = baseline.parameters.iter().map(judged).collect();
    let steps = ordered(&mut items, &mut returned, observed);
    let mut named = BTreeSet::new();
    let (files, changed) = loop {
        let files = persisted::files(
            &baseline,
            &items,
            (own, &old_lines),
            without,
            &returned,
            observed,
            &named,
        );
        // Where our files are as they should be, the next boot is already the planned one.
        let changes = [&files.dropin, &files.host].map(|file| file.differs().then_some(file));
        let changed = changes.into_iter().flatten().fold(None, |tree: Option<ConfTree>, file| {
            Some(with_file(tree.as_ref().unwrap_or(conf), file.path, file.after()))
        });
        let changed = changed.map(|conf| now.of_changed(&conf));
        let lost = persisted::lost(&files, &items, changed.as_ref().unwrap_or(&now), facts);
        if lost.is_empty() {
            break (files, changed);
        }
        named.extend(lost);
    };
    let (dropin, host_file) = (files.dropin, files.host);
    let after = changed.as_ref().unwrap_or(&now);
    for item in &mut items {
        let planned = boot::value(&item.desired, after, loader, observed);
        boot::judge(item, planned, boot::Boots { loader, now: &now, after });
        let old = old_lines.value_of(&item.desired.key);
        item.persist = persisted::is_anew(item, old, &dropin);
    }
    // The other loader is judged by what it would do once the drop-in is as planned.
    let other = loader.other();
    let elsewhere: Vec<BootValue> =
        items.iter().map(|i| boot::value(&i.desired, after, other, observed)).collect();
    note::annotate(&mut items, observed, loader, elsewhere, &baseline);
    if lasting.is_some() {
        volatile::annotate(&mut items, observed.conf, &now, loader);
    }
    let (mut originals, mut memory) = (Vec::new(), Memory::default());
    if observed.remembers {
        originals = order::originals(&steps, observed.snapshot);
        let made = remember::Made {
            items: &items,
            steps: &steps,
            besides: &originals,
            returned: &returned,
            ours: &old_lines,
            snapshot: observed.snapshot,
            facts,
        };
        memory = remember::memory(observed.originals, &made, observed.gives_back);
    }
    Plan {
        memory,
        originals,
        boot_problems: now.problems(loader).to_vec(),
        baseline,
        loader,
        items,
        returned,
        steps,
        dropin,
        host_file,
        boot_unit: facts.boot_unit,
    }
}

/// The sysctl.d files as the next boot would find them now.
struct Files<'a> {
    /// What they lead to.
    now: &'a BootView,
    /// The same without ours, where one of ours is there.
    others: Option<&'a BootView>,
    /// The lines of ours.
    old_lines: &'a Lines,
    loader: Loader,
}

/// A desired parameter as it stands, and what is to be done about it: what the next boot leaves
/// once our files are as planned is judged later.
fn judged(desired: &Desired, observed: &Observed<'_>, files: &Files<'_>, all: &[Desired]) -> Item {
    let facts = observed.facts;
    let (live_status, cause) = diff::live(desired, observed.snapshot, facts);
    let without_ours =
        boot::value(desired, files.others.unwrap_or(files.now), files.loader, observed);
    let boot_value = |of| match files.others {
        // No file of ours is there: judged already.
        None if of == files.loader => without_ours.clone(),
        _ => boot::value(desired, files.now, of, observed),
    };
    let live = observed.snapshot.text(&desired.key);
    let refusals = guard::refusals(desired, live_status, all, observed);
    let released = observed.released.covers(&desired.key);
    let old = files.old_lines.value_of(&desired.key);
    let status = (live_status, cause.as_ref());
    let kept = !facts.boot_unit || observed.originals.of_boot.contains_key(&desired.key);
    let persisted = diff::to_persist(desired, status, (live, kept), old, &without_ours);
    let left =
        diff::is_left_to_kernel(desired, (live_status, live), persisted.as_deref(), &without_ours);
    Item {
        left_to_kernel: left && !released && refusals.is_empty(),
        live: live.map(str::to_owned),
        live_status,
        cause,
        systemd: boot_value(Loader::Systemd),
        procps: boot_value(Loader::Procps),
        boot_status: BootStatus::Unset,
        overridden_by: None,
        beaten: Vec::new(),
        unseen: None,
        write: live_status == LiveStatus::Differs
            && desired.waiver.is_none()
            && refusals.is_empty()
            && !released,
        persist: false,
        persisted: match &refusals[..] {
            _ if released => None,
            [] => persisted,
            // What the drop-in has was let through when it was written.
            these if these.iter().all(Refusal::is_of_this_moment) => old.map(str::to_owned),
            // What is refused is not done by halves.
            _ => None,
        },
        notes: Vec::new(),
        refusals,
        desired: desired.clone(),
    }
}

/// What is to be given back because it is not desired any longer.
fn no_longer(
    baseline: &DesiredSet,
    observed: &Observed<'_>,
    without: &BootView,
    loader: Loader,
    ours: &Lines,
) -> Vec<Returned> {
    if !observed.gives_back {
        return Vec::new();
    }
    let held = |key: &Key| baseline.get(key).is_some();
    // What went with its interface is asked for as before, and so may be what no look was had at.
    let gone = |key: &Key| {
        let exists = observed.snapshot.get(key).is_some_and(Reading::exists);
        baseline.patterns.iter().any(|p| (!exists || p.unseen.is_some()) && p.pattern.matches(key))
    };
    let keys = returned::managed_by(ours, observed, &returned::matches(ours, observed))
        .into_iter()
        .filter(|key| !held(key) && !gone(key))
        .collect();
    let desired = &baseline.parameters;
    let among =
        returned::Among { observed, without, loader, ours, held: &held, desired, allow: &[] };
    returned::judge(&keys, &among)
}

/// Everything that is written to, or left as it is by writes.
fn with_returned<'a>(
    desired: &'a [Desired],
    returned: &[Returned],
) -> std::borrow::Cow<'a, [Desired]> {
    if returned.is_empty() {
        return desired.into();
    }
    let written = returned.iter().filter(|r| r.verdict == Fate::Restore);
    desired.iter().cloned().chain(written.map(|r| r.item.desired.clone())).collect()
}

/// The writes for what is desired, and for what is given back, in one order.
fn ordered(items: &mut Vec<Item>, returned: &mut [Returned], observed: &Observed<'_>) -> Vec<Step> {
    let count = items.len();
    items.extend(returned.iter().filter(|r| r.is_in_order()).map(|r| r.item.clone()));
    let steps = order::steps(items, observed.snapshot);
    let in_order = returned.iter_mut().filter(|r| r.is_in_order());
    for (one, item) in in_order.zip(items.drain(count..)) {
        one.item = item;
    }
    steps
}
