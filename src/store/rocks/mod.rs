//! The embedded engine: RocksDB.
//!
//! A few column families with key prefixes, one writer thread for each lane, one synced `WriteBatch` for everything
//! that a batch of commands changes. `specs/storage.md` describes every row.

mod arrangement_keys;
mod backup;
mod engine;
mod inbox_keys;
mod inbox_reads;
mod inspect;
mod keys;
mod open;
mod outbox_reads;
mod pool_keys;
mod pool_reads;
mod public_keys;
mod push_keys;
mod push_reads;
mod restored;
mod retention_keys;
mod retention_reads;
mod snapshot;
#[cfg(test)]
pub(crate) mod tests;
mod values;

pub use backup::Vault;
pub use engine::RocksStore;
pub use inspect::inspect;
pub use open::{FORMAT_VERSION, OpenOptions};
pub use restored::GAP;
