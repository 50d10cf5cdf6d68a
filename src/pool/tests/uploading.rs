//! What is stored, and what is refused.

use super::world::{DAY, NOW, World, client, last_resort, package, tag};
use crate::{
    mls::CipherSuite,
    pool::{Package, Policy, Rate, Refusal, Rejection, standing},
};

#[test]
fn counts_are_visible_to_the_owner() {
    let mut world = World::new();
    world.upload("bob", 1, vec![package("a"), package("b"), last_resort("z")]).unwrap();
    world.upload("bob", 2, vec![package("c")]).unwrap();
    let seen = standing(&world, &tag("bob"), &world.policy, world.now).unwrap();
    let counts: Vec<_> =
        seen.stocks.iter().map(|stock| (stock.client_id, stock.available, stock.has_last_resort)).collect();
    assert_eq!(counts, [(client(1), 2, true), (client(2), 1, false)]);
    assert_eq!(seen.low_water_mark, world.policy.low_water_mark);
    assert!(standing(&world, &tag("nobody"), &world.policy, world.now).unwrap().stocks.is_empty());
}

#[test]
fn the_same_upload_again_changes_nothing() {
    let mut world = World::new();
    let upload = || vec![package("a"), package("a"), last_resort("z")];
    world.upload("bob", 1, upload()).unwrap();
    let (stocks, packages) = (world.stocks.clone(), world.packages.clone());
    world.upload("bob", 1, upload()).unwrap();
    assert_eq!((&world.stocks, &world.packages), (&stocks, &packages));
    assert_eq!(packages.len(), 2);
}

#[test]
fn a_package_of_another_client_is_refused_and_so_is_all_that_came_with_it() {
    let mut world = World::new();
    world.upload("bob", 1, vec![package("a")]).unwrap();
    for (user, number) in [("bob", 2), ("mallory", 1)] {
        let refused = world.upload(user, number, vec![package("new"), package("a")]);
        assert_eq!(refused, Err(Refusal::Rejected(Rejection::KeyPackageReused)));
    }
    assert_eq!(world.packages.len(), 1);
}

#[test]
fn a_new_last_resort_replaces_the_old_one() {
    let mut world = World::new();
    world.upload("bob", 1, vec![last_resort("old")]).unwrap();
    world.upload("bob", 1, vec![last_resort("new")]).unwrap();
    let token = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &token).1, ["new"]);
    assert_eq!(world.packages.len(), 1);
}

#[test]
fn a_full_stock_takes_no_more() {
    let mut world = World::with(Policy { stock_items: 2, ..Policy::default() });
    world.upload("bob", 1, vec![package("a"), package("b"), last_resort("z")]).unwrap();
    assert_eq!(world.upload("bob", 1, vec![package("c")]), Err(Refusal::Rejected(Rejection::StockFull(2))));
    world.upload("bob", 2, vec![package("c")]).unwrap();
}

#[test]
fn clients_and_suites_are_bounded() {
    let mut world = World::with(Policy { clients: 2, stocks: 3, ..Policy::default() });
    let of_suite = |name: &str, suite| Package { cipher_suite: CipherSuite(suite), ..package(name) };
    world.upload("bob", 1, vec![of_suite("a", 1), of_suite("b", 2)]).unwrap();
    world.upload("bob", 2, vec![of_suite("c", 1)]).unwrap();
    assert_eq!(world.upload("bob", 3, vec![of_suite("d", 1)]), Err(Refusal::Rejected(Rejection::TooManyClients(2))));
    assert_eq!(world.upload("bob", 2, vec![of_suite("d", 2)]), Err(Refusal::Rejected(Rejection::TooManyStocks(3))));
    world.forget("bob", 1);
    world.upload("bob", 3, vec![of_suite("d", 1)]).unwrap();
}

#[test]
fn clients_with_nothing_left_make_room() {
    let mut world = World::with(Policy { clients: 2, stocks: 2, ..Policy::default() });
    world.upload("bob", 1, vec![package("a")]).unwrap();
    world.upload("bob", 2, vec![package("b"), last_resort("y")]).unwrap();
    let token = world.mint_shared("bob");
    world.fetch("bob", &token);
    world.upload("bob", 3, vec![package("c")]).unwrap();
    let seen = standing(&world, &tag("bob"), &world.policy, world.now).unwrap();
    assert_eq!(seen.stocks.iter().map(|stock| stock.client_id).collect::<Vec<_>>(), [client(2), client(3)]);
    let refused = world.upload("bob", 4, vec![package("d")]);
    assert_eq!(refused, Err(Refusal::Rejected(Rejection::TooManyClients(2))), "a last-resort one is something");
    // What it gave away is still known.
    world.forget("bob", 2);
    world.upload("bob", 1, vec![package("a"), package("e")]).unwrap();
    assert_eq!(world.fetch("bob", &token).1, ["c", "e"]);
}

