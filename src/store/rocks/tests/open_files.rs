//! A database keeps no more files open than it may.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{super::OpenOptions, RocksStore, keys, raw_rows};
use crate::store::{
    Store,
    contract::{
        atomicity::{assert_one_step, step},
        samples::{group, provider},
    },
};

/// So many files may stay open, which is fewer than there are.
const OPEN_FILES: u32 = 20;

/// RocksDB keeps ten of them for what is no table, and rounds the rest up in each of four shards.
const ROUNDED: usize = 12;

fn open(path: &Path) -> RocksStore {
    let provider = provider("hub.example");
    let (fresh_secrets, forgotten_ms, cache_bytes) = ([[1; 32]; 2], 0, 1 << 20);
    let open_files = OPEN_FILES;
    RocksStore::open(OpenOptions { path, provider: &provider, fresh_secrets, forgotten_ms, cache_bytes, open_files })
        .unwrap()
}

/// How many tables of that folder this process has open.
fn open_tables(folder: &Path) -> usize {
    let descriptors = fs::read_dir("/proc/self/fd").unwrap();
    // One may be gone meanwhile: other tests have their own.
    let open = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    open.filter(|path| path.starts_with(folder) && is_table(path)).count()
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "sst")
}

#[test]
fn tables_are_closed_where_more_are_read_than_may_be_open() {
    const STEPS: u32 = 8;
    let folder = TempDir::new().unwrap();
    let path = fs::canonicalize(folder.path()).unwrap();
    let store = open(&path);
    for family in keys::FAMILIES {
        let family = store.db().cf_handle(family).unwrap();
        store.db().set_options_cf(family, &[("disable_auto_compactions", "true")]).unwrap();
    }
    for number in 0..STEPS {
        store.commit(&step(group(1), number)).unwrap();
        for family in keys::FAMILIES {
            store.db().flush_cf(store.db().cf_handle(family).unwrap()).unwrap();
        }
    }
    let tables = fs::read_dir(&path).unwrap().filter(|entry| is_table(&entry.as_ref().unwrap().path())).count();
    assert!(tables > OPEN_FILES as usize, "{tables}");
    for family in keys::FAMILIES {
        raw_rows(&store, family);
    }
    assert_eq!(assert_one_step(&*store.snapshot().unwrap(), group(1)), Some(STEPS - 1));
    let open = open_tables(&path);
    assert!((1..=ROUNDED).contains(&open), "{open} of {tables} tables are open");
}
