//! A snapshot that notes which rows are asked for, and in which some are damaged.

use bytes::Bytes;

use super::{
    AccountRow, BudgetRow, Error, GroupRow, InboxReads, OutboxReads, OutgoingRow, Page, PartitionRow, PoolReads,
    PresentationName, PresentationRow, PushReads, ReceiptRow, RetentionReads, Snapshot, Walk,
};
use crate::{
    mls::{EpochNumber, ProposalRef},
    pool::{
        Account, Delivery, DeliveryKey, Expiry, Handle, HubShare, Item, LapsedMarks, Letter, LetterKey, Mailbox, Place,
        Reference, ReferenceKey, ReplayMark, Stock, StockKey, Ticket, TicketKey, Welcomed,
    },
    sequencer::{
        Ban, BanKey, BlobKey, Checkpoint, ComplaintKey, Complaints, Dispatch, DispatchKey, Followed, Group, GroupKey,
        HeardBans, Kept, Outgoing, OwnerChanges, Owners, Partition, Receipt, RepeatKey, Reservation, StoredRepeatKey,
        Timer, UnixMillis, Usage, UserTag, WelcomeName,
    },
    wire::{ClientId, MaskedPartitionKey, ServiceProviderId, TokenHandle, WelcomeData},
};

/// Stands in front of another snapshot and tells `note` the name of each read.
pub(super) struct Watched<'a> {
    pub(super) inner: Box<dyn Snapshot + 'a>,
    pub(super) note: Box<dyn Fn(&'static str) + 'a>,
    pub(super) damage: Damage,
}

/// Whose rows cannot be read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Damage {
    pub(crate) account: Option<UserTag>,
    pub(crate) stocks: Option<UserTag>,
    pub(crate) group: Option<GroupKey>,
    pub(crate) partition: Option<(GroupKey, MaskedPartitionKey)>,
    pub(crate) messages: Option<(GroupKey, MaskedPartitionKey)>,
}

macro_rules! watched {
    ($reads:ident { $($read:ident($($argument:ident: $of:ty),*) -> $found:ty;)* } $($others:tt)*) => {
        impl $reads for Watched<'_> {
            $(fn $read(&self, $($argument: $of),*) -> Result<$found, Error> {
                (self.note)(stringify!($read));
                self.inner.$read($($argument),*)
            })*

            $($others)*
        }
    };
}

watched! {
    Snapshot {
        group(group: &GroupKey) -> Option<Group>;
        reservation(group: &GroupKey) -> Option<Reservation>;
        repeat(group: &GroupKey, partition: &MaskedPartitionKey, key: &RepeatKey) -> Option<Receipt>;
        blob(group: &GroupKey, key: &BlobKey) -> Option<Bytes>;
        checkpoint(group: &GroupKey, partition: &MaskedPartitionKey) -> Option<Checkpoint>;
        owners(group: &GroupKey, partition: &MaskedPartitionKey) -> Option<Owners>;
        owner_changes(group: &GroupKey, partition: &MaskedPartitionKey) -> Option<OwnerChanges>;
        proposal(group: &GroupKey, partition: &MaskedPartitionKey, reference: &ProposalRef) -> Option<u32>;
        budgets(after: Option<&(ServiceProviderId, GroupKey)>, limit: usize) -> Vec<BudgetRow>;
        budget(provider: &ServiceProviderId, group: &GroupKey) -> Usage;
        due(now: UnixMillis, limit: usize) -> Vec<(GroupKey, Timer)>;
        announced(partition: &MaskedPartitionKey, limit: usize) -> Vec<GroupKey>;
        heads(group: &GroupKey, epoch: EpochNumber, limit: usize) -> Vec<MaskedPartitionKey>;
        highest_head(group: &GroupKey) -> Option<MaskedPartitionKey>;
        forked(after: Option<&GroupKey>, limit: usize) -> Vec<GroupKey>;
        groups(prefix: &[u8], limit: usize) -> Vec<(GroupKey, Group)>;
        partitions(
            group: &GroupKey,
            prefix: &[u8],
            after: Option<&MaskedPartitionKey>,
            limit: usize
        ) -> Vec<(MaskedPartitionKey, Partition)>;
        presented(group: &GroupKey, partition: &MaskedPartitionKey, user: &UserTag) -> Option<UnixMillis>;
        presenters(
            group: &GroupKey,
            after: Option<&(MaskedPartitionKey, UserTag)>,
            limit: usize
        ) -> Vec<(MaskedPartitionKey, UserTag)>;
        bans(after: Option<&BanKey>, limit: usize) -> Vec<(BanKey, Ban)>;
        heard_bans() -> Vec<(ServiceProviderId, HeardBans)>;
        complaints() -> Vec<(ComplaintKey, Complaints)>;
    }

    fn partition(&self, group: &GroupKey, key: &MaskedPartitionKey) -> Result<Option<Partition>, Error> {
        (self.note)("partition");
        let is_damaged = self.damage.partition == Some((*group, *key));
        if is_damaged { Err(Error::Corrupt("partition")) } else { self.inner.partition(group, key) }
    }

    fn messages(&self, group: &GroupKey, partition: &MaskedPartitionKey, from: u32, bytes: u64) -> Result<Page, Error> {
        (self.note)("messages");
        let is_damaged = self.damage.messages == Some((*group, *partition));
        if is_damaged { Err(Error::Corrupt("message")) } else { self.inner.messages(group, partition, from, bytes) }
    }
}

