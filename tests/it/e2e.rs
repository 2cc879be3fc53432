//! The whole program on the real kernel, inside namespaces of its own with an empty /etc and /run.

use std::fs;
use std::process::{Command, Output};

use crate::support::{in_namespaces, run, unwrapped};

mod cascades;
mod kept;
mod patterns;
mod secrets;
mod told;
mod unseen;

const BASELINE: &str = "name: net-test
parameters:
  kernel.sem: [250, 32000, 100, 128]
  kernel.hostname: broker-1
  net.core.somaxconn: { at_least: 8192 }
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.ip_local_reserved_ports: 9000-9002,8080
  net.ipv4.tcp_keepalive_time: 600
";

fn mount_empty(path: &str) {
    let status = Command::new("mount").args(["-t", "tmpfs", "tmpfs", path]).status().unwrap();
    assert!(status.success(), "tmpfs over {path}");
}

/// An empty /etc, /run and /var/lib, and the baseline in a file of root's own.
fn fresh_host() {
    for path in ["/etc", "/run", "/var/lib"] {
        mount_empty(path);
    }
    // The host's vendor files set fs.* and kernel.*, which no namespace keeps to itself.
    for vendor in ["/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/lib/sysctl.d"] {
        if fs::exists(vendor).unwrap() {
            mount_empty(vendor);
        }
    }
    fs::write("/etc/net-test.yaml", BASELINE).unwrap();
}

fn tunectl(args: &[&str]) -> Output {
    run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(args).env("NO_COLOR", "1"))
}

#[track_caller]
fn expect(code: i32, args: &[&str]) -> String {
    let output = tunectl(args);
    let out = String::from_utf8(output.stdout).unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{out}\n{err}");
    format!("{out}\n{err}")
}

fn live(key: &str) -> String {
    fs::read_to_string(format!("/proc/sys/{key}")).unwrap().trim().replace('\t', " ")
}

const PLAN: [&str; 4] = ["plan", "-b", "/etc/net-test.yaml", "--detailed-exitcode"];
const APPLY: [&str; 3] = ["apply", "-b", "/etc/net-test.yaml"];

#[test]
fn plan_apply_plan() {
    in_namespaces("e2e::plan_apply_plan", || {
        fresh_host();
        let text = expect(2, &PLAN);
        assert!(text.contains("to write"), "{text}");
        assert!(!fs::exists("/etc/sysctl.d").unwrap(), "a plan writes nothing");
        expect(0, &APPLY);
        assert_eq!(live("kernel/sem"), "250 32000 100 128");
        assert_eq!(live("kernel/hostname"), "broker-1");
        assert_eq!(live("net/core/somaxconn"), "8192");
        assert_eq!(live("net/ipv4/ip_local_reserved_ports"), "8080,9000-9002");
        assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "2");
        let text = expect(0, &PLAN);
        assert!(text.starts_with("net-test: in sync, now and after a reboot"), "{text}");
        // The baseline has become this host's own.
        expect(0, &["plan", "--detailed-exitcode"]);
        let before = fs::metadata("/etc/sysctl.d/99-tunectl.conf").unwrap().modified().unwrap();
        expect(0, &APPLY);
        let after = fs::metadata("/etc/sysctl.d/99-tunectl.conf").unwrap().modified().unwrap();
        assert_eq!(before, after, "an unchanged drop-in is not written again");
    });
}

/// The range may never begin below the ports that need a privilege: which of the two is written
/// first depends on both, and on where a boot starts.
#[test]
fn both_port_limits_are_set_live_and_by_the_next_boot_e25() {
    in_namespaces("e2e::both_port_limits_are_set_live_and_by_the_next_boot_e25", || {
        fresh_host();
        // What is asked each time, in a network namespace that has just begun.
        let in_new = |program: &str, args: &[&str]| {
            let output = run(Command::new("unshare").args(["--net", program]).args(args));
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{program}: {told}");
            String::from_utf8(output.stdout).unwrap()
        };
        let loader = ["/usr/lib/systemd/systemd-sysctl", "/lib/systemd/systemd-sysctl"]
            .into_iter()
            .find(|path| fs::exists(path).unwrap())
            .unwrap();
        for (range, start) in [("60000 60999", 50000), ("500 900", 400), ("2000 3000", 1500)] {
            let text = format!(
                "name: ports\nparameters: {{ net.ipv4.ip_local_port_range: {range}, \
                 net.ipv4.ip_unprivileged_port_start: {start} }}\n"
            );
            fs::write("/etc/ports.yaml", text).unwrap();
            let apply = ["apply", "-b", "/etc/ports.yaml", "--adopt", "--color", "never"];
            let told = in_new(env!("CARGO_BIN_EXE_tunectl"), &apply);
            assert!(told.contains("2 written"), "{told}");
            let script = format!(
                "{loader} && cat /proc/sys/net/ipv4/ip_local_port_range \
                 /proc/sys/net/ipv4/ip_unprivileged_port_start"
            );
            let told = in_new("sh", &["-c", &script]);
            let read: Vec<&str> = told.split_whitespace().collect();
            assert_eq!(read.join(" "), format!("{range} {start}"));
        }
    });
}

