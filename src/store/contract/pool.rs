//! KeyPackages, tokens and marks of answered requests.

use bytes::Bytes;
use tempfile::TempDir;

use super::{Open, samples::tag};
use crate::{
    mls::{CipherSuite, ProtocolVersion},
    pool::{
        Account, Expiry, ExpiryOf, Handle, Item, LapsedMarks, LastResort, Place, Reference, ReferenceKey, ReplayMark,
        Shelf, Stock, StockKey, Transition,
    },
    store::{Batch, PoolBatch, Snapshot, Store},
    wire::{ClientId, TokenHandle},
};

pub(crate) fn stock_key(number: u8) -> StockKey {
    StockKey {
        user: tag(number),
        client: ClientId::new([0xc1; 16]),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(0x0102),
    }
}

fn item(number: u32) -> Item {
    Item { number, reference: ReferenceKey([0xef; 32]), length: 9, expires_ms: 1_800_000_000_000 }
}

fn mark(number: u8, expires_ms: u64) -> ReplayMark {
    ReplayMark { digest: [number; 32], expires_ms }
}

/// Every kind of row, for a user of that number.
pub(crate) fn batch(number: u8) -> PoolBatch {
    let key = stock_key(number);
    let reference = ReferenceKey([number; 32]);
    let mut batch = PoolBatch::default();
    let stock = Stock {
        next_number: 8,
        items: 1,
        first: Some(item(6)),
        last_resort: Some(LastResort { item: item(7), uses: 3, last_used_ms: 4 }),
    };
    let record = Reference {
        stock: key,
        last_resort: true,
        expires_ms: 1_800_000_000_000,
        handed_out_ms: Some(1_700_000_000_001),
        joined: true,
    };
    let handle = Handle { minted_ms: 1, period: 4, revoked: true, uses: 2, last_used_ms: 3 };
    batch.push(Transition {
        accounts: vec![(
            key.user,
            Account { generation: 2, handles: 1, references: 7, shelves: vec![Shelf::from(&key)] },
        )],
        stocks: vec![(key, Some(stock))],
        items: vec![((key, item(6).place()), Some(item(6)))],
        packages: vec![((key, 6), Some(Bytes::from_static(b"a KeyPackage")))],
        references: vec![(reference, Some(record))],
        handles: vec![((key.user, TokenHandle::new([0x4a; 16])), Some(handle))],
        token_period: Some(5),
        inbox: super::inbox::changes(number),
        expiries: vec![
            Expiry { due_ms: 1_800_000_000_000, of: ExpiryOf::Stock(key) },
            Expiry { due_ms: 1_900_000_000_000, of: ExpiryOf::Reference(reference) },
            Expiry { due_ms: 1_700_000_000_600, of: ExpiryOf::Letter(super::inbox::letter_key(number)) },
            Expiry { due_ms: 1_700_000_000_500, of: ExpiryOf::Ticket(super::inbox::ticket_key(number)) },
        ],
        cleared_expiries: Vec::new(),
    });
    batch.marks.push(mark(number, 1_700_000_120_000));
    batch.marks_lapsed_ms = Some(1_600_000_000_000);
    batch
}

