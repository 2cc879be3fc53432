//! Many hosts in one screen: what stops a rollout first, then each list's first lines.

use std::fmt::Write as _;

use anstyle::Style;

use crate::wire::fleet::{Fleet, FleetGate, FleetNamesake, FleetUnreadable, FleetWriter};

use super::plan::Layout;
use super::style::{BAD, DIM, GOOD, HEAD, PLAIN, WARN, cut, harmless, paint, styled_line, wrapped};
use super::words::moment;

/// A list: its title, its columns, its rows.
pub struct List {
    /// What it lists.
    pub title: &'static str,
    /// What the columns have; those with numbers are told by [`List::numbers`].
    pub columns: Vec<&'static str>,
    /// How many of the columns, from the second on, are numbers.
    pub numbers: usize,
    /// The rows, most hosts first.
    pub rows: Vec<Vec<String>>,
    /// How many there are, those that are not listed included.
    pub all: u64,
    /// How it matters.
    pub style: Style,
}

/// The answer as text; of each list at most `top` rows, or all with 0.
pub fn text(fleet: &Fleet, layout: Layout, top: usize) -> String {
    let mut out = String::new();
    let hosts = &fleet.hosts;
    let bad = [hosts.drift, hosts.contested, hosts.failed, hosts.silent, hosts.unapplied];
    let bad = bad.iter().any(|n| *n > 0);
    let style = if bad { WARN } else { HEAD.fg_color(GOOD.get_fg_color()) };
    wrapped(&mut out, 0, layout.width, style, &headline(fleet));
    if let Some(gate) = &fleet.gate {
        self::gate(&mut out, gate, layout);
    }
    wrapped(&mut out, 0, layout.width, DIM, &reading(fleet));
    if layout.verbose {
        everybody(&mut out, fleet, layout);
    } else if !fleet.findings.is_empty() {
        table(&mut out, &findings(fleet, 56), layout, 0);
    }
    let lists = lists(fleet, 1);
    for list in &lists {
        table(&mut out, list, layout, top);
    }
    if top > 0 && lists.iter().any(|list| list.rows.len() > top) {
        let _ = writeln!(
            out,
            "\n{}",
            paint(
                DIM,
                "all rows: --top 0, --html FILE, --format json; all hosts: -v, --hosts WHICH"
            )
        );
    }
    out
}

/// What matters most.
pub fn headline(fleet: &Fleet) -> String {
    let hosts = &fleet.hosts;
    let mut text = format!("{}: {} in sync", count(hosts.total, "host"), number(hosts.in_sync));
    for (count, what) in [
        (hosts.drift, "drifted"),
        (hosts.boot, "not persisted or overridden"),
        (hosts.contested, "contested"),
        (hosts.blocked, "blocked"),
        (hosts.pending, "pending"),
        (hosts.pressure, "under memory pressure"),
        (hosts.silent, "silent"),
        (hosts.ahead, "ahead of this clock"),
        (hosts.let_go, "with something let go"),
        (hosts.failed, "with a baseline that cannot be used"),
        (hosts.no_baseline, "without a baseline"),
        (hosts.unapplied, "with an apply due"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {} {what}", number(count));
        }
    }
    text
}

fn reading(fleet: &Fleet) -> String {
    let reports = &fleet.reports;
    let mut text = format!(
        "{} in {}, {}; silent is who reported last before {}",
        count(reports.read, "report"),
        count(reports.sources, "file"),
        size(reports.bytes),
        moment(&fleet.silent_before)
    );
    if reports.older > 0 {
        let _ = match reports.older {
            1 => write!(text, "; 1 is an older one of the same host"),
            older => write!(text, "; {} are older ones of the same hosts", number(older)),
        };
    }
    if reports.unreadable > 0 {
        let _ = write!(text, "; {} unreadable", number(reports.unreadable));
    }
    if reports.beyond > 0 {
        let _ = write!(
            text,
            "; the lists lack {}, of too many different keys, values or writers",
            count(reports.beyond, "count")
        );
    }
    text
}

