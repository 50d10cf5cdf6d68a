//! What public states of groups take in memory: as much as they say, and from hostile bytes, little.
//!
//! One test, because the allocator that counts is shared by all threads of the process.

#![allow(clippy::unwrap_used, reason = "the inputs are made here")]

#[path = "../src/mls/tests/clients.rs"]
mod clients;

use mls_rs::{
    ExtensionList, Group,
    mls_rs_codec::{MlsDecode, byte_vec},
};
use peak_alloc::PeakAlloc;
use restante::mls::{MAX_NODES, PublicState, Unobservable, WireGroupInfo, WireMessage, WireRatchetTree};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const MEGABYTE: usize = 1 << 20;

/// A group of so many, whose founder has committed twice.
fn group(members: usize) -> Group<clients::Config> {
    let none = ExtensionList::default;
    let client = |name: &str| clients::client(1, clients::basic(name), clients::rules(false));
    let mut group = client("founder").create_group_with_id(b"a group".to_vec(), none(), none(), None).unwrap();
    let mut builder = group.commit_builder();
    for guest in 1..members {
        let guest = client(&format!("mimi://provider.example/d/guest-{guest}"));
        builder = builder.add_member(clients::key_package(&guest)).unwrap();
    }
    builder.build().unwrap();
    group.apply_pending_commit().unwrap();
    group
}

fn info(group: &Group<clients::Config>, with_tree: bool) -> WireGroupInfo {
    let message = group.group_info_message_allowing_ext_commit(with_tree).unwrap();
    WireGroupInfo::mls_decode_exhaustive(&message.to_bytes().unwrap()).unwrap()
}

fn tree(nodes: &[u8]) -> WireRatchetTree {
    let mut bytes = Vec::new();
    byte_vec::mls_encode(&nodes.to_vec(), &mut bytes).unwrap();
    WireRatchetTree::mls_decode_exhaustive(&bytes).unwrap()
}

/// What is in use after `make` that was not before, and the most that was in use meanwhile.
fn measure<T>(make: impl FnOnce() -> T) -> (usize, usize, T) {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let made = make();
    (ALLOCATOR.current_usage() - before, ALLOCATOR.peak_usage() - before, made)
}

/// Not much less than what the allocator counts, which does not count what it rounds up, and not much more.
#[track_caller]
fn assert_weighed(name: &str, members: usize, used: usize, weight: usize) {
    let ratio = weight as f64 / used as f64;
    assert!((0.8..1.5).contains(&ratio), "{name}, {members} members: {used} bytes in use, weight {weight}: {ratio:.2}");
}

#[test]
fn states_take_what_they_say_and_hostile_bytes_little() {
    for members in [2, 64, 700] {
        let mut group = group(members);
        let info = info(&group, true);
        let (used, _, state) = measure(|| Box::new(PublicState::observe(&info, None).unwrap()));
        assert_weighed("observed", members, used, state.weight());
        let commit = group.commit(Vec::new()).unwrap();
        group.apply_pending_commit().unwrap();
        let commit = WireMessage::parse(&commit.commit_message().to_bytes().unwrap()).unwrap();
        let (used, peak, next) = measure(|| Box::new(state.follow(&[], &commit).unwrap().next));
        assert_weighed("followed", members, used, next.weight());
        // The copy, those that mls-rs makes while it applies the commit, and the commit.
        assert!(peak < 6 * next.weight() + 20 * commit.bytes().len(), "{peak} bytes for one of {}", next.weight());
        let saved = next.save();
        let (used, peak, loaded) = measure(|| Box::new(PublicState::load(&saved).unwrap()));
        assert_weighed("loaded", members, used, loaded.weight());
        assert!(peak < 3 * loaded.weight(), "{peak} bytes for one of {}", loaded.weight());
    }

    let founder = group(1);
    let (info, exported) = (info(&founder, false), founder.export_tree().to_bytes().unwrap());
    let leaf: Vec<u8> = byte_vec::mls_decode(&mut &exported[..]).unwrap();
    let refused = |name: &str, most: usize, nodes: Vec<u8>, why: Unobservable| {
        let tree = tree(&nodes);
        let (_, peak, refused) = measure(|| PublicState::observe(&info, Some(&tree)).unwrap_err());
        assert_eq!(refused, why, "{name}");
        assert!(peak < most, "{name}: {peak} bytes for {}", nodes.len());
    };
    let million = [&leaf[..], &vec![0; 1_000_001], &leaf[..]].concat();
    refused("a million blank nodes", 4 * MEGABYTE, million, Unobservable::TooLarge);
    let sparse = [&leaf[..], &vec![0; MAX_NODES - 2], &leaf[..]].concat();
    refused("next to no node", 4 * MEGABYTE, sparse, Unobservable::TooLarge);
    // encryption_key, signature_key, credential, five capabilities, source `update`, extensions, signature: all empty
    let short_leaf = [&[1, 1, 0, 0, 0, 1, 0][..], &[0; 5], &[2, 0, 0]].concat();
    let short_parent = [1, 2, 0, 0, 0];
    let mut short: Vec<u8> = [&short_leaf[..], &short_parent].concat().repeat(MAX_NODES / 2);
    short.extend(&short_leaf);
    refused("the shortest nodes there are", 96 * MEGABYTE, short, Unobservable::Invalid);
    // Each parent of two leaves knows one of them as unmerged, and those above do not.
    let odd = |leaf: u32| [&[1, 2, 0, 0, 4][..], &leaf.to_be_bytes()].concat();
    let mut rehashed = short_leaf.clone();
    for leaf in 1..1 << 14_u32 {
        let is_lowest = leaf % 2 == 1;
        rehashed.extend(if is_lowest { odd(leaf - 1) } else { short_parent.to_vec() });
        rehashed.extend(&short_leaf);
    }
    refused("unmerged leaves everywhere", 4 * MEGABYTE, rehashed, Unobservable::TooLarge);
    let mut extensions = Vec::new();
    byte_vec::mls_encode(&[0, 9, 0].repeat(MEGABYTE), &mut extensions).unwrap();
    let full = [&short_leaf[..short_leaf.len() - 2], &extensions, &[0]].concat();
    refused("a leaf full of extensions", MEGABYTE, full, Unobservable::TooLarge);
}
