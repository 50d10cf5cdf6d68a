//! What an operator changes while the service runs.

use std::time::Duration;

use crate::{
    fixtures::key_packages::Device,
    pool,
    sequencer::{Policy, Rejection},
    service::{
        BanName, Error, Limits, RateLimits,
        setup::{HOUR, Setup, peer, provider, say, user, user_id},
        tests::key_packages::{NOW_S, fetch, request, upload},
    },
    wire::{BearerTokenKind, KeyPackageStatus, Sanction},
};

/// Of the policy, what is not said stays what the setup made of it.
fn reconfigure(setup: &Setup, change: impl FnOnce(&mut Policy, &mut pool::Policy, &mut Limits)) {
    let (mut policy, mut pool_policy, mut limits) = (setup.policy.clone(), pool::Policy::default(), setup.limits);
    change(&mut policy, &mut pool_policy, &mut limits);
    setup.service.reconfigure(policy, pool_policy, limits);
}

#[tokio::test]
async fn the_next_command_goes_by_the_new_policy() {
    let setup = Setup::new();
    let group = setup.group().await;
    let text = "m".repeat(100);
    setup.send(user("alice"), say(&group, 0, &text)).await.unwrap();
    reconfigure(&setup, |policy, _, _| policy.sizes.application = 64);
    let refused = setup.send(user("alice"), say(&group, 0, &text.replace('m', "n"))).await;
    assert!(matches!(refused, Err(Error::Rejected(Rejection::TooLarge(_)))), "{refused:?}");
}

/// Bans are the database's: no configuration lifts one.
#[tokio::test]
async fn bans_stay_in_force() {
    let setup = Setup::new();
    let name = BanName::User(provider("follower.example"), user_id("mallory"));
    setup.service.ban(&name, Sanction::Banned).await.unwrap();
    reconfigure(&setup, |policy, _, _| *policy = Policy::default());
    assert!(setup.service.ban_of(&name).is_some());
}

/// What a token opened before counts: a new rate begins nothing anew.
#[tokio::test]
async fn tokens_open_as_much_as_the_new_rate_says() {
    let setup = Setup::new();
    upload(&setup, "bob", &[Device::new(1).last_resort(NOW_S)]).await.unwrap();
    let token = setup.service.mint_token(&user_id("bob"), BearerTokenKind::Unique).await.unwrap();
    let opened = async || fetch(&setup, request("bob", &token)).await.status;
    assert_eq!(opened().await, KeyPackageStatus::Ok);
    let hourly = |burst| pool::Rate::each_ms(burst, HOUR);
    reconfigure(&setup, |_, pool_policy, _| pool_policy.token_rate = hourly(1));
    assert_eq!(opened().await, KeyPackageStatus::Denied, "ten minutes of the hour are used up");
    setup.clock.advance(10 * 60_000);
    assert_eq!([opened().await, opened().await], [KeyPackageStatus::Ok, KeyPackageStatus::Denied]);
    reconfigure(&setup, |_, pool_policy, _| pool_policy.token_rate = hourly(2));
    assert_eq!([opened().await, opened().await], [KeyPackageStatus::Ok, KeyPackageStatus::Denied]);
}

#[tokio::test]
async fn clients_of_a_user_are_as_many_as_the_new_policy_says() {
    let setup = Setup::new();
    reconfigure(&setup, |_, pool_policy, _| pool_policy.clients = 0);
    let refused = upload(&setup, "bob", &[Device::new(1).last_resort(NOW_S)]).await;
    assert!(refused.is_err(), "{refused:?}");
    reconfigure(&setup, |_, _, _| {});
    upload(&setup, "bob", &[Device::new(1).last_resort(NOW_S)]).await.unwrap();
}

#[tokio::test]
async fn pages_waits_and_sends_have_the_new_limits() {
    let setup = Setup::new();
    let group = setup.group().await;
    let rates = RateLimits { user: pool::Rate::each_ms(1, 60_000), ..RateLimits::default() };
    reconfigure(&setup, |_, _, limits| {
        limits.rates = rates;
        limits.receive_wait = Duration::ZERO;
        limits.waiting_per_provider = 0;
        limits.page_bytes = 1;
    });
    setup.send(user("bob"), say(&group, 0, "one")).await.unwrap();
    let refused = setup.send(user("bob"), say(&group, 0, "two")).await;
    assert!(matches!(refused, Err(Error::TooFast { .. })), "{refused:?}");
    setup.send(peer("follower.example"), say(&group, 0, "three")).await.unwrap();
    // A page holds one message at least, and here no more than that.
    assert_eq!(setup.receive(user("bob"), &group, 0, 0).await.response.epoch.messages.len(), 1);
    // Nobody waits any more: answered at once, though there is nothing.
    let long = Duration::from_secs(3_000);
    let answered = tokio::time::timeout(Duration::from_secs(9), setup.receive_waiting(user("bob"), &group, 0, 2, long));
    assert!(answered.await.expect("at once").unwrap().response.epoch.messages.is_empty());
    reconfigure(&setup, |_, _, limits| limits.waiting_per_provider = 0);
    let refused = setup.receive_waiting(user("bob"), &group, 0, 2, long).await;
    assert_eq!(refused.map(drop), Err(Error::TooManyWaiting));
}
