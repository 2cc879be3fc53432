//! The facts of another host, played from a YAML file.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, MergeKeyPolicy, Options, Spanned};

use super::reserve::floor_kb;
use crate::diagnostic::{Diagnostic, Span};
use crate::key::nearest;
use crate::observed::{Facts, NumaNode, Release, Virtualization};
use crate::value::Size;

/// Every field, with what to write for it.
const FIELDS: [(&str, &str); 13] = [
    ("hostname", "a host name of at most 64 characters, such as broker-7"),
    ("kernel", "a kernel release, such as 5.14.0-427.el9.x86_64"),
    ("mem_total", "a size such as 64GiB, or a plain number of kB"),
    ("numa_nodes", "a list of sizes such as [32GiB, 32GiB], or the number of nodes"),
    ("page_size", "a power of two from 4KiB to 64KiB"),
    ("huge_page_size", "a size such as 2MiB, or 0 where the kernel has no huge pages"),
    ("virtualization", "none, the name of a hypervisor such as kvm, or container:NAME"),
    ("boot_id", "a UUID, such as 6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c"),
    ("today", "a date, such as 2026-11-24"),
    ("thp_min_free", "a size such as 66MiB, a plain number of kB, or none"),
    ("systemd", "true or false"),
    ("boot_unit", "true or false"),
    ("description", "any text"),
];

