//! One contract for every `Kernel`, and what the running one must withstand besides.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use tunectl::key::{Key, KeyError, Pattern, Selector};
use tunectl::observed::{Errno, Reading};
use tunectl::procsys::{Kernel, OVER_MOUNTED, OpenError, Opener, ProcSys, SPECIAL_FILE};

use crate::scripted::ScriptedKernel;
use crate::support::{in_namespaces, is_root, left_out, run};

const OPENERS: [Opener; 2] = [Opener::Openat2, Opener::Walk];

fn key(text: &str) -> Key {
    Key::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn pattern(text: &str) -> Pattern {
    match Selector::parse(text) {
        Ok(Selector::Pattern(pattern)) => pattern,
        other => panic!("{text}: {other:?}"),
    }
}

fn value(kernel: &dyn Kernel, name: &str) -> String {
    kernel.read(&key(name)).value.unwrap_or_else(|e| panic!("{name}: {e:?}"))
}

fn write(kernel: &dyn Kernel, name: &str, bytes: impl AsRef<[u8]>) -> Result<(), Errno> {
    kernel.write(&key(name), bytes.as_ref())
}

/// Writes, and tells what the parameter reads afterwards.
fn then_reads(kernel: &dyn Kernel, name: &str, bytes: &str) -> String {
    assert_eq!(write(kernel, name, bytes), Ok(()), "{name} = {bytes:?}");
    value(kernel, name)
}

/// Each body runs against the scripted kernel and, in namespaces of its own, against the real
/// one through either opener.
macro_rules! contract {
    ($($body:ident)*) => {
        mod contract {
            $(mod $body {
                #[test]
                fn scripted() {
                    super::super::$body(&crate::scripted::ScriptedKernel::host());
                }

                #[test]
                fn live() {
                    let test = concat!("kernel::contract::", stringify!($body), "::live");
                    crate::support::in_namespaces(test, || {
                        for opener in super::super::OPENERS {
                            super::super::$body(&super::super::live(opener));
                        }
                    });
                }
            })*
        }
    };
}

contract! {
    a_value_is_read_back
    fields_are_printed_with_tabs_e7
    numbers_have_bases_e9
    junk_is_refused_e9_e12
    a_tail_is_dropped_and_told_e9
    a_partial_array_changes_the_leading_fields_e8
    a_refused_array_may_have_changed_leading_fields
    ranges_are_kept_e13
    blanks_around_do_not_count_e10
    nothing_written_changes_nothing_e11
    bitmaps_are_made_canonical_e18
    pairs_of_ports_have_an_order_e19
    unsigned_64_bit_values_survive_e15
    texts_are_cut_e17
    an_unknown_algorithm_is_absent_e20
    absent_keys_are_absent_e42
    read_only_keys_can_be_read_only_e32
    write_only_keys_are_never_read_e35
    forwarding_cascades_e4_e24
    two_writes_are_two_values_e55
    probing_changes_nothing
    patterns_find_what_exists_e6
    interfaces_may_have_dots_e1
    the_list_has_what_patterns_find
}

fn live(opener: Opener) -> ProcSys {
    let kernel = ProcSys::open_with(Path::new("/"), opener).unwrap();
    assert!(kernel.is_procfs());
    assert_eq!(kernel.opener(), opener);
    kernel
}

fn a_value_is_read_back(kernel: &dyn Kernel) {
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "512"), "512");
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "1024\n"), "1024");
    assert_eq!(kernel.read(&key("net.core.somaxconn")), Reading::of("1024"));
}

fn fields_are_printed_with_tabs_e7(kernel: &dyn Kernel) {
    assert_eq!(
        then_reads(kernel, "net.ipv4.tcp_rmem", "4096  131072\t6291456"),
        "4096\t131072\t6291456"
    );
    assert_eq!(write(kernel, "net.ipv4.tcp_rmem", "4096,87380,6291456"), Err(Errno::EINVAL));
    assert_eq!(value(kernel, "net.ipv4.tcp_rmem"), "4096\t131072\t6291456");
}

fn numbers_have_bases_e9(kernel: &dyn Kernel) {
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "010"), "8");
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "0x10"), "16");
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "0X1f"), "31");
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "00000000000000000077"), "63");
    assert_eq!(
        then_reads(kernel, "net.ipv4.tcp_rmem", "0x1000 0200000 6291456"),
        "4096\t65536\t6291456"
    );
}

fn junk_is_refused_e9_e12(kernel: &dyn Kernel) {
    assert_eq!(write(kernel, "net.core.somaxconn", "4096"), Ok(()));
    for junk in [
        "+7202",
        "7200.5",
        "7204junk",
        "60,",
        "60#c",
        "1G",
        "08",
        "0x",
        "-",
        "--1",
        "x",
        "\"60\"",
        "60\0",
        " ",
        "\n",
        " \n",
        "2147483648",
        "-2147483649",
        "000000000000000000077",
        "yes",
        "-1",
    ] {
        assert_eq!(write(kernel, "net.core.somaxconn", junk), Err(Errno::EINVAL), "{junk:?}");
        assert_eq!(value(kernel, "net.core.somaxconn"), "4096", "{junk:?}");
    }
}

