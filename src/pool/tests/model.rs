//! Any sequence of operations: no one-time KeyPackage is ever given twice, and none is lost.

use std::collections::HashSet;

use proptest::prelude::*;

use super::world::{DAY, World, last_resort, package};
use crate::wire::KeyPackageStatus;

#[derive(Clone, Debug)]
enum Operation {
    /// Upload the package of that number for a client; numbers repeat.
    Upload(u8, u8),
    UploadLastResort(u8),
    Fetch,
    Forget(u8),
    Wait,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => (0..3_u8, 0..12_u8).prop_map(|(client, number)| Operation::Upload(client, number)),
        1 => (0..3_u8).prop_map(Operation::UploadLastResort),
        4 => Just(Operation::Fetch),
        1 => (0..3_u8).prop_map(Operation::Forget),
        1 => Just(Operation::Wait),
    ]
}

proptest! {
    #[test]
    fn one_time_packages_are_given_at_most_once(operations in prop::collection::vec(operation(), 1..60)) {
        let mut world = World::new();
        let token = world.mint_shared("bob");
        let mut given = HashSet::new();
        // Client and number of each package that was taken and neither given nor removed.
        let mut waiting: HashSet<(u8, String)> = HashSet::new();
        let mut seen: HashSet<String> = HashSet::new();
        for operation in operations {
            match operation {
                Operation::Upload(client, number) => {
                    let name = format!("{number}");
                    if world.upload("bob", client, vec![package(&name)]).is_ok() && seen.insert(name.clone()) {
                        waiting.insert((client, name));
                    }
                }
                Operation::UploadLastResort(client) => {
                    drop(world.upload("bob", client, vec![last_resort(&format!("last {client}"))]));
                }
                Operation::Fetch => {
                    // Rates are not what this is about.
                    world.now += DAY / 24;
                    let (status, names) = world.fetch("bob", &token);
                    prop_assert_eq!(status == KeyPackageStatus::Ok, !names.is_empty());
                    for name in names.into_iter().filter(|name| !name.starts_with("last")) {
                        prop_assert!(given.insert(name.clone()), "{} was given twice", name);
                        let before = waiting.len();
                        waiting.retain(|(_, waits)| *waits != name);
                        prop_assert_eq!(waiting.len() + 1, before, "{} was not waiting", name);
                    }
                }
                Operation::Forget(client) => {
                    world.forget("bob", client);
                    waiting.retain(|(owner, _)| *owner != client);
                }
                Operation::Wait => {
                    world.now += DAY;
                    world.expire();
                }
            }
            let stored = world.stocks.values().map(|stock| stock.items.len()).sum::<usize>();
            prop_assert_eq!(stored, waiting.len(), "what was neither given nor removed is there");
        }
    }
}
