//! What a decision sees of the rows in memory.

use std::{cell::Cell, collections::BTreeSet, convert::Infallible, sync::Arc};

use super::{super::*, Batch, Hub, Rows, sum_of};
use crate::{
    mls::{EpochNumber, ProposalRef},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// One group, as it stands after a batch that is still being gathered.
pub(super) struct View<'a> {
    pub(super) hub: &'a Hub,
    pub(super) batch: &'a Batch,
    pub(super) group: GroupKey,
    /// How many partitions were looked at.
    pub(super) looks: Cell<usize>,
}

impl View<'_> {
    /// The newest of what `pick` finds in the batch.
    fn newest<T>(&self, pick: impl FnMut(&Transition) -> Option<T>) -> Option<T> {
        let mut own =
            self.batch.iter().rev().filter(|(group, _)| *group == self.group).map(|(_, transition)| transition);
        own.by_ref().find_map(pick)
    }

    fn rows<T>(&self, pick: impl FnOnce(&Rows) -> Option<T>) -> Option<T> {
        self.hub.groups.get(&self.group).and_then(pick)
    }
}

impl State for View<'_> {
    type Error = Infallible;

    fn group(&self) -> Result<Option<Arc<Group>>, Infallible> {
        let newest = self.newest(|transition| transition.group.clone().map(Arc::new));
        Ok(newest.or_else(|| self.rows(|rows| rows.group.clone())))
    }

    fn reservation(&self) -> Result<Option<Reservation>, Infallible> {
        let newest = self.newest(|transition| transition.reservation);
        Ok(newest.unwrap_or_else(|| self.rows(|rows| rows.reservation)))
    }

    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Infallible> {
        self.looks.set(self.looks.get() + 1);
        let newest = self.newest(|transition| {
            let found = transition.partitions.iter().find(|(changed, _)| changed == key);
            found.map(|(_, record)| Arc::new(record.clone()))
        });
        Ok(newest.or_else(|| self.rows(|rows| rows.partitions.get(key).cloned())))
    }

    fn heads(&self, epoch: EpochNumber) -> Result<Vec<MaskedPartitionKey>, Infallible> {
        let known = self.rows(|rows| Some(rows.heads.clone())).unwrap_or_default();
        let mut heads: BTreeSet<_> = known.into_iter().filter(|(of, _)| *of == epoch).map(|(_, key)| key).collect();
        let changes = self.batch.iter().filter(|(group, _)| *group == self.group);
        for head in changes.flat_map(|(_, transition)| &transition.heads).filter(|head| head.epoch == epoch) {
            if head.is_head {
                heads.insert(head.partition)
            } else {
                heads.remove(&head.partition)
            };
        }
        Ok(heads.into_iter().take(HEADS_MAX).collect())
    }

    fn repeat(&self, partition: &MaskedPartitionKey, key: &RepeatKey) -> Result<Option<Receipt>, Infallible> {
        let newest = self.newest(|transition| {
            transition.repeat.filter(|(of, known, _)| of == partition && known == key).map(|(_, _, receipt)| receipt)
        });
        Ok(newest.or_else(|| self.rows(|rows| rows.repeats.get(&(*partition, *key)).copied())))
    }

    fn budget(&self, provider: &ServiceProviderId) -> Result<Budget, Infallible> {
        let mut in_all = self.hub.in_all(provider);
        let mut in_group = self.rows(|rows| rows.budgets.get(provider).copied()).unwrap_or_default();
        for group in self.batch.iter().map(|(group, _)| *group).collect::<BTreeSet<_>>() {
            let rows = View { group, looks: Cell::new(0), ..*self };
            let newest = rows.newest(|transition| {
                transition.budgets.iter().find(|(whose, _)| whose == provider).map(|(_, usage)| *usage)
            });
            let before = rows.rows(|rows| rows.budgets.get(provider).copied()).unwrap_or_default();
            let Some(newest) = newest else { continue };
            in_all = in_all.minus(before).plus(newest);
            if group == self.group {
                in_group = newest;
            }
        }
        Ok(Budget { in_group, in_all })
    }

    fn outgoing(&self, welcome: &WelcomeName) -> Result<Option<Outgoing>, Infallible> {
        let newest = self.newest(|transition| {
            let mut changed = transition.outgoing.iter().rev();
            changed.find(|(name, _)| name == welcome).map(|(_, record)| record.clone())
        });
        Ok(newest.unwrap_or_else(|| self.rows(|rows| rows.outgoing.get(welcome).cloned())))
    }

    fn dispatch(&self, key: &DispatchKey) -> Result<Option<Dispatch>, Infallible> {
        let newest = self.newest(|transition| {
            transition.dispatches.iter().rev().find(|(changed, _)| changed == key).map(|(_, record)| *record)
        });
        Ok(newest.unwrap_or_else(|| self.rows(|rows| rows.dispatches.get(key).copied())))
    }

    fn undelivered(&self, submitter: &ServiceProviderId) -> Result<Undelivered, Infallible> {
        let durable = self.hub.undelivered(submitter);
        Ok(self.batch.iter().fold(durable, |sum, (_, transition)| {
            sum.plus(sum_of(&transition.posted, submitter)).minus(sum_of(&transition.settled, submitter))
        }))
    }

    fn followed_partitions(&self) -> Result<usize, Infallible> {
        let durable = self.hub.groups.iter();
        let mut followed: BTreeSet<_> =
            durable.flat_map(|(group, rows)| rows.followed.keys().map(|key| (*group, *key))).collect();
        for (group, transition) in self.batch {
            for (key, change) in &transition.followed {
                match change {
                    FollowedChange::Put { .. } => followed.insert((*group, *key)),
                    FollowedChange::Gone => followed.remove(&(*group, *key)),
                };
            }
        }
        Ok(followed.len())
    }

    fn blob_count(&self, blob: &BlobKey) -> Result<u32, Infallible> {
        let newest = self.newest(|transition| {
            transition.blob_counts.iter().find(|(changed, _)| changed == blob).map(|(_, count)| *count)
        });
        Ok(newest.or_else(|| self.rows(|rows| rows.blob_counts.get(blob).copied())).unwrap_or(0))
    }

    fn proposal(&self, partition: &MaskedPartitionKey, reference: &ProposalRef) -> Result<Option<u32>, Infallible> {
        let newest = self.newest(|transition| {
            let mut own = transition.proposals.iter();
            own.find(|(key, known, _)| key == partition && known == reference).map(|(_, _, index)| *index)
        });
        Ok(newest.or_else(|| self.rows(|rows| rows.proposals.get(&(*partition, *reference)).copied())))
    }

    fn presented(&self, partition: &MaskedPartitionKey, user: &UserTag) -> Result<Option<UnixMillis>, Infallible> {
        Ok(self.rows(|rows| rows.presented.get(&(*partition, *user)).copied()))
    }

    fn followed(&self, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Infallible> {
        let newest = self.newest(|transition| {
            let found = transition.followed.iter().find(|(changed, _)| changed == partition);
            found.map(|(_, change)| match change {
                FollowedChange::Put { record, .. } => Some(*record),
                FollowedChange::Gone => None,
            })
        });
        Ok(newest.unwrap_or_else(|| self.rows(|rows| rows.followed.get(partition).copied())))
    }
}
