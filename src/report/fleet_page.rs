//! A fleet as a page of its own: nothing in it is fetched, every text is escaped, tables are sorted
//! by a click.

use std::fmt::Write as _;

use crate::wire::fleet::Fleet;

use super::fleet::{List, count, findings, headline, lists, number, unreadable};
use super::style::markup;

/// Sorts a table by the column whose head is clicked on, and the other way round the next time.
const SCRIPT: &str = r#"
document.querySelectorAll("th button").forEach(function (button) {
  button.addEventListener("click", function () {
    var head = button.parentNode, table = head.closest("table"), body = table.tBodies[0];
    var column = head.cellIndex, down = head.getAttribute("aria-sort") !== "descending";
    var number = head.className === "n";
    var key = function (row) {
      var text = row.cells[column].textContent;
      return number ? parseInt(text.replace(/,/g, ""), 10) : text;
    };
    var rows = Array.prototype.slice.call(body.rows);
    rows.sort(function (a, b) {
      var x = key(a), y = key(b);
      return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
    });
    rows.forEach(function (row) { body.appendChild(row); });
    table.querySelectorAll("th").forEach(function (other) { other.removeAttribute("aria-sort"); });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
  });
});
"#;

const STYLE: &str = "
:root { color-scheme: light dark; --line: #8885; --bar: #3b82c4; --bad: #c0392b; --good: #2e8b57; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .3rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .4rem; }
p { margin: .2rem 0; } .dim { opacity: .7; }
.stop { color: var(--bad); font-weight: 600; } .go { color: var(--good); font-weight: 600; }
.states { display: flex; flex-wrap: wrap; gap: .6rem; margin: 1rem 0; padding: 0; list-style: none; }
.states li { border: 1px solid var(--line); border-radius: .4rem; padding: .4rem .8rem; }
.states b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; min-width: 100%; }
th, td { text-align: left; padding: .25rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: anywhere; } td:first-child { font-family: ui-monospace, monospace; font-size: .92em; }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th button { all: unset; cursor: pointer; font-weight: 600; } th button:focus-visible { outline: 2px solid var(--bar); }
th[aria-sort=descending] button::after { content: ' \u{25be}'; } th[aria-sort=ascending] button::after { content: ' \u{25b4}'; }
svg { width: 100%; height: auto; } svg rect { fill: var(--bar); } svg text { font-size: 11px; fill: currentColor; }
svg line { stroke: var(--line); }
";

/// The page.
pub fn page(fleet: &Fleet) -> String {
    let mut out = String::new();
    let title = markup(&headline(fleet));
    let _ = write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>tunectl fleet: {title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
    );
    let reports = &fleet.reports;
    let _ = write!(
        out,
        "<h1>{title}</h1>\n<p class=\"dim\">{} in {}, read {}; silent is who reported last before \
         {}</p>\n",
        count(reports.read, "report"),
        count(reports.sources, "file"),
        markup(&fleet.time),
        markup(&fleet.silent_before)
    );
    gate(&mut out, fleet);
    states(&mut out, fleet);
    plot(&mut out, &fleet.changes_by_hour);
    let findings = Some(findings(fleet, usize::MAX)).filter(|list| !list.rows.is_empty());
    for list in findings.into_iter().chain(lists(fleet, 3)) {
        table(&mut out, &list);
    }
    if !fleet.unreadable.is_empty() {
        let _ = writeln!(out, "<h2>{} unreadable</h2>\n<ul>", number(reports.unreadable));
        for line in &fleet.unreadable {
            let _ = writeln!(out, "<li>{}</li>", markup(&unreadable(line)));
        }
        out.push_str("</ul>\n");
    }
    let _ = write!(out, "<script>{SCRIPT}</script>\n</body>\n</html>\n");
    out
}

fn gate(out: &mut String, fleet: &Fleet) {
    let Some(gate) = &fleet.gate else { return };
    let (class, word) = if gate.passed { ("go", "go on") } else { ("stop", "stop") };
    let _ = writeln!(
        out,
        "<p class=\"{class}\">gate: {word}: <code>{}</code></p>",
        markup(&gate.expression)
    );
    if let Some(reason) = &gate.reason {
        let _ = writeln!(out, "<p class=\"stop\">{}</p>", markup(reason));
    }
    out.push_str("<ul>\n");
    for term in &gate.terms {
        let (class, word) = if term.holds { ("go", "holds") } else { ("stop", "fails") };
        let _ = writeln!(
            out,
            "<li><code>{}</code> <span class=\"{class}\">{word}</span>: {} of {}, {:.2} %</li>",
            markup(&term.term),
            number(term.count),
            number(term.of),
            term.percent
        );
    }
    out.push_str("</ul>\n");
}

