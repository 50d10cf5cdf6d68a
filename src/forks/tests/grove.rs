//! Groups to draw.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    forks::Forest,
    mls::{CipherSuite, EpochNumber},
    sequencer::{Child, Cut, Forgotten, Group, GroupKey, Parent, Partition, Sign, Termination, UnixMillis},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

pub(super) const START: UnixMillis = 1_800_000_000_000;
pub(super) const MINUTE: UnixMillis = 60_000;
pub(super) const HOUR: UnixMillis = 60 * MINUTE;

pub(super) fn key(number: u32) -> MaskedPartitionKey {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    bytes[4..8].copy_from_slice(&0xfeed_beef_u32.to_be_bytes());
    MaskedPartitionKey::new(bytes)
}

fn provider(name: &str) -> ServiceProviderId {
    format!("{name}.example").parse().unwrap()
}

/// A group that grows partition by partition. The root is number 0.
pub(super) struct Grove(pub(super) Forest);

impl Grove {
    pub(super) fn new() -> Self {
        let group = Group::new(key(0), CipherSuite(1), [0; 32], START);
        let mut root = Partition::new(START, Some(EpochNumber(0)), None);
        root.record_use(&provider("hub"), START);
        let partitions = BTreeMap::from([(key(0), Arc::new(root))]);
        let (key, forgotten) = (GroupKey::new([0x4f; 32]), Forgotten::default());
        Self(Forest { key, group, partitions, is_cut: false, forgotten })
    }

    pub(super) fn change(&mut self, number: u32, change: impl FnOnce(&mut Partition)) {
        change(Arc::make_mut(self.0.partitions.get_mut(&key(number)).unwrap()));
    }

    /// A commit in `parent`, by somebody at `by`, announces that partition.
    pub(super) fn announce(&mut self, parent: u32, child: u32, by: &str, at_ms: UnixMillis) {
        let mut index = 0;
        self.change(parent, |parent| {
            index = parent.next_index;
            parent.next_index += 1;
            parent.children.push(Child { key: key(child), index, announced_ms: at_ms, cut: Cut::None });
            parent.forked_ms.get_or_insert(at_ms);
        });
        self.use_by(parent, by, at_ms);
        let epoch = self.0.partitions[&key(parent)].epoch.map(|epoch| EpochNumber(epoch.0 + 1));
        let mut partition = Partition::new(at_ms, epoch, Some(Parent { key: key(parent), index }));
        partition.announced_by = Some(provider(by));
        self.0.partitions.insert(key(child), Arc::new(partition));
    }

    pub(super) fn orphan(&mut self, number: u32, by: &str, at_ms: UnixMillis) {
        self.0.partitions.insert(key(number), Arc::new(Partition::new(at_ms, None, None)));
        self.say(number, by, at_ms);
    }

    pub(super) fn use_by(&mut self, number: u32, by: &str, at_ms: UnixMillis) {
        self.change(number, |partition| {
            partition.record_use(&provider(by), at_ms);
        });
    }

    pub(super) fn say(&mut self, number: u32, by: &str, at_ms: UnixMillis) {
        self.use_by(number, by, at_ms);
        self.change(number, |partition| partition.next_index += 1);
    }

    pub(super) fn show(&mut self, number: u32, sign: Sign, at_ms: UnixMillis) {
        self.change(number, |partition| {
            partition.evidence.note(sign, at_ms);
        });
        self.0.group.evidence.note(sign, at_ms);
    }

    pub(super) fn terminate(&mut self, top: u32, at_ms: UnixMillis) {
        let parent = self.0.partitions[&key(top)].parent.unwrap();
        let below: Vec<_> = self.0.below(key(top)).into_iter().map(|(key, _)| key).collect();
        for found in below {
            let partition = Arc::make_mut(self.0.partitions.get_mut(&found).unwrap());
            partition.terminated = Some(Termination { top: key(top), at_ms });
            partition.children.iter_mut().for_each(|child| child.cut = Cut::Above);
        }
        let above = Arc::make_mut(self.0.partitions.get_mut(&parent.key).unwrap());
        above.children.iter_mut().filter(|child| child.key == key(top)).for_each(|child| child.cut = Cut::Here);
    }

    /// A chain of so many below `parent`, numbered from `first` on.
    pub(super) fn chain(&mut self, parent: u32, first: u32, length: u32, by: &str) {
        let mut above = parent;
        for number in first..first + length {
            self.announce(above, number, by, START + u64::from(number) * MINUTE);
            above = number;
        }
    }
}

/// A group that somebody has forked: a long line, a fork with evidence, an ended branch, and an orphan.
pub(super) fn forked() -> Grove {
    let mut grove = Grove::new();
    for name in ["hub", "north", "south", "east"] {
        grove.use_by(0, name, START);
    }
    grove.chain(0, 1, 100, "north");
    grove.use_by(100, "south", START + 100 * MINUTE);
    grove.announce(100, 201, "east", START + 101 * MINUTE);
    grove.announce(100, 101, "south", START + 102 * MINUTE);
    for name in ["hub", "north", "south"] {
        grove.use_by(101, name, START + 103 * MINUTE);
    }
    grove.use_by(201, "east", START + 104 * MINUTE);
    grove.show(100, Sign::RivalChildren, START + 104 * MINUTE);
    grove.chain(201, 202, 5, "east");
    grove.chain(101, 102, 7, "north");
    for number in 300..330 {
        grove.announce(108, number, "east", START + 200 * MINUTE);
    }
    grove.announce(108, 109, "south", START + 201 * MINUTE);
    grove.say(109, "south", START + 5 * HOUR);
    grove.announce(105, 400, "east", START + 150 * MINUTE);
    grove.use_by(400, "east", START + 151 * MINUTE);
    grove.terminate(400, START + 4 * HOUR);
    grove.orphan(500, "east", START + 4 * HOUR);
    grove
}