/// A batch is taken apart field by field: a new kind of row does not compile until it is looked for.
pub(crate) fn assert_holds(snapshot: &dyn Snapshot, batch: &PoolBatch) {
    let PoolBatch {
        accounts,
        stocks,
        items,
        packages,
        references,
        handles,
        token_period,
        inbox,
        expiries,
        marks,
        lapsed_marks,
        marks_lapsed_ms,
    } = batch;
    for (user, account) in accounts {
        assert_eq!(snapshot.account(user).unwrap().as_ref(), Some(account));
    }
    for (key, stock) in stocks {
        assert_eq!(snapshot.stock(key).unwrap(), *stock);
    }
    for (key, items) in items {
        for (place, item) in items {
            let found = snapshot.items(key, *place, 1).unwrap().first().copied();
            assert_eq!(found.filter(|found| found.place() == *place), *item);
        }
    }
    for ((key, number), package) in packages {
        assert_eq!(snapshot.package(key, *number).unwrap(), *package);
    }
    for (key, reference) in references {
        assert_eq!(snapshot.reference(key).unwrap(), *reference);
    }
    for ((user, handle), record) in handles {
        assert_eq!(snapshot.handle(user, handle).unwrap(), *record);
    }
    if let Some(period) = token_period {
        assert_eq!(snapshot.token_period().unwrap(), *period);
    }
    if let Some(lapsed_ms) = marks_lapsed_ms {
        assert_eq!(snapshot.marks_lapsed().unwrap(), *lapsed_ms);
    }
    super::inbox::assert_holds(snapshot, inbox);
    let due = snapshot.expiries(u64::MAX, 1000).unwrap();
    for (expiry, is_due) in expiries {
        assert_eq!(due.contains(expiry), *is_due, "{expiry:?}");
    }
    let found = snapshot.replay_marks(None, 1000).unwrap();
    assert!(marks.iter().all(|mark| found.contains(mark)), "{found:?}");
    let lapsed =
        |mark: &ReplayMark| lapsed_marks.iter().any(|span| (span.first_ms..=span.last_ms).contains(&mark.expires_ms));
    assert!(!found.iter().any(lapsed), "{found:?}");
}

fn commit(store: &dyn Store, pool: PoolBatch) {
    store.commit(&Batch { pool, ..Batch::default() }).unwrap();
}

pub(crate) fn rows_are_told_apart_by_all_of_their_key(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let key = stock_key(1);
    let others = [
        StockKey { user: tag(2), ..key },
        StockKey { client: ClientId::new([0xc2; 16]), ..key },
        StockKey { cipher_suite: CipherSuite(0x0103), ..key },
    ];
    commit(&*store, batch(1));
    let snapshot = store.snapshot().unwrap();
    for other in others {
        assert_eq!(snapshot.stock(&other).unwrap(), None);
        assert_eq!(snapshot.items(&other, Place::FIRST, 10).unwrap(), []);
        assert_eq!(snapshot.package(&other, 6).unwrap(), None);
    }
    assert_eq!(snapshot.package(&key, 7).unwrap(), None);
    // Before what is there, and behind it.
    for (user, handle) in [(0, 0x4a), (2, 0x4a), (1, 0x49), (1, 0x4b)] {
        assert_eq!(snapshot.account(&tag(user)).unwrap().is_some(), user == 1);
        assert_eq!(snapshot.handle(&tag(user), &TokenHandle::new([handle; 16])).unwrap(), None);
    }
    assert_eq!(snapshot.reference(&ReferenceKey([2; 32])).unwrap(), None);
}

pub(crate) fn rows_are_replaced_and_removed(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    commit(&*store, batch(1));
    let key = stock_key(1);
    let mut change = PoolBatch::default();
    change.push(Transition {
        stocks: vec![(key, None)],
        items: vec![((key, item(6).place()), None)],
        packages: vec![((key, 6), None)],
        references: vec![(ReferenceKey([1; 32]), None)],
        handles: vec![((key.user, TokenHandle::new([0x4a; 16])), None)],
        token_period: Some(6),
        ..Transition::default()
    });
    change.lapsed_marks.push(LapsedMarks { first_ms: 1_700_000_120_000, last_ms: 1_700_000_120_000 });
    commit(&*store, change.clone());
    let snapshot = store.snapshot().unwrap();
    assert_holds(&*snapshot, &change);
    assert!(snapshot.account(&key.user).unwrap().is_some(), "what was not named stays");
}