#[test]
fn what_is_remembered_of_a_user_is_bounded() {
    let mut world = World::with(Policy { references: 3, ..Policy::default() });
    world.upload("bob", 1, vec![package("a"), last_resort("z")]).unwrap();
    world.forget("bob", 1);
    world.upload("bob", 2, vec![package("b")]).unwrap();
    let refused = Err(Refusal::Rejected(Rejection::TooManyReferences(3)));
    assert_eq!(world.upload("bob", 2, vec![package("c")]), refused);
    world.upload("bob", 2, vec![package("b")]).unwrap();
    world.upload("carol", 1, vec![package("c")]).unwrap();
    // What has lapsed makes room.
    world.now = NOW + 365 * DAY + world.policy.reference_ms;
    world.expire();
    let later = Package { expires_ms: world.now + DAY, ..package("d") };
    world.upload("bob", 2, vec![later]).unwrap();
}

#[test]
fn uploads_are_metered() {
    let mut world = World::with(Policy { upload_rate: Rate::each_ms(3, 1000), ..Policy::default() });
    world.upload("bob", 1, vec![package("a"), package("b")]).unwrap();
    let refused = Err(Refusal::Rejected(Rejection::TooManyUploads));
    assert_eq!(world.upload("bob", 1, vec![package("c"), package("d")]), refused);
    world.upload("bob", 1, vec![package("a"), package("b"), package("c")]).unwrap();
    world.upload("carol", 1, vec![package("d")]).unwrap();
    world.now += 1000;
    world.upload("bob", 1, vec![package("e")]).unwrap();
}

#[test]
fn expired_ones_are_not_counted_even_before_they_are_removed() {
    let mut world = World::new();
    let of_one_day = |name| Package { expires_ms: NOW + DAY, ..package(name) };
    world.upload("bob", 1, vec![of_one_day("a"), of_one_day("b"), package("c")]).unwrap();
    world.now += DAY;
    let seen = standing(&world, &tag("bob"), &world.policy, world.now).unwrap();
    assert_eq!(seen.stocks[0].available, 1);
}

#[test]
fn a_client_that_is_removed_gives_nothing_and_its_packages_do_not_come_back() {
    let mut world = World::new();
    world.upload("bob", 1, vec![package("a"), last_resort("z")]).unwrap();
    world.upload("bob", 2, vec![package("b")]).unwrap();
    world.forget("bob", 1);
    let token = world.mint_shared("bob");
    assert_eq!(world.fetch("bob", &token).1, ["b"]);
    world.upload("bob", 1, vec![package("a")]).unwrap();
    assert!(world.packages.is_empty());
}

/// Somebody has it already, and perhaps proposes with it: it is nobody else's to have.
#[test]
fn what_is_registered_is_given_to_nobody() {
    let mut world = World::new();
    world.register("bob", 1, vec![package("a"), last_resort("z")]).unwrap();
    world.register("bob", 1, vec![package("a")]).unwrap();
    assert!(world.packages.is_empty() && world.stocks.is_empty());
    assert_eq!(world.accounts[&tag("bob")].references, 2);
    let token = world.mint_shared("bob");
    assert!(world.fetch("bob", &token).1.is_empty());
    // It does not get into the stock later, nor into anybody else's.
    world.upload("bob", 1, vec![package("a"), package("b")]).unwrap();
    assert_eq!(world.fetch("bob", &token).1, ["b"]);
    assert_eq!(world.register("mallory", 1, vec![package("a")]), Err(Refusal::Rejected(Rejection::KeyPackageReused)));
    let full = Policy { references: 2, ..Policy::default() };
    let mut world = World::with(full);
    world.register("bob", 1, vec![package("a"), package("b")]).unwrap();
    assert_eq!(world.register("bob", 1, vec![package("c")]), Err(Refusal::Rejected(Rejection::TooManyReferences(2))));
}
