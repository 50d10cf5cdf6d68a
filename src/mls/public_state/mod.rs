//! What one who is no member can follow of a group whose handshakes are public: tree, GroupContext, transcript.
//!
//! A [`PublicState`] never changes: [`PublicState::follow`] makes the next one from a copy, so each branch of a group has
//! its own, and one that turns out to be wrong is dropped. mls-rs applies commits (RFC 9420 §12.4.2); this module decides
//! what it gets to see and what its errors mean. It judges no credential, reads no clock, and keeps nothing of an epoch's
//! proposals.
//!
//! # Security
//! A non-member sees signatures and cannot see secrets: it takes a commit whose confirmation tag, membership tag or path
//! members refuse. What such a commit leads to is a state that no honest member has.

mod bounds;
mod check;
mod checkpoint;
mod follow;
mod leaf;
mod observe;
mod observer;
mod references;
#[cfg(test)]
mod tests;
mod unobservable;
mod weight;

use std::{collections::HashSet, fmt};

use bytes::Bytes;
use mls_rs::group::Node;
use mls_rs_codec::MlsEncode;

pub use check::GroupInfoMismatch;
pub use checkpoint::DamagedCheckpoint;
pub use follow::{Added, Step};
pub use leaf::Leaf;
pub use unobservable::Unobservable;

use super::{BANNED_MAX, CipherSuite, EpochNumber, vector};
use leaf::Leaves;
use observer::ObservedGroup;

/// `struct { Identity banned<V>; } Banned;` (specs/protocol.md, Y7).
const BANNED: u16 = 0xf0d5;

/// The public state of a group in one epoch.
///
/// # Privacy
/// `Debug` shows the number of members, and nobody.
#[derive(Clone)]
pub struct PublicState {
    group: ObservedGroup,
    confirmation_tag: Bytes,
    is_reinitialized: bool,
    members: usize,
    weight: usize,
}

impl PublicState {
    fn of(group: ObservedGroup, confirmation_tag: Bytes, is_reinitialized: bool) -> Self {
        let members = group.exported_tree().nodes().iter().filter(|node| matches!(node, Some(Node::Leaf(_)))).count();
        let weight = weight::weight(&group);
        Self { group, confirmation_tag, is_reinitialized, members, weight }
    }

    /// The group.
    pub fn group_id(&self) -> &[u8] {
        &self.group.group_context().group_id
    }

    /// The epoch.
    pub fn epoch(&self) -> EpochNumber {
        EpochNumber(self.group.group_context().epoch)
    }

    /// The suite of the group.
    pub fn cipher_suite(&self) -> CipherSuite {
        CipherSuite(self.group.group_context().cipher_suite.into())
    }

    /// The `tree_hash` of the GroupContext.
    pub fn tree_hash(&self) -> &[u8] {
        self.group.tree_hash()
    }

    /// The encoded `GroupContext` (RFC 9420 §8.1).
    pub fn encode_context(&self) -> Vec<u8> {
        self.group.group_context().mls_encode_to_vec().expect("a vector takes what fits in memory")
    }

    /// What the last commit, or the GroupInfo of the first epoch, gave as `confirmation_tag`. Nobody here has checked it.
    pub fn confirmation_tag(&self) -> &[u8] {
        &self.confirmation_tag
    }

    /// The data of that extension of the GroupContext.
    pub fn extension(&self, kind: u16) -> Option<&[u8]> {
        let extensions = self.group.group_context().extensions();
        extensions.iter().find(|found| found.extension_type.raw_value() == kind).map(|found| &found.extension_data[..])
    }

    /// Whom the group itself has banned: the identities in the extension 0xF0D5 of its GroupContext. One that cannot be
    /// read bans nobody, and so does one with more than [`BANNED_MAX`].
    pub fn banned(&self) -> HashSet<&[u8]> {
        self.extension(BANNED).and_then(read_banned).unwrap_or_default()
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        self.members
    }

    /// The members, from left to right.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf> {
        Leaves { tree: self.group.exported_tree(), at: 0 }
    }

    /// The member at that leaf.
    pub fn leaf(&self, index: u32) -> Option<Leaf> {
        let tree = self.group.exported_tree();
        let leaf = tree.get_leaf(index.try_into().ok()?).ok()??;
        Some(Leaf::of(index, leaf))
    }

    /// The tree, as in a `ratchet_tree` extension (RFC 9420 §12.4.3.3).
    pub fn export_tree(&self) -> Bytes {
        self.group.export_tree().expect("a vector takes what fits in memory").into()
    }

    /// Whether the group was re-initialized: no commit follows.
    pub fn is_reinitialized(&self) -> bool {
        self.is_reinitialized
    }

    /// About how many bytes of memory it takes.
    pub fn weight(&self) -> usize {
        self.weight
    }
}

impl fmt::Debug for PublicState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PublicState").field("members", &self.members).finish_non_exhaustive()
    }
}

/// Whoever is banned twice counts twice for the bound, which is looked at before there is a place for anybody.
fn read_banned(mut data: &[u8]) -> Option<HashSet<&[u8]>> {
    let list = vector(&mut data).ok().filter(|_| data.is_empty())?;
    let (mut reader, mut length) = (list, 0_usize);
    while !reader.is_empty() {
        vector(&mut reader).ok()?;
        length += 1;
        if length > BANNED_MAX {
            return None;
        }
    }
    let (mut reader, mut banned) = (list, HashSet::with_capacity(length));
    while !reader.is_empty() {
        banned.insert(vector(&mut reader).ok()?);
    }
    Some(banned)
}
