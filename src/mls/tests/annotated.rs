//! MLS structures byte for byte: what a hub reads of each, and what it passes over.

use mls_rs_codec::MlsDecode;

use super::super::{
    CipherSuite, ContentType, EpochNumber, Fault, Sender, WireFormat, WireGroupInfo, WireKeyPackage, WireMessage,
    WireRatchetTree, WireWelcome,
};

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

/// A `LeafNode` up to its source: everything in it is as short as it can be.
const LEAF_NODE: &str = concat!(
    "01e1",   // encryption_key
    "01e2",   // signature_key
    "0001",   // credential_type: basic
    "0161",   //   identity: "a"
    "020001", // capabilities: versions: mls10
    "020001", //   cipher_suites
    "00",     //   extensions
    "00",     //   proposals
    "020001", //   credentials: basic
);

#[test]
fn private_message() {
    let message = WireMessage::parse(&bytes(concat!(
        "0001",             // version: mls10
        "0002",             // wire_format: mls_private_message
        "026731",           // group_id: "g1"
        "0000000000000102", // epoch: 258
        "01",               // content_type: application
        "03616164",         // authenticated_data: "aad"
        "02e5e5",           // encrypted_sender_data
        "03c1c1c1",         // ciphertext
    )))
    .unwrap();
    assert_eq!(message.wire_format(), WireFormat::PrivateMessage);
    assert_eq!(message.group_id(), b"g1");
    assert_eq!(message.epoch(), EpochNumber(258));
    assert_eq!(message.content_type(), ContentType::Application);
    assert_eq!(message.authenticated_data(), b"aad");
    assert_eq!(message.sender(), None);
    assert_eq!(message.bytes().len(), 27);
}

#[test]
fn public_commit_with_a_path() {
    let encoded = bytes(
        &[
            "0001",             // version: mls10
            "0001",             // wire_format: mls_public_message
            "0167",             // group_id: "g"
            "0000000000000007", // epoch
            "01",               // sender: member
            "00000003",         //   leaf_index
            "00",               // authenticated_data
            "03",               // content_type: commit
            "07",               // proposals: seven bytes
            "01",               //   proposal, by value
            "0003",             //     remove
            "00000002",         //     removed
            "01",               // path: present
            LEAF_NODE,          //   leaf_node
            "03",               //     leaf_node_source: commit
            "029a9a",           //     parent_hash
            "00",               //     extensions
            "0151",             //     signature
            "00",               //   nodes
            "0152",             // signature of the FramedContent
            "02c7c7",           // confirmation_tag
            "023a3a",           // membership_tag, because the sender is a member
        ]
        .concat(),
    );
    let message = WireMessage::parse(&encoded).unwrap();
    assert_eq!(message.wire_format(), WireFormat::PublicMessage);
    assert_eq!(message.sender(), Some(Sender::Member(3)));
    assert_eq!(message.content_type(), ContentType::Commit);
    assert_eq!(message.authenticated_data(), b"");
    assert_eq!(message.bytes()[..], encoded);
}

#[test]
fn a_new_member_has_no_membership_tag() {
    let proposal = |sender: &str, tag: &str| {
        bytes(&["00010001", "0167", "0000000000000007", sender, "00", "02", "0003", "00000002", "0151", tag].concat())
    };
    let senders = [
        ("0100000003", "013a", Sender::Member(3)),
        ("0200000001", "", Sender::External(1)),
        ("03", "", Sender::NewMemberProposal),
        ("04", "", Sender::NewMemberCommit),
    ];
    for (sender, tag, expected) in senders {
        let message = WireMessage::parse(&proposal(sender, tag)).unwrap();
        assert_eq!(message.sender(), Some(expected));
        // The other way round: a tag too few, a tag too many.
        let other = if tag.is_empty() { "013a" } else { "" };
        assert!(WireMessage::parse(&proposal(sender, other)).is_err(), "{expected:?}");
    }
}

