//! Statuses, causes and notes in words: the one place where they become text.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::baseline::{DesiredSet, Exception};
use crate::bootview::{Loader, Problem, ProblemKind, dropin};
use crate::catalogue::{Hazard, Scope, is_secret};
use crate::diagnostic::Position;
use crate::diff::{BootStatus, Cause, LiveStatus, RefusedLine};
use crate::key::{Key, Pattern, swap_separators};
use crate::observed::Errno;
use crate::plan::{DropinOutcome, Foreign, Item, Note, Plan};

use super::errno::errno_text;
use super::plan::VALUE_WIDTH;
use super::style::{cut, harmless};
use super::{besides, dirty, secret};

/// Said of a count: the loader leaves them not as required.
pub const BY_UNIT: &str = "corrected at boot by tunectl-boot alone";
/// Said of a drop-in that was written for the baseline as it is, and says something else.
pub const ALTERED: &str = "/etc/sysctl.d/99-tunectl.conf is not what tunectl writes for this \
                           baseline (edited since?): an apply writes it anew";
/// Of a host whose whole baseline was rolled back.
pub const NOTHING_HELD: &str = "nothing is held; `tunectl apply` takes it back, removing \
                                /etc/tunectl/baseline.yaml ends it";
/// Behind what the loader leaves, where that is so.
pub const THEN_CORRECTED: &str = "; tunectl-boot then corrects it";

/// A time as it is shown, to the second: `2026-11-24 14:03:22Z`.
pub fn moment(time: &str) -> String {
    let parts =
        time.split_once('T').and_then(|(date, rest)| Some((date, rest.split_at_checked(8)?)));
    harmless(&match parts {
        Some((date, (time, _))) => format!("{date} {time}Z"),
        None => time.to_owned(),
    })
}

/// The status as scripts know it.
pub fn live_status(status: LiveStatus) -> &'static str {
    match status {
        LiveStatus::InSync => "in_sync",
        LiveStatus::Differs => "differs",
        LiveStatus::Pending => "pending",
        LiveStatus::Absent => "absent",
        LiveStatus::Unreadable => "unreadable",
        LiveStatus::ReadOnly => "read_only",
        LiveStatus::KernelKeeps => "kernel_keeps",
    }
}

/// The status as scripts know it.
pub fn boot_status(status: BootStatus) -> &'static str {
    match status {
        BootStatus::Same => "same",
        BootStatus::Unset => "unset",
        BootStatus::Overridden => "overridden",
        BootStatus::Differs => "differs",
        BootStatus::Unknown => "unknown",
    }
}

/// What keeps a parameter from being set in the running kernel, in a word or two.
pub fn out_of_reach(status: LiveStatus) -> Option<&'static str> {
    match status {
        LiveStatus::Absent => Some("absent"),
        LiveStatus::Unreadable => Some("unreadable"),
        LiveStatus::ReadOnly => Some("read-only"),
        LiveStatus::KernelKeeps => Some("kept by the kernel"),
        LiveStatus::InSync | LiveStatus::Differs | LiveStatus::Pending => None,
    }
}

/// That an apply leaves some out and does the rest; `None` where it leaves none out.
pub fn left_out(plan: &Plan) -> Option<String> {
    // What root alone may read root can set, most likely.
    let left_out: Vec<&Item> = plan.left_out().filter(|item| !item.is_denied()).collect();
    if left_out.is_empty() {
        return None;
    }
    let kinds: BTreeSet<&str> =
        left_out.iter().filter_map(|item| out_of_reach(item.live_status)).collect();
    let optional = if left_out.iter().any(|item| item.live_status == LiveStatus::Absent) {
        "; say `optional: true` where a kernel may lack it"
    } else {
        ""
    };
    Some(format!(
        "{} of these cannot be set here ({}): an apply sets the others and ends with 1{optional}",
        left_out.len(),
        kinds.into_iter().collect::<Vec<_>>().join(", ")
    ))
}

