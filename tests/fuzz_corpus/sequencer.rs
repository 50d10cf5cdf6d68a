//! Operations drawn by a small generator of numbers: which bytes mean which operation is the target's business.

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

/// SplitMix64: the same numbers everywhere, for ever.
fn next(state: &mut u64) -> u8 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)).to_be_bytes()[0]
}
