//! `ScriptedKernel`: a kernel that behaves as the real one does, and as it is told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use tunectl::key::{Key, Pattern};
use tunectl::observed::{Errno, Reading};
use tunectl::procsys::Kernel;

/// A parameter's handler with what it holds.
#[derive(Clone, Debug)]
enum Held {
    /// `proc_dointvec_minmax`, `proc_doulongvec_minmax` and their kin: each field is stored as
    /// soon as it is read, so that a refused write may have changed the fields before it.
    Numbers { fields: Vec<i128>, min: i128, max: i128 },
    /// Two numbers, low and high, stored together or not at all; both at least `min`.
    Range { low: i128, high: i128, min: i128 },
    /// Cut at that many bytes, at a line's end and at a NUL.
    Text { text: String, longest: usize },
    /// A set of ports.
    Ports(BTreeSet<u32>),
    /// One word of those that are loaded.
    Choice { word: String, loaded: Vec<String> },
}

/// One parameter of the script.
#[derive(Clone, Debug)]
pub struct Param {
    held: Held,
    mode: u32,
    read_fails: Option<Errno>,
    write_fails: Option<Errno>,
    keeps: Option<String>,
}

impl Param {
    fn of(held: Held) -> Self {
        Self { held, mode: 0o644, read_fails: None, write_fails: None, keeps: None }
    }

    /// Numbers of type `int`, as many as `text` has.
    pub fn ints(text: &str) -> Self {
        let fields = text.split_whitespace().map(|f| f.parse().unwrap()).collect();
        Self::of(Held::Numbers { fields, min: i128::from(i32::MIN), max: i128::from(i32::MAX) })
    }

    /// Numbers of type `unsigned long`.
    pub fn longs(text: &str) -> Self {
        Self::ints(text).range(0, i128::from(u64::MAX))
    }

    /// A text that is cut at `longest` bytes.
    pub fn text(text: &str, longest: usize) -> Self {
        Self::of(Held::Text { text: text.to_owned(), longest })
    }

    /// A set of ports, empty at first.
    pub fn ports() -> Self {
        Self::of(Held::Ports(BTreeSet::new()))
    }

    /// Two numbers in order.
    pub fn low_high(low: i128, high: i128, min: i128) -> Self {
        Self::of(Held::Range { low, high, min })
    }

    /// One of several words; the first is chosen.
    pub fn choice(loaded: &[&str]) -> Self {
        let loaded: Vec<String> = loaded.iter().map(|w| (*w).to_owned()).collect();
        Self::of(Held::Choice { word: loaded[0].clone(), loaded })
    }

    /// What each number must be within, both ends included; EINVAL otherwise.
    pub fn range(mut self, low: i128, high: i128) -> Self {
        if let Held::Numbers { min, max, .. } = &mut self.held {
            (*min, *max) = (low, high);
        }
        self
    }

    /// Permission bits.
    pub fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// Reading fails although the mode allows it (EIO of `stable_secret`, case E35).
    pub fn unreadable(mut self, errno: Errno) -> Self {
        self.read_fails = Some(errno);
        self
    }

    fn render(&self) -> String {
        let joined = |f: &[i128]| f.iter().map(ToString::to_string).collect::<Vec<_>>().join("\t");
        match &self.held {
            Held::Numbers { fields, .. } => joined(fields),
            Held::Range { low, high, .. } => joined(&[*low, *high]),
            Held::Text { text, .. } => text.clone(),
            Held::Choice { word, .. } => word.clone(),
            Held::Ports(ports) => render_ports(ports),
        }
    }

    fn number(&self) -> i128 {
        match &self.held {
            Held::Numbers { fields, .. } => fields[0],
            other => panic!("{other:?} is not a number"),
        }
    }

    fn set_number(&mut self, number: i128) {
        match &mut self.held {
            Held::Numbers { fields, .. } => fields[0] = number,
            other => panic!("{other:?} is not a number"),
        }
    }
}

