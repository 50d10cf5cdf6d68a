//! The embedded engine: RocksDB.
//!
//! A few column families with key prefixes, one writer thread for each lane, one synced `WriteBatch` for everything
//! that a batch of commands changes. `specs/storage.md` describes every row.

mod arrangement_keys;
#[cfg(feature = "hub")]
mod aside;
#[cfg(feature = "hub")]
mod backup;
#[cfg(feature = "hub")]
mod damage;
#[cfg(feature = "hub")]
mod engine;
#[cfg(feature = "faults")]
mod faults;
#[cfg(feature = "hub")]
mod footprint;
mod inbox_keys;
#[cfg(feature = "hub")]
mod inbox_reads;
#[cfg(feature = "hub")]
mod inspect;
mod keys;
#[cfg(feature = "hub")]
mod lineage;
#[cfg(feature = "hub")]
mod log_tail;
#[cfg(feature = "hub")]
mod open;
#[cfg(feature = "hub")]
mod outbox_reads;
mod own_rows;
#[cfg(feature = "hub")]
mod passed_over;
#[cfg(feature = "hub")]
mod place;
mod pool_keys;
#[cfg(feature = "hub")]
mod pool_reads;
mod public_keys;
mod push_keys;
#[cfg(feature = "hub")]
mod push_reads;
#[cfg(feature = "hub")]
mod restored;
mod retention_keys;
#[cfg(feature = "hub")]
mod retention_reads;
pub(crate) mod rows;
#[cfg(feature = "hub")]
mod snapshot;
#[cfg(feature = "hub")]
mod standstill;
#[cfg(test)]
#[cfg(feature = "hub")]
pub(crate) mod tests;
mod values;

#[cfg(feature = "hub")]
pub use aside::Aside;
#[cfg(feature = "hub")]
pub use backup::Vault;
#[cfg(feature = "hub")]
pub use engine::RocksStore;
#[cfg(feature = "hub")]
pub use inspect::inspect;
#[cfg(all(test, feature = "hub"))]
pub(crate) use inspect::inspect_open;
#[cfg(feature = "hub")]
pub use open::{FORMAT_VERSION, OpenOptions};
#[cfg(feature = "hub")]
pub use restored::GAP;
#[cfg(feature = "hub")]
pub use standstill::Standstill;
