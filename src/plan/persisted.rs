//! What of a plan is persisted: the lines of our files, and what lies in their places now.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::baseline::DesiredSet;
use crate::bootview::{BootView, Loader, dropin};
use crate::catalogue;
use crate::diff::{self, BootStatus};
use crate::key::{Key, Selector};
use crate::observed::{ConfBody, ConfFile, ConfTree, Facts, Released, exact_text};

use super::lines::Lines;
use super::{Dropin, Foreign, Item, Observed, Returned, item_of, order, returned};

/// What lies in the places of our files.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    /// In that of the drop-in.
    pub dropin: Option<&'a ConfFile>,
    /// In that of the numbers made from RAM.
    pub host: Option<&'a ConfFile>,
    conf: &'a ConfTree,
}

impl<'a> Own<'a> {
    pub(super) fn of(conf: &'a ConfTree) -> Self {
        Self { dropin: conf.entry(dropin::PATH), host: conf.entry(dropin::HOST_PATH), conf }
    }

    /// Why what lies at `path`, or may lie there, is not ours to write.
    fn foreign(&self, path: &str) -> Option<Foreign> {
        match self.conf.entry(path) {
            Some(file) => foreign(file),
            // Where a directory could not be listed there may be anything.
            None => self.conf.dir_of(path)?.closed.map(Foreign::unread),
        }
    }
}

pub(super) fn text(file: &ConfFile) -> Option<&[u8]> {
    match &file.body {
        ConfBody::Text(bytes) => Some(bytes),
        _ => None,
    }
}

/// Our files as they are to be.
pub(super) struct Files {
    pub dropin: Dropin,
    /// The numbers made from RAM.
    pub host: Dropin,
    /// Parameters that a pattern sets at boot, without a line of their own.
    pub carried: Vec<Key>,
}

