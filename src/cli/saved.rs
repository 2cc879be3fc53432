//! Plans in files: saved for review, and compared with how things stand when they are carried out.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "an edge")]

use std::collections::BTreeMap;
use std::path::Path;

use crate::bootview::dropin;
use crate::catalogue;
use crate::key::Key;
use crate::plan::Plan;
use crate::report;
use crate::sources::{self, SourceError, Sources};
use crate::wire::{Boot, BootValue, PLAN_SCHEMA, Plan as Wire, SavedPlan};

use super::args::Cli;
use super::authors::Authors;
use super::boot::now;
use super::failure::Failure;
use super::host::{self, Host};
use super::outfile::OutFile;
use super::plan;

/// A plan of more bytes is none of ours.
const LARGEST: usize = 64 << 20;

/// Saves a plan.
///
/// # Errors
/// It touches a secret, or the file cannot be written or is the baseline.
pub fn save(
    cli: &Cli,
    path: &Path,
    plan: &Plan,
    host: &Host,
    name: Option<&str>,
) -> Result<(), Failure> {
    if let Some(step) = plan.steps.iter().find(|step| catalogue::is_secret(&step.key)) {
        let message = format!("the plan writes {}, whose value is secret: not saved", step.key);
        return Err(Failure::new(message).help("apply it without a saved plan"));
    }
    let saved = SavedPlan {
        plan: report::plan_json(plan, &host.facts),
        saved_baseline: name.map(|name| found_again(cli, name)),
        saved_at: now(),
    };
    let place = OutFile::at(path, "the plan cannot be saved in")?;
    // Of a baseline below another root its place there is named.
    let read = plan.baseline.sources.iter().map(|source| Path::new(&source.name));
    let is_read = |path: &Path| {
        let below = path.strip_prefix("/").unwrap_or(path);
        place.is(path) || place.is(&cli.root.join(below))
    };
    if read.into_iter().any(is_read) {
        return Err(place.is_input());
    }
    let mut text = serde_json::to_string_pretty(&saved)
        .map_err(|error| Failure::new(format!("the plan cannot be saved: {error}")))?;
    text.push('\n');
    place.write(text.as_bytes())
}

/// A baseline's name or path as it is found from any directory. Below another root an absolute
/// path is looked for there, so a path from where the operator stands stays as it is.
fn found_again(cli: &Cli, name: &str) -> String {
    if !sources::is_path(name) || cli.root != Path::new("/") {
        return name.to_owned();
    }
    std::path::absolute(name).map_or_else(|_| name.to_owned(), |path| path.display().to_string())
}

/// Reads a saved plan; `strict_owner`: as strictly as a baseline, because it says which one is
/// carried out.
///
/// # Errors
/// It cannot be read, is none, or others can write it.
pub fn read(cli: &Cli, path: &Path, strict_owner: bool) -> Result<SavedPlan, Failure> {
    let failed = |why: &dyn std::fmt::Display| {
        let failure = Failure::new(format!("{} is not a saved plan: {why}", path.display()));
        match path.to_str().filter(|word| host::is_baseline(cli, word)) {
            Some(word) => failure.help(format!(
                "a baseline is named with -b: tunectl apply -b {}",
                plan::word(word)
            )),
            None => failure.help("`tunectl plan --out FILE` saves one"),
        }
    };
    // The operator's path, whatever the root of the host.
    let reader = Sources { root: "/".into(), max_bytes: LARGEST, strict_owner };
    let read = reader.read(&path.to_string_lossy()).map_err(|error| match error {
        SourceError::NotRoots { .. } => Failure::new(error.to_string())
            .help("chown root and chmod go-w it once it is reviewed, or save it as root"),
        SourceError::Unreadable { error, .. } => failed(&error),
        error => failed(&error),
    })?;
    let saved: SavedPlan = serde_json::from_str(&read.text).map_err(|error| failed(&error))?;
    if saved.plan.schema != PLAN_SCHEMA {
        return Err(failed(&format!("its schema is {:?}", saved.plan.schema)));
    }
    Ok(saved)
}