/// Where no order of the writes could lead there, it is refused before the first one.
#[test]
fn what_the_kernel_cannot_have_together_is_refused_e25() {
    in_namespaces("e2e::what_the_kernel_cannot_have_together_is_refused_e25", || {
        fresh_host();
        let text = "name: ports
parameters:
  net.ipv4.ip_local_port_range: [1500, 65000]
  net.ipv4.ip_unprivileged_port_start: 2000
";
        fs::write("/etc/net-test.yaml", text).unwrap();
        let before = live("net/ipv4/ip_local_port_range");
        let text = expect(3, &APPLY);
        let told = "the kernel takes no value above that of net.ipv4.ip_local_port_range (1500)";
        assert!(text.contains(told) && !text.contains("allow: ["), "{text}");
        assert_eq!(live("net/ipv4/ip_local_port_range"), before);
        assert!(!fs::exists("/etc/sysctl.d/99-tunectl.conf").unwrap());
        expect(3, &PLAN);
        // The range cannot go below what is there, either.
        let text = "name: ports\nparameters: { net.ipv4.ip_local_port_range: [500, 60000] }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        let text = expect(3, &APPLY);
        let told = "takes no value below that of net.ipv4.ip_unprivileged_port_start (1024)";
        assert!(text.contains(told), "{text}");
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "500 60000").unwrap_err();
        // Nor begin above where it ends: that is not asked for, and stays.
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999").unwrap();
        let text = "name: ports\nparameters: { net.ipv4.ip_local_port_range: [61000] }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        let text = expect(3, &PLAN);
        assert!(text.contains("61000 60999 is no range: it goes down"), "{text}");
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "61000").unwrap_err();
        // Only new kernels refuse this one.
        let text = "name: ports\nparameters: { net.ipv4.tcp_reordering: 1000 }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        let text = expect(2, &PLAN);
        let told = "newer kernels take no value above that of net.ipv4.tcp_max_reordering (300)";
        assert!(text.contains(told), "{text}");
        // What the kernel itself would say.
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "1500 65000").unwrap();
        fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "2000").unwrap_err();
    });
}

#[test]
fn what_nobody_takes_is_carried_out_all_the_same() {
    in_namespaces("e2e::what_nobody_takes_is_carried_out_all_the_same", || {
        fresh_host();
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut apply = Command::new(env!("CARGO_BIN_EXE_tunectl"));
        let output = run(apply.args(APPLY).stdout(full));
        assert_eq!(output.status.code(), Some(1));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains("standard output"), "{told}");
        // It is this host's own baseline by then, as after any apply.
        let text = expect(0, &["plan", "--detailed-exitcode"]);
        assert!(text.contains("in sync, now and after a reboot"), "{text}");
        let untold = |arguments: &[&str], done: &str| {
            let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            let mut command = Command::new(env!("CARGO_BIN_EXE_tunectl"));
            let output = run(command.args(arguments).stdout(full));
            let told = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{arguments:?}: {told}");
            assert!(told.contains(done), "{arguments:?}: {told}");
        };
        let unlock = ["unlock", "net.core.somaxconn", "--for", "2h", "--reason", "tried"];
        untold(&unlock, "is let go until");
        // What nobody was to be asked about does not wait for a reader either.
        untold(&["rollback", "--yes"], "it was given back all the same");
        let text = expect(0, &["rollback", "--dry-run"]);
        assert!(text.contains("nothing to give back"), "{text}");
        assert!(!fs::exists("/etc/sysctl.d/99-tunectl.conf").unwrap());
        let text = "name: tried\nparameters: { net.core.somaxconn: 777 }\n";
        fs::write("/etc/tried.yaml", text).unwrap();
        let trial = ["apply", "--adopt", "-b", "/etc/tried.yaml", "--confirm-within", "600s"];
        untold(&trial, "the trial runs all the same");
        untold(&["confirm", "--cancel"], "the trial was put back all the same");
        untold(&trial, "`tunectl confirm` keeps it");
        untold(&["confirm"], "the trial was confirmed, and is persisted all the same");
        assert_eq!(live("net/core/somaxconn"), "777");
    });
}

/// Whoever can write to the drop-in sets what the next boot runs.
#[test]
fn a_drop_in_that_others_can_change_is_written_anew() {
    in_namespaces("e2e::a_drop_in_that_others_can_change_is_written_anew", || {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        const DROPIN: &str = "/etc/sysctl.d/99-tunectl.conf";
        fresh_host();
        expect(0, &APPLY);
        let text = fs::read(DROPIN).unwrap();
        for (mode, owner) in [(0o666, None), (0o660, None), (0o644, Some(65534))] {
            fs::set_permissions(DROPIN, fs::Permissions::from_mode(mode)).unwrap();
            chown(DROPIN, owner, None).unwrap();
            let told = expect(0, &PLAN);
            assert!(told.contains(&format!("99-tunectl.conf has mode {mode:04o}")), "{told}");
            expect(0, &APPLY);
            let now = fs::metadata(DROPIN).unwrap();
            assert_eq!((now.mode() & 0o7777, now.uid()), (mode & 0o644, 0));
            assert_eq!(fs::read(DROPIN).unwrap(), text);
            assert!(!expect(0, &PLAN).contains("mode"));
            fs::set_permissions(DROPIN, fs::Permissions::from_mode(0o644)).unwrap();
        }
    });
}

