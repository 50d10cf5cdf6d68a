//! `POST /v1/receive-literal` of the local listener: the draft's form, for groups of this hub.

use super::{Call, House, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked};
use crate::{
    client::ProblemCode,
    fixtures::requests::{receive, receive_literal},
    service::setup::{commit, key, say, texts_of, user},
    wire::{ReceiveResponse, decode},
};

const PATH: &str = "/v1/receive-literal";

#[tokio::test]
async fn it_finds_the_group_by_the_key() {
    let house = House::new();
    let group = house.setup.group().await;
    for text in ["one", "two"] {
        house.setup.send(user("alice"), say(&group, 0, text)).await.unwrap();
    }
    let answer = Call::local(PATH, receive_literal(key(0), 1)).answer(&house).await;
    answer.assert_ok();
    assert_eq!(texts_of(&decode::<ReceiveResponse>(&answer.body).unwrap().epoch), ["two"]);
    assert_eq!(answer.header("ds-first-index"), Some("1"));
    assert_eq!(answer.header("ds-next-index"), Some("2"));
    // As the other form says it.
    assert_eq!(answer, Call::local("/v1/receive", receive(&group, key(0), 1)).answer(&house).await);
}

#[tokio::test]
async fn the_unknown_looks_like_the_empty() {
    let house = House::new();
    let group = house.setup.group().await;
    house.setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    let empty = Call::local(PATH, receive_literal(key(1), 3)).answer(&house).await;
    empty.assert_ok();
    assert_eq!(Call::local(PATH, receive_literal(key(9), 3)).answer(&house).await, empty);
    // Both wait.
    for number in [1, 9] {
        let call = Call::local(PATH, receive_literal(key(number), 0)).with("prefer", "wait=50");
        tokio::select! {
            answer = call.answer(&house) => panic!("key {number} did not wait: {answer:?}"),
            () = house.setup.await_waiting(1) => {}
        }
        house.setup.await_waiting(0).await;
    }
}

#[tokio::test]
async fn access_media_type_and_body_are_checked() {
    let house = House::new();
    let body = receive_literal(key(0), 0);
    let call = Call::local(PATH, body.clone());
    assert_media_type_is_checked(&house, &call).await;
    assert_local_access_is_checked(&house, &call).await;
    let mut variants: Vec<_> = (0..body.len()).map(|end| (format!("cut at {end}"), body[..end].to_vec())).collect();
    variants.push(("one byte more".to_owned(), [body.as_slice(), &[0]].concat()));
    variants.push(("with a group".to_owned(), receive(b"g", key(0), 0)));
    assert_all_malformed(&house, &call, variants).await;
    Call::local(PATH, vec![0; 17_000]).assert_problem(&house, ProblemCode::TooLarge).await;
}
