//! What is on a provider's disk: the rows of each column family, and the files as they are.

use std::{fs, path::Path};

use rocksdb::{DB, IteratorMode, Options};

use super::{
    canary::{Canaries, Kind},
    evidence::{Evidence, Place},
};
use crate::site::files;

/// All families, as `specs/storage.md` lists them.
const FAMILIES: [&str; 11] = [
    "default",
    "state",
    "messages",
    "repeats",
    "blobs",
    "outbox",
    "presented",
    "key_packages",
    "inbox",
    "followed",
    "public",
];

/// Takes down all rows, and what the engine has in its files. Nobody serves it.
pub(super) fn read(of: &str, folder: &Path, evidence: &mut Evidence) {
    let options = Options::default();
    let found = DB::list_cf(&options, folder).unwrap();
    let db = DB::open_cf_for_read_only(&options, folder, &found, false).unwrap();
    for name in found {
        let family = FAMILIES.iter().find(|family| **family == name).expect("a column family that is written down");
        let rows = db.iterator_cf(db.cf_handle(family).unwrap(), IteratorMode::Start);
        for (key, value) in rows.map(Result::unwrap) {
            evidence.add(Place::Key(family), of, key);
            evidence.add(Place::Value(family), of, value);
        }
    }
    for file in files(folder) {
        evidence.add(Place::Engine, of, fs::read(file).unwrap());
    }
}

/// The secrets that a database has made for itself, and the tags of its users.
pub(super) fn know(folder: &Path, users: &[&str], canaries: &mut Canaries) {
    let options = Options::default();
    let families = DB::list_cf(&options, folder).unwrap();
    let db = DB::open_cf_for_read_only(&options, folder, families, false).unwrap();
    let secret = |row: &str| db.get(row).unwrap().expect("every database has one");
    let tags = secret("user-tag-secret");
    users.iter().for_each(|user| canaries.add_tag(&tags, user));
    canaries.add(Kind::DatabaseSecret, tags);
    canaries.add(Kind::DatabaseSecret, secret("token-secret"));
}