/// The kernel takes the number and says that it has not taken the rest: write(2) is short.
fn a_tail_is_dropped_and_told_e9(kernel: &dyn Kernel) {
    for (tailed, held) in [("7203 junk", "7203"), ("60 # c", "60"), ("7205 8", "7205")] {
        assert_eq!(write(kernel, "net.core.somaxconn", tailed), Err(Errno::EIO), "{tailed:?}");
        assert_eq!(value(kernel, "net.core.somaxconn"), held);
    }
    assert_eq!(write(kernel, "net.ipv4.tcp_rmem", "5000 6000 7000 8000"), Err(Errno::EIO));
    assert_eq!(value(kernel, "net.ipv4.tcp_rmem"), "5000\t6000\t7000");
}

fn a_partial_array_changes_the_leading_fields_e8(kernel: &dyn Kernel) {
    assert_eq!(write(kernel, "net.ipv4.tcp_rmem", "4096 131072 6291456"), Ok(()));
    assert_eq!(then_reads(kernel, "net.ipv4.tcp_rmem", "5000"), "5000\t131072\t6291456");
    assert_eq!(write(kernel, "kernel.sem", "32000 1024000000 500 32000"), Ok(()));
    assert_eq!(then_reads(kernel, "kernel.sem", "300 400"), "300\t400\t500\t32000");
}

/// `EINVAL` does not mean that nothing has changed.
fn a_refused_array_may_have_changed_leading_fields(kernel: &dyn Kernel) {
    for (refused, left) in [
        ("7 junk 9", "7\t131072\t6291456"),
        ("8 9 10junk", "8\t9\t6291456"),
        ("11 0 12", "11\t131072\t6291456"),
    ] {
        assert_eq!(write(kernel, "net.ipv4.tcp_rmem", "4096 131072 6291456"), Ok(()));
        assert_eq!(write(kernel, "net.ipv4.tcp_rmem", refused), Err(Errno::EINVAL), "{refused}");
        assert_eq!(value(kernel, "net.ipv4.tcp_rmem"), left, "{refused}");
    }
}

fn ranges_are_kept_e13(kernel: &dyn Kernel) {
    assert_eq!(write(kernel, "net.ipv4.ip_default_ttl", "255"), Ok(()));
    for outside in ["0", "256", "-1"] {
        assert_eq!(write(kernel, "net.ipv4.ip_default_ttl", outside), Err(Errno::EINVAL));
        assert_eq!(value(kernel, "net.ipv4.ip_default_ttl"), "255");
    }
    assert_eq!(write(kernel, "net.ipv4.tcp_syn_retries", "128"), Err(Errno::EINVAL));
    assert_eq!(write(kernel, "kernel.msgmax", "-1"), Err(Errno::EINVAL));
    assert_eq!(then_reads(kernel, "kernel.msgmax", "16384"), "16384");
}

fn blanks_around_do_not_count_e10(kernel: &dyn Kernel) {
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "   77  \n\n"), "77");
    assert_eq!(
        then_reads(kernel, "net.core.somaxconn", "\t\n78\r\n".replace('\r', "").as_str()),
        "78"
    );
}

fn nothing_written_changes_nothing_e11(kernel: &dyn Kernel) {
    assert_eq!(write(kernel, "net.core.somaxconn", "99"), Ok(()));
    assert_eq!(then_reads(kernel, "net.core.somaxconn", ""), "99");
    assert_eq!(write(kernel, "net.ipv4.ip_local_reserved_ports", "8080"), Ok(()));
    assert_eq!(then_reads(kernel, "net.ipv4.ip_local_reserved_ports", ""), "8080");
    assert_eq!(write(kernel, "kernel.hostname", "here"), Ok(()));
    assert_eq!(then_reads(kernel, "kernel.hostname", ""), "here");
}

fn bitmaps_are_made_canonical_e18(kernel: &dyn Kernel) {
    let ports = "net.ipv4.ip_local_reserved_ports";
    let sorted = then_reads(kernel, ports, "8082,8080,8081,9000-9002");
    assert_eq!(sorted, "8080-8082,9000-9002");
    for refused in ["8080, 9000", " 8080", "9-8", "70000", "5,5-6,,7", "5,-6", "1-2-3", "a"] {
        assert_eq!(write(kernel, ports, refused), Err(Errno::EINVAL), "{refused:?}");
        assert_eq!(value(kernel, ports), sorted, "{refused:?}");
    }
    assert_eq!(then_reads(kernel, ports, "5,6\n7"), "5-7");
    assert_eq!(then_reads(kernel, ports, "5,"), "5");
    assert_eq!(then_reads(kernel, ports, "\n"), "");
}

