//! Every parameter that the catalogue knows, on a host that is played by files: how it is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use super::batch::strace;
use super::strace_injects;
use crate::operator::Host;
use tunectl::catalogue::{self, Hazard, Kind, Latch, Parameter};
use tunectl::key::Key;
use tunectl::value::{Rounding, Shape};

/// Two texts that the kernel takes for this parameter: what is there, and what is wanted.
fn values(p: Parameter) -> (String, String) {
    let range = p.ranges().first();
    let fits = |n: &i128| range.is_none_or(|r| (r.min..=r.max).contains(n));
    let near = range.map_or([0, 1], |r| [r.min, r.max]);
    let mut numbers = [2, 1, 3, 0, 64, 5000, 100_000].into_iter().chain(near).filter(fits);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    match p.shape() {
        // Nothing that was taken away comes back.
        _ if p.latch() == Some(Latch::Clears) => pair("3 3", "1 1"),
        Shape::Number | Shape::Bool | Shape::Numbers(_) => {
            let numbers = if p.shape() == Shape::Bool {
                [0, 1]
            } else {
                let first = numbers.next().unwrap();
                [first, numbers.find(|n| *n != first).unwrap()]
            };
            let count = p.shape().field_count().unwrap();
            let text = |n: i128| vec![n.to_string(); count].join(" ");
            (text(numbers[0]), text(numbers[1]))
        }
        Shape::Rounded(Rounding::Switch) => pair("0", "1"),
        Shape::Rounded(Rounding::PowerOfTwo | Rounding::WholePages) => pair("8192", "16384"),
        Shape::Rounded(_) => pair("2000", "3000"),
        Shape::Bitmap => pair("80", "81"),
        Shape::CpuMask => pair("1", "3"),
        Shape::Words | Shape::Names | Shape::Text(_) | Shape::Unknown => pair("one", "other"),
        Shape::Ipv6 => pair(
            "0000:0000:0000:0000:0000:0000:0000:0001",
            "0000:0000:0000:0000:0000:0000:0000:0002",
        ),
        Shape::HexGroups => {
            pair("00000001-00000002-00000003-00000004", "00000001-00000002-00000003-00000005")
        }
    }
}

/// Puts the parameters into as few batches as can be: what bears on another stands in one by itself.
fn batches() -> Vec<Vec<Parameter>> {
    let (mut together, mut other_halves, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    let mut halves = BTreeSet::new();
    for p in catalogue::all() {
        if matches!(p.kind(), Kind::Action | Kind::Counter) {
            continue;
        }
        if !p.effects().is_empty() || !p.order().is_empty() {
            alone.push(vec![p]);
        } else if p.pair().is_some_and(|other| halves.contains(other)) {
            other_halves.push(p);
        } else {
            halves.extend(p.key().rsplit('/').next());
            together.push(p);
        }
    }
    alone.extend([together, other_halves]);
    alone
}

/// Applies such a batch twice; how many parameters it has.
fn one_write_each(batch: &[Parameter]) -> usize {
    let host = Host::new();
    let log = host.work.join("trace");
    let guards = Hazard::GUARDS.join(", ");
    let mut text = String::from("name: every\nparameters:\n");
    let mut wanted = Vec::new();
    for p in batch {
        let path = p.key().replace('*', "eth0");
        let (before, after) = values(*p);
        host.file(&format!("proc/sys/{path}"), &format!("{before}\n"));
        let key = Key::from_path(&path).unwrap();
        writeln!(text, "  {key}: {{ value: '{after}', allow: [{guards}], reason: a test }}")
            .unwrap();
        wanted.push((path, after));
    }
    host.file("etc/tunectl/baseline.yaml", &text);
    let program = host.command(["apply"]);
    let options = ["-y", "-e", "trace=write,pwrite64,writev,lseek,openat,openat2", "-o"];
    let apply = || {
        let options = options.into_iter().chain([log.to_str().unwrap()]).collect::<Vec<_>>();
        let ran = host.told(strace(&options, &program).current_dir(&host.work).output().unwrap());
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
        fs::read_to_string(&log).unwrap()
    };
    let is_write =
        |line: &&str| [" write(", " pwrite64(", " writev("].iter().any(|c| line.contains(c));
    let lines = apply();
    let mut of_each: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines.lines() {
        let path = line.rsplit_once("/root/proc/sys/").and_then(|(_, path)| path.split_once('>'));
        if let Some((path, _)) = path {
            of_each.entry(path).or_default().push(line);
        }
    }
    for (path, after) in &wanted {
        let of_it = &of_each[path.as_str()];
        let writes: Vec<&&str> = of_it.iter().filter(|l| is_write(l)).collect();
        assert_eq!(writes.len(), 1, "{path}: {of_it:?}");
        let length = after.len() + 1;
        let whole = [format!(", {length}) = {length}"), format!(", {length}, 0) = {length}")];
        assert!(whole.iter().any(|end| writes[0].ends_with(end)), "{path}: {writes:?}");
        for call in ["lseek(", "O_TRUNC", "O_APPEND", "O_CREAT"] {
            assert!(!of_it.iter().any(|l| l.contains(call)), "{path}: {of_it:?}");
        }
        assert_eq!(host.value(path), *after);
    }
    let again = apply();
    let writes = again.lines().filter(|l| is_write(l) && l.contains("/proc/sys/"));
    assert_eq!(writes.collect::<Vec<_>>(), [""; 0], "the second apply writes nothing");
    batch.len()
}

#[test]
fn each_is_one_write_at_its_beginning_and_none_the_second_time() {
    if !strace_injects("transaction: every parameter of the catalogue") {
        return;
    }
    let mut written = 0;
    for batch in batches() {
        written += one_write_each(&batch);
    }
    assert!(written > 300, "{written}");
}
