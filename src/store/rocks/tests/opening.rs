//! Databases that are not ours to open: of another format, of another provider, in use, or no database of this
//! program at all.

use std::{collections::BTreeSet, fs, path::Path};

use rocksdb::{DB, Options};
use tempfile::TempDir;

use super::{OpenOptions, RocksStore, keys, open, open_as, try_open};
use crate::store::{
    Error, Store,
    contract::samples::{assert_holds, batch, group, provider},
    rocks::{FORMAT_VERSION, inspect},
};

/// The database without any check of ours.
fn open_raw(folder: &TempDir) -> DB {
    let options = Options::default();
    let families = DB::list_cf(&options, folder.path()).unwrap();
    DB::open_cf(&options, folder.path(), families).unwrap()
}

#[test]
fn another_format_is_refused_and_named() {
    let folder = TempDir::new().unwrap();
    let rows = batch(group(1));
    open(folder.path()).commit(&rows).unwrap();
    for found in [0, FORMAT_VERSION + 1, u32::MAX] {
        // The owner is another one too: the format comes first, because only it says how to read the owner.
        let store = open(folder.path());
        store.db().put(keys::FORMAT, found.to_be_bytes()).unwrap();
        store.db().put(keys::PROVIDER, "other.example").unwrap();
        drop(store);
        for _again in 0..2 {
            let error = try_open(folder.path()).map(drop).unwrap_err();
            assert_eq!(error, Error::FormatVersion { found, expected: FORMAT_VERSION });
        }
        let db = open_raw(&folder);
        db.put(keys::FORMAT, FORMAT_VERSION.to_be_bytes()).unwrap();
        db.put(keys::PROVIDER, "hub.example").unwrap();
    }
    assert_holds(&*open(folder.path()).snapshot().unwrap(), &rows);
}

/// A later format has families that this program has never heard of, an older one lacks some: the format is still what
/// the operator is told, and nothing is added to the database.
#[test]
fn another_format_is_named_although_its_families_differ() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()));
    for other in ["later", "older"] {
        let mut db = open_raw(&folder);
        db.put(keys::FORMAT, 9_u32.to_be_bytes()).unwrap();
        if other == "later" {
            db.create_cf("unheard-of", &Options::default()).unwrap();
        } else {
            db.drop_cf(keys::PRESENTED).unwrap();
        }
        drop(db);
        let families = DB::list_cf(&Options::default(), folder.path()).unwrap();
        let error = try_open(folder.path()).map(drop).unwrap_err();
        assert_eq!(error, Error::FormatVersion { found: 9, expected: FORMAT_VERSION }, "{other}");
        assert_eq!(DB::list_cf(&Options::default(), folder.path()).unwrap(), families, "{other}");
        fs::remove_dir_all(folder.path()).unwrap();
        drop(open(folder.path()));
    }
}

/// What a new database cannot know is written with its first rows, and an old one keeps what it says.
#[test]
fn a_new_database_says_what_it_does_not_know() {
    let folder = TempDir::new().unwrap();
    let provider = provider("hub.example");
    let lapsed = |forgotten_ms| {
        let options = OpenOptions {
            path: folder.path(),
            provider: &provider,
            fresh_secrets: [[1; 32]; 2],
            forgotten_ms,
            cache_bytes: 1024 * 1024,
            open_files: 64,
        };
        RocksStore::open(options).unwrap().snapshot().unwrap().marks_lapsed().unwrap()
    };
    assert_eq!(lapsed(1_700_000_000_000), 1_700_000_000_000);
    assert_eq!(lapsed(1_800_000_000_000), 1_700_000_000_000);
    assert_eq!(lapsed(0), 1_700_000_000_000);
}

/// Our format, but not our families: damaged, and not silently made whole.
#[test]
fn a_database_that_lost_a_family_is_corrupt() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()));
    open_raw(&folder).drop_cf(keys::MESSAGES).unwrap();
    assert_eq!(try_open(folder.path()).map(drop), Err(Error::Corrupt("list of column families")));
}

