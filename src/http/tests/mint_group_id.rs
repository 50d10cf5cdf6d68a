//! `POST /v1/local/mint-group-id`.

use super::{Call, House, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked};
use crate::{
    client::ProblemCode,
    wire::{GroupId, MintGroupIdResponse, decode},
};

const PATH: &str = "/v1/local/mint-group-id";

#[tokio::test]
async fn each_answer_is_another_id_of_this_hub() {
    let house = House::new();
    let mut ids = std::collections::HashSet::new();
    for _mint in 0..5 {
        let answer = Call::local(PATH, "").answer(&house).await;
        answer.assert_ok();
        let MintGroupIdResponse { group_id } = decode(&answer.body).unwrap();
        assert_eq!(GroupId::parse(&group_id).unwrap().hub().as_str(), "hub.example");
        assert!(ids.insert(group_id));
    }
}

#[tokio::test]
async fn access_media_type_and_body_are_checked() {
    let house = House::new();
    let call = Call::local(PATH, "");
    assert_media_type_is_checked(&house, &call).await;
    assert_local_access_is_checked(&house, &call).await;
    let variants = vec![("a byte".to_owned(), vec![0]), ("a kilobyte".to_owned(), vec![0; 1024])];
    assert_all_malformed(&house, &call, variants).await;
    Call::local(PATH, vec![0; 17_000]).assert_problem(&house, ProblemCode::TooLarge).await;
}
