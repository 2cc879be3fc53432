//! Parameters that are let go for a while, and taken back.

use crate::persist::holds::{Hold, Holds, YIELDED};
use crate::persist::{Lock, LockError};
use crate::watch::clock;

use super::Daemon;

impl Daemon<'_> {
    /// Lets go what the file of holds says, and takes back what it no longer says.
    pub(super) fn end_holds(&mut self) {
        let since_boot = clock::since_boot();
        let holds = Holds::read(&self.root, self.host.boot_id());
        let mut changed = false;
        for slot in &mut self.slots {
            let let_go = holds.of(&slot.key, since_boot).is_some();
            if slot.let_go == let_go {
                continue;
            }
            log::info!("{}: {}", slot.key, if let_go { "let go" } else { "taken back" });
            slot.let_go = let_go;
            slot.state.reset();
            // Whoever wrote meanwhile was permitted to, and may be gone for long.
            (slot.touched_by, slot.taken_back, slot.is_new) = (None, !let_go, false);
            slot.calm = false;
            slot.dirty = true;
            self.soon.dirty = true;
            changed = true;
        }
        let end = holds.next_end(since_boot).map(|end| end.saturating_sub(since_boot));
        self.soon.hold_ends = end.map(|left| clock::monotonic() + left);
        if changed {
            self.soon.report = true;
            self.see_again(clock::monotonic());
            self.look_with_bpf();
            self.stands();
        }
    }

    /// Writes down that a parameter was left to another, so that a restart does not take it back.
    pub(super) fn keep_yielded(&mut self, i: usize) {
        let since_boot = clock::since_boot();
        let key = &self.slots[i].key;
        let path = crate::below::resolve_parent(&self.root, crate::persist::LOCK);
        let written = path
            .map_err(|e| e.to_string())
            .and_then(|path| {
                let patience = std::time::Duration::ZERO;
                Lock::take(&path, patience).map_err(|e: LockError| e.to_string())
            })
            .and_then(|_lock| {
                let mut holds = Holds::read(&self.root, self.host.boot_id());
                let hold = Hold {
                    kind: YIELDED.into(),
                    by: "the daemon, as the baseline says (on_drift: yield)".into(),
                    reason: None,
                    until: None,
                    until_since_boot: None,
                };
                holds.holds.insert(key.to_string(), hold);
                holds.write(&self.root, since_boot).map_err(|e| e.to_string())
            });
        if let Err(why) = written {
            log::warn!("{key} is left to another until the daemon restarts only: {why}");
        }
    }
}
