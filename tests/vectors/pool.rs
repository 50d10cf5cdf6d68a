//! `pool.json`: uploading KeyPackages and managing tokens, on the local listener.

use serde_json::{Value, json};

use super::{corpus::Corpus, file::Vector, tls::Tls};

const CLIENT: [u8; 16] = [0xc1; 16];
const HANDLE: [u8; 16] = [0x4a; 16];

fn stock(has_last_resort: u8) -> (Tls, Value) {
    (
        Tls::new().raw(CLIENT).u16(1).u16(2).u32(19).u8(has_last_resort).u32(3).u64(1_700_000_000_123),
        json!({
            "client_id": hex::encode(CLIENT), "version": 1, "cipher_suite": 2, "available": 19,
            "has_last_resort": has_last_resort == 1, "last_resort_uses": 3,
            "last_resort_used_ms": 1_700_000_000_123_u64,
        }),
    )
}

fn token_use(revoked: u8) -> (Tls, Value) {
    (
        Tls::new().raw(HANDLE).u64(1_700_000_000_000).u8(revoked).u32(7).u64(0),
        json!({
            "handle": hex::encode(HANDLE), "minted_ms": 1_700_000_000_000_u64, "revoked": revoked == 1, "uses": 7,
            "last_used_ms": 0,
        }),
    )
}

fn hex_of(bytes: [u8; 16]) -> Value {
    json!(hex::encode(bytes))
}

fn key_packages(corpus: &Corpus) -> Vec<Vector> {
    let small = corpus.bytes("heads.json#key_package");
    let upload = |count: usize| Tls::new().raw(CLIENT).list(vec![small; count]);
    let named = |count: usize| json!({ "client_id": hex::encode(CLIENT), "key_packages": vec!["heads.json#key_package"; count] });
    let (bytes, fields) = stock(1);
    vec![
        Vector::good("ClientId", "sixteen_bytes", CLIENT, hex_of(CLIENT)),
        Vector::good("KeyPackageStock", "with_a_last_resort", stock(1).0, stock(1).1),
        Vector::good("KeyPackageStock", "without", stock(0).0, stock(0).1),
        Vector::bad("KeyPackageStock", "flag_two", stock(2).0, "Fault(EnumValue)"),
        Vector::good("UploadKeyPackagesRequest", "two", upload(2), named(2)),
        Vector::good("UploadKeyPackagesRequest", "none", upload(0), named(0)),
        Vector::good("UploadKeyPackagesRequest", "as_many_as_allowed", upload(256), named(256)),
        Vector::bad("UploadKeyPackagesRequest", "one_too_many", upload(257), "Fault(ListTooLong)"),
        Vector::bad(
            "UploadKeyPackagesRequest",
            "second_is_cut",
            Tls::new().raw(CLIENT).vector([small, Tls::without_last(small).as_ref()].concat()),
            "Truncated",
        ),
        Vector::good(
            "DeleteKeyPackagesRequest",
            "of_a_client",
            Tls::new().raw(CLIENT),
            json!({ "client_id": hex::encode(CLIENT) }),
        ),
        Vector::good(
            "KeyPackageStanding",
            "one_stock",
            Tls::new().u32(20).list([&bytes]),
            json!({ "low_water_mark": 20, "stocks": [fields] }),
        ),
        Vector::good(
            "KeyPackageStanding",
            "nothing",
            Tls::new().u32(20).vector([]),
            json!({ "low_water_mark": 20, "stocks": [] }),
        ),
        Vector::bad("KeyPackageStanding", "flag_two", Tls::new().u32(20).list([stock(2).0]), "Fault(EnumValue)"),
    ]
}

fn tokens() -> Vec<Vector> {
    let token = Tls::new().u8(1).vector(HANDLE).raw([0x7a; 32]);
    let (bytes, fields) = token_use(1);
    vec![
        Vector::good("TokenHandle", "sixteen_bytes", HANDLE, hex_of(HANDLE)),
        Vector::good("TokenUse", "revoked", token_use(1).0, token_use(1).1),
        Vector::good("TokenUse", "good", token_use(0).0, token_use(0).1),
        Vector::bad("TokenUse", "flag_two", token_use(2).0, "Fault(EnumValue)"),
        Vector::good("MintTokenRequest", "shared", [0], json!({ "kind": "shared" })),
        Vector::good("MintTokenRequest", "unique", [1], json!({ "kind": "unique" })),
        Vector::bad("MintTokenRequest", "two", [2], "Fault(EnumValue)"),
        Vector::good(
            "MintTokenResponse",
            "unique",
            token,
            json!({ "token": { "kind": "unique", "handle": hex::encode(HANDLE), "tag": hex::encode([0x7a; 32]) } }),
        ),
        Vector::good("RevokeTokenRequest", "user", [0], json!("user")),
        Vector::good(
            "RevokeTokenRequest",
            "handle",
            Tls::new().u8(1).raw(HANDLE),
            json!({ "handle": hex::encode(HANDLE) }),
        ),
        Vector::bad("RevokeTokenRequest", "two", Tls::new().u8(2).raw(HANDLE), "Fault(EnumValue)"),
        Vector::bad("RevokeTokenRequest", "user_with_a_handle", Tls::new().u8(0).raw(HANDLE), "TrailingBytes"),
        Vector::good("RevokeTokenResponse", "found", [1], json!({ "found": true })),
        Vector::good("RevokeTokenResponse", "unknown", [0], json!({ "found": false })),
        Vector::bad("RevokeTokenResponse", "flag_two", [2], "Fault(EnumValue)"),
        Vector::good(
            "ListTokensResponse",
            "one",
            Tls::new().u32(2).list([&bytes]),
            json!({ "generation": 2, "tokens": [fields] }),
        ),
        Vector::good(
            "ListTokensResponse",
            "none",
            Tls::new().u32(0).vector([]),
            json!({ "generation": 0, "tokens": [] }),
        ),
        Vector::bad("ListTokensResponse", "flag_two", Tls::new().u32(0).list([token_use(2).0]), "Fault(EnumValue)"),
    ]
}

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    [key_packages(corpus), tokens()].concat()
}
