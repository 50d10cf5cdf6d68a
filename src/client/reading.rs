//! The client rule: what a ReceiveResponse does to the group (draft §4.4, specs/protocol.md §9).

use std::collections::{HashMap, HashSet};

use mls_rs::{
    Group,
    client_builder::MlsConfig,
    error::MlsError,
    group::{ProposalMessageDescription, ProposalSender, ReceivedMessage, proposal::Proposal},
    identity::SigningIdentity,
};
use mls_rs_codec::MlsEncode;

use super::{
    Committed, Event, GroupError, NewMember, Participant, PartitionedGroup, Payload, Place, Reason, Received,
    partition::Partition,
    policy::GroupPolicy,
    verdict::{Next, Verdict, judge, refuse},
};
use crate::{
    mls::{ContentType, EpochNumber},
    wire::{self, Epoch, MaskedPartitionKey, Message, MessageCommit, ReceiveRequest},
};

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Digests the answer to a request that [`PartitionedGroup::receive_request`] or
    /// [`PartitionedGroup::previous_receive_requests`] made, and appends what happened to `events`.
    ///
    /// The first valid commit of the partition moves the group on; messages behind it are late. Then hints are
    /// followed, in the order of the epochs and not in that of the list. Afterwards
    /// [`PartitionedGroup::receive_request`] asks for what comes next. Messages that the group has seen are skipped, so
    /// that an answer may be digested twice.
    ///
    /// # Errors
    /// * [`GroupError::OtherPartition`]: the group does not know the requested partition. Nothing happened.
    /// * [`GroupError::Removed`]: this client is no member any more. Nothing happened.
    /// * Faults of our own, such as [`GroupError::Storage`]. `events` holds what happened before; the message at which
    ///   it stopped was not consumed, and the same request starts with it.
    ///
    /// Whatever others send is an event and never an error. That includes what the MLS client's own rules and identity
    /// provider refuse: an identity provider that cannot decide at the moment must not say no, or this client stays
    /// behind in an epoch that all others leave.
    pub fn process(
        &mut self,
        request: &ReceiveRequest,
        received: &Received,
        events: &mut Vec<Event>,
    ) -> Result<(), GroupError> {
        self.require_membership()?;
        if request.group_id != self.group_id() {
            return Err(GroupError::OtherPartition);
        }
        let first = First { index: received.first_index.unwrap_or(request.counter), restored: received.restored };
        let epoch = &received.response.epoch;
        let processed = if request.partition_key == self.partition.key {
            self.read_partition(epoch, first, events).and_then(|()| self.follow_hints(received, events))
        } else if let Some(previous) = self.previous.iter().find(|known| known.key == request.partition_key) {
            self.drain_partition(previous.epoch, epoch, first, events)
        } else {
            Err(GroupError::OtherPartition)
        };
        self.reserve = None;
        processed
    }

    /// Reads hinted epochs for as long as they continue where the group stands. Each is whole, from index 0.
    fn follow_hints(&mut self, received: &Received, events: &mut Vec<Event>) -> Result<(), GroupError> {
        let hints = &received.response.hints;
        let mut hints: HashMap<MaskedPartitionKey, &Epoch> =
            hints.iter().map(|hint| (hint.masked_partition_key, &hint.epoch)).collect();
        while !self.removed {
            let Some(epoch) = hints.remove(&self.masked_partition_key()) else { return Ok(()) };
            self.read_partition(epoch, First::default(), events)?;
        }
        Ok(())
    }

    /// Reads messages of the current partition; those behind the commit that ends it are late.
    fn read_partition(&mut self, epoch: &Epoch, first: First, events: &mut Vec<Event>) -> Result<(), GroupError> {
        let number = self.partition.epoch;
        self.partition.note_gap(first, events);
        let mut messages = epoch.messages.iter().zip(first.index..=u32::MAX);
        for (message, index) in messages.by_ref() {
            if index < self.partition.counter {
                continue;
            }
            self.read(message, Place { epoch: number, index }, events)?;
            if self.removed {
                return Ok(());
            }
            if self.partition.epoch != number {
                break;
            }
            self.partition.counter = index.saturating_add(1);
        }
        for (message, index) in messages {
            self.read_late(message, Place { epoch: number, index }, events)?;
            self.count_previous(number, index);
        }
        Ok(())
    }

    /// Reads messages of a partition that the group has left.
    fn drain_partition(
        &mut self,
        number: EpochNumber,
        epoch: &Epoch,
        first: First,
        events: &mut Vec<Event>,
    ) -> Result<(), GroupError> {
        let Some(previous) = self.previous.iter_mut().find(|known| known.epoch == number) else { return Ok(()) };
        previous.note_gap(first, events);
        let counter = previous.counter;
        for (message, index) in epoch.messages.iter().zip(first.index..=u32::MAX) {
            if index >= counter {
                self.read_late(message, Place { epoch: number, index }, events)?;
                self.count_previous(number, index);
            }
        }
        Ok(())
    }

    fn count_previous(&mut self, number: EpochNumber, index: u32) {
        if let Some(previous) = self.previous.iter_mut().find(|known| known.epoch == number) {
            previous.counter = index.saturating_add(1);
        }
    }

    fn read(&mut self, message: &Message, place: Place, events: &mut Vec<Event>) -> Result<(), GroupError> {
        if let Some(commit) = &message.commit {
            return self.read_commit(message, commit, place, events);
        }
        if let Some(reason) = self.foreign(message, place) {
            events.push(Event::Ignored { place, reason });
            return Ok(());
        }
        if self.confirm(message, place, false, events) {
            return Ok(());
        }
        events.push(match self.decrypt(message.message.bytes()) {
            Ok(Some(ReceivedMessage::ApplicationMessage(said))) => {
                self.said(place, said.sender_index, said.data(), said.authenticated_data.clone(), false)
            }
            Ok(None) => Event::Ignored { place, reason: Reason::Forbidden },
            Ok(Some(ReceivedMessage::Proposal(proposal))) => {
                let newcomer = newcomer(&proposal).map(Box::new);
                Event::Proposal { place, sender: proposal.sender, newcomer }
            }
            Ok(_) => Event::Ignored { place, reason: Reason::Malformed },
            Err(error) => Event::Ignored { place, reason: refuse(error)? },
        });
        Ok(())
    }

    fn read_late(&mut self, message: &Message, place: Place, events: &mut Vec<Event>) -> Result<(), GroupError> {
        if message.commit.is_some() {
            self.doubt(place.epoch);
            events.push(Event::Superseded { place });
            return Ok(());
        }
        if let Some(reason) = self.foreign(message, place) {
            events.push(Event::Ignored { place, reason });
            return Ok(());
        }
        if message.message.content_type() == ContentType::Proposal {
            events.push(Event::Ignored { place, reason: Reason::LateProposal });
            return Ok(());
        }
        if self.confirm(message, place, true, events) {
            return Ok(());
        }
        events.push(match self.decrypt(message.message.bytes()) {
            Ok(Some(ReceivedMessage::ApplicationMessage(said))) => {
                self.said(place, said.sender_index, said.data(), said.authenticated_data.clone(), true)
            }
            Ok(_) => Event::Ignored { place, reason: Reason::Malformed },
            // The library knows an old epoch's sender only as long as the same leaf is in the tree.
            Err(MlsError::MemberNotFound) => Event::Ignored { place, reason: Reason::SenderLeft },
            Err(error) => Event::Ignored { place, reason: refuse(error)? },
        });
        Ok(())
    }

    fn read_commit(
        &mut self,
        message: &Message,
        commit: &MessageCommit,
        place: Place,
        events: &mut Vec<Event>,
    ) -> Result<(), GroupError> {
        let digest = message.message.digest();
        let staged = self.staged.iter().position(|staged| staged.digest == digest && staged.epoch == place.epoch);
        let verdict = match self.foreign(message, place) {
            Some(reason) => Verdict::Refused(reason),
            // The first valid one may be what is gone: whoever went on by a later one would do so alone (C2).
            None if self.partition.has_gap => Verdict::Refused(Reason::BehindGap),
            None => {
                let staged = staged.map(|position| &self.staged[position]);
                judge(&self.group, &self.hub, staged, &message.message, commit, &self.partition.policy)?
            }
        };
        self.partition.last_commit = Some(place.index);
        match verdict {
            Verdict::Valid(next) => self.advance(*next, place, digest, staged.is_some(), events),
            Verdict::Removes { committer } => {
                self.removed = true;
                self.partition.counter = place.index.saturating_add(1);
                events.push(Event::Removed { place, committer: Participant::at(&self.group, committer) });
            }
            Verdict::Refused(reason) => {
                self.doubt(place.epoch);
                events.push(Event::Ignored { place, reason });
                if let Some(position) = staged {
                    self.staged.remove(position);
                    events.push(Event::Lost { digest, content_type: ContentType::Commit });
                }
            }
        }
        Ok(())
    }

    /// Moves to the epoch behind a valid commit.
    fn advance(&mut self, next: Next<C>, place: Place, digest: [u8; 32], own: bool, events: &mut Vec<Event>) {
        let (joined, left) = difference(&self.group, &next.group);
        let epoch = EpochNumber(next.group.current_epoch());
        self.partition.counter = place.index.saturating_add(1);
        self.leave_trail(self.masked_partition_key());
        let policy = GroupPolicy::of(&next.group).shared_with(&self.partition.policy);
        let ended = std::mem::replace(&mut self.partition, Partition::at_start(next.key, epoch, policy));
        if self.previous.len() == Self::PREVIOUS_MAX {
            self.previous.pop_front();
        }
        self.previous.push_back(ended);
        self.group = next.group;
        self.reserve = None;
        let Next { committer, external, reinit, .. } = next;
        let committed = Committed { place, digest, epoch, committer, own, external, reinit, joined, left };
        events.push(Event::Committed(Box::new(committed)));
        for staged in self.staged.drain(..) {
            if staged.digest != digest && !staged.abandoned {
                events.push(Event::Lost { digest: staged.digest, content_type: ContentType::Commit });
            }
        }
        self.unconfirmed.retain(|message| {
            let proposal = message.content_type == ContentType::Proposal;
            if proposal {
                events.push(Event::Lost { digest: message.digest, content_type: ContentType::Proposal });
            }
            !proposal
        });
    }

    fn said(&self, place: Place, leaf: u32, data: &[u8], authenticated_data: Vec<u8>, late: bool) -> Event {
        // By the state of the epoch in which it was sent, as far as that is known: a later ban does not reach back.
        let policy = self.policy_of(place.epoch);
        match Participant::at(&self.group, leaf) {
            Some(sender) if policy.bans(&sender.signing_identity) => {
                Event::Ignored { place, reason: Reason::Forbidden }
            }
            Some(sender) => Event::Message { place, sender, data: Payload::from(data), authenticated_data, late },
            None => Event::Ignored { place, reason: Reason::SenderLeft },
        }
    }

    fn policy_of(&self, epoch: EpochNumber) -> &GroupPolicy {
        let of_previous = self.previous.iter().find(|left| left.epoch == epoch).map(|left| &left.policy);
        of_previous.unwrap_or(&self.partition.policy)
    }

    /// Whether the message is not of this group and epoch at all.
    fn foreign(&self, message: &Message, place: Place) -> Option<Reason> {
        if message.message.group_id() != self.group_id() {
            Some(Reason::OtherGroup)
        } else if message.message.epoch() != place.epoch {
            Some(Reason::OtherEpoch)
        } else {
            None
        }
    }

    /// Takes note of an own message. What others suppress was not said, also if this client made it.
    fn confirm(&mut self, message: &Message, place: Place, late: bool, events: &mut Vec<Event>) -> bool {
        let digest = message.message.digest();
        let Some(position) = self.unconfirmed.iter().position(|own| own.digest == digest) else { return false };
        self.unconfirmed.remove(position);
        let content_type = message.message.content_type();
        let is_said = content_type == ContentType::Application;
        events.push(if is_said && self.is_suppressed(self.policy_of(place.epoch)) {
            Event::Ignored { place, reason: Reason::Forbidden }
        } else {
            Event::Sent { place, digest, content_type, late }
        });
        true
    }
}