fn gate(out: &mut String, gate: &FleetGate, layout: Layout) {
    let (style, word) = if gate.passed { (GOOD, "go on") } else { (BAD, "stop") };
    let text = format!("gate: {word}: {}", gate.expression);
    wrapped(out, 0, layout.width, style, &text);
    if let Some(reason) = &gate.reason {
        wrapped(out, 2, layout.width, BAD, reason);
    }
    let width = gate.terms.iter().map(|t| t.term.chars().count()).max().unwrap_or(0);
    for term in &gate.terms {
        let (style, word) = if term.holds { (PLAIN, "holds") } else { (BAD, "fails") };
        let (n, of) = (number(term.count), number(term.of));
        let of = if term.term.starts_with("hosts") {
            let silent = if term.count < term.of { format!(" of {of}") } else { String::new() };
            count(term.count, "host") + &silent
        } else {
            format!("{n} of {of}, {:.2} %", term.percent)
        };
        let text = format!("{:width$}  {word}  {of}", harmless(&term.term));
        let _ = writeln!(out, "  {}", paint(style, &text));
    }
}

/// Who has which finding, with as many names as have room in so many characters.
pub fn findings(fleet: &Fleet, width: usize) -> List {
    let rows = fleet.findings.iter().map(|f| {
        let room = |some: &usize| {
            let text = names(&f.sample, f.hosts, *some);
            text.chars().count() <= width
        };
        let some = (2..=f.sample.len()).take_while(room).last().unwrap_or(1);
        vec![f.finding.clone(), number(f.hosts), names(&f.sample, f.hosts, some)]
    });
    list("findings", &["finding", "hosts", "such as"], 1, PLAIN, rows)
}

/// All names that there are of each finding.
fn everybody(out: &mut String, fleet: &Fleet, layout: Layout) {
    for finding in &fleet.findings {
        let head = format!("{}: {}", finding.finding, count(finding.hosts, "host"));
        let _ = writeln!(out, "\n{}", paint(HEAD, &harmless(&head)));
        let all = names(&finding.sample, finding.hosts, finding.sample.len());
        wrapped(out, 2, layout.width, PLAIN, &all);
    }
}

/// Every list that has rows, with at most `some` values, writers or names in a cell.
pub fn lists(fleet: &Fleet, some: usize) -> Vec<List> {
    let [baselines, failed, silent, namesakes, versions] = of_hosts(fleet, some);
    let mut all = vec![baselines, failed];
    all.extend(of_keys(fleet, some));
    all.extend([silent, namesakes, versions]);
    all.retain(|list| !list.rows.is_empty());
    all
}

