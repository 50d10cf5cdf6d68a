//! Which requests were seen, for as long as a copy could still pass for fresh (RFC 9458 §6.5).

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Mutex, PoisonError},
};

/// What has to be remembered of a request that was let through.
///
/// The service that answers gets it among the extensions of its request. If answering changes what there is, it writes
/// the mark in the same step, durably, and its owner gives the unexpired ones back with [`ReplayWindow::restore`].
///
/// # Privacy
/// A hash of what the relay sees anyway; nothing of what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplayMark {
    /// SHA-256(key id ‖ encapsulated key).
    pub digest: [u8; 32],
    /// From this time on a copy is refused for its date, and the mark may be forgotten. Milliseconds since the Unix epoch.
    pub expires_ms: u64,
}

/// Why a request is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// It was let through before.
    Seen,
    /// Its date is too old.
    TooOld,
    /// Its date is good, but marks of requests of that time are forgotten: they were lost, or the clock went back.
    Forgotten {
        /// A request whose date is so much later is let through. Milliseconds.
        for_ms: u64,
    },
    /// There is no room to remember it; later there will be.
    Full,
}

/// Remembers marks, at most as many as it was made for.
#[derive(Debug)]
pub struct ReplayWindow {
    marks_max: usize,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    digests: HashSet<[u8; 32]>,
    /// By the second after which they may be forgotten.
    by_expiry: BTreeMap<u64, Vec<[u8; 32]>>,
    /// What was forgotten had expired by then. It goes up with what is forgotten and not with the clock, and never goes
    /// back: a clock that does lets nothing through twice, and one that was ahead for a moment costs nothing afterwards.
    forgotten_ms: u64,
}

impl ReplayWindow {
    /// Room for `marks_max` marks of about 150 bytes.
    #[must_use]
    pub fn new(marks_max: usize) -> Self {
        Self { marks_max, seen: Mutex::default() }
    }

