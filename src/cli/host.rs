//! Looks at a host: facts, the baseline, parameters and files, up to the finished plan.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;

use crate::baseline::{self, Desired, DesiredSet, FactName, Layers};
use crate::catalogue::{self, Kind, Parameter};
use crate::diagnostic::{Diagnostic, Position};
use crate::key::{Key, Pattern, Selector};
use crate::observed::{
    ConfTree, Errno, Facts, Originals, Reading, Released, Snapshot, UsageNeeded, Virtualization,
};
use crate::persist::conf::read_conf_tree;
use crate::persist::holds::{Holds, UNLOCKED};
use crate::persist::{originals, presence};
use crate::plan::{self, Observed, Plan};
use crate::probe::{self, Fact};
use crate::procsys::{Kernel, ProcSys};
use crate::sources::{SourceError, Sources};
use crate::value::Unit;
use crate::watch::clock;

use super::args::{Asked, Cli};
use super::failure::Failure;
pub use super::loaded::{Loaded, has_baseline, is_baseline, load, misnamed};
use super::missed::Missed;
use super::ui::Ui;

/// A host that was looked at.
pub struct Host {
    /// Its kernel.
    pub kernel: ProcSys,
    /// Its facts, or those that are played.
    pub facts: Facts,
    /// Whether those are played, so that nothing is judged by what is in use here.
    played: bool,
    /// What was read so far.
    seen: RefCell<Snapshot>,
    /// What could not be looked at.
    pub missed: Missed,
}

impl Host {
    /// Looks at a parameter, unless it was looked at before.
    fn look(&self, key: &Key) {
        if self.seen.borrow().get(key).is_none() {
            // A played kernel has not all that this one has.
            let lacks = |known: Parameter| !known.exists_on(self.facts.kernel);
            let reading = if self.played && catalogue::lookup(key).is_some_and(lacks) {
                Reading::missing(Errno::ENOENT)
            } else {
                self.kernel.read(key)
            };
            self.seen.borrow_mut().insert(key.clone(), reading);
        }
    }

    /// Forgets what was read: the next look is a new one.
    pub fn forget(&self) {
        self.seen.replace(Snapshot::default());
        self.missed.forget();
    }

    /// Looks at all matches of patterns that are given as globs.
    fn look_at_all(&self, globs: &[&str]) {
        for glob in globs {
            let Ok(Selector::Pattern(pattern)) = Selector::parse(glob) else { continue };
            self.existing(&pattern).iter().for_each(|key| self.look(key));
        }
    }

    /// What exists of what a pattern matches.
    fn existing(&self, pattern: &Pattern) -> Vec<Key> {
        let found = self.kernel.matches(pattern);
        if let Some(errno) = found.unseen {
            self.missed.matches(pattern, errno);
        }
        found.keys
    }

    /// Looks at what is given back, and at what matters to that.
    fn look_to_return(&self, keys: &[Key]) {
        let (also, globs) = plan::also_needed_to_return(keys);
        keys.iter().chain(&also).for_each(|key| self.look(key));
        self.look_at_all(&globs);
    }

    /// What is remembered of the time before; `None` where it cannot be read.
    fn originals(&self, cli: &Cli) -> Option<Originals> {
        let read = originals::read(&cli.root, &|| self.boot_id(cli).into_owned());
        read.map_err(|error| self.missed.note(error.to_string())).ok()
    }

    /// What is let go; `None` where it cannot be read.
    fn holds(&self, cli: &Cli) -> Option<Holds> {
        if !Holds::exist(&cli.root) {
            return Some(Holds::default());
        }
        let read = Holds::read(&cli.root, &self.boot_id(cli));
        read.map_err(|error| self.missed.holds(error.to_string())).ok()
    }

