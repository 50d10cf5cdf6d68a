//! An MLS group with its partitions: where its members write and read at the hub.
//!
//! Owns the MLS group, the partition key of its epoch and the counters. It must never touch the network, read a clock
//! or decide to join anew: it makes requests, digests responses and says what happened (draft §3, §4.2, §4.4).

use std::collections::VecDeque;

use mls_rs::{Group, MlsMessage, client_builder::MlsConfig, group::ReceivedMessage};
use zeroize::Zeroizing;

use super::{
    GroupError, committing::StagedCommit, keep::Stored, partition::Partition, policy::GroupPolicy, reserve::Reserve,
    sending::Unconfirmed, verdict::refuse,
};
use crate::{
    mls::{EpochNumber, WireGroupInfo},
    wire::{
        self, ExpectCommit, GroupId, MaskedPartitionKey, PartitionKey, PartitionKeyContext, ReceiveRequest,
        ServiceProviderId,
    },
};

/// An MLS group of which this client is a member, and its partitions at the hub.
///
/// `C` must be spelled out where the group is kept: `impl MlsConfig` hides that it can be cloned.
///
/// # Correctness
/// What is refused leaves no trace, neither a used-up key nor a half-applied commit: a commit is judged on a clone of the
/// group, which takes the group's place when the commit is good, and a run of other messages is read with one clone in
/// reserve. A clone costs what the tree weighs: 2 µs for two members, 0.6 ms for a thousand.
///
/// A commit of one's own is applied when it is read back as the first valid commit of its partition, never before.
///
/// # Persistence
/// Nothing is persisted behind the app's back. [`PartitionedGroup::save`] writes the MLS group to its own storage and the
/// rest to the app's. Save a group that was joined before its Welcome is acknowledged; save before a request leaves the
/// device, and after events were handled: once it is saved, they cannot be read again. A process that dies in between
/// reads some messages twice and loses none of the group's state.
///
/// # Privacy
/// `Debug` shows counters only.
pub struct PartitionedGroup<C: MlsConfig> {
    pub(super) group: Group<C>,
    pub(super) hub: ServiceProviderId,
    /// Where the group writes and reads now.
    pub(super) partition: Partition,
    /// The partitions before that, oldest first: messages may still arrive there late.
    pub(super) previous: VecDeque<Partition>,
    /// The masked keys of the partitions before the current one, oldest first, without a gap.
    pub(super) trail: VecDeque<MaskedPartitionKey>,
    /// Whether GroupInfos are published without their trees where the hub may know them.
    pub(super) trees_on_demand: bool,
    /// Own commits of this epoch that were handed out.
    pub(super) staged: Vec<StagedCommit>,
    /// Own messages that were handed out and not read back yet, oldest first.
    pub(super) unconfirmed: VecDeque<Unconfirmed>,
    pub(super) removed: bool,
    /// The newest epoch in whose partition a commit was passed over: others may have followed it.
    pub(super) doubted: Option<EpochNumber>,
    /// SHA-256 of the Welcome that this client joined from.
    pub(super) welcome: Option<[u8; 32]>,
    /// What the MLS library's storage knows of the group.
    pub(super) stored: Stored,
    /// What was kept of the group last.
    pub(super) kept: Option<Zeroizing<Vec<u8>>>,
    /// While an answer is digested: the way back.
    pub(super) reserve: Option<Reserve<C>>,
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// How many earlier partitions are known again.
    const TRAIL_MAX: usize = 64;

    /// How many earlier partitions stay readable. MLS clients keep about as many old epochs' keys.
    pub(super) const PREVIOUS_MAX: usize = 3;

    /// Takes over a group that was joined through a Welcome, or created, and that was not saved yet.
    ///
    /// `hub` is the provider that delivered the Welcome (or that the group is created at). After a join, the first
    /// [`PartitionedGroup::receive_request`] asks for all of the epoch's messages.
    ///
    /// # Errors
    /// [`GroupError::OtherHub`] when the group id was not minted by `hub`: such a Welcome must be refused.
    pub fn new(group: Group<C>, hub: ServiceProviderId) -> Result<Self, GroupError> {
        if GroupId::parse(group.group_id()).is_none_or(|id| id.hub() != &hub) {
            return Err(GroupError::OtherHub);
        }
        let epoch = EpochNumber(group.current_epoch());
        let partition = Partition::at_start(export(&group, &hub)?, epoch, GroupPolicy::of(&group));
        Ok(Self {
            group,
            hub,
            partition,
            previous: VecDeque::new(),
            trail: VecDeque::new(),
            trees_on_demand: false,
            staged: Vec::new(),
            unconfirmed: VecDeque::new(),
            removed: false,
            doubted: None,
            welcome: None,
            stored: Stored::Never,
            kept: None,
            reserve: None,
        })
    }

    /// The MLS group as of the current epoch.
    pub fn group(&self) -> &Group<C> {
        &self.group
    }

    /// The hub of the group.
    pub fn hub(&self) -> &ServiceProviderId {
        &self.hub
    }

    /// The group's id.
    pub fn group_id(&self) -> &[u8] {
        self.group.group_id()
    }

    /// The current epoch.
    pub fn epoch(&self) -> EpochNumber {
        self.partition.epoch
    }

    /// The partition key of the current epoch.
    pub fn partition_key(&self) -> &PartitionKey {
        &self.partition.key
    }

    /// SHA-256 of the partition key: what the hub stores and hints name.
    pub fn masked_partition_key(&self) -> MaskedPartitionKey {
        self.partition.key.masked()
    }

