//! The laws that the sources keep: who may name whom, and what a file looks like.

mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use names::{Found, Name, declared, module_of, names};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    Words,
    Knowledge,
    Core,
    Wire,
    Edge,
    Effect,
    Report,
    Cli,
}

impl Layer {
    /// Values in, values out: no file, clock, environment, logger or kernel.
    fn is_pure(self) -> bool {
        matches!(self, Self::Words | Self::Knowledge | Self::Core | Self::Wire | Self::Report)
    }

    /// The crates that its rooms may name, or the parts of crates.
    fn crates(self) -> &'static [&'static str] {
        match self {
            Self::Words => &["thiserror"],
            Self::Knowledge | Self::Wire => &["serde", "thiserror"],
            Self::Core => &[
                "granit_parser",
                "hmac_sha256",
                "jiff::civil",
                "serde",
                "serde_saphyr",
                "thiserror",
            ],
            Self::Edge => &[
                "jiff",
                "libc",
                "log",
                "memchr",
                "miniz_oxide",
                "nix",
                "rustix",
                "ruzstd",
                "serde",
                "serde_json",
                "serde_saphyr",
                "thiserror",
            ],
            Self::Effect => &["log", "thiserror"],
            Self::Report => {
                &["annotate_snippets", "anstyle", "nix::errno", "serde", "serde_json", "textwrap"]
            }
            Self::Cli => &[
                "anstream",
                "clap",
                "clap_complete",
                "env_logger",
                "jiff",
                "log",
                "nix",
                "serde",
                "serde_json",
                "terminal_size",
            ],
        }
    }
}

/// A room, its layer, and the rooms that it may name. Each names only rooms above it, so that
/// there are no circles.
pub const ROOMS: [(&str, Layer, &[&str]); 25] = [
    ("diagnostic", Layer::Words, &[]),
    ("key", Layer::Words, &[]),
    ("value", Layer::Words, &[]),
    ("observed", Layer::Knowledge, &["key", "value", "diagnostic"]),
    ("catalogue", Layer::Knowledge, &["key", "value", "diagnostic", "observed"]),
    ("baseline", Layer::Core, &["key", "value", "diagnostic", "observed", "catalogue"]),
    ("bootview", Layer::Core, &["key", "value", "diagnostic", "observed", "catalogue"]),
    (
        "diff",
        Layer::Core,
        &["key", "value", "diagnostic", "observed", "catalogue", "baseline", "bootview"],
    ),
    (
        "plan",
        Layer::Core,
        &["key", "value", "diagnostic", "observed", "catalogue", "baseline", "bootview", "diff"],
    ),
    ("drift", Layer::Core, &["key", "value", "diagnostic", "observed", "catalogue", "baseline"]),
    ("wire", Layer::Wire, &["key", "value", "diagnostic", "observed"]),
    ("fleet", Layer::Core, &["wire"]),
    ("below", Layer::Edge, &[]),
    ("intake", Layer::Edge, &[]),
    ("procsys", Layer::Edge, &["key", "value", "diagnostic", "observed", "below"]),
    ("probe", Layer::Edge, &["key", "value", "diagnostic", "observed", "below"]),
    ("persist", Layer::Edge, &["key", "value", "diagnostic", "observed", "wire", "below"]),
    ("sources", Layer::Edge, &["key", "value", "diagnostic", "observed", "below"]),
    ("watch", Layer::Edge, &["key", "value", "diagnostic", "observed", "below"]),
    ("spawn", Layer::Edge, &["watch"]),
    ("announce", Layer::Edge, &["observed", "wire", "spawn"]),
    (
        "apply",
        Layer::Effect,
        &["key", "value", "diagnostic", "observed", "plan", "below", "procsys", "persist"],
    ),
    (
        "report",
        Layer::Report,
        &[
            "key",
            "value",
            "diagnostic",
            "observed",
            "catalogue",
            "baseline",
            "bootview",
            "diff",
            "plan",
            "wire",
        ],
    ),
    (
        "trial",
        Layer::Effect,
        &[
            "key", "observed", "plan", "below", "procsys", "persist", "watch", "spawn", "apply",
            "report",
        ],
    ),
    (
        "daemon",
        Layer::Effect,
        &[
            "key",
            "value",
            "diagnostic",
            "observed",
            "catalogue",
            "baseline",
            "bootview",
            "diff",
            "drift",
            "plan",
            "wire",
            "below",
            "procsys",
            "persist",
            "watch",
            "apply",
            "report",
        ],
    ),
];

