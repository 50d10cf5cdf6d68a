//! `receiving.json` (draft §4.4).

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    corpus::Corpus,
    file::Vector,
    sending::{KEY, NEXT_KEY},
    tls::Tls,
};

pub(crate) fn masked(key: [u8; 16]) -> [u8; 32] {
    Sha256::digest(key).into()
}

fn plain(corpus: &Corpus, message: &str) -> (Tls, Value) {
    (Tls::new().raw(corpus.bytes(message)), json!({ "message": message, "commit": null }))
}

fn commit(corpus: &Corpus, message: &str, next: [u8; 16], group_info: Option<&str>) -> (Tls, Value) {
    let announced = Tls::new().raw(corpus.bytes(message)).vector(masked(next));
    (
        match group_info {
            Some(group_info) => announced.present(corpus.bytes(group_info)),
            None => announced.absent(),
        },
        json!({
            "message": message,
            "commit": { "next_partition_key": hex::encode(masked(next)), "group_info": group_info },
        }),
    )
}

fn epoch(messages: &[(Tls, Value)]) -> (Tls, Value) {
    (
        Tls::new().list(messages.iter().map(|(bytes, _)| bytes)),
        json!({ "messages": messages.iter().map(|(_, fields)| fields).collect::<Vec<_>>() }),
    )
}

fn hinted(key: [u8; 16], messages: &[(Tls, Value)]) -> (Tls, Value) {
    let (bytes, fields) = epoch(messages);
    (
        Tls::new().vector(masked(key)).raw(bytes),
        json!({ "masked_partition_key": hex::encode(masked(key)), "epoch": fields }),
    )
}

/// An answer with two messages and one hint, small.
pub(crate) fn response(corpus: &Corpus) -> (Tls, Value) {
    let (epoch, epoch_fields) = epoch(&[
        plain(corpus, "heads.json#private_application"),
        commit(corpus, "heads.json#private_commit", NEXT_KEY, Some("heads.json#group_info")),
    ]);
    let (hint, hint_fields) = hinted(NEXT_KEY, &[plain(corpus, "heads.json#public_remove")]);
    (Tls::new().raw(epoch).list([hint]), json!({ "epoch": epoch_fields, "hints": [hint_fields] }))
}

