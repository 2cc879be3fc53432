//! What the counts say, in the order in which people want to know it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::wire::fleet::{
    FLEET_SCHEMA, Fleet, FleetBaseline, FleetBlocked, FleetBoot, FleetContested, FleetDrift,
    FleetFailed, FleetFinding, FleetKey, FleetOutlier, FleetReports, FleetSilent, FleetValue,
    FleetVersion, FleetWriter,
};

use super::hosts::FINDINGS;
use super::names::Name;
use super::table::{Changes, Group, Table};
use super::tally::{Tally, Terms, Who};
use super::time;

/// Peers that make one value the usual one.
const FEWEST_PEERS: u64 = 5;

/// The answer; the reports' numbers, what could not be read and what only a second reading shows are
/// the reader's to add.
pub fn answer(tally: &Tally, terms: &Terms) -> Fleet {
    let text = |name: Name| tally.names.text(name).to_owned();
    let mut baselines: Vec<_> = tally
        .baselines
        .rows()
        .map(|((name, sha256), holders)| FleetBaseline {
            name: text(*name),
            sha256: text(*sha256),
            hosts: holders.group.hosts,
            in_sync: holders.in_sync,
            drift: holders.drift,
            unapplied: holders.unapplied,
            sample: sample(&holders.group),
        })
        .collect();
    baselines.sort_by(|a, b| {
        (Reverse(a.hosts), &a.name, &a.sha256).cmp(&(Reverse(b.hosts), &b.name, &b.sha256))
    });
    let mut versions: Vec<_> = tally
        .versions
        .rows()
        .map(|(version, group)| FleetVersion {
            version: text(*version),
            hosts: group.hosts,
            sample: sample(group),
        })
        .collect();
    versions.sort_by(|a, b| (Reverse(a.hosts), &a.version).cmp(&(Reverse(b.hosts), &b.version)));
    let mut contested: Vec<_> = tally
        .contested
        .rows()
        .map(|(key, group)| FleetContested {
            key: text(*key),
            hosts: group.hosts,
            writers: writers(tally, &tally.contenders, *key),
            sample: sample(group),
        })
        .collect();
    contested.sort_by(|a, b| (Reverse(a.hosts), &a.key).cmp(&(Reverse(b.hosts), &b.key)));
    let mut pending: Vec<_> = tally
        .pending
        .rows()
        .map(|(key, group)| FleetKey { key: text(*key), hosts: group.hosts, sample: sample(group) })
        .collect();
    pending.sort_by(|a, b| (Reverse(a.hosts), &a.key).cmp(&(Reverse(b.hosts), &b.key)));
    let mut blocked: Vec<_> = tally
        .blocked
        .rows()
        .map(|((key, why), group)| FleetBlocked {
            key: text(*key),
            why: text(*why),
            hosts: group.hosts,
            sample: sample(group),
        })
        .collect();
    blocked.sort_by(|a, b| {
        (Reverse(a.hosts), &a.key, &a.why).cmp(&(Reverse(b.hosts), &b.key, &b.why))
    });
    Fleet {
        schema: FLEET_SCHEMA.into(),
        time: time::text(terms.now),
        silent_before: time::text(terms.silent_before),
        pressure_from: terms.pressure_from,
        reports: FleetReports { beyond: tally.beyond(), ..FleetReports::default() },
        hosts: tally.hosts,
        stale: tally.stale,
        findings: findings(tally),
        failed: tally
            .failed
            .said()
            .map(|(host, error)| FleetFailed { host: host.to_owned(), error: error.to_string() })
            .collect(),
        baselines,
        versions,
        drift: drift(tally),
        contested,
        boot: boot(tally),
        pending,
        blocked,
        outliers: outliers(tally),
        silent: tally
            .silent
            .iter()
            .map(|(time, host)| FleetSilent { host: host.to_string(), time: time::text(*time) })
            .collect(),
        namesakes: Vec::new(),
        changes_by_hour: tally.hours.iter().rev().copied().collect(),
        unreadable: Vec::new(),
        gate: None,
    }
}

fn boot(tally: &Tally) -> Vec<FleetBoot> {
    let text = |name: Name| tally.names.text(name).to_owned();
    let mut boot: Vec<_> = tally
        .boot
        .rows()
        .map(|((key, status, source, boot_unit), group)| FleetBoot {
            key: text(*key),
            boot_status: text(*status),
            source: source.map(text),
            boot_unit: *boot_unit,
            hosts: group.hosts,
            sample: sample(group),
        })
        .collect();
    boot.sort_by(|a, b| {
        (Reverse(a.hosts), &a.key, &a.boot_status, &a.source, a.boot_unit).cmp(&(
            Reverse(b.hosts),
            &b.key,
            &b.boot_status,
            &b.source,
            b.boot_unit,
        ))
    });
    boot
}

