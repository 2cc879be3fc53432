//! Interfaces that come and go, often many at once: their parameters are set soon, and our files
//! follow once it is quiet.

use std::time::Duration;

use crate::watch::clock;

use super::Daemon;

/// The first interface after a while is looked at immediately, those that follow it together: a new
/// one waits no longer than this.
const TOGETHER: Duration = Duration::from_millis(300);
/// So long nothing is to come or go before our files follow …
const QUIET: Duration = Duration::from_secs(5);
/// … which they do after this time in any case.
const AT_LAST: Duration = Duration::from_secs(60);

/// What is waiting to be done. Times are monotonic.
#[derive(Default)]
pub struct Links {
    /// To look at which interfaces there are.
    look: Option<Duration>,
    /// When that was done last.
    looked: Duration,
    /// Patterns match something else: to set that, live only.
    matches: Option<Duration>,
    /// To have our files follow, and since when they lag behind.
    follow: Option<(Duration, Duration)>,
}

impl Links {
    /// What is to be done next.
    pub fn next(&self) -> Option<Duration> {
        [self.look, self.matches, self.follow.map(|(then, _)| then)].into_iter().flatten().min()
    }

    /// Something has happened to an interface.
    pub fn happened(&mut self, now: Duration) {
        self.look.get_or_insert(now.max(self.looked + TOGETHER));
    }

    /// Patterns are to be matched anew then.
    pub fn match_anew(&mut self, then: Duration) {
        self.matches = Some(then);
    }

    /// What patterns match is set; whether our files, or what is remembered, lag behind by that.
    pub fn lag(&mut self, now: Duration, lags: bool) {
        let since = self.follow.map_or(now, |(_, since)| since);
        self.follow = lags.then(|| ((now + QUIET).min(since + AT_LAST), since));
    }

    /// All is read anew, files included.
    pub fn all_is_read(&mut self) {
        (self.matches, self.follow) = (None, None);
    }
}

impl Daemon<'_> {
    /// Looks at what has come and gone, if that is due.
    pub(super) fn look_at_links(&mut self, now: Duration) {
        let is = |then: Option<Duration>| then.is_some_and(|then| then <= now);
        if is(self.soon.links.look) {
            // One that came back by the same name has other parameters, whatever patterns match.
            self.sweep(true);
            (self.soon.links.look, self.soon.links.looked) = (None, clock::monotonic());
        }
        // Where that cannot be done now it is asked for again like any other reload.
        if self.soon.links.follow.take_if(|(then, _)| *then <= now).is_some() {
            self.soon.reload = Some(now);
        }
        // What is read anew for another reason does this as well.
        if is(self.soon.links.matches) && self.soon.reload.is_none_or(|then| then > now) {
            self.soon.links.matches = None;
            self.reload(super::reload::Why::Matches);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One interface every 50 ms, for two minutes.
    #[test]
    fn a_steady_stream_puts_nothing_off_for_ever() {
        let mut links = Links::default();
        let (mut looks, mut follows) = (0, 0);
        for now in (10_000..130_000).step_by(50).map(Duration::from_millis) {
            links.happened(now);
            assert!(links.look.is_some_and(|then| then <= now + TOGETHER));
            if links.next().is_some_and(|then| then <= now) {
                if links.follow.is_some_and(|(then, _)| then <= now) {
                    links.all_is_read();
                    follows += 1;
                } else {
                    (links.look, links.looked) = (None, now);
                    links.lag(now, true);
                    looks += 1;
                }
            }
        }
        assert!((350..=400).contains(&looks), "{looks} looks");
        assert_eq!(follows, 1, "more than once a minute, or never");
        // What went again leaves nothing to be done.
        links.lag(Duration::from_secs(130), false);
        links.look = None;
        assert_eq!(links.next(), None);
    }
}