/// Reads a facts file; what it does not say is taken from `host`, or worked out from what it
/// does say: one memory node of `mem_total`, huge pages that fit the base page, and khugepaged's
/// reserve for the zones that an x86-64 host of that size has.
///
/// Positions in the diagnostics belong to source 0, which is this file; `name` stands in the
/// messages that have none.
///
/// # Errors
/// Everything that is wrong with the file, each with its place and what to write instead.
pub fn facts_from_yaml(name: &str, text: &str, host: &Facts) -> Result<Facts, Vec<Diagnostic>> {
    let fields: Fields = serde_saphyr::from_str_with_options(text, options())
        .map_err(|error| vec![syntax(name, text, &error)])?;
    let mut reader = Reader { text, wrong: Vec::new() };
    let given = reader.given(fields);
    if reader.wrong.is_empty() { Ok(given.onto(host)) } else { Err(reader.wrong) }
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

/// The file's fields in the order of its lines.
struct Fields(Vec<(Spanned<String>, Field)>);

enum Field {
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

/// What the file says, read but not yet completed.
#[derive(Default)]
struct Given {
    hostname: Option<String>,
    kernel: Option<(Release, String)>,
    mem_total_kb: Option<u64>,
    nodes: Option<GivenNodes>,
    page_bytes: Option<u64>,
    huge_page_bytes: Option<u64>,
    virtualization: Option<Virtualization>,
    boot_id: Option<String>,
    today: Option<String>,
    reserve: Option<Reserve>,
    systemd: Option<bool>,
    boot_unit: Option<bool>,
}

/// `thp_min_free`.
enum Reserve {
    /// Transparent huge pages are off.
    Off,
    Kb(u64),
}

enum GivenNodes {
    Count(u32),
    Sizes(Vec<u64>),
}

/// Reads fields one by one and keeps what is wrong with each.
struct Reader<'t> {
    text: &'t str,
    wrong: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn given(&mut self, fields: Fields) -> Given {
        let mut given = Given::default();
        let mut nodes_at = None;
        for (key, field) in fields.0 {
            let value = match field {
                Field::List(list) => {
                    nodes_at = Some(self.span(list.referenced));
                    given.nodes = self.node_sizes(&list);
                    continue;
                }
                Field::Scalar(value) => value,
            };
            match key.value.as_str() {
                "hostname" => given.hostname = self.take("hostname", &value, hostname),
                "kernel" => given.kernel = self.take("kernel", &value, kernel),
                "mem_total" => given.mem_total_kb = self.take("mem_total", &value, memory_kb),
                "numa_nodes" => {
                    given.nodes =
                        self.take("numa_nodes", &value, node_count).map(GivenNodes::Count);
                }
                "page_size" => given.page_bytes = self.take("page_size", &value, page_bytes),
                "huge_page_size" => {
                    given.huge_page_bytes = self.take("huge_page_size", &value, huge_page_bytes);
                }
                "virtualization" => {
                    given.virtualization = self.take("virtualization", &value, virtualization);
                }
                "boot_id" => given.boot_id = self.take("boot_id", &value, uuid),
                "today" => given.today = self.take("today", &value, date),
                "thp_min_free" => {
                    given.reserve = self.take("thp_min_free", &value, reserve);
                }
                "systemd" => given.systemd = self.take("systemd", &value, yes_or_no),
                "boot_unit" => given.boot_unit = self.take("boot_unit", &value, yes_or_no),
                "description" => {}
                unknown => self.unknown(unknown, key.referenced),
            }
        }
        if let (Some(GivenNodes::Sizes(sizes)), Some(total), Some(span)) =
            (&given.nodes, given.mem_total_kb, nodes_at)
            && sizes.iter().sum::<u64>() > total
        {
            let message = format!(
                "numa_nodes: the nodes have {} kB together, mem_total is {total} kB",
                sizes.iter().sum::<u64>()
            );
            let help = "leave out mem_total, or make the nodes add up to it";
            self.wrong.push(Diagnostic::error(span, message).help(help));
        }
        given
    }

    fn take<T>(
        &mut self,
        field: &str,
        value: &Spanned<String>,
        read: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let found = read(value.value.trim());
        if found.is_none() {
            self.not_a(field, value);
        }
        found
    }

    fn not_a(&mut self, field: &str, value: &Spanned<String>) {
        let what = FIELDS.iter().find(|(name, _)| *name == field).map_or("", |(_, what)| what);
        let ambiguous = Size::parse(&value.value).err().map(|e| e.to_string());
        let wrong = ambiguous.unwrap_or_else(|| format!("{:?} cannot be taken", value.value));
        let span = self.span(value.referenced);
        self.wrong.push(
            Diagnostic::error(span, format!("{field}: {wrong}")).help(format!("write {what}")),
        );
    }

    fn node_sizes(&mut self, list: &Spanned<Vec<Spanned<String>>>) -> Option<GivenNodes> {
        let mut sizes = Vec::new();
        for size in &list.value {
            sizes.push(self.take("numa_nodes", size, memory_kb)?);
        }
        if sizes.is_empty() {
            let span = self.span(list.referenced);
            let help = "write one size for each node, such as [32GiB, 32GiB]";
            self.wrong
                .push(Diagnostic::error(span, "numa_nodes: no host has no memory").help(help));
        }
        (!sizes.is_empty()).then_some(GivenNodes::Sizes(sizes))
    }

    fn unknown(&mut self, name: &str, at: Location) {
        let names = FIELDS.iter().map(|(name, _)| *name);
        let help = match nearest(name, names.clone()) {
            Some(meant) => format!("write {meant}"),
            None => format!("the fields are {}", names.collect::<Vec<_>>().join(", ")),
        };
        let span = self.span(at);
        self.wrong.push(Diagnostic::error(span, format!("unknown field {name:?}")).help(help));
    }

    fn span(&self, at: Location) -> Span {
        span_of(self.text, at)
    }
}

impl Given {
    /// The facts of the played host.
    fn onto(self, host: &Facts) -> Facts {
        let from_nodes = match &self.nodes {
            Some(GivenNodes::Sizes(sizes)) => Some(sizes.iter().sum()),
            _ => None,
        };
        let mem_total_kb = self.mem_total_kb.or(from_nodes).unwrap_or(host.mem_total_kb);
        let page_bytes = self.page_bytes.unwrap_or(host.page_bytes);
        // A huge page is what one page of table entries, of eight bytes each, maps.
        let huge_page_bytes = self
            .huge_page_bytes
            .or_else(|| self.page_bytes.map(|page| page * (page / 8)))
            .unwrap_or(host.huge_page_bytes);
        let same_memory = from_nodes.is_none()
            && self.mem_total_kb.is_none()
            && self.page_bytes.is_none()
            && self.huge_page_bytes.is_none()
            && self.nodes.is_none();
        let numa_nodes = match self.nodes {
            Some(GivenNodes::Sizes(sizes)) => nodes_of(sizes),
            Some(GivenNodes::Count(count)) => nodes_of(split(mem_total_kb, count)),
            None if self.mem_total_kb.is_some() => nodes_of(vec![mem_total_kb]),
            None => host.numa_nodes.clone(),
        };
        let worked_out = || {
            if same_memory {
                return host.thp_min_free_kb;
            }
            // DMA and DMA32 on the first node, Normal on each.
            let zones = 2 + numa_nodes.len().max(1) as u64;
            // The default huge page may be one of 1 GiB; a page block is never that large.
            let block = huge_page_bytes.min(page_bytes * (page_bytes / 8));
            (block > 0).then(|| floor_kb(block, zones, page_bytes, mem_total_kb))
        };
        let thp_min_free_kb = match self.reserve {
            Some(Reserve::Off) => None,
            Some(Reserve::Kb(kb)) => Some(kb),
            None => worked_out(),
        };
        let (kernel, kernel_release) =
            self.kernel.unwrap_or_else(|| (host.kernel, host.kernel_release.clone()));
        Facts {
            hostname: self.hostname.unwrap_or_else(|| host.hostname.clone()),
            kernel,
            kernel_release,
            boot_id: self.boot_id.unwrap_or_else(|| host.boot_id.clone()),
            mem_total_kb,
            numa_nodes,
            page_bytes,
            huge_page_bytes,
            virtualization: self.virtualization.unwrap_or_else(|| host.virtualization.clone()),
            thp_min_free_kb,
            today: self.today.unwrap_or_else(|| host.today.clone()),
            systemd: self.systemd.unwrap_or(host.systemd),
            boot_unit: self.boot_unit.unwrap_or(host.boot_unit),
        }
    }
}

fn nodes_of(sizes: Vec<u64>) -> Vec<NumaNode> {
    (0..).zip(sizes).map(|(id, mem_total_kb)| NumaNode { id, mem_total_kb }).collect()
}

/// `total` in that many parts; the first takes the rest.
fn split(total: u64, count: u32) -> Vec<u64> {
    let count = u64::from(count.max(1));
    let part = total / count;
    (0..count).map(|id| if id == 0 { total - part * (count - 1) } else { part }).collect()
}

fn hostname(text: &str) -> Option<String> {
    let fits = (1..=64).contains(&text.len());
    (fits && text.chars().all(|c| c.is_ascii_graphic())).then(|| text.to_owned())
}

fn kernel(text: &str) -> Option<(Release, String)> {
    let starts = text.starts_with(|c: char| c.is_ascii_digit());
    let release = Release::from_str(text).ok()?;
    (starts && text.contains('.') && !text.contains(char::is_whitespace))
        .then(|| (release, text.to_owned()))
}

fn memory_kb(text: &str) -> Option<u64> {
    let kb = match Size::parse(text).ok()? {
        Some(size) => size.bytes / 1024,
        None => text.parse().ok()?,
    };
    (kb > 0).then_some(kb)
}

fn reserve(text: &str) -> Option<Reserve> {
    if text == "none" { Some(Reserve::Off) } else { memory_kb(text).map(Reserve::Kb) }
}

fn node_count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| (1..=1024).contains(count))
}

