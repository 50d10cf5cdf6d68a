//! Who is in a group, as far as its tree says.

use std::fmt;

use bytes::Bytes;
use mls_rs::{
    group::{ExportedTree, LeafNode, Node},
    identity::Credential,
};

/// A member.
///
/// # Privacy
/// `Debug` shows the index only.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its place in the tree.
    pub index: u32,
    /// What its credential says: of a basic credential the identity, of any other all that stands behind its type
    /// (RFC 9420 §5.3). Nobody has judged it.
    pub identity: Bytes,
}

impl Leaf {
    pub(super) fn of(index: u32, node: &LeafNode) -> Self {
        Self { index, identity: identity(&node.signing_identity.credential) }
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Leaf").field("index", &self.index).finish_non_exhaustive()
    }
}

/// What a credential says.
pub(super) fn identity(credential: &Credential) -> Bytes {
    match credential {
        Credential::Basic(basic) => Bytes::copy_from_slice(&basic.identifier),
        Credential::Custom(custom) => Bytes::copy_from_slice(&custom.data),
        other => {
            // `opaque cert_data<V>`, one after another.
            use mls_rs_codec::MlsEncode;
            let chain = other.as_x509().and_then(|chain| chain.mls_encode_to_vec().ok()).unwrap_or_default();
            let content = super::super::vector(&mut &chain[..]).unwrap_or_default();
            Bytes::copy_from_slice(content)
        }
    }
}

/// The leaves of a tree, from left to right.
pub(super) struct Leaves<'a> {
    pub(super) tree: ExportedTree<'a>,
    pub(super) at: usize,
}

impl Iterator for Leaves<'_> {
    type Item = Leaf;

    fn next(&mut self) -> Option<Leaf> {
        while let Some(node) = self.tree.nodes().get(self.at) {
            let index = u32::try_from(self.at / 2).ok()?;
            self.at += 2;
            if let Some(Node::Leaf(leaf)) = node {
                return Some(Leaf::of(index, leaf));
            }
        }
        None
    }
}
