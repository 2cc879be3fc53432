//! The two streams as an operator and a script meet them: colours, pipes, help, JSON.
#![allow(clippy::needless_raw_string_hashes, reason = "snapbox writes them when it updates")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use snapbox::{IntoData as _, assert_data_eq, str};

use crate::operator::{Golden, Host, Ran};
use crate::support::{left_out, run};

const PLAN: [&str; 3] = ["plan", "-b", "./it.yaml"];

/// A host with something to say of everything: two changes, a waiver that has ended, a warning.
fn host() -> Host {
    let host = Host::usual();
    host.given(
        "it.yaml",
        "name: it\nparameters: { vm.swappiness: 10, vm.page-cluster: 3, vm.zone_reclaim_mode: 1 }\n\
         waivers:\n\
         - { key: vm.max_map_count, until: 2099-01-01, reason: none }\n",
    );
    host
}

fn plan_with(host: &Host, more: &[&str], environment: &[(&str, &str)]) -> Ran {
    let args = PLAN.iter().chain(more).copied();
    host.told(host.command(args).envs(environment.iter().copied()).output().unwrap())
}

fn is_coloured(text: &str) -> bool {
    text.contains('\u{1b}')
}

/// The text without SGR sequences, the only ones that the program writes itself.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(after.len());
        if let Some(behind) = after[end..].strip_prefix('m') {
            rest = behind;
        } else {
            plain.push('\u{1b}');
            rest = after;
        }
    }
    plain + rest
}

#[test]
fn what_a_patterns_matches_have_in_common_is_said_once() {
    let host = Host::usual();
    let baseline = "name: p\nparameters:\n  net.ipv4.conf.*.rp_filter: { value: 2, reason: replies \
                    leave by another way }\n  net.ipv4.conf.all.log_martians: { value: 1, reason: \
                    replies leave by another way }\n";
    host.given("p.yaml", baseline);
    let told = |args: &[&str]| {
        let ran = host.run(["plan", "-b", "./p.yaml"].iter().chain(args).copied());
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out.matches("replies leave by another way").count()
    };
    let filters = host.run(["plan", "-b", "./p.yaml"]).out.matches(".rp_filter ").count();
    assert!(filters > 3, "{filters}");
    // Once for the pattern and once for the other entry; `-v` and scripts find it at each.
    assert_eq!(told(&[]), 2);
    assert_eq!(told(&["-v"]), filters + 1);
    assert!(told(&["--format", "json"]) > filters);
}

#[test]
fn colours_are_for_those_who_want_them() {
    let host = host();
    for (args, environment, coloured) in [
        (&[][..], &[][..], false),
        (&[], &[("NO_COLOR", "1")], false),
        (&["--color", "auto"], &[], false),
        (&["--color", "never"], &[], false),
        (&["--color", "never"], &[("CLICOLOR_FORCE", "1")], false),
        (&["--color", "always"], &[], true),
        // Whoever asks for it on the command line means it.
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
    ] {
        let ran = plan_with(&host, args, environment);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert_eq!(is_coloured(&ran.out), coloured, "{args:?} {environment:?} {}", ran.out);
        assert_eq!(is_coloured(&ran.err), coloured, "{args:?} {environment:?} {}", ran.err);
    }
    // The colours change nothing in the text.
    let plain = plan_with(&host, &[], &[]);
    let coloured = plan_with(&host, &["--color", "always"], &[]);
    assert_eq!(without_colours(&coloured.out), plain.out);
    assert_eq!(without_colours(&coloured.err), plain.err);
}

#[test]
fn a_terminal_is_coloured_unless_told_otherwise() {
    if !run(Command::new("sh").args(["-c", "command -v script"])).status.success() {
        return left_out("output::a_terminal_is_coloured_unless_told_otherwise", "no script(1)");
    }
    let host = host();
    let on_terminal = |more: &str, environment: &[(&str, &str)]| {
        let line = format!(
            "{} --root {} plan -b ./it.yaml {more}",
            env!("CARGO_BIN_EXE_tunectl"),
            host.root.display()
        );
        let output = run(Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TERM", "xterm-256color")
            .env("SHELL", "/bin/sh")
            .envs(environment.iter().copied())
            .current_dir(&host.work)
            .stdin(Stdio::null()));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("vm.swappiness"), "{text}");
        text
    };
    assert!(is_coloured(&on_terminal("", &[])));
    assert!(!is_coloured(&on_terminal("", &[("NO_COLOR", "1")])));
    assert!(!is_coloured(&on_terminal("", &[("TERM", "dumb")])));
    assert!(!is_coloured(&on_terminal("--color never", &[])));
    assert!(!is_coloured(&on_terminal("-q --format json", &[])));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let host = host();
    for args in [
        &["plan", "-b", "./it.yaml"][..],
        &["plan", "-b", "./it.yaml", "--format=json"],
        &["--help"],
    ] {
        let mut child = host
            .command(args.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let ran = host.told(child.wait_with_output().unwrap());
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        assert!(!ran.err.contains("panicked") && !ran.err.contains("pipe"), "{}", ran.err);
    }
}

