//! What a restart must not forget: requests that were answered, tokens that were revoked, keys that were published.

use restante::{
    client::oblivious::FetchError,
    wire::{BearerToken, BearerTokenKind, KeyPackageStatus, RevokeTokenRequest, TokenHandle, decode},
};

use super::{
    sealed::{encapsulate, key_list, open, post},
    world::{World, fetch, request},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_after_a_restart_hands_out_nothing() {
    let mut world = World::new().await;
    world.upload("bob", 1, 3).await;
    let token = world.mint("bob", BearerTokenKind::Shared).await;
    let list = key_list(&world).await;

    let (encapsulated, context) = encapsulate(&list, vec![request("bob", &token)]);
    let first = post(&world, &encapsulated).await;
    assert_eq!(first.status, 200);
    assert_eq!(world.available("bob").await, 2);
    world.restart().await;
    let again = post(&world, &encapsulated).await;
    assert_eq!((again.status, again.body.len()), (200, first.body.len()), "the relay cannot tell it from a fetch");
    // Only now the context is used: it opens one answer.
    let (status, _) = open(context, &again);
    assert_eq!(status, 409, "to whoever asked it says what it is");
    assert_eq!(world.available("bob").await, 2);

    // A replay within one life, and a fresh request of the same content, which is no replay.
    let (encapsulated, context) = encapsulate(&list, vec![request("bob", &token)]);
    let answered = post(&world, &encapsulated).await;
    assert_eq!(open(context, &answered).0, 200);
    assert_eq!(post(&world, &encapsulated).await.body.len(), answered.body.len());
    assert_eq!(world.available("bob").await, 1);
}

/// A database that was lost, behind keys that were not: nobody knows any more what was answered with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_gateway_refuses_what_may_be_a_copy() {
    let mut world = World::new().await;
    world.upload("bob", 1, 1).await;
    let token = world.mint("bob", BearerTokenKind::Shared).await;
    let list = key_list(&world).await;
    let (encapsulated, context) = encapsulate(&list, vec![request("bob", &token)]);
    let first = post(&world, &encapsulated).await;
    assert_eq!((first.status, world.available("bob").await), (200, 0));
    world.lose_database().await;
    // The same device again, and a token of the new database: the copy would be answered if it were taken for new.
    world.upload("bob", 1, 1).await;
    let token = world.mint("bob", BearerTokenKind::Shared).await;
    let again = post(&world, &encapsulated).await;
    assert_eq!((again.status, again.body.len()), (200, first.body.len()));
    let (status, content) = open(context, &again);
    let document: serde_json::Value = serde_json::from_slice(&content).unwrap();
    assert_eq!((status, &document["type"]), (503, &"about:blank".into()), "{document}");
    // Nobody can tell a new one from a copy either, and not after another start.
    for _start in 0..2 {
        let (encapsulated, context) = encapsulate(&list, vec![request("bob", &token)]);
        assert_eq!(open(context, &post(&world, &encapsulated).await).0, 503);
        let refused = fetch(&world.fetcher(), "bob", &token).await.unwrap_err();
        let FetchError::Problem(problem) = refused else { panic!("{refused}") };
        // Once, and its caller is told when to come back: not before the window of dates has passed the loss.
        assert!(
            refused.is_transient() && problem.retry_after.is_some_and(|after| after.as_secs() % 60 == 0),
            "{problem:?}"
        );
        world.restart().await;
    }
    assert_eq!(world.available("bob").await, 1);
    assert!(world.follower.process.logged().contains("the gateway refuses requests for now"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_revocations_outlive_the_process() {
    let mut world = World::new().await;
    world.upload("bob", 1, 4).await;
    let shared = world.mint("bob", BearerTokenKind::Shared).await;
    let unique = world.mint("bob", BearerTokenKind::Unique).await;
    let before = world.fetcher();
    for token in [&shared, &unique] {
        assert_eq!(fetch(&before, "bob", token).await.unwrap().status, KeyPackageStatus::Ok);
    }
    let handle = TokenHandle::of(&decode::<BearerToken>(&unique).unwrap().handle).unwrap();
    let bob = world.follower.user("bob");
    bob.revoke_token(&RevokeTokenRequest::Handle(handle)).await.unwrap();
    let denied = fetch(&before, "bob", &unique).await.unwrap();
    assert_eq!((denied.status, denied.key_packages.len()), (KeyPackageStatus::Denied, 0));

    world.restart().await;
    // A fetcher that knows no key compares the gateway's own list, through the tunnel, with the relay's copy from before
    // the restart: a list that is not the same byte for byte would be key targeting.
    let after = world.fetcher();
    assert_eq!(fetch(&after, "bob", &unique).await.unwrap(), denied, "still denied");
    assert_eq!(fetch(&after, "nobody", &unique).await.unwrap(), denied, "like somebody who is not there");
    assert_eq!(fetch(&after, "bob", &shared).await.unwrap().status, KeyPackageStatus::Ok);
    assert_eq!(fetch(&before, "bob", &shared).await.unwrap().status, KeyPackageStatus::Ok, "the old key is still good");

    world.follower.user("bob").revoke_token(&RevokeTokenRequest::User).await.unwrap();
    world.restart().await;
    assert_eq!(fetch(&after, "bob", &shared).await.unwrap(), denied);
    let fresh = world.mint("bob", BearerTokenKind::Shared).await;
    assert_eq!(fetch(&after, "bob", &fresh).await.unwrap().status, KeyPackageStatus::Ok, "the last-resort one");
}
