//! A host report as JUnit XML, for CI systems: a test case for each parameter.

use std::fmt::Write as _;

use crate::wire::report::{Report, ReportParameter};

use super::host_text::{corrected, let_go};
use super::style::markup;

/// The report as a test suite. What is waived or pending is skipped; what is not as required, now
/// or after a reboot, has failed.
pub fn junit(report: &Report) -> String {
    let cases: Vec<Case<'_>> = report.parameters.iter().map(case).collect();
    let count = |f: fn(&Ended) -> bool| cases.iter().filter(|c| f(&c.ended)).count();
    let failures = count(|e| matches!(e, Ended::Failed(_)));
    let skipped = count(|e| matches!(e, Ended::Skipped(_)));
    let broken = report.result == "failed";
    let unapplied = report.baseline.as_ref().is_some_and(|baseline| baseline.unapplied);
    let (total, errors) = (cases.len() + usize::from(broken || unapplied), usize::from(broken));
    let failures = failures + usize::from(unapplied);
    let name = report.baseline.as_ref().map_or("no baseline", |b| b.name.as_str());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let counts = format!(
        "tests=\"{total}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\""
    );
    let _ = writeln!(out, "<testsuites name=\"tunectl\" {counts}>");
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" hostname=\"{}\" timestamp=\"{}\" {counts}>",
        markup(name),
        markup(&report.host.name),
        markup(&report.time)
    );
    let class = markup(&format!("tunectl.{name}"));
    for Case { parameter, ended } in &cases {
        let _ =
            write!(out, "    <testcase classname=\"{class}\" name=\"{}\"", markup(&parameter.key));
        let _ = match ended {
            Ended::Right => writeln!(out, "/>"),
            Ended::Skipped(why) => {
                writeln!(out, "><skipped message=\"{}\"/></testcase>", markup(why))
            }
            Ended::Failed(why) => {
                writeln!(out, "><failure type=\"drift\" message=\"{}\"/></testcase>", markup(why))
            }
        };
    }
    if broken {
        let why = markup(&report.errors.join("; "));
        let _ = writeln!(
            out,
            "    <testcase classname=\"{class}\" name=\"baseline\">\
             <error type=\"baseline\" message=\"{why}\"/></testcase>"
        );
    }
    if unapplied {
        let _ = writeln!(
            out,
            "    <testcase classname=\"{class}\" name=\"baseline\">\
             <failure type=\"baseline\" message=\"an apply is due: the baseline asks for \
             something else than what was applied last\"/></testcase>"
        );
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

struct Case<'a> {
    parameter: &'a ReportParameter,
    ended: Ended,
}

enum Ended {
    Right,
    Skipped(String),
    Failed(String),
}

fn case(parameter: &ReportParameter) -> Case<'_> {
    let marked = |mark: &str| parameter.marks.iter().any(|m| m == mark);
    let ended = if marked("waived") {
        Ended::Skipped("covered by a waiver".into())
    } else if parameter.live_status == "pending" {
        Ended::Skipped("not there yet: its module or interface is missing".into())
    } else {
        let why = wrong(parameter);
        // It does not hold, and whoever reads that sees that it is meant to be so.
        let held = parameter.let_go.as_ref().map(let_go);
        match (why.is_empty(), held) {
            (true, _) => Ended::Right,
            (false, None) => Ended::Failed(why.join("; ")),
            (false, Some(held)) => Ended::Failed(format!("{} ({held})", why.join("; "))),
        }
    };
    Case { parameter, ended }
}

/// What is not as required, on each axis.
fn wrong(parameter: &ReportParameter) -> Vec<String> {
    let value = |text: Option<&String>| text.cloned().unwrap_or_else(|| "?".into());
    let desired = value(parameter.bound.as_ref().or(parameter.desired.as_ref()));
    let mut why = Vec::new();
    if parameter.live_status != "in_sync" {
        let status = parameter.live_status.replace('_', " ");
        why.push(format!("now: {status}: {}, not {desired}", value(parameter.live.as_ref())));
    }
    let then = corrected(parameter);
    match (&parameter.boot, parameter.boot_status.as_str()) {
        (_, "same") => {}
        (Some(boot), status) => {
            why.push(format!("next boot: {status}: {} ({}){then}", boot.value, boot.source));
        }
        (None, status) => why.push(format!("next boot: {status}{then}")),
    }
    why
}

#[cfg(test)]
mod tests {
    use super::markup;

    #[test]
    fn nothing_ends_an_attribute_or_the_document() {
        let text = markup("a<b>&\"c\"\n\u{0}\u{1b}\u{ffff}\td\u{e9}");
        assert_eq!(text, "a&lt;b&gt;&amp;&quot;c&quot;\\u{a}\\u{0}\\u{1b}\\u{ffff} d\u{e9}");
    }
}
