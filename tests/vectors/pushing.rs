//! `pushing.json`: subscriptions and pushed responses.

use serde_json::json;

use super::{
    corpus::Corpus,
    file::Vector,
    receiving::{masked, response},
    sending::KEY,
    tls::Tls,
};

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let (response, response_fields) = response(corpus);
    let push = |mask: &[u8]| Tls::new().vector("g").vector(mask).u32(5);
    vec![
        Vector::good(
            "SubscribeRequest",
            "for_an_hour",
            Tls::new().vector("g").raw(KEY).u32(5).u32(3600),
            json!({ "group_id": "67", "partition_key": hex::encode(KEY), "from_counter": 5, "ttl_seconds": 3600 }),
        ),
        Vector::good(
            "SubscribeRequest",
            "largest",
            Tls::new().vector([0x67; 255]).raw([0xff; 16]).u32(u32::MAX).u32(u32::MAX),
            json!({
                "group_id": "67".repeat(255), "partition_key": "ff".repeat(16),
                "from_counter": u32::MAX, "ttl_seconds": u32::MAX,
            }),
        ),
        Vector::bad(
            "SubscribeRequest",
            "partition_key_with_a_length",
            Tls::new().vector("g").vector(KEY).u32(5).u32(3600),
            "TrailingBytes",
        ),
        Vector::good(
            "PushRequest",
            "one_hint",
            push(&masked(KEY)).raw(response),
            json!({
                "group_id": "67",
                "masked_partition_key": hex::encode(masked(KEY)),
                "first_counter": 5,
                "response": response_fields,
            }),
        ),
        Vector::good(
            "PushRequest",
            "nothing_new",
            push(&masked(KEY)).vector([]).vector([]),
            json!({
                "group_id": "67",
                "masked_partition_key": hex::encode(masked(KEY)),
                "first_counter": 5,
                "response": { "epoch": { "messages": [] }, "hints": [] },
            }),
        ),
        Vector::bad("PushRequest", "raw_partition_key", push(&KEY).vector([]).vector([]), "Fault(MaskedPartitionKey)"),
        Vector::good("SubscribeResponse", "an_hour", Tls::new().u32(3600), json!({ "ttl_seconds": 3600 })),
        Vector::good("LeaveGroupRequest", "group", Tls::new().vector("g"), json!({ "group_id": "67" })),
        Vector::bad("LeaveGroupRequest", "trailing", Tls::new().vector("g").u32(0), "TrailingBytes"),
        Vector::good("PushResponse", "next", Tls::new().u32(7), json!({ "next_counter": 7 })),
    ]
}
