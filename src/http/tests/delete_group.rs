//! `POST /v1/local/delete-group`.

use super::{
    Call, House, application, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked,
    malformed,
};
use crate::{
    client::ProblemCode,
    service::setup::{DAY, key},
    wire::{DeleteGroupRequest, PartitionKey, encode},
};

const PATH: &str = "/v1/local/delete-group";

fn delete(group_id: &[u8], number: u8) -> Call {
    let request = DeleteGroupRequest { group_id: group_id.to_vec(), partition_key: PartitionKey::new(key(number)) };
    Call::local(PATH, encode(&request).unwrap())
}

#[tokio::test]
async fn a_deleted_group_takes_nothing_and_is_read_until_retention_ends() {
    let house = House::new();
    let group = house.setup.group().await;
    Call::local("/v1/send", application(&group, b"before")).answer(&house).await.assert_ok();
    delete(&group, 1).assert_problem(&house, ProblemCode::UnknownGroup).await;
    delete(b"another", 0).assert_problem(&house, ProblemCode::UnknownGroup).await;
    for _again in 0..2 {
        let answer = delete(&group, 0).answer(&house).await;
        answer.assert_ok();
        assert!(answer.body.is_empty());
    }
    let after = application(&group, b"after");
    Call::local("/v1/send", after.clone()).assert_problem(&house, ProblemCode::GroupDeleted).await;
    Call::provider("/v1/send", after.clone()).assert_problem(&house, ProblemCode::GroupDeleted).await;
    // What was sequenced is recognised, and read.
    Call::local("/v1/send", application(&group, b"before")).answer(&house).await.assert_ok();
    assert_eq!(house.messages(&group, 0).await, 1);

    house.setup.clock.advance(31 * DAY);
    house.setup.retain().await;
    assert_eq!(house.messages(&group, 0).await, 0);
    for text in [&b"before"[..], b"after"] {
        let call = Call::local("/v1/send", application(&group, text));
        call.assert_problem(&house, ProblemCode::GroupDeleted).await;
    }
}

#[tokio::test]
async fn who_asks_and_what_is_checked() {
    let house = House::new();
    let group = house.setup.group().await;
    let call = delete(&group, 0);
    assert_local_access_is_checked(&house, &call).await;
    assert_media_type_is_checked(&house, &call).await;
    let variants = malformed(&call.body, 0, None);
    assert_all_malformed(&house, &call, variants).await;
}