pub(crate) fn accounts_are_paged_in_order(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut set = PoolBatch::default();
    let account = |generation| Account { generation, ..Account::default() };
    let row = |number: u8| (tag(number), Ok(account(number.into())));
    let accounts = [3, 1, 0xff, 2].map(|number| (tag(number), account(number.into())));
    set.push(Transition { accounts: accounts.into(), ..Transition::default() });
    commit(&*store, set);
    let snapshot = store.snapshot().unwrap();
    let first = snapshot.accounts(None, 2).unwrap();
    assert_eq!(first, [row(1), row(2)]);
    let rest = snapshot.accounts(first.last().map(|(user, _)| user), 10).unwrap();
    assert_eq!(rest, [row(3), row(0xff)]);
    assert_eq!(snapshot.accounts(Some(&tag(0xff)), 10).unwrap(), []);
}

pub(crate) fn items_are_listed_by_stock_in_order(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    // Byte for byte 0x00ff comes before 0x0100, in both parts.
    let item = |expires_ms, number| Item { expires_ms, ..item(number) };
    let items = [item(0x0100, 0x00ff), item(0x0100, 0x0100), item(0x00ff, 0x0200), item(0x0200, 1)];
    let mut set = PoolBatch::default();
    let of = |key: StockKey, item: Item| ((key, item.place()), Some(item));
    let rows = items.map(|item| of(stock_key(1), item)).into_iter().chain([of(stock_key(2), item(0x0100, 7))]);
    set.push(Transition { items: rows.collect(), ..Transition::default() });
    commit(&*store, set);
    let snapshot = store.snapshot().unwrap();
    let numbers = |from, limit| {
        let found = snapshot.items(&stock_key(1), from, limit).unwrap();
        found.iter().map(|item| item.number).collect::<Vec<_>>()
    };
    assert_eq!(numbers(Place::FIRST, usize::MAX), [0x0200, 0x00ff, 0x0100, 1]);
    assert_eq!(numbers(Place::FIRST, 2), [0x0200, 0x00ff]);
    assert!(numbers(Place::FIRST, 0).is_empty());
    assert_eq!(numbers(Place { expires_ms: 0x0100, number: 0x00ff }, 10), [0x00ff, 0x0100, 1], "from there on");
    assert_eq!(numbers(Place { expires_ms: 0x0100, number: 0x0101 }, 1), [1]);
    assert!(numbers(Place { expires_ms: 0x0201, number: 0 }, 1).is_empty());
}

pub(crate) fn expiries_are_due_earliest_first_until_they_are_cleared(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    // Byte for byte 0x00ff comes before 0x0100.
    let early = Expiry { due_ms: 0x00ff, of: ExpiryOf::Reference(ReferenceKey([9; 32])) };
    let late = Expiry { due_ms: 0x0100, of: ExpiryOf::Stock(stock_key(1)) };
    let mut set = PoolBatch::default();
    set.push(Transition { expiries: vec![late, early], ..Transition::default() });
    commit(&*store, set);
    let due = |now, limit| store.snapshot().unwrap().expiries(now, limit).unwrap();
    assert_eq!(due(0x00fe, 10), []);
    assert_eq!(due(0x0100, 10), [early, late]);
    assert_eq!(due(0x0100, 1), [early]);
    // Cleared and set again for the same moment: it stands.
    let mut again = PoolBatch::default();
    again.push(Transition { cleared_expiries: vec![early, late], expiries: vec![late], ..Transition::default() });
    commit(&*store, again);
    assert_eq!(due(u64::MAX, 10), [late]);
}

pub(crate) fn handles_are_listed_by_user_in_order(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let handles = [(1, 7), (1, 3), (2, 1), (1, 5)];
    let row = |(user, handle)| ((tag(user), TokenHandle::new([handle; 16])), Some(Handle::default()));
    let mut set = PoolBatch::default();
    set.push(Transition { handles: handles.map(row).into(), ..Transition::default() });
    commit(&*store, set);
    let listed = |limit| {
        let rows = store.snapshot().unwrap().handles(&tag(1), limit).unwrap();
        rows.iter().map(|(handle, _)| handle.as_bytes()[0]).collect::<Vec<_>>()
    };
    assert_eq!(listed(10), [3, 5, 7]);
    assert_eq!(listed(2), [3, 5]);
}

