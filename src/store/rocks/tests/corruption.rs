//! Damage on disk: an error of the right kind for what is damaged, never a panic, never other data than was written,
//! and everything else is still served.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{super::inspect, RocksStore, keys, open, raw_rows, try_open};
use crate::{
    mls::EpochNumber,
    pool::{DeliveryKey, Place, ReferenceKey},
    sequencer::{BlobKey, GroupKey},
    store::{
        Batch, Error, Snapshot, Store,
        contract::{
            inbox::{letter_key, ticket_key},
            pool::stock_key,
            samples::{
                append, assert_holds, batch, dispatch_key, entry, group, partition, provider, repeat_key, tag,
                welcome_name,
            },
        },
    },
};

/// Rows, some of which may be errors in their places.
type Rows<N, T> = Vec<(N, Result<T, Error>)>;

/// The first error among them.
fn all_of<N, T>(rows: Result<Rows<N, T>, Error>) -> Result<(), Error> {
    rows?.into_iter().try_for_each(|(_, row)| row.map(drop))
}

/// Reads everything of the group that `batch` wrote. Returns the errors.
pub(super) fn errors(snapshot: &dyn Snapshot, group: &GroupKey) -> Vec<Error> {
    let key = partition(0x10);
    let [number, ..] = *group.as_bytes();
    let stock = stock_key(number);
    let outcomes = [
        snapshot.group(group).map(drop),
        snapshot.reservation(group).map(drop),
        snapshot.partition(group, &key).map(drop),
        snapshot.partition(group, &partition(0x12)).map(drop),
        snapshot.repeat(group, &key, &repeat_key(0x20)).map(drop),
        snapshot.messages(group, &key, 0, u64::MAX).map(drop),
        snapshot.blob(group, &BlobKey::of(b"a GroupInfo")).map(drop),
        snapshot.blob(group, &BlobKey::of(b"a tree")).map(drop),
        snapshot.blob_count(group, &BlobKey::of(b"a GroupInfo")).map(drop),
        snapshot.blob_count(group, &BlobKey::of(b"a tree")).map(drop),
        all_of(snapshot.receipts_of_group(group, None, 10)),
        all_of(snapshot.partitions_after(group, None, 10)),
        snapshot.budget(&provider("follower.example"), group).map(drop),
        snapshot.presented(group, &key, &tag(0x31)).map(drop),
        snapshot.followed(group, &partition(0x20)).map(drop),
        snapshot.kept(group, &partition(0x20), 0, u64::MAX).map(drop),
        snapshot.checkpoint(group, &partition(0x12)).map(drop),
        snapshot.owner_changes(group, &partition(0x12)).map(drop),
        snapshot.heads(group, EpochNumber(8), 10).map(drop),
        snapshot.highest_head(group).map(drop),
        snapshot.welcome(group, &welcome_name()).map(drop),
        snapshot.outgoing(group, &welcome_name()).map(drop),
        snapshot.dispatch(group, &dispatch_key("hub.example", 1_700_000_093_000)).map(drop),
        snapshot.account(&stock.user).map(drop),
        snapshot.stock(&stock).map(drop),
        snapshot.items(&stock, Place::FIRST, 10).map(drop),
        snapshot.package(&stock, 6).map(drop),
        snapshot.reference(&ReferenceKey([number; 32])).map(drop),
        snapshot.handles(&stock.user, 10).map(drop),
        snapshot.ticket(&ticket_key(number)).map(drop),
        snapshot.welcomed(&ReferenceKey([number; 32])).map(drop),
        snapshot.delivery(&DeliveryKey([number; 32])).map(drop),
        content(snapshot, &DeliveryKey([number; 32])),
        snapshot.letter(&letter_key(number)).map(drop),
        snapshot.mailbox(&tag(number)).map(drop),
    ];
    outcomes.into_iter().filter_map(Result::err).collect()
}

/// Reads a Welcome as long as its record says it is.
fn content(snapshot: &dyn Snapshot, key: &DeliveryKey) -> Result<(), Error> {
    match snapshot.delivery(key)? {
        Some(record) => snapshot.content(key, record.bytes).map(drop),
        None => Ok(()),
    }
}

