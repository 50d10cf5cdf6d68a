//! The edge that a commit makes, and what it takes over from elsewhere (specs/protocol.md F1 to F3).

use std::sync::Arc;

use super::{
    super::{
        BlobKey, Child, Cut, Head, Parent, Partition, Policy, Receipt, Sight, Sign, State,
        budget::give_back,
        dominance::{descends, is_on_dominant_branch, orphan_above},
        evidence,
    },
    Change, Entering,
};
use crate::{
    mls::{EpochNumber, WireFormat},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// How many partitions one commit may connect to the root by adopting an orphan and what hangs below it.
const ADOPTION_MAX: usize = 4096;

impl<S: State + ?Sized> Change<'_, S> {
    /// Makes the edge that a commit asks for. Returns whether that created a partition.
    pub(super) fn announce(&mut self, entering: &Entering<'_>, receipt: Receipt) -> Result<bool, S::Error> {
        let Some(announcement) = entering.announcement else { return Ok(false) };
        let next = announcement.next;
        let parent = Parent { key: entering.partition, index: receipt.index };
        let found = self.state.partition(&next)?;
        let is_taken = found.as_ref().is_some_and(|found| found.is_connected());
        let (mut child, created) = match found {
            _ if next == entering.partition || next == self.group.root => return self.no_edge(),
            None => {
                let epoch = self.target.epoch.map(|epoch| epoch.next());
                // No epoch follows the last one.
                let Some(epoch) = epoch.map_or(Some(None), |next| next.map(Some)) else { return self.no_edge() };
                let next_index = self.policy.forgotten.next_index_behind(self.before.created_ms);
                (Partition { next_index, ..Partition::new(self.now, epoch, Some(parent)) }, true)
            }
            Some(found) => {
                if !self.may_adopt(&next, &found, &entering.partition)? {
                    return self.no_edge();
                }
                let mut child = (*found).clone();
                child.parent = Some(parent);
                if !self.connect(next, &mut child)? {
                    return self.no_edge();
                }
                if let Some(displaced) = found.parent {
                    self.displace(&displaced, &next)?;
                }
                (child, false)
            }
        };
        if is_taken {
            self.give_up_state(next, &mut child);
        } else {
            self.observe(entering, next, &mut child);
        }
        child.unshared = unshared(&self.before, entering.submitter, self.policy);
        child.announced_by = Some(entering.submitter.clone());
        child.group_info = announcement.group_info.as_ref().map(|group_info| BlobKey::of(group_info.bytes()));
        child.published_bytes = announcement.group_info.as_ref().map_or(0, |published| published.bytes().len() as u64);
        if let Some(epoch) = self.target.epoch.filter(|_| self.target.is_head()) {
            self.transition.heads.push(Head { partition: entering.partition, epoch, is_head: false });
        }
        self.target.children.push(Child { key: next, index: receipt.index, announced_ms: self.now, cut: Cut::None });
        self.target.forked_ms.get_or_insert(self.now);
        if child.is_connected() {
            self.transition.announced.push(next);
            self.note_rivals(&next, &child)?;
        }
        self.note_head(next, &child);
        self.transition.partitions.push((next, child));
        Ok(created)
    }

    /// Whether a child that was used before it was one has come beside one that others use.
    fn note_rivals(&mut self, key: &MaskedPartitionKey, child: &Partition) -> Result<(), S::Error> {
        let users: Vec<_> = child.uses.iter().map(|a_use| a_use.provider.clone()).collect();
        if !users.is_empty()
            && !self.target.evidence.shows(Sign::RivalChildren)
            && evidence::has_rival(self.state, &self.target, key, &users)?
        {
            self.note(Sign::RivalChildren);
        }
        Ok(())
    }

    /// What is known from now on of the public state of the epoch that the commit creates.
    fn observe(&mut self, entering: &Entering<'_>, next: MaskedPartitionKey, child: &mut Partition) {
        let group_info = entering.announcement.and_then(|announcement| announcement.group_info.as_ref());
        let commit_bytes = entering.message.bytes().len() as u64;
        let replay = self.before.public.as_ref().map(|public| public.replay);
        if let Some(observation) = entering.sight.recorded_below(&self.before) {
            child.public = observation.public(group_info, replay, commit_bytes);
            self.transition.owners.push((next, observation.owners.clone()));
            self.transition.checkpoints.extend(observation.checkpoint.clone().map(|saved| (next, saved)));
        }
        // One who looked and could not follow, or found a lie, will not see more later.
        let may_be_seen = child.public.is_none()
            && self.before.may_be_observable()
            && entering.message.wire_format() == WireFormat::PublicMessage
            && matches!(entering.sight, Sight::NotLooked | Sight::Seen(_));
        child.unobserved = may_be_seen;
    }

    /// What was seen of a partition in another place is not what it is here. It is not looked at again, and what is kept of
    /// it leads nowhere.
    fn give_up_state(&mut self, key: MaskedPartitionKey, taken: &mut Partition) {
        if taken.may_be_observable() {
            (taken.public, taken.unobserved) = (None, false);
            self.transition.given_up.push(key);
        }
    }

    fn no_edge(&mut self) -> Result<bool, S::Error> {
        self.note(Sign::NoEdge);
        Ok(false)
    }

    /// A connected partition may adopt whatever is not connected: an orphan, and one that was announced by what is not
    /// connected itself. Otherwise a committer could announce the next epoch from a made-up partition first, and the
    /// group would go on below an orphan that ages out. Elsewhere an orphan may be adopted by any partition that does
    /// not descend from it.
    fn may_adopt(
        &self,
        key: &MaskedPartitionKey,
        found: &Partition,
        by: &MaskedPartitionKey,
    ) -> Result<bool, S::Error> {
        if found.is_connected() {
            return self.may_take(key, found, by);
        }
        if self.before.is_connected() || !found.is_orphan() {
            return Ok(self.before.is_connected());
        }
        Ok(orphan_above(self.state, by, &self.before)?.is_some_and(|top| top != *key))
    }

    /// On the dominant branch a commit may also take what another one had announced off that branch, as long as nobody
    /// has used it but the provider that announced it there. Otherwise whoever makes the next epoch could hang it below
    /// an old one first, and the group would go on with wrong epoch numbers off the dominant branch.
    fn may_take(&self, key: &MaskedPartitionKey, found: &Partition, by: &MaskedPartitionKey) -> Result<bool, S::Error> {
        let is_new_to_others = found.announced_by.as_ref().is_some_and(|announcer| !found.is_used_beside(announcer));
        let is_elsewhere = found.parent.is_some_and(|parent| parent.key != *by);
        Ok(is_new_to_others
            && is_elsewhere
            && !found.is_terminated()
            && is_on_dominant_branch(self.state, by, &self.before)?
            && !is_on_dominant_branch(self.state, key, found)?
            && descends(self.state, (by, &self.before), key)? == Some(false))
    }

    /// Takes away the edge that another partition had made to `child`.
    fn displace(&mut self, edge: &Parent, child: &MaskedPartitionKey) -> Result<(), S::Error> {
        if let Some(above) = self.transition.newest(self.state, &edge.key)? {
            let mut above = Arc::unwrap_or_clone(above);
            above.children.retain(|known| known.key != *child);
            if above.children.is_empty() {
                // Nothing was announced there after all.
                above.forked_ms = None;
            }
            self.note_head(edge.key, &above);
            if above.evidence.note(Sign::NoEdge, self.now) {
                evidence::show(&mut self.group, Sign::NoEdge, self.now, &mut self.transition);
            }
            self.transition.change(edge.key, above);
        }
        Ok(())
    }

    /// Gives an adopted partition, and everything below it, its epoch. What it had cost is given back when an exempt
    /// commit adopts it: it is part of the dominant branch then. Otherwise a provider could grow a group without end
    /// off that branch, by adopting its own orphans.
    ///
    /// Returns false, with nothing changed, when there is too much below it, and when what is taken from elsewhere is used
    /// by others further down.
    fn connect(&mut self, key: MaskedPartitionKey, orphan: &mut Partition) -> Result<bool, S::Error> {
        let Some(mut epoch) = self.target.epoch else { return Ok(true) };
        let mut connected: Vec<(MaskedPartitionKey, Partition)> = Vec::new();
        let mut level: Vec<MaskedPartitionKey> = orphan.children.iter().map(|child| child.key).collect();
        let Some(next) = epoch.next() else { return Ok(false) };
        epoch = next;
        let (is_taken, announcer) = (orphan.is_connected(), orphan.announced_by.clone());
        let mut no_heads = former_head(&key, orphan, epoch).into_iter().collect::<Vec<_>>();
        orphan.epoch = Some(epoch);
        orphan.evidence.forget(Sign::SharedOrphan);
        let mut refunds = self.refund(orphan);
        while !level.is_empty() {
            let Some(next) = epoch.next() else { return Ok(false) };
            epoch = next;
            let mut below = Vec::new();
            for key in level {
                if connected.len() == ADOPTION_MAX {
                    return Ok(false);
                }
                let Some(partition) = self.state.partition(&key)? else { continue };
                if is_taken && announcer.as_ref().is_some_and(|announcer| partition.is_used_beside(announcer)) {
                    return Ok(false);
                }
                let mut partition = (*partition).clone();
                no_heads.extend(former_head(&key, &partition, epoch));
                partition.epoch = Some(epoch);
                partition.evidence.forget(Sign::SharedOrphan);
                if !is_taken {
                    // By what kind of commits they were announced, whoever follows them will see.
                    partition.unobserved = self.before.may_be_observable();
                }
                refunds.append(&mut self.refund(&mut partition));
                below.extend(partition.children.iter().map(|child| child.key));
                connected.push((key, partition));
            }
            level = below;
        }
        self.transition.heads.append(&mut no_heads);
        give_back(self.state, refunds, &mut self.transition)?;
        self.join_users(orphan);
        for (key, mut partition) in connected {
            if is_taken {
                self.give_up_state(key, &mut partition);
            }
            self.join_users(&partition);
            self.transition.announced.push(key);
            self.note_head(key, &partition);
            self.transition.partitions.push((key, partition));
        }
        Ok(true)
    }

    fn note_head(&mut self, partition: MaskedPartitionKey, record: &Partition) {
        if let Some(epoch) = record.epoch.filter(|_| record.is_head()) {
            self.transition.heads.push(Head { partition, epoch, is_head: true });
        }
    }
}

/// A head that will have another epoch number.
fn former_head(key: &MaskedPartitionKey, partition: &Partition, epoch: EpochNumber) -> Option<Head> {
    let old = partition.epoch.filter(|old| *old != epoch && partition.is_head())?;
    Some(Head { partition: *key, epoch: old, is_head: false })
}

/// How many partitions lead to the child of a commit that one provider has made and nobody else has used. A second commit
/// of that provider beside the first is no race with anybody: what follows it counts as if it were at the end of the row,
/// or these partitions would double with each step.
fn unshared(before: &Partition, submitter: &ServiceProviderId, policy: &Policy) -> u32 {
    if before.is_used_beside(submitter) || before.announced_by.as_ref() != Some(submitter) {
        return 0;
    }
    let behind = before.unshared.saturating_add(1);
    if before.commits_of(submitter) > 0 { behind.max(policy.free_chain) } else { behind }
}
