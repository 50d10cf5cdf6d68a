//! Messages of groups, and what their heads must say.

use proptest::{collection::vec, option, prelude::*};

use super::{bytes, config, leaf_node::leaf_node, opaque};
use crate::mls::{ContentType, EpochNumber, Sender, WireMessage};

/// What the head of a generated message must say.
#[derive(Clone, Debug)]
pub(super) struct Head {
    group_id: Vec<u8>,
    epoch: u64,
    authenticated_data: Vec<u8>,
    sender: Option<Sender>,
    pub(super) content_type: ContentType,
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

pub(super) fn public_message() -> BoxedStrategy<(Head, Vec<u8>)> {
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
pub(super) fn open_message() -> BoxedStrategy<WireMessage> {
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

pub(super) fn message() -> BoxedStrategy<WireMessage> {
    prop_oneof![private_message(), public_message()]
        .prop_map(|(_, encoded)| WireMessage::parse(&encoded).unwrap())
        .boxed()
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
}
