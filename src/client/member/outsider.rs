//! Somebody who wants into a group, at work: asks for the GroupInfo, joins, and asks again where the group has moved on.

use bytes::Bytes;
use mls_rs::{Client, client_builder::MlsConfig};

use super::{Member, MemberError, MemberPolicy, persisting::persist};
use crate::{
    client::{
        GroupError, JoinOptions, Pace, PartitionedGroup, Problem, ProblemCode,
        http::{CallError, Channel, ChannelRequest, DeliveryService, Operation, delivery_service},
        own_leaves, propose_joining,
    },
    mls::ExternalProposal,
    wire::{
        ClientId, ExternalProposalResponse, GroupId, GroupInfoRequest, GroupInfoResponse, JoinToken, SendResponse,
        ServiceProviderId, UploadKeyPackagesRequest,
    },
};

/// Somebody who is not in a group, or not any more, and wants in.
///
/// # Security
/// To join is the user's decision: an app must not answer [`MemberError::BranchTerminated`] with it by itself (draft §5).
/// Whoever joins believes the hub about who is in the group, and sees it in the tree: an app shows that.
///
/// # Cancellation
/// Futures of this type may be dropped at any point and called again: a join that is on its way is sent again, byte for
/// byte.
pub struct Outsider<C: MlsConfig, H, P> {
    client: Client<C>,
    service: DeliveryService<H>,
    pace: P,
    policy: MemberPolicy,
    group_id: GroupId,
    token: Option<JoinToken>,
    in_flight: Option<(PartitionedGroup<C>, Bytes)>,
}

/// A group that the hub has let somebody into.
#[derive(Debug)]
pub struct Joined<C: MlsConfig> {
    /// The group in the epoch that the join created: it can be read and written at once.
    pub group: PartitionedGroup<C>,
    /// Where the hub has put the commit. If others stand before it, members may have followed another one: then this
    /// client is alone on its branch, and joins once more if its user wants it.
    pub response: SendResponse,
}

/// Which leaf somebody has lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OldLeaf {
    /// The one with this client's credential. There must be only one.
    Own,
    /// That one.
    At(u32),
}

/// Why somebody is not in the group.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The hub, or the way to it.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// There is no GroupInfo, or not for who asks.
    #[error("the hub has no GroupInfo to give")]
    NoGroupInfo,
    /// The group has moved on each time before the join arrived.
    #[error("the group has moved on too often")]
    Outrun,
    /// No leaf of the group, or more than one, has this client's credential.
    #[error("which leaf was lost cannot be told")]
    OldLeafUnknown,
}

impl From<CallError> for JoinError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Problem(Problem { code: Some(ProblemCode::NoGroupInfo), .. }) => Self::NoGroupInfo,
            CallError::Problem(_) | CallError::Channel(_) | CallError::MediaType | CallError::Encoding(_) => {
                Self::Member(error.into())
            }
        }
    }
}

impl From<GroupError> for JoinError {
    fn from(error: GroupError) -> Self {
        Self::Member(error.into())
    }
}

impl<C: MlsConfig + Clone, H: Channel, P: Pace> Outsider<C, H, P> {
    /// `channel` leads to the group's hub, or to the local listener of a provider that forwards.
    pub fn new(client: Client<C>, channel: H, pace: P, policy: MemberPolicy, group_id: GroupId) -> Self {
        let service = DeliveryService::new(channel);
        Self { client, service, pace, policy, group_id, token: None, in_flight: None }
    }

    /// Shows a token that a member's provider was given.
    #[must_use]
    pub fn with_token(self, token: JoinToken) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Joins the group with what the hub has published about it.
    ///
    /// # Errors
    /// [`JoinError`]. Nothing is lost by one from the way to the hub: call again.
    pub async fn join(&mut self) -> Result<Joined<C>, JoinError> {
        self.enter(None).await
    }

    /// Comes back as a member that has lost its state, by a commit that removes its old leaf.
    ///
    /// # Errors
    /// As [`Outsider::join`]; [`JoinError::OldLeafUnknown`].
    pub async fn resync(&mut self, old_leaf: OldLeaf) -> Result<Joined<C>, JoinError> {
        self.enter(Some(old_leaf)).await
    }

