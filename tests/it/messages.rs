//! What an operator is told of a baseline that cannot be used: every message, as it is seen.

use std::path::Path;

use crate::operator::{Golden, Host, cases};

/// Runs `plan` on each baseline of a directory, and compares everything that is said with the
/// file beside it. A baseline with errors says nothing on standard output; no run leaves a trace.
fn compare(dir: &str, least: usize) {
    let mut golden = Golden::default();
    let host = Host::usual();
    let cases = cases(dir, ".yaml");
    assert!(cases.len() >= least, "{} cases in {dir}", cases.len());
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        host.given(name, std::fs::read(case).unwrap());
    }
    let before = host.tree();
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        let ran = host.run(["plan", "-b", &format!("./{name}")]);
        assert!(ran.code == 0 || ran.out.is_empty(), "{name} has errors and prints a plan");
        assert!(!ran.err.contains("panicked"), "{name}: {}", ran.err);
        // What a plan of it looks like is shown elsewhere; here it matters that there is one.
        let told = if ran.code == 0 {
            format!("{}-- a plan, and exit 0\n", ran.err)
        } else {
            format!("{}-- exit {}\n", ran.err, ran.code)
        };
        golden.check(&Path::new(case).with_extension("txt"), &told);
    }
    assert_eq!(host.tree(), before, "a plan leaves no trace");
    golden.finish();
}

#[test]
fn of_one_file() {
    compare("messages", 70);
}

#[test]
fn of_layers() {
    compare("messages/layers", 20);
}
