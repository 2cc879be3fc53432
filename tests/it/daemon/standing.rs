//! How the daemon stands, as `tunectl status` and the service manager tell it.

use std::fs;
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Watch, fresh_host, live, write};
use super::{BASELINE, in_namespaces, run};

const OWN: &str = "/etc/tunectl/baseline.yaml";

fn tunectl(args: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args))
}

fn status() -> Value {
    serde_json::from_slice(&tunectl(&["status", "--format", "json"]).stdout).unwrap()
}

fn errors(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

#[test]
fn the_status_tells_who_holds_the_host_and_how() {
    in_namespaces("daemon::standing::the_status_tells_who_holds_the_host_and_how", || {
        let baseline = BASELINE.replace(", on_drift: yield", "");
        fresh_host(&baseline);
        assert_eq!(status()["daemon"], Value::Null);
        let mut watch = Watch::start(&["--no-bpf", "--sweep", "1"]);
        let daemon = &status()["daemon"];
        assert_eq!((&daemon["running"], &daemon["pid"]), (&true.into(), &watch.pid().into()));
        assert_eq!((&daemon["held"], &daemon["sweep_every"]), (&8.into(), &1.into()));
        assert_eq!((&daemon["baseline"], &daemon["refused"]), (&"held".into(), &Value::Null));
        assert_eq!(daemon["seen_by"], "fanotify");

        // There is one.
        let second = tunectl(&["watch"]);
        assert_eq!(second.status.code(), Some(3));
        let who = format!("another tunectl watch holds this host (pid {})", watch.pid());
        assert!(errors(&second).contains(&who), "{}", errors(&second));

        // A broken edit: told before the daemon is asked to read it, and as long as it lies there.
        fs::write(OWN, baseline.replace("4321", "yes")).unwrap();
        let checked = tunectl(&["watch", "--check"]);
        assert_eq!(checked.status.code(), Some(1));
        assert!(errors(&checked).contains("baseline.yaml:3:23"), "{}", errors(&checked));
        watch.until("refused", || status()["daemon"]["refused"].is_string());
        let refused = status()["daemon"]["refused"].as_str().unwrap().to_owned();
        assert!(refused.starts_with("/etc/tunectl/baseline.yaml:3:23: "), "{refused}");
        let text = String::from_utf8(tunectl(&["status"]).stdout).unwrap();
        assert!(text.contains("held stays in force, because the baseline on disk"), "{text}");
        while !watch.hear("STATUS=").contains("the baseline on disk is refused") {}
        fs::write(OWN, &baseline).unwrap();
        assert!(tunectl(&["watch", "--check"]).status.success());
        watch.until("taken", || status()["daemon"]["refused"].is_null());

        let unlock = ["unlock", "net.core.somaxconn", "--for", "9m", "--reason", "incident 4711"];
        assert!(tunectl(&unlock).status.success());
        let let_go = &status()["let_go"][0];
        assert_eq!(let_go["key"], "net.core.somaxconn");
        assert_eq!(
            (&let_go["kind"], &let_go["reason"]),
            (&"unlocked".into(), &"incident 4711".into())
        );
        watch.until("let go", || status()["daemon"]["held"] == 7);

        watch.signal("KILL");
        watch.until("gone", || status()["daemon"]["running"] == false);
        let text = String::from_utf8(tunectl(&["status"]).stdout).unwrap();
        assert!(text.contains("tunectl watch does not run"), "{text}");
        Watch::start(&[]).end();
        assert_eq!(status()["daemon"], Value::Null, "it was told to end");
    });
}

#[test]
fn it_says_at_the_start_what_it_holds_and_what_it_sees_by() {
    let test = "daemon::standing::it_says_at_the_start_what_it_holds_and_what_it_sees_by";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        let said = |args: &[&str]| {
            let file = fs::File::create("/run/said").unwrap();
            let to_file = |command: &mut Command| {
                command.stderr(file);
            };
            Watch::start_with(args, to_file).end();
            fs::read_to_string("/run/said").unwrap()
        };
        let line = "holding 8 parameters of held, seen by fanotify (";
        let told = said(&["--no-bpf"]);
        assert!(told.lines().any(|l| l.starts_with(line) && l.ends_with("; drift is told here")));
        assert!(!said(&["--quiet"]).contains("holding"));
    });
}

