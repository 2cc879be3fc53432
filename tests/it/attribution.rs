//! Real processes, alive, dying and gone, and what is told of them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use tunectl::catalogue::{self, Kind};
use tunectl::observed::{Via, Writer};
use tunectl::watch::attribution::{Cgroups, Glance, SECRET_KEYS};

use crate::support::{is_root, left_out, until};

fn look(pid: u32) -> Writer {
    let mut glance = Glance::new();
    glance.take(pid);
    glance.take_rest();
    glance.writer(Via::Fanotify)
}

/// Starts a process, and waits until it runs what it was told to, which then says `ready`.
fn started(command: &mut Command) -> Child {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    child
}

fn state(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    Some(stat.rsplit(") ").next()?.chars().next()?.to_string())
}

#[test]
fn a_process_is_told_with_its_parent() {
    let script = "echo ready; read x # vm.swappiness=60 --password=hunter2";
    let mut child = started(Command::new("sh").args(["-c", script]));
    let writer = look(child.id());
    assert_eq!(writer.pid, Some(child.id()));
    assert_eq!(writer.comm.as_deref(), Some("sh"));
    let shell = std::fs::canonicalize("/bin/sh").unwrap();
    assert_eq!(writer.exe.as_deref(), shell.to_str());
    let line = writer.cmdline.unwrap();
    assert_eq!(line, "sh -c echo ready; read x # vm.swappiness=60 --password=***");
    assert_eq!(writer.uid, Some(nix::unistd::getuid().as_raw()));
    assert_eq!(writer.via, Via::Fanotify);
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|l| l.strip_prefix("0::"));
    assert_eq!(writer.cgroup.as_deref(), own);
    let login = std::fs::read_to_string("/proc/self/loginuid").ok();
    let login = login.and_then(|l| l.parse().ok()).filter(|&l: &u32| l != u32::MAX);
    assert_eq!(writer.login_uid, login);
    assert_eq!(writer.ancestors[0].pid, std::process::id());
    child.kill().unwrap();
    child.wait().unwrap();
}

