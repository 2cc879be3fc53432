//! `tunectl unlock`.
#![allow(clippy::disallowed_methods, reason = "it tells the time, and who asked")]

use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::baseline::nearest_known;
use crate::below;
use crate::catalogue;
use crate::key::Key;
use crate::persist::holds::{HOLDS, Hold, Holds, UNLOCKED};
use crate::persist::{LOCK, Lock, LockError, damaged, presence};
use crate::procsys::{Kernel as _, ProcSys};
use crate::watch::{bpf, clock};
use crate::wire::{UNLOCKED_SCHEMA, Unlocked};

use super::apply::this_boot;
use super::args::{Cli, Format, UnlockArgs};
use super::failure::Failure;
use super::ui::Ui;
use super::{Exit, host};

/// Longer is nothing for a while.
const LONGEST: Duration = Duration::from_secs(7 * 86_400);
/// How long a running apply is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lets a parameter go for a while, or takes it back.
///
/// # Errors
/// The key or the time makes no sense, this is not root, or the file of holds cannot be written.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &UnlockArgs, ui: &Ui) -> Result<Exit, Failure> {
    let key = Key::parse(&args.key).map_err(|e| Failure::new(format!("{}: {e}", args.key)))?;
    let asked = args.time.zip(args.reason.as_deref());
    if let Some((time, reason)) = asked {
        if time.is_zero() || time > LONGEST {
            return Err(Failure::new("--for takes from 1s to 7d").help(
                "what is to stay is written into the baseline: `on_drift: report`, or a waiver",
            ));
        }
        if reason.trim().is_empty() {
            return Err(Failure::new(
                "--reason is empty: say why, whoever reads the record will ask",
            ));
        }
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("only root can let a parameter go, or take it back"));
    }
    if asked.is_some() {
        is_there(cli, &key)?;
    }
    let boot_id = this_boot(cli)?;
    let place = below::resolve_parent(&cli.root, LOCK)
        .map_err(|error| Failure::new(format!("cannot find {LOCK}: {error}")))?;
    let _lock = Lock::take(&place, PATIENCE).map_err(|error| match error {
        LockError::Busy(_) => Failure::refused(error.to_string()).help("wait for it"),
        LockError::Failed { .. } => Failure::new(error.to_string()),
    })?;
    damaged::set_aside(&cli.root);
    match asked {
        Some((time, reason)) => let_go(cli, ui, (&key, &boot_id), time, reason.trim()),
        None => take_back(cli, ui, (&key, &boot_id)),
    }
}

/// Refuses a key that is not there: one that is known may come with its interface or module.
fn is_there(cli: &Cli, key: &Key) -> Result<(), Failure> {
    let kernel = ProcSys::open(&cli.root).map_err(|error| Failure::new(error.to_string()))?;
    if kernel.read(key).exists() || catalogue::kind_of(key).is_some() {
        return Ok(());
    }
    let near = nearest_known(key).map(|near| format!("did you mean {near}?"));
    let message = format!("there is no parameter {key}: nothing was let go");
    Err(Failure::new(message).help_if(near))
}

/// Lets it go. The lock is held.
fn let_go(
    cli: &Cli,
    ui: &Ui,
    (key, boot_id): (&Key, &str),
    time: Duration,
    reason: &str,
) -> Result<Exit, Failure> {
    let since_boot = clock::since_boot();
    let until = SignedDuration::try_from(time)
        .ok()
        .and_then(|time| Timestamp::now().checked_add(time).ok())
        .map(|until| format!("{until:.0}"));
    let stays = |error| Failure::new(format!("{key} stays held: {error}"));
    let mut holds = Holds::read(&cli.root, boot_id).map_err(stays)?;
    let hold = Hold {
        kind: UNLOCKED.into(),
        by: who(),
        reason: Some(reason.to_owned()),
        until: until.clone(),
        until_since_boot: Some((since_boot + time).as_secs()),
    };
    holds.holds.insert(key.to_string(), hold);
    holds.write(&cli.root, since_boot).map_err(stays)?;
    let keys = halves(key);
    // Before it says that it is no longer prevented.
    let held = is_held(cli, boot_id, key, &keys);
    // A pinned program prevents also where no daemon runs, or one that hangs.
    if cli.root == Path::new("/") {
        bpf::let_go(&keys)
            .map_err(|error| Failure::new(format!("{key} stays prevented: {error}")))?;
        presence::no_longer_prevented(&cli.root, &keys);
    }
    let daemon = runs(cli, boot_id);
    let (key, reason) = (key.to_string(), reason.to_owned());
    tell(ui, &Unlocked { schema: UNLOCKED_SCHEMA.into(), key, until, reason, held, daemon })?;
    Ok(Exit::Done)
}

