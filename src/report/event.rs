//! A drift event as one line for people.

use std::fmt::Write as _;

use anstyle::Style;

use crate::catalogue::is_secret;
use crate::key::Key;
use crate::plan::reads_as;
use crate::wire::event::{Event, Writer};

use super::style::{BAD, CHANGE, DIM, GOOD, HEAD, WARN, cut, harmless, paint};
use super::words;

/// Of a value, more characters are not shown.
const VALUE: usize = 80;
/// Of a text, more characters are not shown.
const TEXT: usize = 400;

/// What stands before the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Nothing: whoever records the line knows the time.
    Left,
    /// `14:03:22Z`.
    Time,
    /// `2026-11-24 14:03:22Z`.
    Date,
}

/// Whether the event tells something of its parameter's value: a write that was prevented, or a
/// failure without a change, does not.
pub fn is_of_value(event: &Event) -> bool {
    let changed_nothing = event.action == "failed" && event.to.is_none();
    event.key.is_some() && event.action != "prevented" && !changed_nothing
}

/// Who has made a parameter read `now`, by the newest event of this boot that [`is_of_value`].
/// `None` where that was put back, where another value stands now, or where it is a secret.
pub fn author<'a>(newest: &'a Event, key: &Key, now: &str) -> Option<&'a Writer> {
    let left = matches!(newest.action.as_str(), "reported" | "yielded" | "contested" | "failed");
    let stands = newest.to.as_deref().is_some_and(|to| reads_as(key, to, now));
    newest.writer.as_ref().filter(|_| left && stands && !is_secret(key))
}

/// The event in one line, with colours; `user` knows the names of users.
pub fn line(event: &Event, when: When, user: &dyn Fn(u32) -> Option<String>) -> String {
    let mut out = String::new();
    if let Some(time) = time(&event.time, when) {
        let _ = write!(out, "{}  ", paint(DIM, &time));
    }
    match &event.key {
        Some(key) => {
            let what = failure(event).unwrap_or_else(|| what(event));
            let _ = write!(out, "{}: {what}", paint(HEAD, &harmless(key)));
        }
        None => out.push_str(&of_all(event)),
    }
    if event.key.is_some() && event.count > 1 {
        let _ = write!(out, ", {} times", event.count);
    }
    match (&event.writer, event.cause.as_str()) {
        (Some(writer), _) => {
            let verb = if event.action == "prevented" { "tried by" } else { "changed by" };
            let _ = write!(out, "; {verb} {}", who(writer, user));
        }
        (None, "kernel") => out.push_str("; changed by the kernel itself"),
        (None, "process") => out.push_str("; changed by a process that is not known"),
        (None, _)
            if event.key.is_some() && !matches!(event.action.as_str(), "settled" | "failed") =>
        {
            out.push_str("; nobody knows who changed it");
        }
        _ => {}
    }
    if event.key.is_some()
        && failure(event).is_none()
        && let Some(detail) = &event.detail
    {
        let _ = write!(out, "; {}", cut(detail, TEXT));
    }
    out
}

/// What has failed, where that is no correction: nothing was changed.
fn failure(event: &Event) -> Option<String> {
    let no_change = event.action == "failed" && event.from.is_none() && event.to.is_none();
    let detail = event.detail.as_ref().filter(|_| no_change && event.key.is_some())?;
    Some(paint(style(&event.action), &cut(detail, TEXT)))
}

fn style(action: &str) -> Style {
    match action {
        "restored" | "settled" | "reloaded" => GOOD,
        "prevented" | "dropin" => CHANGE,
        "contested" | "failed" | "refused" => BAD,
        _ => WARN,
    }
}

fn time(time: &str, when: When) -> Option<String> {
    let moment = words::moment(time);
    match when {
        When::Left => None,
        When::Time => Some(moment.split_once(' ')?.1.to_owned()),
        When::Date => Some(moment),
    }
}