fn pairs_of_ports_have_an_order_e19(kernel: &dyn Kernel) {
    let range = "net.ipv4.ip_local_port_range";
    assert_eq!(then_reads(kernel, range, "2000 65000"), "2000\t65000");
    for refused in ["65500 9000", "9000 8000", "0 80", "1030 junk", "3000 65536"] {
        assert_eq!(write(kernel, range, refused), Err(Errno::EINVAL), "{refused}");
        assert_eq!(value(kernel, range), "2000\t65000", "{refused}: both or none");
    }
    assert_eq!(then_reads(kernel, range, "2001"), "2001\t65000");
}

fn unsigned_64_bit_values_survive_e15(kernel: &dyn Kernel) {
    let most = "18446744073692774399";
    assert_eq!(then_reads(kernel, "kernel.shmmax", most), most);
    for refused in ["-1", "18446744073709551616", "x"] {
        assert_eq!(write(kernel, "kernel.shmmax", refused), Err(Errno::EINVAL), "{refused}");
        assert_eq!(value(kernel, "kernel.shmmax"), most);
    }
}

fn texts_are_cut_e17(kernel: &dyn Kernel) {
    let long = "a".repeat(70);
    assert_eq!(then_reads(kernel, "kernel.hostname", &long), "a".repeat(64));
    assert_eq!(then_reads(kernel, "kernel.hostname", "two words \nrest"), "two words ");
    assert_eq!(then_reads(kernel, "kernel.hostname", "nul\0tail"), "nul");
    assert_eq!(then_reads(kernel, "kernel.hostname", "\n"), "");
}

fn an_unknown_algorithm_is_absent_e20(kernel: &dyn Kernel) {
    let name = "net.ipv4.tcp_congestion_control";
    assert_eq!(then_reads(kernel, name, "reno\n"), "reno");
    for unknown in ["nosuch", "reno junk", "averyveryverylongname", "\n"] {
        assert_eq!(write(kernel, name, unknown), Err(Errno::ENOENT), "{unknown:?}");
        assert_eq!(value(kernel, name), "reno");
    }
}

fn absent_keys_are_absent_e42(kernel: &dyn Kernel) {
    for name in ["net.ipv4.tcp_tw_recycle", "net.ipv4.ip_forward.below", "nosuch", "no.such.key"] {
        assert_eq!(kernel.read(&key(name)), Reading::missing(Errno::ENOENT), "{name}");
        assert_eq!(write(kernel, name, "1"), Err(Errno::ENOENT), "{name}");
        assert_eq!(kernel.probe_write(&key(name)), Err(Errno::ENOENT), "{name}");
    }
}

fn read_only_keys_can_be_read_only_e32(kernel: &dyn Kernel) {
    let ostype = key("kernel.ostype");
    let reading = kernel.read(&ostype);
    assert_eq!(reading.value.as_deref(), Ok("Linux"));
    assert_eq!(reading.mode, Some(0o444));
    assert!(reading.is_read_only());
    assert_eq!(kernel.write(&ostype, b"x"), Err(Errno::EACCES));
    assert_eq!(kernel.probe_write(&ostype), Err(Errno::EACCES));
}

fn write_only_keys_are_never_read_e35(kernel: &dyn Kernel) {
    let flush = key("net.ipv4.route.flush");
    let unread = Reading { value: Err(Errno::EACCES), mode: Some(0o200), read_only_mount: false };
    assert_eq!(kernel.read(&flush), unread);
    assert_eq!(kernel.probe_write(&flush), Ok(()));
    assert_eq!(kernel.write(&flush, b"1\n"), Ok(()));
    assert_eq!(kernel.read(&flush), unread);
}

