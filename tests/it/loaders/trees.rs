//! Random sysctl.d trees with every nasty shape that the loaders are known to treat in their own way.

use std::fmt;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tunectl::key::swap_separators;

/// The keys that trees are about, with a value to reset each to. None has an effect on another.
pub const KEYS: [(&str, &str); 25] = [
    ("net/ipv4/tcp_keepalive_time", "7200"),
    ("net/ipv4/tcp_keepalive_intvl", "75"),
    ("net/ipv4/tcp_keepalive_probes", "9"),
    ("net/ipv4/tcp_syn_retries", "6"),
    ("net/ipv4/tcp_retries2", "15"),
    ("net/ipv4/tcp_fin_timeout", "60"),
    ("net/ipv4/ip_default_ttl", "64"),
    ("net/ipv4/tcp_rmem", "4096 131072 6291456"),
    ("net/ipv4/ip_local_port_range", "32768 60999"),
    ("net/ipv4/ip_local_reserved_ports", ""),
    ("net/ipv4/conf/all/rp_filter", "0"),
    ("net/ipv4/conf/default/rp_filter", "0"),
    ("net/ipv4/conf/lo/rp_filter", "0"),
    ("net/ipv4/conf/dummy0/rp_filter", "0"),
    ("net/ipv4/conf/dummy0.100/rp_filter", "0"),
    ("net/ipv4/conf/all/log_martians", "0"),
    ("net/ipv4/conf/default/log_martians", "0"),
    ("net/ipv4/conf/lo/log_martians", "0"),
    ("net/ipv4/conf/dummy0/log_martians", "0"),
    ("net/ipv4/conf/dummy0.100/log_martians", "0"),
    ("net/ipv4/conf/all/arp_ignore", "0"),
    ("net/ipv4/conf/default/arp_ignore", "0"),
    ("net/ipv4/conf/lo/arp_ignore", "0"),
    ("net/ipv4/conf/dummy0/arp_ignore", "0"),
    ("net/ipv4/conf/dummy0.100/arp_ignore", "0"),
];

const GLOBS: [&str; 45] = [
    "net/ipv4/conf/*/rp_filter",
    "net/ipv4/conf/*/log_martians",
    "net/ipv4/conf/*/arp_ignore",
    "net/ipv4/conf/d*/rp_filter",
    "net/ipv4/conf/dummy?/rp_filter",
    "net/ipv4/conf/dummy0.*/rp_filter",
    "net/ipv4/conf/*.100/log_martians",
    "net/ipv4/conf/[a-d]*/log_martians",
    "net/ipv4/conf/[!d]*/arp_ignore",
    "net/ipv4/conf/*/rp_*",
    "net/ipv4/tcp_keepalive_*",
    "net/*/conf/lo/log_martians",
    "net//ipv4/conf/*/rp_filter",
    "net/ipv4/conf/*//arp_ignore",
    "net/ipv4/conf/*/../all/rp_filter",
    // Brackets.
    "net/ipv4/conf/[[:alpha:]]*/rp_filter",
    "net/ipv4/conf/[![:digit:]a]*/log_martians",
    "net/ipv4/conf/*[[:digit:]]/arp_ignore",
    "net/ipv4/conf/[[.d.]-[.l.]]*/rp_filter",
    "net/ipv4/conf/[\\d\\]]*/log_martians",
    "net/ipv4/conf/[[:foo:]l]*/arp_ignore",
    "net/ipv4/conf/?*[.]100/rp_filter",
    "net/ipv4/conf/*?????[.]100/rp_filter",
    "net/ipv4/conf/[l/rp_filter",
    // Braces, which systemd expands where there is a wildcard, too.
    "net/ipv4/conf/{lo,dummy0}*/rp_filter",
    "net/ipv4/conf/{lo,dummy0}/rp_filter",
    "net/ipv4/conf/{lo,{all,default}*}/log_martians",
    "net/ipv4/{conf/lo,conf/a*}/arp_ignore",
    "net/ipv4/conf/{,a}*/rp_filter",
    "net/ipv4/conf/{}*/arp_ignore",
    "net/ipv4/conf/{a*,lo/rp_filter",
    "{net/ipv4/tcp_keepalive_{time,intvl},net/ipv4/ip_d*}",
    "net/ipv4/conf/{lo/rp_filter,all/rp_filte?}",
    "net/ipv4/conf/{lo,all}{/,/./,//}rp_filte?",
    "net/ipv4/conf/{lo,../conf/all}/log_martian?",
    "net/ipv4/conf/{lo/rp_filter/,d*/rp_filter/,all/rp_f*/}",
    "net/ipv4/conf/[{]lo,all}*/rp_filter",
    "net/ipv4/conf/*/rp_filter{,x}",
    // Backslashes, and dots that are listed.
    "net/ipv4/conf/l\\o/rp_f*",
    "net/ipv4/conf/l*\\/rp_filter",
    "net/ipv4/conf/\\{lo,all\\}*/rp_filter",
    "net/ipv4/conf/dummy0\\.*/arp_ignore",
    "net/ipv4/conf/.*/all/rp_filter",
    "net/ipv4/conf/lo/.?/all/log_martians",
    "net/ipv4/conf/*/*\\",
];

