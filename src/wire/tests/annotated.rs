//! The format by example: a few bodies byte for byte.

use super::*;
use crate::mls::{CipherSuite, EpochNumber, Fault, ProtocolVersion};

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).unwrap()
}

/// Decodes, compares and encodes again.
fn both_ways<T: MlsDecode + MlsEncode + PartialEq + std::fmt::Debug>(hex: &str) -> T {
    let encoded = bytes(hex);
    let value: T = decode(&encoded).unwrap();
    assert_eq!(encode(&value).unwrap(), encoded);
    value
}

const KEY: [u8; 16] = *b"0123456789abcdef";
const KEY_HEX: &str = "30313233343536373839616263646566";

/// `MLSMessage` with a PrivateMessage of the given content type.
fn private_message(content_type: &str) -> String {
    [
        "0001",             // version: mls10
        "0002",             // wire_format: mls_private_message
        "0167",             // group_id: "g"
        "0000000000000007", // epoch
        content_type,
        "00",       // authenticated_data
        "0265e5",   // encrypted_sender_data
        "03c1c1c1", // ciphertext
    ]
    .concat()
}

#[test]
fn send_request_of_an_application_message() {
    let request: SendRequest = both_ways(
        &[
            &private_message("01"), // message
            KEY_HEX,                // partition_key: sixteen bytes without a length
        ]
        .concat(),
    );
    assert_eq!(request.partition_key, PartitionKey::new(KEY));
    assert_eq!(request.message.group_id(), b"g");
    assert_eq!(request.commit_data, None);
}

#[test]
fn send_request_of_a_commit() {
    let request: SendRequest = both_ways(
        &[
            &private_message("03"),             // message: a commit
            KEY_HEX,                            // partition_key
            "66666666666666666666666666666666", // commit_data.next_partition_key
            "00",                               // group_info: absent
            "01",                               // welcome_data: present
            "0001",                             //   welcome: version
            "0003",                             //     wire_format: mls_welcome
            "0001",                             //     cipher_suite
            "0c",                               //     secrets: twelve bytes
            "0172014e015e",                     //       new_member, kem_output, encrypted_group_secrets
            "0173014e015e",                     //       the second new member
            "0161",                             //     encrypted_group_info
            "0e",                               //   service_providers: fourteen bytes
            "03612e62",                         //     "a.b"
            "09632e6578616d706c65",             //     "c.example"
        ]
        .concat(),
    );
    let commit_data = request.commit_data.unwrap();
    assert_eq!(commit_data.next_partition_key, PartitionKey::new([0x66; 16]));
    assert_eq!(commit_data.group_info, None);
    let welcome_data = commit_data.welcome_data.unwrap();
    assert_eq!(welcome_data.welcome.key_package_refs().collect::<Vec<_>>(), [b"r", b"s"]);
    let providers: Vec<&str> = welcome_data.service_providers.iter().map(ServiceProviderId::as_str).collect();
    assert_eq!(providers, ["a.b", "c.example"]);
}

#[test]
fn send_response() {
    let response: SendResponse = both_ways(concat!(
        "0000018bcfe5687b", // accepted_ms
        "00000002",         // index
        "00000001",         // commits_before
    ));
    assert_eq!(response, SendResponse { accepted_ms: 1_700_000_000_123, index: 2, commits_before: 1 });
}

#[test]
fn receive_request_and_the_literal_form_of_the_draft() {
    let request: ReceiveRequest = both_ways(
        &[
            "0167",     // group_id
            KEY_HEX,    // partition_key
            "00000004", // counter
        ]
        .concat(),
    );
    assert_eq!(request, ReceiveRequest { group_id: b"g".to_vec(), partition_key: PartitionKey::new(KEY), counter: 4 });
    let literal: LiteralReceiveRequest = both_ways(&[KEY_HEX, "00000004"].concat());
    assert_eq!(literal, LiteralReceiveRequest { partition_key: PartitionKey::new(KEY), counter: 4 });
}

