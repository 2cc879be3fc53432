//! Lines without secrets, and writers that are told as far as known.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;

use super::cgroup::Place;
use super::mask::{MASK, bounded, command_line, harmless};
use super::{Cgroups, Glance, Seen, from_attempt, writer_id};
use crate::observed::{Ancestor, Via};

/// Arguments between bars, and the line that is told.
const LINES: &[(&str, &str)] = &[
    // Nothing that looks like a secret is touched.
    ("sysctl|-w|vm.swappiness=60", "sysctl -w vm.swappiness=60"),
    ("sysctl|-w|kernel.keys.root_maxkeys=1000000", "sysctl -w kernel.keys.root_maxkeys=1000000"),
    ("sh|-c|echo 1 > /proc/sys/vm/drop_caches", "sh -c echo 1 > /proc/sys/vm/drop_caches"),
    ("tool|--token-file=/etc/t|--password-stdin|x", "tool --token-file=/etc/t --password-stdin x"),
    ("ssh|-i|/root/.ssh/key|web-1", "ssh -i /root/.ssh/key web-1"),
    ("env|PWD=/root|cmd", "env PWD=/root cmd"),
    ("git|clone|https://github.com/a/b.git", "git clone https://github.com/a/b.git"),
    ("git|clone|git+ssh://git@example.org/a", "git clone git+ssh://git@example.org/a"),
    ("tool|--key|/etc/ssl/private/web.key", "tool --key /etc/ssl/private/web.key"),
    ("ls|-p|/etc", "ls -p /etc"),
    ("mysql|-p|shop", "mysql -p shop"),
    // By the name of an option or a variable.
    ("tool|--password=hunter2", "tool --password=***"),
    ("tool|--password=a b&c;d|x", "tool --password=*** x"),
    ("tool|--password|hunter2|x", "tool --password *** x"),
    ("tool|--password|-hunter2", "tool --password ***"),
    ("tool|-passin|pass:x", "tool -passin ***"),
    ("tool|--Api-Key|abc", "tool --Api-Key ***"),
    ("tool|--client_secret|abc", "tool --client_secret ***"),
    ("tool|--token|abc", "tool --token ***"),
    (
        "env|PASSWORD=x|DB_PASS=y|PGPASSWORD=z|MYSQL_PWD=w|A=b|c",
        "env PASSWORD=*** DB_PASS=*** PGPASSWORD=*** MYSQL_PWD=*** A=b c",
    ),
    ("env|AWS_SECRET_ACCESS_KEY=abc/def+x=|c", "env AWS_SECRET_ACCESS_KEY=*** c"),
    (
        "sysctl|-w|net.ipv6.conf.eth0.stable_secret=2001::1",
        "sysctl -w net.ipv6.conf.eth0.stable_secret=***",
    ),
    (
        "sysctl|-w|net.ipv4.tcp_fastopen_key=01234567-89abcdef-01234567-89abcdef",
        "sysctl -w net.ipv4.tcp_fastopen_key=***",
    ),
    // By the name of a parameter, whose value may be an argument of its own, or in a script.
    ("sysctl|-w|net.ipv4.tcp_fastopen_key|1-2-3-4", "sysctl -w net.ipv4.tcp_fastopen_key ***"),
    ("sysctl|-w|net/ipv4/tcp_fastopen_key=1-2-3-4", "sysctl -w net/ipv4/tcp_fastopen_key=***"),
    (
        "sysctl|-w|net.ipv4.tcp_fin_timeout|33|net.ipv6.conf.eth0/7.stable_secret|2001::1|a|b",
        "sysctl -w net.ipv4.tcp_fin_timeout 33 net.ipv6.conf.eth0/7.stable_secret ***",
    ),
    (
        "set|/proc/sys/net/ipv4/tcp_fastopen_key|--to|1-2-3-4",
        "set /proc/sys/net/ipv4/tcp_fastopen_key ***",
    ),
    ("set|01234567-1-2-3|2001::1|60|tcp_fastopen_key", "set *** *** 60 tcp_fastopen_key ***"),
    ("bash|-c|echo 1-2-3-4 > /proc/sys/net/ipv4/tcp_fastopen_key; :|x", "bash -c ***"),
    ("bash|-c|echo 1 > $1/net.ipv6.conf.lo.stable_secret", "bash -c ***"),
    ("python3|-c|open('/proc/sys/net/ipv4/tcp_fastopen_key').write('1-2')", "python3 -c ***"),
    ("--set=net.ipv4.tcp_fastopen_key=1-2-3-4", "***"),
    // A shell may make the name of a glob.
    (
        "bash|-c|K=aaaaaaaa-bbbbbbbb-cccccccc-dddddddd; echo 77 > $F; echo $K > tcp_fast*_key",
        "bash -c K=***; echo 77 > $F; echo $K > tcp_fast*_key",
    ),
    (
        "sh|-c|echo 2001::1 >/proc/sys/net/ipv6/conf/*/s*",
        "sh -c echo *** >/proc/sys/net/ipv6/conf/*/s*",
    ),
    (
        "sysctl|-w|net.ipv4.tcp_fastopen_k?y=01234567-89abcdef-01234567-89abcdef|a",
        "sysctl -w net.ipv4.tcp_fastopen_k?y=*** a",
    ),
    (
        "sh|-c|echo 1 >/proc/sys/net/ipv6/conf/*/accept_ra # 2001::1",
        "sh -c echo 1 >/proc/sys/net/ipv6/conf/*/accept_ra # 2001::1",
    ),
    // By the name of the program.
    ("/usr/bin/mysql|-u|root|-phunter2|shop", "/usr/bin/mysql -u root -p*** shop"),
    ("sshpass|-p|hunter2|ssh|web", "sshpass -p *** ssh web"),
    ("redis-cli|-a|hunter2|ping", "redis-cli -a *** ping"),
    ("curl|-u|alice:hunter2|http://x/", "curl -u *** http://x/"),
    ("curl|--user|alice:hunter2|http://x/", "curl --user *** http://x/"),
    ("sudo|-u|root|mysql|-phunter2", "sudo -u root mysql -p***"),
    ("curl|-sSu|alice:hunter2|x", "curl -sSu *** x"),
    ("curl|--user=alice:hunter2|x", "curl --user=*** x"),
    ("ldapsearch|-xw|hunter2|-b|dc=x", "ldapsearch -xw *** -b dc=x"),
    ("mysql|net|-phunter2", "mysql net -p***"),
    (
        "set|/proc/sys/net/ipv4/tcp_fin_timeout|curl|-u|a:b",
        "set /proc/sys/net/ipv4/tcp_fin_timeout curl -u ***",
    ),
    // The same in a script: whatever was named before, a path's component or another program.
    (
        "bash|-c|echo 73 > /proc/sys/net/ipv4/tcp_fin_timeout; curl -u bob:hunter2 https://x; sleep .1",
        "bash -c echo 73 > /proc/sys/net/ipv4/tcp_fin_timeout; curl -u *** https://x; sleep .1",
    ),
    (
        "sh|-c|echo 1 >/proc/sys/net/core/x && mysql -u root -phunter2 shop",
        "sh -c echo 1 >/proc/sys/net/core/x && mysql -u root -p*** shop",
    ),
    (
        "sh|-c|cd /proc/sys/net; ldapsearch -w hunter2; redis-cli -a hunter2; sysctl -a -w x=1",
        "sh -c cd /proc/sys/net; ldapsearch -w ***; redis-cli -a ***; sysctl -a -w x=1",
    ),
    (
        "sh|-c|docker pull web && sysctl -p /etc/sysctl.d/web.conf",
        "sh -c docker pull web && sysctl -p /etc/sysctl.d/web.conf",
    ),
    ("sh|-c|mysql -phunter2; sysctl -p /etc/x.conf", "sh -c mysql -p***; sysctl -p /etc/x.conf"),
    ("sh|-c|curl --user a:hunter2 x &", "sh -c curl --user *** x &"),
    // Where a command ends is not known for sure.
    ("sh|-c|mysql -e 'a; b' -phunter2", "sh -c mysql -e 'a; b' -p***"),
    ("sh|-c|mysql -u root \\\n -phunter2", "sh -c mysql -u root \\  -p***"),
    ("sh|-c|mysql >x 2>&1 -phunter2", "sh -c mysql >x 2>&1 -p***"),
    ("sh|-c|mysql $(a; b) -phunter2", "sh -c mysql $(a; b) -p***"),
    ("sh|-c|M=/usr/bin/mysql; $M -phunter2", "sh -c M=/usr/bin/mysql; $M -p***"),
    ("python3|-c|run(['sshpass', '-p', 'hunter2'])", "python3 -c run(['sshpass', '-p', ***])"),
    ("python3|-c|run(['x', '--password', 'hunter2'])", "python3 -c run(['x', '--password', ***])"),
    // In a URL.
    ("git|clone|https://alice:hunter2@example.org/x", "git clone https://alice:***@example.org/x"),
    ("git|clone|https://0123456789abcdef0123@example.org/x", "git clone https://***@example.org/x"),
    ("app|postgres://u:p@ss@db:5432/x?a=b", "app postgres://u:***@db:5432/x?a=b"),
    ("env|DATABASE_URL=postgres://u:p@db/x|app", "env DATABASE_URL=postgres://u:***@db/x app"),
    ("curl|https://x/y?token=abc&v=1", "curl https://x/y?token=***&v=1"),
    // In a header, in JSON, in a script.
    ("curl|-H|Authorization: Bearer abc.def|http://x", "curl -H Authorization: *** http://x"),
    ("curl|-H|authorization: token abc|x", "curl -H authorization: *** x"),
    ("curl|-H|Cookie: a=b; c=d|x", "curl -H Cookie: *** x"),
    ("curl|-H|X-Api-Key: abc|x", "curl -H X-Api-Key: *** x"),
    (
        r#"curl|-d|{"user":"a","password":"b c\"d","x":1}"#,
        r#"curl -d {"user":"a","password":***,"x":1}"#,
    ),
    (
        "sh|-c|PASSWORD='a b' mysql -phunter2! && echo ok",
        "sh -c PASSWORD=*** mysql -p*** && echo ok",
    ),
    ("sh|-c|tool --password 'a b' --level 3", "sh -c tool --password *** --level 3"),
    ("sh|-c|tool --token !x", "sh -c tool --token ***"),
    (
        "bash|-c|curl -H \"Authorization: Bearer abc\" http://x",
        "bash -c curl -H \"Authorization: ***\" http://x",
    ),
    // By what it looks like.
    ("tool|ghp_0123456789abcdef0123", "tool ***"),
    ("tool|--key|0123456789abcdef0123456789abcdef", "tool --key ***"),
    ("tool|auth=0123456789abcdef0123456789abcdef", "tool auth=***"),
    // What acts on a terminal.
    ("sysctl|a\nb\x1b[2Jc\u{9b}d\u{202e}e", "sysctl a b\\u{1b}[2Jc\\u{9b}d\\u{202e}e"),
];

