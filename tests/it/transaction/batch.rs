//! A batch of 30: refused at any position it is as it was; and how each of its writes is made.

use std::fs;
use std::process::Command;

use super::{KEYS, Stands, host, key, stands, strace_injects};
use crate::daemon::harness::{fresh_host, live};
use crate::support::{in_namespaces, left_out};
use tunectl::persist::ledger;

/// strace, with what it traces, on the program with these arguments.
pub fn strace(options: &[&str], program: &Command) -> Command {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq"]).args(options).arg("--");
    strace.arg(program.get_program()).args(program.get_args()).env_clear();
    strace.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    strace
}

#[test]
fn refused_at_any_position_of_30_all_30_are_as_they_were() {
    if !strace_injects("transaction: a refused write at each position") {
        return;
    }
    let mut keys: Vec<String> = (0..KEYS).map(key).collect();
    keys.push("vm.min_free_kbytes".into());
    for (n, refused) in keys.iter().enumerate() {
        let error = ["EINVAL", "EPERM", "ENOENT", "EROFS"][n % 4];
        let host = host();
        let path = tunectl::key::Key::parse(refused).unwrap();
        let path = host.root.join("proc/sys").join(path.as_path());
        let inject = format!("inject=write:error={error}:when=1");
        let program = host.command(["apply"]);
        let options = ["-o", "/dev/null", "-P", path.to_str().unwrap(), "-e", &inject];
        let output = strace(&options, &program).current_dir(&host.work).output().unwrap();
        let ran = host.told(output);
        assert_eq!((ran.code, stands(&host)), (1, Stands::Old), "{refused}: {}", ran.out);
        assert!(ran.out.contains(&format!("! {refused}")), "{}", ran.out);
        assert!(ran.out.contains(error), "{}", ran.out);
        assert!(!ledger::exists(&host.root));
    }
}

/// 30 parameters of a network namespace's own.
pub const LEAVES: [&str; 15] = [
    "accept_local",
    "arp_accept",
    "arp_announce",
    "arp_filter",
    "arp_ignore",
    "arp_notify",
    "log_martians",
    "promote_secondaries",
    "proxy_arp",
    "rp_filter",
    "secure_redirects",
    "send_redirects",
    "shared_media",
    "src_valid_mark",
    "tag",
];

pub fn paths() -> impl Iterator<Item = String> {
    let of =
        |name: &'static str| LEAVES.iter().map(move |leaf| format!("net/ipv4/conf/{name}/{leaf}"));
    of("default").chain(of("lo"))
}

/// A baseline that asks for that value of each.
pub fn baseline(name: &str, value: u8) -> String {
    let lines = paths().map(|path| format!("  {path}: {value}\n"));
    format!("name: {name}\nparameters:\n{}", lines.collect::<String>())
}

/// Lines of a trace that have to do with parameters.
fn on_parameters(log: &str) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    text.lines().filter(|l| l.contains("</proc/sys/net/")).map(str::to_owned).collect()
}

#[test]
fn each_parameter_is_one_write_at_its_beginning_and_none_the_second_time() {
    let test =
        "transaction::batch::each_parameter_is_one_write_at_its_beginning_and_none_the_second_time";
    in_namespaces(test, || {
        fresh_host(&baseline("ones", 1));
        for path in paths() {
            fs::write(format!("/proc/sys/{path}"), "0").unwrap();
        }
        let mut program = Command::new(env!("CARGO_BIN_EXE_tunectl"));
        program.arg("apply");
        let log = "/run/trace";
        let options = ["-y", "-e", "trace=all", "-o", log];
        let ended = strace(&options, &program).output();
        if ended.is_err() {
            return left_out(test, "there is no strace");
        }
        assert!(ended.unwrap().status.success());
        let lines = on_parameters(log);
        for path in paths() {
            assert_eq!(live(&path), "1");
            let of_it: Vec<&String> =
                lines.iter().filter(|l| l.contains(&format!("</proc/sys/{path}>"))).collect();
            let writes: Vec<&&String> = of_it
                .iter()
                .filter(|l| l.contains(" write(") || l.contains(" pwrite64("))
                .collect();
            assert_eq!(writes.len(), 1, "{path}: {writes:?}");
            assert!(
                writes[0].contains("\"1\\n\", 2) = 2") || writes[0].contains("\"1\\n\", 2, 0)")
            );
            // Neither cut, nor written behind something else.
            for call in ["ftruncate(", "lseek(", "O_TRUNC", "O_APPEND", "writev("] {
                assert!(!of_it.iter().any(|l| l.contains(call)), "{path}: {of_it:?}");
            }
        }
        assert!(strace(&options, &program).output().unwrap().status.success());
        let writes = on_parameters(log).iter().filter(|l| l.contains("write")).count();
        assert_eq!(writes, 0, "the second apply writes nothing");
    });
}
