//! Whether a read is worth a look in memory before it goes elsewhere.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Certainty, as odds count.
const CERTAIN: u32 = 1 << 16;

/// Where more than three of four miss, looking first costs more than it saves.
const MOSTLY: u32 = CERTAIN / 4 * 3;

/// How many looks the odds are made of: the newest counts most.
const LOOKS: u32 = 64;

/// One of so many looks nevertheless where most miss, so that it shows when that is over.
const LOOK_EVERY: u32 = 8;

/// How often a look in memory is in vain.
///
/// A read that misses in memory is begun twice, once there and once elsewhere. On a database that is many times its cache,
/// and whose groups all talk, that is nearly every read.
#[derive(Debug, Default)]
pub(super) struct Odds {
    /// A moving average, of [`CERTAIN`]. Two threads that note at once may lose one note.
    vain: AtomicU32,
    unlooked: AtomicU32,
}

impl Odds {
    /// Whether the next read should look in memory first.
    pub(super) fn look(&self) -> bool {
        self.vain.load(Relaxed) <= MOSTLY || self.unlooked.fetch_add(1, Relaxed).is_multiple_of(LOOK_EVERY)
    }

    /// Notes what came of a look.
    pub(super) fn note(&self, in_vain: bool) {
        let before = self.vain.load(Relaxed);
        let new = if in_vain { CERTAIN / LOOKS } else { 0 };
        self.vain.store(before - before / LOOKS + new, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looks(odds: &Odds, reads: u32, in_vain: bool) -> u32 {
        let mut looks = 0;
        for _ in 0..reads {
            if odds.look() {
                looks += 1;
                odds.note(in_vain);
            }
        }
        looks
    }

    #[test]
    fn all_look_while_looks_find_something() {
        let odds = Odds::default();
        assert_eq!(looks(&odds, 1000, false), 1000);
        for read in 0..1000 {
            assert!(odds.look());
            odds.note(read % 2 == 0);
        }
    }

    #[test]
    fn few_look_where_it_is_in_vain_and_all_again_when_that_is_over() {
        let odds = Odds::default();
        let first = looks(&odds, 200, true);
        assert!(first > 64, "a few misses tell nothing: {first}");
        assert_eq!(looks(&odds, 800, true), 100);
        looks(&odds, 200, false);
        assert_eq!(looks(&odds, 100, false), 100);
    }

    #[test]
    fn the_average_stays_within_its_bounds() {
        let odds = Odds::default();
        (0..100_000).for_each(|_| odds.note(true));
        assert!(odds.vain.load(Relaxed) <= CERTAIN);
        (0..100_000).for_each(|_| odds.note(false));
        assert!(odds.vain.load(Relaxed) < LOOKS);
    }
}
