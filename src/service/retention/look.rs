//! One look of retention at what is kept: a bounded number of rows, and what is to be done about them.

use super::{
    contents::contents,
    place::{Place, Presented, Within},
};
use crate::{
    sequencer::{
        Command, Expire, Fate, Group, GroupKey, Lapse, Partition, Policy, Review, Trim, UnixMillis, awaited, fate,
        has_had_its_time, is_stale,
    },
    service::view::SnapshotView,
    store::{Error, Removed, Snapshot},
    wire::MaskedPartitionKey,
};

/// Partitions looked at in one step.
const PARTITIONS: usize = 64;
/// Receipts, and presentations, looked at in one step.
const ROWS: usize = 256;

/// Groups looked at in one step, when there is nothing to do about them.
const GROUPS: usize = 64;
/// Pages of receipts read of one group in one step.
const RECEIPT_PAGES: usize = 64;

/// What a look has found.
#[derive(Default)]
pub(super) struct Step {
    /// What is to be done, in this order.
    pub(super) commands: Vec<(GroupKey, Command)>,
    /// The partition whose public state is to have a checkpoint first.
    pub(super) awaited: Option<(GroupKey, MaskedPartitionKey)>,
    /// Where to go on when it is done; nothing when the walk is at its end.
    pub(super) next: Option<Place>,
    /// Where to go on if something was done, because there is more of it.
    pub(super) again: Option<Place>,
    /// What was looked at.
    pub(super) looked: Removed,
}

/// Who looks.
pub(super) struct Look<'a> {
    pub(super) snapshot: &'a dyn Snapshot,
    pub(super) policy: &'a Policy,
    pub(super) now: UnixMillis,
    /// Whether a group may be deleted because nobody uses it.
    pub(super) may_end_groups: bool,
}

