//! The two dirty thresholds as a plan leaves them, and whether the kernel halves one.

use std::borrow::Cow;

use crate::catalogue::half_of;
use crate::key::Key;
use crate::observed::{Facts, Snapshot};
use crate::value::kernel_number;

use super::Item;
use super::note::Note;

/// The dirty thresholds as they will be, if the background one is not below the limit; with the
/// keys that the note belongs to.
pub fn thresholds(items: &[Item], snapshot: &Snapshot, facts: &Facts) -> Option<(Vec<Key>, Note)> {
    let planned = |path: &str| -> Option<(Key, String)> {
        let key = Key::from_path(path).ok()?;
        let item = items.iter().find(|i| i.desired.key == key && !i.waived());
        let half = half_of(&key);
        // The desired half silences the other one, whatever it reads now.
        if item.is_none() && items.iter().any(|i| Some(&i.desired.key) == half.as_ref()) {
            return None;
        }
        let text = match item {
            Some(i) => i
                .desired
                .requirement
                .target(i.desired.shape, i.live.as_deref())
                .or(i.live.as_deref().map(Cow::from))?,
            None => snapshot.text(&key)?.trim().into(),
        };
        kernel_number(&text).is_some_and(|n| n > 0).then(|| (key, text.into_owned()))
    };
    // What may be dirty is not all of the RAM, and on a host that is not full more than half of it.
    let ram = i128::from(facts.mem_total_kb) * 1024;
    for (background, limit, unit, of) in [
        ("vm/dirty_background_ratio", "vm/dirty_ratio", 1, 1),
        ("vm/dirty_background_bytes", "vm/dirty_bytes", 1, 1),
        ("vm/dirty_background_ratio", "vm/dirty_bytes", ram / 2, 100),
        ("vm/dirty_background_bytes", "vm/dirty_ratio", 100, ram),
    ] {
        let (Some(background), Some(limit)) = (planned(background), planned(limit)) else {
            continue;
        };
        if kernel_number(&background.1)?.saturating_mul(unit)
            >= kernel_number(&limit.1)?.saturating_mul(of)
        {
            let keys = items.iter().any(|i| i.desired.key == background.0);
            let keys = vec![if keys { background.0.clone() } else { limit.0.clone() }];
            let share_bytes = match (unit, of) {
                (share, 100) => Some(kernel_number(&background.1)?.saturating_mul(share) / 100),
                (100, share) => Some(kernel_number(&limit.1)?.saturating_mul(share) / 100),
                _ => None,
            };
            return Some((keys, Note::BackgroundHalved { background, limit, share_bytes }));
        }
    }
    None
}