/// Commands of a script without a secret.
const BEFORE: &[&str] = &[
    "echo 73 > /proc/sys/net/ipv4/tcp_fin_timeout",
    "cd /proc/sys/net",
    "sysctl -w net.ipv4.tcp_fin_timeout=73",
    "echo \"$x\" | tee /proc/sys/net/core/somaxconn >/dev/null 2>&1",
    "ls -p /etc",
    "docker run -p 80:80 mysql",
    "mysql -p shop",
    "curl -s https://x/y?a=b",
    "zip -r a.zip /srv/net/zip",
    "for i in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 1 > $i; done",
    "f() { net ads info; }",
    "sleep .1",
];
/// What may stand before a command.
const WRAPPERS: &[&str] = &[
    "",
    "sudo -n ",
    "env A=b ",
    "timeout -k 5 10 ",
    "nohup ",
    "exec ",
    "! ",
    "(",
    "sudo -u mysql ",
];
/// Programs, and their options up to a secret.
const PROGRAMS: &[(&str, &str)] = &[
    ("mysql", "-p"),
    ("mysql", "-p'"),
    ("mariadb-dump", "-u root -p"),
    ("sshpass", "-p "),
    ("docker", "login -u a -p "),
    ("redis-cli", "-h db -a "),
    ("curl", "-u bob:"),
    ("curl", "-fsSu bob:"),
    ("curl", "--user bob:"),
    ("curl", "--proxy-user=bob:"),
    ("ldapsearch", "-xw "),
    ("smbclient", "-U a%"),
    ("7z", "-p"),
    ("net", "-U a%"),
];

