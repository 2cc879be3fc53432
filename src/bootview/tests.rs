//! What each loader makes of each shape of line, file and tree.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod globs;
mod long;

use super::*;
use crate::key::KeyError;

const SYSTEMD: Loader = Loader::Systemd;
const PROCPS: Loader = Loader::Procps;
const SWAPPINESS: &str = "vm/swappiness";

/// A tree of regular files; an empty text masks.
fn tree(files: &[(&str, &str)]) -> ConfTree {
    files.iter().fold(ConfTree::default(), |tree, (path, text)| with_file(&tree, path, Some(text)))
}

/// One file of that text.
fn file(text: &str) -> ConfTree {
    tree(&[("/etc/sysctl.d/50-a.conf", text)])
}

fn put(tree: &mut ConfTree, path: &str, link: Option<&str>, body: ConfBody) {
    *tree = with_file(tree, path, Some("placeholder"));
    let files = tree.dirs.iter_mut().flat_map(|d| &mut d.files).chain(&mut tree.sysctl_conf);
    let file = files.into_iter().find(|f| *f.path == *path).unwrap();
    *file = ConfFile { path: path.into(), link: link.map(str::to_owned), body };
}

fn key(path: &str) -> Key {
    Key::from_path(path).unwrap()
}

/// The winning value under systemd and under procps.
#[track_caller]
fn check(tree: &ConfTree, path: &str, systemd: Option<&str>, procps: Option<&str>) {
    let view = BootView::new(tree);
    let value = |loader| view.winner(loader, &key(path)).map(|a| &*a.value);
    assert_eq!((value(SYSTEMD), value(PROCPS)), (systemd, procps), "{path} in {tree:?}");
}

/// The winning value where both agree.
#[track_caller]
fn both(tree: &ConfTree, path: &str, expected: Option<&str>) {
    check(tree, path, expected, expected);
}

fn source(tree: &ConfTree, loader: Loader, path: &str) -> String {
    BootView::new(tree).winner(loader, &key(path)).unwrap().source.to_string()
}

fn problems(tree: &ConfTree, loader: Loader) -> Vec<String> {
    BootView::new(tree).problems(loader).iter().map(ToString::to_string).collect()
}

fn values(writes: &[&Assignment]) -> Vec<String> {
    writes.iter().map(|a| a.value.to_string()).collect()
}

#[test]
fn a_directory_that_cannot_be_listed_is_a_problem() {
    let mut tree = file("vm.swappiness=5\n");
    tree.dirs[0].closed = Some(Errno::EACCES);
    for loader in Loader::ALL {
        assert_eq!(problems(&tree, loader), ["/etc/sysctl.d:1: cannot be read: no permission"]);
    }
}

// Which files, in which order.

#[test]
fn the_first_directory_has_a_name() {
    let names = ["/usr/lib", "/usr/local/lib", "/run", "/etc"];
    let mut files = Vec::new();
    let texts = ["vm.swappiness=1", "vm.swappiness=2", "vm.swappiness=3", "vm.swappiness=4"];
    let paths = names.map(|dir| format!("{dir}/sysctl.d/50-a.conf"));
    for (at, path) in paths.iter().enumerate() {
        files.push((path.as_str(), texts[at]));
        both(&tree(&files), SWAPPINESS, Some(&(at + 1).to_string()));
    }
}

#[test]
fn names_are_ordered_by_bytes_across_directories() {
    // Cases E44, E45.
    let lost = [("/etc/sysctl.d/10-a.conf", "vm.swappiness=1")];
    let won = [("/usr/lib/sysctl.d/50-a.conf", "vm.swappiness=3")];
    both(&tree(&[lost, won].concat()), SWAPPINESS, Some("3"));
    for (earlier, later) in
        [("99-z", "99z"), ("99z", "zz"), ("50-B", "50-a"), ("9", "99"), ("zz", "\u{e9}")]
    {
        let (earlier, later) =
            (format!("/etc/sysctl.d/{earlier}.conf"), format!("/etc/sysctl.d/{later}.conf"));
        let tree = tree(&[(&later, "vm.swappiness=2"), (&earlier, "vm.swappiness=1")]);
        both(&tree, SWAPPINESS, Some("2"));
        assert_eq!(BootView::new(&tree).files(SYSTEMD), [earlier.into(), later.into()]);
    }
}