fn forwarding_cascades_e4_e24(kernel: &dyn Kernel) {
    let conf =
        |interface: &str, leaf: &str| value(kernel, &format!("net/ipv4/conf/{interface}/{leaf}"));
    assert_eq!(write(kernel, "net.ipv4.ip_forward", "0"), Ok(()));
    assert_eq!(write(kernel, "net.ipv4.conf.all.accept_redirects", "1"), Ok(()));
    assert_eq!(write(kernel, "net.ipv4.conf.lo.accept_redirects", "1"), Ok(()));
    assert_eq!(write(kernel, "net.ipv4.ip_forward", "1"), Ok(()));
    assert_eq!(conf("all", "accept_redirects"), "0");
    assert_eq!(conf("lo", "accept_redirects"), "1");
    for interface in ["all", "default", "lo"] {
        assert_eq!(conf(interface, "forwarding"), "1", "{interface}");
    }
    // The same value again is no change, and undoes nothing.
    assert_eq!(write(kernel, "net.ipv4.conf.all.accept_redirects", "1"), Ok(()));
    assert_eq!(write(kernel, "net.ipv4.ip_forward", "1"), Ok(()));
    assert_eq!(conf("all", "accept_redirects"), "1");
    assert_eq!(write(kernel, "net.ipv4.conf.all.forwarding", "0"), Ok(()));
    assert_eq!(value(kernel, "net.ipv4.ip_forward"), "0");
    assert_eq!(conf("lo", "forwarding"), "0");
    assert_eq!(write(kernel, "net.ipv4.conf.lo.forwarding", "1"), Ok(()));
    assert_eq!(value(kernel, "net.ipv4.ip_forward"), "0", "one interface is not all");
    assert_eq!(write(kernel, "net.ipv4.conf.all.rp_filter", "2"), Ok(()));
    assert_eq!(conf("lo", "rp_filter"), "0", "rp_filter does not cascade");
    assert_eq!(write(kernel, "net.ipv4.conf.all.rp_filter", "0"), Ok(()));
    assert_eq!(write(kernel, "net.ipv4.conf.lo.forwarding", "0"), Ok(()));
}

/// A value that went out in two write(2)s would read `6`: the second is at offset 1, where
/// nothing is taken.
fn two_writes_are_two_values_e55(kernel: &dyn Kernel) {
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "60"), "60");
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "6"), "6");
    assert_eq!(then_reads(kernel, "net.core.somaxconn", "0"), "0");
}

fn probing_changes_nothing(kernel: &dyn Kernel) {
    assert_eq!(write(kernel, "net.core.somaxconn", "321"), Ok(()));
    assert_eq!(kernel.probe_write(&key("net.core.somaxconn")), Ok(()));
    assert_eq!(value(kernel, "net.core.somaxconn"), "321");
}

fn patterns_find_what_exists_e6(kernel: &dyn Kernel) {
    let found = |p: &str| kernel.expand(&pattern(p));
    let expected = ["all", "default", "lo"].map(|i| key(&format!("net.ipv4.conf.{i}.rp_filter")));
    assert_eq!(found("net.ipv4.conf.*.rp_filter"), expected);
    assert_eq!(found("net/ipv4/conf/*/rp_filter"), expected);
    assert_eq!(found("n*.ipv4.co?f.*.rp_filter"), expected);
    assert_eq!(found("net.ipv4.conf.[!a]*.rp_filter"), expected[1..]);
    assert_eq!(found("net.ipv4.tcp_[rw]mem"), [key("net.ipv4.tcp_rmem"), key("net.ipv4.tcp_wmem")]);
    assert_eq!(found("net.ipv4.conf.*.nosuch"), []);
    assert_eq!(found("nosuch.*"), []);
    assert_eq!(found("net.*"), [], "one component, and directories are no parameters");
    assert_eq!(found("net.ipv4.ip_forward.*"), []);
}

fn interfaces_may_have_dots_e1(kernel: &dyn Kernel) {
    let dotted = key("net.ipv4.conf.d0/100.rp_filter");
    assert_eq!(dotted, key("net/ipv4/conf/d0.100/rp_filter"));
    let mine = pattern("net.ipv4.conf.d*.rp_filter");
    if kernel.expand(&mine).contains(&dotted) {
        check_dotted(kernel, &dotted);
        return;
    }
    // The scripted kernel gets another interface; in a network namespace of one's own `lo` can
    // be renamed, and back.
    assert_eq!(kernel.read(&dotted), Reading::missing(Errno::ENOENT));
    if kernel.list().len() < 100 {
        check_dotted(&ScriptedKernel::host().with_interface("d0.100"), &dotted);
        return;
    }
    let rename = |from: &str, to: &str| {
        let done = Command::new("ip").args(["link", "set", "dev", from, "name", to]).status();
        done.is_ok_and(|s| s.success())
    };
    if !rename("lo", "d0.100") {
        left_out("kernel::contract::interfaces_may_have_dots_e1::live", "ip cannot rename lo");
        return;
    }
    check_dotted(kernel, &dotted);
    assert!(rename("d0.100", "lo"));
}

fn check_dotted(kernel: &dyn Kernel, dotted: &Key) {
    let found = kernel.expand(&pattern("net.ipv4.conf.*.rp_filter"));
    assert!(found.contains(dotted), "{found:?}");
    assert!(kernel.list().contains(dotted));
    assert_eq!(dotted.to_string(), "net.ipv4.conf.d0/100.rp_filter");
    assert_eq!(kernel.write(dotted, b"2\n"), Ok(()));
    assert_eq!(kernel.read(dotted), Reading::of("2"));
    let other = key("net.ipv4.conf.d0.100.rp_filter");
    assert_eq!(kernel.read(&other), Reading::missing(Errno::ENOENT), "another key: case E1");
    assert_eq!(kernel.write(dotted, b"0\n"), Ok(()));
}

