//! What a boot leaves in a parameter: a loader's writes one by one, each as the kernel takes it.

use crate::baseline::Desired;
use crate::bootview::{BootView, CMDLINE, Loader, Write};
use crate::catalogue::{self, Effect, Limit, Order, Parameter};
use crate::key::{Key, same};
use crate::observed::{Facts, Release};
use crate::value::{Canonical, Shape, canonical, completed, fields, kernel_number};

use super::{BootValue, RefusedLine};

/// What `loader` would leave in the parameter after the next boot: its writes one by one, with
/// what each does to others.
pub fn boot_value(desired: &Desired, view: &BootView, loader: Loader, facts: &Facts) -> BootValue {
    let half = desired.known.and_then(Parameter::pair);
    let own = Known { shape: desired.shape, parameter: desired.known, kernel: facts.kernel };
    let boots = Boots { view, loader, kernel: facts.kernel };
    // Made once it is asked for: few parameters have a limit that moves.
    let mut bars = None;
    let mut boot = BootValue::default();
    for write in view.writes_about(loader, &desired.key) {
        // What a module brings is not there yet when the kernel reads its command line (case E48).
        if desired.module.is_some() && *write.line.source.file == *CMDLINE {
            continue;
        }
        let value = &write.line.value;
        let source = || Some(write.line.source.clone());
        if write.gets_to(&desired.key) {
            let bars = bars.get_or_insert_with(|| boots.bars(&desired.key, desired.known));
            let bar = bars.iter().find(|bar| bar.place == write.place);
            let taken = if bar.is_some() { Taken::Nothing } else { own.taken(&boot, value) };
            let refused = (!matches!(taken, Taken::All(_))).then(|| RefusedLine {
                source: write.line.source.clone(),
                value: value.to_string(),
                in_part: matches!(taken, Taken::Leading(_)),
                beside: bar.and_then(|bar| bar.beside.clone()),
            });
            match taken {
                Taken::All(left) | Taken::Leading(left) => {
                    let value = Some(left);
                    boot = BootValue { value, source: source(), refused, ..BootValue::default() };
                }
                Taken::Nothing => boot.refused = refused,
            }
            continue;
        }
        if let Some(half) = half.filter(|half| write.gets_to_sibling(&desired.key, half)) {
            let half = desired.key.sibling(half);
            let number = boots.takes(&half, value).as_deref().and_then(kernel_number);
            // That of overcommit even by a 0 (case E23), but systemd writes no 0 where one is read.
            let overcommit = desired.key.leaf().starts_with("overcommit_");
            let by_zero = overcommit && (loader == Loader::Procps || **value != *"0");
            if number.is_some_and(|number| number != 0 || by_zero) {
                let by = Some(half.as_path().to_owned());
                let value = Some("0".to_owned());
                let refused = boot.refused.take();
                boot = BootValue {
                    value,
                    by,
                    zeroed: true,
                    source: source(),
                    refused,
                    ..BootValue::default()
                };
            }
            continue;
        }
        if write.line.changes.is_empty() {
            continue;
        }
        for (through, effect) in write.changes_of(&desired.key) {
            let Some(taken) = boots.takes(&through, value) else { continue };
            let Some(left) = effect.leaves(&taken, boot.value.as_deref()) else {
                // Whatever that is, it is no longer what was there.
                if matches!(effect, Effect::Rescales(..)) {
                    let (by, other_name) = (Some(through.as_path().to_owned()), Some(taken));
                    boot = BootValue { by, other_name, source: source(), ..BootValue::default() };
                }
                continue;
            };
            // What a parameter reads already, word for word, systemd does not write. Of one variable by
            // two names that is all the same.
            let may_skip = loader == Loader::Systemd && effect.is_of_a_switch();
            if may_skip || effect.needs_a_change() {
                let before = boots.before(&through, write.place);
                let skips = may_skip && **value == *before.to_string();
                let changes = kernel_number(&taken) != Some(before);
                if skips || effect.needs_a_change() && !changes {
                    continue;
                }
            }
            let (value, by) = (Some(left), Some(through.as_path().to_owned()));
            let refused = boot.refused.take();
            boot = BootValue { value, by, source: source(), refused, ..BootValue::default() };
        }
    }
    boot
}

