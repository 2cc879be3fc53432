//! What is packaged beside the program agrees with it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use tunectl::catalogue;
use tunectl::key::glob_matches;

use crate::support::{in_namespaces, left_out, run};

const RULES: &str = include_str!("../../packaging/udev/99-tunectl.rules");
const UNITS: [(&str, &str); 2] = [
    ("tunectl-boot", include_str!("../../packaging/systemd/tunectl-boot.service")),
    ("tunectl-settled", include_str!("../../packaging/systemd/tunectl-settled.service")),
];

/// The modules that a line of the udev rules names, and the selectors that it gives to tunectl.
fn module_rules() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let quoted = |line: &'static str, before: &str| {
        line.split_once(before).and_then(|(_, rest)| rest.split('"').next())
    };
    RULES
        .lines()
        .filter_map(|line| {
            let modules = quoted(line.strip_prefix("KERNEL==").map(|_| line)?, "KERNEL==\"")?;
            Some((modules.split('|').collect(), selectors(quoted(line, "RUN+=\"")?)))
        })
        .collect()
}

fn selectors(command: &'static str) -> Vec<&'static str> {
    let words = command.strip_prefix("/usr/sbin/tunectl apply --boot ").unwrap();
    words.split("--only ").skip(1).map(str::trim).collect()
}

#[test]
fn the_udev_rules_name_the_modules_of_the_catalogue_and_reach_their_parameters() {
    let rules = module_rules();
    let known: BTreeSet<&str> =
        catalogue::all().filter_map(tunectl::catalogue::Parameter::module).collect();
    let named: Vec<&str> = rules.iter().flat_map(|(modules, _)| modules.clone()).collect();
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(named.len(), known.len(), "a module is named twice");
    for parameter in catalogue::all() {
        let Some(module) = parameter.module() else { continue };
        let (_, selectors) = rules.iter().find(|(m, _)| m.contains(&module)).unwrap();
        assert!(
            selectors.iter().any(|s| glob_matches(s, parameter.key())),
            "the rule of {module} does not reach {}",
            parameter.key()
        );
    }
}

#[test]
fn the_udev_rules_reach_every_parameter_of_a_new_interface() {
    let line = RULES.lines().find(|l| l.starts_with("SUBSYSTEM==\"net\"")).unwrap();
    let command = line.split_once("RUN+=\"").unwrap().1.trim_end_matches('"');
    let mut reached = 0;
    // Of protocols, which come with the kernel.
    let of_others = ["net/netfilter/nf_log/*"];
    let of_interfaces = |p: &catalogue::Parameter| p.is_pattern() && !of_others.contains(&p.key());
    for parameter in catalogue::all().filter(of_interfaces) {
        let key = parameter.key().replace('*', "$name");
        assert!(
            selectors(command).iter().any(|s| glob_matches(s, &key)),
            "{} is of an interface, and no selector reaches it",
            parameter.key()
        );
        reached += 1;
    }
    assert!(reached > 50);
}

/// Each of these would show the unit other parameters than the host's, or none to write.
#[test]
fn no_unit_hides_the_parameters_from_itself_or_reverts_them() {
    for (name, text) in UNITS {
        for directive in [
            "ProtectKernelTunables",
            "ProtectProc",
            "ProcSubset",
            "PrivateNetwork",
            "PrivateIPC",
            "PrivateUsers",
            "ProtectHostname",
            "ExecStop",
            "ExecStopPost",
        ] {
            let set = text.lines().any(|l| l.split('=').next() == Some(directive));
            assert!(!set, "{name} sets {directive}=");
        }
        assert!(text.contains("\nRuntimeDirectoryPreserve=yes\n"), "{name}");
    }
}

/// Both units are one program under one set of rights, described once.
#[test]
fn both_units_have_the_same_rights() {
    let rights = |text: &'static str| {
        let of = text
            .lines()
            .skip_while(|l| !l.starts_with("ProtectSystem="))
            .filter(|l| l.contains('=') && !l.starts_with('#') && !l.starts_with("WantedBy="));
        let own =
            ["PrivateTmp=yes", "Also=tunectl-settled.service", "ReadWritePaths=-/var/lib/tunectl"];
        of.filter(|l| !own.contains(l)).collect::<BTreeSet<_>>()
    };
    assert_eq!(rights(UNITS[0].1), rights(UNITS[1].1));
    assert!(rights(UNITS[0].1).len() > 15);
}

