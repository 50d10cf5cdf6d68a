//! The seam to storage: what the service needs of an engine, and nothing of how an engine does it.
//!
//! An engine keeps what transitions say ([`Batch`]) and answers reads from consistent snapshots. Every operation has
//! one linearisation point in one group, so no engine needs transactions across groups. The contract that every engine
//! keeps is a test: `contract.rs`.

mod arrangement_batch;
mod batch;
#[cfg(test)]
pub(crate) mod contract;
mod error;
#[cfg(test)]
pub(crate) mod faulty;
mod inbox_batch;
mod pool_batch;
pub mod rocks;
#[cfg(test)]
pub(crate) mod watched;

use std::sync::Arc;

pub use arrangement_batch::ArrangementBatch;
pub use batch::{Batch, Presentation};
pub use error::Error;
pub use inbox_batch::InboxBatch;
pub use pool_batch::PoolBatch;

use crate::{
    mls::{EpochNumber, ProposalRef},
    pool::{
        Account, Delivery, DeliveryKey, Expiry, Handle, HubShare, Item, LapsedMarks, Letter, LetterKey, Mailbox, Place,
        Reference, ReferenceKey, ReplayMark, Stock, StockKey, Ticket, TicketKey, TokenSecret, Welcomed,
    },
    sequencer::{
        Ban, BanKey, BlobKey, Checkpoint, ComplaintKey, Complaints, Dispatch, DispatchKey, Entry, Followed, Group,
        GroupKey, HeardBans, Kept, Outgoing, OwnerChanges, Owners, Partition, Receipt, RepeatKey, Reservation, Timer,
        UnixMillis, Usage, UserTag, WelcomeName,
    },
    wire::{ClientId, MaskedPartitionKey, ServiceProviderId, TokenHandle, WelcomeData},
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

    /// The secret of this database under which users are hashed to [`UserTag`]s.
    fn user_tag_secret(&self) -> &[u8; 32];

    /// The secret of this database under which bearer tokens are made.
    fn token_secret(&self) -> &TokenSecret;
}

