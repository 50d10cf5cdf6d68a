//! Generated values: what is encoded decodes to an equal value, in exactly the announced number of bytes, whatever
//! stands behind it.

use mls_rs_codec::byte_vec;
use proptest::{
    collection::vec,
    option,
    prelude::*,
    test_runner::{Config, RngSeed},
};

use super::*;
use crate::mls::{CipherSuite, ContentType, EpochNumber, ProtocolVersion, Sender};

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

/// What the head of a generated message must say.
#[derive(Clone, Debug)]
struct Head {
    group_id: Vec<u8>,
    epoch: u64,
    authenticated_data: Vec<u8>,
    sender: Option<Sender>,
    content_type: ContentType,
}

fn content_type_byte(content_type: ContentType) -> u8 {
    match content_type {
        ContentType::Application => 1,
        ContentType::Proposal => 2,
        ContentType::Commit => 3,
    }
}

fn private_message() -> BoxedStrategy<(Head, Vec<u8>)> {
    let content_type =
        prop_oneof![Just(ContentType::Application), Just(ContentType::Proposal), Just(ContentType::Commit)];
    (bytes(70), any::<u64>(), content_type, bytes(70), bytes(40), bytes(200))
        .prop_map(|(group_id, epoch, content_type, authenticated_data, sender_data, ciphertext)| {
            let mut encoded = vec![0, 1, 0, 2];
            opaque(&mut encoded, &group_id);
            encoded.extend(epoch.to_be_bytes());
            encoded.push(content_type_byte(content_type));
            opaque(&mut encoded, &authenticated_data);
            opaque(&mut encoded, &sender_data);
            opaque(&mut encoded, &ciphertext);
            (Head { group_id, epoch, authenticated_data, sender: None, content_type }, encoded)
        })
        .boxed()
}

fn sender() -> BoxedStrategy<(Sender, Vec<u8>)> {
    prop_oneof![
        any::<u32>().prop_map(|leaf| (Sender::Member(leaf), [&[1][..], &leaf.to_be_bytes()].concat())),
        any::<u32>().prop_map(|index| (Sender::External(index), [&[2][..], &index.to_be_bytes()].concat())),
        Just((Sender::NewMemberProposal, vec![3])),
        Just((Sender::NewMemberCommit, vec![4])),
    ]
    .boxed()
}

/// A proposal of a type whose body is one vector, is fixed, or is nothing.
fn proposal() -> BoxedStrategy<Vec<u8>> {
    let framed = (6..=7_u16, bytes(80)).prop_map(|(kind, body)| {
        let mut encoded = kind.to_be_bytes().to_vec();
        opaque(&mut encoded, &body);
        encoded
    });
    let remove = any::<u32>().prop_map(|leaf| [&[0, 3][..], &leaf.to_be_bytes()].concat());
    prop_oneof![3 => framed, 1 => remove, 1 => Just(vec![0, 10])].boxed()
}

fn leaf_node() -> BoxedStrategy<Vec<u8>> {
    let source = prop_oneof![
        any::<[u8; 16]>().prop_map(|lifetime| [&[1][..], &lifetime].concat()),
        Just(vec![2]),
        bytes(40).prop_map(|hash| {
            let mut encoded = vec![3];
            opaque(&mut encoded, &hash);
            encoded
        }),
    ];
    (vec(bytes(40), 10), any::<u16>(), source)
        .prop_map(|(parts, credential_type, source)| {
            let mut encoded = Vec::new();
            opaque(&mut encoded, &parts[0]);
            opaque(&mut encoded, &parts[1]);
            encoded.extend(credential_type.to_be_bytes());
            parts[2..8].iter().for_each(|part| opaque(&mut encoded, part));
            encoded.extend(source);
            opaque(&mut encoded, &parts[8]);
            opaque(&mut encoded, &parts[9]);
            encoded
        })
        .boxed()
}

