//! `heads.json`: small MLS messages, written by hand from RFC 9420. What is opaque to a hub is a few bytes long.

use serde_json::{Value, json};

use super::{file::Vector, tls::Tls};

const GROUP: &str = "GroupMessage";
const APPLICATION: u8 = 1;
const PROPOSAL: u8 = 2;
const COMMIT: u8 = 3;

/// ProtocolVersion and WireFormat.
fn mls_message(wire_format: u16) -> Tls {
    Tls::new().u16(1).u16(wire_format)
}

fn private_message(content_type: u8, authenticated_data: &[u8]) -> Tls {
    mls_message(2)
        .vector("g") // group_id
        .u64(7) // epoch
        .u8(content_type)
        .vector(authenticated_data)
        .vector([0xe5; 4]) // encrypted_sender_data
        .vector([0xc1; 6]) // ciphertext
}

/// `FramedContent` up to and with its content type.
fn framed_content(sender: &Tls, authenticated_data: &[u8], content_type: u8) -> Tls {
    mls_message(1).vector("g").u64(7).raw(sender).vector(authenticated_data).u8(content_type)
}

fn member(leaf: u32) -> Tls {
    Tls::new().u8(1).u32(leaf)
}

fn public_proposal(proposal: &Tls) -> Tls {
    framed_content(&member(3), b"", PROPOSAL)
        .raw(proposal)
        .vector([0x51; 2]) // signature
        .vector([0x3a; 2]) // membership_tag
}

/// `LeafNode`, with a source that is already encoded.
fn leaf_node(source: &Tls) -> Tls {
    Tls::new()
        .vector([0xe0; 3]) // encryption_key
        .vector([0x50; 3]) // signature_key
        .u16(1) // basic
        .vector("alice") // identity
        .vector(Tls::new().u16(1)) // versions
        .vector(Tls::new().u16(1)) // cipher_suites
        .vector([]) // extensions
        .vector([]) // proposals
        .vector(Tls::new().u16(1)) // credentials
        .raw(source)
        .vector([]) // extensions
        .vector([0x51; 2]) // signature
}

fn lifetime() -> Tls {
    Tls::new().u8(1).u64(1_700_000_000).u64(1_800_000_000)
}

fn key_package(version: u16) -> Tls {
    Tls::new()
        .u16(version)
        .u16(1) // cipher_suite
        .vector([0x1e; 3]) // init_key
        .raw(leaf_node(&lifetime()))
        .vector([]) // extensions
        .vector([0x52; 2]) // signature
}

fn proposal(kind: u16) -> Tls {
    Tls::new().u16(kind)
}

/// A commit with the given `optional<UpdatePath>`.
fn public_commit(sender: &Tls, path: &Tls) -> Tls {
    framed_content(sender, b"", COMMIT)
        .vector([0x01, 0x00, 0x03, 0x00, 0x00, 0x00, 0x02]) // proposals: one, by value: remove leaf 2
        .raw(path)
        .vector([0x51; 2]) // signature
        .vector([0xc7; 2]) // confirmation_tag
}

fn update_path() -> Tls {
    Tls::new().present(leaf_node(&Tls::new().u8(3).vector([0x9a; 2])).vector([])) // parent_hash; no nodes
}

/// A Welcome for these KeyPackageRefs.
fn welcome(refs: &[&[u8]]) -> Tls {
    let secrets = refs.iter().map(|reference| {
        Tls::new().vector(reference).vector([0x4e; 2]).vector([0x5e; 2]) // new_member, kem_output, ciphertext
    });
    mls_message(3).u16(1).list(secrets).vector([0x61; 4]) // cipher_suite, secrets, encrypted_group_info
}

fn group_context(version: u16) -> Tls {
    Tls::new()
        .u16(version)
        .u16(1) // cipher_suite
        .vector("g") // group_id
        .u64(8) // epoch
        .vector([0x7e; 2]) // tree_hash
        .vector([0x7a; 2]) // confirmed_transcript_hash
        .vector([]) // extensions
}

