//! The YAML of a facts file: fields with their places, and what a broken one is told.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MergeKeyPolicy, Options, Spanned};

use crate::diagnostic::{Diagnostic, Span};

/// The file's fields in the order of its lines.
pub(super) struct Fields(pub Vec<(Spanned<String>, Field)>);

/// The value of a field.
pub(super) enum Field {
    Scalar(Spanned<String>),
    List(Spanned<Vec<Spanned<String>>>),
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lines;
        impl<'de> Visitor<'de> for Lines {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of facts, such as `mem_total: 64GiB`")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    let value = if key.value == "numa_nodes" {
                        match map.next_value::<Spanned<Nodes>>()? {
                            Spanned { value: Nodes::Count(n), referenced, defined } => {
                                Field::Scalar(Spanned::new(n, referenced, defined))
                            }
                            Spanned { value: Nodes::Sizes(list), referenced, defined } => {
                                Field::List(Spanned::new(list, referenced, defined))
                            }
                        }
                    } else {
                        Field::Scalar(map.next_value()?)
                    };
                    fields.push((key, value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(Lines)
    }
}

/// `numa_nodes`: the only field that may be a list.
enum Nodes {
    Count(String),
    Sizes(Vec<Spanned<String>>),
}

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CountOrSizes;
        impl<'de> Visitor<'de> for CountOrSizes {
            type Value = Nodes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of sizes such as [32GiB, 32GiB], or the number of nodes")
            }

            fn visit_u64<E>(self, count: u64) -> Result<Nodes, E> {
                Ok(Nodes::Count(count.to_string()))
            }

            fn visit_i64<E>(self, count: i64) -> Result<Nodes, E> {
                Ok(Nodes::Count(count.to_string()))
            }

            fn visit_f64<E>(self, count: f64) -> Result<Nodes, E> {
                Ok(Nodes::Count(count.to_string()))
            }

            fn visit_bool<E>(self, word: bool) -> Result<Nodes, E> {
                Ok(Nodes::Count(word.to_string()))
            }

            fn visit_unit<E>(self) -> Result<Nodes, E> {
                Ok(Nodes::Count(String::new()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Nodes, E> {
                Ok(Nodes::Count(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Nodes, A::Error> {
                let mut sizes = Vec::new();
                while let Some(size) = list.next_element()? {
                    sizes.push(size);
                }
                Ok(Nodes::Sizes(sizes))
            }
        }
        deserializer.deserialize_any(CountOrSizes)
    }
}

/// Reads the fields of a facts file. `name` stands in a message that has no place.
pub(super) fn fields(name: &str, text: &str) -> Result<Fields, Diagnostic> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|e| syntax(name, text, &e))
}

fn options() -> Options {
    let mut budget = serde_saphyr::Budget::default();
    budget.max_anchors = 0;
    budget.max_aliases = 0;
    budget.max_depth = 8;
    budget.max_nodes = 4096;
    budget.max_documents = 1;
    serde_saphyr::options! {
        budget: Some(budget),
        merge_keys: MergeKeyPolicy::Error,
        reject_unsupported_tags: true,
        strict_booleans: true,
        with_snippet: false,
    }
}

/// What the YAML parser has to say, in this program's words where it speaks to programmers.
fn syntax(name: &str, text: &str, error: &serde_saphyr::Error) -> Diagnostic {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let one_value = "write one value, or leave the field out";
    let (said, help) = match error {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("this field");
            (format!("{key} is given twice"), "keep one of the two")
        }
        Error::NullIntoString { .. } => ("there is no value".into(), one_value),
        Error::Unexpected { expected: "string scalar", .. } => {
            ("this is not a single value".into(), one_value)
        }
        Error::Unexpected { expected: "mapping start", .. } => (
            "a facts file is a mapping of fields to values".into(),
            "write one field on each line, such as `mem_total: 64GiB`",
        ),
        Error::Budget { .. } | Error::MergeKeyNotAllowed { .. } => (
            "this is more of YAML than a facts file may have".into(),
            "write one small document without anchors (&), aliases (*) and merge keys (<<)",
        ),
        Error::UnsupportedTag { .. } => ("a tag is not allowed here".into(), "leave out the `!`"),
        other => {
            let said = other.to_string();
            let end = said.rfind(" at line ").unwrap_or(said.len());
            let said = said[..end].replace(['\n', '\r'], " ");
            (said, "a facts file is one YAML mapping, such as `mem_total: 64GiB`")
        }
    };
    let Some(at) = error.location() else {
        let whole = Span { source: 0, start: 0, end: 0, line: 1, column: 1 };
        return Diagnostic::error(whole, format!("{name}: {said}")).help(help);
    };
    Diagnostic::error(span_of(text, at), said).help(help)
}

/// The place in the diagnostics' words; the file is source 0.
pub(super) fn span_of(text: &str, at: Location) -> Span {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(text.len());
    let start = at.span().byte_offset().map_or(0, size);
    let end = at.span().byte_len().map_or(start, |length| size(start as u64 + length));
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Span { source: 0, start, end, line: count(at.line()), column: count(at.column()) }
}
