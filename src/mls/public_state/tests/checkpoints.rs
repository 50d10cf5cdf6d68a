//! States on disk: no longer than what they hold, and none but those that were saved.

use mls_rs::mls_rs_codec::MlsEncode;

use super::cast::{assert_same, found_with, gather, key_package, named, observe, take};
use crate::mls::{
    DamagedCheckpoint, PublicState,
    tests::{
        clients::{SUITES, banned},
        random::Random,
    },
};

#[test]
fn a_checkpoint_is_hardly_longer_than_the_tree() {
    for suite in SUITES {
        let names: Vec<String> = (0..40).map(|at| format!("member {at}")).collect();
        let mut members = gather(suite, &names.iter().map(String::as_str).collect::<Vec<_>>());
        let mut state = observe(&members[0]);
        let output = members[7].commit(Vec::new()).unwrap();
        let commit = take(&mut members, 7, &output);
        state = state.follow(&[], &commit).unwrap().next;
        assert_same(&state, &members[0]);
        let context = members[0].context().mls_encode_to_vec().unwrap().len();
        let (saved, tree) = (state.save().len(), state.export_tree().len());
        let tag = state.confirmation_tag().len();
        assert!(saved <= tree + context + tag + 4, "{saved} bytes of {tree}, {context} and {tag}");
    }
}

#[test]
fn no_checkpoint_is_taken_that_was_cut_or_damaged() {
    let mut founder = found_with(1, "founder", banned("mallory"));
    founder.commit_builder().add_member(key_package(&named(1, "guest"))).unwrap().build().unwrap();
    founder.apply_pending_commit().unwrap();
    let state = observe(&founder);
    let saved = state.save();
    for length in 0..saved.len() {
        assert_eq!(PublicState::load(&saved[..length]).err(), Some(DamagedCheckpoint), "{length} bytes");
    }
    let longer = [&saved[..], &[0]].concat();
    assert_eq!(PublicState::load(&longer).err(), Some(DamagedCheckpoint));
    // Whatever else is taken is what was read, and a tree is the one that the context names.
    let mut taken = 0;
    for at in 0..saved.len() * 8 {
        let mut damaged = saved.clone();
        damaged[at / 8] ^= 1 << (at % 8);
        if let Ok(loaded) = PublicState::load(&damaged) {
            taken += 1;
            assert_eq!(loaded.save(), damaged, "bit {at}");
            assert_eq!((loaded.tree_hash(), loaded.export_tree()), (state.tree_hash(), state.export_tree()));
        }
    }
    assert!(taken > 0, "bits of the group's id, of the epoch and the tag are nothing that one could check");
    let mut random = Random::new(0x0c4e_c4b0_1237);
    for _ in 0..2_000 {
        let length = random.below(200);
        assert!(PublicState::load(&random.bytes(length)).is_err());
    }
}

/// mls-rs's own snapshot, of which a checkpoint makes one to load: a release that changes it shows here.
#[test]
fn what_is_loaded_is_what_was_saved_in_every_suite() {
    for suite in SUITES {
        let mut members = gather(suite, &["alice", "bob", "carol", "dave", "erin"]);
        let mut state = observe(&members[0]);
        for round in 0..6 {
            let output = members[round % 5].commit(Vec::new()).unwrap();
            let commit = take(&mut members, round % 5, &output);
            state = PublicState::load(&state.save()).unwrap().follow(&[], &commit).unwrap().next;
            assert_same(&state, &members[0]);
        }
    }
}