/// A consistent view of a store. All reads are point reads or bounded scans.
///
/// # Errors
/// Every read fails with [`Error::Io`] when the engine cannot read and with [`Error::Corrupt`] when what it reads is
/// no encoding of what should be there; on a snapshot of [`Store::at_hand`] also with [`Error::NotAtHand`].
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait Snapshot {
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

    /// Messages of a partition from index `from` on, in order: as many as fit into `bytes`, at least one if there is
    /// one. GroupInfos count.
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

    /// A Welcome as it came, and its providers.
    fn welcome(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<WelcomeData>, Error>;

    /// How far a Welcome has got; `None` when nothing of it is left to be done.
    fn outgoing(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<Outgoing>, Error>;

    /// The same of all Welcomes, in order, at most `limit` after `after`.
    fn undelivered(&self, after: Option<&(GroupKey, WelcomeName)>, limit: usize) -> Result<Vec<OutgoingRow>, Error>;

    /// The first provider after that one, in order, to which something is to be delivered.
    fn addressee(&self, after: Option<&ServiceProviderId>) -> Result<Option<ServiceProviderId>, Error>;

    /// What is to be delivered to the provider, earliest first, at most `limit`: those that are due, and those that will be.
    fn dispatches(&self, provider: &ServiceProviderId, limit: usize) -> Result<Vec<(GroupKey, DispatchKey)>, Error>;

    /// A dispatch that is to be tried at that time.
    fn dispatch(&self, group: &GroupKey, key: &DispatchKey) -> Result<Option<Dispatch>, Error>;

    /// Who presented keys of the group's partitions, in order, at most `limit` after `after`.
    fn presenters(
        &self,
        group: &GroupKey,
        after: Option<&(MaskedPartitionKey, UserTag)>,
        limit: usize,
    ) -> Result<Vec<(MaskedPartitionKey, UserTag)>, Error>;

    /// The partitions that a provider is subscribed to, in order, at most `limit` after `after`.
    fn subscribed(
        &self,
        provider: &ServiceProviderId,
        after: Option<&(GroupKey, MaskedPartitionKey)>,
        limit: usize,
    ) -> Result<Vec<(GroupKey, MaskedPartitionKey)>, Error>;

    /// A partition at another hub.
    fn followed(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Error>;

    /// The followed partitions of a group, at most `limit`.
    fn followed_of(&self, group: &GroupKey, limit: usize) -> Result<Vec<MaskedPartitionKey>, Error>;

    /// Messages that another hub has pushed, from index `from` on, in order: as many as fit into `bytes`, at least one if
    /// there is one.
    fn kept(&self, group: &GroupKey, partition: &MaskedPartitionKey, from: u32, bytes: u64)
    -> Result<Vec<Kept>, Error>;

    /// A user who may be asked for.
    ///
    /// # Privacy
    /// Takes as long for somebody who is not there, so that the time tells nobody who is.
    fn account(&self, user: &UserTag) -> Result<Option<Account>, Error>;

    /// Users who may be asked for, in order, at most `limit` after `after`. One that cannot be read is an error in its
    /// place, and those behind it are listed.
    fn accounts(&self, after: Option<&UserTag>, limit: usize) -> Result<Vec<AccountRow>, Error>;

    /// A stock of KeyPackages.
    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Error>;

    /// The one-time KeyPackages of a stock from that place on, in order, at most `limit`.
    fn items(&self, key: &StockKey, from: Place, limit: usize) -> Result<Vec<Item>, Error>;

    /// A KeyPackage of a stock.
    fn package(&self, key: &StockKey, number: u32) -> Result<Option<bytes::Bytes>, Error>;

    /// What is known of an uploaded KeyPackage.
    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Error>;

    /// A handle of a user's tokens.
    ///
    /// # Privacy
    /// As [`Snapshot::account`].
    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Error>;

    /// All handles of a user, in order, at most `limit`.
    fn handles(&self, user: &UserTag, limit: usize) -> Result<Vec<(TokenHandle, Handle)>, Error>;

    /// The period of all tokens; 0 at first.
    fn token_period(&self) -> Result<u64, Error>;

    /// What lapses by `now`, earliest first.
    fn expiries(&self, now: UnixMillis, limit: usize) -> Result<Vec<Expiry>, Error>;

    /// Up to when marks of answered requests have lapsed and been removed; 0 at first.
    fn marks_lapsed(&self) -> Result<UnixMillis, Error>;

    /// When the first and the last of the marks of answered requests expire that have expired by `now`, if there are some.
    fn lapsed_marks(&self, now: UnixMillis) -> Result<Option<LapsedMarks>, Error>;

    /// Marks of answered requests in the order in which they lapse, at most `limit` after `after`.
    fn replay_marks(&self, after: Option<&ReplayMark>, limit: usize) -> Result<Vec<ReplayMark>, Error>;

    /// A hub's ticket.
    fn ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, Error>;

    /// Which Welcomes were taken for a KeyPackage.
    fn welcomed(&self, key: &ReferenceKey) -> Result<Option<Welcomed>, Error>;

    /// A Welcome that waits for somebody.
    fn delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Error>;

    /// The same byte for byte: a Welcome and perhaps a tree, which have as many bytes as the record says.
    fn content(&self, key: &DeliveryKey, bytes: u32) -> Result<Option<bytes::Bytes>, Error>;

    /// A Welcome that waits for one client.
    fn letter(&self, key: &LetterKey) -> Result<Option<Letter>, Error>;

    /// What waits for a client under numbers greater than that, in order, at most `limit`.
    fn letters(
        &self,
        user: &UserTag,
        client: &ClientId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(LetterKey, Letter)>, Error>;

    /// How much waits for a user.
    fn mailbox(&self, user: &UserTag) -> Result<Option<Mailbox>, Error>;

    /// Whom this hub bans, in order, at most `limit` after `after`.
    fn bans(&self, after: Option<&BanKey>, limit: usize) -> Result<Vec<(BanKey, Ban)>, Error>;

    /// Which of our users other hubs ban. There are as many rows as there were peers.
    fn heard_bans(&self) -> Result<Vec<(ServiceProviderId, HeardBans)>, Error>;

    /// What was reported. There are as many rows as [`ComplaintKey`] says.
    fn complaints(&self) -> Result<Vec<(ComplaintKey, Complaints)>, Error>;

    /// What a hub takes up, or all of them.
    fn hub_share(&self, hub: Option<&ServiceProviderId>) -> Result<HubShare, Error>;
}

/// A row of [`Snapshot::accounts`].
pub type AccountRow = (UserTag, Result<Account, Error>);

/// A row of [`Snapshot::undelivered`].
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
