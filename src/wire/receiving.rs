//! Receiving messages (draft §4.4).

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use super::{MaskedPartitionKey, PartitionKey};
use crate::mls::{ContentType, Fault, WireGroupInfo, WireMessage};

/// A request for the messages of one partition. The leading `group_id` is an erratum to the draft.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct ReceiveRequest {
    /// The group.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
    /// The partition key of the epoch that the reader is in.
    pub partition_key: PartitionKey,
    /// The absolute index of the next wanted message.
    pub counter: u32,
}

impl std::fmt::Debug for ReceiveRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReceiveRequest").field("counter", &self.counter).finish_non_exhaustive()
    }
}

/// The draft's literal `ReceiveRequest`, which names no group.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct LiteralReceiveRequest {
    /// The partition key of the epoch that the reader is in.
    pub partition_key: PartitionKey,
    /// The number of messages that the reader has already received in that partition.
    pub counter: u32,
}

/// What a reader gets beside a commit.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct MessageCommit {
    /// The masked partition key that the commit announced.
    pub next_partition_key: MaskedPartitionKey,
    /// The GroupInfo that came with the commit.
    pub group_info: Option<WireGroupInfo>,
}

/// A sequenced message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// `MLSMessage` with a PublicMessage or a PrivateMessage.
    pub message: WireMessage,
    /// Present exactly when `message` is a commit. Boxed: it is several times as large as a message, and commits are
    /// few. A list of the shortest messages would otherwise take 22 times the memory of its bytes.
    pub commit: Option<Box<MessageCommit>>,
}

impl MlsSize for Message {
    fn mls_encoded_len(&self) -> usize {
        self.message.mls_encoded_len() + self.commit.as_deref().map_or(0, MlsSize::mls_encoded_len)
    }
}

impl MlsEncode for Message {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        self.message.mls_encode(writer)?;
        match (self.message.content_type(), &self.commit) {
            (ContentType::Commit, Some(commit)) => commit.mls_encode(writer),
            (ContentType::Application | ContentType::Proposal, None) => Ok(()),
            (ContentType::Commit, None) | (ContentType::Application | ContentType::Proposal, Some(_)) => {
                Err(Fault::CommitData.into())
            }
        }
    }
}

impl MlsDecode for Message {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let message = WireMessage::mls_decode(reader)?;
        let commit = match message.content_type() {
            ContentType::Commit => Some(Box::new(MessageCommit::mls_decode(reader)?)),
            ContentType::Application | ContentType::Proposal => None,
        };
        Ok(Self { message, commit })
    }
}

/// The messages of a partition, in the order in which they were sequenced.
///
/// They stand one behind the other without lengths, so one that does not tell where it ends
/// ([`WireMessage::is_delimited`]) can only be the last: decoding gives it all that is left of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsDecode)]
pub struct Epoch {
    /// In order.
    pub messages: Vec<Message>,
}

impl MlsEncode for Epoch {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        let before_last = self.messages.iter().rev().skip(1);
        if before_last.into_iter().any(|message| !message.message.is_delimited()) {
            return Err(Fault::OpenEnd.into());
        }
        self.messages.mls_encode(writer)
    }
}

/// All messages of a partition that was not asked for, skipping none.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct HintedEpoch {
    /// Which partition.
    pub masked_partition_key: MaskedPartitionKey,
    /// All of its messages from index 0.
    pub epoch: Epoch,
}

/// The answer to a [`ReceiveRequest`], and the content of a push.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct ReceiveResponse {
    /// Messages of the requested partition from `counter` on.
    pub epoch: Epoch,
    /// Other epochs of the group. Their order means nothing.
    pub hints: Vec<HintedEpoch>,
}
