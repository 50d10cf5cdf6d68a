//! Times that are kept of who was asked for, and by whom: to the day.

use crate::sequencer::UnixMillis;

const DAY: UnixMillis = 86_400_000;

/// The beginning of that day, UTC.
///
/// # Privacy
/// What was handed out when, and which contact's token opened it, is a record of who met whom. Nothing that the pool
/// decides needs the hour.
pub(super) fn day_of(now: UnixMillis) -> UnixMillis {
    now - now % DAY
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_forgotten() {
        assert_eq!([0, 1, DAY - 1, DAY, 2 * DAY + 5].map(day_of), [0, 0, 0, DAY, 2 * DAY]);
        assert_eq!(day_of(UnixMillis::MAX) % DAY, 0);
    }
}