    /// The boot, which not every run needs to know.
    fn boot_id(&self, cli: &Cli) -> Cow<'_, str> {
        if !self.facts.boot_id.is_empty() {
            return Cow::Borrowed(&self.facts.boot_id);
        }
        let facts = probe::probe_for(&cli.root, &[Fact::BootId]);
        facts.map_or(Cow::Borrowed(""), |facts| Cow::Owned(facts.boot_id))
    }

    /// What exists of what the patterns of our files match.
    fn matches(&self, conf: &ConfTree) -> Vec<Key> {
        let patterns = plan::own_patterns(conf);
        patterns.iter().flat_map(|pattern| self.existing(pattern)).collect()
    }

    /// The facts with what is in use, where something is judged by it.
    fn with_usage(&self, cli: &Cli, needed: UsageNeeded) -> Cow<'_, Facts> {
        if self.played || needed == UsageNeeded::default() {
            return Cow::Borrowed(&self.facts);
        }
        let usage = probe::usage(&cli.root, needed);
        Cow::Owned(Facts { usage, ..self.facts.clone() })
    }

    /// Those with what the boot can and has, where it matters to what is desired.
    fn with_boot<'f>(
        &self,
        cli: &Cli,
        facts: Cow<'f, Facts>,
        (patterns, modules): (bool, bool),
    ) -> Cow<'f, Facts> {
        if self.played || !facts.systemd || !(patterns || modules) {
            return facts;
        }
        let mut facts = facts.into_owned();
        if patterns {
            facts.loader_patterns = probe::loader_patterns(&cli.root);
        }
        if modules && !facts.boot_unit {
            facts.early_modules = probe::early_modules(&cli.root, &facts.kernel_release);
        }
        Cow::Owned(facts)
    }

    fn exists(&self, key: &Key) -> bool {
        self.look(key);
        self.seen.borrow().get(key).is_some_and(Reading::exists)
    }
}

/// Opens the kernel's parameters and gathers facts.
///
/// # Errors
/// /proc/sys cannot be opened, or facts that every plan needs are missing.
pub fn open(cli: &Cli, wanted: &[Fact]) -> Result<Host, Failure> {
    let kernel = ProcSys::open(&cli.root).map_err(|e| Failure::new(e.to_string()))?;
    let facts = probe::probe_for(&cli.root, wanted).map_err(|e| Failure::new(e.to_string()))?;
    let (seen, missed) = (RefCell::default(), Missed::default());
    Ok(Host { kernel, facts, played: false, seen, missed })
}

/// The facts that a run uses: all where all are shown, else those that the baseline depends on.
pub fn wanted_facts(cli: &Cli, loaded: &Loaded) -> Vec<Fact> {
    if cli.verbose > 0 || cli.format != Asked::Text {
        return Fact::ALL.to_vec();
    }
    let layers = &loaded.layers;
    let conditions = layers.conditions().filter_map(|condition| match condition {
        FactName::NumaNodes => Some(Fact::NumaNodes),
        FactName::Virtualization => Some(Fact::Virtualization),
        FactName::Ram | FactName::Kernel | FactName::Hostname => None,
    });
    // What is persisted where depends on the boot unit.
    let mut wanted: Vec<Fact> = [Fact::BootUnit].into_iter().chain(conditions).collect();
    wanted.extend(layers.have_waivers().then_some(Fact::Today));
    let reserve = Key::from_path("vm/min_free_kbytes");
    for selector in layers.selectors() {
        if reserve.as_ref().is_ok_and(|key| selector.covers(key)) {
            wanted.push(Fact::Reserve);
        }
        if counts_huge_pages(selector) {
            wanted.push(Fact::HugePages);
        }
    }
    wanted
}

/// Whether a selector names a parameter whose numbers are huge pages.
fn counts_huge_pages(selector: &Selector) -> bool {
    let counts = |p: Parameter| p.unit() == Unit::HugePages;
    match selector {
        Selector::Key(key) => {
            key.as_path() == NR_HUGEPAGES || catalogue::lookup(key).is_some_and(counts)
        }
        Selector::Pattern(pattern) => catalogue::all()
            .filter(|p| counts(*p))
            .map(Parameter::key)
            .chain([NR_HUGEPAGES])
            .any(|path| Key::from_path(path).is_ok_and(|key| pattern.matches(&key))),
    }
}

/// Its bounds are judged whether or not the catalogue describes it.
const NR_HUGEPAGES: &str = "vm/nr_hugepages";

