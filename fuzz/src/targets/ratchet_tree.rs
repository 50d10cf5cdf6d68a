//! A tree beside a GroupInfo that is good: its hash as this project computes it, and as mls-rs does.

use std::sync::LazyLock;

use super::super::structures::is_canonical;
use restante::{
    mls::{PublicState, TreeFit, WireGroupInfo, WireRatchetTree, ratchet_tree_matches},
    wire,
};

/// Of two members, without its tree.
static GROUP_INFO: LazyLock<WireGroupInfo> = LazyLock::new(|| {
    let bytes = include_bytes!("../../corpus/group_info/public-group_info_1_without_tree");
    wire::decode(bytes).expect("the corpus holds what a client made")
});

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    is_canonical::<WireRatchetTree>(input);
    let Ok(tree) = wire::decode::<WireRatchetTree>(input) else { return };
    let fit = ratchet_tree_matches(&tree, &GROUP_INFO);
    if let Ok(state) = PublicState::observe(&GROUP_INFO, Some(&tree)) {
        assert_eq!(fit, TreeFit::Fits, "mls-rs takes a tree that has another hash");
        assert_eq!(state.export_tree(), input);
    }
}
