//! The operations, typed.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use mls_rs_codec::{MlsDecode, MlsEncode};
use zeroize::Zeroizing;

use super::{CallError, Channel, ChannelError, ChannelRequest, ChannelResponse, Operation};
use crate::{
    client::{ExpectCommit, Problem, ProblemCode, Received},
    wire::{
        self, BansRequest, BansResponse, CreateGroupRequest, CreateGroupResponse, DeleteGroupRequest,
        DeleteKeyPackagesRequest, ExternalJoinRequest, ExternalProposalRequest, ExternalProposalResponse,
        GroupInfoRequest, GroupInfoResponse, InboxAckRequest, InboxRequest, InboxResponse, JoinToken, JoinTokenRequest,
        JoinTokenResponse, KeyPackageRequests, KeyPackageResults, KeyPackageStanding, LeaveGroupRequest,
        ListTokensResponse, MEDIA_TYPE, MaskedPartitionKey, MintGroupIdResponse, MintTokenRequest, MintTokenResponse,
        PushResponse, ReceiveRequest, ReportRequest, RevokeTokenRequest, RevokeTokenResponse, SendRequest,
        SendResponse, UploadKeyPackagesRequest, WelcomeInitRequest, WelcomeInitResponse, WelcomePush,
    },
};

/// The media type of refusals (RFC 9457).
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";
/// Request header: `none` or the index of the last commit that the sender has read.
pub const DS_EXPECT_COMMIT: &str = "ds-expect-commit";
/// Request header of the local listener: the acting user, a byte sequence of RFC 9651.
pub const DS_USER: &str = "ds-user";
/// Response header: the index of the first message in `epoch`.
pub const DS_FIRST_INDEX: &str = "ds-first-index";
/// The field that says that the hub was put back from a backup, and passes over indexes.
pub const DS_RESTORED: &str = "ds-restored";
/// Response header: the counter to ask with next.
pub const DS_NEXT_INDEX: &str = "ds-next-index";
/// Response header: `?1` when the partition goes on behind this page.
pub const DS_MORE: &str = "ds-more";
/// Request header of joins and of requests for a GroupInfo: a join token, a byte sequence of RFC 9651.
pub const DS_JOIN_TOKEN: &str = "ds-join-token";
/// Response header: the masked key of the partition whose epoch a GroupInfo describes, a byte sequence of RFC 9651.
pub const DS_PARTITION: &str = "ds-partition";
/// RFC 7240.
pub(super) const PREFER: &str = "prefer";
/// The longest wait that a provider grants; longer ones are cut to this.
pub const WAIT_MAX: Duration = Duration::from_secs(50);

/// The longest problem document that is looked into, in bytes.
const PROBLEM_MAX: usize = 16 * 1024;

/// The operations of a delivery service over some channel.
#[derive(Clone, Debug)]
pub struct DeliveryService<C> {
    channel: C,
}

impl<C: Channel> DeliveryService<C> {
    /// Speaks over `channel`.
    pub fn new(channel: C) -> Self {
        Self { channel }
    }

    /// The channel.
    pub fn channel(&self) -> &C {
        &self.channel
    }

    /// Sends a message to the partition that it names (draft §4.2).
    ///
    /// `expect_commit` is for commits: the hub refuses with [`ProblemCode::CommitConflict`] when there is a later one.
    ///
    /// # Errors
    /// [`CallError`]. After one that [`CallError::is_transient`], send the same bytes again: the hub sequences a message
    /// once, however often it comes.
    pub async fn send(
        &self,
        request: &SendRequest,
        expect_commit: Option<ExpectCommit>,
    ) -> Result<SendResponse, CallError> {
        self.send_encoded(encode(request)?, expect_commit).await
    }

    /// The same with a request that was encoded before.
    ///
    /// # Errors
    /// As [`DeliveryService::send`].
    pub async fn send_encoded(
        &self,
        body: Bytes,
        expect_commit: Option<ExpectCommit>,
    ) -> Result<SendResponse, CallError> {
        let request = ChannelRequest { expect_commit, ..ChannelRequest::new(Operation::Send, body) };
        decode(&self.successful(request).await?)
    }

