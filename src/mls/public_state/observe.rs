//! The first state of a group: from a GroupInfo and the tree.

use bytes::Bytes;
use mls_rs::{MlsMessage, group::ExportedTree};

use super::{
    super::{WireGroupInfo, WireRatchetTree},
    PublicState, Unobservable, bounds,
    observer::observer,
};

impl PublicState {
    /// Begins to follow a group. The tree is that of the GroupInfo's own `ratchet_tree` extension, if it has one, else the
    /// one beside it. The tree's hash, its parent hashes, all signatures of its leaves and that of the GroupInfo are
    /// checked: some 30 µs for each member.
    ///
    /// # Errors
    /// Why nobody who is no member can tell the state, or what is wrong with it.
    pub fn observe(group_info: &WireGroupInfo, tree: Option<&WireRatchetTree>) -> Result<Self, Unobservable> {
        bounds::check_group_info(group_info)?;
        let inner = match (group_info.has_ratchet_tree(), group_info.ratchet_tree()) {
            (true, None) => return Err(Unobservable::Encoding),
            (_, inner) => inner,
        };
        let is_beside = inner.is_none();
        let tree = inner.as_ref().or(tree).ok_or(Unobservable::NoTree)?;
        bounds::check_tree(tree)?;
        let exported = is_beside.then(|| ExportedTree::from_bytes(tree.bytes())).transpose();
        let exported = exported.map_err(|_| Unobservable::Encoding)?;
        let message = MlsMessage::from_bytes(group_info.bytes()).map_err(|_| Unobservable::Encoding)?;
        let group = observer().observe_group(message, exported, None).map_err(|error| Unobservable::of(&error))?;
        Ok(Self::of(group, Bytes::copy_from_slice(group_info.confirmation_tag()), false))
    }
}
