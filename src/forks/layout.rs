//! Where the nodes of a picture stand: the way that a group goes on stays in its column, what leaves it hangs to the right.
//!
//! Of the nodes that hang on one, the dominant one goes on in the same column, or else the one with most behind it, so
//! that a chain is a column however long it is, and a comb of branches needs few columns. What leaves a column is drawn
//! before the column goes on: all columns to the left of a line go on below it.

use std::cmp::Reverse;

use super::picture::{Node, Picture};

/// A node in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// Which node.
    pub(super) node: usize,
    /// How far to the right, from 0.
    pub(super) column: usize,
    /// Whether it leaves the column to its left here.
    pub(super) leaves: bool,
}

/// All nodes, one to a line, from the top down.
pub(super) fn layout(picture: &Picture) -> Vec<Placed> {
    let nodes = &picture.nodes;
    let (hanging, weights) = (hanging(nodes), weights(nodes));
    let roots = (0..nodes.len()).rev().filter(|at| above(nodes, *at).is_none());
    let mut open: Vec<_> = roots.map(|node| Placed { node, column: 0, leaves: false }).collect();
    let mut lines = Vec::with_capacity(nodes.len());
    while let Some(placed) = open.pop() {
        lines.push(placed);
        let mut below = hanging[placed.node].clone();
        below.sort_by_key(|child| (!nodes[*child].is_dominant, Reverse(weights[*child]), *child));
        let mut below = below.into_iter();
        let Some(next) = below.next() else { continue };
        open.push(Placed { node: next, column: placed.column, leaves: false });
        let mut leaving: Vec<_> = below.collect();
        leaving.sort_unstable_by_key(|child| Reverse(*child));
        open.extend(leaving.into_iter().map(|node| Placed { node, column: placed.column + 1, leaves: true }));
    }
    lines
}

/// Which node that one hangs on: always one before it.
pub(super) fn above(nodes: &[Node], at: usize) -> Option<usize> {
    nodes[at].above.filter(|above| *above < at)
}

/// For each node those that hang on it.
fn hanging(nodes: &[Node]) -> Vec<Vec<usize>> {
    let mut hanging = vec![Vec::new(); nodes.len()];
    for at in 0..nodes.len() {
        if let Some(above) = above(nodes, at) {
            hanging[above].push(at);
        }
    }
    hanging
}

/// How many nodes each has behind it, itself included.
fn weights(nodes: &[Node]) -> Vec<usize> {
    let mut weights = vec![1_usize; nodes.len()];
    for at in (0..nodes.len()).rev() {
        if let Some(above) = above(nodes, at) {
            weights[above] = weights[above].saturating_add(weights[at]);
        }
    }
    weights
}
