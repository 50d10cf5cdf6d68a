//! The seam to storage: what the service needs of an engine, and nothing of how an engine does it.
//!
//! An engine keeps what transitions say ([`Batch`]) and answers reads from consistent snapshots. Every operation has
//! one linearisation point in one group, so no engine needs transactions across groups. The contract that every engine
//! keeps is a test: `contract.rs`.

mod arrangement_batch;
mod backup;
mod batch;
#[cfg(test)]
pub(crate) mod contract;
mod error;
#[cfg(test)]
pub(crate) mod faulty;
mod footprint;
mod inbox_batch;
mod inbox_reads;
mod inspection;
mod outbox_reads;
mod pool_batch;
mod pool_reads;
mod push_reads;
mod retention_reads;
pub mod rocks;
mod walk;
#[cfg(test)]
pub(crate) mod watched;

use std::{path::Path, sync::Arc};

pub use arrangement_batch::ArrangementBatch;
pub use backup::{Backup, Backups, DamagedBackup};
pub use batch::{Batch, Presentation};
pub use error::Error;
pub use footprint::Footprint;
pub use inbox_batch::InboxBatch;
pub use inbox_reads::InboxReads;
pub use inspection::Inspection;
pub use outbox_reads::OutboxReads;
pub use pool_batch::PoolBatch;
pub use pool_reads::PoolReads;
pub use push_reads::PushReads;
pub use retention_reads::{GroupRow, PartitionRow, PresentationName, PresentationRow, ReceiptRow, RetentionReads};
pub use walk::{Presence, Removed, Walk};

use crate::{
    mls::{EpochNumber, ProposalRef},
    pool::{Account, TokenSecret},
    sequencer::{
        Ban, BanKey, BlobKey, Checkpoint, ComplaintKey, Complaints, Entry, Forgotten, Group, GroupKey, HeardBans,
        Outgoing, OwnerChanges, Owners, Partition, Receipt, RepeatKey, Reservation, Timer, UnixMillis, Usage, UserTag,
        WelcomeName,
    },
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// An engine.
///
/// # Correctness
/// * [`Store::commit`] is atomic and durable: after `Ok` everything in the batch survives a crash of the machine; after
///   an error nothing of it is ever seen.
/// * A snapshot taken after `commit` returned sees the batch.
/// * After a failed write the engine is *poisoned*: it refuses every further write until it is opened again, because
///   nobody knows what of the failed write a disk has kept. Reads go on.
/// * An engine that has other writers checks that what a batch was computed from has not changed, and answers
///   [`Error::Conflict`]; the service then loads and computes again. An engine that one process owns never conflicts.
///
/// # Privacy
/// An engine is given masked partition keys, hashes of group ids and keyed hashes of users, never the originals.
pub trait Store: Send + Sync + 'static {
    /// A consistent view of everything committed so far.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn snapshot(&self) -> Result<Box<dyn Snapshot + '_>, Error>;

    /// The same view for those who must not wait: of [`Store::snapshot`], only what is read from memory, and in all
    /// reads of this snapshot together at most about `bytes` bytes of rows.
    ///
    /// # Correctness
    /// A read gives exactly what it would give on a full snapshot, or fails with [`Error::NotAtHand`]: never less, and
    /// never "there is none" for what was not looked at. Nothing is promised to be at hand. No read waits for a disk,
    /// a network or a writer's disk.
    ///
    /// # Errors
    /// When the engine cannot read.
    fn at_hand(&self, bytes: u64) -> Result<Box<dyn Snapshot + '_>, Error>;

    /// Makes everything in the batch durable, or nothing of it.
    ///
    /// # Errors
    /// [`Error::Poisoned`] after an earlier failure, [`Error::Conflict`] when the batch is to be computed again, any
    /// other error once, and then poisoned.
    fn commit(&self, batch: &Batch) -> Result<(), Error>;

    /// Whether [`Store::commit`] can succeed as far as is known.
    ///
    /// # Errors
    /// Why not.
    fn writable(&self) -> Result<(), Error>;

    /// Makes a copy of everything that was committed before this was called, in a folder of backups, and removes the oldest
    /// there but for `keep`. Commits go on meanwhile. It takes as long as what has changed since the last one takes to
    /// copy.
    ///
    /// # Security
    /// The copy holds the database's secrets. Its folder is for its owner alone.
    ///
    /// # Errors
    /// [`Error::Poisoned`] after a failed write; [`Error::BackupsInUse`] while somebody else uses the folder;
    /// [`Error::Backup`] when it takes no more, others may read it, it lies in the database's folder or that one in it, or it
    /// has another database's backups, or other things and no backups. What is there already stays.
    fn back_up(&self, folder: &Path, keep: usize) -> Result<Backup, Error>;

    /// What the engine takes of its machine, for the operator. Waits for no disk.
    fn footprint(&self) -> Footprint;

    /// What this database has forgotten because it was put back from a backup.
    fn forgotten(&self) -> Forgotten;

    /// The secret of this database under which users are hashed to [`UserTag`]s.
    fn user_tag_secret(&self) -> &[u8; 32];

    /// The secret of this database under which bearer tokens are made.
    fn token_secret(&self) -> &TokenSecret;
}

