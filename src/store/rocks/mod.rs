//! The embedded engine: RocksDB.
//!
//! A few column families with key prefixes, one writer thread for each lane, one synced `WriteBatch` for everything
//! that a batch of commands changes. `specs/storage.md` describes every row.

mod arrangement_keys;
mod engine;
mod inbox_keys;
mod keys;
mod open;
mod pool_keys;
mod public_keys;
mod push_keys;
mod snapshot;
#[cfg(test)]
mod tests;
mod values;

pub use engine::RocksStore;
pub use open::{FORMAT_VERSION, OpenOptions};
