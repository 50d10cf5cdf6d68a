//! What the targets of `fuzz/` reach into, and nobody else: no program is compiled with it.

use crate::{
    client::oblivious::{KeyLogError, KeyLogReport, fuzzed},
    sequencer::tests::prop,
    store::rocks::rows,
};

/// Whether a row of the database belongs into its family.
///
/// # Panics
/// When something else would have been written for what is read.
pub fn is_row(family: &str, key: &[u8], value: &[u8]) -> bool {
    rows::fits(family, key, value)
}

/// All families that a row may be in.
pub fn families() -> impl Iterator<Item = &'static str> {
    rows::families()
}

/// What a client would keep of a group of which it has kept that; `None` if it cannot have kept it.
pub fn kept_again(kept: &[u8]) -> Option<Vec<u8>> {
    crate::client::kept_again(kept).ok().map(|again| again.to_vec())
}

/// Plays the operations that the bytes say, against the sequencer and against the model of its property test.
///
/// # Panics
/// When the two differ, or an invariant does not hold.
pub fn play(bytes: &[u8]) {
    prop::play(bytes);
}

/// Whether a client finds a key in a gateway's list, and can begin a request with it.
pub fn is_usable(list: &[u8]) -> bool {
    fuzzed::is_usable(list)
}

/// The status of a binary response, if it is one.
pub fn response_status(response: &[u8]) -> Option<u16> {
    fuzzed::response_status(response)
}

/// Checks a relay's log of key lists, of which the one with that SHA-256 is in use at that time.
///
/// # Errors
/// What a client does not believe of it.
pub fn check_key_log(text: &[u8], in_use: [u8; 32], now_ms: u64) -> Result<KeyLogReport, KeyLogError> {
    fuzzed::check_key_log(text, in_use, now_ms)
}
