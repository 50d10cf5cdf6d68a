//! Which leaves a user has in the epochs of one branch (specs/protocol.md H9): without their states, and without copying
//! whose all the others are.

use std::collections::BTreeSet;

use super::{Origin, cache::Cache};
use crate::{
    sequencer::{GroupKey, Replay, UserTag},
    store::{Error, Snapshot},
    wire::MaskedPartitionKey,
};

/// How far up it is looked for: as far as checkpoints are.
const STEPS_MAX: usize = Replay::COMMITS_MAX as usize;

/// A user's leaves, as a reader goes down a branch: each epoch begins with what was found in the one above.
pub(in crate::service) struct UserLeaves<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) group: GroupKey,
    pub(super) cache: &'a Cache,
    pub(super) user: UserTag,
    /// Where it was looked for last, and what was found.
    pub(super) last: Option<(MaskedPartitionKey, BTreeSet<u32>)>,
}

impl UserLeaves<'_> {
    /// Whether, in the epoch of a partition, there is a leaf that came from the user. Not where that is not known.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(in crate::service) fn has_leaf(&mut self, partition: &MaskedPartitionKey) -> Result<bool, Error> {
        let (mut changes, mut key) = (Vec::new(), *partition);
        let mut leaves = loop {
            if let Some((_, leaves)) = self.last.as_ref().filter(|(last, _)| *last == key) {
                break leaves.clone();
            }
            let Some(record) = self.snapshot.partition(&self.group, &key)? else { return Ok(false) };
            let Some(public) = &record.public else { return Ok(false) };
            let origin = Origin::of(self.snapshot, (&self.group, &key), &record)?;
            if let Some(known) = self.cache.find(&(self.group, key), public, &origin) {
                break known.owners.leaves_of(&self.user);
            }
            if public.replay.is_checkpoint() {
                let owners = self.snapshot.owners(&self.group, &key)?.ok_or(Error::Corrupt("list of owners"))?;
                break owners.leaves_of(&self.user);
            }
            let Some(parent) = record.parent.filter(|_| changes.len() < STEPS_MAX) else { return Ok(false) };
            changes.push(origin.changes);
            key = parent.key;
        };
        while let Some(change) = changes.pop() {
            change.change(&mut leaves, &self.user);
        }
        let has_leaf = !leaves.is_empty();
        self.last = Some((*partition, leaves));
        Ok(has_leaf)
    }
}
