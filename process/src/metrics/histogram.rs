//! How often something was how large.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::family::Reading;

/// What is measured, and how it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Whole numbers.
    Number,
    /// Microseconds, written as seconds.
    Micros,
}

impl Unit {
    /// A measured value as it stands in a metric.
    pub(super) fn written(self, value: u64) -> String {
        match self {
            Self::Number => value.to_string(),
            Self::Micros => {
                let written = format!("{}.{:06}", value / 1_000_000, value % 1_000_000);
                written.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    }
}

/// Counts values by bounds that are fixed when the program is written.
#[derive(Debug)]
pub struct Histogram {
    unit: Unit,
    /// Ascending; a value that is equal to one belongs to it.
    bounds: &'static [u64],
    /// One for each bound, and behind them what is larger.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// Of values in that unit, with those bounds, ascending.
    #[must_use]
    pub fn new(unit: Unit, bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { unit, bounds, counts, sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn record(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    /// As it is now. What is recorded meanwhile may be in one of counts and sum and not yet in the other.
    pub(super) fn read(&self) -> Reading {
        let counts = self.counts.iter().map(|count| count.load(Relaxed)).collect();
        Reading { unit: self.unit, bounds: self.bounds, counts, sum: self.sum.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_up_to_their_bound() {
        let histogram = Histogram::new(Unit::Number, &[1, 10]);
        for value in [0, 1, 2, 10, 11, 1_000] {
            histogram.record(value);
        }
        let read = histogram.read();
        assert_eq!((read.counts.as_slice(), read.sum, read.count()), (&[2, 2, 2][..], 1_024, 6));
    }

    #[test]
    fn microseconds_are_written_as_seconds() {
        for (micros, seconds) in
            [(0, "0"), (1, "0.000001"), (2_500, "0.0025"), (1_000_000, "1"), (12_000_010, "12.00001")]
        {
            assert_eq!(Unit::Micros.written(micros), seconds);
        }
        assert_eq!(Unit::Number.written(100), "100");
    }
}
