//! What several tests share: namespaces of their own, and saying what was left out.

use std::io::Write as _;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// How long a test waits for what is to happen.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Begins the line about a test, or a part of one, that was left out.
const LEFT_OUT: &str = "left out: ";

/// Whether the tests run as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Says on standard error, past the test harness's capture, that a test was left out, and why.
pub fn left_out(test: &str, why: &str) {
    let line = format!("{LEFT_OUT}{test}: {why}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Set in the child that runs a test body inside namespaces of its own.
const INSIDE: &str = "TUNECTL_TEST_INSIDE_NAMESPACES";

/// Runs `body` in new mount, network, IPC and UTS namespaces, where it may write what it likes
/// below `net.*`, kernel.sem and hostname, and mount over /etc, without touching the host.
///
/// `test` is the full name of the calling test (`kernel::writes_and_reads_back`): the body runs
/// in a child process that executes just that test again. Needs root; without, it is left out.
pub fn in_namespaces(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some_and(|t| t == test) {
        body();
        return;
    }
    if !is_root() {
        left_out(test, "needs root for namespaces of its own");
        return;
    }
    let output = run(Command::new("unshare")
        .args(["--mount", "--net", "--ipc", "--uts", "--propagation", "private"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, test));
    let text = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{test} failed inside its namespaces:\n{text}\n{told}"
    );
    for line in told.lines().filter(|line| line.starts_with(LEFT_OUT)) {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

/// Runs a command that must at least start.
pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|e| panic!("{command:?} does not start: {e}"))
}

/// A text for people without its line breaks and indents, which are where its width has them.
pub fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Waits for what is to happen, also on a machine that has other work.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The program run by setpriv(1), for whom permission bits count even where that is root. Nobody
/// else could start it from everywhere: /root is closed to others.
pub fn heeding_permissions(program: &Command) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all"]);
    command.arg(program.get_program()).args(program.get_args()).env_clear();
    for (name, value) in program.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    if let Some(dir) = program.get_current_dir() {
        command.current_dir(dir);
    }
    command
}
