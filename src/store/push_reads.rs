//! Reading what is pushed: subscriptions here, and partitions that are followed elsewhere.

use crate::{
    sequencer::{Followed, GroupKey, Kept},
    store::Error,
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// Reads of a [`super::Snapshot`].
///
/// # Errors
/// As there, for all of them.
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait PushReads {
    /// The partitions that a provider is subscribed to, in order, at most `limit` after `after`.
    fn subscribed(
        &self,
        provider: &ServiceProviderId,
        after: Option<&(GroupKey, MaskedPartitionKey)>,
        limit: usize,
    ) -> Result<Vec<(GroupKey, MaskedPartitionKey)>, Error>;

    /// A partition at another hub.
    fn followed(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Error>;

    /// The followed partitions of all groups, in order, at most `limit` after `after`.
    fn all_followed(
        &self,
        after: Option<&(GroupKey, MaskedPartitionKey)>,
        limit: usize,
    ) -> Result<Vec<(GroupKey, MaskedPartitionKey)>, Error>;

    /// The followed partitions of a group, at most `limit`.
    fn followed_of(&self, group: &GroupKey, limit: usize) -> Result<Vec<MaskedPartitionKey>, Error>;

    /// Messages that another hub has pushed, from index `from` on, in order: as many as fit into `bytes`, at least one if
    /// there is one.
    fn kept(&self, group: &GroupKey, partition: &MaskedPartitionKey, from: u32, bytes: u64)
    -> Result<Vec<Kept>, Error>;
}
