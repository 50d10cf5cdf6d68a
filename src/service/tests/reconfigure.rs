//! What an operator changes while the service runs.

use std::time::Duration;

use crate::{
    pool,
    sequencer::{Policy, Rejection},
    service::{
        BanName, Error, Limits, RateLimits,
        setup::{Setup, peer, provider, say, user, user_id},
    },
    wire::Sanction,
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

#[tokio::test]
async fn tokens_are_fetched_at_the_new_rate_and_waits_have_the_new_length() {
    let setup = Setup::new();
    let group = setup.group().await;
    let rates = RateLimits { user: pool::Rate::each_ms(1, 60_000), ..RateLimits::default() };
    reconfigure(&setup, |_, pool_policy, limits| {
        pool_policy.clients = 1;
        limits.rates = rates;
        limits.receive_wait = Duration::ZERO;
        limits.waiting_per_provider = 0;
        limits.page_bytes = 1;
    });
    assert_eq!(setup.service.pool_policy().clients, 1);
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
