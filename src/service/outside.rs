//! What those see of a group who want to get in: its newest epochs and their GroupInfos.

use std::sync::Arc;

use super::{Error, Service, view::SnapshotView};
use crate::{
    mls::{EpochNumber, WireGroupInfo, WireMessage},
    sequencer::{
        BlobKey, Candidate, Group, GroupKey, HEADS_MAX, Heads, Policy, Receipt, Rejection, RepeatKey, SizeLimit, State,
        UnixMillis, candidates,
    },
    store::{self, Snapshot},
    wire::{MaskedPartitionKey, ServiceProviderId, decode},
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
    fn arrive(&self, repeat_key: &RepeatKey) -> Result<(Arc<Group>, Option<Receipt>), Error> {
        let view = self.view();
        let group = view.group()?.ok_or(Rejection::UnknownGroup)?;
        let known = view.repeat(&MaskedPartitionKey::NONE, repeat_key)?;
        if known.is_none() {
            group.require_open()?;
        }
        Ok((group, known))
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

/// Where a message from outside belongs.
pub(super) enum Placed<T> {
    /// Where it was sequenced before.
    Known(Receipt),
    /// There.
    Found(T),
}

/// Why it belongs nowhere.
pub(super) enum Unplaced {
    /// It was tried on so many candidates.
    Vain { tried: usize, rejection: Rejection },
    /// Nobody knows: it could not be found out.
    Failed(Error),
}

impl From<Error> for Unplaced {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Service {
    /// Looks for the place of a message, off its lane, and within what its provider may try in vain.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it belongs nowhere, is too long or of no group; [`Error::TooManyInVain`];
    /// [`Error::Overloaded`] when there is no memory for what it is checked against; the store's.
    pub(super) async fn place<T: Send + 'static>(
        self: &Arc<Self>,
        submitter: &ServiceProviderId,
        message: &WireMessage,
        find: impl FnOnce(&Outside<'_>, &Group) -> Result<T, Unplaced> + Send + 'static,
    ) -> Result<Placed<T>, Error> {
        let (policy, now) = (self.policy(), self.now());
        if message.bytes().len() > policy.sizes.handshake {
            return Err(Rejection::TooLarge(SizeLimit::Handshake(policy.sizes.handshake)).into());
        }
        let (group, repeat_key) = (GroupKey::of(message.group_id()), RepeatKey::in_group(message));
        let admitted = self.vain_proofs.admit(submitter, now);
        let memory = self.pages.lend(submitter, proof_bytes(message, &policy)).await?;
        let placed = self
            .read_elsewhere(move |snapshot| {
                let _memory = memory;
                let outside = Outside { snapshot, group, policy: &policy, now };
                let (group, known) = outside.arrive(&repeat_key)?;
                if let Some(receipt) = known {
                    return Ok(Ok(Placed::Known(receipt)));
                }
                admitted?;
                match find(&outside, &group) {
                    Ok(found) => Ok(Ok(Placed::Found(found))),
                    Err(Unplaced::Vain { tried, rejection }) => Ok(Err((tried, rejection))),
                    Err(Unplaced::Failed(error)) => Err(error),
                }
            })
            .await?;
        placed.map_err(|(tried, rejection)| {
            self.vain_proofs.count(submitter, tried, now);
            rejection.into()
        })
    }
}

/// Memory for a message and the GroupInfo against which it is checked: each is there as it was read and as it is hashed.
fn proof_bytes(message: &WireMessage, policy: &Policy) -> u64 {
    2 * (message.bytes().len() as u64 + policy.sizes.group_info as u64)
}
