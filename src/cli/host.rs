//! Looks at a host: facts, the baseline, parameters and files, up to the finished plan.

use std::path::Path;

use crate::baseline::{self, DesiredSet, Found, Layers, NotFound, Wanted, builtin};
use crate::diagnostic::Diagnostic;
use crate::key::{Key, Pattern, Selector};
use crate::observed::{Facts, Snapshot};
use crate::persist::conf::read_conf_tree;
use crate::plan::{self, Observed, Plan};
use crate::probe;
use crate::procsys::{Kernel, ProcSys};
use crate::sources::{self, SourceError, Sources};

use super::adoption;
use super::args::Cli;
use super::failure::Failure;
use super::ui::Ui;

/// A host that was looked at.
pub struct Host {
    /// Its kernel.
    pub kernel: ProcSys,
    /// Its facts, or those that are played.
    pub facts: Facts,
}

/// Opens the kernel's parameters and gathers facts.
///
/// # Errors
/// /proc/sys cannot be opened, or facts that every plan needs are missing.
pub fn open(cli: &Cli) -> Result<Host, Failure> {
    let kernel = ProcSys::open(&cli.root).map_err(|e| Failure::new(e.to_string()))?;
    let facts = probe::probe(&cli.root).map_err(|e| Failure::new(e.to_string()))?;
    Ok(Host { kernel, facts })
}

/// Replaces facts by those of a file.
///
/// # Errors
/// The file cannot be read, or every problem in it.
pub fn play(host: &mut Host, path: &Path) -> Result<(), Failure> {
    let reader = Sources { root: "/".into(), max_bytes: baseline::MAX_BYTES, strict_owner: false };
    let name = path.display().to_string();
    let file = reader.read(&name).map_err(|e| Failure::new(e.to_string()))?;
    host.facts = probe::facts_from_yaml(&name, &file.text, &host.facts).map_err(|problems| {
        let source = crate::diagnostic::Source { name: name.clone(), text: file.text.clone() };
        let message = count("the facts in", &name, problems.len());
        Failure::new(message).with(problems, vec![source])
    })?;
    Ok(())
}

fn count(what: &str, name: &str, problems: usize) -> String {
    let s = if problems == 1 { "" } else { "s" };
    format!("{what} {name} cannot be used: {problems} problem{s}; nothing was changed")
}

/// A baseline as loaded, with what was wrong so far.
pub struct Loaded {
    name: String,
    layers: Layers,
    problems: Vec<Diagnostic>,
}

/// Loads the named baseline, or the host's own with its further layers. Problems are collected
/// on: what can be resolved will be, so that all are told at once.
///
/// # Errors
/// There is no text to begin with.
pub fn load(cli: &Cli, name: Option<&str>, strict_owner: bool) -> Result<Loaded, Failure> {
    let reader = Sources { root: cli.root.clone(), max_bytes: baseline::MAX_BYTES, strict_owner };
    let further;
    let adopted;
    let names: Vec<&str> = if let Some(name) = name {
        vec![name]
    } else {
        if !reader.exists(sources::HOST_BASELINE) {
            let known: Vec<&str> = builtin::ALL.iter().map(|(n, _)| *n).collect();
            let help = format!("name one with -b; built in are: {}", known.join(", "));
            let message = format!("this host has no {}", sources::HOST_BASELINE);
            return Err(Failure::new(message).help(help));
        }
        further = reader.list_yaml(sources::HOST_LAYERS);
        let own = reader.read(sources::HOST_BASELINE).ok();
        adopted = own.and_then(|own| adoption::adopted(&own.text));
        let own = adopted.as_deref().unwrap_or(sources::HOST_BASELINE);
        std::iter::once(own).chain(further.iter().map(String::as_str)).collect()
    };
    let (layers, problems) = baseline::load(&names, &mut |wanted| fetch(&reader, wanted));
    if layers.tops.is_empty() {
        let first = problems.into_iter().next();
        let failure = Failure::new(first.as_ref().map_or("no baseline", |p| p.message.as_str()));
        return Err(match first.and_then(|p| p.help) {
            Some(help) => failure.help(help),
            None => failure,
        });
    }
    let name = names.first().copied().unwrap_or_default().to_owned();
    Ok(Loaded { name, layers, problems })
}

