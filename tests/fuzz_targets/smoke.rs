//! One target on its inputs, one after the other.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use libtest_mimic::Failed;

use crate::{fuzz::targets::Target, mutation::Mutator};

/// So many inputs are made of those of a corpus.
const MADE: usize = 10_000;
/// Of operations fewer: each input is a play of a hundred of them, and everything is looked at after each.
const PLAYS_MADE: usize = 500;
/// No input takes longer, on a machine that has other work as well.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every run makes the same inputs.
const SEED: u64 = 1;

/// The folder with a folder for each target.
pub(crate) fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// Gives a target all of its inputs.
///
/// # Errors
/// The first input that breaks a rule, or takes too long, and where it is kept.
pub(crate) fn run(target: Target) -> Result<(), Failed> {
    let folder = corpora().join(target.name);
    let mut files: Vec<PathBuf> =
        fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_, Failed>>()?;
    // The order of a folder is the file system's own.
    files.sort();
    let corpus = files.iter().map(fs::read).collect::<Result<Vec<_>, _>>()?;
    assert!(!corpus.is_empty(), "{} has nothing to begin with", folder.display());
    // What is under way is known here, also when nothing is heard of it any more.
    let (begins, begun) = mpsc::sync_channel(0);
    let all = thread::spawn(move || {
        let mut mutator = Mutator::new(SEED);
        for input in corpus.clone() {
            give(target, input, &begins);
        }
        let made = if target.name == "sequencer" { PLAYS_MADE } else { MADE };
        for _ in 0..made {
            give(target, mutator.next(&corpus), &begins);
        }
    });
    let mut last = Vec::new();
    loop {
        match begun.recv_timeout(PATIENCE) {
            Ok(input) => last = input,
            Err(RecvTimeoutError::Timeout) => return Err(find(target, &last, "takes too long")),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    all.join().map_err(|_| find(target, &last, "breaks a rule, which stands above"))
}

fn give(target: Target, input: Vec<u8>, begins: &mpsc::SyncSender<Vec<u8>>) {
    if begins.send(input.clone()).is_ok() {
        (target.check)(&input);
    }
}

/// Keeps an input where it can be repeated from.
fn find(target: Target, input: &[u8], what: &str) -> Failed {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fuzz_targets");
    let file = folder.join(target.name);
    fs::create_dir_all(&folder).and_then(|()| fs::write(&file, input)).unwrap();
    let (name, file) = (target.name, file.display());
    format!("an input of {} bytes {what}; it is repeated by: cargo xtask fuzz {name} {file}", input.len()).into()
}
