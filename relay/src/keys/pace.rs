//! When a gateway's key list is looked at next.

use std::time::Duration;

use crate::limits::KeyLimits;

/// After a gateway could not be reached, the next look comes this soon, and ever later.
const PAUSE_FIRST: Duration = Duration::from_secs(2);
const PAUSE_MAX: Duration = Duration::from_secs(5 * 60);
/// No look follows another sooner, whatever the gateway says.
const EARLY_MIN: Duration = Duration::from_secs(1);

/// The pace of the looks at one gateway.
#[derive(Debug)]
pub(super) struct Pace {
    /// After the next failure.
    pause: Duration,
    /// Whether the last look came before its time, because the list was to change.
    was_early: bool,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { pause: PAUSE_FIRST, was_early: false }
    }

    /// For how long to rest after a list that is good for `max_age`.
    ///
    /// A gateway whose list changes soon says so: its `max-age` ends when the list has changed. Who looks a minute later
    /// has the old list until then, and clients take the difference for an attack. So that time is kept although it is
    /// shorter than the operator's least; but not twice in a row, or the gateway would set the pace.
    pub(super) fn after_list(&mut self, max_age: Duration, limits: &KeyLimits) -> Duration {
        self.pause = PAUSE_FIRST;
        self.was_early = !self.was_early && !max_age.is_zero() && max_age < limits.refresh_min;
        if self.was_early { max_age.max(EARLY_MIN) } else { max_age.min(limits.refresh_max).max(limits.refresh_min) }
    }

    /// For how long to rest after a look that brought no list.
    pub(super) fn after_failure(&mut self) -> Duration {
        let now = self.pause;
        self.pause = (now * 2).min(PAUSE_MAX);
        now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rests(ages: &[u64]) -> Vec<u64> {
        let limits = KeyLimits { change_min: SECOND, refresh_min: 60 * SECOND, refresh_max: 600 * SECOND };
        let mut pace = Pace::new();
        ages.iter().map(|age| pace.after_list(Duration::from_secs(*age), &limits).as_secs()).collect()
    }

    #[test]
    fn a_list_is_looked_at_when_its_time_is_over_within_bounds() {
        assert_eq!(rests(&[300, 60, 9999, u64::MAX / 2]), [300, 60, 600, 600]);
    }

    #[test]
    fn a_change_that_is_announced_is_looked_for_once_before_the_pace_allows() {
        assert_eq!(rests(&[20, 300]), [20, 300]);
        assert_eq!(rests(&[59, 59, 59, 59]), [59, 60, 59, 60], "it is not there yet");
        assert_eq!(rests(&[0, 0]), [60, 60], "that announces nothing");
        let half = Duration::from_millis(500);
        assert_eq!(Pace::new().after_list(half, &KeyLimits::default()), SECOND);
    }

    #[test]
    fn a_gateway_that_cannot_be_reached_is_asked_ever_more_rarely() {
        let mut pace = Pace::new();
        let pauses: Vec<_> = (0..10).map(|_| pace.after_failure().as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        pace.after_list(60 * SECOND, &KeyLimits::default());
        assert_eq!(pace.after_failure(), PAUSE_FIRST);
    }
}
