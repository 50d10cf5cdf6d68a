//! The bytes on disk, row by row, against the texts in `testdata/`.
//!
//! When this test fails because a row has changed, databases that exist have rows of the old kind: raise
//! [`FORMAT_VERSION`](super::super::FORMAT_VERSION), keep the old texts as a fixture and write new ones with
//! `RESTANTE_WRITE_SNAPSHOTS=1 cargo test --lib format`.

use std::{env, fmt::Write, fs, path::PathBuf};

use tempfile::TempDir;

use super::{DEFAULT, families, open_as, raw_rows};
use crate::{
    fixtures::mls::{SUITE, welcome},
    sequencer::{Dispatch, DispatchKey, Entry, EntryCommit, Outgoing, Parent, WelcomeName},
    store::{
        Batch, Presentation, Store,
        contract::samples::{
            assert_holds, batch, dispatch_key, entry, group, outgoing_record, partition, provider, tag, welcome_name,
            welcome_row,
        },
        rocks::{FORMAT_VERSION, keys, rows::fits},
    },
};

pub(super) const SECRET: [u8; 32] = [0x5e; 32];

fn texts() -> PathBuf {
    format!("{}/src/store/rocks/testdata/format-{FORMAT_VERSION}", env!("CARGO_MANIFEST_DIR")).into()
}

/// A row of every kind, and every form that a row has.
pub(super) fn rows() -> Batch {
    let mut rows = batch(group(1));
    let commit = Some(EntryCommit { next: partition(0x12), group_info: None });
    rows.entries.push((group(1), partition(0x10), 5, Entry { commit, ..entry(3, 5) }));
    rows.entries.push((group(1), partition(0x10), 6, entry(4, 5)));
    rows.presentations.push(Presentation { group: group(1), partition: partition(0x10), user: tag(0x32), at_ms: 78 });
    let parent = Some(Parent { key: partition(0x10), index: 0x0102_0304 });
    for commit in [None, parent] {
        let name = WelcomeName { commit, ..welcome_name() };
        rows.welcomes.push((group(1), welcome_row(name)));
        let released = Outgoing { held_for: Vec::new(), ..outgoing_record() };
        rows.outgoing.insert((group(1), name), Some(released));
        let key = DispatchKey { welcome: name, ..dispatch_key("hub.example", 0x0102_0304_0506) };
        rows.dispatches.insert((group(1), key), Some(Dispatch::default()));
    }
    rows
}

fn row(key: &[u8], value: &[u8]) -> String {
    let row = format!("key   {}\nvalue {}", hex::encode(key), hex::encode(value));
    format!("{}\n", row.trim_end())
}

/// Rows out of a text: lines that begin with `key` and `value`.
fn parse(text: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    for line in text.lines() {
        if let Some(key) = line.strip_prefix("key   ") {
            rows.push((hex::decode(key).unwrap(), Vec::new()));
        } else if let Some(value) = line.strip_prefix("value") {
            rows.last_mut().unwrap().1 = hex::decode(value.trim_start()).unwrap();
        }
    }
    rows
}

#[test]
fn every_row_is_written_as_it_always_was() {
    let folder = TempDir::new().unwrap();
    let store = open_as(folder.path(), &provider("hub.example"), SECRET).unwrap();
    store.commit(&rows()).unwrap();
    for family in families() {
        let mut found = format!("# Rows of the column family `{family}`, format {FORMAT_VERSION}, in hex.\n");
        for (key, value) in raw_rows(&store, family) {
            write!(found, "\n{}", row(&key, &value)).unwrap();
        }
        let file = texts().join(format!("{family}.txt"));
        if env::var_os("RESTANTE_WRITE_SNAPSHOTS").is_some() {
            fs::create_dir_all(texts()).unwrap();
            fs::write(&file, &found).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap();
        let changed = found.lines().zip(expected.lines()).find(|(found, expected)| found != expected);
        assert!(found == expected, "{family}: the bytes on disk have changed: see the head of this file\n{changed:#?}");
    }
}

/// Whoever looks at all rows, and fuzzing, take rows for what they are.
#[test]
fn every_row_is_known_by_its_family_and_its_key() {
    for family in keys::FAMILIES {
        let text = fs::read_to_string(texts().join(format!("{family}.txt"))).unwrap();
        for (key, value) in parse(&text) {
            let shown = hex::encode(&key);
            assert!(fits(family, &key, &value), "{family} {shown}");
            // A byte more is read by nobody, but for content.
            let longer = [value.as_slice(), &[0]].concat();
            let is_content = ["messages", "blobs", "key_packages", "inbox", "followed", "public"].contains(&family);
            assert!(is_content || !fits(family, &key, &longer), "{family} {shown}");
        }
    }
}

/// A record has one encoding: with any other byte in its place it is another record, or none. Flags are 0 or 1.
#[test]
fn a_changed_byte_is_refused_or_another_record() {
    for family in keys::FAMILIES {
        let text = fs::read_to_string(texts().join(format!("{family}.txt"))).unwrap();
        for (key, value) in parse(&text) {
            for at in 0..value.len() {
                for byte in [0, 1, 2, 0x10, 0x40, 0x80, 0xff] {
                    let mut changed = value.clone();
                    changed[at] = byte;
                    // Panics when what it reads is written in another way.
                    fits(family, &key, &changed);
                }
            }
        }
    }
}

/// The other way round: a database with those bytes is read as what they were written from.
#[test]
fn rows_as_they_always_were_are_read() {
    let folder = TempDir::new().unwrap();
    drop(open_as(folder.path(), &provider("hub.example"), [0; 32]).unwrap());
    let store = open_as(folder.path(), &provider("hub.example"), [1; 32]).unwrap();
    for family in families() {
        let text = fs::read_to_string(texts().join(format!("{family}.txt"))).unwrap();
        let expected = parse(&text);
        assert!(!expected.is_empty(), "{family}");
        for (key, value) in expected {
            store.db().put_cf(store.family(family).unwrap(), key, value).unwrap();
        }
    }
    drop(store);
    let store = open_as(folder.path(), &provider("hub.example"), [2; 32]).unwrap();
    assert_eq!(*store.user_tag_secret(), SECRET);
    assert_holds(&*store.snapshot().unwrap(), &rows());
}

/// Keys say which row it is and nothing that a reader of the disk should not learn.
#[test]
fn texts_hold_every_family_and_every_kind_of_state() {
    let kinds: Vec<u8> =
        parse(&fs::read_to_string(texts().join("state.txt")).unwrap()).into_iter().map(|(key, _)| key[0]).collect();
    for kind in *b"ABCDEFGHIJKLMNOPQRSTUVWXYZbfhrwx" {
        assert!(kinds.contains(&kind), "{}", char::from(kind));
    }
    let default = parse(&fs::read_to_string(texts().join(format!("{DEFAULT}.txt"))).unwrap());
    let names: Vec<_> = default.iter().map(|(key, _)| key.as_slice()).collect();
    assert_eq!(names, [&b"format"[..], b"provider", b"token-secret", b"user-tag-secret"]);
    assert_eq!(default[0].1, FORMAT_VERSION.to_be_bytes());
    // The Welcome lies there as it came.
    let outbox = fs::read_to_string(texts().join("outbox.txt")).unwrap();
    assert!(outbox.contains(&hex::encode(welcome(SUITE, &[b"reference one", b"reference two"]))));
}
