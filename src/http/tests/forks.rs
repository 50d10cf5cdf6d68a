//! `POST /admin/forks/{list, show, foresee, terminate, restore}`.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Call, House};
use crate::{
    client::ProblemCode,
    fixtures::{mls, requests},
    forks::{Answer, Listing, Reason, group_name, partition_name},
    sequencer::GroupKey,
    service::setup::{commit, key, peer, say, user},
    wire::PartitionKey,
};

const PATHS: [&str; 5] = [
    "/admin/forks/list",
    "/admin/forks/show",
    "/admin/forks/foresee",
    "/admin/forks/terminate",
    "/admin/forks/restore",
];

fn asked(path: &'static str, document: &Value) -> Call {
    Call::local(path, document.to_string()).with("content-type", "application/json").without("ds-user")
}

async fn answered(house: &House, path: &'static str, document: &Value) -> Answer {
    let answer = asked(path, document).respond(house, axum::body::Body::from(document.to_string())).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body = http_body_util::BodyExt::collect(answer.into_body()).await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

fn partition(number: u8) -> String {
    partition_name(&PartitionKey::new(key(number)).masked())
}

#[tokio::test]
async fn a_fork_is_listed_drawn_ended_and_restored() {
    let house = House::new();
    let group = house.setup.group().await;
    house.setup.clock.advance(1);
    house.setup.send(user("alice"), commit(&group, 0, 1, "one")).await.unwrap();
    house.setup.send(peer("follower.example"), commit(&group, 0, 2, "other")).await.unwrap();
    house.setup.send(user("alice"), say(&group, 1, "here")).await.unwrap();
    house.setup.send(peer("follower.example"), say(&group, 2, "and there")).await.unwrap();
    let of_group = json!({ "group": group_name(&GroupKey::of(&group)) });
    let of_branch = |branch: &str| json!({ "group": group_name(&GroupKey::of(&group)), "branch": branch });

    let listed = asked(PATHS[0], &json!({})).respond(&house, axum::body::Body::from("{}")).await;
    let body = http_body_util::BodyExt::collect(listed.into_body()).await.unwrap().to_bytes();
    let listing: Listing = serde_json::from_slice(&body).unwrap();
    assert_eq!((listing.groups.len(), listing.after), (1, None));
    assert_eq!(json!(listing.groups[0].group), of_group["group"]);

    let Answer::Picture(picture) = answered(&house, PATHS[1], &of_group).await else { panic!() };
    assert_eq!((picture.partitions, picture.branches.len()), (3, 2));
    let Answer::Notice(notice) = answered(&house, PATHS[2], &of_branch(&partition(2))).await else { panic!() };
    assert_eq!((notice.partitions, notice.is_dominant), (1, false));
    let there = Call::provider("/v1/send", requests::send(&mls::application(&group, 1, b"before"), key(2)));
    there.answer(&house).await.assert_ok();

    let ended = answered(&house, PATHS[3], &of_branch(&partition(2))).await;
    assert_eq!(ended, Answer::Done { partitions: 1, is_done: true });
    let refused = Call::provider("/v1/send", requests::send(&mls::application(&group, 1, b"after"), key(2)));
    refused.assert_problem(&house, ProblemCode::BranchTerminated).await;
    there.answer(&house).await.assert_ok();
    assert_eq!(house.messages(&group, 2).await, 2, "reading goes on");
    let again = answered(&house, PATHS[3], &of_branch(&partition(2))).await;
    assert_eq!(again, Answer::Refused { reason: Reason::AlreadyTerminated, top: Some(partition(2)) });

    let restored = answered(&house, PATHS[4], &of_branch(&partition(2))).await;
    assert_eq!(restored, Answer::Done { partitions: 1, is_done: true });
    refused.answer(&house).await.assert_ok();
    let unnamed = answered(&house, PATHS[3], &of_branch("00000000000000ff")).await;
    assert_eq!(unnamed, Answer::Unnamed { several: false });
}

#[tokio::test]
async fn only_the_operator_asks_and_only_for_what_there_is() {
    let house = House::new();
    for path in PATHS {
        let call = asked(path, &json!({}));
        call.clone().without("authorization").assert_problem(&house, ProblemCode::Unauthorized).await;
        call.clone().with("content-type", "text/plain").assert_problem(&house, ProblemCode::UnsupportedMedia).await;
        for body in ["", "[]", "{\"unknown\": 1}", "{\"group\": 7, \"branch\": 7, \"after\": 7}", "{"] {
            call.clone().body(body).assert_problem(&house, ProblemCode::Malformed).await;
        }
        call.clone().body(vec![b' '; 16 * 1024 + 1]).assert_problem(&house, ProblemCode::TooLarge).await;
    }
    for name in ["", "4f1d", "not hex at all.", &"ab".repeat(33)] {
        let both = json!({ "group": name, "branch": name });
        asked(PATHS[3], &both).assert_problem(&house, ProblemCode::Malformed).await;
        asked(PATHS[1], &json!({ "group": name })).assert_problem(&house, ProblemCode::Malformed).await;
        asked(PATHS[0], &json!({ "after": name })).assert_problem(&house, ProblemCode::Malformed).await;
    }
}
