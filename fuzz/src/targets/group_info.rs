//! A GroupInfo: what is read of it without its tree, the tree in it, and the public state that both show.

use super::super::structures::is_canonical;
use restante::{
    mls::{PublicState, TreeFit, WireGroupInfo, ratchet_tree_matches},
    wire,
};

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    is_canonical::<WireGroupInfo>(input);
    let Ok(info) = wire::decode::<WireGroupInfo>(input) else { return };
    let signed = info.to_be_signed();
    assert!(signed.starts_with(info.group_context()));
    assert!(signed.ends_with(&info.signer().to_be_bytes()));
    assert!(input.ends_with(info.signature()));
    let tree = info.ratchet_tree();
    let fit = tree.as_ref().map(|tree| ratchet_tree_matches(tree, &info));
    if let Ok(state) = PublicState::observe(&info, None) {
        assert_eq!(fit, Some(TreeFit::Fits), "mls-rs takes a tree that has another hash");
        assert_eq!(state.check(&info), Ok(()));
        assert_eq!(state.leaves().count(), state.members());
    }
}