#[test]
fn empty_files_links_to_null_and_whatever_has_the_name_hide_later_files() {
    let base = tree(&[("/usr/lib/sysctl.d/50-a.conf", "vm.swappiness=3")]);
    both(&base, SWAPPINESS, Some("3"));
    for (link, body, said) in [
        (None, ConfBody::Masked, 0),
        (Some("/dev/null"), ConfBody::Masked, 0),
        (None, ConfBody::Directory, 1),
        (Some("gone.conf"), ConfBody::Unreadable(Errno::ENOENT), 1),
        (None, ConfBody::Unreadable(Errno::EACCES), 1),
        (None, ConfBody::Special, 1),
    ] {
        let mut tree = base.clone();
        put(&mut tree, "/etc/sysctl.d/50-a.conf", link, body);
        both(&tree, SWAPPINESS, None);
        for loader in Loader::ALL {
            assert_eq!(problems(&tree, loader).len(), said, "{tree:?}");
        }
    }
}

#[test]
fn only_conf_files_count_and_only_procps_reads_hidden_ones() {
    // Case E46.
    for name in ["a.conf.bak", "noext", "50-a.conf~", "a.CONF"] {
        both(&tree(&[(&format!("/etc/sysctl.d/{name}"), "vm.swappiness=1")]), SWAPPINESS, None);
    }
    for name in [".hidden.conf", ".conf"] {
        let tree = tree(&[(&format!("/etc/sysctl.d/{name}"), "vm.swappiness=74")]);
        check(&tree, SWAPPINESS, None, Some("74"));
    }
}

#[test]
fn sysctl_conf_is_last_for_procps_and_a_mere_link_for_systemd() {
    // Case E43.
    let conf = ("/etc/sysctl.conf", "vm.swappiness=111");
    check(&tree(&[conf]), SWAPPINESS, None, Some("111"));
    let mut linked = tree(&[conf, ("/etc/sysctl.d/zz.conf", "vm.swappiness=222")]);
    let body = ConfBody::of("vm.swappiness=111");
    put(&mut linked, "/etc/sysctl.d/99-sysctl.conf", Some("../sysctl.conf"), body);
    check(&linked, SWAPPINESS, Some("222"), Some("111"));
    assert_eq!(source(&linked, PROCPS, SWAPPINESS), "/etc/sysctl.conf:1");
    let without = with_file(&linked, "/etc/sysctl.d/zz.conf", None);
    assert_eq!(source(&without, SYSTEMD, SWAPPINESS), "/etc/sysctl.d/99-sysctl.conf:1");
    // procps passes over what is not a regular file there, without a word.
    let mut odd = ConfTree::default();
    put(&mut odd, "/etc/sysctl.conf", None, ConfBody::Directory);
    assert_eq!(problems(&odd, PROCPS), [""; 0]);
}

// Lines.

#[test]
fn blanks_comments_and_endings() {
    for (text, expected) in [
        ("vm.swappiness=5", Some("5")),
        ("vm.swappiness = 5\n", Some("5")),
        (" \tvm.swappiness\t=\t5 \t\n", Some("5")),
        ("vm.swappiness = 5\r\n", Some("5")),
        ("# vm.swappiness = 5\n", None),
        ("  ; vm.swappiness = 5\n", None),
        ("vm.swappiness = 64 # inline\n", Some("64 # inline")),
        ("vm.swappiness = \"5\"\n", Some("\"5\"")),
        ("vm.swappiness =\n", Some("")),
        ("vm.swappiness = a = b\n", Some("a = b")),
        ("vm.swappiness = 1 \\\n 2\n", Some("1 \\")),
        ("vm.swappiness 5\n", None),
        ("vm .swappiness = 5\n", None),
        ("\u{feff}vm.swappiness = 5\n", None),
        ("\u{feff}\nvm.swappiness = 5\n", Some("5")),
    ] {
        both(&file(text), SWAPPINESS, expected);
    }
    // Only procps takes a vertical tab or form feed for a blank.
    check(&file("vm.swappiness = 5\x0b\n"), SWAPPINESS, Some("5\x0b"), Some("5"));
    check(&file("\x0cvm.swappiness = 5\n"), SWAPPINESS, None, Some("5"));
    // Only systemd ends a line at a carriage return or NUL.
    check(&file("#\rvm.swappiness = 5\n"), SWAPPINESS, Some("5"), None);
    check(&file("vm.swappiness = 5\0\0vm.swappiness = 6\n"), SWAPPINESS, Some("6"), Some("5"));
}

