//! What the README says of the program is what the program is.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::run;

fn readme() -> String {
    std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The first cells of the table's rows under a heading, as they are written between backquotes
/// or plain.
fn first_cells(heading: &str) -> Vec<String> {
    let text = readme();
    let (_, section) = text.split_once(heading).unwrap_or_else(|| panic!("no {heading}"));
    let section = section.split("\n## ").next().unwrap_or(section);
    let rows = section.lines().filter(|l| l.starts_with('|')).skip(2);
    rows.map(|l| l.split('|').nth(1).unwrap().trim().to_owned()).collect()
}

#[test]
fn the_commands_are_those_of_the_program() {
    let help = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).arg("--help"));
    let help = String::from_utf8(help.stdout).unwrap();
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    let real: BTreeSet<&str> = commands
        .lines()
        .take_while(|l| !l.is_empty())
        .filter_map(|l| l.split_whitespace().next())
        .filter(|c| *c != "help")
        .collect();
    let cells = first_cells("## Use\n");
    let told: BTreeSet<&str> = cells
        .iter()
        .filter_map(|c| c.strip_prefix("`tunectl ")?.split([' ', '`']).next())
        .collect();
    assert_eq!(told, real);
}

#[test]
fn each_dependency_has_its_reason() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    let manifest = manifest.unwrap();
    let (_, section) = manifest.split_once("[dependencies]\n").unwrap();
    let section = section.split("\n[").next().unwrap();
    let real: BTreeSet<&str> = section
        .lines()
        .filter(|l| !l.starts_with('#'))
        .filter_map(|l| Some(l.split_once('=')?.0.trim()))
        .collect();
    let cells = first_cells("## Why each dependency");
    let told: BTreeSet<&str> = cells.iter().flat_map(|c| c.split(", ")).collect();
    assert_eq!(told, real);
}

/// The rooms, their layers, and whom each names of its own layer.
#[test]
fn the_rooms_are_those_of_the_sources() {
    use crate::architecture::{Layer, ROOMS};
    const LAYERS: [(&str, Layer); 8] = [
        ("words", Layer::Words),
        ("knowledge", Layer::Knowledge),
        ("shapes", Layer::Wire),
        ("core", Layer::Core),
        ("edges", Layer::Edge),
        ("views", Layer::Report),
        ("effects", Layer::Effect),
        ("commands", Layer::Cli),
    ];
    let place = |layer: Layer| LAYERS.iter().position(|(_, one)| *one == layer).unwrap();
    let of = |room: &str| ROOMS.iter().find(|r| r.0 == room).map_or(Layer::Cli, |r| r.1);
    let sources = concat!(env!("CARGO_MANIFEST_DIR"), "/src");
    let real: BTreeSet<String> = std::fs::read_dir(sources)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .map(|n| n.trim_end_matches(".rs").to_owned())
        .filter(|n| n != "lib" && n != "main")
        .collect();
    let text = readme();
    let (_, section) = text.split_once("## Architecture").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let mut told = BTreeSet::new();
    let mut layer = "";
    for row in section.lines().filter(|l| l.starts_with('|')).skip(2) {
        let cells: Vec<&str> = row.split('|').skip(1).map(str::trim).collect();
        layer = if cells[0].is_empty() { layer } else { cells[0] };
        let room = cells[1].trim_matches('`');
        assert_eq!(LAYERS[place(of(room))].0, layer, "{room}");
        let named =
            cells[3].split(", ").map(|name| name.trim_matches('`')).filter(|n| !n.is_empty());
        let named: BTreeSet<&str> = named.collect();
        let all = ROOMS.iter().find(|r| r.0 == room).map_or(&[][..], |r| r.2);
        let above = |other: &str| place(of(other)) < place(of(room));
        let besides: BTreeSet<&str> = all.iter().copied().filter(|other| !above(other)).collect();
        assert_eq!(named, besides, "what {room} names of its own layer");
        told.insert(room.to_owned());
    }
    assert_eq!(told, real);
}

#[test]
fn the_built_in_baselines_are_listed() {
    let text = readme();
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/baselines");
    for entry in std::fs::read_dir(files).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.trim_end_matches(".yaml");
        assert!(text.contains(&format!("`{name}`")), "{name} is not in the README");
        let built_in = tunectl::baseline::builtin::text(name);
        assert!(built_in.is_some(), "{name} is not built in");
    }
}

/// Whoever comes from sysctl.d files runs it over whatever these say.
#[test]
fn what_makes_a_baseline_of_sysctl_d_files_does_so() {
    let text = readme();
    let (_, script) = text.split_once("```\nawk -F=").unwrap();
    let script = script.split("\n```").next().unwrap();
    let script = script.replace("/etc/sysctl.d/*.conf > ours.yaml", "10-a.conf 20-b.conf");
    let host = crate::operator::Host::usual();
    let first = "# vm.page-cluster = 0\n ; so\nvm.swappiness=10\n-net.ipv4.conf.*.rp_filter = 2\n\
                 \tvm/dirty_ratio = 20 \nnet.ipv4.tcp_rmem = 4096\t87380  16777216\n\n\
                 kernel.core_pattern = /a=b\\n \"%p\"\n-net.ipv4.conf.lo.rp_filter\n";
    host.given("10-a.conf", first).given("20-b.conf", "vm.swappiness = 5\n");
    let made =
        run(Command::new("sh").args(["-c", &format!("awk -F={script}")]).current_dir(&host.work));
    let made = String::from_utf8(made.stdout).unwrap();
    let lines: BTreeSet<&str> = made.lines().skip(2).collect();
    let expected = [
        r#"  "kernel.core_pattern": "/a=b\\n \"%p\"""#,
        r#"  "net.ipv4.conf.*.rp_filter": "2""#,
        "  \"net.ipv4.tcp_rmem\": \"4096\t87380  16777216\"",
        r#"  "vm.swappiness": "5""#,
        r#"  "vm/dirty_ratio": "20""#,
    ];
    assert_eq!(lines, BTreeSet::from(expected), "{made}");
    host.given("ours.yaml", &made).live("kernel.core_pattern = core");
    let ran = host.run(["plan", "--format", "json", "-b", "./ours.yaml"]);
    let plan: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let core = &plan["parameters"][0];
    assert_eq!((&core["desired"], &core["live"]), (&r#"/a=b\n "%p""#.into(), &"core".into()));
}

#[test]
fn the_example_of_the_format_is_one() {
    let text = readme();
    let (_, example) = text.split_once("```yaml\nname: ").unwrap();
    let example = format!("name: {}", example.split("```").next().unwrap());
    let path = std::env::temp_dir().join(format!("tunectl-readme-{}.yaml", std::process::id()));
    std::fs::write(&path, example).unwrap();
    let output = run(Command::new(env!("CARGO_BIN_EXE_tunectl")).args(["plan", "-b"]).arg(&path));
    std::fs::remove_file(&path).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(!told.contains("covers nothing"), "{told}");
}