const DAEMON: &str = include_str!("../../packaging/systemd/tunectl.service");

/// What would hide the host's parameters, or writes to them, from the daemon.
#[test]
fn the_daemons_unit_is_hardened_and_not_blinded() {
    for directive in [
        "ProtectKernelTunables",
        "ProtectProc",
        "ProcSubset",
        "PrivateNetwork",
        "PrivateIPC",
        "PrivateUsers",
        "PrivateDevices",
        "ProtectHostname",
        "ProtectKernelLogs",
        "RestrictRealtime",
        "ExecStop",
        "ExecStopPost",
    ] {
        let set = DAEMON.lines().any(|l| l.split('=').next() == Some(directive));
        assert!(!set, "tunectl.service sets {directive}=");
    }
    let capabilities: BTreeSet<&str> = DAEMON
        .lines()
        .filter_map(|l| l.strip_prefix("CapabilityBoundingSet="))
        .flat_map(str::split_whitespace)
        .collect();
    let explained: BTreeSet<&str> = DAEMON
        .lines()
        .filter_map(|l| l.strip_prefix("#   CAP_").map(|_| l[4..].split(' ').next().unwrap()))
        .collect();
    assert_eq!(capabilities, explained, "each exception says what it buys");
    assert!(DAEMON.contains("\nRuntimeDirectoryPreserve=yes\n"));
    let unit = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd/tunectl.service");
    let rated = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=35", unit])
        .output();
    match rated {
        Ok(rated) => assert!(rated.status.success(), "{}", String::from_utf8_lossy(&rated.stdout)),
        Err(_) => {
            left_out("packaging::the_daemons_unit_is_hardened_and_not_blinded", "systemd-analyze");
        }
    }
    let Ok(verified) = Command::new("systemd-analyze").args(["verify", "--man=no", unit]).output()
    else {
        return;
    };
    let text = String::from_utf8_lossy(&verified.stderr).into_owned();
    let said = |l: &&str| l.contains("tunectl.service") && !l.contains("is not executable");
    assert_eq!(text.lines().find(said), None, "{text}");
}

#[test]
fn the_preset_names_every_unit() {
    let preset = include_str!("../../packaging/systemd/50-tunectl.preset");
    for name in UNITS.map(|u| u.0).into_iter().chain(["tunectl"]) {
        assert!(preset.contains(&format!("\ndisable {name}.service\n")), "{name}");
    }
}

#[test]
fn the_schema_is_printed_as_it_is_packaged() {
    let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("schema"));
    let packaged = include_str!("../../packaging/schema/baseline-1.schema.json");
    assert!(ran.status.success() && ran.stderr.is_empty());
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), packaged);
    let schema: serde_json::Value = serde_json::from_str(packaged).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(["schema", "report"]));
    let packaged = include_str!("../../packaging/schema/report-1.schema.json");
    assert_eq!(String::from_utf8(ran.stdout).unwrap(), packaged);
}

