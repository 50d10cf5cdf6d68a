//! MLS messages made by hand: well-formed heads around padding, of exactly the wanted length.
//!
//! Nothing in them is encrypted or signed. Sequencing reads heads and counts bytes, and needs no more.

use mls_rs_codec::byte_vec;

use crate::{
    mls::{WireGroupInfo, WireMessage, WireRatchetTree, WireWelcome},
    wire::decode,
};

/// The suite of every group here, and one that no group has.
pub(super) const SUITE: u16 = 1;
pub(super) const OTHER_SUITE: u16 = 2;

/// What a message is, as its head tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A PrivateMessage with application data.
    Application,
    /// A PrivateMessage with a proposal.
    Proposal,
    /// A PrivateMessage with a commit.
    Commit,
    /// A PublicMessage in which a member commits.
    PublicCommit,
    /// A PublicMessage in which an external sender removes a member.
    ExternalProposal,
    /// A PublicMessage in which somebody joins by an external commit.
    ExternalCommit,
}

impl Kind {
    pub(super) fn is_commit(self) -> bool {
        matches!(self, Self::Commit | Self::PublicCommit | Self::ExternalCommit)
    }

    fn is_public(self) -> bool {
        self == Self::PublicCommit || self.is_external()
    }

    pub(super) fn is_external(self) -> bool {
        matches!(self, Self::ExternalProposal | Self::ExternalCommit)
    }
}

fn opaque(writer: &mut Vec<u8>, content: &[u8]) {
    byte_vec::mls_encode(&content, writer).unwrap();
}

/// An `MLSMessage` of `length` bytes with that head. Messages that differ in `text` differ.
pub(super) fn message(kind: Kind, group_id: &[u8], epoch: u64, text: &str, length: usize) -> WireMessage {
    let bytes = padded(length, |padding| {
        let mut bytes = vec![0, 1, 0, if kind.is_public() { 1 } else { 2 }];
        opaque(&mut bytes, group_id);
        bytes.extend(epoch.to_be_bytes());
        // Up to the last vector of each: ciphertext, the proposal's signature, or confirmation_tag.
        match kind {
            // content_type, no authenticated_data, no encrypted_sender_data
            Kind::Application => bytes.extend([1, 0, 0]),
            Kind::Proposal => bytes.extend([2, 0, 0]),
            Kind::Commit => bytes.extend([3, 0, 0]),
            // sender: member(1) and its leaf; no authenticated_data; commit(3) of nothing, without a path; no signature, no
            // confirmation_tag; what follows is the membership_tag
            Kind::PublicCommit => bytes.extend([1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]),
            // sender: external(2) and its index; no authenticated_data; proposal(2): remove(3) of leaf 0
            Kind::ExternalProposal => bytes.extend([2, 0, 0, 0, 0, 0, 2, 0, 3, 0, 0, 0, 0]),
            // sender: new_member_commit(4); some authenticated_data; commit(3) of an external_init(6), with a path: a leaf
            // of empty vectors whose source is commit(3), and no nodes; no signature
            Kind::ExternalCommit => {
                bytes.push(4);
                opaque(&mut bytes, &[0; 30]);
                bytes.push(3);
                bytes.extend([4, 1, 0, 6, 0]);
                bytes.extend([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
                bytes.push(0);
            }
        }
        let mut rest = text.as_bytes().to_vec();
        rest.resize(text.len() + padding, 0);
        opaque(&mut bytes, &rest);
        bytes
    });
    WireMessage::parse(&bytes).unwrap()
}

/// An `MLSMessage` of `length` bytes with a GroupInfo.
pub(super) fn group_info(group_id: &[u8], epoch: u64, suite: u16, has_tree: bool, length: usize) -> WireGroupInfo {
    group_info_of(group_id, epoch, suite, has_tree, b"", length)
}

/// The same of one of several states with that number: `transcript` tells them apart.
pub(super) fn group_info_of(
    group_id: &[u8],
    epoch: u64,
    suite: u16,
    has_tree: bool,
    transcript: &[u8],
    length: usize,
) -> WireGroupInfo {
    let bytes = padded(length, |padding| {
        let mut bytes = vec![0, 1, 0, 4, 0, 1];
        bytes.extend(suite.to_be_bytes());
        opaque(&mut bytes, group_id);
        bytes.extend(epoch.to_be_bytes());
        bytes.push(0); // tree_hash
        opaque(&mut bytes, transcript); // confirmed_transcript_hash
        bytes.push(0); // extensions of the GroupContext
        // An application's own extension, or the ratchet_tree.
        let mut extension = if has_tree { vec![0, 2] } else { vec![0xf0, 0] };
        opaque(&mut extension, &vec![0; padding]);
        opaque(&mut bytes, &extension);
        bytes.extend([0, 0, 0, 0, 0, 0]); // confirmation_tag, signer, signature
        bytes
    });
    decode(&bytes).unwrap()
}

/// An `MLSMessage` of `length` bytes with a Welcome for those KeyPackageRefs.
pub(super) fn welcome(refs: &[&str], suite: u16, length: usize) -> WireWelcome {
    let bytes = padded(length, |padding| {
        let mut bytes = vec![0, 1, 0, 3];
        bytes.extend(suite.to_be_bytes());
        let mut secrets = Vec::new();
        for reference in refs {
            opaque(&mut secrets, reference.as_bytes());
            secrets.extend([0, 0]); // kem_output, ciphertext
        }
        opaque(&mut bytes, &secrets);
        opaque(&mut bytes, &vec![0; padding]); // encrypted_group_info
        bytes
    });
    decode(&bytes).unwrap()
}

/// The `nodes` of a ratchet tree, of `length` bytes.
pub(super) fn ratchet_tree(length: usize) -> WireRatchetTree {
    let bytes = padded(length, |padding| {
        let mut bytes = Vec::new();
        opaque(&mut bytes, &vec![0; padding]);
        bytes
    });
    decode(&bytes).unwrap()
}

/// What `build` makes of the padding with which it is exactly `length` bytes long.
fn padded(length: usize, build: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
    let mut padding = 0;
    // Length prefixes grow with the padding: the second or third guess is right.
    for _guess in 0..8 {
        let bytes = build(padding);
        if bytes.len() == length {
            return bytes;
        }
        padding = (padding + length).checked_sub(bytes.len()).expect("a length that has room for the head");
    }
    panic!("no message of this kind is {length} bytes long: choose another length")
}
