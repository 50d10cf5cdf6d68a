//! The walk against mls-rs: for messages of every kind and suite both find the same end and the same head, whatever
//! stands behind the message. On damaged messages they may differ about what is *allowed*, never about where a message
//! that both take ends.
//!
//! Where they differ, and why that is meant:
//! * **Lenient.** The walk takes contents as opaque: an extension list, capabilities, path nodes or proposals of a
//!   commit may be nonsense. Only members can judge them; a hub that refused them would need every extension's grammar.
//! * **Version.** The walk refuses versions other than mls10 in an `MLSMessage`, a KeyPackage and a GroupContext;
//!   mls-rs checks them after decoding.
//! * **Public application.** RFC 9420 §6 forbids application content in a PublicMessage; mls-rs decodes it.
//! * **Open proposals.** mls-rs takes a proposal of a type that it does not know for one vector. The walk does not look
//!   for its end.
//! * **SelfRemove.** `self_remove(0x000a)` is an empty struct; mls-rs, built without it, expects a vector there.

use std::collections::BTreeMap;

use mls_rs::{
    CipherSuiteProvider, KeyPackage, MlsMessage, MlsMessageDescription,
    group::{ContentType as TheirContentType, ExportedTree, Sender as TheirSender},
    mls_rs_codec::{MlsDecode, MlsEncode, byte_vec},
};

use super::{
    super::{
        ContentType, Fault, Sender, WireFormat, WireGroupInfo, WireKeyPackage, WireMessage, WireRatchetTree,
        WireWelcome,
    },
    clients::{SUITES, Sample, Structure, crowd, crypto, transcript},
    fixtures,
    random::Random,
};

/// How many bytes the walk takes from the front of `input`.
fn walk(structure: Structure, input: &[u8]) -> Result<usize, mls_rs_codec::Error> {
    fn taken<T: MlsDecode + MlsEncode>(input: &[u8]) -> Result<usize, mls_rs_codec::Error> {
        let mut reader = input;
        let value = T::mls_decode(&mut reader)?;
        let taken = input.len() - reader.len();
        assert_eq!(value.mls_encode_to_vec()?, &input[..taken], "the bytes are kept as received");
        Ok(taken)
    }
    match structure {
        Structure::Message => taken::<WireMessage>(input),
        Structure::Welcome => taken::<WireWelcome>(input),
        Structure::GroupInfo => taken::<WireGroupInfo>(input),
        Structure::KeyPackage => taken::<WireKeyPackage>(input),
        Structure::RatchetTree => taken::<WireRatchetTree>(input),
    }
}

/// How many bytes mls-rs takes, and which structure it saw: a damaged wire format may name another one.
fn reference(structure: Structure, input: &[u8]) -> Result<(usize, Structure), mls_rs_codec::Error> {
    let mut reader = input;
    let seen = match structure {
        Structure::KeyPackage => KeyPackage::mls_decode(&mut reader).map(|_| structure)?,
        Structure::RatchetTree => ExportedTree::mls_decode(&mut reader).map(|_| structure)?,
        Structure::Message | Structure::Welcome | Structure::GroupInfo => {
            match MlsMessage::mls_decode(&mut reader)?.wire_format() {
                mls_rs::WireFormat::PublicMessage | mls_rs::WireFormat::PrivateMessage => Structure::Message,
                mls_rs::WireFormat::Welcome => Structure::Welcome,
                mls_rs::WireFormat::GroupInfo => Structure::GroupInfo,
                _ => Structure::KeyPackage,
            }
        }
    };
    Ok((input.len() - reader.len(), seen))
}

fn same_content_type(ours: ContentType, theirs: TheirContentType) -> bool {
    match ours {
        ContentType::Application => theirs == TheirContentType::Application,
        ContentType::Proposal => theirs == TheirContentType::Proposal,
        ContentType::Commit => theirs == TheirContentType::Commit,
    }
}