#[test]
fn secrets_are_masked_and_all_else_is_told() {
    for (arguments, line) in LINES {
        let bytes = format!("{}\0", arguments.replace('|', "\0"));
        assert_eq!(command_line(bytes.as_bytes(), false).as_deref(), Some(*line), "{arguments:?}");
    }
}

#[test]
fn a_long_line_is_cut_and_says_so() {
    let line = command_line(&[b"x\0".as_slice(), &vec![b'y'; 5000]].concat(), false).unwrap();
    assert_eq!(line.len(), 1024);
    assert!(line.ends_with("yyy..."), "{line}");
    assert_eq!(command_line(b"sysctl\0-w\0vm.sw", true).as_deref(), Some("sysctl -w vm.sw..."));
    assert_eq!(command_line(b"\0", false), None);
    assert_eq!(command_line(b"", false), None);
}

#[test]
fn a_writer_is_compared_by_name() {
    let id = writer_id(b"sysctl");
    assert_eq!(id, writer_id(b"sysctl"));
    assert_ne!(id, writer_id(b"tuned"));
    assert_eq!(writer_id(b""), 0, "nobody");
}

fn this_process(later: Duration) -> Seen<'static> {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
    Seen {
        since_boot: Duration::from_secs_f64(uptime) + later,
        pid: std::process::id(),
        tid: 0,
        uid: 7,
        comm: b"seen",
        cgroup_id: 0,
        command_line: None,
        command_line_cut: false,
        parent: Some((3, b"above")),
        grandparent: None,
        namespace: None,
        login_uid: Some(u32::MAX),
    }
}