/// Why it is not known what the next boot sets, with the line of the file that was not read.
pub fn unknown_boot(source: &str) -> String {
    let file = source.split(':').next().unwrap_or(source);
    format!("what the next boot sets is not known: {file} could not be looked into")
}

/// That not all that a pattern matches is known.
pub fn not_listed(pattern: &Pattern, errno: Errno) -> String {
    format!("what {pattern} matches cannot be listed: {}", errno_text(errno))
}

/// Whether the reason is the same for every parameter that it concerns.
pub fn is_of_host(item: &Item) -> bool {
    item.is_denied() || matches!(item.cause, Some(Cause::OtherNamespace | Cause::ReadOnlyMount))
}

/// Why a parameter cannot be brought in sync, or not yet.
pub fn cause(item: &Item) -> Option<String> {
    let key = &item.desired.key;
    let text = match item.cause.as_ref()? {
        Cause::ModuleNotLoaded(module) => format!(
            "comes with the module {module}, which is not loaded: `modprobe {module}`, then apply again"
        ),
        Cause::NoInterface(name) => format!("there is no interface {name} yet"),
        Cause::NewerKernel(since) => format!("this kernel is too old: it came with {since}"),
        Cause::RemovedIn(until) => format!("this kernel no longer has it: removed in {until}"),
        Cause::OtherNamespace if item.desired.known.is_some_and(|p| p.scope() != Scope::Host) => {
            "not in this network namespace: on this kernel it is the host's own alone, or left out of \
             its build"
                .into()
        }
        Cause::OtherNamespace => {
            "exists in the host's own network namespace only; this looks like another one".into()
        }
        Cause::Unknown(Some(near)) => format!("no such parameter; did you mean {near}?"),
        Cause::Unknown(None) => {
            "no such parameter on this kernel; if a module brings it, say `module: NAME`".into()
        }
        Cause::ReadRefused(errno) if errno.is_denial() => {
            "only root may read it: run the plan as root to see it".into()
        }
        Cause::ReadRefused(Errno::ELOOP) => {
            "something is mounted over it: what stands there is not the kernel's".into()
        }
        Cause::ReadRefused(errno) => format!("cannot be read: {}", errno_text(*errno)),
        Cause::WriteOnly => "can be written and not read, so it cannot be held".into(),
        Cause::NoWriteBit => "the kernel lets nobody write it here".into(),
        Cause::ReadOnlyMount => {
            "/proc/sys is mounted read-only here (a container?): set it on the host".into()
        }
        Cause::HugePageFloor(floor) => format!(
            "the kernel keeps at least {floor} kB for transparent huge pages (khugepaged raises \
             it): ask for {floor} or more, or switch transparent huge pages off"
        ),
        Cause::FewerFields(fields) => {
            let fields = counted(*fields, "number");
            format!("{key} has {fields} on this kernel; it would drop the others")
        }
        Cause::Latched => {
            "latched until the next boot: the kernel does not take back what it has".into()
        }
        Cause::NotEnoughMemory => "that many huge pages are more than the RAM of this host".into(),
    };
    Some(text)
}

/// What sets right whatever other files override, where it does not yet.
pub fn remedy(plan: &Plan) -> Option<&'static str> {
    let overridden = |item: &Item| item.boot_status == BootStatus::Overridden && item.is_held();
    let helps = !plan.boot_unit && plan.loader == Loader::Systemd;
    (helps && plan.items.iter().any(overridden)).then_some(
        "overridden at boot: change the lines named above, or have tunectl-boot correct it: \
         `systemctl enable tunectl-boot`",
    )
}

fn overridden(key: &Key, source: &Position, value: &str, by: Option<&str>) -> String {
    let value = secret::shown(key, value);
    let sets = match by {
        Some(other) => {
            format!("{source} sets {}, which leaves {value} here", swap_separators(other))
        }
        None => format!("{source} sets {value}"),
    };
    if *source.file == *dropin::PATH {
        format!("{sets}: the baseline asks both for what cannot be together")
    } else {
        format!("{sets} and is read after {}: change or remove that line", dropin::PATH)
    }
}

