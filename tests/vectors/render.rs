//! Decoded values as the `fields` of a vector.

use restante::{
    mls::{ContentType, Sender, WireFormat, WireGroupInfo, WireKeyPackage, WireMessage, WireRatchetTree, WireWelcome},
    wire::{
        self, BanList, BanSalt, BanTag, Banned, BannedUser, BansRequest, BansResponse, BearerToken, BearerTokenInput,
        BearerTokenKind, ClientId, CommitData, CreateGroupRequest, CreateGroupResponse, DecodeError,
        DeleteGroupRequest, DeleteKeyPackagesRequest, Epoch, ExternalJoinRequest, ExternalProposalRequest,
        ExternalProposalResponse, GroupInfoRequest, GroupInfoResponse, HintedEpoch, Identity, InboxAckRequest,
        InboxEntry, InboxOutcome, InboxRequest, InboxResponse, JoinTokenRequest, JoinTokenResponse, KeyPackageRef,
        KeyPackageRequest, KeyPackageRequests, KeyPackageResponse, KeyPackageResult, KeyPackageResults,
        KeyPackageStanding, KeyPackageStatus, KeyPackageStock, LeaveGroupRequest, ListTokensResponse,
        LiteralReceiveRequest, MaskedPartitionKey, Message, MessageCommit, MintGroupIdResponse, MintTokenRequest,
        MintTokenResponse, PartitionKey, PartitionKeyContext, PushRequest, PushResponse, ReceiveRequest,
        ReceiveResponse, ReportReason, ReportRequest, RevokeTokenRequest, RevokeTokenResponse, Sanction, SendRequest,
        SendResponse, ServiceProviderId, SubscribeRequest, SubscribeResponse, TokenHandle, TokenUse,
        UploadKeyPackagesRequest, WelcomeData, WelcomeDecision, WelcomeInitRequest, WelcomeInitResponse, WelcomePush,
    },
};
use serde_json::{Value, json};

use super::corpus::Corpus;

/// What a published vector says of a value.
pub(crate) trait Fields {
    fn fields(&self, corpus: &Corpus) -> Value;
}

