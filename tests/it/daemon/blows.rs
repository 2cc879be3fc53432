//! Who writes the same value again right after the correction, before that is read back.

use std::process::Command;
use std::time::{Duration, Instant};

use tunectl::daemon::{Daemon, Options, Records, Swept};
use tunectl::wire::Watch;
use tunectl::wire::event::Event;

use super::harness::{ThisHost, fresh_host, from_another_process, live};
use super::{in_namespaces, run};
use crate::support::PATIENCE;

const PARAMETERS: &str = "parameters:
  net.core.somaxconn: 4321
  net.ipv4.tcp_fin_timeout: 31
";
const BOTH: [(&str, &str); 2] =
    [("net.core.somaxconn", "4321"), ("net.ipv4.tcp_fin_timeout", "31")];

/// Strikes when the first drift is told: both values are right by then, and only the parameter that
/// is told of was read back.
struct Striking {
    strike: fn(&str),
    events: Vec<Event>,
}

impl Records for Striking {
    fn record(&mut self, event: &Event) {
        if self.events.is_empty() && event.to.as_deref() == Some("77") {
            let key = event.key.as_deref().unwrap();
            let (other, _) = BOTH.into_iter().find(|(other, _)| *other != key).unwrap();
            (self.strike)(other);
        }
        self.events.extend((event.to.as_deref() == Some("77")).then(|| event.clone()));
    }

    fn tend(&mut self) {}

    fn due(&self) -> Option<Duration> {
        None
    }

    fn stands(&mut self, _: &Watch, _: &str) {}

    fn swept(&mut self, _: &Swept<'_>) {}
}

/// What is told of both parameters, changed at once and one of them struck again, until both are
/// right.
fn told(bpf: bool, sweep: u64, strike: fn(&str)) -> Vec<Event> {
    let mut host = ThisHost(PARAMETERS.into());
    let mut records = Striking { strike, events: Vec::new() };
    let options = Options { sweep: Duration::from_secs(sweep), contest: None, bpf, pin: false };
    let mut daemon = Daemon::start(&mut host, &mut records, options).unwrap();
    daemon.turn_once().unwrap();
    let ran = run(Command::new("sysctl").arg("-qw").args(BOTH.map(|(key, _)| format!("{key}=77"))));
    assert!(ran.status.success(), "{ran:?}");
    let right = || BOTH.iter().all(|(key, value)| live(&key.replace('.', "/")) == *value);
    let deadline = Instant::now() + PATIENCE;
    while daemon.counts().restored < 3 || !right() {
        assert!(Instant::now() < deadline, "it is put right");
        daemon.turn_once().unwrap();
    }
    drop(daemon);
    records.events
}

#[test]
fn the_same_value_again_is_another_drift_and_no_correction_that_failed() {
    let test = "daemon::blows::the_same_value_again_is_another_drift_and_no_correction_that_failed";
    in_namespaces(test, || {
        fresh_host("");
        for bpf in [true, false] {
            let events = told(bpf, 3600, |key| from_another_process(key, "77"));
            let actions: Vec<&str> = events.iter().map(|e| e.action.as_str()).collect();
            assert_eq!(actions, ["restored"; 3], "{events:#?}");
        }
    });
}

/// A write through another procfs raises no event without BPF, so that the kernel seems to have kept
/// its value.
#[test]
fn what_the_kernel_seems_to_have_kept_is_tried_again() {
    let test = "daemon::blows::what_the_kernel_seems_to_have_kept_is_tried_again";
    in_namespaces(test, || {
        fresh_host("");
        let events = told(false, 1, |key| {
            let ran = run(Command::new("unshare")
                .args(["-mpf", "--mount-proc", "sysctl", "-qw"])
                .arg(format!("{key}=77")));
            assert!(ran.status.success(), "{ran:?}");
        });
        let actions: Vec<&str> = events.iter().map(|e| e.action.as_str()).collect();
        assert_eq!(actions, ["restored", "failed", "restored"], "{events:#?}");
    });
}