/// What is let go until the afternoon is needed again before.
#[test]
fn what_was_let_go_is_taken_back_early() {
    in_namespaces("daemon::standing::what_was_let_go_is_taken_back_early", || {
        fresh_host(&BASELINE.replace(", on_drift: yield", ""));
        let watch = Watch::start(&["--no-bpf"]);
        let unlock = ["unlock", "net.core.somaxconn", "--for", "9m", "--reason", "incident 4711"];
        assert!(tunectl(&unlock).status.success());
        watch.until("let go", || status()["daemon"]["held"] == 7);
        write("net/core/somaxconn", "77");
        let end = ["unlock", "net.core.somaxconn", "--end"];
        let ran = tunectl(&end);
        assert_eq!(String::from_utf8_lossy(&ran.stdout), "net.core.somaxconn is taken back\n");
        assert!(errors(&ran).contains("The daemon holds it again."), "{}", errors(&ran));
        watch.until("put right", || live("net/core/somaxconn") == "4321");
        watch.until("held", || status()["daemon"]["held"] == 8);
        // A script may do so again, or come too late.
        let ran = tunectl(&end);
        assert!(ran.status.success(), "{ran:?}");
        assert!(String::from_utf8_lossy(&ran.stdout).contains("is not unlocked: there is nothing"));
        let json = |args: &[&str]| -> Value {
            let args: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
            serde_json::from_slice(&tunectl(&args).stdout).unwrap()
        };
        assert_eq!(json(&end)["until"], Value::Null);
        json(&unlock);
        let ended = json(&end);
        assert!(ended["until"].is_string() && ended["held"] == true, "{ended}");
        assert_eq!(ended["reason"], "incident 4711");
        for args in [&["--for", "1m"][..], &["--end", "--for", "1m"], &["--end", "--reason", "x"]] {
            let args: Vec<&str> = unlock[..2].iter().chain(args).copied().collect();
            assert_eq!(tunectl(&args).status.code(), Some(1), "{args:?}");
        }
    });
}

/// Of /proc/PID/stat: the scheduling policy, 1 for `SCHED_FIFO`.
fn policy(pid: u32) -> String {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit(") ").next().unwrap().split(' ').nth(38).unwrap().to_owned()
}

#[test]
fn it_is_quick_until_a_storm_comes_and_locked_in_memory() {
    let test = "daemon::standing::it_is_quick_until_a_storm_comes_and_locked_in_memory";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--contest-after", "off", "--sweep", "1"]);
        if policy(watch.pid()) != "1" {
            crate::support::left_out(test, "SCHED_FIFO is not permitted here");
            return;
        }
        let status = fs::read_to_string(format!("/proc/{}/status", watch.pid())).unwrap();
        let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
        assert_ne!(locked.trim(), "0 kB", "{status}");
        // Two for each parameter, one for each that moves one, and a dozen.
        let open = fs::read_dir(format!("/proc/{}/fd", watch.pid())).unwrap().count();
        assert!(open < 2 * 8 + 8 + 24, "{open} descriptors");

        let file = fs::OpenOptions::new().write(true).open("/proc/sys/net/core/somaxconn").unwrap();
        let began = Instant::now();
        while policy(watch.pid()) != "0" {
            for n in 0..2000 {
                file.write_all_at(if n % 2 == 0 { b"7\n" } else { b"8\n" }, 0).unwrap();
            }
            if began.elapsed() > Duration::from_secs(40) {
                crate::support::left_out(test, "too busy a machine for 2,000 wake-ups a second");
                return;
            }
        }
        watch.until("taken up again", || policy(watch.pid()) == "1");
        watch.until("put right", || live("net/core/somaxconn") == "4321");
        let now = fs::read_dir(format!("/proc/{}/fd", watch.pid())).unwrap().count();
        assert!(now <= open, "{now} descriptors, and {open} before");
    });
}

/// In kB: what is in memory, and the most that ever was.
fn resident(pid: u32) -> [u64; 2] {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    })
}

/// Also where a parameter is not there yet, and another one is only reported.
#[test]
fn memory_is_given_back_once_nothing_happens() {
    in_namespaces("daemon::standing::memory_is_given_back_once_nothing_happens", || {
        fresh_host(&format!("{BASELINE}  net.ipv4.conf.eth77.rp_filter: 2\n"));
        let watch = Watch::start(&["--sweep", "1", "--no-bpf"]);
        for value in ["77", "78"] {
            write("net/core/somaxconn", value);
            watch.event(|e| e["action"] == "restored" && e["to"] == value);
            watch.until("given back", || {
                let [now, most] = resident(watch.pid());
                3 * now < 2 * most
            });
        }
        watch.end();
    });
}

