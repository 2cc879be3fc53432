//! Arguments of `report`.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use crate::key::Selector;

use super::Asked;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// How to print the report
    // In the place of the one that every command has, which shows what every command takes.
    #[arg(
        long,
        help_heading = "Everywhere",
        value_parser = report_formats(),
        default_value = "text"
    )]
    pub format: Asked,

    /// Report against another baseline than this host's own: a name or a path
    #[arg(short, long, value_name = "BASELINE", conflicts_with = "save")]
    pub baseline: Option<String>,

    /// Report further parameters, which the baseline does not set: a key or a pattern; repeatable
    #[arg(long, value_name = "SELECTOR", value_parser = Selector::parse)]
    pub also: Vec<Selector>,

    /// Save the report as /var/lib/tunectl/report.json, and the metrics, as the daemon does; prints
    /// nothing, and exits with 0 once they are saved, whatever they say
    #[arg(long, conflicts_with = "detailed_exitcode")]
    pub save: bool,

    /// Write the metrics into DIR for node_exporter's textfile collector; without it, where there
    /// is one, into /var/lib/prometheus/node-exporter
    #[arg(long, value_name = "DIR", requires = "save")]
    pub textfile: Option<String>,

    /// Exit with 2 when something is not in sync, now or after a reboot, or the host has no baseline
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// This is run at least that often, as by a timer: a host is missed after three times as long;
    /// without it an hour is assumed
    #[arg(long, value_name = "SECONDS", requires = "save", value_parser = clap::value_parser!(u64).range(1..))]
    pub every: Option<u64>,
}

/// All formats, with none hidden.
fn report_formats() -> impl TypedValueParser<Value = Asked> {
    let all = Asked::value_variants().iter().filter_map(Asked::to_possible_value);
    PossibleValuesParser::new(all.map(|value| value.hide(false)))
        .try_map(|name| Asked::from_str(&name, false))
}
