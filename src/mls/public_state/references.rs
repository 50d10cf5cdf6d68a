//! Proposals that a commit refers to, out of those that stand before it.

use std::collections::BTreeSet;

use mls_rs::{MlsMessage, group::CachedProposal};
use mls_rs_codec::{MlsDecode, MlsEncode, byte_vec};

use super::{
    super::{
        CipherSuite, ContentType, Proof, SELF_REMOVE, SELF_REMOVE_PRIVATE, Sender, Walk, WireFormat, WireMessage,
        grammar::{proposal, vector},
        proposal_ref::proposal_reference,
        signature::verify_framed,
    },
    bounds::check_proposal,
    observer::ObservedGroup,
};

/// How many messages are looked at for one commit. Who sends more proposals than that in one epoch may not be followed.
const MAX_PROPOSALS: usize = 1 << 12;

/// Hands those of `messages` to the group that the commit refers to and whose signatures hold. What is missing, the commit
/// will find out.
pub(super) fn present(group: &mut ObservedGroup, messages: &[WireMessage], references: &[&[u8]]) {
    let mut wanted: BTreeSet<&[u8]> = references.iter().copied().collect();
    let suite = CipherSuite(group.group_context().cipher_suite.into());
    for message in messages.iter().take(MAX_PROPOSALS) {
        if wanted.is_empty() {
            return;
        }
        let is_proposal = message.content_type() == ContentType::Proposal;
        if message.wire_format() != WireFormat::PublicMessage || !is_proposal {
            continue;
        }
        // Of one that does not tell where it ends, only mls-rs can find the reference: it guesses the end.
        if !message.is_delimited() {
            let _ignored = process(group, message);
            continue;
        }
        let Some(reference) = proposal_reference(message, suite) else { continue };
        if !wanted.remove(reference.as_slice()) {
            continue;
        }
        let _ignored = match (message.sender(), is_self_remove(message)) {
            (Some(Sender::Member(leaf)), true) => self_remove(group, suite, message, &reference, leaf),
            _ => process(group, message),
        };
    }
}

fn is_self_remove(message: &WireMessage) -> bool {
    u16::mls_decode(&mut message.public_content()).is_ok_and(|kind| kind == SELF_REMOVE)
}

fn process(group: &mut ObservedGroup, message: &WireMessage) -> Option<()> {
    check_proposal(message).ok()?;
    let message = MlsMessage::from_bytes(message.bytes()).ok()?;
    group.process_incoming_message(message).ok().map(drop)
}

/// mls-rs knows SelfRemove under a number for private use. One under its own number is checked here, and given to mls-rs
/// under the other: the commit holds nothing but its reference.
fn self_remove(
    group: &mut ObservedGroup,
    suite: CipherSuite,
    message: &WireMessage,
    reference: &[u8],
    leaf: u32,
) -> Option<()> {
    const MEMBER: u8 = 1;
    let mut reader = message.public_content();
    proposal(&mut reader).ok()?;
    let content = &message.bytes()[..message.bytes().len() - reader.len()];
    let signature = vector(&mut reader).ok()?;
    let key = {
        let tree = group.exported_tree();
        tree.get_leaf(leaf.try_into().ok()?).ok()??.signing_identity.signature_key.clone()
    };
    let context = group.group_context().mls_encode_to_vec().ok()?;
    if verify_framed(suite, &key, &[content, &context], signature) != Proof::Valid {
        return None;
    }
    let mut cached = SELF_REMOVE_PRIVATE.to_be_bytes().to_vec();
    byte_vec::mls_encode(&reference, &mut cached).ok()?;
    cached.push(MEMBER);
    cached.extend(leaf.to_be_bytes());
    group.insert_proposal(CachedProposal::from_bytes(&cached).ok()?);
    Some(())
}

/// The `confirmation_tag` of a public commit.
pub(super) fn confirmation_tag(commit: &WireMessage) -> Walk<&[u8]> {
    let mut reader = commit.public_content();
    super::super::grammar::commit(&mut reader)?;
    vector(&mut reader)?; // signature
    vector(&mut reader)
}
