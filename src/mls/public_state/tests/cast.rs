//! Groups of mls-rs clients whose handshakes are public, and somebody who watches.

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, ExtensionList, Group, MlsMessage,
    client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    crypto::SignatureSecretKey,
    extension::ExtensionType,
    group::{CommitOutput, ReceivedMessage, proposal::ProposalType},
    identity::Credential,
    mls_rs_codec::{MlsDecode, MlsEncode, byte_vec},
    mls_rules::DefaultMlsRules,
    psk::{ExternalPskId, PreSharedKey},
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use crate::mls::{
    ContentType, PublicState, Step, WireGroupInfo, WireMessage, WireRatchetTree, grammar,
    tests::clients::{self, Anyone},
};

pub(super) type Config =
    WithMlsRules<DefaultMlsRules, WithCryptoProvider<AwsLcCryptoProvider, WithIdentityProvider<Anyone, BaseConfig>>>;
pub(super) type Member = Group<Config>;

/// The number that mls-rs has for SelfRemove.
pub(super) const SELF_REMOVE: u16 = 0xf003;

pub(super) fn client(suite: u16, credential: Credential) -> Client<Config> {
    client_and_key(suite, credential).0
}

/// With the key that it signs with, for what no client would sign.
pub(super) fn client_and_key(suite: u16, credential: Credential) -> (Client<Config>, SignatureSecretKey) {
    let (identity, secret) = clients::identity(suite, credential);
    let client = Client::builder()
        .identity_provider(Anyone)
        .crypto_provider(AwsLcCryptoProvider::new())
        .mls_rules(clients::rules(false))
        .extension_type(ExtensionType::new(0xf0d5))
        .custom_proposal_type(ProposalType::new(clients::CUSTOM_PROPOSAL))
        .custom_proposal_type(ProposalType::new(SELF_REMOVE))
        .psk(psk(), PreSharedKey::new(vec![7; 32]))
        .signing_identity(identity, secret.clone(), CipherSuite::new(suite))
        .build();
    (client, secret)
}

pub(super) fn psk() -> ExternalPskId {
    ExternalPskId::new(b"a shared password".to_vec())
}

pub(super) fn named(suite: u16, name: &str) -> Client<Config> {
    client(suite, clients::basic(name))
}

/// A group that `name` founded and that has nobody else, with extensions of the GroupContext.
pub(super) fn found_with(suite: u16, name: &str, context: ExtensionList) -> Member {
    named(suite, name).create_group_with_id(b"a group".to_vec(), context, ExtensionList::default(), None).unwrap()
}

/// A member's message that was changed, signed again: everything that can be checked from outside is as it should be.
pub(super) fn sign_again(suite: u16, changed: &[u8], context: &[u8], key: &SignatureSecretKey) -> WireMessage {
    let message = WireMessage::parse(changed).unwrap();
    let mut reader = message.public_content();
    match message.content_type() {
        ContentType::Commit => grammar::commit(&mut reader).unwrap(),
        _ => drop(grammar::proposal(&mut reader).unwrap()),
    }
    let content = &changed[..changed.len() - reader.len()];
    grammar::vector(&mut reader).unwrap(); // the old signature
    let mut signed = Vec::new();
    byte_vec::mls_encode(&b"MLS 1.0 FramedContentTBS".to_vec(), &mut signed).unwrap();
    byte_vec::mls_encode(&[content, context].concat(), &mut signed).unwrap();
    let signature = clients::crypto(suite).sign(key, &signed).unwrap();
    let mut bytes = content.to_vec();
    byte_vec::mls_encode(&signature, &mut bytes).unwrap();
    bytes.extend(reader);
    WireMessage::parse(&bytes).unwrap()
}

/// Puts `new` where `old` stands, which is once.
pub(super) fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(old)).collect();
    assert_eq!(places.len(), 1);
    [&bytes[..places[0]], new, &bytes[places[0] + old.len()..]].concat()
}

