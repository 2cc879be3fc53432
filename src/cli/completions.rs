//! `tunectl completions`.

use clap_complete::shells;

use super::Exit;
use super::args::{CompletionsArgs, Shell};
use super::failure::Failure;
use super::ui::Ui;

/// Prints the script of one shell.
///
/// # Errors
/// Standard output cannot be written.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(args: &CompletionsArgs, ui: &Ui) -> Result<Exit, Failure> {
    ui.result(&script(args.shell))?;
    Ok(Exit::Done)
}

fn script(shell: Shell) -> String {
    let mut command = super::command();
    let mut script = Vec::new();
    let name = "tunectl";
    match shell {
        Shell::Bash => clap_complete::generate(shells::Bash, &mut command, name, &mut script),
        Shell::Zsh => clap_complete::generate(shells::Zsh, &mut command, name, &mut script),
        Shell::Fish => clap_complete::generate(shells::Fish, &mut command, name, &mut script),
    }
    String::from_utf8_lossy(&script).into_owned()
}