/// What a shell itself says when its completion is asked for.
#[test]
fn each_shell_completes_the_commands() {
    let bash = "source /dev/stdin <<<\"$SCRIPT\"; COMP_WORDS=(tunectl p); COMP_CWORD=1; \
                _tunectl tunectl p tunectl; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let fish = "echo $SCRIPT | source; complete --do-complete 'tunectl p'";
    // Without a terminal, zsh can but define the function.
    let zsh = "autoload -U compinit && compinit -D; eval $SCRIPT; \
               functions _tunectl | grep -o 'plan' | head -n 1";
    for (shell, options, question) in
        [("bash", "--norc", bash), ("zsh", "-f", zsh), ("fish", "--no-config", fish)]
    {
        let ran = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(["completions", shell]));
        assert!(ran.status.success() && ran.stderr.is_empty(), "{shell}");
        let script = String::from_utf8(ran.stdout).unwrap();
        let asked = Command::new(shell)
            .args([options, "-c", question])
            .env("SCRIPT", &script)
            .env("HOME", "/nonexistent")
            .output();
        match asked {
            Ok(output) => {
                let told = String::from_utf8_lossy(&output.stdout);
                assert!(
                    told.lines().any(|l| l.split_whitespace().next() == Some("plan")),
                    "{shell}: {told}\n{}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            Err(_) => left_out("packaging::each_shell_completes_the_commands", shell),
        }
    }
}

/// node_exporter would go on reporting a host that nobody looks after.
#[test]
fn a_removal_takes_the_metrics_along_and_nothing_else() {
    let test = "packaging::a_removal_takes_the_metrics_along_and_nothing_else";
    in_namespaces(test, || {
        let sh = |script: &str| run(Command::new("sh").args(["-ec", script]));
        let made = sh("mount -t tmpfs tmpfs /etc && mount -t tmpfs tmpfs /run && \
            mount -t tmpfs tmpfs /var/lib && mount --bind /usr /usr && mount -o remount,bind,ro /usr && \
            mkdir -p /run/bin /etc/sysctl.d /var/lib/prometheus/node-exporter && \
            ln -s /bin/true /run/bin/deb-systemd-helper && ln -s /bin/true /run/bin/systemctl");
        assert!(made.status.success(), "{made:?}");
        let metrics = "/var/lib/prometheus/node-exporter/tunectl.prom";
        let dropin = tunectl::bootview::dropin::PATH;
        let [deb, rpm] = ["packaging/deb/postrm", "packaging/rpm/postun.sh"]
            .map(|path| format!("{}/{path}", env!("CARGO_MANIFEST_DIR")));
        for (script, removal, upgrade) in [(deb, "remove", "upgrade"), (rpm, "0", "1")] {
            for (first, removed) in [("# HELP tunectl_build_info x\n", true), ("mine 1\n", false)] {
                fs::write(metrics, first).unwrap();
                fs::write(dropin, "# Written by tunectl from the baseline it\n").unwrap();
                for (how, there) in [(upgrade, true), (removal, !removed)] {
                    let path = "PATH=/run/bin:/usr/sbin:/usr/bin:/sbin:/bin";
                    let ran = sh(&format!("{path} sh {script} {how}"));
                    assert!(ran.status.success(), "{script} {how}: {ran:?}");
                    assert_eq!(fs::exists(metrics).unwrap(), there, "{script} {how}: {first}");
                    assert!(fs::exists(dropin).unwrap(), "{script} {how}");
                }
            }
        }
    });
}

/// A purge removes what tunectl wrote, and only that.
#[test]
fn the_removal_knows_a_drop_in_by_its_first_line() {
    let script = include_str!("../../packaging/deb/postrm");
    let (begin, marks) = script.split_once("grep -Eq '^").unwrap().1.split_once('(').unwrap();
    let marks: Vec<&str> = marks.split(')').next().unwrap().split('|').collect();
    let [of_dropin, of_metrics] = marks[..] else { panic!("{marks:?}") };
    let text = tunectl::bootview::dropin::render(tunectl::bootview::dropin::PATH, "it", "0", &[]);
    assert!(of_dropin.len() > 10 && text.starts_with(&format!("{begin}{of_dropin}")), "{begin}");
    assert_eq!(format!("{begin}{of_metrics}"), "# HELP tunectl_");
    assert!(script.contains(&format!("dropin={}\n", tunectl::bootview::dropin::PATH)));
}