    /// Asks for the messages of a partition (draft §4.4). The provider may hold the request for up to `wait`, in whole
    /// seconds and at most [`WAIT_MAX`], until there is a message.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn receive(&self, request: &ReceiveRequest, wait: Duration) -> Result<Received, CallError> {
        received(&self.successful(receive_request(request, wait)?).await?)
    }

    /// Asks for the GroupInfo with which a group can be joined (draft §4.5), and the partition of its epoch.
    ///
    /// # Errors
    /// [`CallError`]; [`ProblemCode::NoGroupInfo`] when there is none, or none for the asker.
    pub async fn group_info(
        &self,
        request: &GroupInfoRequest,
        token: Option<&JoinToken>,
    ) -> Result<(GroupInfoResponse, Option<MaskedPartitionKey>), CallError> {
        let request = ChannelRequest {
            join_token: token.cloned(),
            ..ChannelRequest::new(Operation::GroupInfo, encode(request)?)
        };
        let response = self.successful(request).await?;
        Ok((decode(&response)?, partition(&response.headers)))
    }

    /// Sends an external commit (draft §4.5). The hub finds out where it belongs.
    ///
    /// # Errors
    /// [`CallError`]; [`ProblemCode::StaleJoin`] when the group has moved on: ask for the GroupInfo and join anew. After
    /// one that [`CallError::is_transient`], send the same bytes again.
    pub async fn external_join(
        &self,
        request: &ExternalJoinRequest,
        token: Option<&JoinToken>,
    ) -> Result<SendResponse, CallError> {
        let request = ChannelRequest {
            join_token: token.cloned(),
            ..ChannelRequest::new(Operation::ExternalJoin, encode(request)?)
        };
        decode(&self.successful(request).await?)
    }

    /// Sends a proposal of somebody who is no member.
    ///
    /// # Errors
    /// As [`DeliveryService::external_join`].
    pub async fn external_proposal(
        &self,
        request: &ExternalProposalRequest,
    ) -> Result<ExternalProposalResponse, CallError> {
        self.call(Operation::ExternalProposal, request).await
    }

    /// Asks for a token that opens the group to whoever shows it, with the key of its current epoch.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn join_token(&self, request: &JoinTokenRequest) -> Result<JoinTokenResponse, CallError> {
        self.call(Operation::JoinToken, request).await
    }

    /// Reserves a group id at one's own provider.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn mint_group_id(&self) -> Result<MintGroupIdResponse, CallError> {
        decode(&self.successful(ChannelRequest::new(Operation::MintGroupId, Bytes::new())).await?)
    }

    /// Hands a group to one's own provider, which becomes its hub.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn create_group(&self, request: &CreateGroupRequest) -> Result<CreateGroupResponse, CallError> {
        decode(&self.successful(ChannelRequest::new(Operation::CreateGroup, encode(request)?)).await?)
    }

    /// Deletes a group of which one's own provider is the hub. Nothing is sequenced in it any more.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_group(&self, request: &DeleteGroupRequest) -> Result<(), CallError> {
        self.successful(ChannelRequest::new(Operation::DeleteGroup, encode(request)?)).await.map(drop)
    }

    /// Tells the provider that the acting user wants no more messages of a group, of whatever hub (draft §7.3).
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn leave_group(&self, group_id: &[u8]) -> Result<(), CallError> {
        let request = LeaveGroupRequest { group_id: group_id.to_vec() };
        self.successful(ChannelRequest::new(Operation::LeaveGroup, encode(&request)?)).await.map(drop)
    }

    /// Stores KeyPackages of one client of the acting user: all of them, or none.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn upload_key_packages(
        &self,
        request: &UploadKeyPackagesRequest,
    ) -> Result<KeyPackageStanding, CallError> {
        self.call(Operation::UploadKeyPackages, request).await
    }

    /// Has the provider take Welcomes for KeyPackages of one client that somebody has already, such as the one in a proposal
    /// to be added: all of them, or none. They are given to nobody else.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn register_key_packages(
        &self,
        request: &UploadKeyPackagesRequest,
    ) -> Result<KeyPackageStanding, CallError> {
        self.call(Operation::RegisterKeyPackages, request).await
    }

    /// Removes the KeyPackages of one client of the acting user.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn delete_key_packages(
        &self,
        request: &DeleteKeyPackagesRequest,
    ) -> Result<KeyPackageStanding, CallError> {
        self.call(Operation::DeleteKeyPackages, request).await
    }

    /// How many KeyPackages the acting user's clients have.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn key_package_status(&self) -> Result<KeyPackageStanding, CallError> {
        decode(&self.successful(ChannelRequest::new(Operation::KeyPackageStatus, Bytes::new())).await?)
    }

    /// Fetches KeyPackages of contacts at one's own provider, which sees who asks about whom. For contacts elsewhere
    /// there is a way on which nobody does.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn fetch_key_packages(&self, request: &KeyPackageRequests) -> Result<KeyPackageResults, CallError> {
        self.call(Operation::FetchKeyPackages, request).await
    }

    /// Makes a token that opens the acting user's KeyPackages.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn mint_token(&self, request: &MintTokenRequest) -> Result<MintTokenResponse, CallError> {
        self.call(Operation::MintToken, request).await
    }

    /// Revokes tokens of the acting user: every fetch from now on is denied. Look at the answer: it says whether there was
    /// anything to revoke.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn revoke_token(&self, request: &RevokeTokenRequest) -> Result<RevokeTokenResponse, CallError> {
        self.call(Operation::RevokeToken, request).await
    }

    /// Revokes all tokens of all users: the operator's.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn revoke_all_tokens(&self) -> Result<(), CallError> {
        self.manage(Operation::RevokeAllTokens).await
    }

    /// Removes all KeyPackages of all users, who have to upload anew: the operator's.
    ///
    /// # Errors
    /// [`CallError`]. If no answer came, the provider goes on: whoever calls it again waits for the same.
    pub async fn delete_all_key_packages(&self) -> Result<(), CallError> {
        self.manage(Operation::DeleteAllKeyPackages).await
    }

    /// Asks a hub which users of the asking provider it bans.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn bans(&self, request: &BansRequest) -> Result<BansResponse, CallError> {
        self.call(Operation::Bans, request).await
    }

    /// Complains about a provider that breaks an arrangement (draft §6).
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn report(&self, request: &ReportRequest) -> Result<(), CallError> {
        self.successful(ChannelRequest::new(Operation::Report, encode(request)?)).await.map(drop)
    }

    /// An operation of the operator's, in JSON both ways.
    ///
    /// # Errors
    /// [`CallError`]; [`CallError::MediaType`] when the answer is no JSON.
    pub async fn administer(
        &self,
        operation: Operation,
        request: &serde_json::Value,
    ) -> Result<serde_json::Value, CallError> {
        let response = self.raw(ChannelRequest::new(operation, request.to_string().into())).await?;
        if response.status != StatusCode::OK {
            return Err(problem(&response).into());
        }
        serde_json::from_slice(&response.body).map_err(|_| CallError::MediaType)
    }

    async fn manage(&self, operation: Operation) -> Result<(), CallError> {
        let response = self.raw(ChannelRequest::new(operation, Bytes::new())).await?;
        if response.status != StatusCode::OK {
            return Err(problem(&response).into());
        }
        Ok(())
    }

    /// The acting user's unique tokens.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn list_tokens(&self) -> Result<ListTokensResponse, CallError> {
        decode(&self.successful(ChannelRequest::new(Operation::ListTokens, Bytes::new())).await?)
    }

    /// The Welcomes that wait for a client of the acting user. The provider may hold the request for up to `wait`, in
    /// whole seconds and at most [`WAIT_MAX`], until there is one.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn inbox(&self, request: &InboxRequest, wait: Duration) -> Result<InboxResponse, CallError> {
        let wait = whole_seconds(wait);
        let request = ChannelRequest { wait, ..ChannelRequest::new(Operation::Inbox, encode(request)?) };
        decode(&self.successful(request).await?)
    }

    /// Says what became of a Welcome, which is then gone. Saying it again is safe.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn acknowledge(&self, request: &InboxAckRequest) -> Result<(), CallError> {
        self.successful(ChannelRequest::new(Operation::InboxAck, encode(request)?)).await.map(drop)
    }

    /// Asks a provider whether it takes a Welcome for those KeyPackages (draft §4.3). Nothing is used up by that.
    ///
    /// # Errors
    /// [`CallError`]
    pub async fn welcome_init(&self, request: &WelcomeInitRequest) -> Result<WelcomeInitResponse, CallError> {
        self.call(Operation::WelcomeInit, request).await
    }

    /// Hands a Welcome to the provider of new members (draft §4.3).
    ///
    /// # Errors
    /// [`CallError`]. Handing over the same again is safe.
    pub async fn welcome(&self, push: &WelcomePush) -> Result<(), CallError> {
        self.successful(ChannelRequest::new(Operation::Welcome, encode(push)?)).await.map(drop)
    }

    /// Pushes messages to a subscriber; the request was encoded before.
    ///
    /// # Errors
    /// [`CallError`]; [`ProblemCode::NotSubscribed`] when the subscriber wants no more.
    pub async fn push_encoded(&self, body: Bytes) -> Result<PushResponse, CallError> {
        decode(&self.successful(ChannelRequest::new(Operation::Push, body)).await?)
    }

    async fn call<T: MlsEncode, U: MlsDecode>(&self, operation: Operation, request: &T) -> Result<U, CallError> {
        decode(&self.successful(ChannelRequest::new(operation, encode(request)?)).await?)
    }

    /// Passes bytes in and out, whatever the answer's status: how a follower relays its users' requests unchanged.
    ///
    /// # Errors
    /// When no response came.
    pub async fn raw(&self, request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        self.channel.post(request).await
    }

    /// The same, where only a success will do.
    pub(in crate::client) async fn successful(&self, request: ChannelRequest) -> Result<ChannelResponse, CallError> {
        let response = self.raw(request).await?;
        if response.status != StatusCode::OK {
            return Err(problem(&response).into());
        }
        if !has_media_type(&response.headers, MEDIA_TYPE) {
            return Err(CallError::MediaType);
        }
        Ok(response)
    }
}

