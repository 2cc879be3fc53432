//! An apply is everything or nothing: killed at any system call, refused by any, asked to stop at
//! any write.
//!
//! strace kills and refuses. Of every sweep a share is run here; `TUNECTL_SWEEP=10` runs every tenth
//! point (`.ci/run sweeps`), `TUNECTL_SWEEP=all` each.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tunectl::apply::recover;
use tunectl::bootview::dropin;
use tunectl::persist::{ledger, originals};
use tunectl::procsys::ProcSys;

use crate::operator::{Host, Ran};
use crate::support::left_out;

mod adopt;
mod batch;
mod catalogue;
mod crowd;
mod disk;

const BOOT_ID: &str = "6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c";
const KEYS: usize = 29;
/// Kills it in the middle of the writes.
const HALF_WAY: &str = "inject=ftruncate:signal=KILL:when=15";

fn key(n: usize) -> String {
    format!("net.ipv4.neigh.eth{n}.gc_stale_time")
}

/// A host with 30 parameters to set: one of them made from RAM, so that two files are written.
fn host() -> Host {
    let host = Host::usual();
    let mut baseline = String::from("name: thirty\nparameters:\n");
    baseline.push_str("  vm.min_free_kbytes: { percent_of_ram: 0.149 }\n");
    for n in 0..KEYS {
        host.live(&format!("{} = 60\n", key(n)));
        writeln!(baseline, "  {}: 30", key(n)).unwrap();
    }
    host.file("etc/tunectl/baseline.yaml", &baseline);
    host.file("etc/systemd/system/sysinit.target.wants/tunectl-boot.service", "");
    host.file("etc/sysctl.d/README", "");
    host.file("run/sysctl.d/README", "");
    host
}

/// How the host stands.
#[derive(Debug, PartialEq, Eq)]
enum Stands {
    Old,
    New,
    /// What is old, and what is new.
    Between(Vec<String>, Vec<String>),
}

fn text(root: &Path, path: &str) -> Option<String> {
    fs::read_to_string(root.join(path.trim_start_matches('/'))).ok()
}

fn stands(host: &Host) -> Stands {
    let mut new = Vec::new();
    let mut old = Vec::new();
    let mut count =
        |what: String, is_new: bool| if is_new { new.push(what) } else { old.push(what) };
    for n in 0..KEYS {
        let value = host.value(&key(n));
        assert!(["30", "60"].contains(&value.as_str()), "{}: {value:?}", key(n));
        count(key(n), value == "30");
    }
    let reserve = host.value("vm.min_free_kbytes");
    assert!(["90112", "99992"].contains(&reserve.as_str()), "{reserve:?}");
    count("vm.min_free_kbytes".into(), reserve == "99992");
    let ours = text(&host.root, dropin::PATH);
    if let Some(text) = &ours {
        // What could not be read is neither written nor persisted.
        let is_there = text.contains("#@ vm.min_free_kbytes = 99992 ");
        assert!(is_there || reserve == "90112", "torn: {text}");
        for key in (0..KEYS).map(key) {
            let is_there = text.contains(&format!("\n{key} = 30\n"));
            assert!(is_there || host.value(&key) == "60", "torn: {text}");
        }
    }
    count(dropin::PATH.into(), ours.is_some());
    let made = text(&host.root, dropin::HOST_PATH);
    count(
        dropin::HOST_PATH.into(),
        made.is_some_and(|t| t.contains("\nvm.min_free_kbytes = 99992\n")),
    );
    match (old.is_empty(), new.is_empty()) {
        (true, false) => Stands::New,
        (false, true) => Stands::Old,
        _ => Stands::Between(old, new),
    }
}

/// The program under strace, which does what `inject` says; `None`: strace cannot.
fn traced(host: &Host, args: &[&str], inject: &str) -> Output {
    let program = host.command(args.iter().copied());
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "/dev/null", "-e", inject, "--"]);
    strace.arg(program.get_program()).args(program.get_args()).env_clear();
    strace.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(&host.work);
    strace.output().unwrap()
}