/// Where each proposal ends. Behind it stand the signature and the membership tag, one byte each.
#[test]
fn every_proposal_type() {
    let leaf = |source: &str| [LEAF_NODE, source, "00", "0151"].concat();
    let lifetime = ["01", "0000000000000001", "0000000000000002"].concat();
    let key_package = ["0001", "0001", "011e", &leaf(&lifetime), "00", "0152"].concat();
    let proposals = [
        ["0001", &key_package].concat(),                                     // add
        ["0002", &leaf("02")].concat(),                                      // update
        "000300000002".to_owned(),                                           // remove
        ["0004", "01", "0170", "024040"].concat(),                           // external psk: id "p", nonce
        ["0004", "02", "01", "0167", "0000000000000006", "024040"].concat(), // resumption psk of application
        ["0005", "0168", "0001", "0001", "00"].concat(),                     // reinit
        "0006024e4e".to_owned(),                                             // external_init: kem_output
        "000703f0d500".to_owned(),                                           // group_context_extensions: one, empty
        "000a".to_owned(),                                                   // self_remove: nothing
    ];
    for proposal in proposals {
        let head = "000100010167000000000000000701000000030002";
        let encoded = bytes(&[head, &proposal, "0152", "013a"].concat());
        let message = WireMessage::parse(&encoded).unwrap_or_else(|error| panic!("{proposal}: {error}"));
        assert_eq!(message.content_type(), ContentType::Proposal);
        assert!(message.is_delimited(), "{proposal}");
        // One byte taken from the proposal moves its end, and the tag is no longer where it was.
        assert!(WireMessage::parse(&encoded[..encoded.len() - 1]).is_err(), "{proposal}");
    }
}

/// Of a proposal of any other type the head is read, and the rest is the message's, whatever it is.
#[test]
fn proposals_of_other_types_have_no_end() {
    let bodies = [
        "0000",                 // reserved
        "000800050103616263",   // app_data_update: component_id of two bytes, update<V>
        "0008000502",           //   remove, which has nothing
        "00080000000503616263", //   as an older draft had it: component_id of four bytes
        "000803616263",         //   as one vector, which is how some libraries send it
        "0009000503616263",     // app_ephemeral: component_id, data<V>
        "000b",                 // not registered
        "f003",                 // for private use: the self_remove of mls-rs, empty
        "f00303616263",         //   or somebody else's, one vector
        "ffff00",
    ];
    for body in bodies {
        for (sender, expected) in [("0100000003", Sender::Member(3)), ("03", Sender::NewMemberProposal)] {
            let head = ["00010001", "0167", "0000000000000007", sender, "02aadd", "02"].concat();
            for behind in ["0152013a", "", "ff"] {
                let encoded = bytes(&[&head, body, behind].concat());
                let message = WireMessage::parse(&encoded).unwrap_or_else(|error| panic!("{body}: {error}"));
                assert!(!message.is_delimited(), "{body}");
                assert_eq!(message.content_type(), ContentType::Proposal);
                assert_eq!(message.sender(), Some(expected));
                assert_eq!((message.group_id(), message.epoch()), (&b"g"[..], EpochNumber(7)));
                assert_eq!(message.authenticated_data(), b"\xaa\xdd");
                assert_eq!(message.bytes()[..], encoded);
            }
            // The type itself is part of the head.
            assert!(WireMessage::parse(&bytes(&[&head, "00"].concat())).is_err());
        }
    }
}

#[test]
fn welcome() {
    let welcome = WireWelcome::mls_decode_exhaustive(&bytes(concat!(
        "0001",       // version: mls10
        "0003",       // wire_format: mls_welcome
        "0007",       // cipher_suite
        "0f",         // secrets: fifteen bytes
        "0361626f",   //   new_member
        "014e",       //   kem_output
        "015e",       //   ciphertext
        "00",         //   new_member of the second: empty
        "024e4e",     //   kem_output
        "025e5e",     //   ciphertext
        "0461616161"  // encrypted_group_info
    )))
    .unwrap();
    assert_eq!(welcome.cipher_suite(), CipherSuite(7));
    assert_eq!(welcome.secrets(), 2);
    assert_eq!(welcome.key_package_refs().collect::<Vec<_>>(), [&b"abo"[..], b""]);
    assert_eq!(welcome.only(|_| true), welcome);
    for (kept, secrets) in [(0, "080361626f014e015e"), (1, "0700024e4e025e5e"), (2, "00")] {
        let only = welcome.only(|place| place == kept);
        let expected = bytes(&format!("000100030007{secrets}0461616161"));
        assert_eq!(only, WireWelcome::mls_decode_exhaustive(&expected).unwrap());
    }
}

