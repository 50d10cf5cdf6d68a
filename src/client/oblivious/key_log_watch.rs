//! Which logs of key lists are checked, and where they ended when they were seen last.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{
    key_list::ListDigest,
    key_log::{self, KeyLogError, KeyLogMark, KeyLogReport},
};
use crate::wire::ServiceProviderId;

/// Of how many gateways' logs the end is remembered. Those that come later are checked without.
const ENDS_MAX: usize = 4096;

/// How a relay's logs are checked.
#[derive(Clone, Debug)]
pub struct KeyLogCheck {
    /// How long a list must have been served before another may follow it. One that came sooner is used when it has been
    /// served for that long itself. Zero: any time.
    pub change_min: Duration,
    /// Where logs of this relay ended when they were seen last, in earlier runs perhaps.
    pub seen: HashMap<ServiceProviderId, KeyLogMark>,
}

impl Default for KeyLogCheck {
    /// Half a day, as relays have it unless told otherwise; nothing seen yet.
    fn default() -> Self {
        Self { change_min: Duration::from_secs(12 * 60 * 60), seen: HashMap::new() }
    }
}

/// Checks logs, and remembers where they end.
pub(super) struct KeyLogWatch {
    change_min: Duration,
    seen: Mutex<Seen>,
}

struct Seen {
    ends: HashMap<ServiceProviderId, KeyLogMark>,
    reports: HashMap<ServiceProviderId, KeyLogReport>,
}

impl KeyLogWatch {
    pub(super) fn new(check: KeyLogCheck) -> Self {
        let KeyLogCheck { change_min, seen } = check;
        Self { change_min, seen: Mutex::new(Seen { ends: seen, reports: HashMap::new() }) }
    }

    /// Takes a log in which the list must stand, `now`.
    pub(super) fn check(
        &self,
        provider: &ServiceProviderId,
        text: &[u8],
        list: ListDigest,
        now: SystemTime,
    ) -> Result<KeyLogReport, KeyLogError> {
        let before = self.lock().ends.get(provider).copied();
        let now_ms = now.duration_since(UNIX_EPOCH).map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        let report = key_log::check(text, list, before, self.change_min, now_ms)?;
        let mut seen = self.lock();
        let is_newer = match seen.ends.get(provider) {
            // Two checks at once may end in another order than they began.
            Some(end) => end.lines() <= report.mark.lines(),
            None => seen.ends.len() < ENDS_MAX,
        };
        if is_newer {
            seen.ends.insert(provider.clone(), report.mark);
            seen.reports.insert(provider.clone(), report);
        }
        Ok(report)
    }

    /// What the log said when it was checked last.
    pub(super) fn report(&self, provider: &ServiceProviderId) -> Option<KeyLogReport> {
        self.lock().reports.get(provider).copied()
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
