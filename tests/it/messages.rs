//! What an operator is told of a baseline that cannot be used: every message, as it is seen.
#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes them when it updates")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use snapbox::{IntoData as _, assert_data_eq, str};

use crate::operator::{Golden, Host, cases};
use crate::support::{is_root, left_out};

/// Runs `plan` on each baseline of a directory, and compares everything that is said with the
/// file beside it. A baseline with errors says nothing on standard output; no run leaves a trace.
fn compare(dir: &str, least: usize) {
    let mut golden = Golden::default();
    let host = Host::usual();
    let cases = cases(dir, ".yaml");
    assert!(cases.len() >= least, "{} cases in {dir}", cases.len());
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        host.given(name, std::fs::read(case).unwrap());
    }
    let before = host.tree();
    for case in &cases {
        let name = case.file_name().unwrap().to_str().unwrap();
        let ran = host.run(["plan", "-b", &format!("./{name}")]);
        assert!(ran.code == 0 || ran.out.is_empty(), "{name} has errors and prints a plan");
        assert!(!ran.err.contains("panicked"), "{name}: {}", ran.err);
        // What a plan of it looks like is shown elsewhere; here it matters that there is one.
        let told = if ran.code == 0 {
            format!("{}-- a plan, and exit 0\n", ran.err)
        } else {
            format!("{}-- exit {}\n", ran.err, ran.code)
        };
        golden.check(&Path::new(case).with_extension("txt"), &told);
    }
    assert!(host.tree() == before, "a plan leaves no trace");
    golden.finish();
}

#[test]
fn of_one_file() {
    compare("messages", 100);
}

#[test]
fn of_layers() {
    compare("messages/layers", 23);
}

/// What a run says that ends with `code`, in good time, with nothing on standard output and
/// nothing written.
fn told<'a>(host: &Host, code: i32, args: impl IntoIterator<Item = &'a str>) -> String {
    // The lock is there for good once an apply has looked.
    let lock = host.root.join("run/tunectl/lock");
    let tree = || host.tree().into_iter().filter(|(path, _)| *path != lock).collect::<Vec<_>>();
    let before = tree();
    let start = Instant::now();
    let ran = host.run(args);
    // A tenth of a second where the machine has nothing else to do.
    assert!(start.elapsed() < Duration::from_secs(60), "took {:?}", start.elapsed());
    assert_eq!(ran.code, code, "{}", ran.err);
    assert_eq!(ran.out, "");
    assert!(tree() == before, "something was written");
    ran.err
}

/// What `plan` says of a baseline that consists of these bytes.
fn told_of(bytes: impl AsRef<[u8]>) -> String {
    let host = Host::usual();
    host.given("it.yaml", bytes);
    told(&host, 1, ["plan", "-b", "./it.yaml"])
}

