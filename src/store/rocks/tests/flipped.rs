//! A bit that flips on the disk, in a table of each column family: it is told where, nothing is made up, nothing is written
//! behind it, and a backup goes on from before.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{
    super::{Vault, inspect},
    corruption::{errors, flip_in_file, scan_errors},
    families, keys, open, try_open,
};
use crate::store::{
    Batch, Error, Store,
    contract::samples::{append, assert_holds, batch, group, partition, provider},
};

/// In the first block of rows.
const AT: usize = 20;

/// A database with rows in all families, in tables; a backup of it; and, by family, the table.
fn written(data: &Path, backups: &Path) -> (Batch, Vec<(&'static str, String)>) {
    let rows = batch(group(1));
    let store = open(data);
    store.commit(&rows).unwrap();
    store.back_up(backups, 1).unwrap();
    let live = store.db().live_files().unwrap();
    let table_of = |family: &str| {
        let mut tables = live.iter().filter(|file| file.column_family_name == family);
        tables.next().map(|file| file.name.trim_start_matches('/').to_owned()).unwrap()
    };
    (rows, families().map(|family| (family, table_of(family))).collect())
}

#[test]
fn a_flipped_bit_ends_writes_and_a_backup_goes_on_from_before() {
    let folder = TempDir::new().unwrap();
    let (data, backups) = (folder.path().join("data"), folder.path().join("backups"));
    let (rows, tables) = written(&data, &backups);
    assert_eq!(tables.len(), keys::FAMILIES.len() + 1);
    for (family, table) in tables {
        flip_in_file(&data.join(&table), AT);
        if keys::FAMILIES.contains(&family) {
            assert_is_told(&data, family);
        } else {
            // What the whole database has once is read before anything else.
            let error = try_open(&data).map(drop).unwrap_err();
            assert!(matches!(error, Error::Io(_)), "{family}: {error}");
        }
        fs::remove_dir_all(&data).unwrap();
        let mut vault = Vault::open(&backups).unwrap();
        let latest = vault.find(None).unwrap().id;
        vault.copy_out(latest, &data).unwrap();
        assert_holds(&*open(&data).snapshot().unwrap(), &rows);
    }
}

fn assert_is_told(data: &Path, family: &'static str) {
    let store = open(data);
    store.writable().unwrap();
    {
        let snapshot = store.snapshot().unwrap();
        let found = [errors(&*snapshot, &group(1)), scan_errors(&*snapshot)].concat();
        assert!(!found.is_empty(), "{family}: nothing was noticed");
        for error in found {
            assert!(matches!(error, Error::Unreadable { family: told, .. } if told == family), "{family}: {error}");
            let said = error.to_string();
            assert!(said.contains("mismatch") && said.contains("restante backup restore"), "{said}");
        }
    }
    assert_eq!(store.writable(), Err(Error::Damaged(family)));
    assert_eq!(store.commit(&append(group(2), partition(1), 0)), Err(Error::Damaged(family)));
    let elsewhere = TempDir::new().unwrap();
    assert_eq!(store.back_up(&elsewhere.path().join("backups"), 1), Err(Error::Damaged(family)));
    drop(store);
    let inspection = inspect(data, &provider("hub.example"), &mut |_, _| {}).unwrap();
    assert!(inspection.unreadable.iter().all(|text| text.contains(family)), "{inspection}");
    assert!(!inspection.unreadable.is_empty(), "{inspection}");
    assert!(!inspection.to_string().contains("restante db verify"), "who looks is not told to look: {inspection}");
}
