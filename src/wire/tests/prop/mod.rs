//! Generated values: what is encoded decodes to an equal value, in exactly the announced number of bytes, whatever
//! stands behind it.

mod bearer_token;
mod creating;
mod group_info;
mod key_package;
mod leaf_node;
mod message;
mod partition_key;
mod provider;
mod receiving;
mod sending;
mod welcome;

use mls_rs_codec::byte_vec;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    test_runner::{Config, RngSeed},
};

use self::{
    bearer_token::kind_and_handle,
    creating::create_group_request,
    group_info::{group_info, ratchet_tree},
    key_package::{key_package, key_package_request, key_package_result},
    message::public_message,
    partition_key::{masked, partition_key},
    provider::provider,
    receiving::receive_response,
    sending::{commit_data, send_request},
    welcome::{decision, welcome},
};
use super::*;
use crate::mls::ContentType;

fn config() -> Config {
    Config { cases: 256, rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() }
}

fn opaque(writer: &mut Vec<u8>, content: &[u8]) {
    byte_vec::mls_encode(&content, writer).unwrap();
}

fn bytes(most: usize) -> BoxedStrategy<Vec<u8>> {
    // Around the lengths at which a length prefix grows, more often than by chance.
    prop_oneof![4 => vec(any::<u8>(), 0..=most), 1 => vec(any::<u8>(), 62..=66).prop_map(move |mut long| {
        long.truncate(most);
        long
    })]
    .boxed()
}

/// Encodes, decodes, and decodes again from the front of more bytes.
fn round_trip<T: MlsDecode + MlsEncode + PartialEq + std::fmt::Debug>(
    value: &T,
    behind: &[u8],
) -> Result<(), TestCaseError> {
    let encoded = encode(value).unwrap();
    prop_assert_eq!(value.mls_encoded_len(), encoded.len());
    let decoded = decode::<T>(&encoded);
    prop_assert_eq!(decoded.as_ref(), Ok(value));
    let longer = [encoded.as_slice(), behind].concat();
    let mut reader = longer.as_slice();
    prop_assert_eq!(&T::mls_decode(&mut reader).unwrap(), value);
    prop_assert_eq!(reader, behind);
    Ok(())
}

macro_rules! round_trips {
    ($($name:ident: $strategy:expr;)*) => {
        proptest! {
            #![proptest_config(config())]
            $(#[test]
            fn $name(value in $strategy.boxed(), behind in bytes(20)) {
                round_trip(&value, &behind)?;
            })*
        }
    };
}