/// What an administrator has taken from others stays taken, and a secret is nobody's from the start.
#[test]
fn a_drop_in_is_no_more_open_than_it_was_and_with_a_secret_not_at_all() {
    in_namespaces(
        "e2e::a_drop_in_is_no_more_open_than_it_was_and_with_a_secret_not_at_all",
        || {
            use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
            const DROPIN: &str = "/etc/sysctl.d/99-tunectl.conf";
            const PLAIN: &str = "name: own\nparameters:\n  net.core.somaxconn: 777\n";
            const SECRET: &str = "  net.ipv4.tcp_fastopen_key: 1-2-3-4\n";
            fresh_host();
            fs::create_dir("/etc/tunectl").unwrap();
            let own = |text: &str| fs::write("/etc/tunectl/baseline.yaml", text).unwrap();
            let set = |mode| {
                fs::set_permissions(DROPIN, fs::Permissions::from_mode(mode)).unwrap();
            };
            let applied = || {
                expect(0, &["apply"]);
                assert!(!expect(0, &["plan"]).contains("has mode"));
                fs::metadata(DROPIN).unwrap().mode() & 0o7777
            };
            own(PLAIN);
            assert_eq!(applied(), 0o644);
            for mode in [0o600, 0o640, 0o644] {
                set(mode);
                let ino = fs::metadata(DROPIN).unwrap().ino();
                assert_eq!(applied(), mode);
                assert_eq!(fs::metadata(DROPIN).unwrap().ino(), ino, "as it was");
                own(&PLAIN.replace("777", &format!("{mode}")));
                assert_eq!(applied(), mode, "written anew");
                own(PLAIN);
                assert_eq!(applied(), mode);
            }
            own(&[PLAIN, SECRET].concat());
            assert_eq!(applied(), 0o600);
            set(0o640);
            assert_eq!(applied(), 0o640, "root's group");
            set(0o644);
            let told = expect(0, &["plan"]);
            assert!(told.contains("has mode 0644, with a secret in it, not 0600"), "{told}");
            assert_eq!(applied(), 0o600);
            let ran = run(Command::new("setpriv").args([
                "--reuid=65534",
                "--clear-groups",
                env!("CARGO_BIN_EXE_tunectl"),
                "plan",
            ]));
            let told = String::from_utf8_lossy(&ran.stdout).into_owned();
            assert!(told.contains("this user cannot read /etc/sysctl.d/99-tunectl.conf"), "{told}");
            fs::remove_file(DROPIN).unwrap();
            assert_eq!(applied(), 0o600, "from the start");
            own(PLAIN);
            assert_eq!(applied(), 0o600, "nothing opens it again");
        },
    );
}

/// `conf/default` reaches an interface without an address as long as nobody has set its own value.
#[test]
fn an_interface_keeps_its_own_value_beside_a_default_e3() {
    in_namespaces("e2e::an_interface_keeps_its_own_value_beside_a_default_e3", || {
        fresh_host();
        let link = ["link", "add", "v0", "type", "veth", "peer", "name", "v1"];
        assert!(run(Command::new("ip").args(link)).status.success());
        let text = "name: own\nparameters:\n  net.ipv4.conf.default.rp_filter: 1\n  \
                    net.ipv4.conf.v0.rp_filter: 0\n";
        fs::write("/proc/sys/net/ipv4/conf/default/rp_filter", "0").unwrap();
        fs::write("/etc/own.yaml", text).unwrap();
        expect(0, &["apply", "-b", "/etc/own.yaml"]);
        assert_eq!(live("net/ipv4/conf/default/rp_filter"), "1");
        assert_eq!(live("net/ipv4/conf/v0/rp_filter"), "0");
        expect(0, &["plan", "-b", "/etc/own.yaml", "--detailed-exitcode"]);
    });
}

/// For systemd-sysctl a line `-KEY`, or one that the kernel refuses, takes away whatever else sets it.
#[test]
fn what_keeps_the_boot_from_setting_a_key_is_named() {
    in_namespaces("e2e::what_keeps_the_boot_from_setting_a_key_is_named", || {
        fresh_host();
        fs::create_dir("/etc/sysctl.d").unwrap();
        let text = "name: fin\nparameters: { net.ipv4.tcp_fin_timeout: 30 }\n";
        fs::write("/etc/fin.yaml", text).unwrap();
        let plan = ["plan", "-b", "/etc/fin.yaml", "--detailed-exitcode"];
        for (line, told) in [
            ("-net.ipv4.tcp_fin_timeout", "zz.conf:1 keeps the boot from setting it"),
            (
                "net.ipv4.tcp_fin_timeout = junk",
                "zz.conf:1 sets \"junk\", which the kernel refuses",
            ),
        ] {
            fs::write("/etc/sysctl.d/zz.conf", format!("{line}\n")).unwrap();
            let before = expect(2, &plan);
            assert!(before.contains(told) && before.contains("1 overridden at boot"), "{before}");
            let applied = expect(0, &["apply", "-b", "/etc/fin.yaml"]);
            assert!(applied.contains(told), "{applied}");
            let after = expect(2, &plan);
            assert!(after.contains(told) && after.contains("1 overridden at boot"), "{after}");
            fs::remove_file("/etc/sysctl.d/zz.conf").unwrap();
            expect(0, &plan);
        }
    });
}

/// Nothing but what was made live is persisted of a bound.
#[test]
fn a_bound_is_persisted_as_it_was_applied() {
    in_namespaces("e2e::a_bound_is_persisted_as_it_was_applied", || {
        fresh_host();
        fs::write("/proc/sys/kernel/msgmax", "60000").unwrap();
        let text = "name: b\nparameters: { kernel.msgmax: { at_least: 10000, at_most: 50000 } }\n";
        fs::write("/etc/b.yaml", text).unwrap();
        expect(0, &["apply", "-b", "/etc/b.yaml"]);
        assert_eq!(live("kernel/msgmax"), "50000");
        let text = fs::read_to_string("/etc/sysctl.d/99-tunectl.conf").unwrap();
        assert!(text.contains("kernel.msgmax = 50000"), "{text}");
    });
}

