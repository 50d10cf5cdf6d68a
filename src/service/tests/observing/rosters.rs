//! Whose leaves are whose, and what that entitles to (F10, H9, H10, "use" of a group).

use super::*;
use crate::{sequencer::Hints, wire::GroupInfoRequest};

/// Alice adds bob, of the follower, and something is said in the new epoch, by whomever.
async fn with_bob() -> (Hub, Member) {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let added = commit_with(&mut group, Info::Absent, |builder| builder.add_member(key_package("bob")).unwrap());
    hub.send(&alice(), &added, (0, 1), &["follower.example"]).await.unwrap();
    hub.say(&peer("third.example"), &group.encrypt_application_message(b"hi", Vec::new()).unwrap(), 1).await;
    (hub, group)
}

/// And she removes him.
async fn without_bob() -> (Hub, Member) {
    let (hub, mut group) = with_bob().await;
    let removed = commit_with(&mut group, Info::Bare, |builder| builder.remove_member(1).unwrap());
    hub.send(&alice(), &removed, (1, 2), &[]).await.unwrap();
    hub.say(&peer("third.example"), &group.encrypt_application_message(b"ho", Vec::new()).unwrap(), 2).await;
    (hub, group)
}

#[tokio::test]
async fn a_leaf_belongs_to_the_provider_that_its_key_package_was_for() {
    let (hub, _group) = with_bob().await;
    let roster = hub.record(1).public.unwrap().roster;
    assert_eq!((roster.members, roster.unowned), (2, 0));
    assert_eq!(roster.providers, ["follower.example", "hub.example"].map(|name| name.parse().unwrap()));
    let (hub, _group) = without_bob().await;
    let roster = hub.record(2).public.unwrap().roster;
    assert_eq!((roster.members, &roster.providers[..]), (1, &["hub.example".parse().unwrap()][..]));
}

#[tokio::test]
async fn a_provider_with_a_leaf_is_hinted_and_one_without_is_not() {
    let (hub, _group) = with_bob().await;
    assert_eq!(hub.hints(&follower(), 0, 1).await, [masked(1)], "without ever having shown that key");
    assert!(hub.hints(&user("colleague"), 0, 1).await.is_empty());
    let (hub, _group) = without_bob().await;
    assert_eq!(hub.hints(&follower(), 0, 1).await, [masked(1)], "and nothing after the removal");
    assert!(hub.hints(&follower(), 1, 2).await.is_empty());
}

#[tokio::test]
async fn a_user_with_a_leaf_is_hinted_and_a_colleague_is_not() {
    let (hub, _group) = with_bob().await;
    assert_eq!(hub.hints(&alice(), 0, 1).await, [masked(1)], "who never showed that key either");
    assert!(hub.hints(&user("colleague"), 0, 1).await.is_empty());
}

#[tokio::test]
async fn whoever_has_no_member_any_more_is_given_no_group_info() {
    let (hub, mut group) = with_bob().await;
    assert!(hub.hints(&follower(), 1, 1).await.is_empty(), "shown the key, and so used the group");
    let removed = commit_with(&mut group, Info::Bare, |builder| builder.remove_member(1).unwrap());
    hub.send(&alice(), &removed, (1, 2), &[]).await.unwrap();
    let request = GroupInfoRequest { group_id: hub.group_id.clone() };
    let refused = hub.setup.service.group_info(&follower(), &request, None).await.map(|answer| answer.partition);
    assert_eq!(refused, Err(Error::Rejected(Rejection::NoGroupInfo)));
    assert_eq!(hub.setup.service.group_info(&alice(), &request, None).await.unwrap().partition, masked(2));
}

#[tokio::test]
async fn everyone_is_hinted_in_encrypted_groups_if_the_operator_says_so() {
    for (hints, handshakes, expected) in [
        (Hints::Entitled, Handshakes::Encrypted, 0),
        (Hints::Forward, Handshakes::Encrypted, 1),
        (Hints::Forward, Handshakes::Public, 0),
    ] {
        let policy = Policy { hints, ..Policy::default() };
        let setup = Setup::with(policy, Limits::default());
        let group_id = setup.service.mint_group_id(&user_id("alice")).await.unwrap().as_bytes().to_vec();
        let hub = Hub { setup, group_id };
        let mut group = founded(&hub.group_id, handshakes);
        hub.create(info(&group, Info::WithTree), None).await.unwrap();
        hub.send(&alice(), &commit(&mut group, Info::Absent), (0, 1), &[]).await.unwrap();
        hub.say(&alice(), &group.encrypt_application_message(b"hi", Vec::new()).unwrap(), 1).await;
        assert_eq!(hub.hints(&follower(), 0, 1).await.len(), expected, "{hints:?} {handshakes:?}");
        assert_eq!(hub.hints(&user("colleague"), 0, 1).await.len(), expected, "{hints:?} {handshakes:?}");
    }
}
