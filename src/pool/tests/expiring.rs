//! What lapses by itself.

use super::world::{DAY, World, last_resort, package};
use crate::pool::{ExpiryOf, ReferenceKey};

#[test]
fn packages_are_removed_when_they_expire_and_the_rest_is_looked_at_again() {
    let mut world = World::new();
    let (mut early, mut spare) = (package("early"), last_resort("spare"));
    early.expires_ms = world.now + DAY;
    spare.expires_ms = world.now + 2 * DAY;
    world.upload("bob", 1, vec![early, package("late"), spare]).unwrap();
    world.now += DAY;
    world.expire();
    assert_eq!(world.packages.len(), 2);
    world.now += DAY;
    world.expire();
    assert_eq!(world.packages.len(), 1);
    world.now += 365 * DAY;
    world.expire();
    assert!(world.packages.is_empty());
    let key = *world.stocks.keys().next().unwrap();
    assert!(!world.is_due(&ExpiryOf::Stock(key)), "an empty stock has nothing to look at");
}

#[test]
fn a_reference_outlives_its_package_by_the_time_of_a_welcome() {
    let mut world = World::new();
    world.upload("bob", 1, vec![package("a")]).unwrap();
    let key = ReferenceKey::of(b"a");
    let expires_ms = world.references[&key].expires_ms;
    world.now = expires_ms + world.policy.reference_ms - 1;
    world.expire();
    assert!(world.references.contains_key(&key));
    world.now += 1;
    world.expire();
    assert!(world.references.is_empty());
    assert!(world.expiries.is_empty(), "nothing is due any more");
}

#[test]
fn the_references_of_a_removed_client_lapse_too() {
    let mut world = World::new();
    world.upload("bob", 1, vec![package("a")]).unwrap();
    world.forget("bob", 1);
    world.now += 3 * 365 * DAY;
    world.expire();
    assert!(world.references.is_empty() && world.expiries.is_empty() && world.stocks.is_empty());
}
