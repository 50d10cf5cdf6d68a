//! What a message changes in the partition that it enters: the edge that a commit makes, what it costs, what is kept.
//!
//! Whether it may enter was decided before.

mod cost;
mod edge;

use std::sync::Arc;

use super::{
    Announcement, Blob, Entry, EntryCommit, Group, Parent, Partition, Policy, Receipt, Refusal, Rejection, Sight, Sign,
    State, Timer, Transition, UnixMillis, Welcome, WelcomeName, evidence,
    outbox::{self, Departure},
    subscribe::follow_commit,
};
use crate::{
    mls::{ProposalRef, Sender, WireMessage},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// A message that is about to enter a partition.
pub(super) struct Entering<'a> {
    pub(super) submitter: &'a ServiceProviderId,
    pub(super) partition: MaskedPartitionKey,
    pub(super) message: &'a WireMessage,
    pub(super) announcement: Option<&'a Announcement>,
    /// Whether the submitter has shown the partition's key.
    pub(super) presents: bool,
    /// Of a commit, what was seen of it.
    pub(super) sight: &'a Sight,
}

impl Entering<'_> {
    /// Appends the message to its partition, as it was `found`, with everything that follows from it. What that changes
    /// is added to `so_far`, which may have entered other partitions.
    pub(super) fn enter<S: State + ?Sized>(
        &self,
        state: &S,
        group: Arc<Group>,
        found: Option<Arc<Partition>>,
        policy: &Policy,
        now: UnixMillis,
        so_far: Transition,
    ) -> Result<(Receipt, Transition), Refusal<S::Error>> {
        let opens = found.is_none();
        let before = found.unwrap_or_else(|| {
            let index = policy.forgotten.first_index(group.created_ms);
            Arc::new(Partition { first_index: index, next_index: index, ..Partition::new(now, None, None) })
        });
        if before.next_index == u32::MAX {
            return Err(Rejection::PartitionFull.into());
        }
        let receipt = Receipt { accepted_ms: now, index: before.next_index, commits_before: before.commits };
        let mut change =
            Change { state, policy, now, group, target: (*before).clone(), before, exempt: false, transition: so_far };
        change.exempt = change.is_exempt(self).map_err(Refusal::State)?;
        let child = change.announce(self, receipt).map_err(Refusal::State)?;
        if self.presents && change.before.use_by(self.submitter).is_none() {
            let place = (self.partition, &mut change.target);
            let so_far = &mut change.transition;
            follow_commit(state, place, self.submitter, so_far, now).map_err(Refusal::State)?;
            change.note_first_use(self).map_err(Refusal::State)?;
        }
        change.charge(self, opens, child)?;
        change.vouch(self).map_err(Refusal::State)?;
        change.append(self, receipt, opens);
        change.note_proposal(self, receipt).map_err(Refusal::State)?;
        change.post(self, receipt)?;
        if self.presents {
            outbox::release(state, &self.partition, &mut change.target, now, &mut change.transition)
                .map_err(Refusal::State)?;
        }
        change.transition.partitions.push((self.partition, change.target));
        Ok((receipt, change.transition))
    }

    /// Whether somebody sends who is no member, or not yet.
    fn is_external(&self) -> bool {
        let sender = self.message.sender();
        matches!(sender, Some(Sender::External(_) | Sender::NewMemberProposal | Sender::NewMemberCommit))
    }
}

/// A message on its way to a transition.
struct Change<'a, S: ?Sized> {
    state: &'a S,
    policy: &'a Policy,
    now: UnixMillis,
    group: Arc<Group>,
    /// The target as it was.
    before: Arc<Partition>,
    /// The target as it will be.
    target: Partition,
    /// Whether it is one of the first commits of its provider's members on a branch that no other outnumbers, which cost
    /// nothing.
    exempt: bool,
    transition: Transition,
}

