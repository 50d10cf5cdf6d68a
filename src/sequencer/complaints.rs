//! What was reported of providers, as numbers: who complained is no longer known, and about which group neither.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::UnixMillis;
use crate::wire::{ReportReason, ServiceProviderId};

/// What complaints are counted by: as many kinds as there are peers, squared, times the reasons.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComplaintKey {
    /// Who is complained of.
    pub about: ServiceProviderId,
    /// For what.
    pub reason: ReportReason,
    /// Whose users complain.
    pub from: ServiceProviderId,
}

/// How often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Complaints {
    /// How many.
    pub number: u32,
    /// The beginning of the day (UTC) of the first.
    pub first_ms: UnixMillis,
    /// The beginning of the day (UTC) of the last.
    pub last_ms: UnixMillis,
}

const DAY_MS: UnixMillis = 24 * 60 * 60 * 1000;

impl Complaints {
    /// One more.
    #[must_use]
    pub fn one_more(self, now: UnixMillis) -> Self {
        let day = now - now % DAY_MS;
        let first_ms = if self.number == 0 { day } else { self.first_ms };
        Self { number: self.number.saturating_add(1), first_ms, last_ms: day.max(self.last_ms) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_times_the_day_is_kept() {
        let one = Complaints::default().one_more(3 * DAY_MS + 5);
        assert_eq!(one, Complaints { number: 1, first_ms: 3 * DAY_MS, last_ms: 3 * DAY_MS });
        let two = one.one_more(4 * DAY_MS + 7);
        assert_eq!(two, Complaints { number: 2, first_ms: 3 * DAY_MS, last_ms: 4 * DAY_MS });
        assert_eq!(Complaints { number: u32::MAX, ..two }.one_more(0).number, u32::MAX);
    }
}