fn render_ports(ports: &BTreeSet<u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for &port in ports {
        match ranges.last_mut() {
            Some((_, end)) if *end + 1 == port => *end = port,
            _ => ranges.push((port, port)),
        }
    }
    let shown = |(a, b): &(u32, u32)| if a == b { a.to_string() } else { format!("{a}-{b}") };
    ranges.iter().map(shown).collect::<Vec<_>>().join(",")
}

/// One write, as it was tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    pub key: Key,
    pub bytes: Vec<u8>,
    pub result: Result<(), Errno>,
}

impl Write {
    /// `vm.swappiness=10`, the value without the blanks at its end.
    pub fn shown(&self) -> String {
        format!("{}={}", self.key, String::from_utf8_lossy(&self.bytes).trim_end())
    }
}

#[derive(Debug, Default)]
struct State {
    params: BTreeMap<Key, Param>,
    writes: Vec<Write>,
    reads: Vec<Key>,
    fail_at: BTreeMap<usize, Errno>,
    read_only: bool,
    thp_floor: i128,
}

/// See the module's header. It is shared by reference, as the real kernel is.
#[derive(Debug, Default)]
pub struct ScriptedKernel {
    state: Mutex<State>,
}

fn key(text: &str) -> Key {
    Key::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

impl ScriptedKernel {
    /// A kernel without parameters.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a parameter, or replaces it.
    pub fn with(self, name: &str, param: Param) -> Self {
        self.add(name, param);
        self
    }

    /// The `vm.*` of a usual host with 24 GB: defaults of Linux 6.18, khugepaged's floor at
    /// 67584 kB.
    pub fn vm_host() -> Self {
        let int = |text: &str, low, high| Param::ints(text).range(low, high);
        let most = i128::from(i32::MAX);
        let kernel = Self::empty()
            .with("vm.compact_memory", int("0", 1, 1).mode(0o200))
            .with("vm.dirty_background_bytes", Param::longs("0").range(1, i128::from(u64::MAX)))
            .with("vm.dirty_background_ratio", int("10", 0, 100))
            .with("vm.dirty_bytes", Param::longs("0").range(8192, i128::from(u64::MAX)))
            .with("vm.dirty_expire_centisecs", int("3000", 0, most))
            .with("vm.dirty_ratio", int("20", 0, 100))
            .with("vm.dirty_writeback_centisecs", Param::ints("500"))
            .with("vm.drop_caches", int("0", 1, 15).mode(0o200))
            .with("vm.lowmem_reserve_ratio", Param::ints("256 256 32 0 0"))
            .with("vm.max_map_count", int("65530", 0, most))
            .with("vm.min_free_kbytes", int("67584", 0, most))
            .with("vm.nr_hugepages", Param::longs("0"))
            .with("vm.overcommit_kbytes", Param::longs("0"))
            .with("vm.overcommit_memory", int("0", 0, 2))
            .with("vm.overcommit_ratio", int("50", 0, most))
            .with("vm.page-cluster", int("3", 0, 31))
            .with("vm.stat_refresh", int("0", 0, 0).mode(0o600))
            .with("vm.swappiness", int("60", 0, 200))
            .with("vm.vfs_cache_pressure", int("100", 0, most))
            .with("vm.watermark_scale_factor", int("10", 1, 3000))
            .with("vm.zone_reclaim_mode", int("0", 0, most));
        kernel.lock().thp_floor = 67584;
        kernel
    }

    /// [`ScriptedKernel::vm_host`] with the parameters that a network, IPC and UTS namespace
    /// has for itself, and one interface, `lo`.
    pub fn host() -> Self {
        let most = i128::from(i32::MAX);
        let mut kernel = Self::vm_host()
            .with("kernel.hostname", Param::text("vm", 64))
            .with("kernel.msgmax", Param::ints("8192").range(0, most))
            .with("kernel.ostype", Param::text("Linux", 64).mode(0o444))
            .with("kernel.sched_rt_period_us", Param::ints("1000000").range(1, most))
            .with("kernel.sched_rt_runtime_us", Param::ints("950000").range(-1, most))
            .with("kernel.sem", Param::ints("32000 1024000000 500 32000"))
            .with("kernel.shmmax", Param::longs("18446744073692774399"))
            .with("net.core.somaxconn", Param::ints("4096").range(0, most))
            .with("net.ipv4.ip_default_ttl", Param::ints("64").range(1, 255))
            .with("net.ipv4.ip_forward", Param::ints("0"))
            .with("net.ipv4.ip_local_port_range", Param::low_high(32768, 60999, 1))
            .with("net.ipv4.ip_local_reserved_ports", Param::ports())
            .with("net.ipv4.route.flush", Param::ints("0").mode(0o200))
            .with("net.ipv4.tcp_congestion_control", Param::choice(&["cubic", "reno"]))
            .with("net.ipv4.tcp_rmem", Param::ints("4096 131072 6291456").range(1, most))
            .with("net.ipv4.tcp_wmem", Param::ints("4096 16384 4194304").range(1, most))
            .with("net.ipv4.tcp_syn_retries", Param::ints("6").range(1, 127));
        for interface in ["all", "default", "lo"] {
            kernel = kernel.with_interface(interface);
        }
        kernel
    }

    /// Adds `net.ipv4.conf.NAME`, where the name may have dots.
    pub fn with_interface(self, name: &str) -> Self {
        for (leaf, value) in [("accept_redirects", "1"), ("forwarding", "0"), ("rp_filter", "0")] {
            let path = format!("net/ipv4/conf/{name}/{leaf}");
            self.lock().params.insert(Key::from_path(&path).unwrap(), Param::ints(value));
        }
        self
    }

    /// As [`ScriptedKernel::with`], on a kernel that runs: a module was loaded.
    pub fn add(&self, name: &str, param: Param) {
        self.lock().params.insert(key(name), param);
    }

    /// A module was removed.
    pub fn remove(&self, name: &str) {
        assert!(self.lock().params.remove(&key(name)).is_some(), "{name} is not there");
    }

    /// Someone else writes a value that the kernel takes; it is not among [`Self::writes`].
    pub fn drift(&self, name: &str, value: &str) {
        let mut state = self.lock();
        let result = state.store(&key(name), value.as_bytes());
        assert_eq!(result, Ok(()), "{name} does not take {value:?}");
    }

    /// The text that a parameter holds, whatever its mode.
    pub fn value(&self, name: &str) -> String {
        self.lock().params[&key(name)].render()
    }

    /// Every write that was tried, in order, refused ones too.
    pub fn writes(&self) -> Vec<Write> {
        self.lock().writes.clone()
    }

    /// Every key that was read, in order.
    pub fn reads(&self) -> Vec<Key> {
        self.lock().reads.clone()
    }

    /// The `n`-th write from now on, counted from 1, fails and changes nothing.
    pub fn fail_write(&self, n: usize, errno: Errno) {
        let mut state = self.lock();
        let at = state.writes.len() + n;
        state.fail_at.insert(at, errno);
    }

    /// Every write of that key fails and changes nothing.
    pub fn fail_key(&self, name: &str, errno: Errno) {
        self.change(name, |p| p.write_fails = Some(errno));
    }

    /// That key takes a write and then holds `value`, whatever was written.
    pub fn keep(&self, name: &str, value: &str) {
        self.change(name, |p| p.keeps = Some(value.to_owned()));
    }

    /// Undoes [`Self::fail_key`] and [`Self::keep`].
    pub fn heal(&self, name: &str) {
        self.change(name, |p| (p.write_fails, p.keeps) = (None, None));
    }

    /// /proc/sys is mounted read-only, as in a container.
    pub fn mount_read_only(&self) {
        self.lock().read_only = true;
    }

    /// khugepaged starts: it raises `vm.min_free_kbytes` to its floor, never lowers it (E28).
    pub fn start_khugepaged(&self) {
        let mut state = self.lock();
        let floor = state.thp_floor;
        let reserve = state.param("vm.min_free_kbytes");
        let raised = reserve.number().max(floor);
        reserve.set_number(raised);
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut Param)) {
        change(self.lock().param(name));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl State {
    fn param(&mut self, name: &str) -> &mut Param {
        self.params.get_mut(&key(name)).unwrap_or_else(|| panic!("{name} is not there"))
    }

    fn number(&mut self, name: &str) -> i128 {
        self.param(name).number()
    }

    fn openable(&self, key: &Key) -> Result<(), Errno> {
        let param = self.params.get(key).ok_or(Errno::ENOENT)?;
        if param.mode & 0o222 == 0 {
            Err(Errno::EACCES)
        } else if self.read_only {
            Err(Errno::EROFS)
        } else {
            Ok(())
        }
    }

    fn write(&mut self, key: &Key, bytes: &[u8]) -> Result<(), Errno> {
        self.openable(key)?;
        if let Some(errno) = self.fail_at.get(&(self.writes.len() + 1)) {
            return Err(*errno);
        }
        let param = &self.params[key];
        if let Some(errno) = param.write_fails {
            return Err(errno);
        }
        match param.keeps.clone() {
            Some(kept) => self.store(key, kept.as_bytes()),
            None => self.store(key, bytes),
        }
    }

    /// The handler and what hangs on it.
    fn store(&mut self, key: &Key, bytes: &[u8]) -> Result<(), Errno> {
        if bytes.is_empty() {
            return Ok(());
        }
        let before = self.params[key].clone();
        let result = take(&mut self.params.get_mut(key).unwrap().held, bytes);
        // The handler tells the caller how much it took; its value counts all the same.
        if matches!(result, Ok(()) | Err(Errno::EIO))
            && let Err(refused) = self.couple(key, &before)
        {
            self.params.insert(key.clone(), before);
            return Err(refused);
        }
        result
    }

    /// What else a successful write changes, or why it is refused after all.
    fn couple(&mut self, key: &Key, before: &Param) -> Result<(), Errno> {
        let changed = self.params[key].render() != before.render();
        match key.to_string().as_str() {
            "vm.dirty_bytes" if changed => self.param("vm.dirty_ratio").set_number(0),
            "vm.dirty_ratio" if changed => self.param("vm.dirty_bytes").set_number(0),
            "vm.dirty_background_bytes" => self.param("vm.dirty_background_ratio").set_number(0),
            "vm.dirty_background_ratio" => self.param("vm.dirty_background_bytes").set_number(0),
            "vm.overcommit_kbytes" => self.param("vm.overcommit_ratio").set_number(0),
            "vm.overcommit_ratio" => self.param("vm.overcommit_kbytes").set_number(0),
            "kernel.sched_rt_period_us" | "kernel.sched_rt_runtime_us" => {
                let period = self.number("kernel.sched_rt_period_us");
                if self.number("kernel.sched_rt_runtime_us") > period {
                    return Err(Errno::EINVAL);
                }
            }
            "kernel.perf_event_max_sample_rate"
                if matches!(self.number("kernel.perf_cpu_time_max_percent"), 0 | 100) =>
            {
                return Err(Errno::EINVAL);
            }
            name if name.starts_with("net.ipv4.neigh.default.") => {
                let number = self.params[key].number();
                self.inherit(key.leaf(), number);
            }
            "net.ipv4.tcp_congestion_control" => self.allow_congestion_control(),
            "net.ipv4.tcp_allowed_congestion_control" => return self.all_are_loaded(),
            "net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding" if changed => {
                let on = self.params[key].number();
                self.forward(on);
            }
            _ => {}
        }
        Ok(())
    }

    /// `neigh_copy_dflt_parms`: those whose own value nobody has written take the default's.
    fn inherit(&mut self, leaf: &str, number: i128) {
        let variable = leaf.trim_end_matches("_ms");
        let of_it = |key: &Key| key.leaf().trim_end_matches("_ms") == variable;
        let set: BTreeSet<&Key> = self.writes.iter().map(|write| &write.key).collect();
        for (key, param) in &mut self.params {
            let twin = if key.leaf().ends_with("_ms") {
                key.sibling(variable)
            } else {
                key.sibling(&format!("{variable}_ms"))
            };
            let is_set = set.contains(key) || set.contains(&twin);
            if key.as_path().starts_with("net/ipv4/neigh/") && of_it(key) && !is_set {
                param.set_number(match (leaf.ends_with("_ms"), key.leaf().ends_with("_ms")) {
                    (true, false) => number / 1000,
                    (false, true) => number * 1000,
                    _ => number,
                });
            }
        }
    }

    /// `tcp_set_default_congestion_control`: whoever is the default is allowed from then on.
    fn allow_congestion_control(&mut self) {
        let word = self.param("net.ipv4.tcp_congestion_control").render();
        let allowed = key("net.ipv4.tcp_allowed_congestion_control");
        let Some(Held::Text { text, .. }) = self.params.get_mut(&allowed).map(|p| &mut p.held)
        else {
            return;
        };
        if !text.split_whitespace().any(|one| one == word) {
            *text = format!("{text} {word}");
        }
    }

    /// `tcp_set_allowed_congestion_control`: it loads no module.
    fn all_are_loaded(&mut self) -> Result<(), Errno> {
        let default = self.param("net.ipv4.tcp_congestion_control").render();
        let allowed = self.param("net.ipv4.tcp_allowed_congestion_control").render();
        let known = |word: &str| ["reno", "cubic", &*default].contains(&word);
        if allowed.split_whitespace().all(known) { Ok(()) } else { Err(Errno::ENOENT) }
    }

    /// `inet_forward_change`: every interface follows, redirects are accepted by hosts alone.
    fn forward(&mut self, on: i128) {
        for (key, param) in &mut self.params {
            match key.to_string().as_str() {
                "net.ipv4.ip_forward" => param.set_number(on),
                "net.ipv4.conf.all.accept_redirects" => param.set_number(i128::from(on == 0)),
                _ if key.as_path().starts_with("net/ipv4/conf/") && key.leaf() == "forwarding" => {
                    param.set_number(on);
                }
                _ => {}
            }
        }
    }
}

/// The handlers. `EIO` stands for a write(2) that took only part of the bytes: a handler stops
/// behind what it wanted and does not mind the rest.
fn take(held: &mut Held, bytes: &[u8]) -> Result<(), Errno> {
    match held {
        Held::Numbers { fields, min, max } => {
            let mut rest = skip_blanks(bytes);
            if rest.is_empty() {
                return Err(Errno::EINVAL);
            }
            for field in fields {
                if rest.is_empty() {
                    break;
                }
                let (number, after) = kernel_long(rest, b" \t\n")?;
                if number < *min || number > *max {
                    return Err(Errno::EINVAL);
                }
                *field = number;
                rest = skip_blanks(after);
            }
            if rest.is_empty() { Ok(()) } else { Err(Errno::EIO) }
        }
        Held::Range { low, high, min } => {
            let mut both = Held::Numbers { fields: vec![*low, *high], min: *min, max: 65535 };
            let result = take(&mut both, bytes);
            if let (Ok(()) | Err(Errno::EIO), Held::Numbers { fields, .. }) = (result, &both) {
                if fields[0] > fields[1] {
                    return Err(Errno::EINVAL);
                }
                (*low, *high) = (fields[0], fields[1]);
            }
            result
        }
        Held::Text { text, longest } => {
            *text = cut(bytes, *longest);
            Ok(())
        }
        Held::Choice { word, loaded } => {
            let wanted = cut(bytes, 15);
            if !loaded.contains(&wanted) {
                return Err(Errno::ENOENT);
            }
            *word = wanted;
            Ok(())
        }
        Held::Ports(ports) => {
            *ports = kernel_ports(bytes)?;
            Ok(())
        }
    }
}

fn cut(bytes: &[u8], longest: usize) -> String {
    let end = bytes.iter().position(|b| matches!(b, 0 | b'\n')).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end.min(longest)]).into_owned()
}

