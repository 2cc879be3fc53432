//! All integration tests, in one binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "tests")]

mod announce;
mod apply;
mod architecture;
mod attribution;
mod baseline_properties;
mod baselines;
mod boot;
mod bounds;
mod catalogue;
mod catalogue_net;
mod confirm;
mod daemon;
mod e2e;
mod edges;
mod events;
mod fleet;
mod hostile;
mod kernel;
mod loaders;
mod messages;
mod misnamed;
mod named;
mod next_boot;
mod operator;
mod output;
mod overridden;
mod packaging;
mod plan;
mod played;
mod preflight;
mod probe;
mod ramp;
mod readme;
mod recorded;
mod report;
mod roles;
mod rollback;
mod saved;
mod scripted;
mod status;
mod support;
mod told;
mod transaction;
mod unreached;
mod unread;
mod waivers;
mod watch_bpf;

/// A file in this folder that no `mod` line names would never run.
#[test]
fn no_file_is_forgotten() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it");
    let main = std::fs::read_to_string(format!("{dir}/main.rs")).unwrap();
    for entry in std::fs::read_dir(dir).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(module) = name.strip_suffix(".rs").filter(|m| *m != "main") {
            assert!(main.contains(&format!("mod {module};")), "{name} is not in main.rs");
        }
    }
}
