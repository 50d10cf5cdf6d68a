//! `POST /admin/retention/run` and `/admin/retention/status`.

use serde_json::{Value, json};

use super::{Call, House, application};
use crate::{
    client::ProblemCode,
    service::setup::{DAY, START, commit, user},
};

const RUN: &str = "/admin/retention/run";
const STATUS: &str = "/admin/retention/status";

async fn ask(house: &House, path: &'static str) -> Value {
    let call = Call::local(path, "{}").without("ds-user").with("content-type", "application/json");
    call.clone().without("authorization").assert_problem(house, ProblemCode::Unauthorized).await;
    let answer = call.answer(house).await;
    assert_eq!(answer.status.as_u16(), 200);
    serde_json::from_slice(&answer.body).unwrap()
}

#[tokio::test]
async fn says_how_it_stands_in_numbers() {
    let house = House::new();
    assert_eq!(ask(&house, STATUS).await, json!({ "under_way": null, "last": null, "rests_until_ms": null }));
    let group = house.setup.group().await;
    let text = application(&group, b"text");
    Call::local("/v1/send", text.clone()).answer(&house).await.assert_ok();
    house.setup.send(user("alice"), commit(&group, 0, 1, "leads away")).await.unwrap();
    house.setup.retain().await;
    let before = ask(&house, STATUS).await;
    assert_eq!(before["last"]["in_all"]["partitions_looked_at"], 2);
    assert_eq!(before["last"]["in_all"]["messages_removed"], 0);

    house.setup.clock.advance(DAY - 1);
    house.setup.retain().await;
    assert_eq!(ask(&house, STATUS).await, before, "once a day is enough");
    house.setup.clock.advance(30 * DAY);
    house.setup.retain().await;
    let after = ask(&house, STATUS).await;
    assert_eq!(after["under_way"], Value::Null);
    assert_eq!(after["last"]["started_ms"], START + 31 * DAY - 1);
    let removed = &after["last"]["in_all"];
    assert_eq!((&removed["messages_removed"], &removed["partitions_emptied"]), (&json!(2), &json!(1)));
    assert!(removed["bytes_removed"].as_u64().unwrap() > text.len() as u64);
    assert_eq!(removed["presentations_removed"], 0, "they went with their partition");

    // Whoever asks for it does not wait for the next day.
    ask(&house, RUN).await;
    house.setup.clock.advance(1);
    house.setup.retain().await;
    assert_eq!(ask(&house, STATUS).await["last"]["started_ms"], START + 31 * DAY);
}