/// What the kernel takes of a text that a loader writes.
enum Taken {
    /// All of it: what the parameter reads then.
    All(String),
    /// Of several numbers the leading ones, before one that it refuses (case E8).
    Leading(String),
    Nothing,
}

/// What is known of a parameter's values.
#[derive(Clone, Copy)]
struct Known {
    shape: Shape,
    parameter: Option<Parameter>,
    kernel: Release,
}

impl Known {
    fn fits(self, place: usize, number: i128) -> bool {
        self.parameter.is_none_or(|known| known.may_take(place, number, self.kernel))
    }

    fn taken(self, boot: &BootValue, text: &str) -> Taken {
        match self.shape {
            Shape::Numbers(count) => self.taken_of_several(boot, text, count.into()),
            _ if self.accepts(text) => Taken::All(text.to_owned()),
            _ => Taken::Nothing,
        }
    }

    /// Whether the kernel would take the value from a file, as far as the catalogue tells.
    fn accepts(self, text: &str) -> bool {
        if self.shape.is_single_number() {
            return self.number(text).is_some();
        }
        match canonical(self.shape, text) {
            Ok(Canonical::Ranges(ranges)) => {
                let holds = |end: u64| self.fits(0, end.into());
                ranges.iter().all(|(low, high)| holds(*low) && holds(*high))
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }

    /// The number that the kernel would take, or the first of several; what follows one it does not
    /// look at (case E9).
    fn number(self, text: &str) -> Option<i128> {
        let first = fields(text).next().and_then(kernel_number);
        first.filter(|number| self.fits(0, *number))
    }

    /// Each number is taken as it is read, but for the parameters that are looked at as a whole.
    fn taken_of_several(self, boot: &BootValue, text: &str, count: usize) -> Taken {
        let numbers = fields(text).take(count).enumerate().map(|(place, field)| {
            kernel_number(field).filter(|number| self.fits(place, *number)).map(|_| field)
        });
        let leading: Vec<&str> = numbers.clone().map_while(|field| field).collect();
        let whole = numbers.count() == leading.len();
        let path = self.parameter.map_or("", Parameter::key);
        let before = match path {
            // Both ends are judged together, so one alone against the other that is there.
            "net/ipv4/ip_local_port_range" => boot.value.as_deref().or(Some("32768 60999")),
            "net/ipv4/ping_group_range" => boot.value.as_deref().or(Some("1 0")),
            _ => boot.value.as_deref(),
        };
        let left = leading.join(" ");
        let left = before.map_or(left.clone(), |before| completed(self.shape, before, &left));
        let ends: Vec<i128> = fields(&left).filter_map(kernel_number).collect();
        let crosses = matches!(ends[..], [low, high] if low > high);
        match path {
            _ if leading.is_empty() => Taken::Nothing,
            "net/ipv4/ip_local_port_range" if !whole || crosses => Taken::Nothing,
            "net/ipv4/ping_group_range" if !whole => Taken::Nothing,
            // Nobody: that is how the kernel keeps it.
            "net/ipv4/ping_group_range" if crosses => Taken::All("1\t0".to_owned()),
            _ if !whole => Taken::Leading(left),
            _ if before.is_none() => Taken::All(text.to_owned()),
            _ => Taken::All(left),
        }
    }
}

/// A write that the kernel refuses for what another parameter holds by then, where that is a number.
struct Bar {
    place: usize,
    beside: Option<(Key, i128)>,
}

/// The boot by one loader.
struct Boots<'v> {
    view: &'v BootView,
    loader: Loader,
    kernel: Release,
}

impl Boots<'_> {
    /// What a write of `text` leaves in a parameter, if the kernel takes it: of a single number
    /// nothing but that.
    fn takes(&self, key: &Key, text: &str) -> Option<String> {
        let parameter = catalogue::lookup(key);
        let shape = parameter.map_or(Shape::Unknown, Parameter::shape);
        let known = Known { shape, parameter, kernel: self.kernel };
        if shape.is_single_number() {
            return known.number(text).map(|number| number.to_string());
        }
        match known.taken(&BootValue::default(), text) {
            Taken::All(left) | Taken::Leading(left) => Some(left),
            Taken::Nothing => None,
        }
    }

