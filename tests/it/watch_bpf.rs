//! The BPF program against the running kernel, in a cgroup and namespaces made for each test.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tunectl::key::Key;
use tunectl::observed::Namespace;
use tunectl::watch::bpf::{Admitted, Attempt, Bpf, Options, Wanted};

use crate::support::{in_namespaces, run};

const KEY: &str = "net/ipv4/tcp_fin_timeout";

fn key(path: &str) -> Key {
    Key::from_path(path).unwrap()
}

/// A cgroup of its own, so that nobody else's writes are seen.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new(test: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
        let mut found = mounts.lines().filter(|l| l.split(' ').nth(2) == Some("cgroup2"));
        let root = found.next().and_then(|l| l.split(' ').nth(1)).expect("no cgroup v2 here");
        let path = PathBuf::from(root).join(format!("tunectl-{test}-{}", std::process::id()));
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
        for number in 0..200 {
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
