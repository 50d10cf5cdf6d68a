//! The drafts' structures: TLS presentation language to Rust and back, exact to the byte.
//!
//! One file for each section of the draft or of `specs/protocol.md`. Encoding is canonical: decoding refuses
//! non-minimal lengths, undefined enum values and left-over bytes, so one value has one encoding. MLS structures
//! inside keep the bytes that were received (see [`crate::mls`]). Beside the structures stand the texts that two sides
//! of the wire must spell alike: group ids, problem codes, the values of header fields.
//!
//! This layer judges form only. What a hub makes of a well-formed request is the business of [`crate::sequencer`].

mod banned;
mod bans;
mod bearer_token;
mod creating;
mod decode_error;
mod expect_commit;
mod external_joins;
mod field;
pub(crate) mod flag;
mod group_id;
mod inbox;
mod join_token;
mod key_packages;
mod partition_key;
mod pool;
mod problem_code;
mod pushing;
mod receiving;
mod sending;
mod service_provider_id;
#[cfg(test)]
mod tests;
mod welcome;

pub use banned::{BANNED_EXTENSION, Banned, Identity};
pub use bans::{
    BanList, BanSalt, BanTag, BannedUser, BansRequest, BansResponse, ReportReason, ReportRequest, Sanction,
};
pub use bearer_token::{BearerToken, BearerTokenInput, BearerTokenKind};
pub use creating::{CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest, MintGroupIdResponse};
pub use decode_error::DecodeError;
pub use expect_commit::ExpectCommit;
pub use external_joins::{
    ExternalJoinRequest, ExternalProposalRequest, ExternalProposalResponse, GroupInfoRequest, GroupInfoResponse,
};
pub use field::{byte_sequence, preferred_wait};
pub use group_id::GroupId;
pub use inbox::{InboxAckRequest, InboxEntry, InboxOutcome, InboxRequest, InboxResponse};
pub use join_token::{JoinToken, JoinTokenRequest, JoinTokenResponse};
pub use key_packages::{
    KeyPackageRequest, KeyPackageRequests, KeyPackageResponse, KeyPackageResult, KeyPackageResults, KeyPackageStatus,
};
pub use partition_key::{MaskedPartitionKey, PartitionKey, PartitionKeyContext};
pub use pool::{
    ClientId, DeleteKeyPackagesRequest, KeyPackageStanding, KeyPackageStock, ListTokensResponse, MintTokenRequest,
    MintTokenResponse, RevokeTokenRequest, RevokeTokenResponse, TokenHandle, TokenUse, UploadKeyPackagesRequest,
};
pub use problem_code::ProblemCode;
pub use pushing::{LeaveGroupRequest, PushRequest, PushResponse, SubscribeRequest, SubscribeResponse};
pub use receiving::{
    Epoch, HintedEpoch, LiteralReceiveRequest, Message, MessageCommit, ReceiveRequest, ReceiveResponse,
};
pub use sending::{CommitData, SendRequest, SendResponse, WelcomeData};
pub use service_provider_id::{InvalidServiceProviderId, ServiceProviderId};
pub use welcome::{KeyPackageRef, WelcomeDecision, WelcomeInitRequest, WelcomeInitResponse, WelcomePush};

use mls_rs_codec::{MlsDecode, MlsEncode};

/// The media type of every request and response body of the drafts.
pub const MEDIA_TYPE: &str = "application/vnd.mimi-ds";

/// Decodes a body that holds one value and nothing else.
///
/// # Errors
/// What is wrong with the bytes, without any of them.
pub fn decode<T: MlsDecode>(body: &[u8]) -> Result<T, DecodeError> {
    T::mls_decode_exhaustive(body).map_err(DecodeError::from)
}

/// Encodes a value.
///
/// # Errors
/// When a vector is longer than the format can say (2^30 - 1 bytes), or the value contradicts itself.
pub fn encode<T: MlsEncode>(value: &T) -> Result<Vec<u8>, DecodeError> {
    value.mls_encode_to_vec().map_err(DecodeError::from)
}

/// `opaque x<V>` of at most `maximum` bytes.
fn bounded_bytes(reader: &mut &[u8], maximum: usize, fault: crate::mls::Fault) -> Result<Vec<u8>, mls_rs_codec::Error> {
    let content = crate::mls::vector(reader)?;
    if content.len() > maximum {
        return Err(fault.into());
    }
    Ok(content.to_vec())
}

/// `T x<V>` of at most `maximum` values: an element of one byte on the wire is many in memory.
fn bounded_list<T: MlsDecode>(reader: &mut &[u8], maximum: usize) -> Result<Vec<T>, mls_rs_codec::Error> {
    let mut entries = crate::mls::vector(reader)?;
    let mut list = Vec::new();
    while !entries.is_empty() {
        if list.len() == maximum {
            return Err(crate::mls::Fault::ListTooLong.into());
        }
        list.push(T::mls_decode(&mut entries)?);
    }
    Ok(list)
}