fn group_info(context: &Tls, extensions: &[(u16, &[u8])]) -> Tls {
    let extensions = extensions.iter().map(|(kind, data)| Tls::new().u16(*kind).vector(data));
    mls_message(4)
        .raw(context)
        .list(extensions)
        .vector([0xc7; 2]) // confirmation_tag
        .u32(3) // signer
        .vector([0x51; 2]) // signature
}

fn group_info_fields(has_ratchet_tree: bool) -> Value {
    json!({
        "cipher_suite": 1,
        "group_id": "67",
        "epoch": 8,
        "group_context": hex::encode(group_context(1)),
        "has_ratchet_tree": has_ratchet_tree,
        "confirmation_tag": "c7c7",
        "signer": 3,
        "signature": "5151",
    })
}

fn private_fields(content_type: &str, authenticated_data: &str) -> Value {
    json!({
        "wire_format": "mls_private_message",
        "group_id": "67",
        "epoch": 7,
        "sender": null,
        "authenticated_data": authenticated_data,
        "content_type": content_type,
    })
}

fn public_fields(sender: &Value, content_type: &str) -> Value {
    json!({
        "wire_format": "mls_public_message",
        "group_id": "67",
        "epoch": 7,
        "sender": sender,
        "authenticated_data": "",
        "content_type": content_type,
    })
}

fn proposals() -> Vec<Vector> {
    let of_member = public_fields(&json!({ "member": 3 }), "proposal");
    let psk_nonce = [0x40; 2];
    [
        ("public_add", proposal(1).raw(key_package(1))),
        ("public_update", proposal(2).raw(leaf_node(&Tls::new().u8(2)))),
        ("public_remove", proposal(3).u32(2)),
        ("public_psk_external", proposal(4).u8(1).vector("password").vector(psk_nonce)),
        ("public_psk_resumption", proposal(4).u8(2).u8(1).vector("g").u64(6).vector(psk_nonce)),
        ("public_reinit", proposal(5).vector("new").u16(1).u16(2).vector([])),
        ("public_external_init", proposal(6).vector([0x4e; 3])),
        ("public_group_context_extensions", proposal(7).vector(Tls::new().u16(0xf0d5).vector([0x00]))),
        ("public_self_remove", proposal(10)),
        // Types of which a hub knows nothing: whatever is behind the type has no end of its own.
        ("public_app_data_update", proposal(8).u16(5).u8(1).vector("new")),
        ("public_app_data_remove", proposal(8).u16(5).u8(2)),
        ("public_app_ephemeral", proposal(9).u16(5).vector("data")),
        ("public_private_use_empty", proposal(0xf003)),
        ("public_custom", proposal(0xf101).vector("anything")),
        ("public_custom_empty", proposal(0xffff).vector("")),
    ]
    .iter()
    .map(|(name, body)| Vector::good(GROUP, name, public_proposal(body), of_member.clone()))
    .collect()
}

