//! A bucket of requests: how many may come at once, and how fast it fills again.
//!
//! A pure function of the times that it is given.

use std::time::Duration;

/// The generic cell rate algorithm: one number says when the bucket will be full again.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// Since the origin of the caller's clock.
    full_at: Duration,
}

impl Rate {
    /// Takes one request out, or says how long to wait until one is there. A rate of 0 allows nothing.
    pub(crate) fn take(&mut self, now: Duration, per_minute: u32, burst: u32) -> Result<(), Duration> {
        const MINUTE: Duration = Duration::from_secs(60);
        let Some(cost) = MINUTE.checked_div(per_minute) else { return Err(MINUTE) };
        let full_at = self.full_at.max(now) + cost;
        let allowed = now + cost * burst.max(1);
        match full_at.checked_sub(allowed) {
            None | Some(Duration::ZERO) => {
                self.full_at = full_at;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_and_then_one_at_a_time() {
        let mut rate = Rate::default();
        let now = 1000 * SECOND;
        for _ in 0..3 {
            rate.take(now, 60, 3).unwrap();
        }
        assert_eq!(rate.take(now, 60, 3), Err(SECOND));
        assert_eq!(rate.take(now + SECOND / 2, 60, 3), Err(SECOND / 2), "what was refused cost nothing");
        rate.take(now + SECOND, 60, 3).unwrap();
        assert!(rate.take(now + SECOND, 60, 3).is_err());
        // However long it rests, it holds no more than the burst.
        let later = now + 3600 * SECOND;
        for _ in 0..3 {
            rate.take(later, 60, 3).unwrap();
        }
        assert!(rate.take(later, 60, 3).is_err());
    }

    #[test]
    fn nothing_is_allowed_at_a_rate_of_zero() {
        assert!(Rate::default().take(SECOND, 0, 10).is_err());
    }

    #[test]
    fn over_an_hour_no_more_than_the_rate_and_one_burst_pass() {
        let mut rate = Rate::default();
        let passed = (0..36_000).filter(|tenth| rate.take(SECOND / 10 * *tenth, 60, 30).is_ok()).count();
        assert!((3600..=3630).contains(&passed), "{passed}");
    }
}
