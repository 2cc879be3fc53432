//! What is to be done about an apply that was killed: nothing, or everything back.

use crate::catalogue::{self, Effect};
use crate::key::Key;
use crate::observed::{Errno, Replaced, Snapshot, Unfinished};
use crate::value::agrees;

/// How an apply that was killed is put right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// It had carried everything out, or nothing.
    Finished,
    /// It had come half-way: everything goes back.
    Undo {
        /// Writes, in order.
        writes: Vec<(Key, String)>,
        /// What the begun writes change besides, with what it is to read once those are taken back.
        cascades: Vec<(Key, String)>,
        /// Files that get their text of before.
        files: Vec<Replaced>,
        /// Parameters that somebody else has changed since, with what they read: left alone.
        left: Vec<(Key, String)>,
        /// Parameters whose value of before is not known, or that are gone.
        lost: Vec<Key>,
        /// Parameters that cannot be read, so that nobody can say whether somebody else has changed
        /// them since: they are not put back yet.
        unread: Vec<(Key, Errno)>,
    },
}

impl Recovery {
    /// Nothing is to be taken back, or not yet.
    pub const fn nothing() -> Self {
        Self::Undo {
            writes: Vec::new(),
            cascades: Vec::new(),
            files: Vec::new(),
            left: Vec::new(),
            lost: Vec::new(),
            unread: Vec::new(),
        }
    }
}

/// The parameters that [`recovery`] must have seen.
pub fn looked_at(unfinished: &Unfinished) -> impl Iterator<Item = &Key> {
    unfinished.writes.iter().map(|w| &w.key).chain(unfinished.originals.iter().map(|(key, _)| key))
}

/// Whether a parameter that reads `now` has the value that was written to it.
pub fn reads_as(key: &Key, written: &str, now: &str) -> bool {
    agrees(catalogue::shape_of(key), written, now)
}

/// Whether the last file whose text changes is in place.
pub fn is_committed(unfinished: &Unfinished, text: &dyn Fn(&str) -> Option<String>) -> bool {
    let last = unfinished.files.iter().rev().find(|file| file.before != file.after);
    last.is_some_and(|last| text(&last.path) == last.after)
}

/// Judges what was left behind by how things stand `now`. `text` tells what a file reads.
///
/// With the last file that it replaces an apply is carried out.
pub fn recovery(
    unfinished: &Unfinished,
    now: &Snapshot,
    text: &dyn Fn(&str) -> Option<String>,
) -> Recovery {
    if unfinished.done || is_committed(unfinished, text) {
        return Recovery::Finished;
    }
    let (mut writes, mut left, mut lost) = (Vec::new(), Vec::new(), Vec::new());
    let mut unread: Vec<(Key, Errno)> = Vec::new();
    for (n, begun) in unfinished.writes.iter().enumerate().rev() {
        let key = &begun.key;
        let first = unfinished.writes.iter().position(|w| w.key == *key);
        // What was written twice is taken back with its first write.
        if first != Some(n) {
            continue;
        }
        let Some(live) = now.text(key) else {
            match unreadable(now, key).filter(|_| begun.undo.is_some()) {
                Some(errno) => unread.push((key.clone(), errno)),
                None => lost.push(key.clone()),
            }
            continue;
        };
        let shape = catalogue::shape_of(key);
        let same = |text: &str| agrees(shape, text, live) && agrees(shape, live, text);
        if begun.from.as_deref().is_some_and(same) {
            continue;
        }
        let ours = unfinished.writes.iter().any(|w| w.key == *key && agrees(shape, &w.to, live));
        match &begun.undo {
            _ if !ours => left.push((key.clone(), live.to_owned())),
            Some((key, value)) => writes.push((key.clone(), value.clone())),
            None => lost.push(key.clone()),
        }
    }
    // Taking a write back changes those again; what somebody else made of one since stays.
    let mut cascades = Vec::new();
    for (key, before) in &unfinished.originals {
        let Some(live) = now.text(key) else {
            let known = |(other, _): &(Key, Errno)| other == key;
            if let Some(errno) = unreadable(now, key).filter(|_| !unread.iter().any(known)) {
                unread.push((key.clone(), errno));
            }
            continue;
        };
        // What was written itself may be changed once more by a write that is taken back after it.
        if unfinished.writes.iter().any(|w| w.key == *key) {
            let others = left.iter().any(|(other, _)| other == key);
            if !lost.contains(key) {
                cascades.push((key.clone(), if others { live } else { before }.to_owned()));
            }
            continue;
        }
        let shape = catalogue::shape_of(key);
        let same = |text: &str| agrees(shape, text, live);
        let mut reached = false;
        let mut ours = same(before);
        for begun in &unfinished.writes {
            let effects = catalogue::lookup(&begun.key).map_or(&[][..], |p| p.effects());
            let from = begun.key.as_path();
            // Another name of the same parameter comes back with it.
            let other_name = |effect: &&Effect| matches!(effect, Effect::Rescales(..));
            for effect in effects.iter().filter(|e| !other_name(e) && e.reaches(from, key)) {
                reached = true;
                ours |= match effect {
                    Effect::Inverts(_) | Effect::Gates(_) => ["0", "1"].contains(&live.trim()),
                    effect => {
                        effect.leaves(&begun.to, Some(before)).is_some_and(|left| same(&left))
                    }
                };
            }
        }
        if reached && !ours {
            left.push((key.clone(), live.to_owned()));
        }
        if reached {
            let value = if ours { before.as_str() } else { live };
            cascades.push((key.clone(), value.to_owned()));
        }
    }
    let files = unfinished.files.iter().filter(|file| text(&file.path) == file.after);
    Recovery::Undo { files: files.cloned().collect(), writes, cascades, left, lost, unread }
}

/// Why a parameter that is there cannot be read; what is gone has nothing to be put back.
fn unreadable(now: &Snapshot, key: &Key) -> Option<Errno> {
    let errno = *now.get(key)?.value.as_ref().err()?;
    (errno != Errno::ENOENT).then_some(errno)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::observed::{Begun, Reading};

    /// What was written again because another write had changed it is changed by that one's undo too.
    #[test]
    fn what_an_undo_changes_once_more_comes_back_last() {
        let key = |path: &str| Key::from_path(path).unwrap();
        let all = key("net/ipv6/conf/all/addr_gen_mode");
        let one = key("net/ipv6/conf/t0/addr_gen_mode");
        let write = |key: &Key, from: &str, to: &str, undo: &str| Begun {
            key: key.clone(),
            from: Some(from.to_owned()),
            to: to.to_owned(),
            undo: Some((key.clone(), undo.to_owned())),
        };
        let unfinished = Unfinished {
            originals: vec![(one.clone(), "3".into())],
            writes: vec![write(&all, "0", "1", "0"), write(&one, "1", "3", "3")],
            ..Unfinished::default()
        };
        for (reads, left_alone) in [("3", false), ("1", false), ("2", true)] {
            let now: Snapshot =
                [(all.clone(), Reading::of("1")), (one.clone(), Reading::of(reads))]
                    .into_iter()
                    .collect();
            let recovery = recovery(&unfinished, &now, &|_| None);
            let Recovery::Undo { writes, cascades, left, .. } = recovery else { unreachable!() };
            assert_eq!(writes.last(), Some(&(all.clone(), "0".to_owned())), "{reads}");
            let last = if left_alone { "2" } else { "3" };
            assert_eq!(cascades, [(one.clone(), last.to_owned())], "{reads}");
            assert_eq!(!left.is_empty(), left_alone, "{reads}");
        }
    }
}
