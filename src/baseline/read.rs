//! Reads a document from its YAML tree, reporting every structural problem at once.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Span};
use crate::key::{KeyError, Selector};
use crate::value::Percent;

use super::misnamed;
use super::schema::{
    Condition, Document, Entry, FIELDS, FactName, Literal, OnDrift, Target, Terms, Text, Waiver,
    When, Wish, Written,
};
use super::yaml::{Node, NodeKind};

pub(super) const ENTRY: &[&str] = &[
    "value",
    "percent_of_ram",
    "at_least",
    "at_most",
    "reason",
    "source",
    "module",
    "allow",
    "on_drift",
    "optional",
];

/// Reads one document; what could not be read is left out of it and told in the list.
pub fn document(source: usize, root: &Node) -> (Document, Vec<Diagnostic>) {
    let mut reader = Reader { problems: Vec::new() };
    let mut doc = Document { source, ..Document::default() };
    reader.document(root, &mut doc);
    (doc, reader.problems)
}

struct Reader {
    problems: Vec<Diagnostic>,
}

/// The fields of one map that were known, by name.
struct Fields<'n>(Vec<(&'static str, Span, &'n Node)>);

impl<'n> Fields<'n> {
    fn get(&self, name: &str) -> Option<&'n Node> {
        self.0.iter().find(|(n, ..)| *n == name).map(|(.., node)| *node)
    }

    fn span(&self, name: &str) -> Option<Span> {
        self.0.iter().find(|(n, ..)| *n == name).map(|(_, span, _)| *span)
    }
}

impl Reader {
    fn wrong(&mut self, span: Span, message: impl Into<String>, help: &str) {
        let problem = Diagnostic::error(span, message);
        self.problems.push(if help.is_empty() { problem } else { problem.help(help) });
    }

    fn document(&mut self, root: &Node, doc: &mut Document) {
        if matches!(root.kind, NodeKind::Null) {
            // The place of nothing is where the file ends; it is of no use.
            let start = Span { start: 0, end: 0, line: 1, column: 1, ..root.span };
            return self.wrong(start, "the baseline is empty", "start with `name: …`");
        }
        let Some(fields) = self.fields(root, "a baseline", FIELDS) else { return };
        match fields.get("name") {
            Some(node) => doc.name = self.text(node, "name").unwrap_or_default(),
            None => self.wrong(root.span, "the baseline has no name", "add `name: …`"),
        }
        if let Some(node) = fields.get("description") {
            doc.description = self.line(node, "description").unwrap_or_default();
        }
        if let Some(node) = fields.get("extends") {
            for item in self.list(node, "extends") {
                if let Some(value) = self.text(item, "a name or path to extend") {
                    doc.extends.push(Written { value, span: item.span });
                }
            }
        }
        if let Some(node) = fields.get("defaults")
            && let Some(defaults) = self.fields(node, "defaults", &["on_drift"])
        {
            doc.on_drift = defaults.get("on_drift").and_then(|n| self.on_drift(n));
        }
        if let Some(node) = fields.get("parameters") {
            doc.parameters = self.entries(node, "parameters");
        }
        if let Some(node) = fields.get("actions") {
            doc.actions = self.entries(node, "actions");
        }
        if let Some(node) = fields.get("exclude") {
            for item in self.list(node, "exclude") {
                if let Some(value) = self.selector(item) {
                    doc.exclude.push(Written { value, span: item.span });
                }
            }
        }
        if let Some(node) = fields.get("when") {
            for item in self.list(node, "when") {
                doc.when.extend(self.when(item));
            }
        }
        if let Some(node) = fields.get("waivers") {
            let mut waived: BTreeMap<Selector, Span> = BTreeMap::new();
            for item in self.list(node, "waivers") {
                let Some(waiver) = self.waiver(item) else { continue };
                let first = *waived.entry(waiver.selector.clone()).or_insert(waiver.span);
                if first != waiver.span {
                    // An ended one beside its renewal does no harm.
                    let message = format!("{} is waived twice", waiver.selector);
                    self.problems.push(
                        Diagnostic::warning(waiver.span, message)
                            .also(first, "first waived here")
                            .help("keep one of them"),
                    );
                }
                doc.waivers.push(waiver);
            }
        }
    }

    fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &'static [&'static str],
    ) -> Option<Fields<'n>> {
        let NodeKind::Map(entries) = &node.kind else {
            let message = format!("{what} is a map of fields, not {}", node.describe());
            self.wrong(node.span, message, &format!("its fields are: {}", known.join(", ")));
            return None;
        };
        let mut found: Vec<(&'static str, Span, &Node)> = Vec::new();
        for (key, value) in entries {
            let Some(written) = key.text() else {
                self.wrong(key.span, "a field's name is a word", "");
                continue;
            };
            let Some(name) = known.iter().find(|k| **k == written) else {
                let help = misnamed::help(what, written, value, known);
                self.wrong(key.span, format!("{what} has no field `{}`", clean(written)), &help);
                continue;
            };
            if let Some((_, first, _)) = found.iter().find(|(n, ..)| n == name) {
                let first = *first;
                self.problems.push(
                    Diagnostic::error(key.span, format!("`{name}` is given twice"))
                        .also(first, "first given here")
                        .help("keep one of them"),
                );
                continue;
            }
            found.push((name, key.span, value));
        }
        Some(Fields(found))
    }

    /// The items of a list; anything else is reported.
    fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.kind {
            NodeKind::List(items) => items,
            NodeKind::Null => &[],
            _ => {
                let message = format!("`{what}` is a list, not {}", node.describe());
                self.wrong(node.span, message, "put each item behind a `- `, or all in `[…]`");
                &[]
            }
        }
    }

    fn text(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.text() {
            Some(text) if text.trim().is_empty() => {
                self.wrong(node.span, format!("{what} is empty"), "");
                None
            }
            Some(text) if text.chars().any(|c| c.is_control() && c != '\n') => {
                self.wrong(node.span, format!("{what} contains a control character"), "remove it");
                None
            }
            Some(text) => Some(text.trim().to_owned()),
            None => {
                self.wrong(node.span, format!("{what} is text, not {}", node.describe()), "");
                None
            }
        }
    }

    /// A text that is told in one line, over however many it is written.
    fn line(&mut self, node: &Node, what: &str) -> Option<String> {
        let text = self.text(node, what)?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        Some(lines.collect::<Vec<_>>().join(" "))
    }

    fn literal(&mut self, node: &Node, what: &str) -> Option<Literal> {
        match &node.kind {
            NodeKind::Scalar { text, plain } => {
                Some(Literal { text: text.clone().into(), plain: *plain, span: node.span })
            }
            NodeKind::Null => {
                let help = "write the value; `KEY: null` as the whole entry leaves a key alone";
                self.wrong(node.span, format!("{what} has no value"), help);
                None
            }
            _ => {
                let message = format!("{what} is a single value, not {}", node.describe());
                self.wrong(node.span, message, "");
                None
            }
        }
    }

    fn selector(&mut self, node: &Node) -> Option<Selector> {
        let Some(text) = node.text() else {
            let help = "write one key a line; `*` stands for a component of any name";
            self.wrong(node.span, "a key is a single word such as vm.swappiness", help);
            return None;
        };
        match Selector::parse(text) {
            Ok(selector) => Some(selector),
            Err(error) => {
                self.problems.push(key_problem(node.span, text, &error));
                None
            }
        }
    }

    fn entries(&mut self, node: &Node, what: &str) -> Vec<Entry> {
        let items = match &node.kind {
            NodeKind::Map(items) => items,
            NodeKind::Null => return Vec::new(),
            _ => {
                let message = format!("`{what}` is a map of keys, not {}", node.describe());
                self.wrong(node.span, message, "write each as `vm.swappiness: 1`");
                return Vec::new();
            }
        };
        let mut found: Vec<Entry> = Vec::new();
        let mut given: BTreeMap<Selector, Span> = BTreeMap::new();
        for (key, value) in items {
            if key.text() == Some("<<") {
                let help = "put what is shared in a baseline of its own and `extends` it";
                self.wrong(key.span, "merge keys are not part of the format", help);
                continue;
            }
            // Both halves are read even if one is wrong, so that all problems are told.
            let selector = self.selector(key);
            let terms = self.terms(selector.as_ref(), key, value);
            let (Some(selector), Some(terms)) = (selector, terms) else { continue };
            if let Some(first) = given.get(&selector) {
                let problem = Diagnostic::error(key.span, format!("{selector} is given twice"))
                    .also(*first, "first given here")
                    .help("keep one of them; dots and slashes spell the same key");
                self.problems.push(problem);
                continue;
            }
            given.insert(selector.clone(), key.span);
            found.push(Entry { selector, span: key.span, terms });
        }
        found
    }

    fn terms(&mut self, selector: Option<&Selector>, key: &Node, value: &Node) -> Option<Terms> {
        let name = selector.map_or_else(|| "the key".to_owned(), ToString::to_string);
        let mut terms = Terms {
            wish: Wish::Leave,
            reason: None,
            reference: None,
            module: None,
            allow: Vec::new(),
            on_drift: None,
            optional: false,
        };
        let hold = |target| Wish::Hold { target: Some(target), at_least: None, at_most: None };
        match &value.kind {
            // Nothing at all is more often forgotten than meant.
            NodeKind::Null if value.span.start == value.span.end => {
                let help = "write the value, or `null` to leave the key alone";
                self.wrong(key.span, format!("{name} has no value"), help);
                return None;
            }
            NodeKind::Null => {}
            NodeKind::Scalar { .. } => {
                terms.wish = hold(Target::One(self.literal(value, &name)?));
            }
            NodeKind::List(items) => terms.wish = hold(Target::Many(self.many(items, &name)?)),
            NodeKind::Map(written) => {
                let fields = self.fields(value, &name, ENTRY)?;
                // Of one that could not be read it is not known what it says.
                let whole = fields.0.len() == written.len();
                self.terms_fields(&mut terms, &name, whole.then_some(key.span), &fields)?;
            }
        }
        Some(terms)
    }

    fn many(&mut self, items: &[Node], name: &str) -> Option<Vec<Literal>> {
        let mut literals = Vec::with_capacity(items.len());
        for item in items {
            literals.extend(self.literal(item, &format!("an item of {name}")));
        }
        (literals.len() == items.len()).then_some(literals)
    }

    fn terms_fields(
        &mut self,
        terms: &mut Terms,
        name: &str,
        whole: Option<Span>,
        fields: &Fields<'_>,
    ) -> Option<()> {
        terms.reason = fields.get("reason").and_then(|n| self.line(n, "reason")).map(Text::from);
        terms.reference = fields.get("source").and_then(|n| self.line(n, "source")).map(Text::from);
        terms.module = fields.get("module").and_then(|n| self.module(n)).map(Text::from);
        terms.on_drift = fields.get("on_drift").and_then(|n| self.on_drift(n));
        let either = [("true", true), ("false", false)];
        let optional = fields.get("optional").and_then(|n| self.choice(n, "optional", &either));
        terms.optional = optional.unwrap_or_default();
        if let Some(node) = fields.get("allow") {
            for item in self.list(node, "allow") {
                if let Some(value) = self.text(item, "a guard's name") {
                    terms.allow.push(Written { value, span: item.span });
                }
            }
            if terms.reason.is_none() && fields.get("reason").is_none() {
                let help = "add `reason: …`: whoever reads the plan must know why";
                self.wrong(node.span, format!("{name} overrides a guard without a reason"), help);
            }
        }
        let value = fields.get("value").map(|node| match &node.kind {
            NodeKind::List(items) => self.many(items, name).map(Target::Many),
            _ => self.literal(node, name).map(Target::One),
        });
        let share = fields.get("percent_of_ram").map(|node| self.share(node));
        if let (Some(node), Some(span)) = (fields.get("percent_of_ram"), fields.span("value")) {
            let problem =
                Diagnostic::error(node.span, "`value` and `percent_of_ram` exclude each other");
            self.problems.push(problem.also(span, "the value").help("keep one of them"));
        }
        let at_least = fields.get("at_least").map(|n| self.literal(n, "at_least"));
        let at_most = fields.get("at_most").map(|n| self.literal(n, "at_most"));
        if [&value, &share].iter().all(|t| t.is_none()) && at_least.is_none() && at_most.is_none() {
            let help = "add `value`, `percent_of_ram`, `at_least` or `at_most`; `KEY: null` leaves it alone";
            if let Some(key) = whole {
                self.wrong(key, format!("{name} says nothing about its value"), help);
            }
            return None;
        }
        // What was written and could not be read must not silently vanish.
        let target = match (value, share) {
            (Some(_), Some(_)) => return None,
            (Some(target), None) | (None, Some(target)) => Some(target?),
            (None, None) => None,
        };
        terms.wish = Wish::Hold {
            target,
            at_least: at_least.map_or(Some(None), |l| l.map(Some))?,
            at_most: at_most.map_or(Some(None), |l| l.map(Some))?,
        };
        Some(())
    }

    fn share(&mut self, node: &Node) -> Option<Target> {
        let literal = self.literal(node, "percent_of_ram")?;
        match Percent::parse(&literal.text) {
            Ok(value) => Some(Target::PercentOfRam(Written { value, span: literal.span })),
            Err(error) => {
                self.wrong(literal.span, error.to_string(), "write a number such as 0.78");
                None
            }
        }
    }

    /// A module's name, which plans show in a command.
    fn module(&mut self, node: &Node) -> Option<String> {
        let name = self.text(node, "module")?;
        if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Some(name);
        }
        let help = "write its name as lsmod shows it, such as nf_conntrack";
        self.wrong(node.span, format!("{:?} is no module's name", clean(&name)), help);
        None
    }

    fn on_drift(&mut self, node: &Node) -> Option<OnDrift> {
        self.choice(node, "on_drift", &OnDrift::NAMES)
    }

    fn choice<T: Copy>(&mut self, node: &Node, what: &str, names: &[(&str, T)]) -> Option<T> {
        let found = node.text().and_then(|t| names.iter().find(|(n, _)| *n == t));
        if found.is_none() {
            let all: Vec<&str> = names.iter().map(|(n, _)| *n).collect();
            let written = clean(node.text().unwrap_or(node.describe()));
            let help = format!("one of: {}", all.join(", "));
            self.wrong(node.span, format!("`{what}` cannot be {written:?}"), &help);
        }
        found.map(|(_, value)| *value)
    }

    fn when(&mut self, node: &Node) -> Option<When> {
        let fields = self.fields(node, "a `when` block", &["if", "parameters"])?;
        let mut when =
            When { span: node.span, conditions: Vec::new(), faulty: false, parameters: Vec::new() };
        let before = self.problems.iter().filter(|p| p.is_error()).count();
        match fields.get("if").map(|n| (n, &n.kind)) {
            Some((_, NodeKind::Map(entries))) if !entries.is_empty() => {
                for (key, value) in entries {
                    let Some(fact) = self.choice(key, "if", &FactName::NAMES) else { continue };
                    if when.conditions.iter().any(|c| c.fact == fact) {
                        self.wrong(key.span, "this fact is asked for twice", "keep one of them");
                        continue;
                    }
                    let Some(test) = self.text(value, "a condition") else { continue };
                    match super::when::check(fact, &test) {
                        Ok(None) => {}
                        Ok(Some(doubt)) => {
                            let message = format!("no host is known to run in {test:?}");
                            let doubtful = Diagnostic::warning(value.span, message);
                            self.problems.push(doubtful.help(doubt));
                        }
                        Err(help) => {
                            let message = format!("{test:?} is not a condition");
                            self.wrong(value.span, message, &help);
                        }
                    }
                    when.conditions.push(Condition { fact, test, span: value.span });
                }
            }
            Some((node, _)) => {
                let help = "write `if: { ram: \">= 64GiB\" }`";
                self.wrong(node.span, "`if` is a map of facts and conditions", help);
            }
            None => {
                let help = "write `if: { ram: \">= 64GiB\" }`";
                self.wrong(node.span, "a `when` block has no `if`", help);
            }
        }
        // Without a condition that was meant it would hold where it is not to.
        when.faulty = self.problems.iter().filter(|p| p.is_error()).count() > before;
        match fields.get("parameters") {
            Some(parameters) => when.parameters = self.entries(parameters, "parameters"),
            None => self.wrong(node.span, "a `when` block has no `parameters`", ""),
        }
        Some(when)
    }

    fn waiver(&mut self, node: &Node) -> Option<Waiver> {
        let fields = self.fields(node, "a waiver", &["key", "until", "reason"])?;
        for needed in ["key", "until", "reason"] {
            if fields.get(needed).is_none() {
                let help = "a waiver names its key, its last day and its reason";
                self.wrong(node.span, format!("the waiver has no `{needed}`"), help);
            }
        }
        let key = fields.get("key")?;
        let selector = self.selector(key);
        let reason = fields.get("reason").and_then(|n| self.line(n, "reason"));
        let until = fields.get("until").and_then(|n| {
            let text = self.text(n, "until")?;
            if text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok() {
                return Some(text);
            }
            let help = "write the last day on which it holds, as 2027-01-31 (UTC)";
            self.wrong(n.span, format!("{:?} is not a day", clean(&text)), help);
            None
        });
        Some(Waiver { selector: selector?, span: key.span, until: until?, reason: reason? })
    }
}

fn key_problem(span: Span, text: &str, error: &KeyError) -> Diagnostic {
    let problem = Diagnostic::error(span, format!("{:?} is not a key: {error}", clean(text)));
    match error.instead() {
        Some(instead) => problem.help(format!("write {instead}")),
        None if *error == KeyError::LeadingDash => problem
            .help("name it below `exclude:`, or say `optional: true` where a kernel may lack it"),
        None => problem.help("a key is written as vm.swappiness or vm/swappiness"),
    }
}

/// A text of foreign origin, cut to a length that fits a message.
pub(super) fn clean(text: &str) -> String {
    if text.chars().count() > 80 {
        return text.chars().take(77).chain("...".chars()).collect();
    }
    text.to_owned()
}
