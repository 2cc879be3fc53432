//! Parameters that stand in many reports byte for byte, read once.
//!
//! Most hosts of a role report the same of most parameters, one behind the other in the same order.
//! Where the text that followed the last time follows again it need not be parsed, nor looked up.

use std::collections::HashMap;

use super::hash::Quick;
use super::json::{Bad, Cursor};
use super::record::{Parameter, Text, parameter};

/// The number of a known parameter.
pub type Known = u32;

/// So many are kept; a fleet has some hundreds.
const MOST: usize = 2048;
/// A longer text is not kept, in bytes.
const LONGEST: usize = 512;
/// Unknown ones that may stand between two known ones.
const GAP: usize = 3;

/// A parameter of a report.
#[derive(Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// One that is known.
    Known(Known),
    /// Any other; apart, so that the many known ones are small.
    Read(Box<Parameter<'a>>),
}

struct Entry {
    text: Box<str>,
    key: Box<str>,
    live: Box<str>,
    /// What followed the last time, by how many unknown ones stood in between.
    next: [Option<Known>; GAP],
}

/// What is known.
#[derive(Default)]
pub struct Memo {
    entries: Vec<Entry>,
    by_text: HashMap<Box<str>, Known, Quick>,
    /// What came first the last time, by the first of the roles.
    first: HashMap<Box<str>, [Option<Known>; GAP], Quick>,
    /// An object that nobody asks for, as it was the last time.
    skipped: String,
}

/// Where in the parameters of a report one is.
#[derive(Clone, Copy, Default)]
pub struct Walk {
    last: Option<Known>,
    gap: usize,
}

impl Memo {
    /// The key and the value of a known parameter: it is in sync, now and after a reboot, and bears
    /// no mark.
    pub fn get(&self, known: Known) -> (&str, &str) {
        self.entries.get(known as usize).map_or(("", ""), |entry| (&entry.key, &entry.live))
    }

