//! The handles of unique tokens.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::sequencer::UnixMillis;

/// What is known of a handle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Handle {
    /// On which day its token was minted.
    pub minted_ms: UnixMillis,
    /// In which period of all tokens it was minted. In another one it opens nothing.
    pub period: u64,
    /// Whether its token opens nothing any more.
    #[mls_codec(with = "crate::wire::flag")]
    pub revoked: bool,
    /// How many fetches its token opened.
    pub uses: u32,
    /// On which day its token opened the last one; 0 when never.
    pub last_used_ms: UnixMillis,
}

impl Handle {
    /// Whether its token opens something in that period.
    pub fn is_good(&self, period: u64) -> bool {
        !self.revoked && self.period == period
    }
}