fn same_sender(ours: Sender, theirs: TheirSender) -> bool {
    match ours {
        Sender::Member(leaf) => theirs == TheirSender::Member(leaf),
        Sender::External(index) => theirs == TheirSender::External(index),
        Sender::NewMemberProposal => theirs == TheirSender::NewMemberProposal,
        Sender::NewMemberCommit => theirs == TheirSender::NewMemberCommit,
    }
}

fn compare_message(sample: &Sample) {
    let name = &sample.name;
    let ours = WireMessage::parse(&sample.bytes).unwrap();
    let theirs = MlsMessage::from_bytes(&sample.bytes).unwrap();
    assert_eq!(ours.authenticated_data(), sample.authenticated_data, "{name}");
    match theirs.description() {
        MlsMessageDescription::PublicProtocolMessage {
            group_id,
            epoch_id,
            content_type,
            sender,
            authenticated_data,
        } => {
            assert_eq!(ours.wire_format(), WireFormat::PublicMessage, "{name}");
            assert_eq!(ours.group_id(), group_id, "{name}");
            assert_eq!(ours.epoch().0, epoch_id, "{name}");
            assert!(same_content_type(ours.content_type(), content_type), "{name}");
            assert!(same_sender(ours.sender().unwrap(), sender), "{name}");
            assert_eq!(ours.authenticated_data(), authenticated_data, "{name}");
        }
        MlsMessageDescription::PrivateProtocolMessage { group_id, epoch_id, content_type } => {
            assert_eq!(ours.wire_format(), WireFormat::PrivateMessage, "{name}");
            assert_eq!(ours.group_id(), group_id, "{name}");
            assert_eq!(ours.epoch().0, epoch_id, "{name}");
            assert!(same_content_type(ours.content_type(), content_type), "{name}");
            assert_eq!(ours.sender(), None, "{name}");
        }
        other => panic!("{name} is {other:?}"),
    }
}

fn compare_welcome(sample: &Sample) {
    let ours = WireWelcome::mls_decode_exhaustive(&sample.bytes).unwrap();
    let theirs = MlsMessage::from_bytes(&sample.bytes).unwrap();
    let refs: Vec<&[u8]> = theirs.welcome_key_package_references().into_iter().map(|r| &r[..]).collect();
    assert_eq!(ours.key_package_refs().collect::<Vec<_>>(), refs, "{}", sample.name);
    assert_eq!(ours.secrets(), refs.len(), "{}", sample.name);
    assert_eq!(ours.cipher_suite().0, theirs.cipher_suite().unwrap().raw_value(), "{}", sample.name);
}

fn compare_group_info(sample: &Sample, suite: u16, signer: &mls_rs::crypto::SignaturePublicKey) {
    let name = &sample.name;
    let ours = WireGroupInfo::mls_decode_exhaustive(&sample.bytes).unwrap();
    let theirs = MlsMessage::from_bytes(&sample.bytes).unwrap();
    let info = theirs.as_group_info().unwrap();
    assert_eq!(ours.group_id(), theirs.group_id().unwrap(), "{name}");
    assert_eq!(Some(ours.epoch().0), theirs.epoch(), "{name}");
    assert_eq!(ours.cipher_suite().0, theirs.cipher_suite().unwrap().raw_value(), "{name}");
    assert_eq!(ours.group_context(), info.group_context().mls_encode_to_vec().unwrap(), "{name}");
    assert_eq!(ours.signer(), info.sender(), "{name}");
    assert_eq!(ours.has_ratchet_tree(), sample.has_ratchet_tree, "{name}");

    // `to_be_signed` and `signature` are right when the signature verifies (RFC 9420 §5.1.2).
    if ours.signer() == 0 {
        let mut content = Vec::new();
        byte_vec::mls_encode(&b"MLS 1.0 GroupInfoTBS".to_vec(), &mut content).unwrap();
        byte_vec::mls_encode(&ours.to_be_signed().to_vec(), &mut content).unwrap();
        crypto(suite).verify(signer, ours.signature(), &content).unwrap();
    }
}