#[test]
fn the_command_that_is_shown_is_not_refused() {
    in_namespaces("e2e::the_command_that_is_shown_is_not_refused", || {
        fresh_host();
        fs::write("/etc/other.yaml", "name: other\nparameters: { net.core.somaxconn: 777 }\n")
            .unwrap();
        let plan = ["plan", "-b", "/etc/other.yaml"];
        assert!(expect(0, &plan).contains("as root: tunectl apply -b /etc/other.yaml\n"));
        expect(0, &APPLY);
        let told = expect(0, &plan);
        assert!(
            told.contains("tunectl apply -b /etc/other.yaml --adopt, which replaces"),
            "{told}"
        );
        let save = ["plan", "-b", "/etc/other.yaml", "--out", "/etc/p.json"];
        let told = expect(0, &save);
        let hint = "as root: tunectl apply /etc/p.json --adopt, which replaces";
        assert!(told.contains(hint), "{told}");
        let told = expect(3, &["apply", "/etc/p.json"]);
        assert!(
            told.contains("give --adopt to replace it") && !told.contains("without -b"),
            "{told}"
        );
        // What is remarked on the way is said once, as everything is.
        fs::copy("/etc/other.yaml", "/run/other.yaml").unwrap();
        let told = expect(0, &["plan", "-b", "/run/other.yaml"]);
        let remark =
            "warning: /run/other.yaml becomes this host's own baseline, and what lies below";
        assert!(told.matches("does not stay").count() == 1 && told.contains(remark), "{told}");
        fs::create_dir_all("/etc/tunectl/baseline.d").unwrap();
        fs::write("/etc/tunectl/baseline.d/50-a.yaml", "name: a\nparameters: {}\n").unwrap();
        let told = expect(0, &plan);
        assert!(told.contains("tunectl apply -b /etc/other.yaml --live-only, because"), "{told}");
        let told = expect(0, &save);
        assert!(told.contains("An apply of it would be refused: this host has further"), "{told}");
        expect(0, &["apply", "-b", "/etc/other.yaml", "--live-only"]);
    });
}

/// A limit that moves has its old place again when the boot writes (case E25).
#[test]
fn what_the_boot_refuses_for_another_is_not_in_sync_e25() {
    in_namespaces("e2e::what_the_boot_refuses_for_another_is_not_in_sync_e25", || {
        fresh_host();
        let text = "name: ports\nparameters: { net.ipv4.ip_local_port_range: [500, 3000] }\n";
        fs::write("/etc/ports.yaml", text).unwrap();
        fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "100").unwrap();
        let apply = ["apply", "-b", "/etc/ports.yaml"];
        expect(0, &apply);
        assert_eq!(live("net/ipv4/ip_local_port_range"), "500 3000");
        let plan = ["plan", "--detailed-exitcode"];
        let told = || {
            let text = expect(2, &plan);
            unwrapped(&text)
        };
        let why = "which the kernel refuses beside net.ipv4.ip_unprivileged_port_start = 1024, as";
        assert!(told().contains(why), "{}", told());
        // A line behind ours comes too late.
        let other = "net.ipv4.ip_unprivileged_port_start = 100\n";
        fs::write("/etc/sysctl.d/zz.conf", other).unwrap();
        assert!(told().contains(why), "{}", told());
        fs::remove_file("/etc/sysctl.d/zz.conf").unwrap();
        fs::write("/etc/sysctl.d/10.conf", other).unwrap();
        expect(0, &plan);
    });
}

#[test]
fn a_refused_apply_tells_scripts_so() {
    in_namespaces("e2e::a_refused_apply_tells_scripts_so", || {
        fresh_host();
        fs::create_dir("/etc/sysctl.d").unwrap();
        fs::write("/etc/sysctl.d/99-tunectl.conf", "net.core.somaxconn = 1\n").unwrap();
        let output = tunectl(&[&APPLY[..], &["--format", "json"]].concat());
        assert_eq!(output.status.code(), Some(3));
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told["schema"], "tunectl/outcome/1");
        assert_eq!(told["result"], "refused");
        assert_eq!(told["steps"].as_array().unwrap().len(), 0, "{told:#}");
    });
}

#[test]
fn what_another_file_sets_at_boot_is_named_by_file_and_line() {
    in_namespaces("e2e::what_another_file_sets_at_boot_is_named_by_file_and_line", || {
        fresh_host();
        expect(0, &APPLY);
        fs::write("/etc/sysctl.d/zz-other.conf", "# other\nnet.ipv4.tcp_keepalive_time = 77\n")
            .unwrap();
        let text = expect(2, &PLAN);
        assert!(text.contains("/etc/sysctl.d/zz-other.conf:2 sets 77"), "{text}");
        // It cannot be mended by an apply, which says so again and again and changes nothing.
        expect(0, &APPLY);
        expect(2, &PLAN);
    });
}

#[test]
fn both_loaders_set_what_the_drop_in_says() {
    in_namespaces("e2e::both_loaders_set_what_the_drop_in_says", || {
        fresh_host();
        expect(0, &APPLY);
        let keys = [
            ("kernel/sem", "32000 1024000000 500 32000"),
            ("net/core/somaxconn", "4096"),
            ("net/ipv4/conf/lo/rp_filter", "0"),
            ("net/ipv4/tcp_keepalive_time", "7200"),
        ];
        let loaders: [&[&str]; 2] = [&["/lib/systemd/systemd-sysctl"], &["sysctl", "--system"]];
        for loader in loaders {
            if loader[0].starts_with('/') && !fs::exists(loader[0]).unwrap() {
                crate::support::left_out("e2e: a loader", "systemd-sysctl is not installed");
                continue;
            }
            let applied: Vec<String> = keys.iter().map(|(key, _)| live(key)).collect();
            for (key, default) in keys {
                fs::write(format!("/proc/sys/{key}"), default).unwrap();
            }
            run(Command::new(loader[0]).args(&loader[1..]));
            let booted: Vec<String> = keys.iter().map(|(key, _)| live(key)).collect();
            assert_eq!(applied, booted, "{loader:?}");
        }
    });
}

