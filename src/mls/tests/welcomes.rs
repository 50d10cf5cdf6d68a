//! What a Welcome shows of what is encrypted in it.

use mls_rs::mls_rs_codec::MlsDecode;

use super::{
    super::{WireGroupInfo, WireRatchetTree, WireWelcome},
    clients::{SUITES, welcomed},
};

/// The context has external senders and an extension, which are in both, and the group is as small as groups with
/// Welcomes are: there the tree weighs the least.
#[test]
fn the_length_tells_whether_the_tree_is_in_it() {
    for suite in SUITES {
        for members in [1, 2, 30] {
            for with_tree in [false, true] {
                let told = welcomed(suite, members, with_tree);
                let welcome = WireWelcome::mls_decode_exhaustive(&told.welcome).unwrap();
                let group_info = WireGroupInfo::mls_decode_exhaustive(&told.group_info).unwrap();
                let tree = WireRatchetTree::mls_decode_exhaustive(&told.ratchet_tree).unwrap();
                assert_eq!(welcome.has_room_for(&tree, &group_info), with_tree, "suite {suite}, {members} members");
                // Cut down to a part of its members, it says the same.
                assert_eq!(welcome.only(|place| place == 0).has_room_for(&tree, &group_info), with_tree);
            }
        }
    }
}
