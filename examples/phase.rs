use std::time::Instant;
use tunectl::procsys::Kernel;
use tunectl::*;
fn main() {
    let text = std::fs::read_to_string("/tmp/t/rmq10.yaml").unwrap();
    for round in 0..3 {
        let mut t = Instant::now();
        let mut lap = |n: &str| {
            let e = t.elapsed();
            if round != 1 {
                eprintln!("{round} {n:12} {:7.1} us", e.as_nanos() as f64 / 1e3);
            }
            t = Instant::now();
        };
        let (layers, p) = baseline::load(&["x"], &mut |_| {
            Ok(baseline::Found { name: "x".into(), text: text.clone() })
        });
        assert!(p.is_empty());
        lap("load");
        let k = procsys::ProcSys::open(std::path::Path::new("/")).unwrap();
        lap("open");
        let f = probe::probe(std::path::Path::new("/")).unwrap();
        lap("probe");
        std::hint::black_box(probe::virtualization(std::path::Path::new("/")));
        lap("  virt");
        std::hint::black_box(probe::thp_min_free_kb(std::path::Path::new("/")));
        lap("  thp");
        for f in [
            "/proc/meminfo",
            "/proc/buddyinfo",
            "/sys/devices/system/node/node0/meminfo",
            "/sys/kernel/mm/transparent_hugepage/enabled",
            "/proc/sys/kernel/random/boot_id",
            "/proc/cmdline",
        ] {
            std::hint::black_box(std::fs::read(f).unwrap());
            lap(f);
        }
        let (set, _) = baseline::resolve(
            &layers,
            &baseline::Host {
                facts: &f,
                expand: &|p| k.expand(p),
                exists: &|q| k.read(q).exists(),
            },
        );
        lap("resolve");
        let (also, _) = plan::also_needed(&set);
        let mut snap = observed::Snapshot::default();
        for key in set.parameters.iter().map(|d| &d.key).chain(&also) {
            snap.insert(key.clone(), k.read(key));
        }
        lap("snapshot");
        let conf = persist::conf::read_conf_tree(std::path::Path::new("/"));
        lap("conf");
        let b = bootview::BootView::new(&conf);
        lap("bootview");
        let pl = plan::plan(set, &plan::Observed { facts: &f, snapshot: &snap, conf: &conf });
        lap("plan");
        let s = report::plan_text(&pl, &f, report::plan::Layout { width: 100, verbose: false });
        lap("render");
        std::hint::black_box((b, s));
    }
}