/// Replaces facts by those of a file; warns of those that a condition of the baseline asks for and
/// that it does not give.
///
/// # Errors
/// The file cannot be read, or every problem in it.
pub fn play(host: Host, path: &Path, layers: &Layers, ui: &Ui) -> Result<Host, Failure> {
    let reader = Sources { root: "/".into(), max_bytes: baseline::MAX_BYTES, strict_owner: false };
    let name = path.display().to_string();
    let file = reader.read(&name).map_err(|e| Failure::new(e.to_string()))?;
    if file.is_secret(&probe::FACTS) {
        return Err(Failure::new(SourceError::Secret(name, "file of facts").to_string()));
    }
    let played = probe::facts_from_yaml(&name, &file.text, &host.facts).map_err(|problems| {
        let source =
            crate::diagnostic::Source { name: name.clone(), text: file.text.clone().into() };
        let message = count("the facts in", &name, problems.len(), None);
        Failure::new(message).with(problems, vec![source])
    })?;
    let facts = played.facts;
    for fact in layers.conditions().collect::<BTreeSet<_>>() {
        let (field, here) = asked(fact, &facts);
        if played.unsaid.contains(&field) {
            ui.warning(&format!("{name} does not say {field}: this machine's, {here}, counts"));
        }
    }
    Ok(Host { facts, played: true, ..host })
}

/// The field of a facts file that a condition asks for, and what the facts say of it.
fn asked(fact: FactName, facts: &Facts) -> (&'static str, Cow<'_, str>) {
    match fact {
        FactName::Ram => ("mem_total", format!("{} kB", facts.mem_total_kb).into()),
        FactName::NumaNodes => ("numa_nodes", facts.numa_nodes.len().max(1).to_string().into()),
        FactName::Kernel => ("kernel", facts.kernel_release.as_str().into()),
        FactName::Hostname => ("hostname", facts.hostname.as_str().into()),
        FactName::Virtualization => {
            let here = match &facts.virtualization {
                runs @ (Virtualization::Vm(name) | Virtualization::Container(name)) => {
                    format!("{} ({name})", runs.kind()).into()
                }
                other => other.name().into(),
            };
            ("virtualization", here)
        }
    }
}

fn count(what: &str, name: &str, problems: usize, place: Option<&str>) -> String {
    let problems = crate::report::counted(problems, "problem");
    let place = place.map_or(String::new(), |place| format!(" in {place}"));
    format!("{what} {name} cannot be used: {problems}{place}; nothing was changed")
}

/// The one file that all errors are in, where that is a layer.
fn broken_layer<'a>(problems: &[Diagnostic], layers: &'a Layers) -> Option<&'a str> {
    let mut sources = problems.iter().filter(|p| p.is_error()).map(|p| Some(p.span?.source));
    let first = sources.next()??;
    let alone = layers.tops.first() != Some(&first) && sources.all(|source| source == Some(first));
    alone.then(|| layers.sources[first].name.as_str())
}

/// Most problems that are shown at once: what a generated file gets wrong it gets wrong in every
/// line.
const SHOWN: usize = 50;

