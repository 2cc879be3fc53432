//! The status as text: how the host stands first, then its boot, its daemon and what has drifted.

use std::fmt::Write as _;

use crate::wire::{BootReport, Changed, Found, LetGo, NextBoot, Status, Watch};

use super::boot::{self, Told};
use super::plan::Layout;
use super::status::ROLLED_BACK;
use super::style::{BAD, DIM, GOOD, HEAD, WARN, harmless, styled_line, wrapped};
use super::words;

/// The status as text: what matters first, then the boot, then what has changed since.
pub fn text(status: &Status, layout: Layout, user: &dyn Fn(u32) -> Option<String>) -> String {
    let mut out = String::new();
    let style = match status.result.as_str() {
        "in_sync" => HEAD.fg_color(GOOD.get_fg_color()),
        "failed" => BAD,
        _ => WARN,
    };
    let released = all_released(status);
    match released {
        Some(held) => wrapped(&mut out, 0, layout.width, WARN, &released_text(held)),
        None => wrapped(&mut out, 0, layout.width, style, &headline(status)),
    }
    if let Some(trial) = &status.trial {
        wrapped(&mut out, 0, layout.width, WARN, &super::trial::pending(trial));
    }
    // Where nothing is held nothing is missing.
    if released.is_none() {
        parameters(&mut out, status, layout);
    }
    for line in status.errors.iter().chain(&status.notes) {
        wrapped(&mut out, 2, layout.width, WARN, line);
    }
    let (rolled_back, let_go): (Vec<_>, Vec<_>) =
        status.let_go.iter().partition(|held| held.kind == "released");
    if released.is_none()
        && let Some(line) = rolled_back_text(&rolled_back)
    {
        wrapped(&mut out, 2, layout.width, WARN, &line);
    }
    for held in let_go {
        wrapped(&mut out, 2, layout.width, WARN, &let_go_text(held));
    }
    if released.is_none() || layout.verbose {
        boot_text(&mut out, status, layout);
    }
    if status.result != "no_baseline" {
        daemon_text(&mut out, status.daemon.as_ref(), layout);
    }
    if let Some(drift) = &status.drift {
        super::drift::text(&mut out, drift, layout, user);
    }
    out
}

/// The hold by which a host's whole baseline is let go after a rollback.
pub fn all_released(status: &Status) -> Option<&LetGo> {
    let all = |held: &&LetGo| held.kind == "released" && held.key == "*";
    status.let_go.iter().find(all).filter(|_| status.baseline.is_some())
}

fn released_text(held: &LetGo) -> String {
    let by = held.by.split_once(", by ").map_or(held.by.as_str(), |(user, _)| user);
    format!("rolled back by {by}: {}", words::NOTHING_HELD)
}

/// Each parameter that is not as required, or would not be after a reboot.
fn parameters(out: &mut String, status: &Status, layout: Layout) {
    for changed in &status.changed {
        wrapped(out, 2, layout.width, BAD, &changed_text(changed, status));
    }
    for key in &status.unreadable {
        let text = format!("{key}: unknown: only root may read it: run it as root to see it");
        wrapped(out, 2, layout.width, WARN, &text);
    }
    for next in &status.next_boot {
        wrapped(out, 2, layout.width, WARN, &next_text(next, status.refusals.is_empty()));
    }
    // What is refused of a parameter above stands there.
    let told = |line: &&String| {
        let of = |changed: &Changed| line.starts_with(&format!("{}: ", changed.key));
        status.changed.iter().any(of)
    };
    for line in status.refusals.iter().filter(|line| !told(line)) {
        wrapped(out, 2, layout.width, BAD, &format!("an apply is refused: {line}"));
    }
    for pending in &status.pending {
        wrapped(out, 2, layout.width, DIM, &format!("pending: {}", boot::pending_line(pending)));
    }
}

fn headline(status: &Status) -> String {
    let name = status.baseline.as_ref().map_or("", |b| b.name.as_str());
    let unread = status.unreadable.len();
    let total = status.right + status.changed.len() + status.pending.len() + unread;
    let right = words::counted(status.right, "parameter");
    let mut text = match status.result.as_str() {
        "no_baseline" => return "this host has no baseline: nothing to hold".into(),
        "failed" => return "unknown: the baseline of this host cannot be used".into(),
        "in_sync" => {
            format!("in sync: {right} of {name}, now and after a reboot")
        }
        _ if status.changed.is_empty() => {
            let so =
                if unread > 0 { "in sync as far as this user may read" } else { "in sync now" };
            let text = format!("{so}: {right} of {name}");
            text + &after_a_reboot(status)
        }
        _ => {
            let since = status.changed.iter().filter(|c| c.since_boot).count();
            let before = status.changed.len() - since;
            let of = format!("of {} of {name}", words::counted(total, "parameter"));
            let mut text = match (since, before) {
                (0, n) => format!("{n} {of} not as required"),
                (n, 0) => format!("{n} {of} changed since boot"),
                (n, more) => format!("{n} {of} changed since boot, {more} not as required before"),
            };
            text.push_str(&after_a_reboot(status));
            text
        }
    };
    if !status.unapplied.is_empty() {
        text.push_str("; an apply is due");
    }
    for (count, what) in [
        (unread, "not readable by this user"),
        (status.pending.len(), "pending"),
        (status.waived, "waived"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {count} {what}");
        }
    }
    text
}