/// A founder and others, all of whom are in the same epoch.
pub(super) fn gather(suite: u16, names: &[&str]) -> Vec<Member> {
    let mut founder = found_with(suite, names[0], ExtensionList::default());
    let others: Vec<Client<Config>> = names[1..].iter().map(|name| named(suite, name)).collect();
    if others.is_empty() {
        return vec![founder];
    }
    let mut builder = founder.commit_builder();
    for other in &others {
        builder = builder.add_member(key_package(other)).unwrap();
    }
    let output = builder.build().unwrap();
    founder.apply_pending_commit().unwrap();
    let welcome = &output.welcome_messages()[0];
    let joined = others.iter().map(|other| other.join_group(None, welcome, None).unwrap().0);
    std::iter::once(founder).chain(joined.collect::<Vec<_>>()).collect()
}

pub(super) fn key_package(client: &Client<Config>) -> MlsMessage {
    client.generate_key_package_message(ExtensionList::default(), ExtensionList::default(), None).unwrap()
}

pub(super) fn wire(message: &MlsMessage) -> WireMessage {
    WireMessage::parse(&message.to_bytes().unwrap()).unwrap()
}

pub(super) fn wire_info(message: &MlsMessage) -> WireGroupInfo {
    WireGroupInfo::mls_decode_exhaustive(&message.to_bytes().unwrap()).unwrap()
}

pub(super) fn info(member: &Member, with_tree: bool) -> WireGroupInfo {
    wire_info(&member.group_info_message_allowing_ext_commit(with_tree).unwrap())
}

pub(super) fn tree(member: &Member) -> WireRatchetTree {
    WireRatchetTree::mls_decode_exhaustive(&member.export_tree().to_bytes().unwrap()).unwrap()
}

pub(super) fn observe(member: &Member) -> PublicState {
    PublicState::observe(&info(member, true), None).unwrap()
}

/// One of the group commits, all others take it.
pub(super) fn take(members: &mut [Member], committer: usize, output: &CommitOutput) -> WireMessage {
    members[committer].apply_pending_commit().unwrap();
    hear(members, Some(committer), output.commit_message());
    wire(output.commit_message())
}

/// All but the sender take a message.
pub(super) fn hear(members: &mut [Member], sender: Option<usize>, message: &MlsMessage) {
    for (at, member) in members.iter_mut().enumerate() {
        if Some(at) != sender {
            let heard = member.process_incoming_message(message.clone()).unwrap();
            assert!(matches!(heard, ReceivedMessage::Commit(_) | ReceivedMessage::Proposal(_)));
        }
    }
}

/// Everything that can be known from outside is what the member knows, and stays so on disk.
#[track_caller]
pub(super) fn assert_same(state: &PublicState, member: &Member) {
    let context = member.context();
    assert_eq!(state.encode_context(), context.mls_encode_to_vec().unwrap());
    assert_eq!(state.tree_hash(), context.tree_hash);
    assert_eq!((state.epoch().0, state.group_id()), (context.epoch, &context.group_id[..]));
    assert_eq!(state.export_tree(), member.export_tree().to_bytes().unwrap());
    let roster: Vec<u32> = member.roster().members_iter().map(|member| member.index).collect();
    assert_eq!(state.leaves().map(|leaf| leaf.index).collect::<Vec<_>>(), roster);
    assert_eq!(state.members(), roster.len());
    for with_tree in [true, false] {
        assert_eq!(state.check(&info(member, with_tree)), Ok(()));
    }
    let saved = state.save();
    let loaded = PublicState::load(&saved).unwrap();
    assert_eq!(loaded.save(), saved);
    assert_eq!(loaded.check(&info(member, true)), Ok(()));
    assert_eq!((loaded.members(), loaded.weight()), (state.members(), state.weight()));
}

/// Follows a commit on the state and on one that was saved and loaded, which lead to the same.
#[track_caller]
pub(super) fn follow(state: &PublicState, proposals: &[WireMessage], commit: &WireMessage) -> Step {
    let before = state.save();
    let step = state.follow(proposals, commit).unwrap();
    assert_eq!(state.save(), before, "a state stays as it is");
    let loaded = PublicState::load(&before).unwrap().follow(proposals, commit).unwrap();
    assert_eq!(loaded.next.save(), step.next.save());
    assert_eq!((loaded.added, loaded.removed, loaded.joined), (step.added.clone(), step.removed.clone(), step.joined));
    step
}