/// Ends what an `unlock` has let go; nothing else that lets it go. The lock is held.
fn take_back(cli: &Cli, ui: &Ui, (key, boot_id): (&Key, &str)) -> Result<Exit, Failure> {
    let since_boot = clock::since_boot();
    let stays = |error| Failure::new(format!("{key} stays let go: {error}"));
    let mut holds = Holds::read(&cli.root, boot_id).map_err(stays)?;
    let name = key.to_string();
    let unlocked = |hold: &Hold| hold.kind == UNLOCKED && !hold.is_over(since_boot);
    let ended = holds.holds.get(&name).is_some_and(unlocked).then(|| holds.holds.remove(&name));
    let ended = ended.flatten();
    if ended.is_some() {
        holds.write(&cli.root, since_boot).map_err(stays)?;
    }
    let done = Unlocked {
        schema: UNLOCKED_SCHEMA.into(),
        key: name,
        until: ended.as_ref().map(|_| format!("{:.0}", Timestamp::now())),
        reason: ended.and_then(|hold| hold.reason).unwrap_or_default(),
        held: is_held(cli, boot_id, key, &halves(key)),
        daemon: runs(cli, boot_id),
    };
    let told = match &done.until {
        Some(_) => format!("{key} is taken back"),
        None => format!("{key} is not unlocked: there is nothing to end"),
    };
    match ui.format() {
        Format::Json => ui.json(&done),
        Format::Text => ui.result(&format!("{told}\n")),
    }
    .map_err(|failure| failure.after(&told))?;
    if let Some(hold) = holds.of(key, since_boot) {
        ui.hint(&format!("It is let go all the same ({}), by {}.", hold.kind, hold.by));
    } else if done.until.is_some() {
        ui.hint(match (done.held, done.daemon) {
            (false, _) => "Nothing holds it: this host's baseline does not set it.",
            (true, true) => "The daemon holds it again.",
            (true, false) => "No daemon runs: `tunectl apply` sets it.",
        });
    }
    Ok(Exit::Done)
}

/// The parameter, and its other half.
fn halves(key: &Key) -> Vec<Key> {
    std::iter::once(key.clone()).chain(catalogue::half_of(key)).collect()
}

fn runs(cli: &Cli, boot_id: &str) -> bool {
    presence::find(&cli.root, boot_id).is_some_and(|watch| watch.running)
}

fn tell(ui: &Ui, done: &Unlocked) -> Result<(), Failure> {
    let Unlocked { key, held, daemon, .. } = done;
    let until = done.until.as_deref().unwrap_or("then");
    let let_go = format!("{key} is let go until {until}");
    let told = match (ui.format(), held) {
        (Format::Json, _) => ui.json(done),
        (Format::Text, true) => ui.result(&format!("{let_go}\n")),
        (Format::Text, false) => {
            ui.result(&format!("nothing holds {key}: this host's baseline does not set it\n"))
        }
    };
    told.map_err(|failure| failure.after(&let_go))?;
    ui.hint(&match (held, daemon) {
        (false, _) => {
            format!("Should it do so before {until}, it is let go: that stands in {HOLDS}.")
        }
        (true, true) => format!("It stands in {HOLDS}; the daemon takes it back by itself."),
        (true, false) => {
            format!("It stands in {HOLDS}; no daemon runs, so nobody takes it back until one does.")
        }
    });
    Ok(())
}

/// Whether anything holds the parameter, or may: by itself, by its other half or another name.
fn is_held(cli: &Cli, boot_id: &str, key: &Key, halves: &[Key]) -> bool {
    let named = |name: &String| halves.iter().any(|key| key.to_string() == *name);
    let watch = presence::find(&cli.root, boot_id).filter(|watch| watch.running || watch.pinned);
    // What a daemon holds may be older than what lies on disk.
    if watch.is_some_and(|w| w.refused.is_some() || w.prevented.iter().any(named)) {
        return true;
    }
    if !host::has_baseline(cli) {
        return host::no_orphan(cli, boot_id).is_err();
    }
    let names: Vec<Key> = halves.iter().cloned().chain(catalogue::other_name(key)).collect();
    host::load(cli, None, true).map_or(true, |loaded| loaded.may_set(&names))
}

/// Whoever became root, where sudo says so.
fn who() -> String {
    let user = std::env::var("SUDO_USER").unwrap_or_else(|_| "root".into());
    format!("{user}, by `tunectl unlock`")
}
