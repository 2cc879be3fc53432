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

/// Lets a parameter go for a while.
///
/// # Errors
/// The key or the time makes no sense, this is not root, or the file of holds cannot be written.
#[inline(never)] // what it needs of the stack is no concern of other commands
pub fn run(cli: &Cli, args: &UnlockArgs, ui: &Ui) -> Result<Exit, Failure> {
    let key = Key::parse(&args.key).map_err(|e| Failure::new(format!("{}: {e}", args.key)))?;
    if args.time.is_zero() || args.time > LONGEST {
        return Err(Failure::new("--for takes from 1s to 7d").help(
            "what is to stay is written into the baseline: `on_drift: report`, or a waiver",
        ));
    }
    if args.reason.trim().is_empty() {
        return Err(Failure::new("--reason is empty: say why, whoever reads the record will ask"));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::new("only root can let a parameter go"));
    }
    let kernel = ProcSys::open(&cli.root).map_err(|error| Failure::new(error.to_string()))?;
    // One that is known may come with its interface or module.
    if !kernel.read(&key).exists() && catalogue::kind_of(&key).is_none() {
        let failure = Failure::new(format!("there is no parameter {key}: nothing was let go"));
        return Err(match nearest_known(&key) {
            Some(near) => failure.help(format!("did you mean {near}?")),
            None => failure,
        });
    }
    let boot_id = this_boot(cli)?;
    let place = below::resolve_parent(&cli.root, LOCK)
        .map_err(|error| Failure::new(format!("cannot find {LOCK}: {error}")))?;
    let _lock = Lock::take(&place, PATIENCE).map_err(|error| match error {
        LockError::Busy(_) => Failure::refused(error.to_string()).help("wait for it"),
        LockError::Failed { .. } => Failure::new(error.to_string()),
    })?;
    let since_boot = clock::since_boot();
    let until = SignedDuration::try_from(args.time)
        .ok()
        .and_then(|time| Timestamp::now().checked_add(time).ok())
        .map(|until| format!("{until:.0}"));
    damaged::set_aside(&cli.root);
    let stays = |error| Failure::new(format!("{key} stays held: {error}"));
    let mut holds = Holds::read(&cli.root, &boot_id).map_err(stays)?;
    let hold = Hold {
        kind: UNLOCKED.into(),
        by: who(),
        reason: Some(args.reason.trim().to_owned()),
        until: until.clone(),
        until_since_boot: Some((since_boot + args.time).as_secs()),
    };
    holds.holds.insert(key.to_string(), hold);
    holds.write(&cli.root, since_boot).map_err(stays)?;
    let half = catalogue::half_of(&key);
    let keys: Vec<Key> = std::iter::once(key.clone()).chain(half).collect();
    // Before it says that it is no longer prevented.
    let held = is_held(cli, &boot_id, &key, &keys);
    // A pinned program prevents also where no daemon runs, or one that hangs.
    if cli.root == Path::new("/") {
        bpf::let_go(&keys)
            .map_err(|error| Failure::new(format!("{key} stays prevented: {error}")))?;
        presence::no_longer_prevented(&cli.root, &keys);
    }
    let runs = presence::find(&cli.root, &boot_id).is_some_and(|watch| watch.running);
    tell(
        ui,
        &Unlocked {
            schema: UNLOCKED_SCHEMA.into(),
            key: key.to_string(),
            until,
            reason: args.reason.trim().to_owned(),
            held,
            daemon: runs,
        },
    )?;
    Ok(Exit::Done)
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