/// Resolves a loaded baseline on the host; warnings go to the ui.
///
/// # Errors
/// Every problem of every file, each with its place.
pub fn resolve(loaded: Loaded, host: &Host, ui: &Ui) -> Result<DesiredSet, Failure> {
    let Loaded { name, layers, mut problems, private, .. } = loaded;
    let (set, more) = baseline::resolve(
        &layers,
        &baseline::Host {
            facts: &host.facts,
            expand: &|pattern: &Pattern| host.kernel.matches(pattern),
            exists: &|key: &Key| host.exists(key),
        },
    );
    problems.extend(more);
    let errors = problems.iter().filter(|p| p.is_error()).count();
    let layer = broken_layer(&problems, &layers);
    let beyond = problems.len().saturating_sub(SHOWN);
    // Errors stop the run: no number of warnings before them may hide one.
    problems.sort_by_key(|p| (!p.is_error(), p.span.map(|s| (s.source, s.start))));
    problems.truncate(SHOWN);
    problems.sort_by_key(|p| p.span.map(|s| (s.source, s.start)));
    if errors > 0 {
        let mut message = count("the baseline", &name, errors, layer);
        if beyond > 0 {
            message = format!("{message} (the first {SHOWN} are shown)");
        }
        return Err(Failure::new(message).with(problems, layers.sources));
    }
    ui.diagnostics(&problems, &layers.sources);
    for desired in open_secrets(&set, &private) {
        // Not its line, which has the secret.
        let place = Position::of(desired.origin, &set.sources);
        let key = &desired.key;
        ui.warning(&format!("{key} is a secret, and others can read {place}: chmod o-r that file"));
    }
    if ui.layout().verbose {
        for (block, unmet) in &set.left_out {
            let place = Position::of(*block, &set.sources);
            ui.hint(&format!("The `when` block at {place} does not hold here: {unmet}."));
        }
    }
    if beyond > 0 {
        ui.warning(&format!("{beyond} more of the baseline {name} (the first {SHOWN} are shown)"));
    }
    Ok(set)
}

/// Secrets that stand in files which others can read, once where a pattern means many.
fn open_secrets<'a>(set: &'a DesiredSet, private: &[String]) -> Vec<&'a Desired> {
    let is_open = |desired: &&Desired| {
        let file = set.sources.get(desired.origin.source).map(|source| &source.name);
        desired.known.is_some_and(|known| known.kind() == Kind::Secret)
            && file.is_some_and(|file| !private.contains(file))
    };
    let mut secrets: Vec<_> = set.parameters.iter().filter(is_open).collect();
    secrets.sort_by_key(|desired| desired.origin);
    secrets.dedup_by_key(|desired| desired.origin);
    secrets
}

/// Who is to carry a plan out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// An explicit apply: what is desired no longer is given back.
    Apply,
    /// Nobody: it is shown what an explicit apply would do.
    Nobody,
    /// An apply of live values only, or a look by another baseline than the host's own: nothing is
    /// given back.
    LiveOnly,
    /// The boot unit or the daemon: besides, what was rolled back is left alone.
    Unit,
}

/// A daemon that goes on with a baseline of which nothing is left on disk.
///
/// # Errors
/// There is one.
pub fn no_orphan(cli: &Cli, boot_id: &str) -> Result<(), Failure> {
    match presence::find(&cli.root, boot_id).filter(|watch| watch.running && watch.held > 0) {
        None => Ok(()),
        Some(watch) => Err(Failure::new(format!(
            "this host has no baseline, and the daemon still holds {} (parameters: {})",
            watch.baseline, watch.held
        ))
        .help("give it one: tunectl apply -b NAME; or end the daemon: systemctl stop tunectl")),
    }
}