fn skip_blanks(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().position(|b| !b" \t\n\r\x0b\x0c".contains(b)).unwrap_or(bytes.len());
    &bytes[end..]
}

/// `proc_get_long`: `-`, then a number to the base that its prefix tells, then the end or one of
/// `dividers`. 21 characters and more are refused.
fn kernel_long<'b>(bytes: &'b [u8], dividers: &[u8]) -> Result<(i128, &'b [u8]), Errno> {
    let minus = usize::from(bytes.len() > 1 && bytes[0] == b'-');
    let digits = &bytes[minus..];
    let (base, skip) = match digits {
        [b'0', b'x' | b'X', d, ..] if d.is_ascii_hexdigit() => (16, 2),
        [b'0', ..] => (8, 0),
        _ => (10, 0),
    };
    let digit = |b: &u8| char::from(*b).to_digit(base);
    let length = digits[skip..].iter().take_while(|b| digit(b).is_some()).count();
    let end = minus + skip + length;
    if length == 0 || end >= 21 || bytes.get(end).is_some_and(|b| !dividers.contains(b)) {
        return Err(Errno::EINVAL);
    }
    let magnitude = digits[skip..skip + length]
        .iter()
        .filter_map(digit)
        .try_fold(0_u64, |sum, d| sum.checked_mul(u64::from(base))?.checked_add(u64::from(d)))
        .ok_or(Errno::EINVAL)?;
    let number = i128::from(magnitude);
    Ok((if minus == 1 { -number } else { number }, &bytes[end..]))
}

