//! Budgets: all of them, page by page, because every start adds them up.

use tempfile::TempDir;

use super::{
    Open,
    samples::{group, provider},
};
use crate::{sequencer::Usage, store::Batch};

pub(crate) fn are_paged_in_order_without_gaps(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut batch = Batch::default();
    // One name is the beginning of another, and groups are at the edges.
    let names = ["a.example", "a.example.org", "a-b.example", "b.example", "x.y.z.example"];
    for name in names {
        for number in [0x00, 0x01, 0x2e, 0xff] {
            let usage = Usage { partitions: number.into(), bytes: name.len() as u64 };
            batch.budgets.insert((provider(name), group(number)), usage);
        }
    }
    store.commit(&batch).unwrap();
    let snapshot = store.snapshot().unwrap();
    let all = snapshot.budgets(None, 1000).unwrap();
    assert_eq!(all.len(), 20);
    for (provider, group, usage) in &all {
        assert_eq!(batch.budgets.get(&(provider.clone(), *group)), Some(usage));
    }
    for limit in [1, 3, 20, 21] {
        let (mut paged, mut after) = (Vec::new(), None);
        loop {
            let rows = snapshot.budgets(after.as_ref(), limit).unwrap();
            assert!(rows.len() <= limit);
            let Some((provider, group, _)) = rows.last() else { break };
            after = Some((provider.clone(), *group));
            paged.extend(rows);
        }
        assert_eq!(paged, all, "pages of {limit}");
    }
    let between = (provider("a.example"), group(0x02));
    assert_eq!(snapshot.budgets(Some(&between), 1).unwrap()[0].1, group(0x2e), "also after a row that is not there");
}

pub(crate) fn of_nothing_are_no_rows(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let row = (provider("a.example"), group(1));
    for usage in [Usage { partitions: 0, bytes: 1 }, Usage { partitions: 1, bytes: 0 }, Usage::default()] {
        store.commit(&Batch { budgets: [(row.clone(), usage)].into(), ..Batch::default() }).unwrap();
        let snapshot = store.snapshot().unwrap();
        assert_eq!(snapshot.budget(&row.0, &row.1).unwrap(), usage);
        assert_eq!(snapshot.budgets(None, 10).unwrap().len(), usize::from(!usage.is_nothing()));
    }
}
