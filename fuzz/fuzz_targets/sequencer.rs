//! Operations of three providers in two groups: the sequencer against the model of its property test, the invariants
//! after each of them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::fuzzing::play;

fuzz_target!(|input: &[u8]| play(input));