fn page_bytes(text: &str) -> Option<u64> {
    let bytes = Size::parse(text).ok()??.bytes;
    (bytes.is_power_of_two() && (4096..=65536).contains(&bytes)).then_some(bytes)
}

fn huge_page_bytes(text: &str) -> Option<u64> {
    if text == "0" {
        return Some(0);
    }
    let bytes = Size::parse(text).ok()??.bytes;
    (bytes.is_power_of_two() && (65536..=16 << 30).contains(&bytes)).then_some(bytes)
}

fn virtualization(text: &str) -> Option<Virtualization> {
    let name = |t: &str| {
        let fits =
            t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b));
        (fits && !t.is_empty()).then(|| t.to_owned())
    };
    match (text, text.strip_prefix("container:")) {
        ("none", _) => Some(Virtualization::None),
        // Kinds, not names: `virtualization: container` would play a hypervisor of that name.
        ("container" | "vm" | "true" | "false", _) => None,
        (_, Some(container)) => name(container).map(Virtualization::Container),
        (vm, None) => name(vm).map(Virtualization::Vm),
    }
}

fn uuid(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('-').collect();
    let fits = parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12])
        && parts.iter().all(|p| p.bytes().all(|b| b.is_ascii_hexdigit()));
    fits.then(|| text.to_ascii_lowercase())
}

fn date(text: &str) -> Option<String> {
    (text.len() == 10).then(|| text.parse::<Date>().ok())?.map(|d| d.to_string())
}

fn yes_or_no(text: &str) -> Option<bool> {
    text.parse().ok()
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

fn span_of(text: &str, at: Location) -> Span {
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).min(text.len());
    let start = at.span().byte_offset().map_or(0, size);
    let end = at.span().byte_len().map_or(start, |length| size(start as u64 + length));
    let count = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Span { source: 0, start, end, line: count(at.line()), column: count(at.column()) }
}
