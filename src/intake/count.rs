//! How many lines stand before a piece of a source, where somebody asks, while pieces are read in
//! any order.

use std::collections::{BTreeMap, BTreeSet};

/// The lines of sources that are read in pieces.
#[derive(Debug, Default)]
pub struct Lines {
    /// Of sources that are being read.
    open: BTreeMap<usize, Open>,
    /// Of pieces that somebody asks for, the lines before them.
    before: BTreeMap<(usize, u64), u64>,
}

/// A source that is being read.
#[derive(Debug, Default)]
struct Open {
    /// The first piece that has not been counted, and the lines before it.
    next: u64,
    before: u64,
    /// Lines of pieces behind that one.
    later: BTreeMap<u64, u64>,
    /// Pieces behind that one that somebody asks for.
    asked: BTreeSet<u64>,
    last: Option<u64>,
}

impl Lines {
    /// The line in its source, from 1, of one in a piece that was asked for.
    pub fn line(&self, source: usize, (piece, line): (u64, u64)) -> u64 {
        self.before.get(&(source, piece)).copied().unwrap_or(0) + line + 1
    }

    /// Asks for a piece that has not been counted yet.
    pub(super) fn ask(&mut self, source: usize, piece: u64) {
        // The first has no lines before it, and of most sources it is the only one.
        if piece == 0 {
            return;
        }
        let open = self.open.entry(source).or_default();
        if piece == open.next {
            self.before.insert((source, piece), open.before);
        } else {
            open.asked.insert(piece);
        }
    }

    /// Takes note of how many lines a piece has, and whether it is the source's last.
    pub(super) fn count(&mut self, source: usize, piece: u64, lines: u64, last: bool) {
        if last && piece == 0 {
            return;
        }
        let open = self.open.entry(source).or_default();
        open.later.insert(piece, lines);
        if last {
            open.last = Some(piece);
        }
        while let Some(lines) = open.later.remove(&open.next) {
            open.next += 1;
            open.before += lines;
            if open.asked.remove(&open.next) {
                self.before.insert((source, open.next), open.before);
            }
        }
        if open.last.is_some_and(|last| last < open.next) {
            self.open.remove(&source);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_in_any_order_have_their_lines(
            // The order of the pieces is that of the first numbers.
            pieces in prop::collection::vec((any::<u32>(), 0..9_u64, any::<bool>()), 1..20)
        ) {
            let mut order: Vec<usize> = (0..pieces.len()).collect();
            order.sort_by_key(|piece| pieces[*piece].0);
            let pieces: Vec<(u64, bool)> = pieces.into_iter().map(|p| (p.1, p.2)).collect();
            let mut lines = Lines::default();
            for piece in order {
                let (count, asked) = pieces[piece];
                if asked {
                    lines.ask(7, piece as u64);
                }
                lines.count(7, piece as u64, count, piece + 1 == pieces.len());
            }
            for piece in (0..pieces.len()).filter(|piece| pieces[*piece].1) {
                let before: u64 = pieces[..piece].iter().map(|p| p.0).sum();
                prop_assert_eq!(lines.line(7, (piece as u64, 2)), before + 3);
            }
            prop_assert!(lines.open.is_empty());
            prop_assert!(lines.before.len() <= pieces.iter().filter(|p| p.1).count());
        }
    }
}