/// How many a reboot would take back, of how many that is not known, and how many tunectl-boot
/// then corrects.
fn after_a_reboot(status: &Status) -> String {
    let (corrected, left): (Vec<_>, Vec<_>) = status.next_boot.iter().partition(|next| next.unit);
    let (unknown, lost): (Vec<_>, Vec<_>) =
        left.into_iter().partition(|next| next.boot_status == "unknown");
    let mut text = String::new();
    if !corrected.is_empty() {
        let _ = write!(text, "; {} {}", corrected.len(), words::BY_UNIT);
    }
    if !lost.is_empty() {
        let _ = write!(text, "; a reboot takes back {}", lost.len());
    }
    if !unknown.is_empty() {
        let _ = write!(text, "; what a reboot leaves of {} is not known", unknown.len());
    }
    text
}

fn changed_text(changed: &Changed, status: &Status) -> String {
    let let_go = let_go_of(&changed.key, status);
    // Who had it let go has said why it is so: no other is to be suspected.
    let explained = let_go.is_some() || changed.error.as_deref() == Some(ROLLED_BACK);
    let error = changed.error.clone().or(let_go);
    let error = error.or_else(|| (!changed.since_boot).then(|| "not as required".to_owned()));
    let owners = if explained { Vec::new() } else { changed.owners.clone() };
    // As at boot, from what it was to what it is.
    let found = Found {
        key: changed.key.clone(),
        found: changed.to.clone(),
        desired: changed.desired.clone(),
        bound: changed.bound.clone(),
        set_by: changed.set_by.clone(),
        owners,
        corrected: false,
        error: error.clone(),
        time: None,
    };
    if !changed.since_boot {
        return boot::found_text(&found);
    }
    let shown = |text: &Option<String>| boot::shown(text.as_deref());
    let mut text =
        format!("{}: {} -> {} since boot", changed.key, shown(&changed.from), shown(&changed.to));
    if changed.desired != changed.from {
        let wanted = changed.bound.as_ref().or(changed.desired.as_ref());
        let _ = write!(text, ", not {}", boot::shown(wanted.map(String::as_str)));
    }
    if let Some(error) = &error {
        let _ = write!(text, ": {error}");
    }
    format!("{text} ({})", boot::who(&found))
}

/// Until when nobody holds a parameter, where it is let go for a while.
fn let_go_of(key: &str, status: &Status) -> Option<String> {
    if let Some(trial) = status.trial.as_ref().filter(|t| t.keys.iter().any(|k| k == key)) {
        let ends = trial.ends.as_ref().map_or("its end".to_owned(), |ends| words::moment(ends));
        return Some(format!("on trial until {ends}"));
    }
    let held = status.let_go.iter().find(|held| held.key == key && held.kind != "released")?;
    Some(match &held.until {
        Some(until) => format!("let go until {}", words::moment(until)),
        None => format!("let go by {}", harmless(&held.by)),
    })
}

/// What was rolled back, all of it in one line.
fn rolled_back_text(released: &[&LetGo]) -> Option<String> {
    let first = released.first()?;
    let keys: Vec<&str> = released.iter().map(|held| held.key.as_str()).collect();
    let what = if keys.contains(&"*") { "everything".to_owned() } else { keys.join(", ") };
    Some(format!(
        "{what}: rolled back by {}; the boot unit and the daemon leave it alone, also after a \
         reboot, until the next `tunectl apply`",
        first.by
    ))
}

fn let_go_text(held: &LetGo) -> String {
    let mut text = format!("{}: let go by {}", held.key, held.by);
    if let Some(reason) = &held.reason {
        let _ = write!(text, ": {reason}");
    }
    match &held.until {
        Some(until) => text + "; until " + &words::moment(until),
        None => text + "; until the next boot or `tunectl apply`",
    }
}

/// That a daemon begins to hold, what it holds and what it sees by.
pub fn begins(watch: &Watch) -> String {
    let mut text = format!("holding {}", words::counted(watch.held, "parameter"));
    if watch.waiting > 0 {
        let _ = write!(text, " and waiting for {}", watch.waiting);
    }
    let _ = write!(text, " of {}, seen by {}", harmless(&watch.baseline), watch.seen_by);
    if let Some(why) = &watch.why_not {
        let _ = write!(text, " ({})", harmless(why));
    }
    text.push_str("; drift is told here");
    text
}

