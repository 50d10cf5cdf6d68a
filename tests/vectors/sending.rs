//! `sending.json` (draft §4.2): what a sender gives the hub, and the names and keys in it.

use serde_json::{Value, json};

use super::{corpus::Corpus, file::Vector, tls::Tls};

pub(crate) const KEY: [u8; 16] = *b"partition key 16";
pub(crate) const NEXT_KEY: [u8; 16] = *b"next partition k";

/// The longest name: 63 + 1 + 63 + 1 + 63 + 1 + 61 bytes.
pub(crate) fn longest_name() -> String {
    [&"a".repeat(63), &"b".repeat(63), &"c".repeat(63), &"d".repeat(61)].map(String::as_str).join(".")
}

fn service_provider_ids() -> Vec<Vector> {
    const STRUCTURE: &str = "ServiceProviderId";
    let longest = longest_name();
    let longest_label = format!("{}.example", "x".repeat(63));
    let mut vectors: Vec<Vector> = [
        ("shortest", "a.b"),
        ("usual", "hub.example"),
        ("a_label", "xn--bcher-kva.example"),
        ("digits_and_hyphens", "1-2.3--4.x1"),
        ("longest_label", &longest_label),
        ("longest", &longest),
    ]
    .iter()
    .map(|(name, id)| Vector::good(STRUCTURE, name, Tls::new().vector(id), json!(id)))
    .collect();
    let too_long = format!("{longest}d");
    let long_label = format!("{}.example", "x".repeat(64));
    vectors.extend(
        [
            ("empty", &b""[..]),
            ("one_label", b"localhost"),
            ("upper_case", b"Hub.example"),
            ("trailing_dot", b"hub.example."),
            ("leading_dot", b".hub.example"),
            ("empty_label", b"hub..example"),
            ("port", b"hub.example:443"),
            ("scheme", b"https://hub.example"),
            ("address", b"192.0.2.1"),
            ("address_v6", b"[2001:db8::1]"),
            ("last_label_of_digits", b"hub.123"),
            ("leading_hyphen", b"-hub.example"),
            ("trailing_hyphen", b"hub-.example"),
            ("underscore", b"hub_1.example"),
            ("wildcard", b"*.example"),
            ("space", b"hub .example"),
            ("zero_byte", b"hub\0.example"),
            ("u_label", "bücher.example".as_bytes()),
            ("no_utf8", b"hub\xff.example"),
            ("label_of_64", long_label.as_bytes()),
            ("name_of_254", too_long.as_bytes()),
        ]
        .iter()
        .map(|(name, id)| Vector::bad(STRUCTURE, name, Tls::new().vector(id), "Fault(ServiceProviderId)")),
    );
    vectors.push(Vector::bad(
        STRUCTURE,
        "length_in_two_bytes",
        Tls::new().raw([0x40, 0x0b]).raw("hub.example"),
        "NonMinimalLength",
    ));
    vectors
}

/// WelcomeData of `welcome_three`.
pub(crate) fn welcome_data(corpus: &Corpus) -> (Tls, Value) {
    (
        Tls::new().raw(corpus.bytes("heads.json#welcome_three")).names(["b.example", "c.example", "b.example"]),
        json!({
            "welcome": "heads.json#welcome_three",
            "service_providers": ["b.example", "c.example", "b.example"],
        }),
    )
}

/// CommitData with everything in it, small.
pub(crate) fn commit_data(corpus: &Corpus) -> (Tls, Value) {
    let (welcome_data, welcome_fields) = welcome_data(corpus);
    (
        Tls::new().raw(NEXT_KEY).present(corpus.bytes("heads.json#group_info")).present(welcome_data),
        json!({
            "next_partition_key": hex::encode(NEXT_KEY),
            "group_info": "heads.json#group_info",
            "welcome_data": welcome_fields,
        }),
    )
}