fn refused() -> Vec<Vector> {
    let application = private_message(APPLICATION, b"").bytes();
    let from = |wire_format: u16| {
        let mut bytes = application.clone();
        bytes[2..4].copy_from_slice(&wire_format.to_be_bytes());
        bytes
    };
    let head = |rest: Tls| mls_message(2).raw(rest);
    let tail = |content_type: u8| Tls::new().u64(7).u8(content_type).vector("").vector("").vector("");
    let bad = |name: &str, bytes: Tls, error: &str| Vector::bad(GROUP, name, bytes, error);
    let sender = |sender: Tls| framed_content(&sender, b"", PROPOSAL).raw(proposal(3).u32(2)).vector("").vector("");
    vec![
        bad("version_zero", Tls::new().u16(0).raw(&application[2..]), "Fault(Version)"),
        bad("version_two", Tls::new().u16(2).raw(&application[2..]), "Fault(Version)"),
        Vector::bad(GROUP, "wire_format_zero", from(0), "Fault(WireFormat)"),
        Vector::bad(GROUP, "wire_format_welcome", welcome(&[]), "Fault(WireFormat)"),
        Vector::bad(GROUP, "wire_format_group_info", group_info(&group_context(1), &[]), "Fault(WireFormat)"),
        bad("wire_format_key_package", mls_message(5).raw(key_package(1)), "Fault(WireFormat)"),
        Vector::bad(GROUP, "wire_format_unknown", from(0xf000), "Fault(WireFormat)"),
        bad("content_type_zero", head(Tls::new().vector("g").raw(tail(0))), "Fault(EnumValue)"),
        bad("content_type_four", head(Tls::new().vector("g").raw(tail(4))), "Fault(EnumValue)"),
        bad(
            "public_application",
            framed_content(&member(3), b"", APPLICATION).vector("in clear").vector([0x51; 2]).vector([0x3a; 2]),
            "Fault(PublicApplication)",
        ),
        bad("sender_zero", sender(Tls::new().u8(0)), "Fault(EnumValue)"),
        bad("sender_five", sender(Tls::new().u8(5)), "Fault(EnumValue)"),
        bad("leaf_source_zero", public_proposal(&proposal(2).raw(leaf_node(&Tls::new().u8(0)))), "Fault(EnumValue)"),
        bad("leaf_source_four", public_proposal(&proposal(2).raw(leaf_node(&Tls::new().u8(4)))), "Fault(EnumValue)"),
        bad("psk_type_zero", public_proposal(&proposal(4).u8(0).vector("").vector("")), "Fault(EnumValue)"),
        bad("psk_type_three", public_proposal(&proposal(4).u8(3).vector("").vector("")), "Fault(EnumValue)"),
        bad("add_of_another_version", public_proposal(&proposal(1).raw(key_package(2))), "Fault(Version)"),
        bad("path_presence_two", public_commit(&member(3), &Tls::new().u8(2)).vector([0x3a; 2]), "InvalidPresence"),
        bad("member_without_membership_tag", public_commit(&member(3), &Tls::new().absent()), "Truncated"),
        bad(
            "outsider_with_membership_tag",
            public_commit(&Tls::new().u8(4), &update_path()).vector([0x3a; 2]),
            "TrailingBytes",
        ),
        bad("group_id_length_in_two_bytes", head(Tls::new().raw([0x40, 1, b'g']).raw(tail(1))), "NonMinimalLength"),
        bad(
            "group_id_length_in_four_bytes",
            head(Tls::new().raw([0x80, 0, 0, 1, b'g']).raw(tail(1))),
            "NonMinimalLength",
        ),
        bad("group_id_length_reserved", head(Tls::new().raw([0xc0]).raw(tail(1))), "InvalidLength"),
        bad("group_id_length_too_great", head(Tls::new().raw([0xbf, 0xff, 0xff, 0xff]).raw(tail(1))), "Truncated"),
        Vector::bad(
            "Welcome",
            "welcome_as_group_info",
            mls_message(4).raw(&welcome(&[b"ref"]).bytes()[4..]),
            "Fault(WireFormat)",
        ),
        Vector::bad(
            "Welcome",
            "welcome_version_two",
            Tls::new().u16(2).raw(&welcome(&[]).bytes()[2..]),
            "Fault(Version)",
        ),
        Vector::bad(
            "Welcome",
            "secret_beyond_secrets",
            mls_message(3).u16(1).vector(Tls::new().vector("ref").vector("kem").raw([3])).vector("group info"),
            "Truncated",
        ),
        Vector::bad("GroupInfo", "group_info_as_welcome", mls_message(3).raw(group_context(1)), "Fault(WireFormat)"),
        Vector::bad("GroupInfo", "group_context_version_two", group_info(&group_context(2), &[]), "Fault(Version)"),
        Vector::bad(
            "GroupInfo",
            "extension_beyond_extensions",
            mls_message(4)
                .raw(group_context(1))
                .vector(Tls::new().u16(4).raw([9]))
                .vector([0xc7; 2])
                .u32(3)
                .vector([0x51; 2]),
            "Truncated",
        ),
        Vector::bad("KeyPackage", "key_package_version_two", key_package(2), "Fault(Version)"),
        Vector::bad("KeyPackage", "key_package_in_an_mls_message", mls_message(5).raw(key_package(1)), "Truncated"),
        Vector::bad("RatchetTree", "nodes_length_in_two_bytes", [0x40, 1, 0], "NonMinimalLength"),
    ]
}