/// `proc_do_large_bitmap` of 65536 bits.
fn kernel_ports(bytes: &[u8]) -> Result<BTreeSet<u32>, Errno> {
    let skip_lines = |b: &'_ [u8]| b.iter().take_while(|c| **c == b'\n').count();
    let port = |n: i128| u32::try_from(n).ok().filter(|p| *p < 65536).ok_or(Errno::EINVAL);
    let mut ports = BTreeSet::new();
    let mut rest = &bytes[skip_lines(bytes)..];
    while !rest.is_empty() {
        let (low, after) = kernel_long(rest, b"-,\n")?;
        let low = port(low)?;
        let mut high = low;
        rest = after.get(1..).unwrap_or_default();
        if after.first() == Some(&b'-') {
            let (number, after) = kernel_long(rest, b",\n")?;
            high = port(number)?;
            rest = after.get(1..).unwrap_or_default();
        }
        if low > high {
            return Err(Errno::EINVAL);
        }
        ports.extend(low..=high);
        rest = &rest[skip_lines(rest)..];
    }
    Ok(ports)
}

impl Kernel for ScriptedKernel {
    fn read(&self, key: &Key) -> Reading {
        let mut state = self.lock();
        state.reads.push(key.clone());
        let Some(param) = state.params.get(key) else { return Reading::missing(Errno::ENOENT) };
        let value = match param.read_fails {
            _ if param.mode & 0o444 == 0 => Err(Errno::EACCES),
            Some(errno) => Err(errno),
            None => Ok(param.render()),
        };
        Reading { value, mode: Some(param.mode), read_only_mount: state.read_only }
    }

