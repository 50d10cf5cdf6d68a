//! What answers that nobody takes up cost others: a provider's share of the memory for them, and no more.

use std::time::Duration;

use crate::{
    sequencer::Policy,
    service::{
        Answer, Error, Limits,
        setup::{Setup, peer, say, texts, user},
    },
};

const PAGE: usize = 16 * 1024;
const NO_WAIT: Duration = Duration::ZERO;
const LONG: Duration = Duration::from_secs(50);

/// A share is two of the pages that are usual, and a step.
fn setup() -> Setup {
    let policy = Policy { hint_bytes: 0, ..Policy::default() };
    let limits = Limits {
        page_bytes: PAGE as u64,
        pages_bytes_max: 4 * (2 * PAGE as u64 + 4096),
        queue_wait: Duration::from_millis(50),
        ..Limits::default()
    };
    Setup::with(policy, limits)
}

async fn receive(setup: &Setup, name: &str, group: &[u8], wait: Duration) -> Result<Answer, Error> {
    setup.answer(&peer(name), group, 0, 0, wait).await
}

#[tokio::test]
async fn unread_answers_fill_a_share_and_others_are_served() {
    let setup = setup();
    let group = setup.group().await;
    // Eight of them on a page, which is then all but full.
    for number in 0..8 {
        let text = number.to_string().repeat(PAGE / 8 - 300);
        setup.send(user("alice"), say(&group, 0, &text)).await.unwrap();
    }
    let unread = [
        receive(&setup, "follower.example", &group, NO_WAIT).await.unwrap(),
        receive(&setup, "follower.example", &group, NO_WAIT).await.unwrap(),
    ];
    let refused = receive(&setup, "follower.example", &group, NO_WAIT).await;
    assert_eq!(refused.map(|answer| answer.received), Err(Error::Overloaded));
    // Nor by waiting: it is refused when there is something to read, or at once.
    let refused = receive(&setup, "follower.example", &group, LONG).await;
    assert_eq!(refused.map(|answer| answer.received), Err(Error::Overloaded));
    let other = receive(&setup, "third.example", &group, NO_WAIT).await.unwrap();
    assert_eq!(other.received, unread[0].received);
    drop(unread);
    receive(&setup, "follower.example", &group, NO_WAIT).await.unwrap();
}

/// What was lent for the longest page is given back when it turns out to be a short one.
#[tokio::test]
async fn short_answers_take_what_they_are_long() {
    let setup = setup();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "short")).await.unwrap();
    let mut unread = Vec::new();
    for _ in 0..5 {
        unread.push(receive(&setup, "follower.example", &group, NO_WAIT).await.unwrap());
    }
}

/// More of them than pages fit into the memory.
#[tokio::test]
async fn receives_that_wait_take_no_memory() {
    let setup = setup();
    let group = setup.group().await;
    let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(receive(&setup, "follower.example", &group, LONG))).collect();
    for receive in &mut waiting {
        super::begin(receive);
    }
    setup.await_waiting(20).await;
    setup.send(user("alice"), say(&group, 0, "woken")).await.unwrap();
    for receive in waiting {
        assert_eq!(texts(&receive.await.unwrap().received), ["woken"]);
    }
}

#[tokio::test]
async fn a_message_that_is_longer_than_a_page_is_read_with_as_much_memory() {
    let setup = setup();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, &"x".repeat(PAGE + 4096))).await.unwrap();
    let unread = receive(&setup, "follower.example", &group, NO_WAIT).await.unwrap();
    assert_eq!(unread.received.response.epoch.messages.len(), 1);
    // More than half of the share: there is not another page left.
    let refused = receive(&setup, "follower.example", &group, NO_WAIT).await;
    assert_eq!(refused.map(|answer| answer.received), Err(Error::Overloaded));
    // Larger than a share: one at a time.
    setup.send(user("alice"), say(&group, 0, &"x".repeat(4 * PAGE))).await.unwrap();
    drop(unread);
    let next = setup.answer(&peer("follower.example"), &group, 0, 1, NO_WAIT).await.unwrap();
    assert_eq!(next.received.response.epoch.messages.len(), 1);
}
