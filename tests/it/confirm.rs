//! A trial: live values that nobody has to take back by hand, whatever becomes of whoever began it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tunectl::apply::{Options, apply};
use tunectl::key::Key;
use tunectl::observed::{Original, Originals};
use tunectl::persist::holds::Holds;
use tunectl::persist::originals;
use tunectl::plan;
use tunectl::procsys::Kernel as _;
use tunectl::trial;

use crate::apply::planned_here;
use crate::operator::{Host, Ran};
use crate::scripted::ScriptedKernel;
use crate::support::{in_namespaces, left_out, until};

const BOOT_ID: &str = "6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c";
const BASELINE: &str = "name: tried\nparameters: { vm.swappiness: 10, vm.max_map_count: 655360 }\n";
const DROPIN: &str = "etc/sysctl.d/99-tunectl.conf";

fn host() -> Host {
    let host = Host::usual();
    host.file("etc/tried.yaml", BASELINE);
    host
}

fn begin(host: &Host, within: &str, more: &[&str]) -> Ran {
    let args = ["apply", "-b", "/etc/tried.yaml", "--confirm-within", within];
    host.run(args.into_iter().chain(more.iter().copied()))
}

#[track_caller]
fn begun(host: &Host, within: &str, more: &[&str]) {
    let ran = begin(host, within, more);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("2 written, on trial, nothing persisted yet"), "{}", ran.out);
    // One of seconds, or with a check, may have ended before anybody can look.
    if within == "1h" && more.is_empty() {
        assert!(is_live(host) && is_nothing_persisted(host));
    }
}

fn is_live(host: &Host) -> bool {
    host.value("vm.swappiness") == "10" && host.value("vm.max_map_count") == "655360"
}

fn is_as_before(host: &Host) -> bool {
    host.value("vm.swappiness") == "60" && host.value("vm.max_map_count") == "65530"
}

fn is_nothing_persisted(host: &Host) -> bool {
    let there = |path: &str| host.root.join(path).exists();
    !there(DROPIN) && !there("etc/tunectl/baseline.yaml")
}

#[track_caller]
fn keeper_in(root: &Path) -> u32 {
    let text = fs::read_to_string(root.join("run/tunectl/keeper")).unwrap();
    text.strip_prefix("pid ").unwrap().parse().unwrap()
}

/// Kills the keeper, and waits until the kernel has taken its lock away.
fn kill_keeper(root: &Path) {
    let text = fs::read_to_string(root.join("run/tunectl/keeper")).unwrap();
    // One that is about to end by itself has taken its number away.
    if let Some(pid) = text.strip_prefix("pid ") {
        let _ = Command::new("kill").args(["-s", "KILL", pid]).status().unwrap();
    }
    until("the keeper is gone", || trial::is_kept(root) == Some(false));
}

fn record(host: &Host) -> Value {
    serde_json::from_str(&fs::read_to_string(host.root.join("run/tunectl/trial.json")).unwrap())
        .unwrap()
}

fn is_ended(host: &Host) -> bool {
    record(host)["state"] == "put_back"
}

