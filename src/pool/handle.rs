//! The handles of unique tokens.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::sequencer::UnixMillis;

/// What is known of a handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Handle {
    /// When its token was minted.
    pub minted_ms: UnixMillis,
    /// Whether its token opens nothing any more.
    #[mls_codec(with = "crate::wire::flag")]
    pub revoked: bool,
    /// How many fetches its token opened.
    pub uses: u32,
    /// When its token opened the last one; 0 when never.
    pub last_used_ms: UnixMillis,
}
