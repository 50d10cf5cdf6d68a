//! Join tokens (specs/protocol.md): a member's provider vouches for somebody who wants the GroupInfo or wants to join.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::PartitionKey;

/// Asks for a token that opens the group to a joiner.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct JoinTokenRequest {
    /// The group.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
    /// A partition key of the group: whoever asks is in it.
    pub partition_key: PartitionKey,
    /// How long the token is good, in seconds.
    pub ttl_seconds: u32,
}

impl std::fmt::Debug for JoinTokenRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("JoinTokenRequest").field("ttl_seconds", &self.ttl_seconds).finish_non_exhaustive()
    }
}

/// A token as it is shown in `DS-Join-Token`.
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct JoinToken(Vec<u8>);

impl JoinToken {
    /// No hub's token is longer.
    pub const LENGTH_MAX: usize = 256;

    /// A token of 1 to 256 bytes. Whether it opens anything is not asked here.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=Self::LENGTH_MAX).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JoinToken(..)")
    }
}

/// A token to be shown in `DS-Join-Token`.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct JoinTokenResponse {
    /// Opaque to everyone but the hub.
    #[mls_codec(with = "byte_vec")]
    pub token: Vec<u8>,
}

impl std::fmt::Debug for JoinTokenResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JoinTokenResponse(..)")
    }
}
