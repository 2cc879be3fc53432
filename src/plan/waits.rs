//! The order of what waits for each other.

use std::collections::BTreeSet;

/// The order of so many nodes, of which some are late and some wait for others: always the first one
/// that waits for none that is left, the late ones after all others.
pub(super) fn in_order(is_late: &[bool], waits: &[(usize, usize)]) -> Vec<usize> {
    // Of each how many it still waits for, and which wait for it.
    let mut open = vec![0_usize; is_late.len()];
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); is_late.len()];
    for (this, other) in waits {
        open[*this] += 1;
        behind[*other].push(*this);
    }
    let mut left: BTreeSet<usize> = (0..is_late.len()).collect();
    let free = left.iter().copied().filter(|node| open[*node] == 0);
    let (mut late, mut early): (BTreeSet<usize>, BTreeSet<usize>) =
        free.partition(|node| is_late[*node]);
    let mut order = Vec::with_capacity(is_late.len());
    while let Some(first) = left.first().copied() {
        let next = early.pop_first().or_else(|| late.pop_first()).unwrap_or(first);
        left.remove(&next);
        order.push(next);
        for node in &behind[next] {
            open[*node] -= 1;
            if open[*node] == 0 && left.contains(node) {
                if is_late[*node] {
                    late.insert(*node)
                } else {
                    early.insert(*node)
                };
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::in_order;

    /// The same by a look at all that wait, for each.
    fn slowly(is_late: &[bool], waits: &[(usize, usize)]) -> Vec<usize> {
        let mut left: BTreeSet<usize> = (0..is_late.len()).collect();
        let mut order = Vec::new();
        while let Some(first) = left.first().copied() {
            let free = |n: &usize| !waits.iter().any(|(w, on)| w == n && left.contains(on));
            let early = |n: &usize| !is_late[*n] && free(n);
            let next = left.iter().copied().find(early);
            let next = next.or_else(|| left.iter().copied().find(free)).unwrap_or(first);
            left.remove(&next);
            order.push(next);
        }
        order
    }

    proptest! {
        #[test]
        fn each_comes_as_soon_as_it_waits_for_none_that_is_left(
            is_late in prop::collection::vec(any::<bool>(), 0..12),
            waits in prop::collection::vec((0..12_usize, 0..12_usize), 0..20),
        ) {
            let is_there = |(this, other): &(usize, usize)| (*this).max(*other) < is_late.len();
            let waits: Vec<_> = waits.into_iter().filter(is_there).collect();
            prop_assert_eq!(in_order(&is_late, &waits), slowly(&is_late, &waits));
        }
    }
}