#[test]
fn of_bytes_that_are_no_text() {
    let nul = told_of("name: it\nparameters:\n  vm.swappiness: 1\0\n");
    assert_data_eq!(
        nul,
        str![[r#"
error: the file contains a NUL byte
 --> it.yaml:3:19
  |
3 |   vm.swappiness: 1 
  |                   ^
  |
  = help: remove it; a damaged file is better restored from its source

error: the baseline ./it.yaml cannot be used: 1 problem; nothing was changed

"#]]
        .raw()
    );
    let latin1 = told_of(b"name: it\ndescription: gr\xf6\xdfer\n");
    assert_data_eq!(
        latin1,
        str![[r#"
error: it.yaml:2 is not UTF-8 text (byte 24 of the file)
help: save it as UTF-8

"#]]
        .raw()
    );
    let wide: Vec<u8> = "\u{feff}name: it\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_data_eq!(
        told_of(wide),
        str![[r#"
error: it.yaml:1 is not UTF-8 text (byte 0 of the file)
help: save it as UTF-8

"#]]
        .raw()
    );
    let control = told_of("name: it\nparameters:\n  vm.swappiness: 1\u{7}\n");
    assert_data_eq!(
        control,
        str![[r#"
error: the file contains the control character U+0007
 --> it.yaml:3:19
  |
3 |   vm.swappiness: 1 
  |                   ^
  |
  = help: remove it; a damaged file is better restored from its source

error: the baseline ./it.yaml cannot be used: 1 problem; nothing was changed

"#]]
        .raw()
    );
}

#[test]
fn of_files_made_to_exhaust() {
    let brackets = told_of("[".repeat(100_000));
    assert!(brackets.len() < 1000, "{}", brackets.len());
    assert_data_eq!(
        told_of(format!("name: it\nparameters: {}{}\n", "[".repeat(40), "]".repeat(40))),
        str![[r#"
error: nested more than 16 levels deep
 --> it.yaml:2:29
  |
2 | parameters: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
  |                             ^
  |
  = help: a baseline has five levels

error: the baseline ./it.yaml cannot be used: 1 problem; nothing was changed

"#]]
        .raw()
    );
    assert_data_eq!(
        told_of(format!("name: it\ndescription: {}\n", "x".repeat(1 << 20))),
        str![[r#"
error: it.yaml has more than 1048576 bytes, the most that a baseline may have
help: split it, and `extends` the parts

"#]]
        .raw()
    );
    let mut bomb = String::from("name: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for n in 1..30 {
        let inner = format!("*a{}, ", n - 1).repeat(9);
        let _ = writeln!(bomb, "k{n}: &a{n} [{inner}]");
    }
    let bomb = told_of(bomb);
    assert!(bomb.ends_with("problems; nothing was changed (the first 50 are shown)\n"), "{bomb}");
    assert!(bomb.matches("anchors and aliases are not part of the format").count() > 40);
    let many = (0..60_000).fold(String::new(), |many, n| many + &format!("  a.b{n}: 1\n"));
    assert_data_eq!(
        told_of(format!("name: it\nparameters:\n{many}")),
        str![[r#"
error: more than 50000 values in one file
     --> it.yaml:25000:13
      |
25000 |   a.b24997: 1
      |             ^
      |
      = help: a baseline has five levels and rarely a hundred parameters: split it

error: the baseline ./it.yaml cannot be used: 1 problem; nothing was changed

"#]]
        .raw()
    );
}

/// A value may be as long as a file, and a message may not.
#[test]
fn of_a_value_as_long_as_a_file() {
    let long = "9".repeat(900_000);
    for text in [
        format!("parameters: {{ vm.swappiness: {long} }}\n"),
        format!("parameters: {{ vm.swappiness: \"{long}%\" }}\n"),
        format!("parameters: {{ net.ipv4.ip_local_reserved_ports: x{long} }}\n"),
        format!("parameters: {{ vm.swappiness: {{ percent_of_ram: {long} }} }}\n"),
        format!("extends: [./{long}]\n"),
        format!("when: [{{ if: {{ kernel: x{long} }}, parameters: {{ vm.swappiness: 1 }} }}]\n"),
    ] {
        let told = told_of(format!("name: it\n{text}"));
        assert!(told.len() < 5000, "{} bytes are told", told.len());
    }
}

/// What fits the limits of a file is judged in good time, whatever is wrong with it.
#[test]
fn of_files_that_use_their_limits() {
    let lines = |count: u32, line: &dyn Fn(u32) -> String| (0..count).map(line).collect::<String>();
    let head = "name: it\nparameters:\n";
    let long = "long-name".repeat(25);
    let like = |n| format!("  net.ipv4.tcp_some_thing_{n:05}: 1\n");
    let excluded = lines(24_000, &|n| format!("  - vm.foo{n:05}\n"));
    let waived =
        lines(5_000, &|n| format!("  - {{ key: vm.foo{n}, until: 2027-01-01, reason: none }}\n"));
    let held = format!("{head}  vm.swappiness: 1\n");
    for (what, text) in [
        ("long keys", head.to_owned() + &lines(1_900, &|n| format!("  net.{long}{n}.{long}: 1\n"))),
        ("keys like known ones", head.to_owned() + &lines(24_000, &like)),
        ("keys twice", head.to_owned() + &lines(12_000, &like) + &lines(12_000, &like)),
        ("exclusions", format!("{held}exclude:\n{excluded}")),
        ("waivers", format!("{held}waivers:\n{waived}")),
        (
            "anchors",
            format!("name: it\nextends:\n{}", lines(24_000, &|n| format!("  - &a{n} x\n"))),
        ),
        (
            "octals",
            head.to_owned() + &lines(1_000, &|n| format!("  net.ipv4.conf.eth{n}.rp_filter: 01\n")),
        ),
    ] {
        assert!(text.len() < 1 << 20, "{what}: {} bytes", text.len());
        let host = Host::usual();
        host.given("it.yaml", text);
        let start = Instant::now();
        let ran = host.run(["plan", "-b", "./it.yaml"]);
        // A second or two where the machine has nothing else to do.
        assert!(start.elapsed() < Duration::from_secs(60), "{what}: {:?}", start.elapsed());
        let shown = ran.err.lines().filter(|line| line.trim_start().starts_with("--> ")).count();
        assert!(shown <= 50, "{what}: {shown} are shown");
        // Those of which nothing is known, and that are like nothing, are told of in the plan alone.
        let told = !["long keys", "keys like known ones"].contains(&what);
        assert_eq!(ran.err.contains("(the first 50 are shown)"), told, "{what}: {}", ran.err);
    }
}

/// Fifty are shown, and an error is among them however many warnings stand before it.
#[test]
fn of_an_error_behind_many_warnings() {
    let warned = (0..60)
        .fold(String::new(), |text, n| text + &format!("  net.ipv4.conf.eth{n}.rp_filter: 01\n"));
    let host = Host::usual();
    let text = format!("name: it\nparameters:\n{warned}  vm.swappiness: 900\n");
    host.given("it.yaml", text);
    let all = told(&host, 1, ["plan", "-b", "./it.yaml"]);
    assert_eq!(all.matches("warning: 01 is octal for the kernel").count(), 49, "{all}");
    let quiet = told(&host, 1, ["plan", "-q", "-b", "./it.yaml"]);
    assert!(!quiet.contains("warning"), "{quiet}");
    for told in [all, quiet] {
        assert!(told.contains("error: 900 is out of range"), "{told}");
        assert!(told.ends_with("1 problem; nothing was changed (the first 50 are shown)\n"));
    }
}

#[test]
fn of_a_baseline_that_cannot_be_read() {
    let host = Host::usual();
    assert_data_eq!(
        told(&host, 1, ["plan"]),
        str![[r#"
error: this host has no /etc/tunectl/baseline.yaml
help: name one with -b; built in are: cis-network, elasticsearch-node, kafka-broker, kubernetes-node, linux-server, postgresql-server, redis-server, rocketmq-broker

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "no-such-role"]),
        str![[r#"
error: there is no baseline named "no-such-role"
help: built in are: cis-network, elasticsearch-node, kafka-broker, kubernetes-node, linux-server, postgresql-server, redis-server, rocketmq-broker

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "./no-such-file.yaml"]),
        str![[r#"
error: there is no file no-such-file.yaml

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "/etc/no-such-file.yaml"]),
        str![[r#"
error: there is no file /etc/no-such-file.yaml
help: with --root it is looked for below ROOT

"#]]
        .raw()
    );
    host.given("dir.yaml/x", "");
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "./dir.yaml"]),
        str![[r#"
error: dir.yaml is not a regular file

"#]]
        .raw()
    );
    assert_eq!(told(&host, 1, ["plan", "-b", "./"]), "error: . is not a regular file\n");
    std::os::unix::fs::symlink("loop.yaml", host.work.join("loop.yaml")).unwrap();
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "./loop.yaml"]),
        str![[r#"
error: cannot read loop.yaml: Too many levels of symbolic links (os error 40)

"#]]
        .raw()
    );
    nix::unistd::mkfifo(&host.work.join("fifo.yaml"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "./fifo.yaml"]),
        str![[r#"
error: fifo.yaml is not a regular file

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "/dev/null/x"]),
        str![[r#"
error: there is no file /dev/null/x
help: with --root it is looked for below ROOT

"#]]
        .raw()
    );
    host.given("top.yaml", "name: top\nextends: [./dir.yaml, ./loop.yaml, ./fifo.yaml]\n");
    assert_data_eq!(
        told(&host, 1, ["plan", "-b", "./top.yaml"]),
        str![[r#"
error: dir.yaml is not a regular file
 --> top.yaml:2:11
  |
2 | extends: [./dir.yaml, ./loop.yaml, ./fifo.yaml]
  |           ^^^^^^^^^^

error: cannot read loop.yaml: Too many levels of symbolic links (os error 40)
 --> top.yaml:2:23
  |
2 | extends: [./dir.yaml, ./loop.yaml, ./fifo.yaml]
  |                       ^^^^^^^^^^^

error: fifo.yaml is not a regular file
 --> top.yaml:2:36
  |
2 | extends: [./dir.yaml, ./loop.yaml, ./fifo.yaml]
  |                                    ^^^^^^^^^^^

error: the baseline ./top.yaml cannot be used: 3 problems; nothing was changed

"#]]
        .raw()
    );
}

#[test]
fn of_the_host_itself() {
    let host = Host::usual();
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 1 }\n");
    let plan = ["plan", "-b", "./it.yaml"];
    std::fs::remove_file(host.root.join("proc/meminfo")).unwrap();
    assert_data_eq!(
        told(&host, 1, plan),
        str![[r#"
error: ROOT/proc/meminfo cannot be read: No such file or directory (os error 2)

"#]]
        .raw()
    );
    std::fs::remove_dir_all(host.root.join("proc/sys")).unwrap();
    assert_data_eq!(
        told(&host, 1, plan),
        str![[r#"
error: ROOT/proc/sys cannot be opened: No such file or directory

"#]]
        .raw()
    );
}

#[test]
fn of_facts() {
    let host = Host::usual();
    host.given("it.yaml", "name: it\nparameters: { vm.swappiness: 1 }\n");
    let plan = ["plan", "-b", "./it.yaml", "--facts", "facts.yaml"];
    assert_data_eq!(
        told(&host, 1, plan),
        str![[r#"
error: there is no file facts.yaml

"#]]
        .raw()
    );
    host.given("facts.yaml", "mem_total: 64G\nkernel: new\nmemtotal: 1\n");
    assert_data_eq!(
        told(&host, 1, plan),
        str![[r#"
error: mem_total: "64G" does not say whether it counts in 1000s or in 1024s
 --> facts.yaml:1:12
  |
1 | mem_total: 64G
  |            ^^^
  |
  = help: write a size such as 64GiB, or a plain number of kB

error: kernel: "new" cannot be taken
 --> facts.yaml:2:9
  |
2 | kernel: new
  |         ^^^
  |
  = help: write a kernel release, such as 5.14.0-427.el9.x86_64

error: unknown field "memtotal"
 --> facts.yaml:3:1
  |
3 | memtotal: 1
  | ^^^^^^^^
  |
  = help: write mem_total

error: the facts in facts.yaml cannot be used: 3 problems; nothing was changed

"#]]
        .raw()
    );
}

/// Root acts on what is root's alone: otherwise whoever can write the file is root.
#[test]
fn of_a_baseline_that_others_can_write() {
    if !is_root() {
        return left_out("messages::of_a_baseline_that_others_can_write", "needs root's files");
    }
    let host = Host::usual();
    let baseline = "name: it\nparameters: { vm.swappiness: 1 }\n";
    let apply = ["apply", "-b", "/etc/tunectl/roles/it.yaml"];
    host.file("etc/tunectl/roles/it.yaml", baseline).mode("etc/tunectl/roles/it.yaml", 0o666);
    assert_data_eq!(told(&host, 1, apply), str![[r#"
error: /etc/tunectl/roles/it.yaml can be written by others, and root will not act on what others can write
help: chown root and chmod go-w it, or run as yourself

"#]].raw());
    host.mode("etc/tunectl/roles/it.yaml", 0o644).mode("etc/tunectl/roles", 0o777);
    assert_data_eq!(told(&host, 1, apply), str![[r#"
error: ROOT/etc/tunectl/roles can be written by others, and root will not act on what others can write
help: chown root and chmod go-w it, or run as yourself

"#]].raw());
    host.mode("etc/tunectl/roles", 0o755);
    let nobody = Some(nix::unistd::Uid::from_raw(65534));
    nix::unistd::chown(&host.root.join("etc/tunectl/roles/it.yaml"), nobody, None).unwrap();
    assert_data_eq!(told(&host, 1, apply), str![[r#"
error: /etc/tunectl/roles/it.yaml does not belong to root, and root will not act on what others can write
help: chown root and chmod go-w it, or run as yourself

"#]].raw());
    // A layer of it is as good a way in.
    host.file("etc/tunectl/top.yaml", "name: top\nextends: [./roles/it.yaml]\n");
    assert_data_eq!(told(&host, 1, ["apply", "-b", "/etc/tunectl/top.yaml"]), str![[r#"
error: /etc/tunectl/roles/it.yaml does not belong to root, and root will not act on what others can write
 --> /etc/tunectl/top.yaml:2:11
  |
2 | extends: [./roles/it.yaml]
  |           ^^^^^^^^^^^^^^^
  |
  = help: chown root and chmod go-w it, or run as yourself

error: the baseline /etc/tunectl/top.yaml cannot be used: 1 problem; nothing was changed

"#]].raw());
    // So is the absence of one: whoever can write in a directory can take it away.
    host.mode("etc/tunectl/top.yaml", 0o644);
    for (dir, own) in [("baseline.d", true), ("baselines", false)] {
        let path = format!("etc/tunectl/{dir}");
        std::fs::create_dir_all(host.root.join(&path)).unwrap();
        let apply: &[&str] = if own {
            host.file("etc/tunectl/baseline.yaml", baseline);
            &["apply"]
        } else {
            &["apply", "-b", "linux-server", "--live-only"]
        };
        host.mode(&path, 0o775);
        let ran = host.run(apply.iter().copied());
        let why = format!("error: ROOT/{path} can be written by others, and root will not act");
        assert!(ran.code == 1 && ran.err.starts_with(&why), "{}", ran.err);
        assert!(ran.err.contains("help: chown root and chmod go-w it"), "{}", ran.err);
        let plan = apply.iter().map(|a| if *a == "apply" { "plan" } else { a });
        let ran = host.run(plan.filter(|a| *a != "--live-only"));
        assert_eq!(ran.code, 0, "a plan is harmless: {}", ran.err);
        host.mode(&path, 0o755);
        let ran = host.run(apply.iter().copied());
        assert!(!ran.err.contains("written by others"), "{}", ran.err);
        std::fs::remove_dir(host.root.join(&path)).unwrap();
        let _ = std::fs::remove_file(host.root.join("etc/tunectl/baseline.yaml"));
    }
    // A plan of it is harmless.
    assert_eq!(host.run(["plan", "-b", "/etc/tunectl/roles/it.yaml"]).code, 0);
    nix::unistd::chown(&host.root.join("etc/tunectl/roles/it.yaml"), Some(0.into()), None).unwrap();
    let ran = host.run(apply);
    assert_eq!((ran.code, host.value("vm.swappiness").as_str()), (0, "1"), "{}", ran.err);
}
