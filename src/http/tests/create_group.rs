//! `POST /v1/local/create-group`.

use super::{
    Bounds, Call, House, application, assert_all_malformed, assert_local_access_is_checked,
    assert_media_type_is_checked, malformed,
};
use crate::{
    client::ProblemCode,
    fixtures::{
        mls,
        requests::{CreateGroup, welcome_data},
    },
    sequencer::Policy,
    service::{
        Limits,
        setup::{DAY, START, key, published},
    },
    wire::{CreateGroupResponse, MintGroupIdResponse, decode},
};

const PATH: &str = "/v1/local/create-group";

async fn mint(house: &House) -> Vec<u8> {
    let answer = Call::local("/v1/local/mint-group-id", "").answer(house).await;
    decode::<MintGroupIdResponse>(&answer.body).unwrap().group_id
}

#[tokio::test]
async fn a_minted_id_becomes_a_group() {
    let house = House::new();
    let id = mint(&house).await;
    let send = Call::local("/v1/send", application(&id, b"text"));
    send.assert_problem(&house, ProblemCode::UnknownGroup).await;
    let body = CreateGroup::bare(&id, key(0)).encode();
    for _again in 0..2 {
        let answer = Call::local(PATH, body.clone()).answer(&house).await;
        answer.assert_ok();
        assert_eq!(decode::<CreateGroupResponse>(&answer.body).unwrap(), CreateGroupResponse { created_ms: START });
        house.setup.clock.advance(5);
    }
    send.answer(&house).await.assert_ok();
}

#[tokio::test]
async fn everything_that_may_come_with_it_may_come() {
    let house = House::new();
    let id = mint(&house).await;
    let welcome = mls::welcome(mls::SUITE, &[b"one", b"two"]);
    let (group_info, tree) = published(&id);
    let request = CreateGroup {
        group_info: Some(group_info),
        ratchet_tree: Some(tree),
        welcome_data: Some(welcome_data(&welcome, &["hub.example", "follower.example"])),
        ..CreateGroup::bare(&id, key(0))
    };
    // Cut anywhere, it is nothing; and the id is still good.
    let body = request.encode();
    assert_all_malformed(&house, &Call::local(PATH, ""), malformed(&body, 0, None)).await;
    Call::local(PATH, body).answer(&house).await.assert_ok();
}

#[tokio::test]
async fn an_id_that_is_taken_or_was_never_minted_is_refused() {
    let house = House::new();
    let (id, lapsed) = (mint(&house).await, mint(&house).await);
    let request = CreateGroup::bare(&id, key(0));
    let foreign = Call::local(PATH, request.encode()).acting_as("mallory");
    foreign.assert_problem(&house, ProblemCode::GroupIdNotReserved).await;
    Call::local(PATH, request.encode()).answer(&house).await.assert_ok();
    let other = CreateGroup { key: key(1), ..request.clone() };
    Call::local(PATH, other.encode()).assert_problem(&house, ProblemCode::GroupExists).await;
    for unminted in [b"".as_slice(), b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw", b"mimi://follower.example/g/x"] {
        let call = Call::local(PATH, CreateGroup::bare(unminted, key(0)).encode());
        call.assert_problem(&house, ProblemCode::GroupIdNotReserved).await;
    }
    house.setup.clock.advance(DAY);
    let late = Call::local(PATH, CreateGroup::bare(&lapsed, key(0)).encode());
    late.assert_problem(&house, ProblemCode::GroupIdNotReserved).await;
}

#[tokio::test]
async fn access_media_type_and_body_are_checked() {
    let bounds = Bounds { request_bytes_max: 5000, ..Bounds::default() };
    let house = House::with(Policy::default(), Limits::default(), bounds);
    let id = mint(&house).await;
    let body = CreateGroup::bare(&id, key(0)).encode();
    let call = Call::local(PATH, body.clone());
    assert_media_type_is_checked(&house, &call).await;
    assert_local_access_is_checked(&house, &call).await;
    assert_all_malformed(&house, &call, malformed(&body, 0, None)).await;
    // A version that is not mls10 stands behind the key.
    let mut version = body.clone();
    version[1 + id.len() + 16 + 1] = 2;
    assert_all_malformed(&house, &call, vec![("version".to_owned(), version)]).await;
    let info = mls::group_info(&id, 0, mls::SUITE, Some(&[0; 5000]));
    let large = CreateGroup { group_info: Some(info), ..CreateGroup::bare(&id, key(0)) };
    let document = Call::local(PATH, large.encode()).assert_problem(&house, ProblemCode::TooLarge).await;
    assert!(document["detail"].as_str().unwrap().contains("5000 "), "{document}");
}
