//! What happened to parameters since the boot: as values, and as text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::wire::Drift;
use crate::wire::event::Event;

use super::event::{When, line};
use super::plan::Layout;
use super::style::{BAD, HEAD, WARN, paint, styled_line, wrapped};

/// So many events are told in JSON …
const RECENT: usize = 50;
/// … and so many as text, unless more is asked for.
const SHOWN: usize = 10;

/// From the events since the boot, oldest first; `partial`: there are older ones.
pub fn drift(events: Vec<Event>, damaged: u64, partial: bool) -> Drift {
    let sum = |action: &str| {
        let counts = events.iter().filter(|e| e.action == action).map(|e| e.count);
        counts.fold(0, u64::saturating_add)
    };
    let (corrections, prevented) = (sum("restored"), sum("prevented"));
    let mut contested = BTreeSet::new();
    for event in &events {
        let Some(key) = &event.key else { continue };
        match event.action.as_str() {
            "contested" => {
                contested.insert(key.clone());
            }
            "settled" => {
                contested.remove(key);
            }
            _ => {}
        }
    }
    let contested = contested.into_iter().collect();
    let mut stood: Vec<u64> = events.iter().filter_map(|e| e.latency_us).collect();
    stood.sort_unstable();
    // The least that so many of a hundred are not above.
    let at = |share: usize| stood.get((stood.len() * share).div_ceil(100).checked_sub(1)?).copied();
    let (latency_median_us, latency_99_us) = (at(50), at(99));
    let mut recent = events;
    recent.drain(..recent.len().saturating_sub(RECENT));
    Drift {
        corrections,
        prevented,
        latency_median_us,
        latency_99_us,
        contested,
        recent,
        damaged,
        partial,
    }
}

/// The section of the status; nothing where nothing has happened.
pub(super) fn text(
    out: &mut String,
    drift: &Drift,
    layout: Layout,
    user: &dyn Fn(u32) -> Option<String>,
) {
    if !drift.recent.is_empty() {
        let least = if drift.partial { "at least " } else { "" };
        let mut head = format!("drift since boot: {least}{} corrected", drift.corrections);
        if drift.prevented > 0 {
            let _ = write!(head, ", {} prevented", drift.prevented);
        }
        if let (Some(median), Some(most)) = (drift.latency_median_us, drift.latency_99_us) {
            let _ = write!(head, "; within {median} us in the median, {most} us for 99 %");
        }
        let style = if drift.contested.is_empty() { HEAD } else { BAD };
        styled_line(out, style, &head);
    }
    for key in &drift.contested {
        let text = format!("contested: {key}: somebody else keeps changing it");
        wrapped(out, 2, layout.width, BAD, &text);
    }
    let shown = if layout.verbose { RECENT } else { SHOWN };
    let hidden = drift.recent.len().saturating_sub(shown);
    for event in &drift.recent[hidden..] {
        let _ = writeln!(out, "  {}", line(event, When::Date, user));
    }
    if hidden > 0 {
        let _ = writeln!(out, "  ({hidden} more with -v)");
    }
    if drift.damaged > 0 {
        let _ = writeln!(out, "  {}", paint(WARN, &damaged(drift.damaged)));
    }
}

/// That so many lines are no events.
pub fn damaged(lines: u64) -> String {
    if lines == 1 {
        return "a line of the log of events is damaged".to_owned();
    }
    format!("{lines} lines of the log of events are damaged")
}
