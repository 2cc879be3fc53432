//! `tunectl schema`.

use super::Exit;
use super::args::{SchemaArgs, SchemaOf};
use super::failure::Failure;
use super::ui::Ui;

/// The JSON Schema of the baseline format, version 1.
const BASELINE: &str = include_str!("../../packaging/schema/baseline-1.schema.json");
/// The JSON Schema of the host report, version 1.
const REPORT: &str = include_str!("../../packaging/schema/report-1.schema.json");

/// Prints the one that is asked for.
///
/// # Errors
/// Standard output cannot be written.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(args: &SchemaArgs, ui: &Ui) -> Result<Exit, Failure> {
    ui.result(match args.of {
        SchemaOf::Baseline => BASELINE,
        SchemaOf::Report => REPORT,
    })?;
    Ok(Exit::Done)
}