    fn write(&self, key: &Key, bytes: &[u8]) -> Result<(), Errno> {
        let mut state = self.lock();
        let result = state.write(key, bytes);
        state.writes.push(Write { key: key.clone(), bytes: bytes.to_vec(), result });
        result
    }

    fn probe_write(&self, key: &Key) -> Result<(), Errno> {
        self.lock().openable(key)
    }

    fn expand(&self, pattern: &Pattern) -> Vec<Key> {
        self.lock().params.keys().filter(|k| pattern.matches(k)).cloned().collect()
    }

    fn list(&self) -> Vec<Key> {
        self.lock().params.keys().cloned().collect()
    }
}

fn write(kernel: &ScriptedKernel, name: &str, value: &str) -> Result<(), Errno> {
    kernel.write(&key(name), value.as_bytes())
}

#[test]
fn one_half_of_a_dirty_pair_zeroes_the_other_e22() {
    let kernel = ScriptedKernel::vm_host();
    assert_eq!(write(&kernel, "vm.dirty_bytes", "4294967296"), Ok(()));
    assert_eq!(kernel.value("vm.dirty_ratio"), "0");
    for refused in ["0", "4096", "8191", "18446744073709551616"] {
        assert_eq!(write(&kernel, "vm.dirty_bytes", refused), Err(Errno::EINVAL), "{refused}");
    }
    // The ratio reads 0 already: writing 0 is no change, and the bytes stay active.
    assert_eq!(write(&kernel, "vm.dirty_ratio", "0"), Ok(()));
    assert_eq!(kernel.value("vm.dirty_bytes"), "4294967296");
    assert_eq!(write(&kernel, "vm.dirty_ratio", "20"), Ok(()));
    assert_eq!(kernel.value("vm.dirty_bytes"), "0");
    assert_eq!(write(&kernel, "vm.dirty_background_bytes", "1"), Ok(()));
    assert_eq!(kernel.value("vm.dirty_background_ratio"), "0");
    assert_eq!(write(&kernel, "vm.dirty_background_ratio", "60"), Ok(()), "above dirty_ratio: E14");
    assert_eq!(kernel.value("vm.dirty_background_bytes"), "0");
}