/// `sudo` runs what it is asked to below a second one of itself: who asked stands above both.
#[test]
fn a_chain_of_parents_is_followed_past_twins() {
    let script = "bash -c 'bash -c \"sh -c \\\"echo ready; read x; true\\\"; true\"; true'; true";
    let mut child = started(Command::new("dash").args(["-c", script]));
    let mut pid = child.id();
    for _ in 0..3 {
        let children = format!("/proc/{pid}/task/{pid}/children");
        let Ok(text) = std::fs::read_to_string(&children) else {
            child.kill().unwrap();
            child.wait().unwrap();
            return left_out("attribution::a_chain_of_parents", "this kernel lists no children");
        };
        pid = text.split(' ').next().unwrap().parse().unwrap();
    }
    let writer = look(pid);
    let names: Vec<&str> = writer.ancestors.iter().map(|a| a.comm.as_str()).collect();
    assert_eq!(names, ["bash", "bash", "dash"], "{writer:?}");
    assert_eq!(writer.ancestors[2].pid, child.id());
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn another_user_is_told_by_number() {
    if !is_root() {
        return left_out("attribution::another_user", "needs root to become another user");
    }
    let arguments = ["--reuid", "65534", "--clear-groups", "sh", "-c", "echo ready; read x; true"];
    let mut child = started(Command::new("setpriv").args(arguments));
    let writer = look(child.id());
    assert_eq!((writer.uid, writer.comm.as_deref()), (Some(65534), Some("sh")));
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_zombie_is_told_as_far_as_the_kernel_keeps_it() {
    let mut child = Command::new("sleep").arg("0").spawn().unwrap();
    until("it has ended", || state(child.id()).as_deref() == Some("Z"));
    let writer = look(child.id());
    assert_eq!(writer.comm.as_deref(), Some("sleep"));
    assert_eq!((writer.cmdline, writer.exe), (None, None));
    assert!(writer.uid.is_some());
    assert_eq!(writer.ancestors[0].pid, std::process::id());
    child.wait().unwrap();
}

#[test]
fn who_is_gone_is_not_guessed() {
    let mut child = Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let gone = Writer { pid: Some(child.id()), via: Via::Fanotify, ..Writer::default() };
    assert_eq!(look(child.id()), gone);
    assert_eq!(look(0), Writer { pid: None, ..gone.clone() }, "of another pid namespace");

    // It dies between the two looks: the second tells nothing of whoever has its id then.
    let mut child = Command::new("sleep").arg("100").spawn().unwrap();
    // The kernel gives a program its name a moment before its arguments.
    until("it runs", || look(child.id()).cmdline.as_deref() == Some("sleep 100"));
    let mut glance = Glance::new();
    assert!(glance.take(child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    glance.take_rest();
    let writer = glance.writer(Via::Fanotify);
    assert_eq!(writer.cmdline.as_deref(), Some("sleep 100"));
    assert_eq!((writer.uid, writer.login_uid), (None, None));

    // Nothing of one look is left in the next.
    assert!(!glance.take(child.id()));
    glance.take_rest();
    assert_eq!(glance.writer(Via::Fanotify), Writer { pid: Some(child.id()), ..gone });
}

#[test]
fn a_thread_of_the_kernel_is_told_as_one() {
    let mut glance = Glance::new();
    if !glance.take(2) || glance.comm() != b"kthreadd" {
        return left_out("attribution::kernel_thread", "no kernel threads in this pid namespace");
    }
    glance.take_rest();
    let writer = glance.writer(Via::Fanotify);
    assert_eq!((writer.cmdline, writer.exe, writer.uid), (None, None, Some(0)));
}

#[test]
fn a_name_cannot_break_a_line() {
    let mut child = started(Command::new("bash").args([
        "-c",
        "printf 'a\\rb\\033[2J' > /proc/$BASHPID/comm; echo ready; read x",
        "x\ny\x1b[1m",
    ]));
    let writer = look(child.id());
    assert_eq!(writer.comm.as_deref(), Some("a\\u{d}b\\u{1b}[2J"));
    assert!(writer.cmdline.unwrap().ends_with(" x y\\u{1b}[1m"));
    drop(child.stdin.take());
    child.wait().unwrap();
}

/// The edge that masks command lines cannot ask the catalogue.
#[test]
fn the_names_that_are_masked_are_those_of_the_catalogue() {
    let secrets = catalogue::all().filter(|known| known.kind() == Kind::Secret);
    let mut names: Vec<_> = secrets.filter_map(|p| p.key().rsplit('/').next()).collect();
    names.sort_unstable_by(|a, b| b.cmp(a));
    names.dedup();
    assert_eq!((names.as_slice(), SECRET_KEYS), (&catalogue::SECRETS[..], catalogue::SECRETS));
}

/// A group's id leads to its path, also when the one process in it is gone.
#[test]
fn a_group_is_found_by_its_id() {
    use std::os::unix::fs::MetadataExt as _;

    let name = format!("tunectl-test-{}", std::process::id());
    let place = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
        .into_iter()
        .map(|root| format!("{root}/{name}"))
        .find(|path| std::fs::create_dir(path).is_ok());
    let Some(place) = place else {
        return left_out("attribution::a_group_is_found", "needs root, and a cgroup of its own");
    };
    let id = std::fs::metadata(&place).unwrap().ino();
    let mut groups = Cgroups::open();
    let found = groups.path(id);
    std::fs::remove_dir(&place).unwrap();
    let unified = std::fs::read_to_string("/proc/mounts").unwrap().contains(" cgroup2 ");
    if !unified {
        return left_out("attribution::a_group_is_found", "no unified hierarchy");
    }
    assert_eq!(found.as_deref(), Some(format!("/{name}").as_str()));
    assert_eq!(groups.path(id), found, "it is remembered");
    assert_eq!(Cgroups::open().path(id), None, "it is gone");
    assert_eq!(groups.path(0), None);
}
