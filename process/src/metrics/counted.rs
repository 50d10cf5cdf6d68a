//! A number for each word of a closed set.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// A closed set of words.
pub trait Label: Copy + 'static {
    /// Each of them once.
    const ALL: &'static [Self];
    /// As it stands in a metric.
    fn word(self) -> &'static str;
}

/// Gives each variant of an enum its word: none can be left out.
#[macro_export]
macro_rules! words {
    ($set:ty { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $crate::metrics::Label for $set {
            const ALL: &'static [Self] = &[$(Self::$variant),+];

            fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }
    };
}

/// Something that is counted apart for each word of a set.
pub struct Counted<L> {
    numbers: Box<[AtomicU64]>,
    label: PhantomData<fn(L)>,
}

impl<L: Label> Default for Counted<L> {
    fn default() -> Self {
        Self { numbers: L::ALL.iter().map(|_| AtomicU64::new(0)).collect(), label: PhantomData }
    }
}

impl<L: Label> Counted<L> {
    fn number(&self, label: L) -> Option<&AtomicU64> {
        let place = L::ALL.iter().position(|known| known.word() == label.word())?;
        self.numbers.get(place)
    }

    /// Counts one more.
    pub fn add(&self, label: L) {
        self.add_many(label, 1);
    }

    /// Counts so many more.
    pub fn add_many(&self, label: L, more: u64) {
        if let Some(number) = self.number(label) {
            number.fetch_add(more, Relaxed);
        }
    }

    /// How many there were.
    pub fn count(&self, label: L) -> u64 {
        self.number(label).map_or(0, |number| number.load(Relaxed))
    }

    /// Each word with its number.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        L::ALL.iter().map(|label| (label.word(), self.count(*label)))
    }
}

impl<L: Label> fmt::Debug for Counted<L> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_map().entries(self.all()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Colour {
        Red,
        Green,
    }

    words!(Colour { Red => "red", Green => "green" });

    #[test]
    fn each_word_has_a_number_of_its_own() {
        let counted = Counted::default();
        counted.add(Colour::Green);
        counted.add_many(Colour::Green, 4);
        assert_eq!(counted.all().collect::<Vec<_>>(), [("red", 0), ("green", 5)]);
        assert_eq!(format!("{counted:?}"), r#"{"red": 0, "green": 5}"#);
    }
}
