//! What is handed out, to whom, and how often.

use super::world::{DAY, NOW, World, last_resort, package, tag};
use crate::{
    mls::CipherSuite,
    pool::{Fetch, Package, Policy, Rate},
    wire::{
        BearerToken, BearerTokenKind,
        KeyPackageStatus::{Denied, Exhausted, Incompatible, Ok},
    },
};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn stocked(packages: &[&str]) -> (World, BearerToken) {
    let mut world = World::new();
    world.upload("bob", 1, packages.iter().map(|name| package(name)).collect()).unwrap();
    let token = world.mint_shared("bob");
    (world, token)
}

#[test]
fn a_one_time_package_is_given_once_in_the_order_of_upload() {
    let (mut world, token) = stocked(&["a", "b"]);
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["a"])));
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["b"])));
    assert_eq!(world.fetch("bob", &token), (Exhausted, names(&[])));
    assert!(world.packages.is_empty(), "what was given is not kept");
    let days = world.references.values().map(|reference| reference.handed_out_ms.unwrap());
    assert!(days.into_iter().all(|day| day == NOW - NOW % DAY), "the hour is not kept");
}

#[test]
fn what_expires_first_is_given_first() {
    let (mut world, token) = stocked(&[]);
    let of_days = |name, days| Package { expires_ms: NOW + days * DAY, ..package(name) };
    world.upload("bob", 1, vec![of_days("c", 9), of_days("a", 5), of_days("d", 9)]).unwrap();
    world.upload("bob", 1, vec![of_days("b", 7)]).unwrap();
    let given: Vec<_> = (0..4).flat_map(|_| world.fetch("bob", &token).1).collect();
    assert_eq!(given, ["a", "b", "c", "d"]);
}

#[test]
fn what_was_given_cannot_be_uploaded_again() {
    let (mut world, token) = stocked(&["a"]);
    world.fetch("bob", &token);
    world.upload("bob", 1, vec![package("a")]).unwrap();
    assert_eq!(world.fetch("bob", &token), (Exhausted, names(&[])));
}

#[test]
fn the_last_resort_is_given_when_nothing_else_is_there_and_stays() {
    let (mut world, token) = stocked(&["a"]);
    world.upload("bob", 1, vec![last_resort("z")]).unwrap();
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["a"])));
    for _ in 0..3 {
        assert_eq!(world.fetch("bob", &token), (Ok, names(&["z"])));
    }
    let spare = world.stocks.values().next().unwrap().last_resort.unwrap();
    assert_eq!((spare.uses, spare.last_used_ms), (3, NOW - NOW % DAY), "the hour is not kept");
}

#[test]
fn every_client_gives_one() {
    let (mut world, token) = stocked(&["phone"]);
    world.upload("bob", 2, vec![package("laptop")]).unwrap();
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["laptop", "phone"])));
    assert_eq!(world.fetch("bob", &token), (Exhausted, names(&[])));
}

#[test]
fn clients_that_do_not_fit_are_left_out_and_keep_theirs() {
    let (mut world, token) = stocked(&["long long long"]);
    world.upload("bob", 2, vec![package("short")]).unwrap();
    let request = Fetch { bytes: 10, ..World::request("bob", &token) };
    assert_eq!(world.fetch_as(&request), (Ok, names(&["short"])));
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["long long long"])));
}

#[test]
fn one_package_may_be_asked_for() {
    let (mut world, token) = stocked(&["phone"]);
    world.upload("bob", 2, vec![package("laptop")]).unwrap();
    let request = Fetch { clients: 1, ..World::request("bob", &token) };
    assert_eq!(world.fetch_as(&request).1.len(), 1);
    assert_eq!(world.packages.len(), 1);
    // Shorter than any: a last resort all the same.
    world.upload("bob", 3, vec![last_resort("z")]).unwrap();
    assert_ne!(world.fetch_as(&request), (Ok, names(&["z"])));
    assert_eq!(world.packages.len(), 1);
    assert_eq!(world.fetch_as(&request), (Ok, names(&["z"])));
}

#[test]
fn a_last_resort_that_is_given_does_not_use_up_what_the_user_may_give() {
    let mut world = World::with(Policy { target_rate: Rate::each_ms(1, 1000), ..Policy::default() });
    world.upload("bob", 1, vec![package("a long one")]).unwrap();
    world.upload("bob", 2, vec![last_resort("z")]).unwrap();
    let token = world.mint_shared("bob");
    let small = Fetch { bytes: 5, ..World::request("bob", &token) };
    assert_eq!(world.fetch_as(&small), (Ok, names(&["z"])), "the other does not fit");
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["a long one", "z"])));
}

/// Not all of them fit into an answer: over some answers each of them comes.
#[test]
fn no_client_is_left_out_for_good() {
    let of_clients = ["a", "bb", "ccc", "dddddd"];
    for (clients, bytes) in [(2, 100), (100, 6), (3, 7), (100, 9)] {
        let mut world = World::new();
        for (client, name) in (1..).zip(of_clients) {
            world.upload("bob", client, vec![last_resort(name)]).unwrap();
        }
        let token = world.mint_shared("bob");
        let request = Fetch { clients, bytes, ..World::request("bob", &token) };
        let mut given: Vec<String> = (0..20).flat_map(|_| world.fetch_as(&request).1).collect();
        given.sort();
        given.dedup();
        assert_eq!(given, of_clients, "{clients} of {bytes} bytes");
    }
}