impl Look<'_> {
    /// The step from a place on.
    pub(super) fn step(&self, mut place: Place) -> Result<Step, Error> {
        let mut looked = Removed::default();
        for _group in 0..GROUPS {
            let mut step = if place.are_groups_done { self.presentations(place)? } else { self.next_group(place)? };
            looked.groups += step.looked.groups;
            looked.partitions += step.looked.partitions;
            let is_enough = looked.partitions >= PARTITIONS as u64 || place.are_groups_done;
            match step.next {
                Some(next) if step.commands.is_empty() && step.awaited.is_none() && !is_enough => place = next,
                Some(_) | None => {
                    step.looked = looked;
                    return Ok(step);
                }
            }
        }
        Ok(Step { next: Some(place), looked, ..Step::default() })
    }

    fn next_group(&self, place: Place) -> Result<Step, Error> {
        let found = match place.partition {
            Some(Within { group, .. }) => self.snapshot.group(&group)?.map(|record| (group, record)),
            None => self.snapshot.groups_after(place.group.as_ref(), 1)?.pop(),
        };
        match found {
            Some((group, record)) => self.group(place, group, &record),
            None => {
                let next = Some(Place { are_groups_done: true, ..Place::default() });
                Ok(Step { next, ..Step::default() })
            }
        }
    }

    /// Some partitions of a group, up to the first one that is to be removed, and behind the last of them the group itself.
    fn group(&self, place: Place, group: GroupKey, record: &Group) -> Result<Step, Error> {
        let done = Place { group: Some(group), ..Place::default() };
        let mut step = Step { next: Some(done), ..Step::default() };
        if record.is_tombstone() {
            return Ok(step);
        }
        let after = place.partition.map(|within| within.partition);
        let partitions = self.snapshot.partitions(&group, &[], after.as_ref(), PARTITIONS)?;
        let is_last_page = partitions.len() < PARTITIONS;
        let view = SnapshotView { group, snapshot: self.snapshot };
        let mut before = place;
        for (key, partition) in partitions {
            step.looked.partitions += 1;
            let at = Place { partition: Some(Within { group, partition: key }), ..place };
            match fate(&view, record, &partition, self.policy, self.now)? {
                Fate::Stays if record.deleted_ms.is_some() && !partition.held.is_empty() => {
                    // Nobody will ever release them.
                    let expire = Expire { partition: key, due_ms: self.now, contents: None };
                    step.commands.push((group, Command::Expire(expire)));
                    step.next = Some(at);
                    return Ok(step);
                }
                Fate::Stays => {}
                Fate::Awaits => {
                    let awaited = awaited(&view, &partition, self.policy, self.now)?;
                    step.awaited = awaited.map(|awaited| (group, awaited));
                    (step.next, step.again) = (Some(at), Some(before));
                    return Ok(step);
                }
                Fate::IsEmptied | Fate::IsRemoved => {
                    if self.trim(&group, (key, &partition), (before, at), &mut step)? {
                        return Ok(step);
                    }
                }
            }
            before = at;
        }
        step.next = Some(before);
        if is_last_page {
            step.looked.groups += 1;
            step.next = Some(done);
            self.review(&group, record, before, &mut step)?;
        }
        Ok(step)
    }

    /// What is to be done about a partition. What is too young in it stays, and whatever belongs to the partition with it.
    fn trim(
        &self,
        group: &GroupKey,
        (key, partition): (MaskedPartitionKey, &Partition),
        (before, at): (Place, Place),
        step: &mut Step,
    ) -> Result<bool, Error> {
        let (contents, is_cut) = contents(self.snapshot, group, &key, partition, |at_ms| self.is_old(at_ms))?;
        if contents.from == contents.until && partition.has_messages() {
            return Ok(false);
        }
        step.commands.push((*group, Command::Trim(Box::new(Trim { partition: key, contents }))));
        (step.next, step.again) = (Some(at), is_cut.then_some(before));
        Ok(true)
    }

    fn is_old(&self, accepted_ms: UnixMillis) -> bool {
        has_had_its_time(accepted_ms, self.policy, self.now)
    }

    /// What is to be done about a group as a whole.
    fn review(&self, group: &GroupKey, record: &Group, here: Place, step: &mut Step) -> Result<(), Error> {
        let (mut receipts, mut after, mut others) = (Vec::new(), None, true);
        for _page in 0..RECEIPT_PAGES {
            let rows = self.snapshot.receipts_of_group(group, after.as_ref(), ROWS)?;
            let is_last_page = rows.len() < ROWS;
            after = rows.last().map(|(key, _)| *key);
            let found = rows.len();
            let before = receipts.len();
            receipts.extend(rows.into_iter().filter(|(_, known)| self.is_old(known.accepted_ms)).map(|(key, _)| key));
            let are_all_old = receipts.len() - before == found;
            others = !is_last_page || !are_all_old;
            if is_last_page || receipts.len() >= ROWS {
                break;
            }
        }
        let is_empty = !others && self.snapshot.partitions(group, &[], None, 1)?.is_empty();
        let is_idle = self.may_end_groups && self.now >= record.used_ms.saturating_add(self.policy.idle_ms);
        if !receipts.is_empty() || is_empty || (is_idle && record.deleted_ms.is_none()) {
            // More receipts are looked at where there were as many as one step removes.
            step.again = (receipts.len() >= ROWS).then_some(here);
            step.commands.push((*group, Command::Review(Review { receipts, is_empty, may_end: self.may_end_groups })));
        }
        Ok(())
    }

    fn presentations(&self, place: Place) -> Result<Step, Error> {
        let after = place.presentation.map(|known| (known.group, known.partition, known.user));
        let rows = self.snapshot.presentations(after.as_ref(), ROWS)?;
        let is_last_page = rows.len() < ROWS;
        let last = rows.last().map(|row| Presented { group: row.group, partition: row.partition, user: row.user });
        let mut commands: Vec<(GroupKey, Command)> = Vec::new();
        for row in rows.into_iter().filter(|row| is_stale(row.at_ms, self.policy, self.now)) {
            let stale = (row.partition, row.user);
            match commands.last_mut() {
                Some((group, Command::Lapse(lapse))) if *group == row.group => lapse.presentations.push(stale),
                Some(_) | None => commands.push((row.group, Command::Lapse(Lapse { presentations: vec![stale] }))),
            }
        }
        let next = (!is_last_page).then_some(Place { presentation: last, ..place });
        Ok(Step { commands, next, ..Step::default() })
    }
}