/// The same for reads that go over all groups.
pub(super) fn scan_errors(snapshot: &dyn Snapshot) -> Vec<Error> {
    let outcomes = [
        snapshot.budgets(None, 100).map(drop),
        snapshot.walk().map(drop),
        snapshot.due(u64::MAX, 100).map(drop),
        snapshot.announced(&partition(0x10), 100).map(drop),
        snapshot.undelivered(None, 100).map(drop),
        snapshot.addressee(None).map(drop),
        snapshot.dispatches(&provider("hub.example"), 100).map(drop),
        all_of(snapshot.accounts(None, 100)),
        all_of(snapshot.groups_after(None, 100)),
        all_of(snapshot.presentations(None, 100)),
        snapshot.expiries(u64::MAX, 100).map(drop),
        snapshot.replay_marks(None, 100).map(drop),
        snapshot.lapsed_marks(u64::MAX).map(drop),
        snapshot.marks_lapsed().map(drop),
        snapshot.token_period().map(drop),
        snapshot.bans(None, 100).map(drop),
        snapshot.heard_bans().map(drop),
        snapshot.complaints().map(drop),
        snapshot.hub_share(None).map(drop),
        snapshot.hub_share(Some(&provider("third.example"))).map(drop),
    ];
    outcomes.into_iter().filter_map(Result::err).collect()
}

/// Whoever goes over all users reaches those behind it.
#[test]
fn a_damaged_account_is_an_error_in_its_place() {
    let folder = TempDir::new().unwrap();
    let (store, _healthy) = with_two_groups(folder.path());
    let before = store.snapshot().unwrap().accounts(None, 100).unwrap();
    let [(first, _), (_, Ok(_))] = &before[..] else { panic!("{before:?}") };
    store
        .db()
        .put_cf(store.family(keys::STATE).unwrap(), crate::store::rocks::pool_keys::account(first), b"garbage")
        .unwrap();
    let after = store.snapshot().unwrap().accounts(None, 100).unwrap();
    assert_eq!(after, [(*first, Err(Error::Corrupt("account"))), before[1].clone()]);
}

fn with_two_groups(folder: &Path) -> (RocksStore, Batch) {
    let store = open(folder);
    store.commit(&batch(group(1))).unwrap();
    let healthy = batch(group(2));
    store.commit(&healthy).unwrap();
    (store, healthy)
}

/// Whether no encoding of such a row can be cut or lengthened unnoticed.
fn has_one_length(family: &str, key: &[u8]) -> bool {
    match family {
        keys::STATE => {
            use keys::kind::{ANNOUNCED, EXPIRY, FORKED, HEAD, MARK, SUBSCRIBED, TIMER};
            !matches!(key[0], TIMER | ANNOUNCED | EXPIRY | FORKED | HEAD | MARK | SUBSCRIBED)
        }
        keys::REPEATS | keys::OUTBOX | keys::PRESENTED => true,
        _ => false,
    }
}

