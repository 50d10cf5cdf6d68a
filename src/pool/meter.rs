//! How often something may happen: rates with a burst, for many names at once, bounded in memory.

use std::{num::NonZeroUsize, time::Duration};

use lru::LruCache;

use crate::sequencer::UnixMillis;

/// So many at once, and then one each so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many may happen at once.
    pub burst: u32,
    /// After how long one more may. Counted in whole microseconds.
    pub each: Duration,
}

/// Microseconds since the Unix epoch: fast rates allow several in a millisecond.
type UnixMicros = u64;

fn micros(now: UnixMillis) -> UnixMicros {
    now.saturating_mul(1000)
}

impl Rate {
    /// So many at once, and then one each so many milliseconds.
    pub const fn each_ms(burst: u32, each_ms: u64) -> Self {
        Self { burst, each: Duration::from_millis(each_ms) }
    }

    fn each_us(&self) -> u64 {
        u64::try_from(self.each.as_micros()).unwrap_or(u64::MAX)
    }

    fn capacity_us(&self) -> u64 {
        self.each_us().saturating_mul(self.burst.into())
    }
}

/// Remembers how far each name has used up its rate (the generic cell rate algorithm: one number for each name).
///
/// A name that has all of its burst again is forgotten when others come. When there are more names than it remembers, the
/// one that was idle longest begins anew.
#[derive(Debug)]
pub struct Meter<K: std::hash::Hash + Eq> {
    rate: Rate,
    /// When the name will have all of its burst again.
    full_at_us: LruCache<K, UnixMicros>,
    names_max: NonZeroUsize,
}

const NAMES_MAX: NonZeroUsize = NonZeroUsize::new(65_536).expect("not zero");
/// So many idle names are forgotten for each that takes something: more than come.
const FORGOTTEN_AT_ONCE: usize = 2;

impl<K: std::hash::Hash + Eq> Meter<K> {
    /// Nothing is used up. 65 536 names are remembered.
    pub fn new(rate: Rate) -> Self {
        Self::for_names(rate, NAMES_MAX)
    }

    /// The same for so many names.
    pub fn for_names(rate: Rate, names_max: NonZeroUsize) -> Self {
        // Takes memory for the names that come, and not for those that could.
        Self { rate, full_at_us: LruCache::unbounded(), names_max }
    }

    /// From now on this is the rate. What is used up stays used up, but for no longer than all of it would be now.
    pub fn set_rate(&mut self, rate: Rate) {
        self.rate = rate;
    }

    /// How many names are remembered.
    pub fn names(&self) -> usize {
        self.full_at_us.len()
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, name: K, now: UnixMillis) -> bool {
        self.take_many(name, 1, now)
    }

    /// Whether there is one.
    pub fn has(&self, name: &K, now: UnixMillis) -> bool {
        self.wait_for(name, 1, now).is_zero()
    }

    /// How long it takes until so many may happen: nothing when they may. [`Duration::MAX`] when they never may.
    pub fn wait_for(&self, name: &K, number: u32, now: UnixMillis) -> Duration {
        if number > self.rate.burst {
            return Duration::MAX;
        }
        let latest = micros(now).saturating_add(self.rate.capacity_us());
        Duration::from_micros(self.full_at(name, number, now).saturating_sub(latest))
    }

    /// When the name would have all of its burst again after so many more.
    fn full_at(&self, name: &K, number: u32, now: UnixMillis) -> UnixMicros {
        let now_us = micros(now);
        // Never more than all of it: a clock that was ahead for a moment must not shut a name out until then.
        let latest = now_us.saturating_add(self.rate.capacity_us());
        let used_until = self.full_at_us.peek(name).copied().unwrap_or(0).clamp(now_us, latest);
        used_until.saturating_add(self.rate.each_us().saturating_mul(number.into()))
    }

    /// Takes so many, or none.
    pub fn take_many(&mut self, name: K, number: u32, now: UnixMillis) -> bool {
        if !self.wait_for(&name, number, now).is_zero() {
            // Who asks in vain is not idle.
            self.full_at_us.promote(&name);
            return false;
        }
        let full_at = self.full_at(&name, number, now);
        self.full_at_us.put(name, full_at);
        self.forget(now);
        true
    }

    /// Gives back what was taken. What was forgotten meanwhile had been given back by time.
    pub fn give_back(&mut self, name: &K, number: u32) {
        let less = self.rate.each_us().saturating_mul(number.into());
        if let Some(full_at) = self.full_at_us.peek_mut(name) {
            *full_at = full_at.saturating_sub(less);
        }
    }