/// Which line sets the same variable by its other name.
fn other_name(source: &Position, name: &str) -> String {
    let sets =
        format!("{source} sets {}, which is the same in another unit", swap_separators(name));
    if *source.file == *dropin::PATH {
        format!("{sets}: the baseline asks both for what is one variable")
    } else {
        format!(
            "{sets}, and is read after {}: what it leaves here is not known; change or remove that line",
            dropin::PATH
        )
    }
}

/// What a file in /run brings about in this boot alone.
fn until_reboot(what: &str, file: &str) -> String {
    format!("{what} until a reboot, which finds {file} gone unless something writes it anew")
}

/// Which file in /run hides in this boot alone the one that the next boot goes by.
fn hidden(by: &str) -> String {
    until_reboot(&format!("that file is hidden by {}", harmless(by)), "that one")
}

/// A remark on a parameter in a sentence.
pub fn note(key: &Key, note: &Note) -> String {
    match note {
        Note::ZeroesHalf { half, now } => {
            format!("sets {half} to 0 (now {now}): the two are one setting")
        }
        Note::AlsoSets(effect) => besides::also_sets(key, *effect),
        Note::BackgroundHalved { background, limit, share_bytes } => {
            dirty::background_halved(background, limit, *share_bytes)
        }
        Note::BelowHugePageFloor { floor_kb } => format!(
            "below {floor_kb} kB, which khugepaged insists on: the kernel will raise it when \
             transparent huge pages are switched or memory is added"
        ),
        Note::Partial { asked, fields } => {
            format!("asks for the first {asked} of {fields} numbers; the others stay as they are")
        }
        Note::Hazard(hazard) => hazard_text(*hazard).to_owned(),
        Note::StopsForwarding => {
            "this host forwards now: containers, virtual machines and VPNs behind it lose their network"
                .to_owned()
        }
        Note::AboveLimit { other, at_most } => {
            format!("newer kernels take no value above that of {other} ({at_most})")
        }
        Note::ReadsBack(why) => format!("reads back differently: {why}"),
        Note::Owners(names) => format!("also set by: {}", names.join(", ")),
        Note::OtherLoader { loader, value, source } => {
            other_loader(key, *loader, value.as_deref(), source.as_ref())
        }
        Note::RefusedLine(line) => refused_line(key, line),
        Note::LeftToKernel { now } => format!(
            "the kernel makes it at each boot to fit the machine, {now} today, which satisfies the \
             bound: nothing is persisted"
        ),
        Note::ZeroedAtBoot { source } => {
            format!("{source} sets the other half later at boot, which sets this one to 0")
        }
        Note::OverriddenBy { source, value, by } => overridden(key, source, value, by.as_deref()),
        Note::UnseenAtBoot { source } => {
            format!("{} could not be looked into and may say otherwise", source.file)
        }
        Note::SetByOtherName { source, name } => other_name(source, name),
        Note::UntilReboot { source, value } => {
            until_reboot(&format!("{source} sets {}", secret::shown(key, value)), "that file")
        }
        Note::HiddenUntilReboot { by } => hidden(by),
        Note::ExcludedAtBoot { source } => format!(
            "{source} keeps the boot from setting it, wherever that line stands: change or remove it"
        ),
        Note::MayReach { spared } => {
            let names: Vec<String> = spared.iter().map(ToString::to_string).collect();
            format!(
                "a write also reaches {}, while it has no address and nobody has set that",
                names.join(", ")
            )
        }
        Note::NeverUnset => "it is not set yet, and nothing but a reboot unsets it".to_owned(),
        Note::ReserveTooSmall => {
            "with less than 1024 kB kept free the kernel may deadlock under load".to_owned()
        }
        Note::NotLoaded { name, list, known } => not_loaded(name, list, known),
        Note::NotAllowedHere { name, list, allowed } => not_allowed(name, list, allowed),
        Note::PutRightAtBoot => {
            "tunectl-boot sets it right after that, before the services start".to_owned()
        }
        Note::ModuleMayBeLate { module } => format!(
            "the next boot sets it only where {} is loaded before systemd-sysctl runs: enable \
             tunectl-boot.service, or name the module in /etc/modules-load.d",
            harmless(module)
        ),
        Note::NumberOfToday => {
            "persisted as this number: enable tunectl-boot.service to have it follow the RAM of \
             each boot"
                .to_owned()
        }
        Note::Ramped { steps, by_kb } => format!(
            "raised in {steps} steps of {by_kb} kB, memory being watched between them: where it gets short, all \
             goes back to before"
        ),
        Note::WrittenAgain => "written again: another write of this plan changes it".to_owned(),
        Note::SecretPersisted => {
            "the drop-in is for root alone to read, as it has this value".to_owned()
        }
        Note::LetGo { by, until, reason } => format!(
            "let go until {until} by {} ({}): an apply sets it all the same",
            harmless(by),
            harmless(reason)
        ),
        Note::Unreached { pattern, asked, at, named } => {
            let asked = asked.as_deref().map_or("null", |asked| secret::shown(key, asked));
            unreached(&format!("{at}: {pattern}: {}", cut(asked, VALUE_WIDTH)), named)
        }
        Note::RolledBack => {
            "rolled back: the boot unit and the daemon leave it alone until the next `tunectl \
             apply`, which takes it back"
                .to_owned()
        }
        Note::UnknownBits(bits) => format!("the kernel gives the bits {bits:#x} no meaning"),
    }
}

