//! Parameters that are let go for a while, and taken back.

use std::time::Duration;

use crate::persist::holds::Holds;
use crate::watch::clock;

use super::Daemon;

/// So long after it could not be read the file of holds is read again.
const AGAIN: Duration = Duration::from_secs(1);

impl Daemon<'_> {
    /// Lets go what the file of holds says, and takes back what it no longer says.
    pub(super) fn end_holds(&mut self) {
        let since_boot = clock::since_boot();
        let holds = match Holds::read(&self.root, self.host.boot_id()) {
            Ok(holds) => holds,
            Err(error) => {
                // What is let go stays so until that is known again.
                self.tell_once(format!("what is let go is not known: {error}"));
                self.soon.hold_ends = Some(clock::monotonic() + AGAIN);
                return;
            }
        };
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
        self.soon.hold_ends = end.map(|left| clock::monotonic().saturating_add(left));
        if changed {
            self.forget_unwritten();
            self.soon.report = true;
            self.see_again(clock::monotonic());
            self.look_with_bpf();
            self.stands();
        }
    }
}
