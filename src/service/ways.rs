//! Where groups fork, as a lane remembers it: what each commit of a member asks, however deep its group is.

use std::{collections::VecDeque, num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use crate::{
    mls::EpochNumber,
    sequencer::{Fork, GroupKey},
    wire::MaskedPartitionKey,
};

/// Groups that are used at the same time, in a few MiB.
const GROUPS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");
/// Partitions of one: its newest epochs, on few branches.
const PARTITIONS_MAX: usize = 4;
/// Forks of all of them, in 20 MiB.
const FORKS_MAX: usize = 262_144;

/// The forks above the newest partitions of groups.
pub(super) struct Ways {
    groups: LruCache<GroupKey, VecDeque<Way>>,
    forks: usize,
}

struct Way {
    partition: MaskedPartitionKey,
    epoch: EpochNumber,
    forks: Arc<[Fork]>,
}

fn number(ways: &VecDeque<Way>) -> usize {
    ways.iter().map(|way| way.forks.len()).sum()
}

impl Ways {
    pub(super) fn new() -> Self {
        Self { groups: LruCache::new(GROUPS_MAX), forks: 0 }
    }

    pub(super) fn forks(&mut self, group: &GroupKey, partition: &MaskedPartitionKey) -> Option<Arc<[Fork]>> {
        let ways = self.groups.get(group)?;
        ways.iter().find(|way| way.partition == *partition).map(|way| way.forks.clone())
    }

    /// Those of a partition of that epoch, of which none were known.
    pub(super) fn keep(
        &mut self,
        group: GroupKey,
        (partition, epoch): (MaskedPartitionKey, EpochNumber),
        forks: Arc<[Fork]>,
    ) {
        self.forks += forks.len();
        let mut ways = self.groups.pop(&group).unwrap_or_default();
        if ways.len() == PARTITIONS_MAX {
            self.forks -= ways.pop_front().map_or(0, |oldest| oldest.forks.len());
        }
        ways.push_back(Way { partition, epoch, forks });
        if let Some((_, pushed_out)) = self.groups.push(group, ways) {
            self.forks -= number(&pushed_out);
        }
        while self.forks > FORKS_MAX
            && let Some((_, oldest)) = self.groups.pop_lru()
        {
            self.forks -= number(&oldest);
        }
    }

    /// Forgets those of partitions of that epoch, and of later ones.
    pub(super) fn forget(&mut self, group: &GroupKey, from: EpochNumber) {
        let Some(ways) = self.groups.peek_mut(group) else { return };
        ways.retain(|way| {
            let stays = way.epoch < from;
            self.forks -= if stays { 0 } else { way.forks.len() };
            stays
        });
    }

    pub(super) fn clear(&mut self) {
        self.groups.clear();
        self.forks = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::sequencer::{Child, Cut, Parent, Partition, bent_from, forks_above};

    const GROUP: GroupKey = GroupKey::new([7; 32]);

    fn key(number: usize) -> MaskedPartitionKey {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        MaskedPartitionKey::new(bytes)
    }

    fn forks(number: usize) -> Arc<[Fork]> {
        let fork = |epoch| Fork { partition: key(0), via: key(1), epoch: EpochNumber(epoch) };
        (0..number as u64).map(fork).collect()
    }

    /// A tree whose records change one by one, and what is known of its ways.
    struct Tree {
        partitions: BTreeMap<MaskedPartitionKey, Arc<Partition>>,
        ways: RefCell<Ways>,
    }

    impl Tree {
        fn new() -> Self {
            let root = Partition::new(0, Some(EpochNumber(0)), None);
            Self { partitions: BTreeMap::from([(key(0), Arc::new(root))]), ways: RefCell::new(Ways::new()) }
        }

        fn at(&self, chosen: usize) -> MaskedPartitionKey {
            key(chosen % self.partitions.len())
        }

        fn change(&mut self, at: MaskedPartitionKey, change: impl FnOnce(&mut Partition)) {
            let before = self.partitions[&at].clone();
            let mut after = (*before).clone();
            change(&mut after);
            if let Some(from) = bent_from(&before, &after) {
                self.ways.borrow_mut().forget(&GROUP, from);
            }
            self.partitions.insert(at, Arc::new(after));
        }

        fn announce(&mut self, above: MaskedPartitionKey) {
            let (child, parent) = (key(self.partitions.len()), Parent { key: above, index: 0 });
            let epoch = self.partitions[&above].epoch.and_then(EpochNumber::next);
            self.partitions.insert(child, Arc::new(Partition::new(0, epoch, Some(parent))));
            self.change(above, |above| {
                above.children.push(Child { key: child, index: 0, announced_ms: 0, cut: Cut::None })
            });
        }

        /// A leaf is announced from elsewhere.
        fn take(&mut self, leaf: MaskedPartitionKey, above: MaskedPartitionKey) {
            let Some(before) = self.partitions[&leaf].parent.map(|parent| parent.key) else { return };
            if leaf == above || !self.partitions[&leaf].children.is_empty() {
                return;
            }
            self.change(before, |before| before.children.retain(|child| child.key != leaf));
            let epoch = self.partitions[&above].epoch.and_then(EpochNumber::next);
            self.change(above, |above| {
                above.children.push(Child { key: leaf, index: 0, announced_ms: 0, cut: Cut::None })
            });
            self.change(leaf, |leaf| (leaf.epoch, leaf.parent) = (epoch, Some(Parent { key: above, index: 0 })));
        }

        /// The operator ends what the last commit there has announced, or takes that back.
        fn turn(&mut self, at: MaskedPartitionKey) {
            self.change(at, |at| {
                if let Some(child) = at.children.last_mut() {
                    child.cut = if child.cut == Cut::None { Cut::Here } else { Cut::None };
                }
            });
        }

        fn read(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Infallible> {
            Ok(self.partitions.get(key).cloned())
        }

        /// What is remembered is what is there, and where nothing forks any more perhaps as well.
        fn compare(&self, at: MaskedPartitionKey) {
            let partition = self.partitions[&at].clone();
            let there = forks_above((&at, &partition), |key| self.read(key), |_| None).unwrap();
            let known = |key: &MaskedPartitionKey| self.ways.borrow_mut().forks(&GROUP, key);
            let remembered = known(&at).unwrap_or_else(|| {
                let forks = forks_above((&at, &partition), |key| self.read(key), known).unwrap();
                self.ways.borrow_mut().keep(GROUP, (at, partition.epoch.unwrap()), forks.clone());
                forks
            });
            let still_forks = |fork: &&Fork| {
                let record = &self.partitions[&fork.partition];
                record.children.iter().filter(|child| child.cut == Cut::None).count() != 1
            };
            let left: Vec<&Fork> = remembered.iter().filter(|fork| still_forks(fork) || there.contains(fork)).collect();
            assert_eq!(left, there.iter().collect::<Vec<_>>());
            for fork in &*remembered {
                assert_eq!(self.partitions[&fork.via].parent.map(|parent| parent.key), Some(fork.partition));
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_remembered_is_what_a_walk_finds(steps in vec((0..8_u8, any::<usize>(), any::<usize>()), 1..120)) {
            let mut tree = Tree::new();
            for (what, one, other) in steps {
                // Mostly where the group is, as groups do.
                let newest = tree.at(tree.partitions.len() - 1 - one % tree.partitions.len().min(3));
                let (one, other) = (tree.at(one), tree.at(other));
                match what {
                    0..4 => tree.announce(newest),
                    4 => tree.announce(one),
                    5 => tree.take(newest, other),
                    6 => tree.turn(one),
                    _ => tree.turn(newest),
                }
                tree.compare(newest);
                tree.compare(other);
            }
        }
    }

    #[test]
    fn a_new_epoch_looks_at_its_parent_alone() {
        let mut tree = Tree::new();
        for number in 0..100 {
            tree.announce(key(number));
            tree.compare(key(number));
        }
        let (at, looks) = (key(100), RefCell::new(Vec::new()));
        let read = |key: &MaskedPartitionKey| {
            looks.borrow_mut().push(*key);
            tree.read(key)
        };
        let known = |key: &MaskedPartitionKey| tree.ways.borrow_mut().forks(&GROUP, key);
        assert!(forks_above((&at, &tree.partitions[&at]), read, known).unwrap().is_empty());
        assert_eq!(looks.into_inner(), [key(99)]);
    }

    #[test]
    fn only_so_many_partitions_of_a_group_and_forks_of_all_are_remembered() {
        let mut ways = Ways::new();
        for number in 0..6 {
            ways.keep(GROUP, (key(number), EpochNumber(number as u64)), forks(number));
        }
        let known = |ways: &mut Ways, number| ways.forks(&GROUP, &key(number)).map(|forks| forks.len());
        assert_eq!([0, 1, 2, 5].map(|number| known(&mut ways, number)), [None, None, Some(2), Some(5)]);
        assert_eq!(ways.forks, 2 + 3 + 4 + 5);
        ways.forget(&GROUP, EpochNumber(4));
        assert_eq!([3, 4, 5].map(|number| known(&mut ways, number)), [Some(3), None, None]);
        assert_eq!(ways.forks, 2 + 3);

        let other = GroupKey::new([8; 32]);
        ways.keep(other, (key(0), EpochNumber(0)), forks(FORKS_MAX - 4));
        assert_eq!((known(&mut ways, 3), ways.forks), (None, FORKS_MAX - 4), "the oldest group went");
        ways.clear();
        assert_eq!((ways.forks(&other, &key(0)), ways.forks), (None, 0));
        for number in 0..=GROUPS_MAX.get() {
            let mut bytes = [0; 32];
            bytes[..8].copy_from_slice(&number.to_be_bytes());
            ways.keep(GroupKey::new(bytes), (key(0), EpochNumber(0)), forks(1));
        }
        assert_eq!(ways.forks, GROUPS_MAX.get());
    }
}
