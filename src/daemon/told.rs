//! What was done, as events: who it was, from what to what, and how long it took.

use std::time::Duration;

use crate::catalogue::is_secret;
use crate::key::Key;
use crate::observed::{self, Cause};
use crate::report::SECRET;
use crate::watch::bpf::Bpf;
use crate::watch::clock;
use crate::wire::event::{EVENT_SCHEMA, Event, Writer};

use super::Daemon;
use super::eyes::Marks;
use super::slot::{Done, Look, Refused, Slot, Trouble, What, text};
use super::witness::Sought;

/// Refused writes are told one by one, and when they come more often, together.
const REFUSED: Duration = Duration::from_secs(10);

/// Told where a write leads to nothing, and the kernel refuses nothing.
const KEPT: &str = "the kernel took the write and kept its value";

impl Daemon<'_> {
    /// Tells what was done, and sees how it turned out.
    pub(super) fn tell(&mut self, began: Duration, swept: bool) {
        for i in 0..self.slots.len() {
            if let Some(done) = self.slots[i].done.take() {
                self.tell_done(i, done, began);
            }
            let Refused { count, told, .. } = self.slots[i].refused;
            let now = told.is_none_or(|told| began.saturating_sub(told) >= REFUSED);
            if count > 0 && (now || swept) {
                self.tell_refused(i, began);
            }
        }
        self.witness.look_anew();
        self.write_down();
        if std::mem::take(&mut self.soon.watch) {
            self.watch_bystanders();
            self.look_with_bpf();
        }
    }

    fn tell_done(&mut self, i: usize, done: Done, began: Duration) {
        self.soon.settle = true;
        if done.what == What::Set {
            self.tell_set(i, done);
            return;
        }
        let sought = self.sought(i, done.pid, began);
        let mut event = self.event(&self.slots[i].key.clone(), action(done.what));
        let writer = match done.what {
            What::Settled => None,
            _ => self.witness.writer(sought),
        };
        let slot = &self.slots[i];
        event.desired = Some(shown(&slot.key, &slot.desired));
        if done.what == What::Settled {
            event.detail = Some("nobody has changed it for a while: it is held again".into());
            self.records.record(&event);
            return;
        }
        event.from = Some(&slot.right)
            .filter(|right| !right.is_empty())
            .map(|right| shown(&slot.key, &text(right)));
        event.to = Some(shown(&slot.key, &text(&slot.wrong)));
        event.cause =
            self.cause(i, writer.is_some() || done.pid.is_some(), &mut event.detail).name().into();
        event.writer = writer.as_ref().map(|writer| told(&self.slots[i].key, writer));
        if std::mem::take(&mut self.slots[i].taken_back) {
            event.detail.get_or_insert_with(|| "changed while it was let go".into());
        }
        match done.what {
            What::Restored => {
                let micros = |took: Duration| u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                event.latency_us = done.took.map(micros);
                self.remember(i, &event.time);
                if self.is_kept(i, done.at) {
                    event.action = "failed".into();
                    event.detail = Some(KEPT.into());
                } else {
                    self.counts.restored += 1;
                }
            }
            What::Failed(errno) => {
                let key = self.slots[i].key.to_string();
                event.detail = Some(refused(&key, errno.0));
            }
            What::Contested(pause) => {
                event.detail = Some(format!(
                    "corrected too often: left alone for {} s, then tried again",
                    pause.as_secs()
                ));
                self.blind(i);
            }
            What::Yielded => self.keep_yielded(i),
            What::ReportedOnce(pause) => {
                event.detail = Some(format!(
                    "it changes all the time: looked at again in {} s",
                    pause.as_secs()
                ));
                self.blind(i);
            }
            What::Reported | What::Set | What::Settled => {}
        }
        self.records.record(&event);
    }

    /// A parameter that has come is set, which is no drift.
    fn tell_set(&mut self, i: usize, done: Done) {
        let kept = self.is_kept(i, done.at);
        let Slot { key, desired, wrong, .. } = &self.slots[i];
        let mut event = if kept { self.event(key, "failed") } else { self.general("reloaded") };
        event.detail = Some(if kept {
            event.to = Some(shown(key, &text(wrong)));
            KEPT.into()
        } else {
            format!("{key} is there now and is set to {}", shown(key, desired))
        });
        self.remember(i, &event.time);
        self.records.record(&event);
    }

    /// Reads back what was written at `at`: whether the kernel has made something else of it. Where
    /// somebody has written since, that is another drift: its event is on its way, or the next sweep
    /// finds it.
    fn is_kept(&mut self, i: usize, at: Duration) -> bool {
        let slot = &mut self.slots[i];
        let before = slot.wrong.clone();
        match slot.look(&mut self.buffer) {
            Look::Right => {
                slot.state.in_sync(clock::monotonic());
                return false;
            }
            Look::Wrong if slot.wrong == before => {}
            Look::Wrong | Look::Gone(_) => return false,
        }
        // The same value again may be the writer's next blow: events come after the change.
        self.see(clock::monotonic());
        let sought = Sought { slot: self.slots[i].id, pid: None, since: at, denied: false };
        let attempted = self.witness.when(sought).is_some();
        // Of inotify's events one may be of the correction itself.
        let names = !matches!(self.eyes.marks, Marks::Inotify(_));
        let slot = &mut self.slots[i];
        if attempted || self.soon.overflow || (names && slot.dirty) {
            return false;
        }
        slot.trouble = Some(Trouble::Kept(before));
        true
    }

    /// Says that more happened than the kernel's queue holds. Everything was looked at since.
    pub(super) fn tell_overflow(&mut self, now: Duration) {
        let (count, last) = &mut self.counts.overflows;
        *count += 1;
        if last.is_some_and(|last| now.saturating_sub(last) < REFUSED) {
            return;
        }
        let lost = std::mem::take(count);
        *last = Some(now);
        let mut event = self.general("lost");
        event.count = lost;
        event.detail = Some(
            "more was written than the kernel's queue of events holds: who wrote is not known, \
             and every parameter was looked at"
                .into(),
        );
        self.records.record(&event);
    }

    /// Says how much was written that is in no count, refused writes above all: BPF's ring was full.
    pub(super) fn tell_missed(&mut self) {
        let missed = self.eyes.bpf.as_ref().map_or(0, Bpf::lost);
        let count = missed.saturating_sub(self.counts.missed);
        self.counts.missed = missed;
        if count == 0 {
            return;
        }
        let mut event = self.general("lost");
        event.count = count;
        event.detail = Some(
            "more was written than BPF's ring holds: these writes, refused ones among them, are \
             in no other count"
                .into(),
        );
        self.records.record(&event);
    }

    fn tell_refused(&mut self, i: usize, now: Duration) {
        let slot = &mut self.slots[i];
        let Refused { count, since, .. } = slot.refused;
        slot.refused = Refused { told: Some(now), ..Refused::default() };
        let sought = Sought { slot: slot.id, pid: None, since, denied: true };
        let writer = self.witness.writer(sought);
        let mut event = self.event(&self.slots[i].key.clone(), "prevented");
        let slot = &self.slots[i];
        event.desired = Some(shown(&slot.key, &slot.desired));
        event.from = Some(shown(&slot.key, &text(&slot.right)));
        event.to = self.witness.text(sought).map(|t| shown(&slot.key, &t));
        event.cause = Cause::Process.name().into();
        event.writer = writer.as_ref().map(|writer| told(&self.slots[i].key, writer));
        event.count = count;
        self.records.record(&event);
    }

    /// `process`: somebody has written, whether or not it is known who.
    fn cause(&mut self, i: usize, process: bool, detail: &mut Option<String>) -> Cause {
        if process {
            return Cause::Process;
        }
        let key = &self.slots[i].key;
        let since = self.counts.swept.saturating_sub(Duration::from_secs(1));
        if let Some(said) = self.log.as_mut().and_then(|log| log.said_of(key, since)) {
            *detail = Some(format!("the kernel says: {said}"));
            return Cause::Kernel;
        }
        if key.as_path() == "vm/min_free_kbytes" && self.memory_changed {
            *detail = Some("the host's memory has changed".into());
            return Cause::Kernel;
        }
        Cause::Unknown
    }

    /// An event of that parameter, to be filled in.
    pub(super) fn event(&self, key: &Key, action: &str) -> Event {
        Event { key: Some(key.to_string()), ..self.general(action) }
    }

    /// An event of no parameter.
    pub(super) fn general(&self, action: &str) -> Event {
        Event {
            schema: EVENT_SCHEMA.into(),
            time: clock::utc(),
            boot_id: self.host.boot_id().to_owned(),
            key: None,
            desired: None,
            from: None,
            to: None,
            action: action.into(),
            cause: Cause::Unknown.name().into(),
            writer: None,
            latency_us: None,
            count: 1,
            detail: None,
        }
    }
}

fn action(what: What) -> &'static str {
    match what {
        What::Restored => "restored",
        What::Set => "reloaded",
        What::Failed(_) => "failed",
        What::Reported | What::ReportedOnce(_) => "reported",
        What::Yielded => "yielded",
        What::Contested(_) => "contested",
        What::Settled => "settled",
    }
}

fn refused(key: &str, errno: i32) -> String {
    let why = std::io::Error::from_raw_os_error(errno);
    format!("the kernel refuses to set {key} ({why}); it is tried again at each drift and sweep")
}

/// A value as it may be shown.
pub(super) fn shown(key: &Key, value: &str) -> String {
    if is_secret(key) { SECRET.to_owned() } else { value.to_owned() }
}

/// A writer as it may be told: whoever wrote a secret has it in its arguments, in whatever form.
fn told(key: &Key, writer: &observed::Writer) -> Writer {
    let mut writer = Writer::from(writer);
    writer.cmdline.take_if(|_| is_secret(key));
    writer
}