    /// The first number of that.
    fn number(&self, key: &Key, text: &str) -> Option<i128> {
        fields(&self.takes(key, text)?).next().and_then(kernel_number)
    }

    /// What a switch of all interfaces holds before the write at that place: the kernel starts with
    /// each of them off.
    fn before(&self, switch: &Key, place: usize) -> i128 {
        let earlier = self.view.writes_about(self.loader, switch).take_while(|w| w.place < place);
        let numbers = earlier.filter_map(|write: Write<'_>| {
            if write.gets_to(switch) {
                return self.number(switch, &write.line.value);
            }
            let others = write.changes_of(switch).into_iter();
            let left = |(through, effect): (Key, Effect)| {
                effect.leaves(&self.takes(&through, &write.line.value)?, None)
            };
            kernel_number(&others.filter_map(left).last()?)
        });
        numbers.last().unwrap_or(0)
    }

    /// The writes to `key` that come at a moment when another parameter is in their way.
    fn bars(&self, key: &Key, known: Option<Parameter>) -> Vec<Bar> {
        let limit = catalogue::limit_of(key.as_path());
        let mut bars = limit.map_or(Vec::new(), |limit| self.bars_by(key, limit));
        for order in known.map_or(&[][..], Parameter::order) {
            if let Order::NeedsSecret(needing, leaf, for_all) = order {
                bars.extend(self.without_secret(key, *needing, &[leaf, for_all]));
            }
        }
        bars
    }

    /// The writes of that number before any of the secrets: a boot begins with none.
    fn without_secret(&self, key: &Key, needing: i64, secrets: &[&str; 2]) -> Vec<Bar> {
        let [leaf, for_all] = secrets;
        let for_all = Key::from_path(for_all);
        let writes = self.writes_about_both(key, for_all.as_ref().ok());
        let sets = |write: &&Write<'_>| {
            write.gets_to_sibling(key, leaf) || for_all.as_ref().is_ok_and(|all| write.gets_to(all))
        };
        let first = writes.iter().find(sets).map_or(usize::MAX, |write| write.place);
        let early = writes.iter().filter(|write| write.place < first && write.gets_to(key));
        early
            .filter(|write| self.number(key, &write.line.value) == Some(needing.into()))
            .map(|write| Bar { place: write.place, beside: None })
            .collect()
    }

    /// The writes about one parameter and another, each once, in the order of the boot.
    fn writes_about_both(&self, one: &Key, other: Option<&Key>) -> Vec<Write<'_>> {
        let keys = std::iter::once(one).chain(other);
        let mut writes: Vec<_> =
            keys.flat_map(|key| self.view.writes_about(self.loader, key)).collect();
        writes.sort_by_key(|write| write.place);
        writes.dedup_by_key(|write| write.place);
        writes
    }

    /// Both parameters through the boot, from what the kernel starts with (case E25).
    fn bars_by(&self, key: &Key, limit: Limit) -> Vec<Bar> {
        let mut numbers = limit.starts.map(i128::from);
        let mut bars = Vec::new();
        let [Ok(lower), Ok(upper)] = limit.keys.map(Key::from_path) else { return bars };
        for write in self.writes_about_both(&lower, Some(&upper)) {
            let both = [&lower, &upper];
            // A glob finds its matches in the order of their names.
            let order = if lower.as_path() < upper.as_path() { [0, 1] } else { [1, 0] };
            for at in order {
                let one = both[at];
                let number =
                    if write.gets_to(one) { self.number(one, &write.line.value) } else { None };
                let Some(number) = number else { continue };
                let mut then = numbers;
                then[at] = number;
                if then[0] <= then[1] {
                    numbers = then;
                } else if same(one.as_path(), key.as_path()) {
                    let other = 1 - at;
                    let beside = Some((both[other].clone(), numbers[other]));
                    bars.push(Bar { place: write.place, beside });
                }
            }
        }
        bars
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;
    use crate::value::Rounding;

    const KERNEL: Release = Release::new(6, 18);

    fn known(path: &str) -> Known {
        let parameter = catalogue::lookup(&Key::from_path(path).unwrap()).unwrap();
        Known { shape: parameter.shape(), parameter: Some(parameter), kernel: KERNEL }
    }

    fn taken(path: &str, before: Option<&str>, text: &str) -> Result<String, Option<String>> {
        let boot = BootValue { value: before.map(str::to_owned), ..BootValue::default() };
        match known(path).taken(&boot, text) {
            Taken::All(left) => Ok(left),
            Taken::Leading(left) => Err(Some(left)),
            Taken::Nothing => Err(None),
        }
    }

    proptest! {
        #[test]
        fn a_single_number_is_accepted_where_its_canonical_form_is(
            value in prop_oneof!["[ 0-9x,-]{0,6}", "[ \u{a0}\r\u{b}]?-?[0-9]{1,22}\\f?", ".{0,4}"],
        ) {
            for shape in [Shape::Number, Shape::Bool, Shape::Rounded(Rounding::Switch)] {
                let known = Known { shape, parameter: None, kernel: KERNEL };
                prop_assert_eq!(known.accepts(&value), canonical(shape, &value).is_ok());
            }
        }
    }

    #[test]
    fn numbers_are_taken_one_by_one_e8_e9() {
        let rmem = "net/ipv4/tcp_rmem";
        assert_eq!(taken(rmem, None, "1 2 3 # c"), Ok("1 2 3 # c".into()));
        assert_eq!(taken(rmem, Some("1 2 3"), "7"), Ok("7 2 3".into()));
        assert_eq!(taken(rmem, Some("1 2 3"), "8 9, 10"), Err(Some("8 2 3".into())));
        assert_eq!(taken(rmem, None, "8 9, 10"), Err(Some("8".into())));
        assert_eq!(taken(rmem, Some("1 2 3"), "x 9 10"), Err(None));
        // These are looked at as a whole.
        let ports = "net/ipv4/ip_local_port_range";
        assert_eq!(taken(ports, None, "61000"), Err(None), "above where the kernel's own ends");
        assert_eq!(taken(ports, Some("1024 65000"), "61000"), Ok("61000 65000".into()));
        assert_eq!(taken(ports, None, "9000 800"), Err(None));
        assert_eq!(taken(ports, None, "9000 9,"), Err(None));
        let groups = "net/ipv4/ping_group_range";
        assert_eq!(taken(groups, None, "100 50"), Ok("1\t0".into()));
    }

    #[test]
    fn a_mode_that_needs_a_secret_is_refused_before_it_e35() {
        let key = Key::from_path("net/ipv6/conf/eth0/addr_gen_mode").unwrap();
        let mode = "net.ipv6.conf.eth0.addr_gen_mode = 2\n";
        for (before, refused) in [
            ("", true),
            ("net.ipv6.conf.eth1.stable_secret = ::1\n", true),
            ("net.ipv6.conf.eth0.stable_secret = ::1\n", false),
            ("net.ipv6.conf.default.stable_secret = ::1\n", false),
        ] {
            let text = format!("{before}{mode}net.ipv6.conf.eth0.stable_secret = ::2\n{mode}");
            let tree = crate::bootview::with_file(
                &crate::observed::ConfTree::default(),
                "/etc/sysctl.d/a.conf",
                Some(&text),
            );
            let view = BootView::new(&tree);
            // The second of the two systemd takes for the first one.
            let boots = Boots { view: &view, loader: Loader::Procps, kernel: KERNEL };
            let bars = boots.bars(&key, catalogue::lookup(&key));
            assert_eq!(bars.len(), usize::from(refused), "{before:?}");
        }
    }

    #[test]
    fn blanks_divide_numbers_as_the_kernel_has_them() {
        let swappiness = "vm/swappiness";
        for text in ["31", "\u{b}31", "\r31 x", "31\tx", "0x1f", "031 #"] {
            assert!(known(swappiness).accepts(text), "{text:?}");
        }
        for text in ["31\r", "31\u{c}#", "31\u{b}", "31,", "000000000000000000031", "", "201"] {
            assert!(!known(swappiness).accepts(text), "{text:?}");
        }
    }
}
