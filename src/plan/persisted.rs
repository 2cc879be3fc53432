//! What of a plan is persisted: the drop-in's lines, and the file that lies there now.

use std::collections::BTreeSet;

use crate::baseline::DesiredSet;
use crate::bootview::{BootView, Loader, dropin};
use crate::key::{Key, Selector};
use crate::observed::{ConfBody, ConfFile, ConfTree};

use super::{Dropin, Foreign, Item, order};

/// Our own drop-in, or whatever lies in its place.
pub(super) fn own_file(conf: &ConfTree) -> Option<&ConfFile> {
    conf.dirs.iter().flat_map(|d| &d.files).find(|f| f.path == dropin::PATH)
}

/// The drop-in for the items that are persisted. `without` is the boot without it.
pub(super) fn dropin(
    baseline: &DesiredSet,
    items: &[Item],
    ours: Option<&ConfFile>,
    without: &BootView,
) -> Dropin {
    // Lines stand in the order of the writes, so that a boot writes in that order too.
    let mut persisted: Vec<&Item> = items.iter().filter(|i| i.persisted.is_some()).collect();
    order::sort(&mut persisted);
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
            value: Some(value.to_owned()),
            comments: pattern.reason.iter().cloned().collect(),
        });
        // The pattern must reach no key at boot that it does not reach here: one that is
        // excluded, waived or left alone. An explicit line of another file is a fence already.
        let set = |key: &Key| persisted.iter().any(|i| i.desired.key == *key);
        let explicit = |key: &Key| {
            Loader::ALL.iter().all(|l| without.winner(*l, key).is_some_and(|w| !w.is_glob))
        };
        fenced.extend(pattern.matches.iter().filter(|k| !set(k) && !explicit(k)));
        fenced.extend(baseline.excludes.iter().filter_map(|exclude| match exclude {
            Selector::Key(key) if pattern.pattern.matches(key) && !explicit(key) => Some(key),
            _ => None,
        }));
    }
    for key in fenced {
        let selector = Selector::Key(key.clone());
        lines.push(dropin::Line { selector, value: None, comments: Vec::new() });
    }
    for item in persisted {
        let mut comments: Vec<String> = item.desired.reason.iter().cloned().collect();
        comments.extend(item.desired.arithmetic.iter().cloned());
        lines.push(dropin::Line {
            selector: Selector::Key(item.desired.key.clone()),
            value: item.persisted.clone(),
            comments,
        });
    }
    let text = dropin::render(&baseline.name, &baseline.sha256, &lines);
    let before = ours.and_then(|f| match &f.body {
        ConfBody::Text(bytes) => Some(bytes.clone()),
        ConfBody::Masked => Some(Vec::new()),
        _ => None,
    });
    let foreign = ours.and_then(|file| match (&file.link, &file.body) {
        (Some(_), _) => Some(Foreign::Link),
        (None, ConfBody::Text(bytes)) if dropin::is_ours(bytes) => None,
        (None, ConfBody::Text(_) | ConfBody::Masked) => Some(Foreign::File),
        (None, _) => Some(Foreign::Other),
    });
    let leaving = values(ours)
        .into_iter()
        .map(|(selector, _)| selector)
        .filter(|selector| !lines.iter().any(|l| l.selector == *selector))
        .collect();
    Dropin { path: dropin::PATH, before, text, lines, leaving, foreign }
}

/// What our drop-in says now, line by line; nothing where the file is not ours.
pub(super) fn values(ours: Option<&ConfFile>) -> Vec<(Selector, String)> {
    let Some(ConfFile { body: ConfBody::Text(bytes), .. }) = ours else { return Vec::new() };
    if !dropin::is_ours(bytes) {
        return Vec::new();
    }
    String::from_utf8_lossy(bytes)
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| l.split_once('='))
        .filter_map(|(k, v)| Some((Selector::parse(k.trim()).ok()?, v.trim().to_owned())))
        .collect()
}

/// What one of those lines sets.
pub(super) fn value_of<'a>(lines: &'a [(Selector, String)], key: &Key) -> Option<&'a str> {
    let found = lines.iter().find(|(s, _)| matches!(s, Selector::Key(k) if k == key));
    found.map(|(_, value)| value.as_str())
}