#[test]
fn what_was_seen_is_completed_from_the_same_process_only() {
    let mut glance = Glance::new();
    assert!(glance.take(std::process::id()));
    glance.take_rest();
    let mut groups = Cgroups::open();
    let own = std::fs::read("/proc/self/cmdline").unwrap();

    // The same process, and the same program: by its command line.
    let same = Seen { command_line: Some(&own), ..this_process(Duration::ZERO) };
    let same = from_attempt(&same, Some(&glance), &mut groups);
    assert_eq!(same.exe.as_deref(), std::env::current_exe().unwrap().to_str());
    assert!(same.cgroup.is_some());
    assert_eq!((same.uid, same.comm.as_deref()), (Some(7), Some("seen")), "as it was seen");
    assert_eq!(same.ancestors, [Ancestor { pid: 3, comm: "above".into() }], "as it was seen");
    assert_eq!((same.login_uid, same.via), (None, Via::Bpf));

    // The same process, which runs another program by now.
    let other = Seen { command_line: Some(b"sysctl\0"), ..this_process(Duration::ZERO) };
    let other = from_attempt(&other, Some(&glance), &mut groups);
    assert_eq!((other.exe, other.cmdline.as_deref()), (None, Some("sysctl")));
    assert!(other.cgroup.is_some());
    let other = from_attempt(&this_process(Duration::ZERO), Some(&glance), &mut groups);
    assert_eq!((other.exe, other.cmdline), (None, None), "a thread's name is not its process's");

    // A process that began after the write has its id by now.
    let early = Seen { since_boot: Duration::from_secs(1), ..this_process(Duration::ZERO) };
    let reused = from_attempt(&early, Some(&glance), &mut groups);
    assert_eq!((reused.exe, reused.cgroup, reused.unit), (None, None, None));
    assert_eq!(reused.pid, Some(std::process::id()));
}

