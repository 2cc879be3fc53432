//! A host report as the text that Prometheus scrapes, by way of node_exporter's textfile collector.
//!
//! No timestamps and a line break at the end: with the one or without the other the collector
//! drops the whole file.

use std::fmt::{Display, Write as _};

use crate::wire::report::{Report, ReportParameter, ReportWatch};
use crate::wire::{Counted, LATENCIES_US, Tally};

use super::boot;
use super::style::harmless;

/// Results of a boot, one of which is the present one.
const BOOT_RESULTS: [&str; 4] = ["in_sync", "corrected", "incomplete", "failed"];
/// How a parameter can stand, pending and waived ones apart.
const IN_SYNC: &str = "in_sync";

/// When a report is made, and how often it is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Seconds since 1970.
    pub at: u64,
    /// At most so many seconds pass until the next one; `None`: nobody makes it again.
    pub every: Option<u64>,
}

/// The report, and what the daemon has counted since the boot, where it runs.
pub fn prometheus(report: &Report, tally: Option<&Tally>, made: Made) -> String {
    let mut out = Metrics::default();
    host(&mut out, report, made);
    parameters(&mut out, report, tally);
    if let Some(boot) = &report.boot {
        let results = BOOT_RESULTS
            .map(|result| (labels(&[("result", result)]), u64::from(boot.result == result)));
        out.family(
            "tunectl_boot_result",
            "gauge",
            "How the boot ended: 1 for the result that it had, the worst of its passes.",
            results,
        );
        // A report of before tells no more.
        let right = || boot::is_good(&boot.result);
        let successful = boot.latest.as_ref().map_or_else(right, |latest| latest.successful);
        out.one(
            "tunectl_boot_last_pass_successful",
            "Whether tunectl-boot, when it ran last, made right all that can be.",
            u64::from(successful),
        );
        out.one(
            "tunectl_boot_found_parameters",
            "Parameters that the boot found not as required.",
            boot.found as u64,
        );
        out.one(
            "tunectl_boot_corrected_parameters",
            "Parameters that the boot found not as required and put right.",
            boot.corrected as u64,
        );
    }
    let watch = report.watch.unwrap_or_default();
    daemon(&mut out, watch);
    if let Some(tally) = tally {
        counted(&mut out, tally, watch.running);
    }
    out.0
}

fn host(out: &mut Metrics, report: &Report, made: Made) {
    out.family(
        "tunectl_build_info",
        "gauge",
        "The tunectl that made this report.",
        [(labels(&[("version", &report.version)]), 1)],
    );
    out.one(
        "tunectl_report_timestamp_seconds",
        "When this report was made, in seconds since 1970.",
        made.at,
    );
    if let Some(every) = made.every {
        out.one(
            "tunectl_report_interval_seconds",
            "At most so many seconds pass until the next report.",
            every,
        );
    }
    let present = report.result != "no_baseline";
    out.one("tunectl_baseline_present", "Whether the host has a baseline.", u64::from(present));
    // A host without one has nothing that could be broken.
    if present {
        out.one(
            "tunectl_baseline_usable",
            "Whether the host's baseline can be used.",
            u64::from(report.baseline.is_some()),
        );
    }
    if let Some(baseline) = &report.baseline {
        out.family(
            "tunectl_baseline_info",
            "gauge",
            "The host's baseline, and the SHA-256 of its texts, with this host's layers and without.",
            [(
                labels(&[
                    ("name", &baseline.name),
                    ("sha256", &baseline.sha256),
                    ("shared_sha256", baseline.shared_sha256.as_deref().unwrap_or_default()),
                ]),
                1,
            )],
        );
    }
}

fn parameters(out: &mut Metrics, report: &Report, tally: Option<&Tally>) {
    let marked = |p: &&ReportParameter, mark: &str| p.marks.iter().any(|m| m == mark);
    let pending = |p: &&ReportParameter| p.live_status == "pending";
    let held = || report.parameters.iter().filter(|p| !marked(p, "waived") && !pending(p));
    let of = |key: &str| labels(&[("key", key)]);
    out.family(
        "tunectl_parameter_in_sync",
        "gauge",
        "Whether the parameter reads as the baseline requires; waived and pending ones are left out.",
        held().map(|p| (of(&p.key), u64::from(p.live_status == IN_SYNC))),
    );
    out.family(
        "tunectl_parameter_boot_in_sync",
        "gauge",
        "Whether the files of the next boot leave the parameter as required.",
        held().map(|p| (of(&p.key), u64::from(p.boot_status == "same"))),
    );
    let corrected = |p: &&ReportParameter| p.boot_status != "same" && marked(p, "boot_unit");
    out.family(
        "tunectl_parameter_boot_corrected",
        "gauge",
        "1 for each parameter that these files leave otherwise and tunectl-boot then corrects.",
        held().filter(corrected).map(|p| (of(&p.key), 1)),
    );
    if tally.is_some() {
        out.family(
            "tunectl_parameter_contested",
            "gauge",
            "Whether somebody else keeps changing the parameter, so that it is not put right at once.",
            held().map(|p| (of(&p.key), u64::from(marked(&p, "contested")))),
        );
    }
    out.family(
        "tunectl_parameter_let_go",
        "gauge",
        "1 for each parameter that nobody holds now, on purpose.",
        held().filter_map(|p| {
            let kind = &p.let_go.as_ref()?.kind;
            Some((labels(&[("key", &p.key), ("kind", kind)]), 1))
        }),
    );
    let ones = |mark: &'static str| {
        report.parameters.iter().filter(move |p| marked(p, mark)).map(|p| (of(&p.key), 1))
    };
    out.family(
        "tunectl_parameter_pending",
        "gauge",
        "1 for each parameter that is not there yet: its module or interface is missing.",
        report.parameters.iter().filter(pending).map(|p| (of(&p.key), 1)),
    );
    out.family(
        "tunectl_parameter_waived",
        "gauge",
        "1 for each parameter that a waiver covers.",
        ones("waived"),
    );
    out.family(
        "tunectl_parameter_refused",
        "gauge",
        "1 for each parameter whose value a guard refuses.",
        ones("refused"),
    );
}

