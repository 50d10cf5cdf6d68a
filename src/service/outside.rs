//! What those see of a group who want to get in: its newest epochs and their GroupInfos.

use std::sync::Arc;

use super::{Error, Service, vain_proofs::Trier, view::SnapshotView};
use crate::{
    mls::{EpochNumber, ExternalCommit, WireGroupInfo, WireMessage},
    sequencer::{
        BlobKey, Candidate, Group, GroupKey, HEADS_MAX, Heads, Policy, Receipt, Rejection, RepeatKey, SizeLimit, State,
        UnixMillis, UserTag, candidates,
    },
    store::{self, Snapshot},
    wire::{MaskedPartitionKey, ServiceProviderId, decode},
};

/// How many proposals of one commit are looked up. Of one that takes up more nothing is said.
const REFERENCES_MAX: usize = 64;

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

    /// Whether a commit takes up, by reference, a proposal of that partition that none from outside may. What is not there,
    /// or encrypted, nobody can tell.
    pub(super) fn takes_up_others(
        &self,
        commit: &ExternalCommit,
        partition: &MaskedPartitionKey,
    ) -> Result<bool, Error> {
        for reference in commit.message().proposal_refs(REFERENCES_MAX).unwrap_or_default() {
            let Some(index) = self.snapshot.proposal(&self.group, partition, &reference)? else { continue };
            let page = self.snapshot.messages(&self.group, partition, index, 0)?;
            let Some((_, entry)) = page.entries.into_iter().next().filter(|(found, _)| *found == index) else {
                continue;
            };
            let proposal = decode(&entry.message).map_err(|_| store::Error::Corrupt("message"))?;
            if !ExternalCommit::may_take_up(&proposal) {
                return Ok(true);
            }
        }
        Ok(false)
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
    /// Looks for the place of a message, off its lane, and within what its sender may try in vain.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it belongs nowhere, is too long or of no group; [`Error::TooManyInVain`];
    /// [`Error::Overloaded`] when there is no memory for what it is checked against; the store's.
    pub(super) async fn place<T: Send + 'static>(
        self: &Arc<Self>,
        (submitter, user): (&ServiceProviderId, Option<UserTag>),
        message: &WireMessage,
        find: impl FnOnce(&Outside<'_>, &Group) -> Result<T, Unplaced> + Send + 'static,
    ) -> Result<Placed<T>, Error> {
        let (policy, now) = (self.policy(), self.now());
        if message.bytes().len() > policy.sizes.handshake {
            return Err(Rejection::TooLarge(SizeLimit::Handshake(policy.sizes.handshake)).into());
        }
        let (group, repeat_key) = (GroupKey::of(message.group_id()), RepeatKey::in_group(message));
        let (epoch, length) = (message.epoch(), message.bytes().len() as u64);
        let trier = Trier::of(submitter, user);
        let admitted = self.vain_proofs.admit(&trier, now);
        let looked = {
            let policy = policy.clone();
            self.read_elsewhere(move |snapshot| {
                let outside = Outside { snapshot, group, policy: &policy, now };
                match outside.arrive(&repeat_key)? {
                    (_group, Some(receipt)) => Ok(Placed::Known(receipt)),
                    (_group, None) => {
                        admitted?;
                        let longest =
                            outside.candidates(epoch)?.iter().map(|candidate| candidate.published_bytes).max();
                        Ok(Placed::Found(longest.unwrap_or(0)))
                    }
                }
            })
        };
        let longest = match looked.await? {
            Placed::Known(receipt) => return Ok(Placed::Known(receipt)),
            Placed::Found(longest) => longest,
        };
        // The message and one GroupInfo at a time: each is there as it was read and as it is hashed.
        let memory = self.pages.lend(submitter, length.saturating_add(longest).saturating_mul(2)).await?;
        let placed = self
            .read_elsewhere(move |snapshot| {
                let _memory = memory;
                let outside = Outside { snapshot, group, policy: &policy, now };
                let (group, known) = outside.arrive(&repeat_key)?;
                if let Some(receipt) = known {
                    return Ok(Ok(Placed::Known(receipt)));
                }
                match find(&outside, &group) {
                    Ok(found) => Ok(Ok(Placed::Found(found))),
                    Err(Unplaced::Vain { tried, rejection }) => Ok(Err((tried, rejection))),
                    Err(Unplaced::Failed(error)) => Err(error),
                }
            })
            .await?;
        placed.map_err(|(tried, rejection)| {
            self.vain_proofs.count(&trier, tried, now);
            rejection.into()
        })
    }
}