/// The parts of the standard library that a pure room may name.
const PURE_STD: [&str; 27] = [
    "borrow",
    "cell",
    "cmp",
    "collections",
    "convert",
    "error",
    "fmt",
    "hash",
    "iter",
    "mem",
    "net::IpAddr",
    "net::Ipv4Addr",
    "net::Ipv6Addr",
    "num",
    "ops",
    "path::Component",
    "path::Path",
    "path::PathBuf",
    "ptr::eq",
    "rc",
    "slice",
    "str",
    "string",
    "sync::Arc",
    "sync::LazyLock",
    "sync::OnceLock",
    "time::Duration",
];

/// Lints that hold the fences and forbid panics: switched off nowhere but where it says.
const PANICS: [&str; 6] =
    ["unwrap_used", "expect_used", "panic", "todo", "unimplemented", "unreachable"];
const GATES: [&str; 2] = ["disallowed_methods", "disallowed_types"];
const STREAMS: [&str; 3] = ["print_stdout", "print_stderr", "exit"];

const MOST_LINES: usize = 500;
const FEWEST_FILES: usize = 60;

fn layer(room: &str) -> Option<Layer> {
    ROOMS.iter().find(|r| r.0 == room).map(|r| r.1).or((room == "cli").then_some(Layer::Cli))
}

fn may_name(room: &str, other: &str) -> bool {
    room == other
        || if room == "cli" {
            layer(other).is_some()
        } else {
            ROOMS.iter().any(|r| r.0 == room && r.2.contains(&other))
        }
}

/// Every file below `src`, by its path there.
fn sources() -> BTreeMap<String, String> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = below(&src, "rs");
    assert!(files.len() >= FEWEST_FILES, "only {} files walked", files.len());
    files
}

fn below(dir: &Path, extension: &str) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut pending = vec![dir.to_owned()];
    while let Some(next) = pending.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                let name = path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// The crates that Cargo.toml lists for the program itself, as Rust spells them.
fn dependencies() -> BTreeSet<String> {
    let manifest = include_str!("../../Cargo.toml");
    let section = manifest.split("\n[").find_map(|s| s.strip_prefix("dependencies]\n")).unwrap();
    let names = section.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once('='));
    names.map(|(name, _)| name.trim().replace('-', "_")).collect()
}

fn starts_with(path: &[String], prefix: &str) -> bool {
    let prefix: Vec<_> = prefix.split("::").collect();
    path.len() >= prefix.len() && path.iter().zip(&prefix).all(|(a, b)| a == b)
}

/// What of `file` breaks the table, each as a sentence.
fn violations(file: &str, text: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let module = module_of(file);
    let Some(room) = module.first() else {
        return Vec::new();
    };
    let Some(layer) = layer(room) else {
        return vec![format!("{file}: the room `{room}` is not in the table")];
    };
    let mut broken = Vec::new();
    for Found { name, in_tests } in names(file, text) {
        let problem = match &name {
            Name::Inside(path) if may_name(room, &path[0]) => None,
            Name::Inside(path) => Some(format!("may not name crate::{}", path.join("::"))),
            Name::Root(written) => Some(format!("names the crate's root: {written}")),
            Name::Hidden(what) => Some(format!("cannot be read: {what}")),
            Name::Allowed(_) | Name::Outside(_) if in_tests => None,
            Name::Allowed(lint) => {
                let lint = lint.as_str();
                let shut = PANICS.contains(&lint)
                    || GATES.contains(&lint) && !matches!(layer, Layer::Edge | Layer::Cli)
                    || STREAMS.contains(&lint) && layer != Layer::Cli
                    || lint == "unsafe_code" && layer != Layer::Edge;
                shut.then(|| format!("switches the lint {lint} off"))
            }
            Name::Outside(path) => outside(layer, path, crates),
        };
        broken.extend(problem.map(|p| format!("{file}: {p}")));
    }
    broken
}

/// What is wrong with naming `path`, which leads out of the crate, in a room of `layer`.
fn outside(layer: Layer, path: &[String], crates: &BTreeSet<String>) -> Option<String> {
    let allowed = match path[0].as_str() {
        "std" | "core" | "alloc" => {
            !layer.is_pure() || PURE_STD.iter().any(|p| starts_with(&path[1..], p))
        }
        first if crates.contains(first) => layer.crates().iter().any(|c| starts_with(path, c)),
        _ => true,
    };
    (!allowed).then(|| format!("may not name {}", path.join("::")))
}