/// What the host knows of the time before: everything, or nothing.
fn remembers(host: &Host) -> bool {
    let originals = originals::read(&host.root, &|| BOOT_ID.into()).unwrap().of_boot;
    if originals.is_empty() {
        return false;
    }
    assert_eq!(originals.len(), KEYS + 1);
    for (key, original) in originals {
        let reserve = key.as_path() == "vm/min_free_kbytes";
        let before = if reserve { "90112" } else { "60" };
        assert_eq!(original.value.as_deref(), Some(before), "{key}");
    }
    true
}

/// Each of `points` in turn, by two at a time: most of a run is waiting for strace.
fn each(points: impl Iterator<Item = usize>, run: &(dyn Fn(usize) + Sync)) {
    let points: Vec<usize> = points.collect();
    let half = points.len() / 2;
    let all = |points: &[usize]| points.iter().for_each(|n| run(*n));
    std::thread::scope(|scope| {
        let other = scope.spawn(|| all(&points[half..]));
        all(&points[..half]);
        other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
}

fn strace_injects(test: &str) -> bool {
    let host = host();
    let probe = Command::new("strace").arg("-V").output();
    if probe.is_err() {
        left_out(test, "there is no strace");
        return false;
    }
    let output = traced(&host, &["plan"], "inject=execve:error=ENOENT:when=2");
    if String::from_utf8_lossy(&output.stderr).contains("ptrace") {
        left_out(test, "strace may not trace here");
        return false;
    }
    true
}

/// Which points of a sweep are run.
fn stride(share: usize) -> usize {
    match std::env::var("TUNECTL_SWEEP").as_deref() {
        Ok("all") => 1,
        Ok(every) => every.parse().unwrap_or(share).clamp(1, share),
        Err(_) => share,
    }
}

fn put_right(host: &Host) {
    let kernel = ProcSys::open(&host.root).unwrap();
    let recovered = recover(&kernel, &host.root, BOOT_ID).unwrap();
    if let Some(recovered) = recovered {
        assert!(recovered.is_whole(), "{recovered:?}");
    }
    assert!(!ledger::exists(&host.root));
}

/// Runs the whole apply once; how many of these system calls it makes.
fn calls(of: &str) -> usize {
    let host = host();
    let calls = counted(&host, &["apply"], of);
    assert_eq!(stands(&host), Stands::New);
    calls
}

fn counted(host: &Host, args: &[&str], of: &str) -> usize {
    let log = host.work.join("trace");
    let program = host.command(args.iter().copied());
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-e"]).arg(format!("trace={of}")).arg("-o").arg(&log).arg("--");
    strace.arg(program.get_program()).args(program.get_args()).env_clear();
    assert!(strace.current_dir(&host.work).output().unwrap().status.success());
    assert!(!ledger::exists(&host.root), "it has tidied up");
    fs::read_to_string(log).unwrap().lines().filter(|l| l.contains('(')).count()
}

#[test]
fn killed_at_any_system_call_it_is_put_right() {
    if !strace_injects("transaction: SIGKILL at every system call") {
        return;
    }
    let (old, new, between) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let points = host().calls(["apply"]);
    assert!(points.len() > 250, "{} system calls for 30 parameters", points.len());
    each((0..points.len()).step_by(stride(19)), &|n| {
        let host = host();
        let ended = traced(&host, &["apply"], &points[n].killing());
        assert!(ended.status.signal() == Some(9) || ended.status.code().is_some());
        // Whoever only looks is told, and puts nothing right.
        if let Stands::Between(..) = stands(&host)
            && between.fetch_add(1, Relaxed) % 5 == 1
        {
            let ran = host.run(["plan"]);
            assert!(ran.err.contains("an apply was interrupted"), "{n}: {}", ran.err);
        }
        if n % 2 == 0 {
            put_right(&host);
            match stands(&host) {
                Stands::Old => old.fetch_add(1, Relaxed),
                Stands::New => new.fetch_add(1, Relaxed),
                Stands::Between(_, new) => panic!("killed at {n}: {new:?}"),
            };
            assert_eq!(remembers(&host), stands(&host) == Stands::New, "killed at {n}");
        }
        let ran = host.run(["apply"]);
        assert_eq!((ran.code, stands(&host)), (0, Stands::New), "killed at {n}: {}", ran.err);
        assert!(!ledger::exists(&host.root));
        assert!(remembers(&host), "killed at {n}: no original is lost");
        for dir in ["etc/sysctl.d", "run/sysctl.d"] {
            let names = fs::read_dir(host.root.join(dir)).unwrap();
            let names: Vec<_> = names.map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names.len(), 2, "nothing is left behind: {names:?}");
        }
    });
    let (old, new, between) = (old.into_inner(), new.into_inner(), between.into_inner());
    assert!(old > 3 && between > 3, "{old} old, {new} new, {between} between");
}

/// A drop-in that has its text already, and is written anew for its rights, does not end it.
#[test]
fn what_only_gets_other_rights_does_not_count_as_carried_out() {
    if !strace_injects("transaction: SIGKILL at every rename") {
        return;
    }
    let mut points = 0;
    for n in 1.. {
        let host = host();
        assert_eq!(host.run(["apply"]).code, 0);
        // As after a reboot that set nothing.
        fs::remove_dir_all(host.root.join("run")).unwrap();
        host.file("run/sysctl.d/README", "").live("vm.min_free_kbytes = 90112\n");
        for n in 0..KEYS {
            host.live(&format!("{} = 60\n", key(n)));
        }
        host.mode(dropin::PATH.trim_start_matches('/'), 0o664);
        let inject = format!("inject=rename,renameat2:signal=KILL:when={n}");
        if traced(&host, &["apply"], &inject).status.success() {
            break;
        }
        put_right(&host);
        let is_new = remembers(&host);
        let values: Vec<String> = (0..KEYS).map(|n| host.value(&key(n))).collect();
        let wanted = if is_new { "30" } else { "60" };
        assert!(values.iter().all(|value| value == wanted), "killed at {n}: {values:?}");
        let made = text(&host.root, dropin::HOST_PATH);
        assert_eq!(made.is_some(), is_new, "killed at {n}");
        points += 1;
    }
    assert!(points > 1, "{points}");
}

#[test]
fn a_rollback_killed_at_any_system_call_is_put_right() {
    if !strace_injects("transaction: SIGKILL at every system call of a rollback") {
        return;
    }
    let applied = || {
        let host = host();
        assert_eq!(host.run(["apply"]).code, 0);
        host
    };
    let between = AtomicUsize::new(0);
    let points = applied().calls(["rollback", "--yes"]);
    each((0..points.len()).step_by(stride(17)), &|n| {
        let host = applied();
        traced(&host, &["rollback", "--yes"], &points[n].killing());
        if let Stands::Between(..) = stands(&host) {
            between.fetch_add(1, Relaxed);
        }
        put_right(&host);
        let back = match stands(&host) {
            Stands::Old => true,
            Stands::New => false,
            stands @ Stands::Between(..) => panic!("killed at {n}: {stands:?}"),
        };
        // What is remembered, and what is let go, goes with the values.
        let released = host.root.join("var/lib/tunectl/released.json").exists();
        assert_eq!((remembers(&host), released), (!back, back), "killed at {n}");
        let ran = host.run(["rollback", "--yes"]);
        assert_eq!((ran.code, stands(&host)), (0, Stands::Old), "killed at {n}: {}", ran.err);
        assert!(!remembers(&host));
    });
    assert!(between.into_inner() > 3);
}

#[test]
fn killed_while_it_puts_right_it_is_put_right_by_the_next() {
    if !strace_injects("transaction: SIGKILL during the recovery") {
        return;
    }
    let between = AtomicUsize::new(0);
    let half_way = || {
        let host = host();
        traced(&host, &["apply"], HALF_WAY);
        assert!(matches!(stands(&host), Stands::Between(..)), "the middle of the writes");
        host
    };
    let points = half_way().calls(["apply"]);
    each((0..points.len()).step_by(stride(23)), &|n| {
        let host = half_way();
        traced(&host, &["apply"], &points[n].killing());
        between.fetch_add(usize::from(matches!(stands(&host), Stands::Between(..))), Relaxed);
        put_right(&host);
        let now = stands(&host);
        assert!(!matches!(now, Stands::Between(..)), "killed at {n}: {now:?}");
        assert_eq!(remembers(&host), now == Stands::New, "killed at {n}");
    });
    assert!(between.into_inner() > 3);
}

/// The system calls that are refused, and with what.
const REFUSED: [&str; 9] = [
    "openat,openat2",
    "read",
    "getdents64",
    "write",
    "fsync",
    "rename,renameat2",
    "fchmod",
    "ftruncate",
    "unlink",
];
const ERRORS: [&str; 10] =
    ["ENOSPC", "EIO", "EROFS", "EDQUOT", "EMFILE", "ENOMEM", "EINTR", "EACCES", "EPERM", "EINVAL"];

/// Refused once it is everything or nothing. Refused for good, putting back is refused as well:
/// then it says so.
#[test]
fn refused_at_any_system_call_it_is_everything_or_nothing() {
    if !strace_injects("transaction: errors at every system call") {
        return;
    }
    let refused = AtomicUsize::new(0);
    for set in REFUSED {
        let total = calls(set);
        assert!(total > 0, "{set}");
        for (at, error) in ERRORS.iter().enumerate() {
            let first = 1 + at % total;
            each((first..=total).step_by(stride(61)), &|n| {
                // A call that is interrupted for ever is made again for ever.
                let for_good = if *error == "EINTR" { "" } else { "+" };
                for again in ["", for_good] {
                    let host = host();
                    let inject = format!("inject={set}:error={error}:when={n}{again}");
                    let ran = host.told(traced(&host, &["apply"], &inject));
                    judge(&host, &ran, &inject, [Stands::Old, Stands::New]);
                    refused.fetch_add(usize::from(ran.code != 0), Relaxed);
                }
            });
        }
    }
    let refused = refused.into_inner();
    assert!(refused > 20, "{refused}");
}

/// What takes the drop-in away takes it and the values back together.
#[test]
fn refused_at_any_system_call_it_is_taken_away_or_not() {
    if !strace_injects("transaction: errors at every system call of a removal") {
        return;
    }
    let applied = || {
        let host = host();
        assert_eq!(host.run(["apply"]).code, 0);
        host
    };
    let taken = ["rollback", "--yes"];
    for set in ["fsync", "unlink", "rename,renameat2"] {
        let host = applied();
        let total = counted(&host, &taken, set);
        assert_eq!(stands(&host), Stands::Old);
        each(1..=total, &|n| {
            for again in ["", "+"] {
                let host = applied();
                let inject = format!("inject={set}:error=EIO:when={n}{again}");
                let ran = host.told(traced(&host, &taken, &inject));
                judge(&host, &ran, &inject, [Stands::New, Stands::Old]);
            }
        });
    }
}

/// Not even what somebody has written into it that is no UTF-8.
#[test]
fn what_is_put_back_is_byte_for_byte_as_it_was() {
    if !strace_injects("transaction: what is put back byte for byte") {
        return;
    }
    let paths = [dropin::PATH, dropin::HOST_PATH];
    let place = |host: &Host, path: &str| host.root.join(path.trim_start_matches('/'));
    let edited = || {
        let host = host();
        assert_eq!(host.run(["apply"]).code, 0);
        for path in paths {
            let text = fs::read(place(&host, path)).unwrap();
            fs::write(place(&host, path), [&text[..], b"# gr\xf6\xdfer\n"].concat()).unwrap();
        }
        let baseline = text(&host.root, "etc/tunectl/baseline.yaml").unwrap();
        host.file("etc/tunectl/baseline.yaml", &baseline.replace("0.149", "0.148"));
        host
    };
    let files = |host: &Host| paths.map(|path| fs::read(place(host, path)).unwrap());
    let renames = "rename,renameat2";
    let (mut kept, total) = (0, counted(&edited(), &["apply"], renames));
    for (n, how) in (1..=total).flat_map(|n| [(n, "error=EIO"), (n, "signal=KILL")]) {
        let host = edited();
        let before = files(&host);
        traced(&host, &["apply"], &format!("inject={renames}:{how}:when={n}"));
        put_right(&host);
        let after = files(&host);
        assert!(after == before || after.iter().zip(&before).all(|(a, b)| a != b), "{how}, {n}");
        kept += usize::from(after == before);
    }
    assert!(kept > total, "{kept} of {}", 2 * total);
}

fn judge(host: &Host, ran: &Ran, inject: &str, [before, after]: [Stands; 2]) {
    let told = format!("{inject}: exit {}\n{}\n{}", ran.code, ran.out, ran.err);
    assert!(!ran.err.contains("panicked"), "{told}");
    // Where nothing can be written, nothing can be said.
    let mute = inject.starts_with("inject=write:");
    match (ran.code, stands(host)) {
        (0, stands) => assert_eq!(stands, after, "{told}"),
        // What is adopted, locked or tidied up comes after the last value.
        (_, Stands::New | Stands::Old) => {
            assert!(mute || !ran.err.is_empty() || !ran.out.is_empty(), "{told}");
        }
        // What could not be looked at, or not be put back, is named.
        (_, Stands::Between(old, new)) => {
            let named = |keys: &[String]| keys.iter().all(|key| told.contains(key.as_str()));
            assert!(mute || named(&old) || named(&new), "{new:?}\n{told}");
            // It is written down as well, and done once the kernel takes it.
            if ledger::exists(&host.root) {
                put_right(host);
                assert_eq!(stands(host), before, "{told}");
            }
        }
    }
}

#[test]
fn asked_to_stop_at_any_write_it_puts_back_what_it_wrote() {
    if !strace_injects("transaction: SIGTERM at every write") {
        return;
    }
    let mut stopped = 0;
    for signal in ["TERM", "INT", "HUP"] {
        for n in (1..=calls("write")).step_by(stride(7)) {
            let host = host();
            let inject = format!("inject=write:signal={signal}:when={n}");
            let output = traced(&host, &["apply"], &inject);
            if output.status.signal().is_some() {
                assert_eq!(stands(&host), Stands::Old, "it had not begun");
                continue;
            }
            let ran = host.told(output);
            let told = format!("{n}: exit {}\n{}\n{}", ran.code, ran.out, ran.err);
            match (ran.code, stands(&host)) {
                // It came too late to be asked for.
                (0, Stands::New) => {}
                (1, Stands::Old) => {
                    stopped += 1;
                    assert!(ran.out.contains(&format!("stopped by SIG{signal}")), "{told}");
                }
                (_, stands) => panic!("{stands:?}: {told}"),
            }
            assert!(!ledger::exists(&host.root));
        }
    }
    assert!(stopped > 5, "{stopped}");
}

#[test]
fn what_somebody_else_changed_after_the_kill_is_left_alone() {
    if !strace_injects("transaction: a change after the kill") {
        return;
    }
    let host = host();
    traced(&host, &["apply"], HALF_WAY);
    let written = (0..KEYS).find(|n| host.value(&key(*n)) == "30").unwrap();
    host.live(&format!("{} = 45\n", key(written)));
    host.file("etc/tunectl/baseline.yaml", "name: other\nparameters: { vm.swappiness: 10 }\n");
    let ran = host.run(["apply"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("was interrupted; what it had written was taken back"), "{}", ran.err);
    assert!(ran.err.contains(&format!("{} was changed since, to 45: left alone", key(written))));
    assert_eq!(host.value(&key(written)), "45");
    let others = (0..KEYS).filter(|n| *n != written).all(|n| host.value(&key(n)) == "60");
    assert!(others && host.value("vm.swappiness") == "10");
}

#[test]
fn a_journal_that_cannot_be_understood_stops_everything_and_is_kept() {
    let host = host();
    host.file("run/tunectl/journal", "tunectl journal 1\nwrite\t../../x\t1\t2\t\\-\t\\-\n");
    let ran = host.run(["apply"]);
    assert_eq!((ran.code, stands(&host)), (1, Stands::Old), "{}", ran.err);
    assert!(ran.err.contains("/run/tunectl/journal"), "{}", ran.err);
    assert!(ledger::exists(&host.root));
}

#[test]
fn the_journal_of_another_boot_is_of_no_account() {
    let host = host();
    let text = format!(
        "tunectl journal 1\nboot\tother\npid\t1\nbaseline\tx\nbegun\nwrite\t{}\t99\t60\t{}\t99\n",
        "net/ipv4/neigh/eth0/gc_stale_time", "net/ipv4/neigh/eth0/gc_stale_time"
    );
    host.file("run/tunectl/journal", &text);
    let ran = host.run(["apply"]);
    assert_eq!((ran.code, stands(&host)), (0, Stands::New), "{}", ran.err);
    assert!(!ran.err.contains("interrupted"), "{}", ran.err);
}
