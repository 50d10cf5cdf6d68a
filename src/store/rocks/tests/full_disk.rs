//! A disk that takes no more: a real one as far as RocksDB can tell, because the system refuses to let any file grow.

use std::fs;

use tempfile::TempDir;

use super::{
    child::{self, Running},
    open,
};
use crate::store::{
    Error, Store,
    contract::{
        atomicity::{assert_one_step, step},
        samples::{append, group, partition},
    },
};

/// The child: writes until the disk is full, and looks what its store says then.
#[test]
#[ignore = "the child of the test below"]
fn writes_until_the_disk_is_full() {
    let Some(folder) = child::folder() else { return };
    let store = open(&folder);
    let mut number = 0;
    let error = loop {
        match store.commit(&step(group(1), number)) {
            Ok(()) => number += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Io(_)), "{error}");
    let last = number - 1;
    // Nothing more is written, not even what would fit, and reads go on.
    for _again in 0..3 {
        assert_eq!(store.commit(&append(group(2), partition(1), 0)), Err(Error::Poisoned));
        assert_eq!(store.writable(), Err(Error::Poisoned));
        assert_eq!(assert_one_step(&*store.snapshot().unwrap(), group(1)), Some(last));
    }
    child::say(last);
}

#[test]
fn a_failed_write_poisons_and_nothing_acknowledged_is_lost() {
    let folder = TempDir::new().unwrap();
    // 512 or 1024 bytes each, by the shell: half a megabyte or one. Without the trap the signal would end the child.
    let running = Running::start(
        "store::rocks::tests::full_disk::writes_until_the_disk_is_full",
        folder.path(),
        "ulimit -f 1024; trap '' XFSZ;",
    );
    let last: u32 = running.line().expect("the child got to its end").parse().unwrap();
    assert!(running.wait().success());
    assert!(last > 100, "{last}");
    let largest = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).max();
    assert!(largest <= Some(1024 * 1024), "the limit was in force: {largest:?}");

    let store = open(folder.path());
    // The write that failed may be there or not, whole.
    let found = assert_one_step(&*store.snapshot().unwrap(), group(1)).unwrap();
    assert!(found == last || found == last + 1, "{found} after {last}");
    assert_eq!(store.snapshot().unwrap().messages(&group(2), &partition(1), 0, 1).unwrap().entries, []);
    store.commit(&step(group(1), found + 1)).unwrap();
    assert_eq!(assert_one_step(&*store.snapshot().unwrap(), group(1)), Some(found + 1));
}