    /// The key of an item.
    pub fn key<'k>(&'k self, item: &'k Item<'_>) -> &'k str {
        match item {
            Item::Known(known) => self.get(*known).0,
            Item::Read(parameter) => &parameter.key,
        }
    }

    /// Reads the next parameter of a report of hosts of that role.
    ///
    /// # Errors
    /// It is none.
    pub fn read<'a>(
        &mut self,
        c: &mut Cursor<'a>,
        walk: &mut Walk,
        role: &str,
    ) -> Result<Item<'a>, Bad> {
        let start = c.start();
        let expected = self.expected(*walk, role);
        if let Some(known) = expected
            && let Some(entry) = self.entries.get(known as usize)
            && c.passes(&entry.text)
        {
            *walk = Walk { last: expected, gap: 0 };
            return Ok(Item::Known(known));
        }
        let read = parameter(c)?;
        let Some(known) = self.known(c.since(start), &read) else {
            walk.gap += 1;
            return Ok(Item::Read(Box::new(read)));
        };
        self.expect(*walk, role, known);
        *walk = Walk { last: Some(known), gap: 0 };
        Ok(Item::Known(known))
    }

    /// Passes over an object that nobody asks for and that most reports have alike.
    ///
    /// # Errors
    /// There is no JSON.
    pub fn skip(&mut self, c: &mut Cursor<'_>) -> Result<(), Bad> {
        let start = c.start();
        if !self.skipped.is_empty() && c.passes(&self.skipped) {
            return Ok(());
        }
        c.skip()?;
        let text = c.since(start);
        // A whole object ends nowhere else, as a number could.
        if text.len() <= LONGEST && text.starts_with('{') {
            text.clone_into(&mut self.skipped);
        }
        Ok(())
    }

    fn expected(&self, walk: Walk, role: &str) -> Option<Known> {
        let next = match walk.last {
            Some(last) => &self.entries.get(last as usize)?.next,
            None => self.first.get(role)?,
        };
        *next.get(walk.gap)?
    }

    fn expect(&mut self, walk: Walk, role: &str, known: Known) {
        let room = self.first.len() < MOST || self.first.contains_key(role);
        let next = match walk.last {
            Some(last) => self.entries.get_mut(last as usize).map(|entry| &mut entry.next),
            None if room && role.len() <= LONGEST => {
                Some(self.first.entry(role.into()).or_default())
            }
            None => None,
        };
        if let Some(slot) = next.and_then(|next| next.get_mut(walk.gap)) {
            *slot = Some(known);
        }
    }

    /// The number of a parameter that is worth to be known.
    fn known(&mut self, text: &str, read: &Parameter<'_>) -> Option<Known> {
        let plain = read.live_status == "in_sync" && read.boot_status == "same";
        let live = read
            .live
            .as_ref()
            .filter(|_| plain && read.marks == super::record::Marks::default())?;
        if let Some(known) = self.by_text.get(text) {
            return Some(*known);
        }
        let known = Known::try_from(self.entries.len()).ok()?;
        if self.entries.len() >= MOST || text.len() > LONGEST {
            return None;
        }
        self.by_text.insert(text.into(), known);
        let owned = |text: &Text<'_>| Box::from(&**text);
        self.entries.push(Entry {
            text: text.into(),
            key: owned(&read.key),
            live: owned(live),
            next: [None; GAP],
        });
        Some(known)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::fleet::record::Record;
    use proptest::prelude::*;

    /// A report of a role with these parameters; some of them are known after the first time.
    fn line(role: usize, parameters: &[(usize, usize)]) -> String {
        let mut seen = std::collections::BTreeSet::new();
        let parameters: Vec<String> = parameters
            .iter()
            .filter(|(key, _)| seen.insert(*key))
            .map(|(key, kind)| {
                let rest = [
                    r#""live":"1","live_status":"in_sync","boot_status":"same""#,
                    r#""live":"12","live_status":"in_sync","boot_status":"same""#,
                    r#""live":"2","live_status":"differs","boot_status":"same""#,
                    r#""live":"1","live_status":"in_sync","boot_status":"unset""#,
                    r#""live":"3","live_status":"in_sync","boot_status":"same","marks":["waived"]"#,
                    r#""live_status":"in_sync","boot_status":"same""#,
                ][*kind];
                format!(r#"{{"key":"k{key}",{rest}}}"#)
            })
            .collect();
        format!(
            r#"{{"schema":"tunectl/report/1","time":"2026-11-26T12:00:00Z","host":{{"name":"a","roles":["r{role}"]}},"parameters":[{}]}}"#,
            parameters.join(",")
        )
    }

    proptest! {
        /// Whatever was read before, a line means what it means alone.
        #[test]
        fn what_is_known_changes_nothing(
            lines in prop::collection::vec((0..2_usize, prop::collection::vec((0..6_usize, 0..6_usize), 0..8)), 1..30)
        ) {
            let mut memo = Memo::default();
            for (role, parameters) in &lines {
                let line = line(*role, parameters);
                let mut alone = Memo::default();
                let record = Record::read(&line, &mut memo).unwrap();
                let expected = Record::read(&line, &mut alone).unwrap();
                prop_assert_eq!(record.parameters.len(), expected.parameters.len());
                for (item, expected) in record.parameters.iter().zip(&expected.parameters) {
                    match (item, expected) {
                        (Item::Known(a), Item::Known(b)) => prop_assert_eq!(memo.get(*a), alone.get(*b)),
                        (item, expected) => prop_assert_eq!(item, expected),
                    }
                }
            }
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut memo = Memo::default();
        for n in 0..2 * MOST {
            let line = line(n, &[(n, 0), (n + 1, 0)]);
            assert_eq!(Record::read(&line, &mut memo).unwrap().parameters.len(), 2);
        }
        assert_eq!((memo.entries.len(), memo.by_text.len()), (MOST, MOST));
        assert!(memo.first.len() <= MOST);
    }
}
