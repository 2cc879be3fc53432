//! The BPF program against the running kernel, in a cgroup and namespaces made for each test.
#![allow(clippy::print_stdout, reason = "a test that runs again in a child tells its parent")]

mod forms;
mod prevention;

use std::fs;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::{Command, Output};

use tunectl::key::Key;
use tunectl::observed::Namespace;
use tunectl::watch::bpf::{Admitted, Attempt, Bpf, Options, Wake, Wanted};

use crate::support::{self, is_root, left_out, run};

const KEY: &str = "net/ipv4/tcp_fin_timeout";

fn key(path: &str) -> Key {
    Key::from_path(path).unwrap()
}

/// Where cgroup v2 is mounted.
fn cgroup_root() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let mut found = mounts.lines().filter(|l| l.split(' ').nth(2) == Some("cgroup2"));
    found.next().and_then(|l| l.split(' ').nth(1)).map(PathBuf::from)
}

/// Runs a test in namespaces of its own where there is a cgroup v2 to attach to.
fn in_namespaces(test: &str, body: impl FnOnce()) {
    if cgroup_root().is_some() {
        support::in_namespaces(test, body);
    } else {
        left_out(test, "no cgroup v2 is mounted");
    }
}

/// A cgroup of its own, so that nobody else's writes are seen.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(test: &str) -> Self {
        let root = cgroup_root().unwrap();
        let path = root.join(format!("tunectl-{test}-{}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    /// Runs a command in it.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        run(self.command(program).args(arguments))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("sh");
        let enter = "echo 0 > \"$0\"/cgroup.procs && exec \"$@\"";
        command.args(["-c", enter]).arg(&self.0).arg(program);
        command
    }

    fn options(&self) -> Options {
        Options { cgroup: Some(self.0.clone()), ..Options::default() }
    }

    fn attach(&self, keys: &[Key]) -> Bpf {
        Bpf::attach_with(&Wanted { keys, prevent: &[] }, &self.options()).unwrap()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// An attempt that outlives the ring.
#[derive(Debug)]
struct Seen {
    pid: u32,
    tid: u32,
    uid: u32,
    comm: String,
    name: String,
    old: String,
    new: String,
    cut: (bool, bool),
    cgroup_id: u64,
    command_line: Option<String>,
    command_line_cut: bool,
    parent: Option<(u32, String)>,
    grandparent: Option<(u32, String)>,
    namespace: Option<Namespace>,
    denied: bool,
    position: u32,
    time_ns: u64,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

impl Seen {
    fn of(attempt: &Attempt<'_>) -> Self {
        let process = |p: Option<(u32, &[u8])>| p.map(|(pid, comm)| (pid, text(comm)));
        Self {
            pid: attempt.pid,
            tid: attempt.tid,
            uid: attempt.uid,
            comm: text(attempt.comm),
            name: text(attempt.name),
            old: text(attempt.old),
            new: text(attempt.new),
            cut: (attempt.old_cut, attempt.new_cut),
            cgroup_id: attempt.cgroup_id,
            command_line: attempt.command_line.map(text),
            command_line_cut: attempt.command_line_cut,
            parent: process(attempt.parent),
            grandparent: process(attempt.grandparent),
            namespace: attempt.namespace,
            denied: attempt.denied,
            position: attempt.position,
            time_ns: attempt.time_ns,
        }
    }
}

fn drain(bpf: &mut Bpf) -> Vec<Seen> {
    let mut seen = Vec::new();
    let count = bpf.drain(&mut |attempt| seen.push(Seen::of(attempt)));
    assert_eq!(count, seen.len());
    seen
}

/// What `write` prints when the kernel lets the value through, and when it does not.
const WRITTEN: &str = "written";
const REFUSED: &str = "Operation not permitted";

impl Cgroup {
    /// Writes `value` to `path` below /proc/sys in one write(2), by a shell that some other
    /// program may have been asked to start.
    fn write(&self, before: &[&str], path: &str, value: &str) -> String {
        // A shell itself writes line by line.
        let script = "printf %b \"$1\" | dd iflag=fullblock bs=4096 of=/proc/sys/\"$2\" \
            conv=notrunc,nocreat status=none && echo written";
        let mut command = self.command(before.first().unwrap_or(&"env"));
        command.args(before.iter().skip(1)).args(["sh", "-c", script, "sh", value, path]);
        let output = run(&mut command);
        text(&output.stdout) + &text(&output.stderr)
    }

    fn assert_written(&self, before: &[&str], path: &str, value: &str) {
        let output = self.write(before, path, value);
        assert!(output.contains(WRITTEN), "{before:?} {path} {value:?}: {output}");
    }

    fn assert_refused(&self, before: &[&str], path: &str, value: &str) {
        let output = self.write(before, path, value);
        assert!(output.contains(REFUSED), "{before:?} {path} {value:?}: {output}");
    }
}

fn live(path: &str) -> String {
    fs::read_to_string(format!("/proc/sys/{path}")).unwrap().trim().to_owned()
}

/// `TUNECTL_WRITERS` says how many.
#[test]
fn each_of_many_writers_is_named() {
    in_namespaces("watch_bpf::each_of_many_writers_is_named", || {
        let cgroup = Cgroup::new("named");
        let mut bpf = cgroup.attach(&[key(KEY)]);
        assert!(bpf.rung().pid && bpf.rung().comm, "{:?}", bpf.rung());
        assert!(bpf.rung().command_line && bpf.rung().namespaces, "{:?}", bpf.rung());
        let inode = std::os::unix::fs::MetadataExt::ino(&fs::metadata(&cgroup.0).unwrap());
        let mut old = "60".to_owned();
        let mut last_time = 0;
        let many = std::env::var("TUNECTL_WRITERS").map_or(200, |n| n.parse().unwrap());
        for number in 0..many {
            let value = (61 + number % 7).to_string();
            let setting = format!("net.ipv4.tcp_fin_timeout={value}");
            let mut child = cgroup.command("sysctl").args(["-qw", &setting]).spawn().unwrap();
            assert!(child.wait().unwrap().success());
            let seen = drain(&mut bpf);
            let [one] = &seen[..] else { panic!("{number}: {seen:?}") };
            assert_eq!((one.pid, one.tid, one.uid), (child.id(), child.id(), 0));
            assert_eq!((&*one.comm, &*one.name), ("sysctl", KEY));
            assert_eq!((&*one.old, &*one.new, one.cut), (&*old, &*value, (false, false)));
            // procps divides `key=value` in place, so that its arguments are one more by then.
            let divided = setting.replace('=', "\0");
            assert_eq!(one.command_line.as_deref(), Some(&*format!("sysctl\0-qw\0{divided}\0")));
            assert!(!one.command_line_cut && !one.denied);
            let parent = one.parent.as_ref().unwrap();
            assert_eq!(parent.0, std::process::id(), "{one:?}");
            assert!(one.grandparent.is_some(), "{one:?}");
            assert_eq!(one.cgroup_id, inode);
            assert_eq!(one.namespace, Some(Namespace::Host));
            assert!(one.time_ns > last_time);
            last_time = one.time_ns;
            old = value;
        }
        assert_eq!(bpf.lost(), 0);
    });
}

#[test]
fn a_writer_in_other_mount_and_pid_namespaces_is_named_by_the_hosts_ids() {
    in_namespaces(
        "watch_bpf::a_writer_in_other_mount_and_pid_namespaces_is_named_by_the_hosts_ids",
        || {
            let cgroup = Cgroup::new("pidns");
            let mut bpf = cgroup.attach(&[key(KEY)]);
            let arguments =
                ["-mpf", "--mount-proc", "sysctl", "-qw", "net.ipv4.tcp_fin_timeout=61"];
            assert!(cgroup.run("unshare", &arguments).status.success());
            let seen = drain(&mut bpf);
            let [one] = &seen[..] else { panic!("{seen:?}") };
            assert!(one.pid > 100, "the id in its own namespace is 1: {one:?}");
            assert_eq!((&*one.comm, &*one.old, &*one.new), ("sysctl", "60", "61"));
            assert_eq!(one.parent.as_ref().unwrap().1, "unshare");
            assert_eq!(one.grandparent.as_ref().unwrap().0, std::process::id());
            assert_eq!(one.namespace, Some(Namespace::Host), "its network is this one");
            assert_eq!(live(KEY), "61");
        },
    );
}

#[test]
fn only_wanted_names_are_recorded_and_others_from_then_on_that_are_wanted() {
    in_namespaces(
        "watch_bpf::only_wanted_names_are_recorded_and_others_from_then_on_that_are_wanted",
        || {
            let cgroup = Cgroup::new("wanted");
            let (one, other) = (key(KEY), key("net/ipv4/tcp_fin_timeouts"));
            let mut bpf = cgroup.attach(&[other.clone(), key("net/ipv4/tcp_keepalive_time")]);
            cgroup.assert_written(&[], KEY, "61");
            assert!(drain(&mut bpf).is_empty());

            bpf.rewatch(&Wanted { keys: &[one, other], prevent: &[] }).unwrap();
            cgroup.assert_written(&[], "net/ipv4/tcp_keepalive_time", "7000");
            cgroup.assert_written(&[], KEY, "62");
            let seen = drain(&mut bpf);
            assert_eq!(seen.len(), 1, "{seen:?}");
            assert_eq!((&*seen[0].name, &*seen[0].old, &*seen[0].new), (KEY, "61", "62"));

            bpf.rewatch(&Wanted::default()).unwrap();
            cgroup.assert_written(&[], KEY, "63");
            assert!(drain(&mut bpf).is_empty());
            assert_eq!(bpf.lost(), 0);
        },
    );
}

#[test]
fn values_are_their_first_line_and_marked_where_there_was_more() {
    in_namespaces("watch_bpf::values_are_their_first_line_and_marked_where_there_was_more", || {
        let cgroup = Cgroup::new("values");
        let reserved = "net/ipv4/ip_local_reserved_ports";
        let mut bpf = cgroup.attach(&[key(KEY), key(reserved)]);
        // The kernel takes one line, and dd comes back with the rest.
        cgroup.write(&[], KEY, "61\\nX=1\\n");
        let ports: Vec<String> = (0..60).map(|n| (1001 + 2 * n).to_string()).collect();
        let ports = ports.join(",");
        cgroup.assert_written(&[], reserved, &ports);
        cgroup.assert_written(&[], reserved, "5\\n");
        let seen = drain(&mut bpf);
        let shown: Vec<_> = seen.iter().map(|s| (&*s.old, &*s.new, s.cut)).collect();
        let long = &ports[..127];
        assert_eq!(
            shown,
            [
                ("60", "61", (false, true)),
                ("61", "X=1", (false, false)),
                ("", long, (false, true)),
                (long, "5", (true, false)),
            ]
        );
    });
}

/// A process may write over its arguments, as setproctitle(3) does, up to the last byte; the
/// kernel's own /proc/PID/cmdline then goes on into the environment.
#[test]
fn the_environment_is_never_read() {
    in_namespaces("watch_bpf::the_environment_is_never_read", || {
        if run(Command::new("perl").arg("-v")).stdout.is_empty() {
            return left_out("the_environment_is_never_read", "needs perl");
        }
        let cgroup = Cgroup::new("environment");
        let mut bpf = cgroup.attach(&[key(KEY)]);
        let script = r#"
            open(S, "</proc/self/stat"); my ($stat) = <S> =~ /.*\) (.*)/; close S;
            my ($start, $end) = (split / /, $stat)[45, 46];
            open(M, "+<", "/proc/self/mem"); binmode M;
            sysseek(M, $start, 0); syswrite(M, "x" x ($end - $start)); close M;
            open(C, "</proc/self/cmdline"); print $end - $start, " ", <C>; close C;
            open(F, ">/proc/sys/net/ipv4/tcp_fin_timeout"); syswrite(F, "61");
        "#;
        let mut command = cgroup.command("env");
        let output = run(command.args(["-i", "TOKEN=hunter2", "perl", "-e", script]));
        let output = text(&output.stdout);
        assert!(output.contains("TOKEN=hunter2"), "the danger is not there: {output}");
        let length: usize = output.split(' ').next().unwrap().parse().unwrap();
        let seen = drain(&mut bpf);
        let [one] = &seen[..] else { panic!("{seen:?}") };
        assert_eq!(one.command_line.as_deref(), Some(&*"x".repeat(length.min(512))));
        assert_eq!(one.command_line_cut, length > 512);

        // A short one, so that it is not the buffer's end that keeps the environment out.
        let script = "echo 62 > /proc/sys/net/ipv4/tcp_fin_timeout";
        let mut command = cgroup.command("env");
        run(command.args(["-i", "TOKEN=hunter2", "sh", "-c", script]));
        let seen = drain(&mut bpf);
        assert_eq!(seen[0].command_line.as_deref(), Some(&*format!("sh\0-c\0{script}\0")));
    });
}

#[test]
fn a_command_line_that_is_too_long_is_cut_and_marked() {
    in_namespaces("watch_bpf::a_command_line_that_is_too_long_is_cut_and_marked", || {
        let cgroup = Cgroup::new("long");
        let mut bpf = cgroup.attach(&[key(KEY)]);
        let (script, long) = ("echo 61 > /proc/sys/net/ipv4/tcp_fin_timeout", "y".repeat(600));
        assert!(cgroup.run("sh", &["-c", script, &long]).status.success());
        let seen = drain(&mut bpf);
        let line = seen[0].command_line.as_deref().unwrap();
        assert!(seen[0].command_line_cut);
        assert_eq!(line.len(), 512);
        assert!(line.starts_with("sh\0-c\0echo 61") && line.ends_with("yyy"), "{line:?}");
    });
}

#[test]
fn records_that_do_not_fit_are_counted_and_prevention_goes_on_without_them() {
    in_namespaces(
        "watch_bpf::records_that_do_not_fit_are_counted_and_prevention_goes_on_without_them",
        || {
            let cgroup = Cgroup::new("overflow");
            let options = Options { ring_bytes: 4096, ..cgroup.options() };
            let prevent = [(key("net/ipv4/tcp_keepalive_time"), Admitted::Between(7200, 7200))];
            let wanted = Wanted { keys: &[key(KEY)], prevent: &prevent };
            let mut bpf = Bpf::attach_with(&wanted, &options).unwrap();
            let many =
                "for i in $(seq 61 110); do echo $i > /proc/sys/net/ipv4/tcp_fin_timeout; done";
            assert!(cgroup.run("bash", &["-c", many]).status.success());
            cgroup.assert_refused(&[], "net/ipv4/tcp_keepalive_time", "1");
            let seen = drain(&mut bpf);
            assert!(!seen.is_empty() && seen.len() < 51);
            assert_eq!(seen.len() as u64 + bpf.lost(), 51);
            assert_eq!((&*seen[0].new, &*seen[1].new), ("61", "62"));

            // Read, it has room again, also over its end.
            let lost = bpf.lost();
            for value in 61..81 {
                cgroup.assert_written(&[], KEY, &value.to_string());
                let seen = drain(&mut bpf);
                assert_eq!(seen.len(), 1);
                assert_eq!(seen[0].new, value.to_string());
            }
            assert_eq!(bpf.lost(), lost);
        },
    );
}

#[test]
fn the_reader_is_woken_or_not_as_it_was_asked() {
    use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

    in_namespaces("watch_bpf::the_reader_is_woken_or_not_as_it_was_asked", || {
        let cgroup = Cgroup::new("wake");
        let own = fs::metadata("/proc/self/ns/mnt").unwrap();
        let own = u32::try_from(std::os::unix::fs::MetadataExt::ino(&own)).unwrap();
        let prevent = [(key("net/ipv4/tcp_keepalive_time"), Admitted::AtLeast(7200))];
        let keys = [key(KEY)];
        let wanted = Wanted { keys: &keys, prevent: &prevent };
        let attach = |wake| {
            let options = Options { wake, ..cgroup.options() };
            let bpf = Bpf::attach_with(&wanted, &options).unwrap();
            let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
            epoll.add(bpf.fd(), EpollEvent::new(EpollFlags::EPOLLIN, 1)).unwrap();
            (bpf, epoll)
        };
        let woken = |epoll: &Epoll| {
            let mut events = [EpollEvent::empty()];
            epoll.wait(&mut events, EpollTimeout::from(100_u8)).unwrap() == 1
        };
        let (mut bpf, epoll) = attach(Wake::Always);
        assert!(!woken(&epoll));
        for value in ["61", "62", "63"] {
            cgroup.assert_written(&[], KEY, value);
            assert!(woken(&epoll));
            assert_eq!(drain(&mut bpf).len(), 1);
            assert!(!woken(&epoll));
        }
        drop(bpf);

        let (mut bpf, epoll) = attach(Wake::OutsideOf(own));
        assert!(!woken(&epoll));
        cgroup.assert_written(&[], KEY, "64");
        assert!(!woken(&epoll), "fanotify does");
        // The one that is not read yet does not keep others from waking.
        cgroup.assert_written(&["unshare", "-m"], KEY, "65");
        assert!(woken(&epoll));
        assert_eq!(drain(&mut bpf).len(), 2);
        assert!(!woken(&epoll));
        cgroup.assert_refused(&[], "net/ipv4/tcp_keepalive_time", "1");
        assert!(woken(&epoll), "fanotify has no event of a refused write");
    });
}