fn states(out: &mut String, fleet: &Fleet) {
    let hosts = &fleet.hosts;
    out.push_str("<ul class=\"states\">\n");
    for (count, what) in [
        (hosts.total, "hosts"),
        (hosts.in_sync, "in sync"),
        (hosts.drift, "drifted"),
        (hosts.boot, "not persisted or overridden"),
        (hosts.contested, "contested"),
        (hosts.changed, "changed within a day"),
        (hosts.pending, "pending"),
        (hosts.blocked, "blocked"),
        (hosts.pressure, "under memory pressure"),
        (hosts.silent, "silent"),
        (hosts.ahead, "ahead of this clock"),
        (hosts.let_go, "with something let go"),
        (hosts.failed, "with a baseline that cannot be used"),
        (hosts.no_baseline, "without a baseline"),
        (hosts.unapplied, "with an apply due"),
    ] {
        let _ = writeln!(out, "<li><b>{}</b>{what}</li>", number(count));
    }
    out.push_str("</ul>\n");
}

/// Changes by hour, as bars.
fn plot(out: &mut String, hours: &[u64]) {
    let most = hours.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let (width, height, left) = (960_usize, 130_u64, 50_usize);
    let step = (width - left) / hours.len().max(1);
    let _ = writeln!(
        out,
        "<h2>Changes in each of the last {} hours</h2>\n<svg viewBox=\"0 0 {width} {}\" role=\"img\" \
         aria-label=\"changes by hour, at most {most}\">",
        hours.len(),
        height + 30
    );
    let _ = writeln!(out, "<text x=\"0\" y=\"20\">{}</text>", number(most));
    for (n, count) in hours.iter().enumerate() {
        let tall = u128::from(height) * u128::from(*count) / u128::from(most);
        let x = left + n * step;
        let ago = hours.len() - n;
        let _ = writeln!(
            out,
            "<rect x=\"{x}\" y=\"{}\" width=\"{}\" height=\"{tall}\"><title>{} within the hour that \
             began {ago} h ago</title></rect>",
            10 + u128::from(height) - tall,
            step - 4,
            number(*count),
        );
        if ago.is_multiple_of(6) {
            let _ = writeln!(out, "<text x=\"{x}\" y=\"{}\">{ago} h ago</text>", height + 26);
        }
    }
    let _ = writeln!(
        out,
        "<line x1=\"{left}\" y1=\"{0}\" x2=\"{width}\" y2=\"{0}\"/>\n</svg>",
        height + 10
    );
}

fn table(out: &mut String, list: &List) {
    let number = |n: usize| (1..=list.numbers).contains(&n);
    let _ = write!(
        out,
        "<h2>{} ({})</h2>\n<div class=\"wide\"><table>\n<thead><tr>",
        list.title,
        self::number(list.all)
    );
    for (n, title) in list.columns.iter().enumerate() {
        let class = if number(n) { " class=\"n\"" } else { "" };
        let _ = write!(out, "<th{class}><button>{title}</button></th>");
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &list.rows {
        out.push_str("<tr>");
        for (n, cell) in row.iter().enumerate() {
            let class = if number(n) { " class=\"n\"" } else { "" };
            let _ = write!(out, "<td{class}>{}</td>", markup(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::fleet::{FleetFailed, FleetFinding, FleetHosts, FleetSilent, FleetUnreadable};

    #[test]
    fn no_name_becomes_markup() {
        let evil = "</td><script>alert(1)</script>\" onload='x' \u{202e}\u{9b}";
        let fleet = Fleet {
            hosts: FleetHosts { total: 1, silent: 1, ..FleetHosts::default() },
            findings: vec![FleetFinding {
                finding: "silent".into(),
                hosts: 2,
                sample: vec![evil.into()],
                more: 1,
            }],
            failed: vec![FleetFailed { host: evil.into(), error: evil.into() }],
            silent: vec![FleetSilent { host: evil.into(), time: evil.into() }],
            unreadable: vec![FleetUnreadable { source: evil.into(), ..FleetUnreadable::default() }],
            changes_by_hour: vec![1; 24],
            ..Fleet::default()
        };
        let page = page(&fleet);
        assert_eq!(page.matches("<script>").count(), 1, "{page}");
        assert_eq!(page.matches("&lt;/td&gt;&lt;script&gt;").count(), 6);
        assert!(
            !page.contains('\u{202e}') && !page.contains('\u{9b}') && !page.contains("' \u{202e}")
        );
        // Nothing is fetched.
        for outside in ["http:", "https:", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
