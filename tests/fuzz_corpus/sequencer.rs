//! Operations drawn by a small generator of numbers: which bytes mean which operation is the target's business.

#[path = "../fixtures/splitmix.rs"]
mod splitmix;

use super::corpus::Corpus;

/// Enough for some dozens of operations.
const LENGTH: usize = 600;

const INPUTS: u64 = 8;

pub(crate) fn add(corpus: &mut Corpus) {
    for seed in 1..=INPUTS {
        let mut state = seed;
        let input = (0..LENGTH).map(|_| next(&mut state)).collect();
        corpus.add("sequencer", &format!("drawn_{seed}"), input);
    }
}

/// The same numbers everywhere, for ever.
fn next(state: &mut u64) -> u8 {
    splitmix::next(state).to_be_bytes()[0]
}
