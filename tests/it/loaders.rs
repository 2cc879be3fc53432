//! The boot view against the loaders that it models, in network and mount namespaces of their own.
//!
//! `TUNECTL_TREES` says how many random trees, `TUNECTL_SEED` with which seed to start.

mod cascades;
mod divergences;
mod trees;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tunectl::bootview::{Assignment, BootView, Loader};
use tunectl::key::Key;
use tunectl::observed::{ConfBody, ConfDir, ConfFile, ConfTree, Errno};
use tunectl::persist::conf::read_conf_tree;

use crate::support::{in_namespaces, left_out, run};
use divergences::DIVERGENCES;
use trees::{Entry, KEYS, Tree};

const SYSTEMD: [&str; 2] = ["/lib/systemd/systemd-sysctl", "/usr/lib/systemd/systemd-sysctl"];
const PROCPS: [&str; 3] = ["/usr/sbin/sysctl", "/sbin/sysctl", "/usr/bin/sysctl"];

fn number_from(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |v| v.parse().unwrap())
}

/// The loader's program and arguments; `None`, and said so, where it is not installed.
fn command(loader: Loader, test: &str) -> Option<Vec<String>> {
    let (places, arguments): (&[&str], &[&str]) = match loader {
        Loader::Systemd => (&SYSTEMD, &[]),
        Loader::Procps => (&PROCPS, &["--system"]),
    };
    let Some(program) = places.iter().find(|p| Path::new(p).exists()) else {
        left_out(test, &format!("{loader} is not installed"));
        return None;
    };
    Some(std::iter::once(program).chain(arguments).map(|s| (*s).to_owned()).collect())
}

fn carry_out(command: &[String]) {
    let status = Command::new(&command[0])
        .args(&command[1..])
        .env("LC_ALL", "C")
        .env("SYSTEMD_LOG_TARGET", "null")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.code().is_some(), "{command:?} was killed: {status}");
}

fn place(path: &str) -> PathBuf {
    Path::new("/proc/sys").join(path)
}

fn live(path: &str) -> String {
    fs::read_to_string(place(path)).unwrap().trim_end_matches('\n').to_owned()
}

/// One write, as a loader does it; whether the kernel took it.
fn write(path: &str, value: &str) -> bool {
    fs::write(place(path), format!("{value}\n")).is_ok()
}

fn reset(keys: &[(&str, &str)]) {
    for (path, value) in keys {
        assert!(write(path, value), "{path} cannot be reset to {value:?}");
    }
}

/// Interfaces and mounts that the trees are about. Only ever called in namespaces of our own.
fn prepare() {
    let ours = fs::read_link("/proc/self/ns/mnt").unwrap();
    let parent = std::os::unix::process::parent_id();
    let hosts = fs::read_link(format!("/proc/{parent}/ns/mnt")).unwrap();
    assert_ne!(ours, hosts, "this would mount over the host's own /etc");
    let ip = |arguments: &str| run(Command::new("ip").args(arguments.split(' '))).status.success();
    let dummies = ip("link add dummy0 type dummy") && ip("link add dummy0.100 type dummy");
    assert!(dummies || ip("link add dummy0 type veth peer name dummy0.100"), "no interfaces");
    for dir in ["/etc", "/run", "/usr/local/lib", "/usr/lib/sysctl.d"] {
        fs::create_dir_all(dir).unwrap();
        let mounted = run(Command::new("mount").args(["-t", "tmpfs", "tmpfs", dir]));
        assert!(mounted.status.success(), "{dir}: {mounted:?}");
    }
}

/// What a key reads after the writes that the view lists, one by one.
fn after_writes(view: &BootView, loader: Loader, path: &str, initial: &str) -> String {
    assert!(write(path, initial));
    for assignment in view.writes_to(loader, &Key::from_path(path).unwrap()) {
        write(path, &assignment.value);
    }
    live(path)
}