#[test]
fn a_pattern_reaches_no_more_keys_at_boot_than_here() {
    in_namespaces("e2e::a_pattern_reaches_no_more_keys_at_boot_than_here", || {
        fresh_host();
        let text = "name: fences
parameters:
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.conf.lo.rp_filter: null
  net.ipv4.conf.*.log_martians: 1
  net.ipv4.conf.*.send_redirects: 0
exclude: ['net.ipv4.conf.d*.send_redirects']
waivers:
  - { key: net.ipv4.conf.lo.log_martians, until: 2999-12-31, reason: test }
";
        fs::write("/etc/net-test.yaml", text).unwrap();
        // An interface that nobody has set follows conf/default: this one has values of its own.
        fs::write("/proc/sys/net/ipv4/conf/lo/rp_filter", "0").unwrap();
        fs::write("/proc/sys/net/ipv4/conf/lo/log_martians", "0").unwrap();
        expect(0, &APPLY);
        expect(0, &PLAN);
        let keys = [
            "net/ipv4/conf/lo/rp_filter",
            "net/ipv4/conf/lo/log_martians",
            "net/ipv4/conf/default/send_redirects",
            "net/ipv4/conf/all/rp_filter",
        ];
        let before: Vec<String> = keys.iter().map(|k| live(k)).collect();
        assert_eq!(before, ["0", "0", "1", "2"]);
        run(Command::new("sysctl").arg("--system"));
        if fs::exists("/lib/systemd/systemd-sysctl").unwrap() {
            run(&mut Command::new("/lib/systemd/systemd-sysctl"));
        }
        assert_eq!(keys.iter().map(|k| live(k)).collect::<Vec<_>>(), before);
    });
}

#[test]
fn a_key_that_another_file_sets_is_judged_alike_with_and_without_our_dropin() {
    let test = "e2e::a_key_that_another_file_sets_is_judged_alike_with_and_without_our_dropin";
    in_namespaces(test, || {
        fresh_host();
        let text = "name: fences
parameters:
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.conf.lo.rp_filter: null
";
        fs::write("/etc/net-test.yaml", text).unwrap();
        fs::create_dir_all("/etc/sysctl.d").unwrap();
        fs::write("/etc/sysctl.d/10-lo.conf", "net.ipv4.conf.lo.rp_filter = 0\n").unwrap();
        fs::write("/proc/sys/net/ipv4/conf/lo/rp_filter", "0").unwrap();
        expect(0, &APPLY);
        let dropin = fs::read_to_string("/etc/sysctl.d/99-tunectl.conf").unwrap();
        assert!(!dropin.contains("-net.ipv4.conf.lo"), "that file keeps patterns off: {dropin}");
        expect(0, &PLAN);
    });
}

#[test]
fn what_another_file_undoes_by_a_cascade_is_told() {
    in_namespaces("e2e::what_another_file_undoes_by_a_cascade_is_told", || {
        fresh_host();
        fs::write("/etc/net-test.yaml", "name: f\nparameters: { net.ipv4.ip_forward: 1 }\n")
            .unwrap();
        expect(0, &APPLY);
        expect(0, &PLAN);
        fs::write("/etc/sysctl.d/zz.conf", "net.ipv4.conf.all.forwarding = 0\n").unwrap();
        let text = expect(2, &PLAN);
        let told = "/etc/sysctl.d/zz.conf:1 sets net.ipv4.conf.all.forwarding, which leaves 0 here";
        assert!(unwrapped(&text).contains(told), "{text}");
        run(Command::new("sysctl").arg("--system"));
        assert_eq!(live("net/ipv4/ip_forward"), "0", "the real loader does what was told");
    });
}

#[test]
fn two_names_of_one_value_may_not_ask_for_two() {
    in_namespaces("e2e::two_names_of_one_value_may_not_ask_for_two", || {
        fresh_host();
        let text =
            "name: f\nparameters: { net.ipv4.ip_forward: 1, net.ipv4.conf.all.forwarding: 0 }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        let text = expect(3, &APPLY);
        assert!(text.contains("keep one of the two"), "{text}");
        assert_eq!(live("net/ipv4/ip_forward"), "0");
        // The same value under both names is written once.
        let text =
            "name: f\nparameters: { net.ipv4.ip_forward: 1, net.ipv4.conf.all.forwarding: 1 }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        let text = expect(0, &APPLY);
        assert!(text.contains("1 written"), "{text}");
        expect(0, &PLAN);
    });
}

#[test]
fn what_was_persisted_stays_while_proc_sys_is_read_only() {
    in_namespaces("e2e::what_was_persisted_stays_while_proc_sys_is_read_only", || {
        fresh_host();
        expect(0, &APPLY);
        let before = fs::read("/etc/sysctl.d/99-tunectl.conf").unwrap();
        fs::write("/proc/sys/net/ipv4/tcp_keepalive_time", "7200").unwrap();
        for args in [["--bind", "/proc/sys", "/proc/sys"], ["-o", "remount,ro,bind", "/proc/sys"]] {
            assert!(Command::new("mount").args(args).status().unwrap().success());
        }
        expect(1, &APPLY);
        assert_eq!(fs::read("/etc/sysctl.d/99-tunectl.conf").unwrap(), before);
    });
}

