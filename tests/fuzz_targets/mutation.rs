//! Inputs that are made of others: a few changes, of the kinds that lead decoders astray.

use libtest_mimic::{Failed, Trial};

use crate::splitmix;

/// Longer inputs find nothing that shorter ones do not (`cargo xtask fuzz` has the same bound).
const INPUT_BYTES: usize = 8192;
/// So many changes at most make one input of another.
const CHANGES: usize = 4;
/// Ends of ranges, and the first bytes of lengths that take one, two, four or too many bytes (RFC 9000 §16).
const BYTES: [u8; 10] = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff];

/// Where the changes come from. Two of the same seed make the same inputs.
pub(crate) struct Mutator(u64);

impl Mutator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// From 0 to `end`, without it; 0 if there is nothing.
    fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap().max(1);
        usize::try_from(splitmix::next(&mut self.0) % end).unwrap()
    }

    fn byte(&mut self) -> u8 {
        splitmix::next(&mut self.0).to_le_bytes()[0]
    }

    /// Some input of the corpus, changed. The corpus is not empty.
    pub(crate) fn next(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = corpus[self.below(corpus.len())].clone();
        for _change in 0..=self.below(CHANGES) {
            self.change(&mut input, corpus);
        }
        input.truncate(INPUT_BYTES);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len());
        let end = at + self.below(input.len() - at + 1).min(1 + self.below(64));
        match self.below(9) {
            // A bit, a byte, a byte that is an end of something, and one that is a little off.
            0 if !input.is_empty() => input[at] ^= 1 << self.below(8),
            1 if !input.is_empty() => input[at] = self.byte(),
            2 if !input.is_empty() => input[at] = BYTES[self.below(BYTES.len())],
            3 if !input.is_empty() => input[at] = input[at].wrapping_add([1, 0xff][self.below(2)]),
            // The end is cut off, something is left out, something stands twice.
            4 => input.truncate(at),
            5 => drop(input.drain(at..end)),
            6 => {
                let again = input[at..end].to_vec();
                input.splice(end..end, again);
            }
            // Bytes from elsewhere: of another input, from there to its end, or of none.
            7 => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len());
                input.splice(at.., other[from..].iter().copied());
            }
            _ => {
                let bytes: Vec<u8> = (0..self.below(16)).map(|_| self.byte()).collect();
                input.splice(at..at, bytes);
            }
        }
    }
}

/// That tests see what they are to see: inputs that differ, and the same ones for the same seed.
pub(crate) fn trial() -> Trial {
    Trial::test("inputs_differ_and_follow_from_their_seed", || {
        let corpus = [Vec::new(), b"a".to_vec(), (0..=255).collect::<Vec<u8>>()];
        let made = |seed| {
            let mut mutator = Mutator::new(seed);
            (0..1000).map(|_| mutator.next(&corpus)).collect::<Vec<_>>()
        };
        assert_eq!(made(1), made(1));
        let mut inputs = made(1);
        assert!(inputs.iter().any(|input| input.len() > 256) && inputs.iter().any(Vec::is_empty));
        inputs.sort();
        inputs.dedup();
        assert!(inputs.len() > 600, "{} of a thousand", inputs.len());
        Ok::<(), Failed>(())
    })
}
