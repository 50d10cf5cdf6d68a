//! Databases as they were written once: `tests/fixtures/databases/format-N` for each format from [`FIRST`] on, for ever.
//!
//! All of them are opened, read and written to: whoever raises [`FORMAT_VERSION`] also writes how a database of the format
//! before becomes one of the new format. That of the current format was made by
//! `RESTANTE_WRITE_SNAPSHOTS=1 cargo test --lib a_database_of_the_past`, which makes one where there is none, and touches none
//! that is there.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{
    super::{FORMAT_VERSION, RocksStore},
    families,
    format::{SECRET, rows},
    open_as,
};
use crate::{
    sequencer::Blob,
    store::{
        Batch, Error, Store,
        contract::samples::{assert_holds, batch, group, provider},
    },
};

/// The first format of a database that somebody may have. Every later program opens it; there was nobody to keep the ones
/// before for.
const FIRST: u32 = 5;

/// The database of a format.
fn fixture(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/databases/format-{format}"))
}

/// A value that lies in a file of its own.
fn large() -> Batch {
    let blob = Blob::new(&(0..20_000_u32).map(|at| at.to_le_bytes()[0]).collect::<Vec<_>>().into());
    Batch { blobs: vec![(group(1), blob)], ..Batch::default() }
}

fn open_fixture(folder: &Path) -> Result<RocksStore, Error> {
    open_as(folder, &provider("hub.example"), SECRET)
}

/// Tables of every family, a file of large values, and a log with what came last.
fn write(folder: &Path) {
    let store = open_fixture(folder).unwrap();
    store.commit(&rows()).unwrap();
    store.commit(&large()).unwrap();
    for family in families() {
        store.db().flush_cf(store.family(family).unwrap()).unwrap();
    }
    store.commit(&batch(group(2))).unwrap();
    drop(store);
    // Nothing that is needed: what the engine was told, what it has done, who had it open.
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if ["OPTIONS", "LOG", "LOCK"].iter().any(|start| name.starts_with(start)) {
            fs::remove_file(path).unwrap();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

#[test]
fn a_database_of_the_past_is_opened_and_written_to() {
    let current = fixture(FORMAT_VERSION);
    if env::var_os("RESTANTE_WRITE_SNAPSHOTS").is_some() && !current.exists() {
        fs::create_dir_all(&current).unwrap();
        write(&current);
    }
    for format in FIRST..=FORMAT_VERSION {
        let folder = TempDir::new().unwrap();
        copy(&fixture(format), folder.path());
        goes_on(folder.path());
    }
    // None of them lies there and is not tried.
    let there = fs::read_dir(current.parent().unwrap()).unwrap().count();
    assert_eq!(there, (FIRST..=FORMAT_VERSION).count(), "one of each format");
}

fn goes_on(folder: &Path) {
    let store = open_fixture(folder).unwrap();
    let all = [rows(), large(), batch(group(2))];
    for batch in &all {
        assert_holds(&*store.snapshot().unwrap(), batch);
    }
    assert_eq!(store.user_tag_secret(), &SECRET);
    let more = batch(group(3));
    store.commit(&more).unwrap();
    drop(store);
    let store = open_fixture(folder).unwrap();
    for batch in all.iter().chain([&more]) {
        assert_holds(&*store.snapshot().unwrap(), batch);
    }
}

/// Whoever meets one from before the first is told what to do.
#[test]
fn a_format_before_the_first_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    copy(&fixture(FORMAT_VERSION), folder.path());
    let older = FIRST - 1;
    open_fixture(folder.path()).unwrap().db().put(super::keys::FORMAT, older.to_be_bytes()).unwrap();
    let error = open_fixture(folder.path()).map(drop).unwrap_err();
    assert_eq!(error, Error::FormatVersion { found: older, expected: FORMAT_VERSION });
    let said = error.to_string();
    assert!(said.contains(&format!("format {older}")) && said.contains("use the matching version"), "{said}");
}