    /// Remembers a request, once.
    ///
    /// # Errors
    /// When it is to be refused.
    pub fn admit(&self, mark: ReplayMark, now_ms: u64) -> Result<(), Replay> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget(now_ms);
        if mark.expires_ms <= now_ms {
            return Err(Replay::TooOld);
        }
        if mark.expires_ms <= seen.forgotten_ms {
            return Err(Replay::Forgotten { for_ms: seen.forgotten_ms - mark.expires_ms + 1 });
        }
        if seen.digests.contains(&mark.digest) {
            return Err(Replay::Seen);
        }
        if seen.digests.len() >= self.marks_max {
            return Err(Replay::Full);
        }
        seen.insert(mark);
        Ok(())
    }

    /// Takes marks back that were written before a restart, past the limit if there are so many. Gives the number of those
    /// that it remembers; the others have expired.
    pub fn restore(&self, marks: impl IntoIterator<Item = ReplayMark>, now_ms: u64) -> usize {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget(now_ms);
        let before = seen.digests.len();
        for mark in marks {
            if mark.expires_ms <= now_ms {
                seen.forgotten_ms = seen.forgotten_ms.max(mark.expires_ms);
            } else if mark.expires_ms > seen.forgotten_ms && !seen.digests.contains(&mark.digest) {
                seen.insert(mark);
            }
        }
        seen.digests.len() - before
    }

    /// Refuses, until then, every request that may have been let through before without having been remembered: for an
    /// owner that has lost marks. A request whose mark would expire by `until_ms` is [`Replay::Forgotten`].
    pub fn distrust(&self, until_ms: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forgotten_ms = seen.forgotten_ms.max(until_ms);
    }

    /// Requests whose marks would expire by then are refused, whatever the clock says. Where that is later than now, the
    /// clock went back or [`Self::distrust`] was called. Milliseconds since the Unix epoch.
    #[must_use]
    pub fn forgotten_ms(&self) -> u64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).forgotten_ms
    }

    /// How many marks there are, expired ones included that nobody came upon yet.
    #[must_use]
    pub fn len(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).digests.len()
    }

    /// Whether there is no mark.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Seen {
    fn insert(&mut self, mark: ReplayMark) {
        self.digests.insert(mark.digest);
        self.by_expiry.entry(mark.expires_ms.div_ceil(1000)).or_default().push(mark.digest);
    }

    fn forget(&mut self, now_ms: u64) {
        let now_second = now_ms / 1000;
        while let Some(entry) = self.by_expiry.first_entry().filter(|entry| *entry.key() <= now_second) {
            self.forgotten_ms = self.forgotten_ms.max(entry.key().saturating_mul(1000));
            for digest in entry.remove() {
                self.digests.remove(&digest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(name: u8, expires_ms: u64) -> ReplayMark {
        ReplayMark { digest: [name; 32], expires_ms }
    }

    #[test]
    fn a_request_passes_once_while_it_is_fresh_and_never_after() {
        let window = ReplayWindow::new(10);
        assert_eq!(window.admit(mark(1, 5_000), 1_000), Ok(()));
        for now_ms in [1_000, 1_001, 4_999] {
            assert_eq!(window.admit(mark(1, 5_000), now_ms), Err(Replay::Seen), "{now_ms}");
        }
        for now_ms in [5_000, 5_001, 60_000] {
            assert_eq!(window.admit(mark(1, 5_000), now_ms), Err(Replay::TooOld), "{now_ms}");
        }
        assert!(window.is_empty());
    }

    #[test]
    fn a_clock_that_goes_back_lets_nothing_through_twice() {
        let window = ReplayWindow::new(10);
        assert_eq!(window.admit(mark(1, 5_000), 1_000), Ok(()));
        assert_eq!(window.admit(mark(2, 90_000), 80_000), Ok(()));
        assert_eq!(window.admit(mark(1, 5_000), 1_000), Err(Replay::Forgotten { for_ms: 1 }));
        assert_eq!(window.admit(mark(2, 90_000), 1_000), Err(Replay::Seen));
    }

    #[test]
    fn a_clock_that_was_ahead_for_a_moment_costs_nothing_afterwards() {
        let window = ReplayWindow::new(10);
        assert_eq!(window.admit(mark(1, 5_000), 1_000), Ok(()));
        assert_eq!(window.admit(mark(2, 90_000_000), 80_000_000), Ok(()));
        assert_eq!(window.forgotten_ms(), 5_000);
        assert_eq!(window.admit(mark(1, 5_000), 2_000), Err(Replay::Forgotten { for_ms: 1 }));
        assert_eq!(window.admit(mark(3, 5_001), 2_000), Ok(()));
        assert_eq!(window.admit(mark(3, 5_001), 2_000), Err(Replay::Seen));
    }

    #[test]
    fn a_full_window_refuses_until_marks_expire() {
        let window = ReplayWindow::new(2);
        assert_eq!(window.admit(mark(1, 2_000), 0), Ok(()));
        assert_eq!(window.admit(mark(2, 3_000), 0), Ok(()));
        assert_eq!(window.admit(mark(3, 9_000), 0), Err(Replay::Full));
        assert_eq!(window.admit(mark(2, 3_000), 0), Err(Replay::Seen), "a copy is a copy, full or not");
        assert_eq!(window.admit(mark(3, 9_000), 2_000), Ok(()));
        assert_eq!(window.len(), 2);
    }

    #[test]
    fn restored_marks_are_seen_and_expired_ones_are_not_taken() {
        let window = ReplayWindow::new(1);
        assert_eq!(window.restore([mark(1, 5_000), mark(2, 6_000), mark(1, 5_000), mark(3, 900)], 1_000), 2);
        assert_eq!(window.admit(mark(1, 5_000), 1_000), Err(Replay::Seen));
        assert_eq!(window.admit(mark(2, 6_000), 1_000), Err(Replay::Seen));
        assert_eq!(window.admit(mark(4, 6_000), 1_000), Err(Replay::Full));
    }

    #[test]
    fn marks_that_had_expired_at_a_restart_are_not_let_through_when_the_clock_goes_back() {
        let window = ReplayWindow::new(10);
        assert_eq!(window.restore([mark(1, 5_000), mark(2, 9_000)], 5_000), 1);
        assert_eq!(window.admit(mark(1, 5_000), 1_000), Err(Replay::Forgotten { for_ms: 1 }));
        assert_eq!(window.admit(mark(2, 9_000), 1_000), Err(Replay::Seen));
        assert_eq!(window.admit(mark(3, 5_001), 1_000), Ok(()));
    }

    #[test]
    fn what_may_have_been_seen_is_refused_after_a_loss() {
        let window = ReplayWindow::new(10);
        window.distrust(300_000);
        assert_eq!(window.admit(mark(1, 240_000), 60_000), Err(Replay::Forgotten { for_ms: 60_001 }));
        assert_eq!(window.admit(mark(1, 300_000), 200_000), Err(Replay::Forgotten { for_ms: 1 }));
        assert_eq!(window.admit(mark(1, 240_000), 240_000), Err(Replay::TooOld));
        assert_eq!(window.admit(mark(1, 300_001), 200_000), Ok(()));
        assert_eq!(window.admit(mark(1, 300_001), 200_000), Err(Replay::Seen));
    }

    #[test]
    fn of_many_threads_one_gets_through() {
        let window = ReplayWindow::new(1_000);
        let admitted = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for name in 0..100 {
                        if window.admit(mark(name, 5_000), 1_000).is_ok() {
                            admitted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 100);
    }
}
