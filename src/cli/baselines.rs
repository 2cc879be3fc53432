//! `tunectl baselines`.

use crate::baseline::Found;
use crate::report::baselines::{self, BASELINES_SCHEMA, Baselines, Known};

use super::Exit;
use super::args::{BaselinesArgs, Cli, Format};
use super::failure::Failure;
use super::ui::Ui;
use super::{loaded, named};

/// Lists the baselines that `-b` takes by name, or prints one.
///
/// # Errors
/// There is none of that name, it or a directory of them cannot be read, or standard output cannot
/// be written.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &BaselinesArgs, ui: &Ui) -> Result<Exit, Failure> {
    let Some(name) = &args.name else { return list(cli, ui) };
    let found = loaded::text_of(cli, name)?;
    match ui.format() {
        Format::Text => ui.result(&found.text)?,
        Format::Json => {
            let known = known(name, &found);
            show(ui, vec![Known { text: Some(found.text.into_owned()), ..known }])?;
        }
    }
    Ok(Exit::Done)
}

fn list(cli: &Cli, ui: &Ui) -> Result<Exit, Failure> {
    let named = named::search(&loaded::onlooker(cli));
    let known = |(name, mut places): (String, Vec<String>)| match loaded::text_of(cli, &name) {
        Ok(found) => {
            places.retain(|place| *place != found.name);
            Known { hides: places, ..known(&name, &found) }
        }
        Err(failure) => Known {
            place: places.remove(0),
            hides: places,
            error: Some(failure.problems().join("; ")),
            ..Known::of(name)
        },
    };
    show(ui, named.places.into_iter().map(known).collect())?;
    for path in named.passed_over {
        ui.warning(&named::not_read(&path, "baseline"));
    }
    ui.hint("\nto see one: tunectl baselines NAME; what it would do here: tunectl plan -b NAME");
    match named.unlisted {
        Some(error) => Err(Failure::new(error.to_string())),
        None => Ok(Exit::Done),
    }
}

fn show(ui: &Ui, known: Vec<Known>) -> Result<(), Failure> {
    match ui.format() {
        Format::Json => ui.json(&Baselines { schema: BASELINES_SCHEMA, baselines: known }),
        Format::Text => ui.result(&baselines::text(&known, ui.layout())),
    }
}

fn known(name: &str, found: &Found) -> Known {
    let place = found.name.clone();
    let (description, extends) = loaded::about(found).unwrap_or_default();
    Known { place, description, extends, ..Known::of(name.to_owned()) }
}
