//! What lapses by itself.

use super::world::{DAY, NOW, World, client, last_resort, package};
use crate::{
    pool::{ExpiryOf, Package, Policy, ReferenceKey},
    wire::KeyPackageStatus::Ok,
};

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
}

#[test]
fn a_stock_in_which_nothing_is_left_when_it_would_have_expired_is_forgotten() {
    let mut world = World::new();
    let of_one_day = |name| Package { expires_ms: NOW + DAY, ..package(name) };
    world.upload("bob", 1, vec![of_one_day("a")]).unwrap();
    world.upload("bob", 2, vec![of_one_day("b"), last_resort("y")]).unwrap();
    let token = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &token), (Ok, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(world.stocks.len(), 2, "a client that gave all away may come back");
    world.now += DAY;
    world.expire();
    assert_eq!(world.stocks.keys().map(|key| key.client).collect::<Vec<_>>(), [client(2)]);
    // It can come back all the same.
    world.upload("bob", 1, vec![package("c")]).unwrap();
    assert_eq!(world.fetch("bob", &token), (Ok, vec!["c".to_owned(), "y".to_owned()]));
}

#[test]
fn a_stock_that_was_refilled_before_it_would_have_expired_stays() {
    let mut world = World::new();
    world.upload("bob", 1, vec![Package { expires_ms: NOW + DAY, ..package("a") }]).unwrap();
    let token = world.mint_shared("bob");
    world.fetch("bob", &token);
    world.upload("bob", 1, vec![package("b")]).unwrap();
    world.now += DAY;
    world.expire();
    let key = *world.stocks.keys().next().unwrap();
    assert!(world.is_due(&ExpiryOf::Stock(key)));
    assert_eq!(world.fetch("bob", &token), (Ok, vec!["b".to_owned()]));
}

#[test]
fn more_than_one_step_removes_are_removed_in_several() {
    let mut world = World::with(Policy { stock_items: 600, ..Policy::default() });
    let of_one_day = |number: usize| Package { expires_ms: NOW + DAY, ..package(&number.to_string()) };
    world.upload("bob", 1, (0..600).map(of_one_day).collect()).unwrap();
    world.now += DAY;
    world.expire();
    assert!(world.packages.is_empty() && world.stocks.is_empty());
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