/// Decodes, renders and encodes again.
pub(crate) fn decode(structure: &str, bytes: &[u8], corpus: &Corpus) -> Result<(Value, Vec<u8>), DecodeError> {
    fn through<T>(bytes: &[u8], corpus: &Corpus) -> Result<(Value, Vec<u8>), DecodeError>
    where
        T: Fields + mls_rs_codec::MlsDecode + mls_rs_codec::MlsEncode,
    {
        let value: T = wire::decode(bytes)?;
        let encoded = wire::encode(&value)?;
        assert_eq!(encoded.len(), value.mls_encoded_len(), "the announced length");
        Ok((value.fields(corpus), encoded))
    }
    macro_rules! table {
        ($($name:literal => $type:ty,)*) => {
            match structure {
                $($name => through::<$type>(bytes, corpus),)*
                other => panic!("no structure {other}"),
            }
        };
    }
    table! {
        "GroupMessage" => WireMessage,
        "Welcome" => WireWelcome,
        "GroupInfo" => WireGroupInfo,
        "KeyPackage" => WireKeyPackage,
        "RatchetTree" => WireRatchetTree,
        "ServiceProviderId" => ServiceProviderId,
        "PartitionKey" => PartitionKey,
        "MaskedPartitionKey" => MaskedPartitionKey,
        "PartitionKeyContext" => PartitionKeyContext,
        "WelcomeData" => WelcomeData,
        "CommitData" => CommitData,
        "SendRequest" => SendRequest,
        "SendResponse" => SendResponse,
        "ReceiveRequest" => ReceiveRequest,
        "LiteralReceiveRequest" => LiteralReceiveRequest,
        "MessageCommit" => MessageCommit,
        "Message" => Message,
        "Epoch" => Epoch,
        "HintedEpoch" => HintedEpoch,
        "ReceiveResponse" => ReceiveResponse,
        "KeyPackageRef" => KeyPackageRef,
        "WelcomeInitRequest" => WelcomeInitRequest,
        "WelcomeDecision" => WelcomeDecision,
        "WelcomeInitResponse" => WelcomeInitResponse,
        "WelcomePush" => WelcomePush,
        "ExternalJoinRequest" => ExternalJoinRequest,
        "GroupInfoRequest" => GroupInfoRequest,
        "GroupInfoResponse" => GroupInfoResponse,
        "ExternalProposalRequest" => ExternalProposalRequest,
        "ExternalProposalResponse" => ExternalProposalResponse,
        "MintGroupIdResponse" => MintGroupIdResponse,
        "CreateGroupRequest" => CreateGroupRequest,
        "CreateGroupResponse" => CreateGroupResponse,
        "DeleteGroupRequest" => DeleteGroupRequest,
        "SubscribeRequest" => SubscribeRequest,
        "PushRequest" => PushRequest,
        "PushResponse" => PushResponse,
        "SubscribeResponse" => SubscribeResponse,
        "LeaveGroupRequest" => LeaveGroupRequest,
        "KeyPackageRequest" => KeyPackageRequest,
        "KeyPackageRequests" => KeyPackageRequests,
        "KeyPackageResponse" => KeyPackageResponse,
        "KeyPackageStatus" => KeyPackageStatus,
        "KeyPackageResult" => KeyPackageResult,
        "KeyPackageResults" => KeyPackageResults,
        "JoinTokenRequest" => JoinTokenRequest,
        "JoinTokenResponse" => JoinTokenResponse,
        "BearerTokenKind" => BearerTokenKind,
        "BearerToken" => BearerToken,
        "BearerTokenInput" => BearerTokenInput,
        "UploadKeyPackagesRequest" => UploadKeyPackagesRequest,
        "DeleteKeyPackagesRequest" => DeleteKeyPackagesRequest,
        "KeyPackageStanding" => KeyPackageStanding,
        "ClientId" => ClientId,
        "TokenHandle" => TokenHandle,
        "KeyPackageStock" => KeyPackageStock,
        "TokenUse" => TokenUse,
        "InboxRequest" => InboxRequest,
        "InboxEntry" => InboxEntry,
        "InboxResponse" => InboxResponse,
        "InboxOutcome" => InboxOutcome,
        "InboxAckRequest" => InboxAckRequest,
        "MintTokenRequest" => MintTokenRequest,
        "MintTokenResponse" => MintTokenResponse,
        "RevokeTokenRequest" => RevokeTokenRequest,
        "RevokeTokenResponse" => RevokeTokenResponse,
        "ListTokensResponse" => ListTokensResponse,
        "Identity" => Identity,
        "BanSalt" => BanSalt,
        "BanTag" => BanTag,
        "BannedUser" => BannedUser,
        "BansRequest" => BansRequest,
        "BanList" => BanList,
        "BansResponse" => BansResponse,
        "Sanction" => Sanction,
        "ReportReason" => ReportReason,
        "ReportRequest" => ReportRequest,
        "Banned" => Banned,
    }
}

fn hex(bytes: impl AsRef<[u8]>) -> Value {
    json!(hex::encode(bytes))
}

impl<T: Fields> Fields for Option<T> {
    fn fields(&self, corpus: &Corpus) -> Value {
        self.as_ref().map_or(Value::Null, |value| value.fields(corpus))
    }
}

impl<T: Fields> Fields for Box<T> {
    fn fields(&self, corpus: &Corpus) -> Value {
        self.as_ref().fields(corpus)
    }
}

impl<T: Fields> Fields for Vec<T> {
    fn fields(&self, corpus: &Corpus) -> Value {
        self.iter().map(|value| value.fields(corpus)).collect()
    }
}

macro_rules! fields {
    // A structure: each field as its type says, bytes in hex, numbers as numbers.
    ($($type:ident { $($field:ident $kind:tt),* })*) => {
        $(impl Fields for $type {
            fn fields(&self, corpus: &Corpus) -> Value {
                let _ = corpus;
                json!({ $(stringify!($field): fields!(@ $kind corpus self.$field)),* })
            }
        })*
    };
    (@ value $corpus:ident $value:expr) => { $value.fields($corpus) };
    (@ bytes $corpus:ident $value:expr) => { hex(&$value) };
    (@ number $corpus:ident $value:expr) => { json!($value) };
    (@ message $corpus:ident $value:expr) => { $corpus.field($value.bytes()) };
    (@ messages $corpus:ident $value:expr) => {
        $value.iter().map(|value| $corpus.field(value.bytes())).collect::<Value>()
    };
    (@ optional $corpus:ident $value:expr) => {
        $value.as_ref().map_or(Value::Null, |value| $corpus.field(value.bytes()))
    };
    (@ newtype $corpus:ident $value:expr) => { json!($value.0) };
    (@ mls10 $corpus:ident $value:expr) => {{
        assert_eq!($value, restante::mls::ProtocolVersion::MLS10);
        json!(1)
    }};
}

