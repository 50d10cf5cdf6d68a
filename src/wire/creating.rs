//! Creating and deleting groups (specs/protocol.md, "Groups"): operations of a provider's own users, which the draft leaves
//! open.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use super::{PartitionKey, WelcomeData};
use crate::mls::{CipherSuite, EpochNumber, ProtocolVersion, WireGroupInfo, WireRatchetTree};

/// A fresh group id, reserved for the user who asked.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct MintGroupIdResponse {
    /// `mimi://<hub>/g/<base64url of 16 random bytes>`.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
}

impl std::fmt::Debug for MintGroupIdResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MintGroupIdResponse(..)")
    }
}

/// Hands a group to the hub.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct CreateGroupRequest {
    /// A minted group id.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
    /// The partition key of `epoch`: the root of the group's partitions.
    pub partition_key: PartitionKey,
    /// The group's protocol version.
    pub version: ProtocolVersion,
    /// The group's suite.
    pub cipher_suite: CipherSuite,
    /// The group's epoch now. Nothing is sequenced for earlier ones.
    pub epoch: EpochNumber,
    /// `MLSMessage` with the GroupInfo of `epoch`.
    pub group_info: Option<WireGroupInfo>,
    /// The tree, when `group_info` has none.
    pub ratchet_tree: Option<WireRatchetTree>,
    /// The Welcome of the initial members.
    pub welcome_data: Option<WelcomeData>,
}

impl std::fmt::Debug for CreateGroupRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CreateGroupRequest")
            .field("cipher_suite", &self.cipher_suite)
            .field("group_info", &self.group_info)
            .field("welcome_data", &self.welcome_data)
            .finish_non_exhaustive()
    }
}

/// When a group was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct CreateGroupResponse {
    /// Milliseconds since the Unix epoch, by the hub's clock.
    pub created_ms: u64,
}

/// Deletes a group of the hub's own. On the local listener only.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct DeleteGroupRequest {
    /// The group.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
    /// The partition key of the newest epoch that the user knows.
    pub partition_key: PartitionKey,
}

impl std::fmt::Debug for DeleteGroupRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DeleteGroupRequest(..)")
    }
}
