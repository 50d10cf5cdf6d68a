//! The hash of a ratchet tree (RFC 9420 §7.8), from the bytes of the tree as they travel.
//!
//! Nothing is built and no signature is looked at: this says whether a tree is the one that a GroupContext names, and
//! nothing about the tree's worth. What it needs of memory is bounded by [`MAX_NODES`], whatever the bytes say.

use mls_rs_codec::{MlsDecode, byte_vec};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{
    CipherSuite, Fault, Walk, WireGroupInfo, WireRatchetTree,
    grammar::{extent, leaf_node, presence, vector},
};

/// A tree with more nodes is not looked into: 65 536 leaves. Blank nodes are one byte each on the wire and hundreds in
/// memory.
pub const MAX_NODES: usize = (1 << 17) - 1;

/// What a tree is to a GroupInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TreeFit {
    /// It has the `tree_hash` of the GroupContext.
    Fits,
    /// It has another one, or is no tree.
    Differs,
    /// Nobody here can tell: the suite's hash is not known, or the tree has more than [`MAX_NODES`].
    Unknown,
}

/// Compares a tree with the `tree_hash` in the GroupContext. Signatures are not looked at, and neither is a tree that the
/// GroupInfo itself holds. Takes some 5 ms for ten thousand members.
pub fn ratchet_tree_matches(tree: &WireRatchetTree, group_info: &WireGroupInfo) -> TreeFit {
    match tree_hashes(tree, group_info.cipher_suite()) {
        Ok(hashes) if hashes.root() == group_info.tree_hash() => TreeFit::Fits,
        Ok(_) | Err(NoTreeHash::Form) => TreeFit::Differs,
        Err(NoTreeHash::TooLarge | NoTreeHash::Suite) => TreeFit::Unknown,
    }
}

/// Why a tree has no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoTreeHash {
    /// The bytes are no tree: a node of the other kind, an even number of nodes, a blank last node, none at all.
    Form,
    /// It has more than [`MAX_NODES`].
    TooLarge,
    /// No suite of RFC 9420.
    Suite,
}

/// The hash of every node of a tree that is filled up with blank nodes to the next power of two.
pub(super) struct TreeHashes {
    flat: Vec<u8>,
    length: usize,
}

impl TreeHashes {
    /// That of the whole tree.
    pub(super) fn root(&self) -> &[u8] {
        // n nodes of a full tree: the root stands in the middle.
        let root = self.flat.len() / self.length / 2;
        self.of(root)
    }

    /// That of each node, in the order of the array.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only a state that is loaded needs them"))]
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.flat.chunks_exact(self.length)
    }

    fn of(&self, node: usize) -> &[u8] {
        &self.flat[node * self.length..(node + 1) * self.length]
    }
}

/// Hashes a tree.
pub(super) fn tree_hashes(tree: &WireRatchetTree, suite: CipherSuite) -> Result<TreeHashes, NoTreeHash> {
    let nodes = nodes(tree)?;
    match suite {
        CipherSuite(1..=3) => hash_nodes::<Sha256>(&nodes),
        CipherSuite(4..=6) => hash_nodes::<Sha512>(&nodes),
        CipherSuite(7) => hash_nodes::<Sha384>(&nodes),
        CipherSuite(_) => return Err(NoTreeHash::Suite),
    }
    .map_err(|_| NoTreeHash::Form)
}

/// The encoded content of each node, without presence and type; a blank node has none. Leaves are at even places, parents
/// at odd ones, and the last node is a leaf.
pub(super) fn nodes(tree: &WireRatchetTree) -> Result<Vec<Option<&[u8]>>, NoTreeHash> {
    let mut reader = &tree.bytes()[..];
    let mut reader = vector(&mut reader).map_err(|_| NoTreeHash::Form)?;
    // Each node takes a byte or more.
    let mut nodes = Vec::with_capacity(reader.len().min(1 << 10));
    while !reader.is_empty() {
        if nodes.len() == MAX_NODES {
            return Err(NoTreeHash::TooLarge);
        }
        nodes.push(node(&mut reader, nodes.len() % 2 == 0).map_err(|_| NoTreeHash::Form)?);
    }
    let ends_with_leaf = nodes.len() % 2 == 1 && nodes.last().is_some_and(Option::is_some);
    if ends_with_leaf { Ok(nodes) } else { Err(NoTreeHash::Form) }
}

/// `optional<Node>`
fn node<'a>(reader: &mut &'a [u8], is_leaf: bool) -> Walk<Option<&'a [u8]>> {
    const LEAF: u8 = 1;
    const PARENT: u8 = 2;
    if !presence(reader)? {
        return Ok(None);
    }
    match (u8::mls_decode(reader)?, is_leaf) {
        (LEAF, true) => Ok(Some(extent(reader, leaf_node)?.0)),
        (PARENT, false) => Ok(Some(extent(reader, parent_node)?.0)),
        _ => Err(Fault::EnumValue.into()),
    }
}

/// `ParentNode` (RFC 9420 §7.1).
fn parent_node(reader: &mut &[u8]) -> Walk<()> {
    vector(reader)?; // encryption_key
    vector(reader)?; // parent_hash
    vector(reader)?; // unmerged_leaves
    Ok(())
}

fn hash_nodes<D: Digest>(nodes: &[Option<&[u8]>]) -> Walk<TreeHashes> {
    let leaves = nodes.len().div_ceil(2).next_power_of_two();
    let (count, length) = (2 * leaves - 1, <D as Digest>::output_size());
    let mut hashes = TreeHashes { flat: vec![0; count * length], length };
    let mut input = Vec::new();
    // All leaves, then all parents of leaves, and so on: level k has its nodes at 2^k - 1, every 2^(k+1).
    let mut step = 1;
    while step <= leaves {
        for at in (step - 1..count).step_by(2 * step) {
            let content = nodes.get(at).copied().flatten();
            input.clear();
            if step == 1 {
                let leaf_index = u32::try_from(at / 2).map_err(|_| mls_rs_codec::Error::InvalidContent)?;
                input.push(1); // node_type: leaf
                input.extend(leaf_index.to_be_bytes());
                put_optional(content, &mut input);
            } else {
                input.push(2); // node_type: parent
                put_optional(content, &mut input);
                byte_vec::mls_encode(&hashes.of(at - step / 2), &mut input)?;
                byte_vec::mls_encode(&hashes.of(at + step / 2), &mut input)?;
            }
            hashes.flat[at * length..(at + 1) * length].copy_from_slice(&D::digest(&input));
        }
        step *= 2;
    }
    Ok(hashes)
}

fn put_optional(content: Option<&[u8]>, input: &mut Vec<u8>) {
    input.push(u8::from(content.is_some()));
    input.extend_from_slice(content.unwrap_or_default());
}