fields! {
    WelcomeData { welcome message, service_providers value }
    CommitData { next_partition_key value, group_info optional, welcome_data value }
    SendRequest { message message, partition_key value, commit_data value }
    SendResponse { accepted_ms number, index number, commits_before number }
    ReceiveRequest { group_id bytes, partition_key value, counter number }
    LiteralReceiveRequest { partition_key value, counter number }
    MessageCommit { next_partition_key value, group_info optional }
    Message { message message, commit value }
    Epoch { messages value }
    HintedEpoch { masked_partition_key value, epoch value }
    ReceiveResponse { epoch value, hints value }
    WelcomeInitRequest { key_package_refs value }
    WelcomeInitResponse { welcome_ticket bytes, decisions value }
    WelcomePush { welcome_ticket bytes, welcome message, ratchet_tree optional }
    ExternalJoinRequest { message message, commit_data value }
    GroupInfoRequest { group_id bytes }
    GroupInfoResponse { group_info message, ratchet_tree optional }
    ExternalProposalRequest { message message }
    ExternalProposalResponse { accepted_ms number }
    MintGroupIdResponse { group_id bytes }
    CreateGroupRequest {
        group_id bytes, partition_key value, version mls10, cipher_suite newtype, epoch newtype,
        group_info optional, ratchet_tree optional, welcome_data value
    }
    CreateGroupResponse { created_ms number }
    DeleteGroupRequest { group_id bytes, partition_key value }
    SubscribeRequest { group_id bytes, partition_key value, from_counter number, ttl_seconds number }
    PushRequest { group_id bytes, masked_partition_key value, first_counter number, response value }
    PushResponse { next_counter number }
    SubscribeResponse { ttl_seconds number }
    LeaveGroupRequest { group_id bytes }
    KeyPackageRequest { user_id bytes, bearer_token bytes, version mls10, cipher_suite newtype }
    KeyPackageRequests { requests value }
    KeyPackageResponse { key_package message }
    KeyPackageResult { status value, key_packages messages }
    KeyPackageResults { results value }
    JoinTokenRequest { group_id bytes, partition_key value, ttl_seconds number }
    JoinTokenResponse { token bytes }
    BearerToken { kind value, handle bytes, tag bytes }
    UploadKeyPackagesRequest { client_id value, key_packages messages }
    DeleteKeyPackagesRequest { client_id value }
    KeyPackageStock {
        client_id value, version mls10, cipher_suite newtype, available number, has_last_resort number,
        last_resort_uses number, last_resort_used_ms number
    }
    KeyPackageStanding { low_water_mark number, stocks value }
    MintTokenRequest { kind value }
    MintTokenResponse { token value }
    RevokeTokenResponse { found number }
    TokenUse { handle value, minted_ms number, revoked number, uses number, last_used_ms number }
    ListTokensResponse { generation number, tokens value }
    InboxRequest { client_id value, after number }
    InboxEntry { number number, hub value, arrived_ms number, welcome message, ratchet_tree optional }
    InboxResponse { entries value, more number }
    InboxAckRequest { client_id value, number number, outcome value }
    BearerTokenInput { label bytes, kind value, user_id bytes, handle bytes, period number, generation number }
    Banned { banned value }
    BannedUser { tag value, sanction value }
    BansRequest { known bytes }
    BanList { salt value, users value }
    BansResponse { list value }
    ReportRequest { group_id bytes, about value, reason value }
    PartitionKeyContext { hub value }
}

impl Fields for WireMessage {
    fn fields(&self, _: &Corpus) -> Value {
        let sender = self.sender().map(|sender| match sender {
            Sender::Member(leaf) => json!({ "member": leaf }),
            Sender::External(index) => json!({ "external": index }),
            Sender::NewMemberProposal => json!("new_member_proposal"),
            Sender::NewMemberCommit => json!("new_member_commit"),
        });
        json!({
            "wire_format": match self.wire_format() {
                WireFormat::PublicMessage => "mls_public_message",
                WireFormat::PrivateMessage => "mls_private_message",
            },
            "group_id": hex(self.group_id()),
            "epoch": self.epoch().0,
            "sender": sender,
            "authenticated_data": hex(self.authenticated_data()),
            "content_type": match self.content_type() {
                ContentType::Application => "application",
                ContentType::Proposal => "proposal",
                ContentType::Commit => "commit",
            },
        })
    }
}

