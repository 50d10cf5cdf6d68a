//! Backups of a database that is written to, what damage does to them, and how a restored one goes on.

use std::{
    collections::BTreeSet,
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use tempfile::TempDir;

use super::{
    super::{GAP, RocksStore, Vault, inspect},
    open,
};
use crate::{
    sequencer::{Forgotten, Reservation},
    store::{
        Batch, Error, Presentation, Store,
        contract::{
            atomicity::{assert_one_step, step},
            samples::{append, entry, group, partition, provider, tag},
        },
    },
};

/// A database of so many steps, and a folder for backups beside it.
fn written(steps: u32) -> (TempDir, PathBuf, PathBuf) {
    let folder = TempDir::new().unwrap();
    let (data, backups) = (folder.path().join("data"), folder.path().join("backups"));
    let store = open(&data);
    for number in 0..steps {
        store.commit(&step(group(1), number)).unwrap();
    }
    (folder, data, backups)
}

/// The numbers of those that are whole.
fn whole(vault: &Vault) -> Vec<u32> {
    vault.backups().unwrap().whole.iter().map(|backup| backup.id).collect()
}

/// The files that a backup shares with others.
fn shared(backups: &Path, id: u32) -> BTreeSet<String> {
    let list = fs::read_to_string(backups.join(format!("meta/{id}"))).unwrap();
    let files = list.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned);
    files.filter(|file| file.starts_with("shared_checksum/")).collect()
}

/// Three backups, each of one step more.
fn back_up_thrice(store: &RocksStore, backups: &Path) {
    for number in 50..53 {
        store.commit(&step(group(1), number)).unwrap();
        store.back_up(backups, 9).unwrap();
    }
}

/// Copies the latest backup out.
fn copy_out(backups: &Path, to: &Path) -> Result<(), Error> {
    let mut vault = Vault::open(backups)?;
    let latest = vault.find(None)?.id;
    vault.copy_out(latest, to)
}

