//! `POST /v1/receive` of the provider listener.

use super::{Call, House, assert_all_malformed, assert_media_type_is_checked, assert_peers_are_checked, malformed};
use crate::{
    client::ProblemCode,
    fixtures::requests::receive,
    service::setup::{commit, key, peer, say, texts_of, user},
    wire::{ReceiveResponse, decode},
};

const PATH: &str = "/v1/receive";

#[tokio::test]
async fn messages_hints_and_places_are_given() {
    let house = House::new();
    let group = house.setup.group().await;
    house.setup.send(user("alice"), say(&group, 0, "in zero")).await.unwrap();
    house.setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    house.setup.send(peer("follower.example"), say(&group, 1, "in one")).await.unwrap();
    let answer = Call::provider(PATH, receive(&group, key(0), 1)).answer(&house).await;
    answer.assert_ok();
    let response: ReceiveResponse = decode(&answer.body).unwrap();
    assert_eq!(texts_of(&response.epoch), ["to one"]);
    assert_eq!(texts_of(&response.hints[0].epoch), ["in one"]);
    assert_eq!((answer.header("ds-first-index"), answer.header("ds-next-index")), (Some("1"), Some("2")));
    assert_eq!(answer.header("ds-more"), None);
}

#[tokio::test]
async fn the_unknown_looks_like_the_empty() {
    let house = House::new();
    let group = house.setup.group().await;
    let ask = async |group: &[u8], number| Call::provider(PATH, receive(group, key(number), 2)).answer(&house).await;
    let empty = ask(&group, 0).await;
    empty.assert_ok();
    assert_eq!(ask(&group, 9).await, empty);
    assert_eq!(ask(b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw", 0).await, empty);
    // Also of another hub: nothing is forwarded for a peer.
    assert_eq!(ask(b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw", 0).await, empty);
}

#[tokio::test]
async fn peer_media_type_and_body_are_checked() {
    let house = House::new();
    let group = house.setup.group().await;
    let body = receive(&group, key(0), 0);
    let call = Call::provider(PATH, body.clone());
    assert_peers_are_checked(&house, &call).await;
    assert_media_type_is_checked(&house, &call).await;
    assert_all_malformed(&house, &call, malformed(&body, 0, None)).await;
    Call::provider(PATH, receive(&[0; 17_000], key(0), 0)).assert_problem(&house, ProblemCode::TooLarge).await;
}

#[tokio::test]
async fn a_wait_is_answered_by_what_it_waits_for() {
    let house = House::new();
    let group = house.setup.group().await;
    let call = Call::provider(PATH, receive(&group, key(0), 0)).with("prefer", "wait=50");
    let sending = async {
        house.setup.await_waiting(1).await;
        house.setup.send(user("alice"), say(&group, 0, "woken")).await.unwrap();
    };
    let both = async { tokio::join!(call.answer(&house), sending) };
    let (answer, ()) = tokio::time::timeout(std::time::Duration::from_secs(9), both).await.unwrap();
    assert_eq!(texts_of(&decode::<ReceiveResponse>(&answer.body).unwrap().epoch), ["woken"]);
}
