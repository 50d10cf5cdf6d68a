//! One look of retention at what is kept: a bounded number of rows, and what is to be done about them.
//!
//! What cannot be read is counted and passed over, with whatever cannot be judged without it.

use super::{
    contents::contents,
    place::{Place, Presented, Receipts, Within},
};
use crate::{
    sequencer::{
        Command, Expire, Fate, Group, GroupKey, Lapse, Partition, Policy, Review, Trim, UnixMillis, UserTag, fate,
        has_had_its_time, is_stale,
    },
    service::view::SnapshotView,
    store::{Error, Removed, Snapshot},
    wire::MaskedPartitionKey,
};

/// Partitions looked at in one step, of all its groups.
const PARTITIONS: usize = 64;
/// Receipts, and presentations, looked at in one step.
const ROWS: usize = 256;

/// Groups looked at in one step, when there is nothing to do about them.
const GROUPS: usize = 64;

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

impl Step {
    /// Goes on there, behind something that cannot be read.
    fn pass_over(next: Option<Place>) -> Self {
        Self { next, looked: Removed { unreadable: 1, ..Removed::default() }, ..Self::default() }
    }

    /// A presentation is to be forgotten, together with others of its group.
    fn lapse(&mut self, group: GroupKey, stale: (MaskedPartitionKey, UserTag)) {
        match self.commands.last_mut() {
            Some((of, Command::Lapse(lapse))) if *of == group => lapse.presentations.push(stale),
            Some(_) | None => self.commands.push((group, Command::Lapse(Lapse { presentations: vec![stale] }))),
        }
    }
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
        let (mut looked, mut room) = (Removed::default(), PARTITIONS);
        for _group in 0..GROUPS {
            let mut step =
                if place.are_groups_done { self.presentations(place)? } else { self.next_group(place, room)? };
            room = room.saturating_sub(usize::try_from(step.looked.partitions).unwrap_or(PARTITIONS));
            looked.groups += step.looked.groups;
            looked.partitions += step.looked.partitions;
            looked.unreadable += step.looked.unreadable;
            let is_cut = step.next.is_some_and(|next| next.receipts.is_some());
            let is_enough = room == 0 || place.are_groups_done || is_cut;
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

    fn next_group(&self, place: Place, room: usize) -> Result<Step, Error> {
        let (group, record) = match place.group_under_way() {
            Some(group) => (group, self.snapshot.group(&group).and_then(|found| found.ok_or(Error::Corrupt("group")))),
            None => match self.snapshot.groups_after(place.group.as_ref(), 1).map(|mut rows| rows.pop()) {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Step { next: Some(Place::BEHIND_GROUPS), ..Step::default() }),
                // Nobody knows what comes behind a key that is none.
                Err(Error::Corrupt(_)) => return Ok(Step::pass_over(Some(Place::BEHIND_GROUPS))),
                Err(error) => return Err(error),
            },
        };
        let looked = record.and_then(|record| match place.receipts {
            Some(receipts) => self.review((group, &record), receipts, Step::default()),
            None => self.group(place, (group, &record), room),
        });
        match looked {
            Err(Error::Corrupt(_)) => Ok(Step::pass_over(Some(Place::behind(group)))),
            looked => looked,
        }
    }

    /// Some partitions of a group, no more than there is room for, up to the first one that is to be removed, and behind the last of them the group itself.
    fn group(&self, place: Place, (group, record): (GroupKey, &Group), room: usize) -> Result<Step, Error> {
        let mut step = Step { next: Some(Place::behind(group)), ..Step::default() };
        if record.is_tombstone() {
            return Ok(step);
        }
        let after = place.partition.map(|within| within.partition);
        let partitions = self.snapshot.partitions_after(&group, after.as_ref(), room)?;
        let is_last_page = partitions.len() < room;
        let mut before = place;
        for (key, partition) in partitions {
            step.looked.partitions += 1;
            let at = Place { partition: Some(Within { group, partition: key }), ..place };
            let partition =
                partition.and_then(|found| self.partition((group, record), (key, &found), (before, at), &mut step));
            match partition {
                Ok(true) => return Ok(step),
                Ok(false) => {}
                Err(Error::Corrupt(_)) => step.looked.unreadable += 1,
                Err(error) => return Err(error),
            }
            before = at;
        }
        step.next = Some(before);
        if is_last_page {
            return self.review((group, record), Receipts::of(group), step);
        }
        Ok(step)
    }

