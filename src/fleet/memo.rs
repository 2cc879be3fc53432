//! Parameters that stand in many reports byte for byte, read once.
//!
//! Most hosts of a role report the same of most parameters, one behind the other in the same order.
//! Where the text that followed the last time follows again it need not be parsed, nor looked up.

use std::collections::HashMap;

use super::hash::Quick;
use super::json::{Bad, Cursor};
use super::names::{Name, Names};
use super::read::parameter;
use super::record::{Parameter, Record, Text};

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
pub struct Memo {
    entries: Vec<Entry>,
    by_text: HashMap<Box<str>, Known, Quick>,
    roles: Names,
    /// What was read the last time of a host of that role.
    by_role: Vec<Last>,
    /// Space that was taken for a report, and is for the next.
    spare: Record<'static>,
}

/// What the last report of a role has, which the next one probably has as well.
#[derive(Default)]
struct Last {
    /// What came first.
    first: [Option<Known>; GAP],
    /// An object that nobody asks for.
    skipped: String,
}

/// The number of a report's first role.
#[derive(Clone, Copy, Debug, Default)]
pub struct Role(Option<Name>);

/// Where in the parameters of a report of a role one is.
#[derive(Clone, Copy, Default)]
pub struct Walk {
    role: Role,
    last: Option<Known>,
    gap: usize,
}

impl Walk {
    /// The begin.
    pub fn new(role: Role) -> Self {
        Self { role, last: None, gap: 0 }
    }
}

impl Default for Memo {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            by_text: HashMap::default(),
            roles: Names::new(MOST),
            by_role: Vec::new(),
            spare: Record::default(),
        }
    }
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

    /// An empty report, in space that was a report's before.
    pub fn empty<'a>(&mut self) -> Record<'a> {
        std::mem::take(&mut self.spare).emptied()
    }

    /// Takes back the space of a report that has been counted.
    pub fn done(&mut self, record: Record<'_>) {
        self.spare = record.emptied();
    }

    /// The number of a role.
    pub fn role(&mut self, role: &str) -> Role {
        let name = self.roles.of(role);
        if name.is_some_and(|name| name as usize == self.by_role.len()) {
            self.by_role.push(Last::default());
        }
        Role(name)
    }

    fn last(&mut self, role: Role) -> Option<&mut Last> {
        self.by_role.get_mut(role.0? as usize)
    }

    /// Reads the next parameter of a report.
    ///
    /// # Errors
    /// It is none.
    pub fn read<'a>(&mut self, c: &mut Cursor<'a>, walk: &mut Walk) -> Result<Item<'a>, Bad> {
        let start = c.start();
        let expected = self.expected(*walk);
        if let Some(known) = expected
            && let Some(entry) = self.entries.get(known as usize)
            && c.passes(&entry.text)
        {
            (walk.last, walk.gap) = (expected, 0);
            return Ok(Item::Known(known));
        }
        let read = parameter(c)?;
        let Some(known) = self.known(c.since(start), &read) else {
            walk.gap += 1;
            return Ok(Item::Read(Box::new(read)));
        };
        if let Some(slot) = self.next(*walk).and_then(|next| next.get_mut(walk.gap)) {
            *slot = Some(known);
        }
        (walk.last, walk.gap) = (Some(known), 0);
        Ok(Item::Known(known))
    }

    /// Passes over an object that nobody asks for and that most reports of a role have alike.
    ///
    /// # Errors
    /// There is no JSON.
    pub fn skip(&mut self, c: &mut Cursor<'_>, role: Role) -> Result<(), Bad> {
        let start = c.start();
        let Some(last) = self.last(role) else { return c.skip() };
        if !last.skipped.is_empty() && c.passes(&last.skipped) {
            return Ok(());
        }
        c.skip()?;
        let text = c.since(start);
        // A whole object ends nowhere else, as a number could.
        if text.len() <= LONGEST && text.starts_with('{') {
            text.clone_into(&mut last.skipped);
        }
        Ok(())
    }

    fn expected(&mut self, walk: Walk) -> Option<Known> {
        *self.next(walk)?.get(walk.gap)?
    }

    /// What followed there the last time.
    fn next(&mut self, walk: Walk) -> Option<&mut [Option<Known>; GAP]> {
        match walk.last {
            Some(last) => self.entries.get_mut(last as usize).map(|entry| &mut entry.next),
            None => self.last(walk.role).map(|last| &mut last.first),
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
        assert!(memo.by_role.len() <= MOST);
    }
}