/// The body of a proposal or commit with everything behind it but the membership tag.
fn content() -> BoxedStrategy<(ContentType, Vec<u8>)> {
    let signed = |(mut content, signature): (Vec<u8>, Vec<u8>)| {
        opaque(&mut content, &signature);
        content
    };
    let proposal = (proposal(), bytes(80)).prop_map(signed).prop_map(|content| (ContentType::Proposal, content));
    let commit = (bytes(90), option::of((leaf_node(), bytes(90))), bytes(80), bytes(40)).prop_map(
        |(proposals, path, signature, confirmation_tag)| {
            let mut content = Vec::new();
            opaque(&mut content, &proposals);
            match path {
                None => content.push(0),
                Some((leaf, nodes)) => {
                    content.push(1);
                    content.extend(leaf);
                    opaque(&mut content, &nodes);
                }
            }
            opaque(&mut content, &signature);
            opaque(&mut content, &confirmation_tag);
            (ContentType::Commit, content)
        },
    );
    prop_oneof![proposal, commit].boxed()
}

fn public_message() -> BoxedStrategy<(Head, Vec<u8>)> {
    (bytes(70), any::<u64>(), sender(), bytes(70), content(), bytes(40))
        .prop_map(|(group_id, epoch, (sender, sender_bytes), authenticated_data, (content_type, content), tag)| {
            let mut encoded = vec![0, 1, 0, 1];
            opaque(&mut encoded, &group_id);
            encoded.extend(epoch.to_be_bytes());
            encoded.extend(sender_bytes);
            opaque(&mut encoded, &authenticated_data);
            encoded.push(content_type_byte(content_type));
            encoded.extend(content);
            if matches!(sender, Sender::Member(_)) {
                opaque(&mut encoded, &tag);
            }
            (Head { group_id, epoch, authenticated_data, sender: Some(sender), content_type }, encoded)
        })
        .boxed()
}

/// A proposal of a type that nobody here knows: no framing, no end.
fn open_message() -> BoxedStrategy<WireMessage> {
    let kind = prop_oneof![Just(0_u16), 8..=9_u16, 11..=u16::MAX];
    (bytes(70), any::<u64>(), sender(), bytes(70), kind, vec(any::<u8>(), 0..80))
        .prop_map(|(group_id, epoch, (_, sender_bytes), authenticated_data, kind, rest)| {
            let mut encoded = vec![0, 1, 0, 1];
            opaque(&mut encoded, &group_id);
            encoded.extend(epoch.to_be_bytes());
            encoded.extend(sender_bytes);
            opaque(&mut encoded, &authenticated_data);
            encoded.push(content_type_byte(ContentType::Proposal));
            encoded.extend(kind.to_be_bytes());
            encoded.extend(rest);
            let message = WireMessage::parse(&encoded).unwrap();
            assert!(!message.is_delimited() && message.bytes()[..] == encoded);
            message
        })
        .boxed()
}

fn message() -> BoxedStrategy<WireMessage> {
    prop_oneof![private_message(), public_message()]
        .prop_map(|(_, encoded)| WireMessage::parse(&encoded).unwrap())
        .boxed()
}

fn welcome() -> BoxedStrategy<WireWelcome> {
    (any::<u16>(), vec((bytes(64), bytes(40), bytes(40)), 0..5), bytes(90))
        .prop_map(|(suite, secrets, info)| {
            let mut entries = Vec::new();
            for (reference, kem_output, ciphertext) in &secrets {
                [reference, kem_output, ciphertext].iter().for_each(|part| opaque(&mut entries, part));
            }
            let mut encoded = vec![0, 1, 0, 3];
            encoded.extend(suite.to_be_bytes());
            opaque(&mut encoded, &entries);
            opaque(&mut encoded, &info);
            let welcome: WireWelcome = decode(&encoded).unwrap();
            assert_eq!(welcome.cipher_suite(), CipherSuite(suite));
            assert!(welcome.key_package_refs().eq(secrets.iter().map(|(reference, _, _)| reference)));
            welcome
        })
        .boxed()
}