/// Our files as they are to be. What is in `named` gets a line of its own in any case.
pub(super) fn files(
    baseline: &DesiredSet,
    items: &[Item],
    (own, ours): (Own<'_>, &Lines),
    without: &BootView,
    returned: &[Returned],
    observed: &Observed<'_>,
    named: &BTreeSet<Key>,
) -> Files {
    let facts = observed.facts;
    let patterns = match facts.loader_patterns {
        Some(false) => Vec::new(),
        _ => patterns(baseline, items, without, observed.released),
    };
    let by_pattern = Lines::made_of(patterns.iter().cloned());
    let (mut lines, mut host, mut carried) = (patterns, Vec::new(), Vec::new());
    // Lines stand in the order of the writes, so that a boot writes in that order too.
    let mut persisted: Vec<&Item> = items.iter().filter(|i| i.persisted.is_some()).collect();
    order::sort(&mut persisted);
    for item in persisted {
        let Some(value) = item.persisted.clone() else { continue };
        if !named.contains(&item.desired.key) && is_carried(item, &value, &by_pattern, facts) {
            carried.push(item.desired.key.clone());
            continue;
        }
        let selector = Selector::Key(item.desired.key.clone());
        let arithmetic = item.desired.arithmetic.iter().cloned().map(Cow::Owned);
        let comments = item.desired.reason.iter().cloned().chain(arithmetic.clone()).collect();
        let setting = if item.made_at_boot(facts) {
            let line = dropin::Line {
                selector: selector.clone(),
                setting: dropin::Setting::Value(value.clone()),
                comments: arithmetic.collect(),
            };
            host.push(line);
            dropin::Setting::AtBoot { value, mem_total_kb: facts.mem_total_kb }
        } else {
            dropin::Setting::Value(value)
        };
        lines.push(dropin::Line { selector, setting, comments });
    }
    // What could not be read is not given back yet, and stays known by its line.
    let unread = |line: &dropin::Line| match &line.selector {
        Selector::Key(key) => returned::of(returned, key).is_some_and(|r| r.unread().is_some()),
        Selector::Pattern(_) => false,
    };
    lines.extend(taken_out(own.dropin, returned).into_iter().filter(unread));
    let set: BTreeSet<&Selector> =
        lines.iter().chain(&host).filter(|l| l.value().is_some()).map(|l| &l.selector).collect();
    // What a pattern sets does not leave, nor would it if it were there.
    let stays = |selector: &Selector| match selector {
        Selector::Key(key) => by_pattern.by_pattern(key).is_some(),
        Selector::Pattern(_) => false,
    };
    let leaving = ours.selectors().filter(|s| !set.contains(s) && !stays(s)).collect();
    let file = |path, lines: Vec<dropin::Line>, before: Option<&ConfFile>, leaving| Dropin {
        path,
        before: before.and_then(text_of),
        text: dropin::render(path, &baseline.name, &baseline.sha256, &lines),
        gone: false,
        taken_out: taken_out(before, returned),
        lines,
        leaving,
        foreign: own.foreign(path),
    };
    Files {
        dropin: file(dropin::PATH, lines, own.dropin, leaving),
        host: file(dropin::HOST_PATH, host, own.host, Vec::new()),
        carried,
    }
}

/// Whether a pattern of ours does for a parameter that comes and goes with its interface: on a host
/// of containers a line for each would be another file every minute, and lines of what is gone are
/// errors at the next boot.
fn is_carried(item: &Item, value: &str, patterns: &Lines, facts: &Facts) -> bool {
    let key = &item.desired.key;
    facts.loader_patterns == Some(true)
        && diff::interface(key).is_some()
        && !item.made_at_boot(facts)
        && patterns.by_pattern(key) == Some(value)
}

/// Of the parameters that are carried, those that a pattern alone does not bring to what is
/// required: another file names them or matches them later, or another line of ours changes them.
pub(super) fn lost(files: &Files, items: &[Item], after: &BootView, facts: &Facts) -> Vec<Key> {
    // What could not be looked into may name each of them.
    if Loader::ALL.iter().any(|loader| after.unseen_beside(*loader, None).is_some()) {
        return files.carried.clone();
    }
    let is_lost = |key: &&Key| {
        item_of(items, key).is_none_or(|item| {
            let desired = &item.desired;
            Loader::ALL.iter().any(|loader| {
                let left = diff::boot_value(desired, after, *loader, facts).value;
                left.is_none_or(|v| !desired.requirement.satisfied_by(desired.shape, &v))
            })
        })
    };
    files.carried.iter().filter(is_lost).cloned().collect()
}

/// The lines of what a pattern sets that is not among `lines`, but for what is refused.
pub(super) fn uncarried(
    items: &[Item],
    lines: &[dropin::Line],
    refused: &[Key],
) -> Vec<dropin::Line> {
    let named: BTreeSet<&Key> = lines
        .iter()
        .filter_map(|line| match &line.selector {
            Selector::Key(key) => Some(key),
            Selector::Pattern(_) => None,
        })
        .collect();
    let carried = items.iter().filter(|item| {
        let key = &item.desired.key;
        item.persisted.is_some() && !named.contains(key) && !refused.contains(key)
    });
    carried
        .map(|item| dropin::Line {
            selector: Selector::Key(item.desired.key.clone()),
            setting: dropin::Setting::Value(item.persisted.clone().unwrap_or_default()),
            comments: item.desired.reason.iter().cloned().collect(),
        })
        .collect()
}

/// The patterns, and what fences off the keys that they must not reach.
fn patterns(
    baseline: &DesiredSet,
    items: &[Item],
    without: &BootView,
    released: &Released,
) -> Vec<dropin::Line> {
    let mut lines = Vec::new();
    let mut fenced: BTreeSet<&Key> = BTreeSet::new();
    for pattern in &baseline.patterns {
        let Some(value) = pattern.requirement.exact() else { continue };
        // What an excluding pattern will keep out tomorrow cannot be fenced off today.
        let blurred = |exclude: &Selector| {
            matches!(exclude, Selector::Pattern(_))
                && pattern.matches.iter().any(|k| exclude.covers(k))
        };
        // The same of a waiver that is a pattern.
        let waived = |item: &Item| {
            let waiver = item.desired.waiver.as_ref().map(|waiver| &waiver.selector);
            matches!(waiver, Some(Selector::Pattern(_)))
                && pattern.pattern.matches(&item.desired.key)
        };
        // Of what matches nothing and is not known a loader may find a directory, and fail.
        let unheard_of =
            pattern.matches.is_empty() && catalogue::of_pattern(&pattern.pattern).is_none();
        // What is refused here would be refused of a key that comes later.
        let refused = |item: &Item| {
            !item.refusals.is_empty() && item.desired.pattern.as_ref() == Some(&pattern.pattern)
        };
        if unheard_of
            || items.iter().any(|item| waived(item) || refused(item))
            || baseline.excludes.iter().any(blurred)
            || released.all
            || released.patterns.contains(&pattern.pattern)
        {
            continue;
        }
        lines.push(dropin::Line {
            selector: Selector::Pattern(pattern.pattern.clone()),
            setting: dropin::Setting::Value(value.to_owned()),
            comments: pattern.reason.iter().cloned().collect(),
        });
        // The pattern must reach no key at boot that it does not reach here: one that is
        // excluded, waived or left alone. An explicit line of another file is a fence already.
        let set = |key: &Key| item_of(items, key).is_some_and(|item| item.persisted.is_some());
        let explicit = |key: &Key| {
            Loader::ALL.iter().all(|l| without.winner(*l, key).is_some_and(|w| !w.is_glob))
        };
        fenced.extend(pattern.matches.iter().filter(|k| !set(k) && !explicit(k)));
        fenced.extend(baseline.excludes.iter().filter_map(|exclude| match exclude {
            Selector::Key(key) if pattern.pattern.matches(key) && !explicit(key) => Some(key),
            _ => None,
        }));
    }
    lines.extend(fenced.into_iter().map(|key| dropin::Line {
        selector: Selector::Key(key.clone()),
        setting: dropin::Setting::Fence,
        comments: Vec::new(),
    }));
    lines
}

/// The lines of a file of ours that go with what is given back.
fn taken_out(before: Option<&ConfFile>, returned: &[Returned]) -> Vec<dropin::Line> {
    if returned.is_empty() {
        return Vec::new();
    }
    let mut lines = before.and_then(text).and_then(dropin::parts).unwrap_or_default().lines;
    let carried: Vec<dropin::Line> = set_by_pattern(&lines, returned).collect();
    let goes = |key: &Key| returned::of(returned, key).is_some();
    lines.retain(|line| matches!(&line.selector, Selector::Key(key) if goes(key)));
    lines.extend(carried);
    lines
}

/// What would stand in a file for what is given back, where a pattern alone sets it.
fn set_by_pattern<'l>(
    lines: &'l [dropin::Line],
    returned: &'l [Returned],
) -> impl Iterator<Item = dropin::Line> {
    let named = |key: &Key| {
        lines.iter().any(|line| matches!(&line.selector, Selector::Key(one) if one == key))
    };
    let by_pattern = Lines::made_of(lines.iter().cloned());
    returned.iter().filter(move |one| !named(&one.key)).filter_map(move |one| {
        let value = by_pattern.by_pattern(&one.key)?;
        Some(dropin::Line {
            selector: Selector::Key(one.key.clone()),
            setting: dropin::Setting::Value(value.to_owned()),
            comments: Vec::new(),
        })
    })
}