#[test]
fn the_hosts_own_baseline_is_known_under_any_path() {
    in_namespaces("e2e::the_hosts_own_baseline_is_known_under_any_path", || {
        fresh_host();
        fs::create_dir("/etc/tunectl").unwrap();
        let own = "name: own\nparameters: { net.ipv4.tcp_fin_timeout: 30 }\n";
        fs::write("/etc/tunectl/baseline.yaml", own).unwrap();
        std::os::unix::fs::symlink("/etc/tunectl/baseline.yaml", "/etc/mine.yaml").unwrap();
        expect(0, &["apply", "-b", "/etc/mine.yaml", "--adopt"]);
        assert_eq!(fs::read_to_string("/etc/tunectl/baseline.yaml").unwrap(), own);
        // A baseline that was written by hand is kept when another one takes its place.
        expect(0, &["apply", "-b", "/etc/net-test.yaml", "--adopt"]);
        let kept = fs::read_to_string("/etc/tunectl/baseline.yaml.replaced").unwrap();
        assert_eq!(kept, own);
    });
}

#[test]
fn what_leaves_the_drop_in_is_given_back() {
    in_namespaces("e2e::what_leaves_the_drop_in_is_given_back", || {
        fresh_host();
        expect(0, &APPLY);
        let less = BASELINE.replace("  net.ipv4.tcp_keepalive_time: 600\n", "");
        fs::write("/etc/net-test.yaml", less).unwrap();
        let text = expect(2, &PLAN);
        assert!(text.contains("< net.ipv4.tcp_keepalive_time  600 -> 7200"), "{text}");
        expect(0, &APPLY);
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "7200");
        expect(0, &PLAN);
    });
}

#[test]
fn a_foreign_drop_in_is_never_overwritten() {
    in_namespaces("e2e::a_foreign_drop_in_is_never_overwritten", || {
        fresh_host();
        fs::create_dir("/etc/sysctl.d").unwrap();
        let path = "/etc/sysctl.d/99-tunectl.conf";
        fs::write(path, "vm.swappiness = 3\n").unwrap();
        let text = expect(3, &APPLY);
        assert!(text.contains("was not written by tunectl"), "{text}");
        assert_eq!(fs::read_to_string(path).unwrap(), "vm.swappiness = 3\n");
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "7200", "nothing was written either");
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/etc/elsewhere", path).unwrap();
        let text = expect(3, &APPLY);
        assert!(text.contains("is a symbolic link"), "{text}");
        assert!(!fs::exists("/etc/elsewhere").unwrap());
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
        let text = expect(3, &APPLY);
        assert!(text.contains("is not a regular file: remove it"), "{text}");
        fs::remove_dir(path).unwrap();
        // What is there may be anything: it is not told to be removed.
        fs::File::create(path).unwrap().set_len(1 << 30).unwrap();
        let text = expect(3, &APPLY);
        assert!(text.contains("cannot be read: File too large (EFBIG)"), "{text}");
        assert!(!text.contains("remove it"), "{text}");
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "7200");
    });
}

#[test]
fn another_baseline_needs_adopt() {
    in_namespaces("e2e::another_baseline_needs_adopt", || {
        fresh_host();
        expect(0, &APPLY);
        fs::write("/etc/other.yaml", "name: other\nparameters: { net.ipv4.tcp_fin_timeout: 30 }\n")
            .unwrap();
        let text = expect(3, &["apply", "-b", "/etc/other.yaml"]);
        assert!(text.contains("--adopt"), "{text}");
        assert_eq!(live("net/ipv4/tcp_fin_timeout"), "60");
        expect(0, &["apply", "-b", "/etc/other.yaml", "--live-only"]);
        assert_eq!(live("net/ipv4/tcp_fin_timeout"), "30");
        expect(0, &["apply", "-b", "/etc/other.yaml", "--adopt"]);
        let own = fs::read_to_string("/etc/tunectl/baseline.yaml").unwrap();
        assert!(own.contains("extends: ['/etc/other.yaml']"), "{own}");
        expect(0, &["plan", "--detailed-exitcode"]);
    });
}

#[test]
fn a_second_apply_waits_and_then_says_who_holds_the_lock() {
    in_namespaces("e2e::a_second_apply_waits_and_then_says_who_holds_the_lock", || {
        fresh_host();
        fs::create_dir("/run/tunectl").unwrap();
        let held = fs::File::create("/run/tunectl/lock").unwrap();
        held.lock().unwrap();
        let text = expect(3, &["apply", "-b", "/etc/net-test.yaml", "--lock-timeout", "0"]);
        assert!(text.contains("another apply is running"), "{text}");
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "7200");
        drop(held);
        expect(0, &APPLY);
    });
}

#[test]
fn the_real_kernel_refuses_and_everything_is_as_before() {
    in_namespaces("e2e::the_real_kernel_refuses_and_everything_is_as_before", || {
        fresh_host();
        // Accepted by the catalogue, refused by the kernel: no such congestion control (E20).
        let text = format!("{BASELINE}  net.ipv4.tcp_congestion_control: nosuch\n");
        fs::write("/etc/net-test.yaml", text).unwrap();
        let text = expect(1, &APPLY);
        assert!(text.contains("no congestion control nosuch (ENOENT)"), "{text}");
        assert!(text.contains("put back"), "{text}");
        assert_eq!(live("net/core/somaxconn"), "4096");
        assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "0");
        assert!(fs::read_dir("/etc/sysctl.d").unwrap().next().is_none(), "nothing persisted");
        assert!(!fs::exists("/etc/tunectl/baseline.yaml").unwrap(), "nothing adopted");
    });
}