fn whole_seconds(wait: Duration) -> Duration {
    Duration::from_secs(wait.min(WAIT_MAX).as_secs())
}

/// The request of [`DeliveryService::receive`].
pub(in crate::client) fn receive_request(
    request: &ReceiveRequest,
    wait: Duration,
) -> Result<ChannelRequest, CallError> {
    let wait = whole_seconds(wait);
    Ok(ChannelRequest { wait, ..ChannelRequest::new(Operation::Receive, encode(request)?) })
}

/// The answer to [`receive_request`].
pub(in crate::client) fn received(response: &ChannelResponse) -> Result<Received, CallError> {
    Ok(Received {
        response: decode(response)?,
        first_index: index(&response.headers, DS_FIRST_INDEX),
        restored: response.headers.get(DS_RESTORED).is_some_and(|restored| restored == "?1"),
        next_index: index(&response.headers, DS_NEXT_INDEX),
        more: response.headers.get(DS_MORE).is_some_and(|more| more == "?1"),
    })
}

/// The body, in memory that is wiped afterwards: requests hold partition keys.
pub(in crate::client) fn encode<T: MlsEncode>(value: &T) -> Result<Bytes, wire::DecodeError> {
    Ok(Bytes::from_owner(Zeroizing::new(wire::encode(value)?)))
}

