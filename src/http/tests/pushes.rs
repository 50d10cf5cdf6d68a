//! `POST /v1/subscribe` and `/v1/push` of the provider listener, `/v1/local/leave-group` of the local one.

use mls_rs_codec::MlsDecode;

use super::{
    Answer, Call, House, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked,
    assert_peers_are_checked, malformed,
};
use crate::{
    client::ProblemCode,
    fixtures::{mls, requests},
    sequencer::{Command, Follow, GroupKey, Lease, Policy},
    service::{
        Found, Limits,
        setup::{DAY, Setup, commit, key, provider, say, texts_of, user, user_id},
    },
    wire::{
        Epoch, LeaveGroupRequest, Message, PartitionKey, PushRequest, PushResponse, ReceiveResponse, SubscribeRequest,
        SubscribeResponse, decode, encode,
    },
};

/// A group of the peer that calls itself follower.example.
const THEIRS: &[u8] = b"mimi://follower.example/g/AAECAwQFBgcICQoLDA0ODw";

fn subscribe(group_id: &[u8], number: u8, ttl_seconds: u32) -> Call {
    let (group_id, partition_key) = (group_id.to_vec(), PartitionKey::new(key(number)));
    let request = SubscribeRequest { group_id, partition_key, from_counter: 0, ttl_seconds };
    Call::provider("/v1/subscribe", encode(&request).unwrap())
}

fn granted(answer: &Answer) -> u32 {
    answer.assert_ok();
    decode::<SubscribeResponse>(&answer.body).unwrap().ttl_seconds
}

fn push_of(group_id: &[u8], number: u8, first_counter: u32, texts: &[&str]) -> PushRequest {
    let message = |text: &&str| {
        let bytes = mls::application(group_id, 0, text.as_bytes());
        Message { message: decode(&bytes).unwrap(), commit: None }
    };
    let response =
        ReceiveResponse { epoch: Epoch { messages: texts.iter().map(message).collect() }, hints: Vec::new() };
    let masked_partition_key = PartitionKey::new(key(number)).masked();
    PushRequest { group_id: group_id.to_vec(), masked_partition_key, first_counter, response }
}

fn push(request: &PushRequest) -> Call {
    Call::provider("/v1/push", encode(request).unwrap())
}

fn wanted(answer: &Answer) -> u32 {
    answer.assert_ok();
    decode::<PushResponse>(&answer.body).unwrap().next_counter
}

/// As after a subscription at the other hub.
async fn follow(setup: &Setup, group_id: &[u8], number: u8, from: u32) {
    let partition = PartitionKey::new(key(number)).masked();
    let until_ms = crate::service::setup::START + DAY;
    let follow = Command::Follow(Follow { partition, lease: Lease::Asked { from, until_ms } });
    setup.service.submit(GroupKey::of(group_id), follow).await.unwrap();
}

fn kept(house: &House, group_id: &[u8], number: u8) -> Vec<(u32, String)> {
    let snapshot = crate::store::Store::snapshot(&*house.setup.store).unwrap();
    let partition = PartitionKey::new(key(number)).masked();
    let kept = snapshot.kept(&GroupKey::of(group_id), &partition, 0, u64::MAX).unwrap();
    let text = |message: &[u8]| {
        let message = Message::mls_decode(&mut &*message).unwrap();
        texts_of(&Epoch { messages: vec![message] }).remove(0)
    };
    kept.into_iter().map(|kept| (kept.index, text(&kept.message))).collect()
}

#[tokio::test]
async fn a_subscription_is_a_lease_of_at_most_a_week() {
    let house = House::new();
    let group = house.setup.group().await;
    for (asked, expected) in [(60, 60), (604_800, 604_800), (u32::MAX, 604_800), (0, 0)] {
        assert_eq!(granted(&subscribe(&group, 0, asked).answer(&house).await), expected);
    }
    let call = subscribe(&group, 0, 60);
    assert_peers_are_checked(&house, &call).await;
    assert_media_type_is_checked(&house, &call).await;
    let body = call.body.clone();
    assert_all_malformed(&house, &call, malformed(&body, 0, None)).await;
}