/// What globs over interfaces are made of, sound or not.
const PIECES: [&str; 24] = [
    "[",
    "[",
    "]",
    "]",
    "!",
    "-",
    "[:alpha:]",
    "[:digit:]",
    "[.a.]",
    "a",
    "l",
    "o",
    "d",
    "0",
    "*",
    "*",
    "?",
    "{",
    "}",
    ",",
    "\\",
    ".",
    "lo",
    "dummy0",
];

const VALUES: [&[u8]; 32] = [
    b"0",
    b"1",
    b"2",
    b"3",
    b"5",
    b"7",
    b"30",
    b"42",
    b"100",
    b"200",
    b"600",
    b"7201",
    b"4096 5000 6000",
    b"5000",
    b"5000 6000 7000 8000",
    b"20000 30000",
    b"30000 20000",
    b"8080,9000-9002",
    b"0x10",
    b"010",
    b"-1",
    b"+5",
    b"",
    b"\"1\"",
    b"1 # c",
    b"1#c",
    b"abc",
    b"1\x0b",
    b"\x0c7",
    b"\xff\xfe",
    b"= 1",
    b"5000 junk",
];

const NAMES: [&str; 24] = [
    "10-a.conf",
    "10-b.conf",
    "50-b.conf",
    "50-B.conf",
    "60-x.conf",
    "99-sysctl.conf",
    "99-z.conf",
    "99z.conf",
    "zz.conf",
    ".hidden.conf",
    ".conf",
    "a.conf.bak",
    "noext",
    "50-b.conf~",
    "\u{e9}.conf",
    "5 0.conf",
    "~t.conf",
    "a.CONF",
    // Names that procps takes for globs.
    "50-[bc].conf",
    "{10-a,60-x,.hidden}.conf",
    "*[-z]z.conf",
    "9\\9-z.conf",
    "zz{.conf",
    "?0-[[:alpha:]]{,x}.conf",
];

const DIRS: [&str; 4] =
    ["/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d"];

/// A small generator that gives the same tree for the same seed everywhere (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    Text(Vec<u8>),
    Link(String),
    Directory,
}

/// A tree of files, by their paths on the host.
#[derive(Clone, Debug)]
pub struct Tree(pub Vec<(String, Entry)>);

impl Tree {
    /// The tree of that seed.
    pub fn random(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut files: Vec<(String, Entry)> = Vec::new();
        // A tree dwells on few keys, so that its lines meet.
        let keys: Vec<&str> = (0..4).map(|_| random.of(&KEYS).0).collect();
        for _ in 0..3 + random.below(10) {
            let path = format!("{}/{}", random.of(&DIRS), random.of(&NAMES));
            if files.iter().all(|(p, _)| *p != path) {
                let entry = entry(&mut random, &keys);
                files.push((path, entry));
            }
        }
        if random.percent(60) {
            let entry = if random.percent(90) {
                Entry::Text(text(&mut random, &keys))
            } else {
                Entry::Link(random.of(&["/etc/sysctl.d/10-a.conf", "/dev/null", "/gone"]).into())
            };
            files.push(("/etc/sysctl.conf".into(), entry));
        }
        let debian = "/etc/sysctl.d/99-sysctl.conf";
        if random.percent(50) && files.iter().all(|(p, _)| p != debian) {
            files.push((debian.into(), Entry::Link("../sysctl.conf".into())));
        }
        Self(files)
    }

    /// Writes the tree below `root`, whose directories must exist and be empty.
    pub fn write(&self, root: &Path) {
        for (path, entry) in &self.0 {
            let place = root.join(path.trim_start_matches('/'));
            match entry {
                Entry::Text(bytes) => fs::write(place, bytes).unwrap(),
                Entry::Link(target) => symlink(target, place).unwrap(),
                Entry::Directory => fs::create_dir(place).unwrap(),
            }
        }
    }

