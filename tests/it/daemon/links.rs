//! Interfaces that come and go in crowds, as those of containers do.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use tunectl::watch::inotify::Inotify;

use super::harness::{Watch, fresh_host, ip, live, marks_and_descriptors, write};
use super::{BASELINE, in_namespaces};
use crate::support::left_out;

const DROPIN: &str = "/etc/sysctl.d/99-tunectl.conf";

/// How often a file was put into a directory by that name.
struct Puts(Inotify, &'static [u8]);

impl Puts {
    fn of(directory: &str, name: &'static str) -> Self {
        let inotify = Inotify::open().unwrap();
        inotify.watch_directory(Path::new(directory)).unwrap();
        Self(inotify, name.as_bytes())
    }

    fn since(&self) -> u128 {
        let mut count = 0;
        let lost = self.0.drain(&mut |happened| count += u128::from(happened.name == self.1));
        assert!(!lost);
        count
    }
}

#[test]
fn a_crowd_is_set_at_once_and_remembered_once_it_is_quiet() {
    let test = "daemon::links::a_crowd_is_set_at_once_and_remembered_once_it_is_quiet";
    in_namespaces(test, || {
        // They come with another value than that.
        fresh_host(&format!("{BASELINE}exclude: [net.ipv4.conf.default.rp_filter]\n"));
        let watch = Watch::start(&["--sweep", "3600"]);
        if !ip("link add d0 type veth peer name d1") || !ip("link del d0") {
            left_out(test, "no veth");
            return;
        }
        std::thread::sleep(Duration::from_secs(1));
        let remembered = Puts::of("/run/tunectl", "originals.json");
        let persisted = Puts::of("/etc/sysctl.d", "99-tunectl.conf");
        let kept = Puts::of("/var/lib/tunectl", "originals.json");
        let began = Instant::now();
        for n in 0..20 {
            assert!(ip(&format!("link add d{n} type veth peer name e{n}")));
            if n % 5 == 0 {
                // Those that stay.
                let path = format!("net/ipv4/conf/d{n}/rp_filter");
                let came = Instant::now();
                watch.until("set", || live(&path) == "2");
                assert!(came.elapsed() < Duration::from_secs(1), "{:?}", came.elapsed());
            } else {
                std::thread::sleep(Duration::from_millis(20));
                assert!(ip(&format!("link del d{n}")));
            }
        }
        let took = began.elapsed().as_millis();
        let reloads = remembered.since();
        assert!(reloads <= took / 300 + 2, "{reloads} reloads in {took} ms");
        assert_eq!((persisted.since(), kept.since()), (0, 0), "after {took} ms");
        watch.until("remembered for boots that follow", || {
            let text = fs::read_to_string("/var/lib/tunectl/originals.json").unwrap_or_default();
            [0, 5, 10, 15].iter().all(|n| text.contains(&format!("conf.d{n}.rp_filter")))
        });
        std::thread::sleep(Duration::from_millis(300));
        // A pattern of the drop-in sets them at boot.
        let lines = fs::read_to_string(DROPIN).unwrap();
        assert!(lines.contains("conf.*.rp_filter = 2") && !lines.contains("conf.d0."), "{lines}");
        assert_eq!(persisted.since(), 0);
        assert!(kept.since() >= 1, "once it is quiet");
        // Nobody has edited it, and nothing but matches has changed.
        let told = |e: &serde_json::Value| {
            let detail = e["detail"].as_str().unwrap_or("");
            e["action"] == "reloaded" || detail.contains("was not as planned")
        };
        assert_eq!(watch.count(told), 0, "{:#?}", watch.events());
        // What came with the crowd is held like all others.
        write("net/ipv4/conf/d15/rp_filter", "0");
        watch.event(|e| e["key"] == "net.ipv4.conf.d15.rp_filter" && e["action"] == "restored");
        // And what has gone is remembered no longer: neither now nor for boots that follow.
        for n in [0, 5, 10, 15] {
            assert!(ip(&format!("link del d{n}")));
        }
        for path in ["/run/tunectl/originals.json", "/var/lib/tunectl/originals.json"] {
            watch.until("forgotten", || {
                let text = fs::read_to_string(path).unwrap();
                assert!(text.contains("net.ipv4.conf.lo.rp_filter"), "{text}");
                !text.contains("net.ipv4.conf.d")
            });
        }
        watch.end();
    });
}

/// Our files are to follow, and the baseline cannot be read meanwhile.
#[test]
fn what_cannot_follow_yet_is_waited_for() {
    let test = "daemon::links::what_cannot_follow_yet_is_waited_for";
    in_namespaces(test, || {
        fresh_host(BASELINE);
        let watch = Watch::start(&["--sweep", "3600"]);
        if !ip("link add d0 type veth peer name d1") {
            left_out(test, "no veth");
            return;
        }
        watch.until("set", || live("net/ipv4/conf/d0/rp_filter") == "2");
        fs::write("/etc/tunectl/baseline.yaml", "name: [").unwrap();
        watch.event(|e| e["action"] == "refused");
        // In clock ticks, of user and system.
        let used = || -> u64 {
            let stat = fs::read_to_string(format!("/proc/{}/stat", watch.pid())).unwrap();
            let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
            fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
        };
        std::thread::sleep(Duration::from_millis(5500));
        let before = used();
        std::thread::sleep(Duration::from_secs(2));
        let ticks = used() - before;
        assert!(ticks < 20, "{ticks} ticks in two seconds");
        watch.end();
    });
}

const CROWD: &str = "name: crowd
parameters:
  net.ipv4.conf.*.rp_filter: 2
  net.ipv4.conf.*.log_martians: 1
  net.ipv4.conf.*.accept_redirects: 0
  net.ipv4.neigh.*.gc_stale_time: 61
";

/// Each mark that stayed would keep an inode of the kernel's for ever.
#[test]
fn what_has_gone_leaves_no_mark_behind() {
    let test = "daemon::links::what_has_gone_leaves_no_mark_behind";
    in_namespaces(test, || {
        fresh_host(CROWD);
        let watch = Watch::start(&["--sweep", "1"]);
        if !ip("link add d0 type veth peer name d1") || !ip("link del d0") {
            left_out(test, "no veth");
            return;
        }
        watch.sweeps(1);
        let before = marks_and_descriptors(watch.pid());
        for round in 0..2 {
            for n in 0..20 {
                assert!(ip(&format!("link add d{n} type veth peer name e{n}")));
            }
            let set = || live("net/ipv4/conf/e19/rp_filter") == "2";
            watch.until("set", set);
            watch.until("watched", || marks_and_descriptors(watch.pid()).0 >= before.0 + 160);
            // In the second round they come back by the same names before their going is seen.
            if round == 1 {
                watch.signal("STOP");
            }
            for n in 0..20 {
                assert!(ip(&format!("link del d{n}")));
                assert!(round == 0 || ip(&format!("link add d{n} type veth peer name e{n}")));
            }
            if round == 1 {
                watch.signal("CONT");
                watch.until("set again", set);
                for n in 0..20 {
                    assert!(ip(&format!("link del d{n}")));
                }
            }
            watch.until("gone", || marks_and_descriptors(watch.pid()) == before);
        }
        watch.end();
    });
}
