//! Loads a baseline: the one that is named, or the host's own with its further layers.

use std::path::Path;

use crate::baseline::{self, Found, Layers, NotFound, Wanted, builtin};
use crate::diagnostic::{Diagnostic, Severity};
use crate::key::{Key, Selector};
use crate::sources::{self, FileText, Listing, SourceError, Sources};

use super::adoption;
use super::args::{Cli, Command};
use super::failure::Failure;
use super::named;

/// A baseline as loaded, with what was wrong so far.
pub struct Loaded {
    /// As it was asked for.
    pub name: String,
    /// Its texts.
    pub layers: Layers,
    /// Mistakes that were found on the way; others are found where it is resolved.
    pub problems: Vec<Diagnostic>,
    /// The host's own baseline is this one and nothing else.
    adopted: bool,
    /// Those of its files that others cannot read.
    pub private: Vec<String>,
}

impl Loaded {
    /// Every key and pattern that it gives a value, on whatever host.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.layers.selectors()
    }

    /// Whether it could give one of these a value: some layer may not have been read.
    pub fn may_set(&self, keys: &[Key]) -> bool {
        self.problems.iter().any(Diagnostic::is_error)
            || self.selectors().any(|selector| keys.iter().any(|key| selector.covers(key)))
    }

    /// A baseline of one text that lies in no file, of that name.
    pub fn from_text(name: &str, text: &str) -> Self {
        let found = Found::text(name, text);
        let (layers, problems) = baseline::load(&[name], &mut |_| Ok(found.clone()));
        Self { name: name.to_owned(), layers, problems, adopted: false, private: Vec::new() }
    }

    /// What the host is for: the names of the baselines that its own one extends, or else its own
    /// one's.
    pub fn roles(&self) -> Vec<String> {
        let layers = &self.layers;
        let named = |at: &usize| layers.documents.get(*at).map(|d| d.name.clone());
        let parents = layers.tops.iter().filter(|_| !self.adopted);
        let extended = parents.filter_map(|top| layers.parents.get(*top)).flatten();
        let mut roles: Vec<String> = extended.filter_map(named).collect();
        if roles.is_empty() {
            roles.extend(layers.tops.first().and_then(named));
        }
        roles
    }
}

/// Whether the host has a baseline of its own.
pub fn has_baseline(cli: &Cli) -> bool {
    onlooker(cli).exists(sources::HOST_BASELINE)
}

/// Whether a word of the command line can only mean a baseline.
pub fn is_baseline(cli: &Cli, word: &str) -> bool {
    let is_yaml = word.ends_with(".yaml") || word.ends_with(".yml");
    is_yaml || named::is_known(&onlooker(cli), word)
}

/// The host's own baseline where it has a name that nothing reads, and what to name it.
pub fn misnamed(cli: &Cli) -> Option<String> {
    let found = onlooker(cli).exists(sources::MISNAMED_BASELINE);
    found.then(|| format!("there is {}: name it baseline.yaml", sources::MISNAMED_BASELINE))
}

/// What to do on a host that has no baseline of its own.
fn no_baseline_help(cli: &Cli, reader: &Sources) -> String {
    misnamed(cli).unwrap_or_else(|| match &cli.command {
        Command::Plan(_) | Command::Apply(_) | Command::Report(_) => {
            format!("name one with -b; {}", named::all(reader))
        }
        _ => format!("give the host one: tunectl apply -b NAME; {}", named::all(reader)),
    })
}

/// Who only looks.
pub fn onlooker(cli: &Cli) -> Sources {
    Sources { root: cli.root.clone(), max_bytes: baseline::MAX_BYTES, strict_owner: false }
}

/// Loads the named baseline, or the host's own with its further layers. Problems are collected
/// on: what can be resolved will be, so that all are told at once.
///
/// # Errors
/// There is no text to begin with.
pub fn load(cli: &Cli, name: Option<&str>, strict_owner: bool) -> Result<Loaded, Failure> {
    let reader = Sources { root: cli.root.clone(), max_bytes: baseline::MAX_BYTES, strict_owner };
    let mut further = Listing::default();
    let mut adopted = None;
    let names: Vec<&str> = if let Some(name) = name {
        vec![name]
    } else {
        if !reader.exists(sources::HOST_BASELINE) {
            let message = format!("this host has no {}", sources::HOST_BASELINE);
            return Err(Failure::new(message).help(no_baseline_help(cli, &reader)));
        }
        further = reader.list(sources::HOST_LAYERS).map_err(|error| match &error {
            SourceError::NotRoots { .. } => Failure::new(error.to_string()).help(MAKE_ROOTS),
            _ => Failure::new(error.to_string()),
        })?;
        let own = reader.read(sources::HOST_BASELINE).ok();
        adopted = own.and_then(|own| adoption::adopted(&own.text));
        let own = adopted.as_deref().unwrap_or(sources::HOST_BASELINE);
        std::iter::once(own).chain(further.yaml.iter().map(String::as_str)).collect()
    };
    let mut private = Vec::new();
    let (layers, mut problems) =
        baseline::load(&names, &mut |wanted| fetch(&reader, wanted, &mut private));
    if layers.tops.is_empty() {
        let first = problems.into_iter().next();
        let message = first.as_ref().map_or("no baseline", |problem| problem.message.as_str());
        return Err(Failure::new(message).help_if(first.as_ref().and_then(|p| p.help.clone())));
    }
    problems.extend(further.yml.iter().map(|path| Diagnostic {
        severity: Severity::Warning,
        ..Diagnostic::of_file(None, named::not_read(path, "layer"), None)
    }));
    let name = names.first().copied().unwrap_or_default().to_owned();
    Ok(Loaded { name, layers, problems, adopted: adopted.is_some(), private })
}

