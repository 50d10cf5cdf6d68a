//! Looking at all of a database that no process serves with: every row, and what rows say of each other.
//!
//! It reads and never writes: the engine is opened read-only. What is wrong is counted and not mended.

mod accounts;
mod budgets;
mod edges;
mod inbox;
mod places;
mod pool;
mod public;

use std::path::Path;

use super::{RocksStore, keys, rows, snapshot::RocksSnapshot};
use crate::{
    store::{Error, Inspection},
    wire::ServiceProviderId,
};

/// After so many rows it is said how far it has come.
const PROGRESS_ROWS: u64 = 1_000_000;

/// Memory for cached blocks: rows are read once, so little is enough.
pub(super) const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Files that are kept open: fewer than any process may have.
pub(super) const OPEN_FILES: u32 = 128;

/// Counts what rows say of each other that is not so.
type Compare = fn(&RocksSnapshot<'_>, &mut Inspection) -> Result<(), Error>;

/// Looks at every row of the database in that folder, which no process may be writing to. `progress` is called with a
/// column family and the number of its rows that were looked at so far, now and then: how many there are in the end stands
/// in the [`Inspection`].
///
/// # Errors
/// The folder holds no database of this format that can be opened, or one of another provider. What is wrong inside is
/// in the [`Inspection`].
pub fn inspect(
    path: &Path,
    provider: &ServiceProviderId,
    progress: &mut dyn FnMut(&'static str, u64),
) -> Result<Inspection, Error> {
    let store = RocksStore::open_read_only(path, provider, CACHE_BYTES, OPEN_FILES)?;
    Ok(inspect_open(&store, progress))
}

/// The same for one that is open, at one moment.
pub(crate) fn inspect_open(store: &RocksStore, progress: &mut dyn FnMut(&'static str, u64)) -> Inspection {
    let snapshot = RocksSnapshot::new(store);
    let mut inspection = Inspection::default();
    for family in keys::FAMILIES {
        let (mut seen, mut misfits) = (0, 0);
        let read = snapshot.scan(family, &[], &[], |key, value| {
            seen += 1;
            misfits += u64::from(!rows::fits(family, key, value));
            if seen % PROGRESS_ROWS == 0 {
                progress(family, seen);
            }
            Ok(true)
        });
        inspection.rows.insert(family, seen);
        inspection.note(family, "rows that cannot be decoded", misfits);
        note_error(read, &mut inspection);
    }
    // Rows that cannot be decoded, or read, say nothing of others.
    if inspection.is_sound() {
        let comparisons: [Compare; 7] = [
            places::compare,
            edges::compare,
            budgets::compare,
            public::compare,
            pool::compare,
            inbox::compare,
            accounts::compare,
        ];
        for compare in comparisons {
            note_error(compare(&snapshot, &mut inspection), &mut inspection);
        }
    }
    inspection
}

fn note_error(read: Result<(), Error>, inspection: &mut Inspection) {
    match read {
        // What it says to whoever serves, to look as this does, leads nowhere here.
        Err(Error::Unreadable { family, text }) => {
            inspection.note_unreadable(format!("the column family {family} cannot be read ({text})"));
        }
        Err(error) => inspection.note_unreadable(error.to_string()),
        Ok(()) => {}
    }
}

/// Looks at each row of the state that is of that kind.
fn each_of(
    snapshot: &RocksSnapshot<'_>,
    kind: u8,
    mut look: impl FnMut(&[u8], &[u8]) -> Result<(), Error>,
) -> Result<(), Error> {
    snapshot.scan(keys::STATE, &[kind], &[kind], |key, value| look(key, value).map(|()| true))
}

/// How many rows of the state have keys that begin so.
fn count(snapshot: &RocksSnapshot<'_>, prefix: &[u8]) -> Result<u64, Error> {
    let mut rows = 0;
    snapshot.scan(keys::STATE, prefix, prefix, |_key, _value| {
        rows += 1;
        Ok(true)
    })?;
    Ok(rows)
}

/// How many rows a family holds, as far as they were looked at before.
fn rows_of(inspection: &Inspection, family: &'static str) -> u64 {
    inspection.rows.get(family).copied().unwrap_or(0)
}
