//! A member at work: a group, the way to its hub, and what the user wants.
//!
//! Owns the queue of intents and the one request that is on its way. It must never join anew by itself: when a branch is
//! terminated it stops and says so (draft §5).

mod delivering;
mod intent;
mod outsider;
mod persisting;
mod policy;
mod progress;
mod reading;
mod standing;

use std::{collections::VecDeque, time::Duration};

use bytes::Bytes;
use mls_rs::client_builder::MlsConfig;

pub use intent::{Intent, IntentId, QueueFull};
pub use outsider::{JoinError, Joined, OldLeaf, Outsider, Proposed};
pub use policy::MemberPolicy;
pub use progress::{Cause, MemberError, Progress};
pub use standing::{Fork, Standing};

use super::{
    Event, Keep, NewMember, Pace, PartitionedGroup, Payload,
    http::{Channel, DeliveryService, delivery_service},
};
use crate::{
    mls::ContentType,
    wire::{DecodeError, SendRequest},
};
use intent::Queued;
use standing::Watch;

/// A [`PartitionedGroup`] that does its errands: it sends what the user wants, in order and one at a time, sends again
/// what was lost, reads, follows, and rebuilds against the new epoch what lost a race.
///
/// Intents are queued at once ([`Member::send`], [`Member::add`], …) and worked off by [`Member::sync`], which also
/// reads. What happened is told in order by [`Member::next_progress`]: call the two in turns, as long as the
/// member [`Member::has_work`].
///
/// # Cancellation
/// Futures of this type may be dropped at any point, in a `select!` for example, to queue something while
/// [`Member::sync`] waits for news. A request on its way is remembered and sent again, byte for byte: the hub sequences
/// it once.
///
/// # Persistence
/// Before a request leaves the device for the first time, the group is saved ([`PartitionedGroup::save`]): whatever
/// became of the request, the restored group knows it, follows its own commit, and uses no key twice. What was saved
/// cannot be read again. So nothing new is sent while messages or proposals wait in [`Member::next_progress`], and what
/// was taken from there must be durable when the member is called next. Who only reads saves as often as it wants to
/// read again after a crash ([`Member::save`]).
///
/// The queue lives in memory: an app keeps its own list of what its user wants. After a restart a commit that was on its
/// way is sent again by itself. Whether a message was, tells reading: [`Event::Sent`].
pub struct Member<C: MlsConfig, H, P, K> {
    group: PartitionedGroup<C>,
    service: DeliveryService<H>,
    pace: P,
    keep: K,
    policy: MemberPolicy,
    queue: VecDeque<Queued>,
    in_flight: Option<InFlight>,
    progress: VecDeque<Progress>,
    /// How much waits in `progress` that could not be read again.
    untold: usize,
    next_intent: u64,
    /// The removal of this client is proposed in this epoch, and no commit has taken it up yet.
    leaving: Option<Queued>,
    /// This client has left, and its provider is still to be told.
    takes_leave: bool,
    /// In how many more reads the partitions that the group has left are asked for stragglers.
    drains: u32,
    watch: Watch,
}

/// The request that is on its way. Its outcome is unknown until an answer came or it was read back.
struct InFlight {
    /// Whose request it is; `None` for a commit that had to come first.
    queued: Option<Queued>,
    digest: [u8; 32],
    content_type: ContentType,
    body: Bytes,
    /// The group was saved with it: it may leave the device.
    saved: bool,
    /// The hub has sequenced the commit; it waits to be read back.
    sequenced: bool,
}

impl InFlight {
    fn new(request: &SendRequest, queued: Option<Queued>) -> Result<Self, DecodeError> {
        Ok(Self {
            queued,
            digest: request.message.digest(),
            content_type: request.message.content_type(),
            body: delivery_service::encode(request)?,
            saved: false,
            sequenced: false,
        })
    }

    /// Whether it waits to be read back.
    fn is_commit(&self) -> bool {
        self.content_type == ContentType::Commit
    }
}

impl<C: MlsConfig, H: Channel, P: Pace, K: Keep> Member<C, H, P, K> {
    /// A member that reaches the group's hub through `channel`: the hub itself, or the local listener of a provider
    /// that forwards. What is pending in the group, a commit or proposals, is sent again first. The group is saved in
    /// `keep`.
    pub fn new(group: PartitionedGroup<C>, channel: H, pace: P, keep: K, policy: MemberPolicy) -> Self {
        Self::over(group, DeliveryService::new(channel), pace, keep, policy)
    }

    fn over(
        mut group: PartitionedGroup<C>,
        service: DeliveryService<H>,
        pace: P,
        keep: K,
        policy: MemberPolicy,
    ) -> Self {
        group.publish_trees_on_demand(policy.trees_on_demand);
        let in_flight = group.pending_commit().and_then(|request| InFlight::new(request, None).ok());
        Self {
            group,
            service,
            pace,
            keep,
            policy,
            queue: VecDeque::new(),
            in_flight,
            progress: VecDeque::new(),
            untold: 0,
            next_intent: 0,
            leaving: None,
            takes_leave: false,
            drains: 0,
            watch: Watch::default(),
        }
    }

    /// The group.
    pub fn group(&self) -> &PartitionedGroup<C> {
        &self.group
    }