#[test]
fn a_zero_in_either_overcommit_limit_leaves_both_zero_e23() {
    let kernel = ScriptedKernel::vm_host();
    assert_eq!(write(&kernel, "vm.overcommit_kbytes", "104857600"), Ok(()));
    assert_eq!(kernel.value("vm.overcommit_ratio"), "0");
    assert_eq!(write(&kernel, "vm.overcommit_ratio", "0"), Ok(()));
    assert_eq!(kernel.value("vm.overcommit_kbytes"), "0");
    assert_eq!(kernel.value("vm.overcommit_ratio"), "0");
}

#[test]
fn real_time_runtime_never_exceeds_its_period_e25() {
    let kernel = ScriptedKernel::host();
    assert_eq!(write(&kernel, "kernel.sched_rt_runtime_us", "1000001"), Err(Errno::EINVAL));
    assert_eq!(write(&kernel, "kernel.sched_rt_period_us", "900000"), Err(Errno::EINVAL));
    assert_eq!(kernel.value("kernel.sched_rt_runtime_us"), "950000");
    assert_eq!(kernel.value("kernel.sched_rt_period_us"), "1000000");
    assert_eq!(write(&kernel, "kernel.sched_rt_period_us", "2000000"), Ok(()));
    assert_eq!(write(&kernel, "kernel.sched_rt_runtime_us", "1000001"), Ok(()));
}

