//! Databases as they were written once: `tests/fixtures/databases/format-N` for each format that there was, for ever.
//!
//! That of the current format is opened, read and written to. It was made by
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

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/databases")
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
fn a_database_of_the_past_is_opened_and_written_to_or_refused() {
    let current = fixtures().join(format!("format-{FORMAT_VERSION}"));
    if env::var_os("RESTANTE_WRITE_SNAPSHOTS").is_some() && !current.exists() {
        fs::create_dir_all(&current).unwrap();
        write(&current);
    }
    let mut opened = 0;
    for entry in fs::read_dir(fixtures()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let format: u32 = name.strip_prefix("format-").unwrap().parse().unwrap();
        let folder = TempDir::new().unwrap();
        copy(&path, folder.path());
        if format == FORMAT_VERSION {
            opened += 1;
            goes_on(folder.path());
        } else {
            let error = open_fixture(folder.path()).map(drop).unwrap_err();
            assert_eq!(error, Error::FormatVersion { found: format, expected: FORMAT_VERSION });
        }
    }
    assert_eq!(opened, 1, "there is one of the current format");
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

/// Whoever meets it is told what to do.
#[test]
fn an_older_format_is_refused_with_what_to_do() {
    let folder = TempDir::new().unwrap();
    copy(&fixtures().join(format!("format-{FORMAT_VERSION}")), folder.path());
    let older = FORMAT_VERSION - 1;
    open_fixture(folder.path()).unwrap().db().put(super::keys::FORMAT, older.to_be_bytes()).unwrap();
    let said = open_fixture(folder.path()).map(drop).unwrap_err().to_string();
    assert!(said.contains(&format!("format {older}")) && said.contains("use the matching version"), "{said}");
}
