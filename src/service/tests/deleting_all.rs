//! Removing all KeyPackages of all users: of those that can be read, whoever waits for it.

use std::sync::Arc;

use super::key_packages::{NOW_S, fetch, request, token, upload};
use crate::{
    fixtures::key_packages::Device,
    sequencer::UserTag,
    service::{
        Error, Service,
        setup::{PATIENCE, Setup, user_id},
    },
    store::{self, Store, watched::Damage},
    wire::KeyPackageStatus,
};

/// More than are looked at in one step.
const USERS: usize = 150;

fn users() -> Vec<String> {
    (0..USERS).map(|number| format!("user {number}")).collect()
}

async fn with_key_packages() -> Setup {
    let setup = Setup::new();
    let device = Device::new(1);
    for user in users() {
        upload(&setup, &user, &[device.one_time(NOW_S), device.last_resort(NOW_S)]).await.unwrap();
    }
    setup
}

/// How many users have some.
fn left(setup: &Setup) -> usize {
    let snapshot = setup.store.snapshot().unwrap();
    let accounts = snapshot.accounts(None, 1000).unwrap();
    accounts
        .into_iter()
        .filter(|(_, account)| account.as_ref().map_or(true, |account| !account.shelves.is_empty()))
        .count()
}

fn tag(setup: &Setup, user: &str) -> UserTag {
    user_id(user).tag(setup.store.user_tag_secret())
}

/// Begins, and leaves when the first write has stalled.
async fn begin_and_leave(setup: &Setup) {
    setup.store.hold();
    let service: Arc<Service> = setup.service.clone();
    let asking = tokio::spawn(async move { service.delete_all_key_packages().await });
    let store = setup.store.clone();
    tokio::task::spawn_blocking(move || store.await_stalled(1)).await.unwrap();
    asking.abort();
    assert!(asking.await.unwrap_err().is_cancelled());
}

/// Some users have none; each write takes many.
#[tokio::test]
async fn all_key_packages_of_all_users_are_deleted_and_not_taken_back() {
    let setup = Setup::new();
    let device = Device::new(1);
    let users = users();
    let packages: Vec<_> = users.iter().map(|_| [device.one_time(NOW_S), device.last_resort(NOW_S)]).collect();
    for (user, packages) in users.iter().zip(&packages) {
        upload(&setup, user, packages).await.unwrap();
    }
    let tokens = [token(&setup, "nobody").await, token(&setup, &users[149]).await];
    let before = setup.store.attempts();
    assert_eq!(setup.service.delete_all_key_packages().await, Ok(150));
    assert!(setup.store.attempts() - before < 100, "users share writes");
    assert_eq!(fetch(&setup, request(&users[149], &tokens[1])).await.status, KeyPackageStatus::Incompatible);
    assert_eq!(fetch(&setup, request("nobody", &tokens[0])).await.status, KeyPackageStatus::Incompatible);
    assert_eq!(left(&setup), 0);
    // Whether they were handed out is what nobody knows.
    let again = upload(&setup, &users[0], &packages[0]).await.unwrap();
    assert!(again.stocks.is_empty());
    assert_eq!(setup.service.delete_all_key_packages().await, Ok(0));
}

/// The same rows cannot be read at every attempt: what is left is theirs alone.
#[tokio::test]
async fn a_user_who_cannot_be_read_keeps_no_other_from_it() {
    let setup = with_key_packages().await;
    let (no_account, no_stock) = (tag(&setup, "user 3"), tag(&setup, "user 7"));
    setup.store.damage(Damage { account: Some(no_account), stocks: Some(no_stock), ..Damage::default() });
    for _attempt in 0..2 {
        let refused = setup.service.delete_all_key_packages().await;
        assert!(matches!(refused, Err(Error::Store(store::Error::Corrupt(_)))), "{refused:?}");
        assert_eq!(left(&setup), 2);
    }
    setup.store.damage(Damage::default());
    assert_eq!(setup.service.delete_all_key_packages().await, Ok(2));
}

#[tokio::test]
async fn it_goes_on_when_nobody_waits_and_is_joined_by_who_asks_again() {
    let setup = with_key_packages().await;
    begin_and_leave(&setup).await;
    let mut joining: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(setup.service.delete_all_key_packages());
    super::begin(&mut joining);
    setup.store.release();
    tokio::time::timeout(PATIENCE, setup.service.deletion_ended()).await.expect("it ends by itself");
    assert_eq!(left(&setup), 0);
    assert_eq!(joining.await, Ok(USERS), "of the one that was under way");
    assert_eq!(setup.service.delete_all_key_packages().await, Ok(0), "a new one");
}

#[tokio::test]
async fn it_ends_with_the_service() {
    let setup = with_key_packages().await;
    begin_and_leave(&setup).await;
    setup.service.stop_waiting();
    setup.store.release();
    tokio::time::timeout(PATIENCE, setup.service.deletion_ended()).await.expect("it is told to end");
    assert!(left(&setup) >= USERS - 64, "one page at most");
    assert_eq!(setup.service.delete_all_key_packages().await, Err(Error::ShuttingDown));
    // Nothing keeps the database open.
    let setup = setup.restart().await;
    assert!(setup.service.delete_all_key_packages().await.unwrap() >= USERS - 64);
}
