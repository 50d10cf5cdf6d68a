//! Trees: their hashes, and what is too large to be looked into.

use mls_rs::mls_rs_codec::{MlsDecode, byte_vec};

use super::cast::{found_with, gather, info, key_package, named, observe, take, tree};
use crate::mls::{
    MAX_NODES, PublicState, TreeFit, Unobservable, WireGroupInfo, WireMessage, WireRatchetTree, ratchet_tree_matches,
    tests::clients::{SUITES, banned},
};

fn parse(nodes: &[u8]) -> WireRatchetTree {
    let mut bytes = Vec::new();
    byte_vec::mls_encode(&nodes.to_vec(), &mut bytes).unwrap();
    WireRatchetTree::mls_decode_exhaustive(&bytes).unwrap()
}

fn nodes(tree: &WireRatchetTree) -> Vec<u8> {
    byte_vec::mls_decode(&mut &tree.bytes()[..]).unwrap()
}

#[test]
fn a_tree_has_the_hash_that_members_say() {
    for suite in SUITES {
        let mut members = gather(suite, &["founder"]);
        let mut before = info(&members[0], false);
        // All shapes up to a tree of eight leaves, with and without parents, with holes.
        for round in 0..14_u32 {
            let mut builder = members[0].commit_builder();
            builder = match round {
                0..7 => builder.add_member(key_package(&named(suite, &format!("guest {round}")))).unwrap(),
                _ => builder.remove_member(1 + (round * 3) % 7).unwrap(),
            };
            builder.build().unwrap();
            members[0].apply_pending_commit().unwrap();
            let (tree, info) = (tree(&members[0]), info(&members[0], false));
            assert_eq!(ratchet_tree_matches(&tree, &info), TreeFit::Fits, "round {round}, suite {suite}");
            assert_eq!(ratchet_tree_matches(&tree, &before), TreeFit::Differs);
            before = info;
        }
        assert_eq!(members[0].roster().members_iter().count(), 1);
    }
}

#[test]
fn no_byte_of_a_tree_can_be_changed() {
    let mut members = gather(1, &["alice", "bob", "carol"]);
    let output = members[2].commit(Vec::new()).unwrap();
    take(&mut members, 2, &output);
    let (tree, info) = (tree(&members[0]), info(&members[0], false));
    for at in 0..tree.bytes().len() {
        let mut changed = tree.bytes().to_vec();
        changed[at] ^= 1;
        if let Ok(changed) = WireRatchetTree::mls_decode_exhaustive(&changed) {
            assert_eq!(ratchet_tree_matches(&changed, &info), TreeFit::Differs, "byte {at}");
            assert!(PublicState::observe(&info, Some(&changed)).is_err());
        }
    }
    // Blank nodes at the end make no difference to the hash, and a tree does not end with one.
    let longer = parse(&[&nodes(&tree)[..], &[0, 0]].concat());
    assert_eq!(ratchet_tree_matches(&longer, &info), TreeFit::Differs);
    assert_eq!(ratchet_tree_matches(&parse(&[]), &info), TreeFit::Differs);
    // A suite that is none has no hash.
    let mut unknown = info.bytes().to_vec();
    unknown[6..8].copy_from_slice(&99_u16.to_be_bytes());
    let unknown = WireGroupInfo::mls_decode_exhaustive(&unknown).unwrap();
    assert_eq!(ratchet_tree_matches(&tree, &unknown), TreeFit::Unknown);
}

#[test]
fn a_million_blank_nodes_are_not_built() {
    let founder = found_with(1, "founder", banned("nobody"));
    let (info, leaf) = (info(&founder, false), nodes(&tree(&founder)));
    for blanks in [1_000_001, MAX_NODES] {
        let padded = parse(&[&leaf[..], &vec![0; blanks], &leaf[..]].concat());
        assert_eq!(PublicState::observe(&info, Some(&padded)).unwrap_err(), Unobservable::TooLarge);
        assert_eq!(ratchet_tree_matches(&padded, &info), TreeFit::Unknown);
        let blank = parse(&vec![0; blanks]);
        assert!(PublicState::observe(&info, Some(&blank)).is_err());
    }
    // One that is not too long, but next to empty.
    let sparse = parse(&[&leaf[..], &vec![0; MAX_NODES - 2], &leaf[..]].concat());
    assert_eq!(PublicState::observe(&info, Some(&sparse)).unwrap_err(), Unobservable::TooLarge);
    assert_eq!(ratchet_tree_matches(&sparse, &info), TreeFit::Differs);
    let within = parse(&[&leaf[..], &vec![0; 999], &leaf[..]].concat());
    assert_eq!(PublicState::observe(&info, Some(&within)).unwrap_err(), Unobservable::Invalid, "a leaf stands twice");
}

/// Lists of which each entry is a few bytes, and whose check takes the square of their length.
#[test]
fn long_lists_are_not_built() {
    let mut founder = found_with(1, "founder", banned("nobody"));
    let state = observe(&founder);
    let output = founder.commit_builder().set_group_context_ext(banned("bob")).unwrap().build().unwrap();
    let commit = output.commit_message().to_bytes().unwrap();
    // version, wire format; group id; epoch; sender; authenticated_data; content type
    let at = 4 + 8 + 8 + 5 + 1 + 1;
    let mut behind = &commit[at..];
    byte_vec::mls_decode::<Vec<u8>>(&mut behind).unwrap();
    let with_proposals = |proposals: &[u8]| {
        let mut changed = commit[..at].to_vec();
        byte_vec::mls_encode(&proposals.to_vec(), &mut changed).unwrap();
        changed.extend(behind);
        state.follow(&[], &WireMessage::parse(&changed).unwrap()).unwrap_err()
    };
    let removes = [1, 0, 3, 0, 0, 0, 1].repeat(100_000);
    assert_eq!(with_proposals(&removes), Unobservable::TooLarge);
    let references = [2, 1, 7].repeat(100_000);
    assert_eq!(with_proposals(&references), Unobservable::TooLarge);
    let extensions: Vec<u8> = (0..=u16::MAX).flat_map(|kind| [kind.to_be_bytes().to_vec(), vec![0]].concat()).collect();
    let mut changes = vec![1, 0, 7];
    byte_vec::mls_encode(&extensions, &mut changes).unwrap();
    assert_eq!(with_proposals(&changes.repeat(20)), Unobservable::TooLarge);
    assert_eq!(with_proposals(&[1, 0xf1, 0x01, 5, 0]), Unobservable::UnknownForm);
    assert_eq!(with_proposals(&[1, 0, 3, 0, 0]), Unobservable::Encoding);
}

#[test]
fn a_state_weighs_more_with_more_members() {
    let small = observe(&gather(1, &["alice", "bob"])[0]).weight();
    let names: Vec<String> = (0..64).map(|at| format!("member {at}")).collect();
    let large = observe(&gather(1, &names.iter().map(String::as_str).collect::<Vec<_>>())[0]).weight();
    assert!(large > 10 * small && small > 1_000, "{small} and {large}");
}
