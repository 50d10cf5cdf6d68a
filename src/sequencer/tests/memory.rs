//! A hub in memory: rows as an engine keeps them, and transitions applied to them.
//!
//! Transitions are applied one by one, or gathered and applied as one batch, the way in which lanes do it. That both
//! come to the same is one of the properties.

mod view;

use std::{
    cell::Cell,
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;

use self::view::View;
use super::*;
use crate::{
    mls::{EpochNumber, ProposalRef},
    wire::{MaskedPartitionKey, ServiceProviderId, WelcomeData},
};

/// The rows of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) group: Option<Arc<Group>>,
    pub(super) reservation: Option<Reservation>,
    pub(super) partitions: BTreeMap<MaskedPartitionKey, Arc<Partition>>,
    pub(super) announced: BTreeSet<MaskedPartitionKey>,
    pub(super) heads: BTreeSet<(EpochNumber, MaskedPartitionKey)>,
    pub(super) entries: BTreeMap<(MaskedPartitionKey, u32), Entry>,
    pub(super) repeats: HashMap<(MaskedPartitionKey, RepeatKey), Receipt>,
    pub(super) blobs: HashMap<BlobKey, Bytes>,
    pub(super) blob_counts: HashMap<BlobKey, u32>,
    pub(super) presented: BTreeMap<(MaskedPartitionKey, UserTag), UnixMillis>,
    pub(super) welcomes: HashMap<WelcomeName, WelcomeData>,
    pub(super) outgoing: HashMap<WelcomeName, Outgoing>,
    pub(super) dispatches: HashMap<DispatchKey, Dispatch>,
    pub(super) budgets: BTreeMap<ServiceProviderId, Usage>,
    pub(super) timers: BTreeSet<(UnixMillis, MaskedPartitionKey)>,
    pub(super) subscribed: BTreeSet<(MaskedPartitionKey, ServiceProviderId)>,
    pub(super) followed: BTreeMap<MaskedPartitionKey, Followed>,
    pub(super) kept: BTreeMap<(MaskedPartitionKey, u32), Bytes>,
    pub(super) shows_forks: bool,
    pub(super) owners: BTreeMap<MaskedPartitionKey, OwnerChanges>,
    pub(super) checkpoints: BTreeMap<MaskedPartitionKey, Checkpoint>,
    pub(super) proposals: BTreeMap<(MaskedPartitionKey, ProposalRef), u32>,
}

/// Everything that a hub keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hub {
    pub(super) groups: BTreeMap<GroupKey, Rows>,
    /// Those of a group of which nothing is kept.
    nothing: Rows,
}

impl Rows {
    /// Whose the leaves of a partition's epoch are: what the nearest checkpoint says, and what commits have changed since.
    pub(super) fn all_owners(&self, partition: &MaskedPartitionKey) -> Option<Owners> {
        let (mut changes, mut key) = (Vec::new(), *partition);
        let saved = loop {
            match self.checkpoints.get(&key) {
                Some(saved) => break saved,
                None => changes.push(self.owners.get(&key)?),
            }
            key = self.partitions.get(&key)?.parent?.key;
        };
        Some(changes.iter().rev().fold(saved.owners.clone(), |owners, changes| owners.after(changes)))
    }

    fn follow(&mut self, partition: MaskedPartitionKey, change: &FollowedChange) {
        match change {
            FollowedChange::Put { record, kept, lets_go } => {
                self.followed.insert(partition, *record);
                self.kept.extend(kept.iter().map(|kept| ((partition, kept.index), kept.message.clone())));
                self.kept.retain(|(of, index), _| !(*lets_go && *of == partition && *index < record.first_index));
            }
            FollowedChange::Gone => {
                self.followed.remove(&partition);
                self.kept.retain(|(of, _), _| *of != partition);
            }
        }
    }
}

/// Everybody in a lane waits for a decision, so it looks at few partitions, however many there are: at 4096 to adopt
/// them, at as many to count what they refer to, at 512 on the way up, and some more.
const LOOKS_MAX: usize = 10_000;

/// So many messages are removed in one step.
const STEP: usize = 2;

/// Transitions that were decided and not yet applied.
pub(super) type Batch = Vec<(GroupKey, Transition)>;