round_trips! {
    service_provider_id: provider();
    partition_keys: (partition_key(), masked()).prop_map(|(key, _)| key);
    masked_partition_keys: masked();
    send_requests: send_request();
    send_responses: (any::<u64>(), any::<u32>(), any::<u32>())
        .prop_map(|(accepted_ms, index, commits_before)| SendResponse { accepted_ms, index, commits_before });
    receive_requests: (bytes(70), partition_key(), any::<u32>())
        .prop_map(|(group_id, partition_key, counter)| ReceiveRequest { group_id, partition_key, counter });
    literal_receive_requests: (partition_key(), any::<u32>())
        .prop_map(|(partition_key, counter)| LiteralReceiveRequest { partition_key, counter });
    receive_responses: receive_response();
    welcome_init_requests: vec(bytes(64).prop_map(KeyPackageRef), 0..6)
        .prop_map(|key_package_refs| WelcomeInitRequest { key_package_refs });
    welcome_init_responses: (any::<[u8; 16]>(), vec(decision(), 0..6))
        .prop_map(|(ticket, decisions)| WelcomeInitResponse { welcome_ticket: ticket.to_vec(), decisions });
    welcome_pushes: (any::<[u8; 16]>(), welcome(), option::of(ratchet_tree())).prop_map(
        |(ticket, welcome, ratchet_tree)| WelcomePush { welcome_ticket: ticket.to_vec(), welcome, ratchet_tree }
    );
    external_joins: (public_message(), commit_data())
        .prop_filter("a commit", |((head, _), _)| head.content_type == ContentType::Commit)
        .prop_map(|((_, message), commit_data)| {
            ExternalJoinRequest { message: WireMessage::parse(&message).unwrap(), commit_data }
        });
    external_proposals: public_message()
        .prop_filter("a proposal", |(head, _)| head.content_type == ContentType::Proposal)
        .prop_map(|(_, message)| ExternalProposalRequest { message: WireMessage::parse(&message).unwrap() });
    group_info_responses: (group_info(), option::of(ratchet_tree()))
        .prop_map(|(group_info, ratchet_tree)| GroupInfoResponse { group_info, ratchet_tree });
    create_group_requests: create_group_request();
    subscribe_requests: (bytes(70), partition_key(), any::<u32>(), any::<u32>()).prop_map(
        |(group_id, partition_key, from_counter, ttl_seconds)| {
            SubscribeRequest { group_id, partition_key, from_counter, ttl_seconds }
        }
    );
    push_requests: (bytes(70), masked(), any::<u32>(), receive_response()).prop_map(
        |(group_id, masked_partition_key, first_counter, response)| {
            PushRequest { group_id, masked_partition_key, first_counter, response }
        }
    );
    key_package_requests: vec(key_package_request(), 0..=4).prop_map(|mut requests| {
        requests.sort_by_key(|request| (request.user_id.clone(), request.cipher_suite.0));
        requests.dedup_by_key(|request| (request.user_id.clone(), request.cipher_suite.0));
        KeyPackageRequests { requests }
    });
    key_package_responses: key_package().prop_map(|key_package| KeyPackageResponse { key_package });
    key_package_results: vec(key_package_result(), 0..4).prop_map(|results| KeyPackageResults { results });
    join_token_requests: (bytes(70), partition_key(), any::<u32>()).prop_map(
        |(group_id, partition_key, ttl_seconds)| JoinTokenRequest { group_id, partition_key, ttl_seconds }
    );
    bearer_tokens: (kind_and_handle(), any::<[u8; 32]>())
        .prop_map(|((kind, handle), tag)| BearerToken { kind, handle, tag });
    bearer_token_inputs: (kind_and_handle(), bytes(70), bytes(512), any::<u64>(), any::<u32>()).prop_map(
        |((kind, handle), label, user_id, period, generation)| {
            BearerTokenInput { label, kind, user_id, handle, period, generation }
        }
    );
    bans: vec(bytes(70).prop_map(Identity), 0..6).prop_map(|banned| Banned { banned });
}

proptest! {
    #![proptest_config(config())]

    /// Whatever the bytes, decoding says what is wrong, or gives the value whose encoding they are.
    #[test]
    fn any_bytes_as_any_structure(input in bytes(120), pick in any::<proptest::sample::Index>()) {
        static STRUCTURES: std::sync::LazyLock<Vec<String>> = std::sync::LazyLock::new(|| {
            let mut names: Vec<String> = fixtures().into_iter().map(|fixture| fixture.structure).collect();
            names.dedup();
            names
        });
        let structure: &String = pick.get(STRUCTURES.as_slice());
        if let Ok(encoded) = recode(structure, &input) {
            prop_assert_eq!(encoded, input);
        }
    }

    /// What a provider may call itself: letters, digits and hyphens in labels, a letter somewhere in the last.
    #[test]
    fn names(text in "[a-zA-Z0-9.:_-]{0,12}") {
        let label = |label: &str| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '-'))
        };
        let labels: Vec<&str> = text.split('.').collect();
        let last_is_no_number = labels.last().is_some_and(|last| last.chars().any(|letter| !letter.is_ascii_digit()));
        let allowed = labels.len() >= 2 && labels.iter().all(|part| label(part)) && last_is_no_number;
        prop_assert_eq!(text.parse::<ServiceProviderId>().is_ok(), allowed);
        let mut encoded = Vec::new();
        opaque(&mut encoded, text.as_bytes());
        prop_assert_eq!(decode::<ServiceProviderId>(&encoded).is_ok(), allowed);
    }
}
