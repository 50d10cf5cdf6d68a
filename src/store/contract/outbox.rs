//! Welcomes that wait, and their dispatches.

use tempfile::TempDir;

use super::{
    Open,
    samples::{dispatch_key, group, outgoing_record, partition, provider, welcome_name, welcome_row},
};
use crate::{
    sequencer::{Dispatch, DispatchKey, Outgoing, WelcomeName},
    store::Batch,
};

pub(crate) fn is_paged_in_order_without_gaps(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut batch = Batch::default();
    for number in 0..5_u8 {
        let name = WelcomeName { partition: partition(9 - number), ..welcome_name() };
        batch.outgoing.insert((group(1), name), Some(Outgoing { bytes: number.into(), ..outgoing_record() }));
    }
    let of_creation = WelcomeName { commit: None, ..welcome_name() };
    batch.outgoing.insert((group(0xff), of_creation), Some(outgoing_record()));
    store.commit(&batch).unwrap();
    let snapshot = store.snapshot().unwrap();
    let all = snapshot.undelivered(None, 100).unwrap();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|(group, name, record)| batch.outgoing[&(*group, *name)].as_ref() == Some(record)));
    assert_eq!((all[5].0, all[5].1), (group(0xff), of_creation));
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = snapshot.undelivered(after.as_ref(), 2).unwrap();
        let Some((group, name, _)) = page.last() else { break };
        after = Some((*group, *name));
        assert!(page.len() <= 2);
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

/// Names of which one begins with the other are two providers.
pub(crate) fn lists_each_provider_once_and_its_deliveries_earliest_first(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut batch = Batch::default();
    for (number, to) in (0_u8..).zip(["b.example", "b.exam", "a.example", "b.example.org"]) {
        for due_ms in [300, 5, 0x1_0000] {
            let key = dispatch_key(to, due_ms + u64::from(number));
            batch.dispatches.insert((group(number), key), Some(Dispatch::default()));
        }
    }
    store.commit(&batch).unwrap();
    let snapshot = store.snapshot().unwrap();
    let (mut found, mut after) = (Vec::new(), None);
    while let Some(next) = snapshot.addressee(after.as_ref()).unwrap() {
        found.push(next.as_str().to_owned());
        after = Some(next);
    }
    assert_eq!(found, ["a.example", "b.exam", "b.example", "b.example.org"]);
    let due = |limit| {
        let rows = snapshot.dispatches(&provider("b.example"), limit).unwrap();
        assert!(rows.iter().all(|(of, key)| *of == group(0) && key.provider == provider("b.example")));
        rows.into_iter().map(|(_, key)| key.due_ms).collect::<Vec<_>>()
    };
    assert_eq!(due(10), [5, 300, 0x1_0000]);
    assert_eq!(due(2), [5, 300]);
}

pub(crate) fn forgets_what_is_done(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let other = WelcomeName { partition: partition(0x77), ..welcome_name() };
    let mut batch = Batch::default();
    for name in [welcome_name(), other] {
        batch.welcomes.push((group(1), welcome_row(name)));
        batch.outgoing.insert((group(1), name), Some(outgoing_record()));
        let key = DispatchKey { welcome: name, ..dispatch_key("hub.example", 5) };
        batch.dispatches.insert((group(1), key), Some(Dispatch::default()));
    }
    store.commit(&batch).unwrap();
    let mut done = Batch::default();
    done.outgoing.insert((group(1), welcome_name()), None);
    done.dispatches.insert((group(1), dispatch_key("hub.example", 5)), None);
    store.commit(&done).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.welcome(&group(1), &welcome_name()).unwrap(), None);
    assert_eq!(snapshot.outgoing(&group(1), &welcome_name()).unwrap(), None);
    assert_eq!(snapshot.dispatch(&group(1), &dispatch_key("hub.example", 5)).unwrap(), None);
    assert_eq!(snapshot.welcome(&group(1), &other).unwrap(), Some(welcome_row(other).data));
    assert_eq!(snapshot.undelivered(None, 10).unwrap(), [(group(1), other, outgoing_record())]);
    assert_eq!(snapshot.dispatches(&provider("hub.example"), 10).unwrap().len(), 1);
}
