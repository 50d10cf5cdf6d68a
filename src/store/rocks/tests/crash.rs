//! What is left of a database whose process was killed in the middle of a write.

use std::fs;

use tempfile::TempDir;

use super::{
    child::{self, Running},
    open,
};
use crate::store::{
    Store,
    contract::{
        atomicity::{assert_one_step, step},
        samples::{assert_holds, batch, group},
    },
};

/// The child: steps in two groups at once, each told to the parent once it is durable.
#[test]
#[ignore = "the child of the test below"]
fn writes_until_it_is_killed() {
    let Some(folder) = child::folder() else { return };
    let store = open(&folder);
    std::thread::scope(|scope| {
        for writer in 1..=2 {
            let store = &store;
            scope.spawn(move || {
                let first = assert_one_step(&*store.snapshot().unwrap(), group(writer)).map_or(0, |last| last + 1);
                for number in first.. {
                    store.commit(&step(group(writer), number)).unwrap();
                    child::say(format_args!("{writer} {number}"));
                }
            });
        }
    });
}

#[test]
fn everything_acknowledged_is_there_and_every_step_is_whole() {
    let folder = TempDir::new().unwrap();
    let mut before = None;
    for _killed in 0..3 {
        let running = Running::start("store::rocks::tests::crash::writes_until_it_is_killed", folder.path(), "");
        let mut said = Vec::new();
        // One of the two may have been slow to begin.
        while said.len() < 60 || !said.iter().any(|line: &String| line.starts_with("1 ")) {
            said.push(running.line().expect("it writes until it is killed"));
        }
        said.extend(running.kill());
        let store = open(folder.path());
        let snapshot = store.snapshot().unwrap();
        for writer in 1..=2_u8 {
            let told =
                said.iter().filter_map(|line| line.strip_prefix(&format!("{writer} "))?.parse::<u32>().ok()).max();
            let found = assert_one_step(&*snapshot, group(writer));
            assert!(found >= told, "writer {writer}: {told:?} was acknowledged, {found:?} is there");
            if writer == 1 {
                assert!(found > before);
                before = found;
            }
        }
    }
}

/// A copy of the files while the database is open: what a machine that stops at that moment leaves behind.
#[test]
fn the_files_of_an_open_database_hold_every_commit() {
    let (folder, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let store = open(folder.path());
    let batches = [1, 2, 3].map(|number| batch(group(number)));
    for rows in &batches {
        store.commit(rows).unwrap();
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
    }
    let copied = open(copy.path());
    for rows in &batches {
        assert_holds(&*copied.snapshot().unwrap(), rows);
    }
}