#[test]
fn no_space_for_the_drop_in_means_no_write_at_all() {
    in_namespaces("e2e::no_space_for_the_drop_in_means_no_write_at_all", || {
        fresh_host();
        fs::create_dir("/etc/sysctl.d").unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "tmpfs", "/etc/sysctl.d"];
        assert!(Command::new("mount").args(mount).status().unwrap().success());
        let text = expect(1, &APPLY);
        assert!(text.contains("nothing was persisted: cannot create"), "{text}");
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "7200");
    });
}

#[test]
fn a_read_only_proc_sys_is_told_and_changes_nothing() {
    in_namespaces("e2e::a_read_only_proc_sys_is_told_and_changes_nothing", || {
        fresh_host();
        for args in [["--bind", "/proc/sys", "/proc/sys"], ["-o", "remount,ro,bind", "/proc/sys"]] {
            assert!(Command::new("mount").args(args).status().unwrap().success());
        }
        let text = expect(2, &PLAN);
        assert!(text.contains("/proc/sys is mounted read-only here"), "{text}");
        expect(1, &APPLY);
        assert_eq!(live("net/ipv4/tcp_keepalive_time"), "7200");
    });
}

#[test]
fn a_dotted_interface_keeps_its_name_through_plan_drop_in_and_loaders() {
    in_namespaces(
        "e2e::a_dotted_interface_keeps_its_name_through_plan_drop_in_and_loaders",
        || {
            fresh_host();
            // This namespace has `lo` alone; renamed, it stands for eth0.100.
            let renamed =
                Command::new("ip").args(["link", "set", "lo", "name", "eth0.100"]).status();
            if !renamed.is_ok_and(|s| s.success()) {
                crate::support::left_out("e2e: dotted interface", "ip cannot rename lo here");
                return;
            }
            let text = "name: vlan\nparameters:\n  net.ipv4.conf.eth0/100.rp_filter: 2\n";
            fs::write("/etc/net-test.yaml", text).unwrap();
            expect(0, &APPLY);
            let path = "net/ipv4/conf/eth0.100/rp_filter";
            assert_eq!(live(path), "2");
            let dropin = fs::read_to_string("/etc/sysctl.d/99-tunectl.conf").unwrap();
            assert!(dropin.contains("net.ipv4.conf.eth0/100.rp_filter = 2\n"), "{dropin}");
            expect(0, &PLAN);
            fs::write(format!("/proc/sys/{path}"), "0").unwrap();
            run(Command::new("sysctl").arg("--system"));
            assert_eq!(live(path), "2");
        },
    );
}

/// Fills /run but for so many pages of 4 KiB.
fn fill_run(left: usize) {
    let mounted = ["-t", "tmpfs", "-o", "size=64k", "tmpfs", "/run"];
    assert!(Command::new("mount").args(mounted).status().unwrap().success());
    fs::create_dir("/run/tunectl").unwrap();
    // The lock is there, as on every host that has seen an apply.
    fs::write("/run/tunectl/lock", "pid 1").unwrap();
    for n in 0.. {
        if fs::write(format!("/run/fill{n}"), [0; 4096]).is_err() {
            for n in n - left..=n {
                fs::remove_file(format!("/run/fill{n}")).unwrap();
            }
            return;
        }
    }
}

#[test]
fn with_a_full_run_nothing_is_written_that_could_not_be_taken_back() {
    let test = "e2e::with_a_full_run_nothing_is_written_that_could_not_be_taken_back";
    in_namespaces(test, || {
        fresh_host();
        let is_as_before = || {
            assert_eq!(live("net/core/somaxconn"), "4096");
            assert_eq!(live("net/ipv4/conf/lo/rp_filter"), "0");
            assert_eq!(live("net/ipv4/tcp_keepalive_time"), "7200");
            for path in ["/etc/sysctl.d/99-tunectl.conf", "/etc/tunectl/baseline.yaml"] {
                assert!(!fs::exists(path).unwrap(), "{path}");
            }
            for path in ["/run/tunectl/journal", "/run/tunectl/trial.json"] {
                assert!(!fs::exists(path).unwrap(), "{path}");
            }
        };
        fill_run(0);
        let text = expect(1, &APPLY);
        let told = "could not be kept: cannot write /run/tunectl/originals.json: No space left";
        assert!(text.contains(told), "{text}");
        is_as_before();
        let trial = ["apply", "-b", "/etc/net-test.yaml", "--confirm-within", "1h"];
        let text = expect(1, &trial);
        assert!(text.contains("nothing was tried") && text.contains("No space left"), "{text}");
        is_as_before();
        // With room for what there was before, and for nothing more.
        fill_run(1);
        let text = expect(1, &APPLY);
        let told =
            "it could not be written down first: cannot write /run/tunectl/journal: No space";
        assert!(text.contains(told), "{text}");
        is_as_before();
        // It is full half-way: what was written goes back. The name takes most of a page.
        let long = format!("name: {}", "x".repeat(3500));
        fs::write("/etc/net-test.yaml", BASELINE.replace("name: net-test", &long)).unwrap();
        fill_run(2);
        let text = expect(1, &APPLY);
        assert!(text.contains("what was written was put back ("), "{text}");
        assert!(text.contains("cannot write /run/tunectl/journal: No space"), "{text}");
        is_as_before();
        // What cannot even be locked is not begun.
        let read_only = ["-o", "remount,ro", "/run"];
        assert!(Command::new("mount").args(read_only).status().unwrap().success());
        fs::metadata("/run/tunectl/lock").unwrap();
        let text = expect(1, &APPLY);
        assert!(text.contains("cannot use the lock /run/tunectl/lock: Read-only"), "{text}");
        is_as_before();
    });
}

