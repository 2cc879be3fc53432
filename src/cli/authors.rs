//! Who has made parameters what they read, as the daemon has seen it in this boot.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::key::Key;
use crate::persist::events;
use crate::report::{self, event};
use crate::wire::event::Event;

use super::args::Cli;

/// So many lines of the event log are looked at.
const LOOKED_AT: usize = 10_000;

/// The newest event of each parameter; the log is read once, when somebody is asked for.
pub struct Authors {
    root: PathBuf,
    boot_id: String,
    newest: OnceCell<BTreeMap<String, Event>>,
}

impl Authors {
    /// Those of that boot.
    pub fn of(cli: &Cli, boot_id: &str) -> Self {
        Self { root: cli.root.clone(), boot_id: boot_id.to_owned(), newest: OnceCell::new() }
    }

    /// Who has made `key` read `live`, in words that begin with `, by`; empty where nobody knows.
    pub fn who(&self, key: &Key, live: &str) -> String {
        let newest = self.newest.get_or_init(|| self.read()).get(&key.to_string());
        let Some(writer) = newest.and_then(|newest| event::author(newest, key, live)) else {
            return String::new();
        };
        let name = writer.cmdline.as_deref().or(writer.comm.as_deref()).unwrap_or("somebody");
        let pid = writer.pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default();
        format!(", by {}{pid}", report::harmless(name))
    }

    fn read(&self) -> BTreeMap<String, Event> {
        // They are read from the newest on: of each parameter the first one counts.
        let seen = RefCell::new(BTreeSet::new());
        let is_newest = |event: &Event| {
            event.boot_id == self.boot_id
                && event::is_of_value(event)
                && event.key.as_ref().is_some_and(|key| seen.borrow_mut().insert(key.clone()))
        };
        let recent = events::newest(&self.root, LOOKED_AT, LOOKED_AT, &is_newest);
        let events = recent.unwrap_or_default().events.into_iter();
        events.filter_map(|event| Some((event.key.clone()?, event))).collect()
    }
}
