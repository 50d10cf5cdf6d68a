//! Push: subscriptions and the pushed responses (draft §4.4, specs/protocol.md).

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use super::{MaskedPartitionKey, PartitionKey, ReceiveResponse};

/// Asks the hub to push a partition to the asking provider's registered endpoint.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct SubscribeRequest {
    /// The group.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
    /// The partition key of the partition.
    pub partition_key: PartitionKey,
    /// The index of the first message that is wanted.
    pub from_counter: u32,
    /// How long the lease lasts, in seconds.
    pub ttl_seconds: u32,
}

impl std::fmt::Debug for SubscribeRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SubscribeRequest")
            .field("from_counter", &self.from_counter)
            .field("ttl_seconds", &self.ttl_seconds)
            .finish_non_exhaustive()
    }
}

/// How long the hub will push.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct SubscribeResponse {
    /// How long the lease lasts from now, in seconds: at most as long as was asked for.
    pub ttl_seconds: u32,
}

/// A user tells its provider that it wants no more messages of a group. On the local listener only.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct LeaveGroupRequest {
    /// The group, of whatever hub.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
}

impl std::fmt::Debug for LeaveGroupRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LeaveGroupRequest(..)")
    }
}

/// What a hub pushes.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct PushRequest {
    /// The group.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
    /// The partition.
    pub masked_partition_key: MaskedPartitionKey,
    /// The index of the first message in `response.epoch`.
    pub first_counter: u32,
    /// The messages.
    pub response: ReceiveResponse,
}

impl std::fmt::Debug for PushRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("PushRequest").field("first_counter", &self.first_counter).finish_non_exhaustive()
    }
}

/// How far the follower has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct PushResponse {
    /// The index of the next message that the follower wants.
    pub next_counter: u32,
}