#[test]
fn another_suite_is_incompatible_and_so_is_a_user_without_any() {
    let (mut world, token) = stocked(&["a"]);
    let request = Fetch { cipher_suite: CipherSuite(2), ..World::request("bob", &token) };
    assert_eq!(world.fetch_as(&request), (Incompatible, names(&[])));
    let carol = world.mint_shared("carol");
    assert_eq!(world.fetch("carol", &carol), (Incompatible, names(&[])));
}

#[test]
fn expired_packages_are_not_given() {
    let (mut world, token) = stocked(&[]);
    let mut early = package("early");
    early.expires_ms = world.now + DAY;
    let mut spare = last_resort("spare");
    spare.expires_ms = world.now + 2 * DAY;
    world.upload("bob", 1, vec![early, package("late"), spare]).unwrap();
    world.now += DAY;
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["late"])));
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["spare"])));
    world.now += DAY;
    assert_eq!(world.fetch("bob", &token), (Exhausted, names(&[])));
}

#[test]
fn denials_are_the_same_whatever_the_reason_and_change_nothing() {
    let (mut world, token) = stocked(&["a"]);
    let mut forged = token.clone();
    forged.tag[31] ^= 1;
    let unique = world.mint_unique("bob", 9).unwrap();
    let mut as_shared = unique.clone();
    as_shared.kind = BearerTokenKind::Shared;
    as_shared.handle.clear();
    let carols = world.mint_shared("carol");
    for (user, token) in [
        ("bob", &forged),
        ("bob", &as_shared),
        ("bob", &carols),
        ("bob", &Fetch::no_token()),
        ("nobody", &token),
        ("nobody", &Fetch::no_token()),
    ] {
        assert_eq!(world.fetch(user, token), (Denied, names(&[])), "{user}");
    }
    assert_eq!(world.packages.len(), 1);
    assert!(world.account("nobody").is_none(), "asking leaves nothing behind");
}

#[test]
fn a_token_that_is_shown_too_often_is_denied_for_a_while() {
    let mut world = World::with(Policy { token_rate: Rate::each_ms(2, 1000), ..Policy::default() });
    world.upload("bob", 1, vec![last_resort("z")]).unwrap();
    let (shared, unique) = (world.mint_shared("bob"), world.mint_unique("bob", 1).unwrap());
    let statuses: Vec<_> = (0..3).map(|_| world.fetch("bob", &unique).0).collect();
    assert_eq!(statuses, [Ok, Ok, Denied]);
    assert_eq!(world.fetch("bob", &shared).0, Ok, "other contacts do not suffer");
    world.now += 1000;
    assert_eq!(world.fetch("bob", &unique).0, Ok);
}

#[test]
fn a_user_who_is_asked_for_too_often_gives_the_last_resort_and_keeps_the_rest() {
    let mut world = World::with(Policy { target_rate: Rate::each_ms(1, 1000), ..Policy::default() });
    world.upload("bob", 1, vec![package("a"), package("b"), last_resort("z")]).unwrap();
    let token = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["a"])));
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["z"])));
    world.now += 1000;
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["b"])));
}

#[test]
fn without_a_last_resort_a_user_who_is_asked_for_too_often_is_exhausted() {
    let mut world = World::with(Policy { target_rate: Rate::each_ms(1, 1000), ..Policy::default() });
    world.upload("bob", 1, vec![package("a"), package("b")]).unwrap();
    let token = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &token).0, Ok);
    assert_eq!(world.fetch("bob", &token).0, Exhausted);
}

#[test]
fn fetches_that_find_nothing_do_not_use_up_what_is_uploaded_later() {
    let mut world = World::with(Policy { target_rate: Rate::each_ms(1, 1000), ..Policy::default() });
    world.upload("bob", 1, vec![package("a"), last_resort("z")]).unwrap();
    let token = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["a"])));
    world.now += 1000;
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["z"])));
    world.upload("bob", 1, vec![package("b")]).unwrap();
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["b"])));
}

#[test]
fn strangers_do_not_use_up_what_contacts_may_ask() {
    let mut world = World::with(Policy { target_rate: Rate::each_ms(1, 1000), ..Policy::default() });
    world.upload("bob", 1, vec![package("a")]).unwrap();
    let token = world.mint_shared("bob");
    for _ in 0..10 {
        assert_eq!(world.fetch("bob", &Fetch::no_token()).0, Denied);
    }
    assert_eq!(world.fetch("bob", &token), (Ok, names(&["a"])));
}

#[test]
fn uses_of_a_unique_token_are_counted() {
    let mut world = World::new();
    world.upload("bob", 1, vec![package("a")]).unwrap();
    let token = world.mint_unique("bob", 5).unwrap();
    world.fetch("bob", &token);
    world.fetch("bob", &token);
    let handle = world.handles[&(tag("bob"), crate::wire::TokenHandle::new([5; 16]))];
    assert_eq!(handle.uses, 1, "only what was given counts");
    assert_eq!([handle.minted_ms, handle.last_used_ms], [NOW - NOW % DAY; 2], "the hour is not kept");
}
