//! The property, with its cases.

use std::{cell::RefCell, collections::BTreeMap};

use proptest::{
    collection::vec,
    test_runner::{Config, RngSeed, TestRunner},
};

use super::{GROUPS, OPERATIONS, run::Run, strategy::operation};

const CASES: u32 = 288;

/// What the generated operations must bring about, or they prove nothing about it.
const WANTED: [&str; 38] = [
    "sequenced",
    "repeated",
    "conflict",
    "over budget",
    "charged",
    "refunded",
    "adopted",
    "adopted by an orphan",
    "connected below an orphan",
    "displaced",
    "no edge",
    "late handshake",
    "aged out",
    "orphan of an orphan",
    "free child",
    "taken",
    "rival children",
    "shared orphan",
    "terminated",
    "restored",
    "refused on an ended branch",
    "joined",
    "joined again",
    "stale join",
    "join over budget",
    "two hints",
    "hint of a later child",
    "observed",
    "observed late",
    "unobservable",
    "trimmed",
    "emptied",
    "dead head",
    "given back by retention",
    "public state given up",
    "GroupInfo collected",
    "group deleted",
    "group removed",
];

/// Runs as many cases as are enough for everything to happen.
pub(super) fn hold() {
    let config =
        Config { cases: CASES, rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() };
    let seen: RefCell<BTreeMap<&'static str, u32>> = RefCell::default();
    let operations = vec((0..GROUPS.len(), operation()), 1..OPERATIONS);
    let result = TestRunner::new(config).run(&operations, |operations| {
        let mut run = Run::new();
        for (group, operation) in operations {
            run.operate(group, operation);
        }
        run.flush();
        for (what, times) in run.seen {
            *seen.borrow_mut().entry(what).or_default() += times;
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let seen = seen.into_inner();
    println!("{seen:?}");
    for what in WANTED {
        assert!(seen.contains_key(what), "never happened: {what}; seen {seen:?}");
    }
}
