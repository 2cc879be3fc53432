//! The real program, run as an operator runs it, on a host that is played by files.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

/// A host below a directory of its own, and beside it the operator's working directory.
pub struct Host {
    base: PathBuf,
    /// Where the host's `/` is.
    pub root: PathBuf,
    /// Where the program is started, so that relative paths show as they were given.
    pub work: PathBuf,
}

/// The nth system call of a name that a run makes.
#[derive(Debug)]
pub struct Call {
    name: String,
    nth: usize,
}

impl Call {
    /// What has strace kill the program there.
    pub fn killing(&self) -> String {
        format!("inject={}:signal=KILL:when={}", self.name, self.nth)
    }
}

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Ran {
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// Exit code.
    pub code: i32,
}

impl Host {
    /// A machine of 64 GiB on two nodes with Linux 6.18 that boots with systemd. It has no
    /// parameters beyond those that tell who it is.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let base = std::env::temp_dir().join(format!("tunectl-host-{}-{n}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        let host = Self { root: base.join("root"), work: base.join("work"), base };
        fs::create_dir_all(&host.work).unwrap();
        host.file("proc/meminfo", "MemTotal:       67108864 kB\nHugepagesize:       2048 kB\n");
        for node in 0..2 {
            let text = format!("Node {node} MemTotal:       33554432 kB\n");
            host.file(&format!("sys/devices/system/node/node{node}/meminfo"), &text);
        }
        host.file("sys/devices/system/node/online", "0-1\n");
        host.file("usr/lib/systemd/systemd-sysctl", "");
        host.live(
            "kernel.osrelease = 6.18.44\nkernel.hostname = broker-7\n\
             kernel.random.boot_id = 6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c\n",
        );
        host
    }

    /// The same with the parameters that most baselines speak of, at their defaults.
    pub fn usual() -> Self {
        let host = Self::new();
        host.live(include_str!("../golden/usual-host.txt"));
        host
    }

    /// Writes a file of the host, with the directories above it.
    pub fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Sets parameters from lines `key = value`, as `sysctl -a` prints them.
    pub fn live(&self, lines: &str) -> &Self {
        for line in lines.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
            let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("no `=`: {line}"));
            let key = tunectl::key::Key::parse(key.trim()).unwrap();
            self.file(&format!("proc/sys/{}", key.as_path()), &format!("{}\n", value.trim()));
        }
        self
    }

    /// What a parameter reads.
    pub fn value(&self, key: &str) -> String {
        let key = tunectl::key::Key::parse(key).unwrap();
        let text = fs::read_to_string(self.root.join("proc/sys").join(key.as_path())).unwrap();
        text.trim_end().to_owned()
    }

    /// Sets a file's permissions.
    pub fn mode(&self, path: &str, mode: u32) -> &Self {
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    /// Writes a file of the operator's, such as `baseline.yaml`.
    pub fn given(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        let path = self.work.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// The program, ready to be started on this host in an environment of its own.
    pub fn command<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tunectl"));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm-256color")
            .current_dir(&self.work)
            .arg("--root")
            .arg(&self.root)
            .args(args)
            .stdin(Stdio::null());
        command
    }

    /// Runs the program.
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Ran {
        self.told(self.command(args).output().unwrap())
    }

    /// Each system call of a run, as strace is told to meet it: it counts each name by itself, so
    /// that of all calls together it would meet only those that are the first to be made so often.
    pub fn calls<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Vec<Call> {
        let log = self.work.join("calls");
        let program = self.command(args);
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-o"]).arg(&log).arg("--");
        strace.arg(program.get_program()).args(program.get_args()).env_clear();
        strace.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        strace.current_dir(&self.work).stdin(Stdio::null()).output().unwrap();
        let text = fs::read_to_string(log).unwrap();
        let mut made = std::collections::BTreeMap::new();
        let names = text.lines().filter_map(|line| Some(line.split_once('(')?.0));
        names
            .map(|name| {
                let nth: &mut usize = made.entry(name.to_owned()).or_default();
                *nth += 1;
                Call { name: name.to_owned(), nth: *nth }
            })
            // With these it begins and ends.
            .filter(|call| !["execve", "exit_group"].contains(&call.name.as_str()))
            .collect()
    }

    /// The output with this host's directories as `ROOT` and `WORK`.
    pub fn told(&self, output: Output) -> Ran {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap()
                .replace(self.root.to_str().unwrap(), "ROOT")
                .replace(self.work.to_str().unwrap(), "WORK")
        };
        Ran {
            out: text(output.stdout),
            err: text(output.stderr),
            code: output.status.code().unwrap_or_else(|| panic!("killed: {}", output.status)),
        }
    }

    /// Every file of the host with its content, to show that nothing was written.
    pub fn tree(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn descend(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                let kind = fs::symlink_metadata(&path).unwrap().file_type();
                if kind.is_dir() {
                    descend(&path, found);
                } else {
                    let content =
                        if kind.is_file() { fs::read(&path).unwrap_or_default() } else { vec![] };
                    found.push((path, content));
                }
            }
        }
        let mut found = Vec::new();
        descend(&self.base, &mut found);
        found.sort();
        found
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.base);
    }
}

impl Ran {
    /// Both streams and the exit code as one text.
    pub fn transcript(&self) -> String {
        let mut text = String::new();
        for (name, stream) in [("stdout", &self.out), ("stderr", &self.err)] {
            if !stream.is_empty() {
                text = text + "-- " + name + "\n" + stream;
                if !stream.ends_with('\n') {
                    text += "\n(no line break)\n";
                }
            }
        }
        text + &format!("-- exit {}\n", self.code)
    }
}

/// Texts compared with files; all differences are told at the end.
#[derive(Default)]
pub struct Golden {
    differences: Vec<String>,
}

impl Golden {
    /// Compares `actual` with the file; `SNAPSHOTS=overwrite` writes it.
    pub fn check(&mut self, file: &Path, actual: &str) {
        let expected = Data::read_from(file, Some(DataFormat::Text)).raw();
        let name = file.display().to_string();
        let result = Assert::new().action_env("SNAPSHOTS").try_eq(
            Some(&name),
            Data::text(actual).raw(),
            expected,
        );
        if let Err(error) = result {
            self.differences.push(error.to_string());
        }
    }

    /// Fails if anything differed.
    pub fn finish(self) {
        if !self.differences.is_empty() {
            let _ = std::io::stderr().write_all(self.differences.join("\n").as_bytes());
            panic!("{} differ from tests/golden", self.differences.len());
        }
    }
}

/// The entries of a directory below tests/golden whose names end so, in order.
pub fn cases(dir: &str, ending: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(dir);
    let mut found: Vec<PathBuf> = fs::read_dir(&dir)
        .unwrap_or_else(|e| panic!("{}: {e}", dir.display()))
        .map(|e| e.unwrap().path())
        .filter(|p| p.to_str().is_some_and(|p| p.ends_with(ending)))
        .collect();
    found.sort();
    found
}