impl<S: State + ?Sized> Change<'_, S> {
    /// Notes a sign of a fork where the message enters.
    fn note(&mut self, sign: Sign) {
        if self.target.evidence.note(sign, self.now) {
            evidence::show(&mut self.group, sign, self.now, &mut self.transition);
        }
    }

    /// What it shows that the submitter has never used the partition before.
    fn note_first_use(&mut self, entering: &Entering<'_>) -> Result<(), S::Error> {
        let Self { state, now, group, target, transition, .. } = self;
        let place = (&entering.partition, &mut *target);
        evidence::of_first_use(*state, place, entering.submitter, group, *now, transition)
    }

    /// Whoever used a partition that is now connected to the root has used the group.
    fn join_users(&mut self, partition: &Partition) {
        for a_use in &partition.uses {
            if !self.group.users.contains(&a_use.provider) {
                Arc::make_mut(&mut self.group).users.push(a_use.provider.clone());
                self.transition.group = Some((*self.group).clone());
            }
        }
    }

    /// A group in which members send, or which somebody joins, is in use.
    fn note_use(&mut self, entering: &Entering<'_>) {
        let joins = entering.message.sender() == Some(Sender::NewMemberCommit);
        if (entering.presents || joins) && self.group.is_use_news(self.now) {
            Arc::make_mut(&mut self.group).used_ms = self.now;
            self.transition.group = Some((*self.group).clone());
        }
    }

    /// Whoever is welcomed may look for the group by its keys alone.
    fn note_welcomed(&mut self, entering: &Entering<'_>) {
        let Some(Announcement { welcome_data: Some(data), .. }) = entering.announcement else { return };
        if Arc::make_mut(&mut self.group).welcome(data) {
            self.transition.group = Some((*self.group).clone());
        }
    }

    /// The partition to which the message makes an edge.
    fn opened(&mut self, entering: &Entering<'_>) -> Option<&mut Partition> {
        let announced = entering.announcement?.next;
        let mut changed = self.transition.partitions.iter_mut();
        let is_child = |partition: &Partition| partition.parent.is_some_and(|parent| parent.key == entering.partition);
        changed.find(|(key, partition)| *key == announced && is_child(partition)).map(|(_, child)| child)
    }

    fn append(&mut self, entering: &Entering<'_>, receipt: Receipt, opens: bool) {
        if self.target.epoch.is_some_and(|epoch| epoch != entering.message.epoch()) {
            self.note(Sign::OtherEpoch);
        }
        let Self { transition, target, .. } = self;
        let message = entering.message.bytes();
        let mut bytes = message.len() as u64;
        let commit = entering.announcement.map(|announcement| {
            let group_info = announcement.group_info.as_ref().map(|group_info| Blob::new(group_info.bytes()));
            bytes += group_info.as_ref().map_or(0, |blob| blob.bytes.len() as u64);
            let commit = EntryCommit {
                next: announcement.next,
                group_info: group_info.as_ref().map(|blob| (blob.key, blob.length())),
            };
            transition.blobs.extend(group_info);
            commit
        });
        if entering.presents {
            let is_member_commit = commit.is_some() && !entering.is_external();
            target.record_use(entering.submitter, self.now).commits += u32::from(is_member_commit);
        }
        target.next_index += 1;
        target.bytes += bytes;
        if commit.is_some() {
            target.commits += 1;
            target.last_commit = Some(receipt.index);
        }
        if opens {
            let due_ms = self.now.saturating_add(self.policy.orphan_ms);
            transition.timers.push(Timer { due_ms, partition: entering.partition });
        }
        let entry = Entry { accepted_ms: self.now, message: message.clone(), commit };
        transition.appends.push((entering.partition, receipt.index, entry));
        self.note_welcomed(entering);
        if self.target.is_connected() {
            let target = self.target.clone();
            self.join_users(&target);
            self.note_use(entering);
        }
    }

    /// A commit may take a proposal up by reference, and who follows the group finds it by that. The first one of a name
    /// stays: the name leaves out what a member's tag says, so anybody who reads can send the same proposal again with
    /// another one, behind the commit.
    fn note_proposal(&mut self, entering: &Entering<'_>, receipt: Receipt) -> Result<(), S::Error> {
        if self.target.is_connected() && !self.target.may_be_observable() {
            return Ok(());
        }
        let Some(reference) = ProposalRef::of(entering.message, self.group.cipher_suite) else { return Ok(()) };
        if self.state.proposal(&entering.partition, &reference)?.is_none() {
            self.transition.proposals.push((entering.partition, reference, receipt.index));
        }
        Ok(())
    }

    /// Puts the commit's Welcome into the outbox. Nobody is invited into an epoch that may not exist: unless the commit
    /// is the first of a connected partition, its Welcome is held until somebody presents the key of the partition that
    /// it opens. If there is no such partition, because the announcement made no edge, nobody ever could.
    fn post(&mut self, entering: &Entering<'_>, receipt: Receipt) -> Result<(), Refusal<S::Error>> {
        let Some(Announcement { next, welcome_data: Some(data), preflight, .. }) = entering.announcement else {
            return Ok(());
        };
        let commit = Parent { key: entering.partition, index: receipt.index };
        let is_held = receipt.commits_before > 0 || !self.before.is_connected();
        // Addressed to nobody, it is not kept, and nothing waits for it.
        if is_held && !data.service_providers.is_empty() {
            let mut changed = self.transition.partitions.iter_mut();
            let opened = changed.find(|(key, child)| key == next && child.parent == Some(commit));
            let Some((_, child)) = opened else { return Ok(()) };
            if !child.held.contains(&commit) {
                child.held.push(commit);
            }
            let due_ms = self.now.saturating_add(self.policy.welcome_hold_ms);
            self.transition.timers.push(Timer { due_ms, partition: *next });
        }
        let name = WelcomeName { partition: *next, commit: Some(commit) };
        let welcome = Welcome { name, data: data.clone() };
        let when = (self.policy, self.now);
        let departure = if is_held { Departure::Held } else { Departure::Now(preflight) };
        outbox::post(self.state, welcome, departure, entering.submitter, when, &mut self.transition)
    }
}
