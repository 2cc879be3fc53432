//! Resolves layers for one host: entries merged, patterns expanded, values computed, waivers applied.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hmac_sha256::Hash;

use crate::catalogue::{self, Hazard, Parameter};
use crate::diagnostic::Diagnostic;
use crate::key::{Key, Pattern, Selector, glob_matches};
use crate::observed::{Facts, Matches};
use crate::value::Shape;

use super::desired::{Desired, DesiredPattern, DesiredSet};
use super::interpret::{Interpreted, Interpreter};
use super::joint;
use super::layers::Layers;
use super::merge::{Chosen, Merged, merge};
use super::schema::{Terms, Text};
use super::spelling::{self, Speller};
use super::{elsewhere, exceptions, unreached, when};

/// What a resolution asks of the host's list of parameters.
pub struct Host<'a> {
    /// Facts.
    pub facts: &'a Facts,
    /// What exists and matches a pattern.
    pub expand: &'a dyn Fn(&Pattern) -> Matches,
    /// Whether a key exists.
    pub exists: &'a dyn Fn(&Key) -> bool,
}

/// Resolves `layers` for `host`.
///
/// The set is usable only if none of the diagnostics is an error.
pub fn resolve(layers: &Layers, host: &Host<'_>) -> (DesiredSet, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let merged = merge(layers, host.facts, &mut problems);
    let top = layers.tops.first().and_then(|t| layers.documents.get(*t));
    let mut set = DesiredSet {
        name: top.map(|d| d.name.clone()).unwrap_or_default(),
        description: top.map(|d| d.description.clone()).unwrap_or_default(),
        sha256: layers.sha256(),
        sources: layers.sources.clone(),
        excludes: merged.excludes.iter().map(|e| e.value.clone()).collect(),
        left_out: when::left_out(layers.documents.iter().flat_map(|d| &d.when), host.facts),
        ..DesiredSet::default()
    };
    set.excludes.sort();
    set.excludes.dedup();
    let mut speller = Speller::new(host.exists);
    let mut resolver = Resolver { host, speller: &mut speller, problems: &mut problems };
    resolver.parameters(layers, &merged, &mut set);
    for chosen in merged.actions.values() {
        match &chosen.entry.selector {
            Selector::Key(key) => {
                let desired = resolver.desired(key, chosen, None, true);
                set.actions.extend(desired.filter(|action| resolver.lets_through(action)));
            }
            Selector::Pattern(_) => resolver.problems.push(
                Diagnostic::error(chosen.entry.span, "an action names one key")
                    .help("write the key out"),
            ),
        }
    }
    elsewhere::check(layers, &merged, host, &mut speller, &mut problems);
    exceptions::check_exclusions(layers, &mut problems);
    exceptions::apply_waivers(layers, &merged, host.facts, &mut set, &mut problems);
    problems.sort_by_key(|p| (p.span.map(|s| (s.source, s.start)), p.message.clone()));
    problems.dedup();
    (set, problems)
}

/// SHA-256 over all pieces, one behind the other, in hexadecimal: for the texts of a baseline the
/// same as `cat FILE… | sha256sum` shows.
pub fn sha256<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Hash::new();
    for piece in pieces {
        hasher.update(piece);
    }
    hasher.finalize().iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

struct Resolver<'a, 'p> {
    host: &'a Host<'a>,
    speller: &'p mut Speller<'a>,
    problems: &'p mut Vec<Diagnostic>,
}