/// The first start was killed before the first rows were written: the next one begins anew.
#[test]
fn a_database_that_was_never_finished_is_made() {
    let folder = TempDir::new().unwrap();
    let mut options = Options::default();
    options.create_if_missing(true);
    drop(DB::open(&options, folder.path()).unwrap());
    let mut db = DB::open(&options, folder.path()).unwrap();
    db.create_cf(keys::STATE, &Options::default()).unwrap();
    drop(db);
    let store = open(folder.path());
    store.commit(&batch(group(1))).unwrap();
    drop(store);
    assert_holds(&*open(folder.path()).snapshot().unwrap(), &batch(group(1)));
}

/// Somebody else's RocksDB is not written to.
#[test]
fn a_database_of_another_program_is_refused() {
    let folder = TempDir::new().unwrap();
    let mut options = Options::default();
    options.create_if_missing(true);
    let mut db = DB::open(&options, folder.path()).unwrap();
    db.create_cf("theirs", &Options::default()).unwrap();
    db.put("a", "b").unwrap();
    drop(db);
    let text = no_database(try_open(folder.path()));
    assert!(text.contains("another program's") && text.contains("store.path"), "{text}");
    assert_eq!(DB::list_cf(&Options::default(), folder.path()).unwrap(), ["default", "theirs"]);
    // Nor if it has no more families than any.
    let folder = TempDir::new().unwrap();
    DB::open(&options, folder.path()).unwrap().put("a", "b").unwrap();
    assert!(no_database(try_open(folder.path())).contains("another program's"));
    assert_eq!(DB::list_cf(&Options::default(), folder.path()).unwrap(), ["default"]);
}