fn group_info() -> BoxedStrategy<WireGroupInfo> {
    let extensions = vec((prop_oneof![any::<u16>(), 1..=4_u16], bytes(40)), 0..4);
    (any::<u16>(), bytes(70), any::<u64>(), vec(bytes(40), 5), extensions, any::<u32>())
        .prop_map(|(suite, group_id, epoch, parts, extensions, signer)| {
            let mut context = vec![0, 1];
            context.extend(suite.to_be_bytes());
            opaque(&mut context, &group_id);
            context.extend(epoch.to_be_bytes());
            parts[..3].iter().for_each(|part| opaque(&mut context, part));
            let mut list = Vec::new();
            for (kind, data) in &extensions {
                list.extend(kind.to_be_bytes());
                opaque(&mut list, data);
            }
            let mut encoded = [&[0, 1, 0, 4][..], &context].concat();
            opaque(&mut encoded, &list);
            opaque(&mut encoded, &parts[3]);
            encoded.extend(signer.to_be_bytes());
            let signed = encoded[4..].to_vec();
            opaque(&mut encoded, &parts[4]);
            let info: WireGroupInfo = decode(&encoded).unwrap();
            assert_eq!((info.group_id(), info.epoch().0), (group_id.as_slice(), epoch));
            assert_eq!((info.cipher_suite().0, info.signer()), (suite, signer));
            assert_eq!(info.group_context(), context);
            assert_eq!(info.confirmation_tag(), parts[3]);
            assert_eq!(info.to_be_signed(), signed);
            assert_eq!(info.signature(), parts[4]);
            assert_eq!(info.has_ratchet_tree(), extensions.iter().any(|(kind, _)| *kind == 2));
            info
        })
        .boxed()
}

fn ratchet_tree() -> BoxedStrategy<WireRatchetTree> {
    bytes(200)
        .prop_map(|nodes| {
            let mut encoded = Vec::new();
            opaque(&mut encoded, &nodes);
            decode(&encoded).unwrap()
        })
        .boxed()
}

fn key_package() -> BoxedStrategy<WireKeyPackage> {
    (any::<u16>(), bytes(40), leaf_node(), bytes(40), bytes(80))
        .prop_map(|(suite, init_key, leaf, extensions, signature)| {
            let mut encoded = vec![0, 1];
            encoded.extend(suite.to_be_bytes());
            opaque(&mut encoded, &init_key);
            encoded.extend(leaf);
            opaque(&mut encoded, &extensions);
            opaque(&mut encoded, &signature);
            let package: WireKeyPackage = decode(&encoded).unwrap();
            assert_eq!(package.cipher_suite(), CipherSuite(suite));
            package
        })
        .boxed()
}

fn provider() -> BoxedStrategy<ServiceProviderId> {
    "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\\.[a-z]([a-z0-9-]{0,20}[a-z0-9])?"
        .prop_map(|name| name.parse().unwrap())
        .boxed()
}

fn partition_key() -> BoxedStrategy<PartitionKey> {
    any::<[u8; 16]>().prop_map(PartitionKey::new).boxed()
}

fn masked() -> BoxedStrategy<MaskedPartitionKey> {
    any::<[u8; 32]>().prop_map(MaskedPartitionKey::new).boxed()
}

fn welcome_data() -> BoxedStrategy<WelcomeData> {
    (welcome(), vec(provider(), 0..5))
        .prop_map(|(welcome, service_providers)| WelcomeData { welcome, service_providers })
        .boxed()
}

fn commit_data() -> BoxedStrategy<CommitData> {
    (partition_key(), option::of(group_info()), option::of(welcome_data()))
        .prop_map(|(next_partition_key, group_info, welcome_data)| CommitData {
            next_partition_key,
            group_info,
            welcome_data,
        })
        .boxed()
}

