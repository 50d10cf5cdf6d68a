//! What may be sequenced in a while, and that nobody pays twice or for somebody else.

use crate::{
    pool::Rate,
    sequencer::{Policy, Rejection},
    service::{
        Error, Limits, RateLimits,
        setup::{Setup, key, peer, say, user, user_id},
    },
    wire::{DeleteGroupRequest, PartitionKey, SendResponse},
};

fn setup() -> Setup {
    let rates = RateLimits {
        provider: Rate::each_ms(6, 1_000),
        provider_in_group: Rate::each_ms(3, 1_000),
        user: Rate::each_ms(5, 1_000),
    };
    Setup::with(Policy::default(), Limits { rates, ..Limits::default() })
}

const TOO_FAST: Result<SendResponse, Error> = Err(Error::TooFast { retry_after_seconds: 1 });

#[tokio::test]
async fn too_much_is_refused_until_time_has_passed() {
    let setup = setup();
    let group = setup.group().await;
    let send = async |number: u32| setup.send(peer("follower.example"), say(&group, 0, &number.to_string())).await;
    for number in 0..3 {
        send(number).await.unwrap();
    }
    assert_eq!(send(3).await, TOO_FAST);
    // Others, and our own users, have rates of their own. Alice has minted an id and made a group.
    setup.send(peer("third.example"), say(&group, 0, "third")).await.unwrap();
    for number in 0..3 {
        setup.send(user("alice"), say(&group, 0, &format!("alice {number}"))).await.unwrap();
    }
    assert_eq!(setup.send(user("alice"), say(&group, 0, "alice 3")).await, TOO_FAST);
    setup.send(user("bob"), say(&group, 0, "bob")).await.unwrap();
    setup.clock.advance(1_000);
    send(3).await.unwrap();
    assert_eq!(send(4).await, TOO_FAST);
}

#[tokio::test]
async fn a_repetition_is_charged_once() {
    let setup = setup();
    let group = setup.group().await;
    let first = setup.send(peer("follower.example"), say(&group, 0, "once")).await.unwrap();
    setup.clock.advance(1);
    for _repetition in 0..20 {
        assert_eq!(setup.send(peer("follower.example"), say(&group, 0, "once")).await, Ok(first));
    }
    for text in ["two", "three"] {
        setup.send(peer("follower.example"), say(&group, 0, text)).await.unwrap();
    }
    assert_eq!(setup.send(peer("follower.example"), say(&group, 0, "four")).await, TOO_FAST);
}

#[tokio::test]
async fn who_deletes_is_charged() {
    let setup = setup();
    let group = setup.group().await;
    let request = DeleteGroupRequest { group_id: group, partition_key: PartitionKey::new(key(9)) };
    let bob = user_id("bob");
    let unknown = Err(Error::Rejected(Rejection::UnknownGroup));
    for _guess in 0..5 {
        assert_eq!(setup.service.delete_group(&bob, &request).await, unknown);
    }
    assert_eq!(setup.service.delete_group(&bob, &request).await, Err(Error::TooFast { retry_after_seconds: 1 }));
}

#[tokio::test]
async fn a_creation_is_charged_once() {
    let setup = setup();
    let group = setup.group().await;
    setup.clock.advance(1);
    for _repetition in 0..20 {
        setup.create(&group).await.unwrap();
    }
}