#[test]
fn group_info() {
    let context = concat!(
        "0001",             // version: mls10
        "0001",             // cipher_suite
        "0167",             // group_id: "g"
        "0000000000000008", // epoch
        "027e7e",           // tree_hash
        "027a7a",           // confirmed_transcript_hash
        "03f0d500",         // extensions: one, empty
    );
    let signed = [
        context,    //
        "0a",       // extensions: ten bytes
        "0002",     //   ratchet_tree
        "03020000", //     nodes: two blanks
        "0004012a", //   external_pub
        "02c7c7",   // confirmation_tag
        "00000003", // signer
    ]
    .concat();
    let encoded = bytes(&["0001", "0004", &signed, "025151"].concat());
    let info = WireGroupInfo::mls_decode_exhaustive(&encoded).unwrap();
    assert_eq!(info.group_id(), b"g");
    assert_eq!(info.epoch(), EpochNumber(8));
    assert_eq!(info.cipher_suite(), CipherSuite(1));
    assert_eq!(info.group_context(), bytes(context));
    assert!(info.has_ratchet_tree());
    assert_eq!(info.confirmation_tag(), b"\xc7\xc7");
    assert_eq!(info.signer(), 3);
    assert_eq!(info.to_be_signed(), bytes(&signed));
    assert_eq!(info.signature(), b"\x51\x51");
}

#[test]
fn key_package_and_tree() {
    let leaf = [LEAF_NODE, "01", "0000000000000001", "0000000000000002", "00", "0151"].concat();
    let encoded = bytes(&["0001", "0002", "011e", &leaf, "00", "0152"].concat());
    let package = WireKeyPackage::mls_decode_exhaustive(&encoded).unwrap();
    assert_eq!(package.cipher_suite(), CipherSuite(2));
    assert_eq!(package.bytes()[..], encoded);

    // Two blank nodes: the length of the vector, then a presence byte for each.
    let tree = WireRatchetTree::mls_decode_exhaustive(&[0x02, 0x00, 0x00]).unwrap();
    assert_eq!(tree.bytes()[..], [0x02, 0x00, 0x00]);
}

/// Lengths take one, two or four bytes, and a head that stands behind long ones is found all the same.
#[test]
fn long_group_ids_and_data() {
    for (id, data) in [(63, 64), (64, 63), (16_383, 16_384), (16_384, 16_383), (70_000, 1)] {
        let length = |length: usize| match length {
            0..64 => format!("{length:02x}"),
            64..16_384 => format!("{:04x}", length | 0x4000),
            _ => format!("{:08x}", length | 0x8000_0000),
        };
        let vector = |size: usize, byte: &str| [length(size), byte.repeat(size)].concat();
        let head = ["0001", "0002", &vector(id, "67"), "0000000000000009", "03"].concat();
        let encoded =
            bytes(&[&head, &vector(data, "ad"), &vector(data, "e5"), &vector(id, "c1")].map(|s| &s[..]).concat());
        let message = WireMessage::parse(&encoded).unwrap();
        assert_eq!(message.group_id(), vec![0x67; id]);
        assert_eq!(message.authenticated_data(), vec![0xad; data]);
        assert_eq!(message.epoch(), EpochNumber(9));
        assert_eq!(message.content_type(), ContentType::Commit);
    }
}

/// A message in the middle of other bytes: offsets count from its own start.
#[test]
fn a_message_behind_another() {
    let one = bytes("00010002016700000000000000070100026565026363");
    let two = bytes("00010002026732000000000000000803036161640265650163");
    let both = [one.as_slice(), &two, b"rest"].concat();
    let mut reader = both.as_slice();
    let first = WireMessage::mls_decode(&mut reader).unwrap();
    let second = WireMessage::mls_decode(&mut reader).unwrap();
    assert_eq!((first.group_id(), second.group_id()), (&b"g"[..], &b"g2"[..]));
    assert_eq!(second.authenticated_data(), b"aad");
    assert_eq!((first.bytes()[..].to_vec(), second.bytes()[..].to_vec()), (one, two));
    assert_eq!(reader, b"rest");
}