/// Our files without what is given back, the rest of them as it is.
pub(super) fn files_without(
    own: Own<'_>,
    selected: &[Selector],
    returned: &[Returned],
) -> (Dropin, Dropin) {
    (
        without(dropin::PATH, own.dropin, selected, returned),
        without(dropin::HOST_PATH, own.host, selected, returned),
    )
}

fn without(
    path: &'static str,
    before: Option<&ConfFile>,
    selected: &[Selector],
    returned: &[Returned],
) -> Dropin {
    // A file that is not ours is left alone.
    let own = before.filter(|file| foreign(file).is_none());
    let parts = own.and_then(text).and_then(dropin::parts);
    let ours = parts.is_some();
    let dropin::Parts { baseline, sha256, lines } = parts.unwrap_or_default();
    let as_they_are = lines.clone();
    let given = |key: &Key| returned::of(returned, key).is_some_and(Returned::is_given);
    let stays = |line: &dropin::Line| match (&line.setting, &line.selector) {
        (dropin::Setting::Fence, _) => true,
        (_, Selector::Key(key)) => !given(key),
        (_, Selector::Pattern(_)) => !selected.is_empty() && !selected.contains(&line.selector),
    };
    let (mut kept, mut taken_out): (Vec<_>, Vec<_>) = lines.into_iter().partition(stays);
    let pattern = |line: &dropin::Line| matches!(line.selector, Selector::Pattern(_));
    let leaving = taken_out.iter().map(|line| line.selector.clone()).collect();
    // What is given back is fenced off the patterns that stay.
    let patterns = kept.iter().filter(|line| pattern(line) && line.value().is_some()).count();
    let is_fence = |line: &dropin::Line| line.setting == dropin::Setting::Fence;
    let mut fences: BTreeSet<Selector> =
        kept.iter().filter(|line| is_fence(line)).map(|line| line.selector.clone()).collect();
    kept.retain(|line| !is_fence(line));
    if patterns == 0 {
        fences.clear();
    } else {
        let matched = |key: &Key| kept.iter().any(|l| pattern(l) && l.selector.covers(key));
        let keys = returned.iter().map(|r| &r.key).filter(|key| given(key) && matched(key));
        fences.extend(keys.cloned().map(Selector::Key));
    }
    let fences = fences.into_iter().map(|selector| dropin::Line {
        selector,
        setting: dropin::Setting::Fence,
        comments: Vec::new(),
    });
    kept.splice(patterns..patterns, fences);
    // What went with a pattern, and stays held, keeps a line of its own.
    let left = Lines::made_of(kept.iter().cloned());
    for line in set_by_pattern(&as_they_are, returned) {
        let Selector::Key(key) = &line.selector else { continue };
        if left.by_pattern(key).is_none() {
            if given(key) { taken_out.push(line) } else { kept.push(line) }
        }
    }
    let text = match &before.map(|file| &file.body) {
        Some(ConfBody::Text(bytes)) if kept == as_they_are => exact_text(bytes),
        _ => dropin::render(path, &baseline, &sha256, &kept),
    };
    Dropin {
        path,
        before: before.and_then(text_of),
        text,
        gone: ours && kept.is_empty(),
        taken_out,
        lines: kept,
        leaving,
        foreign: None,
    }
}

