//! What of a plan is persisted: the lines of our files, and what lies in their places now.

use std::collections::BTreeSet;

use crate::baseline::DesiredSet;
use crate::bootview::{BootView, Loader, dropin, with_file};
use crate::key::{Key, Selector};
use crate::observed::{ConfBody, ConfFile, ConfTree, Facts};

use super::{Dropin, Foreign, Item, order};

/// Directories whose files a reboot takes away, unless something writes them anew.
const VOLATILE: &str = "/run/sysctl.d";

/// What lies in the places of our files.
#[derive(Clone, Copy)]
pub(super) struct Own<'a> {
    /// In that of the drop-in.
    pub dropin: Option<&'a ConfFile>,
    /// In that of the numbers made from RAM.
    pub host: Option<&'a ConfFile>,
}

impl<'a> Own<'a> {
    pub(super) fn of(conf: &'a ConfTree) -> Self {
        let at = |path| conf.dirs.iter().flat_map(|d| &d.files).find(|f| f.path == path);
        Self { dropin: at(dropin::PATH), host: at(dropin::HOST_PATH) }
    }

    /// What both set now; nothing where a file is not ours.
    pub(super) fn values(self) -> Vec<(Selector, String)> {
        let files = [self.dropin, self.host].into_iter().flatten();
        files.filter_map(text).flat_map(dropin::values).collect()
    }
}

/// The files that a boot finds whatever we do: neither ours, nor those that it finds gone.
/// `None`: all of them.
pub(super) fn lasting(conf: &ConfTree, own: Own<'_>) -> Option<ConfTree> {
    let volatile = conf.dirs.iter().any(|d| d.path == VOLATILE && !d.files.is_empty());
    if own.dropin.is_none() && !volatile {
        return None;
    }
    let mut conf = with_file(conf, dropin::PATH, None);
    conf.dirs.retain(|d| d.path != VOLATILE);
    Some(conf)
}

fn text(file: &ConfFile) -> Option<&[u8]> {
    match &file.body {
        ConfBody::Text(bytes) => Some(bytes),
        _ => None,
    }
}

/// Our files as they are to be: the drop-in, and the numbers made from RAM.
pub(super) fn files(
    baseline: &DesiredSet,
    items: &[Item],
    own: Own<'_>,
    without: &BootView,
    facts: &Facts,
) -> (Dropin, Dropin) {
    let mut lines = patterns(baseline, items, without);
    let mut host = Vec::new();
    // Lines stand in the order of the writes, so that a boot writes in that order too.
    let mut persisted: Vec<&Item> = items.iter().filter(|i| i.persisted.is_some()).collect();
    order::sort(&mut persisted);
    for item in persisted {
        let Some(value) = item.persisted.clone() else { continue };
        let selector = Selector::Key(item.desired.key.clone());
        let mut comments: Vec<String> = item.desired.reason.iter().cloned().collect();
        comments.extend(item.desired.arithmetic.iter().cloned());
        let setting = if item.made_at_boot(facts) {
            let line = dropin::Line {
                selector: selector.clone(),
                setting: dropin::Setting::Value(value.clone()),
                comments: item.desired.arithmetic.iter().cloned().collect(),
            };
            host.push(line);
            dropin::Setting::AtBoot { value, mem_total_kb: facts.mem_total_kb }
        } else {
            dropin::Setting::Value(value)
        };
        lines.push(dropin::Line { selector, setting, comments });
    }
    let set: BTreeSet<&Selector> =
        lines.iter().chain(&host).filter(|l| l.value().is_some()).map(|l| &l.selector).collect();
    let mut leaving: Vec<Selector> = own.values().into_iter().map(|(s, _)| s).collect();
    leaving.retain(|selector| !set.contains(selector));
    let file = |path, lines: Vec<dropin::Line>, before: Option<&ConfFile>, leaving| Dropin {
        path,
        before: before.and_then(|f| match &f.body {
            ConfBody::Text(bytes) => Some(bytes.clone()),
            ConfBody::Masked => Some(Vec::new()),
            _ => None,
        }),
        text: dropin::render(path, &baseline.name, &baseline.sha256, &lines),
        lines,
        leaving,
        foreign: before.and_then(foreign),
    };
    (
        file(dropin::PATH, lines, own.dropin, leaving),
        file(dropin::HOST_PATH, host, own.host, Vec::new()),
    )
}

/// The patterns, and what fences off the keys that they must not reach.
fn patterns(baseline: &DesiredSet, items: &[Item], without: &BootView) -> Vec<dropin::Line> {
    let mut lines = Vec::new();
    let mut fenced: BTreeSet<&Key> = BTreeSet::new();
    for pattern in &baseline.patterns {
        let Some(value) = pattern.requirement.exact() else { continue };
        // What an excluding pattern will keep out tomorrow cannot be fenced off today.
        let blurred = |exclude: &Selector| {
            matches!(exclude, Selector::Pattern(_))
                && pattern.matches.iter().any(|k| exclude.covers(k))
        };
        if baseline.excludes.iter().any(blurred) {
            continue;
        }
        lines.push(dropin::Line {
            selector: Selector::Pattern(pattern.pattern.clone()),
            setting: dropin::Setting::Value(value.to_owned()),
            comments: pattern.reason.iter().cloned().collect(),
        });
        // The pattern must reach no key at boot that it does not reach here: one that is
        // excluded, waived or left alone. An explicit line of another file is a fence already.
        let set = |key: &Key| items.iter().any(|i| i.persisted.is_some() && i.desired.key == *key);
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

/// Why a file in our place is not ours to write.
fn foreign(file: &ConfFile) -> Option<Foreign> {
    match (&file.link, &file.body) {
        (Some(_), _) => Some(Foreign::Link),
        (None, ConfBody::Text(bytes)) if dropin::is_ours(bytes) => None,
        (None, ConfBody::Text(_) | ConfBody::Masked) => Some(Foreign::File),
        (None, _) => Some(Foreign::Other),
    }
}

/// What one of those lines sets.
pub(super) fn value_of<'a>(lines: &'a [(Selector, String)], key: &Key) -> Option<&'a str> {
    let found = lines.iter().find(|(s, _)| matches!(s, Selector::Key(k) if k == key));
    found.map(|(_, value)| value.as_str())
}