#[test]
fn the_operators_command_gets_each_event() {
    in_namespaces("daemon::standing::the_operators_command_gets_each_event", || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--on-drift", "cat >>/run/drifts"]);
        write("net/core/somaxconn", "77");
        watch.event(|e| e["to"] == "77");
        watch.until("told", || {
            let told = fs::read_to_string("/run/drifts").unwrap_or_default();
            let mut lines =
                told.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            lines.any(|e| e["to"] == "77" && e["key"] == "net.core.somaxconn")
        });
    });
}

/// Whoever is told of more events than it takes is not told of all, and the operator is told so.
#[test]
fn events_that_the_operators_command_is_not_told_of_are_counted() {
    let test = "daemon::standing::events_that_the_operators_command_is_not_told_of_are_counted";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        let command = "until [ -e /run/end ]; do sleep 0.05; done; cat >>/run/drifts";
        let args = ["--no-bpf", "--contest-after", "off", "--sweep", "3600"];
        let watch = Watch::start_with(&[&args[..], &["--on-drift", command]].concat(), |c| {
            c.stderr(fs::File::create("/run/errors").unwrap());
        });
        for value in 50..100 {
            write("net/core/somaxconn", &value.to_string());
            watch.event(|e| e["to"] == value.to_string().as_str());
        }
        // Those of the start among them.
        let all = watch.events().len();
        fs::write("/run/end", "").unwrap();
        let told = || fs::read_to_string("/run/drifts").unwrap_or_default().lines().count();
        let said = format!("was not told of {} events", all - 36);
        watch.until("told", || told() == 36);
        watch.until("said", || fs::read_to_string("/run/errors").unwrap().contains(&said));
        watch.end();
        let errors = fs::read_to_string("/run/errors").unwrap();
        assert_eq!(errors.matches("was not told of").count(), 1, "{errors}");
    });
}

/// No sweep and no other event comes to help.
#[test]
fn an_operators_command_that_hangs_is_killed_in_time() {
    in_namespaces("daemon::standing::an_operators_command_that_hangs_is_killed_in_time", || {
        fresh_host("name: held\nparameters:\n  net.core.somaxconn: { at_most: 5000 }\n");
        let watch = Watch::start(&[
            "--sweep",
            "3600",
            "--on-drift",
            "echo $$ >/run/hook; exec sleep 500 >/dev/null 2>&1",
        ]);
        write("net/core/somaxconn", "5001");
        let pid = || fs::read_to_string("/run/hook").unwrap_or_default().trim().to_owned();
        watch.until("started", || !pid().is_empty());
        let runs = || fs::exists(format!("/proc/{}", pid())).unwrap();
        let began = Instant::now();
        assert!(runs());
        watch.until_after(Duration::from_secs(30), "killed", || !runs());
        let took = began.elapsed().as_secs();
        assert!((25..45).contains(&took), "after {took} s");
        watch.end();
    });
}

#[test]
fn the_journal_gets_plain_text() {
    in_namespaces("daemon::standing::the_journal_gets_plain_text", || {
        fresh_host(BASELINE);
        fs::create_dir_all("/run/systemd/journal").unwrap();
        let journal = UnixDatagram::bind("/run/systemd/journal/socket").unwrap();
        journal.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let _watch = Watch::start_with(&[], |c| {
            c.env("JOURNAL_STREAM", "1:1");
        });
        let mut buffer = [0; 4096];
        let length = journal.recv(&mut buffer).unwrap();
        let told = String::from_utf8_lossy(&buffer[..length]);
        assert!(told.starts_with("MESSAGE="), "{told}");
        assert!(!told.contains('\x1b'), "colours are for terminals: {told:?}");
    });
}

/// Whoever could open the lock could hold it, and keep the daemon from starting.
#[test]
fn who_is_not_root_sees_it_run_and_cannot_stand_in_its_way() {
    in_namespaces(
        "daemon::standing::who_is_not_root_sees_it_run_and_cannot_stand_in_its_way",
        || {
            fresh_host(BASELINE);
            // Others may have no way to where it was built.
            fs::copy(env!("CARGO_BIN_EXE_tunectl"), "/run/program").unwrap();
            let nobody = |command: &[&str]| -> Command {
                let mut setpriv = Command::new("setpriv");
                setpriv
                    .args(["--reuid", "65534", "--regid", "65534", "--clear-groups"])
                    .args(command);
                setpriv
            };
            let runs = || {
                let status =
                    run(&mut nobody(&["/run/program", "status", "--format", "json"])).stdout;
                serde_json::from_slice::<Value>(&status).unwrap()["daemon"]["running"].clone()
            };
            let watch = Watch::start(&["--no-bpf"]);
            assert_eq!(runs(), true);
            // Killed: it leaves behind what it had.
            drop(watch);
            assert_eq!(runs(), false);
            let files = fs::read_dir("/run/tunectl").unwrap().map(|entry| entry.unwrap().path());
            let hold = |path: std::path::PathBuf| {
                let lock =
                    ["flock", "--nonblock", "--no-fork", path.to_str().unwrap(), "sleep", "60"];
                nobody(&lock).stderr(std::process::Stdio::null()).spawn().unwrap()
            };
            let mut holders: Vec<_> = files.map(hold).collect();
            std::thread::sleep(Duration::from_millis(200));
            Watch::start(&["--no-bpf"]).end();
            for holder in &mut holders {
                holder.kill().unwrap();
                holder.wait().unwrap();
            }
        },
    );
}

