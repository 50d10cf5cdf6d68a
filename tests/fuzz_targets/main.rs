//! The fuzz targets (`fuzz/src/targets/`) as tests, each by its name: on every input of its corpus, and on some thousand
//! inputs that are made of these, the same ones every time.
//!
//! Nothing is learned here from one input for the next: that is what libFuzzer is for (`cargo xtask fuzz`). What breaks a
//! rule is written down, to be repeated by it.

#![allow(clippy::unwrap_used, reason = "a broken corpus fails loudly")]

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, dead_code, reason = "a crate of its own, for libFuzzer")]
mod fuzz;
mod mutation;
mod smoke;
#[path = "../fixtures/splitmix.rs"]
mod splitmix;

use std::{collections::BTreeSet, fs};

use fuzz::targets::ALL;
use libtest_mimic::{Arguments, Failed, Trial};

fn main() {
    let targets = ALL.iter().map(|target| Trial::test(target.name, || smoke::run(*target)));
    let table = Trial::test("every_corpus_has_a_target_and_every_target_a_corpus", || {
        every_corpus_has_a_target_and_every_target_a_corpus();
        Ok::<(), Failed>(())
    });
    let families = Trial::test("rows_of_every_family_are_made", || {
        rows_of_every_family_are_made();
        Ok::<(), Failed>(())
    });
    let trials = targets.chain([table, families, mutation::trial()]).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit();
}

fn every_corpus_has_a_target_and_every_target_a_corpus() {
    let folders = fs::read_dir(smoke::corpora()).unwrap();
    let folders: BTreeSet<String> = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(folders, ALL.iter().map(|target| target.name.to_owned()).collect());
}

fn rows_of_every_family_are_made() {
    let known = BTreeSet::from(fuzz::families::FAMILIES);
    assert_eq!(known.len(), fuzz::families::FAMILIES.len(), "a family stands twice");
    assert_eq!(known, restante::fuzzing::families().collect());
}