/// Why there is no database.
fn no_database<T>(opened: Result<T, Error>) -> String {
    match opened.map(drop) {
        Err(Error::NoDatabase(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn names(folder: &Path) -> BTreeSet<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// A folder with files of these names.
fn holding(files: &[&str]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in files {
        fs::write(folder.path().join(file), "").unwrap();
    }
    folder
}

#[test]
fn no_database_is_made_among_other_things() {
    for (files, named) in [(&["letters", "LOCK"], "letters"), (&["b", "a"], "a"), (&["LOG", "hub.toml"], "hub.toml")] {
        let folder = holding(files);
        let before = names(folder.path());
        let looked_at = inspect(folder.path(), &provider("hub.example"), &mut |_, _| {});
        for text in [no_database(try_open(folder.path())), no_database(looked_at)] {
            assert!(text.contains(folder.path().to_str().unwrap()) && text.contains("gets an empty folder"), "{text}");
            assert!(text.contains(&format!("`{named}`")), "{text}");
        }
        assert_eq!(names(folder.path()), before);
    }
}

/// Where the power was cut in the middle of a change to the list of files, a part of that change may be on the disk.
#[test]
fn a_change_of_the_manifest_that_was_cut_off_is_taken_away() {
    let folder = TempDir::new().unwrap();
    let rows = batch(group(1));
    open(folder.path()).commit(&rows).unwrap();
    let manifest = folder.path().join(fs::read_to_string(folder.path().join("CURRENT")).unwrap().trim_end());
    let whole = fs::read(&manifest).unwrap();
    // A record of 2000 bytes, with a checksum, of which the first hundred bytes have come to the disk.
    let header = [1, 2, 3, 4, 0xd0, 7, 1];
    let begun = [&header[..], &[7; 100], &[0; 1900]].concat();
    let refused = |tail: &[u8]| {
        fs::write(&manifest, [&whole, tail].concat()).unwrap();
        let looked_at = inspect(folder.path(), &provider("hub.example"), &mut |_, _| {}).unwrap_err().to_string();
        (looked_at, try_open(folder.path()))
    };
    let (looked_at, Err(error)) = refused(&[&header[..], &[7; 2000]].concat()) else {
        panic!("without a hole it is damage")
    };
    assert!(looked_at.contains("MANIFEST") && error.to_string().contains("MANIFEST"), "{looked_at} {error}");
    let (looked_at, opened) = refused(&begun);
    assert!(looked_at.contains("its last write was cut off"), "{looked_at}");
    assert_holds(&*opened.unwrap().snapshot().unwrap(), &rows);
    inspect(folder.path(), &provider("hub.example"), &mut |_, _| {}).unwrap();
}

/// A new one in its place would have the engine remove what is left of it.
#[test]
fn a_database_that_lost_its_first_file_is_not_made_anew() {
    let folder = TempDir::new().unwrap();
    open(folder.path()).commit(&batch(group(1))).unwrap();
    fs::remove_file(folder.path().join("CURRENT")).unwrap();
    fs::write(folder.path().join("0.letters"), "").unwrap();
    let before = names(folder.path());
    let text = no_database(try_open(folder.path()));
    assert!(text.contains("is not whole") && text.contains(".log`") && text.contains("backup"), "{text}");
    assert_eq!(names(folder.path()), before);
}

#[test]
fn what_is_left_before_there_is_a_database_is_in_nobody_s_way() {
    let folder = holding(&["LOCK", "LOG", "LOG.old.1", "MANIFEST-000001", "000001.dbtmp"]);
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    drop(open(folder.path()));
    drop(open(folder.path()));
}

/// Who only looks makes nothing.
#[test]
fn looking_for_a_database_makes_none() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("data");
    for path in [&missing, &folder.path().to_owned()] {
        let text = no_database(inspect(path, &provider("hub.example"), &mut |_, _| {}));
        assert!(text.contains("there is no database at") && text.contains(path.to_str().unwrap()), "{text}");
    }
    assert!(names(folder.path()).is_empty());
}

#[test]
fn another_provider_is_refused_and_both_are_named() {
    let folder = TempDir::new().unwrap();
    drop(open(folder.path()));
    let error = open_as(folder.path(), &provider("other.example"), [1; 32]).map(drop).unwrap_err();
    assert_eq!(error, Error::OtherProvider { found: "hub.example".to_owned(), expected: "other.example".to_owned() });
    assert!(error.to_string().contains("hub.example") && error.to_string().contains("other.example"));
    drop(open(folder.path()));
}

/// Garbage in the rows of the whole database is an error of its own kind, not a new database.
#[test]
fn first_rows_that_cannot_be_read_are_corrupt() {
    for (row, damage, what) in [
        (keys::FORMAT, &b""[..], "format version"),
        (keys::FORMAT, b"\0\0\0\0\x01", "format version"),
        (keys::USER_TAG_SECRET, b"short", "secret"),
    ] {
        let folder = TempDir::new().unwrap();
        let store = open(folder.path());
        store.db().put(row, damage).unwrap();
        drop(store);
        assert_eq!(try_open(folder.path()).map(drop), Err(Error::Corrupt(what)));
    }
    for (row, what) in [(keys::PROVIDER, "owner"), (keys::USER_TAG_SECRET, "secret")] {
        let folder = TempDir::new().unwrap();
        let store = open(folder.path());
        store.db().delete(row).unwrap();
        drop(store);
        assert_eq!(try_open(folder.path()).map(drop), Err(Error::Corrupt(what)));
    }
}

#[test]
fn a_database_in_use_is_not_opened_twice() {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let rows = batch(group(1));
    store.commit(&rows).unwrap();
    assert_eq!(try_open(folder.path()).map(drop), Err(Error::InUse));
    // The first one does not notice.
    store.commit(&batch(group(2))).unwrap();
    assert_holds(&*store.snapshot().unwrap(), &rows);
    drop(store);
    drop(open(folder.path()));
}

#[test]
fn a_place_where_nothing_can_be_written_is_an_error() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let error = try_open(&file).map(drop).unwrap_err();
    assert!(matches!(error, Error::Io(_)), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "in the way");
}

#[test]
fn the_folder_is_its_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let root = TempDir::new().unwrap();
    let path = root.path().join("deeper/db");
    drop(open(&path));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
}
