//! How near one name is to another, for what a misspelt one was meant to be.

/// No name that is further off is near to another one.
const FAR: usize = 6;
/// A part of a row: the columns that so many edits can reach.
type Band = [usize; 2 * FAR + 1];

/// The number of single-character edits between two names, where two neighbours that have changed
/// places are one edit; `None` where it is more than `most`, which is 6 at the most.
pub fn edits_within(a: &str, b: &str, most: usize) -> Option<usize> {
    let (most, a, b) = (most.min(FAR), a.as_bytes(), b.as_bytes());
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    // What both begin with takes no edit.
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    // Of each row only the columns about the diagonal: column j of row i stands at j + most - i.
    let far = most + 1;
    let mut above_last: Band = [far; 2 * FAR + 1];
    let mut last: Band = [far; 2 * FAR + 1];
    for (column, edits) in last[most..=2 * most].iter_mut().enumerate() {
        *edits = column;
    }
    let mut near = true;
    for i in 1..=a.len() {
        let mut row: Band = [far; 2 * FAR + 1];
        for j in i.saturating_sub(most)..=b.len().min(i + most) {
            let at = j + most - i;
            let mut edits = if at < 2 * most { last[at + 1] + 1 } else { far };
            if j > 0 {
                edits = edits.min(last[at] + usize::from(a[i - 1] != b[j - 1]));
                edits = edits.min(if at > 0 { row[at - 1] + 1 } else { far });
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    edits = edits.min(above_last[at] + 1);
                }
            }
            row[at] = edits.min(far);
        }
        let was_near = near;
        near = row.iter().any(|edits| *edits <= most);
        if !near && !was_near {
            return None;
        }
        above_last = std::mem::replace(&mut last, row);
    }
    Some(last[b.len() + most - a.len()]).filter(|edits| *edits <= most)
}

/// The candidate nearest to `wanted`, if one is near enough to be what was meant.
///
/// A candidate that has the same last component elsewhere (`kernel.swappiness`) counts as near.
pub fn nearest<S: AsRef<str>>(wanted: &str, candidates: impl Iterator<Item = S>) -> Option<S> {
    let leaf = wanted.rsplit(['/', '.']).next().unwrap_or(wanted);
    let has_leaf = |path: &str| {
        let before = path.strip_suffix(leaf).filter(|_| leaf.len() > 3);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['/', '.']))
    };
    let mut most = (wanted.len() / 4).clamp(1, FAR);
    let mut found: Option<S> = None;
    for candidate in candidates {
        let path = candidate.as_ref();
        let edits = match edits_within(wanted, path, most) {
            None if most > 1 && has_leaf(path) => 2,
            None => continue,
            Some(edits) if edits > 2 && has_leaf(path) => 2,
            Some(edits) => edits,
        };
        let shorter = |other: &S| edits < most || path.len() < other.as_ref().len();
        if found.as_ref().is_none_or(shorter) {
            (most, found) = (edits, Some(candidate));
        }
    }
    found
}
