//! Somebody with a token takes all that it opens: what is left, and what others notice.

use std::collections::HashSet;

use restante::wire::{BearerTokenKind, KeyPackageStatus, TokenHandle, decode};

use super::world::{World, fetch};

/// One-time KeyPackages of the user who is robbed: more than may be asked for at once.
const STOCK: usize = 128;
/// How often a unique token opens something, one time after the other (`pool::Policy`).
const TOKEN_BURST: usize = 16;
/// How many one-time KeyPackages of a user are given one after the other, over all tokens; then one in each minute.
const USER_BURST: usize = 100;
/// More than that.
const TRIES: usize = USER_BURST + 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thief_gets_what_the_limits_allow_and_others_notice_little() {
    let world = World::with_rates().await;
    let bobs = world.upload("bob", 1, STOCK).await;
    let carols = world.upload("carol", 2, 4).await;
    let thief = world.fetcher();
    let begun = tokio::time::Instant::now();

    // A unique token is the thief's own: it is denied, as if it had been revoked.
    let unique = world.mint("bob", BearerTokenKind::Unique).await;
    for _ in 0..TOKEN_BURST {
        let fetched = fetch(&thief, "bob", &unique).await.unwrap();
        assert_eq!((fetched.status, fetched.key_packages.len()), (KeyPackageStatus::Ok, 1));
    }
    let denied = fetch(&thief, "bob", &unique).await.unwrap();
    assert_eq!(denied.status, KeyPackageStatus::Denied);
    assert_eq!(fetch(&thief, "bob", b"no token").await.unwrap(), denied);
    assert_eq!(world.available("bob").await, u32::try_from(STOCK - TOKEN_BURST).unwrap());

    // With the shared one it goes on until the user is asked for too often.
    let shared = world.mint("bob", BearerTokenKind::Shared).await;
    let mut taken = HashSet::new();
    let mut spare = 0;
    for _ in 0..TRIES {
        let fetched = fetch(&thief, "bob", &shared).await.unwrap();
        let [package] = &fetched.key_packages[..] else { panic!("{:?}", fetched.status) };
        if *package == bobs.last_resort {
            spare += 1;
        } else {
            assert!(bobs.one_time.contains(package) && taken.insert(package.bytes().to_vec()), "each is given once");
        }
    }
    let minutes = usize::try_from(begun.elapsed().as_secs() / 60 + 1).unwrap();
    let allowed = USER_BURST - TOKEN_BURST + minutes;
    assert!((USER_BURST - TOKEN_BURST..=allowed).contains(&taken.len()), "{} of {allowed}", taken.len());
    assert_eq!(taken.len() + spare, TRIES);
    assert!(spare > 0);

    // What the owner has left, and is told.
    let standing = world.follower.user("bob").key_package_status().await.unwrap();
    let [stock] = &standing.stocks[..] else { panic!("{standing:?}") };
    assert_eq!(usize::try_from(stock.available).unwrap(), STOCK - TOKEN_BURST - taken.len());
    assert!(stock.has_last_resort && usize::try_from(stock.last_resort_uses).unwrap() == spare);

    // An honest contact of the same user still gets through to them, and those of others notice nothing.
    let contact = world.fetcher();
    let friends = world.mint("bob", BearerTokenKind::Unique).await;
    assert_eq!(fetch(&contact, "bob", &friends).await.unwrap().status, KeyPackageStatus::Ok);
    for token in [&shared, &unique] {
        assert_eq!(fetch(&thief, "carol", token).await.unwrap(), denied, "it opens nothing of anybody else");
    }
    let carols_token = world.mint("carol", BearerTokenKind::Shared).await;
    let fetched = fetch(&contact, "carol", &carols_token).await.unwrap();
    assert!(carols.one_time.contains(&fetched.key_packages[0]), "a one-time one");

    // Which token it was stands in the owner's list.
    let tokens = world.follower.user("bob").list_tokens().await.unwrap().tokens;
    let handle = |token: &[u8]| {
        let token: restante::wire::BearerToken = decode(token).unwrap();
        TokenHandle::of(&token.handle).unwrap()
    };
    let uses = |token: &[u8]| tokens.iter().find(|listed| listed.handle == handle(token)).unwrap().uses;
    assert_eq!((uses(&unique), uses(&friends)), (u32::try_from(TOKEN_BURST).unwrap(), 1));
}
