//! Keys in every spelling, and what none of them may be.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::glob::component_matches;
use super::*;
use proptest::prelude::*;

fn path(text: &str) -> String {
    Key::parse(text).unwrap().as_path().to_owned()
}

#[test]
fn first_separator_decides_e1() {
    assert_eq!(path("vm.swappiness"), "vm/swappiness");
    assert_eq!(path("vm/swappiness"), "vm/swappiness");
    let vlan = "net/ipv4/conf/eth0.100/rp_filter";
    assert_eq!(path("net.ipv4.conf.eth0/100.rp_filter"), vlan);
    assert_eq!(path(vlan), vlan);
    // A different key, as in both loaders: two components instead of one.
    assert_eq!(path("net.ipv4.conf.eth0.100.rp_filter"), "net/ipv4/conf/eth0/100/rp_filter");
}

#[test]
fn output_reads_back_as_the_same_key_e2() {
    let key = Key::parse("net/ipv4/conf/eth0.100/rp_filter").unwrap();
    assert_eq!(key.to_string(), "net.ipv4.conf.eth0/100.rp_filter");
    assert_eq!(Key::parse(&key.to_string()).unwrap(), key);
}

#[test]
fn hostile_and_mistaken_keys_are_refused() {
    use KeyError as E;
    let refused = |text: &str| Key::parse(text).unwrap_err();
    assert_eq!(refused(""), E::Empty);
    assert_eq!(
        refused("/proc/sys/vm/swappiness"),
        E::Absolute { instead: Some("vm/swappiness".into()) }
    );
    assert_eq!(refused("/etc/passwd"), E::Absolute { instead: None });
    assert_eq!(
        refused("proc/sys/vm/swappiness"),
        E::ProcSysPrefix { instead: "vm.swappiness".into() }
    );
    assert_eq!(refused("../sysrq-trigger"), E::Traversal("..".into()));
    assert_eq!(refused("vm/../kernel/hostname"), E::Traversal("..".into()));
    assert_eq!(refused("vm/./swappiness"), E::Traversal(".".into()));
    assert_eq!(refused("net.ipv4.conf./../../x"), E::Traversal("..".into()));
    assert_eq!(refused("vm..swappiness"), E::EmptyComponent);
    assert_eq!(refused("vm.swappiness."), E::EmptyComponent);
    assert_eq!(refused(".vm.swappiness"), E::EmptyComponent);
    assert_eq!(refused("vm.swap\0piness"), E::BadCharacter('\0'));
    assert_eq!(refused("vm.swappiness\n"), E::BadCharacter('\n'));
    assert_eq!(refused("vm.swappiness = 1"), E::BadCharacter(' '));
    assert_eq!(refused("vm.swappiness=1"), E::BadCharacter('='));
    assert_eq!(refused("%2e%2e/kernel"), E::BadCharacter('%'));
    assert_eq!(refused("vm.swapрiness"), E::BadCharacter('р'));
    assert_eq!(refused("-vm.swappiness"), E::LeadingDash);
    assert_eq!(refused(&"a".repeat(5000)), E::TooLong(5000));
    assert_eq!(refused("vm.swap*"), E::WildcardNotAllowed);
    assert_eq!(
        refused("VM.Swappiness"),
        E::UpperCase { component: "VM".into(), instead: "vm.swappiness".into() }
    );
}

#[test]
fn what_is_to_be_written_instead_is_a_key() {
    for (written, instead) in [
        ("PROC.SYS.vm.swappiness", "vm.swappiness"),
        ("/proc/sys/VM/swappiness", "vm.swappiness"),
        ("/Proc/Sys/vm/swappiness", "vm/swappiness"),
        ("/proc/sys/net.ipv4.ip_forward", "net.ipv4.ip_forward"),
        ("proc/sys/proc/sys/vm/swappiness", "vm.swappiness"),
        ("net.ipv4.CONF.WAN0.rp_filter", "net.ipv4.conf.WAN0.rp_filter"),
        ("/proc/sys/NET/ipv4/conf/WAN0.100/rp_filter", "net.ipv4.conf.WAN0/100.rp_filter"),
    ] {
        let error = Key::parse(written).unwrap_err();
        assert_eq!(error.instead(), Some(instead), "{written}");
        assert!(Key::parse(instead).is_ok(), "{instead}");
    }
    assert_eq!(Key::parse("/proc/sys/../etc").unwrap_err().instead(), None);
}

#[test]
fn upper_case_is_kept_where_names_are_free() {
    assert_eq!(path("net.ipv4.conf.WAN0.rp_filter"), "net/ipv4/conf/WAN0/rp_filter");
    assert!(Key::parse("net.ipv4.conf.wan0.RP_filter").is_err());
    let only = "kernel/numa_balancing_promote_rate_limit_MBps";
    assert_eq!(path(&only.replace('/', ".")), only);
}