fn welcome_datas(corpus: &Corpus) -> Vec<Vector> {
    const STRUCTURE: &str = "WelcomeData";
    let (full, fields) = welcome_data(corpus);
    let longest = longest_name();
    vec![
        Vector::good(STRUCTURE, "three_members_of_two_providers", full, fields),
        Vector::good(
            STRUCTURE,
            "nobody",
            Tls::new().raw(corpus.bytes("heads.json#welcome_none")).names([""; 0]),
            json!({ "welcome": "heads.json#welcome_none", "service_providers": [] }),
        ),
        // That the lengths differ is for the hub to refuse; the encoding is sound.
        Vector::good(
            STRUCTURE,
            "lengths_differ",
            Tls::new().raw(corpus.bytes("heads.json#welcome_one")).names([&longest, "a.b"]),
            json!({ "welcome": "heads.json#welcome_one", "service_providers": [longest, "a.b"] }),
        ),
        Vector::bad(
            STRUCTURE,
            "empty_provider",
            Tls::new().raw(corpus.bytes("heads.json#welcome_one")).names([""]),
            "Fault(ServiceProviderId)",
        ),
        Vector::bad(
            STRUCTURE,
            "provider_beyond_the_list",
            Tls::new().raw(corpus.bytes("heads.json#welcome_one")).vector([3, b'a', b'.']).raw("b"),
            "Truncated",
        ),
        Vector::bad(
            STRUCTURE,
            "group_info_instead",
            Tls::new().raw(corpus.bytes("heads.json#group_info")).names(["a.b"]),
            "Fault(WireFormat)",
        ),
    ]
}

fn commit_datas(corpus: &Corpus) -> Vec<Vector> {
    const STRUCTURE: &str = "CommitData";
    let (full, fields) = commit_data(corpus);
    let (welcome_data, welcome_fields) = welcome_data(corpus);
    let next = hex::encode(NEXT_KEY);
    vec![
        Vector::good(STRUCTURE, "both", full, fields),
        Vector::good(
            STRUCTURE,
            "neither",
            Tls::new().raw(NEXT_KEY).absent().absent(),
            json!({ "next_partition_key": next, "group_info": null, "welcome_data": null }),
        ),
        Vector::good(
            STRUCTURE,
            "group_info_only",
            Tls::new().raw(NEXT_KEY).present(corpus.bytes("heads.json#group_info_with_tree")).absent(),
            json!({
                "next_partition_key": next,
                "group_info": "heads.json#group_info_with_tree",
                "welcome_data": null,
            }),
        ),
        Vector::good(
            STRUCTURE,
            "welcome_only",
            Tls::new().raw(NEXT_KEY).absent().present(welcome_data),
            json!({ "next_partition_key": next, "group_info": null, "welcome_data": welcome_fields }),
        ),
        Vector::bad(STRUCTURE, "group_info_presence_two", Tls::new().raw(NEXT_KEY).u8(2).absent(), "InvalidPresence"),
        Vector::bad(STRUCTURE, "welcome_presence_255", Tls::new().raw(NEXT_KEY).absent().u8(255), "InvalidPresence"),
        Vector::bad(
            STRUCTURE,
            "welcome_instead_of_group_info",
            Tls::new().raw(NEXT_KEY).present(corpus.bytes("heads.json#welcome_one")).absent(),
            "Fault(WireFormat)",
        ),
        Vector::bad(
            STRUCTURE,
            "next_partition_key_with_a_length",
            Tls::new().vector(NEXT_KEY).absent().absent(),
            "InvalidPresence",
        ),
    ]
}