/// Whoever should read what it says does not: holding goes on, and it ends when it is told to.
#[test]
fn a_reader_that_does_not_read_holds_nobody_up() {
    in_namespaces("daemon::standing::a_reader_that_does_not_read_holds_nobody_up", || {
        fresh_host(BASELINE);
        for json in [false, true] {
            let (reader, writer) = std::io::pipe().unwrap();
            nix::fcntl::fcntl(&writer, nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
            let format = if json { "json" } else { "text" };
            let args = ["--no-bpf", "--contest-after", "off", "--format", format];
            let watch = Watch::start_with(&args, |command| {
                if json {
                    command.stdout(writer)
                } else {
                    command.stderr(writer)
                };
            });
            for n in 0..100 {
                write("net/ipv4/tcp_fin_timeout", &(100 + n).to_string());
                std::thread::sleep(Duration::from_millis(2));
            }
            write("net/core/somaxconn", "77");
            watch.until("put right", || live("net/core/somaxconn") == "4321");
            watch.end();
            drop(reader);
        }
    });
}

#[test]
fn it_takes_all_the_descriptors_that_it_may_have() {
    in_namespaces("daemon::standing::it_takes_all_the_descriptors_that_it_may_have", || {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        fresh_host(BASELINE);
        let before = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(64), ..before }).unwrap();
        let watch = Watch::start(&["--no-bpf"]);
        let limits = fs::read_to_string(format!("/proc/{}/limits", watch.pid())).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        let numbers: Vec<&str> = line.split_whitespace().skip(3).take(2).collect();
        assert_eq!(numbers[0], numbers[1], "{line}");
        watch.end();
    });
}

/// A host may have more parameters than files may be open: what is told of it needs files too.
#[test]
fn what_cannot_be_held_for_want_of_descriptors_is_told() {
    in_namespaces("daemon::standing::what_cannot_be_held_for_want_of_descriptors_is_told", || {
        use rustix::process::{Resource, Rlimit, setrlimit};
        fresh_host(BASELINE);
        let few = Rlimit { current: Some(68), maximum: Some(68) };
        setrlimit(Resource::Nofile, few).unwrap();
        let watch = Watch::start(&["--no-bpf"]);
        let event = watch.event(|e| e["action"] == "failed" && e["key"].is_null());
        let detail = event["detail"].as_str().unwrap();
        assert!(detail.contains("no more files may be open"), "{detail}");
        let standing = fs::read_to_string("/run/tunectl/watch.json").unwrap();
        let standing: serde_json::Value = serde_json::from_str(&standing).unwrap();
        assert_eq!(standing["held"], 0, "{standing}");
        assert!(standing["waiting"].as_u64().unwrap() > 0, "{standing}");
        watch.end();
        // Its own files were written all the while.
        assert!(fs::exists("/run/tunectl/tally.json").unwrap());
    });
}

/// The daemon takes as many descriptors as it may have; what it starts gets as many as it had.
#[test]
fn a_command_has_the_usual_number_of_descriptors() {
    in_namespaces("daemon::standing::a_command_has_the_usual_number_of_descriptors", || {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        fresh_host(BASELINE);
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(700), maximum }).unwrap();
        // Several of them run at a time.
        let command = "(ulimit -Sn; ulimit -Hn) >/run/told.$$; mv /run/told.$$ /run/told";
        let watch = Watch::start(&["--on-drift", command]);
        let limits = fs::read_to_string(format!("/proc/{}/limits", watch.pid())).unwrap();
        let own = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
        let own: Vec<&str> = own.split_whitespace().collect();
        assert_eq!(own[0], own[1], "{limits}");
        write("net/core/somaxconn", "77");
        watch.until("told", || fs::exists("/run/told").unwrap());
        let told = fs::read_to_string("/run/told").unwrap();
        assert_eq!(told.lines().collect::<Vec<_>>(), ["700", own[1]]);
        watch.end();
    });
}