    /// Whether the group is in that partition, or was in it as far back as is remembered.
    pub(super) fn has_been_in(&self, partition: &MaskedPartitionKey) -> bool {
        self.masked_partition_key() == *partition || self.trail.contains(partition)
    }

    /// The first epoch whose partition is known again.
    pub(super) fn remembers_from(&self) -> EpochNumber {
        EpochNumber(self.partition.epoch.0.saturating_sub(self.trail.len() as u64))
    }

    /// A commit of that epoch was passed over.
    pub(super) fn doubt(&mut self, epoch: EpochNumber) {
        self.doubted = self.doubted.max(Some(epoch));
    }

    /// Whether that is a GroupInfo of the epoch in which the group is, on its branch, and a member has signed it.
    pub(super) fn is_described_by(&self, group_info: &WireGroupInfo) -> Result<bool, GroupError> {
        match MlsMessage::from_bytes(group_info.bytes())
            .and_then(|info| self.group.clone().process_incoming_message(info))
        {
            Ok(received) => Ok(matches!(received, ReceivedMessage::GroupInfo(_))),
            Err(error) => refuse(error).map(|_reason| false),
        }
    }

    /// The group leaves a partition.
    pub(super) fn leave_trail(&mut self, partition: MaskedPartitionKey) {
        if self.trail.len() == Self::TRAIL_MAX {
            self.trail.pop_front();
        }
        self.trail.push_back(partition);
    }

    /// The index of the next message that is wanted from the current partition.
    pub fn counter(&self) -> u32 {
        self.partition.counter
    }

    /// Whether a commit removed this client. Such a group makes no requests any more.
    pub fn is_removed(&self) -> bool {
        self.removed
    }

    /// Goes on as a member of the epoch that a removing commit was to end, and reads on behind that commit.
    ///
    /// # Security
    /// A removed client cannot check what everybody else checks: that the commit leads to the partition that it
    /// announces. A member who means ill can send a commit that removes somebody and that all others ignore; its victim
    /// alone believes it. Whose fellow members keep talking in the old partition was told a lie, and may disregard it;
    /// who disregards a true removal reads nothing more. Like a join from outside, that is the user's decision.
    pub fn disregard_removal(&mut self) {
        self.removed = false;
    }

    /// Whether proposals wait for a commit. RFC 9420 §12.4 wants it before the next application message.
    pub fn commit_required(&self) -> bool {
        self.group.commit_required()
    }

    /// What to ask the hub for next. Hand it to [`PartitionedGroup::process`] together with the answer.
    pub fn receive_request(&self) -> ReceiveRequest {
        self.request_for(&self.partition)
    }

    /// Requests for partitions that the group has left, newest first: who was slower to follow a commit has written
    /// there, and such messages are delivered flagged `late`.
    ///
    /// A partition stays in this list until three newer ones have followed or [`PartitionedGroup::forget_previous`] is
    /// called: an app drains it for as long as it cares about stragglers, some minutes at most.
    pub fn previous_receive_requests(&self) -> Vec<ReceiveRequest> {
        self.previous.iter().rev().map(|partition| self.request_for(partition)).collect()
    }

    /// Wipes the keys of the partitions that the group has left.
    pub fn forget_previous(&mut self) {
        self.previous.clear();
    }

    /// What the hub should find before it sequences a commit: the last commit of the current partition that was read,
    /// if any was (all of those were ignored, or the group would not be here).
    pub fn expect_commit(&self) -> ExpectCommit {
        self.partition.last_commit.map_or(ExpectCommit::None, ExpectCommit::Index)
    }

    fn request_for(&self, partition: &Partition) -> ReceiveRequest {
        ReceiveRequest {
            group_id: self.group_id().to_vec(),
            partition_key: partition.key.clone(),
            counter: partition.counter,
        }
    }

    pub(super) fn require_membership(&self) -> Result<(), GroupError> {
        if self.removed { Err(GroupError::Removed) } else { Ok(()) }
    }

    /// That this client is a member whom others listen to.
    pub(super) fn require_voice(&self) -> Result<(), GroupError> {
        self.require_membership()?;
        if self.is_suppressed(&self.partition.policy) { Err(GroupError::Forbidden) } else { Ok(()) }
    }

    /// Whether what this client says is suppressed by that policy.
    pub(super) fn is_suppressed(&self, policy: &GroupPolicy) -> bool {
        policy.forbids_sender(&self.group, self.group.current_member_index())
    }
}

/// The partition key of the epoch that `group` is in (draft §3).
pub(super) fn export<C: MlsConfig>(group: &Group<C>, hub: &ServiceProviderId) -> Result<PartitionKey, GroupError> {
    let context = wire::encode(&PartitionKeyContext { hub: hub.clone() })?;
    let secret = group.export_secret(PartitionKey::EXPORTER_LABEL, &context, PartitionKey::LENGTH)?;
    let bytes = secret.as_bytes().try_into().map_err(|_| GroupError::ExporterLength)?;
    Ok(PartitionKey::new(bytes))
}

impl<C: MlsConfig> std::fmt::Debug for PartitionedGroup<C> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("PartitionedGroup")
            .field("epoch", &self.partition.epoch)
            .field("counter", &self.partition.counter)
            .field("staged", &self.staged.len())
            .field("unconfirmed", &self.unconfirmed.len())
            .field("removed", &self.removed)
            .finish_non_exhaustive()
    }
}
