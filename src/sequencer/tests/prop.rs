//! Random operations of three providers in two groups, against a [`model`].
//!
//! After every operation the hub's rows say what the model says, and the [`super::invariants`] hold. The same
//! operations are also decided and applied in batches, and come to the same.

mod compare;
mod model;
mod operation;
mod run;

use std::{cell::RefCell, collections::BTreeMap};

use proptest::{
    collection::vec,
    test_runner::{Config, RngSeed, TestRunner},
};

use self::{operation::operation, run::Run};
use super::{notation::provider, *};

const PROVIDERS: [&str; 3] = ["hub", "north", "south"];
const GROUPS: [&str; 2] = ["one", "two"];
/// Few enough that operations meet.
const PARTITIONS: u8 = 9;
const ROOT: u8 = 0;
const ROOT_EPOCH: u64 = 5;
const OPERATIONS: usize = 100;
const CASES: u32 = 256;

/// Small limits, so that they are met.
fn policy() -> Policy {
    Policy {
        providers: std::sync::Arc::new(PROVIDERS.map(provider).into()),
        hub: Some(provider(PROVIDERS[0])),
        budget_in_group: Usage { partitions: 4, bytes: 1000 },
        budget_in_all: Usage { partitions: 6, bytes: 1600 },
        free_chain: 2,
        hint_epochs: 3,
        hint_bytes: 700,
        idle_ms: 90 * 86_400_000,
        ..Policy::default()
    }
}

/// What the generated operations must bring about, or they prove nothing about it.
const WANTED: [&str; 34] = [
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

#[test]
fn the_hub_does_what_the_model_says() {
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
