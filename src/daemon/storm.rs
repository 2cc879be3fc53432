//! Scheduled before all ordinary processes, but for storms.

use std::time::Duration;

use crate::watch::priority;

use super::Daemon;

/// More wake-ups in a second are a storm.
const STORM: u64 = 2_000;

impl Daemon<'_> {
    /// Ordinary scheduling while a storm lasts, so that it starves nobody.
    pub(super) fn watch_for_storm(&mut self, now: Duration) {
        let (wakes, since) = &mut self.counts.wakes;
        *wakes += 1;
        if now.saturating_sub(*since) < Duration::from_secs(1) {
            if *wakes > STORM && self.real_time {
                self.set_real_time(false);
            }
            return;
        }
        let calm = *wakes < STORM / 2;
        (*wakes, *since) = (0, now);
        if calm && !self.real_time {
            self.set_real_time(true);
        }
    }

    pub(super) fn set_real_time(&mut self, on: bool) {
        match priority::real_time(on) {
            Ok(()) => self.real_time = on,
            Err(error) => log::info!("scheduling stays as it is: {error}"),
        }
    }
}
