//! What the writes of one line change besides the parameters that they are made to.

use std::sync::Arc;

use crate::catalogue::{Effect, effects_at, movers};
use crate::key::{Key, glob_matches, has_wildcard, is_wildcard};

use super::Write;

/// What a write of a line changes besides, as far as the catalogue knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Of a line that names one parameter.
    Of(&'static [Effect]),
    /// Of a glob: the parameters among those that it stands for which change others. One that the
    /// catalogue knows in any place has a wildcard.
    OfEach(Arc<[(&'static str, &'static [Effect])]>),
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Of([]))
    }

    /// Those of a line with that path.
    pub(super) fn of_one(path: &str) -> Self {
        Self::Of(effects_at(path))
    }

    /// Those of a line with that path or glob.
    pub(super) fn of(path: &str) -> Self {
        if has_wildcard(path) { Self::of_glob(path) } else { Self::of_one(path) }
    }

    /// Those of a glob, though it may have no wildcard: explicit lines keep it off.
    pub(super) fn of_glob(path: &str) -> Self {
        let among: Arc<[_]> = movers().filter(|(key, _)| may_name(path, key)).collect();
        if among.is_empty() { Self::Of(&[]) } else { Self::OfEach(among) }
    }
}

/// Whether the glob names the parameter, or one of those that a `*` in its key stands for.
fn may_name(glob: &str, key: &str) -> bool {
    // Most begin otherwise.
    let stands_for_itself = |b: u8| !is_wildcard(b) && b != b'\\';
    let pairs = glob.bytes().zip(key.bytes());
    let begin = pairs.take_while(|(g, k)| stands_for_itself(*g) && stands_for_itself(*k));
    if begin.into_iter().any(|(g, k)| g != k) {
        return false;
    }
    if !has_wildcard(key) {
        return glob_matches(glob, key);
    }
    let (mut globs, mut parts) = (glob.split('/'), key.split('/'));
    loop {
        match (globs.next(), parts.next()) {
            (None, None) => return true,
            (Some(glob), Some(part)) if part == "*" || glob_matches(glob, part) => {}
            _ => return false,
        }
    }
}

impl Write<'_> {
    /// The parameters through which this write changes `key`, and how each does.
    pub fn changes_of(&self, key: &Key) -> Vec<(Key, Effect)> {
        match &self.line.changes {
            Changes::Of(effects) => {
                let from = &self.line.selector_text;
                let through = || Key::from_path(from).ok();
                let reaching = effects.iter().filter(|e| e.reaches(from, key));
                reaching.filter_map(|effect| Some((through()?, *effect))).collect()
            }
            Changes::OfEach(among) => among
                .iter()
                .filter_map(|(path, effects)| {
                    let through = if has_wildcard(path) {
                        key.sibling(path.rsplit('/').next()?)
                    } else {
                        Key::from_path(path).ok()?
                    };
                    let effect = effects.iter().find(|e| e.reaches(through.as_path(), key))?;
                    (through != *key && self.gets_to(&through)).then_some((through, *effect))
                })
                .collect(),
        }
    }
}
