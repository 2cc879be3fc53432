//! The host report as text: what matters first, then each parameter that is not as required, then
//! what has drifted.

use std::fmt::Write as _;

use anstyle::Style;

use crate::wire::report::{Report, ReportEvent, ReportLetGo, ReportParameter, ReportWriter};

use super::plan::Layout;
use super::style::{BAD, DIM, GOOD, HEAD, WARN, cut, harmless, paint, styled_line, wrapped};
use super::{boot, words};

/// Longest value in a column; the whole one is in the JSON.
const VALUE_WIDTH: usize = 28;
/// Of a hash, so much tells it apart.
const HASH_WIDTH: usize = 12;

/// The report as text.
pub fn text(report: &Report, layout: Layout) -> String {
    let mut out = String::new();
    let style = match report.result.as_str() {
        "in_sync" => HEAD.fg_color(GOOD.get_fg_color()),
        "failed" => BAD,
        _ => WARN,
    };
    wrapped(&mut out, 0, layout.width, style, &headline(report));
    wrapped(&mut out, 0, layout.width, DIM, &about(report));
    table(&mut out, report, layout);
    for error in &report.errors {
        wrapped(&mut out, 2, layout.width, WARN, error);
    }
    for (key, value) in &report.others {
        let text = format!("  {} = {}", harmless(key), cut(value, layout.width));
        styled_line(&mut out, DIM, &text);
    }
    boot(&mut out, report, layout);
    // Where nobody wants it, it is not missed.
    if report.watch.is_some_and(|watch| watch.expected && !watch.running) {
        styled_line(&mut out, BAD, "daemon: tunectl watch does not run");
    }
    if report.omitted > 0 {
        let more = words::counted(report.omitted, "more parameter");
        styled_line(&mut out, DIM, &format!("{more}: a report has no room for all"));
    }
    drift(&mut out, report);
    out
}

fn headline(report: &Report) -> String {
    let summary = &report.summary;
    let name = report.baseline.as_ref().map_or("", |b| b.name.as_str());
    let all = words::counted(summary.parameters, "parameter");
    let mut text = match report.result.as_str() {
        "no_baseline" => return format!("{}: no baseline", report.host.name),
        "failed" => return format!("{}: the baseline cannot be used", report.host.name),
        "in_sync" => format!(
            "{}: in sync, now and after a reboot: {} of {all} of {name}",
            report.host.name, summary.in_sync
        ),
        _ => format!("{}: {} of {all} of {name} in sync", report.host.name, summary.in_sync),
    };
    if report.baseline.as_ref().is_some_and(|baseline| baseline.unapplied) {
        text.push_str("; an apply is due (`tunectl plan` shows what for)");
    }
    for (count, what) in [
        (summary.live_differs, "not as required now"),
        (summary.boot_differs.saturating_sub(summary.boot_corrected), "not after a reboot"),
        (summary.boot_corrected, words::BY_UNIT),
        (summary.blocked, "blocked"),
        (summary.contested, "contested"),
        (summary.pending, "pending"),
        (summary.waived, "waived"),
        (summary.let_go, "let go"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {count} {what}");
        }
    }
    text
}

fn about(report: &Report) -> String {
    let host = &report.host;
    let mut parts = Vec::new();
    if let Some(baseline) = &report.baseline {
        parts.push(format!("sha256 {}", cut_hash(&baseline.sha256)));
    }
    parts.push(format!("tunectl {}", report.version));
    parts.push(format!("Linux {}", host.kernel));
    parts.push(format!("{} kB RAM", host.mem_total_kb));
    match host.numa_nodes {
        0 => {}
        1 => parts.push("1 NUMA node".into()),
        nodes => parts.push(format!("{nodes} NUMA nodes")),
    }
    parts.push(match host.virtualization.as_str() {
        "none" => "bare metal".into(),
        name => name.to_owned(),
    });
    if let Some(pressure) = &report.pressure {
        parts.push(format!("memory pressure {:.2} %", pressure.memory_some_avg10));
    }
    format!("{}; {}", parts.join(", "), words::moment(&report.time))
}

fn cut_hash(hash: &str) -> &str {
    hash.get(..HASH_WIDTH).unwrap_or(hash)
}

struct Row<'a> {
    style: Style,
    mark: char,
    cells: [String; 5],
    parameter: &'a ReportParameter,
}