#[test]
fn a_result_that_cannot_be_written_is_an_error() {
    let host = host();
    let full = || Stdio::from(fs::OpenOptions::new().write(true).open("/dev/full").unwrap());
    let output = host.command(PLAN).stdout(full()).output().unwrap();
    let ran = host.told(output);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("error: cannot write to standard output"), "{}", ran.err);
    // Standard error is for people: the result stands without it.
    let output = host.command(PLAN).stderr(full()).output().unwrap();
    assert_eq!(host.told(output).code, 0);
}

#[test]
fn quiet_says_the_result_and_verbose_more_of_it() {
    let host = host();
    let usual = plan_with(&host, &[], &[]);
    assert!(usual.err.contains("warning: the waiver of vm.max_map_count covers nothing"));
    assert!(usual.err.contains("To carry it out, as root: tunectl apply -b ./it.yaml"));
    let quiet = plan_with(&host, &["-q"], &[]);
    assert_eq!((quiet.out, quiet.err.as_str(), quiet.code), (usual.out.clone(), "", 0));
    let verbose = plan_with(&host, &["-v"], &[]);
    assert!(verbose.out.contains("asked for at it.yaml:2:15"), "{}", verbose.out);
    assert!(!usual.out.contains("asked for at"));
    // Errors are told even to those who want quiet.
    host.given("wrong.yaml", "name: wrong\nparameters: [\n");
    let ran = host.run(["plan", "-q", "-b", "./wrong.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    assert!(ran.err.contains("never closed"), "{}", ran.err);
}

#[test]
fn json_stands_alone_on_standard_output() {
    let host = host();
    let ran = plan_with(&host, &["--format", "json"], &[]);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(plan["schema"], "tunectl/plan/1");
    assert!(ran.err.contains("warning:"), "{}", ran.err);
    assert!(!ran.err.contains("To carry it out"), "hints are for people");
    assert!(!is_coloured(&plan_with(&host, &["--format", "json", "--color", "always"], &[]).out));
    let ran = host.run(["apply", "-b", "./it.yaml", "--live-only", "--format", "json"]);
    let outcome: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((outcome["schema"].as_str(), ran.code), (Some("tunectl/outcome/1"), 0));
    // Where there is no result, there is no half of one.
    let ran = host.run(["plan", "-b", "./missing.yaml", "--format", "json"]);
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
}

/// Whatever others have chosen (values, file names, interface names) is shown, and does not act.
#[test]
fn foreign_names_and_values_cannot_reach_the_terminal_raw() {
    const EVIL: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}\rx";
    let host = host();
    host.live("kernel.core_pattern = core\n");
    fs::write(host.root.join("proc/sys/kernel/core_pattern"), format!("{EVIL}\n")).unwrap();
    fs::write(host.root.join("proc/sys/kernel/hostname"), format!("{EVIL}\n")).unwrap();
    let name = format!("etc/sysctl.d/10-{}.conf", EVIL.replace('/', ""));
    host.file(
        &name,
        &format!("vm.swappiness = {EVIL}\nno assignment {EVIL}\nkernel.core_pattern = {EVIL}\n"),
    );
    host.file(
        "etc/sysctl.d/99-zz.conf",
        &format!("vm.swappiness = 7\nkernel.core_pattern = {EVIL}\n"),
    );
    host.file(&format!("proc/sys/net/ipv4/conf/e{EVIL}/rp_filter"), "0\n");
    let baseline = "name: it\nparameters:\n  vm.swappiness: 10\n  kernel.core_pattern: core.%e\n  \
                    net.ipv4.conf.*.rp_filter: 1\n";
    let file = format!("./{EVIL}.yaml");
    host.given(&file, baseline);
    host.given(&format!("bad{EVIL}.yaml"), "name: bad\nparameters: [\n");
    host.given("wrong.yaml", format!("name: it\n# {EVIL}\nparameters: {{ vm.{EVIL}: 1 }}\n"));
    host.given("escaped.yaml", "name: \"a\\e[2Jb\"\nparameters: { \"vm.\\e[2J\": \"\\e[2J\" }\n");
    for args in [
        &["plan", "-v", "-b", &file][..],
        &["plan", "-b", &file, "--format", "json"],
        &["apply", "--live-only", "-b", &file],
        &["plan", "-b", "./wrong.yaml"],
        &["plan", "-b", "./escaped.yaml"],
        &["plan", "-b", &format!("./missing{EVIL}.yaml")],
        &["plan", "-b", EVIL],
        &["plan", "--facts", EVIL, "-b", "./it.yaml"],
        &["plan", "-b", &format!("./bad{EVIL}.yaml")],
    ] {
        for color in ["never", "always"] {
            let ran = host.run(args.iter().copied().chain(["--color", color]));
            for text in [&ran.out, &ran.err] {
                let text = without_colours(text);
                let raw = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                assert_eq!(text.chars().find(|c| raw(*c)), None, "{args:?}: {text:?}");
            }
        }
    }
}

#[test]
fn each_reason_of_a_refusal_has_its_line() {
    let host = host();
    host.live("kernel.modules_disabled = 0\n");
    host.given(
        "hard.yaml",
        "name: hard\nparameters: { kernel.modules_disabled: 1, vm.min_free_kbytes: 9000000 }\n",
    );
    let ran = host.run(["apply", "-b", "./hard.yaml"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""), "{}", ran.err);
    assert!(!ran.err.contains("\\u{"), "{}", ran.err);
    for key in ["kernel.modules_disabled: refused", "vm.min_free_kbytes: refused"] {
        let lines = ran.err.lines().filter(|l| l.contains(key)).count();
        assert_eq!(lines, 1, "{}", ran.err);
    }
}

/// What an apply cannot mend is told beside what it did.
#[test]
fn an_outcome_tells_what_is_not_in_sync_and_why() {
    let host = host();
    host.file("etc/sysctl.d/99-zz.conf", "# theirs\nvm.swappiness = 7\n");
    host.given(
        "it.yaml",
        "name: it\nparameters: { vm.swappiness: 10, vm.page-cluster: 4, vm.no_such_thing: 1 }\n",
    );
    let apply = ["apply", "-b", "./it.yaml"];
    let ran = host.run(apply);
    assert_eq!(ran.code, 1, "{}", ran.transcript());
    let head = "it: 2 written, 1 not applied, persisted to /etc/sysctl.d/99-tunectl.conf; \
                1 overridden at boot\n";
    assert!(ran.out.starts_with(head), "{}", ran.out);
    assert!(ran.out.contains("! vm.no_such_thing  absent\n      no such parameter"), "{}", ran.out);
    assert!(ran.out.contains("/etc/sysctl.d/99-zz.conf:2 sets 7"), "{}", ran.out);
    let json = host.run(apply.into_iter().chain(["--format", "json"]));
    let outcome: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(outcome["result"], "incomplete");
    assert_eq!(outcome["errors"].as_array().map(Vec::len), Some(1), "{}", outcome["errors"]);
    let note = outcome["notes"][0].as_str().unwrap();
    assert!(note.starts_with("vm.swappiness: /etc/sysctl.d/99-zz.conf:2"), "{note}");
}

#[test]
fn help_of_every_command() {
    let host = Host::new();
    let mut golden = Golden::default();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help");
    let top = host.run(["--help"]);
    let commands: Vec<String> = top
        .out
        .lines()
        .skip_while(|l| *l != "Commands:")
        .skip(1)
        .take_while(|l| !l.is_empty())
        .filter_map(|l| l.split_whitespace().next().map(str::to_owned))
        .filter(|c| c != "help")
        .collect();
    assert!(commands.contains(&"plan".to_owned()) && commands.len() >= 2, "{commands:?}");
    for command in std::iter::once("").chain(commands.iter().map(String::as_str)) {
        let args = [command, "--help"];
        let ran = host.run(args.into_iter().filter(|a| !a.is_empty()));
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{command}");
        for line in ran.out.lines() {
            assert!(line.chars().count() <= 100, "{command}: {line}");
        }
        let lines: Vec<&str> = ran.out.lines().map(str::trim_end).collect();
        let name = if command.is_empty() { "tunectl" } else { command };
        golden.check(&dir.join(format!("{name}.txt")), &(lines.join("\n") + "\n"));
    }
    golden.finish();
}

#[test]
fn version() {
    let ran = Host::new().run(["--version"]);
    assert_eq!(ran.out, format!("tunectl {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
}

#[test]
fn a_wrong_command_line_is_an_error_and_not_a_result() {
    let host = host();
    let told = |args: &[&str]| {
        let ran = host.run(args.iter().copied());
        // 2 is for what differs: no slip on the command line may look like drift.
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{args:?}: {}", ran.err);
        ran.err
    };
    assert_data_eq!(
        told(&["paln"]),
        str![[r#"
error: unrecognized subcommand 'paln'

  tip: a similar subcommand exists: 'plan'

Usage: tunectl [OPTIONS] <COMMAND>

For more information, try '--help'.

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&["plan", "--detailed-exitcod"]),
        str![[r#"
error: unexpected argument '--detailed-exitcod' found

  tip: a similar argument exists: '--detailed-exitcode'

Usage: tunectl plan --detailed-exitcode

For more information, try '--help'.

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&["plan", "-b"]),
        str![[r#"
error: a value is required for '--baseline <BASELINE>' but none was supplied

For more information, try '--help'.

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&["plan", "-q", "-v"]),
        str![[r#"
error: the argument '--quiet' cannot be used with '--verbose...'

Usage: tunectl plan --quiet

For more information, try '--help'.

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&["plan", "--format", "yaml"]),
        str![[r#"
error: invalid value 'yaml' for '--format <FORMAT>'
  [possible values: text, json]

For more information, try '--help'.

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&["apply", "--adopt", "--live-only"]),
        str![[r#"
error: the argument '--adopt' cannot be used with '--live-only'

Usage: tunectl apply --adopt [PLAN]

For more information, try '--help'.

"#]]
        .raw()
    );
    assert_data_eq!(
        told(&["apply", "--lock-timeout", "-1"]),
        str![[r#"
error: unexpected argument '-1' found

  tip: to pass '-1' as a value, use '-- -1'

Usage: tunectl apply [OPTIONS] [PLAN]

For more information, try '--help'.

"#]]
        .raw()
    );
    assert!(told(&[]).contains("Usage:"));
}

/// A row that is too long for the terminal is put on two lines; a program that reads gets one.
#[test]
fn long_rows_fold_on_a_narrow_terminal() {
    let test = "output::long_rows_fold_on_a_narrow_terminal";
    if run(Command::new("script").arg("--version")).status.code() != Some(0) {
        return left_out(test, "no script(1) here");
    }
    let host = host();
    let lines_at = |columns: u32| {
        let plan = host.command(PLAN);
        let words = [plan.get_program()].into_iter().chain(plan.get_args());
        let words: Vec<&str> = words.map(|word| word.to_str().unwrap()).collect();
        let inner = format!("stty rows 24 cols {columns}; {} 2>/dev/null", words.join(" "));
        let mut on_terminal = Command::new("script");
        on_terminal.args(["-qec", &inner, "/dev/null"]).stdin(Stdio::null());
        if let Some(dir) = plan.get_current_dir() {
            on_terminal.current_dir(dir);
        }
        let text = String::from_utf8(run(&mut on_terminal).stdout).unwrap();
        without_colours(&text).replace('\r', "")
    };
    let wide = lines_at(100);
    assert!(wide.contains("\n~ vm.swappiness         60   -> 10       unset      write"), "{wide}");
    let narrow = lines_at(60);
    assert!(
        narrow.contains("\n~ vm.swappiness\n    60   -> 10       unset      write"),
        "{narrow}"
    );
    assert!(narrow.lines().skip(2).all(|line| line.chars().count() <= 60), "{narrow}");
    let piped = plan_with(&host, &[], &[("COLUMNS", "60")]).out;
    assert!(piped.contains("\n~ vm.swappiness         60   -> 10"), "{piped}");
}

#[test]
fn of_one_there_is_no_plural() {
    let host = Host::usual();
    host.file("etc/tunectl/baseline.yaml", "name: it\nparameters: { vm.swappiness: 10 }\n");
    let told = |args: &[&str], what: &str| {
        let ran = host.run(args.iter().copied());
        assert!(ran.out.contains(what), "{args:?}: {}", ran.out);
        assert!(!ran.out.contains("1 parameters"), "{args:?}: {}", ran.out);
    };
    told(&["plan"], "it: 1 to write, 1 to persist of 1 parameter\n");
    told(&["report"], ": 0 of 1 parameter of it in sync");
    told(&["status"], "1 of 1 parameter of it not as required");
    assert_eq!(host.run(["apply"]).code, 0);
    told(&["plan"], "it: in sync, now and after a reboot: 1 of 1 parameter\n");
    told(&["report"], "in sync, now and after a reboot: 1 of 1 parameter of it");
    told(&["rollback", "--dry-run"], "rollback: 1 to come back of 1 parameter\n");
    assert_eq!(host.run(["rollback", "--yes"]).code, 0);
    told(&["plan"], "1 of these is let go by a rollback: ");
}