    /// Takes it away again, and makes sure of the directories.
    pub fn clear(root: &Path) {
        for dir in DIRS {
            let dir = root.join(dir.trim_start_matches('/'));
            fs::create_dir_all(&dir).unwrap();
            for entry in fs::read_dir(dir).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    fs::remove_dir(entry.path()).unwrap();
                } else {
                    fs::remove_file(entry.path()).unwrap();
                }
            }
        }
        let _ = fs::remove_file(root.join("etc/sysctl.conf"));
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (path, entry) in &self.0 {
            match entry {
                Entry::Directory => writeln!(f, "--- {path}: a directory")?,
                Entry::Link(target) => writeln!(f, "--- {path} -> {target}")?,
                Entry::Text(bytes) => {
                    writeln!(f, "--- {path}:")?;
                    for line in bytes.split_inclusive(|b| *b == b'\n') {
                        let (shown, rest) = line.split_at(line.len().min(8192));
                        let more = format!(" and {} bytes more", rest.len());
                        let more = if rest.is_empty() { "" } else { &more };
                        writeln!(f, "    {}{more}", shown.escape_ascii())?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn entry(random: &mut Random, keys: &[&str]) -> Entry {
    match random.below(100) {
        0..5 => Entry::Text(Vec::new()),
        5..10 => Entry::Link("/dev/null".into()),
        10..13 => Entry::Link("/nowhere/at/all.conf".into()),
        13..16 => Entry::Directory,
        16..20 => Entry::Link("../sysctl.conf".into()),
        20..23 => Entry::Link("/etc/sysctl.d/noext".into()),
        23..25 => Entry::Link("10-a.conf".into()),
        _ => Entry::Text(text(random, keys)),
    }
}

fn text(random: &mut Random, keys: &[&str]) -> Vec<u8> {
    const ENDS: [&str; 7] = ["\r\n", "\r", "\n\r", "\0\n", "\n\0", "\0", "\n\n"];
    let mut text = Vec::new();
    if random.percent(5) {
        text.extend(b"\xef\xbb\xbf");
    }
    let lines = 1 + random.below(8);
    for at in 0..lines {
        line(random, keys, &mut text);
        if at + 1 < lines || random.percent(85) {
            let end = if random.percent(85) { "\n" } else { random.of(&ENDS) };
            text.extend(end.as_bytes());
        }
    }
    text
}

fn line(random: &mut Random, keys: &[&str], text: &mut Vec<u8>) {
    const BEFORE: [&str; 6] = [" ", "\t", "\x0b", "\x0c", " \t ", "\u{a0}"];
    const AFTER: [&str; 5] = [" ", "\t", "\x0b", "\x0c", " \t "];
    const EQUALS: [&str; 7] = [" = ", "=", "\t=\t", "= ", " =", "\x0b=\x0c", "  =  "];
    const DASHES: [&str; 6] = ["-", "-", "- ", "--", "-\t", "-\x0b"];
    const ODD: [&str; 15] = [
        "# comment",
        ";comment",
        "  # comment",
        "garbage",
        "",
        "   ",
        "-",
        "=",
        "-=5",
        "= 5",
        "a",
        "net.ipv4.tcp_syn_retries = \\\n  5",
        "net.ipv4.tcp_syn_retries 5",
        "\\",
        "include /etc/x",
    ];
    // As long as systemd reads, or longer.
    if random.below(400) == 0 {
        text.extend(random.of(&[b"#", b" ", b"\t"]));
        text.resize(text.len() + random.of(&[(1 << 20) - 2, (1 << 20) - 1, 3 << 20]), b' ');
        return;
    }
    if random.percent(12) {
        text.extend(random.of(&ODD).as_bytes());
        return;
    }
    if random.percent(10) {
        text.extend(random.of(&BEFORE).as_bytes());
    }
    if random.percent(20) {
        text.extend(random.of(&DASHES).as_bytes());
    } else if random.percent(8) {
        // An exclusion, plain or with a blank.
        text.extend(random.of(&["-", "-", "-", "- "]).as_bytes());
        text.extend(selector(random, keys).as_bytes());
        return;
    }
    text.extend(selector(random, keys).as_bytes());
    text.extend(random.of(&EQUALS).as_bytes());
    if random.percent(2) {
        text.extend("7000,".repeat(600).as_bytes());
        text.extend(b"7001");
    } else {
        text.extend(random.of(&VALUES));
    }
    if random.percent(10) {
        text.extend(random.of(&AFTER).as_bytes());
    }
    if random.percent(1) {
        text.extend(" ".repeat(5000).as_bytes());
    }
}

/// A key or a glob, spelt in one way or another.
fn selector(random: &mut Random, keys: &[&str]) -> String {
    let glob: String;
    let path = match random.below(100) {
        0..20 => random.of(&GLOBS),
        20..30 => {
            let pieces = (0..=random.below(6)).map(|_| random.of(&PIECES)).collect::<String>();
            let leaf = random.of(&["rp_filter", "log_martians", "arp_ignore", "rp_f*"]);
            glob = format!("net/ipv4/conf/{pieces}/{leaf}");
            &glob
        }
        _ => random.of(keys),
    };
    match random.below(100) {
        0..35 => path.to_owned(),
        35..75 => swap_separators(path),
        // Dots all the way: another key where an interface name has one.
        75..79 => path.replace('/', "."),
        79..81 => format!("/{path}"),
        81..83 => format!(".{}", swap_separators(path)),
        83..86 => path.replacen("net/", "net//", 1),
        86..88 => swap_separators(path).replacen("net.", "net..", 1),
        88..90 => path.replacen("net/", "net/./", 1),
        90..92 => path.replacen("ipv4/", "ipv4/../ipv4/", 1),
        92..93 => path.replacen("net/", "net/core/../", 1),
        93..94 => format!("{path}/"),
        94..95 => format!("{}.", swap_separators(path)),
        95..96 => format!("/proc/sys/{path}"),
        96..97 => format!("proc.sys.{}", swap_separators(path)),
        97..98 => path.to_uppercase(),
        98..99 => path.replacen("ipv4", "ipv4 ", 1),
        _ => format!("../sys/{path}"),
    }
}