#[test]
fn ranges_of_vm_keys_e13() {
    let kernel = ScriptedKernel::vm_host();
    for (name, refused) in [
        ("vm.swappiness", "201"),
        ("vm.swappiness", "-1"),
        ("vm.overcommit_memory", "3"),
        ("vm.page-cluster", "32"),
        ("vm.watermark_scale_factor", "0"),
        ("vm.watermark_scale_factor", "3001"),
        ("vm.min_free_kbytes", "-1"),
        ("vm.drop_caches", "0"),
        ("vm.dirty_ratio", "101"),
    ] {
        assert_eq!(write(&kernel, name, refused), Err(Errno::EINVAL), "{name}={refused}");
    }
    for (name, taken) in [
        ("vm.swappiness", "200"),
        ("vm.dirty_writeback_centisecs", "-5"),
        ("vm.zone_reclaim_mode", "8"),
        ("vm.overcommit_ratio", "101"),
        ("vm.drop_caches", "8"),
    ] {
        assert_eq!(write(&kernel, name, taken), Ok(()), "{name}={taken}");
    }
    assert_eq!(write(&kernel, "vm.lowmem_reserve_ratio", "255"), Ok(()));
    assert_eq!(kernel.value("vm.lowmem_reserve_ratio"), "255\t256\t32\t0\t0");
}

