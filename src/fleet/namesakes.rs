//! Hosts of one name, which count as one: they are known by boots that alternate, or that follow each
//! other faster than a host can be booted and report.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasher as _;

use super::hash::Quick;
use super::json::{Bad, Cursor, fields};
use super::record::Text;
use super::time;

/// Boots that are told apart; a warning needs no more.
const MOST: usize = 1 << 15;
/// Three boots within that, in microseconds, are more than a host has that does its work.
const SHORT: u64 = 3_600_000_000;

/// The boots of hosts that have several reports, for all threads: a name is kept from a host's second
/// boot on.
#[derive(Default)]
pub struct Namesakes {
    key: Quick,
    /// By hash of the name, the boot that was seen first.
    hosts: HashMap<u64, Boot, Quick>,
    /// By name, all boots, where there are several.
    several: HashMap<Box<str>, Vec<Boot>, Quick>,
    count: usize,
}

/// A boot by the hash of its id, and when its first and its last report was, in microseconds since
/// 1970.
#[derive(Clone, Copy)]
struct Boot {
    id: u64,
    first: u64,
    last: u64,
}

impl Boot {
    fn add(&mut self, time: u64) {
        (self.first, self.last) = (self.first.min(time), self.last.max(time));
    }
}

impl Namesakes {
    /// Takes note of a report's boot.
    pub fn add(&mut self, report: &Told<'_>) {
        let Told { time, host, boot } = report;
        let id = self.key.hash_one(boot.as_bytes());
        let new = Boot { id, first: *time, last: *time };
        let room = self.count < MOST;
        let boots = match self.hosts.entry(self.key.hash_one(host.as_bytes())) {
            Entry::Vacant(place) if room => {
                place.insert(new);
                self.count += 1;
                return;
            }
            Entry::Vacant(_) => return,
            Entry::Occupied(place) => {
                let only = place.into_mut();
                match self.several.get_mut(&**host) {
                    Some(boots) => boots,
                    None if only.id == id => return only.add(*time),
                    None if room => {
                        self.several.entry((&**host).into()).or_insert_with(|| vec![*only])
                    }
                    None => return,
                }
            }
        };
        match boots.binary_search_by_key(&id, |boot| boot.id) {
            Ok(at) => {
                if let Some(boot) = boots.get_mut(at) {
                    boot.add(*time);
                }
            }
            Err(at) if room => {
                boots.insert(at, new);
                self.count += 1;
            }
            Err(_) => {}
        }
    }

    /// The names that several hosts seem to have, and the boots of each, most first.
    pub fn found(self) -> Vec<(Box<str>, u64)> {
        let mut found: Vec<_> = self
            .several
            .into_iter()
            .filter_map(|(host, boots)| several(&boots).then_some((host, boots.len() as u64)))
            .collect();
        found.sort_by(|a, b| (b.1, &a.0).cmp(&(a.1, &b.0)));
        found
    }
}

/// Whether boots are those of several hosts.
fn several(boots: &[Boot]) -> bool {
    let mut spans: Vec<_> = boots.iter().map(|boot| (boot.first, boot.last)).collect();
    spans.sort_unstable();
    let alternate = spans.windows(2).any(|two| matches!(two, [a, b] if b.0 <= a.1));
    let fast = spans.windows(3).any(|three| matches!(three, [a, _, c] if c.0 - a.0 < SHORT));
    alternate || fast
}

fields!(Top { Time = "time", Host = "host" });
fields!(Host { Name = "name", BootId = "boot_id" });

/// What a report says of a boot.
pub struct Told<'a> {
    time: u64,
    host: Text<'a>,
    boot: Text<'a>,
}

impl<'a> Told<'a> {
    /// Reads the begin of a report. One from `ahead_from` on says nothing of when it was.
    pub fn read(line: &'a str, ahead_from: u64) -> Option<Self> {
        let (mut time, mut host) = (None, None);
        // That it ends there is no failure: the report has been read before.
        let _ = Cursor::new(line).fields(|c, field| {
            match field {
                Top::Time => time = time::micros(&c.string()?),
                Top::Host => {
                    let (mut name, mut id) = (Text::default(), Text::default());
                    c.fields(|c, field| {
                        match field {
                            Host::Name => name = c.string()?,
                            Host::BootId => id = c.optional()?.unwrap_or_default(),
                        }
                        Ok(())
                    })?;
                    host = Some((name, id));
                }
            }
            let enough = time.is_some() && host.is_some();
            if enough { Err(Bad { at: 0, what: "enough" }) } else { Ok(()) }
        });
        let (time, (host, boot)) = time.zip(host)?;
        (time < ahead_from && !boot.is_empty()).then_some(Self { time, host, boot })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reports: &[(&str, u64)]) -> Vec<(Box<str>, u64)> {
        let mut all = Namesakes::default();
        for (id, minute) in reports {
            let time = time::text(1_795_694_400_000_000 + minute * 60_000_000);
            let line = format!(
                r#"{{"schema":"x","host":{{"name":"a","kernel":"6","boot_id":"{id}"}},"time":"{time}","#
            );
            if let Some(told) = Told::read(&line, u64::MAX) {
                all.add(&told);
            }
            assert!(Told::read(&line, 0).is_none());
        }
        all.found()
    }

    #[test]
    fn boots_that_alternate_or_follow_fast_are_of_several_hosts() {
        for (reports, boots) in [
            // A host that was booted anew, and again the next day.
            (&[("x", 0), ("x", 9), ("y", 11), ("y", 12), ("z", 1500)][..], 0),
            (&[("x", 0), ("y", 1), ("x", 2)], 2),
            (&[("x", 0), ("y", 0)], 2),
            (&[("x", 0), ("y", 1), ("z", 2)], 3),
            (&[("x", 0), ("y", 100), ("z", 200)], 0),
            (&[("", 0), ("", 1), ("", 2), ("x", 1)], 0),
        ] {
            let found = of(reports).first().map_or(0, |found| found.1);
            assert_eq!(found, boots, "{reports:?}");
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut all = Namesakes::default();
        for n in 0..2 * MOST {
            let (host, boot) = ((n / 3).to_string().into(), n.to_string().into());
            all.add(&Told { time: 0, host, boot });
        }
        assert_eq!((all.count, all.found().len()), (MOST, MOST.div_ceil(3)));
    }
}
