//! Minting and revoking.

use super::world::{DAY, World, last_resort, tag};
use crate::{
    pool::{Policy, Refusal, Rejection, Revoke},
    wire::{
        KeyPackageStatus::{Denied, Ok},
        TokenHandle,
    },
};

fn world() -> World {
    let mut world = World::new();
    world.upload("bob", 1, vec![last_resort("z")]).unwrap();
    world
}

#[test]
fn the_shared_token_is_the_same_for_all_contacts() {
    let mut world = world();
    assert_eq!(world.mint_shared("bob"), world.mint_shared("bob"));
    assert_ne!(world.mint_shared("bob"), world.mint_shared("carol"));
}

#[test]
fn revoking_a_handle_leaves_the_others() {
    let mut world = world();
    let (first, second) = (world.mint_unique("bob", 1).unwrap(), world.mint_unique("bob", 2).unwrap());
    let shared = world.mint_shared("bob");
    for again in [false, true] {
        assert!(world.revoke(Revoke::Handle(tag("bob"), TokenHandle::new([1; 16]))), "again: {again}");
        assert_eq!(world.fetch("bob", &first).0, Denied);
        assert_eq!(world.fetch("bob", &second).0, Ok);
        assert_eq!(world.fetch("bob", &shared).0, Ok);
    }
}

#[test]
fn revoking_a_user_leaves_other_users_and_new_tokens() {
    let mut world = world();
    world.upload("carol", 1, vec![last_resort("y")]).unwrap();
    let (old, carols) = (world.mint_shared("bob"), world.mint_shared("carol"));
    let old_unique = world.mint_unique("bob", 1).unwrap();
    world.revoke(Revoke::User(tag("bob")));
    assert_eq!(world.fetch("bob", &old).0, Denied);
    assert_eq!(world.fetch("bob", &old_unique).0, Denied);
    assert_eq!(world.fetch("carol", &carols).0, Ok);
    let new = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &new).0, Ok);
}

#[test]
fn revoking_all_revokes_all() {
    let mut world = world();
    let (shared, unique) = (world.mint_shared("bob"), world.mint_unique("bob", 1).unwrap());
    world.revoke(Revoke::All);
    assert_eq!(world.fetch("bob", &shared).0, Denied);
    assert_eq!(world.fetch("bob", &unique).0, Denied);
    let new = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &new).0, Ok);
}

/// Whatever is revoked after an old copy of the database was put back, no number is given that the database gave before
/// and has forgotten.
#[test]
fn what_was_revoked_after_the_copy_stays_so_when_tokens_are_revoked_anew() {
    for (first, second) in [(Revoke::All, Revoke::User(tag("bob"))), (Revoke::User(tag("bob")), Revoke::All)] {
        for anew in [first, second] {
            let mut world = world();
            // There is an account to be revoked anew.
            world.mint_shared("bob");
            let copy = world.copy();
            let mut revoked = Vec::new();
            for revoke in [first, second, first] {
                world.now += 1000;
                world.revoke(revoke);
                revoked.push(world.mint_shared("bob"));
            }
            world.now += 1000;
            world.revoke(second);
            world.restore(copy);
            world.now += 1000;
            world.revoke(anew);
            for token in &revoked {
                assert_eq!(world.fetch("bob", token).0, Denied, "{anew:?}");
            }
            let new = world.mint_shared("bob");
            assert_eq!(world.fetch("bob", &new).0, Ok);
        }
    }
}

/// Also in one moment, and when the clock goes back.
#[test]
fn a_number_is_not_given_twice_within_one_database() {
    let mut world = world();
    let mut tokens = Vec::new();
    for revoke in [Revoke::All, Revoke::All, Revoke::User(tag("bob")), Revoke::User(tag("bob"))] {
        tokens.push(world.mint_shared("bob"));
        world.revoke(revoke);
    }
    world.now -= DAY;
    for revoke in [Revoke::All, Revoke::User(tag("bob"))] {
        tokens.push(world.mint_shared("bob"));
        world.revoke(revoke);
    }
    for token in &tokens {
        assert_eq!(world.fetch("bob", token).0, Denied);
    }
}

#[test]
fn revoking_what_was_never_minted_changes_nothing_and_says_so() {
    let mut world = world();
    world.mint_unique("carol", 1).unwrap();
    let kept = world.handles.clone();
    for user in ["bob", "nobody"] {
        assert!(!world.revoke(Revoke::Handle(tag(user), TokenHandle::new([1; 16]))), "{user}: it is carol's");
    }
    assert!(!world.revoke(Revoke::User(tag("nobody"))));
    assert_eq!(world.handles, kept);
    assert!(world.account("nobody").is_none());
}

/// With the tokens of a user their handles are forgotten.
#[test]
fn a_handle_of_a_former_generation_is_not_found() {
    let mut world = world();
    let token = world.mint_unique("bob", 1).unwrap();
    assert!(world.revoke(Revoke::User(tag("bob"))));
    assert!(!world.revoke(Revoke::Handle(tag("bob"), TokenHandle::new([1; 16]))));
    assert_eq!(world.fetch("bob", &token).0, Denied);
    assert!(world.revoke(Revoke::User(tag("bob"))), "bob is known, whatever he has");
}

#[test]
fn handles_are_bounded() {
    let mut world = World::with(Policy { handles: 2, ..Policy::default() });
    world.mint_unique("bob", 1).unwrap();
    world.mint_unique("bob", 2).unwrap();
    assert_eq!(world.mint_unique("bob", 3), Err(Refusal::Rejected(Rejection::TooManyHandles(2))));
    world.mint_unique("carol", 3).unwrap();
    world.revoke(Revoke::User(tag("bob")));
    assert_eq!(world.handles.len(), 1, "those of others stay");
    world.mint_unique("bob", 3).unwrap();
}

#[test]
fn handles_that_open_nothing_make_room() {
    let mut world = World::with(Policy { handles: 2, ..Policy::default() });
    world.upload("bob", 1, vec![last_resort("z")]).unwrap();
    let (kept, gone) = (world.mint_unique("bob", 1).unwrap(), world.mint_unique("bob", 2).unwrap());
    world.revoke(Revoke::Handle(tag("bob"), TokenHandle::new([2; 16])));
    world.mint_unique("bob", 3).unwrap();
    assert_eq!(world.fetch("bob", &kept).0, Ok);
    assert_eq!(world.fetch("bob", &gone).0, Denied);
    world.revoke(Revoke::All);
    world.mint_unique("bob", 4).unwrap();
    assert_eq!(world.handles.len(), 1);
    assert_eq!(world.fetch("bob", &kept).0, Denied);
}

#[test]
fn a_unique_token_without_its_row_opens_nothing() {
    let mut world = world();
    let token = world.mint_unique("bob", 1).unwrap();
    world.lose_handles();
    assert_eq!(world.fetch("bob", &token).0, Denied);
}
