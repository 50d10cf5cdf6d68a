//! RocksDB keeps the contract of all engines, and some promises of its own: which bytes are on disk, what happens to a
//! database that is damaged, foreign, in use or out of space, and what survives a killed process.

mod at_hand;
mod backup;
pub(crate) mod child;
mod corruption;
mod crash;
mod fixture;
mod flipped;
mod footprint;
mod format;
mod full_disk;
mod inspecting;
mod lineage;
#[cfg(target_os = "linux")]
mod open_files;
mod opening;

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use super::{OpenOptions, RocksStore, keys};
use crate::{
    store::{Error, Store, contract::samples::provider},
    wire::ServiceProviderId,
};

crate::store::contract::contract_tests!(crate::store::rocks::tests::open_shared);

/// Opens as hub.example, with another fresh secret each time.
fn try_open(path: &Path) -> Result<RocksStore, Error> {
    static OPENED: AtomicU8 = AtomicU8::new(1);
    let secret = [OPENED.fetch_add(1, Ordering::Relaxed); 32];
    open_as(path, &provider("hub.example"), secret)
}

fn open_as(path: &Path, provider: &ServiceProviderId, fresh_secret: [u8; 32]) -> Result<RocksStore, Error> {
    let fresh_secrets = [fresh_secret; 2];
    let (forgotten_ms, cache_bytes, open_files) = (0, 8 * 1024 * 1024, 64);
    RocksStore::open(OpenOptions { path, provider, fresh_secrets, forgotten_ms, cache_bytes, open_files })
}

fn open(path: &Path) -> RocksStore {
    try_open(path).unwrap()
}

fn open_shared(path: &Path) -> Arc<dyn Store> {
    Arc::new(open(path))
}

/// All rows of a column family as they lie in the database.
fn raw_rows(store: &RocksStore, family: &'static str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = store.db().iterator_cf(store.family(family).unwrap(), rocksdb::IteratorMode::Start);
    rows.map(|row| row.map(|(key, value)| (key.into(), value.into())).unwrap()).collect()
}

/// RocksDB's own family, which holds what the whole database has once.
const DEFAULT: &str = rocksdb::DEFAULT_COLUMN_FAMILY_NAME;

/// Every column family that there is.
fn families() -> impl Iterator<Item = &'static str> {
    [DEFAULT].into_iter().chain(keys::FAMILIES)
}