    /// Proposes to be added by a member, whose Welcome then comes to the inbox of that client at `service_provider`, the own
    /// one. That takes no Welcome for a KeyPackage that it does not know (specs/protocol.md, V7), so the one in the proposal
    /// is uploaded first. It may be given to somebody else as well, if the user has no other one left: whoever is added
    /// twice by it can join once.
    ///
    /// # Errors
    /// As [`Outsider::join`].
    pub async fn propose(
        &mut self,
        service_provider: &ServiceProviderId,
        client_id: ClientId,
    ) -> Result<ExternalProposalResponse, JoinError> {
        for _attempt in 0..=self.policy.rebuilds {
            let published = self.published().await?;
            let proposal = propose_joining(&self.client, service_provider, self.group_id.as_bytes(), &published)?;
            let key_package = ExternalProposal::of(&proposal.message).ok().and_then(|proposal| proposal.key_package());
            let upload = UploadKeyPackagesRequest { client_id, key_packages: key_package.into_iter().collect() };
            let upload = delivery_service::encode(&upload).map_err(GroupError::from)?;
            self.call(ChannelRequest::new(Operation::UploadKeyPackages, upload)).await?;
            let body = delivery_service::encode(&proposal).map_err(GroupError::from)?;
            match self.call(ChannelRequest::new(Operation::ExternalProposal, body)).await {
                Ok(response) => return Ok(delivery_service::decode(&response)?),
                Err(error) if is_stale(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(JoinError::Outrun)
    }

    /// Takes the outsider apart, to go on as a member over the same channel.
    pub fn into_member(self, joined: Joined<C>) -> Member<C, H, P> {
        Member::over(joined.group, self.service, self.pace, self.policy)
    }

    async fn enter(&mut self, old_leaf: Option<OldLeaf>) -> Result<Joined<C>, JoinError> {
        for _attempt in 0..=self.policy.rebuilds {
            if self.in_flight.is_none() {
                let published = self.published().await?;
                let old_leaf = self.old_leaf(old_leaf, &published)?;
                let options = JoinOptions { group_info: self.policy.group_info, old_leaf };
                let (hub, id) = (self.group_id.hub().clone(), self.group_id.as_bytes());
                let (group, request) = PartitionedGroup::join_externally(&self.client, hub, id, &published, &options)?;
                self.in_flight = Some((group, delivery_service::encode(&request).map_err(GroupError::from)?));
            }
            let Some((_, body)) = &self.in_flight else { continue };
            let request = ChannelRequest {
                join_token: self.token.clone(),
                ..ChannelRequest::new(Operation::ExternalJoin, body.clone())
            };
            match self.call(request).await {
                Ok(response) => {
                    let response: SendResponse = delivery_service::decode(&response)?;
                    let Some((group, _)) = self.in_flight.take() else { continue };
                    return Ok(Joined { group, response });
                }
                // What was made for an epoch that is over is of no use any more.
                Err(error) if is_stale(&error) => self.in_flight = None,
                Err(error) => {
                    if !error.is_transient() {
                        self.in_flight = None;
                    }
                    return Err(error.into());
                }
            }
        }
        Err(JoinError::Outrun)
    }

    async fn published(&mut self) -> Result<GroupInfoResponse, JoinError> {
        let request = GroupInfoRequest { group_id: self.group_id.as_bytes().to_vec() };
        let request = ChannelRequest {
            join_token: self.token.clone(),
            ..ChannelRequest::new(Operation::GroupInfo, delivery_service::encode(&request).map_err(GroupError::from)?)
        };
        Ok(delivery_service::decode(&self.call(request).await?)?)
    }

    fn old_leaf(&self, which: Option<OldLeaf>, published: &GroupInfoResponse) -> Result<Option<u32>, JoinError> {
        match which {
            None => Ok(None),
            Some(OldLeaf::At(leaf)) => Ok(Some(leaf)),
            Some(OldLeaf::Own) => match own_leaves(&self.client, self.group_id.as_bytes(), published)?.as_slice() {
                [leaf] => Ok(Some(*leaf)),
                _ => Err(JoinError::OldLeafUnknown),
            },
        }
    }

    async fn call(&mut self, request: ChannelRequest) -> Result<crate::client::http::ChannelResponse, CallError> {
        persist(&self.service, &mut self.pace, &self.policy.backoff, request).await
    }
}

/// Whether the hub says that the message was made for an epoch that is over.
fn is_stale(error: &CallError) -> bool {
    matches!(error, CallError::Problem(Problem { code: Some(ProblemCode::StaleJoin), .. }))
}

impl<C: MlsConfig, H, P> std::fmt::Debug for Outsider<C, H, P> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Outsider").field("in_flight", &self.in_flight.is_some()).finish_non_exhaustive()
    }
}
