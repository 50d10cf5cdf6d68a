//! What a decision may look at.

use std::sync::Arc;

use super::{
    BlobKey, Budget, Dispatch, DispatchKey, Followed, Fork, Group, Outgoing, Partition, Receipt, RepeatKey,
    Reservation, Undelivered, UnixMillis, UserTag, WelcomeName, forks_above,
};
use crate::{
    mls::{EpochNumber, ProposalRef},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// The partitions of one group: what questions about its branches look at.
pub trait Tree {
    /// Why something could not be read.
    type Error;

    /// A partition.
    ///
    /// # Errors
    /// As the implementation says.
    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Self::Error>;

    /// The forks above a partition that is connected: [`forks_above`], perhaps from memory.
    ///
    /// # Errors
    /// As the implementation says.
    fn forks_above(&self, key: &MaskedPartitionKey, partition: &Partition) -> Result<Arc<[Fork]>, Self::Error> {
        forks_above((key, partition), |key| self.partition(key), |_| None)
    }
}

impl<S: State + ?Sized> Tree for S {
    type Error = <S as State>::Error;

    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Self::Error> {
        State::partition(self, key)
    }

    fn forks_above(&self, key: &MaskedPartitionKey, partition: &Partition) -> Result<Arc<[Fork]>, Self::Error> {
        State::forks_above(self, key, partition)
    }
}

/// One group as it stands. Loaded piece by piece: a group may have thousands of partitions and a decision looks at few.
pub trait State {
    /// Why something could not be read.
    type Error;

    /// The group, if it was created.
    ///
    /// # Errors
    /// As the implementation says.
    fn group(&self) -> Result<Option<Arc<Group>>, Self::Error>;

    /// The reservation of the group's id.
    ///
    /// # Errors
    /// As the implementation says.
    fn reservation(&self) -> Result<Option<Reservation>, Self::Error>;

    /// A partition.
    ///
    /// # Errors
    /// As the implementation says.
    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Self::Error>;

    /// The forks above a partition that is connected: [`forks_above`], perhaps from memory.
    ///
    /// # Errors
    /// As the implementation says.
    fn forks_above(&self, key: &MaskedPartitionKey, partition: &Partition) -> Result<Arc<[Fork]>, Self::Error> {
        forks_above((key, partition), |key| self.partition(key), |_| None)
    }

    /// Newest epochs with that number, at most [`super::HEADS_MAX`].
    ///
    /// # Errors
    /// As the implementation says.
    fn heads(&self, epoch: EpochNumber) -> Result<Vec<MaskedPartitionKey>, Self::Error>;

    /// The result of an earlier send of the same content to that partition.
    ///
    /// # Errors
    /// As the implementation says.
    fn repeat(&self, partition: &MaskedPartitionKey, key: &RepeatKey) -> Result<Option<Receipt>, Self::Error>;

    /// What the provider has used up.
    ///
    /// # Errors
    /// As the implementation says.
    fn budget(&self, provider: &ServiceProviderId) -> Result<Budget, Self::Error>;

    /// A Welcome that is not delivered to everybody yet.
    ///
    /// # Errors
    /// As the implementation says.
    fn outgoing(&self, welcome: &WelcomeName) -> Result<Option<Outgoing>, Self::Error>;

    /// A dispatch that is to be tried at that time.
    ///
    /// # Errors
    /// As the implementation says.
    fn dispatch(&self, key: &DispatchKey) -> Result<Option<Dispatch>, Self::Error>;

    /// Welcomes of that submitter, of all groups, that are not delivered to everybody yet.
    ///
    /// # Errors
    /// As the implementation says.
    fn undelivered(&self, submitter: &ServiceProviderId) -> Result<Undelivered, Self::Error>;

    /// How many messages and partitions refer to a GroupInfo or tree.
    ///
    /// # Errors
    /// As the implementation says.
    fn blob_count(&self, blob: &BlobKey) -> Result<u32, Self::Error>;

    /// Where the first public proposal of that name stands in the partition.
    ///
    /// # Errors
    /// As the implementation says.
    fn proposal(&self, partition: &MaskedPartitionKey, reference: &ProposalRef) -> Result<Option<u32>, Self::Error>;

    /// When that local user last presented the partition's key.
    ///
    /// # Errors
    /// As the implementation says.
    fn presented(&self, partition: &MaskedPartitionKey, user: &UserTag) -> Result<Option<UnixMillis>, Self::Error>;

    /// A partition at another hub that is followed.
    ///
    /// # Errors
    /// As the implementation says.
    fn followed(&self, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Self::Error>;

    /// How many partitions at other hubs are followed, of all groups.
    ///
    /// # Errors
    /// As the implementation says.
    fn followed_partitions(&self) -> Result<usize, Self::Error>;
}