fn the_list_has_what_patterns_find(kernel: &dyn Kernel) {
    let all = kernel.list();
    assert!(all.windows(2).all(|w| w[0] < w[1]), "sorted, and each once");
    for wanted in ["*.*", "*.*.*", "net.ipv4.*", "net.ipv4.conf.*.*", "vm.*", "kernel.*"] {
        let wanted = pattern(wanted);
        let found = kernel.expand(&wanted);
        let expected: Vec<Key> = all.iter().filter(|k| wanted.matches(k)).cloned().collect();
        assert!(!found.is_empty(), "{wanted}");
        assert_eq!(found, expected, "{wanted}");
    }
}

// What the real kernel alone must withstand.

/// A root of ordinary files in a directory of its own, which goes when it does.
struct FakeRoot(PathBuf);

impl FakeRoot {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("tunectl-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(dir.join("proc/sys/vm")).unwrap();
        Self(dir)
    }

    fn sys(&self, path: &str) -> PathBuf {
        self.0.join("proc/sys").join(path)
    }

    fn file(&self, path: &str, text: &str) {
        fs::create_dir_all(self.sys(path).parent().unwrap()).unwrap();
        fs::write(self.sys(path), text).unwrap();
    }

    fn open(&self, opener: Opener) -> ProcSys {
        let kernel = ProcSys::open_with(&self.0, opener).unwrap();
        assert!(!kernel.is_procfs());
        kernel
    }
}