/// Whoever guesses learns nothing, and opens nothing.
#[tokio::test]
async fn subscribing_to_the_unknown_looks_like_subscribing_to_the_known() {
    let house = House::new();
    let group = house.setup.group().await;
    let known = subscribe(&group, 0, 60).answer(&house).await;
    for (group, number) in [(&group[..], 9), (b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw", 0), (b"", 0)] {
        assert_eq!(subscribe(group, number, 60).answer(&house).await, known);
    }
    let snapshot = crate::store::Store::snapshot(&*house.setup.store).unwrap();
    let subscribed = snapshot.subscribed(&provider("follower.example"), None, 10).unwrap();
    assert_eq!(subscribed, [(GroupKey::of(&group), PartitionKey::new(key(0)).masked())]);
}

#[tokio::test]
async fn pushes_are_kept_in_order_and_once() {
    let house = House::new();
    follow(&house.setup, THEIRS, 0, 2).await;
    assert_eq!(wanted(&push(&push_of(THEIRS, 0, 3, &["behind a gap"])).answer(&house).await), 2);
    for _repeat in 0..2 {
        assert_eq!(wanted(&push(&push_of(THEIRS, 0, 2, &["two", "three"])).answer(&house).await), 4);
    }
    assert_eq!(wanted(&push(&push_of(THEIRS, 0, 0, &["zero", "one", "two", "three", "four"])).answer(&house).await), 5);
    assert_eq!(wanted(&push(&push_of(THEIRS, 0, 4, &[])).answer(&house).await), 5, "nothing changes nothing");
    let expected = [(2, "two"), (3, "three"), (4, "four")].map(|(index, text)| (index, text.to_owned()));
    assert_eq!(kept(&house, THEIRS, 0), expected);
    let call = push(&push_of(THEIRS, 0, 5, &["five"]));
    assert_peers_are_checked(&house, &call).await;
    assert_media_type_is_checked(&house, &call).await;
    let body = call.body.clone();
    assert_all_malformed(&house, &call, malformed(&body, 0, None)).await;
    assert_eq!(kept(&house, THEIRS, 0).len(), 4);
}

/// A hub may push what this provider has subscribed to, at this hub, and nothing else.
#[tokio::test]
async fn a_hostile_hub_leaves_nothing_behind() {
    let house = House::new();
    let own = house.setup.group().await;
    follow(&house.setup, THEIRS, 0, 0).await;
    let of_third = b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw";
    follow(&house.setup, of_third, 0, 0).await;
    // Another partition; a group of another hub, though that is followed; one of our own; ids that name nobody.
    for (group, number) in
        [(THEIRS, 1), (of_third, 0), (&own[..], 0), (b"group", 0), (b"", 0), (b"mimi://follower.example/g/short", 0)]
    {
        let request = push_of(group, number, 0, &["not wanted"]);
        push(&request).assert_problem(&house, ProblemCode::NotSubscribed).await;
        assert_eq!(kept(&house, group, number), []);
    }
    let mut foreign = push_of(THEIRS, 0, 0, &["theirs"]);
    foreign.response.epoch.messages.extend(push_of(of_third, 0, 0, &["of another group"]).response.epoch.messages);
    push(&foreign).assert_problem(&house, ProblemCode::Malformed).await;
    assert_eq!(kept(&house, THEIRS, 0), []);
    assert_eq!(house.messages(&own, 0).await, 0);
    // The lease is over.
    house.setup.clock.advance(DAY);
    let late = push_of(THEIRS, 0, 0, &["late"]);
    push(&late).assert_problem(&house, ProblemCode::NotSubscribed).await;
}

/// What this provider cannot do itself is no reason not to wait at the hub, which here is none that it knows.
#[tokio::test]
async fn a_wait_goes_to_the_hub_when_nothing_can_be_followed() {
    let house = House::with(Policy::default(), Limits { follows: true, ..Limits::default() }, super::Bounds::default());
    house.setup.store.fail_reads(Some(crate::store::Error::Io("gone".to_owned())));
    let call = Call::local("/v1/receive", requests::receive(THEIRS, key(0), 0)).with("prefer", "wait=50");
    call.assert_problem(&house, ProblemCode::UnknownProvider).await;
}

fn leave(group_id: &[u8]) -> Call {
    Call::local("/v1/local/leave-group", encode(&LeaveGroupRequest { group_id: group_id.to_vec() }).unwrap())
}

#[tokio::test]
async fn access_media_type_and_body_of_a_leave_are_checked() {
    let house = House::new();
    let call = leave(THEIRS);
    assert_media_type_is_checked(&house, &call).await;
    assert_local_access_is_checked(&house, &call).await;
    let body = call.body.clone();
    assert_all_malformed(&house, &call, malformed(&body, 0, None)).await;
    // Nobody learns whether there was anything to leave.
    let nothing = call.answer(&house).await;
    nothing.assert_ok();
    assert!(nothing.body.is_empty());
    for group in [&b""[..], b"group", &house.setup.group().await] {
        assert_eq!(leave(group).answer(&house).await, nothing);
    }
}

/// What was pushed for the one who leaves is taken no more; what others still want is.
#[tokio::test]
async fn whoever_leaves_is_forgotten_and_pushes_end_with_the_last_one() {
    let house = House::with(Policy::default(), Limits { follows: true, ..Limits::default() }, super::Bounds::default());
    let setup = &house.setup;
    let (group, partition) = (GroupKey::of(THEIRS), PartitionKey::new(key(0)).masked());
    follow(setup, THEIRS, 0, 0).await;
    for name in ["bob", "carol"] {
        setup.service.entitlements(&user_id(name), group, partition, Vec::new(), Found::Messages).await.unwrap();
    }
    setup.settle().await;
    leave(THEIRS).acting_as("bob").answer(&house).await.assert_ok();
    assert_eq!(wanted(&push(&push_of(THEIRS, 0, 0, &["for carol"])).answer(&house).await), 1);
    leave(THEIRS).acting_as("carol").answer(&house).await.assert_ok();
    push(&push_of(THEIRS, 0, 1, &["for nobody"])).assert_problem(&house, ProblemCode::NotSubscribed).await;
    assert_eq!(kept(&house, THEIRS, 0), []);
}

/// At the hub itself: the user who left is given no hints any more.
#[tokio::test]
async fn whoever_leaves_a_group_of_this_hub_has_no_hints_left() {
    let house = House::new();
    let group = house.setup.group().await;
    house.setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    house.setup.send(user("alice"), say(&group, 1, "in one")).await.unwrap();
    assert_eq!(house.setup.receive(user("alice"), &group, 0, 0).await.response.hints.len(), 1);
    leave(&group).acting_as("alice").answer(&house).await.assert_ok();
    assert_eq!(house.setup.receive(user("alice"), &group, 0, 0).await.response.hints, []);
}
