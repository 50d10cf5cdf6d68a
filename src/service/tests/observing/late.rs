//! What nobody had time to look at, and what came ahead of its commit.

use super::*;

#[tokio::test]
async fn commits_do_not_wait_for_being_looked_at() {
    let (hub, mut group) = Hub::found(no_time(), Handshakes::Public).await;
    for epoch in 0..3 {
        hub.send(&alice(), &commit(&mut group, Info::WithTree), (epoch, epoch + 1), &[]).await.unwrap();
        assert!(hub.record(epoch + 1).unobserved);
    }
    // Whoever needs the last one finds out all of them.
    assert_eq!(hub.tree(3).await, Some(tree_of(&group)));
    for epoch in 0..=3 {
        assert!(hub.record(epoch).public.is_some() && !hub.record(epoch).unobserved);
    }
}

#[tokio::test]
async fn what_was_not_looked_at_is_caught_up_with() {
    let (hub, mut group) = Hub::found(no_time(), Handshakes::Public).await;
    hub.catch_up().await;
    assert_eq!(hub.record(0).public.unwrap().roster.members, 1);
    hub.send(&alice(), &commit(&mut group, Info::Absent), (0, 1), &[]).await.unwrap();
    hub.catch_up().await;
    assert!(hub.record(1).public.is_some());
}

#[tokio::test]
async fn a_tree_that_nobody_has_time_to_infer_is_asked_for() {
    let no_time = ObservingLimits { tree_wait: Duration::ZERO, ..no_time() };
    let (hub, mut group) = Hub::found(no_time, Handshakes::Public).await;
    let bare = commit(&mut group, Info::Bare);
    assert_eq!(hub.send(&alice(), &bare, (0, 1), &[]).await, rejected(Rejection::RatchetTreeRequired));
}

#[tokio::test]
async fn what_came_ahead_of_its_commit_is_seen_when_that_has_come() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let first = commit(&mut group, Info::Absent);
    let second = commit(&mut group, Info::WithTree);
    hub.send(&alice(), &second, (1, 2), &[]).await.unwrap();
    assert!(!hub.record(2).may_be_observable(), "an orphan hangs in the air");
    hub.send(&alice(), &first, (0, 1), &[]).await.unwrap();
    assert!(hub.record(1).public.is_some() && hub.record(2).unobserved);
    hub.catch_up().await;
    assert_eq!(hub.tree(2).await, Some(tree_of(&group)));
    assert!(hub.record(2).public.unwrap().verified.is_some());
}

#[tokio::test]
async fn what_cannot_be_followed_is_taken_and_not_looked_at_again() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let mut garbled = commit(&mut group, Info::Absent);
    // The signature of a public commit stands in front of its confirmation tag and membership tag.
    let length = garbled.message.len();
    garbled.message[length - 80] ^= 1;
    hub.send(&alice(), &garbled, (0, 1), &[]).await.unwrap();
    let record = hub.record(1);
    assert!(record.public.is_none() && !record.unobserved);
    assert_eq!(hub.tree(1).await, None);
}

#[tokio::test]
async fn what_hangs_below_an_encrypted_commit_is_not_looked_for_twice() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    drop(commit(&mut group, Info::Absent));
    hub.send(&alice(), &commit(&mut group, Info::Absent), (1, 2), &[]).await.unwrap();
    let encrypted = crate::service::setup::commit(&hub.group_id, 0, 1, "nobody sees what it does");
    hub.setup.send(alice(), encrypted).await.unwrap();
    assert!(hub.record(2).unobserved && !hub.record(1).may_be_observable());
    hub.catch_up().await;
    assert!(!hub.record(2).may_be_observable());
}
