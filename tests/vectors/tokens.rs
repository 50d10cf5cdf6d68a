//! `join_token.json` and `bearer_token.json`.

use serde_json::json;

use super::{file::Vector, sending::KEY, tls::Tls};

pub(crate) fn join_tokens() -> Vec<Vector> {
    vec![
        Vector::good(
            "JoinTokenRequest",
            "for_a_day",
            Tls::new().vector("g").raw(KEY).u32(86_400),
            json!({ "group_id": "67", "partition_key": hex::encode(KEY), "ttl_seconds": 86_400 }),
        ),
        Vector::bad(
            "JoinTokenRequest",
            "group_id_length_reserved",
            Tls::new().raw([0xc1, b'g']).raw(KEY).u32(86_400),
            "InvalidLength",
        ),
        Vector::good(
            "JoinTokenResponse",
            "token",
            Tls::new().vector("opaque"),
            json!({ "token": hex::encode("opaque") }),
        ),
        Vector::good("JoinTokenResponse", "empty", Tls::new().vector(""), json!({ "token": "" })),
        Vector::bad("JoinTokenResponse", "length_in_two_bytes", Tls::new().raw([0x40, 1, 0]), "NonMinimalLength"),
    ]
}

pub(crate) fn bearer_tokens() -> Vec<Vector> {
    let tag = [0x7a; 32];
    let token = |kind: u8, handle: &[u8]| Tls::new().u8(kind).vector(handle).raw(tag);
    let longest = [0x68; 64];
    let label = "mimi-ds bearer v1";
    vec![
        Vector::good("BearerTokenKind", "shared", [0], json!("shared")),
        Vector::good("BearerTokenKind", "unique", [1], json!("unique")),
        Vector::bad("BearerTokenKind", "anonymous", [2], "Fault(EnumValue)"),
        Vector::bad("BearerTokenKind", "maximum", [255], "Fault(EnumValue)"),
        Vector::good(
            "BearerToken",
            "shared",
            token(0, b""),
            json!({ "kind": "shared", "handle": "", "tag": hex::encode(tag) }),
        ),
        Vector::good(
            "BearerToken",
            "unique",
            token(1, b"handle"),
            json!({ "kind": "unique", "handle": hex::encode("handle"), "tag": hex::encode(tag) }),
        ),
        Vector::good(
            "BearerToken",
            "longest_handle",
            token(1, &longest),
            json!({ "kind": "unique", "handle": hex::encode(longest), "tag": hex::encode(tag) }),
        ),
        Vector::bad("BearerToken", "shared_with_handle", token(0, b"h"), "Fault(TokenLength)"),
        Vector::bad("BearerToken", "handle_of_65", token(1, &[0x68; 65]), "Fault(TokenLength)"),
        Vector::bad("BearerToken", "kind_two", token(2, b""), "Fault(EnumValue)"),
        Vector::bad("BearerToken", "tag_with_a_length", Tls::new().u8(0).vector("").vector(tag), "TrailingBytes"),
        Vector::good(
            "BearerTokenInput",
            "unique",
            Tls::new().vector(label).u8(1).vector("alice").vector("handle").u64(19_675).u32(3),
            json!({
                "label": hex::encode(label), "kind": "unique", "user_id": hex::encode("alice"),
                "handle": hex::encode("handle"), "period": 19_675, "generation": 3,
            }),
        ),
        Vector::bad(
            "BearerTokenInput",
            "kind_two",
            Tls::new().vector(label).u8(2).vector("alice").vector("").u64(0).u32(0),
            "Fault(EnumValue)",
        ),
    ]
}