#[test]
fn receive_response() {
    let mask = "dd".repeat(32);
    let next = "ee".repeat(32);
    let response: ReceiveResponse = both_ways(
        &[
            "4050",                 // epoch.messages: 80 bytes
            &private_message("01"), //   an application message: 23 bytes
            &private_message("03"), //   a commit: 23 bytes
            "20",                   //     next_partition_key: 32 bytes, with their length
            &next,                  //
            "00",                   //     group_info: absent
            "39",                   // hints: 57 bytes
            "20",                   //   masked_partition_key
            &mask,                  //
            "17",                   //   epoch.messages: 23 bytes
            &private_message("02"), //     a proposal
        ]
        .concat(),
    );
    assert_eq!(response.epoch.messages.len(), 2);
    assert_eq!(response.epoch.messages[0].commit, None);
    let commit = response.epoch.messages[1].commit.as_ref().unwrap();
    assert_eq!(commit.next_partition_key, MaskedPartitionKey::new([0xee; 32]));
    assert_eq!(response.hints[0].masked_partition_key, MaskedPartitionKey::new([0xdd; 32]));
    assert_eq!(response.hints[0].epoch.messages.len(), 1);
}

#[test]
fn welcome_init() {
    let request: WelcomeInitRequest = both_ways(concat!(
        "05",     // key_package_refs: five bytes
        "017a",   //   a ref
        "027b7b", //   another
    ));
    assert_eq!(request.key_package_refs, [KeyPackageRef(vec![0x7a]), KeyPackageRef(vec![0x7b; 2])]);
    let response: WelcomeInitResponse = both_ways(
        &[
            "10", KEY_HEX, // welcome_ticket: sixteen bytes, with their length
            "02",    // decisions: two
            "0104",  //   accepted, already_used
        ]
        .concat(),
    );
    assert_eq!(response.welcome_ticket, KEY);
    assert_eq!(response.decisions, [WelcomeDecision::Accepted, WelcomeDecision::AlreadyUsed]);
}

#[test]
fn key_package_request_and_results() {
    let request: KeyPackageRequest = both_ways(concat!(
        "05616c696365", // user_id: "alice"
        "03746f6b",     // bearer_token: "tok"
        "0001",         // version: mls10
        "0002",         // cipher_suite
    ));
    assert_eq!(request.user_id, b"alice");
    assert_eq!(request.bearer_token, b"tok");
    assert_eq!((request.version, request.cipher_suite), (ProtocolVersion::MLS10, CipherSuite(2)));
    let results: KeyPackageResults = both_ways(concat!(
        "06",   // results: six bytes
        "0100", //   denied, no key_packages
        "0200", //   exhausted
        "0300", //   incompatible
    ));
    let statuses: Vec<KeyPackageStatus> = results.results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [KeyPackageStatus::Denied, KeyPackageStatus::Exhausted, KeyPackageStatus::Incompatible]);
}

#[test]
fn create_group_request() {
    let request: CreateGroupRequest = both_ways(
        &[
            "0167",             // group_id
            KEY_HEX,            // partition_key
            "0001",             // version
            "0003",             // cipher_suite
            "0000000000000001", // epoch
            "00",               // group_info: absent
            "01",               // ratchet_tree: present
            "020000",           //   nodes: two blanks
            "00",               // welcome_data: absent
        ]
        .concat(),
    );
    assert_eq!((request.cipher_suite, request.epoch), (CipherSuite(3), EpochNumber(1)));
    assert_eq!(request.ratchet_tree.unwrap().bytes()[..], [2, 0, 0]);
    assert!(request.group_info.is_none() && request.welcome_data.is_none());
}

#[test]
fn bearer_token_and_what_its_tag_covers() {
    let token: BearerToken = both_ways(
        &[
            "01",     // kind: unique
            "02abcd", // handle
            KEY_HEX,  // tag: 32 bytes
            KEY_HEX,  //   without a length
        ]
        .concat(),
    );
    assert_eq!((token.kind, token.handle.as_slice()), (BearerTokenKind::Unique, &[0xab, 0xcd][..]));
    for place in 0..token.tag.len() {
        let mut other = token.clone();
        other.tag[place] ^= 1;
        assert_ne!(token, other, "byte {place}");
    }
    let (handle, tag) = (token.handle.clone(), token.tag);
    assert_ne!(token, BearerToken { kind: BearerTokenKind::Shared, handle, tag });
    assert_ne!(token, BearerToken { kind: token.kind, handle: b"other".to_vec(), tag });
    let input: BearerTokenInput = both_ways(concat!(
        "116d696d692d647320626561726572207631", // label: "mimi-ds bearer v1"
        "01",                                   // kind: unique
        "0175",                                 // user_id: "u"
        "02abcd",                               // handle
        "0000000000000009",                     // period
        "00000002",                             // generation
    ));
    assert_eq!(input.label, BearerTokenInput::LABEL);
    assert_eq!((input.period, input.generation), (9, 2));
}

