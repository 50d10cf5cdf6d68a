//! Operations of three providers in two groups: the sequencer against the model of its property test, the invariants
//! after each of them.

use restante::fuzzing::play;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    play(input);
}