fn send_requests(corpus: &Corpus) -> Vec<Vector> {
    const STRUCTURE: &str = "SendRequest";
    let (commit_data, commit_fields) = commit_data(corpus);
    let without = Tls::new().raw(NEXT_KEY).absent().absent();
    let of = |message: &str, key: &[u8; 16]| Tls::new().raw(corpus.bytes(message)).raw(key);
    let plain = |name: &str, message: &str, key: [u8; 16]| {
        Vector::good(
            STRUCTURE,
            name,
            of(message, &key),
            json!({ "message": message, "partition_key": hex::encode(key), "commit_data": null }),
        )
    };
    let real = |group: &str| {
        let message = format!("messages.json#{group}/commit_add");
        let info = format!("messages.json#{group}/group_info_1");
        let (key, next) = (corpus.partition_key(group, 0), corpus.partition_key(group, 1));
        Vector::good(
            STRUCTURE,
            &format!("real_commit_of_{group}"),
            of(&message, &key).raw(next).present(corpus.bytes(&info)).absent(),
            json!({
                "message": message,
                "partition_key": hex::encode(key),
                "commit_data": {
                    "next_partition_key": hex::encode(next),
                    "group_info": info,
                    "welcome_data": null,
                },
            }),
        )
    };
    let (key, next) = (corpus.partition_key("public", 0), corpus.partition_key("public", 1));
    vec![
        plain("application", "heads.json#private_application", KEY),
        plain("proposal", "heads.json#private_proposal", KEY),
        plain("public_proposal", "heads.json#public_remove", KEY),
        plain("proposal_without_an_end", "heads.json#public_app_data_remove", KEY),
        plain("empty_proposal_without_an_end", "heads.json#public_private_use_empty", KEY),
        Vector::good(
            STRUCTURE,
            "commit",
            of("heads.json#private_commit", &KEY).raw(&commit_data),
            json!({
                "message": "heads.json#private_commit",
                "partition_key": hex::encode(KEY),
                "commit_data": commit_fields,
            }),
        ),
        Vector::good(
            STRUCTURE,
            "commit_alone",
            of("heads.json#public_commit", &KEY).raw(&without),
            json!({
                "message": "heads.json#public_commit",
                "partition_key": hex::encode(KEY),
                "commit_data": {
                    "next_partition_key": hex::encode(NEXT_KEY),
                    "group_info": null,
                    "welcome_data": null,
                },
            }),
        ),
        plain("real_application", "messages.json#public/application", corpus.partition_key("public", 1)),
        plain("real_proposal", "messages.json#public/proposal_remove", corpus.partition_key("public", 1)),
        plain("real_private_proposal", "messages.json#private/proposal_remove", corpus.partition_key("private", 1)),
        Vector::good(
            STRUCTURE,
            "real_commit_with_welcome",
            of("messages.json#public/commit_add", &key)
                .raw(next)
                .present(corpus.bytes("messages.json#public/group_info_1"))
                .present(
                    Tls::new().raw(corpus.bytes("messages.json#public/welcome_two")).names(["b.example", "c.example"]),
                ),
            json!({
                "message": "messages.json#public/commit_add",
                "partition_key": hex::encode(key),
                "commit_data": {
                    "next_partition_key": hex::encode(next),
                    "group_info": "messages.json#public/group_info_1",
                    "welcome_data": {
                        "welcome": "messages.json#public/welcome_two",
                        "service_providers": ["b.example", "c.example"],
                    },
                },
            }),
        ),
        real("private"),
        real("p256"),
        Vector::bad(STRUCTURE, "commit_without_commit_data", of("heads.json#private_commit", &KEY), "Truncated"),
        Vector::bad(
            STRUCTURE,
            "application_with_commit_data",
            of("heads.json#private_application", &KEY).raw(&without),
            "TrailingBytes",
        ),
        Vector::bad(
            STRUCTURE,
            "proposal_with_commit_data",
            of("heads.json#public_remove", &KEY).raw(&without),
            "TrailingBytes",
        ),
        Vector::bad(STRUCTURE, "welcome_as_message", of("heads.json#welcome_one", &KEY), "Fault(WireFormat)"),
        Vector::bad(
            STRUCTURE,
            "partition_key_with_a_length",
            Tls::new().raw(corpus.bytes("heads.json#private_application")).vector(KEY),
            "TrailingBytes",
        ),
    ]
}

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let mut vectors = service_provider_ids();
    vectors.push(Vector::good("PartitionKey", "partition_key", KEY, json!(hex::encode(KEY))));
    vectors.extend(welcome_datas(corpus));
    vectors.extend(commit_datas(corpus));
    vectors.extend(send_requests(corpus));
    vectors.extend([
        Vector::good(
            "SendResponse",
            "first",
            Tls::new().u64(1_700_000_000_123).u32(0).u32(0),
            json!({ "accepted_ms": 1_700_000_000_123_u64, "index": 0, "commits_before": 0 }),
        ),
        Vector::good(
            "SendResponse",
            "largest",
            Tls::new().u64(u64::MAX).u32(u32::MAX - 1).u32(u32::MAX),
            json!({ "accepted_ms": u64::MAX, "index": u32::MAX - 1, "commits_before": u32::MAX }),
        ),
    ]);
    vectors
}
