//! How near one name is to another, for what a misspelt one was meant to be.

/// The number of single-character edits between two names, where two neighbours that have changed
/// places are one edit; used to suggest the nearest real key.
pub fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut above_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, cb) in b.iter().enumerate() {
            let mut edits = (last[j] + usize::from(ca != cb)).min(row[j] + 1).min(last[j + 1] + 1);
            if i > 0 && j > 0 && *ca == b[j - 1] && a[i - 1] == *cb {
                edits = edits.min(above_last[j - 1] + 1);
            }
            row.push(edits);
        }
        above_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The candidate nearest to `wanted`, if one is near enough to be what was meant.
///
/// A candidate that has the same last component elsewhere (`kernel.swappiness`) counts as near.
pub fn nearest<S: AsRef<str>>(wanted: &str, candidates: impl Iterator<Item = S>) -> Option<S> {
    let leaf = wanted.rsplit(['/', '.']).next().unwrap_or(wanted);
    candidates
        .map(|c| {
            let edits = edit_distance(wanted, c.as_ref());
            let same_leaf = leaf.len() > 3 && c.as_ref().rsplit(['/', '.']).next() == Some(leaf);
            (if same_leaf { edits.min(2) } else { edits }, c)
        })
        .min_by_key(|(edits, c)| (*edits, c.as_ref().len()))
        .filter(|(edits, _)| *edits <= (wanted.len() / 4).clamp(1, 6))
        .map(|(_, c)| c)
}
