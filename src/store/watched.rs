//! A snapshot that notes which rows are asked for.

use bytes::Bytes;

use super::{BudgetRow, Error, Page, Snapshot};
use crate::{
    pool::{Account, Expiry, Handle, Item, Place, Reference, ReferenceKey, ReplayMark, Stock, StockKey},
    sequencer::{
        BlobKey, Group, GroupKey, Partition, Receipt, RepeatKey, Reservation, Timer, UnixMillis, Usage, UserTag,
        Welcome,
    },
    wire::{MaskedPartitionKey, ServiceProviderId, TokenHandle},
};

/// Stands in front of another snapshot and tells `note` the name of each read.
pub(super) struct Watched<'a> {
    pub(super) inner: Box<dyn Snapshot + 'a>,
    pub(super) note: Box<dyn Fn(&'static str) + 'a>,
}

macro_rules! watched {
    ($($read:ident($($argument:ident: $of:ty),*) -> $found:ty;)*) => {
        impl Snapshot for Watched<'_> {
            $(fn $read(&self, $($argument: $of),*) -> Result<$found, Error> {
                (self.note)(stringify!($read));
                self.inner.$read($($argument),*)
            })*
        }
    };
}

watched! {
    group(group: &GroupKey) -> Option<Group>;
    reservation(group: &GroupKey) -> Option<Reservation>;
    partition(group: &GroupKey, key: &MaskedPartitionKey) -> Option<Partition>;
    repeat(group: &GroupKey, partition: &MaskedPartitionKey, key: &RepeatKey) -> Option<Receipt>;
    messages(group: &GroupKey, partition: &MaskedPartitionKey, from: u32, bytes: u64) -> Page;
    blob(group: &GroupKey, key: &BlobKey) -> Option<Bytes>;
    budgets(after: Option<&(ServiceProviderId, GroupKey)>, limit: usize) -> Vec<BudgetRow>;
    budget(provider: &ServiceProviderId, group: &GroupKey) -> Usage;
    due(now: UnixMillis, limit: usize) -> Vec<(GroupKey, Timer)>;
    announced(partition: &MaskedPartitionKey, limit: usize) -> Vec<GroupKey>;
    presented(group: &GroupKey, partition: &MaskedPartitionKey, user: &UserTag) -> Option<UnixMillis>;
    welcomes(limit: usize) -> Vec<(GroupKey, Welcome)>;
    account(user: &UserTag) -> Option<Account>;
    accounts(after: Option<&UserTag>, limit: usize) -> Vec<(UserTag, Account)>;
    stock(key: &StockKey) -> Option<Stock>;
    items(key: &StockKey, from: Place, limit: usize) -> Vec<Item>;
    package(key: &StockKey, number: u32) -> Option<Bytes>;
    reference(key: &ReferenceKey) -> Option<Reference>;
    handle(user: &UserTag, handle: &TokenHandle) -> Option<Handle>;
    handles(user: &UserTag, limit: usize) -> Vec<(TokenHandle, Handle)>;
    token_period() -> u64;
    expiries(now: UnixMillis, limit: usize) -> Vec<Expiry>;
    marks_lapsed() -> UnixMillis;
    replay_marks(after: Option<&ReplayMark>, limit: usize) -> Vec<ReplayMark>;
}