/// What the winner alone makes of a key that holds one number; `None` where that proves nothing,
/// because the kernel refuses the value or keeps fields that it does not mention.
fn after_winner(view: &BootView, loader: Loader, path: &str, initial: &str) -> Option<String> {
    let winner = view.winner(loader, &Key::from_path(path).unwrap())?;
    assert!(write(path, initial));
    (write(path, &winner.value) && !initial.contains(' ')).then(|| live(path))
}

/// Not modelled, and told as a problem: procps tries a long value again in pieces, divided at a
/// comma, where the kernel refused it as a whole.
fn written_in_pieces(write: &Assignment) -> bool {
    write.value.len() >= 4096 && write.value.contains(',')
}

#[test]
fn agree_with_the_boot_view() {
    const TEST: &str = "loaders::agree_with_the_boot_view";
    in_namespaces(TEST, || {
        prepare();
        let loaders: Vec<(Loader, Vec<String>)> =
            Loader::ALL.into_iter().filter_map(|l| Some((l, command(l, TEST)?))).collect();
        let (first, count) = (number_from("TUNECTL_SEED", 1), number_from("TUNECTL_TREES", 60));
        let (mut written, mut diverging) = (0, 0);
        for seed in first..first + count {
            let tree = Tree::random(seed);
            Tree::clear(Path::new("/"));
            tree.write(Path::new("/"));
            let view = BootView::new(&read_conf_tree(Path::new("/")));
            let mut results = Vec::new();
            for (loader, command) in &loaders {
                let expected = KEYS.map(|(path, at)| after_writes(&view, *loader, path, at));
                let winners = KEYS.map(|(path, at)| after_winner(&view, *loader, path, at));
                reset(&KEYS);
                carry_out(command);
                let found = KEYS.map(|(path, _)| live(path));
                for (at, (path, _)) in KEYS.iter().enumerate() {
                    let writes = view.writes_to(*loader, &Key::from_path(path).unwrap());
                    if *loader == Loader::Procps && writes.iter().any(|w| written_in_pieces(w)) {
                        continue;
                    }
                    let context = || {
                        format!(
                            "{loader} disagrees on {path}; replay with TUNECTL_SEED={seed} \
                             TUNECTL_TREES=1\nview: {writes:#?}\n{tree}"
                        )
                    };
                    assert_eq!(found[at], expected[at], "{}", context());
                    if let Some(winner) = &winners[at] {
                        assert_eq!(&found[at], winner, "the winner alone: {}", context());
                    }
                    written += usize::from(!writes.is_empty());
                }
                results.push(found);
            }
            diverging += usize::from(results.windows(2).any(|w| w[0] != w[1]));
        }
        // A generator that writes nothing, or nothing that tells the loaders apart, proves nothing.
        assert!(count < 20 || written > usize::try_from(count).unwrap(), "{written} keys written");
        assert!(count < 20 || loaders.len() < 2 || diverging > 0, "the loaders never differ");
    });
}

#[test]
fn part_where_they_are_known_to() {
    const TEST: &str = "loaders::part_where_they_are_known_to";
    in_namespaces(TEST, || {
        prepare();
        let commands = Loader::ALL.map(|l| command(l, TEST));
        for (files, path, expected, why) in DIVERGENCES {
            let entry = |text: &str| match text.strip_prefix("-> ") {
                Some(target) => Entry::Link(target.into()),
                None => Entry::Text(text.into()),
            };
            let tree = Tree(files.iter().map(|(p, t)| ((*p).to_owned(), entry(t))).collect());
            Tree::clear(Path::new("/"));
            tree.write(Path::new("/"));
            let view = BootView::new(&read_conf_tree(Path::new("/")));
            let initial = KEYS.iter().find(|(p, _)| *p == path).unwrap().1;
            for ((loader, command), expected) in
                Loader::ALL.into_iter().zip(&commands).zip(expected)
            {
                let seen = after_writes(&view, loader, path, initial);
                assert_eq!(seen, expected, "the view of {loader}: {why}\n{tree}");
                let Some(command) = command else { continue };
                reset(&KEYS);
                carry_out(command);
                assert_eq!(live(path), expected, "{loader} itself: {why}\n{tree}");
            }
        }
    });
}

