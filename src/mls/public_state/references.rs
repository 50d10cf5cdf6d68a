//! Proposals that a commit refers to, out of those that stand before it.

use std::collections::BTreeSet;

use mls_rs::{MlsMessage, group::CachedProposal};
use mls_rs_codec::{MlsDecode, MlsEncode, byte_vec};

use super::{
    super::{
        CipherSuite, ContentType, Proof, Sender, Walk, WireFormat, WireMessage,
        grammar::{End, located, proposal, vector},
        signature::verify_framed,
        suite_hash::ref_hash,
    },
    bounds::{SELF_REMOVE, SELF_REMOVE_PRIVATE, check_proposal},
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
        let Ok(framed) = Framed::of(message) else { continue };
        let Some(reference) = ref_hash(suite, b"MLS 1.0 Proposal Reference", framed.authenticated) else { continue };
        if !wanted.remove(reference.as_slice()) {
            continue;
        }
        let _ignored = match (framed.is_self_remove, message.sender()) {
            (true, Some(Sender::Member(leaf))) => self_remove(group, suite, &framed, &reference, leaf),
            _ => process(group, message),
        };
    }
}

/// The parts of a delimited public proposal.
struct Framed<'a> {
    is_self_remove: bool,
    /// `FramedContentTBS` without the GroupContext.
    to_be_signed: &'a [u8],
    signature: &'a [u8],
    /// `AuthenticatedContent` (RFC 9420 §6).
    authenticated: &'a [u8],
}

impl<'a> Framed<'a> {
    fn of(message: &'a WireMessage) -> Walk<Self> {
        const VERSION: usize = size_of::<u16>();
        let bytes = message.bytes();
        let mut reader = message.public_content();
        let is_self_remove = u16::mls_decode(&mut { reader })? == SELF_REMOVE;
        if proposal(&mut reader)? == End::Open {
            return Err(mls_rs_codec::Error::InvalidContent);
        }
        let to_be_signed = &bytes[..bytes.len() - reader.len()];
        let signature = located(&mut reader, bytes.len())?;
        let authenticated = &bytes[VERSION..bytes.len() - reader.len()];
        Ok(Self { is_self_remove, to_be_signed, signature: &bytes[signature], authenticated })
    }
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
    framed: &Framed<'_>,
    reference: &[u8],
    leaf: u32,
) -> Option<()> {
    const MEMBER: u8 = 1;
    let key = {
        let tree = group.exported_tree();
        tree.get_leaf(leaf.try_into().ok()?).ok()??.signing_identity.signature_key.clone()
    };
    let context = group.group_context().mls_encode_to_vec().ok()?;
    if verify_framed(suite, &key, &[framed.to_be_signed, &context], framed.signature) != Proof::Valid {
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