/// Whether a plan that has nothing to do any more has what was reviewed as its end: the same values
/// of the same baseline on the same host, and files of the same text.
pub fn is_so(saved: &Wire, now: &Wire) -> bool {
    fn texts(of: &Wire) -> [&String; 4] {
        [&of.host.hostname, &of.baseline.sha256, &of.dropin.text, &of.host_file.text]
    }
    fn wanted(of: &Wire) -> impl Iterator<Item = (&String, &Option<String>, &String)> {
        of.parameters.iter().map(|p| (&p.key, &p.desired, &p.requirement))
    }
    texts(saved) == texts(now) && wanted(saved).eq(wanted(now))
}

/// What is no longer as it was reviewed, a line each; empty where everything is.
pub fn moved(cli: &Cli, saved: &Wire, now: &Wire) -> Vec<String> {
    let mut moved = Vec::new();
    for (what, then, now) in [
        ("the host", &saved.host.hostname, &now.host.hostname),
        ("the boot", &saved.host.boot_id, &now.host.boot_id),
        ("the kernel", &saved.host.kernel, &now.host.kernel),
        ("the baseline", &saved.baseline.sha256, &now.baseline.sha256),
    ] {
        if then != now {
            moved.push(format!("{what} is another: {then} then, {now} now"));
        }
    }
    if saved.host.mem_total_kb != now.host.mem_total_kb {
        let (then, now) = (saved.host.mem_total_kb, now.host.mem_total_kb);
        moved.push(format!("the RAM has changed from {then} kB to {now} kB"));
    }
    let authors = Authors::of(cli, &now.host.boot_id);
    let [then_by_key, now_by_key] = [saved, now]
        .map(|of| of.parameters.iter().map(|p| (&p.key, p)).collect::<BTreeMap<_, _>>());
    for parameter in &now.parameters {
        let Some(then) = then_by_key.get(&parameter.key) else {
            moved.push(format!("{} was not there", parameter.key));
            continue;
        };
        if then.live != parameter.live {
            let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unreadable".into());
            let live = parameter.live.as_deref().unwrap_or_default();
            let who = Key::parse(&parameter.key)
                .map_or_else(|_| String::new(), |key| authors.who(&key, live));
            let (then, now) = (shown(&then.live), shown(&parameter.live));
            moved.push(format!("{}: {then} -> {now}{who}", parameter.key));
        } else if then.boot != parameter.boot {
            moved.push(format!("{}: {}", parameter.key, next_boot(&then.boot, &parameter.boot)));
        }
    }
    for parameter in &saved.parameters {
        if !now_by_key.contains_key(&parameter.key) {
            moved.push(format!("{} is no longer there", parameter.key));
        }
    }
    let files = [(&saved.dropin, &now.dropin), (&saved.host_file, &now.host_file)];
    for (then, now) in files.into_iter().filter(|(then, now)| then != now) {
        let what = if then.before_sha256 == now.before_sha256 {
            "would get another text"
        } else {
            "was changed"
        };
        moved.push(format!("{} {what}", now.path));
    }
    if moved.is_empty() && (saved.steps != now.steps || saved.actions != now.actions) {
        moved.push("the writes would be others than those that were reviewed".to_owned());
    }
    moved
}

/// What has moved in how a boot leaves a parameter.
fn next_boot(then: &Boot, now: &Boot) -> String {
    let file = |value: &BootValue| {
        let place = value.source.as_deref()?;
        Some(place.rsplit_once(':').map_or(place, |(file, _)| file).to_owned())
    };
    let pairs = [(&then.systemd, &now.systemd), (&then.procps, &now.procps)];
    if pairs.iter().all(|(_, now)| now.source.is_none()) && then.unit == now.unit {
        return "no file sets it at the next boot any longer".to_owned();
    }
    let mut others = pairs.iter().filter(|(then, now)| file(then) != file(now)).peekable();
    if others.peek().is_some() {
        let ours = |file: String| dropin::PATHS.contains(&file.as_str());
        if others.all(|(_, now)| file(now).is_some_and(ours)) {
            return "tunectl has persisted it since".to_owned();
        }
        return "another file sets it at the next boot".to_owned();
    }
    let sets = |what: &str, (_, now): &(&BootValue, &BootValue)| {
        let file = file(now).unwrap_or_else(|| "a boot".into());
        format!("{file} sets {what} at the next boot")
    };
    match pairs.iter().find(|(then, now)| then.value != now.value) {
        Some(pair) => sets("another value", pair),
        None => match pairs.iter().find(|(then, now)| then != now) {
            Some(pair) => sets("it on another line", pair),
            None => "whether tunectl-boot sets it at the next boot has changed".to_owned(),
        },
    }
}
