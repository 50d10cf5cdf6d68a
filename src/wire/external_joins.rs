//! External joins and external proposals (draft §4.5).

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use super::CommitData;
use crate::mls::{ContentType, Fault, WireFormat, WireGroupInfo, WireMessage, WireRatchetTree};

/// An external commit and what comes with it.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct ExternalJoinRequest {
    /// `MLSMessage` with a PublicMessage that is a commit.
    pub message: WireMessage,
    /// As in a SendRequest.
    pub commit_data: CommitData,
}

impl MlsDecode for ExternalJoinRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let message = WireMessage::mls_decode(reader)?;
        if message.wire_format() != WireFormat::PublicMessage {
            return Err(Fault::WireFormat.into());
        }
        if message.content_type() != ContentType::Commit {
            return Err(Fault::CommitData.into());
        }
        Ok(Self { message, commit_data: CommitData::mls_decode(reader)? })
    }
}

/// Asks for the GroupInfo of a group.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct GroupInfoRequest {
    /// The group.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
}

impl std::fmt::Debug for GroupInfoRequest {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("GroupInfoRequest(..)")
    }
}

/// The GroupInfo of the dominant head.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct GroupInfoResponse {
    /// `MLSMessage` with a GroupInfo.
    pub group_info: WireGroupInfo,
    /// The tree that the hub inferred, when `group_info` has none.
    pub ratchet_tree: Option<WireRatchetTree>,
}

/// A proposal of somebody who is not a member (an extension).
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct ExternalProposalRequest {
    /// `MLSMessage` with a PublicMessage that is a proposal.
    pub message: WireMessage,
}

impl MlsDecode for ExternalProposalRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let message = WireMessage::mls_decode(reader)?;
        match (message.wire_format(), message.content_type()) {
            (WireFormat::PublicMessage, ContentType::Proposal) => Ok(Self { message }),
            _ => Err(Fault::WireFormat.into()),
        }
    }
}

/// When an external proposal was sequenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct ExternalProposalResponse {
    /// Milliseconds since the Unix epoch, by the hub's clock.
    pub accepted_ms: u64,
}
