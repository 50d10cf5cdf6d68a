//! What goes wrong with exchanges between two providers, in an order that a seed decides.

#[path = "../../fixtures/splitmix.rs"]
mod splitmix;

use std::time::Duration;

/// What befalls one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The connection breaks before anything of the request was passed on.
    RequestLost,
    /// It breaks when the request has been passed on, and before there is an answer: it was carried out, or it was not.
    Interrupted,
    /// It breaks when the answer is there, and before anything of it was passed on: the request was carried out, and
    /// whoever sent it sends it again.
    AnswerLost,
    /// The request, and all behind it on the same connection, comes so much later.
    Delayed(Duration),
}

/// The fates of the first exchanges of a line. Those behind the last card are spared: no deck keeps anybody from getting
/// through for ever.
#[derive(Clone, Debug, Default)]
pub(super) struct Deck(Vec<Option<Fault>>);

impl Deck {
    /// So many rounds, each of them with every kind of fault once and so many exchanges that are spared, in an order of
    /// its own.
    pub(super) fn shuffled(seed: u64, rounds: usize, spared: usize) -> Self {
        let mut random = Random(seed);
        let mut cards = Vec::new();
        for _round in 0..rounds {
            let delay = Duration::from_millis(20 + random.below(180));
            let faults = [Fault::RequestLost, Fault::Interrupted, Fault::AnswerLost, Fault::Delayed(delay)];
            let mut round: Vec<_> = faults.into_iter().map(Some).chain(vec![None; spared]).collect();
            for at in (1..round.len()).rev() {
                let other = usize::try_from(random.below(at as u64 + 1)).unwrap();
                round.swap(at, other);
            }
            cards.extend(round);
        }
        cards.reverse();
        Self(cards)
    }

    /// A fault that did not strike because something else ended the connection before. The next exchange has it.
    pub(super) fn take_back(&mut self, fault: Fault) {
        self.0.push(Some(fault));
    }

    /// The fate of the next exchange.
    pub(super) fn deal(&mut self) -> Option<Fault> {
        self.0.pop().flatten()
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        splitmix::next(&mut self.0) % limit
    }
}

#[test]
fn each_round_has_every_fault_once_and_the_last_card_is_the_end() {
    let mut deck = Deck::shuffled(7, 3, 2);
    for _round in 0..3 {
        let round: Vec<_> = (0..6).map(|_card| deck.deal()).collect();
        for fault in [Fault::RequestLost, Fault::Interrupted, Fault::AnswerLost] {
            assert_eq!(round.iter().filter(|card| **card == Some(fault)).count(), 1, "{round:?}");
        }
        assert_eq!(round.iter().filter(|card| matches!(card, Some(Fault::Delayed(_)))).count(), 1);
    }
    assert_eq!((0..100).filter_map(|_card| deck.deal()).count(), 0);
    let dealt = |seed| {
        let mut deck = Deck::shuffled(seed, 3, 2);
        (0..18).map(|_card| deck.deal()).collect::<Vec<_>>()
    };
    assert_eq!(dealt(7), dealt(7));
    assert_ne!(dealt(7), dealt(8));
}
