//! The arguments of `fleet`, declared.

use std::path::PathBuf;

use clap::Args;

use super::duration;

/// Arguments of `fleet`.
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// Files, directories, or - for standard input
    ///
    /// Each has reports as `tunectl report --format json` makes them, one a line or over several
    /// lines, plain, gzip or Zstandard. Of a directory every file below it counts whose name ends
    /// in .json, .jsonl or .ndjson, with .gz or .zst behind that or without.
    #[arg(value_name = "REPORTS", required = true)]
    pub reports: Vec<PathBuf>,

    /// Exit with 2 unless that holds, as 'drift<=1% and contested=0'
    ///
    /// Terms, put together with `and`, `or` and brackets: drift, boot, contested, changed, pending,
    /// blocked, let_go, failed, no_baseline, unapplied, silent, ahead, pressure are hosts, as a
    /// number or a share; hosts is how many are not silent; unreadable is a number of reports, or a
    /// share of them. A silent host counts where its last report has what the term names, and is
    /// left out of the share where not. Compared with <, <=, =, !=, >=, >. baseline=NAME@HASH holds
    /// where all hosts have that baseline and have applied it (some digits of its SHA-256; NAME or
    /// @HASH alone), baseline!= where none has it. Where no host has reported, or all are silent,
    /// the gate stops.
    #[arg(long, value_name = "EXPRESSION")]
    pub gate: Option<String>,

    /// A host is silent whose newest report is older than that, or dated more than an hour ahead
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration, conflicts_with = "since")]
    pub silent_after: std::time::Duration,

    /// The same as a point in time, as 2026-11-26T12:00:00Z, or a day (its beginning, UTC)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// A host is under memory pressure where some task waited for memory in that share of 10 s, in
    /// percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0, value_parser = percent)]
    pub pressure: f64,

    /// Show so many rows of each list as text; 0: all
    #[arg(long, value_name = "ROWS", default_value_t = 3)]
    pub top: usize,

    /// Print the names of these hosts alone, a line each, as drift or baseline!=NAME@HASH
    ///
    /// A term of the gate without a number (drift, failed, no_baseline, silent, ...), in_sync,
    /// baseline=NAME@HASH (some digits of its SHA-256; NAME or @HASH alone), version=VERSION, or
    /// != for all others. Names that are none of a host are left out, told, and make the exit code 1.
    #[arg(long, value_name = "WHICH")]
    pub hosts: Option<String>,

    /// Write a page for a browser to FILE as well: sortable tables and a plot, nothing is fetched
    ///
    /// Only a file is replaced, and none of the reports. With - the page is printed, in place of the
    /// text.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

fn percent(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if (0.0..=100.0).contains(&number) => Ok(number),
        _ => Err("a number from 0 to 100".to_owned()),
    }
}