pub(crate) fn marks_are_paged_in_the_order_in_which_they_lapse(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let marks = vec![mark(5, 0x0100), mark(9, 0x00ff), mark(1, 0x0100)];
    commit(&*store, PoolBatch { marks, ..PoolBatch::default() });
    let snapshot = store.snapshot().unwrap();
    let first = snapshot.replay_marks(None, 2).unwrap();
    assert_eq!(first, [mark(9, 0x00ff), mark(1, 0x0100)]);
    assert_eq!(snapshot.replay_marks(first.last(), 2).unwrap(), [mark(5, 0x0100)]);
}

pub(crate) fn marks_lapse_together(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    assert_eq!(store.snapshot().unwrap().lapsed_marks(u64::MAX).unwrap(), None);
    let marks = vec![mark(9, 0x00ff), mark(0xff, 0x0100), mark(0, 0x0100), mark(0, 0x0101)];
    commit(&*store, PoolBatch { marks: marks.clone(), ..PoolBatch::default() });
    let lapsed = |now| store.snapshot().unwrap().lapsed_marks(now).unwrap();
    assert_eq!(lapsed(0x00fe), None);
    assert_eq!(lapsed(0x00ff), Some(LapsedMarks { first_ms: 0x00ff, last_ms: 0x00ff }));
    let two = LapsedMarks { first_ms: 0x00ff, last_ms: 0x0100 };
    assert_eq!(lapsed(0x0100), Some(two));
    assert_eq!(lapsed(u64::MAX), Some(LapsedMarks { first_ms: 0x00ff, last_ms: 0x0101 }));
    commit(&*store, PoolBatch { lapsed_marks: vec![two], ..PoolBatch::default() });
    assert_eq!(store.snapshot().unwrap().replay_marks(None, 10).unwrap(), marks[3..]);
    assert_eq!(lapsed(0x0100), None);
    // One that comes late, of a request that was under way for long.
    commit(&*store, PoolBatch { marks: vec![marks[1]], ..PoolBatch::default() });
    assert_eq!(lapsed(0x0100), Some(LapsedMarks { first_ms: 0x0100, last_ms: 0x0100 }));
}

/// As after all tokens of a user were revoked: what is left is found, and what was removed or never there is not.
pub(crate) fn handles_are_found_among_many_that_were_removed(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let row = |number: u16, record| {
        let mut handle = [0x77; 16];
        handle[..2].copy_from_slice(&number.to_be_bytes());
        ((tag(1), TokenHandle::new(handle)), record)
    };
    let write = |rows: Vec<_>| {
        let mut set = PoolBatch::default();
        set.push(Transition { handles: rows, ..Transition::default() });
        commit(&*store, set);
    };
    let kept = |uses| Some(Handle { uses, ..Handle::default() });
    write((0..2000).map(|number| row(number, kept(0))).collect());
    write((0..2000).filter(|number| *number != 1000).map(|number| row(number, None)).collect());
    // A row that is written often has versions that nobody sees any more, and others that this view does not see yet.
    let before = store.snapshot().unwrap();
    (1..50).for_each(|uses| write(vec![row(1000, kept(uses))]));
    let snapshot = store.snapshot().unwrap();
    for number in [0, 1, 500, 999, 1000, 1001, 1999, 2000] {
        let ((user, handle), _) = row(number, None);
        let wanted = if number == 1000 { kept(49) } else { None };
        assert_eq!(snapshot.handle(&user, &handle).unwrap(), wanted, "{number}");
        assert_eq!(before.handle(&user, &handle).unwrap().is_some(), wanted.is_some(), "{number}");
    }
}
