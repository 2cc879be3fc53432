//! Writes what the packages carry besides the program and is made from it: man pages and shell
//! completions. Its arguments are the directory to write them into and the day that the pages are of.
#![allow(clippy::disallowed_methods, reason = "a tool of the build, not of the program")]

use std::fs;
use std::io::{Error, Result};
use std::path::Path;

use clap_complete::shells::{Bash, Fish, Zsh};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, day] = arguments.as_slice() else {
        return Err(Error::other("usage: generate DIRECTORY YYYY-MM-DD"));
    };
    let directory = Path::new(directory);
    let manuals = directory.join("man");
    let completions = directory.join("completions");
    fs::create_dir_all(&manuals)?;
    fs::create_dir_all(&completions)?;
    for page in pages(day) {
        fs::write(manuals.join(page.get_filename()), render(&page)?)?;
    }
    let mut command = tunectl::command();
    clap_complete::generate_to(Bash, &mut command, "tunectl", &completions)?;
    clap_complete::generate_to(Zsh, &mut command, "tunectl", &completions)?;
    clap_complete::generate_to(Fish, &mut command, "tunectl", &completions)?;
    Ok(())
}

/// A page for the program and one for each of its commands.
fn pages(day: &str) -> Vec<clap_mangen::Man> {
    let mut program = tunectl::command();
    program.build();
    let version = env!("CARGO_PKG_VERSION");
    let of = |command: clap::Command| {
        clap_mangen::Man::new(command.version(version))
            .source(format!("tunectl {version}"))
            .manual("tunectl")
            .date(day)
    };
    let commands = program.get_subcommands().filter(|c| c.get_name() != "help" && !c.is_hide_set());
    let mut pages: Vec<_> = commands
        .map(|command| {
            let name = format!("tunectl-{}", command.get_name());
            of(command.clone().display_name(&name).bin_name(name.replacen('-', " ", 1)))
        })
        .collect();
    let program = program.disable_help_subcommand(true);
    pages.push(of(program));
    pages
}

/// The page with the sections that clap knows nothing of.
fn render(page: &clap_mangen::Man) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    page.render(&mut text)?;
    text.extend_from_slice(
        b".SH \"SEE ALSO\"\n\\fBtunectl\\fR(1), \\fBtunectl-baseline\\fR(5), \\fBsysctl.d\\fR(5), \\fBsysctl\\fR(8)\n",
    );
    Ok(text)
}