impl Resolver<'_, '_> {
    fn parameters(&mut self, layers: &Layers, merged: &Merged<'_>, set: &mut DesiredSet) {
        // In the order of their keys, as they are merged.
        let mut named: Vec<Desired> = Vec::with_capacity(merged.parameters.len());
        let mut patterns: Vec<(&Pattern, &Chosen<'_>)> = Vec::new();
        for (selector, chosen) in &merged.parameters {
            match selector {
                Selector::Key(key) => named.extend(self.desired(key, chosen, None, false)),
                Selector::Pattern(pattern) => patterns.push((pattern, chosen)),
            }
        }
        let mut matched: BTreeMap<Key, (usize, Desired)> = BTreeMap::new();
        // A loader lets the last one win, and so does the rank.
        patterns.sort_by_key(|(_, chosen)| chosen.rank);
        for (pattern, chosen) in patterns.iter().copied() {
            let Matches { keys: matches, mut unnamed, unseen } = (self.host.expand)(pattern);
            let excluded = |exclude: &Selector, path: &str| matches!(exclude, Selector::Pattern(p) if glob_matches(p.as_path(), path));
            unnamed.retain(|path| !set.excludes.iter().any(|e| excluded(e, path)));
            let is_seen = unseen.is_none();
            let Some(interpreted) = self.pattern(pattern, chosen, &matches, is_seen) else {
                continue;
            };
            for key in matches.iter().cloned() {
                let is_named = merged.parameters.contains_key(&Selector::Key(key.clone()));
                let excluded = set.excludes.iter().any(|e| e.covers(&key));
                let beaten = matched.get(&key).is_some_and(|(rank, _)| *rank > chosen.rank);
                if is_named || excluded || beaten {
                    continue;
                }
                if let Some(one) = self.desired(&key, chosen, Some(pattern.clone()), false) {
                    matched.insert(key, (chosen.rank, one));
                }
            }
            set.patterns.push(DesiredPattern {
                pattern: pattern.clone(),
                requirement: interpreted.requirement,
                matches,
                unnamed,
                unseen,
                origin: chosen.entry.span,
                reason: of_each(chosen, |terms| terms.reason.as_ref()),
            });
        }
        unreached::mark(layers, &patterns, &set.patterns, &mut named);
        if !matched.is_empty() {
            named.extend(matched.into_values().map(|(_, one)| one));
            named.sort_by(|one, other| one.key.cmp(&other.key));
        }
        set.parameters = named;
        self.refuse_halves_of_patterns(&set.parameters);
    }

    /// Of a pair a pattern can bring in the half that nobody has named: each would zero the other.
    fn refuse_halves_of_patterns(&mut self, all: &[Desired]) {
        for one in all.iter().filter(|one| one.pattern.is_some()) {
            let Some(half) = catalogue::half_of(&one.key) else { continue };
            let other = all.iter().find(|other| other.key == half);
            // Where both are a pattern's they are told once.
            if other.is_none_or(|other| other.pattern.is_some() && other.key < one.key) {
                continue;
            }
            let message = format!("{} and {half} are two halves of one setting", one.key);
            let problem = Diagnostic::error(one.origin, message);
            self.problems.push(problem.help("leave one of them out, under `exclude`"));
        }
    }

    /// What a pattern asks of each match; checked even where nothing matches today.
    fn pattern(
        &mut self,
        pattern: &Pattern,
        chosen: &Chosen<'_>,
        matches: &[Key],
        is_seen: bool,
    ) -> Option<Interpreted> {
        let known = catalogue::of_pattern(pattern);
        if matches.is_empty() && known.is_none() && is_seen {
            self.speller.pattern(pattern, chosen.entry, self.problems);
        }
        spelling::guards(chosen.entry, self.problems);
        self.interpret(chosen, None, known, false)
    }

    fn desired(
        &mut self,
        key: &Key,
        chosen: &Chosen<'_>,
        pattern: Option<Pattern>,
        action: bool,
    ) -> Option<Desired> {
        let known = catalogue::lookup(key);
        let mut near = None;
        if pattern.is_none() {
            spelling::guards(chosen.entry, self.problems);
            if known.is_none() {
                near = self.speller.key(key, chosen.entry, self.problems);
            }
        }
        let matched = pattern.as_ref().map(|_| key);
        let interpreted = self.interpret(chosen, matched, known, action)?;
        Some(Desired {
            key: key.clone(),
            requirement: interpreted.requirement,
            shape: known.map_or(Shape::Unknown, Parameter::shape),
            known,
            origin: chosen.entry.span,
            pattern,
            reason: of_each(chosen, |terms| terms.reason.as_ref()),
            reference: of_each(chosen, |terms| terms.reference.as_ref()),
            module: chosen
                .terms()
                .find_map(|t| t.module.clone())
                .or(known.and_then(|p| p.module().map(Text::from))),
            allow: chosen.terms().flat_map(|t| &t.allow).map(|a| a.value.clone()).collect(),
            on_drift: chosen.on_drift.unwrap_or_default(),
            arithmetic: interpreted.arithmetic,
            from_ram: interpreted.from_ram,
            optional: chosen.terms().all(|terms| terms.optional),
            waiver: None,
            near: near.map(String::into_boxed_str),
            unreached: None,
        })
    }

    /// A plan refuses settings by what the host is, actions by what they are.
    fn lets_through(&mut self, action: &Desired) -> bool {
        let guard = Hazard::ExecutesCode.guard();
        let runs = action.known.is_some_and(|p| p.hazard() == Some(Hazard::ExecutesCode));
        if !runs || action.allow.iter().any(|allowed| allowed == guard) {
            return true;
        }
        let message = format!("{} makes the kernel run a program as root", action.key);
        let help = format!("if that is meant: allow: [{guard}], with a reason");
        self.problems.push(Diagnostic::error(action.origin, message).help(help));
        false
    }

    fn interpret(
        &mut self,
        chosen: &Chosen<'_>,
        matched: Option<&Key>,
        known: Option<Parameter>,
        action: bool,
    ) -> Option<Interpreted> {
        let mut interpreter = Interpreter {
            selector: &chosen.entry.selector,
            matched,
            known,
            facts: self.host.facts,
            here: true,
            problems: self.problems,
        };
        let own = interpreter.interpret(chosen.entry.span, &chosen.entry.terms.wish, action)?;
        if chosen.beside.is_empty() {
            return Some(own);
        }
        let beside = joint::of_all(&chosen.beside, self.host.facts);
        let both = beside.and_then(|beside| own.beside(&beside));
        if both.is_none() {
            let name = &chosen.entry.selector;
            let message = format!("what extended baselines ask of {name} cannot be put together");
            let problem = Diagnostic::error(chosen.entry.span, message);
            self.problems.push(problem.help("say in your own file what it is to be"));
        }
        both
    }
}

/// What all entries that count say of one thing, each text once.
fn of_each<'a>(chosen: &Chosen<'a>, part: impl Fn(&'a Terms) -> Option<&'a Text>) -> Option<Text> {
    let mut texts: Vec<&Text> = chosen.terms().filter_map(part).collect();
    texts.dedup();
    match texts[..] {
        [] => None,
        [one] => Some(one.clone()),
        _ => Some(texts.iter().map(|text| &***text).collect::<Vec<_>>().join("; ").into()),
    }
}