/// The body of a success.
pub(in crate::client) fn decode<T: MlsDecode>(response: &ChannelResponse) -> Result<T, CallError> {
    Ok(wire::decode(&response.body)?)
}

/// What a response other than success says.
pub(in crate::client) fn problem(response: &ChannelResponse) -> Problem {
    let document = has_media_type(&response.headers, PROBLEM_MEDIA_TYPE) && response.body.len() <= PROBLEM_MAX;
    let code = document.then(|| serde_json::from_slice::<serde_json::Value>(&response.body).ok()).flatten();
    let code = code.and_then(|document| ProblemCode::from_urn(document.get("type")?.as_str()?));
    let retry_after = response.headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Problem { status: response.status.as_u16(), code, retry_after: retry_after.map(Duration::from_secs) }
}

/// Compares the media type without its parameters.
pub(in crate::client) fn has_media_type(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.is_some_and(|value| value.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case(expected)))
}

/// `DS-Partition`.
pub(in crate::client) fn partition(headers: &HeaderMap) -> Option<MaskedPartitionKey> {
    let encoded = headers.get(DS_PARTITION)?.to_str().ok()?.strip_prefix(':')?.strip_suffix(':')?;
    Some(MaskedPartitionKey::new(STANDARD.decode(encoded).ok()?.try_into().ok()?))
}

fn index(headers: &HeaderMap, name: &str) -> Option<u32> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}