fn compare_key_package(sample: &Sample) {
    let ours = WireKeyPackage::mls_decode_exhaustive(&sample.bytes).unwrap();
    let theirs = KeyPackage::mls_decode_exhaustive(&sample.bytes).unwrap();
    assert_eq!(ours.cipher_suite().0, theirs.cipher_suite.raw_value(), "{}", sample.name);
}

fn compare(sample: &Sample, suite: u16, signer: &mls_rs::crypto::SignaturePublicKey) {
    match sample.structure {
        Structure::Message => compare_message(sample),
        Structure::Welcome => compare_welcome(sample),
        Structure::GroupInfo => compare_group_info(sample, suite, signer),
        Structure::KeyPackage => compare_key_package(sample),
        Structure::RatchetTree => {}
    }
    let mut random = Random::new(0x5eed);
    for length in [0, 1, 2, 17, 300] {
        let mut input = sample.bytes.clone();
        input.extend(random.bytes(length));
        let name = &sample.name;
        // What has no end takes all there is.
        let end = if is_open(&sample.bytes) { input.len() } else { sample.bytes.len() };
        assert_eq!(walk(sample.structure, &input).unwrap(), end, "{name} and {length} bytes more");
        assert_eq!(reference(sample.structure, &input).unwrap().0, sample.bytes.len(), "{name}: mls-rs");
    }
}

#[test]
fn every_kind_of_message_in_every_suite() {
    let mut kinds = 0;
    for suite in SUITES {
        for encrypted in [false, true] {
            let told = transcript(suite, encrypted, b"mimi://hub.example/g/AAAAAAAAAAAAAAAAAAAAAA");
            for sample in &told.samples {
                compare(sample, suite, &told.signer);
                kinds += 1;
            }
        }
    }
    assert!(kinds > 380, "only {kinds} messages");
}

#[test]
fn a_crowd_with_long_lengths() {
    let told = crowd(1, 100);
    for sample in &told.samples {
        compare(sample, 1, &told.signer);
        assert!(sample.bytes.len() > 1 << 14, "{} is short: {}", sample.name, sample.bytes.len());
    }
    let welcome = told.samples.iter().find(|sample| sample.structure == Structure::Welcome).unwrap();
    assert_eq!(WireWelcome::mls_decode_exhaustive(&welcome.bytes).unwrap().secrets(), 100);
}

/// A group's confirmation tag is the same in the commit that made the epoch and in the GroupInfo of it.
#[test]
fn the_confirmation_tag_is_that_of_the_commit() {
    let told = transcript(1, false, b"g");
    let find = |name: &str| &told.samples.iter().find(|sample| sample.name == name).unwrap().bytes;
    let tag = WireGroupInfo::mls_decode_exhaustive(find("group_info_1")).unwrap().confirmation_tag().to_vec();
    assert_eq!(tag.len(), 32);
    // confirmation_tag<V> and membership_tag<V> stand at the end of a member's public commit.
    let commit = find("commit_add");
    assert_eq!(commit[commit.len() - 65..commit.len() - 33], tag);
    let external = find("external_commit");
    let tag = WireGroupInfo::mls_decode_exhaustive(find("group_info_2")).unwrap().confirmation_tag().to_vec();
    assert_eq!(external[external.len() - 32..], tag);
}

/// `SelfRemove` is an empty struct. mls-rs without that feature takes the signature's vector for the proposal's body.
#[test]
fn self_remove_has_no_body() {
    let told = transcript(1, false, b"g");
    let custom = &told.samples.iter().find(|sample| sample.name == "proposal_custom_empty").unwrap().bytes;
    let at = custom.windows(3).position(|bytes| bytes == [0xff, 0xfe, 0x00]).unwrap();
    let self_remove = [&custom[..at], &[0x00, 0x0a], &custom[at + 3..]].concat();
    assert_eq!(walk(Structure::Message, &self_remove).unwrap(), self_remove.len());
    assert_eq!(WireMessage::parse(&self_remove).unwrap().content_type(), ContentType::Proposal);
    assert!(reference(Structure::Message, &self_remove).is_err());
}

