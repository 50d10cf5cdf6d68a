//! How long the hub has been there, without a break, for those whose groups and messages it would remove.
//!
//! What has had its time is judged by the clock of the hub alone. While a hub was off nobody could come, and a clock that
//! leaps makes a year of a second: in either case whoever is still there is given the time to show it.

use std::time::Duration;

use crate::{sequencer::UnixMillis, store::Presence};

const DAY: UnixMillis = 24 * 3_600_000;

/// Retention looks at the clock at least once a day. What is longer than this is a break.
const BREAK_MS: UnixMillis = 2 * DAY;

/// So long after a break nothing is removed.
const REST_MS: UnixMillis = 7 * DAY;

/// So long after a break no group is deleted because nobody uses it: that is for ever.
const PATIENCE_MS: UnixMillis = 30 * DAY;

/// What is known of it behind another look at the clock. The hub of a new database has never been away.
pub(super) fn seen(before: Presence, now: UnixMillis) -> Presence {
    let is_unbroken = before.seen_ms == 0 || before.seen_ms.abs_diff(now) <= BREAK_MS;
    Presence { since_ms: if is_unbroken { before.since_ms } else { now }, seen_ms: now }
}

/// Whether it is worth writing, after that was.
pub(super) fn is_news(written: Presence, presence: Presence) -> bool {
    written.since_ms != presence.since_ms || written.seen_ms.abs_diff(presence.seen_ms) >= DAY / 24
}

/// When something is removed again, if that is not yet.
pub(super) fn rests_until(presence: Presence) -> Option<UnixMillis> {
    let until_ms = presence.since_ms.saturating_add(REST_MS);
    (presence.since_ms > 0 && presence.seen_ms < until_ms).then_some(until_ms)
}

/// How long that is.
pub(super) fn rest(presence: Presence) -> Option<Duration> {
    rests_until(presence).map(|until_ms| Duration::from_millis(until_ms.saturating_sub(presence.seen_ms)))
}

/// Whether a group that nobody used is one that nobody would.
pub(super) fn may_end_groups(presence: Presence) -> bool {
    presence.seen_ms >= presence.since_ms.saturating_add(PATIENCE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixMillis = 1_000 * DAY;

    /// Days at which the clock was looked at, one after the other.
    fn after(days: impl IntoIterator<Item = UnixMillis>) -> Presence {
        days.into_iter().fold(Presence::default(), |before, day| seen(before, START + day * DAY))
    }

    #[test]
    fn who_was_never_away_rests_never() {
        assert_eq!(rests_until(after(0..400)), None);
        assert!(may_end_groups(after([0])) && may_end_groups(after(0..400)));
        assert_eq!(rests_until(after([0, 2, 4])), None, "two days are no break");
    }

    #[test]
    fn a_break_is_followed_by_a_rest() {
        assert_eq!(rests_until(after([0, 3])), Some(START + 10 * DAY));
        assert_eq!(rests_until(after([0, 3].into_iter().chain(4..10))), Some(START + 10 * DAY));
        assert_eq!(rests_until(after([0].into_iter().chain(3..=10))), None);
        assert_eq!(rest(after([0, 3, 4])), Some(Duration::from_secs(6 * 24 * 3_600)));
        assert!(!may_end_groups(after([0].into_iter().chain(3..33))));
        assert!(may_end_groups(after([0].into_iter().chain(3..=33))));
    }

    /// Ahead by months, and put right again.
    #[test]
    fn a_clock_that_leaps_is_a_break_both_times() {
        assert_eq!(rests_until(after([0, 210])), Some(START + 217 * DAY));
        assert_eq!(rests_until(after([0, 210, 211, 2])), Some(START + 9 * DAY));
        assert_eq!(rests_until(after([210, 211, 2].into_iter().chain(3..=9))), None);
    }
}