#[test]
fn a_damaged_value_is_an_error_and_the_other_group_is_served() {
    let folder = TempDir::new().unwrap();
    let (store, healthy) = with_two_groups(folder.path());
    let mut rows = 0;
    for family in keys::FAMILIES {
        // Groups are named by thirty-two bytes, users by sixteen.
        let of_first_group = |key: &[u8]| key.windows(16).any(|window| window == [1; 16]);
        for (key, value) in raw_rows(&store, family).into_iter().filter(|(key, _)| of_first_group(key)) {
            rows += 1;
            let handle = store.family(family).unwrap();
            let mut damages: Vec<Vec<u8>> = (0..value.len()).map(|length| value[..length].to_vec()).collect();
            damages.push([value.as_slice(), &[0]].concat());
            let lengths = damages.len();
            damages.extend((0..value.len()).map(|at| flipped(&value, at, 0xff)));
            damages.extend([vec![0xff; value.len()], vec![0xff; 200], vec![0; 200], b"garbage".repeat(50)]);
            for (number, damage) in damages.into_iter().enumerate() {
                store.db().put_cf(handle, &key, &damage).unwrap();
                let snapshot = store.snapshot().unwrap();
                let found = [errors(&*snapshot, &group(1)), scan_errors(&*snapshot)].concat();
                assert!(found.iter().all(|error| matches!(error, Error::Corrupt(_))), "{family}: {found:?}");
                if number < lengths && has_one_length(family, &key) {
                    assert!(!found.is_empty(), "{family} {}: {number} bytes went unnoticed", hex::encode(&key));
                }
                assert_eq!(errors(&*snapshot, &group(2)), []);
                if scan_errors(&*snapshot).is_empty() {
                    assert_holds(&*snapshot, &healthy);
                }
            }
            store.db().put_cf(handle, &key, &value).unwrap();
        }
    }
    assert!(rows >= 20, "only {rows} rows were damaged");
    assert_holds(&*store.snapshot().unwrap(), &batch(group(1)));
}

fn flipped(bytes: &[u8], at: usize, mask: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= mask;
    bytes
}

/// The heads of messages are ours: a kind that does not exist, a commit that ends too soon.
#[test]
fn a_message_s_head_is_checked() {
    let folder = TempDir::new().unwrap();
    let (store, _healthy) = with_two_groups(folder.path());
    let handle = store.family(keys::MESSAGES).unwrap();
    let key = keys::message(&group(1), &partition(0x10), 4);
    for value in [vec![], vec![0; 8], [vec![0; 8], vec![3]].concat(), [vec![0; 8], vec![1], vec![0; 31]].concat()] {
        store.db().put_cf(handle, &key, &value).unwrap();
        let read = store.snapshot().unwrap().messages(&group(1), &partition(0x10), 0, 100);
        assert_eq!(read, Err(Error::Corrupt("message")), "{value:?}");
    }
}

