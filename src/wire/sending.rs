//! Sending messages (draft §4.2).

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{PartitionKey, ServiceProviderId};
use crate::mls::{ContentType, Fault, WireGroupInfo, WireMessage, WireWelcome};

/// A Welcome and, for each entry of its `secrets`, the provider of that new member.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct WelcomeData {
    /// `MLSMessage` with a Welcome.
    pub welcome: WireWelcome,
    /// One provider for each entry of `secrets`, in order.
    pub service_providers: Vec<ServiceProviderId>,
}

impl WelcomeData {
    /// More new members than one Welcome within the size limits can hold secrets for.
    pub(super) const PROVIDERS_MAX: usize = 131_072;
}

impl MlsDecode for WelcomeData {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self {
            welcome: WireWelcome::mls_decode(reader)?,
            service_providers: super::bounded_list(reader, Self::PROVIDERS_MAX)?,
        })
    }
}

/// What comes with a commit.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct CommitData {
    /// The partition key of the epoch that the commit creates.
    pub next_partition_key: PartitionKey,
    /// `MLSMessage` with the GroupInfo of that epoch, for external joiners.
    pub group_info: Option<WireGroupInfo>,
    /// The Welcome for the members that the commit adds.
    pub welcome_data: Option<WelcomeData>,
}

/// A message for a partition of the group that the message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendRequest {
    /// `MLSMessage` with a PublicMessage or a PrivateMessage.
    pub message: WireMessage,
    /// The partition key of the epoch that the sender is in.
    pub partition_key: PartitionKey,
    /// Present exactly when `message` is a commit.
    pub commit_data: Option<CommitData>,
}

impl MlsSize for SendRequest {
    fn mls_encoded_len(&self) -> usize {
        self.message.mls_encoded_len()
            + self.partition_key.mls_encoded_len()
            + self.commit_data.as_ref().map_or(0, MlsSize::mls_encoded_len)
    }
}

impl MlsEncode for SendRequest {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        self.message.mls_encode(writer)?;
        self.partition_key.mls_encode(writer)?;
        match (self.message.content_type(), &self.commit_data) {
            (ContentType::Commit, Some(commit_data)) => commit_data.mls_encode(writer),
            (ContentType::Application | ContentType::Proposal, None) => Ok(()),
            (ContentType::Commit, None) | (ContentType::Application | ContentType::Proposal, Some(_)) => {
                Err(Fault::CommitData.into())
            }
        }
    }
}

impl MlsDecode for SendRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        // At least a partition key stands behind the message: that tells where a message ends that does not.
        let before_key = reader.len().saturating_sub(PartitionKey::LENGTH);
        let message = WireMessage::mls_decode(&mut &reader[..before_key])?;
        *reader = &reader[message.mls_encoded_len()..];
        let partition_key = PartitionKey::mls_decode(reader)?;
        let commit_data = match message.content_type() {
            ContentType::Commit => Some(CommitData::mls_decode(reader)?),
            ContentType::Application | ContentType::Proposal => None,
        };
        Ok(Self { message, partition_key, commit_data })
    }
}

/// Where a message was sequenced (an extension: the draft gives no response).
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct SendResponse {
    /// When the hub sequenced it, in milliseconds since the Unix epoch, by the hub's clock.
    pub accepted_ms: u64,
    /// Its place in the partition, from 0.
    pub index: u32,
    /// How many commits stand before it in the partition: more than 0 tells a committer that it may have lost.
    pub commits_before: u32,
}
