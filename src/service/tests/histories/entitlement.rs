//! Which hints a reader may be given (specs/protocol.md H1 to H10), worked out from what was acknowledged.

use super::{
    cast::{HUB, Name, PEOPLE},
    forest::{Forest, Key, Node, Provider},
};
use crate::{
    client::tests::cast::Handshakes,
    sequencer::{Hints, Policy, UnixMillis},
};

/// Who asks, as the hub knows them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader {
    pub(super) provider: Provider,
    /// Of a user of the hub, who.
    pub(super) user: Option<Name>,
}

/// What the operator has decided about hints, and what the hub can see of the group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    handshakes: Handshakes,
    forward: bool,
    window_ms: UnixMillis,
    epochs: usize,
    bytes: u64,
}

impl Rules {
    pub(super) fn new(policy: &Policy, handshakes: Handshakes) -> Self {
        let (window_ms, epochs, bytes) = (policy.hint_window_ms, policy.hint_epochs, policy.hint_bytes);
        Self { handshakes, forward: policy.hints == Hints::Forward, window_ms, epochs, bytes }
    }

    /// H4 and H5, or H9, or H10.
    fn entitles(&self, forest: &Forest, key: Key, reader: Reader, now: UnixMillis) -> bool {
        let node = &forest.nodes[&key];
        let is_recent = |at: UnixMillis| at + self.window_ms >= now;
        let has_presented = node.uses.get(reader.provider).is_some_and(|(_, last)| is_recent(*last))
            && reader.user.is_none_or(|user| node.users.get(user).is_some_and(|last| is_recent(*last)));
        match self.handshakes {
            // Who joins from outside does so in public, and as long as nothing else has happened the hub can follow.
            Handshakes::Encrypted => {
                has_presented || self.forward || (is_all_joins(forest, key) && has_leaf(node, reader))
            }
            Handshakes::Public => has_presented || has_leaf(node, reader),
        }
    }

    /// The partitions that may be hinted to somebody who has read `requested` to its end, nearest first (H7, H8).
    pub(super) fn chain(&self, forest: &Forest, requested: Key, reader: Reader, now: UnixMillis) -> Vec<Key> {
        let mut chain = Vec::new();
        let (mut at, mut bytes) = (requested, 0);
        while chain.len() < self.epochs && forest.nodes.contains_key(&at) {
            let Some(next) = forest.dominant(at) else { break };
            let node = &forest.nodes[&next];
            bytes += node.said.iter().map(|said| said.bytes.len() as u64).sum::<u64>();
            let is_whole = node.first == 0 && !node.said.is_empty();
            if !is_whole || bytes > self.bytes || !self.entitles(forest, next, reader, now) {
                break;
            }
            chain.push(next);
            at = next;
        }
        chain
    }
}

/// Whether every commit that leads from the root to the partition is one of somebody who joins from outside.
fn is_all_joins(forest: &Forest, key: Key) -> bool {
    let mut steps = forest.ancestors(key).into_iter().zip(std::iter::once(key).chain(forest.ancestors(key)));
    let is_join = |(above, below): (Key, Key)| {
        let announced = forest.nodes[&below].parent.map(|(_, index)| index as usize);
        announced.is_some_and(|index| forest.nodes[&above].said[index].is_external)
    };
    forest.is_connected(key) && steps.all(is_join)
}

/// H9: a member of that epoch is the provider's, or is that user.
fn has_leaf(node: &Node, reader: Reader) -> bool {
    node.roster.iter().any(|member| {
        let home = PEOPLE.iter().find(|(name, ..)| name == member).map(|(_, home, _)| *home);
        home == Some(reader.provider) && reader.user.is_none_or(|user| reader.provider == HUB && user == *member)
    })
}
