//! The plan: from what is desired and what was observed to ordered steps, with every reason.
#![forbid(unsafe_code)]

pub mod check;
mod guard;
mod note;
mod order;
mod outcome;
mod persisted;
mod preflight;
mod ramp;
mod recovery;
mod trial;

pub use guard::Refusal;
pub use note::Note;
pub use order::{Step, bytes};
pub use outcome::{DropinOutcome, Outcome, StepOutcome, StepResult, Stopped};
pub use preflight::usage_needed;
pub use ramp::{Strained, Verdict, bearable, verdict};
pub use recovery::{Recovery, looked_at, reads_as, recovery};
pub use trial::{Untryable, trial, tried, untryable};

use crate::baseline::{Desired, DesiredSet};
use crate::bootview::{BootView, Loader, Problem, dropin, with_file};
use crate::catalogue;
use crate::diff::{self, BootStatus, BootValue, Cause, LiveStatus};
use crate::key::{Key, Selector, has_wildcard};
use crate::observed::{ConfTree, Facts, Snapshot};

/// What was seen of the host when the plan was made.
pub struct Observed<'a> {
    /// Facts of the host that is planned for.
    pub facts: &'a Facts,
    /// The parameters, and those that a write to them changes.
    pub snapshot: &'a Snapshot,
    /// The sysctl.d files.
    pub conf: &'a ConfTree,
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
    /// Writes, in order.
    pub steps: Vec<Step>,
    /// Values that a cascade may have changed by the time a failed apply is undone.
    pub originals: Vec<(Key, String)>,
    /// The drop-in.
    pub dropin: Dropin,
    /// The numbers made from this boot's RAM, where tunectl-boot makes them at each boot.
    pub host_file: Dropin,
    /// Whether tunectl-boot.service is enabled.
    pub boot_unit: bool,
    /// Lines that the host's loader stumbles over.
    pub boot_problems: Vec<Problem>,
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
    /// The line that wins over our drop-in, where one does.
    pub overridden_by: Option<BootValue>,
    /// Whether a step writes it.
    pub write: bool,
    /// Whether the drop-in will say something else of it than now.
    pub persist: bool,
    /// The text that is persisted; `None`: nothing.
    pub persisted: Option<String>,
    /// What is worth knowing.
    pub notes: Vec<Note>,
    /// Guards that stand in the way.
    pub refusals: Vec<Refusal>,
}

/// A file of ours, as it is and as it will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropin {
    /// Where it lies.
    pub path: &'static str,
    /// Its text now; `None` where there is none.
    pub before: Option<Vec<u8>>,
    /// Its text to be.
    pub text: String,
    /// What it will be made of.
    pub lines: Vec<dropin::Line>,
    /// Keys that it sets now and will set no longer.
    pub leaving: Vec<Selector>,
    /// Why it cannot be written, where that is known beforehand.
    pub foreign: Option<Foreign>,
}

/// What lies where our drop-in belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// A file that we did not write.
    File,
    /// A symbolic link.
    Link,
    /// Neither file nor link.
    Other,
}

impl Dropin {
    /// Whether it would be written; with nothing to say none is begun.
    pub fn changes(&self) -> bool {
        match &self.before {
            Some(before) => before != self.text.as_bytes(),
            None => !self.lines.is_empty(),
        }
    }
}

/// How the parameters of a plan count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// As required now and after a reboot.
    pub in_sync: usize,
    /// Will be written to the kernel.
    pub to_write: usize,
    /// Will be persisted, or persisted anew.
    pub to_persist: usize,
    /// Not there yet.
    pub pending: usize,
    /// Cannot be brought in sync by an apply.
    pub blocked: usize,
    /// Covered by a waiver.
    pub waived: usize,
}

impl Item {
    /// Whether the parameter is as required, now and after the next boot.
    pub fn in_sync(&self) -> bool {
        self.live_status == LiveStatus::InSync && self.boot_status == BootStatus::Same
    }

    /// Whether nothing is done about it today, by an exception.
    pub fn waived(&self) -> bool {
        self.desired.waiver.is_some()
    }

