//! Loads a baseline with everything it extends, asking for texts through a closure.

use std::borrow::Cow;

use crate::diagnostic::{Diagnostic, Source, Span};
use crate::key::Selector;

use super::builtin::Prepared;
use super::resolve::sha256;
use super::schema::{Document, FactName};
use super::{prepared, read, yaml};

/// Most files one baseline may be made of.
const MAX_FILES: usize = 64;

/// A baseline as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'a> {
    /// A built-in name or a path, as written.
    pub name: &'a str,
    /// The source that extends it; `None` for the one the operator named.
    pub from: Option<&'a str>,
}

/// A text that was found for a wanted baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The name under which it is reported, the same for the same file.
    pub name: String,
    /// The text.
    pub text: Cow<'static, str>,
    /// What the build has made of it already.
    pub prepared: Option<Prepared>,
}

impl Found {
    /// A text of that name.
    pub fn text(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into().into(), prepared: None }
    }
}

/// Why a wanted baseline has no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotFound {
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

/// Documents with their relations.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The texts, in the order in which they were read.
    pub sources: Vec<Source>,
    /// One document a source.
    pub documents: Vec<Document>,
    /// For each document the ones it extends.
    pub parents: Vec<Vec<usize>>,
    /// The asked-for baselines, each a layer on top of the one before it.
    pub tops: Vec<usize>,
    /// What the build has made of each text.
    prepared: Vec<Option<Prepared>>,
}

impl Layers {
    /// SHA-256 of the texts, one behind the other, in hexadecimal.
    pub fn sha256(&self) -> String {
        match self.prepared[..] {
            // The build knows it of a built-in text that stands alone.
            [Some(prepared)] => prepared.sha256().to_owned(),
            _ => sha256(self.sources.iter().map(|s| s.text.as_bytes())),
        }
    }

    /// The same of the baseline that was asked for first, with what it extends, and without the
    /// layers on top of it, which may be one host's alone.
    pub fn shared_sha256(&self) -> String {
        if self.tops.len() < 2 {
            return self.sha256();
        }
        let shared = self.below(self.tops.iter().take(1));
        let texts = self.sources.iter().zip(shared).filter(|(_, shared)| *shared);
        sha256(texts.map(|(source, _)| source.text.as_bytes()))
    }

    /// Of each document whether it is one of these, or they extend it.
    fn below<'i>(&self, these: impl Iterator<Item = &'i usize>) -> Vec<bool> {
        let mut found = vec![false; self.sources.len()];
        let mut open: Vec<usize> = these.copied().collect();
        while let Some(at) = open.pop() {
            if found.get_mut(at).is_some_and(|seen| !std::mem::replace(seen, true)) {
                open.extend(self.parents.get(at).into_iter().flatten());
            }
        }
        found
    }

    /// Whether a document is a layer above another one: it extends it, or came in with a later one
    /// of the layers that were asked for.
    pub(super) fn lies_on(&self, upper: usize, lower: usize) -> bool {
        let has = |found: Vec<bool>, document: usize| found.get(document) == Some(&true);
        let first = |document: usize| {
            self.tops.iter().position(|top| has(self.below([*top].iter()), document))
        };
        has(self.below([upper].iter()), lower) || first(upper) > first(lower)
    }

    /// The facts that `when` blocks ask for.
    pub fn conditions(&self) -> impl Iterator<Item = FactName> {
        self.documents.iter().flat_map(|d| &d.when).flat_map(|w| &w.conditions).map(|c| c.fact)
    }

    /// Whether there is a waiver, so that it counts which day it is.
    pub fn have_waivers(&self) -> bool {
        self.documents.iter().any(|d| !d.waivers.is_empty())
    }

    /// The keys and patterns that any layer asks something of, on whatever host.
    pub fn spoken_of(&self) -> impl Iterator<Item = &Selector> {
        self.documents.iter().flat_map(Document::entries).map(|(entry, _)| &entry.selector)
    }

    /// The documents that were read here, not by the build.
    pub fn read_here(&self) -> impl Iterator<Item = &Document> {
        let prepared = self.prepared.iter().map(Option::is_some);
        self.documents.iter().zip(prepared).filter(|(_, prepared)| !prepared).map(|(doc, _)| doc)
    }

    /// The keys and patterns below `parameters`, those of `when` blocks included.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        self.documents
            .iter()
            .flat_map(|d| d.parameters.iter().chain(d.when.iter().flat_map(|w| &w.parameters)))
            .map(|entry| &entry.selector)
    }
}