watched! {
    OutboxReads {
        welcome(group: &GroupKey, welcome: &WelcomeName) -> Option<WelcomeData>;
        outgoing(group: &GroupKey, welcome: &WelcomeName) -> Option<Outgoing>;
        undelivered(after: Option<&(GroupKey, WelcomeName)>, limit: usize) -> Vec<OutgoingRow>;
        addressee(after: Option<&ServiceProviderId>) -> Option<ServiceProviderId>;
        dispatches(provider: &ServiceProviderId, limit: usize) -> Vec<(GroupKey, DispatchKey)>;
        dispatch(group: &GroupKey, key: &DispatchKey) -> Option<Dispatch>;
    }
}

watched! {
    PushReads {
        subscribed(
            provider: &ServiceProviderId,
            after: Option<&(GroupKey, MaskedPartitionKey)>,
            limit: usize
        ) -> Vec<(GroupKey, MaskedPartitionKey)>;
        followed(group: &GroupKey, partition: &MaskedPartitionKey) -> Option<Followed>;
        all_followed(
            after: Option<&(GroupKey, MaskedPartitionKey)>,
            limit: usize
        ) -> Vec<(GroupKey, MaskedPartitionKey)>;
        followed_of(group: &GroupKey, limit: usize) -> Vec<MaskedPartitionKey>;
        kept(group: &GroupKey, partition: &MaskedPartitionKey, from: u32, bytes: u64) -> Vec<Kept>;
    }
}

watched! {
    RetentionReads {
        blob_count(group: &GroupKey, key: &BlobKey) -> u32;
        receipts_of_group(
            group: &GroupKey,
            after: Option<&StoredRepeatKey>,
            limit: usize
        ) -> Vec<ReceiptRow>;
        presentations(after: Option<&PresentationName>, limit: usize) -> Vec<PresentationRow>;
        walk() -> Option<Walk>;
    }

    fn groups_after(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<GroupRow>, Error> {
        (self.note)("groups_after");
        let mut rows = self.inner.groups_after(after, limit)?;
        for (group, record) in &mut rows {
            if self.damage.group == Some(*group) {
                *record = Err(Error::Corrupt("group"));
            }
        }
        Ok(rows)
    }

    fn partitions_after(
        &self,
        group: &GroupKey,
        after: Option<&MaskedPartitionKey>,
        limit: usize,
    ) -> Result<Vec<PartitionRow>, Error> {
        (self.note)("partitions_after");
        let mut rows = self.inner.partitions_after(group, after, limit)?;
        for (partition, record) in &mut rows {
            if self.damage.partition == Some((*group, *partition)) {
                *record = Err(Error::Corrupt("partition"));
            }
        }
        Ok(rows)
    }
}

watched! {
    PoolReads {
        account(user: &UserTag) -> Option<Account>;
        items(key: &StockKey, from: Place, limit: usize) -> Vec<Item>;
        package(key: &StockKey, number: u32) -> Option<Bytes>;
        reference(key: &ReferenceKey) -> Option<Reference>;
        handle(user: &UserTag, handle: &TokenHandle) -> Option<Handle>;
        handles(user: &UserTag, limit: usize) -> Vec<(TokenHandle, Handle)>;
        token_period() -> u64;
        expiries(now: UnixMillis, limit: usize) -> Vec<Expiry>;
        marks_lapsed() -> UnixMillis;
        lapsed_marks(now: UnixMillis) -> Option<LapsedMarks>;
        replay_marks(after: Option<&ReplayMark>, limit: usize) -> Vec<ReplayMark>;
    }

    fn accounts(&self, after: Option<&UserTag>, limit: usize) -> Result<Vec<AccountRow>, Error> {
        (self.note)("accounts");
        let mut rows = self.inner.accounts(after, limit)?;
        for (user, account) in &mut rows {
            if self.damage.account == Some(*user) {
                *account = Err(Error::Corrupt("account"));
            }
        }
        Ok(rows)
    }

    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Error> {
        (self.note)("stock");
        if self.damage.stocks == Some(key.user) { Err(Error::Corrupt("stock")) } else { self.inner.stock(key) }
    }
}

watched! {
    InboxReads {
        ticket(key: &TicketKey) -> Option<Ticket>;
        welcomed(key: &ReferenceKey) -> Option<Welcomed>;
        delivery(key: &DeliveryKey) -> Option<Delivery>;
        content(key: &DeliveryKey, bytes: u32) -> Option<Bytes>;
        letter(key: &LetterKey) -> Option<Letter>;
        letters(user: &UserTag, client: &ClientId, after: u64, limit: usize) -> Vec<(LetterKey, Letter)>;
        mailbox(user: &UserTag) -> Option<Mailbox>;
        hub_share(hub: Option<&ServiceProviderId>) -> HubShare;
    }
}