fn findings(tally: &Tally) -> Vec<FleetFinding> {
    let all = FINDINGS.iter().zip(&tally.found);
    let mut findings: Vec<_> = all
        .filter(|(_, roster)| roster.hosts > 0)
        .map(|((finding, _), roster)| {
            let sample: Vec<String> = roster.names().map(str::to_owned).collect();
            FleetFinding {
                finding: (*finding).to_owned(),
                hosts: roster.hosts,
                more: roster.hosts - (sample.len() as u64).min(roster.hosts),
                sample,
            }
        })
        .collect();
    findings.sort_by(|a, b| (Reverse(a.hosts), &a.finding).cmp(&(Reverse(b.hosts), &b.finding)));
    findings
}

fn sample(group: &Group) -> Vec<String> {
    group.sample.iter().map(ToString::to_string).collect()
}

fn drift(tally: &Tally) -> Vec<FleetDrift> {
    let mut drifted: BTreeMap<Name, (Group, Vec<FleetValue>)> = BTreeMap::new();
    for ((key, value, status), group) in tally.drifted.rows() {
        let (all, values) = drifted.entry(*key).or_default();
        super::table::Sum::sum(all, group);
        values.push(FleetValue {
            value: value.map(|value| tally.names.text(value).to_owned()),
            live_status: tally.names.text(*status).to_owned(),
            hosts: group.hosts,
        });
    }
    let changed = tally.changed.rows().map(|(key, _)| *key);
    let keys: BTreeSet<Name> = drifted.keys().copied().chain(changed).collect();
    let mut drift: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let (all, mut values) = drifted.remove(&key).unwrap_or_default();
            values.sort_by(|a, b| {
                (Reverse(a.hosts), &a.value, &a.live_status).cmp(&(
                    Reverse(b.hosts),
                    &b.value,
                    &b.live_status,
                ))
            });
            let changes = tally.changed.get(&key).copied().unwrap_or_default();
            FleetDrift {
                key: tally.names.text(key).to_owned(),
                hosts: all.hosts,
                values,
                changed_hosts: changes.hosts,
                changes: changes.changes,
                writers: writers(tally, &tally.writers, key),
                sample: sample(&all),
            }
        })
        .collect();
    drift.sort_by(|a, b| {
        (Reverse(a.hosts), Reverse(a.changed_hosts), &a.key).cmp(&(
            Reverse(b.hosts),
            Reverse(b.changed_hosts),
            &b.key,
        ))
    });
    drift
}

/// Who changes that key.
fn writers(tally: &Tally, table: &Table<(Name, Who), Changes>, key: Name) -> Vec<FleetWriter> {
    let text = |name: Name| tally.names.text(name).to_owned();
    let mut writers: Vec<_> = table
        .rows()
        .filter(|((of, _), _)| *of == key)
        .map(|((_, who), changes)| FleetWriter {
            comm: who.comm.map(text),
            unit: who.unit.map(text),
            cause: text(who.cause),
            hosts: changes.hosts,
            changes: changes.changes,
        })
        .collect();
    writers.sort_by(|a, b| {
        (Reverse(a.hosts), &a.comm, &a.unit, &a.cause).cmp(&(
            Reverse(b.hosts),
            &b.comm,
            &b.unit,
            &b.cause,
        ))
    });
    writers
}

/// Values beside the usual one: what at least three quarters of the peers read.
fn outliers(tally: &Tally) -> Vec<FleetOutlier> {
    // By roles and key, what each value counts, drift or not.
    let mut peers: BTreeMap<(Name, Name), BTreeMap<Name, u64>> = BTreeMap::new();
    for ((roles, key, value, _), group) in tally.values.rows() {
        *peers.entry((*roles, *key)).or_default().entry(*value).or_default() += group.hosts;
    }
    let usual = |of: &BTreeMap<Name, u64>| {
        let all: u64 = of.values().sum();
        let (value, most) = of.iter().max_by_key(|(_, hosts)| **hosts)?;
        (all >= FEWEST_PEERS && most * 4 >= all * 3).then_some((*value, *most, all))
    };
    let mut outliers: Vec<FleetOutlier> = Vec::new();
    for ((roles, key, value, drift), group) in tally.values.rows() {
        let usual = peers.get(&(*roles, *key)).and_then(usual);
        let Some((usual, usual_hosts, peers)) = usual.filter(|(usual, ..)| usual != value) else {
            continue;
        };
        let text = |name: Name| tally.names.text(name).to_owned();
        outliers.push(FleetOutlier {
            roles: text(*roles),
            key: text(*key),
            value: text(*value),
            hosts: group.hosts,
            usual: text(usual),
            usual_hosts,
            peers,
            drift: *drift,
            sample: sample(group),
        });
    }
    // What no other list has comes first.
    outliers.sort_by(|a, b| {
        let rank = |o: &FleetOutlier| (o.drift, Reverse(o.hosts));
        (rank(a), &a.key, &a.value, &a.roles).cmp(&(rank(b), &b.key, &b.value, &b.roles))
    });
    outliers
}