/// Loads `names`, each a layer on the one before, with all that they extend.
///
/// # Errors
/// Every problem that was found, with the sources they point into.
pub fn load(
    names: &[&str],
    fetch: &mut dyn FnMut(&Wanted<'_>) -> Result<Found, NotFound>,
) -> (Layers, Vec<Diagnostic>) {
    let mut loader = Loader { layers: Layers::default(), problems: Vec::new(), fetch };
    for name in names {
        if let Some(index) = loader.load(name, None, &mut Vec::new()) {
            loader.layers.tops.push(index);
        }
    }
    (loader.layers, loader.problems)
}

struct Loader<'f> {
    layers: Layers,
    problems: Vec<Diagnostic>,
    fetch: &'f mut dyn FnMut(&Wanted<'_>) -> Result<Found, NotFound>,
}

impl Loader<'_> {
    fn fail(&mut self, span: Option<Span>, message: String, help: Option<String>) {
        self.problems.push(Diagnostic::of_file(span, message, help));
    }

    fn load(
        &mut self,
        name: &str,
        from: Option<(usize, Span)>,
        path: &mut Vec<usize>,
    ) -> Option<usize> {
        let span = from.map(|(_, span)| span);
        let found = {
            let from = from.map(|(index, _)| self.layers.sources[index].name.clone());
            (self.fetch)(&Wanted { name, from: from.as_deref() })
        };
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.fail(span, error.message, error.help);
                return None;
            }
        };
        if let Some(known) = self.layers.sources.iter().position(|s| s.name == found.name) {
            if let Some(start) = path.iter().position(|p| *p == known) {
                let ring: Vec<&str> = path[start..]
                    .iter()
                    .chain([&known])
                    .map(|i| self.layers.sources[*i].name.as_str())
                    .collect();
                let message = format!("a baseline cannot extend itself: {}", ring.join(" -> "));
                self.fail(span, message, Some("remove one `extends`".into()));
                return None;
            }
            return Some(known);
        }
        if self.layers.sources.len() == MAX_FILES {
            self.fail(span, format!("a baseline is made of at most {MAX_FILES} files"), None);
            return None;
        }
        let index = self.layers.sources.len();
        let text = match found.text.strip_prefix('\u{feff}') {
            Some(rest) => rest.to_owned().into(),
            None => found.text,
        };
        self.layers.sources.push(Source { name: found.name, text });
        self.layers.prepared.push(found.prepared);
        let prepared = found.prepared.and_then(|p| prepared::read(index, p.document()));
        let document = prepared.unwrap_or_else(|| self.document(index));
        let extends = document.extends.clone();
        self.layers.documents.push(document);
        self.layers.parents.push(Vec::new());
        path.push(index);
        for parent in extends {
            if let Some(parent) = self.load(&parent.value, Some((index, parent.span)), path)
                && !self.layers.parents[index].contains(&parent)
            {
                self.layers.parents[index].push(parent);
            }
        }
        path.pop();
        Some(index)
    }

    /// The document of a text, which is among the sources already.
    fn document(&mut self, index: usize) -> Document {
        let (tree, problems) = yaml::parse(index, &self.layers.sources[index].text);
        self.problems.extend(problems);
        let Some(root) = tree else {
            return Document { source: index, ..Document::default() };
        };
        let (document, problems) = read::document(index, &root);
        self.problems.extend(problems);
        document
    }
}