    /// Whether an apply cannot bring it in sync.
    pub fn blocked(&self) -> bool {
        let live = matches!(
            self.live_status,
            LiveStatus::Absent
                | LiveStatus::Unreadable
                | LiveStatus::ReadOnly
                | LiveStatus::KernelKeeps
        );
        !self.waived()
            && (live || self.boot_status == BootStatus::Overridden || !self.refusals.is_empty())
    }

    /// Whether tunectl-boot, where it is enabled, sets it after the loader has.
    pub fn set_by_unit(&self) -> bool {
        let settable = matches!(
            self.live_status,
            LiveStatus::InSync | LiveStatus::Differs | LiveStatus::Pending
        );
        settable && !self.waived() && self.refusals.is_empty()
    }

    /// Whether no file carries its number over a reboot, because it is made from the RAM that
    /// the host then has.
    pub fn made_at_boot(&self, facts: &Facts) -> bool {
        self.desired.from_ram && facts.boot_unit
    }

    /// Whether it is not there yet.
    pub fn pending(&self) -> bool {
        self.live_status == LiveStatus::Pending && !self.waived()
    }

    /// The value under the host's loader.
    pub fn boot(&self, loader: Loader) -> &BootValue {
        match loader {
            Loader::Systemd => &self.systemd,
            Loader::Procps => &self.procps,
        }
    }
}

impl Plan {
    /// How the parameters count.
    pub fn summary(&self) -> Summary {
        let count = |f: &dyn Fn(&Item) -> bool| self.items.iter().filter(|i| f(i)).count();
        Summary {
            in_sync: count(&|i| i.in_sync() && !i.persist && !i.waived()),
            to_write: count(&|i| i.write),
            to_persist: count(&|i| i.persist),
            pending: count(&Item::pending),
            blocked: count(&Item::blocked),
            waived: count(&Item::waived),
        }
    }

    /// The item of `key`.
    pub fn item(&self, key: &Key) -> Option<&Item> {
        let at = self.items.binary_search_by(|i| i.desired.key.cmp(key)).ok()?;
        self.items.get(at)
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
        self.files().find_map(|file| Some((file.foreign?, file.path)))
    }

    /// All refusals with the item they concern.
    pub fn refusals(&self) -> impl Iterator<Item = (&Item, &Refusal)> {
        self.items.iter().flat_map(|item| item.refusals.iter().map(move |r| (item, r)))
    }

    /// A file's text without some keys: those that the kernel refused, and the patterns that
    /// would set them all the same.
    pub fn text_without(&self, file: &Dropin, refused: &[Key]) -> String {
        let kept: Vec<dropin::Line> = file
            .lines
            .iter()
            .filter(|line| match &line.selector {
                Selector::Key(key) => !refused.contains(key),
                Selector::Pattern(pattern) => !refused.iter().any(|key| pattern.matches(key)),
            })
            .cloned()
            .collect();
        dropin::render(file.path, &self.baseline.name, &self.baseline.sha256, &kept)
    }
}

/// Parameters beyond the desired ones that a plan must have seen: other halves, bounds of an
/// order, and what a write changes besides. Patterns are given as globs.
pub fn also_needed(set: &DesiredSet) -> (Vec<Key>, Vec<&'static str>) {
    let mut keys = Vec::new();
    let mut globs = Vec::new();
    for desired in &set.parameters {
        keys.extend(preflight::also_needed(&desired.key));
        let Some(known) = desired.known else { continue };
        keys.extend(known.pair.map(|leaf| desired.key.sibling(leaf)));
        for order in known.order {
            if let catalogue::Order::AtMost(other) = order {
                keys.extend(Key::from_path(other));
            }
        }
        for effect in known.effects {
            match effect {
                catalogue::Effect::Copies(glob) if has_wildcard(glob) => globs.push(*glob),
                catalogue::Effect::Copies(other) | catalogue::Effect::Inverts(other) => {
                    keys.extend(Key::from_path(other));
                }
            }
        }
        if desired.key.as_path().starts_with("vm/dirty_") {
            for leaf in
                ["dirty_ratio", "dirty_bytes", "dirty_background_ratio", "dirty_background_bytes"]
            {
                keys.push(desired.key.sibling(leaf));
            }
        }
    }
    keys.sort();
    keys.dedup();
    globs.sort_unstable();
    globs.dedup();
    (keys, globs)
}

