//! `key_packages.json` (draft §4.1): KeyPackage requests, alone and in bundles.

use serde_json::{Value, json};

use super::{corpus::Corpus, file::Vector, tls::Tls};

fn request(user: &[u8], token: &[u8], suite: u16) -> (Tls, Value) {
    (
        Tls::new().vector(user).vector(token).u16(1).u16(suite),
        json!({
            "user_id": hex::encode(user), "bearer_token": hex::encode(token), "version": 1, "cipher_suite": suite,
        }),
    )
}

fn bundle(requests: &[(Tls, Value)]) -> (Tls, Value) {
    (
        Tls::new().list(requests.iter().map(|(bytes, _)| bytes)),
        json!({ "requests": requests.iter().map(|(_, fields)| fields).collect::<Vec<_>>() }),
    )
}

fn requests() -> Vec<Vector> {
    let good =
        |structure: &str, name: &str, (bytes, fields): (Tls, Value)| Vector::good(structure, name, bytes, fields);
    let alone = |user: usize, token: usize| request(&vec![0x75; user], &vec![0x74; token], 1);
    let many = |count: u16| bundle(&(1..=count).map(|suite| request(b"u", b"", suite)).collect::<Vec<_>>());
    vec![
        good("KeyPackageRequest", "usual", request(b"alice", b"token", 2)),
        good("KeyPackageRequest", "empty", request(b"", b"", 0)),
        good("KeyPackageRequest", "longest", alone(512, 1024)),
        Vector::bad("KeyPackageRequest", "user_id_of_513", alone(513, 5).0, "Fault(UserId)"),
        Vector::bad("KeyPackageRequest", "token_of_1025", alone(5, 1025).0, "Fault(TokenLength)"),
        Vector::bad(
            "KeyPackageRequest",
            "version_two",
            Tls::new().vector("alice").vector("token").u16(2).u16(1),
            "Fault(Version)",
        ),
        Vector::bad(
            "KeyPackageRequest",
            "user_id_length_in_two_bytes",
            Tls::new().raw([0x40, 1, b'u']).vector("token").u16(1).u16(1),
            "NonMinimalLength",
        ),
        good("KeyPackageRequests", "two", bundle(&[request(b"alice", b"token", 1), request(b"bob", b"", 7)])),
        good("KeyPackageRequests", "none", bundle(&[])),
        good("KeyPackageRequests", "as_many_as_allowed", many(32)),
        Vector::bad("KeyPackageRequests", "one_too_many", many(33).0, "Fault(ListTooLong)"),
        Vector::bad(
            "KeyPackageRequests",
            "the_same_user_and_suite_twice",
            bundle(&[request(b"alice", b"token", 1), request(b"bob", b"", 1), request(b"alice", b"", 1)]).0,
            "Fault(Repetition)",
        ),
        Vector::bad(
            "KeyPackageRequests",
            "second_is_cut",
            Tls::new().vector(request(b"alice", b"token", 1).0.vector("bob").vector("")),
            "Truncated",
        ),
    ]
}

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let small = corpus.bytes("heads.json#key_package");
    let real = corpus.bytes("messages.json#p256/key_package");
    let last_resort = corpus.bytes("messages.json#public/key_package_last_resort");
    let mut vectors = requests();
    for (value, name) in [(0, "ok"), (1, "denied"), (2, "exhausted"), (3, "incompatible")] {
        vectors.push(Vector::good("KeyPackageStatus", name, [value], json!(name)));
    }
    vectors.extend([
        Vector::bad("KeyPackageStatus", "four", [4], "Fault(EnumValue)"),
        Vector::bad("KeyPackageStatus", "maximum", [255], "Fault(EnumValue)"),
        Vector::good("KeyPackageResponse", "small", small, json!({ "key_package": "heads.json#key_package" })),
        Vector::good("KeyPackageResponse", "real", real, json!({ "key_package": "messages.json#p256/key_package" })),
        Vector::bad("KeyPackageResponse", "version_two", Tls::new().u16(2).raw(&small[2..]), "Fault(Version)"),
        Vector::good(
            "KeyPackageResult",
            "two_clients",
            Tls::new().u8(0).list([small, last_resort]),
            json!({
                "status": "ok",
                "key_packages": ["heads.json#key_package", "messages.json#public/key_package_last_resort"],
            }),
        ),
        Vector::good(
            "KeyPackageResult",
            "denied",
            Tls::new().u8(1).vector([]),
            json!({ "status": "denied", "key_packages": [] }),
        ),
        Vector::bad("KeyPackageResult", "status_four", Tls::new().u8(4).vector([]), "Fault(EnumValue)"),
        Vector::bad(
            "KeyPackageResult",
            "package_beyond_the_list",
            Tls::new().u8(0).vector(Tls::without_last(small)).u8(0),
            "Truncated",
        ),
        Vector::good(
            "KeyPackageResults",
            "one_of_each",
            Tls::new().list([
                Tls::new().u8(0).list([small]),
                Tls::new().u8(1).vector([]),
                Tls::new().u8(2).vector([]),
                Tls::new().u8(3).vector([]),
            ]),
            json!({ "results": [
                { "status": "ok", "key_packages": ["heads.json#key_package"] },
                { "status": "denied", "key_packages": [] },
                { "status": "exhausted", "key_packages": [] },
                { "status": "incompatible", "key_packages": [] },
            ] }),
        ),
        Vector::good("KeyPackageResults", "none", Tls::new().vector([]), json!({ "results": [] })),
        Vector::bad(
            "KeyPackageResults",
            "one_too_many",
            Tls::new().list(vec![Tls::new().u8(1).vector([]); 33]),
            "Fault(ListTooLong)",
        ),
        Vector::bad("KeyPackageResults", "status_without_list", Tls::new().list([Tls::new().u8(1)]), "Truncated"),
    ]);
    vectors
}