/// Somebody who proposes to be added, as [`propose_joining`](super::propose_joining) does.
fn newcomer(proposed: &ProposalMessageDescription) -> Option<NewMember> {
    let (ProposalSender::NewMember, Proposal::Add(add)) = (proposed.sender, &proposed.proposal) else { return None };
    let key_package = wire::decode(&add.key_package().mls_encode_to_vec().ok()?).ok()?;
    Some(NewMember { key_package, service_provider: wire::decode(&proposed.authenticated_data).ok()? })
}

impl Partition {
    /// Moves the counter over messages that are no longer retained, or that the hub has forgotten.
    fn note_gap(&mut self, first: First, events: &mut Vec<Event>) {
        if first.index > self.counter {
            events.push(Event::Gap { place: Place { epoch: self.epoch, index: self.counter }, until: first.index });
            self.counter = first.index;
            // A hub that was put back goes on here: by what it has forgotten nobody can follow, so whoever did is on a
            // branch. Where retention has removed a commit, the group went on by it.
            self.has_gap |= !first.restored;
        }
    }
}

/// Where a page begins.
#[derive(Clone, Copy, Default)]
struct First {
    index: u32,
    /// Whether the hub was put back from a backup before that index, and has removed nothing there.
    restored: bool,
}

/// Who is in `after` and was not in `before`, and the other way round. A new signature key makes nobody new.
fn difference<C: MlsConfig>(before: &Group<C>, after: &Group<C>) -> (Vec<Participant>, Vec<Participant>) {
    let missing = |from: &Group<C>, of: &Group<C>| -> Vec<Participant> {
        let (roster, of) = (from.roster(), of.roster());
        let known: HashSet<&SigningIdentity> = of.member_identities_iter().collect();
        if roster.member_identities_iter().all(|identity| known.contains(identity)) {
            return Vec::new();
        }
        let members = roster.members_iter().filter(|member| !known.contains(&member.signing_identity));
        members
            .map(|member| Participant { leaf_index: member.index, signing_identity: member.signing_identity })
            .collect()
    };
    let (mut joined, mut left) = (missing(after, before), missing(before, after));
    joined.retain(|came| {
        let same = |gone: &Participant| gone.signing_identity.credential == came.signing_identity.credential;
        let changed = left.iter().position(same);
        if let Some(position) = changed {
            left.remove(position);
        }
        changed.is_none()
    });
    (joined, left)
}