/// Rows whose keys nobody could have written.
#[test]
fn a_damaged_key_is_an_error_where_it_is_met() {
    let messages = keys::partition_prefix(&group(1), &partition(0x10));
    let announced = keys::announced_prefix(&partition(0x10));
    let head = keys::heads_of(&group(1), EpochNumber(8));
    let of_a_creation = [group(1).as_bytes().as_slice(), &[1; 32], &[0; 32]].concat();
    let strays: [(&'static str, Vec<u8>); 15] = [
        (keys::STATE, vec![keys::kind::TIMER]),
        (keys::STATE, [vec![keys::kind::TIMER], vec![0; 70]].concat()),
        (keys::STATE, [vec![keys::kind::TIMER], vec![0; 73]].concat()),
        (keys::STATE, vec![keys::kind::BUDGET]),
        (keys::STATE, [vec![keys::kind::BUDGET], b"NOT A NAME\0".to_vec(), vec![1; 32]].concat()),
        // The name is one, and does not end with a zero.
        (keys::STATE, [vec![keys::kind::BUDGET], b"hub.example\x01".to_vec(), vec![1; 32]].concat()),
        (keys::STATE, [announced, vec![1; 31]].concat()),
        (keys::STATE, [head, vec![1; 31]].concat()),
        (keys::STATE, [keys::heads(&group(1)), vec![0xff; 39]].concat()),
        (keys::MESSAGES, [messages.clone(), vec![1; 3]].concat()),
        (keys::MESSAGES, [messages, vec![1; 5]].concat()),
        (keys::STATE, vec![keys::kind::OUTGOING]),
        (keys::STATE, [vec![keys::kind::OUTGOING], vec![1; 101]].concat()),
        // Where no commit is, there is no index either.
        (keys::STATE, [vec![keys::kind::OUTGOING], of_a_creation, 1_u32.to_be_bytes().to_vec()].concat()),
        (keys::STATE, [keys::dispatches(&provider("hub.example")), vec![1; 109]].concat()),
    ];
    for (family, key) in strays {
        let folder = TempDir::new().unwrap();
        let (store, _healthy) = with_two_groups(folder.path());
        let healthy_value = raw_rows(&store, family).last().map(|(_, value)| value.clone()).unwrap_or_default();
        store.db().put_cf(store.family(family).unwrap(), &key, healthy_value).unwrap();
        let snapshot = store.snapshot().unwrap();
        let found = [errors(&*snapshot, &group(1)), scan_errors(&*snapshot)].concat();
        assert!(matches!(found.as_slice(), [Error::Corrupt(_)]), "{family} {}: {found:?}", hex::encode(&key));
        assert_eq!(errors(&*snapshot, &group(2)), []);
    }
}

/// Two groups with so many messages that they lie in different blocks, written out to a table file.
fn with_tables(folder: &Path) -> Batch {
    let store = open(folder);
    let mut rows = Batch::default();
    for number in [1, 2] {
        rows.entries.extend((0..200).map(|index| (group(number), partition(1), index, entry(index.into(), 1000))));
    }
    store.commit(&rows).unwrap();
    store.db().flush_cf(store.family(keys::MESSAGES).unwrap()).unwrap();
    rows
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn largest(folder: &Path, extension: &str) -> PathBuf {
    files(folder, extension).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap()
}

pub(super) fn flip_in_file(path: &Path, at: usize) {
    fs::write(path, flipped(&fs::read(path).unwrap(), at, 0x01)).unwrap();
}

/// One flipped bit in a table file, at places all over it.
#[test]
fn a_damaged_table_is_an_error_and_never_other_data() {
    let folder = TempDir::new().unwrap();
    let rows = with_tables(folder.path());
    let table = largest(folder.path(), "sst");
    let intact = fs::read(&table).unwrap();
    assert!(intact.len() > 400_000, "{}", intact.len());
    let (mut refused, mut half) = (0, 0);
    for place in 0..12 {
        let at = intact.len() * place / 12 + 100;
        flip_in_file(&table, at);
        match try_open(folder.path()) {
            Err(error) => {
                assert!(matches!(error, Error::Io(_)), "{error}");
                refused += 1;
            }
            Ok(store) => {
                let snapshot = store.snapshot().unwrap();
                let read = [1, 2].map(|number| read_all(&*snapshot, number, &rows));
                refused += usize::from(read.contains(&false));
                half += usize::from(read.iter().filter(|whole| **whole).count() == 1);
            }
        }
        fs::write(&table, &intact).unwrap();
    }
    assert!(refused >= 10, "{refused} of 12 places were noticed");
    assert!(half >= 8, "one group's damage is not the other's: {half}");
    assert!(read_all(&*open(folder.path()).snapshot().unwrap(), 1, &rows), "the file is intact again");
}

/// Whether all messages of that group can be read; what is read is what was written.
fn read_all(snapshot: &dyn Snapshot, number: u8, rows: &Batch) -> bool {
    match snapshot.messages(&group(number), &partition(1), 0, u64::MAX) {
        Ok(page) => {
            let written = rows.entries.iter().filter(|row| row.0 == group(number));
            assert!(page.entries.iter().eq(written.map(|row| (row.2, row.3.clone())).collect::<Vec<_>>().iter()));
            true
        }
        Err(error) => {
            assert!(matches!(error, Error::Unreadable { family: keys::MESSAGES, .. }), "{error}");
            false
        }
    }
}

/// A flipped bit in the middle of the log of recent writes: what was acknowledged behind it must not vanish silently.
#[test]
fn a_damaged_log_is_an_error_and_not_the_end_of_the_log() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for index in 0..100 {
        store.commit(&append(group(1), partition(1), index)).unwrap();
    }
    drop(store);
    let log = largest(folder.path(), "log");
    let intact = fs::read(&log).unwrap();
    for place in 1..8 {
        flip_in_file(&log, intact.len() * place / 8);
        let error = try_open(folder.path()).map(drop).expect_err("acknowledged messages are missing");
        assert!(matches!(error, Error::Io(_)), "{error}");
        fs::write(&log, &intact).unwrap();
    }
    let store = open(folder.path());
    assert_eq!(store.snapshot().unwrap().messages(&group(1), &partition(1), 0, 10_000).unwrap().entries.len(), 100);
}

/// The last write was cut off by the end of the power: it was never acknowledged, and everything before it is there.
#[test]
fn a_log_that_ends_in_the_middle_of_a_write_is_the_end_of_the_log() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for index in 0..10 {
        store.commit(&append(group(1), partition(1), index)).unwrap();
    }
    drop(store);
    let log = largest(folder.path(), "log");
    let intact = fs::read(&log).unwrap();
    for cut in [1, 5, 20] {
        let copy = TempDir::new().unwrap();
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        let end = intact.len() - cut;
        fs::write(copy.path().join(log.file_name().unwrap()), &intact[..end]).unwrap();
        let store = open(copy.path());
        let entries = store.snapshot().unwrap().messages(&group(1), &partition(1), 0, 10_000).unwrap().entries;
        assert!(entries.iter().map(|(index, _)| *index).eq(0..9), "cut by {cut}");
        store.commit(&append(group(1), partition(1), 9)).unwrap();
    }
}