#[test]
fn unconfirmed_everything_is_put_back_and_nothing_was_persisted() {
    let host = host();
    // Time enough to look at it on a machine that has other work.
    begun(&host, "10s", &[]);
    // Whoever looks is told, a script as well.
    let ran = host.run(["status"]);
    assert!(ran.out.contains("a trial of tried is pending: 2 values live"), "{}", ran.out);
    let ran = host.run(["status", "--format", "json"]);
    let status: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(status["trial"]["left_s"].as_u64().unwrap() <= 10, "{}", ran.out);
    assert_eq!(status["trial"]["kept"], true);
    assert_eq!(status["trial"]["keys"].as_array().unwrap().len(), 2);
    assert!(host.run(["status"]).err.contains("`tunectl confirm` keeps it"), "not an apply");
    let ran = host.run(["plan", "-b", "/etc/tried.yaml"]);
    assert!(ran.err.contains("a trial of tried is pending"), "{}", ran.err);
    let first = "`tunectl confirm` keeps it, `tunectl confirm --cancel` puts it back now";
    assert!(ran.err.contains(first), "{}", ran.err);
    assert!(!ran.err.contains("as root: tunectl apply"), "{}", ran.err);
    until("put back", || is_as_before(&host) && is_ended(&host));
    assert!(is_nothing_persisted(&host));
    assert_eq!(record(&host)["ended"]["why"], "it was not confirmed in time");
    let ran = host.run(["status"]);
    assert!(ran.out.contains("a trial of tried was put back at"), "{}", ran.out);
    until("given back", || Holds::read(&host.root, BOOT_ID).unwrap().holds.is_empty());
    let ran = host.run(["confirm"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("no trial is pending"), "{}", ran.err);
    assert!(ran.err.contains("it was not confirmed in time"), "{}", ran.err);
}

#[test]
fn confirmed_exactly_what_was_tried_is_persisted() {
    let host = host();
    assert_eq!(host.run(["confirm"]).code, 1, "nothing was tried yet");
    begun(&host, "1h", &[]);
    let keeper = keeper_in(&host.root);
    // An edit since is another matter.
    host.file("etc/tried.yaml", &BASELINE.replace("10", "33"));
    let ran = host.run(["confirm"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("tried: confirmed, 2 values kept, persisted to"), "{}", ran.out);
    let dropin = fs::read_to_string(host.root.join(DROPIN)).unwrap();
    assert!(dropin.contains("vm.swappiness = 10\n"), "{dropin}");
    let own = fs::read_to_string(host.root.join("etc/tunectl/baseline.yaml")).unwrap();
    assert!(own.contains("extends: ['/etc/tried.yaml']"), "{own}");
    until("its keeper is gone", || !Path::new(&format!("/proc/{keeper}/exe")).exists());
    assert!(is_live(&host) && Holds::read(&host.root, BOOT_ID).unwrap().holds.is_empty());
    host.file("etc/tried.yaml", BASELINE);
    let ran = host.run(["plan", "--detailed-exitcode"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(host.run(["confirm"]).code, 1, "once is enough");
    // What would change nothing needs no trial.
    let ran = begin(&host, "1h", &[]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("there is nothing to try"), "{}", ran.err);
    assert!(
        ran.out.contains("0 written, /etc/sysctl.d/99-tunectl.conf was already"),
        "{}",
        ran.out
    );
    assert_eq!(record(&host)["state"], "confirmed");
}

#[test]
fn json_tells_of_a_trial_and_of_its_confirmation() {
    let host = host();
    let ran = begin(&host, "1h", &["--format", "json"]);
    let outcome: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&outcome["result"], &outcome["dropin"]), (&"on_trial".into(), &"on_trial".into()));
    assert_eq!(outcome["trial"]["baseline"], "tried");
    let ran = host.run(["confirm", "--format", "json"]);
    let confirmed: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(confirmed["schema"], "tunectl/confirmed/1");
    assert_eq!(confirmed["result"], "confirmed");
    assert_eq!(confirmed["adopted"], true);
    assert_eq!(confirmed["persisted"].as_array().unwrap().len(), 2, "{}", ran.out);
}

#[test]
fn cancelled_it_is_put_back_at_once_and_its_keeper_goes() {
    let host = host();
    begun(&host, "1h", &[]);
    let keeper = keeper_in(&host.root);
    let ran = host.run(["confirm", "--cancel"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(ran.out, "tried: cancelled, as before the trial\n  2 values put back\n");
    assert!(is_as_before(&host) && is_nothing_persisted(&host));
    assert_eq!(record(&host)["ended"]["why"], "it was cancelled");
    assert!(Holds::read(&host.root, BOOT_ID).unwrap().holds.is_empty());
    until("its keeper is gone", || !Path::new(&format!("/proc/{keeper}/exe")).exists());
    let ran = host.run(["confirm", "--cancel"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("no trial is pending"), "{}", ran.err);

    begun(&host, "1h", &[]);
    host.live("vm.swappiness = 45\n");
    let ran = host.run(["confirm", "--cancel", "--format", "json"]);
    let told: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&told["schema"], &told["result"]),
        (&"tunectl/confirmed/1".into(), &"put_back".into())
    );
    let lines = told["put_back"].to_string();
    assert!(lines.contains("vm.swappiness was changed since, to 45: left alone"));
    assert_eq!(host.value("vm.max_map_count"), "65530");
    assert!(is_nothing_persisted(&host));
}

#[test]
fn a_baseline_that_was_written_by_hand_is_kept_beside_the_one_that_is_adopted() {
    let host = host();
    let own = "name: own\nparameters: { vm.swappiness: 61 }\n";
    host.file("etc/tunectl/baseline.yaml", own);
    let ran = begin(&host, "1h", &[]);
    assert_eq!(ran.code, 3, "it would take the place of another: {}", ran.err);
    begun_with(&host, &["--adopt"]);
    // By the host's own one the trial is to blame, and nobody else.
    let text = host.run(["status"]).out.replace("\n  ", " ");
    let told = "vm.swappiness: 10, not 61: on trial until ";
    assert!(text.contains(told) && !text.contains("known to set it"), "{text}");
    assert_eq!(host.run(["confirm"]).code, 0);
    let kept = host.root.join("etc/tunectl/baseline.yaml.replaced");
    assert_eq!(fs::read_to_string(kept).unwrap(), own);
}

#[track_caller]
fn begun_with(host: &Host, more: &[&str]) {
    let ran = begin(host, "1h", more);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

#[test]
fn while_one_is_pending_another_apply_is_refused() {
    let host = host();
    begun(&host, "1h", &[]);
    for args in [&["apply", "-b", "/etc/tried.yaml"][..], &["apply", "-b", "linux-server"]] {
        let ran = host.run(args.iter().copied());
        assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("a trial of tried is pending, for 35"), "{}", ran.err);
        assert!(ran.err.contains("`tunectl confirm` keeps it"), "{}", ran.err);
    }
    assert_eq!(begin(&host, "1h", &[]).code, 3);
    assert!(is_live(&host) && is_nothing_persisted(&host));
    assert_eq!(host.run(["confirm"]).code, 0);
}

#[test]
fn a_check_that_keeps_passing_confirms_and_one_that_fails_puts_back_at_once() {
    let host = host();
    let runs = host.work.join("runs");
    let check = format!("echo run >>{}", runs.display());
    begun(&host, "6s", &["--check", &check]);
    until("kept by itself", || host.root.join(DROPIN).exists());
    until("ended", || record(&host)["state"] == "confirmed");
    assert!(is_live(&host));
    let count = fs::read_to_string(&runs).unwrap().lines().count();
    assert!(count >= 2, "{count} runs");
    let why = record(&host)["ended"]["why"].to_string();
    assert!(why.contains(&format!("the check passed {count} times")), "{why}");

    let host = self::host();
    begun(&host, "1h", &["--check", "echo no route >&2; exit 7"]);
    until("put back long before its time", || is_as_before(&host) && is_ended(&host));
    let why = record(&host)["ended"]["why"].to_string();
    assert!(why.contains("the check failed (exit status 7: no route)"), "{why}");
    assert!(is_nothing_persisted(&host));
}

/// What a script goes by: without `--wait` an apply has ended before the check has.
#[test]
fn a_trial_that_is_waited_for_tells_how_it_ended() {
    let host = host();
    let ran = begin(&host, "3s", &["--check", "true", "--wait"]);
    assert_eq!((ran.code, is_live(&host)), (0, true), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("tried: kept: the check passed "), "{}", ran.out);
    assert!(host.root.join(DROPIN).exists() && record(&host)["state"] == "confirmed");

    let host = self::host();
    let check = ["--check", "echo no route >&2; exit 7", "--wait"];
    let ran = begin(&host, "1h", &check);
    assert_eq!((ran.code, is_as_before(&host)), (1, true), "{}{}", ran.out, ran.err);
    let told = "tried: put back: the check failed (exit status 7: no route)\n  2 values put back\n";
    assert!(ran.out.ends_with(told), "{}", ran.out);
    let ran = begin(&host, "1h", &[&check[..], &["--format", "json"]].concat());
    let documents: Vec<Value> =
        serde_json::Deserializer::from_str(&ran.out).into_iter().collect::<Result<_, _>>().unwrap();
    let told = |n: usize, field: &str| documents[n][field].as_str().unwrap();
    assert_eq!((ran.code, documents.len(), told(0, "result")), (1, 2, "on_trial"));
    assert_eq!((told(1, "schema"), told(1, "result")), ("tunectl/confirmed/1", "put_back"));

    // Whoever else ends it, or it ends by itself; and whoever waits may be told to end.
    let wait = ["apply", "-b", "/etc/tried.yaml", "--confirm-within", "1h", "--wait"];
    for (ends, code, told) in [
        (&["confirm"][..], 0, "tried: kept: confirmed"),
        (&["confirm", "--cancel"], 1, "tried: put back: it was cancelled"),
        (&[], 1, "no longer waited for, because of SIGTERM"),
    ] {
        let host = self::host();
        let mut waiting = host.command(wait);
        let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        until("begun", || host.run(["status"]).out.contains("2 values live"));
        if ends.is_empty() {
            until("told", || is_live(&host));
            let pid = nix::unistd::Pid::from_raw(i32::try_from(waiting.id()).unwrap());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        } else {
            until("ended", || host.run(ends.iter().copied()).code == 0);
        }
        let ran = host.told(waiting.wait_with_output().unwrap());
        assert_eq!(ran.code, code, "{}{}", ran.out, ran.err);
        assert!((ran.out + &ran.err).contains(told), "{told}");
        if ends.is_empty() {
            assert!(is_live(&host), "the trial goes on");
            assert_eq!(host.run(["confirm", "--cancel"]).code, 0);
        }
    }
    assert_eq!(host.run(["apply", "--wait"]).code, 1, "for nothing");
}

#[test]
fn a_check_that_hangs_is_no_pass() {
    let host = host();
    let pid = host.work.join("pid");
    // Had it been waited for, it would have passed, and long before twice the time.
    let check = format!("echo $$ >{}; sleep 7", pid.display());
    begun(&host, "4s", &["--check", &check]);
    until("put back", || is_as_before(&host) && is_ended(&host));
    assert_eq!(record(&host)["ended"]["why"], "the check did not end in time");
    assert!(is_nothing_persisted(&host));
    let pid = fs::read_to_string(pid).unwrap();
    assert!(!Path::new("/proc").join(pid.trim()).exists(), "it is killed");
}

#[test]
fn no_check_begins_that_would_be_cut_off_by_the_end() {
    let host = host();
    // Runs begin at 0, 2, 4 and, if it were not for this, at 6 seconds.
    begun(&host, "7s", &["--check", "sleep 1.4"]);
    until("ended", || record(&host)["state"] != "pending" && record(&host)["state"] != "writing");
    assert_eq!(record(&host)["state"], "confirmed", "{}", record(&host));
}

#[test]
fn once_its_keeper_is_killed_the_next_command_puts_it_back_and_says_so() {
    for command in [&["apply", "--boot"][..], &["apply", "--live-only", "-b", "linux-server"]] {
        let host = host();
        begun(&host, "1h", &[]);
        kill_keeper(&host.root);
        let ran = host.run(command.iter().copied());
        let told =
            "a trial of tried was put back, because its keeper was killed; 2 values put back";
        assert!(ran.err.contains(told), "{command:?}: {}", ran.err);
        assert!(!host.run(["status"]).err.contains("was put back, because"), "said once");
    }
    // An apply goes on with its own.
    let host = host();
    begun(&host, "1h", &[]);
    kill_keeper(&host.root);
    let ran = host.run(["apply", "-b", "/etc/tried.yaml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("was put back") && is_live(&host), "{}", ran.err);
    // In time it can still be confirmed.
    let host = self::host();
    begun(&host, "1h", &[]);
    kill_keeper(&host.root);
    assert_eq!(host.run(["confirm"]).code, 0);
    assert!(is_live(&host) && !is_nothing_persisted(&host));
}

/// As in a service's ExecStartPre=, or where somebody has set it.
#[test]
fn the_callers_socket_of_a_service_manager_is_none_of_the_keepers() {
    let host = host();
    let socket = host.work.join("notify");
    let socket_of_others = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    socket_of_others.set_nonblocking(true).unwrap();
    for path in [socket.to_str().unwrap(), "/nowhere/notify", "@nobody-listens"] {
        let mut apply = host.command(["apply", "-b", "/etc/tried.yaml", "--confirm-within", "1h"]);
        let ran = host.told(apply.env("NOTIFY_SOCKET", path).output().unwrap());
        assert!(ran.code == 0 && is_live(&host), "{path}: {ran:?}");
        assert_eq!(trial::is_kept(&host.root), Some(true), "{path}");
        assert!(socket_of_others.recv(&mut [0; 9]).is_err(), "{path}: it was told something");
        assert_eq!(host.run(["confirm", "--cancel"]).code, 0, "{path}");
        assert!(is_as_before(&host), "{path}");
    }
}

#[test]
fn what_somebody_else_changed_meanwhile_is_left_alone() {
    let host = host();
    begun(&host, "5s", &[]);
    host.live("vm.swappiness = 45\n");
    until("put back", || is_ended(&host));
    assert_eq!(host.value("vm.swappiness"), "45");
    assert_eq!(host.value("vm.max_map_count"), "65530");
    let lines = record(&host)["ended"]["lines"].to_string();
    assert!(lines.contains("vm.swappiness was changed since, to 45: left alone"));
    // Confirmed, what was tried is what is persisted, and the difference is told.
    let host = self::host();
    begun(&host, "1h", &[]);
    host.live("vm.swappiness = 45\n");
    let ran = host.run(["confirm"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("vm.swappiness was changed since to 45"), "{}", ran.err);
    assert!(fs::read_to_string(host.root.join(DROPIN)).unwrap().contains("vm.swappiness = 10\n"));
}

#[test]
fn what_was_to_be_replaced_and_has_changed_since_is_not() {
    let host = host();
    begun(&host, "1h", &[]);
    host.file(DROPIN, "vm.swappiness = 3\n");
    let ran = host.run(["confirm"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("99-tunectl.conf was changed since the trial began"), "{}", ran.err);
    assert!(is_live(&host), "it goes on");
    fs::remove_file(host.root.join(DROPIN)).unwrap();
    assert_eq!(host.run(["confirm"]).code, 0);
}

#[test]
fn what_is_no_utf_8_is_no_change_and_can_be_replaced() {
    let host = host();
    assert_eq!(host.run(["apply", "-b", "/etc/tried.yaml"]).code, 0);
    let ours = fs::read(host.root.join(DROPIN)).unwrap();
    let edited = [&ours[..], b"# gr\xf6\xdfer \xff\n"].concat();
    fs::write(host.root.join(DROPIN), &edited).unwrap();
    host.live("vm.swappiness = 60\nvm.max_map_count = 65530\n");
    let ran = begin(&host, "1h", &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(fs::read(host.root.join(DROPIN)).unwrap(), edited);
    let ran = host.run(["confirm"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(fs::read(host.root.join(DROPIN)).unwrap(), ours);
}

#[test]
fn what_cannot_be_put_back_or_persisted_is_not_tried() {
    let host = host();
    host.live("kernel.modules_disabled = 0\n");
    host.file(
        "etc/tried.yaml",
        "name: t\nparameters:\n  vm.swappiness: 10\n  kernel.modules_disabled: \
         { value: 1, allow: [one-way], reason: so }\n",
    );
    let ran = begin(&host, "60s", &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    let told = "kernel.modules_disabled cannot be taken back without a reboot";
    assert!(ran.err.contains(told), "{}", ran.err);
    assert_eq!((host.value("vm.swappiness"), host.value("kernel.modules_disabled")), {
        ("60".into(), "0".into())
    });
    let host = self::host();
    host.file("etc/sysctl.d", "");
    let ran = begin(&host, "60s", &[]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("it could not be persisted afterwards"), "{}", ran.err);
    assert!(is_as_before(&host) && !host.root.join("run/tunectl/trial.json").exists());
    for more in [&["--live-only"][..], &["--keep-going"], &["--run-actions"]] {
        assert_eq!(begin(&host, "60s", more).code, 1, "{more:?}");
    }
    assert_eq!(begin(&host, "0s", &[]).code, 1);
    assert_eq!(host.run(["apply", "--check", "true"]).code, 1, "of nothing");
}

/// The active half of a pair, and whatever a cascade has changed (E22, E24).
#[test]
fn pairs_and_cascades_are_put_back_as_an_apply_does() {
    let host = Host::new();
    let kernel = ScriptedKernel::host().with_interface("eth0.100");
    kernel.drift("vm.dirty_bytes", "4294967296");
    kernel.drift("vm.dirty_ratio", "0");
    kernel.drift("net/ipv4/conf/eth0.100/forwarding", "1");
    let all = |kernel: &ScriptedKernel| -> Vec<String> {
        let keys = kernel.list();
        keys.iter().map(|key| format!("{key}={:?}", kernel.read(key).value)).collect()
    };
    let before = all(&kernel);
    let wanted = "parameters: { vm.dirty_ratio: 30, net.ipv4.ip_forward: 1 }";
    let plan = planned_here(&kernel, wanted, &host.root);
    let unfinished = plan::trial(&plan, BOOT_ID, 1, Vec::new());
    let held: Vec<String> = plan::tried(&unfinished).iter().map(ToString::to_string).collect();
    for key in ["vm.dirty_bytes", "vm.dirty_ratio", "net.ipv4.conf.eth0/100.forwarding"] {
        assert!(held.iter().any(|k| k == key), "{key} is not let go: {held:?}");
    }
    let time = Duration::from_secs(60);
    let mut trial = trial::begin(&host.root, &unfinished, time, None).unwrap();
    let options = Options { live_only: true, ..Options::default() };
    assert!(apply(&plan, &kernel, &host.root, &options, &mut |_, _| None).succeeded());
    trial::set_pending(&host.root, &mut trial).unwrap();
    assert_ne!(all(&kernel), before);
    trial::put_back(&kernel, &host.root, &mut trial, "so").unwrap();
    assert_eq!(all(&kernel), before);
    assert_eq!(record(&host)["state"], "put_back");
}

/// What others have been given stays theirs, whatever becomes of a trial.
#[test]
fn what_was_let_go_before_is_let_go_again() {
    let host = host();
    let hold = |kind: &str| {
        format!(
            "{{\"kind\":\"{kind}\",\"by\":\"x\",\"reason\":null,\"until\":null,\"until_since_boot\":null}}"
        )
    };
    host.file(
        "run/tunectl/holds.json",
        &format!(
            "{{\"schema\":\"tunectl/holds/1\",\"boot_id\":\"{BOOT_ID}\",\"holds\":{{\
             \"vm.swappiness\":{},\"vm.max_map_count\":{}}}}}",
            hold("yielded"),
            hold("unlocked")
        ),
    );
    let kinds = || {
        let holds = Holds::read(&host.root, BOOT_ID).unwrap().holds;
        ["vm.swappiness", "vm.max_map_count"].map(|key| holds.get(key).map(|h| h.kind.clone()))
    };
    let some = |kind: &str| Some(kind.to_owned());
    begun(&host, "1s", &[]);
    until("put back", || is_ended(&host) && kinds() == [some("yielded"), some("unlocked")]);
    begun(&host, "1h", &[]);
    assert_eq!(kinds(), [some("trial"), some("trial")]);
    assert_eq!(host.run(["confirm"]).code, 0);
    assert_eq!(kinds(), [None, some("unlocked")], "what is confirmed is the baseline's");
}

/// The program under strace, which does what `inject` says.
fn strace(host: &Host, args: &[&str], inject: &str) -> Output {
    let program = host.command(args.iter().copied());
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "/dev/null", "-e", inject, "--"]);
    strace.arg(program.get_program()).args(program.get_args());
    strace.current_dir(&host.work).stdin(Stdio::null()).output().unwrap()
}

fn strace_injects(test: &str) -> bool {
    if Command::new("strace").arg("-V").output().is_err() {
        left_out(test, "there is no strace");
        return false;
    }
    let output = strace(&host(), &["plan"], "inject=execve:error=ENOENT:when=2");
    if String::from_utf8_lossy(&output.stderr).contains("ptrace") {
        left_out(test, "strace may not trace here");
        return false;
    }
    true
}

#[test]
fn killed_at_any_system_call_of_its_beginning_it_is_put_back_or_pending() {
    if !strace_injects("confirm: SIGKILL at any system call") {
        return;
    }
    let args = ["apply", "-b", "/etc/tried.yaml", "--confirm-within", "1h"];
    let all = std::env::var("TUNECTL_SWEEP").is_ok_and(|s| s == "all");
    let (mut pending, mut killed) = (0, 0);
    let points = {
        let host = host();
        let points = host.calls(args);
        assert_eq!(host.run(["confirm", "--cancel"]).code, 0);
        points
    };
    for n in (0..points.len()).step_by(if all { 1 } else { 13 }) {
        let host = host();
        let ended = strace(&host, &args, &points[n].killing());
        killed += usize::from(!ended.status.success());
        if host.root.join("run/tunectl/trial.json").exists() {
            // Its keeper, where it came so far, sees that nobody holds the lock any more.
            until("put back or pending", || {
                let state = record(&host)["state"].clone();
                let kept = trial::is_kept(&host.root) == Some(true);
                state == "put_back" || (state == "pending" && kept) || (state == "writing" && !kept)
            });
        }
        if is_live(&host) && record(&host)["state"] == "pending" {
            pending += 1;
            kill_keeper(&host.root);
        }
        let ran = host.run(["confirm", "--cancel"]);
        assert!(is_as_before(&host), "killed at {n}: {}{}", ran.out, ran.err);
        assert!(is_nothing_persisted(&host), "killed at {n}");
        // Whatever it has left behind stands in nobody's way.
        let ran = host.run(["apply", "-b", "/etc/tried.yaml"]);
        assert!(ran.code == 0 && is_live(&host), "killed at {n}: {}{}", ran.out, ran.err);
    }
    assert!(pending > 0 && killed > 5, "{pending} pending, {killed} killed");
}

/// A trial whose last file is one that the daemon adds to: nothing but what was before.
fn begun_after_a_reboot() -> Host {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", BASELINE);
    assert_eq!(host.run(["apply"]).code, 0);
    fs::remove_dir_all(host.root.join("run")).unwrap();
    host.live("vm.swappiness = 60\nvm.max_map_count = 65530\n");
    assert_eq!(host.run(["apply", "--confirm-within", "1h"]).code, 0);
    assert!(is_live(&host));
    let theirs = Original {
        value: Some("20".into()),
        half: None,
        left: "30".into(),
        because_of: None,
        boot_id: BOOT_ID.into(),
        mem_total_kb: 1,
        day: "2026-11-26".into(),
    };
    let of_boot = BTreeMap::from([(Key::parse("vm.dirty_ratio").unwrap(), theirs)]);
    let after = Originals { of_boot, ..Originals::NONE };
    originals::write(&host.root, &Originals::NONE, &after).unwrap();
    host
}

#[test]
fn a_confirm_killed_at_any_system_call_keeps_all_of_it_or_nothing() {
    if !strace_injects("confirm: SIGKILL at any system call of the confirmation") {
        return;
    }
    let all = std::env::var("TUNECTL_SWEEP").is_ok_and(|s| s == "all");
    let key = |name: &str| Key::parse(name).unwrap();
    for rebooted in [false, true] {
        let (mut kept, mut back) = (0, 0);
        let pending = || {
            let host = if rebooted { begun_after_a_reboot() } else { host() };
            if !rebooted {
                begun(&host, "1h", &[]);
            }
            host
        };
        let points = pending().calls(["confirm"]);
        for n in (0..points.len()).step_by(if all { 1 } else { 5 }) {
            let host = pending();
            strace(&host, &["confirm"], &points[n].killing());
            // Whoever comes first: an apply, another confirm, or, where its keeper is dead, a
            // cancellation.
            let mut told = Vec::new();
            if n % 3 == 0 {
                told.push(host.run(["apply", "--boot"]));
            }
            if n % 3 == 1 {
                kill_keeper(&host.root);
            }
            if n % 3 == 2 {
                told.push(host.run(["confirm"]));
                let was_kept = told[0].err.contains("no trial is pending");
                assert!(told[0].code == 0 || was_kept, "killed at {n}: {told:?}");
            }
            told.push(host.run(["confirm", "--cancel"]));
            let remembered = originals::read(&host.root, &|| BOOT_ID.into()).unwrap().of_boot;
            let is_kept = is_live(&host);
            let found = format!("killed at {n}, rebooted: {rebooted}: {told:?}");
            assert!(is_kept || is_as_before(&host), "{found}");
            assert_eq!(record(&host)["state"] == "confirmed", is_kept, "{found}");
            assert_eq!(remembered.contains_key(&key("vm.swappiness")), is_kept, "{found}");
            assert_eq!(remembered.contains_key(&key("vm.dirty_ratio")), rebooted, "{found}");
            assert!(rebooted || is_nothing_persisted(&host) != is_kept, "{found}");
            (kept, back) = (kept + usize::from(is_kept), back + usize::from(!is_kept));
        }
        assert!(kept > 1 && back > 1, "{kept} kept, {back} put back");
    }
}

mod on_the_kernel {
    use std::os::unix::process::CommandExt as _;

    use super::*;

    const KEYS: [(&str, &str, &str); 2] =
        [("net/core/somaxconn", "4096", "8192"), ("net/ipv4/tcp_fin_timeout", "60", "31")];

    fn fresh_host() {
        crate::daemon::harness::fresh_host("name: own\nparameters: { net.core.somaxconn: 4096 }\n");
        fs::write(
            "/etc/tried.yaml",
            "name: tried\nparameters: { net.core.somaxconn: 8192, net.ipv4.tcp_fin_timeout: 31 }\n",
        )
        .unwrap();
    }

    fn live(path: &str) -> String {
        fs::read_to_string(format!("/proc/sys/{path}")).unwrap().trim().to_owned()
    }

    fn are(old: bool) -> bool {
        KEYS.iter().all(|(key, before, tried)| live(key) == *if old { before } else { tried })
    }

    fn tunectl(args: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args.split(' ')).output().unwrap()
    }

    #[track_caller]
    fn begin(within: &str) {
        let args = format!("apply -b /etc/tried.yaml --adopt --confirm-within {within}");
        let output = tunectl(&args);
        assert!(output.status.success() && are(false), "{output:?}");
    }

    #[test]
    fn the_shell_that_began_it_is_killed_with_all_its_processes() {
        let test =
            "confirm::on_the_kernel::the_shell_that_began_it_is_killed_with_all_its_processes";
        in_namespaces(test, || {
            fresh_host();
            let line = format!(
                "{} apply -b /etc/tried.yaml --adopt --confirm-within 2s; sleep 1000",
                env!("CARGO_BIN_EXE_tunectl")
            );
            let mut shell = Command::new("sh");
            shell.args(["-c", &line]).process_group(0).stdout(Stdio::null()).stderr(Stdio::null());
            let mut shell = shell.spawn().unwrap();
            until("tried", || are(false));
            let keeper = keeper_in(Path::new("/"));
            let group = format!("-{}", shell.id());
            let killed = Command::new("kill").args(["-s", "KILL", "--", &group]).status().unwrap();
            assert!(killed.success());
            shell.wait().unwrap();
            let stat = fs::read_to_string(format!("/proc/{keeper}/stat")).unwrap();
            let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
            assert_eq!((fields[3], fields[4]), (keeper.to_string().as_str(), "0"), "{stat}");
            for fd in 0..3 {
                let link = fs::read_link(format!("/proc/{keeper}/fd/{fd}")).unwrap();
                assert_eq!(link, Path::new("/dev/null"), "{fd}");
            }
            let status = fs::read_to_string(format!("/proc/{keeper}/status")).unwrap();
            let locked = status.lines().find_map(|l| l.strip_prefix("VmLck:")).unwrap().trim();
            assert_ne!(locked, "0 kB", "{status}");
            until("put back", || are(true));
        });
    }

    #[test]
    fn a_keeper_that_was_killed_is_finished_by_the_next_command() {
        let test =
            "confirm::on_the_kernel::a_keeper_that_was_killed_is_finished_by_the_next_command";
        in_namespaces(test, || {
            fresh_host();
            begin("1h");
            kill_keeper(Path::new("/"));
            let output = tunectl("plan");
            let err = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(err.contains("because its keeper was killed; 2 values put back"), "{err}");
            assert!(are(true));
        });
    }

    #[test]
    fn confirmed_in_time_it_stays_and_another_hand_is_left_alone() {
        let test =
            "confirm::on_the_kernel::confirmed_in_time_it_stays_and_another_hand_is_left_alone";
        in_namespaces(test, || {
            fresh_host();
            begin("1h");
            assert!(tunectl("confirm").status.success() && are(false));
            assert!(
                fs::read_to_string("/etc/sysctl.d/99-tunectl.conf").unwrap().contains("= 8192")
            );
            assert_eq!(tunectl("plan --detailed-exitcode").status.code(), Some(0));
            fs::write("/etc/tried.yaml", "name: t\nparameters: { net.core.somaxconn: 9000 }\n")
                .unwrap();
            let output = tunectl("apply --confirm-within 1s");
            assert!(output.status.success(), "{output:?}");
            fs::write("/proc/sys/net/core/somaxconn", "9001").unwrap();
            until("ended", || {
                let text = fs::read_to_string("/run/tunectl/trial.json").unwrap();
                text.contains("\"put_back\"")
            });
            assert_eq!(live("net/core/somaxconn"), "9001");
        });
    }

    #[test]
    fn a_write_that_the_kernel_refuses_ends_it_before_it_begins() {
        let test =
            "confirm::on_the_kernel::a_write_that_the_kernel_refuses_ends_it_before_it_begins";
        in_namespaces(test, || {
            fresh_host();
            let refused = "name: t\nparameters: { net.core.somaxconn: 8192, \
                           net.ipv4.tcp_congestion_control: nosuch }\n";
            fs::write("/etc/tried.yaml", refused).unwrap();
            let output = tunectl("apply -b /etc/tried.yaml --adopt --confirm-within 1h");
            let out = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(output.status.code(), Some(1), "{output:?}");
            assert!(out.contains("what was written was put back (1)"), "{out}");
            assert_eq!(live("net/core/somaxconn"), "4096");
            assert!(!fs::exists("/run/tunectl/trial.json").unwrap());
            let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
            let holds = Holds::read(Path::new("/"), boot_id.trim()).unwrap();
            assert!(holds.holds.is_empty());
            let gone = || trial::is_kept(Path::new("/")) == Some(false);
            until("its keeper is gone", gone);
            assert_eq!(tunectl("confirm").status.code(), Some(1));
        });
    }

    /// Prevented for everybody else: the trial may write it, and nobody else may once it is over.
    #[test]
    fn what_the_daemon_prevents_can_be_tried() {
        let test = "confirm::on_the_kernel::what_the_daemon_prevents_can_be_tried";
        in_namespaces(test, || {
            fresh_host();
            let own = "name: own\nparameters: { net.core.somaxconn: { value: 4096, on_drift: prevent } }\n";
            fs::write("/etc/tunectl/baseline.yaml", own).unwrap();
            let watch = crate::daemon::harness::Watch::start(&[]);
            let is_prevented = || fs::write("/proc/sys/net/core/somaxconn", "77").is_err();
            if !is_prevented() {
                return left_out(test, "nothing is prevented here: BPF is not to be had");
            }
            begin("2s");
            until("put back", || are(true));
            until("prevented again", is_prevented);
            assert_eq!(watch.count(|e| e["to"] == "8192"), 0, "{:#?}", watch.events());
        });
    }

    /// The daemon holds the host's own baseline, which asks for something else.
    #[test]
    fn the_daemon_leaves_it_alone_while_it_lasts() {
        let test = "confirm::on_the_kernel::the_daemon_leaves_it_alone_while_it_lasts";
        in_namespaces(test, || {
            fresh_host();
            let watch = crate::daemon::harness::Watch::start(&["--sweep", "1"]);
            begin("5s");
            watch.sweeps(2);
            assert!(are(false), "{:#?}", watch.events());
            assert_eq!(watch.count(|e| e["action"] == "restored"), 0);
            until("put back", || are(true));
            // It is the daemon's again.
            watch.until("held again", || {
                fs::write("/proc/sys/net/core/somaxconn", "77").unwrap();
                watch.count(|e| e["action"] == "restored" && e["to"] == "77") > 0
            });
            assert_eq!(watch.count(|e| e["to"] == "8192"), 0);
        });
    }
}
