//! The journal's native protocol, its catalogue, and the operator's command.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tunectl::announce::{Journal, JournalError, MESSAGE_IDS, NATIVE_SOCKET, OnDrift};
use tunectl::wire::event::{Event, Parent, Writer};

use crate::events::event;
use crate::support::{in_namespaces, left_out, run, until};

const CATALOGUE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd/tunectl.catalog");

fn directory(name: &str) -> PathBuf {
    let dir = std::env::temp_dir().join(format!("tunectl-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    dir
}

fn writer() -> Writer {
    Writer {
        pid: Some(4711),
        comm: Some("sysctl".into()),
        exe: Some("/usr/sbin/sysctl".into()),
        cmdline: Some("sysctl -w vm.swappiness=60".into()),
        uid: Some(0),
        login_uid: Some(1000),
        cgroup: Some("/user.slice/user-1000.slice/session-3.scope".into()),
        unit: Some("session-3.scope".into()),
        container: None,
        parent: Some(Parent {
            pid: 4700,
            comm: "sudo".into(),
            parent: Some(Box::new(Parent { pid: 4000, comm: "bash".into(), parent: None })),
        }),
        via: "bpf".into(),
        namespace: Some("host".into()),
    }
}

/// The fields of a datagram, as the journal would read them.
fn fields(message: &[u8]) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut rest = message;
    while !rest.is_empty() {
        let end = rest.iter().position(|b| matches!(b, b'=' | b'\n')).unwrap();
        let name = String::from_utf8(rest[..end].to_vec()).unwrap();
        assert!(name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'), "{name}");
        let value;
        if rest[end] == b'=' {
            let stop = end + rest[end..].iter().position(|&b| b == b'\n').unwrap();
            value = &rest[end + 1..stop];
            rest = &rest[stop + 1..];
        } else {
            let size = u64::from_le_bytes(rest[end + 1..end + 9].try_into().unwrap());
            let stop = end + 9 + usize::try_from(size).unwrap();
            value = &rest[end + 9..stop];
            assert_eq!(rest[stop], b'\n');
            rest = &rest[stop + 1..];
        }
        found.entry(name).or_default().push(String::from_utf8(value.to_vec()).unwrap());
    }
    found
}

fn of(found: &BTreeMap<String, Vec<String>>, name: &str) -> Option<String> {
    found.get(name).map(|values| values.join("|"))
}

#[test]
fn an_event_becomes_fields() {
    let dir = directory("journal");
    let path = dir.join("socket");
    let mut journal = Journal::new(&path).unwrap();
    let event = Event { writer: Some(writer()), detail: Some("a\nb".into()), ..event(1) };
    let absent = journal.send(&event, "text").unwrap_err();
    assert!(matches!(absent, JournalError::Absent(_)), "{absent}");

    let socket = UnixDatagram::bind(&path).unwrap();
    journal.send(&event, "vm.swappiness: 1 -> 60\nMESSAGE_ID=forged").unwrap();
    let mut buffer = vec![0; 65536];
    let size = socket.recv(&mut buffer).unwrap();
    let found = fields(&buffer[..size]);
    for (name, value) in [
        ("MESSAGE", "vm.swappiness: 1 -> 60\nMESSAGE_ID=forged"),
        ("MESSAGE_ID", "04cb1ad21b0e440b8ecd9dabd418a7e1"),
        ("PRIORITY", "4"),
        ("SYSLOG_IDENTIFIER", "tunectl"),
        ("TUNECTL_KEY", "vm.swappiness"),
        ("TUNECTL_FROM", "1"),
        ("TUNECTL_TO", "60"),
        ("TUNECTL_DESIRED", "1"),
        ("TUNECTL_ACTION", "restored"),
        ("TUNECTL_DETAIL", "a\nb"),
        ("OBJECT_PID", "4711"),
        ("OBJECT_COMM", "sysctl"),
        ("TUNECTL_WRITER_CMDLINE", "sysctl -w vm.swappiness=60"),
        ("TUNECTL_WRITER_UNIT", "session-3.scope"),
        ("TUNECTL_WRITER_LOGIN_UID", "1000"),
        ("TUNECTL_WRITER_PARENT", "sudo (4700)|bash (4000)"),
    ] {
        assert_eq!(of(&found, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(of(&found, "TUNECTL_WRITER_CONTAINER"), None);

    // The journal would look the command line up by OBJECT_PID, secrets and all.
    for cmdline in [None, Some("tool --password=***"), Some("sh -c : xxxxxxxx...")] {
        let cmdline = cmdline.map(str::to_owned);
        let event = Event { writer: Some(Writer { cmdline, ..writer() }), ..event.clone() };
        journal.send(&event, "text").unwrap();
        let size = socket.recv(&mut buffer).unwrap();
        let found = fields(&buffer[..size]);
        assert_eq!(of(&found, "OBJECT_PID"), None);
        assert_eq!(of(&found, "TUNECTL_WRITER_PID").as_deref(), Some("4711"));
    }

    // The journal is restarted: the next event reaches the new one.
    drop(socket);
    fs::remove_file(&path).unwrap();
    let socket = UnixDatagram::bind(&path).unwrap();
    journal.send(&event, "text").unwrap();
    assert!(socket.recv(&mut buffer).unwrap() > 0);
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_long_event_is_handed_over_in_a_sealed_file() {
    let dir = directory("sealed");
    let socket = UnixDatagram::bind(dir.join("socket")).unwrap();
    let mut journal = Journal::new(&dir.join("socket")).unwrap();
    let long = "x".repeat(1_000_000);
    journal.send(&Event { to: Some(long.clone()), ..event(1) }, "text").unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 8];
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let got = recvmsg(&socket, &mut slices, &mut ancillary, RecvFlags::empty()).unwrap();
    assert_eq!(got.bytes, 0);
    let file = ancillary.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    let file = fs::File::from(file.unwrap());
    assert!(file.set_len(1).is_err(), "it is sealed");
    let mut message = Vec::new();
    // It was written by its sender: its place in the file is at the end.
    (&mut &file).take(0).read_to_end(&mut message).unwrap();
    let size = usize::try_from(file.metadata().unwrap().len()).unwrap();
    message.resize(size, 0);
    std::os::unix::fs::FileExt::read_exact_at(&file, &mut message, 0).unwrap();
    assert_eq!(of(&fields(&message), "TUNECTL_TO"), Some(long));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_journal_that_does_not_read_holds_nobody_up() {
    let dir = directory("busy");
    let _socket = UnixDatagram::bind(dir.join("socket")).unwrap();
    let mut journal = Journal::new(&dir.join("socket")).unwrap();
    let start = Instant::now();
    let refused = (0..100_000).find_map(|n| journal.send(&event(n), "text").err());
    assert!(matches!(refused, Some(JournalError::Busy)), "{refused:?}");
    assert!(start.elapsed() < Duration::from_secs(40));
    fs::remove_dir_all(dir).unwrap();
}

/// The entries of the catalogue: id, subject.
fn catalogue() -> BTreeMap<String, String> {
    let text = fs::read_to_string(CATALOGUE).unwrap();
    let entries = text.split("\n-- ").skip(1);
    entries
        .map(|entry| {
            let (id, rest) = entry.split_once('\n').unwrap();
            (id.to_owned(), rest.strip_prefix("Subject: ").unwrap().lines().next().unwrap().into())
        })
        .collect()
}

#[test]
fn the_catalogue_explains_each_kind_of_event_and_no_other() {
    let code: Vec<&str> = MESSAGE_IDS.iter().map(|m| m.1).collect();
    let mut sorted = code.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), code.len(), "an id is there twice");
    let explained = catalogue();
    assert_eq!(explained.keys().map(String::as_str).collect::<Vec<_>>(), sorted);
    // Every action that the JSON may have has an id.
    let wire = include_str!("../../src/wire/event.rs");
    let documented = wire.split("    pub action: String").next().unwrap();
    let documented = documented.rsplit("    pub to: Option<String>,").next().unwrap();
    let mut actions: Vec<&str> = documented.split('`').skip(1).step_by(2).collect();
    let mut known: Vec<&str> = MESSAGE_IDS.iter().map(|m| m.0).collect();
    actions.sort_unstable();
    known.sort_unstable();
    assert_eq!(actions, known);
}

#[test]
fn journalctl_takes_the_catalogue() {
    let root = directory("catalogue");
    let source = root.join("usr/lib/systemd/catalog");
    fs::create_dir_all(&source).unwrap();
    fs::create_dir_all(root.join("var/lib/systemd/catalog")).unwrap();
    fs::copy(CATALOGUE, source.join("tunectl.catalog")).unwrap();
    let journalctl = |what: &str| {
        Command::new("journalctl").arg(format!("--root={}", root.display())).arg(what).output()
    };
    let Ok(updated) = journalctl("--update-catalog") else {
        return left_out("announce::journalctl_takes_the_catalogue", "no journalctl here");
    };
    let said = String::from_utf8_lossy(&updated.stderr).into_owned();
    assert!(updated.status.success() && said.is_empty(), "{said}");
    let listed = String::from_utf8(journalctl("--list-catalog").unwrap().stdout).unwrap();
    for (id, subject) in catalogue() {
        assert!(listed.contains(&format!("{id} tunectl: {subject}")), "{id}:\n{listed}");
    }
    fs::remove_dir_all(root).unwrap();
}

/// The real journal, in namespaces of its own: it stores what is sent, short and long.
#[test]
fn the_real_journal_stores_events() {
    const NAME: &str = "announce::the_real_journal_stores_events";
    const DAEMON: &str = "/usr/lib/systemd/systemd-journald";
    if !Path::new(DAEMON).exists() {
        return left_out(NAME, "no systemd-journald here");
    }
    in_namespaces(NAME, || {
        assert!(run(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/run"])).status.success());
        fs::create_dir_all("/run/systemd/journal").unwrap();
        fs::create_dir_all("/run/log/journal").unwrap();
        fs::write("/run/machine-id", "0123456789abcdef0123456789abcdef\n").unwrap();
        fs::write("/run/empty", "").unwrap();
        if Path::new("/etc/machine-id").exists() {
            run(Command::new("mount").args(["--bind", "/run/machine-id", "/etc/machine-id"]));
        }
        // The kernel's log and the host's own journal are none of its business.
        run(Command::new("mount").args(["--bind", "/dev/null", "/dev/kmsg"]));
        if Path::new("/var/log/journal").exists() {
            run(Command::new("mount").args(["-t", "tmpfs", "tmpfs", "/var/log/journal"]));
        }
        let mut daemon = Command::new(DAEMON)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("the journal listens", || Path::new(NATIVE_SOCKET).exists());
        let mut journal = Journal::new(Path::new(NATIVE_SOCKET)).unwrap();
        let own = Writer { pid: Some(std::process::id()), ..writer() };
        let short = Event { writer: Some(own), ..event(1) };
        journal.send(&short, "vm.swappiness: changed").unwrap();
        let long = Event { action: "failed".into(), to: Some("y".repeat(400_000)), ..event(1) };
        journal.send(&long, "two\nlines").unwrap();
        let read = |id: &str| {
            let found = run(Command::new("journalctl").args([
                "--directory=/run/log/journal",
                "--output=json",
                "--all",
                &format!("MESSAGE_ID={id}"),
            ]));
            serde_json::from_slice::<serde_json::Value>(&found.stdout).ok()
        };
        let mut stored = None;
        until("the short event is stored", || {
            stored = read(MESSAGE_IDS[0].1);
            stored.is_some()
        });
        let stored = stored.unwrap();
        assert_eq!(stored["MESSAGE"], "vm.swappiness: changed");
        assert_eq!(stored["TUNECTL_KEY"], "vm.swappiness");
        assert_eq!(stored["OBJECT_PID"], std::process::id().to_string());
        assert!(stored["OBJECT_EXE"].as_str().is_some(), "completed by the journal: {stored}");
        let mut stored = None;
        until("the long event is stored", || {
            stored = read("15fa90f48210490ea823147f0a164649");
            stored.is_some()
        });
        assert_eq!(stored.as_ref().unwrap()["MESSAGE"], "two\nlines");
        assert_eq!(stored.unwrap()["TUNECTL_TO"].as_str().unwrap().len(), 400_000);
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    });
}

/// How commands have failed, once all have ended by themselves, or so many have failed.
fn settled(hook: &mut OnDrift, most: usize) -> Vec<String> {
    let mut failures = Vec::new();
    until("the commands have ended", || {
        failures.extend(hook.settle().into_iter().map(|s| s.how));
        if most == 0 { hook.due().is_none() } else { failures.len() >= most }
    });
    failures
}

#[test]
fn the_command_gets_the_event_as_a_line_of_json() {
    let dir = directory("hook");
    let out = dir.join("out");
    let mut hook = OnDrift::new(format!("cat >> '{0}'; pwd >> '{0}'", out.display()));
    hook.tell(&event(7)).unwrap();
    assert!(settled(&mut hook, 0).is_empty());
    let text = fs::read_to_string(&out).unwrap();
    let (line, rest) = text.split_once('\n').unwrap();
    assert_eq!(serde_json::from_str::<Event>(line).unwrap(), event(7));
    assert_eq!(rest, "/\n");
    assert_eq!((hook.skipped(), hook.due()), (None, None));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_command_that_fails_is_said() {
    let mut hook = OnDrift::new("exit 3");
    hook.tell(&event(1)).unwrap();
    assert_eq!(settled(&mut hook, 1), ["exit status: 3"]);
    // A command that reads nothing harms nobody, however long the event.
    let mut hook = OnDrift::new("true");
    hook.tell(&Event { to: Some("x".repeat(1 << 20)), ..event(1) }).unwrap();
    assert!(settled(&mut hook, 0).is_empty());
}

#[test]
fn a_command_that_hangs_is_killed_with_what_it_started() {
    let dir = directory("hang");
    let pids = dir.join("pids");
    let command = format!("sleep 1000 & echo $! > {}; wait", pids.display());
    let mut hook = OnDrift::new(command).with_patience(Duration::from_secs(1));
    hook.tell(&event(1)).unwrap();
    assert!(hook.due().is_some());
    assert_eq!(settled(&mut hook, 1), ["killed: it took longer than 1 s"]);
    let pid = fs::read_to_string(&pids).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    until("its child is gone", || fs::read_to_string(&stat).map_or(true, |s| s.contains(") Z ")));
    fs::remove_dir_all(dir).unwrap();
}

#[test]
fn a_storm_starts_few_commands_and_holds_nobody_up() {
    let dir = directory("storm");
    let out = dir.join("out");
    let end = dir.join("end");
    let began = dir.join("began");
    let command = format!(
        "echo >> {}; until [ -e {} ]; do sleep 0.05; done; cat >> {}",
        began.display(),
        end.display(),
        out.display()
    );
    let mut hook = OnDrift::new(command);
    // None of them ends before all is told.
    for n in 0..1000 {
        hook.tell(&event(n)).unwrap();
    }
    let begun = || fs::read_to_string(&began).unwrap_or_default().lines().count();
    until("they run", || begun() == 4);
    assert!(hook.settle().is_empty());
    assert_eq!(hook.skipped(), None, "while others wait");
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(begun(), 4, "no more at once");
    fs::write(end, "").unwrap();
    assert!(settled(&mut hook, 0).is_empty());
    assert_eq!((hook.skipped(), hook.skipped()), (Some(1000 - 36), None));
    let text = fs::read_to_string(&out).unwrap();
    let mut told: Vec<u64> =
        text.lines().map(|l| serde_json::from_str::<Event>(l).unwrap().count).collect();
    told.sort_unstable();
    assert_eq!(told, (0..36).collect::<Vec<_>>());
    fs::remove_dir_all(dir).unwrap();
}
