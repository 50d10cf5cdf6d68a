//! How long to wait before trying again.

use std::time::Duration;

/// Exponential backoff with jitter, and the number of tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait before the second try.
    pub first: Duration,
    /// The longest wait before any try.
    pub maximum: Duration,
    /// How often a request is sent at most, the first time included.
    pub attempts: u32,
    /// `Retry-After` is obeyed up to this.
    pub retry_after_maximum: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            maximum: Duration::from_secs(10),
            attempts: 6,
            retry_after_maximum: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// The wait after the `failures`-th failure (from 1): between half of the exponential step and all of it, as `random`
    /// says, so that clients which failed together do not come back together; at least `retry_after`, within its limit.
    pub fn delay(&self, failures: u32, random: u64, retry_after: Option<Duration>) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let step = self.first.saturating_mul(1 << doublings).min(self.maximum);
        let half = step / 2;
        let jitter =
            u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).checked_add(1).map_or(0, |range| random % range);
        let wait = half + Duration::from_nanos(jitter);
        wait.max(retry_after.unwrap_or_default().min(self.retry_after_maximum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_the_maximum_and_jitter_stays_within() {
        let backoff =
            Backoff { first: Duration::from_millis(100), maximum: Duration::from_millis(350), ..Backoff::default() };
        for (failures, step) in [(1, 100), (2, 200), (3, 350), (4, 350), (u32::MAX, 350)] {
            for random in [0, 1, 77, u64::MAX / 3, u64::MAX] {
                let delay = backoff.delay(failures, random, None);
                assert!(delay >= Duration::from_millis(step) / 2 && delay <= Duration::from_millis(step));
            }
        }
    }

    #[test]
    fn retry_after_is_obeyed_within_its_limit() {
        let backoff = Backoff { retry_after_maximum: Duration::from_secs(30), ..Backoff::default() };
        assert_eq!(backoff.delay(1, 0, Some(Duration::from_secs(20))), Duration::from_secs(20));
        assert_eq!(backoff.delay(1, 0, Some(Duration::from_secs(9000))), Duration::from_secs(30));
    }
}
