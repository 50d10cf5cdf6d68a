//! Whether groups, partitions, messages, GroupInfos and Welcomes agree with each other.

use std::collections::BTreeMap;

use super::{
    super::{keys, keys::kind, push_keys, restored::GAP, snapshot::RocksSnapshot, values},
    count, each_of, rows_of,
};
use crate::{
    sequencer::{BlobKey, Dispatch, DispatchKey, Entry, GroupKey, Partition, WelcomeName},
    store::{Error, Inspection},
    wire::MaskedPartitionKey,
};

/// Counts what is wrong.
pub(super) fn compare(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    partitions(snapshot, inspection)?;
    // Presentations are not among them: those at other hubs have their partitions there.
    for family in [keys::REPEATS, keys::PUBLIC] {
        of_partitions(snapshot, family, inspection)?;
    }
    indexes_of_partitions(snapshot, inspection)?;
    welcomes(snapshot, inspection)
}

/// What the partitions of one group refer to.
#[derive(Default)]
struct References {
    group: Option<GroupKey>,
    counts: BTreeMap<BlobKey, u32>,
}

/// What was counted on the way, to be compared with how much there is.
#[derive(Default)]
struct Counted {
    messages: u64,
    blobs: u64,
}

fn partitions(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let (mut references, mut counted) = (References::default(), Counted::default());
    each_of(snapshot, kind::PARTITION, |key, value| {
        let (group, partition) = push_keys::parse_place(key).ok_or(Error::Corrupt("partition"))?;
        if references.group != Some(group) {
            counted.blobs += settle(snapshot, &mut references, inspection)?;
            references.group = Some(group);
            let has_record = snapshot.row(keys::STATE, &keys::group(&group))?.is_some();
            inspection.note(keys::STATE, "groups with partitions and without a record", u64::from(!has_record));
        }
        let record: Partition = values::decode(value, "partition")?;
        counted.messages += messages(snapshot, (&group, &partition), &record, &mut references, inspection)?;
        record.blobs().for_each(|blob| *references.counts.entry(blob).or_default() += 1);
        Ok(())
    })?;
    counted.blobs += settle(snapshot, &mut references, inspection)?;
    let (all, blobs) = (rows_of(inspection, keys::MESSAGES), rows_of(inspection, keys::BLOBS));
    inspection.note(keys::MESSAGES, "messages of no partition", all.saturating_sub(counted.messages));
    inspection.note(keys::BLOBS, "GroupInfos and trees that nothing refers to", blobs.saturating_sub(counted.blobs));
    let extra = count(snapshot, &[kind::BLOB_COUNT])?.saturating_sub(counted.blobs);
    inspection.note(keys::STATE, "counts of what nothing refers to", extra);
    Ok(())
}

/// Whether a partition's messages are those that its record says. Gives how many there are.
fn messages(
    snapshot: &RocksSnapshot<'_>,
    (group, partition): (&GroupKey, &MaskedPartitionKey),
    record: &Partition,
    references: &mut References,
    inspection: &mut Inspection,
) -> Result<u64, Error> {
    let prefix = keys::partition_prefix(group, partition);
    let (mut number, mut expected, mut misplaced) = (0, record.first_index, 0);
    let mut counters = Counters::default();
    snapshot.scan(keys::MESSAGES, &prefix, &prefix, |key, value| {
        let index = keys::parse_message_index(key).ok_or(Error::Corrupt("message"))?;
        misplaced += u64::from(!follows(expected, index));
        expected = index.saturating_add(1);
        number += 1;
        let entry = values::decode_entry(value)?;
        counters.count(index, &entry);
        if let Some((blob, _length)) = entry.commit.and_then(|commit| commit.group_info) {
            *references.counts.entry(blob).or_default() += 1;
        }
        Ok(true)
    })?;
    misplaced += u64::from(!follows(expected, record.next_index));
    inspection.note(keys::MESSAGES, "indexes that do not follow the one before", misplaced);
    let miscounted = !counters.fit(record);
    inspection.note(keys::STATE, "partitions that count other messages than there are", u64::from(miscounted));
    Ok(number)
}

/// What a partition's record says of its messages.
#[derive(Default)]
struct Counters {
    bytes: u64,
    commits: u32,
    last_commit: Option<u32>,
}

impl Counters {
    fn count(&mut self, index: u32, entry: &Entry) {
        let attached = entry.commit.and_then(|commit| commit.group_info).map_or(0, |(_blob, length)| length);
        self.bytes = self.bytes.saturating_add(entry.message.len() as u64).saturating_add(attached.into());
        if entry.commit.is_some() {
            self.commits = self.commits.saturating_add(1);
            self.last_commit = Some(index);
        }
    }

    /// Commits that retention has removed are still counted.
    fn fit(&self, record: &Partition) -> bool {
        let commits = if record.first_index.is_multiple_of(GAP) {
            (self.commits, self.last_commit) == (record.commits, record.last_commit)
        } else {
            self.commits <= record.commits && self.last_commit.is_none_or(|last| record.last_commit == Some(last))
        };
        commits && self.bytes == record.bytes
    }
}

/// Indexes are dense, but for those that a restore has passed over.
fn follows(expected: u32, index: u32) -> bool {
    index.checked_sub(expected).is_some_and(|between| between % GAP == 0) || index == u32::MAX
}

