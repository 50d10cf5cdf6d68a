//! What a database has to know when it was put back from a backup: that it has forgotten something.
//!
//! After the backup was made, messages may have been sequenced, and acknowledged, that the copy does not hold. Nobody may
//! be told of two messages at one index. So every partition goes on far behind the indexes that it had, and a partition
//! that appears by itself, without a commit that the hub knows, begins as far from 0.

use rocksdb::{WriteBatch, WriteOptions};

use super::{RocksStore, Vault, keys, keys::kind, own_rows, snapshot::RocksSnapshot, values};
use crate::{
    sequencer::{Forgotten, Partition, UnixMillis},
    store::{Error, PoolReads, Store},
};

/// So many indexes are passed over at each restore.
pub const GAP: u32 = Forgotten::GAP;

/// So many rows are changed in one write.
const ROWS: usize = 1_000;

impl RocksStore {
    /// Makes a copy of a backup from that folder fit to be served with, as far as the store can: partitions go on behind
    /// [`GAP`] more indexes than after any restore before, reservations of group ids are over, and requests that came
    /// through the gateway are known as little as if their marks had lapsed before `marks_until_ms`. Leases for pushes end:
    /// followers ask anew. It takes effect when the database is opened again.
    ///
    /// # Correctness
    /// To be done once for each restore, before anything else is written, and again from the backup if it fails.
    ///
    /// # Errors
    /// A row, or the folder's count of indexes, cannot be read or written.
    pub fn go_on_from_backup(&self, vault: &Vault, now: UnixMillis, marks_until_ms: UnixMillis) -> Result<(), Error> {
        let before = self.forgotten();
        let indexes = vault.pass_over(before.indexes)?;
        // When no more are left, nothing is sequenced into what was there.
        let passed_over = if indexes == u32::MAX { u32::MAX } else { indexes - before.indexes };
        let state = self.family(keys::STATE)?;
        let mut write = WriteBatch::default();
        let snapshot = RocksSnapshot::new(self);
        let prefix = [kind::PARTITION];
        snapshot.scan(keys::STATE, &prefix, &prefix, |key, value| {
            // One that cannot be decoded takes nothing any more: no index of it is given again.
            let Ok(mut record) = values::decode::<Partition>(value, "partition") else { return Ok(true) };
            let is_empty_remnant = record.is_remnant() && !record.has_messages();
            record.next_index = record.next_index.saturating_add(passed_over);
            if is_empty_remnant {
                // Retention is done with it, and need not come again for indexes that stand for nothing.
                record.first_index = record.next_index;
            }
            record.subscriptions.clear();
            write.put_cf(state, key, values::encode(&record, "partition")?);
            if write.len() >= ROWS {
                self.write_synced(std::mem::take(&mut write))?;
            }
            Ok(true)
        })?;
        for kind in [kind::RESERVATION, kind::SUBSCRIBED] {
            let end = keys::after_prefix(&[kind]).ok_or(Error::Corrupt("reservation"))?;
            write.delete_range_cf(state, vec![kind], end);
        }
        let lapsed = snapshot.marks_lapsed()?.max(marks_until_ms);
        write.put_cf(state, [kind::LAPSED], lapsed.to_be_bytes());
        let until_ms = before.until_ms.max(now);
        write.put(keys::RESTORED, [&until_ms.to_be_bytes()[..], &indexes.to_be_bytes()].concat());
        self.write_synced(write)
    }

    fn write_synced(&self, write: WriteBatch) -> Result<(), Error> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db().write_opt(write, &options).map_err(|error| Error::Io(error.into_string()))
    }
}

/// What the row of an earlier restore says; nothing without one.
pub(super) fn read(row: Option<&[u8]>) -> Result<Forgotten, Error> {
    row.map_or_else(|| Ok(Forgotten::default()), own_rows::forgotten)
}
