//! What those see of a group who want to get in: its newest epochs and their GroupInfos.

use std::sync::Arc;

use super::{Error, view::SnapshotView};
use crate::{
    mls::{EpochNumber, WireGroupInfo},
    sequencer::{
        BlobKey, Candidate, Group, GroupKey, HEADS_MAX, Heads, Policy, Receipt, Rejection, RepeatKey, State,
        UnixMillis, candidates,
    },
    store::{self, Snapshot},
    wire::{MaskedPartitionKey, decode},
};

/// One look at one group from outside.
pub(super) struct Outside<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) group: GroupKey,
    pub(super) policy: &'a Policy,
    pub(super) now: UnixMillis,
}

impl<'a> Outside<'a> {
    pub(super) fn view(&self) -> SnapshotView<'a> {
        SnapshotView { group: self.group, snapshot: self.snapshot }
    }

    /// The group, and what became of this very message if it was sequenced before.
    pub(super) fn arrive(&self, repeat_key: &RepeatKey) -> Result<(Arc<Group>, Option<Receipt>), Error> {
        let view = self.view();
        let group = view.group()?.ok_or(Rejection::UnknownGroup)?;
        Ok((group, view.repeat(&MaskedPartitionKey::NONE, repeat_key)?))
    }

    /// Where a message of that epoch number may belong, most credible first.
    pub(super) fn candidates(&self, epoch: EpochNumber) -> Result<Vec<Candidate>, Error> {
        let above = match epoch.next() {
            Some(next) => self.snapshot.heads(&self.group, next, HEADS_MAX)?,
            None => Vec::new(),
        };
        let of_epoch = self.snapshot.heads(&self.group, epoch, HEADS_MAX)?;
        let heads = Heads { of_epoch, above, highest: self.snapshot.highest_head(&self.group)? };
        Ok(candidates(&self.view(), epoch, &heads, self.policy, self.now)?)
    }

    /// A GroupInfo that a partition has.
    pub(super) fn group_info(&self, key: &BlobKey) -> Result<WireGroupInfo, Error> {
        let blob = self.snapshot.blob(&self.group, key)?.ok_or(store::Error::Corrupt("list of GroupInfos"))?;
        Ok(decode(&blob).map_err(|_| store::Error::Corrupt("GroupInfo"))?)
    }
}

/// Memory for a message and the GroupInfo against which it is checked: each is there as it was read and as it is hashed.
pub(super) fn proof_bytes(message: usize, policy: &Policy) -> u64 {
    2 * (message as u64 + policy.sizes.group_info as u64)
}
