//! How often something may happen: rates with a burst, for many names at once, bounded in memory.

use std::num::NonZeroUsize;

use lru::LruCache;

use crate::sequencer::UnixMillis;

/// So many at once, and then one each so many milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many may happen at once.
    pub burst: u32,
    /// After how long one more may.
    pub each_ms: UnixMillis,
}

/// Remembers how far each name has used up its rate (the generic cell rate algorithm: one number for each name).
///
/// When there are more names than it remembers, the one that was idle longest begins anew.
#[derive(Debug)]
pub struct Meter<K: std::hash::Hash + Eq> {
    rate: Rate,
    /// When the name will have all of its burst again.
    full_at_ms: LruCache<K, UnixMillis>,
}

const NAMES_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");

impl<K: std::hash::Hash + Eq> Meter<K> {
    /// Nothing is used up.
    pub fn new(rate: Rate) -> Self {
        Self { rate, full_at_ms: LruCache::new(NAMES_MAX) }
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, name: K, now: UnixMillis) -> bool {
        self.take_many(name, 1, now)
    }

    /// Whether there is one.
    pub fn has(&self, name: &K, now: UnixMillis) -> bool {
        self.after(name, 1, now).is_some()
    }

    /// When the name would have all of its burst again after so many more, if they may happen.
    fn after(&self, name: &K, number: u32, now: UnixMillis) -> Option<UnixMillis> {
        let capacity = self.rate.each_ms.saturating_mul(self.rate.burst.into());
        // Never more than all of it: a clock that was ahead for a moment must not shut a name out until then.
        let used_until = self.full_at_ms.peek(name).copied().unwrap_or(0).clamp(now, now.saturating_add(capacity));
        let full_at = used_until.saturating_add(self.rate.each_ms.saturating_mul(number.into()));
        (full_at <= now.saturating_add(capacity)).then_some(full_at)
    }

    /// Takes so many, or none.
    pub fn take_many(&mut self, name: K, number: u32, now: UnixMillis) -> bool {
        match self.after(&name, number, now) {
            Some(full_at) => {
                self.full_at_ms.put(name, full_at);
                true
            }
            None => {
                // Who asks in vain is not idle.
                self.full_at_ms.promote(&name);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_one_each_interval() {
        let mut meter = Meter::new(Rate { burst: 3, each_ms: 100 });
        let taken = |meter: &mut Meter<u8>, now| (0..10).filter(|_| meter.take(1, now)).count();
        assert_eq!(taken(&mut meter, 1_000), 3);
        assert_eq!(taken(&mut meter, 1_099), 0);
        assert_eq!(taken(&mut meter, 1_100), 1);
        assert_eq!(taken(&mut meter, 1_350), 2);
        assert_eq!(taken(&mut meter, 100_000), 3);
    }

    #[test]
    fn many_are_taken_together_or_not_at_all() {
        let mut meter = Meter::new(Rate { burst: 5, each_ms: 100 });
        assert!(!meter.take_many(1, 6, 0));
        assert!(meter.take_many(1, 4, 0));
        assert!(!meter.take_many(1, 2, 0));
        assert!(meter.take_many(1, 1, 0) && meter.take_many(1, 0, 0));
        assert!(!meter.take_many(1, 2, 199));
        assert!(meter.take_many(1, 2, 200));
    }

    #[test]
    fn looking_takes_nothing() {
        let mut meter = Meter::new(Rate { burst: 1, each_ms: 100 });
        assert!(meter.has(&'a', 0) && meter.has(&'a', 0));
        assert!(meter.take('a', 0) && !meter.has(&'a', 99) && meter.has(&'a', 100));
    }

    #[test]
    fn names_do_not_disturb_each_other() {
        let mut meter = Meter::new(Rate { burst: 1, each_ms: 100 });
        assert!(meter.take('a', 0) && meter.take('b', 0));
        assert!(!meter.take('a', 0) && !meter.take('b', 0));
    }

    #[test]
    fn what_was_refused_uses_nothing_up() {
        let mut meter = Meter::new(Rate { burst: 1, each_ms: 100 });
        assert!(meter.take('a', 0));
        for now in 1..100 {
            assert!(!meter.take('a', now));
        }
        assert!(meter.take('a', 100));
    }
}
