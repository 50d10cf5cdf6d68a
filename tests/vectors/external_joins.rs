//! `external_joins.json` (draft §4.5): joins, proposals and GroupInfos for those who are not in the group.

use serde_json::json;

use super::{
    corpus::Corpus,
    file::Vector,
    sending::{NEXT_KEY, commit_data},
    tls::Tls,
};

pub(crate) fn vectors(corpus: &Corpus) -> Vec<Vector> {
    let (full, full_fields) = commit_data(corpus);
    let without = Tls::new().raw(NEXT_KEY).absent().absent();
    let join = |message: &str, commit_data: &Tls| Tls::new().raw(corpus.bytes(message)).raw(commit_data);
    let group_id = corpus.group_id("public");
    let real_key = corpus.partition_key("public", 2);
    vec![
        Vector::good(
            "ExternalJoinRequest",
            "alone",
            join("heads.json#external_commit", &without),
            json!({
                "message": "heads.json#external_commit",
                "commit_data": {
                    "next_partition_key": hex::encode(NEXT_KEY),
                    "group_info": null,
                    "welcome_data": null,
                },
            }),
        ),
        // A Welcome has no place in a join, but it is the hub that refuses it: the encoding is sound.
        Vector::good(
            "ExternalJoinRequest",
            "with_everything",
            join("heads.json#external_commit", &full),
            json!({ "message": "heads.json#external_commit", "commit_data": full_fields }),
        ),
        Vector::good(
            "ExternalJoinRequest",
            "real",
            Tls::new()
                .raw(corpus.bytes("messages.json#public/external_commit"))
                .raw(real_key)
                .present(corpus.bytes("messages.json#public/group_info_2"))
                .absent(),
            json!({
                "message": "messages.json#public/external_commit",
                "commit_data": {
                    "next_partition_key": hex::encode(real_key),
                    "group_info": "messages.json#public/group_info_2",
                    "welcome_data": null,
                },
            }),
        ),
        Vector::bad(
            "ExternalJoinRequest",
            "private_commit",
            join("heads.json#private_commit", &without),
            "Fault(WireFormat)",
        ),
        Vector::bad(
            "ExternalJoinRequest",
            "proposal",
            join("heads.json#new_member_add", &without),
            "Fault(CommitData)",
        ),
        Vector::bad("ExternalJoinRequest", "no_commit_data", corpus.bytes("heads.json#external_commit"), "Truncated"),
        Vector::good(
            "GroupInfoRequest",
            "group",
            Tls::new().vector(&group_id),
            json!({ "group_id": hex::encode(&group_id) }),
        ),
        Vector::good("GroupInfoRequest", "empty_id", Tls::new().vector(""), json!({ "group_id": "" })),
        Vector::good(
            "GroupInfoRequest",
            "id_of_64_bytes",
            Tls::new().vector([0x67; 64]),
            json!({ "group_id": hex::encode([0x67; 64]) }),
        ),
        Vector::bad(
            "GroupInfoRequest",
            "length_in_four_bytes",
            Tls::new().raw([0x80, 0, 0, 1, b'g']),
            "NonMinimalLength",
        ),
        Vector::good(
            "GroupInfoResponse",
            "inferred_tree",
            Tls::new()
                .raw(corpus.bytes("messages.json#public/group_info_1_without_tree"))
                .present(corpus.bytes("messages.json#public/ratchet_tree_1")),
            json!({
                "group_info": "messages.json#public/group_info_1_without_tree",
                "ratchet_tree": "messages.json#public/ratchet_tree_1",
            }),
        ),
        Vector::good(
            "GroupInfoResponse",
            "tree_in_the_group_info",
            Tls::new().raw(corpus.bytes("heads.json#group_info_with_tree")).absent(),
            json!({ "group_info": "heads.json#group_info_with_tree", "ratchet_tree": null }),
        ),
        Vector::bad(
            "GroupInfoResponse",
            "presence_two",
            Tls::new().raw(corpus.bytes("heads.json#group_info")).u8(2),
            "InvalidPresence",
        ),
        Vector::bad(
            "GroupInfoResponse",
            "welcome_instead",
            Tls::new().raw(corpus.bytes("heads.json#welcome_one")).absent(),
            "Fault(WireFormat)",
        ),
        Vector::good(
            "ExternalProposalRequest",
            "external_sender",
            corpus.bytes("heads.json#external_remove"),
            json!({ "message": "heads.json#external_remove" }),
        ),
        Vector::good(
            "ExternalProposalRequest",
            "real_new_member",
            corpus.bytes("messages.json#public/new_member_proposal"),
            json!({ "message": "messages.json#public/new_member_proposal" }),
        ),
        Vector::bad(
            "ExternalProposalRequest",
            "private_proposal",
            corpus.bytes("heads.json#private_proposal"),
            "Fault(WireFormat)",
        ),
        Vector::bad(
            "ExternalProposalRequest",
            "commit",
            corpus.bytes("heads.json#external_commit"),
            "Fault(WireFormat)",
        ),
        Vector::good(
            "ExternalProposalResponse",
            "accepted",
            Tls::new().u64(1_700_000_000_123),
            json!({ "accepted_ms": 1_700_000_000_123_u64 }),
        ),
    ]
}
