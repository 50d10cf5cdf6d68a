//! A batch is one step.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;

use super::{
    Open,
    samples::{assert_holds, batch, entry, group, group_record, partition, provider, repeat_key, tag},
};
use crate::{
    sequencer::{Blob, BlobKey, Charge, Group, GroupKey, Partition, Receipt, Usage},
    store::{Batch, Presentation, Snapshot},
};

/// What one step leaves in every kind of row.
pub(crate) fn step(group: GroupKey, number: u32) -> Batch {
    let key = partition(1);
    let mut record = Partition::new(0, None, None);
    record.next_index = number + 1;
    record.bytes = 100 * u64::from(record.next_index);
    let usage = Usage { partitions: 1, bytes: u64::from(number) + 1 };
    record.charges.push(Charge { provider: provider("hub.example"), usage });
    let receipt = Receipt { accepted_ms: 0, index: number, commits_before: 0 };
    let mut batch = Batch::default();
    batch.groups.insert(group, Arc::new(Group { created_ms: number.into(), ..group_record() }));
    batch.partitions.insert((group, key), Arc::new(record));
    batch.entries.push((group, key, number, entry(number.into(), 100)));
    batch.repeats.insert((group, key, repeat_key(u8::try_from(number % 256).unwrap())), receipt);
    batch.blobs.push((group, Blob::new(&number.to_be_bytes().to_vec().into())));
    batch.budgets.insert((provider("hub.example"), group), usage);
    batch.presentations.push(Presentation { group, partition: key, user: tag(1), at_ms: number.into() });
    batch
}

/// All rows are of one and the same step. Returns which.
pub(crate) fn assert_one_step(snapshot: &dyn Snapshot, group: GroupKey) -> Option<u32> {
    let key = partition(1);
    let Some(record) = snapshot.group(&group).unwrap() else {
        assert_eq!(snapshot.partition(&group, &key).unwrap(), None);
        assert_eq!(snapshot.messages(&group, &key, 0, u64::MAX).unwrap().entries, []);
        return None;
    };
    let number = u32::try_from(record.created_ms).unwrap();
    assert_eq!(snapshot.partition(&group, &key).unwrap().unwrap().next_index, number + 1);
    let page = snapshot.messages(&group, &key, 0, u64::MAX).unwrap();
    assert!(page.entries.iter().map(|(index, _)| *index).eq(0..=number), "dense, and no further than {number}");
    let repeat = repeat_key(u8::try_from(number % 256).unwrap());
    assert_eq!(snapshot.repeat(&group, &key, &repeat).unwrap().unwrap().index, number);
    assert!(snapshot.blob(&group, &BlobKey::of(&number.to_be_bytes())).unwrap().is_some());
    assert!(snapshot.blob(&group, &BlobKey::of(&(number + 1).to_be_bytes())).unwrap().is_none());
    assert_eq!(snapshot.budget(&provider("hub.example"), &group).unwrap().bytes, u64::from(number) + 1);
    assert_eq!(snapshot.presented(&group, &key, &tag(1)).unwrap(), Some(number.into()));
    Some(number)
}

/// How many states a reader has seen. Writers wait for it now and then: on a loaded machine they would be done before
/// it has looked twice.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    states: Mutex<usize>,
    changed: Condvar,
}

impl Seen {
    pub(crate) fn add(&self) {
        *self.states.lock().unwrap() += 1;
        self.changed.notify_all();
    }

    pub(crate) fn states(&self) -> usize {
        *self.states.lock().unwrap()
    }

    /// Until there are so many, or for a while: it is the reader who complains.
    pub(crate) fn await_states(&self, count: usize) {
        let patience = Duration::from_secs(30);
        let states = self.states.lock().unwrap();
        drop(self.changed.wait_timeout_while(states, patience, |states| *states < count).unwrap());
    }
}

/// A reader who looks all the time never sees a part of a step.
pub(crate) fn a_batch_is_seen_whole_or_not_at_all(open: Open) {
    const STEPS: u32 = 150;
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let (seen, done) = (Seen::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut last = None;
            while !done.load(Ordering::Acquire) {
                let number = assert_one_step(&*store.snapshot().unwrap(), group(1));
                assert!(number >= last, "{number:?} after {last:?}");
                if number != last {
                    seen.add();
                }
                last = number;
            }
        });
        for (count, number) in (0..STEPS).enumerate() {
            store.commit(&step(group(1), number)).unwrap();
            if count % 30 == 29 {
                seen.await_states(count / 30 + 1);
            }
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap();
        assert!(seen.states() > 3, "the reader saw the store change");
    });
    assert_eq!(assert_one_step(&*store.snapshot().unwrap(), group(1)), Some(STEPS - 1));
}

pub(crate) fn nothing_of_an_empty_batch_is_written(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let rows = batch(group(1));
    store.commit(&rows).unwrap();
    store.commit(&Batch::default()).unwrap();
    assert_holds(&*store.snapshot().unwrap(), &rows);
}
