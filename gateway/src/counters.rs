//! What happened, counted: all that a gateway reports about its requests.
//!
//! # Privacy
//! Kinds are a closed enum. There is no row, label or line for a request, a relay or a client.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! outcomes {
    ($($(#[doc = $doc:literal])+ $name:ident = $label:literal,)+) => {
        /// How a request ended, or how far it came.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Outcome {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Outcome {
            /// Every outcome.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name in metrics.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)+
                }
            }
        }
    };
}

outcomes! {
    /// The list of keys was given, or was as the asker knew it.
    KeyList = "key_list",
    /// Refused in clear: no resource or method of the gateway.
    NoResource = "no_resource",
    /// Refused in clear: another media type, or content coding.
    WrongMediaType = "wrong_media_type",
    /// Refused in clear: a 100-continue expectation.
    Expectation = "expectation",
    /// Refused in clear: over the budget of its relay, or of all without one.
    OverBudget = "over_budget",
    /// Refused in clear: more than is taken.
    TooLarge = "too_large",
    /// Refused in clear: the body did not come in time.
    SlowBody = "slow_body",
    /// Refused in clear: the body broke off.
    BrokenBody = "broken_body",
    /// Refused in clear: too many requests at once, or no random bytes.
    Busy = "busy",
    /// Refused in clear: empty, or shorter than any encapsulated request.
    TooShort = "too_short",
    /// Refused in clear: the key is unknown, or it does not decrypt.
    Undecryptable = "undecryptable",
    /// Sealed: what is inside is no valid binary request.
    Malformed = "malformed",
    /// Sealed: a 100-continue expectation inside.
    ExpectationInside = "expectation_inside",
    /// Sealed: another authority, path or method than those that are allowed.
    NotAllowed = "not_allowed",
    /// Sealed: no date, or several.
    NoDate = "no_date",
    /// Sealed: a date outside of the window.
    WrongDate = "wrong_date",
    /// Sealed: a copy of a request that was let through.
    Replayed = "replayed",
    /// Sealed: whether it is a copy cannot be told, because marks were lost or the clock went back.
    Forgotten = "forgotten",
    /// Sealed: the window of replays has no room.
    WindowFull = "window_full",
    /// Sealed: the target's answer, whatever it says.
    Answered = "answered",
    /// Sealed: the target's answer did not fit its class.
    AnswerTooLarge = "answer_too_large",
    /// Sealed: the target did not answer in time.
    TargetTimeout = "target_timeout",
}

/// A number for each [`Outcome`].
#[derive(Debug, Default)]
pub struct Counters([AtomicU64; Outcome::ALL.len()]);

impl Counters {
    pub(crate) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it happened.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_outcome_has_a_place_and_a_label_of_its_own() {
        let counters = Counters::default();
        for (place, outcome) in Outcome::ALL.iter().enumerate() {
            for _ in 0..place {
                counters.count(*outcome);
            }
        }
        for (place, outcome) in Outcome::ALL.iter().enumerate() {
            assert_eq!(counters.of(*outcome), place as u64);
        }
        let labels: HashSet<&str> = Outcome::ALL.iter().map(|outcome| outcome.label()).collect();
        assert_eq!(labels.len(), Outcome::ALL.len());
    }
}