impl Hub {
    /// The group's rows.
    pub(super) fn rows(&self, group: &GroupKey) -> &Rows {
        self.groups.get(group).unwrap_or(&self.nothing)
    }

    /// The dominant child of a partition.
    pub(super) fn dominant(&self, group: GroupKey, partition: &Partition) -> Option<MaskedPartitionKey> {
        let view = View { hub: self, batch: &Vec::new(), group, looks: Cell::new(0) };
        match dominance::dominant_child(&view, partition) {
            Ok(child) => child.map(|child| child.key),
            Err(impossible) => match impossible {},
        }
    }

    /// Decides a command as things stand after `batch`.
    pub(super) fn decide(
        &self,
        batch: &Batch,
        group: GroupKey,
        command: &Command,
        policy: &Policy,
        now: UnixMillis,
    ) -> Result<Transition, Rejection> {
        let view = View { hub: self, batch, group, looks: Cell::new(0) };
        let decided = sequence(&view, command, policy, now).map_err(|refusal| match refusal {
            Refusal::Rejected(rejection) => rejection,
            Refusal::State(impossible) => match impossible {},
        });
        assert!(view.looks.get() < LOOKS_MAX, "{} looks for one decision", view.looks.get());
        decided
    }

    /// The heads among which candidates with that epoch number are looked for.
    fn heads(&self, group: &GroupKey, epoch: EpochNumber) -> Heads {
        let rows = &self.rows(group).heads;
        let of = |epoch: Option<EpochNumber>| {
            let of_epoch = rows.iter().filter(move |(known, _)| Some(*known) == epoch);
            of_epoch.map(|(_, key)| *key).take(HEADS_MAX).collect()
        };
        Heads { of_epoch: of(Some(epoch)), above: of(epoch.next()), highest: rows.last().map(|(_, key)| *key) }
    }

    /// Where somebody may join with a commit of that epoch number.
    pub(super) fn candidates(
        &self,
        group: GroupKey,
        epoch: EpochNumber,
        policy: &Policy,
        now: UnixMillis,
    ) -> Vec<Candidate> {
        let view = View { hub: self, batch: &Vec::new(), group, looks: Cell::new(0) };
        match candidates(&view, epoch, &self.heads(&group, epoch), policy, now) {
            Ok(candidates) => candidates,
            Err(impossible) => match impossible {},
        }
    }

    /// The partition whose GroupInfo is given away.
    pub(super) fn publisher(&self, group: GroupKey, policy: &Policy) -> Option<MaskedPartitionKey> {
        let view = View { hub: self, batch: &Vec::new(), group, looks: Cell::new(0) };
        let highest = self.rows(&group).heads.last().map(|(_, key)| *key);
        match publisher(&view, highest.as_ref(), policy) {
            Ok(publisher) => publisher.map(|(key, _)| key),
            Err(impossible) => match impossible {},
        }
    }

    /// Whether whoever shows the partition's key is taken for a member.
    pub(super) fn shows_membership(&self, group: GroupKey, key: &MaskedPartitionKey, policy: &Policy) -> bool {
        let view = View { hub: self, batch: &Vec::new(), group, looks: Cell::new(0) };
        let Some(partition) = self.rows(&group).partitions.get(key) else { return false };
        match shows_membership(&view, (key, partition), policy) {
            Ok(shows) => shows,
            Err(impossible) => match impossible {},
        }
    }

    /// The hints for a reader of `requested`.
    pub(super) fn hints(
        &self,
        group: GroupKey,
        requested: &MaskedPartitionKey,
        provider: &ServiceProviderId,
        holds: impl Fn(Claim, &MaskedPartitionKey) -> bool,
        policy: &Policy,
        now: UnixMillis,
    ) -> Vec<MaskedPartitionKey> {
        let view = View { hub: self, batch: &Vec::new(), group, looks: Cell::new(0) };
        match hinted(&view, requested, provider, |claim, key| Ok(holds(claim, key)), policy, now) {
            Ok(hints) => hints,
            Err(impossible) => match impossible {},
        }
    }