#[test]
fn patterns_match_one_component_a_wildcard() {
    let matches = |p: &str, k: &str| match Selector::parse(p).unwrap() {
        Selector::Pattern(p) => p.matches(&Key::parse(k).unwrap()),
        Selector::Key(_) => panic!("{p} is not a pattern"),
    };
    assert!(matches("net.ipv4.conf.*.rp_filter", "net.ipv4.conf.all.rp_filter"));
    assert!(matches("net.ipv4.conf.*.rp_filter", "net.ipv4.conf.eth0/100.rp_filter"));
    assert!(!matches("net.ipv4.*.rp_filter", "net.ipv4.conf.all.rp_filter"));
    assert!(matches("net.ipv4.conf.eth?.rp_filter", "net.ipv4.conf.eth0.rp_filter"));
    assert!(!matches("net.ipv4.conf.e[o-t]*.rp_filter", "net.ipv4.conf.eno1.rp_filter"));
    assert!(matches("net.ipv4.conf.e[n-t]*.rp_filter", "net.ipv4.conf.eth0.rp_filter"));
    assert!(matches("net.ipv4.conf.[!l]*.rp_filter", "net.ipv4.conf.eth0.rp_filter"));
    assert!(!matches("net.ipv4.conf.[!l]*.rp_filter", "net.ipv4.conf.lo.rp_filter"));
    assert_eq!(
        Selector::parse("net.ipv4.conf.[.rp_filter"),
        Err(KeyError::UnclosedBracket("[".into()))
    );
}

#[test]
fn components_match_as_with_fnmatch() {
    // What glibc 2.36 answers with FNM_PERIOD, as glob(3) asks.
    for (glob, text, matches) in [
        ("[[:alpha:]]*", "lo", true),
        ("[[:alpha:]]*", "0x", false),
        ("[![:alpha:]]*", "0x", true),
        ("[^[:digit:]a]?", "lo", true),
        ("[[:digit:][:upper:]]", "A", true),
        ("[[:alpha:]-z]", "-", true),
        ("[[.a.]]*", "all", true),
        ("[[.a.]-[.d.]]*", "dummy0", true),
        ("[[.ab.]]", "a", false),
        ("[[...]]", ".", false),
        ("[[=l=]]o", "lo", true),
        ("[[=l=]]o", "ao", false),
        ("[[:foo:]]", "f", false),
        ("[a[:foo:]]", "a", true),
        ("[[:Alpha:]]", ":]", true),
        ("[[:Alpha:]]", "A]", true),
        ("[[:alpha:]", "[", false),
        ("[[:alpha:", "[", false),
        (r"[\]]", "]", true),
        (r"[\a-c]", "b", true),
        (r"[a\-c]", "b", false),
        (r"[a-\c]", "b", true),
        (r"[a\", "[a", false),
        (r"l*\", "lo", false),
        (r"l\o", "lo", true),
        ("[]a]", "]", true),
        ("[!]a]", "]", false),
        ("[!]a]", "b", true),
        ("[a-]", "-", true),
        ("[--0]", ".", false),
        ("[z-a]", "z", false),
        ("[[a]", "[", true),
        ("[[", "[[", true),
        ("[a", "[a", true),
        ("[a", "a", false),
        ("[.]a", ".a", false),
        (r"\.a", ".a", true),
        ("?a", ".a", false),
        ("*a", ".a", false),
        ("*?[.]1", "a.1", false),
        ("*[.]1", "a.1", true),
        ("*?[.]1", "ab.1", true),
        ("*?[.b[:..-[:digit:]?]", "a_=b", true),
        ("[a-[:alpha:]]", "a]", true),
        ("*[", "a[", true),
        ("[[]*", "[]", true),
    ] {
        assert_eq!(glob_matches(glob, text), matches, "{glob} {text}");
    }
}

#[test]
fn a_pattern_has_brackets_that_mean_what_they_say() {
    let of = |component: &str| Selector::from_path(&format!("net/ipv4/conf/{component}/rp_filter"));
    for sound in ["[[:alpha:]]*", "[![:digit:]_]*", "[]a]*", "[^]]*", "[[.a.]]*", "[a-[.d.]]*"] {
        assert!(matches!(of(sound), Ok(Selector::Pattern(_))), "{sound}");
    }
    for unclosed in ["[", "[a", "[]", "[!]", "*[[:alpha:]", "[a-z"] {
        assert_eq!(of(unclosed), Err(KeyError::UnclosedBracket(unclosed.into())));
    }
    for none in ["[[:foo:]]", "[[:Alpha:]]*", "[a-[:alpha:]]", "[[:alpha]]", "[[.ab.]]", "[[.]]"] {
        assert_eq!(of(none), Err(KeyError::UnknownClass(none.into())));
    }
}

#[test]
fn a_hostile_glob_takes_no_time() {
    let text = "a".repeat(255);
    for piece in ["[a", "[[:alpha:]]", "*a", "[a]*", "[!b[", "?*"] {
        let glob = format!("*{}b", piece.repeat(5000));
        assert!(!glob_matches(&glob, &text), "{piece}");
    }
}

#[test]
fn nearest_finds_typos_and_misplaced_leaves() {
    let real = ["vm.swappiness", "vm.dirty_ratio", "net.ipv4.tcp_timestamps", "kernel.panic"];
    let near = |w| nearest(w, real.iter().copied());
    assert_eq!(near("vm.swapiness"), Some("vm.swappiness"));
    assert_eq!(near("vm.tcp_timestamps"), Some("net.ipv4.tcp_timestamps"));
    assert_eq!(near("net.ipv4.tcp_timestamp"), Some("net.ipv4.tcp_timestamps"));
    assert_eq!(near("foo.bar"), None);
    // Two letters that have changed places are one slip, even in a short word.
    assert_eq!(nearest("resaon", ["reason", "value"].into_iter()), Some("reason"));
    assert_eq!(edits_within("ca", "abc", 6), Some(3));
    assert_eq!(edits_within("", "abc", 6), Some(3));
    assert_eq!(edits_within("", "abc", 2), None);
}

#[test]
fn long_keys_are_written_and_have_siblings_like_others() {
    let parent = vec!["abcdefgh"; 20].join("/");
    let key = Key::parse(&format!("{parent}/leaf")).unwrap();
    assert_eq!(key.to_string(), format!("{parent}/leaf").replace('/', "."));
    assert_eq!(key.sibling("other").as_path(), format!("{parent}/other"));
}

/// The edits between two names as the textbook counts them.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, n) | (n, 0) => n,
                _ => {
                    let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                    changed.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1)
                }
            };
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                rows[i][j] = rows[i][j].min(rows[i - 2][j - 2] + 1);
            }
        }
    }
    rows[a.len()][b.len()]
}