#[test]
fn lines_are_numbered_as_editors_do() {
    let tree = file("# one\r\n\r\n\nvm.swappiness = 5\r\n");
    for loader in Loader::ALL {
        assert_eq!(source(&tree, loader, SWAPPINESS), "/etc/sysctl.d/50-a.conf:4");
    }
}

#[test]
fn systemd_ends_a_line_at_a_run_of_distinct_marks() {
    for (text, lines) in [
        ("a\nb", vec!["a", "b"]),
        ("a\r\nb\n", vec!["a", "b"]),
        ("a\n\rb\r\r", vec!["a", "b", ""]),
        ("a\r\n\0b\n\n\nc", vec!["a", "b", "", "", "c"]),
        ("a\0\nb", vec!["a", "", "b"]),
    ] {
        let mut rest = text.as_bytes();
        let found: Vec<&[u8]> = std::iter::from_fn(|| systemd::next_line(&mut rest)).collect();
        assert_eq!(found, lines.iter().map(|l| l.as_bytes()).collect::<Vec<_>>(), "{text:?}");
    }
}

#[test]
fn a_dash_ignores_errors() {
    let view = BootView::new(&file("-vm.swappiness = 5\n"));
    for loader in Loader::ALL {
        let winner = view.winner(loader, &key(SWAPPINESS)).unwrap();
        assert!(winner.ignore_errors);
        assert_eq!(&*winner.value, "5");
    }
    // Case E47: the blank goes into the key that procps looks for.
    let tree = file("- vm.swappiness = 68\n");
    check(&tree, SWAPPINESS, Some("68"), None);
    assert!(problems(&tree, SYSTEMD).is_empty());
    assert!(problems(&tree, PROCPS)[0].contains("blank after the dash"));
    // Two dashes: procps drops both, systemd keeps the second.
    check(&file("--vm.swappiness = 5\n"), SWAPPINESS, None, Some("5"));
}

// Keys.

#[test]
fn the_first_separator_decides() {
    // Case E1.
    let vlan = "net/ipv4/conf/eth0.100/rp_filter";
    both(&file("net.ipv4.conf.eth0/100.rp_filter = 2"), vlan, Some("2"));
    both(&file("net/ipv4/conf/eth0.100/rp_filter = 2"), vlan, Some("2"));
    both(&file("net.ipv4.conf.eth0.100.rp_filter = 2"), vlan, None);
    both(&file("VM.SWAPPINESS = 5"), SWAPPINESS, None);
    both(&file("/proc/sys/vm/swappiness = 5"), SWAPPINESS, None);
    both(&file("proc.sys.vm.swappiness = 5"), SWAPPINESS, None);
}

#[test]
fn detours_that_each_loader_follows() {
    for text in ["vm//swappiness=5", "vm..swappiness=5", "/vm/swappiness=5", ".vm.swappiness=5"] {
        both(&file(text), SWAPPINESS, Some("5"));
    }
    both(&file("vm/./swappiness=5"), SWAPPINESS, Some("5"));
    // systemd refuses to write through `..`, procps asks only where it ends.
    check(&file("vm/../vm/swappiness=5"), SWAPPINESS, None, Some("5"));
    both(&file("vm/../../sys/vm/swappiness=5"), SWAPPINESS, None);
    // systemd drops a slash at the end, the kernel takes it for a directory.
    check(&file("vm/swappiness/=5"), SWAPPINESS, Some("5"), None);
    check(&file("vm.swappiness.=5"), SWAPPINESS, Some("5"), None);
}

#[test]
fn keys_that_name_nothing_are_told() {
    let view = BootView::new(&file("VM.swappiness=5\n=5\n/proc/sys/vm/swappiness=5\n"));
    for loader in Loader::ALL {
        let kinds: Vec<&ProblemKind> = view.problems(loader).iter().map(|p| &p.what).collect();
        assert!(
            matches!(kinds[0], ProblemKind::NotAKey { error: KeyError::UpperCase { .. }, .. }),
            "{kinds:?}"
        );
        assert!(matches!(kinds[1], ProblemKind::NotAKey { error: KeyError::Empty, .. }));
        assert!(kinds[2].to_string().ends_with("write vm.swappiness"), "{}", kinds[2]);
        assert_eq!(kinds.len(), 3);
    }
}

// Several lines for one key.