pub(crate) fn vectors() -> Vec<Vector> {
    let outsider = |kind: u8| Tls::new().u8(kind);
    let external = |index: u32| Tls::new().u8(2).u32(index);
    let largest =
        mls_message(2).vector([0x6d; 64]).u64(u64::MAX).u8(APPLICATION).vector([0xad; 70]).vector("").vector("");
    let mut vectors = vec![
        Vector::good(
            GROUP,
            "private_application",
            private_message(APPLICATION, b""),
            private_fields("application", ""),
        ),
        Vector::good(
            GROUP,
            "private_proposal",
            private_message(PROPOSAL, b"aad"),
            private_fields("proposal", "616164"),
        ),
        Vector::good(GROUP, "private_commit", private_message(COMMIT, b""), private_fields("commit", "")),
        Vector::good(
            GROUP,
            "private_largest_numbers",
            largest,
            json!({
                "wire_format": "mls_private_message",
                "group_id": "6d".repeat(64),
                "epoch": u64::MAX,
                "sender": null,
                "authenticated_data": "ad".repeat(70),
                "content_type": "application",
            }),
        ),
        Vector::good(
            GROUP,
            "public_commit",
            public_commit(&member(3), &Tls::new().absent()).vector([0x3a; 2]),
            public_fields(&json!({ "member": 3 }), "commit"),
        ),
        Vector::good(
            GROUP,
            "public_commit_with_path",
            public_commit(&member(3), &update_path()).vector([0x3a; 2]),
            public_fields(&json!({ "member": 3 }), "commit"),
        ),
        Vector::good(
            GROUP,
            "external_commit",
            public_commit(&outsider(4), &update_path()),
            public_fields(&json!("new_member_commit"), "commit"),
        ),
        Vector::good(
            GROUP,
            "external_remove",
            framed_content(&external(1), b"", PROPOSAL).raw(proposal(3).u32(2)).vector([0x51; 2]),
            public_fields(&json!({ "external": 1 }), "proposal"),
        ),
        Vector::good(
            GROUP,
            "new_member_add",
            framed_content(&outsider(3), b"", PROPOSAL).raw(proposal(1).raw(key_package(1))).vector([0x51; 2]),
            public_fields(&json!("new_member_proposal"), "proposal"),
        ),
    ];
    vectors.extend(proposals());
    vectors.extend([
        Vector::good("Welcome", "welcome_none", welcome(&[]), json!({ "cipher_suite": 1, "key_package_refs": [] })),
        Vector::good(
            "Welcome",
            "welcome_one",
            welcome(&[b"one"]),
            json!({ "cipher_suite": 1, "key_package_refs": ["6f6e65"] }),
        ),
        Vector::good(
            "Welcome",
            "welcome_three",
            welcome(&[b"one", b"", b"three"]),
            json!({ "cipher_suite": 1, "key_package_refs": ["6f6e65", "", "7468726565"] }),
        ),
        Vector::good("GroupInfo", "group_info", group_info(&group_context(1), &[]), group_info_fields(false)),
        Vector::good(
            "GroupInfo",
            "group_info_with_tree",
            group_info(&group_context(1), &[(4, &[0x04, 1, 2, 3, 4]), (2, &[0x01, 0x00])]),
            group_info_fields(true),
        ),
        Vector::good("KeyPackage", "key_package", key_package(1), json!({ "cipher_suite": 1 })),
        Vector::good("RatchetTree", "ratchet_tree_empty", [0x00], json!({ "length": 1 })),
        Vector::good("RatchetTree", "ratchet_tree_blank", [0x01, 0x00], json!({ "length": 2 })),
    ]);
    vectors.extend(refused());
    vectors
}
