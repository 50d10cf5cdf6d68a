//! `creating.json`: minting group ids and handing a group to the hub.

use serde_json::json;

use super::{
    corpus::Corpus,
    file::Vector,
    sending::{KEY, welcome_data},
    tls::Tls,
};

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let head = |version: u16| Tls::new().vector("g").raw(KEY).u16(version).u16(1).u64(0);
    let (welcome_data, welcome_fields) = welcome_data(corpus);
    let id = corpus.group_id("public");
    let key = corpus.partition_key("public", 1);
    vec![
        Vector::good("MintGroupIdResponse", "minted", Tls::new().vector(&id), json!({ "group_id": hex::encode(&id) })),
        Vector::bad("MintGroupIdResponse", "length_in_two_bytes", Tls::new().raw([0x40, 1, b'g']), "NonMinimalLength"),
        Vector::good(
            "CreateGroupRequest",
            "alone",
            head(1).absent().absent().absent(),
            json!({
                "group_id": "67", "partition_key": hex::encode(KEY), "version": 1, "cipher_suite": 1, "epoch": 0,
                "group_info": null, "ratchet_tree": null, "welcome_data": null,
            }),
        ),
        Vector::good(
            "CreateGroupRequest",
            "everything",
            head(1)
                .present(corpus.bytes("heads.json#group_info"))
                .present(corpus.bytes("heads.json#ratchet_tree_blank"))
                .present(&welcome_data),
            json!({
                "group_id": "67", "partition_key": hex::encode(KEY), "version": 1, "cipher_suite": 1, "epoch": 0,
                "group_info": "heads.json#group_info",
                "ratchet_tree": "heads.json#ratchet_tree_blank",
                "welcome_data": welcome_fields,
            }),
        ),
        Vector::good(
            "CreateGroupRequest",
            "real",
            Tls::new()
                .vector(&id)
                .raw(key)
                .u16(1)
                .u16(1)
                .u64(1)
                .present(corpus.bytes("messages.json#public/group_info_1"))
                .absent()
                .present(
                    Tls::new()
                        .raw(corpus.bytes("messages.json#public/welcome_two"))
                        .names(["hub.example", "b.example"]),
                ),
            json!({
                "group_id": hex::encode(&id), "partition_key": hex::encode(key),
                "version": 1, "cipher_suite": 1, "epoch": 1,
                "group_info": "messages.json#public/group_info_1",
                "ratchet_tree": null,
                "welcome_data": {
                    "welcome": "messages.json#public/welcome_two",
                    "service_providers": ["hub.example", "b.example"],
                },
            }),
        ),
        // Any suite is carried: which ones a hub takes is policy.
        Vector::good(
            "CreateGroupRequest",
            "unknown_suite_and_last_epoch",
            Tls::new().vector("").raw(KEY).u16(1).u16(0xffff).u64(u64::MAX).absent().absent().absent(),
            json!({
                "group_id": "", "partition_key": hex::encode(KEY),
                "version": 1, "cipher_suite": 0xffff, "epoch": u64::MAX,
                "group_info": null, "ratchet_tree": null, "welcome_data": null,
            }),
        ),
        Vector::bad("CreateGroupRequest", "version_two", head(2).absent().absent().absent(), "Fault(Version)"),
        Vector::bad(
            "CreateGroupRequest",
            "group_info_presence_two",
            head(1).u8(2).absent().absent(),
            "InvalidPresence",
        ),
        Vector::bad("CreateGroupRequest", "tree_presence_two", head(1).absent().u8(2).absent(), "InvalidPresence"),
        Vector::bad("CreateGroupRequest", "welcome_presence_two", head(1).absent().absent().u8(2), "InvalidPresence"),
        Vector::bad(
            "CreateGroupRequest",
            "message_instead_of_group_info",
            head(1).present(corpus.bytes("heads.json#private_application")).absent().absent(),
            "Fault(WireFormat)",
        ),
        Vector::good(
            "DeleteGroupRequest",
            "shown",
            Tls::new().vector("g").raw(KEY),
            json!({ "group_id": "67", "partition_key": hex::encode(KEY) }),
        ),
        Vector::bad("DeleteGroupRequest", "key_too_long", Tls::new().vector("g").raw(KEY).u8(0), "TrailingBytes"),
        Vector::bad("DeleteGroupRequest", "no_key", Tls::new().vector("g"), "Truncated"),
        Vector::good(
            "CreateGroupResponse",
            "created",
            Tls::new().u64(1_700_000_000_123),
            json!({ "created_ms": 1_700_000_000_123_u64 }),
        ),
    ]
}
