//! What is done while the program is built so that no run has to.
//!
//! The built-in baselines are read: each becomes a file `NAME.prepared` with its SHA-256 and its
//! document (`src/baseline/prepared.rs`). And the static program's relocations are packed, and what a
//! plan runs through is laid side by side (`packaging/plan.ld`).
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::print_stdout,
    reason = "the build reads files, writes files and tells cargo"
)]

use std::error::Error;
use std::fs;
use std::path::Path;

/// The rooms that a document is read by, as the program itself has them.
#[path = "src"]
#[allow(dead_code, unused_imports, reason = "the program uses the rest")]
mod rooms {
    pub mod diagnostic;
    pub mod key;
    pub mod observed;
    pub mod value;

    pub mod baseline {
        //! The part of the room that reads one text.
        pub mod misnamed;
        pub mod prepared;
        pub mod read;
        pub mod schema;
        pub mod syntax;
        pub mod when;
        pub mod yaml;
    }
}

use rooms::baseline::{prepared, read, yaml};
// The rooms name each other from the crate's root.
use rooms::{diagnostic, key, observed, value};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=baselines");
    if packs_relocations() {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
    println!("cargo::rerun-if-changed=packaging/plan.ld");
    if is("CARGO_CFG_TARGET_ENV", "musl") && is("PROFILE", "release") {
        let script = std::env::current_dir()?.join("packaging/plan.ld");
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", script.display());
    }
    prepare()
}

/// Whether the C library that comes with the compiler applies packed relocations, which a start
/// then reads 1 kB of instead of 60: musl 1.2.4 or newer, which Rust 1.93 brought. A linker that
/// does not know them leaves them as they are.
fn packs_relocations() -> bool {
    if !is("CARGO_CFG_TARGET_ENV", "musl") || !is("CARGO_CFG_TARGET_ARCH", "x86_64") {
        return false;
    }
    let compiler = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let Ok(told) = std::process::Command::new(compiler).arg("--version").output() else {
        return false;
    };
    // rustc 1.95.0 (…)
    let told = String::from_utf8_lossy(&told.stdout);
    let minor = told.strip_prefix("rustc 1.").and_then(|rest| rest.split('.').next());
    minor.and_then(|minor| minor.parse().ok()).is_some_and(|minor: u32| minor >= 93)
}

fn is(what: &str, value: &str) -> bool {
    std::env::var(what).is_ok_and(|v| v == value)
}

fn prepare() -> Result<(), Box<dyn Error>> {
    let to = std::env::var("OUT_DIR")?;
    for entry in fs::read_dir("baselines")? {
        let path = entry?.path();
        let Some(name) = path.file_name().and_then(|n| n.to_str()?.strip_suffix(".yaml")) else {
            continue;
        };
        let text = fs::read_to_string(&path)?;
        let (tree, mut problems) = yaml::parse(0, &text);
        let (document, more) = read::document(0, &tree.ok_or("not YAML")?);
        problems.extend(more);
        if let Some(problem) = problems.first() {
            return Err(format!("{}: {problem:?}", path.display()).into());
        }
        let mut bytes = Vec::with_capacity(text.len());
        for byte in hmac_sha256::Hash::hash(text.as_bytes()) {
            bytes.extend_from_slice(format!("{byte:02x}").as_bytes());
        }
        bytes.extend_from_slice(&prepared::write(&document));
        fs::write(Path::new(&to).join(format!("{name}.prepared")), bytes)?;
    }
    Ok(())
}
