//! Random histories of real groups at a real hub, and what must hold of each.
//!
//! People at three providers use the client library on real MLS groups; some mean ill. The hub is the service on a real
//! database, with a clock that the history owns. After every answer, and whenever the disk is looked at:
//!
//! 1. A message is served to whoever shows the key of its partition, or as a hint that the rules allow ([`asking`]).
//! 2. Honest members end up together; only a commit that not all can open parts them, and only their users' wish brings
//!    them together again ([`converging`]).
//! 3. A ban acts on the branch on which it was made, and on no other ([`sending`], [`following`]).
//! 4. What was acknowledged is there, at its index, until retention may remove it ([`auditing`]).
//! 5. Budgets and memory have their bounds ([`auditing`]).
//!
//! What is allowed is worked out here from specs/protocol.md ([`forest`], [`entitlement`]), and not by what is tested.
//!
//! A history that fails is printed in words, with what was left of it when steps were taken out that it does not need.
//! Keys are drawn by the cryptographic library, so two runs of a history differ in them, and in what is in their order.

mod acting;
mod asking;
mod attacking;
mod auditing;
mod cast;
mod converging;
mod entering;
mod entitlement;
mod following;
mod forest;
mod operating;
mod sending;
mod shrinking;
mod step;
mod world;

use std::{
    collections::BTreeMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
};

use self::{
    step::{Step, draw},
    world::{Kind, Record, World},
};
use crate::{client::tests::cast::Handshakes, mls::tests::random::Random, sequencer::Hints};

/// How many histories an ordinary run has.
const HISTORIES: u64 = 24;
/// Steps of a history.
const STEPS: usize = 150;
/// Few enough that states have to be derived again.
const STATES_BYTES_MAX: usize = 64 * 1024;

/// How many histories there are to be, beginning with which.
fn histories() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|value| value.parse::<u64>().expect("a number"));
    match number("RESTANTE_HISTORY") {
        Some(seed) => seed..seed + 1,
        None => 1..number("RESTANTE_HISTORIES").unwrap_or(HISTORIES) + 1,
    }
}

/// A history of its own for each number.
#[derive(Clone)]
struct History {
    seed: u64,
    kind: Kind,
    steps: Vec<Step>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut random = Self::random(seed);
        let handshakes = if seed.is_multiple_of(2) { Handshakes::Encrypted } else { Handshakes::Public };
        let hints = if seed % 6 == 2 { Hints::Forward } else { Hints::Entitled };
        let kind = Kind { handshakes, hints, is_hasty: seed.is_multiple_of(3) };
        Self { seed, kind, steps: draw(&mut random, STEPS) }
    }

    fn random(seed: u64) -> Random {
        Random::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Plays it, and tells what has come about. The record has what happened until something did not hold.
    fn play(&self, record: &Record) -> std::thread::Result<BTreeMap<&'static str, u32>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let playing = async {
            let random = Self::random(self.seed ^ 0xabcd);
            let mut world = World::found(self.kind, random, record.clone()).await;
            for step in &self.steps {
                world.step(*step).await;
            }
            world.end().await;
            world.close().await
        };
        std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(playing)))
    }
}

/// What histories must bring about, or they prove nothing about it.
const WANTED: [&str; 39] = [
    "adopted",
    "announces elsewhere",
    "answer lost",
    "asked after leaving",
    "caught up",
    "commits apart",
    "conflict",
    "crosses groups",
    "denied",
    "garbles a commit",
    "gone",
    "healed",
    "heard",
    "hinted",
    "hinted by roster",
    "join repeated",
    "joined",
    "kept back by a follower",
    "leads astray",
    "left for good",
    "lie found",
    "lies in its GroupInfo",
    "moved on",
    "newcomer denied",
    "on a fork",
    "on an ended branch",
    "orphans",
    "over budget",
    "page",
    "parted by a spoiled commit",
    "pretends a removal",
    "raced",
    "removed",
    "repeated",
    "restored",
    "terminated",
    "tree required",
    "trimmed",
    "welcomed",
];

#[test]
fn histories_of_real_groups_keep_their_promises() {
    let mut seen: BTreeMap<&'static str, u32> = BTreeMap::new();
    for seed in histories() {
        let record = Arc::new(Mutex::new(Vec::new()));
        match History::new(seed).play(&record) {
            Ok(of_history) => {
                for (what, times) in of_history {
                    *seen.entry(what).or_default() += times;
                }
            }
            Err(failure) => shrinking::report(&History::new(seed), &record, &*failure),
        }
    }
    println!("{seen:?}");
    if std::env::var_os("RESTANTE_HISTORY").is_none() {
        for what in WANTED {
            assert!(seen.contains_key(what), "never happened: {what}; seen {seen:?}");
        }
    }
}
