//! The facts of another host, played from a YAML file.

mod document;
mod scalar;

use serde_saphyr::{Location, Spanned};

use self::document::{Field, Fields, span_of};
use super::reserve::floor_kb;
use crate::diagnostic::{Diagnostic, Span};
use crate::key::nearest;
use crate::observed::{Facts, NumaNode, Release, Usage, Virtualization};
use crate::value::{QuantityError, Size};

/// A host that is played.
#[derive(Debug)]
pub struct Played {
    /// Its facts.
    pub facts: Facts,
    /// The fields for conditions that the file does not give, so that this machine's facts count.
    pub unsaid: Vec<&'static str>,
}

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

/// Their names.
pub const FACTS: [&str; FIELDS.len()] = {
    let mut names = [""; FIELDS.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = FIELDS[at].0;
        at += 1;
    }
    names
};

/// The fields that are amounts of memory.
const MEMORY: [&str; 5] =
    ["mem_total", "numa_nodes", "page_size", "huge_page_size", "thp_min_free"];

/// Whether a plain number counts more kB than any host has.
fn larger_than_memory(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits && text.parse().map_or(true, |kb: u64| kb > scalar::MOST_KB)
}

/// Reads a facts file; what it does not say is taken from `host`, or worked out from what it
/// does say: one memory node of `mem_total`, huge pages that fit the base page, and khugepaged's
/// reserve for the zones that an x86-64 host of that size has.
///
/// Positions in the diagnostics belong to source 0, which is this file; `name` stands in the
/// messages that have none.
///
/// # Errors
/// Everything that is wrong with the file, each with its place and what to write instead.
pub fn facts_from_yaml(name: &str, text: &str, host: &Facts) -> Result<Played, Vec<Diagnostic>> {
    let fields = document::fields(name, text).map_err(|error| vec![error])?;
    let mut reader = Reader { text, wrong: Vec::new() };
    let given = reader.given(fields);
    if !reader.wrong.is_empty() {
        return Err(reader.wrong);
    }
    let unsaid = given.unsaid();
    Ok(Played { facts: given.onto(host), unsaid })
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
                "hostname" => given.hostname = self.take("hostname", &value, scalar::hostname),
                "kernel" => given.kernel = self.take("kernel", &value, scalar::kernel),
                "mem_total" => {
                    given.mem_total_kb = self.take("mem_total", &value, scalar::ram_kb);
                }
                "numa_nodes" => {
                    given.nodes =
                        self.take("numa_nodes", &value, scalar::node_count).map(GivenNodes::Count);
                }
                "page_size" => {
                    given.page_bytes = self.take("page_size", &value, scalar::page_bytes);
                }
                "huge_page_size" => {
                    given.huge_page_bytes =
                        self.take("huge_page_size", &value, scalar::huge_page_bytes);
                }
                "virtualization" => {
                    given.virtualization =
                        self.take("virtualization", &value, scalar::virtualization);
                }
                "boot_id" => given.boot_id = self.take("boot_id", &value, scalar::uuid),
                "today" => given.today = self.take("today", &value, scalar::date),
                "thp_min_free" => {
                    given.reserve = self.take("thp_min_free", &value, scalar::reserve);
                }
                "systemd" => given.systemd = self.take("systemd", &value, scalar::yes_or_no),
                "boot_unit" => given.boot_unit = self.take("boot_unit", &value, scalar::yes_or_no),
                "description" => {}
                unknown => self.unknown(unknown, key.referenced),
            }
        }
        if let (Some(GivenNodes::Sizes(sizes)), Some(span)) = (&given.nodes, nodes_at) {
            // So many of them that each fits may have more than fits together.
            let sum = sizes.iter().map(|kb| u128::from(*kb)).sum::<u128>();
            let total = given.mem_total_kb.unwrap_or(scalar::MOST_KB);
            // All of it lies in nodes, but for what the kernel counts otherwise.
            let lacks = given.mem_total_kb.is_some_and(|total| sum < u128::from(total) * 9 / 10);
            if lacks || sum > total.into() {
                let (known, help) = match given.mem_total_kb {
                    Some(_) => {
                        ("mem_total is", "leave out mem_total, or make the nodes add up to it")
                    }
                    None => ("no host has more than", "write the size of each node"),
                };
                let message =
                    format!("numa_nodes: the nodes have {sum} kB together, {known} {total} kB");
                self.wrong.push(Diagnostic::error(span, message).help(help));
            }
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
        let text = value.value.trim();
        let size = MEMORY.contains(&field).then(|| Size::parse(text));
        let wrong = match size {
            Some(Err(error)) => error.to_string(),
            Some(Ok(_)) if larger_than_memory(text) => {
                QuantityError::TooLarge(text.to_owned()).to_string()
            }
            Some(Ok(_)) if field == "mem_total" && scalar::memory_kb(text).is_some() => {
                let unit = if text.parse::<u64>().is_ok() { " kB" } else { "" };
                format!("{text}{unit} is less than Linux runs in")
            }
            _ => format!("{text:?} cannot be taken"),
        };
        let span = self.span(value.referenced);
        self.wrong.push(
            Diagnostic::error(span, format!("{field}: {wrong}")).help(format!("write {what}")),
        );
    }

    fn node_sizes(&mut self, list: &Spanned<Vec<Spanned<String>>>) -> Option<GivenNodes> {
        let mut sizes = Vec::new();
        for size in &list.value {
            sizes.extend(self.take("numa_nodes", size, scalar::memory_kb));
        }
        if sizes.len() < list.value.len() {
            return None;
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
    /// The fields for conditions that are neither given nor worked out of others.
    fn unsaid(&self) -> Vec<&'static str> {
        let sizes = matches!(self.nodes, Some(GivenNodes::Sizes(_)));
        let said = [
            ("hostname", self.hostname.is_some()),
            ("kernel", self.kernel.is_some()),
            ("mem_total", self.mem_total_kb.is_some() || sizes),
            ("numa_nodes", self.mem_total_kb.is_some() || self.nodes.is_some()),
            ("virtualization", self.virtualization.is_some()),
        ];
        said.into_iter().filter(|(_, said)| !said).map(|(field, _)| field).collect()
    }

    /// The facts of the played host.
    fn onto(self, host: &Facts) -> Facts {
        let from_nodes = match &self.nodes {
            Some(GivenNodes::Sizes(sizes)) => {
                Some(sizes.iter().copied().fold(0, u64::saturating_add))
            }
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
            // That of the other host is not known.
            loader_patterns: None,
            early_modules: None,
            // What another host has in use is not known here.
            usage: Usage::default(),
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