proptest! {
    #[test]
    fn edits_are_counted_up_to_a_bound(one in "[abc]{0,12}", other in "[abc]{0,12}", most in 0_usize..8) {
        let all = edits(one.as_bytes(), other.as_bytes());
        prop_assert_eq!(edits_within(&one, &other, most), Some(all).filter(|all| *all <= most.min(6)));
    }

    #[test]
    fn texts_are_the_same_if_they_are_equal(one in "[ab]{0,20}", other in "[ab]{0,20}", at in 0_usize..20) {
        prop_assert_eq!(same(&one, &other), one == other);
        prop_assert!(same(&one, &one.clone()));
        let mut changed = one.clone().into_bytes();
        if let Some(byte) = changed.get_mut(at) {
            *byte = b'x';
            prop_assert!(!same(&one, str::from_utf8(&changed).unwrap()));
        }
    }

    #[test]
    fn a_sibling_is_known_without_being_made(
        parent in "[ab]{1,9}(/[ab]{1,9}){0,2}", leaf in "[ab]{1,3}", other in "[ab]{1,3}", path in "[ab/]{1,7}",
    ) {
        let key = Key::parse(&format!("{parent}/{leaf}")).unwrap();
        let sibling = key.sibling(&other);
        prop_assert!(key.is_sibling(&other, sibling.as_path()));
        for path in [path.clone(), format!("{parent}/{leaf}"), format!("{parent}{path}"), format!("{path}/{other}")] {
            prop_assert_eq!(key.is_sibling(&other, &path), sibling.as_path() == path);
        }
    }

    #[test]
    fn any_text_is_a_key_or_an_error_and_never_leaves_proc_sys(text in ".{0,80}") {
        if let Ok(key) = Key::parse(&text) {
            prop_assert!(!key.as_path().starts_with('/'));
            prop_assert!(key.components().all(|c| !c.is_empty() && c != "." && c != ".."));
            prop_assert!(!key.as_path().contains(['\n', '\0', '=', ' ']));
        }
    }

    #[test]
    fn display_round_trips(top in "[a-z]{2,6}", parts in prop::collection::vec("[a-z_][a-z0-9_.-]{0,8}[a-z0-9]", 1..6)) {
        let path = format!("{top}/{}", parts.join("/"));
        let key = Key::parse(&path).unwrap();
        prop_assert_eq!(key.as_path(), path.as_str());
        prop_assert_eq!(Key::parse(&key.to_string()).unwrap(), key);
    }

    #[test]
    fn a_star_matches_what_a_regex_would(p in "[ab*?]{0,8}", t in "[ab]{0,8}") {
        fn slow(p: &[u8], t: &[u8]) -> bool {
            match (p.first(), t.first()) {
                (None, None) => true,
                (Some(b'*'), _) => slow(&p[1..], t) || (!t.is_empty() && slow(p, &t[1..])),
                (Some(b'?'), Some(_)) => slow(&p[1..], &t[1..]),
                (Some(a), Some(b)) if a == b => slow(&p[1..], &t[1..]),
                _ => false,
            }
        }
        prop_assert_eq!(component_matches(p.as_bytes(), t.as_bytes()), slow(p.as_bytes(), t.as_bytes()));
    }
}