#[test]
fn khugepaged_raises_the_reserve_and_never_lowers_it_e28() {
    let kernel = ScriptedKernel::vm_host();
    assert_eq!(write(&kernel, "vm.min_free_kbytes", "65536"), Ok(()));
    assert_eq!(kernel.value("vm.min_free_kbytes"), "65536");
    kernel.start_khugepaged();
    assert_eq!(kernel.value("vm.min_free_kbytes"), "67584");
    kernel.drift("vm.min_free_kbytes", "1048576");
    kernel.start_khugepaged();
    assert_eq!(kernel.value("vm.min_free_kbytes"), "1048576");
}

#[test]
fn it_fails_and_keeps_as_it_is_told() {
    let kernel = ScriptedKernel::vm_host();
    kernel.fail_write(2, Errno::EPERM);
    kernel.fail_key("vm.page-cluster", Errno::EIO);
    kernel.keep("vm.nr_hugepages", "7");
    assert_eq!(write(&kernel, "vm.swappiness", "10"), Ok(()));
    assert_eq!(write(&kernel, "vm.swappiness", "11"), Err(Errno::EPERM));
    assert_eq!(write(&kernel, "vm.page-cluster", "0"), Err(Errno::EIO));
    assert_eq!(write(&kernel, "vm.nr_hugepages", "100\n"), Ok(()));
    kernel.heal("vm.page-cluster");
    assert_eq!(write(&kernel, "vm.page-cluster", "0"), Ok(()));
    assert_eq!(kernel.value("vm.swappiness"), "10");
    assert_eq!(kernel.value("vm.page-cluster"), "0");
    assert_eq!(kernel.value("vm.nr_hugepages"), "7");
    let shown: Vec<String> = kernel.writes().iter().map(Write::shown).collect();
    let tried =
        ["vm.swappiness=10", "vm.swappiness=11", "vm.page-cluster=0", "vm.nr_hugepages=100"];
    assert_eq!(shown[..4], tried);
    assert_eq!(kernel.writes()[1].result, Err(Errno::EPERM));
}

#[test]
fn a_read_only_mount_refuses_every_write_e37() {
    let kernel = ScriptedKernel::vm_host();
    kernel.mount_read_only();
    let swappiness = key("vm.swappiness");
    assert!(kernel.read(&swappiness).read_only_mount);
    assert_eq!(kernel.probe_write(&swappiness), Err(Errno::EROFS));
    assert_eq!(write(&kernel, "vm.swappiness", "1"), Err(Errno::EROFS));
    assert_eq!(kernel.value("vm.swappiness"), "60");
    assert_eq!(kernel.reads(), [swappiness]);
}

#[test]
fn modules_come_and_go() {
    let kernel = ScriptedKernel::empty();
    let name = "net.netfilter.nf_conntrack_max";
    assert_eq!(kernel.read(&key(name)), Reading::missing(Errno::ENOENT));
    kernel.add(name, Param::ints("262144"));
    assert_eq!(kernel.read(&key(name)), Reading::of("262144"));
    kernel.remove(name);
    assert_eq!(write(&kernel, name, "1"), Err(Errno::ENOENT));
    let secret = "net.ipv6.conf.all.stable_secret";
    kernel.add(secret, Param::text("", 40).mode(0o600).unreadable(Errno::EIO));
    assert_eq!(kernel.read(&key(secret)).value, Err(Errno::EIO));
    assert_eq!(kernel.read(&key(secret)).mode, Some(0o600));
}
