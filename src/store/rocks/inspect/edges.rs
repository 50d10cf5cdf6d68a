//! Whether partitions of a group know each other, from both ends, and can be found as what they are.

use super::{
    super::{keys, keys::kind, push_keys, snapshot::RocksSnapshot, values},
    count, each_of,
};
use crate::{
    sequencer::{Group, GroupKey, Parent, Partition},
    store::{Error, Inspection},
    wire::MaskedPartitionKey,
};

/// Counts what is wrong. Of a group that is deleted partitions go one by one, and edges lead nowhere meanwhile.
pub(super) fn compare(snapshot: &RocksSnapshot<'_>, inspection: &mut Inspection) -> Result<(), Error> {
    each_of(snapshot, kind::GROUP, |key, value| {
        let group = keys::parse_group(key).ok_or(Error::Corrupt("group"))?;
        let record: Group = values::decode(value, "group")?;
        if record.deleted_ms.is_none() {
            Edges { snapshot, key: group, root: record.root, faults: Faults::default() }.look(inspection)?;
        }
        Ok(())
    })
}

#[derive(Default)]
struct Faults {
    edges: u64,
    commits: u64,
    epochs: u64,
    unfound: u64,
    heads: u64,
    subscriptions: u64,
}

struct Edges<'a> {
    snapshot: &'a RocksSnapshot<'a>,
    key: GroupKey,
    root: MaskedPartitionKey,
    faults: Faults,
}

impl Edges<'_> {
    fn look(mut self, inspection: &mut Inspection) -> Result<(), Error> {
        let (snapshot, prefix) = (self.snapshot, keys::partitions(&self.key, &[]));
        let (mut heads, mut has_root) = (0, false);
        snapshot.scan(keys::STATE, &prefix, &prefix, |key, value| {
            let key = keys::parse_partition(key).ok_or(Error::Corrupt("partition"))?;
            let record: Partition = values::decode(value, "partition")?;
            has_root |= key == self.root && record.is_connected();
            heads += u64::from(record.is_head());
            self.above(&key, &record)?;
            self.below(&key, &record)?;
            self.found(&key, &record)?;
            Ok(true)
        })?;
        let listed = count(snapshot, &keys::heads(&self.key))?;
        let Faults { edges, commits, epochs, unfound, heads: missing, subscriptions } = self.faults;
        let faults = [
            ("edges that only one end knows", edges),
            ("edges that no commit has made", commits),
            ("epochs that do not follow the one above", epochs),
            ("partitions that are connected and cannot be found, or the other way round", unfound),
            ("heads that are not listed", missing),
            ("partitions that are listed as heads and are none", (listed + missing).saturating_sub(heads)),
            ("subscriptions that only the partition knows", subscriptions),
            ("groups without a root", u64::from(!has_root)),
        ];
        faults.into_iter().for_each(|(fault, times)| inspection.note(keys::STATE, fault, times));
        Ok(())
    }

    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Partition>, Error> {
        self.snapshot.record(keys::STATE, &keys::partition(&self.key, key), "partition")
    }

    /// The partition from which a commit leads here.
    fn above(&mut self, key: &MaskedPartitionKey, record: &Partition) -> Result<(), Error> {
        let Some(parent) = record.parent else {
            self.faults.epochs += u64::from(record.is_connected() && *key != self.root);
            return Ok(());
        };
        let Some(above) = self.partition(&parent.key)? else {
            self.faults.edges += 1;
            return Ok(());
        };
        let knows = above.children.iter().any(|child| child.key == *key && child.index == parent.index);
        self.faults.edges += u64::from(!knows);
        let epoch = above.epoch.and_then(|epoch| epoch.next());
        self.faults.epochs += u64::from(record.epoch != epoch);
        Ok(())
    }

    /// The partitions to which its commits lead.
    fn below(&mut self, key: &MaskedPartitionKey, record: &Partition) -> Result<(), Error> {
        for child in &record.children {
            let parent = Some(Parent { key: *key, index: child.index });
            let knows = self.partition(&child.key)?.is_some_and(|below| below.parent == parent);
            self.faults.edges += u64::from(!knows);
            // Retention may have removed the commit.
            if child.index >= record.first_index {
                let message = self.snapshot.row(keys::MESSAGES, &keys::message(&self.key, key, child.index))?;
                let commit = message.map(|value| values::decode_entry(&value)).transpose()?.and_then(|it| it.commit);
                self.faults.commits += u64::from(commit.is_none_or(|commit| commit.next != child.key));
            }
        }
        Ok(())
    }

    /// By which rows it is found.
    fn found(&mut self, key: &MaskedPartitionKey, record: &Partition) -> Result<(), Error> {
        let is_there = |row: Vec<u8>| Ok::<_, Error>(self.snapshot.row(keys::STATE, &row)?.is_some());
        let is_announced = is_there(keys::announced(key, &self.key))?;
        let mut misses = 0;
        if let Some(epoch) = record.epoch.filter(|_| record.is_head()) {
            misses = u64::from(!is_there(keys::head(&self.key, epoch, key))?);
        }
        let mut unknown = 0;
        for subscription in &record.subscriptions {
            unknown += u64::from(!is_there(push_keys::subscribed(&subscription.provider, &self.key, key))?);
        }
        self.faults.unfound += u64::from(is_announced != record.is_connected());
        self.faults.heads += misses;
        self.faults.subscriptions += unknown;
        Ok(())
    }
}