fn list(
    title: &'static str,
    columns: &[&'static str],
    numbers: usize,
    style: Style,
    rows: impl Iterator<Item = Vec<String>>,
) -> List {
    let rows: Vec<_> = rows.collect();
    List { title, columns: columns.to_vec(), numbers, all: rows.len() as u64, rows, style }
}

/// Lists of hosts and of what they have.
fn of_hosts(fleet: &Fleet, some: usize) -> [List; 5] {
    let baselines = fleet.baselines.iter().map(|b| {
        let short = b.sha256.chars().take(12).collect();
        let names = names(&b.sample, b.hosts, some);
        vec![b.name.clone(), number(b.hosts), number(b.in_sync), number(b.drift), short, names]
    });
    let silent = fleet.silent.iter().map(|s| {
        let ahead = if s.time > fleet.silent_before { ", ahead of this clock" } else { "" };
        vec![s.host.clone(), moment(&s.time) + ahead]
    });
    let namesakes = fleet.namesakes.iter().map(|n| vec![n.host.clone(), number(n.boots)]);
    // One version everywhere is no news.
    let versions = fleet.versions.iter().filter(|_| fleet.versions.len() > 1);
    let versions =
        versions.map(|v| vec![v.version.clone(), number(v.hosts), names(&v.sample, v.hosts, some)]);
    let failed = fleet.failed.iter().map(|f| vec![f.host.clone(), f.error.clone()]);
    [
        list(
            "baselines",
            &["baseline", "hosts", "in sync", "drifted", "sha256", "such as"],
            3,
            PLAIN,
            baselines,
        ),
        List {
            all: fleet.hosts.failed,
            ..list("failed", &["host without a usable baseline", "error"], 0, BAD, failed)
        },
        List {
            all: fleet.hosts.silent,
            ..list("silent", &["silent host", "last report"], 0, WARN, silent)
        },
        list("namesakes", &["one name, several boots", "boots"], 1, WARN, namesakes),
        list("versions", &["tunectl", "hosts", "such as"], 1, PLAIN, versions),
    ]
}

/// Lists of keys.
fn of_keys(fleet: &Fleet, some: usize) -> [List; 6] {
    let drift = fleet.drift.iter().map(|d| {
        let values = d.values.iter().map(|v| {
            let value = v.value.as_deref().unwrap_or(&v.live_status);
            format!("{} ({})", cut(value, 24), number(v.hosts))
        });
        vec![
            d.key.clone(),
            number(d.hosts),
            number(d.changed_hosts),
            number(d.changes),
            first(values, some),
            writers(&d.writers, some),
            names(&d.sample, d.hosts, some),
        ]
    });
    let contested = fleet.contested.iter().map(|c| {
        let names = names(&c.sample, c.hosts, some);
        vec![c.key.clone(), number(c.hosts), writers(&c.writers, some), names]
    });
    let boot = fleet.boot.iter().map(|b| {
        let unit = if b.boot_unit { ", then corrected by tunectl-boot" } else { "" };
        let source = b.source.clone().unwrap_or_else(|| "no file".into());
        let status = format!("{}{unit}", b.boot_status);
        vec![b.key.clone(), number(b.hosts), status, source, names(&b.sample, b.hosts, some)]
    });
    let blocked = fleet.blocked.iter().map(|b| {
        vec![b.key.clone(), number(b.hosts), b.why.clone(), names(&b.sample, b.hosts, some)]
    });
    let pending = fleet
        .pending
        .iter()
        .map(|p| vec![p.key.clone(), number(p.hosts), names(&p.sample, p.hosts, some)]);
    let outliers = fleet.outliers.iter().map(|o| {
        let value = if o.drift { format!("{} (drift)", o.value) } else { o.value.clone() };
        vec![
            o.key.clone(),
            number(o.hosts),
            value,
            format!("{} ({} of {})", o.usual, number(o.usual_hosts), number(o.peers)),
            o.roles.clone(),
            names(&o.sample, o.hosts, some),
        ]
    });
    // A line has no room for names besides; a page has.
    let columns =
        ["drifting key", "hosts", "changed on", "changes", "reads", "changed by", "such as"];
    let columns = if some > 1 { &columns[..] } else { &columns[..6] };
    let drift = drift.map(|mut row: Vec<String>| {
        row.truncate(columns.len());
        row
    });
    [
        list("drift", columns, 3, BAD, drift),
        list("contested", &["contested key", "hosts", "by", "such as"], 1, BAD, contested),
        list(
            "next boot",
            &["not persisted or overridden", "hosts", "status", "set by", "such as"],
            1,
            WARN,
            boot,
        ),
        list("blocked", &["blocked key", "hosts", "why", "such as"], 1, WARN, blocked),
        list("pending", &["pending key", "hosts", "such as"], 1, DIM, pending),
        list(
            "outliers",
            &["other than its peers", "hosts", "reads", "usual", "role", "such as"],
            1,
            WARN,
            outliers,
        ),
    ]
}

fn table(out: &mut String, list: &List, layout: Layout, top: usize) {
    let shown = if top == 0 { list.rows.len() } else { list.rows.len().min(top) };
    let rows: Vec<Vec<String>> = list.rows[..shown]
        .iter()
        .map(|row| {
            // The last one has what room the line leaves it.
            let widths = (1..=row.len()).map(|n| if n < row.len() { 60 } else { layout.width });
            row.iter().zip(widths).map(|(cell, width)| cut(cell, width)).collect()
        })
        .collect();
    let mut titles: Vec<String> = list.columns.iter().map(|t| (*t).to_owned()).collect();
    if let Some(first) = titles.first_mut().filter(|_| (shown as u64) < list.all) {
        let _ = write!(first, ", {} of {}", number(shown as u64), number(list.all));
    }
    let widths: Vec<usize> = titles
        .iter()
        .enumerate()
        .map(|(n, title)| {
            let cells = rows.iter().map(|row| row[n].chars().count());
            cells.chain([title.chars().count()]).max().unwrap_or(0)
        })
        .collect();
    let line = |cells: &[String]| {
        let mut text = String::new();
        for (n, (cell, width)) in cells.iter().zip(&widths).enumerate() {
            let _ = if (1..=list.numbers).contains(&n) {
                write!(text, "{cell:>width$}  ")
            } else {
                write!(text, "{cell:width$}  ")
            };
        }
        cut(text.trim_end(), layout.width)
    };
    let _ = writeln!(out, "\n{}", paint(HEAD, &line(&titles)));
    for row in &rows {
        styled_line(out, list.style, &line(row));
    }
}

/// The first of them, and how many more there are.
fn first(texts: impl ExactSizeIterator<Item = String>, some: usize) -> String {
    let more = texts.len().saturating_sub(some);
    let mut text = texts.take(some).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, ", {more} more");
    }
    text
}