/// What was changed, and what was done about it.
fn what(event: &Event) -> String {
    let value = |text: &Option<String>| match text {
        None => "?".to_owned(),
        Some(text) if text.is_empty() => "(empty)".to_owned(),
        Some(text) => cut(text, VALUE),
    };
    let mut out = String::new();
    // What it was changed to is what it was changed from, once it is put back.
    let (from, to) = match event.action.as_str() {
        "restored" | "failed" if event.to.is_some() => (&event.to, &event.desired),
        _ => (&event.from, &event.to),
    };
    if event.from.is_some() || event.to.is_some() {
        let _ = write!(out, "{} -> {} ", value(from), value(to));
    }
    out.push_str(&paint(style(&event.action), done(&event.action)));
    if let Some(us) = event.latency_us {
        let _ = write!(out, " after {}", duration(us));
    }
    if matches!(event.action.as_str(), "reported" | "yielded" | "contested" | "prevented")
        && let Some(desired) = &event.desired
    {
        let _ = write!(out, " (the baseline: {})", cut(desired, VALUE));
    }
    out
}

fn done(action: &str) -> &str {
    match action {
        "reported" => "reported, left as it is",
        "yielded" => "left to whoever changed it",
        "contested" => "contested, no longer corrected at once",
        "settled" => "no longer contested",
        "failed" => "could not be restored",
        "lost" => "may have been changed unseen",
        known if is_word(known) => known,
        _ => "unknown",
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

/// What concerns no single parameter.
fn of_all(event: &Event) -> String {
    let text = match event.action.as_str() {
        "lost" if event.count == 1 => "1 event was lost".to_owned(),
        "lost" => format!("{} events were lost", event.count),
        "reloaded" => "the baseline was loaded again".to_owned(),
        "refused" => "the changed baseline was refused, the one before stays in force".to_owned(),
        "dropin" => "the drop-in was put right".to_owned(),
        other => done(other).to_owned(),
    };
    let mut out = paint(style(&event.action), &text);
    if let Some(detail) = &event.detail {
        let _ = write!(out, ": {}", cut(detail, TEXT));
    }
    out
}

fn duration(us: u64) -> String {
    match us {
        0..10_000 => format!("{us} us"),
        10_000..10_000_000 => format!("{} ms", us / 1000),
        _ => format!("{} s", us / 1_000_000),
    }
}

/// The writer, as far as it is known.
fn who(writer: &Writer, user: &dyn Fn(u32) -> Option<String>) -> String {
    let name = |uid: u32| match user(uid) {
        Some(name) => harmless(&name),
        None if uid == 0 => "root".to_owned(),
        None => format!("user {uid}"),
    };
    let what = writer.cmdline.as_ref().or(writer.exe.as_ref()).or(writer.comm.as_ref());
    let what = what.map_or_else(|| "a process".to_owned(), |text| cut(text, TEXT));
    let mut facts = Vec::new();
    facts.extend(writer.pid.map(|pid| format!("pid {pid}")));
    facts.extend(writer.uid.map(name));
    if let Some(login) = writer.login_uid.filter(|&login| Some(login) != writer.uid) {
        facts.push(format!("logged in as {}", name(login)));
    }
    match (&writer.container, &writer.unit) {
        (Some(id), _) => facts.push(format!("container {}", cut(short(id), TEXT))),
        (None, Some(unit)) => facts.push(cut(unit, TEXT)),
        (None, None) => {}
    }
    if writer.namespace.as_deref() == Some("other") {
        facts.push("in another namespace".to_owned());
    }
    let mut parents: Vec<String> = Vec::new();
    let mut above = writer.parent.as_ref();
    while let Some(parent) = above {
        let comm = harmless(&parent.comm);
        // `sudo` below `sudo` is one to a reader.
        if parents.last() != Some(&comm) {
            parents.push(comm);
        }
        above = parent.parent.as_deref();
    }
    let mut inside = facts.join(", ");
    if !parents.is_empty() {
        let _ = write!(inside, "; parent {}", parents.join(", "));
    }
    if inside.is_empty() { what } else { format!("{what} ({})", inside.trim_start_matches("; ")) }
}

/// A container's id as its runtime lists it.
fn short(id: &str) -> &str {
    let is_hex = id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit());
    if is_hex { &id[..12] } else { id }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::observed::{self, Ancestor, Namespace, Via};

    fn event(action: &str) -> Event {
        Event {
            schema: "tunectl/event/1".into(),
            time: "2026-11-24T14:03:22.123456Z".into(),
            boot_id: "b".into(),
            key: Some("vm.swappiness".into()),
            desired: Some("1".into()),
            from: Some("1".into()),
            to: Some("60".into()),
            action: action.into(),
            cause: "process".into(),
            writer: Some((&writer()).into()),
            latency_us: None,
            count: 1,
            detail: None,
        }
    }

    fn writer() -> observed::Writer {
        let above = |pid, comm: &str| Ancestor { pid, comm: comm.into() };
        observed::Writer {
            pid: Some(4711),
            comm: Some("sysctl".into()),
            cmdline: Some("sysctl -w vm.swappiness=60".into()),
            uid: Some(0),
            login_uid: Some(1000),
            unit: Some("session-3.scope".into()),
            ancestors: vec![above(4700, "sudo"), above(4600, "sudo"), above(4000, "bash")],
            via: Via::Bpf,
            namespace: Some(Namespace::Host),
            ..observed::Writer::default()
        }
    }

    fn plain(event: &Event, when: When) -> String {
        let user = |uid| (uid == 1000).then(|| "alice".to_owned());
        let text = line(event, when, &user);
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once('\u{1b}') {
            out.push_str(before);
            rest = after.split_once('m').map_or("", |(_, rest)| rest);
        }
        out + rest
    }

    const BY: &str = "changed by sysctl -w vm.swappiness=60 (pid 4711, root, logged in as alice, \
                      session-3.scope; parent sudo, bash)";

    #[test]
    fn whoever_made_it_what_it_reads_is_named_and_nobody_else() {
        let key = Key::parse("vm.swappiness").unwrap();
        let is_named = |event: &Event, now: &str| author(event, &key, now).is_some();
        for action in ["reported", "yielded", "contested", "failed"] {
            assert!(is_named(&event(action), "60"), "{action}");
            assert!(!is_named(&event(action), "61"), "{action}: somebody else did");
        }
        for action in ["restored", "settled", "prevented", "lost"] {
            assert!(!is_named(&event(action), "60"), "{action}: that value is gone");
        }
        let secret = Key::parse("net.ipv6.conf.all.stable_secret").unwrap();
        let hidden = Event { to: Some("(secret)".into()), ..event("reported") };
        assert!(author(&hidden, &secret, "(secret)").is_none(), "one secret looks like another");
        let of_nothing = Event { to: None, ..event("failed") };
        assert!(!is_of_value(&of_nothing) && !is_of_value(&event("prevented")));
        assert!(is_of_value(&event("restored")) && is_of_value(&event("failed")));
    }

    #[test]
    fn what_happened_and_who_did_it_are_one_line() {
        let restored = Event { latency_us: Some(21), ..event("restored") };
        assert_eq!(
            plain(&restored, When::Time),
            format!("14:03:22Z  vm.swappiness: 60 -> 1 restored after 21 us; {BY}")
        );
        assert!(plain(&restored, When::Date).starts_with("2026-11-24 14:03:22Z  vm."));
        assert!(plain(&restored, When::Left).starts_with("vm.swappiness: 60 -> 1 "));
        assert_eq!(
            plain(&event("reported"), When::Left),
            format!("vm.swappiness: 1 -> 60 reported, left as it is (the baseline: 1); {BY}")
        );
        let prevented = plain(&event("prevented"), When::Left);
        assert!(prevented.contains("1 -> 60 prevented (the baseline: 1); tried by"), "{prevented}");
        let contested = Event { count: 21, ..event("contested") };
        assert!(plain(&contested, When::Left).contains(", 21 times; changed by"));
    }

    #[test]
    fn a_failure_without_a_change_is_no_correction_that_failed() {
        let why = "cannot be prevented here (no BPF), so it is put right afterwards";
        let failed = |to: Option<&str>| Event {
            from: None,
            to: to.map(str::to_owned),
            writer: None,
            cause: "unknown".into(),
            detail: Some(why.into()),
            ..event("failed")
        };
        assert_eq!(plain(&failed(None), When::Left), format!("vm.swappiness: {why}"));
        let told = plain(&failed(Some("60")), When::Left);
        assert_eq!(told, format!("vm.swappiness: 60 -> 1 could not be restored; {why}"));
    }

    #[test]
    fn what_is_not_known_is_said_or_left_out() {
        let nobody = |cause: &str| Event { writer: None, cause: cause.into(), ..event("restored") };
        for (cause, end) in [
            ("kernel", "restored; changed by the kernel itself"),
            ("process", "restored; changed by a process that is not known"),
            ("unknown", "restored; nobody knows who changed it"),
        ] {
            let text = plain(&nobody(cause), When::Left);
            assert!(text.ends_with(end), "{text}");
        }
        let gone = observed::Writer { pid: Some(7), ..observed::Writer::default() };
        let gone = Event { writer: Some((&gone).into()), ..event("restored") };
        assert!(plain(&gone, When::Left).ends_with("; changed by a process (pid 7)"));
        let unreadable = Event { from: None, to: None, writer: None, ..event("restored") };
        assert!(plain(&unreadable, When::Left).starts_with("vm.swappiness: restored; "));
    }

    #[test]
    fn a_container_and_another_namespace_are_named() {
        let id = "3f4e8d9f0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5";
        let inside = observed::Writer {
            container: Some(id.into()),
            unit: Some(format!("docker-{id}.scope")),
            namespace: Some(Namespace::Other),
            login_uid: None,
            ancestors: Vec::new(),
            ..writer()
        };
        let inside = Event { writer: Some((&inside).into()), ..event("restored") };
        let text = plain(&inside, When::Left);
        assert!(
            text.ends_with("(pid 4711, root, container 3f4e8d9f0a1b, in another namespace)"),
            "{text}"
        );
    }

    #[test]
    fn what_concerns_no_parameter_is_told_by_its_detail() {
        let event = |action: &str| Event {
            key: None,
            desired: None,
            from: None,
            to: None,
            writer: None,
            cause: "unknown".into(),
            count: 3,
            detail: Some("a\nb".into()),
            ..event(action)
        };
        assert_eq!(plain(&event("lost"), When::Left), "3 events were lost: a\\u{a}b");
        let one = Event { count: 1, ..event("lost") };
        assert_eq!(plain(&one, When::Left), "1 event was lost: a\\u{a}b");
        assert!(
            plain(&event("refused"), When::Left).starts_with("the changed baseline was refused")
        );
        for (action, ..) in [("reloaded", 0), ("dropin", 0), ("x\u{1b}[2J", 0)] {
            let text = plain(&event(action), When::Left);
            assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
        }
    }

    #[test]
    fn hostile_texts_stay_on_their_line() {
        let hostile = "a\nb\u{1b}[2J\u{9b}c\u{202e}d";
        let writer = observed::Writer {
            cmdline: Some(hostile.into()),
            unit: Some(hostile.into()),
            ancestors: vec![Ancestor { pid: 1, comm: hostile.into() }],
            ..writer()
        };
        let event = Event {
            key: Some(hostile.into()),
            from: Some(hostile.into()),
            to: Some(hostile.into()),
            time: format!("{hostile}T{hostile}"),
            detail: Some(hostile.into()),
            writer: Some((&writer).into()),
            ..event("reported")
        };
        let text = plain(&event, When::Date);
        assert!(!text.contains(|c: char| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
}