/// The type of the proposal that a public message is, or has become by damage.
fn proposal_type(input: &[u8]) -> Option<u16> {
    let (2, at) = content_type_offset(input)? else { return None };
    Some(u16::from_be_bytes(*input.get(at + 1..)?.first_chunk()?))
}

/// Public proposals of types that the walk does not know have no end.
fn is_open(input: &[u8]) -> bool {
    proposal_type(input).is_some_and(|kind| !matches!(kind, 1..=7 | 0x000a))
}

/// Value and place of the content type of a public message, when the front of it is sound.
fn content_type_offset(input: &[u8]) -> Option<(u8, usize)> {
    let mut reader = input.get(4..).filter(|_| input[2..4] == [0, 1])?;
    byte_vec::mls_decode::<Vec<u8>>(&mut reader).ok()?;
    reader = reader.get(8..)?;
    let sender = *reader.first()?;
    reader = reader.get(if sender <= 2 { 5 } else { 1 }..)?;
    byte_vec::mls_decode::<Vec<u8>>(&mut reader).ok()?;
    Some((*reader.first()?, input.len() - reader.len()))
}

/// Damages `bytes` in one or two of the ways that matter to a walk, and puts something behind them.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut input = bytes.to_vec();
    for _ in 0..=random.below(2) {
        let place = random.below(input.len());
        match random.below(8) {
            0 => input.truncate(place.max(1)),
            1 => input[place] ^= 1 << random.below(8),
            2 => input[place] = input[place].wrapping_add(1),
            3 => input[place] = input[place].wrapping_sub(1),
            4 => drop(input.remove(place)),
            5 => input.insert(place, random.byte()),
            6 => input[place] = [0, 1, 2, 3, 4, 5, 10, 0x40, 0x80, 0xff][random.below(10)],
            _ => {
                // The front is where the walk decides.
                let front = random.below(input.len().min(96));
                input[front] = random.byte();
            }
        }
        if input.is_empty() {
            input.push(0);
        }
    }
    let behind = random.below(64);
    input.extend(random.bytes(behind));
    input
}

#[test]
fn damaged_messages_end_at_the_same_place() {
    let samples = fixtures();
    let mut seen = BTreeMap::<&str, u32>::new();
    let mut random = Random::new(0x00d1_ff5e_ed00);
    for round in 0..400_000_usize {
        let (structure, bytes) = &samples[round % samples.len()];
        let input = damage(bytes, &mut random);
        let class = match (walk(*structure, &input), reference(*structure, &input)) {
            _ if proposal_type(&input) == Some(0x000a) => "self_remove",
            _ if *structure == Structure::Message && is_open(&input) => "open",
            (Ok(ours), Ok((theirs, kind))) => {
                assert_eq!((ours, *structure), (theirs, kind), "{structure:?} {}", hex::encode(&input));
                "both accept"
            }
            (Err(_), Err(_)) => "both refuse",
            (Ok(_), Err(_)) => "lenient",
            (Err(mls_rs_codec::Error::Custom(code)), Ok((_, kind))) => match Fault::from_code(code) {
                Some(Fault::Version) => "version",
                Some(Fault::PublicApplication) => "public application",
                Some(Fault::WireFormat) if kind != *structure => "another wire format",
                fault => panic!("only the walk refuses, {fault:?}: {structure:?} {}", hex::encode(&input)),
            },
            (Err(error), Ok(_)) => panic!("only the walk refuses, {error}: {structure:?} {}", hex::encode(&input)),
        };
        *seen.entry(class).or_default() += 1;
    }
    // The input is the same in every run: a class that is gone is a test that tests nothing any more.
    for class in ["self_remove", "open", "both accept", "both refuse", "lenient", "version", "public application"] {
        assert!(seen.get(class).is_some_and(|count| *count > 10), "{class}: {seen:?}");
    }
}