    /// What is to be done about a partition. Returns whether there is something.
    fn partition(
        &self,
        (group, record): (GroupKey, &Group),
        (key, partition): (MaskedPartitionKey, &Partition),
        (before, at): (Place, Place),
        step: &mut Step,
    ) -> Result<bool, Error> {
        let view = SnapshotView { group, snapshot: self.snapshot };
        match fate(&view, record, partition, self.policy, self.now)? {
            Fate::Stays if record.deleted_ms.is_some() && !partition.held.is_empty() => {
                // Nobody will ever release them.
                let expire = Expire { partition: key, due_ms: self.now, contents: None };
                step.commands.push((group, Command::Expire(expire)));
                step.next = Some(at);
                Ok(true)
            }
            Fate::Stays => Ok(false),
            Fate::Awaits(awaited) => {
                step.awaited = Some((group, awaited));
                (step.next, step.again) = (Some(at), Some(before));
                Ok(true)
            }
            Fate::IsEmptied | Fate::IsRemoved => self.trim(&group, (key, partition), (before, at), step),
        }
    }

    /// What is too young in a partition stays, and whatever belongs to the partition with it.
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

    /// Some receipts of a group, and behind the last of them what is to be done about the group as a whole.
    fn review(&self, (group, record): (GroupKey, &Group), from: Receipts, mut step: Step) -> Result<Step, Error> {
        let rows = self.snapshot.receipts_of_group(&group, from.after.as_ref(), ROWS)?;
        let (is_last_page, last) = (rows.len() < ROWS, rows.last().map(|(key, _)| *key));
        let (mut receipts, mut others) = (Vec::new(), from.others);
        for (key, receipt) in rows {
            match receipt {
                Ok(receipt) if self.is_old(receipt.accepted_ms) => receipts.push(key),
                Ok(_) => others = true,
                Err(Error::Corrupt(_)) => {
                    step.looked.unreadable += 1;
                    others = true;
                }
                Err(error) => return Err(error),
            }
        }
        let (mut is_empty, mut is_idle) = (false, false);
        step.next = Some(Place { receipts: Some(Receipts { after: last, others, ..from }), ..Place::default() });
        if is_last_page {
            step.next = Some(Place::behind(group));
            step.looked.groups += 1;
            is_empty = !others && self.snapshot.partitions_after(&group, None, 1)?.is_empty();
            is_idle = record.deleted_ms.is_none()
                && self.may_end_groups
                && self.now >= record.used_ms.saturating_add(self.policy.idle_ms);
        }
        if !receipts.is_empty() || is_empty || is_idle {
            let review = Review { receipts, is_empty, may_end: is_idle };
            step.commands.push((group, Command::Review(review)));
        }
        Ok(step)
    }

    fn presentations(&self, place: Place) -> Result<Step, Error> {
        let after = place.presentation.map(|known| (known.group, known.partition, known.user));
        let rows = match self.snapshot.presentations(after.as_ref(), ROWS) {
            Err(Error::Corrupt(_)) => return Ok(Step::pass_over(None)),
            rows => rows?,
        };
        let last = rows.last().map(|((group, partition, user), _)| (*group, *partition, *user));
        let next = last.filter(|_| rows.len() == ROWS).map(|(group, partition, user)| Place {
            presentation: Some(Presented { group, partition, user }),
            ..place
        });
        let mut step = Step { next, ..Step::default() };
        for ((group, partition, user), at_ms) in rows {
            match at_ms {
                Ok(at_ms) if is_stale(at_ms, self.policy, self.now) => step.lapse(group, (partition, user)),
                Ok(_) => {}
                Err(Error::Corrupt(_)) => step.looked.unreadable += 1,
                Err(error) => return Err(error),
            }
        }
        Ok(step)
    }
}
