//! One group as the sequencer sees it: what the batch at hand has changed, then what the lane remembers, then the store.

use std::sync::Arc;

use super::{ledger::Ledger, memory::Memory};
use crate::{
    mls::{EpochNumber, ProposalRef},
    sequencer::{
        BlobKey, Budget, Dispatch, DispatchKey, Followed, Fork, Group, GroupKey, HEADS_MAX, Outgoing, Partition,
        Receipt, RepeatKey, Reservation, State, Transition, Undelivered, UnixMillis, UserTag, WelcomeName, bent_from,
        forks_above,
    },
    store::{Batch, Error, Presentation, Snapshot},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// The state of one group in the middle of a batch.
pub(super) struct LaneView<'a> {
    pub(super) group: GroupKey,
    pub(super) batch: &'a Batch,
    pub(super) memory: &'a Memory,
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) ledger: &'a Ledger,
}

impl LaneView<'_> {
    /// A partition that the store need not be asked for.
    fn at_hand(&self, row: &(GroupKey, MaskedPartitionKey)) -> Option<Arc<Partition>> {
        self.batch.partitions.get(row).cloned().or_else(|| self.memory.partition(row))
    }

    /// A partition that is looked at in passing: it pushes nothing out of memory.
    fn peek(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Error> {
        match self.at_hand(&(self.group, *key)) {
            Some(partition) => Ok(Some(partition)),
            None => Ok(self.snapshot.partition(&self.group, key)?.map(Arc::new)),
        }
    }

    /// Forgets what is known of ways that a transition bends, as they are before it.
    pub(super) fn forget_bent(&self, transition: &Transition) -> Result<(), Error> {
        if !transition.removed.is_empty() {
            self.memory.forget_forks(&self.group, EpochNumber(0));
        }
        for (key, after) in &transition.partitions {
            if let Some(before) = self.peek(key)?
                && let Some(from) = bent_from(&before, after)
            {
                self.memory.forget_forks(&self.group, from);
            }
        }
        Ok(())
    }
}

impl State for LaneView<'_> {
    type Error = Error;

    fn group(&self) -> Result<Option<Arc<Group>>, Error> {
        if let Some(group) = self.batch.groups.get(&self.group) {
            return Ok(Some(group.clone()));
        }
        if let Some(group) = self.memory.group(&self.group) {
            return Ok(Some(group));
        }
        let loaded = self.snapshot.group(&self.group)?.map(Arc::new);
        if let Some(group) = &loaded {
            self.memory.keep_group(self.group, group.clone());
        }
        Ok(loaded)
    }

    fn reservation(&self) -> Result<Option<Reservation>, Error> {
        match self.batch.reservations.get(&self.group) {
            Some(reservation) => Ok(*reservation),
            None => self.snapshot.reservation(&self.group),
        }
    }

    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Error> {
        let row = (self.group, *key);
        if let Some(partition) = self.at_hand(&row) {
            return Ok(Some(partition));
        }
        let loaded = self.snapshot.partition(&self.group, key)?.map(Arc::new);
        if let Some(partition) = &loaded {
            self.memory.keep_partition(row, partition.clone());
        }
        Ok(loaded)
    }

    fn forks_above(&self, key: &MaskedPartitionKey, partition: &Partition) -> Result<Arc<[Fork]>, Error> {
        let row = (self.group, *key);
        if let Some(forks) = self.memory.forks(&row) {
            return Ok(forks);
        }
        let known = |key: &MaskedPartitionKey| self.memory.forks(&(self.group, *key));
        let forks = forks_above((key, partition), |key| self.peek(key), known)?;
        if let Some(epoch) = partition.epoch {
            self.memory.keep_forks(row, epoch, forks.clone());
        }
        Ok(forks)
    }

    fn heads(&self, epoch: EpochNumber) -> Result<Vec<MaskedPartitionKey>, Error> {
        let mut heads = self.snapshot.heads(&self.group, epoch, HEADS_MAX)?;
        let changed = self.batch.heads.iter().filter(|((group, of, _), _)| *group == self.group && *of == epoch);
        for ((_, _, partition), is_head) in changed {
            heads.retain(|head| head != partition);
            heads.extend(is_head.then_some(*partition));
        }
        heads.truncate(HEADS_MAX);
        Ok(heads)
    }

    fn repeat(&self, partition: &MaskedPartitionKey, key: &RepeatKey) -> Result<Option<Receipt>, Error> {
        match self.batch.repeats.get(&(self.group, *partition, *key)) {
            Some(receipt) => Ok(Some(*receipt)),
            None => self.snapshot.repeat(&self.group, partition, key),
        }
    }

    fn budget(&self, provider: &ServiceProviderId) -> Result<Budget, Error> {
        let in_group = match self.batch.budgets.get(&(provider.clone(), self.group)) {
            Some(usage) => *usage,
            None => self.snapshot.budget(provider, &self.group)?,
        };
        Ok(Budget { in_group, in_all: self.ledger.total(provider) })
    }

    fn outgoing(&self, welcome: &WelcomeName) -> Result<Option<Outgoing>, Error> {
        match self.batch.outgoing.get(&(self.group, *welcome)) {
            Some(outgoing) => Ok(outgoing.clone()),
            None => self.snapshot.outgoing(&self.group, welcome),
        }
    }

    fn dispatch(&self, key: &DispatchKey) -> Result<Option<Dispatch>, Error> {
        match self.batch.dispatches.get(&(self.group, key.clone())) {
            Some(dispatch) => Ok(*dispatch),
            None => self.snapshot.dispatch(&self.group, key),
        }
    }

    fn undelivered(&self, submitter: &ServiceProviderId) -> Result<Undelivered, Error> {
        Ok(self.ledger.undelivered(submitter))
    }

    fn followed_partitions(&self) -> Result<usize, Error> {
        Ok(self.ledger.followed())
    }

    fn blob_count(&self, blob: &BlobKey) -> Result<u32, Error> {
        match self.batch.blob_counts.get(&(self.group, *blob)) {
            Some(count) => Ok(*count),
            None => self.snapshot.blob_count(&self.group, blob),
        }
    }

    fn proposal(&self, partition: &MaskedPartitionKey, reference: &ProposalRef) -> Result<Option<u32>, Error> {
        match self.batch.proposals.get(&(self.group, *partition, *reference)) {
            Some(index) => Ok(Some(*index)),
            None => self.snapshot.proposal(&self.group, partition, reference),
        }
    }

    fn presented(&self, partition: &MaskedPartitionKey, user: &UserTag) -> Result<Option<UnixMillis>, Error> {
        let is_this = |row: &&Presentation| row.group == self.group && row.partition == *partition && row.user == *user;
        match self.batch.presentations.iter().rev().find(is_this) {
            Some(row) => Ok(Some(row.at_ms)),
            None => self.snapshot.presented(&self.group, partition, user),
        }
    }

    fn followed(&self, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Error> {
        match self.batch.followed.get(&(self.group, *partition)) {
            Some(record) => Ok(*record),
            None => self.snapshot.followed(&self.group, partition),
        }
    }
}