/// A directory of its own that goes away with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tunectl-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a tree holds, worked out without a file system.
fn in_memory(tree: &Tree) -> ConfTree {
    let body = |path: &str| {
        let mut path = path.to_owned();
        loop {
            if path == "/dev/null" {
                return ConfBody::Masked;
            }
            match tree.0.iter().find(|(p, _)| *p == path).map(|(_, entry)| entry) {
                None => return ConfBody::Unreadable(Errno::ENOENT),
                Some(Entry::Directory) => return ConfBody::Directory,
                Some(Entry::Text(bytes)) => return ConfBody::of(bytes.clone()),
                Some(Entry::Link(to)) => {
                    let next = match to.strip_prefix("../") {
                        Some(name) => format!("{}/{name}", grandparent(&path)),
                        None if to.starts_with('/') => to.clone(),
                        None => format!("{}/{to}", parent(&path)),
                    };
                    if next == path {
                        return ConfBody::Unreadable(Errno::ELOOP);
                    }
                    path = next;
                }
            }
        }
    };
    let file = |(path, entry): &(String, Entry)| ConfFile {
        path: path.as_str().into(),
        link: match entry {
            Entry::Link(to) => Some(to.clone()),
            _ => None,
        },
        body: if path.as_bytes().ends_with(b".conf") { body(path) } else { ConfBody::NotRead },
    };
    let dirs = ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];
    let dirs = dirs.map(|dir| ConfDir {
        path: dir.to_owned(),
        files: tree.0.iter().filter(|(path, _)| parent(path) == dir).map(file).collect(),
        closed: None,
    });
    let sysctl_conf = tree.0.iter().find(|(path, _)| path == "/etc/sysctl.conf").map(file);
    ConfTree { dirs: dirs.into(), sysctl_conf, cmdline: "quiet sysctl.net.ipv4.tcp_rmem=1".into() }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').unwrap().0
}

fn grandparent(path: &str) -> &str {
    parent(parent(path))
}

fn sorted(mut tree: ConfTree) -> ConfTree {
    tree.dirs.iter_mut().for_each(|d| d.files.sort_by(|a, b| a.path.cmp(&b.path)));
    tree
}

/// Needs no root: the same trees below another root read as they were written, and give the same
/// winners.
#[test]
fn a_tree_below_another_root_reads_as_it_was_written() {
    let scratch = Scratch::new("trees");
    let root = scratch.0.as_path();
    fs::create_dir_all(root.join("proc")).unwrap();
    fs::create_dir_all(root.join("usr/lib")).unwrap();
    std::os::unix::fs::symlink("/usr/lib", root.join("lib")).unwrap();
    fs::write(root.join("proc/cmdline"), "quiet sysctl.net.ipv4.tcp_rmem=1\n").unwrap();
    let (first, count) = (number_from("TUNECTL_SEED", 1), number_from("TUNECTL_TREES", 60));
    let mut winners = 0;
    for seed in first..first + count {
        let tree = Tree::random(seed);
        Tree::clear(root);
        tree.write(root);
        let (read, expected) = (read_conf_tree(root), in_memory(&tree));
        assert_eq!(sorted(read.clone()), sorted(expected.clone()), "TUNECTL_SEED={seed}\n{tree}");
        let (read, expected) = (BootView::new(&read), BootView::new(&expected));
        for loader in Loader::ALL {
            assert_eq!(read.files(loader), expected.files(loader), "TUNECTL_SEED={seed}\n{tree}");
            for (path, _) in KEYS {
                let key = Key::from_path(path).unwrap();
                let winner = read.winner(loader, &key);
                assert_eq!(winner, expected.winner(loader, &key), "TUNECTL_SEED={seed}\n{tree}");
                winners += usize::from(winner.is_some());
            }
        }
    }
    assert!(winners > 0);
}
