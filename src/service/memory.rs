//! What a lane remembers, so that a decision seldom reads the store.

use std::{cell::RefCell, num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use crate::{
    sequencer::{Group, GroupKey, Link, Partition},
    store::Batch,
    wire::MaskedPartitionKey,
};

/// A partition of a group.
type Row = (GroupKey, MaskedPartitionKey);

/// Records that a lane, their only writer, keeps at hand.
pub(super) struct Memory {
    groups: RefCell<LruCache<GroupKey, Arc<Group>>>,
    partitions: RefCell<LruCache<Row, Arc<Partition>>>,
    links: RefCell<LruCache<Row, Link>>,
}

/// A record of a group has some hundred bytes, and one of a partition about two thousand: 64 MiB of both, soon reached and
/// never more. What is not among them is read from the store.
const GROUPS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");
const PARTITIONS_MAX: NonZeroUsize = NonZeroUsize::new(32_768).expect("not zero");
/// Each commit of a member walks up 512 of them: the ways of 256 groups that are as deep, in 32 MiB at most.
const LINKS_MAX: NonZeroUsize = NonZeroUsize::new(131_072).expect("not zero");

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            groups: RefCell::new(LruCache::new(GROUPS_MAX)),
            partitions: RefCell::new(LruCache::new(PARTITIONS_MAX)),
            links: RefCell::new(LruCache::new(LINKS_MAX)),
        }
    }

    pub(super) fn group(&self, group: &GroupKey) -> Option<Arc<Group>> {
        self.groups.borrow_mut().get(group).cloned()
    }

    pub(super) fn partition(&self, row: &Row) -> Option<Arc<Partition>> {
        self.partitions.borrow_mut().get(row).cloned()
    }

    pub(super) fn link(&self, row: &Row) -> Option<Link> {
        self.links.borrow_mut().get(row).copied()
    }

    /// Remembers what was read.
    pub(super) fn keep_group(&self, group: GroupKey, record: Arc<Group>) {
        self.groups.borrow_mut().put(group, record);
    }

    /// The same of a partition.
    pub(super) fn keep_partition(&self, row: Row, record: Arc<Partition>) {
        self.partitions.borrow_mut().put(row, record);
    }

    /// The same of what leads past one.
    pub(super) fn keep_link(&self, row: Row, link: Link) {
        self.links.borrow_mut().put(row, link);
    }

    /// Remembers what a batch has made durable.
    pub(super) fn absorb(&self, batch: Batch) {
        let (mut groups, mut partitions) = (self.groups.borrow_mut(), self.partitions.borrow_mut());
        let mut links = self.links.borrow_mut();
        for (key, group) in batch.groups {
            groups.put(key, group);
        }
        for (key, partition) in batch.partitions {
            // Nobody comes by what has no children.
            if partition.children.is_empty() {
                links.pop(&key);
            } else {
                links.put(key, Link::of(&partition));
            }
            partitions.put(key, partition);
        }
        for key in &batch.removed {
            partitions.pop(key);
            links.pop(key);
        }
    }

    /// Forgets everything, after somebody else wrote.
    pub(super) fn forget(&self) {
        self.groups.borrow_mut().clear();
        self.partitions.borrow_mut().clear();
        self.links.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sequencer::{Child, Cut, Parent, State},
        service::{ledger::Ledger, setup::Setup, view::LaneView},
        store::Store,
    };

    const GROUP: GroupKey = GroupKey::new([7; 32]);
    const ROOT: MaskedPartitionKey = MaskedPartitionKey::new([0; 32]);
    const FIRST: MaskedPartitionKey = MaskedPartitionKey::new([1; 32]);
    const SECOND: MaskedPartitionKey = MaskedPartitionKey::new([2; 32]);

    fn record(parent: Option<MaskedPartitionKey>, children: &[(MaskedPartitionKey, Cut)]) -> Partition {
        let child = |&(key, cut): &(MaskedPartitionKey, Cut)| Child { key, index: 0, announced_ms: 1, cut };
        let parent = parent.map(|key| Parent { key, index: 0 });
        Partition { children: children.iter().map(child).collect(), ..Partition::new(0, None, parent) }
    }

    fn batch(records: impl IntoIterator<Item = (MaskedPartitionKey, Partition)>) -> Batch {
        let rows = records.into_iter().map(|(key, record)| ((GROUP, key), Arc::new(record)));
        Batch { partitions: rows.collect(), ..Batch::default() }
    }

    #[tokio::test]
    async fn links_outlive_the_memory_of_records_and_change_with_them() {
        let setup = Setup::new();
        let (snapshot, ledger) = (setup.store.snapshot().unwrap(), Ledger::load(&*setup.store).unwrap());
        let memory = Memory::new();
        let link = |batch: &Batch, key| {
            let view = LaneView { group: GROUP, batch, memory: &memory, snapshot: &*snapshot, ledger: &ledger };
            State::link(&view, &key).unwrap()
        };
        let remembered = |batch| {
            memory.absorb(batch);
            memory.partitions.borrow_mut().clear();
            [ROOT, FIRST].map(|key| link(&Batch::default(), key))
        };
        let sole = |parent, child| Some(Link { parent, sole_rival: Some(child) });
        let none = |parent| Some(Link { parent, sole_rival: None });
        let way = [(ROOT, record(None, &[(FIRST, Cut::None)])), (FIRST, record(Some(ROOT), &[(SECOND, Cut::None)]))];
        assert_eq!(link(&batch(way.clone()), FIRST), sole(Some(ROOT), SECOND), "before it is durable");
        assert_eq!(remembered(batch(way.clone())), [sole(None, FIRST), sole(Some(ROOT), SECOND)]);

        let forked = batch([(ROOT, record(None, &[(FIRST, Cut::None), (SECOND, Cut::None)]))]);
        assert_eq!(link(&forked, ROOT), none(None), "of the batch at hand");
        assert_eq!(remembered(forked), [none(None), sole(Some(ROOT), SECOND)]);
        let ended = record(None, &[(FIRST, Cut::Here), (SECOND, Cut::None)]);
        assert_eq!(remembered(batch([(ROOT, ended)])), [sole(None, SECOND), sole(Some(ROOT), SECOND)]);
        // Taken from below the one and adopted by the other, which has nothing left below it.
        let moved = [(ROOT, record(None, &[(SECOND, Cut::None)])), (FIRST, record(Some(SECOND), &[]))];
        assert_eq!(remembered(batch(moved)), [sole(None, SECOND), None]);

        memory.absorb(Batch { removed: vec![(GROUP, ROOT)], ..batch(way.clone()) });
        assert_eq!(remembered(Batch::default()), [None, sole(Some(ROOT), SECOND)]);
        memory.absorb(batch(way));
        memory.forget();
        assert_eq!(remembered(Batch::default()), [None, None]);
    }
}