fn fetch(reader: &Sources, wanted: &Wanted<'_>) -> Result<Found, NotFound> {
    let failed = |error: SourceError| {
        let help = match &error {
            SourceError::NotRoots { .. } => {
                Some("chown root and chmod go-w it, or run as yourself".to_owned())
            }
            SourceError::NotText { .. } => Some("save it as UTF-8".to_owned()),
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
        return reader.read(&path).map(|f| Found { name: f.path, text: f.text }).map_err(failed);
    }
    for dir in sources::SEARCH {
        match reader.read(&format!("{dir}/{}.yaml", wanted.name)) {
            Ok(file) => return Ok(Found { name: file.path, text: file.text }),
            Err(SourceError::Missing(_)) => {}
            Err(error) => return Err(failed(error)),
        }
    }
    if let Some(text) = builtin::text(wanted.name) {
        return Ok(Found { name: format!("built-in:{}", wanted.name), text: text.to_owned() });
    }
    let known = builtin::ALL.iter().map(|(n, _)| *n);
    let help = match crate::key::nearest(wanted.name, known.clone()) {
        Some(near) => format!(
            "did you mean {near}? A path is written with a slash, as ./{}.yaml",
            wanted.name
        ),
        None => format!("built in are: {}", known.collect::<Vec<_>>().join(", ")),
    };
    let message = format!("there is no baseline named {:?}", wanted.name);
    Err(NotFound { message, help: Some(help) })
}

/// Most problems that are shown at once: what a generated file gets wrong it gets wrong in every
/// line.
const SHOWN: usize = 50;

/// Resolves a loaded baseline on the host; warnings go to the ui.
///
/// # Errors
/// Every problem of every file, each with its place.
pub fn resolve(loaded: Loaded, host: &Host, ui: &Ui) -> Result<DesiredSet, Failure> {
    let Loaded { name, layers, mut problems } = loaded;
    let (set, more) = baseline::resolve(
        &layers,
        &baseline::Host {
            facts: &host.facts,
            expand: &|pattern: &Pattern| host.kernel.expand(pattern),
            exists: &|key: &Key| host.kernel.read(key).exists(),
        },
    );
    problems.extend(more);
    problems.sort_by_key(|p| p.span.map(|s| (s.source, s.start)));
    let errors = problems.iter().filter(|p| p.is_error()).count();
    if errors > 0 {
        let mut message = count("the baseline", &name, errors);
        if problems.len() > SHOWN {
            problems.truncate(SHOWN);
            message = format!("{message} (the first {SHOWN} are shown)");
        }
        return Err(Failure::new(message).with(problems, layers.sources));
    }
    ui.diagnostics(&problems, &layers.sources);
    Ok(set)
}

/// Reads what the plan needs and makes it.
pub fn plan(cli: &Cli, host: &Host, set: DesiredSet) -> Plan {
    let (also, globs) = plan::also_needed(&set);
    let mut snapshot = Snapshot::default();
    for key in set.parameters.iter().map(|d| &d.key).chain(&also) {
        if snapshot.get(key).is_none() {
            snapshot.insert(key.clone(), host.kernel.read(key));
        }
    }
    for glob in globs {
        let Ok(Selector::Pattern(pattern)) = Selector::parse(glob) else { continue };
        for key in host.kernel.expand(&pattern) {
            if snapshot.get(&key).is_none() {
                let reading = host.kernel.read(&key);
                snapshot.insert(key, reading);
            }
        }
    }
    let conf = read_conf_tree(&cli.root);
    plan::plan(set, &Observed { facts: &host.facts, snapshot: &snapshot, conf: &conf })
}
