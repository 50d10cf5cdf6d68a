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
    /// Copies of how many requests are recognised: 500 000. More within two windows are refused.
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