impl Drop for FakeRoot {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Every attack on the path that a name could carry ends before a file is looked for.
#[test]
fn names_that_leave_proc_sys_are_no_keys() {
    for name in ["../sysrq-trigger", "vm/../../sysrq-trigger", "vm/../kernel/hostname", "./vm/x"] {
        assert!(matches!(Key::parse(name), Err(KeyError::Traversal(_))), "{name}");
        assert!(matches!(Key::from_path(name), Err(KeyError::Traversal(_))), "{name}");
    }
    for name in ["/etc/passwd", "/proc/sysrq-trigger", "vm//swappiness", "vm/", "", "vm/a\0b"] {
        assert!(Key::parse(name).is_err(), "{name:?}");
        assert!(Key::from_path(name).is_err(), "{name:?}");
    }
}

#[test]
fn ordinary_files_are_read_and_written_below_another_root() {
    let root = FakeRoot::new("files");
    root.file("vm/swappiness", "60\n");
    root.file("kernel/core_modules", "one\ntwo\n\n");
    root.file("kernel/latin", "");
    fs::write(root.sys("kernel/latin"), b"caf\xe9\n").unwrap();
    for path in ["vm/stat", "vm-x", "vmx", "a"] {
        root.file(path, "");
    }
    root.file("vm/with blank", "no key has this name");
    let sorted =
        ["a", "kernel.core_modules", "kernel.latin", "vm-x", "vm.stat", "vm.swappiness", "vmx"];
    let sorted = sorted.map(key);
    for opener in OPENERS {
        let kernel = root.open(opener);
        assert_eq!(value(&kernel, "vm.swappiness"), "60");
        assert_eq!(value(&kernel, "kernel.core_modules"), "one\ntwo\n", "one newline goes");
        assert_eq!(value(&kernel, "kernel.latin"), "caf\u{fffd}");
        assert_eq!(write(&kernel, "vm.swappiness", "5\n"), Ok(()));
        assert_eq!(fs::read_to_string(root.sys("vm/swappiness")).unwrap(), "5\n", "no old tail");
        assert_eq!(write(&kernel, "vm.swappiness", "60\n"), Ok(()));
        assert_eq!(write(&kernel, "vm.nosuch", "1"), Err(Errno::ENOENT), "nothing is created");
        assert!(!root.sys("vm/nosuch").exists());
        // A directory sorts after a name that goes on with a `-`, and before one with a letter.
        assert_eq!(kernel.list(), sorted, "{opener:?}");
        assert_eq!(kernel.expand(&pattern("vm.s*")), [key("vm.stat"), key("vm.swappiness")]);
    }
}

#[test]
fn modes_hold_below_another_root_for_root_too() {
    let root = FakeRoot::new("modes");
    root.file("vm/drop_caches", "secret");
    root.file("kernel/ostype", "Linux\n");
    for (path, mode) in [("vm/drop_caches", 0o200), ("kernel/ostype", 0o444)] {
        fs::set_permissions(root.sys(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    for opener in OPENERS {
        let kernel = root.open(opener);
        let unread =
            Reading { value: Err(Errno::EACCES), mode: Some(0o200), read_only_mount: false };
        assert_eq!(kernel.read(&key("vm.drop_caches")), unread);
        assert_eq!(write(&kernel, "kernel.ostype", "x"), Err(Errno::EACCES));
        assert_eq!(value(&kernel, "kernel.ostype"), "Linux");
    }
}

#[test]
fn links_are_refused_wherever_they_stand() {
    let root = FakeRoot::new("links");
    root.file("vm/swappiness", "60\n");
    root.file("../outside/secret", "secret\n");
    symlink("swappiness", root.sys("vm/link")).unwrap();
    symlink("/etc/passwd", root.sys("vm/absolute")).unwrap();
    symlink("../../outside", root.sys("away")).unwrap();
    symlink("vm", root.sys("alias")).unwrap();
    symlink("/proc/self/cwd", root.sys("magic")).unwrap();
    for opener in OPENERS {
        let kernel = root.open(opener);
        for name in ["vm.link", "vm.absolute", "away.secret", "alias.swappiness", "magic.x"] {
            let reading = kernel.read(&key(name));
            assert_eq!(reading, Reading::missing(Errno::ELOOP), "{opener:?} {name}");
            assert_eq!(write(&kernel, name, "1"), Err(Errno::ELOOP), "{opener:?} {name}");
            assert_eq!(kernel.probe_write(&key(name)), Err(Errno::ELOOP), "{opener:?} {name}");
        }
        assert_eq!(kernel.list(), [key("vm.swappiness")], "{opener:?}");
        assert_eq!(kernel.expand(&pattern("*.s*")), [key("vm.swappiness")], "{opener:?}");
        assert_eq!(kernel.expand(&pattern("*.swappiness")), [key("vm.swappiness")]);
        assert_eq!(kernel.expand(&pattern("away.*")), []);
    }
    assert_eq!(fs::read_to_string(root.0.join("proc/outside/secret")).unwrap(), "secret\n");
}

/// `DIR/proc` of an image may be a link to the host's own: a write must not go there.
#[test]
fn a_root_behind_a_link_is_refused() {
    let root = FakeRoot::new("linked-root");
    fs::remove_dir_all(root.0.join("proc")).unwrap();
    symlink("/proc", root.0.join("proc")).unwrap();
    for opener in OPENERS {
        let error = ProcSys::open_with(&root.0, opener).unwrap_err();
        assert_eq!(error.errno(), Some(Errno::ELOOP), "{opener:?}");
        assert!(error.to_string().contains("proc/sys cannot be opened"), "{error}");
    }
    fs::remove_file(root.0.join("proc")).unwrap();
    for opener in OPENERS {
        assert_eq!(ProcSys::open_with(&root.0, opener).unwrap_err().errno(), Some(Errno::ENOENT));
    }
}

/// Opening a FIFO waits for its other end, unless it is told not to.
#[test]
fn directories_and_special_files_are_refused_without_waiting() {
    let root = FakeRoot::new("special");
    let fifo = root.sys("vm/fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o666)).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.sys("vm/socket")).unwrap();
    let kernels = OPENERS.map(|opener| root.open(opener));
    let (done, waiting) = std::sync::mpsc::channel();
    let looker = std::thread::spawn(move || {
        for kernel in kernels {
            let opener = kernel.opener();
            assert_eq!(kernel.read(&key("vm.fifo")), Reading::missing(SPECIAL_FILE), "{opener:?}");
            assert_eq!(write(&kernel, "vm.fifo", "1"), Err(SPECIAL_FILE), "{opener:?}");
            assert_eq!(
                kernel.read(&key("vm.socket")),
                Reading::missing(SPECIAL_FILE),
                "{opener:?}"
            );
            assert_eq!(kernel.read(&key("vm")), Reading::missing(Errno::EISDIR), "{opener:?}");
            assert_eq!(write(&kernel, "vm", "1"), Err(Errno::EISDIR), "{opener:?}");
            assert_eq!(kernel.list(), []);
        }
        done.send(()).unwrap();
    });
    let ended = waiting.recv_timeout(std::time::Duration::from_secs(60));
    assert_ne!(ended, Err(std::sync::mpsc::RecvTimeoutError::Timeout), "it waits for ever");
    looker.join().unwrap();
}

fn mount(args: &[&str]) {
    let output = run(Command::new("mount").args(args));
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An ordinary file, another file of procfs and a directory, each mounted over a key: none is
/// read or written. The file that stands over `vm.swappiness` must keep its text.
#[test]
fn files_mounted_over_keys_are_refused() {
    in_namespaces("kernel::files_mounted_over_keys_are_refused", || {
        let root = FakeRoot::new("over");
        root.file("foreign", "77\n");
        root.file("dir/somaxconn", "77\n");
        let foreign = root.sys("foreign");
        mount(&["--bind", foreign.to_str().unwrap(), "/proc/sys/vm/swappiness"]);
        mount(&["--bind", "/proc/version", "/proc/sys/kernel/hostname"]);
        mount(&["--bind", root.sys("dir").to_str().unwrap(), "/proc/sys/net/core"]);
        for opener in OPENERS {
            let kernel = live(opener);
            for name in ["vm.swappiness", "kernel.hostname", "net.core.somaxconn"] {
                assert_eq!(kernel.read(&key(name)), Reading::missing(OVER_MOUNTED), "{name}");
                assert_eq!(write(&kernel, name, "5"), Err(OVER_MOUNTED), "{opener:?} {name}");
                assert_eq!(kernel.probe_write(&key(name)), Err(OVER_MOUNTED), "{opener:?} {name}");
            }
            assert!(!value(&kernel, "vm.page-cluster").is_empty(), "the others are untouched");
            assert!(!kernel.list().contains(&key("net.core.somaxconn")));
            assert_eq!(kernel.expand(&pattern("net.core.*")), []);
        }
        assert_eq!(fs::read_to_string(&foreign).unwrap(), "77\n");
    });
}

/// As in systemd-nspawn: /proc/sys/net is a mount of its own, and procfs.
#[test]
fn a_directory_may_be_a_mount_of_procfs() {
    in_namespaces("kernel::a_directory_may_be_a_mount_of_procfs", || {
        mount(&["--bind", "/proc/sys/net", "/proc/sys/net"]);
        for opener in OPENERS {
            let kernel = live(opener);
            assert_eq!(then_reads(&kernel, "net.core.somaxconn", "444"), "444", "{opener:?}");
            assert!(kernel.list().contains(&key("net.core.somaxconn")), "{opener:?}");
            assert_eq!(kernel.expand(&pattern("net.core.somaxc*")).len(), 1, "{opener:?}");
        }
        // What is mounted over a key in there is found out all the same.
        mount(&["--bind", "/proc/version", "/proc/sys/net/core/somaxconn"]);
        for opener in OPENERS {
            let reading = live(opener).read(&key("net.core.somaxconn"));
            assert_eq!(reading, Reading::missing(OVER_MOUNTED), "{opener:?}");
        }
    });
}

#[test]
fn a_foreign_proc_sys_is_refused_on_the_host_itself() {
    in_namespaces("kernel::a_foreign_proc_sys_is_refused_on_the_host_itself", || {
        mount(&["-t", "tmpfs", "none", "/proc/sys"]);
        for opener in OPENERS {
            let error = ProcSys::open_with(Path::new("/"), opener).unwrap_err();
            assert!(matches!(error, OpenError::NotProcfs), "{opener:?} {error:?}");
            assert!(error.to_string().contains("/proc/sys is not procfs"), "{error}");
        }
        assert!(ProcSys::open(Path::new("/")).is_err());
    });
}

#[test]
fn a_read_only_proc_sys_is_told_e37() {
    in_namespaces("kernel::a_read_only_proc_sys_is_told_e37", || {
        let writable = live(Opener::Openat2);
        let swappiness = key("vm.swappiness");
        assert!(!writable.read(&swappiness).read_only_mount);
        mount(&["--bind", "/proc/sys", "/proc/sys"]);
        mount(&["-o", "remount,ro,bind", "/proc/sys"]);
        for opener in OPENERS {
            let kernel = live(opener);
            let reading = kernel.read(&swappiness);
            assert!(reading.read_only_mount && reading.is_read_only(), "{opener:?}");
            assert!(reading.value.is_ok(), "{opener:?}");
            let same = reading.text().unwrap().to_owned();
            assert_eq!(kernel.write(&swappiness, same.as_bytes()), Err(Errno::EROFS), "{opener:?}");
            assert_eq!(kernel.probe_write(&swappiness), Err(Errno::EROFS), "{opener:?}");
            assert!(kernel.read(&key("vm.drop_caches")).read_only_mount, "{opener:?}");
        }
    });
}

/// A value that is longer than a page: other writers may add to a bitmap, write after write.
#[test]
fn a_text_longer_than_a_page_is_read_whole() {
    in_namespaces("kernel::a_text_longer_than_a_page_is_read_whole", || {
        use std::io::Write as _;
        let path = "/proc/sys/net/ipv4/ip_local_reserved_ports";
        let mut file = fs::OpenOptions::new().write(true).open(path).unwrap();
        let mut expected = Vec::new();
        for chunk in (1..8000).step_by(2).collect::<Vec<u32>>().chunks(500) {
            let text = chunk.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            file.write_all(text.as_bytes()).unwrap();
            expected.push(text);
        }
        let expected = expected.join(",");
        assert!(expected.len() > 4 * 4096);
        for opener in OPENERS {
            assert_eq!(value(&live(opener), "net.ipv4.ip_local_reserved_ports"), expected);
        }
    });
}

/// The best opener there is on this kernel, not just any.
#[test]
fn openat2_is_taken_where_it_works() {
    let kernel = ProcSys::open(Path::new("/")).unwrap();
    assert_eq!(kernel.opener(), Opener::Openat2);
}

#[test]
fn an_ordinary_user_learns_what_is_not_for_him_e36() {
    if is_root() {
        left_out("kernel::an_ordinary_user_learns_what_is_not_for_him_e36", "runs as root");
        return;
    }
    for opener in OPENERS {
        let kernel = live(opener);
        let secret = kernel.read(&key("net.ipv4.tcp_fastopen_key"));
        assert_eq!(secret.value, Err(Errno::EACCES), "{opener:?}");
        assert_eq!(secret.mode, Some(0o600), "{opener:?}");
        let swappiness = key("vm.swappiness");
        assert_eq!(kernel.read(&swappiness).mode, Some(0o644), "{opener:?}");
        assert_eq!(kernel.probe_write(&swappiness), Err(Errno::EACCES), "{opener:?}");
        let same = value(&kernel, "vm.swappiness");
        assert_eq!(kernel.write(&swappiness, same.as_bytes()), Err(Errno::EACCES), "{opener:?}");
    }
}

/// Not compared: reading the first acts; the others count dentries, inodes and open files (case
/// E32), those of the process that asks among them, so that every tool reads its own number.
const NOT_TO_BE_COMPARED: [&str; 5] =
    ["vm.stat_refresh", "fs.dentry-state", "fs.inode-nr", "fs.inode-state", "fs.file-nr"];

/// Every readable parameter of this kernel, as sysctl(8) and the `sysctl` crate read it.
#[test]
fn every_readable_key_reads_as_other_tools_read_it() {
    let kernel = ProcSys::open(Path::new("/")).unwrap();
    let walked = live(Opener::Walk);
    let has_tool = Command::new("sysctl").arg("--version").output().is_ok();
    if !has_tool {
        left_out("kernel::every_readable_key_reads_…", "no sysctl(8): the crate alone is asked");
    }
    let (mut by_crate, mut by_tool) = (0, 0);
    for key in kernel.list() {
        if NOT_TO_BE_COMPARED.contains(&key.to_string().as_str()) {
            continue;
        }
        // A counter may change in between, and back: what really differs differs each time.
        let mut look = Look::at(&key, &kernel, &walked, has_tool);
        for _ in 0..5 {
            if !look.agree() {
                look = Look::at(&key, &kernel, &walked, has_tool);
            }
        }
        assert!(look.before.mode.is_some(), "{key} is listed, so it exists");
        assert!(look.agree() || look.before != look.after, "{key}: {look:?}");
        if look.before.value.is_ok() {
            by_crate += usize::from(look.by_crate.is_some());
            by_tool += usize::from(look.by_tool.is_some());
        }
    }
    assert!(by_crate > 500, "{by_crate} keys compared with the crate");
    assert!(by_tool > 500 || !has_tool, "{by_tool} keys compared with sysctl(8)");
}

/// One parameter, read in four ways at nearly the same time.
#[derive(Debug)]
struct Look {
    before: Reading,
    by_walk: Reading,
    by_crate: Option<String>,
    by_tool: Option<String>,
    after: Reading,
}

impl Look {
    fn at(key: &Key, kernel: &ProcSys, walked: &ProcSys, ask_tool: bool) -> Self {
        use sysctl::Sysctl as _;
        let before = kernel.read(key);
        let by_walk = walked.read(key);
        // The crate takes every dot for a separator, so that it cannot name a dotted interface;
        // it opens nothing that has no read permission for the owner.
        let by_crate = if key.as_path().contains('.') {
            None
        } else {
            sysctl::Ctl::new(&key.to_string()).and_then(|c| c.value_string()).ok()
        };
        let by_tool = ask_tool
            .then(|| run(Command::new("sysctl").args(["-n", &key.to_string()])))
            .filter(|output| output.status.success())
            .map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        Self { before, by_walk, by_crate, by_tool, after: kernel.read(key) }
    }

    fn agree(&self) -> bool {
        let Ok(ours) = &self.before.value else {
            // sysctl(8) exits 0 where it may not read, and prints nothing.
            return self.by_walk == self.before
                && self.by_crate.is_none()
                && self.by_tool.as_ref().is_none_or(String::is_empty);
        };
        // The crate trims; sysctl(8) ends what it prints with one newline.
        self.by_walk == self.before
            && self.by_crate.as_ref().is_none_or(|theirs| theirs.trim() == ours.trim())
            && self
                .by_tool
                .as_ref()
                .is_none_or(|theirs| theirs.trim_end_matches('\n') == ours.trim_end_matches('\n'))
    }
}