/// Whoever has made another file of the drop-in keeps it, and is told.
#[test]
fn a_drop_in_that_is_no_longer_ours_stays_and_is_told() {
    in_namespaces("e2e::a_drop_in_that_is_no_longer_ours_stays_and_is_told", || {
        fresh_host();
        expect(0, &APPLY);
        let dropin = "/etc/sysctl.d/99-tunectl.conf";
        let text = fs::read_to_string(dropin).unwrap();
        let bare: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        fs::write(dropin, bare.join("\n")).unwrap();
        let text = expect(0, &["rollback", "--yes"]);
        assert!(text.contains("is not as tunectl wrote it and stays"), "{text}");
        assert!(fs::exists(dropin).unwrap());
    });
}

/// The loaders expand what is persisted: what a pattern must not reach later is not in it.
#[test]
fn a_pattern_that_would_reach_too_much_is_not_persisted() {
    in_namespaces("e2e::a_pattern_that_would_reach_too_much_is_not_persisted", || {
        fresh_host();
        // Directories, of which the loader could not write one.
        fs::write("/etc/net-test.yaml", "name: d\nparameters: { net.ipv4.conf.*: 1 }\n").unwrap();
        let text = expect(0, &APPLY);
        assert!(text.contains("matches no parameter"), "{text}");
        let dropin = || fs::read_to_string("/etc/sysctl.d/99-tunectl.conf").unwrap_or_default();
        assert!(!dropin().contains("net.ipv4.conf"), "{}", dropin());
        // A waiver for interfaces of which others may come.
        run(Command::new("ip").args(["link", "add", "v0", "type", "veth", "peer", "name", "v1"]));
        let text = "name: w\nparameters: { net.ipv4.conf.*.rp_filter: 2 }\nwaivers:\n\
                    - { key: net.ipv4.conf.v*.rp_filter, until: 2999-01-01, reason: a try }\n";
        fs::write("/etc/net-test.yaml", text).unwrap();
        expect(0, &["apply", "-b", "/etc/net-test.yaml", "--adopt"]);
        let text = dropin();
        assert!(text.contains("\nnet.ipv4.conf.lo.rp_filter = 2\n"), "{text}");
        assert!(!text.contains("\nnet.ipv4.conf.*"), "{text}");
        run(Command::new("ip").args(["link", "add", "v7", "type", "veth", "peer", "name", "v8"]));
        fs::write("/proc/sys/net/ipv4/conf/v7/rp_filter", "0").unwrap();
        run(Command::new("sysctl").arg("--system"));
        assert_eq!(live("net/ipv4/conf/v7/rp_filter"), "0", "waived, though it came later");
    });
}

/// A baseline that cannot be the host's own is refused before anything is written.
#[test]
fn what_cannot_be_the_hosts_own_is_not_adopted() {
    in_namespaces("e2e::what_cannot_be_the_hosts_own_is_not_adopted", || {
        fresh_host();
        let other = "parameters: { net.ipv4.tcp_fin_timeout: 30 }\n";
        let refused = |args: &[&str], why: &str, help: &str| {
            let before = fs::read_to_string("/etc/tunectl/baseline.yaml").ok();
            let text = expect(3, args);
            assert!(text.contains(why) && text.contains(help), "{text}");
            assert_eq!(live("net/ipv4/tcp_fin_timeout"), "60");
            assert_eq!(fs::read_to_string("/etc/tunectl/baseline.yaml").ok(), before);
        };
        // Another thing for each process.
        let own_root = ["apply", "-b", "/proc/self/root/etc/net-test.yaml"];
        refused(&own_root, "no boot could read", "save it");
        // Layers that lie on nothing, and then on a baseline that is named all the same.
        fs::create_dir_all("/etc/tunectl/baseline.d").unwrap();
        fs::write("/etc/tunectl/baseline.d/10-site.yaml", format!("name: site\n{other}")).unwrap();
        refused(&APPLY, "has further layers", "extends: ['/etc/net-test.yaml']");
        fs::write("/etc/tunectl/baseline.yaml", "name: own\nextends: [/etc/net-test.yaml]\n")
            .unwrap();
        let own = ["apply", "-b", "/etc/tunectl/baseline.yaml"];
        refused(&own, "has further layers", "apply without -b");
        fs::remove_dir_all("/etc/tunectl/baseline.d").unwrap();
        // One that lies on the host's own.
        let above = format!("name: above\nextends: [/etc/tunectl/baseline.yaml]\n{other}");
        fs::write("/etc/above.yaml", above).unwrap();
        let above = ["apply", "-b", "/etc/above.yaml", "--adopt"];
        refused(&above, "extends /etc/tunectl/baseline.yaml", "/etc/tunectl/baseline.d");
        let tried = ["apply", "-b", "/etc/above.yaml", "--adopt", "--confirm-within", "60s"];
        refused(&tried, "extends /etc/tunectl/baseline.yaml", "/etc/tunectl/baseline.d");
    });
}