/// The first of those who change a key.
fn writers(writers: &[FleetWriter], some: usize) -> String {
    first(writers.iter().map(|w| format!("{} ({})", writer(w), number(w.hosts))), some)
}

/// Who changes a key.
pub fn writer(writer: &FleetWriter) -> String {
    let place = if writer.cause == "container" { " in a container" } else { "" };
    match (&writer.comm, &writer.unit) {
        (Some(comm), Some(unit)) => format!("{comm}, {unit}{place}"),
        (Some(comm), None) => format!("{comm}{place}"),
        (None, Some(unit)) => format!("{unit}{place}"),
        (None, None) => writer.cause.clone(),
    }
}

/// Names of some hosts, and how many more there are.
fn names(sample: &[String], hosts: u64, some: usize) -> String {
    let named = some.min(sample.len());
    let mut text = sample[..named].join(", ");
    let more = hosts.saturating_sub(named as u64);
    if more > 0 && named > 0 {
        let _ = write!(text, " and {} more", number(more));
    }
    text
}

/// Whose clock is ahead, and what comes of that.
pub fn clocks(fleet: &Fleet) -> Vec<String> {
    let (hosts, reports) = (&fleet.hosts, &fleet.reports);
    let mut told = Vec::new();
    let ahead = "dated more than an hour ahead of this clock";
    if hosts.ahead > 0 && hosts.ahead == hosts.total {
        told.push(format!(
            "every host's report is {ahead}, so that all count as silent: is this clock right?"
        ));
        return told;
    }
    if hosts.ahead > 0 {
        let found = fleet.findings.iter().find(|f| f.finding == "ahead");
        let names = found.map_or_else(String::new, |f| names(&f.sample, f.hosts, 5));
        let (are, was, count) = match hosts.ahead {
            1 => ("host's report is", "it was", "counts"),
            _ => ("hosts' reports are", "they were", "count"),
        };
        told.push(format!(
            "{} {are} {ahead}, so that nobody knows when {was} made, and {count} as silent: {names}",
            number(hosts.ahead)
        ));
    }
    let others = reports.ahead.saturating_sub(hosts.ahead);
    if others > 0 {
        let (are, count) =
            if others == 1 { ("report is", "counts") } else { ("reports are", "count") };
        told.push(format!(
            "{} {are} {ahead}, and {count} for nothing, as the host has another",
            number(others)
        ));
    }
    told
}

/// A name that several hosts seem to have.
pub fn namesake(namesake: &FleetNamesake) -> String {
    format!(
        "{}: its reports are of {} that alternate, or follow each other within an hour: several hosts \
         of that name count as one, or it keeps rebooting",
        namesake.host,
        count(namesake.boots, "boot")
    )
}

/// What could not be read, in one line.
pub fn unreadable(unreadable: &FleetUnreadable) -> String {
    let mut text = unreadable.source.clone();
    for number in [unreadable.line, unreadable.column].into_iter().flatten() {
        let _ = write!(text, ":{number}");
    }
    format!("{text}: {}", unreadable.error)
}

/// So many of them.
pub fn count(n: u64, what: &str) -> String {
    format!("{} {what}{}", number(n), if n == 1 { "" } else { "s" })
}

/// With a comma at each thousand.
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn size(bytes: u64) -> String {
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} kB", bytes / 1000),
        _ => format!("{} MB", number(bytes / 1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (100_000, "100,000"),
            (1_234_567, "1,234,567"),
        ];
        for (n, text) in cases {
            assert_eq!(number(n), text);
        }
    }
}
