//! What is written in one durable step: the transitions of everything that queued meanwhile, merged.

use std::{collections::HashMap, sync::Arc};

use super::{ArrangementBatch, PoolBatch, Walk};
use crate::{
    mls::{EpochNumber, ProposalRef},
    sequencer::{
        Blob, BlobKey, Checkpoint, Dispatch, DispatchKey, Entry, Followed, FollowedChange, Group, GroupKey, Kept,
        Outgoing, OwnerChanges, Partition, Receipt, RepeatKey, Reservation, StoredRepeatKey, Timer, Transition,
        UnixMillis, Usage, UserTag, Welcome, WelcomeName,
    },
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// That a local user presented a partition's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presentation {
    /// The group, here or at another hub.
    pub group: GroupKey,
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// Who.
    pub user: UserTag,
    /// When.
    pub at_ms: UnixMillis,
}

/// Transitions merged in the order in which they were sequenced: the last record of a row is the one that is written.
///
/// # Correctness
/// A partition that is removed, or not followed any more, must not be opened or followed again in the same batch: the
/// lane ends a batch with a removal.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// Group records.
    pub groups: HashMap<GroupKey, Arc<Group>>,
    /// Reservations, set or cleared.
    pub reservations: HashMap<GroupKey, Option<Reservation>>,
    /// Partition records.
    pub partitions: HashMap<(GroupKey, MaskedPartitionKey), Arc<Partition>>,
    /// Partitions that readers may find without naming the group.
    pub announced: Vec<(GroupKey, MaskedPartitionKey)>,
    /// Partitions that they do not find any more.
    pub unannounced: Vec<(GroupKey, MaskedPartitionKey)>,
    /// Whether partitions are heads.
    pub heads: HashMap<(GroupKey, EpochNumber, MaskedPartitionKey), bool>,
    /// Messages.
    pub entries: Vec<(GroupKey, MaskedPartitionKey, u32, Entry)>,
    /// How repeated sends are recognised.
    pub repeats: HashMap<(GroupKey, MaskedPartitionKey, RepeatKey), Receipt>,
    /// Messages that are gone, all between two indexes, the second one not included.
    pub trimmed: Vec<(GroupKey, MaskedPartitionKey, u32, u32)>,
    /// Partitions of which receipts and presentations are gone.
    pub emptied: Vec<(GroupKey, MaskedPartitionKey)>,
    /// Partitions whose public states are gone.
    pub given_up: Vec<(GroupKey, MaskedPartitionKey)>,
    /// Receipts that are gone of those who named no partition.
    pub forgotten_receipts: Vec<(GroupKey, StoredRepeatKey)>,
    /// GroupInfos and trees.
    pub blobs: Vec<(GroupKey, Blob)>,
    /// Public states of partitions' epochs.
    pub checkpoints: HashMap<(GroupKey, MaskedPartitionKey), Checkpoint>,
    /// Whose the leaves are that the commit which announced a partition has changed.
    pub owners: HashMap<(GroupKey, MaskedPartitionKey), OwnerChanges>,
    /// Where public proposals stand.
    pub proposals: HashMap<(GroupKey, MaskedPartitionKey, ProposalRef), u32>,
    /// How much refers to a GroupInfo or tree; what nothing refers to is removed.
    pub blob_counts: HashMap<(GroupKey, BlobKey), u32>,
    /// New Welcomes.
    pub welcomes: Vec<(GroupKey, Welcome)>,
    /// How far Welcomes have got; one without a record is removed, as it came and all.
    pub outgoing: HashMap<(GroupKey, WelcomeName), Option<Outgoing>>,
    /// Deliveries, set or removed.
    pub dispatches: HashMap<(GroupKey, DispatchKey), Option<Dispatch>>,
    /// What providers have used up.
    pub budgets: HashMap<(ServiceProviderId, GroupKey), Usage>,
    /// Timers to set.
    pub timers: Vec<(GroupKey, Timer)>,
    /// Timers to clear.
    pub cleared_timers: Vec<(GroupKey, Timer)>,
    /// Which providers are subscribed to a partition, and which are not any more.
    pub subscribed: HashMap<(ServiceProviderId, GroupKey, MaskedPartitionKey), bool>,
    /// Partitions at other hubs: `None` for those that are not followed any more.
    pub followed: HashMap<(GroupKey, MaskedPartitionKey), Option<Followed>>,
    /// Messages of theirs.
    pub kept: Vec<(GroupKey, MaskedPartitionKey, Kept)>,
    /// Of which partitions messages before an index are not kept any more.
    pub let_go: Vec<(GroupKey, MaskedPartitionKey, u32)>,
    /// Local users' presentations.
    pub presentations: Vec<Presentation>,
    /// Presentations that are forgotten.
    pub forgotten: Vec<(GroupKey, MaskedPartitionKey, UserTag)>,
    /// Groups that show forks, which the operator is shown.
    pub forked: Vec<GroupKey>,
    /// Groups that show none any more.
    pub not_forked: Vec<GroupKey>,
    /// Partitions to remove, with all their rows.
    pub removed: Vec<(GroupKey, MaskedPartitionKey)>,
    /// How far retention has come.
    pub walk: Option<Walk>,
    /// KeyPackages and tokens.
    pub pool: PoolBatch,
    /// Bans and complaints.
    pub arrangements: ArrangementBatch,
    /// Bytes of messages, GroupInfos, trees, Welcomes and public states, for the lane's bound.
    pub bytes: usize,
}