#[test]
fn optional_values_have_a_presence_byte_of_zero_or_one() {
    for presence in 2..=u8::MAX {
        let encoded = [&[0x66; 16][..], &[presence, 0]].concat();
        assert_eq!(decode::<CommitData>(&encoded), Err(DecodeError::InvalidPresence), "{presence}");
    }
}

/// Encoding refuses a value that contradicts itself: nobody can decode it.
#[test]
fn commit_data_stands_with_a_commit_only() {
    let commit: SendRequest = decode(&bytes(&[&private_message("03"), KEY_HEX, KEY_HEX, "0000"].concat())).unwrap();
    let application: SendRequest = decode(&bytes(&[&private_message("01"), KEY_HEX].concat())).unwrap();
    let swapped = SendRequest { message: application.message.clone(), ..commit.clone() };
    assert_eq!(encode(&swapped), Err(DecodeError::Fault(Fault::CommitData)));
    let swapped = SendRequest { message: commit.message.clone(), ..application.clone() };
    assert_eq!(encode(&swapped), Err(DecodeError::Fault(Fault::CommitData)));

    let announced = MessageCommit { next_partition_key: MaskedPartitionKey::new([1; 32]), group_info: None };
    let wrong = Message { message: application.message, commit: Some(Box::new(announced)) };
    assert_eq!(encode(&wrong), Err(DecodeError::Fault(Fault::CommitData)));
    let wrong = Message { message: commit.message, commit: None };
    assert_eq!(encode(&wrong), Err(DecodeError::Fault(Fault::CommitData)));
}

/// A PublicMessage of a proposal whose type RFC 9420 does not know, with a body and whatever stands behind it.
const OPEN_PROPOSAL: &str = concat!(
    "0001",             // version: mls10
    "0001",             // wire_format: mls_public_message
    "0167",             // group_id: "g"
    "0000000000000007", // epoch
    "0100000003",       // sender: member 3
    "00",               // authenticated_data
    "02",               // content_type: proposal
    "0008",             // app_data_update
    "0005",             //   component_id
    "02",               //   op: remove
    "0151",             // signature
    "013a",             // membership_tag
);

/// What stands behind the message, or around it, says where it ends.
#[test]
fn messages_that_do_not_tell_where_they_end() {
    let request: SendRequest = decode(&bytes(&[OPEN_PROPOSAL, KEY_HEX].concat())).unwrap();
    assert_eq!(request.message.bytes()[..], bytes(OPEN_PROPOSAL));
    assert!(!request.message.is_delimited());
    assert_eq!(request.partition_key, PartitionKey::new(KEY));
    assert_eq!(encode(&request).unwrap(), bytes(&[OPEN_PROPOSAL, KEY_HEX].concat()));
    // A byte more is a byte of the message: the key is what stands last.
    let longer: SendRequest = decode(&bytes(&[OPEN_PROPOSAL, "ff", KEY_HEX].concat())).unwrap();
    assert_eq!(longer.message.bytes().len(), request.message.bytes().len() + 1);
    assert_eq!(longer.partition_key, request.partition_key);
    for length in 0..16 {
        assert_eq!(decode::<SendRequest>(&bytes(OPEN_PROPOSAL)[..length]), Err(DecodeError::Truncated));
    }

    let said = Message { message: WireMessage::parse(&bytes(&private_message("01"))).unwrap(), commit: None };
    let open = Message { message: request.message, commit: None };
    let last = Epoch { messages: vec![said.clone(), open.clone()] };
    let response = ReceiveResponse { epoch: last, hints: Vec::new() };
    assert_eq!(decode::<ReceiveResponse>(&encode(&response).unwrap()).unwrap(), response);
    let first = Epoch { messages: vec![open, said] };
    assert_eq!(encode(&first), Err(DecodeError::Fault(Fault::OpenEnd)));
}

#[test]
fn a_partition_key_and_its_mask() {
    // echo -n 0123456789abcdef | sha256sum
    let masked = bytes("9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f");
    assert_eq!(PartitionKey::new(KEY).masked().as_bytes()[..], masked);
    // Every byte counts, in constant time or not.
    for place in 0..KEY.len() {
        let mut other = KEY;
        other[place] ^= 0x80;
        assert_ne!(PartitionKey::new(KEY), PartitionKey::new(other), "byte {place}");
    }
}

#[test]
fn numbers_and_names_that_others_rely_on() {
    assert_eq!(MEDIA_TYPE, "application/vnd.mimi-ds");
    assert_eq!(BANNED_EXTENSION, 0xf0d5);
    assert_eq!(PartitionKey::EXPORTER_LABEL, b"mimi-ds partition key");
}