    /// Applies a batch as an engine does: of several records of a row the last is kept; timers are cleared before
    /// others are set; what is removed is removed last.
    pub(super) fn apply(&mut self, batch: Batch) {
        for (group, transition) in &batch {
            let rows = self.groups.entry(*group).or_default();
            for timer in &transition.cleared_timers {
                rows.timers.remove(&(timer.due_ms, timer.partition));
            }
        }
        for (group, transition) in &batch {
            let rows = self.groups.entry(*group).or_default();
            if let Some(record) = &transition.group {
                rows.group = Some(Arc::new(record.clone()));
            }
            if let Some(reservation) = transition.reservation {
                rows.reservation = reservation;
            }
            for (key, record) in &transition.partitions {
                rows.partitions.insert(*key, Arc::new(record.clone()));
            }
            rows.announced.extend(&transition.announced);
            rows.announced.retain(|key| !transition.unannounced.contains(key));
            for head in &transition.heads {
                let row = (head.epoch, head.partition);
                if head.is_head {
                    rows.heads.insert(row)
                } else {
                    rows.heads.remove(&row)
                };
            }
            for (partition, index, entry) in &transition.appends {
                let before = rows.entries.insert((*partition, *index), entry.clone());
                assert_eq!(before, None, "an index is used once");
            }
            if let Some((partition, key, receipt)) = &transition.repeat {
                rows.repeats.insert((*partition, *key), *receipt);
            }
            rows.shows_forks |= transition.shows_forks;
            rows.owners.extend(transition.owners.iter().cloned());
            rows.checkpoints.extend(transition.checkpoints.iter().cloned());
            let proposals = transition.proposals.iter();
            rows.proposals.extend(proposals.map(|(key, reference, index)| ((*key, *reference), *index)));
            rows.shows_forks &= !transition.shows_no_forks;
            rows.blobs.extend(transition.blobs.iter().map(|blob| (blob.key, blob.bytes.clone())));
            rows.welcomes.extend(transition.welcome.iter().map(|welcome| (welcome.name, welcome.data.clone())));
            for (name, record) in &transition.outgoing {
                match record {
                    Some(record) => drop(rows.outgoing.insert(*name, record.clone())),
                    None => {
                        rows.outgoing.remove(name);
                        rows.welcomes.remove(name);
                    }
                }
            }
            for (key, record) in &transition.dispatches {
                match record {
                    Some(record) => drop(rows.dispatches.insert(key.clone(), *record)),
                    None => drop(rows.dispatches.remove(key)),
                }
            }
            for (provider, usage) in &transition.budgets {
                if usage.is_nothing() {
                    rows.budgets.remove(provider);
                } else {
                    rows.budgets.insert(provider.clone(), *usage);
                }
            }
            for (partition, provider, is_subscribed) in &transition.subscribed {
                let row = (*partition, provider.clone());
                if *is_subscribed {
                    rows.subscribed.insert(row)
                } else {
                    rows.subscribed.remove(&row)
                };
            }
            for (partition, change) in &transition.followed {
                rows.follow(*partition, change);
            }
            rows.timers.extend(transition.timers.iter().map(|timer| (timer.due_ms, timer.partition)));
        }
        for (group, transition) in &batch {
            let rows = self.groups.entry(*group).or_default();
            for Trimmed { partition, from, until, .. } in &transition.trimmed {
                rows.entries.retain(|(of, index), _| of != partition || !(from..until).contains(&index));
            }
            for emptied in transition.emptied.iter().chain(&transition.removed) {
                rows.repeats.retain(|(partition, _), _| partition != emptied);
                rows.presented.retain(|(partition, _), _| partition != emptied);
            }
            let given_up = transition.given_up.iter();
            for key in transition.emptied.iter().chain(&transition.removed).chain(given_up) {
                rows.owners.remove(key);
                rows.checkpoints.remove(key);
                rows.proposals.retain(|(partition, _), _| partition != key);
            }
            rows.repeats.retain(|(partition, key), _| {
                *partition != MaskedPartitionKey::NONE || !transition.forgotten_receipts.contains(&key.stored())
            });
            for (partition, user) in &transition.forgotten {
                rows.presented.remove(&(*partition, *user));
            }
            for (blob, count) in &transition.blob_counts {
                if *count == 0 {
                    rows.blob_counts.remove(blob);
                    rows.blobs.remove(blob);
                } else {
                    rows.blob_counts.insert(*blob, *count);
                }
            }
            for removed in &transition.removed {
                rows.partitions.remove(removed);
                rows.entries.retain(|(partition, _), _| partition != removed);
            }
        }
    }

