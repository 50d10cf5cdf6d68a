//! Receives read in place what is at hand, and elsewhere what is not; nobody can tell which it was.

use crate::{
    service::setup::{Setup, peer, say, texts},
    store::Store,
};

#[tokio::test]
async fn what_was_just_written_is_read_in_place() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(&peer("follower.example"), say(&group, 0, "one")).await.unwrap();
    // Whatever cannot be read in place now cannot be read at all.
    let places =
        setup.service.reads.clone().acquire_many_owned(u32::try_from(setup.limits.reads).unwrap()).await.unwrap();
    let received = setup.receive(&peer("follower.example"), &group, 0, 0).await;
    assert_eq!(texts(&received), ["one"]);
    drop(places);
}

#[tokio::test]
async fn what_is_not_at_hand_is_read_elsewhere_and_is_the_same() {
    let setup = Setup::new();
    let group = setup.group().await;
    for text in ["one", "two", "three"] {
        setup.send(&peer("follower.example"), say(&group, 0, text)).await.unwrap();
    }
    let in_place = setup.receive(&peer("follower.example"), &group, 0, 1).await;
    setup.store.forget();
    let elsewhere = setup.receive(&peer("follower.example"), &group, 0, 1).await;
    assert_eq!(elsewhere, in_place);
    assert_eq!(texts(&elsewhere), ["two", "three"]);
    assert!(setup.store.at_hand(u64::MAX).unwrap().group(&crate::sequencer::GroupKey::of(&group)).is_err());
}