    /// Forgets names that were idle long enough, and one more if there are too many.
    fn forget(&mut self, now: UnixMillis) {
        for _name in 0..FORGOTTEN_AT_ONCE {
            match self.full_at_us.peek_lru() {
                Some((_, full_at)) if *full_at <= micros(now) || self.names() > self.names_max.get() => {
                    self.full_at_us.pop_lru();
                }
                Some(_) | None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_followed_by_one_each_interval() {
        let mut meter = Meter::new(Rate::each_ms(3, 100));
        let taken = |meter: &mut Meter<u8>, now| (0..10).filter(|_| meter.take(1, now)).count();
        assert_eq!(taken(&mut meter, 1_000), 3);
        assert_eq!(taken(&mut meter, 1_099), 0);
        assert_eq!(taken(&mut meter, 1_100), 1);
        assert_eq!(taken(&mut meter, 1_350), 2);
        assert_eq!(taken(&mut meter, 100_000), 3);
    }

    #[test]
    fn many_are_taken_together_or_not_at_all() {
        let mut meter = Meter::new(Rate::each_ms(5, 100));
        assert!(!meter.take_many(1, 6, 0));
        assert!(meter.take_many(1, 4, 0));
        assert!(!meter.take_many(1, 2, 0));
        assert!(meter.take_many(1, 1, 0) && meter.take_many(1, 0, 0));
        assert!(!meter.take_many(1, 2, 199));
        assert!(meter.take_many(1, 2, 200));
    }

    #[test]
    fn looking_takes_nothing() {
        let mut meter = Meter::new(Rate::each_ms(1, 100));
        assert!(meter.has(&'a', 0) && meter.has(&'a', 0));
        assert!(meter.take('a', 0) && !meter.has(&'a', 99) && meter.has(&'a', 100));
    }

    #[test]
    fn names_do_not_disturb_each_other() {
        let mut meter = Meter::new(Rate::each_ms(1, 100));
        assert!(meter.take('a', 0) && meter.take('b', 0));
        assert!(!meter.take('a', 0) && !meter.take('b', 0));
    }

    #[test]
    fn what_was_refused_uses_nothing_up() {
        let mut meter = Meter::new(Rate::each_ms(1, 100));
        assert!(meter.take('a', 0));
        for now in 1..100 {
            assert!(!meter.take('a', now));
        }
        assert!(meter.take('a', 100));
    }

    #[test]
    fn the_wait_is_as_long_as_it_takes() {
        let mut meter = Meter::new(Rate::each_ms(4, 100));
        assert!(meter.take_many('a', 4, 1_000));
        for number in 1..=4 {
            assert_eq!(meter.wait_for(&'a', number, 1_000), Duration::from_millis(u64::from(number) * 100));
        }
        assert_eq!(meter.wait_for(&'a', 5, 1_000), Duration::MAX, "never");
        assert!(!meter.take_many('a', 2, 1_199) && meter.take_many('a', 2, 1_200));
    }

    #[test]
    fn several_fit_into_a_millisecond() {
        let mut meter = Meter::new(Rate { burst: 8, each: Duration::from_micros(250) });
        let taken = |meter: &mut Meter<u8>, now| (0..20).filter(|_| meter.take(1, now)).count();
        assert_eq!((taken(&mut meter, 0), taken(&mut meter, 1), taken(&mut meter, 2)), (8, 4, 4));
    }

    #[test]
    fn what_is_given_back_may_be_taken_again() {
        let mut meter = Meter::new(Rate::each_ms(2, 100));
        assert!(meter.take_many('a', 2, 0));
        meter.give_back(&'a', 1);
        assert!(meter.take('a', 0) && !meter.take('a', 0));
        // Nobody gets more than the burst out of it.
        meter.give_back(&'a', 100);
        meter.give_back(&'b', 1);
        assert_eq!((0..10).filter(|_| meter.take('a', 0)).count(), 2);
        assert_eq!((0..10).filter(|_| meter.take('b', 0)).count(), 2);
    }

    #[test]
    fn names_are_bounded_and_idle_ones_are_forgotten() {
        let mut meter = Meter::for_names(Rate::each_ms(1, 100), NonZeroUsize::new(10).unwrap());
        for name in 0..1_000 {
            assert!(meter.take(name, 0));
            assert!(meter.names() <= 10);
        }
        assert!(!meter.take(999, 0), "the last ones are remembered");
        assert!(meter.take(0, 0), "the first ones begin anew");
        // Two of them for each that comes.
        for name in 2_000..2_010 {
            assert!(meter.take(name, 200));
        }
        assert_eq!(meter.names(), 10);
        assert!(meter.take(3_000, 400) && meter.names() == 9);
    }
}
