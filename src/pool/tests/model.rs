//! Any sequence of operations: no one-time KeyPackage is ever given twice or after its time, and none is lost.

use std::collections::{HashMap, HashSet};

use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use super::world::{DAY, World, last_resort, package};
use crate::{
    pool::{Package, Policy, Rate},
    sequencer::UnixMillis,
    wire::KeyPackageStatus,
};

/// A KeyPackage may be good for so many days: fewer than most sequences take.
const LIFETIMES: std::ops::Range<u64> = 1..8;

#[derive(Clone, Debug)]
enum Operation {
    /// Upload the package of that number for a client, good for so many days; numbers repeat.
    Upload(u8, u8, u64),
    UploadLastResort(u8, u64),
    Fetch,
    Forget(u8),
    /// So many hours pass; the sweep comes at their end, or does not.
    Wait(u64, bool),
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (0..3_u8, 0..40_u8, LIFETIMES).prop_map(|(client, number, days)| Operation::Upload(client, number, days)),
        1 => (0..3_u8, LIFETIMES).prop_map(|(client, days)| Operation::UploadLastResort(client, days)),
        4 => Just(Operation::Fetch),
        1 => (0..3_u8).prop_map(Operation::Forget),
        3 => (1..60_u64, any::<bool>()).prop_map(|(hours, sweeps)| Operation::Wait(hours, sweeps)),
    ]
}

/// What should be there.
#[derive(Default)]
struct Model {
    given: HashSet<String>,
    seen: HashSet<String>,
    /// Client and end of each package that was taken and neither given, removed nor swept away.
    waiting: HashMap<String, (u8, UnixMillis)>,
    /// How many were swept away.
    expired: usize,
}

fn run(operations: Vec<Operation>) -> Result<Model, TestCaseError> {
    // Rates are not what this is about, and neither is a KeyPackage that comes back when it has expired for long.
    let target_rate = Rate::each_ms(1_000, 1);
    let mut world = World::with(Policy { target_rate, reference_ms: 1_000 * DAY, ..Policy::default() });
    let token = world.mint_shared("bob");
    let mut model = Model::default();
    for (step, operation) in operations.into_iter().enumerate() {
        match operation {
            Operation::Upload(client, number, days) => {
                let (name, expires_ms) = (format!("{number}"), world.now + days * DAY);
                let uploaded = world.upload("bob", client, vec![Package { expires_ms, ..package(&name) }]);
                if uploaded.is_ok() && model.seen.insert(name.clone()) {
                    model.waiting.insert(name, (client, expires_ms));
                }
            }
            Operation::UploadLastResort(client, days) => {
                let expires_ms = world.now + days * DAY;
                let package = last_resort(&format!("last {client} {step}"));
                world.upload("bob", client, vec![Package { expires_ms, ..package }]).unwrap();
            }
            Operation::Fetch => {
                let now = world.now;
                let fresh = |model: &Model, client: u8| {
                    let of_client = model.waiting.iter().filter(|(_, (owner, end))| *owner == client && *end > now);
                    of_client.map(|(name, (_, end))| (*end, name.clone())).collect::<Vec<_>>()
                };
                let ready: Vec<_> = (0..3).map(|client| fresh(&model, client)).filter(|all| !all.is_empty()).collect();
                let (status, names) = world.fetch("bob", &token);
                prop_assert_eq!(status == KeyPackageStatus::Ok, !names.is_empty());
                let one_time: Vec<_> = names.into_iter().filter(|name| !name.starts_with("last")).collect();
                prop_assert_eq!(one_time.len(), ready.len(), "each client that has some gives one");
                for name in one_time {
                    let (_, end) = model
                        .waiting
                        .remove(&name)
                        .ok_or_else(|| TestCaseError::fail(format!("{name} was not waiting")))?;
                    prop_assert!(end > now, "{} had expired", name);
                    prop_assert!(model.given.insert(name.clone()), "{} was given twice", name);
                    let of_same = ready.iter().find(|all| all.iter().any(|(_, other)| *other == name)).unwrap();
                    prop_assert_eq!(of_same.iter().map(|(end, _)| *end).min(), Some(end), "the first to expire goes");
                }
            }
            Operation::Forget(client) => {
                world.forget("bob", client);
                model.waiting.retain(|_, (owner, _)| *owner != client);
            }
            Operation::Wait(hours, sweeps) => {
                world.now += hours * DAY / 24;
                if sweeps {
                    world.expire();
                    let before = model.waiting.len();
                    model.waiting.retain(|_, (_, end)| *end > world.now);
                    model.expired += before - model.waiting.len();
                }
            }
        }
        let stored = world.items.values().map(|items| items.len()).sum::<usize>();
        prop_assert_eq!(stored, model.waiting.len(), "what was neither given nor removed is there");
    }
    Ok(model)
}

proptest! {
    #![proptest_config(Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() })]

    #[test]
    fn one_time_packages_are_given_at_most_once(operations in prop::collection::vec(operation(), 1..80)) {
        run(operations)?;
    }
}

/// The sequences are worth their name: in many of them something expires, and something is given.
#[test]
fn sequences_reach_the_end_of_lifetimes() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let sequences = prop::collection::vec(operation(), 60..80);
    let models = (0..50).map(|_| run(sequences.new_tree(&mut runner).unwrap().current()).unwrap());
    let both = models.filter(|model| model.expired > 0 && !model.given.is_empty()).count();
    assert!(both > 25, "in {both} of 50");
}