fn table(out: &mut String, report: &Report, layout: Layout) {
    let rows: Vec<Row<'_>> = report.parameters.iter().map(row).collect();
    let shown: Vec<&Row<'_>> = rows.iter().filter(|r| layout.verbose || r.mark != ' ').collect();
    if shown.is_empty() {
        return;
    }
    let heads = ["parameter", "live", "desired", "now", "next boot"];
    let width = |column: usize| {
        let cells = shown.iter().map(|r| r.cells[column].chars().count());
        cells.chain([heads[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ")
    };
    let head = line(&heads.map(str::to_owned));
    let _ = writeln!(out, "\n{}", paint(DIM, &format!("  {}", head.trim_end())));
    for row in &shown {
        let text = line(&row.cells);
        let text = format!("{} {}", row.mark, text.trim_end());
        styled_line(out, row.style, &text);
        for detail in details(row.parameter) {
            wrapped(out, 6, layout.width, DIM, &detail);
        }
    }
    let hidden = rows.len() - shown.len();
    if hidden > 0 {
        let _ = writeln!(out, "  ({hidden} in sync; -v shows them)");
    }
    out.push('\n');
}

fn row(parameter: &ReportParameter) -> Row<'_> {
    let marked = |mark: &str| parameter.marks.iter().any(|m| m == mark);
    let right = parameter.live_status == "in_sync" && parameter.boot_status == "same";
    let (mark, style) = if marked("waived") {
        ('w', DIM)
    } else if marked("contested") {
        ('!', BAD)
    } else if parameter.live_status == "pending" {
        ('p', DIM)
    } else if right && parameter.let_go.is_none() {
        (' ', GOOD)
    } else if parameter.live_status == "in_sync" || parameter.let_go.is_some() {
        ('~', WARN)
    } else {
        ('!', BAD)
    };
    let value = |text: Option<&String>| match text {
        None => "-".to_owned(),
        Some(text) if text.is_empty() => "(empty)".to_owned(),
        Some(text) => cut(text, VALUE_WIDTH),
    };
    Row {
        style,
        mark,
        cells: [
            harmless(&parameter.key),
            value(parameter.live.as_ref()),
            // Of a bound what would be written is no answer to what is asked for.
            value(parameter.bound.as_ref().or(parameter.desired.as_ref())),
            harmless(&parameter.live_status.replace('_', " ")),
            harmless(&parameter.boot_status),
        ],
        parameter,
    }
}

/// What else is to be said of a parameter that is not as required.
fn details(parameter: &ReportParameter) -> Vec<String> {
    let mut details = Vec::new();
    let told = ["waived", "refused", "contested", "yielded", "prevented"];
    let marks: Vec<&str> =
        parameter.marks.iter().map(String::as_str).filter(|m| told.contains(m)).collect();
    if !marks.is_empty() {
        details.push(marks.join(", "));
    }
    details.extend(parameter.let_go.as_ref().map(let_go));
    if let Some(writer) = &parameter.writer {
        details.push(format!("changed last by {}", who(writer)));
    }
    if let Some(boot) = parameter.boot.as_ref().filter(|_| parameter.boot_status != "same") {
        let then = corrected(parameter);
        details.push(if parameter.boot_status == "unknown" {
            format!("{}{then}", words::unknown_boot(&boot.source))
        } else {
            format!("the next boot sets {} ({}){then}", boot.value, boot.source)
        });
    } else if parameter.boot_status != "same" && !corrected(parameter).is_empty() {
        details.push(format!("no file sets it at the next boot{}", corrected(parameter)));
    }
    details
}

/// Behind what the loader leaves: that tunectl-boot then corrects it, where it does.
pub(super) fn corrected(parameter: &ReportParameter) -> &'static str {
    let unit = parameter.marks.iter().any(|mark| mark == "boot_unit");
    if unit && parameter.boot_status != "same" { words::THEN_CORRECTED } else { "" }
}

/// Why nobody holds a parameter, by whom, and until when.
pub(super) fn let_go(held: &ReportLetGo) -> String {
    let what = match held.kind.as_str() {
        "released" => "rolled back",
        "trial" => "on trial",
        _ => "let go",
    };
    let mut text = format!("{what} by {}", held.by);
    if let Some(reason) = &held.reason {
        text = text + ": " + reason;
    }
    match (&held.until, held.kind.as_str()) {
        (Some(until), _) => text + "; until " + &words::moment(until),
        (None, "released") => text + "; until the next `tunectl apply`",
        (None, _) => text + "; until the next boot or `tunectl apply`",
    }
}

fn boot(out: &mut String, report: &Report, layout: Layout) {
    let Some(boot) = &report.boot else { return };
    let what = match boot.found {
        0 => "nothing was wrong".to_owned(),
        found => format!("{found} found wrong, {} corrected", boot.corrected),
    };
    let result = boot.result.replace('_', " ");
    let mut text = format!("boot: {result}: {what} ({})", words::moment(&boot.time));
    let good = boot::is_good(&boot.result);
    if let Some((latest, how)) = boot::later(&boot.result, boot.latest.as_ref()) {
        let _ = write!(text, "; pass {} ({}): {how}", latest.pass, words::moment(&latest.time));
    }
    wrapped(out, 0, layout.width, if good { HEAD } else { BAD }, &text);
}

fn drift(out: &mut String, report: &Report) {
    let Some(drift) = &report.drift else { return };
    let least = if drift.partial { "at least " } else { "" };
    let text = format!(
        "drift: {least}{} since boot, {least}{} in the last 24 hours",
        drift.since_boot, drift.last_day
    );
    let none = drift.since_boot == 0 && drift.last_day == 0;
    styled_line(out, if none { DIM } else { HEAD }, &text);
    for event in &drift.events {
        let _ = writeln!(out, "  {}", line(event));
    }
}

fn line(event: &ReportEvent) -> String {
    let value = |text: &Option<String>| text.as_ref().map_or("?".into(), |t| cut(t, VALUE_WIDTH));
    let mut text = format!(
        "{}  {}: {} -> {} {}",
        paint(DIM, &words::moment(&event.last)),
        paint(HEAD, &harmless(&event.key)),
        value(&event.from),
        value(&event.to),
        harmless(&event.action)
    );
    if event.count > 1 {
        let _ = write!(text, ", the last of {}", event.count);
    }
    let by = match (&event.writer, event.cause.as_str()) {
        (Some(writer), _) => format!("by {}", who(writer)),
        (None, "kernel") => "by the kernel itself".into(),
        (None, _) => "nobody knows who did it".into(),
    };
    let _ = write!(text, "; {by}");
    text
}

fn who(writer: &ReportWriter) -> String {
    let name = writer.comm.as_deref().map_or("a process".to_owned(), harmless);
    let place = writer.container.as_deref().map(|id| format!("container {}", cut_hash(id)));
    match place.or_else(|| writer.unit.clone()) {
        Some(place) => format!("{name} ({})", harmless(&place)),
        None => name,
    }
}