#[test]
fn rooms_name_only_what_the_table_lets_them() {
    let crates = dependencies();
    let sources = sources();
    let broken: Vec<String> = sources.iter().flat_map(|(f, t)| violations(f, t, &crates)).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
    for (room, ..) in ROOMS {
        let known = |f: &String| module_of(f).first().is_some_and(|r| r == room);
        assert!(sources.keys().any(known), "the table's room `{room}` is not in src");
    }
}

#[test]
fn the_table_has_no_circles() {
    for (i, (room, layer, others)) in ROOMS.iter().enumerate() {
        for other in *others {
            let above = ROOMS[..i].iter().find(|r| r.0 == *other);
            let above = above.unwrap_or_else(|| panic!("{room}: {other} does not stand above it"));
            assert!(!layer.is_pure() || above.1.is_pure(), "{room} is pure, {other} is not");
        }
    }
}

/// A room's way around the table, and what the check says of it.
#[test]
fn every_way_to_name_a_room_is_seen() {
    let planted = [
        ("diff.rs", "use crate::procsys::Kernel;"),
        ("diff.rs", "use crate::{key::Key, procsys};"),
        ("diff.rs", "use crate::{key::{self, Key}, procsys::{Kernel as K}};"),
        ("diff.rs", "pub use super::procsys::Kernel;"),
        ("diff.rs", "use super::{procsys as p};"),
        ("diff.rs", "use self::super::procsys;"),
        ("plan/order.rs", "use super::super::procsys;"),
        ("plan/mod.rs", "mod inner { mod deeper { use super::super::super::procsys; } }"),
        ("plan/tests.rs", "use crate::procsys;"),
        ("diff.rs", "mod tests { use super::super::procsys; }"),
        ("diff.rs", "fn f() { crate::procsys::open(); }"),
        ("diff.rs", "fn f() { use crate::procsys; }"),
        ("diff.rs", "fn f(_: Option<&dyn crate::procsys::Kernel>) {}"),
        ("diff.rs", "fn f<T>() where T: crate::procsys::Kernel {}"),
        ("diff.rs", "impl crate::procsys::Kernel for X {}"),
        ("diff.rs", "fn f() -> <X as crate::procsys::Kernel>::Y {}"),
        ("diff.rs", "fn f() { match x { crate::procsys::A => {} } }"),
        ("diff.rs", "fn f() { format!(\"{}\", crate::procsys::A); }"),
        ("diff.rs", "fn f() { m!({ use crate::{key, procsys}; }); }"),
        ("diff.rs", "macro_rules! m { () => { $crate::procsys::open() }; }"),
        ("plan/order.rs", "fn f() { vec![super::super::procsys::A]; }"),
        ("diff.rs", "#[serde(default = \"crate::procsys::open\")] struct S;"),
        ("diff.rs", "#[derive(crate::procsys::D)] struct S;"),
        ("diff.rs", "use crate as c;"),
        ("diff.rs", "use crate::{self as c};"),
        ("diff.rs", "use crate::*;"),
        ("diff.rs", "use super::*;"),
        ("diff.rs", "fn f() { m!($crate::$room::A); }"),
        ("diff.rs", "extern crate self as tunectl;"),
        ("diff.rs", "include!(\"procsys/live.rs\");"),
        ("diff.rs", "#[path = \"procsys/live.rs\"] mod live;"),
        ("diff.rs", "use std::fs;"),
        ("diff.rs", "use std::{collections::BTreeMap, env, fmt};"),
        ("diff.rs", "use std::time::{Duration, Instant};"),
        ("diff.rs", "use std::*;"),
        ("diff.rs", "fn f() { ::std::process::abort(); }"),
        ("diff.rs", "use nix::fcntl::open;"),
        ("diff.rs", "fn f() { log::info!(\"x\"); }"),
        ("diff.rs", "use log;"),
        ("report/words.rs", "use nix::unistd;"),
        ("diff.rs", "#[allow(clippy::unwrap_used)] fn f() {}"),
        ("cli/plan.rs", "#![expect(clippy::panic, reason = \"x\")]"),
        ("diff.rs", "#![cfg_attr(all(), allow(clippy::disallowed_methods))]"),
        ("persist/lock.rs", "#![allow(clippy::print_stdout)]"),
        ("persist/lock.rs", "use crate::procsys::Kernel;"),
        ("apply.rs", "use crate::diff::Diff;"),
        ("report/json.rs", "use crate::cli::Exit;"),
        ("report/json.rs", "use crate::report::words; use crate::main;"),
        ("helpers.rs", ""),
    ];
    let crates = BTreeSet::from(["nix", "log", "serde"].map(str::to_owned));
    for (file, text) in planted {
        let broken = violations(file, text, &crates);
        assert_eq!(broken.len(), 1, "{file}: {text}: {broken:?}");
    }
}