impl Fields for WireWelcome {
    fn fields(&self, _: &Corpus) -> Value {
        let refs: Value = self.key_package_refs().map(hex).collect();
        assert_eq!(refs.as_array().map(Vec::len), Some(self.secrets()));
        json!({ "cipher_suite": self.cipher_suite().0, "key_package_refs": refs })
    }
}

impl Fields for WireGroupInfo {
    fn fields(&self, _: &Corpus) -> Value {
        json!({
            "cipher_suite": self.cipher_suite().0,
            "group_id": hex(self.group_id()),
            "epoch": self.epoch().0,
            "group_context": hex(self.group_context()),
            "has_ratchet_tree": self.has_ratchet_tree(),
            "confirmation_tag": hex(self.confirmation_tag()),
            "signer": self.signer(),
            "signature": hex(self.signature()),
        })
    }
}

impl Fields for WireKeyPackage {
    fn fields(&self, _: &Corpus) -> Value {
        json!({ "cipher_suite": self.cipher_suite().0 })
    }
}

impl Fields for WireRatchetTree {
    fn fields(&self, _: &Corpus) -> Value {
        json!({ "length": self.bytes().len() })
    }
}

impl Fields for ServiceProviderId {
    fn fields(&self, _: &Corpus) -> Value {
        json!(self.as_str())
    }
}

impl Fields for PartitionKey {
    fn fields(&self, _: &Corpus) -> Value {
        hex(self.as_bytes())
    }
}

impl Fields for MaskedPartitionKey {
    fn fields(&self, _: &Corpus) -> Value {
        hex(self.as_bytes())
    }
}

impl Fields for KeyPackageRef {
    fn fields(&self, _: &Corpus) -> Value {
        hex(&self.0)
    }
}

impl Fields for Identity {
    fn fields(&self, _: &Corpus) -> Value {
        hex(&self.0)
    }
}

impl Fields for BanSalt {
    fn fields(&self, _: &Corpus) -> Value {
        hex(self.as_bytes())
    }
}

impl Fields for BanTag {
    fn fields(&self, _: &Corpus) -> Value {
        hex(self.as_bytes())
    }
}

impl Fields for Sanction {
    fn fields(&self, _: &Corpus) -> Value {
        json!(match self {
            Self::Muted => "muted",
            Self::Banned => "banned",
        })
    }
}

impl Fields for ReportReason {
    fn fields(&self, _: &Corpus) -> Value {
        json!(self.as_str())
    }
}

impl Fields for WelcomeDecision {
    fn fields(&self, _: &Corpus) -> Value {
        json!(match self {
            Self::Accepted => "accepted",
            Self::Unknown => "unknown",
            Self::Expired => "expired",
            Self::AlreadyUsed => "already_used",
            Self::Refused => "refused",
        })
    }
}

impl Fields for InboxOutcome {
    fn fields(&self, _: &Corpus) -> Value {
        json!(match self {
            Self::Joined => "joined",
            Self::Dropped => "dropped",
        })
    }
}

impl Fields for KeyPackageStatus {
    fn fields(&self, _: &Corpus) -> Value {
        json!(match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
            Self::Exhausted => "exhausted",
            Self::Incompatible => "incompatible",
        })
    }
}

impl Fields for ClientId {
    fn fields(&self, _: &Corpus) -> Value {
        hex(self.as_bytes())
    }
}

impl Fields for TokenHandle {
    fn fields(&self, _: &Corpus) -> Value {
        hex(self.as_bytes())
    }
}

impl Fields for RevokeTokenRequest {
    fn fields(&self, corpus: &Corpus) -> Value {
        match self {
            Self::User => json!("user"),
            Self::Handle(handle) => json!({ "handle": handle.fields(corpus) }),
        }
    }
}

impl Fields for BearerTokenKind {
    fn fields(&self, _: &Corpus) -> Value {
        json!(match self {
            Self::Shared => "shared",
            Self::Unique => "unique",
        })
    }
}
