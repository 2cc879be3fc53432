//! `tunectl schema`.

use super::Exit;
use super::failure::Failure;
use super::ui::Ui;

/// The JSON Schema of the baseline format, version 1.
const BASELINE: &str = include_str!("../../packaging/schema/baseline-1.schema.json");

/// Prints it.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(ui: &Ui) -> Result<Exit, Failure> {
    ui.result(BASELINE)?;
    Ok(Exit::Done)
}