#[test]
fn what_the_table_lets_in_passes() {
    let planted = [
        ("diff.rs", "use crate::{key::{self, Key}, baseline::Desired as D};"),
        ("diff.rs", "#[cfg(test)] mod tests { use super::*; use crate::key; }"),
        ("diff.rs", "#[cfg(test)] mod tests { use proptest::prelude::*; use std::fs; }"),
        ("diff.rs", "#[cfg(test)] #[allow(clippy::unwrap_used)] mod tests {}"),
        ("plan/order.rs", "use super::{Item, note::Note}; pub(in super::super) fn f() {}"),
        ("plan/order.rs", "pub(crate) struct S; fn f() { matches!(x, Self::A | Kind::B) }"),
        ("plan/mod.rs", "/// See [`crate::procsys`] and `std::fs`.\nmod order;"),
        ("plan/mod.rs", "fn f() { assert!(x, \"{}\", \"crate::procsys::A\"); }"),
        ("diff.rs", "use std::{collections::{BTreeMap, BTreeSet}, fmt::{self, Write as _}};"),
        ("cli/host.rs", "use crate::{apply, persist, plan, probe, procsys, report}; use std::env;"),
        ("persist/lock.rs", "#![allow(clippy::disallowed_methods, reason = \"an edge\")]"),
        ("report/words.rs", "fn f() { nix::errno::Errno::from_raw(1); }"),
    ];
    let crates = BTreeSet::from(["nix", "proptest"].map(str::to_owned));
    for (file, text) in planted {
        let broken = violations(file, text, &crates);
        assert!(broken.is_empty(), "{file}: {text}: {broken:?}");
    }
}

#[test]
fn each_file_is_a_module_that_is_declared() {
    let sources = sources();
    let files: BTreeSet<_> =
        sources.keys().map(|f| module_of(f)).filter(|m| !m.is_empty()).collect();
    let declared: BTreeSet<_> = sources.iter().flat_map(|(f, t)| declared(f, t)).collect();
    let forgotten: Vec<_> = files.symmetric_difference(&declared).collect();
    assert!(forgotten.is_empty(), "in no `mod` line, or without a file: {forgotten:?}");
}

#[test]
fn each_dependency_is_named() {
    let crates = dependencies();
    assert!(crates.contains("clap") && crates.contains("serde_json"), "Cargo.toml: {crates:?}");
    let mut named = BTreeSet::new();
    for (file, text) in sources() {
        for found in names(&file, &text).into_iter().filter(|f| !f.in_tests) {
            if let Name::Outside(path) = found.name {
                named.insert(path[0].clone());
            }
        }
    }
    let idle: Vec<_> = crates.difference(&named).collect();
    assert!(idle.is_empty(), "in Cargo.toml, and named nowhere in src: {idle:?}");
}

#[test]
fn pure_rooms_forbid_unsafe_code() {
    let sources = sources();
    for (room, layer, _) in ROOMS {
        if !layer.is_pure() {
            continue;
        }
        let files = [format!("{room}.rs"), format!("{room}/mod.rs")];
        let text = files.iter().find_map(|f| sources.get(f)).unwrap();
        let tree = syn::parse_file(text).unwrap();
        let forbids = tree.attrs.iter().any(|a| {
            a.path().is_ident("forbid")
                && a.parse_args::<syn::Ident>().is_ok_and(|lint| lint == "unsafe_code")
        });
        assert!(forbids, "{room} does not open with #![forbid(unsafe_code)]");
    }
}

#[test]
fn each_file_says_what_it_is_and_is_one_idea() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        if !text.starts_with("//! ") {
            wrong.push(format!("{file} does not begin with a `//!` header"));
        }
        let lines = text.lines().count();
        let is_table = file.starts_with("catalogue/");
        if lines > MOST_LINES && !is_table {
            wrong.push(format!("{file} has {lines} lines, more than {MOST_LINES}"));
        }
        let vague = ["util", "utils", "common", "helper", "helpers", "manager", "misc"];
        if module_of(&file).iter().any(|m| vague.contains(&m.as_str())) {
            wrong.push(format!("{file} is not named for what it knows"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
