//! Globs that stand for more than they show.

use super::*;
use crate::catalogue::Effect;

const LO: &str = "net/ipv4/conf/lo/rp_filter";
const ALL: &str = "net/ipv4/conf/all/rp_filter";

fn two(first: &str, second: &str) -> ConfTree {
    tree(&[("/etc/sysctl.d/10.conf", first), ("/etc/sysctl.d/zz.conf", second)])
}

#[test]
fn classes_are_understood() {
    let tree = two("net.ipv4.conf.*.rp_filter = 1", "net.ipv4.conf.[[:alpha:]]*.rp_filter = 2");
    both(&tree, LO, Some("2"));
    both(&tree, "net/ipv4/conf/0x/rp_filter", Some("1"));
    let quoted = file("net.ipv4.conf.l\\o.rp_f* = 1\nnet.ipv4.conf.a*\\.rp_filter = 2");
    both(&quoted, LO, Some("1"));
    both(&quoted, ALL, Some("2"));
    for tree in [tree, quoted] {
        for loader in Loader::ALL {
            assert!(problems(&tree, loader).is_empty());
        }
    }
}

#[test]
fn systemd_expands_braces_of_a_glob() {
    let tree = two("net.ipv4.conf.*.rp_filter = 1", "net.ipv4.conf.{lo,dummy0}*.rp_filter = 2");
    check(&tree, LO, Some("2"), Some("1"));
    both(&tree, ALL, Some("1"));
    assert!(problems(&tree, SYSTEMD).is_empty());
    assert!(problems(&tree, PROCPS)[0].contains("a key cannot contain '{'"));
    // Braces alone make no glob.
    let literal = two("net.ipv4.conf.*.rp_filter = 1", "net.ipv4.conf.{lo,dummy0}.rp_filter = 2");
    both(&literal, LO, Some("1"));
    for loader in Loader::ALL {
        assert!(problems(&literal, loader)[0].contains("a key cannot contain '{'"));
    }
    let path = file("net/ipv4/{conf/lo/rp_filter,conf/al?/./rp_filter,../x} = 1");
    check(&path, LO, Some("1"), None);
    check(&path, ALL, Some("1"), None);
    assert!(problems(&path, SYSTEMD)[0].contains("walk through directories"));
    let open = file("net.ipv4.conf.{l*,{a,lo}.rp_filter = 1");
    both(&open, LO, None);
}

#[test]
fn explicit_keys_keep_expanded_braces_off() {
    let second = "net/ipv4/conf/{lo,{all,x}*}/{,/}rp_filter = 2";
    let tree = two("net.ipv4.conf.lo.rp_filter = 1\n-net.ipv4.conf.all.rp_filter", second);
    check(&tree, LO, Some("1"), Some("1"));
    both(&tree, ALL, None);
    check(&tree, "net/ipv4/conf/x1/rp_filter", Some("2"), None);
    // The same once more keeps its place; another value takes it.
    let glob = "net.ipv4.conf.{lo,x}*.rp_filter";
    let text = format!("{glob} = 1\nnet.ipv4.conf.*.rp_filter = 2\n{glob} = ");
    check(&file(&format!("{text}1\n")), LO, Some("2"), Some("2"));
    check(&file(&format!("{text}3\n")), LO, Some("3"), Some("2"));
}

#[test]
fn what_an_expanded_key_changes_besides_is_known() {
    let changed = |text: &str| {
        let (view, all) = (BootView::new(&file(text)), key("net/ipv4/conf/all/forwarding"));
        let writes = view.each_write(SYSTEMD).map(|write| write.changes_of(&all));
        writes.collect::<Vec<Vec<(Key, Effect)>>>().concat().len()
    };
    assert_eq!(changed("net.ipv4.{ip_forward,x*} = 1"), changed("net.ipv4.ip_forwar? = 1"));
    assert_eq!(changed("net.ipv4.{ip_forward,x*} = 1"), 1);
    assert_eq!(changed("net.ipv4.{ip_forward,x*} = 1\n-net.ipv4.ip_forward"), 0);
}