    /// Timers of the group that are due, earliest first.
    pub(super) fn due(&self, group: &GroupKey, now: UnixMillis) -> Vec<Expire> {
        let due = self.rows(group).timers.iter().take_while(|(due_ms, _)| *due_ms <= now);
        let expire = |(due_ms, partition): &(UnixMillis, MaskedPartitionKey)| Expire {
            partition: *partition,
            due_ms: *due_ms,
            contents: self.contents(group, partition, |_| true),
        };
        due.map(expire).collect()
    }

    /// What one step removes of a partition: few messages, so that it takes several.
    pub(super) fn contents(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        is_old: impl Fn(UnixMillis) -> bool,
    ) -> Option<Contents> {
        let rows = self.rows(group);
        let from = rows.partitions.get(partition)?.first_index;
        let mut contents = Contents { from, until: from, ..Contents::default() };
        let entries = rows.entries.range((*partition, from)..=(*partition, u32::MAX)).take(STEP);
        for ((_, index), entry) in entries.take_while(|(_, entry)| is_old(entry.accepted_ms)) {
            let group_info = entry.commit.and_then(|commit| commit.group_info);
            contents.until = index + 1;
            contents.messages += 1;
            contents.newest_ms = contents.newest_ms.max(entry.accepted_ms);
            contents.bytes += entry.message.len() as u64 + group_info.map_or(0, |(_, length)| u64::from(length));
            contents.blobs.extend(group_info.map(|(blob, _)| blob));
        }
        Some(contents)
    }

    /// The commands of a walk of retention over the group: those that remove something now.
    pub(super) fn retention(&self, group: GroupKey, policy: &Policy, now: UnixMillis) -> Vec<Command> {
        let view = View { hub: self, batch: &Vec::new(), group, looks: Cell::new(0) };
        let rows = self.rows(&group);
        let Some(record) = &rows.group else { return Vec::new() };
        let is_old = |at_ms| has_had_its_time(at_ms, policy, now);
        let mut commands = Vec::new();
        for (key, partition) in &rows.partitions {
            let fate = match fate(&view, record, partition, policy, now) {
                Ok(fate) => fate,
                Err(impossible) => match impossible {},
            };
            let contents = self.contents(&group, key, is_old).unwrap();
            let goes = matches!(fate, Fate::IsEmptied | Fate::IsRemoved);
            if goes && (contents.from < contents.until || !partition.has_messages()) {
                commands.push(Command::Trim(Box::new(Trim { partition: *key, contents })));
            }
        }
        let of_group = rows.repeats.iter().filter(|((partition, _), _)| *partition == MaskedPartitionKey::NONE);
        let (old, young): (Vec<_>, Vec<_>) = of_group.partition(|(_, receipt)| is_old(receipt.accepted_ms));
        let mut receipts: Vec<_> = old.into_iter().map(|((_, key), _)| key.stored()).collect();
        receipts.sort_unstable();
        let review = Review { receipts, is_empty: young.is_empty() && rows.partitions.is_empty(), may_end: true };
        commands.push(Command::Review(review));
        commands
    }

    /// What a provider submitted for dispatch, over all groups.
    pub(super) fn undelivered(&self, submitter: &ServiceProviderId) -> Undelivered {
        let rows = self.groups.values().flat_map(|rows| rows.outgoing.values());
        rows.filter(|outgoing| outgoing.submitter == *submitter)
            .fold(Undelivered::default(), |sum, outgoing| sum.plus(outgoing.counts()))
    }

    /// What a provider has used up over all groups.
    pub(super) fn in_all(&self, provider: &ServiceProviderId) -> Usage {
        let rows = self.groups.values().filter_map(|rows| rows.budgets.get(provider));
        rows.fold(Usage::default(), |sum, usage| sum.plus(*usage))
    }
}

fn sum_of(changes: &[(ServiceProviderId, Undelivered)], whose: &ServiceProviderId) -> Undelivered {
    let own = changes.iter().filter(|(provider, _)| provider == whose);
    own.fold(Undelivered::default(), |sum, (_, counted)| sum.plus(*counted))
}
