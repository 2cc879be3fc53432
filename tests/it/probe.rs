//! Facts: those of this machine, of a played tree, and of a facts file.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tunectl::diagnostic::Diagnostic;
use tunectl::observed::{Facts, NumaNode, Release, Usage, Virtualization};
use tunectl::probe::{
    Fact, ProbeError, facts_from_yaml, probe, probe_for, thp_min_free_kb, virtualization,
};

use crate::support::{left_out, run};

fn proc(path: &str) -> String {
    fs::read_to_string(Path::new("/proc").join(path)).unwrap()
}

fn meminfo(name: &str) -> u64 {
    let info = proc("meminfo");
    let line = info.lines().find(|l| l.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn facts_of_this_machine_agree_with_proc_and_getconf() {
    let facts = probe(Path::new("/")).unwrap();
    assert_eq!(facts.hostname, proc("sys/kernel/hostname").trim());
    assert_eq!(facts.kernel_release, proc("sys/kernel/osrelease").trim());
    assert!(facts.kernel >= Release::new(3, 10), "{}", facts.kernel);
    assert!(
        facts.kernel_release.starts_with(&format!("{}.{}", facts.kernel.major, facts.kernel.minor))
    );
    assert_eq!(facts.boot_id, proc("sys/kernel/random/boot_id").trim());
    assert_eq!(facts.boot_id.len(), 36);
    let total = meminfo("MemTotal:");
    assert!(facts.mem_total_kb.abs_diff(total) < 1 << 16, "a balloon moves it a little at most");
    assert_eq!(facts.huge_page_bytes, meminfo("Hugepagesize:") * 1024);
    let page = run(Command::new("getconf").arg("PAGESIZE")).stdout;
    assert_eq!(facts.page_bytes.to_string(), String::from_utf8(page).unwrap().trim());
    let today = run(Command::new("date").args(["-u", "+%F"])).stdout;
    let today = String::from_utf8(today).unwrap();
    let tomorrow = probe(Path::new("/")).unwrap().today;
    assert!(facts.today == today.trim() || tomorrow == today.trim(), "but for midnight");
    let nodes = fs::read_dir("/sys/devices/system/node").map_or(0, |dir| {
        dir.flatten()
            .filter(|e| {
                let name = e.file_name().into_string().unwrap_or_default();
                name.strip_prefix("node").is_some_and(|n| n.parse::<u32>().is_ok())
            })
            .count()
    });
    assert!(facts.numa_nodes.len() <= nodes, "nodes without memory are left out");
    assert!(nodes == 0 || facts.numa_nodes.iter().all(|n| n.mem_total_kb > 0));
    assert_eq!(facts.systemd, Path::new("/usr/lib/systemd/systemd-sysctl").exists());
    assert_eq!(facts.virtualization, virtualization(Path::new("/")));
    assert_eq!(facts.thp_min_free_kb, thp_min_free_kb(Path::new("/")));
}

/// A fact that is asked for alone is the same as among all; the others are told to be unknown.
#[test]
fn facts_that_nobody_wants_are_unknown_and_the_others_the_same() {
    let root = Path::new("/");
    let all = probe(root).unwrap();
    let none = probe_for(root, &[]).unwrap();
    assert_eq!((none.boot_id.as_str(), none.boot_unit), ("", false));
    assert_eq!((none.numa_nodes.len(), none.huge_page_bytes), (0, 0));
    assert_eq!((&none.virtualization, none.thp_min_free_kb), (&Virtualization::Unknown, None));
    assert_ne!(all.virtualization, Virtualization::Unknown);
    for fact in Fact::ALL {
        let one = probe_for(root, &[fact]).unwrap();
        let wants = |f| f == fact;
        let expected = Facts {
            hostname: all.hostname.clone(),
            kernel_release: all.kernel_release.clone(),
            kernel: all.kernel,
            mem_total_kb: one.mem_total_kb,
            page_bytes: all.page_bytes,
            today: if wants(Fact::Today) { one.today.clone() } else { String::new() },
            systemd: all.systemd,
            boot_id: if wants(Fact::BootId) { all.boot_id.clone() } else { String::new() },
            boot_unit: wants(Fact::BootUnit) && all.boot_unit,
            loader_patterns: None,
            early_modules: None,
            usage: Usage::default(),
            // A balloon moves a node's memory a little.
            numa_nodes: one.numa_nodes.clone(),
            huge_page_bytes: if wants(Fact::HugePages) { all.huge_page_bytes } else { 0 },
            virtualization: if wants(Fact::Virtualization) {
                all.virtualization.clone()
            } else {
                Virtualization::Unknown
            },
            thp_min_free_kb: all.thp_min_free_kb.filter(|_| wants(Fact::Reserve)),
        };
        assert_eq!(one, expected, "{fact:?}");
        let nodes = if wants(Fact::NumaNodes) { all.numa_nodes.len() } else { 0 };
        assert_eq!(one.numa_nodes.len(), nodes, "{fact:?}");
    }
}

/// khugepaged has raised the reserve to the figure that is foretold (case E28), where no one
/// has set another since.
#[test]
fn the_foretold_reserve_is_what_the_kernel_has() {
    let Some(floor) = thp_min_free_kb(Path::new("/")) else {
        let enabled = fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled");
        assert!(
            enabled.as_ref().is_err() || enabled.unwrap().contains("[never]"),
            "transparent huge pages are on, so there is a floor"
        );
        return;
    };
    let live: u64 = proc("sys/vm/min_free_kbytes").trim().parse().unwrap();
    assert!(floor > 0 && floor <= meminfo("MemTotal:") / 20);
    if live < floor {
        left_out(
            "probe::the_foretold_reserve_is_what_the_kernel_has",
            "someone has lowered vm.min_free_kbytes since khugepaged started",
        );
    }
}

#[test]
fn systemd_detect_virt_agrees() {
    let Ok(output) = Command::new("systemd-detect-virt").output() else {
        left_out("probe::systemd_detect_virt_agrees", "systemd-detect-virt is not installed");
        return;
    };
    let said = String::from_utf8(output.stdout).unwrap();
    let ours = virtualization(Path::new("/"));
    // Where it knows no more than that there is one, a name may still be known here.
    let vague = matches!(said.trim(), "vm-other" | "container-other");
    assert!(vague || ours.name() == said.trim(), "{ours:?}, systemd-detect-virt: {said}");
}

/// A root of files that stands for another machine.
struct Played(PathBuf);

impl Played {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("tunectl-probe-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        let root = Self(dir);
        root.file("proc/sys/kernel/osrelease", "5.14.0-427.el9.x86_64\n");
        root.file("proc/sys/kernel/hostname", "broker-7\n");
        root.file("proc/meminfo", "MemTotal:       65536000 kB\nHugepagesize:       2048 kB\n");
        root
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn remove(&self, path: &str) {
        fs::remove_file(self.0.join(path)).unwrap();
    }

    fn facts(&self) -> Facts {
        probe(&self.0).unwrap()
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_least_that_a_host_must_tell() {
    let root = Played::new("least");
    let facts = root.facts();
    assert_eq!((facts.kernel.major, facts.kernel.minor), (5, 14));
    assert_eq!(facts.kernel_release, "5.14.0-427.el9.x86_64");
    assert_eq!(facts.hostname, "broker-7");
    assert_eq!(facts.mem_total_kb, 65_536_000);
    assert_eq!(facts.huge_page_bytes, 2 << 20);
    assert_eq!(facts.boot_id, "");
    assert_eq!(facts.numa_nodes, []);
    assert_eq!(facts.virtualization, Virtualization::None);
    assert_eq!(facts.thp_min_free_kb, None);
    assert!(!facts.systemd && !facts.boot_unit);

    root.file("proc/meminfo", "MemFree: 1 kB\n");
    let error = probe(&root.0).unwrap_err();
    assert!(matches!(error, ProbeError::Malformed { what: "MemTotal", .. }), "{error:?}");
    assert!(error.to_string().ends_with("proc/meminfo has no MemTotal"), "{error}");
    root.remove("proc/meminfo");
    let error = probe(&root.0).unwrap_err();
    assert!(matches!(error, ProbeError::Unreadable { .. }), "{error:?}");
    root.file("proc/sys/kernel/osrelease", "unknown\n");
    assert!(matches!(probe(&root.0), Err(ProbeError::Malformed { .. })));
}

#[test]
fn nodes_with_memory_are_counted() {
    let root = Played::new("nodes");
    for (id, kb) in [(0, 32_000_000), (1, 33_000_000), (4, 7)] {
        let text = format!("Node {id} MemTotal:       {kb} kB\nNode {id} MemFree:  5 kB\n");
        root.file(&format!("sys/devices/system/node/node{id}/meminfo"), &text);
    }
    root.file("sys/devices/system/node/online", "0-4\n");
    let node = |id, mem_total_kb| NumaNode { id, mem_total_kb };
    let all = [node(0, 32_000_000), node(1, 33_000_000), node(4, 7)];
    assert_eq!(root.facts().numa_nodes, all);
    root.file("sys/devices/system/node/has_memory", "0-1\n");
    assert_eq!(root.facts().numa_nodes, all[..2]);
}

#[test]
fn the_reserve_follows_the_switches_and_the_zones() {
    let root = Played::new("reserve");
    let thp = "sys/kernel/mm/transparent_hugepage";
    root.file(&format!("{thp}/enabled"), "always [madvise] never\n");
    root.file(&format!("{thp}/hpage_pmd_size"), "2097152\n");
    let zones = ["0, zone      DMA", "0, zone    DMA32", "0, zone   Normal"];
    let buddies = |zones: &[&str]| {
        zones.iter().fold(String::new(), |all, z| all + "Node " + z + "      0      1      2\n")
    };
    root.file("proc/buddyinfo", &buddies(&zones));
    assert_eq!(thp_min_free_kb(&root.0), Some(67584), "as observed: case E28");
    root.file("proc/buddyinfo", &buddies(&[&zones[..], &["1, zone   Normal"]].concat()));
    assert_eq!(thp_min_free_kb(&root.0), Some(90112));
    root.file("proc/buddyinfo", &buddies(&zones));

    root.file(&format!("{thp}/enabled"), "always madvise [never]\n");
    assert_eq!(thp_min_free_kb(&root.0), None);
    root.file(&format!("{thp}/hugepages-2048kB/enabled"), "always inherit [madvise] never\n");
    assert_eq!(thp_min_free_kb(&root.0), Some(67584), "one size is on by itself");
    root.file(&format!("{thp}/hugepages-2048kB/enabled"), "always [inherit] madvise never\n");
    assert_eq!(thp_min_free_kb(&root.0), None);

    // A host of 1 GB: 5 % of the free memory above the high watermarks is the limit.
    root.file(&format!("{thp}/enabled"), "[always] madvise never\n");
    root.file("proc/meminfo", "MemTotal:       1000000 kB\n");
    let page_kb = tunectl_page_kb();
    let zone = |name: &str, kb: u64| {
        format!(
            "Node 0, zone   {name}\n  pages free     1\n        min      1\n        low      2\n\
             \u{20}       high     100\n        managed  {}\n  pagesets\n    cpu: 0\n\
             \u{20}             count: 1\n              high:  9\n",
            kb / page_kb + 100
        )
    };
    let info = zone("DMA", 14_080) + &zone("DMA32", 500_480) + &zone("Normal", 400_000);
    root.file("proc/zoneinfo", &info);
    let pages = (14_080 + 500_480 + 400_000) / page_kb;
    assert_eq!(thp_min_free_kb(&root.0), Some(pages / 20 * page_kb));
}

fn tunectl_page_kb() -> u64 {
    let page = run(Command::new("getconf").arg("PAGESIZE")).stdout;
    String::from_utf8(page).unwrap().trim().parse::<u64>().unwrap() / 1024
}

#[test]
fn what_a_host_runs_in() {
    let root = Played::new("virt");
    let dmi = "sys/class/dmi/id";
    let is = |expected: Virtualization| assert_eq!(virtualization(&root.0), expected);
    let vm = |name: &str| Virtualization::Vm(name.to_owned());
    let container = |name: &str| Virtualization::Container(name.to_owned());

    root.file("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu hypervisor sse\n");
    is(vm("other"));
    root.file(
        "sys/devices/system/clocksource/clocksource0/available_clocksource",
        "kvm-clock tsc\n",
    );
    is(vm("kvm"));
    root.file(&format!("{dmi}/sys_vendor"), "Dell Inc.\n");
    root.file(&format!("{dmi}/product_name"), "PowerEdge R740\n");
    is(Virtualization::None);
    root.file(&format!("{dmi}/sys_vendor"), "QEMU\n");
    is(vm("qemu"));
    root.file(&format!("{dmi}/product_name"), "KVM\n");
    is(vm("kvm"));
    root.file(&format!("{dmi}/product_name"), "VMware7,1\n");
    is(vm("vmware"));
    root.file(&format!("{dmi}/product_name"), "Virtual Machine\n");
    root.file(&format!("{dmi}/sys_vendor"), "Microsoft Corporation\n");
    is(vm("microsoft"));
    root.file(&format!("{dmi}/sys_vendor"), "Amazon EC2\n");
    root.file(&format!("{dmi}/product_name"), "m5.large\n");
    is(vm("amazon"));
    root.file("proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sse\n");
    is(Virtualization::None);

    root.file("sys/hypervisor/type", "xen\n");
    is(vm("xen"));
    root.file("proc/xen/capabilities", "control_d\n");
    is(Virtualization::None);

    fs::create_dir_all(root.0.join("proc/self/ns")).unwrap();
    symlink("pid:[4026531836]", root.0.join("proc/self/ns/pid")).unwrap();
    is(Virtualization::None);
    root.remove("proc/self/ns/pid");
    symlink("pid:[4026532177]", root.0.join("proc/self/ns/pid")).unwrap();
    is(container("other"));
    root.file("proc/1/environ", "PATH=/bin\0container=lxc\0TERM=x\0");
    is(container("lxc"));
    root.file(".dockerenv", "");
    is(container("docker"));
    root.file("run/.containerenv", "");
    is(container("podman"));
    root.file("run/systemd/container", "systemd-nspawn\n");
    is(container("systemd-nspawn"));
    assert_eq!(root.facts().virtualization, container("systemd-nspawn"));
}

#[test]
fn the_boot_unit_counts_where_it_is_wanted_and_not_masked() {
    let root = Played::new("unit");
    let wants = "systemd/system/sysinit.target.wants";
    assert!(!root.facts().boot_unit && !root.facts().systemd);
    root.file("usr/lib/systemd/systemd-sysctl", "");
    assert!(root.facts().systemd);
    for dir in ["usr/lib", "run", "etc"] {
        fs::create_dir_all(root.0.join(dir).join(wants)).unwrap();
        let link = root.0.join(dir).join(wants).join("tunectl-boot.service");
        symlink("/usr/lib/systemd/system/tunectl-boot.service", &link).unwrap();
        assert!(root.facts().boot_unit, "{dir}: where it leads shows after the boot only");
        if dir != "etc" {
            fs::remove_file(link).unwrap();
            assert!(!root.facts().boot_unit, "{dir}");
        }
    }
    symlink("/dev/null", root.0.join("etc/systemd/system/tunectl-boot.service")).unwrap();
    assert!(!root.facts().boot_unit, "masked");
}

fn host() -> Facts {
    Facts {
        hostname: "here".into(),
        kernel: Release::new(6, 18),
        kernel_release: "6.18.0".into(),
        boot_id: "11111111-2222-3333-4444-555555555555".into(),
        mem_total_kb: 8_000_000,
        numa_nodes: vec![NumaNode { id: 0, mem_total_kb: 8_000_000 }],
        page_bytes: 4096,
        huge_page_bytes: 2 << 20,
        virtualization: Virtualization::Vm("kvm".into()),
        thp_min_free_kb: Some(67584),
        today: "2026-11-24".into(),
        systemd: true,
        boot_unit: false,
        loader_patterns: None,
        early_modules: None,
        usage: Usage::default(),
    }
}

fn played(text: &str) -> Facts {
    facts_from_yaml("facts.yaml", text, &host()).unwrap_or_else(|e| panic!("{text}\n{e:?}")).facts
}

#[test]
fn a_facts_file_plays_another_host() {
    let facts = played(
        "hostname: broker-7\nkernel: 5.14.0-427.el9.x86_64\nmem_total: 64GiB\n\
         numa_nodes: [32GiB, 32GiB]\npage_size: 4KiB\nhuge_page_size: 2MiB\n\
         virtualization: container:docker\nboot_id: 6A4C2B1E-0f57-4f0e-9d3c-2b1a7f6e5d4c\n\
         today: 2027-01-31\nthp_min_free: 66MiB\nsystemd: false\nboot_unit: true\n\
         description: the broker of the incident\n",
    );
    let half = 32 << 20;
    assert_eq!(
        facts,
        Facts {
            hostname: "broker-7".into(),
            kernel: "5.14.0".parse().unwrap(),
            kernel_release: "5.14.0-427.el9.x86_64".into(),
            boot_id: "6a4c2b1e-0f57-4f0e-9d3c-2b1a7f6e5d4c".into(),
            mem_total_kb: 64 << 20,
            numa_nodes: vec![
                NumaNode { id: 0, mem_total_kb: half },
                NumaNode { id: 1, mem_total_kb: half }
            ],
            page_bytes: 4096,
            huge_page_bytes: 2 << 20,
            virtualization: Virtualization::Container("docker".into()),
            thp_min_free_kb: Some(67584),
            today: "2027-01-31".into(),
            systemd: false,
            boot_unit: true,
            loader_patterns: None,
            early_modules: None,
            usage: Usage::default(),
        }
    );
}

#[test]
fn what_a_facts_file_does_not_say_is_worked_out() {
    assert_eq!(played("{}"), host());
    assert_eq!(played("hostname: x"), Facts { hostname: "x".into(), ..host() });
    let facts = played("mem_total: 64GiB");
    assert_eq!(facts.numa_nodes, [NumaNode { id: 0, mem_total_kb: 64 << 20 }]);
    assert_eq!(facts.thp_min_free_kb, Some(67584));
    assert_eq!(played("mem_total: 1000000").thp_min_free_kb, Some(50000), "5 % of 1 GB");
    assert_eq!(played("mem_total: 1000000").mem_total_kb, 1_000_000);
    let facts = played("mem_total: 64GiB\nnuma_nodes: 3");
    assert_eq!(facts.numa_nodes.len(), 3);
    assert_eq!(facts.numa_nodes.iter().map(|n| n.mem_total_kb).sum::<u64>(), 64 << 20);
    assert_eq!(facts.thp_min_free_kb, Some(67584 / 3 * 5));
    assert_eq!(played("numa_nodes: [8GiB, 4GiB]").mem_total_kb, 12 << 20);
    // arm64 with base pages of 64 KiB: huge pages of 512 MiB, a reserve of gigabytes (E30).
    let facts = played("mem_total: 480GiB\npage_size: 64KiB");
    assert_eq!(facts.huge_page_bytes, 512 << 20);
    assert_eq!(facts.thp_min_free_kb, Some(512 * 1024 * 3 * 11));
    assert_eq!(played("mem_total: 64GiB\nhuge_page_size: 1GiB").thp_min_free_kb, Some(67584));
    assert_eq!(played("mem_total: 64GiB\nhuge_page_size: 0").thp_min_free_kb, None);
    assert_eq!(played("thp_min_free: none").thp_min_free_kb, None);
    assert_eq!(played("kernel: 5.10").kernel, Release::new(5, 10), "not 5.1");
    assert_eq!(played("virtualization: none").virtualization, Virtualization::None);
    assert_eq!(
        played("virtualization: vmware").virtualization,
        Virtualization::Vm("vmware".into())
    );
}

fn wrong(text: &str) -> Vec<Diagnostic> {
    let result = facts_from_yaml("facts.yaml", text, &host());
    result.err().unwrap_or_else(|| panic!("taken: {text:?}"))
}

/// Every wrong value: the place of the value, its field's name, and what to write.
#[test]
fn wrong_values_are_shown_with_their_place() {
    for (field, value, instead) in [
        ("hostname", "\"a b\"", "host name"),
        ("hostname", "\"\"", "host name"),
        ("kernel", "six", "kernel release"),
        ("kernel", "6", "kernel release"),
        ("mem_total", "64G", "size such as 64GiB"),
        ("mem_total", "-5", "size such as 64GiB"),
        ("mem_total", "0", "size such as 64GiB"),
        ("mem_total", "lots", "size such as 64GiB"),
        // Without its unit it would be 64 kB.
        ("mem_total", "64", "size such as 64GiB"),
        ("mem_total", "1MiB", "size such as 64GiB"),
        ("numa_nodes", "0", "number of nodes"),
        ("numa_nodes", "2.5", "number of nodes"),
        ("numa_nodes", "many", "number of nodes"),
        ("numa_nodes", "true", "number of nodes"),
        ("page_size", "4096", "power of two"),
        ("page_size", "5KiB", "power of two"),
        ("huge_page_size", "3MiB", "2MiB"),
        ("virtualization", "container", "container:NAME"),
        ("virtualization", "\"container:\"", "container:NAME"),
        ("virtualization", "KVM!", "kvm"),
        ("boot_id", "xyz", "UUID"),
        ("today", "2026-02-30", "date"),
        ("today", "24.11.2026", "date"),
        ("thp_min_free", "off", "none"),
        ("systemd", "yes", "true or false"),
        ("boot_unit", "1", "true or false"),
    ] {
        let text = format!("# a host\ndescription: x\n{field}: {value}\n");
        let errors = wrong(&text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        let error = &errors[0];
        let span = error.span.unwrap();
        let column = u32::try_from(field.len()).unwrap() + 3;
        assert_eq!((span.line, span.column), (3, column), "{text}: {error:?}");
        assert_eq!(&text[span.start..span.end], value, "{error:?}");
        assert!(error.message.starts_with(&format!("{field}: ")), "{error:?}");
        assert!(error.help.as_ref().unwrap().contains(instead), "{text}: {error:?}");
        assert!(error.is_error());
    }
}

#[test]
fn nodes_and_memory_agree() {
    for nodes in ["[1GiB]", "[32GiB, 25GiB]", "[32GiB, 33GiB]"] {
        let errors = wrong(&format!("mem_total: 64GiB\nnuma_nodes: {nodes}\n"));
        assert!(errors[0].message.contains("kB together, mem_total is 67108864 kB"), "{errors:?}");
    }
    assert_eq!(wrong("mem_total: 64\n")[0].message, "mem_total: 64 kB is less than Linux runs in");
    let errors = wrong("mem_total: 1MiB\n");
    assert_eq!(errors[0].message, "mem_total: 1MiB is less than Linux runs in");
    // What the kernel keeps to itself is in no node, or in one more.
    assert_eq!(played("mem_total: 64GiB\nnuma_nodes: [32GiB, 31GiB]").numa_nodes.len(), 2);
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let errors = wrong("mem_totl: 64GiB\npage_size: 3\nnuma_nodes: [1GiB, x]\ncolour: red\n");
    let told: Vec<(u32, u32, &str)> = errors
        .iter()
        .map(|e| (e.span.unwrap().line, e.span.unwrap().column, e.help.as_deref().unwrap()))
        .collect();
    assert_eq!(told.len(), 4, "{errors:?}");
    assert_eq!(told[0], (1, 1, "write mem_total"));
    assert_eq!((told[1].0, told[1].1), (2, 12));
    assert_eq!((told[2].0, told[2].1), (3, 20));
    assert_eq!((told[3].0, told[3].1), (4, 1));
    assert!(told[3].2.starts_with("the fields are hostname, kernel, "), "{}", told[3].2);
    let errors = wrong("mem_total: 4GiB\nnuma_nodes: [4GiB, 4GiB]\n");
    assert_eq!((errors[0].span.unwrap().line, errors[0].span.unwrap().column), (2, 13));
    assert!(errors[0].message.contains("8388608 kB together"), "{errors:?}");
    assert!(wrong("numa_nodes: []\n")[0].message.contains("numa_nodes"));
}

#[test]
fn more_memory_than_64_bits_can_count_is_refused() {
    for (text, told) in [
        ("numa_nodes: [18446744073709551615, 2]\n", "\"18446744073709551615\" is larger than 64"),
        ("mem_total: 99999999999999999999\n", "\"99999999999999999999\" is larger than 64"),
        ("numa_nodes: [18014398509481983, 2]\n", "the nodes have 18014398509481985 kB together"),
        ("thp_min_free: 18014398509481984\n", "\"18014398509481984\" is larger than 64"),
    ] {
        let errors = wrong(text);
        assert_eq!(errors.len(), 1, "{text}: {errors:?}");
        assert!(errors[0].message.contains(told), "{text}: {errors:?}");
    }
    let most = format!("mem_total: {}\nnuma_nodes: [{0}]\n", u64::MAX / 1024);
    assert_eq!(played(&most).mem_total_kb, u64::MAX / 1024);
    // Each wrong node is told of, not the first alone.
    assert_eq!(wrong("numa_nodes: [x, 1GiB, y]\n").len(), 2);
}

/// Units of memory have nothing to do with a date, nor with the others.
#[test]
fn what_is_no_amount_of_memory_is_not_told_of_its_units() {
    for text in ["today: 2026-13-01", "kernel: 6x", "boot_id: 12ab", "hostname: '5 kg'"] {
        let (field, value) = text.split_once(": ").unwrap();
        let told = format!("{field}: {:?} cannot be taken", value.trim_matches('\''));
        assert_eq!(wrong(&format!("{text}\n"))[0].message, told);
    }
}

#[test]
fn what_is_not_plain_yaml_is_refused_with_its_place() {
    for (text, line, column, said) in [
        ("mem_total: 64GiB\nmem_total: 32GiB\n", 2, 1, "mem_total is given twice"),
        ("hostname: [a, b]\n", 1, 11, "this is not a single value"),
        ("hostname:\n", 1, 9, "there is no value"),
        ("- a\n", 1, 1, "a facts file is a mapping of fields to values"),
        ("a: &x 1\nb: *x\n", 1, 7, "this is more of YAML than a facts file may have"),
        ("hostname: x\n<<: {kernel: 6.1}\n", 2, 1, "this is more of YAML"),
        ("hostname: !custom x\n", 1, 19, "a tag is not allowed here"),
        ("hostname: x\n---\nkernel: 6.1\n", 2, 1, "this is more of YAML"),
        ("hostname: \"x\n", 1, 11, "unclosed quote"),
        ("{{{{{{{{{{{{", 1, 12, "unclosed bracket"),
        ("numa_nodes: {a: 1}\n", 1, 13, "invalid type: map, expected a list of sizes"),
    ] {
        let errors = wrong(text);
        assert_eq!(errors.len(), 1, "{text:?}");
        let span = errors[0].span.unwrap();
        assert_eq!((span.line, span.column), (line, column), "{text:?}: {:?}", errors[0]);
        assert!(span.start <= span.end && span.end <= text.len(), "{text:?}: {:?}", errors[0]);
        assert!(errors[0].message.starts_with(said), "{text:?}: {:?}", errors[0]);
        assert!(!errors[0].message.contains('\n'), "one line: {:?}", errors[0].message);
        assert!(errors[0].help.is_some());
    }
}
