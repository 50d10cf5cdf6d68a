//! Timers: found when due, in the order in which they are due, until they are cleared.

use tempfile::TempDir;

use super::{
    Open,
    samples::{group, partition},
};
use crate::{
    sequencer::{GroupKey, Outcome, Timer, Transition},
    store::Batch,
    wire::MaskedPartitionKey,
};

fn timer(due_ms: u64, number: u8) -> (GroupKey, Timer) {
    (group(number), Timer { due_ms, partition: partition(number) })
}

pub(crate) fn are_due_earliest_first(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    // Byte for byte 0x00ff comes before 0x0100; written in no order.
    let timers = vec![timer(0x0100, 3), timer(0x00ff, 9), timer(u64::MAX, 1), timer(0, 7), timer(0x0100, 2)];
    store.commit(&Batch { timers, ..Batch::default() }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.due(0, 10).unwrap(), [timer(0, 7)]);
    assert_eq!(snapshot.due(0xff, 10).unwrap(), [timer(0, 7), timer(0x00ff, 9)]);
    let at_once = snapshot.due(0x0100, 10).unwrap();
    assert_eq!(at_once[..2], [timer(0, 7), timer(0x00ff, 9)]);
    assert_eq!(at_once.len(), 4);
    assert!(at_once[2..].contains(&timer(0x0100, 2)) && at_once[2..].contains(&timer(0x0100, 3)));
    assert_eq!(snapshot.due(0x0100, 2).unwrap(), at_once[..2], "as many as were asked for");
    assert_eq!(snapshot.due(u64::MAX, 10).unwrap().len(), 5);
}

pub(crate) fn end_when_they_are_cleared(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let both = |due_ms| (group(1), Timer { due_ms, partition: MaskedPartitionKey::NONE });
    store.commit(&Batch { timers: vec![both(1), both(2), timer(1, 5)], ..Batch::default() }).unwrap();
    // A timer that moves: cleared and set in one transition. One that was never set can be cleared as well.
    let mut moved = Batch::default();
    moved.push(
        group(1),
        Transition {
            cleared_timers: vec![both(1).1, both(9).1],
            timers: vec![both(3).1],
            ..Transition::unchanged(Outcome::Done)
        },
    );
    store.commit(&moved).unwrap();
    assert_eq!(store.snapshot().unwrap().due(10, 10).unwrap(), [timer(1, 5), both(2), both(3)]);
    // Cleared and set again for the same moment: it stands.
    let mut set_again = Batch::default();
    set_again.push(
        group(1),
        Transition { cleared_timers: vec![both(2).1], timers: vec![both(2).1], ..Transition::unchanged(Outcome::Done) },
    );
    store.commit(&set_again).unwrap();
    assert_eq!(store.snapshot().unwrap().due(10, 10).unwrap(), [timer(1, 5), both(2), both(3)]);
}