#[test]
fn what_was_acknowledged_before_is_in_a_backup_that_is_made_under_writes() {
    const STEPS: u32 = 400;
    let (folder, data, backups) = written(1);
    let store = open(&data);
    let acknowledged = AtomicU32::new(0);
    let mut floors = Vec::new();
    thread::scope(|scope| {
        let writing = scope.spawn(|| {
            for number in 1..=STEPS {
                store.commit(&step(group(1), number)).unwrap();
                acknowledged.store(number, Ordering::Release);
            }
        });
        while !writing.is_finished() && floors.len() < 8 {
            let floor = acknowledged.load(Ordering::Acquire);
            let made = store.back_up(&backups, 100).unwrap();
            floors.push((made.id, floor));
        }
    });
    assert!(floors.iter().any(|(_, floor)| (1..STEPS).contains(floor)), "some were made meanwhile: {floors:?}");
    let mut vault = Vault::open(&backups).unwrap();
    assert_eq!(whole(&vault), floors.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    for (id, floor) in floors {
        let to = folder.path().join(format!("copy-{id}"));
        vault.copy_out(id, &to).unwrap();
        let found = assert_one_step(&*open(&to).snapshot().unwrap(), group(1));
        assert!(found >= Some(floor), "{found:?} after {floor}");
    }
}

#[test]
fn only_the_latest_are_kept_and_what_they_share_is_there_once() {
    let (_folder, data, backups) = written(50);
    let store = open(&data);
    let bytes = |path: &Path| fs::read_dir(path.join("shared_checksum")).unwrap().count();
    store.back_up(&backups, 2).unwrap();
    let before = bytes(&backups);
    for number in 50..53 {
        store.commit(&step(group(1), number)).unwrap();
        store.back_up(&backups, 2).unwrap();
    }
    assert_eq!(whole(&Vault::open(&backups).unwrap()), [3, 4]);
    assert!(bytes(&backups) > before, "the first one's tables are still there, beside new ones");
}

#[test]
fn damage_is_found_before_anything_is_served_with_it() {
    let (folder, data, backups) = written(50);
    open(&data).back_up(&backups, 1).unwrap();
    let to = folder.path().join("copy");
    copy_out(&backups, &to).unwrap();
    let tables = fs::read_dir(backups.join("shared_checksum")).unwrap().map(|file| file.unwrap().path());
    let table = tables.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let whole = fs::read(&table).unwrap();

    let mut other = whole.clone();
    let middle = other.len() / 2;
    other[middle] ^= 1;
    fs::write(&table, &other).unwrap();
    let Err(Error::Backup(text)) = copy_out(&backups, &folder.path().join("one")) else { panic!("another byte") };
    assert!(text.contains("a file has other bytes: expected checksum is"), "{text}");
    fs::write(&table, &whole[..middle]).unwrap();
    assert!(matches!(copy_out(&backups, &folder.path().join("two")), Err(Error::Backup(_))), "cut");
    fs::remove_file(&table).unwrap();
    assert!(matches!(copy_out(&backups, &folder.path().join("three")), Err(Error::Backup(_))), "missing");
    fs::write(&table, &whole).unwrap();
    copy_out(&backups, &folder.path().join("four")).unwrap();
}

/// The engine says nothing of a backup that it cannot read, and nothing of one whose files were cut.
#[test]
fn an_earlier_backup_is_not_taken_for_a_later_one_that_is_damaged() {
    let (_folder, data, backups) = written(50);
    let store = open(&data);
    back_up_thrice(&store, &backups);
    let refused = |id| match Vault::open(&backups).unwrap().find(id) {
        Err(Error::Backup(text)) => text,
        other => panic!("{other:?}"),
    };
    let assert_refused = |wrong: &str| {
        let vault = Vault::open(&backups).unwrap();
        assert_eq!(whole(&vault), [1, 2], "{wrong}");
        let damaged = vault.backups().unwrap().damaged;
        assert!(damaged.len() == 1 && damaged[0].id == 3 && damaged[0].why.contains(wrong), "{damaged:?}");
        assert_eq!(vault.find(Some(2)).unwrap().id, 2);
        drop(vault);
        for (id, way) in [(None, "`--backup 2`"), (Some(3), "`restante backup list`")] {
            let text = refused(id);
            assert!(text.contains("backup 3") && text.contains(wrong) && text.contains(way), "{text}");
        }
    };
    // Of the tables that only the latest has.
    let table = backups.join(shared(&backups, 3).difference(&shared(&backups, 2)).next().unwrap());
    let written = fs::read(&table).unwrap();
    fs::write(&table, &written[1..]).unwrap();
    assert_refused("bytes, and not the ");
    fs::remove_file(&table).unwrap();
    assert_refused("is missing");
    fs::write(&table, &written).unwrap();
    let own = backups.join("private/3");
    fs::rename(&own, backups.join("private/letters")).unwrap();
    assert_refused("the file private/3/");
    fs::rename(backups.join("private/letters"), &own).unwrap();
    let list = backups.join("meta/3");
    let listed = fs::read(&list).unwrap();
    fs::write(&list, "x\n").unwrap();
    assert_refused("meta/3, is not whole");
    fs::write(&list, listed).unwrap();

    // An earlier one is in nobody's way.
    fs::write(backups.join("meta/1"), "x\n").unwrap();
    let vault = Vault::open(&backups).unwrap();
    assert_eq!((vault.find(None).unwrap().id, vault.backups().unwrap().damaged.len()), (3, 1));
    drop(vault);
    for id in [2, 3] {
        fs::write(backups.join(format!("meta/{id}")), "x\n").unwrap();
    }
    assert!(refused(None).contains("no earlier one is whole"));
    assert_eq!(store.back_up(&backups, 9).unwrap().id, 4, "they are in no later one's way either");
    assert_eq!(Vault::open(&backups).unwrap().find(None).unwrap().id, 4);
}

/// The engine takes it for the one that it would copy.
#[test]
fn a_table_that_was_cut_keeps_later_backups_back_until_it_is_taken_away() {
    let (_folder, data, backups) = written(50);
    let store = open(&data);
    assert_eq!(store.back_up(&backups, 9).unwrap().id, 1);
    let table = backups.join(shared(&backups, 1).first().unwrap());
    let written = fs::read(&table).unwrap();
    fs::write(&table, &written[1..]).unwrap();
    let Err(Error::Backup(text)) = store.back_up(&backups, 9) else { panic!("another length") };
    let name = table.file_name().unwrap().to_str().unwrap();
    assert!(text.contains(name) && text.contains("Take that file away"), "{text}");
    fs::remove_file(&table).unwrap();
    assert_eq!(store.back_up(&backups, 2).unwrap().id, 2);
    assert_eq!(fs::read(&table).unwrap(), written, "the first one is whole again as well, and kept");
    assert_eq!(whole(&Vault::open(&backups).unwrap()), [1, 2]);
}

#[test]
fn no_whole_backup_goes_for_a_damaged_one() {
    let (_folder, data, backups) = written(50);
    let store = open(&data);
    back_up_thrice(&store, &backups);
    // Rows of the latest backup's tables are overwritten, and these removed with the next start at the latest.
    store.commit(&step(group(1), 53)).unwrap();
    store.compact().unwrap();
    drop(store);
    let store = open(&data);
    let number = |file: &str| file.trim_start_matches("shared_checksum/").split('_').next().map(str::to_owned).unwrap();
    // Of the tables that only the latest has, one that the database has no more: it is in the way of no other backup.
    let (later, earlier) = (shared(&backups, 3), shared(&backups, 2));
    let mut own = later.difference(&earlier).filter(|file| !data.join(format!("{}.sst", number(file))).exists());
    let table = backups.join(own.next().expect("there is one"));
    let written = fs::read(&table).unwrap();
    fs::write(&table, &written[1..]).unwrap();
    let kept = |keep| {
        store.back_up(&backups, keep).unwrap();
        let vault = Vault::open(&backups).unwrap();
        let damaged: Vec<_> = vault.backups().unwrap().damaged.iter().map(|backup| backup.id).collect();
        (whole(&vault), damaged)
    };
    assert_eq!(kept(2), (vec![2, 4], vec![3]));
    assert_eq!(kept(2), (vec![4, 5], vec![]));
}

#[test]
fn backups_are_for_their_owner_alone_and_for_one_at_a_time() {
    let (folder, data, backups) = written(1);
    let store = open(&data);
    assert!(matches!(Vault::open(&backups), Err(Error::Backup(_))), "nothing is made by looking");
    store.back_up(&backups, 1).unwrap();
    let to = folder.path().join("copy");
    copy_out(&backups, &to).unwrap();
    for made in [&backups, &to] {
        assert_eq!(made.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
    let held = File::open(&backups).unwrap();
    held.try_lock().unwrap();
    assert_eq!(store.back_up(&backups, 1), Err(Error::BackupsInUse));
    drop(held);

    // Whoever looks at a copy keeps nobody from making backups, and others from the copy.
    let looking = Vault::open(&backups).unwrap().copy_aside(1).unwrap();
    assert_eq!(store.back_up(&backups, 9).unwrap().id, 2);
    assert!(matches!(Vault::open(&backups).unwrap().copy_aside(2), Err(Error::BackupsInUse)));
    let path = looking.path().to_owned();
    assert_eq!(inspect(&path, &provider("hub.example"), &mut |_, _| {}).unwrap().rows["messages"], 1);
    // One that is cut off leaves a copy, which the next one removes.
    drop(looking);
    fs::write(path.join("of the one before"), "").unwrap();
    let looking = Vault::open(&backups).unwrap().copy_aside(2).unwrap();
    assert!(!path.join("of the one before").exists());
    looking.remove().unwrap();
    assert!(!path.exists());

    fs::set_permissions(&backups, Permissions::from_mode(0o750)).unwrap();
    assert!(matches!(store.back_up(&backups, 1), Err(Error::Backup(_))));
}

#[test]
fn a_restored_database_gives_no_index_that_may_have_been_given() {
    let (folder, data, backups) = written(3);
    let store = open(&data);
    let mut reserved = Batch::default();
    let reservation = Reservation { holder: tag(1), until_ms: u64::MAX };
    reserved.reservations.insert(group(2), Some(reservation));
    store.commit(&reserved).unwrap();
    store.back_up(&backups, 1).unwrap();
    let to = folder.path().join("copy");
    copy_out(&backups, &to).unwrap();
    let vault = Vault::open(&backups).unwrap();
    open(&to).go_on_from_backup(&vault, 5, 7).unwrap();

    let store = open(&to);
    assert_eq!(store.forgotten(), Forgotten { until_ms: 5, indexes: GAP });
    let snapshot = store.snapshot().unwrap();
    let record = snapshot.partition(&group(1), &partition(1)).unwrap().unwrap();
    assert_eq!((record.first_index, record.next_index), (0, 3 + GAP));
    assert_eq!(snapshot.reservation(&group(2)).unwrap(), None);
    assert_eq!(snapshot.marks_lapsed().unwrap(), 7);
    drop(snapshot);
    // What comes next stands on a page of its own.
    store.commit(&append(group(1), partition(1), 3 + GAP)).unwrap();
    let page = |from| store.snapshot().unwrap().messages(&group(1), &partition(1), from, u64::MAX).unwrap();
    let first = page(0);
    assert_eq!((first.entries.len(), first.more), (3, true));
    let next = page(3);
    assert_eq!((next.entries[0].0, next.entries.len(), next.more), (3 + GAP, 1, false));
    // Once more: twice as far.
    store.go_on_from_backup(&vault, 9, 3).unwrap();
    drop(store);
    let store = open(&to);
    assert_eq!(store.forgotten(), Forgotten { until_ms: 9, indexes: 2 * GAP });
    assert_eq!(store.snapshot().unwrap().marks_lapsed().unwrap(), 7, "never earlier");
}

/// A backup knows nothing of the restores after it.
#[test]
fn the_same_backup_put_back_twice_does_not_give_the_same_indexes() {
    let (folder, data, backups) = written(3);
    open(&data).back_up(&backups, 9).unwrap();
    let restore = |name: &str, id: u32| {
        let to = folder.path().join(name);
        let mut vault = Vault::open(&backups).unwrap();
        vault.copy_out(id, &to).unwrap();
        open(&to).go_on_from_backup(&vault, 5, 7).unwrap();
        let store = open(&to);
        let record = store.snapshot().unwrap().partition(&group(1), &partition(1)).unwrap().unwrap();
        (store, record)
    };
    let (store, mut record) = restore("once", 1);
    assert_eq!(record.next_index, 3 + GAP);
    let mut one_more = append(group(1), partition(1), record.next_index);
    record.next_index += 1;
    record.bytes += one_more.entries[0].3.message.len() as u64;
    one_more.partitions.insert((group(1), partition(1)), record.into());
    store.commit(&one_more).unwrap();
    assert_eq!(store.back_up(&backups, 9).unwrap().id, 2);
    drop(store);
    let (store, second) = restore("twice", 1);
    assert_eq!((second.next_index, store.forgotten().indexes), (3 + 2 * GAP, 2 * GAP));
    drop(store);
    // The later backup knows of one of the two.
    let (store, third) = restore("thrice", 2);
    assert_eq!((third.next_index, store.forgotten().indexes), (4 + 3 * GAP, 3 * GAP));
    drop(store);
    // Blobs of these steps are of nothing.
    let inspection = inspect(&folder.path().join("thrice"), &provider("hub.example"), &mut |_, _| {}).unwrap();
    assert!(inspection.faults.keys().all(|(family, _)| *family == "blobs"), "{inspection}");

    // What cannot be read is not taken for nothing.
    let count = backups.join("passed_over");
    fs::write(&count, b"abc").unwrap();
    let vault = Vault::open(&backups).unwrap();
    let store = open(&folder.path().join("twice"));
    assert!(matches!(store.go_on_from_backup(&vault, 5, 7), Err(Error::Backup(_))));
    // At the end there are none left to pass over.
    fs::write(&count, (255 * GAP).to_be_bytes()).unwrap();
    store.go_on_from_backup(&vault, 5, 7).unwrap();
    let record = store.snapshot().unwrap().partition(&group(1), &partition(1)).unwrap().unwrap();
    assert_eq!(record.next_index, u32::MAX);
}

#[test]
fn an_inspection_finds_what_does_not_agree() {
    let (_folder, data, _) = written(0);
    let found = |break_it: &dyn Fn(&mut Batch)| {
        let mut batch = step(group(1), 0);
        batch.blobs.clear();
        break_it(&mut batch);
        let folder = TempDir::new().unwrap();
        open(folder.path()).commit(&batch).unwrap();
        let inspection = inspect(folder.path(), &provider("hub.example"), &mut |_, _| {}).unwrap();
        inspection.faults.into_keys().collect::<Vec<_>>()
    };
    let sound = inspect(&data, &provider("hub.example"), &mut |_, _| {}).unwrap();
    assert!(sound.is_sound(), "{sound}");
    assert_eq!(found(&|_| {}), []);
    let miscounted = [
        ("messages", "indexes that do not follow the one before"),
        ("state", "partitions that count other messages than there are"),
    ];
    assert_eq!(found(&|batch| batch.entries.push((group(1), partition(1), 2, entry(0, 1)))), miscounted);
    assert_eq!(found(&|batch| batch.entries.clear()), miscounted);
    assert_eq!(
        found(&|batch| batch.entries.push((group(1), partition(2), 0, entry(0, 1)))),
        [("messages", "messages of no partition")]
    );
    assert_eq!(found(&|batch| batch.groups.clear()), [("state", "groups with partitions and without a record")]);
    assert_eq!(
        found(&|batch| batch.announced.push((group(1), partition(9)))),
        [("state", "announcements of no partition")]
    );
    let other = inspect(&data, &provider("third.example"), &mut |_, _| {});
    assert!(matches!(other, Err(Error::OtherProvider { .. })));
}

/// A follower keeps who presented what at other hubs; the partitions are there.
#[test]
fn what_was_presented_needs_no_partition() {
    let (_folder, data, _backups) = written(1);
    let present = |of| {
        let presented = Presentation { group: group(of), partition: partition(9), user: tag(1), at_ms: 1 };
        open(&data).commit(&Batch { presentations: vec![presented], ..Batch::default() }).unwrap();
        inspect(&data, &provider("hub.example"), &mut |_, _| {}).unwrap().to_string()
    };
    assert!(!present(7).contains("rows of no partition"), "another hub has that group");
    assert!(!present(1).contains("rows of no partition"), "partitions go before what was presented of them");
}