#[test]
fn procps_finds_what_a_hidden_glob_lists() {
    check(&file("net/ipv4/conf/.*/all/rp_filter = 1"), ALL, None, Some("1"));
    check(&file("net/ipv4/conf/lo/.?/all/rp_f* = 1"), ALL, None, Some("1"));
    // It compares with explicit keys as they are spelt.
    let spelt = file("net/ipv4/conf/.*/all/rp_filter = 1\n-net/ipv4/conf/./all/rp_filter");
    both(&spelt, ALL, None);
}

#[test]
fn what_is_too_much_to_expand_leaves_the_rest_unknown() {
    let many = "{a,l}".repeat(7);
    let text = format!("{LO} = 1\nnet/ipv4/conf/{many}*/rp_filter = 2");
    let tree = two("net.ipv4.conf.*.rp_filter = 1", &text);
    let view = BootView::new(&tree);
    assert!(problems(&tree, SYSTEMD)[0].contains("stands for so many patterns"));
    let explicit = view.winner(SYSTEMD, &key(LO)).map(|winner| &winner.source);
    assert_eq!(view.unseen_beside(SYSTEMD, explicit), None);
    let glob = view.winner(SYSTEMD, &key("net/ipv4/conf/al/rp_filter")).map(|w| &w.source);
    for place in [glob, None] {
        let unseen = view.unseen_beside(SYSTEMD, place).map(ToString::to_string);
        assert_eq!(unseen.as_deref(), Some("/etc/sysctl.d/zz.conf:2"));
    }
    let dots = file(&format!("net/ipv4/{}conf/all/rp_filter = 1", ".*/".repeat(9)));
    let view = BootView::new(&dots);
    assert!(view.unseen_beside(PROCPS, None).is_some());
    assert!(view.unseen_beside(SYSTEMD, None).is_none());
}

#[test]
fn procps_reads_what_the_name_of_a_file_finds() {
    let of = |name: &str, others: &[&str]| {
        let text = |at: usize| format!("vm.swappiness = {at}\n");
        let mut tree = file("");
        for (at, name) in std::iter::once(&name).chain(others).enumerate() {
            tree = with_file(&tree, &format!("/run/sysctl.d/{name}"), Some(&text(at)));
        }
        let view = BootView::new(&tree);
        let told = view.problems(PROCPS).iter().any(|p| p.what == ProblemKind::WildcardName);
        assert!(told, "{name}");
        values(&view.writes_to(PROCPS, &key(SWAPPINESS))).join(" ")
    };
    assert_eq!(of("zz[1].conf", &[]), "0");
    assert_eq!(of("zz[1].conf", &["10.conf", "zz1.conf"]), "1 2 2");
    assert_eq!(of("zz{b,1,c}.conf", &["zz1.conf", "zzb.conf"]), "1 2 2 1");
    assert_eq!(of("zz*.conf", &["zz1.conf", ".zz.conf"]), "2 0 1 1");
    assert_eq!(of("{z}*.conf", &["zz.conf", "y.conf"]), "2 1 1");
    assert_eq!(of("\\zz.conf", &["zz.conf"]), "1 1");
    // One that cannot be opened ends it.
    let mut tree =
        tree(&[("/etc/sysctl.d/[ab].conf", "vm.x=1"), ("/etc/sysctl.d/b.conf", "vm.x=2")]);
    put(&mut tree, "/etc/sysctl.d/a.conf", Some("gone"), ConfBody::Unreadable(Errno::ENOENT));
    let view = BootView::new(&tree);
    assert_eq!(values(&view.writes_to(PROCPS, &key("vm/x"))), ["2"]);
    assert_eq!(view.files(PROCPS).len(), 3);
    let name = format!("/etc/sysctl.d/{}.conf", "{a,b}".repeat(7));
    let tree = with_file(&ConfTree::default(), &name, Some(""));
    assert!(BootView::new(&tree).unseen_beside(PROCPS, None).is_some());
}