fn responses(corpus: &Corpus) -> Vec<Vector> {
    const STRUCTURE: &str = "ReceiveResponse";
    let (small, small_fields) = response(corpus);
    let (real_epoch, real_epoch_fields) = epoch(&[
        plain(corpus, "messages.json#public/application"),
        plain(corpus, "messages.json#public/application_authenticated_data"),
        commit(
            corpus,
            "messages.json#public/external_commit",
            corpus.partition_key("public", 2),
            Some("messages.json#public/group_info_2"),
        ),
        // It has no end of its own: it can only be the last.
        plain(corpus, "messages.json#public/proposal_custom"),
    ]);
    let (first_hint, first_fields) = hinted(corpus.partition_key("public", 2), &[]);
    let (second_hint, second_fields) = hinted(
        corpus.partition_key("public", 0),
        &[commit(corpus, "messages.json#public/commit_add", corpus.partition_key("public", 1), None)],
    );
    vec![
        Vector::good(STRUCTURE, "one_hint", small, small_fields),
        Vector::good(
            STRUCTURE,
            "empty",
            Tls::new().list([""; 0]).list([""; 0]),
            json!({ "epoch": { "messages": [] }, "hints": [] }),
        ),
        Vector::good(
            STRUCTURE,
            "real",
            Tls::new().raw(real_epoch).list([first_hint, second_hint]),
            json!({ "epoch": real_epoch_fields, "hints": [first_fields, second_fields] }),
        ),
        Vector::bad(STRUCTURE, "no_hints", [0x00], "Truncated"),
        Vector::bad(
            STRUCTURE,
            "hint_of_a_short_mask",
            Tls::new().list([""; 0]).list([Tls::new().vector([0; 31]).list([""; 0])]),
            "Fault(MaskedPartitionKey)",
        ),
        Vector::bad(
            STRUCTURE,
            "epoch_length_in_two_bytes",
            Tls::new().raw([0x40, 0x00]).list([""; 0]),
            "NonMinimalLength",
        ),
    ]
}

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let good =
        |structure: &str, name: &str, (bytes, fields): (Tls, Value)| Vector::good(structure, name, bytes, fields);
    let application = || plain(corpus, "heads.json#private_application");
    let alone = || commit(corpus, "heads.json#public_commit", NEXT_KEY, None);
    let with_info = || commit(corpus, "heads.json#private_commit", NEXT_KEY, Some("heads.json#group_info"));
    let group_id = corpus.group_id("public");
    let real_key = corpus.partition_key("public", 1);
    let mut vectors = vec![
        Vector::good(
            "MaskedPartitionKey",
            "masked_partition_key",
            Tls::new().vector(masked(KEY)),
            json!(hex::encode(masked(KEY))),
        ),
        Vector::bad("MaskedPartitionKey", "empty", Tls::new().vector([]), "Fault(MaskedPartitionKey)"),
        Vector::bad("MaskedPartitionKey", "of_31_bytes", Tls::new().vector([0; 31]), "Fault(MaskedPartitionKey)"),
        Vector::bad("MaskedPartitionKey", "of_33_bytes", Tls::new().vector([0; 33]), "Fault(MaskedPartitionKey)"),
        Vector::bad("MaskedPartitionKey", "partition_key", Tls::new().vector(KEY), "Fault(MaskedPartitionKey)"),
        Vector::bad(
            "MaskedPartitionKey",
            "length_in_two_bytes",
            Tls::new().raw([0x40, 0x20]).raw([0; 32]),
            "NonMinimalLength",
        ),
        Vector::good(
            "ReceiveRequest",
            "from_the_start",
            Tls::new().vector("g").raw(KEY).u32(0),
            json!({ "group_id": "67", "partition_key": hex::encode(KEY), "counter": 0 }),
        ),
        Vector::good(
            "ReceiveRequest",
            "real",
            Tls::new().vector(&group_id).raw(real_key).u32(0x0102_0304),
            json!({
                "group_id": hex::encode(&group_id),
                "partition_key": hex::encode(real_key),
                "counter": 0x0102_0304,
            }),
        ),
        // One byte short for a group id: the literal form is another structure at another path.
        Vector::bad("ReceiveRequest", "literal_form", Tls::new().raw([3]).raw(&KEY[1..]).u32(0), "Truncated"),
        Vector::good(
            "LiteralReceiveRequest",
            "fifth_message",
            Tls::new().raw(KEY).u32(4),
            json!({ "partition_key": hex::encode(KEY), "counter": 4 }),
        ),
        Vector::bad("LiteralReceiveRequest", "with_group_id", Tls::new().vector("g").raw(KEY).u32(4), "TrailingBytes"),
        Vector::good(
            "MessageCommit",
            "with_group_info",
            Tls::new().vector(masked(NEXT_KEY)).present(corpus.bytes("heads.json#group_info_with_tree")),
            json!({
                "next_partition_key": hex::encode(masked(NEXT_KEY)),
                "group_info": "heads.json#group_info_with_tree",
            }),
        ),
        Vector::good(
            "MessageCommit",
            "without_group_info",
            Tls::new().vector(masked(NEXT_KEY)).absent(),
            json!({ "next_partition_key": hex::encode(masked(NEXT_KEY)), "group_info": null }),
        ),
        Vector::bad(
            "MessageCommit",
            "raw_partition_key",
            Tls::new().raw([0x10]).raw(&NEXT_KEY[..]).absent(),
            "Fault(MaskedPartitionKey)",
        ),
        Vector::bad("MessageCommit", "presence_two", Tls::new().vector(masked(NEXT_KEY)).u8(2), "InvalidPresence"),
        good("Message", "application", application()),
        good("Message", "proposal", plain(corpus, "heads.json#public_update")),
        good("Message", "commit", with_info()),
        good("Message", "commit_alone", alone()),
        good("Message", "real_application", plain(corpus, "messages.json#private/application")),
        Vector::bad(
            "Message",
            "commit_of_a_sender",
            Tls::new().raw(corpus.bytes("heads.json#private_commit")),
            "Truncated",
        ),
        Vector::bad(
            "Message",
            "application_with_commit",
            application().0.vector(masked(KEY)).absent(),
            "TrailingBytes",
        ),
        Vector::bad("Message", "welcome", corpus.bytes("heads.json#welcome_one"), "Fault(WireFormat)"),
        good("Epoch", "two_messages", epoch(&[application(), alone()])),
        good("Epoch", "empty", epoch(&[])),
        good("Epoch", "twice_the_same", epoch(&[application(), application()])),
        Vector::bad(
            "Epoch",
            "message_beyond_the_list",
            Tls::new().vector(Tls::without_last(&application().0.bytes())).u8(0),
            "Truncated",
        ),
        Vector::bad("Epoch", "junk_behind_a_message", Tls::new().vector(application().0.u8(0)), "Truncated"),
        good("HintedEpoch", "two_messages", hinted(KEY, &[application(), alone()])),
        good("HintedEpoch", "empty", hinted(KEY, &[])),
        Vector::bad("HintedEpoch", "long_mask", Tls::new().vector([0; 64]).list([""; 0]), "Fault(MaskedPartitionKey)"),
    ];
    vectors.extend(responses(corpus));
    vectors
}