/// A consistent view of a store. All reads are point reads or bounded scans.
///
/// # Errors
/// Every read fails with [`Error::Unreadable`] or [`Error::Io`] when the engine cannot read and with [`Error::Corrupt`] when
/// what it reads is no encoding of what should be there; on a snapshot of [`Store::at_hand`] also with [`Error::NotAtHand`].
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait Snapshot: OutboxReads + PushReads + PoolReads + InboxReads + RetentionReads {
    /// A group.
    fn group(&self, group: &GroupKey) -> Result<Option<Group>, Error>;

    /// The reservation of a group's id.
    fn reservation(&self, group: &GroupKey) -> Result<Option<Reservation>, Error>;

    /// A partition.
    fn partition(&self, group: &GroupKey, key: &MaskedPartitionKey) -> Result<Option<Partition>, Error>;

    /// The receipt of a send that was sequenced there before.
    fn repeat(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        key: &RepeatKey,
    ) -> Result<Option<Receipt>, Error>;

    /// Messages of a partition from index `from` on, in order and without a gap between them: as many as fit into `bytes`,
    /// at least one if there is one. GroupInfos count.
    fn messages(&self, group: &GroupKey, partition: &MaskedPartitionKey, from: u32, bytes: u64) -> Result<Page, Error>;

    /// A GroupInfo or tree.
    fn blob(&self, group: &GroupKey, key: &BlobKey) -> Result<Option<bytes::Bytes>, Error>;

    /// The public state of a partition's epoch, where one was kept.
    fn checkpoint(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Checkpoint>, Error>;

    /// Whose the leaves of that state are, without the state.
    fn owners(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Owners>, Error>;

    /// What the commit that announced the partition has changed of whose leaves are.
    fn owner_changes(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<OwnerChanges>, Error>;

    /// The index at which a public proposal stands in the partition.
    fn proposal(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        reference: &ProposalRef,
    ) -> Result<Option<u32>, Error>;

    /// What every provider has used up in every group, at most `limit` rows after `after`.
    fn budgets(&self, after: Option<&(ServiceProviderId, GroupKey)>, limit: usize) -> Result<Vec<BudgetRow>, Error>;

    /// What the provider has used up in the group.
    fn budget(&self, provider: &ServiceProviderId, group: &GroupKey) -> Result<Usage, Error>;

    /// Timers due by `now`, earliest first.
    fn due(&self, now: UnixMillis, limit: usize) -> Result<Vec<(GroupKey, Timer)>, Error>;

    /// The groups in which a partition of that key was announced, at most `limit`.
    fn announced(&self, partition: &MaskedPartitionKey, limit: usize) -> Result<Vec<GroupKey>, Error>;

    /// Heads of the group with that epoch number, at most `limit`.
    fn heads(&self, group: &GroupKey, epoch: EpochNumber, limit: usize) -> Result<Vec<MaskedPartitionKey>, Error>;

    /// A head of the group with the highest epoch number that one has.
    fn highest_head(&self, group: &GroupKey) -> Result<Option<MaskedPartitionKey>, Error>;

    /// Groups that show forks, in order, at most `limit` after `after`.
    fn forked(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<GroupKey>, Error>;

    /// Groups whose keys begin with those bytes, in order, at most `limit`.
    fn groups(&self, prefix: &[u8], limit: usize) -> Result<Vec<(GroupKey, Group)>, Error>;

    /// Partitions of a group whose keys begin with those bytes, in order, at most `limit` after `after`.
    fn partitions(
        &self,
        group: &GroupKey,
        prefix: &[u8],
        after: Option<&MaskedPartitionKey>,
        limit: usize,
    ) -> Result<Vec<(MaskedPartitionKey, Partition)>, Error>;

    /// When that user last presented the partition's key.
    fn presented(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        user: &UserTag,
    ) -> Result<Option<UnixMillis>, Error>;

    /// Who presented keys of the group's partitions, in order, at most `limit` after `after`.
    fn presenters(
        &self,
        group: &GroupKey,
        after: Option<&(MaskedPartitionKey, UserTag)>,
        limit: usize,
    ) -> Result<Vec<(MaskedPartitionKey, UserTag)>, Error>;

    /// Whom this hub bans, in order, at most `limit` after `after`.
    fn bans(&self, after: Option<&BanKey>, limit: usize) -> Result<Vec<(BanKey, Ban)>, Error>;

    /// Which of our users other hubs ban. There are as many rows as there were peers.
    fn heard_bans(&self) -> Result<Vec<(ServiceProviderId, HeardBans)>, Error>;

    /// What was reported. There are as many rows as [`ComplaintKey`] says.
    fn complaints(&self) -> Result<Vec<(ComplaintKey, Complaints)>, Error>;
}

/// A row of [`PoolReads::accounts`].
pub type AccountRow = (UserTag, Result<Account, Error>);

/// A row of [`OutboxReads::undelivered`].
pub type OutgoingRow = (GroupKey, WelcomeName, Outgoing);

/// A row of [`Snapshot::budgets`].
pub type BudgetRow = (ServiceProviderId, GroupKey, Usage);

/// Some messages of a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Indexes and messages, in order.
    pub entries: Vec<(u32, Entry)>,
    /// Whether the partition goes on behind them.
    pub more: bool,
}

/// An engine that several parts of the service share.
pub type SharedStore = Arc<dyn Store>;
