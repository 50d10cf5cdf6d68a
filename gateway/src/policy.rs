//! The numbers of a gateway that its operator may choose.

use std::{num::NonZeroU32, time::Duration};

use crate::budget::Rate;

/// Sealed answers that no request was read for have this size, and no class is smaller. Bytes.
pub const SMALLEST_CLASS: usize = 8 * 1024;

/// Limits. The defaults are those of [`Policy::default`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Bytes of an Encapsulated Request at most: 64 KiB.
    pub request_bytes_max: usize,
    /// A body has come as a whole after so long: 10 s.
    pub body_timeout: Duration,
    /// The target has answered after so long: 10 s, so that a relay that waits a little longer gets the sealed answer.
    pub target_timeout: Duration,
    /// Requests that are read or answered at once: 1024. With the largest body this bounds the memory.
    pub requests_at_once: usize,
    /// A date may be so far from now, either way: 120 s (RFC 9458 §6.5.1). It is no secret.
    pub date_window: Duration,
    /// Copies of how many requests are recognised: 500 000, which is 50 MB. More within two windows are refused, whoever
    /// sends them: [`Policy::marks_within_budgets`] says how many there can be.
    pub replay_marks_max: usize,
    /// Budget of each relay that is known: 500 a second, 1000 at once.
    pub each_relay: Rate,
    /// Budget of all others together: 5 a second, 20 at once.
    pub others_together: Rate,
    /// How long the list of keys may be cached: 10 min, and never longer than until some seconds after its next change.
    /// So late does a relay learn of a key that had to go at once. At most as long as a key is accepted after it left
    /// the list.
    pub list_max_age: Duration,
}

impl Policy {
    /// How many marks there can be at once of requests that came within the budgets of so many known relays and of all
    /// others. A window with room for them is never full, so nobody can take another's room.
    ///
    /// A mark lives for twice the date window and is forgotten by whole seconds. After a restart all budgets are full
    /// anew beside the marks from before it, so a burst counts twice.
    #[must_use]
    pub fn marks_within_budgets(&self, relays: usize) -> u64 {
        let life_s = 2 * (self.date_window.as_secs() + u64::from(self.date_window.subsec_nanos() > 0)) + 2;
        let most = |rate: Rate| {
            u64::from(rate.per_second.get()).saturating_mul(life_s).saturating_add(2 * u64::from(rate.burst.get()))
        };
        let relays = u64::try_from(relays).unwrap_or(u64::MAX);
        most(self.each_relay).saturating_mul(relays).saturating_add(most(self.others_together))
    }
}

impl Default for Policy {
    fn default() -> Self {
        let rate = |per_second, burst| Rate {
            per_second: NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
        };
        Self {
            request_bytes_max: 64 * 1024,
            body_timeout: Duration::from_secs(10),
            target_timeout: Duration::from_secs(10),
            requests_at_once: 1024,
            date_window: Duration::from_secs(120),
            replay_marks_max: 500_000,
            each_relay: rate(500, 1000),
            others_together: rate(5, 20),
            list_max_age: Duration::from_secs(10 * 60),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay_window::{ReplayMark, ReplayWindow};

    /// Two relays and the strangers bring what their budgets allow, dated as late as is allowed; then a restart gives
    /// them their bursts again.
    #[test]
    fn a_window_with_that_room_is_never_full() {
        let rate = |per_second, burst| Rate {
            per_second: NonZeroU32::new(per_second).unwrap(),
            burst: NonZeroU32::new(burst).unwrap(),
        };
        let policy = Policy { each_relay: rate(20, 50), others_together: rate(1, 3), ..Policy::default() };
        let room = usize::try_from(policy.marks_within_budgets(2)).unwrap();
        let window = ReplayWindow::new(room);
        let mut number: u64 = 0;
        let mut bring = |many: u64, now_ms: u64| {
            for _ in 0..many {
                number += 1;
                let mut digest = [0; 32];
                digest[..8].copy_from_slice(&number.to_be_bytes());
                assert_eq!(
                    window.admit(ReplayMark { digest, expires_ms: now_ms + 240_001 }, now_ms),
                    Ok(()),
                    "{now_ms}"
                );
            }
        };
        let (bursts, per_second) = (2 * 50 + 3, 2 * 20 + 1);
        bring(bursts, 999);
        (1..=240).for_each(|second| bring(per_second, second * 1_000 + 999));
        bring(bursts, 240_999);
        assert_eq!(room - window.len(), 2 * 41, "and it is not much more than that");
    }
}
