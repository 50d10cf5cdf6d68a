//! Somebody who wants into a group, at work: asks for the GroupInfo, joins, and asks again where the group has moved on.

use mls_rs::{Client, client_builder::MlsConfig};

use super::{
    Member, MemberError, MemberPolicy,
    delivering::{is_final, needs_tree},
    persisting::persist,
};
use crate::{
    client::{
        GroupError, JoinOptions, Keep, Pace, PartitionedGroup, Problem, ProblemCode, SaveError,
        http::{CallError, Channel, ChannelRequest, DeliveryService, Operation, delivery_service},
        key_package_ref, own_leaves,
        pending_join::PendingJoin,
        propose_joining,
    },
    wire::{
        ClientId, ExternalProposalResponse, GroupId, GroupInfoRequest, GroupInfoResponse, JoinToken, KeyPackageRef,
        SendResponse, ServiceProviderId, UploadKeyPackagesRequest,
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
///
/// # Persistence
/// The join is kept before it leaves the device ([`Keep::keep_join`]), beside a group of that id that may be there. That
/// one is replaced when the hub has taken the join, and not before: a join that comes to nothing leaves its client where it
/// was. A process that finds a kept join when it starts goes on with it: [`Outsider::resume`], [`Outsider::settle`].
pub struct Outsider<C: MlsConfig, H, P, K> {
    client: Client<C>,
    service: DeliveryService<H>,
    pace: P,
    keep: K,
    policy: MemberPolicy,
    group_id: GroupId,
    token: Option<JoinToken>,
    handed: Option<GroupInfoResponse>,
    in_flight: Option<InFlight>,
}

/// A join whose fate is not known.
struct InFlight {
    join: PendingJoin,
    /// It is kept as it is: it may leave the device.
    kept: bool,
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

/// A proposal to be added that the hub has sequenced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// Of the KeyPackage in the proposal. A Welcome with it is the answer.
    pub key_package_ref: KeyPackageRef,
    /// The hub's.
    pub response: ExternalProposalResponse,
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
    /// A join that was asked for otherwise is on its way, and may be sequenced already: call that again.
    #[error("the fate of another join is not known")]
    OtherPending,
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

impl From<SaveError> for JoinError {
    fn from(error: SaveError) -> Self {
        Self::Member(error.into())
    }
}

impl<C: MlsConfig + Clone, H: Channel, P: Pace, K: Keep> Outsider<C, H, P, K> {
    /// `channel` leads to the group's hub, or to the local listener of a provider that forwards. Join and group are kept in
    /// `keep`.
    pub fn new(client: Client<C>, channel: H, pace: P, keep: K, policy: MemberPolicy, group_id: GroupId) -> Self {
        Self::over(client, DeliveryService::new(channel), pace, keep, policy, group_id)
    }

    /// Goes on with a join that was kept by a process that died before it was done with it. [`Outsider::settle`] finds out
    /// what became of it. Where it was made with a token, show that again ([`Outsider::with_token`]): it may never have
    /// arrived.
    ///
    /// # Errors
    /// [`GroupError::SavedState`] when the bytes are not readable, or of another version: forget the join
    /// ([`Keep::forget_join`]), and join anew.
    pub fn resume(
        client: Client<C>,
        channel: H,
        pace: P,
        keep: K,
        policy: MemberPolicy,
        kept: &[u8],
    ) -> Result<Self, GroupError> {
        let join = PendingJoin::restore(kept)?;
        let group_id = join.group_id().ok_or(GroupError::SavedState)?;
        let outsider = Self::new(client, channel, pace, keep, policy, group_id);
        Ok(Self { in_flight: Some(InFlight { join, kept: true }), ..outsider })
    }

    pub(super) fn over(
        client: Client<C>,
        service: DeliveryService<H>,
        pace: P,
        keep: K,
        policy: MemberPolicy,
        group_id: GroupId,
    ) -> Self {
        Self { client, service, pace, keep, policy, group_id, token: None, handed: None, in_flight: None }
    }

    /// Shows a token that a member's provider was given.
    #[must_use]
    pub fn with_token(self, token: JoinToken) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Joins with the GroupInfo that a member has handed over, where the hub has none to give. It is good for one join: one
    /// that comes too late asks the hub.
    #[must_use]
    pub fn with_group_info(self, handed: GroupInfoResponse) -> Self {
        Self { handed: Some(handed), ..self }
    }

    /// Joins the group with what the hub has published about it, or a member has handed over. What is stored of a group of
    /// that id goes when the hub has taken the join.
    ///
    /// # Errors
    /// [`JoinError`]. Nothing is lost by one from the way to the hub: call again. [`JoinError::OtherPending`] after a
    /// [`Outsider::resync`] whose fate is not known.
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

    /// Proposes to be added by a member. The Welcome then comes to the inbox of `client_id` at the user's own provider
    /// `service_provider`, to which `home` leads: it is told of the KeyPackage first.
    ///
    /// # Errors
    /// As [`Outsider::join`].
    pub async fn propose<L: Channel>(
        &mut self,
        service_provider: &ServiceProviderId,
        home: &DeliveryService<L>,
        client_id: ClientId,
    ) -> Result<Proposed, JoinError> {
        for _attempt in 0..=self.policy.rebuilds {
            let published = self.published().await?;
            let (key_package, proposal) =
                propose_joining(&self.client, service_provider, self.group_id.as_bytes(), &published)?;
            let key_package_ref = key_package_ref(&key_package).ok_or(GroupError::UnsupportedSuite)?;
            let register = UploadKeyPackagesRequest { client_id, key_packages: vec![key_package] };
            let register = delivery_service::encode(&register).map_err(GroupError::from)?;
            let register = ChannelRequest::new(Operation::RegisterKeyPackages, register);
            persist(home, &mut self.pace, &self.policy.backoff, register).await?;
            let body = delivery_service::encode(&proposal).map_err(GroupError::from)?;
            match self.call(ChannelRequest::new(Operation::ExternalProposal, body)).await {
                Ok(response) => {
                    return Ok(Proposed { key_package_ref, response: delivery_service::decode(&response)? });
                }
                Err(CallError::Problem(problem)) if is_stale(&problem) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(JoinError::Outrun)
    }

    /// Takes the outsider apart, to go on as a member over the same channel.
    pub fn into_member(self, joined: Joined<C>) -> Member<C, H, P, K> {
        Member::over(joined.group, self.service, self.pace, self.keep, self.policy)
    }

    /// Finds out what became of a join that is on its way, and makes no other. `None`: there is none, or not any more,
    /// because the epoch for which it was made is over; what was stored of the group is as it was.
    ///
    /// # Errors
    /// As [`Outsider::join`].
    pub async fn settle(&mut self) -> Result<Option<Joined<C>>, JoinError> {
        self.keep_join().await?;
        while let Some(InFlight { join, .. }) = self.in_flight.as_ref().filter(|known| known.join.accepted().is_none())
        {
            let request = ChannelRequest {
                join_token: self.token.clone(),
                ..ChannelRequest::new(Operation::ExternalJoin, join.body()?)
            };
            match self.call(request).await {
                Ok(response) => self.accept(delivery_service::decode(&response)?),
                // What was made for an epoch that is over is of no use any more.
                Err(CallError::Problem(problem)) if is_stale(&problem) => {
                    self.give_up().await?;
                    return Ok(None);
                }
                // Once: then it has its tree.
                Err(CallError::Problem(problem)) if needs_tree(&problem) && self.attach_tree() => {}
                Err(CallError::Problem(problem)) if ends_join(&problem) => {
                    self.give_up().await?;
                    return Err(CallError::Problem(problem).into());
                }
                Err(error) => return Err(error.into()),
            }
            // Nothing leaves the device, or is replaced, before it is known for good what with.
            self.keep_join().await?;
        }
        let Some(InFlight { join, .. }) = &self.in_flight else { return Ok(None) };
        let Some(response) = join.accepted() else { return Ok(None) };
        let group = join.install(&self.client, &mut self.keep).await?;
        self.in_flight = None;
        Ok(Some(Joined { group, response }))
    }

    async fn enter(&mut self, old_leaf: Option<OldLeaf>) -> Result<Joined<C>, JoinError> {
        if self.in_flight.as_ref().is_some_and(|in_flight| !in_flight.join.is_for(old_leaf)) {
            return Err(JoinError::OtherPending);
        }
        for _attempt in 0..=self.policy.rebuilds {
            if self.in_flight.is_none() {
                let join = self.build(old_leaf).await?;
                self.in_flight = Some(InFlight { join, kept: false });
            }
            if let Some(joined) = self.settle().await? {
                return Ok(joined);
            }
        }
        Err(JoinError::Outrun)
    }

    async fn build(&mut self, old_leaf: Option<OldLeaf>) -> Result<PendingJoin, JoinError> {
        let published = self.published().await?;
        let leaf = self.old_leaf(old_leaf, &published)?;
        let options = JoinOptions { group_info: self.policy.group_info, old_leaf: leaf };
        let how = (old_leaf, self.policy.trees_on_demand);
        Ok(PendingJoin::build(&self.client, &self.group_id, &published, &options, how)?)
    }

    fn accept(&mut self, response: SendResponse) {
        if let Some(in_flight) = &mut self.in_flight {
            in_flight.join.accept(response);
            in_flight.kept = false;
        }
    }

    fn attach_tree(&mut self) -> bool {
        let Some(in_flight) = &mut self.in_flight else { return false };
        let is_new = in_flight.join.attach_tree();
        in_flight.kept &= !is_new;
        is_new
    }

    async fn keep_join(&mut self) -> Result<(), JoinError> {
        if let Some(in_flight) = self.in_flight.as_mut().filter(|in_flight| !in_flight.kept) {
            in_flight.join.keep(&mut self.keep).await?;
            in_flight.kept = true;
        }
        Ok(())
    }

    /// Nothing will come of the join that is on its way.
    async fn give_up(&mut self) -> Result<(), JoinError> {
        let forgotten = self.keep.forget_join(self.group_id.as_bytes()).await;
        forgotten.map_err(MemberError::Keep)?;
        self.in_flight = None;
        Ok(())
    }

    async fn published(&mut self) -> Result<GroupInfoResponse, JoinError> {
        if let Some(handed) = self.handed.take() {
            return Ok(handed);
        }
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

impl<C: MlsConfig, H, P, K> std::fmt::Debug for Outsider<C, H, P, K> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Outsider").field("in_flight", &self.in_flight.is_some()).finish_non_exhaustive()
    }
}

/// Whether the hub says that a join was made for an epoch that is over.
fn is_stale(problem: &Problem) -> bool {
    problem.code == Some(ProblemCode::StaleJoin)
}

/// Whether the hub says that a join is not sequenced and would not be if it came again: it looks for what it has sequenced
/// before it refuses anything.
fn ends_join(problem: &Problem) -> bool {
    let of_group = [
        ProblemCode::BranchTerminated,
        ProblemCode::UnknownGroup,
        ProblemCode::GroupDeleted,
        ProblemCode::PartitionFull,
    ];
    is_final(problem) || problem.code.is_some_and(|code| of_group.contains(&code))
}
