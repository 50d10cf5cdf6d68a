//! Everything that a command changes, as data.

use std::sync::Arc;

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use sha2::{Digest, Sha256};

use super::{
    Checkpoint, Dispatch, DispatchKey, FollowedChange, Group, Outgoing, OwnerChanges, Partition, RepeatKey,
    Reservation, State, StoredRepeatKey, Undelivered, UnixMillis, Usage, UserTag, Welcome, WelcomeName,
};
use crate::{
    mls::{EpochNumber, ProposalRef},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// SHA-256 of a GroupInfo or tree: the name under which it is stored, once, within its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct BlobKey(pub [u8; 32]);

impl BlobKey {
    /// The key of those bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

/// A GroupInfo or tree to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its name.
    pub key: BlobKey,
    /// Its content.
    pub bytes: Bytes,
}

impl Blob {
    /// Names the bytes.
    pub fn new(bytes: &Bytes) -> Self {
        Self { key: BlobKey::of(bytes), bytes: bytes.clone() }
    }

    /// Its length in bytes. What the wire can carry is shorter than 2^30.
    pub fn length(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(u32::MAX)
    }
}

/// Where and when a message was sequenced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Receipt {
    /// When.
    pub accepted_ms: UnixMillis,
    /// At which index of its partition.
    pub index: u32,
    /// How many commits stand before it.
    pub commits_before: u32,
}

/// What a stored commit has beside its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryCommit {
    /// The partition that it announced.
    pub next: MaskedPartitionKey,
    /// The GroupInfo that came with it, and its length in bytes.
    pub group_info: Option<(BlobKey, u32)>,
}

/// A sequenced message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was sequenced.
    pub accepted_ms: UnixMillis,
    /// The `MLSMessage` as it was received.
    pub message: Bytes,
    /// Present exactly when it is a commit.
    pub commit: Option<EntryCommit>,
}

/// Messages of a partition that retention removes, all before an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trimmed {
    /// Which partition.
    pub partition: MaskedPartitionKey,
    /// The index of the first of them.
    pub from: u32,
    /// The index behind the last one.
    pub until: u32,
    /// The GroupInfos that came with them, once for each.
    pub blobs: Vec<BlobKey>,
}

/// When a partition wants to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timer {
    /// When.
    pub due_ms: UnixMillis,
    /// Which partition.
    pub partition: MaskedPartitionKey,
}

/// That a connected partition has no child, or has one from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which partition.
    pub partition: MaskedPartitionKey,
    /// Its epoch number.
    pub epoch: EpochNumber,
    /// Whether it is one.
    pub is_head: bool,
}

/// What the asker is told once the transition is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The group id is reserved.
    Reserved,
    /// The group exists since then.
    Created(UnixMillis),
    /// The message has its place.
    Sent(Receipt),
    /// The index of the message that is wanted next of what was pushed; nothing when the partition is not followed.
    Wanted(Option<u32>),
    /// What became of a branch that the operator ends or takes back.
    Branch(BranchOutcome),
    /// So much was removed of a partition.
    Trimmed {
        /// Messages.
        messages: u32,
        /// Their bytes, and those of the GroupInfos that came with them.
        bytes: u64,
        /// Whether nothing was left in it.
        is_emptied: bool,
    },
    /// Bookkeeping, which nobody waits for.
    Done,
}

/// What became of a branch that the operator ends or takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchOutcome {
    /// It is being done.
    Spread {
        /// How many partitions were marked or cleared in this step.
        partitions: u32,
        /// Whether all of them are.
        is_done: bool,
    },
    /// There is no such partition.
    NotThere,
    /// It is the root, or no edges connect it to the root.
    NotABranch,
    /// It is ended, by itself or with the partition above that is named.
    AlreadyTerminated {
        /// With which partition that branch begins.
        top: MaskedPartitionKey,
    },
    /// It is not ended.
    NotTerminated,
    /// It hangs below a branch that is ended: that one comes first.
    TerminatedAbove {
        /// With which partition that branch begins.
        top: MaskedPartitionKey,
    },
    /// It was ended too long ago.
    TooLate,
    /// Another branch of the group is being ended or taken back.
    Busy,
}