/// Compares what a group's partitions refer to with what is there, and how it is counted. Gives how many there are.
fn settle(
    snapshot: &RocksSnapshot<'_>,
    references: &mut References,
    inspection: &mut Inspection,
) -> Result<u64, Error> {
    let References { group, counts } = std::mem::take(references);
    let Some(group) = group else { return Ok(0) };
    let mut there = 0;
    for (blob, count) in counts {
        let counted: Option<u32> = snapshot.record(keys::STATE, &keys::blob_count(&group, &blob), "count")?;
        inspection.note(keys::STATE, "counts of references that are wrong", u64::from(counted != Some(count)));
        match snapshot.row(keys::BLOBS, &keys::blob(&group, &blob))? {
            Some(bytes) => {
                there += 1;
                let is_its_own = BlobKey::of(&bytes) == blob;
                inspection.note(keys::BLOBS, "GroupInfos and trees with other bytes", u64::from(!is_its_own));
            }
            None => inspection.note(keys::BLOBS, "GroupInfos and trees that are missing", 1),
        }
    }
    Ok(there)
}

/// Rows of a family whose keys begin with a partition belong to one that is there; with zeros in its place, to a group.
fn of_partitions(snapshot: &RocksSnapshot<'_>, family: &'static str, inspection: &mut Inspection) -> Result<(), Error> {
    let (mut last, mut is_there, mut dangling) = (None, true, 0);
    snapshot.scan(family, &[], &[], |key, _value| {
        let place = key.first_chunk::<{ push_keys::PLACE }>().ok_or(Error::Corrupt("place"))?;
        if last != Some(*place) {
            let (group, partition) = push_keys::parse_place(place).ok_or(Error::Corrupt("place"))?;
            let record = if partition == MaskedPartitionKey::NONE {
                keys::group(&group)
            } else {
                keys::partition(&group, &partition)
            };
            is_there = snapshot.row(keys::STATE, &record)?.is_some();
            last = Some(*place);
        }
        dangling += u64::from(!is_there);
        Ok(true)
    })?;
    inspection.note(family, "rows of no partition", dangling);
    Ok(())
}

/// Rows that lead to partitions lead to some that are there.
fn indexes_of_partitions(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let mut dangling = 0;
    each_of(snapshot, kind::ANNOUNCED, |key, _value| {
        // Here the partition comes first.
        let (partition, group) =
            key[1..].split_at_checked(MaskedPartitionKey::LENGTH).ok_or(Error::Corrupt("announcement"))?;
        let record = [&[kind::PARTITION], group, partition].concat();
        dangling += u64::from(snapshot.row(keys::STATE, &record)?.is_none());
        Ok(())
    })?;
    inspection.note(keys::STATE, "announcements of no partition", dangling);
    let mut dangling = 0;
    each_of(snapshot, kind::HEAD, |key, _value| {
        let group = key.get(1..1 + GroupKey::LENGTH).and_then(|group| group.try_into().ok());
        let group = GroupKey::new(group.ok_or(Error::Corrupt("head"))?);
        let partition = keys::parse_head(key).ok_or(Error::Corrupt("head"))?;
        dangling += u64::from(snapshot.row(keys::STATE, &keys::partition(&group, &partition))?.is_none());
        Ok(())
    })?;
    inspection.note(keys::STATE, "heads that are no partition", dangling);
    let mut dangling = 0;
    each_of(snapshot, kind::SUBSCRIBED, |key, _value| {
        let (provider, group, partition) = push_keys::parse_subscribed(key).ok_or(Error::Corrupt("subscription"))?;
        let record: Option<Partition> =
            snapshot.record(keys::STATE, &keys::partition(&group, &partition), "partition")?;
        let knows = |record: Partition| record.subscriptions.iter().any(|known| known.provider == provider);
        dangling += u64::from(!record.is_some_and(knows));
        Ok(())
    })?;
    inspection.note(keys::STATE, "subscriptions that no partition knows", dangling);
    Ok(())
}

/// A Welcome is there as long as its record, and what is to be brought has one.
fn welcomes(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    let (mut records, mut missing, mut dangling) = (0, 0, 0);
    each_of(snapshot, kind::OUTGOING, |key, _value| {
        records += 1;
        missing += u64::from(snapshot.row(keys::OUTBOX, &key[1..])?.is_none());
        Ok(())
    })?;
    each_of(snapshot, kind::DISPATCH, |key, value| {
        let (group, DispatchKey { welcome, .. }) = keys::parse_dispatch(key).ok_or(Error::Corrupt("dispatch"))?;
        let dispatch: Dispatch = values::decode(value, "dispatch")?;
        let is_there = snapshot.row(keys::STATE, &keys::outgoing(&group, &welcome))?.is_some();
        dangling += u64::from(!is_there && !may_have_come_again(snapshot, &group, &welcome, &dispatch)?);
        Ok(())
    })?;
    inspection.note(keys::OUTBOX, "Welcomes that are missing", missing);
    let extra = (rows_of(inspection, keys::OUTBOX) + missing).saturating_sub(records);
    inspection.note(keys::OUTBOX, "Welcomes without a record", extra);
    inspection.note(keys::STATE, "dispatches of no Welcome", dangling);
    Ok(())
}

/// Whether a partition of the Welcome's name is gone, or another one than when it was submitted: then a later Welcome may have
/// had the name and ended, and what is left of the earlier one goes when it is tried. That of a creation comes once.
fn may_have_come_again(
    snapshot: &RocksSnapshot<'_>,
    group: &GroupKey,
    welcome: &WelcomeName,
    dispatch: &Dispatch,
) -> Result<bool, Error> {
    let Some(commit) = welcome.commit else { return Ok(false) };
    for partition in [welcome.partition, commit.key] {
        let record: Option<Partition> =
            snapshot.record(keys::STATE, &keys::partition(group, &partition), "partition")?;
        if record.is_none_or(|record| record.created_ms > dispatch.submitted_ms) {
            return Ok(true);
        }
    }
    Ok(false)
}