/// The length of the log was on the disk before its last write was, of which a sector is missing.
#[test]
fn a_log_with_a_hole_at_its_end_is_opened_without_that_write() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for index in 0..3 {
        let entries = vec![(group(1), partition(1), index, entry(7, 3000))];
        store.commit(&Batch { entries, ..Batch::default() }).unwrap();
    }
    drop(store);
    let log = largest(folder.path(), "log");
    let mut bytes = fs::read(&log).unwrap();
    let sector = bytes.len() / 512 - 2;
    bytes[sector * 512..(sector + 1) * 512].fill(0);
    fs::write(&log, bytes).unwrap();
    // Who is to change nothing says so.
    let said = inspect(folder.path(), &provider("hub.example"), &mut |_, _| {}).unwrap_err().to_string();
    assert!(said.contains("start the server once"), "{said}");
    for next in [2, 3] {
        let store = open(folder.path());
        let page = store.snapshot().unwrap().messages(&group(1), &partition(1), 0, u64::MAX).unwrap();
        assert!(page.entries.iter().map(|(index, _)| *index).eq(0..next));
        store.commit(&append(group(1), partition(1), next)).unwrap();
    }
}

/// GroupInfos and trees of a size that lies in files of their own.
#[test]
fn a_damaged_large_value_is_an_error() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let large = crate::sequencer::Blob::new(&vec![0x5a; 200_000].into());
    store.commit(&Batch { blobs: vec![(group(1), large.clone())], ..Batch::default() }).unwrap();
    store.db().flush_cf(store.family(keys::BLOBS).unwrap()).unwrap();
    drop(store);
    flip_in_file(&largest(folder.path(), "blob"), 100_000);
    let store = open(folder.path());
    let error = store.snapshot().unwrap().blob(&group(1), &large.key).unwrap_err();
    assert!(matches!(error, Error::Unreadable { family: keys::BLOBS, .. }), "{error}");
}

/// Files that are gone, or are not what they are called.
#[test]
fn missing_or_foreign_files_are_an_error() {
    for damage in ["CURRENT", "MANIFEST", "sst"] {
        let folder = TempDir::new().unwrap();
        drop(with_tables(folder.path()));
        let damaged = match damage {
            "sst" => largest(folder.path(), "sst"),
            start => fs::read_dir(folder.path())
                .unwrap()
                .map(|entry| entry.unwrap().path())
                .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(start))
                .unwrap(),
        };
        if damage == "sst" {
            fs::remove_file(&damaged).unwrap();
        } else {
            fs::write(&damaged, "not what it was").unwrap();
        }
        for _again in 0..2 {
            let error = try_open(folder.path()).map(drop).unwrap_err();
            assert!(matches!(error, Error::Io(_)), "{damage}: {error}");
        }
        let left = fs::read(&damaged).ok();
        assert!(left.is_none_or(|left| left == b"not what it was"), "{damage} is left for whoever restores it");
    }
}