/// The whole answer to a command: what to write, in one durable step, and what to say then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What to say.
    pub outcome: Outcome,
    /// The group's new record.
    pub group: Option<Group>,
    /// The reservation's new state: set or cleared.
    pub reservation: Option<Option<Reservation>>,
    /// Partitions' new records.
    pub partitions: Vec<(MaskedPartitionKey, Partition)>,
    /// Partitions that are now announced, for readers who name no group.
    pub announced: Vec<MaskedPartitionKey>,
    /// Partitions that readers who name no group do not find any more.
    pub unannounced: Vec<MaskedPartitionKey>,
    /// Messages that are gone.
    pub trimmed: Vec<Trimmed>,
    /// Partitions of which receipts and presentations are gone; their records stay.
    pub emptied: Vec<MaskedPartitionKey>,
    /// Partitions whose public states are given up.
    pub given_up: Vec<MaskedPartitionKey>,
    /// Partitions that are gone, with everything in them.
    pub removed: Vec<MaskedPartitionKey>,
    /// Partitions that are heads from now on, or are no more: with their epoch numbers.
    pub heads: Vec<Head>,
    /// Messages, each with its partition and index.
    pub appends: Vec<(MaskedPartitionKey, u32, Entry)>,
    /// How the same request will be recognised: in that partition, or in the group if it names none.
    pub repeat: Option<(MaskedPartitionKey, RepeatKey, Receipt)>,
    /// Receipts that are gone of those who named no partition.
    pub forgotten_receipts: Vec<StoredRepeatKey>,
    /// GroupInfos and trees.
    pub blobs: Vec<Blob>,
    /// How many messages and partitions refer to a GroupInfo or tree from now on; with the last one it goes.
    pub blob_counts: Vec<(BlobKey, u32)>,
    /// A new Welcome.
    pub welcome: Option<Box<Welcome>>,
    /// How far Welcomes have got; one without a record is gone, as it came and all.
    pub outgoing: Vec<(WelcomeName, Option<Outgoing>)>,
    /// Deliveries: due, or not any more.
    pub dispatches: Vec<(DispatchKey, Option<Dispatch>)>,
    /// What counts as not delivered from now on, by submitter.
    pub posted: Vec<(ServiceProviderId, Undelivered)>,
    /// What does not any more.
    pub settled: Vec<(ServiceProviderId, Undelivered)>,
    /// What providers have used up in this group from now on.
    pub budgets: Vec<(ServiceProviderId, Usage)>,
    /// Timers to set.
    pub timers: Vec<Timer>,
    /// Timers to clear.
    pub cleared_timers: Vec<Timer>,
    /// Which providers are subscribed to a partition from now on, and which are not any more.
    pub subscribed: Vec<(MaskedPartitionKey, ServiceProviderId, bool)>,
    /// Partitions at other hubs.
    pub followed: Vec<(MaskedPartitionKey, FollowedChange)>,
    /// Whether the group is one of those that show forks, from now on.
    pub shows_forks: bool,
    /// Whether it shows nothing of that kind any more.
    pub shows_no_forks: bool,
    /// Presentations that are forgotten.
    pub forgotten: Vec<(MaskedPartitionKey, UserTag)>,
    /// Whose the leaves are that the commit which announced a partition has changed.
    pub owners: Vec<(MaskedPartitionKey, OwnerChanges)>,
    /// Public states of partitions' epochs.
    pub checkpoints: Vec<(MaskedPartitionKey, Checkpoint)>,
    /// Where public proposals stand, by what commits refer to them.
    pub proposals: Vec<(MaskedPartitionKey, ProposalRef, u32)>,
}

impl Transition {
    /// A transition that changes nothing.
    pub fn unchanged(outcome: Outcome) -> Self {
        Self {
            outcome,
            group: None,
            reservation: None,
            partitions: Vec::new(),
            announced: Vec::new(),
            unannounced: Vec::new(),
            trimmed: Vec::new(),
            emptied: Vec::new(),
            given_up: Vec::new(),
            removed: Vec::new(),
            heads: Vec::new(),
            appends: Vec::new(),
            repeat: None,
            forgotten_receipts: Vec::new(),
            blobs: Vec::new(),
            blob_counts: Vec::new(),
            welcome: None,
            outgoing: Vec::new(),
            dispatches: Vec::new(),
            posted: Vec::new(),
            settled: Vec::new(),
            budgets: Vec::new(),
            timers: Vec::new(),
            cleared_timers: Vec::new(),
            subscribed: Vec::new(),
            followed: Vec::new(),
            shows_forks: false,
            shows_no_forks: false,
            forgotten: Vec::new(),
            owners: Vec::new(),
            checkpoints: Vec::new(),
            proposals: Vec::new(),
        }
    }

    /// The partition's new record, if it has one so far.
    pub(super) fn changed(&self, key: &MaskedPartitionKey) -> Option<&Partition> {
        self.partitions.iter().rev().find(|(changed, _)| changed == key).map(|(_, record)| record)
    }

    /// The partition's record as this step has left it so far.
    pub(super) fn newest<S: State + ?Sized>(
        &self,
        state: &S,
        key: &MaskedPartitionKey,
    ) -> Result<Option<Arc<Partition>>, S::Error> {
        match self.changed(key) {
            Some(changed) => Ok(Some(Arc::new(changed.clone()))),
            None => state.partition(key),
        }
    }

    /// Gives the partition a new record, in the place of the one that it may have so far.
    pub(super) fn change(&mut self, key: MaskedPartitionKey, record: Partition) {
        match self.partitions.iter_mut().rev().find(|(changed, _)| *changed == key) {
            Some((_, changed)) => *changed = record,
            None => self.partitions.push((key, record)),
        }
    }

    /// Whether there is nothing to write.
    pub fn is_unchanged(&self) -> bool {
        *self == Self::unchanged(self.outcome)
    }
}