/// The text of a baseline, by name or path; nobody acts on it.
///
/// # Errors
/// There is none, or it cannot be read.
pub fn text_of(cli: &Cli, name: &str) -> Result<Found, Failure> {
    fetch(&onlooker(cli), &Wanted { name, from: None }, &mut Vec::new())
        .map_err(|error| Failure::new(error.message).help_if(error.help))
}

/// What a text says that it is for, and what it extends, as written; `None` where it has mistakes.
pub fn about(found: &Found) -> Option<(String, Vec<String>)> {
    let name = found.name.clone();
    // Whether what it extends is there is another question.
    let (layers, _) = baseline::load(&[&name], &mut |wanted| match wanted.from {
        None => Ok(found.clone()),
        Some(_) => Err(NotFound { message: String::new(), help: None }),
    });
    let document = layers.documents.into_iter().next()?;
    let extends = document.extends.into_iter().map(|written| written.value).collect();
    Some((document.description, extends))
}

/// What to do where root does not act on something.
const MAKE_ROOTS: &str = "chown root and chmod go-w it, or run as yourself";

/// What was read, where it may be shown in messages.
fn shown(file: FileText, private: &mut Vec<String>) -> Result<Found, SourceError> {
    if file.is_secret(baseline::FIELDS) {
        return Err(SourceError::Secret(file.path, "baseline"));
    }
    if file.private {
        private.push(file.path.clone());
    }
    Ok(Found::text(file.path, file.text))
}

fn fetch(
    reader: &Sources,
    wanted: &Wanted<'_>,
    private: &mut Vec<String>,
) -> Result<Found, NotFound> {
    let failed = |error: SourceError| {
        let help = match &error {
            SourceError::NotRoots { .. } => Some(MAKE_ROOTS.to_owned()),
            SourceError::NotText { .. } => Some("save it as UTF-8".to_owned()),
            SourceError::Secret(..) => {
                Some("a baseline has `name: …` and `parameters:`, each on a line".to_owned())
            }
            SourceError::TooLarge { .. } => Some("split it, and `extends` the parts".to_owned()),
            SourceError::Missing(path)
                if path.starts_with('/') && reader.root != Path::new("/") =>
            {
                Some(format!("with --root it is looked for below {}", reader.root.display()))
            }
            SourceError::Missing(_) if wanted.from.is_some() => {
                let help = "a path is relative to the file that names it; a name has no slash";
                Some(help.to_owned())
            }
            _ => None,
        };
        NotFound { message: error.to_string(), help }
    };
    if sources::is_path(wanted.name) {
        let from = wanted.from.filter(|f| !f.starts_with("built-in:"));
        let path = sources::relative_to(from, wanted.name);
        // Where nothing is left of it, as of `./`, it is the directory that it is relative to.
        let path = if path.is_empty() { ".".to_owned() } else { path };
        return reader.read(&path).and_then(|file| shown(file, private)).map_err(failed);
    }
    for dir in sources::SEARCH {
        let read = reader.read(&format!("{dir}/{}.yaml", wanted.name));
        match read.and_then(|file| shown(file, private)) {
            Ok(found) => return Ok(found),
            // Another's hand may have taken it away, and what is built in is to stand in for it.
            Err(SourceError::Missing(_)) => reader.check_directory(dir).map_err(failed)?,
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(found) = builtin::found(wanted.name) {
        return Ok(found);
    }
    // Of a built-in one nothing lies beside it.
    let help = match wanted.from {
        Some(from) if from.starts_with(builtin::PREFIX) => named::all(reader),
        from => named::help(reader, wanted.name, from),
    };
    let message = format!("there is no baseline named {:?}", wanted.name);
    Err(NotFound { message, help: Some(help) })
}