    /// The group. Requests that are made past the member are the caller's to save and to send.
    pub fn group_mut(&mut self) -> &mut PartitionedGroup<C> {
        &mut self.group
    }

    /// The operations at the hub.
    pub fn service(&self) -> &DeliveryService<H> {
        &self.service
    }

    /// Wants `data` to be said to the group.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub fn send(&mut self, data: &[u8]) -> Result<IntentId, QueueFull> {
        self.want(Intent::Send { data: Payload::from(data), authenticated_data: Vec::new() })
    }

    /// Wants to add these people.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub fn add(&mut self, members: Vec<NewMember>) -> Result<IntentId, QueueFull> {
        self.want(Intent::Add(members))
    }

    /// Wants to remove the member with this identity, as the MLS client's identity provider tells it.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub fn remove(&mut self, identity: &[u8]) -> Result<IntentId, QueueFull> {
        self.want(Intent::Remove { identity: identity.to_vec() })
    }

    /// Wants fresh keys in the own path.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub fn update(&mut self) -> Result<IntentId, QueueFull> {
        self.want(Intent::Update)
    }

    /// Wants to leave the group. A member cannot commit its own removal: it proposes it, reads on, and proposes it again in
    /// each epoch until somebody's commit has taken it up (draft §7.3). Nothing else is sent to the group after it. Then the
    /// provider is told that its user wants no more of the group, for all of that user's clients: one that stays a member
    /// reads on, and shows its provider so.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub fn leave(&mut self) -> Result<IntentId, QueueFull> {
        self.want(Intent::Leave)
    }

    /// Whether the removal of this client is proposed in the current epoch and waits for somebody's commit.
    pub fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Queues an intent.
    ///
    /// # Errors
    /// [`QueueFull`]
    pub fn want(&mut self, intent: Intent) -> Result<IntentId, QueueFull> {
        if self.queue.len() >= self.policy.queue {
            return Err(QueueFull);
        }
        let id = IntentId(self.next_intent);
        self.next_intent += 1;
        self.queue.push_back(Queued { id, intent, rebuilds: 0 });
        Ok(id)
    }

    /// Intents that are not settled yet, in order. The first may be sequenced already without that being known.
    pub fn unsettled(&self) -> impl Iterator<Item = (IntentId, &Intent)> {
        let in_flight = self.in_flight.iter().filter_map(|in_flight| in_flight.queued.as_ref());
        self.leaving.iter().chain(in_flight).chain(&self.queue).map(|queued| (queued.id, &queued.intent))
    }

    /// Whether [`Member::flush`] has something to do, once what was said is taken.
    pub fn has_work(&self) -> bool {
        let wants = self.in_flight.is_some() || self.leaving.is_none() && !self.queue.is_empty();
        self.takes_leave || wants && !self.group.is_removed()
    }

    /// Forgets the intents that are queued and not on their way.
    pub fn clear_queue(&mut self) {
        self.queue.clear();
    }

    /// The next thing that happened, in order. What was taken is the app's to keep: it must be durable when the member is
    /// called next.
    pub fn next_progress(&mut self) -> Option<Progress> {
        let progress = self.progress.pop_front()?;
        self.untold -= usize::from(is_told_once(&progress));
        Some(progress)
    }

    /// Saves the group. What was taken by [`Member::next_progress`] is not read again.
    ///
    /// # Errors
    /// [`MemberError::Untold`] while messages or proposals wait to be taken; as [`PartitionedGroup::save`].
    pub async fn save(&mut self) -> Result<(), MemberError> {
        if self.untold > 0 {
            return Err(MemberError::Untold);
        }
        Ok(self.group.save(&mut self.keep).await?)
    }

    /// Works off the queue, waits up to `wait` for news unless there is work left, reads all there is, and works off
    /// what has come back, unless something was said that has to be taken first. After a commit was ignored it asks now and
    /// then whether the group has forked ([`Progress::Forked`]).
    ///
    /// # Errors
    /// As [`Member::flush`] and [`Member::read`]. Nothing is lost by an error: call again.
    pub async fn sync(&mut self, wait: Duration) -> Result<(), MemberError> {
        self.flush().await?;
        self.read(wait).await?;
        self.watch().await;
        self.flush().await
    }

    /// Takes the member apart: its group and its unsettled intents.
    pub fn into_parts(self) -> (PartitionedGroup<C>, Vec<Intent>) {
        let in_flight = self.in_flight.and_then(|in_flight| in_flight.queued);
        let unsettled = self.leaving.into_iter().chain(in_flight).chain(self.queue);
        let intents = unsettled.map(|queued| queued.intent).collect();
        (self.group, intents)
    }
}

/// Whether a group that is saved behind it cannot tell it again.
fn is_told_once(progress: &Progress) -> bool {
    matches!(progress, Progress::Group(Event::Message { .. } | Event::Proposal { .. }))
}

impl<C: MlsConfig, H, P, K> std::fmt::Debug for Member<C, H, P, K> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Member")
            .field("group", &self.group)
            .field("queue", &self.queue.len())
            .field("in_flight", &self.in_flight.is_some())
            .field("progress", &self.progress.len())
            .finish_non_exhaustive()
    }
}