/// What the loader that this host does not boot with would do.
fn other_loader(
    key: &Key,
    loader: Loader,
    value: Option<&str>,
    source: Option<&Position>,
) -> String {
    match (value, source) {
        (Some(value), Some(source)) => {
            format!("{loader} would set {} ({source})", secret::shown(key, value))
        }
        (None, Some(source)) => {
            format!("{loader} would set it by its other name ({source}), to what is not known")
        }
        _ => format!("{loader} would not set it"),
    }
}

/// That a pattern in a layer above yields to the key that one below names.
fn unreached(pattern: &str, named: &Position) -> String {
    format!("{pattern} does not reach this, which {named} names: name the key to override it")
}

/// That the kernel does not know a name now, and what it does with such a one.
fn not_loaded(name: &str, list: &Key, known: &str) -> String {
    // Only of a congestion control the kernel looks for a module.
    let then = match list.leaf() {
        "tcp_available_congestion_control" => {
            "the kernel loads its module at the write, or refuses the name"
        }
        _ => "the kernel refuses a name that it does not know",
    };
    format!("{name:?} is not in {list} ({known}): {then}")
}

/// That the kernel refuses a name in this network namespace, and what would let it through.
fn not_allowed(name: &str, list: &Key, allowed: &str) -> String {
    format!(
        "{name:?} is not in {list} ({allowed}), and this is not the host's own network namespace: \
         the kernel refuses it here until the host adds it to that list"
    )
}

/// Whether a remark deserves attention rather than being for information.
pub fn is_warning(note: &Note) -> bool {
    !matches!(note, Note::ReadsBack(_) | Note::Owners(_) | Note::NumberOfToday | Note::RolledBack)
}

fn hazard_text(hazard: Hazard) -> &'static str {
    match hazard {
        Hazard::MinFree => "too much reserved memory stops the machine at once",
        Hazard::OvercommitStrict => {
            "strict overcommit: where more is committed than the limit allows, nothing new starts"
        }
        Hazard::ExecutesCode => "its value leads to a program that runs as root",
        Hazard::OneWay => "cannot be taken back without a reboot",
        Hazard::CutsNetwork => "a wrong value here can cut off remote sessions",
        Hazard::TakesMemory => "takes memory away from everything else at once",
        Hazard::Starves => "below what is in use, new work is refused",
    }
}

