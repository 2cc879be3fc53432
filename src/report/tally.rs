//! Counts events by key, cause and writer, with as many names as a counter's labels may have.

use crate::wire::event::{Event, Writer};
use crate::wire::{Counted, LATENCIES_US, Tally};

/// Of one key, so many writers are counted by name; whoever comes on top is `other`.
const MOST_WRITERS: usize = 8;
/// So many are counted apart; of whatever comes on top the key is `other`, too. On a host of containers
/// interfaces of other names come all day, and each series stays with whoever reads it.
const MOST_COUNTS: usize = 1000;
/// The name of those.
const OTHER: &str = "other";
/// Longest name of a writer, in characters; the kernel's own names have 15.
const LONGEST_NAME: usize = 64;

/// Counts an event; whether it was one that counts.
pub fn add(tally: &mut Tally, event: &Event) -> bool {
    let Some(key) = &event.key else { return false };
    let counts = match event.action.as_str() {
        "prevented" => &mut tally.prevented,
        _ if is_drift(event) => &mut tally.drift,
        _ => return false,
    };
    count(counts, key, &writer(event), event);
    if let (Some(us), "restored") = (event.latency_us, event.action.as_str()) {
        let latency = &mut tally.latency;
        latency.within.resize(LATENCIES_US.len(), 0);
        let at = LATENCIES_US.iter().position(|bound| us <= *bound);
        if let Some(bucket) = at.and_then(|at| latency.within.get_mut(at)) {
            *bucket += 1;
        }
        latency.count += 1;
        latency.sum_us = latency.sum_us.saturating_add(us);
    }
    true
}

/// Counts an event under its own names where that is done already or there is room, else as others'.
fn count(counts: &mut Vec<Counted>, key: &str, writer: &str, event: &Event) {
    let has_room = counts.len() < MOST_COUNTS;
    let writers = counts.iter().filter(|c| c.key == key && c.writer != OTHER).count();
    let names = [
        (key, writer, has_room && writers < MOST_WRITERS),
        (key, OTHER, has_room),
        (OTHER, OTHER, true),
    ];
    for (key, writer, may_be_new) in names {
        let same = |c: &&mut Counted| c.key == key && c.writer == writer && c.cause == event.cause;
        if let Some(counted) = counts.iter_mut().find(same) {
            counted.count = counted.count.saturating_add(event.count);
            return;
        }
        if may_be_new {
            counts.push(Counted {
                key: key.to_owned(),
                cause: event.cause.clone(),
                writer: writer.to_owned(),
                count: event.count,
            });
            return;
        }
    }
}

/// Whether a parameter was changed, whatever was done about it.
pub fn is_drift(event: &Event) -> bool {
    let changed = matches!(
        event.action.as_str(),
        "restored" | "reported" | "yielded" | "contested" | "failed"
    );
    changed && event.key.is_some() && event.to.is_some()
}

/// Who did it, by the name that a label gets.
fn writer(event: &Event) -> String {
    let file = |w: &Writer| w.exe.as_deref()?.rsplit('/').next().map(str::to_owned);
    let name = event.writer.as_ref().and_then(|w| w.comm.clone().or_else(|| file(w)));
    match (name, event.cause.as_str()) {
        (Some(name), _) if !name.is_empty() => name.chars().take(LONGEST_NAME).collect(),
        (_, "kernel") => "kernel".to_owned(),
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::wire::event::EVENT_SCHEMA;

    fn event(action: &str, comm: &str) -> Event {
        let writer = crate::observed::Writer { comm: Some(comm.into()), ..Default::default() };
        Event {
            schema: EVENT_SCHEMA.into(),
            time: "2026-11-24T14:03:22.123456Z".into(),
            boot_id: "b".into(),
            key: Some("vm.swappiness".into()),
            desired: Some("1".into()),
            from: Some("1".into()),
            to: Some("60".into()),
            action: action.into(),
            cause: "process".into(),
            writer: Some((&writer).into()),
            latency_us: Some(30),
            count: 1,
            detail: None,
        }
    }

    #[test]
    fn names_of_writers_are_bounded_and_nothing_is_lost() {
        let mut tally = Tally::default();
        for n in 0..100 {
            assert!(add(&mut tally, &event("restored", &format!("w{}", n % 50))));
        }
        assert_eq!(tally.drift.len(), MOST_WRITERS + 1);
        assert_eq!(tally.drift.iter().map(|c| c.count).sum::<u64>(), 100);
        let other = tally.drift.iter().find(|c| c.writer == OTHER).unwrap();
        assert_eq!(other.count, 100 - 2 * MOST_WRITERS as u64);
        assert_eq!((tally.latency.count, tally.latency.sum_us), (100, 3000));
        assert_eq!(tally.latency.within[..2], [0, 100]);
    }

    #[test]
    fn keys_that_come_and_go_are_bounded_as_well() {
        let mut tally = Tally::default();
        for n in 0..3 * MOST_COUNTS {
            let key = Some(format!("net.ipv4.conf.veth{n}.rp_filter"));
            assert!(add(&mut tally, &Event { key, ..event("restored", "dockerd") }));
        }
        // What is counted already goes on under its own name.
        let key = Some("net.ipv4.conf.veth0.rp_filter".to_owned());
        assert!(add(&mut tally, &Event { key, ..event("restored", "dockerd") }));
        assert_eq!(tally.drift.len(), MOST_COUNTS + 1);
        assert_eq!(tally.drift[0].count, 2);
        let other = tally.drift.iter().find(|c| c.key == OTHER).unwrap();
        assert_eq!((other.writer.as_str(), other.count), (OTHER, 2 * MOST_COUNTS as u64));
    }

    #[test]
    fn what_changed_nothing_is_no_drift() {
        let mut tally = Tally::default();
        for action in ["settled", "reloaded", "dropin", "lost", "refused"] {
            assert!(!add(&mut tally, &event(action, "x")), "{action}");
        }
        assert!(!add(&mut tally, &Event { to: None, ..event("failed", "x") }));
        assert!(!add(&mut tally, &Event { key: None, ..event("restored", "x") }));
        assert_eq!(tally, Tally::default());
        assert!(add(&mut tally, &Event { count: 7, ..event("prevented", "x") }));
        assert_eq!((tally.drift.len(), tally.prevented[0].count), (0, 7));
        assert_eq!(tally.latency.count, 0, "only what was restored took a time");
    }

    #[test]
    fn whoever_is_not_known_is_said_to_be_so() {
        let nobody =
            |cause: &str| Event { writer: None, cause: cause.into(), ..event("reported", "") };
        let mut tally = Tally::default();
        for cause in ["kernel", "unknown", "process"] {
            add(&mut tally, &nobody(cause));
        }
        add(&mut tally, &event("reported", ""));
        let names: Vec<_> = tally.drift.iter().map(|c| (c.writer.as_str(), c.count)).collect();
        assert_eq!(names, [("kernel", 1), ("unknown", 1), ("unknown", 2)]);
    }
}
