//! How far retention looks for states that are derived from what it would remove.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    memory::{Hub, Rows},
    *,
};
use crate::{
    mls::{CipherSuite, EpochNumber},
    wire::MaskedPartitionKey,
};

const GROUP: GroupKey = GroupKey::new([1; 32]);
/// More than there are steps of that look.
const LOST: u32 = 2 * Replay::COMMITS_MAX + 1;

fn key(number: u32) -> MaskedPartitionKey {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&number.to_be_bytes());
    MaskedPartitionKey::new(key)
}

fn public(replay: Replay) -> Public {
    let (digest, tree_hash) = (StateDigest([7; 32]), TreeHash(vec![7; 32]));
    Public { digest, roster: Owners::default().roster(), tree_hash, verified: None, replay }
}

/// A root in which so many commits lost a race, and the state of the epoch that the first one has made. Of what the others
/// have announced nothing is known.
fn hub(replay: Replay) -> Hub {
    let root = key(0);
    let mut partitions = BTreeMap::new();
    let mut above = Partition::new(0, Some(EpochNumber(5)), None);
    for index in 0..=LOST {
        let next = key(index + 1);
        above.children.push(Child { key: next, index, announced_ms: 0, cut: Cut::None });
        partitions.insert(next, Partition::new(0, Some(EpochNumber(6)), Some(Parent { key: root, index })));
    }
    above.public = Some(public(Replay::of_checkpoint(1_000)));
    partitions.get_mut(&key(1)).unwrap().public = Some(public(replay));
    partitions.insert(root, above);
    let group = Group::new(root, CipherSuite(handmade::SUITE), [0; 32], 0);
    let partitions = partitions.into_iter().map(|(key, record)| (key, Arc::new(record))).collect();
    let mut hub = Hub::default();
    hub.groups.insert(GROUP, Rows { group: Some(Arc::new(group)), partitions, ..Rows::default() });
    hub
}

fn is_emptied(hub: &Hub) -> bool {
    let policy = Policy::default();
    let commands = hub.retention(GROUP, &policy, policy.retention_ms);
    commands.iter().any(|command| matches!(command, Command::Trim(trim) if trim.partition == key(0)))
}

/// However many there are: nobody asks for states of epochs that have none.
#[test]
fn commits_that_lost_a_race_keep_nothing_waiting() {
    let derived = Replay::of_checkpoint(1_000).then(100);
    assert!(!is_emptied(&hub(derived)), "the state is derived from what would go");
    assert!(is_emptied(&hub(Replay::of_checkpoint(1_000))), "it has a checkpoint");
}