/// Wire formats, versions and the enums of a head have the values that RFC 9420 gives them and no others.
#[test]
fn enums_have_no_other_values() {
    let accepted = |front: &str, behind: &str| -> Vec<u16> {
        let (front, behind) = (bytes(front), bytes(behind));
        let take = |value: &u16| {
            let encoded = [&front, &value.to_be_bytes()[..], &behind].concat();
            let read = WireMessage::parse(&encoded).map(drop);
            let read = read.or_else(|_| WireWelcome::mls_decode_exhaustive(&encoded).map(drop));
            read.or_else(|_| WireGroupInfo::mls_decode_exhaustive(&encoded).map(drop)).is_ok()
        };
        (0..=u16::MAX).filter(take).collect()
    };
    let private = "0167000000000000000701000000"; // group_id to ciphertext
    assert_eq!(accepted("", &["0002", private].concat()), [1], "version");
    assert_eq!(accepted("0001", private), [2], "wire format of a PrivateMessage");
    assert_eq!(accepted("0001", "0167000000000000000704000200030000000000"), [1], "of a PublicMessage");
    assert_eq!(accepted("0001", "00010000"), [3], "of a Welcome");
    assert_eq!(accepted("0001", &["00010001", &"00".repeat(19)].concat()), [4], "of a GroupInfo");

    let bytewise = |front: &str, behind: &str| -> Vec<u8> {
        let (front, behind) = (bytes(front), bytes(behind));
        let take = |value: &u8| WireMessage::parse(&[front.as_slice(), &[*value], &behind].concat()).is_ok();
        (0..=u8::MAX).filter(take).collect()
    };
    assert_eq!(bytewise("0001000201670000000000000007", "000000"), [1, 2, 3], "content type");
    let proposal = "0002000300000000" /* aad, proposal, remove leaf 0 */;
    assert_eq!(bytewise("0001000101670000000000000007", &[proposal, "00"].concat()), [3, 4], "sender");
    let update = ["0001000101670000000000000007", "04", "00", "02", "0002", LEAF_NODE].concat();
    assert_eq!(bytewise(&update, "000000"), [2], "leaf node source update");
    assert_eq!(bytewise(&update, "00000000"), [3], "leaf node source commit");
    assert_eq!(
        bytewise(&update, &["00".repeat(16), "000000".to_owned()].concat()),
        [1],
        "leaf node source key_package"
    );
}

/// SHA-256 of the whole message.
#[test]
fn digest() {
    let message = WireMessage::parse(&bytes("00010002016700000000000000070100026565026363")).unwrap();
    assert_eq!(hex::encode(message.digest()), "693fb8e73079747c349669835baa71ab7b812ea324222aa556513f53c61b25c3");
}

/// What `Debug` shows goes to logs: nothing that names a group or is content.
#[test]
fn debug_shows_no_content() {
    let message = WireMessage::parse(&bytes("0001000205535353535300000000000000070103616164026565026363")).unwrap();
    let shown = format!("{message:?}");
    assert_eq!(shown, "WireMessage { wire_format: PrivateMessage, content_type: Application, length: 29, .. }");
}

#[test]
fn faults_come_back_out_of_the_codec() {
    for code in 0..=u8::MAX {
        if let Some(fault) = Fault::from_code(code) {
            assert_eq!(fault as u8, code);
            assert!(matches!(mls_rs_codec::Error::from(fault), mls_rs_codec::Error::Custom(found) if found == code));
        }
    }
    let known: Vec<u8> = (0..=u8::MAX).filter(|code| Fault::from_code(*code).is_some()).collect();
    assert_eq!(known, (1..).take(known.len()).collect::<Vec<u8>>(), "codes are dense and unique");
    assert!(known.len() >= 10);
}
