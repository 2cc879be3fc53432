//! What the writes of one line change besides the parameters that they are made to.

use std::sync::Arc;

use crate::catalogue::{Effect, effects_at, movers};
use crate::key::{Key, glob_matches, has_wildcard};

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
    /// Those of a line with that path or glob.
    pub(super) fn of(path: &str) -> Self {
        if !has_wildcard(path) {
            return Self::Of(effects_at(path));
        }
        let is_among = |key: &str| match has_wildcard(key) {
            true => glob_matches(key, path),
            false => glob_matches(path, key),
        };
        let among: Arc<[_]> = movers().filter(|(key, _)| is_among(key)).collect();
        if among.is_empty() { Self::Of(&[]) } else { Self::OfEach(among) }
    }
}

impl Write<'_> {
    /// The parameter through which this write changes `key`, and how; `None` where it does not.
    pub fn change_of(&self, key: &Key) -> Option<(Key, Effect)> {
        match &self.line.changes {
            Changes::Of(effects) => {
                let effect = effects.iter().find(|e| e.reaches(&self.line.selector_text, key))?;
                Some((Key::from_path(&self.line.selector_text).ok()?, *effect))
            }
            Changes::OfEach(among) => among.iter().find_map(|(path, effects)| {
                let leaf = path.rsplit('/').next()?;
                let through = match has_wildcard(path) {
                    true => key.sibling(leaf),
                    false => Key::from_path(path).ok()?,
                };
                let effect = effects.iter().find(|e| e.reaches(through.as_path(), key))?;
                (through != *key && self.gets_to(&through)).then_some((through, *effect))
            }),
        }
    }
}
