//! Several writers, each with groups of its own, and readers of all of them.

use std::{
    collections::HashSet,
    sync::{
        Barrier,
        atomic::{AtomicUsize, Ordering},
    },
};

use tempfile::TempDir;

use super::{
    Open,
    atomicity::{Seen, assert_one_step, step},
    samples::{group, partition},
};
use crate::store::Batch;

/// As lanes do: one writer for a group, many at the same time.
pub(crate) fn writers_of_different_groups_and_readers_do_not_disturb_each_other(open: Open) {
    const WRITERS: u8 = 4;
    const STEPS: u32 = 60;
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let (barrier, writing) = (Barrier::new(usize::from(WRITERS) + 2), AtomicUsize::new(WRITERS.into()));
    let readers = [Seen::default(), Seen::default()];
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (store, barrier, writing, readers) = (&store, &barrier, &writing, &readers);
            scope.spawn(move || {
                barrier.wait();
                for (count, number) in (0..STEPS).enumerate() {
                    let mut batch = step(group(writer), number);
                    // One key in all groups, opened and removed again and again in one of them.
                    batch.announced.push((group(writer), partition(1)));
                    batch.entries.push((group(writer), partition(2), 0, super::samples::entry(1, 10)));
                    store.commit(&batch).unwrap();
                    let removed = vec![(group(writer), partition(2))];
                    store.commit(&Batch { removed, ..Batch::default() }).unwrap();
                    let own = store.snapshot().unwrap();
                    assert_eq!(assert_one_step(&*own, group(writer)), Some(number), "its own writes at once");
                    assert_eq!(own.messages(&group(writer), &partition(2), 0, 1).unwrap().entries, []);
                    if count % 15 == 14 {
                        readers.iter().for_each(|seen| seen.await_states(count / 15 + 1));
                    }
                }
                writing.fetch_sub(1, Ordering::AcqRel);
            });
        }
        for reader in &readers {
            let (store, barrier, writing) = (&store, &barrier, &writing);
            scope.spawn(move || {
                barrier.wait();
                let mut seen = HashSet::new();
                while writing.load(Ordering::Acquire) > 0 {
                    let snapshot = store.snapshot().unwrap();
                    let steps = (0..WRITERS).map(|writer| assert_one_step(&*snapshot, group(writer)));
                    if seen.insert(steps.collect::<Vec<_>>()) {
                        reader.add();
                    }
                }
                assert!(seen.len() > 3);
            });
        }
    });
    let snapshot = store.snapshot().unwrap();
    for writer in 0..WRITERS {
        assert_eq!(assert_one_step(&*snapshot, group(writer)), Some(STEPS - 1));
    }
    assert_eq!(snapshot.announced(&partition(1), 100).unwrap().len(), usize::from(WRITERS));
}