/// Makes the plan. Pure: the same inputs give the same plan.
pub fn plan(baseline: DesiredSet, observed: &Observed<'_>) -> Plan {
    let facts = observed.facts;
    let loader = if facts.systemd { Loader::Systemd } else { Loader::Procps };
    let now = BootView::new(observed.conf);
    let own = persisted::Own::of(observed.conf);
    let others = persisted::lasting(observed.conf, own)
        .map(|conf| now.of_changed(&conf, &[dropin::PATH, dropin::HOST_PATH]));
    let without = others.as_ref().unwrap_or(&now);
    let old_lines = own.values();
    let mut items: Vec<Item> = baseline
        .parameters
        .iter()
        .map(|desired| {
            let (live_status, cause) = diff::live(desired, observed.snapshot, facts);
            let without_ours = diff::boot_value(desired, without, loader, facts);
            let live = observed.snapshot.text(&desired.key);
            let refusals = guard::refusals(desired, live_status, &baseline.parameters, observed);
            let persisted = diff::to_persist(
                desired,
                (live_status, cause.as_ref()),
                live,
                persisted::value_of(&old_lines, &desired.key),
                &without_ours,
            );
            Item {
                live: live.map(str::to_owned),
                live_status,
                cause,
                systemd: diff::boot_value(desired, &now, Loader::Systemd, facts),
                procps: diff::boot_value(desired, &now, Loader::Procps, facts),
                boot_status: BootStatus::Unset,
                overridden_by: None,
                write: live_status == LiveStatus::Differs
                    && desired.waiver.is_none()
                    && refusals.is_empty(),
                persist: false,
                persisted: if refusals.is_empty() {
                    persisted
                } else if refusals.iter().all(Refusal::is_of_this_moment) {
                    // What the drop-in has was let through when it was written.
                    persisted::value_of(&old_lines, &desired.key).map(str::to_owned)
                } else {
                    // What is refused is not done by halves.
                    None
                },
                notes: Vec::new(),
                refusals,
                desired: desired.clone(),
            }
        })
        .collect();
    let steps = order::steps(&mut items, observed.snapshot);
    let (dropin, host_file) = persisted::files(&baseline, &items, own, without, facts);
    // Where our files are as they should be, the next boot is already the planned one.
    let changes = [&dropin, &host_file].map(|file| file.changes().then_some(file));
    let changed = changes.into_iter().flatten().fold(None, |conf: Option<ConfTree>, file| {
        let conf = conf.as_ref().unwrap_or(observed.conf);
        Some(with_file(conf, file.path, Some(&file.text)))
    });
    let changed = changed.map(|conf| now.of_changed(&conf, &[dropin.path, host_file.path]));
    let after = changed.as_ref().unwrap_or(&now);
    for item in &mut items {
        let now = item.boot(loader).clone();
        let planned = diff::boot_value(&item.desired, after, loader, facts);
        item.boot_status = diff::boot(&item.desired, &now, &planned);
        if item.boot_status == BootStatus::Overridden {
            item.overridden_by = Some(planned);
        }
        let old = persisted::value_of(&old_lines, &item.desired.key);
        item.persist = item.persisted.as_deref() != old && item.persisted.is_some();
    }
    // The other loader is judged by what it would do once the drop-in is as planned.
    let other = loader.other();
    let elsewhere: Vec<BootValue> =
        items.iter().map(|i| diff::boot_value(&i.desired, after, other, facts)).collect();
    note::annotate(&mut items, observed, loader, elsewhere);
    Plan {
        originals: originals(&steps, observed.snapshot),
        boot_problems: now.problems(loader).to_vec(),
        baseline,
        loader,
        items,
        steps,
        dropin,
        host_file,
        boot_unit: facts.boot_unit,
    }
}

/// The values of everything that the steps change besides their own keys.
fn originals(steps: &[Step], snapshot: &Snapshot) -> Vec<(Key, String)> {
    let effects: Vec<catalogue::Effect> = steps
        .iter()
        .filter_map(|s| catalogue::lookup(&s.key))
        .flat_map(|p| p.effects.iter().copied())
        .collect();
    snapshot
        .iter()
        .filter(|(key, _)| effects.iter().any(|e| e.reaches(key)))
        .filter_map(|(key, reading)| Some((key.clone(), reading.text()?.to_owned())))
        .collect()
}