/// What is worth knowing of a baseline on this host, a line each: the waivers that have ended, and
/// those that will soon; what its patterns cannot name.
pub fn remarks(set: &DesiredSet) -> Vec<String> {
    let ended = set.expired_waivers.iter().map(|waiver| {
        let Exception { selector, until, reason, .. } = waiver;
        format!("the waiver of {selector} ended on {until} ({reason}): it counts again")
    });
    let ending = set.ending_waivers.iter().map(|(waiver, days)| {
        let Exception { selector, until, reason, .. } = waiver;
        let when = match days {
            0 => "today".to_owned(),
            1 => format!("tomorrow, on {until}"),
            days => format!("in {days} days, on {until}"),
        };
        format!("the waiver of {selector} ends {when} ({reason}): after that it counts again")
    });
    let unnamed = set.patterns.iter().filter_map(|pattern| {
        let first = harmless(pattern.unnamed.first()?);
        let (pattern, what) = match pattern.unnamed.len() {
            1 => (&pattern.pattern, "1 parameter".to_owned()),
            count => (&pattern.pattern, format!("{count} parameters, the first of them")),
        };
        Some(format!(
            "{pattern} matches {what} (/proc/sys/{first}) whose name no key can have: left alone"
        ))
    });
    ended.chain(ending).chain(unnamed).collect()
}

fn refused_line(key: &Key, line: &RefusedLine) -> String {
    let RefusedLine { source, value, in_part, beside } = line;
    let value = if is_secret(key) { secret::SECRET.into() } else { format!("{value:?}") };
    let why = match beside {
        Some((other, number)) => {
            format!(" beside {other} = {number}, as it is by then")
        }
        None if *in_part => " but for the numbers before the one at fault".to_owned(),
        None => String::new(),
    };
    format!("{source} sets {value}, which the kernel refuses{why}")
}

/// What a loader does not carry out as it stands; a file that only this user cannot read is none
/// of the loader's problems.
pub fn problem(problem: &Problem) -> String {
    if is_unreadable_here(problem) {
        let file = &problem.source.file;
        return format!(
            "this user cannot read {file}: the next-boot column may be wrong; run as root"
        );
    }
    secret::problem(problem)
}

/// Whether the loader, which is root, can read what this user cannot.
pub fn is_unreadable_here(problem: &Problem) -> bool {
    matches!(problem.what, ProblemKind::Unreadable(errno) if errno.is_denial())
}

/// What became of a file of ours, as scripts know it.
pub fn file_outcome(outcome: &DropinOutcome) -> &'static str {
    match outcome {
        DropinOutcome::Unchanged => "unchanged",
        DropinOutcome::Written => "written",
        DropinOutcome::NotAsked => "not_asked",
        DropinOutcome::OnTrial => "on_trial",
        DropinOutcome::LeftAlone => "left_alone",
        DropinOutcome::Failed(_) => "failed",
    }
}

/// Why a file of ours cannot be written.
pub fn foreign(foreign: Foreign, path: &str) -> String {
    let what = match foreign {
        Foreign::Unread => {
            "cannot be read by this user, so it may be somebody else's: move it away"
        }
        Foreign::File => "exists and was not written by tunectl: move it away",
        Foreign::Link => "is a symbolic link, through which tunectl does not write: remove it",
        Foreign::Other => "is not a regular file: remove it",
        Foreign::Unreadable(errno) => {
            let why = errno_text(errno);
            return format!(
                "{path} cannot be read: {why}. Whether it is tunectl's cannot be told: look at it, and \
                 move it away, or use --live-only"
            );
        }
    };
    format!("{path} {what}, or use --live-only")
}

/// So many of them: `1 parameter`, `2 parameters`.
pub fn counted<N: Copy + Display + PartialEq + From<u8>>(n: N, what: &str) -> String {
    let s = if n == N::from(1) { "" } else { "s" };
    format!("{n} {what}{s}")
}