fn text_of(file: &ConfFile) -> Option<Vec<u8>> {
    match &file.body {
        ConfBody::Text(bytes) => Some(bytes.to_vec()),
        ConfBody::Masked => Some(Vec::new()),
        _ => None,
    }
}

/// Why a file in our place is not ours to write.
fn foreign(file: &ConfFile) -> Option<Foreign> {
    match (&file.link, &file.body) {
        (Some(_), _) => Some(Foreign::Link),
        (None, ConfBody::Text(bytes)) if dropin::is_ours(bytes) => None,
        (None, ConfBody::Text(_) | ConfBody::Masked) => Some(Foreign::File),
        (None, ConfBody::Unreadable(errno)) => Some(Foreign::unread(*errno)),
        (None, _) => Some(Foreign::Other),
    }
}

/// Whether the drop-in is to say something else of an item, whose boot is judged, than `old`, or
/// says it to no avail: a line that was put behind ours takes it back.
pub(super) fn is_anew(item: &Item, old: Option<&str>, dropin: &Dropin) -> bool {
    let lost = matches!(item.boot_status, BootStatus::Unset | BootStatus::Differs);
    let differs = lost || item.persisted.as_deref() != old;
    differs && item.persisted.is_some() && dropin.foreign != Some(Foreign::Unread)
}
