//! Hosts by what is true of them: what has a name in gates, and sums of it.

use crate::wire::fleet::FleetHosts;

/// What can be true of a host.
pub type Finding = fn(&FleetHosts) -> u64;

/// Every finding that a gate can ask for, by name.
pub const FINDINGS: [(&str, Finding); 13] = [
    ("ahead", |h| h.ahead),
    ("blocked", |h| h.blocked),
    ("boot", |h| h.boot),
    ("changed", |h| h.changed),
    ("contested", |h| h.contested),
    ("drift", |h| h.drift),
    ("failed", |h| h.failed),
    ("let_go", |h| h.let_go),
    ("no_baseline", |h| h.no_baseline),
    ("pending", |h| h.pending),
    ("pressure", |h| h.pressure),
    ("silent", |h| h.silent),
    ("unapplied", |h| h.unapplied),
];

/// Both together.
pub fn sum(a: FleetHosts, b: FleetHosts) -> FleetHosts {
    FleetHosts {
        total: a.total + b.total,
        in_sync: a.in_sync + b.in_sync,
        drift: a.drift + b.drift,
        boot: a.boot + b.boot,
        contested: a.contested + b.contested,
        pending: a.pending + b.pending,
        blocked: a.blocked + b.blocked,
        waived: a.waived + b.waived,
        let_go: a.let_go + b.let_go,
        changed: a.changed + b.changed,
        silent: a.silent + b.silent,
        ahead: a.ahead + b.ahead,
        pressure: a.pressure + b.pressure,
        failed: a.failed + b.failed,
        no_baseline: a.no_baseline + b.no_baseline,
        unapplied: a.unapplied + b.unapplied,
    }
}
