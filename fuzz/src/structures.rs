//! The structures of `restante::wire`, by what they are on the wire. The first byte of an input says which of a list the
//! rest is.

use std::fmt::Debug;

use mls_rs_codec::{MlsDecode, MlsEncode};
use restante::wire::*;

/// A structure, and what has to hold for any bytes.
pub struct Structure {
    /// As in `specs/vectors/`.
    pub name: &'static str,
    /// Decodes, and panics when a rule is broken.
    pub check: fn(&[u8]),
}

macro_rules! structures {
    ($($name:ident)*) => {
        &[$(Structure { name: stringify!($name), check: is_canonical::<$name> }),*]
    };
}

/// What hubs, followers and clients ask.
pub const REQUESTS: &[Structure] = structures! {
    BansRequest CreateGroupRequest DeleteGroupRequest DeleteKeyPackagesRequest ExternalJoinRequest
    ExternalProposalRequest GroupInfoRequest InboxAckRequest InboxRequest JoinTokenRequest KeyPackageRequest
    KeyPackageRequests LeaveGroupRequest LiteralReceiveRequest MintTokenRequest PushRequest ReceiveRequest
    ReportRequest RevokeTokenRequest SendRequest SubscribeRequest UploadKeyPackagesRequest WelcomeInitRequest
    WelcomePush
};

/// What they are answered.
pub const RESPONSES: &[Structure] = structures! {
    BansResponse CreateGroupResponse ExternalProposalResponse GroupInfoResponse InboxResponse JoinTokenResponse
    KeyPackageResponse KeyPackageResults KeyPackageStanding ListTokensResponse MintGroupIdResponse MintTokenResponse
    PushResponse ReceiveResponse RevokeTokenResponse SendResponse SubscribeResponse WelcomeInitResponse
};

/// What stands inside of these, in fields and in databases.
pub const PARTS: &[Structure] = structures! {
    BanList BanSalt BanTag Banned BannedUser BearerToken BearerTokenInput BearerTokenKind ClientId CommitData Epoch
    HintedEpoch Identity InboxEntry InboxOutcome KeyPackageRef KeyPackageResult KeyPackageStatus KeyPackageStock
    MaskedPartitionKey Message MessageCommit PartitionKey PartitionKeyContext ReportReason Sanction ServiceProviderId
    TokenHandle TokenUse WelcomeData WelcomeDecision
};

/// Looks at the rest of `input` as the structure that its first byte says.
///
/// # Panics
/// When a rule is broken.
pub fn check(structures: &[Structure], input: &[u8]) {
    let Some((chosen, rest)) = input.split_first() else { return };
    if let Some(structure) = structures.get(usize::from(*chosen)) {
        (structure.check)(rest);
    }
}

/// What is accepted is the one encoding of its value, and takes as many bytes as it says.
///
/// # Panics
/// When it is not.
pub fn is_canonical<T: MlsDecode + MlsEncode + PartialEq + Debug>(input: &[u8]) {
    let Ok(value) = decode::<T>(input) else { return };
    assert!(encode(&value).is_ok_and(|encoded| encoded == input), "another encoding of the same value");
    assert_eq!(value.mls_encoded_len(), input.len());
    assert!(decode::<T>(input).is_ok_and(|again| again == value), "decoded twice to different values");
}