#[test]
fn a_command_line_that_was_cut_says_so_or_is_completed() {
    let long = "y".repeat(600);
    let start = |program: &str, arguments: &[&str]| {
        let mut command = Command::new("sh");
        let child = command.arg0(program).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut glance = Glance::new();
        let begun = |glance: &mut Glance| {
            glance.take(child.id());
            glance.command_line().0.starts_with(program.as_bytes())
        };
        while !begun(&mut glance) {}
        (child, glance)
    };
    let mut groups = Cgroups::open();
    for (program, arguments, all) in [
        ("sh", &["-c", "read x; :", &long][..], Some(format!("sh -c read x; : {long}"))),
        // What /proc has beyond one argument may be none.
        (&*long, &["-c", "read x; :"], None),
    ] {
        let (mut child, glance) = start(program, arguments);
        let bytes = [&[program], arguments, &[""]].concat().join("\0");
        let (then, pid) = (&bytes.as_bytes()[..512], child.id());
        let seen = this_process(Duration::from_secs(60));
        let seen = Seen { pid, command_line: Some(then), command_line_cut: true, ..seen };
        let mut told = |glance| from_attempt(&seen, glance, &mut groups).cmdline.unwrap();
        let cut = format!("{}...", bytes[..512].replace('\0', " "));
        assert_eq!(told(None), cut);
        assert_eq!(told(Some(&glance)), all.unwrap_or(cut));
        drop(child.stdin.take());
        child.wait().unwrap();
    }
}

proptest! {
    #[test]
    fn no_bytes_break_a_line(bytes in prop::collection::vec(any::<u8>(), 0..3000)) {
        let place = Place::of(&bytes);
        let texts = [
            command_line(&bytes, false),
            Some(harmless(&String::from_utf8_lossy(&bytes))),
            place.unit.map(|u| bounded(&harmless(&u), 512)),
            place.container.map(|c| bounded(&harmless(&c), 512)),
        ];
        for text in texts.iter().flatten() {
            prop_assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
        }
        prop_assert!(texts[0].as_ref().is_none_or(|line| line.len() <= 1024));
    }

    #[test]
    fn scripts_never_show_a_secret_of_a_known_program(
        before in prop::sample::subsequence(BEFORE, 0..4),
        wrapper in prop::sample::select(WRAPPERS),
        directory in prop::sample::select(&["", "/usr/bin/", "./", "$HOME/bin/"][..]),
        program in prop::sample::select(PROGRAMS),
        end in prop::sample::select(&["; ", " && ", " || ", " | ", "\n", " & ", ";"][..]),
        secret in "[A-Z][a-z]{5}[0-9]{3}",
        after in prop::sample::subsequence(BEFORE, 0..3),
    ) {
        let (name, option) = program;
        for option in [option.to_owned(), format!("-x {option}"), format!("-e 'a; b' {option}")] {
            let command = format!("{wrapper}{directory}{name} {option}{secret} x");
            let script = [before.as_slice(), &[&command], &after].concat().join(end);
            for arguments in [
                format!("bash\0-c\0{script}\0"),
                format!("sudo\0-n\0sh\0-ec\0{script}\0sh\0x\0"),
                format!("ssh\0web\0{script}\0"),
            ] {
                let line = command_line(arguments.as_bytes(), false).unwrap();
                prop_assert!(!line.contains(&secret), "{script}: {line}");
            }
        }
    }

    #[test]
    fn hostile_arguments_never_show_a_secret_of_a_known_option(
        before in "[ -~]{0,20}",
        secret in "[A-Za-z0-9]{12,20}",
        after in "[ -~]{0,20}",
    ) {
        let joined = format!("{before}\0--password={secret}\0{after}\0");
        let apart = format!("{before}\0--token\0{secret}\0{after}\0");
        let url = format!("{before}\0https://u:{secret}@h/\0{after}\0");
        for arguments in [joined, apart, url] {
            let line = command_line(arguments.as_bytes(), false).unwrap();
            prop_assert!(!line.contains(&secret), "{line}");
            prop_assert!(line.contains(MASK));
        }
    }
}