/// The durable state of one group, for readers.
pub(super) struct SnapshotView<'a> {
    pub(super) group: GroupKey,
    pub(super) snapshot: &'a dyn Snapshot,
}

impl State for SnapshotView<'_> {
    type Error = Error;

    fn group(&self) -> Result<Option<Arc<Group>>, Error> {
        Ok(self.snapshot.group(&self.group)?.map(Arc::new))
    }

    fn reservation(&self) -> Result<Option<Reservation>, Error> {
        self.snapshot.reservation(&self.group)
    }

    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Error> {
        Ok(self.snapshot.partition(&self.group, key)?.map(Arc::new))
    }

    fn heads(&self, epoch: EpochNumber) -> Result<Vec<MaskedPartitionKey>, Error> {
        self.snapshot.heads(&self.group, epoch, HEADS_MAX)
    }

    fn repeat(&self, partition: &MaskedPartitionKey, key: &RepeatKey) -> Result<Option<Receipt>, Error> {
        self.snapshot.repeat(&self.group, partition, key)
    }

    fn budget(&self, provider: &ServiceProviderId) -> Result<Budget, Error> {
        let in_group = self.snapshot.budget(provider, &self.group)?;
        Ok(Budget { in_group, in_all: in_group })
    }

    fn outgoing(&self, welcome: &WelcomeName) -> Result<Option<Outgoing>, Error> {
        self.snapshot.outgoing(&self.group, welcome)
    }

    fn dispatch(&self, key: &DispatchKey) -> Result<Option<Dispatch>, Error> {
        self.snapshot.dispatch(&self.group, key)
    }

    fn undelivered(&self, _submitter: &ServiceProviderId) -> Result<Undelivered, Error> {
        // Only what is to be posted is counted, and that is the lane's.
        Ok(Undelivered::default())
    }

    fn followed_partitions(&self) -> Result<usize, Error> {
        // No reader follows: they are the lanes' to count.
        Ok(0)
    }

    fn blob_count(&self, blob: &BlobKey) -> Result<u32, Error> {
        self.snapshot.blob_count(&self.group, blob)
    }

    fn proposal(&self, partition: &MaskedPartitionKey, reference: &ProposalRef) -> Result<Option<u32>, Error> {
        self.snapshot.proposal(&self.group, partition, reference)
    }

    fn presented(&self, partition: &MaskedPartitionKey, user: &UserTag) -> Result<Option<UnixMillis>, Error> {
        self.snapshot.presented(&self.group, partition, user)
    }

    fn followed(&self, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Error> {
        self.snapshot.followed(&self.group, partition)
    }
}
