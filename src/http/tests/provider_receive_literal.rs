//! `POST /v1/receive-literal` of the provider listener.

use super::{Call, House, assert_all_malformed, assert_media_type_is_checked, assert_peers_are_checked};
use crate::{
    client::ProblemCode,
    fixtures::requests::{receive, receive_literal},
    service::setup::{key, peer, say, texts_of, user},
    wire::{ReceiveResponse, decode},
};

const PATH: &str = "/v1/receive-literal";

#[tokio::test]
async fn a_key_leads_into_groups_that_the_peer_used_and_no_others() {
    let house = House::new();
    let group = house.setup.group().await;
    house.setup.send(user("alice"), say(&group, 0, "here")).await.unwrap();
    let stranger = Call::provider(PATH, receive_literal(key(0), 0)).answer(&house).await;
    assert_eq!(stranger, Call::provider(PATH, receive_literal(key(9), 0)).answer(&house).await);
    house.setup.receive(peer("follower.example"), &group, 0, 0).await;
    house.setup.settle().await;
    let answer = Call::provider(PATH, receive_literal(key(0), 0)).answer(&house).await;
    answer.assert_ok();
    assert_eq!(texts_of(&decode::<ReceiveResponse>(&answer.body).unwrap().epoch), ["here"]);
    assert_eq!(answer.header("ds-next-index"), Some("1"));
}

#[tokio::test]
async fn peer_media_type_and_body_are_checked() {
    let house = House::new();
    let body = receive_literal(key(0), 0);
    let call = Call::provider(PATH, body.clone());
    assert_peers_are_checked(&house, &call).await;
    assert_media_type_is_checked(&house, &call).await;
    let mut variants: Vec<_> = (0..body.len()).map(|end| (format!("cut at {end}"), body[..end].to_vec())).collect();
    variants.push(("one byte more".to_owned(), [body.as_slice(), &[0]].concat()));
    variants.push(("with a group".to_owned(), receive(b"g", key(0), 0)));
    assert_all_malformed(&house, &call, variants).await;
    Call::provider(PATH, vec![0; 17_000]).assert_problem(&house, ProblemCode::TooLarge).await;
}
