//! The lines that set a parameter at boot and lose to another file's.

use std::collections::BTreeMap;

use crate::bootview::BootView;
use crate::observed::{ConfTree, Facts};

use super::{Plan, volatile};

impl Plan {
    /// Names at each parameter the lines that lose, for whoever wants to see all of them.
    pub fn name_beaten(&mut self, conf: &ConfTree, facts: &Facts) {
        let lasting = volatile::lasting(conf, facts.boot_unit);
        let view = BootView::on(facts.kernel, lasting.as_ref().unwrap_or(conf));
        let mut globs = Vec::new();
        let mut named: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for (at, line) in view.lines(self.loader).iter().enumerate() {
            if line.is_glob {
                globs.push((at, line));
            } else {
                named.entry(&line.selector_text).or_default().push((at, line));
            }
        }
        let loader = self.loader;
        for item in &mut self.items {
            let key = &item.desired.key;
            let Some(winner) = item.boot(loader).source.as_ref().map(|source| &source.file) else {
                continue;
            };
            let matching = globs.iter().filter(|(_, line)| line.covers(key));
            let own = named.get(key.as_path()).into_iter().flatten();
            let mut lines: Vec<_> = matching.chain(own).collect();
            lines.sort_by_key(|(at, _)| *at);
            let beaten = lines.iter().map(|(_, line)| &line.source);
            item.beaten = beaten.filter(|source| source.file != *winner).cloned().collect();
        }
    }
}