fn daemon(out: &mut Metrics, watch: ReportWatch) {
    out.one("tunectl_watch_up", "Whether the daemon runs.", u64::from(watch.running));
    out.one(
        "tunectl_watch_expected",
        "Whether the daemon should run: its unit is enabled, or it has run in this boot and was not \
         told to end.",
        u64::from(watch.expected),
    );
    if let Some(every) = watch.sweep_every {
        out.one(
            "tunectl_watch_sweep_interval_seconds",
            "The daemon looks at every parameter that often.",
            every,
        );
    }
}

/// What the daemon has counted since the boot, also where it has ended.
fn counted(out: &mut Metrics, tally: &Tally, running: bool) {
    let counted =
        |c: &Counted| labels(&[("key", &c.key), ("cause", &c.cause), ("writer", &c.writer)]);
    out.family(
        "tunectl_drift_events_total",
        "counter",
        "Changes of parameters since the boot, whatever was done about them.",
        tally.drift.iter().map(|c| (counted(c), c.count)),
    );
    out.family(
        "tunectl_prevented_writes_total",
        "counter",
        "Writes since the boot that were refused before they changed anything.",
        tally
            .prevented
            .iter()
            .map(|c| (labels(&[("key", &c.key), ("writer", &c.writer)]), c.count)),
    );
    out.one(
        "tunectl_last_sweep_timestamp_seconds",
        "When the daemon last looked at every parameter, in seconds since 1970.",
        tally.swept,
    );
    out.family(
        "tunectl_watch_info",
        "gauge",
        "How the daemon sees changes.",
        running.then(|| (labels(&[("seen_by", &tally.seen_by)]), 1)),
    );
    let name = "tunectl_correction_latency_seconds";
    out.head(name, "histogram", "From a change to the end of the write that took it back.");
    let mut sum: u64 = 0;
    for (bound, count) in LATENCIES_US.iter().zip(tally.latency.within.iter().chain(&[0; 12])) {
        sum = sum.saturating_add(*count);
        out.line(&format!("{name}_bucket"), &labels(&[("le", &seconds(*bound))]), sum);
    }
    let latency = &tally.latency;
    out.line(&format!("{name}_bucket"), "{le=\"+Inf\"}", latency.count);
    out.line(&format!("{name}_sum"), "", seconds(latency.sum_us));
    out.line(&format!("{name}_count"), "", latency.count);
}

/// Microseconds as seconds, without a float's rounding.
fn seconds(us: u64) -> String {
    let text = format!("{}.{:06}", us / 1_000_000, us % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `{a="b",c="d"}`.
fn labels(pairs: &[(&str, &str)]) -> String {
    let mut out = String::from("{");
    for (n, (name, value)) in pairs.iter().enumerate() {
        let value = harmless(value).replace('\\', "\\\\").replace('"', "\\\"");
        let comma = if n > 0 { "," } else { "" };
        let _ = write!(out, "{comma}{name}=\"{value}\"");
    }
    out + "}"
}

/// The text so far.
#[derive(Default)]
struct Metrics(String);

impl Metrics {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    /// A gauge without labels.
    fn one(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help, [(String::new(), value)]);
    }

    /// A metric with its samples; one without samples is left out.
    fn family(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        samples: impl IntoIterator<Item = (String, u64)>,
    ) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_some() {
            self.head(name, kind, help);
        }
        for (labels, value) in samples {
            self.line(name, &labels, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        let cases = [
            (0, "0"),
            (25, "0.000025"),
            (2_500, "0.0025"),
            (10_000_000, "10"),
            (60_000_001, "60.000001"),
        ];
        for (us, text) in cases {
            assert_eq!(seconds(us), text);
        }
    }

    #[test]
    fn a_label_stays_on_its_line() {
        let text = labels(&[("writer", "a\"b\\c\nd\u{1b}[0m"), ("key", "vm.swappiness")]);
        assert_eq!(text, r#"{writer="a\"b\\c\\u{a}d\\u{1b}[0m",key="vm.swappiness"}"#);
    }
}