#[test]
fn the_last_line_wins_in_any_spelling() {
    let tree = file("vm.swappiness = 25\nvm/swappiness = 30\n");
    both(&tree, SWAPPINESS, Some("30"));
    let view = BootView::new(&tree);
    // systemd forgets the first, procps writes both: an invalid second one is told apart.
    assert_eq!(values(&view.writes_to(SYSTEMD, &key(SWAPPINESS))), ["30"]);
    assert_eq!(values(&view.writes_to(PROCPS, &key(SWAPPINESS))), ["25", "30"]);
    for loader in Loader::ALL {
        let all = view.all_for(loader, &key(SWAPPINESS));
        assert_eq!(values(&all), ["25", "30"]);
        assert_eq!(all[1], view.winner(loader, &key(SWAPPINESS)).unwrap());
    }
    assert_eq!(view.all_for(SYSTEMD, &key(SWAPPINESS))[0].order, None);
    assert!(view.all_for(SYSTEMD, &key("vm/dirty_ratio")).is_empty());
}

#[test]
fn systemd_moves_a_changed_key_to_the_end_and_keeps_a_repeated_one() {
    let order = |text: &str| {
        let view = BootView::new(&file(text));
        let writes = view.writes(SYSTEMD);
        writes.map(|a| format!("{}={}", a.selector_text, a.value)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order("a=1\nb=1\na=2\n"), "b=1 a=2");
    assert_eq!(order("a=1\nb=1\na=1\n"), "a=1 b=1");
    // Case E27: the middle value of three is lost.
    assert_eq!(order("a=25\nb=1\na=3\nc=0\na=25\n"), "b=1 c=0 a=25");
    // The later of two equal lines is the one to name; the flag is either's.
    let view = BootView::new(&file("-a=1\na=1\n"));
    let winner = view.winner(SYSTEMD, &key("a")).unwrap();
    assert_eq!((winner.source.line, winner.order, winner.ignore_errors), (2, Some(0), true));
    assert_eq!(view.all_for(SYSTEMD, &key("a")).len(), 2);
}

// Globs.

#[test]
fn an_explicit_line_beats_a_glob_wherever_it_stands() {
    // Case E6.
    let lo = "net/ipv4/conf/lo/rp_filter";
    let eth0 = "net/ipv4/conf/eth0/rp_filter";
    for text in [
        "net.ipv4.conf.lo.rp_filter = 1\nnet.ipv4.conf.*.rp_filter = 2\n",
        "net.ipv4.conf.*.rp_filter = 2\nnet.ipv4.conf.lo.rp_filter = 1\n",
        "net/ipv4/conf/*/rp_filter = 2\n-net/ipv4/conf/lo/rp_filter = 1\n",
    ] {
        both(&file(text), lo, Some("1"));
        both(&file(text), eth0, Some("2"));
        let view = BootView::new(&file(text));
        for loader in Loader::ALL {
            assert_eq!(values(&view.all_for(loader, &key(lo))), ["2", "1"]);
            assert!(view.winner(loader, &key(eth0)).unwrap().is_glob);
        }
    }
    // Among globs the last one wins, but the earlier ones are written too.
    let tree = file("net.ipv4.conf.*.rp_filter = 2\nnet.ipv4.conf.e*.rp_filter = 1\n");
    both(&tree, eth0, Some("1"));
    let view = BootView::new(&tree);
    assert_eq!(values(&view.writes_to(SYSTEMD, &key(eth0))), ["2", "1"]);
    both(&tree, "net/ipv4/conf/eth0/x/rp_filter", None);
}

#[test]
fn an_exclusion_keeps_globs_off() {
    let lo = "net/ipv4/conf/lo/rp_filter";
    let tree = file("net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.lo.rp_filter\n");
    both(&tree, lo, None);
    both(&tree, "net/ipv4/conf/eth0/rp_filter", Some("2"));
    let view = BootView::new(&tree);
    for loader in Loader::ALL {
        assert_eq!(view.exclusion(loader, &key(lo)).unwrap().line, 2);
        assert_eq!(view.exclusion(loader, &key("net/ipv4/conf/eth0/rp_filter")), None);
    }
    // A blank after the dash: in procps it excludes another key.
    let tree = file("net.ipv4.conf.*.rp_filter = 2\n- net.ipv4.conf.lo.rp_filter\n");
    check(&tree, lo, None, Some("2"));
    // With a wildcard it excludes nothing.
    let tree = file("net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.l*.rp_filter\n");
    both(&tree, lo, Some("2"));
    assert!(problems(&tree, SYSTEMD)[0].contains("has a wildcard"));
    assert!(problems(&tree, PROCPS)[0].contains("has a wildcard"));
}

#[test]
fn in_systemd_an_exclusion_takes_an_assignment_back() {
    let tree = file("vm.swappiness = 5\n-vm.swappiness\n");
    check(&tree, SWAPPINESS, None, Some("5"));
    let told = problems(&tree, SYSTEMD);
    assert!(told[0].contains("takes back the assignment at /etc/sysctl.d/50-a.conf:1"), "{told:?}");
    assert!(problems(&tree, PROCPS).is_empty());
    both(&file("-vm.swappiness\nvm.swappiness = 5\n"), SWAPPINESS, Some("5"));
}

#[test]
fn procps_compares_the_results_of_a_glob_as_texts() {
    let all = "net/ipv4/conf/all/rp_filter";
    let tree = file("net//ipv4/conf/all/rp_filter = 1\nnet/ipv4/conf/*/rp_filter = 2\n");
    check(&tree, all, Some("1"), Some("2"));
    let tree = file("net//ipv4/conf/*/rp_filter = 2\nnet//ipv4/conf/all/rp_filter = 1\n");
    both(&tree, all, Some("1"));
    // A slash after a plain last component is a mere mark, after a wildcard it asks for a directory.
    both(&file("net/ipv4/conf/*/rp_filter/ = 2\n"), all, Some("2"));
    check(&file("net/ipv4/conf/all/rp_*/ = 2\n"), all, Some("2"), None);
}

// The kernel command line.

#[test]
fn the_command_line_is_overridden_by_any_file() {
    // Case E48.
    let cmdline = |text: &str| ConfTree { cmdline: text.into(), ..ConfTree::default() };
    for (text, expected) in [
        ("quiet sysctl.vm.swappiness=40 ro", Some("40")),
        ("sysctl/vm/swappiness=40", Some("40")),
        ("sysctl.vm/swappiness=40\n", Some("40")),
        ("sysctl.vm.swappiness=40 sysctl.vm.swappiness=41", Some("41")),
        ("sysctl.vm.swappiness=\"4 0\"", Some("4 0")),
        ("\"sysctl.vm.swappiness=4 0\"", Some("4 0")),
        ("vm.swappiness=40", None),
        ("sysctlvm.swappiness=40", None),
        ("sysctl.vm.swappiness", None),
        ("sysctl.vm.swappiness=", None),
        ("init=/x -- sysctl.vm.swappiness=40", None),
        ("\"", None),
    ] {
        both(&cmdline(text), SWAPPINESS, expected);
    }
    both(&cmdline("hung_task_panic=1"), "kernel/hung_task_panic", Some("1"));
    let tree = cmdline("sysctl.net.ipv4.conf.lo.rp_filter=1");
    assert_eq!(source(&tree, SYSTEMD, "net/ipv4/conf/lo/rp_filter"), "kernel command line");
    // Explicit as it is, it does not hold a glob off: it was written before.
    let tree = with_file(&tree, "/etc/sysctl.d/a.conf", Some("net.ipv4.conf.*.rp_filter = 2\n"));
    both(&tree, "net/ipv4/conf/lo/rp_filter", Some("2"));
    let view = BootView::new(&tree);
    for loader in Loader::ALL {
        let writes = view.writes_to(loader, &key("net/ipv4/conf/lo/rp_filter"));
        assert_eq!(values(&writes), ["1", "2"]);
        assert_eq!(writes.iter().map(|a| a.order).collect::<Vec<_>>(), [Some(0), Some(1)]);
    }
}

// What is told.

#[test]
fn problems_say_file_line_and_why() {
    let tree = file("\u{feff}a=1\nno assignment\nkernel.domainname = x\n");
    for loader in Loader::ALL {
        let told = problems(&tree, loader);
        assert!(told[0].starts_with("/etc/sysctl.d/50-a.conf:1: starts with a byte order mark"));
        assert!(told[1].contains("U+FEFF"), "{told:?}");
        assert_eq!(
            told[2],
            "/etc/sysctl.d/50-a.conf:2: no `=` in \"no assignment\"; the line is skipped"
        );
        assert_eq!(told.len(), 3);
    }
    let mut tree = ConfTree::default();
    put(&mut tree, "/etc/sysctl.d/x.conf", None, ConfBody::of(b"kernel.domainname=\xff"));
    both(&tree, "kernel/domainname", Some("\u{fffd}"));
    assert_eq!(problems(&tree, PROCPS), ["/etc/sysctl.d/x.conf:1: has bytes that are not UTF-8"]);
    let long = file(&format!("net.ipv4.ip_local_reserved_ports = {}1\n", "1,".repeat(2048)));
    assert!(problems(&long, SYSTEMD).is_empty());
    assert_eq!(BootView::new(&long).problems(PROCPS)[0].what, ProblemKind::LongValue(4097));
    let tree = self::tree(&[("/etc/sysctl.d/w[1].conf", "vm.swappiness=5")]);
    assert!(problems(&tree, SYSTEMD).is_empty());
    assert_eq!(BootView::new(&tree).problems(PROCPS)[0].what, ProblemKind::WildcardName);
}

#[test]
fn an_unreadable_file_says_so() {
    for (body, link, words) in [
        (ConfBody::Directory, None, "is a directory, not a file"),
        (ConfBody::Unreadable(Errno::ENOENT), Some("gone"), "is a link to \"gone\""),
        (ConfBody::Unreadable(Errno::EACCES), None, "no permission"),
        (ConfBody::Unreadable(Errno::EFBIG), None, "too large"),
        (ConfBody::Special, None, "is a FIFO, socket or device"),
    ] {
        let mut tree = file("vm.swappiness = 5\n");
        put(&mut tree, "/etc/sysctl.d/40.conf", link, body);
        both(&tree, SWAPPINESS, Some("5"));
        for loader in Loader::ALL {
            let told = problems(&tree, loader);
            assert!(told.len() == 1 && told[0].contains(words), "{told:?}");
        }
    }
}

// Our own drop-in.

#[test]
fn a_file_can_be_added_replaced_and_taken_away() {
    const OURS: &str = "/etc/sysctl.d/99-tunectl.conf";
    let base = tree(&[("/usr/lib/sysctl.d/50-a.conf", "vm.swappiness = 1\n")]);
    let added = with_file(&base, OURS, Some("vm.swappiness = 2\n"));
    both(&added, SWAPPINESS, Some("2"));
    both(&with_file(&added, OURS, Some("vm.swappiness = 3\n")), SWAPPINESS, Some("3"));
    both(&with_file(&added, OURS, None), SWAPPINESS, Some("1"));
    both(&base, SWAPPINESS, Some("1"));
    // /run takes its place behind /etc also where it was not listed.
    let paths = |t: &ConfTree| t.dirs.iter().map(|d| d.path.clone()).collect::<Vec<_>>();
    let run = with_file(&added, "/run/sysctl.d/99-tunectl-host.conf", Some("vm.swappiness = 4\n"));
    assert_eq!(paths(&run), ["/etc/sysctl.d", "/run/sysctl.d", "/usr/lib/sysctl.d"]);
    // `99-tunectl-host.conf` sorts before `99-tunectl.conf`.
    both(&run, SWAPPINESS, Some("2"));
    // A mask in our place, and what a later directory has under our name.
    let shadowed = with_file(&added, "/usr/lib/sysctl.d/99-tunectl.conf", Some("vm.swappiness=9"));
    both(&shadowed, SWAPPINESS, Some("2"));
    both(&with_file(&shadowed, OURS, None), SWAPPINESS, Some("9"));
    both(&with_file(&shadowed, OURS, Some("")), SWAPPINESS, Some("1"));
}

#[test]
fn links_follow_the_file_that_is_replaced() {
    let mut tree = tree(&[("/etc/sysctl.conf", "vm.swappiness = 1\n")]);
    for (name, link) in [("98-a.conf", "/etc/sysctl.conf"), ("99-sysctl.conf", "../sysctl.conf")] {
        let body = ConfBody::of("vm.swappiness = 1\n");
        put(&mut tree, &format!("/etc/sysctl.d/{name}"), Some(link), body);
    }
    let changed = with_file(&tree, "/etc/sysctl.conf", Some("vm.swappiness = 2\n"));
    both(&changed, SWAPPINESS, Some("2"));
    let view = BootView::new(&changed);
    assert_eq!(values(&view.writes_to(PROCPS, &key(SWAPPINESS))), ["2", "2", "2"]);
    let gone = with_file(&tree, "/etc/sysctl.conf", None);
    both(&gone, SWAPPINESS, None);
    assert!(problems(&gone, SYSTEMD)[0].contains("is a link to \"/etc/sysctl.conf\""));
    // Writing at the place of a link replaces the link.
    let ours = with_file(&tree, "/etc/sysctl.d/99-sysctl.conf", Some("vm.swappiness = 3\n"));
    check(&ours, SWAPPINESS, Some("3"), Some("1"));
}
