//! Snapshots: consistent, unchanging, and never behind a commit that has returned.

use tempfile::TempDir;

use super::{
    Open,
    atomicity::{assert_one_step, step},
    samples::{assert_holds, batch, group, partition, provider},
};
use crate::store::Batch;

pub(crate) fn a_snapshot_does_not_change(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let rows = batch(group(1));
    store.commit(&rows).unwrap();
    let before = store.snapshot().unwrap();
    // Overwritten, appended to, announced, removed, timed and charged meanwhile.
    let mut later = batch(group(1));
    for record in later.partitions.values_mut() {
        std::sync::Arc::make_mut(record).next_index += 100;
    }
    later.announced.push((group(2), partition(0x10)));
    later.budgets.insert((provider("later.example"), group(1)), crate::sequencer::Usage { partitions: 1, bytes: 1 });
    store.commit(&later).unwrap();
    store.commit(&step(group(1), 0)).unwrap();
    store.commit(&Batch { removed: vec![(group(1), partition(0x10))], ..Batch::default() }).unwrap();
    store.commit(&Batch { cleared_timers: rows.timers.clone(), ..Batch::default() }).unwrap();

    assert_holds(&*before, &rows);
    assert_eq!(before.announced(&partition(0x10), 10).unwrap(), [group(1)]);
    assert_eq!(before.budgets(None, 10).unwrap().len(), 1);
    assert_eq!(before.due(u64::MAX, 10).unwrap(), rows.timers);
    let after = store.snapshot().unwrap();
    assert_eq!(after.partition(&group(1), &partition(0x10)).unwrap(), None);
    assert_eq!(after.due(u64::MAX, 10).unwrap(), []);
}

pub(crate) fn a_snapshot_after_a_commit_sees_it(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for number in 0..50 {
        store.commit(&step(group(1), number)).unwrap();
        // From another thread too: what is acknowledged is there for everybody.
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| assert_one_step(&*store.snapshot().unwrap(), group(1))).join().unwrap()
        });
        assert_eq!(seen, Some(number));
    }
}
