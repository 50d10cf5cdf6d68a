//! `messages.json`: real messages of three groups, made once with mls-rs and then frozen, because fresh keys would
//! change every signature. What the fields say comes from mls-rs, not from the code under test.

use mls_rs::{
    MlsMessage, MlsMessageDescription,
    group::ContentType,
    group::Sender,
    mls_rs_codec::{MlsEncode, MlsSize},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    clients::{HUB, Sample, Structure, Transcript, transcript},
    file::{File, Vector, parse, read},
    partition_keys::Start,
};

const ABOUT: &str = "Real MLS messages (RFC 9420), made with mls-rs and frozen. Groups: 'public' (suite 1, handshakes \
    in PublicMessages), 'private' (suite 1, handshakes encrypted), 'p256' (suite 2). 'groups' gives the partition keys \
    of their epochs.";

/// Makes new groups and everything that they send, and what their partition keys follow from.
pub(crate) fn make() -> (File, Vec<Start>) {
    let mut vectors = Vec::new();
    let mut groups = Vec::new();
    let mut starts = Vec::new();
    for (name, suite, encrypted, id) in [
        ("public", 1, false, "mimi://hub.example/g/Y2xlYXIgaGFuZHNoYWtlcw"),
        ("private", 1, true, "mimi://hub.example/g/c2VhbGVkIGhhbmRzaGFrZQ"),
        ("p256", 2, false, "mimi://hub.example/g/YSBQLTI1NiBncm91cCEhIQ"),
    ] {
        let told = transcript(suite, encrypted, id.as_bytes());
        groups.push(group(name, id, &told));
        starts.push(Start::of(&format!("{name}, epoch 1"), &told.joined));
        // One group tells everything, the others what differs.
        let kept = |sample: &&Sample| {
            name == "public"
                || ["application", "proposal_remove", "commit_add", "commit_remove", "group_info_1"]
                    .contains(&sample.name.as_str())
                || name == "p256" && ["key_package", "external_commit"].contains(&sample.name.as_str())
        };
        vectors.extend(told.samples.iter().filter(kept).map(|sample| vector(name, sample)));
    }
    (File { name: "messages.json", about: ABOUT, vectors, more: vec![("groups", groups)] }, starts)
}

fn group(name: &str, id: &str, told: &Transcript) -> Value {
    let epochs = told.partition_keys.iter().map(|(epoch, key)| {
        json!({
            "epoch": epoch,
            "partition_key": hex::encode(key),
            "masked_partition_key": hex::encode(Sha256::digest(key)),
        })
    });
    json!({
        "name": name,
        "hub": HUB,
        "group_id": hex::encode(id),
        "cipher_suite": told.joined.cipher_suite,
        "epochs": epochs.collect::<Value>(),
    })
}

fn content_type(content_type: ContentType) -> &'static str {
    match content_type {
        ContentType::Application => "application",
        ContentType::Proposal => "proposal",
        ContentType::Commit => "commit",
    }
}

fn vector(group: &str, sample: &Sample) -> Vector {
    let name = format!("{group}/{}", sample.name);
    let (structure, fields) = match sample.structure {
        Structure::Message => ("GroupMessage", message_fields(sample)),
        Structure::Welcome => {
            let message = MlsMessage::from_bytes(&sample.bytes).expect("mls-rs made it");
            let refs =
                message.welcome_key_package_references().into_iter().map(|reference| hex::encode(&reference[..]));
            let suite = message.cipher_suite().expect("a Welcome has a suite").raw_value();
            ("Welcome", json!({ "cipher_suite": suite, "key_package_refs": refs.collect::<Vec<_>>() }))
        }
        Structure::GroupInfo => ("GroupInfo", group_info_fields(sample)),
        Structure::KeyPackage => {
            let package = mls_rs::mls_rs_codec::MlsDecode::mls_decode(&mut sample.bytes.as_slice());
            let package: mls_rs::KeyPackage = package.expect("mls-rs made it");
            ("KeyPackage", json!({ "cipher_suite": package.cipher_suite.raw_value() }))
        }
        Structure::RatchetTree => ("RatchetTree", json!({ "length": sample.bytes.len() })),
    };
    Vector::good(structure, &name, &sample.bytes, fields)
}

fn message_fields(sample: &Sample) -> Value {
    let message = MlsMessage::from_bytes(&sample.bytes).expect("mls-rs made it");
    match message.description() {
        MlsMessageDescription::PublicProtocolMessage { group_id, epoch_id, content_type: kind, sender, .. } => json!({
            "wire_format": "mls_public_message",
            "group_id": hex::encode(group_id),
            "epoch": epoch_id,
            "sender": match sender {
                Sender::Member(leaf) => json!({ "member": leaf }),
                Sender::External(index) => json!({ "external": index }),
                Sender::NewMemberProposal => json!("new_member_proposal"),
                Sender::NewMemberCommit => json!("new_member_commit"),
                other => panic!("sender {other:?}"),
            },
            "authenticated_data": hex::encode(&sample.authenticated_data),
            "content_type": content_type(kind),
        }),
        MlsMessageDescription::PrivateProtocolMessage { group_id, epoch_id, content_type: kind } => json!({
            "wire_format": "mls_private_message",
            "group_id": hex::encode(group_id),
            "epoch": epoch_id,
            "sender": null,
            "authenticated_data": hex::encode(&sample.authenticated_data),
            "content_type": content_type(kind),
        }),
        other => panic!("{} is {other:?}", sample.name),
    }
}

/// mls-rs shows neither tag nor signature: they are cut off the end, where their lengths in suites 1 and 2 are known
/// (tag 32 bytes; signature in its own vector).
fn group_info_fields(sample: &Sample) -> Value {
    let message = MlsMessage::from_bytes(&sample.bytes).expect("mls-rs made it");
    let info = message.as_group_info().expect("a GroupInfo");
    let context = info.group_context().mls_encode_to_vec().expect("it was decoded");
    // MLSMessage head, context, extensions, then tag<V>, signer, signature<V>.
    let at = 4 + context.len() + info.extensions().mls_encoded_len();
    let rest = &sample.bytes[at..];
    assert_eq!(rest[0], 32, "the length of the confirmation tag");
    let signature = &rest[33 + 4..];
    let prefix = if signature[0] < 0x40 { 1 } else { 2 };
    json!({
        "cipher_suite": info.group_context().cipher_suite().raw_value(),
        "group_id": hex::encode(info.group_context().group_id()),
        "epoch": info.group_context().epoch(),
        "group_context": hex::encode(context),
        "has_ratchet_tree": sample.has_ratchet_tree,
        "confirmation_tag": hex::encode(&rest[1..33]),
        "signer": info.sender(),
        "signature": hex::encode(&signature[prefix..]),
    })
}

/// The published file, as it is.
pub(crate) fn published() -> File {
    let groups = parse("messages.json")["groups"].as_array().expect("messages.json has groups").clone();
    File { name: "messages.json", about: ABOUT, vectors: read("messages.json"), more: vec![("groups", groups)] }
}
