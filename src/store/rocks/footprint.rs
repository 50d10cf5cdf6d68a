//! What RocksDB says of itself.

use std::ffi::CStr;

use rocksdb::{
    ColumnFamily,
    properties::{
        ACTUAL_DELAYED_WRITE_RATE, BLOCK_CACHE_USAGE, CUR_SIZE_ALL_MEM_TABLES, ESTIMATE_PENDING_COMPACTION_BYTES,
        ESTIMATE_TABLE_READERS_MEM, IS_WRITE_STOPPED, LIVE_SST_FILES_SIZE,
    },
};

use super::{RocksStore, keys};
use crate::store::Footprint;

/// The library has no name for it.
const LIVE_BLOB_FILE_SIZE: &CStr = c"rocksdb.live-blob-file-size";

impl RocksStore {
    /// What RocksDB does not know, or not now, counts as 0.
    pub(super) fn measure(&self) -> Footprint {
        let ours = || keys::FAMILIES.into_iter().filter_map(|name| self.family(name).ok());
        let of = |family: &ColumnFamily, name: &CStr| {
            self.db().property_int_value_cf(family, name).ok().flatten().unwrap_or(0)
        };
        let in_all = |name: &CStr| ours().map(|family| of(family, name)).fold(0, u64::saturating_add);
        // These are the database's: each family tells the same.
        let of_all = |name: &CStr| ours().next().map_or(0, |family| of(family, name));
        Footprint {
            blocks: of_all(BLOCK_CACHE_USAGE.as_c_str()),
            recent: in_all(CUR_SIZE_ALL_MEM_TABLES.as_c_str()),
            open_files: in_all(ESTIMATE_TABLE_READERS_MEM.as_c_str()),
            files: in_all(LIVE_SST_FILES_SIZE.as_c_str()).saturating_add(in_all(LIVE_BLOB_FILE_SIZE)),
            unsorted: in_all(ESTIMATE_PENDING_COMPACTION_BYTES.as_c_str()),
            is_slowed: of_all(IS_WRITE_STOPPED.as_c_str()) != 0 || of_all(ACTUAL_DELAYED_WRITE_RATE.as_c_str()) != 0,
        }
    }
}