/// Reads what the plan needs and makes it.
pub fn plan(cli: &Cli, host: &Host, set: DesiredSet, by: By) -> Plan {
    let conf = read_conf_tree(&cli.root);
    let known = if host.played { Some(Originals::NONE) } else { host.originals(cli) };
    // What cannot be read is left as it is.
    let remembers = by != By::Nobody && known.is_some();
    let originals = known.unwrap_or_default();
    let holds = if host.played { None } else { host.holds(cli) };
    let mut released = holds.as_ref().map(Holds::released).unwrap_or_default();
    released.all |= host.missed.has_holds();
    let none = Released::NONE;
    let unplanned = Snapshot::default();
    let mut observed = Observed::new(&host.facts, &unplanned, &conf);
    observed.originals = &originals;
    observed.released = if by == By::Unit { &released } else { &none };
    observed.gives_back = matches!(by, By::Apply | By::Nobody) && !host.played;
    observed.remembers = remembers;
    let mut given_back = Vec::new();
    if observed.gives_back {
        let held = |key: &Key| set.get(key).is_some();
        let managed = plan::managed(&observed, &host.matches(&conf));
        let keys: BTreeSet<Key> = managed.into_iter().filter(|key| !held(key)).collect();
        given_back = plan::needed_to_return(&keys, &observed);
        observed.hides = !keys.is_empty() && originals::are_hidden(&cli.root);
    }
    if by == By::Unit {
        // What has gone with its interface is forgotten: on a host of containers that is many.
        let known = originals.since_boot(&host.facts.boot_id);
        known.filter(|key| set.get(key).is_none()).for_each(|key| host.look(key));
    }
    let (also, globs) = plan::also_needed(&set);
    for key in set.parameters.iter().map(|d| &d.key).chain(&also) {
        host.look(key);
    }
    host.look_at_all(&globs);
    host.look_to_return(&given_back);
    let snapshot = host.seen.borrow();
    let mut needed = plan::usage_needed(&set, &snapshot);
    if !given_back.is_empty() {
        needed = needed.and(plan::usage_of(&given_back));
    }
    let facts = host.with_boot(cli, host.with_usage(cli, needed), plan::asks_of_boot(&set));
    observed.facts = &facts;
    observed.snapshot = &snapshot;
    let mut plan = plan::plan(set, &observed);
    if cli.verbose > 0 && cli.format == Asked::Text {
        plan.name_beaten(&conf, &host.facts);
    }
    if plan.returned.iter().any(|one| one.verdict == plan::Fate::Hidden) {
        log::warn!(
            "what parameters were before tunectl is for root to see: run it as root to see what \
             comes back"
        );
    }
    if by != By::Unit && !released.is_none() {
        for item in plan.items.iter_mut().filter(|item| released.covers(&item.desired.key)) {
            item.notes.push(plan::Note::RolledBack);
        }
    }
    if let Some(holds) = holds.filter(|holds| by != By::Unit && !holds.holds.is_empty()) {
        let now = clock::since_boot();
        for item in plan.items.iter_mut().filter(|item| item.write) {
            let hold = holds.of(&item.desired.key, now).filter(|hold| hold.kind == UNLOCKED);
            item.notes.extend(hold.map(|hold| plan::Note::LetGo {
                by: hold.by.clone(),
                until: hold.until.clone().unwrap_or_default(),
                reason: hold.reason.clone().unwrap_or_default(),
            }));
        }
    }
    plan
}

/// Reads what the plan of a rollback needs and makes it.
///
/// # Errors
/// Something is named that tunectl has nothing to do with.
pub fn rollback(
    cli: &Cli,
    host: &Host,
    selected: &[Selector],
    allow: &[String],
) -> Result<Plan, Failure> {
    if originals::are_hidden(&cli.root) {
        return Err(Failure::new("only root may see what parameters were before tunectl"));
    }
    let conf = read_conf_tree(&cli.root);
    host.missed.files(&conf);
    let originals = host.originals(cli).unwrap_or_default();
    let unplanned = Snapshot::default();
    let mut observed = Observed::new(&host.facts, &unplanned, &conf);
    observed.originals = &originals;
    let managed = plan::managed(&observed, &host.matches(&conf));
    for selector in selected {
        if !managed.iter().any(|key| selector.covers(key)) {
            let known: Vec<String> = managed.iter().map(Key::to_string).collect();
            let near = crate::key::nearest(&selector.to_string(), known.iter().map(String::as_str))
                .map(|near| format!("did you mean {near}? "))
                .unwrap_or_default();
            let message = format!("tunectl has written nothing to {selector}");
            return Err(Failure::new(message).help(format!(
                "{near}`tunectl rollback --dry-run` shows all that would come back"
            )));
        }
    }
    let is_selected = |key: &&Key| selected.is_empty() || selected.iter().any(|s| s.covers(key));
    let keys = managed.iter().filter(is_selected).cloned().collect();
    let needed = plan::needed_to_return(&keys, &observed);
    // Whatever stays held is looked at, because a write may reach it.
    host.look_to_return(&managed.iter().chain(&needed).cloned().collect::<Vec<_>>());
    let facts = host.with_usage(cli, plan::usage_of(&needed));
    let snapshot = host.seen.borrow();
    observed.facts = &facts;
    observed.snapshot = &snapshot;
    Ok(plan::rollback(selected, allow, &observed))
}
