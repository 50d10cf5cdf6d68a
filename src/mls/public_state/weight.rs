//! How much memory a state takes.

use mls_rs::group::Node;

use super::observer::ObservedGroup;

/// What a node takes in the array of the tree, blank or not, with its hash beside it.
const NODE: usize = size_of::<Option<Node>>() + HASH;
/// A hash in an array of hashes: the vector and what the allocator rounds it up to.
const HASH: usize = size_of::<Vec<u8>>() + 48;
/// What the maps hold for a leaf: two keys and its identity, a place, and the room that maps keep free.
const INDEX: usize = 3 * (size_of::<Vec<u8>>() + 48 + 2 * size_of::<u32>()) * 3 / 2;
/// What the allocator adds to each of the some ten vectors of a leaf.
const VECTORS: usize = 160;

/// An estimate, within a quarter of what the allocator counts.
pub(super) fn weight(group: &ObservedGroup) -> usize {
    let tree = group.exported_tree();
    let context = group.group_context();
    let extensions: usize = context.extensions().iter().map(|found| found.extension_data.len() + 64).sum();
    let leaves: usize = tree.nodes().iter().flatten().filter(|node| matches!(node, Node::Leaf(_))).count();
    size_of::<ObservedGroup>() + extensions + tree.nodes().len() * NODE + leaves * (INDEX + VECTORS) + tree.byte_size()
}