/// Who holds the host, and by which means.
fn daemon_text(out: &mut String, daemon: Option<&Watch>, layout: Layout) {
    let mut say = |style, text: &str| wrapped(out, 0, layout.width, style, text);
    let Some(watch) = daemon.filter(|watch| watch.running) else {
        // One that has not been told to end is missed.
        let style = if daemon.is_some() { BAD } else { DIM };
        say(style, "daemon: tunectl watch does not run: `systemctl enable --now tunectl`");
        let pinned = daemon.filter(|watch| watch.pinned && !watch.prevented.is_empty());
        if let Some(watch) = pinned {
            let keys = watch.prevented.join(", ");
            let text = format!(
                "still prevented all the same (`watch --pin`): {keys}: `tunectl unlock` lets one go"
            );
            wrapped(out, 2, layout.width, WARN, &text);
        }
        return;
    };
    let mut text = format!(
        "daemon: {} held since {} (pid {}), seen by {}, swept every {} s",
        words::counted(watch.held, "parameter"),
        words::moment(&watch.since),
        watch.pid,
        watch.seen_by,
        watch.sweep_every,
    );
    if !watch.prevented.is_empty() {
        let pinned = if watch.pinned { ", pinned" } else { "" };
        let _ = write!(text, "; {} prevented{pinned}", watch.prevented.len());
    }
    say(HEAD, &text);
    if let Some(why) = &watch.why_not {
        wrapped(out, 2, layout.width, WARN, why);
    }
    if let Some(why) = &watch.refused {
        let text = format!(
            "{} stays in force, because the baseline on disk is refused: {why}",
            watch.baseline
        );
        wrapped(out, 2, layout.width, BAD, &text);
    }
}

fn next_text(next: &NextBoot, applies: bool) -> String {
    let what = match (&next.value, &next.source) {
        (_, Some(source)) if next.boot_status == "unknown" => words::unknown_boot(source),
        (Some(value), Some(source)) => format!("the next boot sets {value} ({source})"),
        (None, Some(source)) => format!("{source} keeps the next boot from setting it"),
        (_, None) => "no file sets it at the next boot".to_owned(),
    };
    let then = match (next.boot_status.as_str(), next.unit) {
        (_, true) => words::THEN_CORRECTED,
        ("unknown", false) => "",
        ("overridden", false) => ": change or remove that line, or `systemctl enable tunectl-boot`",
        (_, false) if applies => ": `tunectl apply` persists it",
        (_, false) => "",
    };
    format!("{}: {what}{then}", next.key)
}

/// The report of this boot, in short.
fn boot_text(out: &mut String, status: &Status, layout: Layout) {
    let Some(report) = &status.boot else {
        let text = if status.boot_unit {
            "boot: no report of this boot, though tunectl-boot is enabled: \
             `systemctl status tunectl-boot`"
        } else {
            "boot: no report, tunectl-boot is not enabled: `systemctl enable tunectl-boot`"
        };
        wrapped(out, 0, layout.width, WARN, text);
        return;
    };
    // What is pending now stands above.
    let told = Told {
        pass: "boot",
        right: report.right,
        waived: report.waived,
        found: &report.found,
        pending: &[],
        dropin: &report.dropin,
        errors: &[],
        notes: &[],
    };
    let failed = if report.result == "failed" { "the baseline could not be used; " } else { "" };
    let text = format!(
        "boot: {} in {}: {failed}{}",
        words::moment(&report.time),
        milliseconds(report.took_us),
        boot::counts(&told)
    );
    let style = if boot::is_good(&report.result) { HEAD } else { BAD };
    wrapped(out, 0, layout.width, style, &text);
    findings(out, &report.found, layout);
    for (key, time) in report.pending.iter().filter_map(|p| Some((&p.key, p.set_at.as_ref()?))) {
        wrapped(
            out,
            2,
            layout.width,
            DIM,
            &format!("{key}: not there at boot; right since {}", words::moment(time)),
        );
    }
    if let Some(time) = &report.settled {
        let corrected = report.since.iter().filter(|f| f.corrected).count();
        let time = words::moment(time);
        let text = match report.since.len() {
            0 => format!("settled: {time}: nothing had been changed since"),
            n if n == corrected => format!("settled: {time}: {n} changed since, corrected"),
            n => format!("settled: {time}: {n} changed since, {corrected} corrected"),
        };
        wrapped(out, 0, layout.width, HEAD, &text);
    }
    findings(out, &report.since, layout);
    latest_text(out, report, layout);
    for error in &report.errors {
        wrapped(out, 2, layout.width, BAD, error);
    }
    if layout.verbose {
        for note in &report.notes {
            wrapped(out, 2, layout.width, DIM, note);
        }
    }
    if !status.boot_unit {
        let text = "tunectl-boot is not enabled: `systemctl enable tunectl-boot`";
        styled_line(out, WARN, text);
    }
}

/// How the newest pass ended, where the lines above do not say so.
fn latest_text(out: &mut String, report: &BootReport, layout: Layout) {
    let Some((latest, how)) = boot::later(&report.result, report.latest.as_ref()) else { return };
    let style = if latest.successful { HEAD } else { BAD };
    let text = format!("pass {} of this boot: {}: {how}", latest.pass, words::moment(&latest.time));
    wrapped(out, 0, layout.width, style, &text);
}

fn findings(out: &mut String, found: &[Found], layout: Layout) {
    for found in found {
        let style = if found.corrected { WARN } else { BAD };
        wrapped(out, 2, layout.width, style, &boot::found_text(found));
    }
}

fn milliseconds(us: u64) -> String {
    format!("{}.{} ms", us / 1000, us % 1000 / 100)
}