impl Batch {
    /// Adds what a command changed in the group.
    pub fn push(&mut self, group: GroupKey, transition: Transition) {
        if let Some(record) = transition.group {
            self.groups.insert(group, Arc::new(record));
        }
        if let Some(reservation) = transition.reservation {
            self.reservations.insert(group, reservation);
        }
        self.partitions.extend(transition.partitions.into_iter().map(|(key, record)| ((group, key), Arc::new(record))));
        self.announced.extend(transition.announced.into_iter().map(|key| (group, key)));
        self.unannounced.extend(transition.unannounced.into_iter().map(|key| (group, key)));
        for head in transition.heads {
            self.heads.insert((group, head.epoch, head.partition), head.is_head);
        }
        for (partition, index, entry) in transition.appends {
            self.bytes += entry.message.len();
            self.entries.push((group, partition, index, entry));
        }
        self.repeats.extend(transition.repeat.map(|(partition, key, receipt)| ((group, partition, key), receipt)));
        self.bytes += transition.checkpoints.iter().map(|(_, saved)| saved.state.len()).sum::<usize>();
        self.checkpoints.extend(transition.checkpoints.into_iter().map(|(key, saved)| ((group, key), saved)));
        self.owners.extend(transition.owners.into_iter().map(|(key, changes)| ((group, key), changes)));
        let proposals = transition.proposals.into_iter();
        self.proposals.extend(proposals.map(|(key, reference, index)| ((group, key, reference), index)));
        let trimmed = transition.trimmed.into_iter();
        self.trimmed.extend(trimmed.map(|gone| (group, gone.partition, gone.from, gone.until)));
        self.emptied.extend(transition.emptied.into_iter().map(|key| (group, key)));
        self.given_up.extend(transition.given_up.into_iter().map(|key| (group, key)));
        self.forgotten_receipts.extend(transition.forgotten_receipts.into_iter().map(|key| (group, key)));
        self.blob_counts.extend(transition.blob_counts.into_iter().map(|(blob, count)| ((group, blob), count)));
        self.bytes += transition.blobs.iter().map(|blob| blob.bytes.len()).sum::<usize>();
        self.blobs.extend(transition.blobs.into_iter().map(|blob| (group, blob)));
        if let Some(welcome) = transition.welcome {
            self.bytes += welcome.data.welcome.bytes().len();
            self.welcomes.push((group, *welcome));
        }
        self.outgoing.extend(transition.outgoing.into_iter().map(|(name, record)| ((group, name), record)));
        self.dispatches.extend(transition.dispatches.into_iter().map(|(key, record)| ((group, key), record)));
        self.budgets.extend(transition.budgets.into_iter().map(|(provider, usage)| ((provider, group), usage)));
        self.timers.extend(transition.timers.into_iter().map(|timer| (group, timer)));
        self.cleared_timers.extend(transition.cleared_timers.into_iter().map(|timer| (group, timer)));
        let subscribed = transition.subscribed.into_iter();
        self.subscribed.extend(subscribed.map(|(key, provider, is)| ((provider, group, key), is)));
        self.forked.extend(transition.shows_forks.then_some(group));
        self.not_forked.extend(transition.shows_no_forks.then_some(group));
        self.forgotten.extend(transition.forgotten.into_iter().map(|(key, user)| (group, key, user)));
        for (key, change) in transition.followed {
            match change {
                FollowedChange::Put { record, kept, lets_go } => {
                    self.let_go.extend(lets_go.then_some((group, key, record.first_index)));
                    self.followed.insert((group, key), Some(record));
                    self.bytes += kept.iter().map(|kept| kept.message.len()).sum::<usize>();
                    self.kept.extend(kept.into_iter().map(|kept| (group, key, kept)));
                }
                FollowedChange::Gone => {
                    self.followed.insert((group, key), None);
                }
            }
        }
        for key in transition.removed {
            self.partitions.remove(&(group, key));
            self.removed.push((group, key));
        }
    }

    /// Whether something of it is removed, behind which nothing may be written again in the same batch.
    pub fn removes(&self) -> bool {
        !self.removed.is_empty()
            || !self.trimmed.is_empty()
            || !self.emptied.is_empty()
            || !self.given_up.is_empty()
            || !self.forgotten_receipts.is_empty()
            || !self.forgotten.is_empty()
            || self.followed.values().any(Option::is_none)
            || self.blob_counts.values().any(|count| *count == 0)
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
            && self.reservations.is_empty()
            && self.partitions.is_empty()
            && self.announced.is_empty()
            && self.unannounced.is_empty()
            && self.heads.is_empty()
            && self.entries.is_empty()
            && self.repeats.is_empty()
            && self.trimmed.is_empty()
            && self.emptied.is_empty()
            && self.given_up.is_empty()
            && self.forgotten_receipts.is_empty()
            && self.blobs.is_empty()
            && self.checkpoints.is_empty()
            && self.owners.is_empty()
            && self.proposals.is_empty()
            && self.blob_counts.is_empty()
            && self.welcomes.is_empty()
            && self.outgoing.is_empty()
            && self.dispatches.is_empty()
            && self.budgets.is_empty()
            && self.timers.is_empty()
            && self.cleared_timers.is_empty()
            && self.subscribed.is_empty()
            && self.followed.is_empty()
            && self.presentations.is_empty()
            && self.forgotten.is_empty()
            && self.forked.is_empty()
            && self.not_forked.is_empty()
            && self.removed.is_empty()
            && self.walk.is_none()
            && self.pool.is_empty()
            && self.arrangements.is_empty()
    }
}