fn send_request() -> BoxedStrategy<SendRequest> {
    (message(), partition_key(), commit_data())
        .prop_map(|(message, partition_key, commit_data)| {
            let commit_data = (message.content_type() == ContentType::Commit).then_some(commit_data);
            SendRequest { message, partition_key, commit_data }
        })
        .boxed()
}

fn sequenced() -> BoxedStrategy<Message> {
    (message(), masked(), option::of(group_info()))
        .prop_map(|(message, next_partition_key, group_info)| {
            let is_commit = message.content_type() == ContentType::Commit;
            Message { message, commit: is_commit.then(|| Box::new(MessageCommit { next_partition_key, group_info })) }
        })
        .boxed()
}

fn receive_response() -> BoxedStrategy<ReceiveResponse> {
    let last = || option::of(open_message().prop_map(|message| Message { message, commit: None }));
    let epoch = || {
        (vec(sequenced(), 0..4), last()).prop_map(|(mut messages, last)| {
            messages.extend(last);
            Epoch { messages }
        })
    };
    let hint =
        (masked(), epoch()).prop_map(|(masked_partition_key, epoch)| HintedEpoch { masked_partition_key, epoch });
    (epoch(), vec(hint, 0..3)).prop_map(|(epoch, hints)| ReceiveResponse { epoch, hints }).boxed()
}

fn create_group_request() -> BoxedStrategy<CreateGroupRequest> {
    (
        (bytes(70), partition_key(), any::<u16>(), any::<u64>()),
        (option::of(group_info()), option::of(ratchet_tree()), option::of(welcome_data())),
    )
        .prop_map(|((group_id, partition_key, suite, epoch), (group_info, ratchet_tree, welcome_data))| {
            CreateGroupRequest {
                group_id,
                partition_key,
                version: ProtocolVersion::MLS10,
                cipher_suite: CipherSuite(suite),
                epoch: EpochNumber(epoch),
                group_info,
                ratchet_tree,
                welcome_data,
            }
        })
        .boxed()
}

fn key_package_request() -> BoxedStrategy<KeyPackageRequest> {
    (bytes(512), bytes(1024), any::<u16>())
        .prop_map(|(user_id, bearer_token, suite)| KeyPackageRequest {
            user_id,
            bearer_token,
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(suite),
        })
        .boxed()
}

fn key_package_result() -> BoxedStrategy<KeyPackageResult> {
    let status = prop_oneof![
        Just(KeyPackageStatus::Ok),
        Just(KeyPackageStatus::Denied),
        Just(KeyPackageStatus::Exhausted),
        Just(KeyPackageStatus::Incompatible)
    ];
    (status, vec(key_package(), 0..4))
        .prop_map(|(status, key_packages)| KeyPackageResult { status, key_packages })
        .boxed()
}

fn decision() -> BoxedStrategy<WelcomeDecision> {
    prop_oneof![
        Just(WelcomeDecision::Accepted),
        Just(WelcomeDecision::Unknown),
        Just(WelcomeDecision::Expired),
        Just(WelcomeDecision::AlreadyUsed),
        Just(WelcomeDecision::Refused)
    ]
    .boxed()
}

fn kind_and_handle() -> BoxedStrategy<(BearerTokenKind, Vec<u8>)> {
    prop_oneof![
        Just((BearerTokenKind::Shared, Vec::new())),
        bytes(64).prop_map(|handle| (BearerTokenKind::Unique, handle))
    ]
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

    /// The head that is read is the head that was written.
    #[test]
    fn heads((head, encoded) in prop_oneof![private_message(), public_message()]) {
        let message = WireMessage::parse(&encoded).unwrap();
        prop_assert_eq!(message.group_id(), head.group_id);
        prop_assert_eq!(message.epoch(), EpochNumber(head.epoch));
        prop_assert_eq!(message.authenticated_data(), head.authenticated_data);
        prop_assert_eq!(message.sender(), head.sender);
        prop_assert_eq!(message.content_type(), head.content_type);
        prop_assert_eq!(&message.bytes()[..], encoded);
    }

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
