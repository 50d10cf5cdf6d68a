//! Commits that are none, and commits that only members can tell from good ones.

use mls_rs::{ExtensionList, crypto::SignatureSecretKey, mls_rs_codec::MlsEncode};

use super::cast::{
    Member, client_and_key, follow, gather, hear, info, key_package, named, observe, sign_again, take, wire,
};
use crate::mls::{
    GroupInfoMismatch, PublicState, Unobservable, WireMessage,
    tests::{
        clients::{self, Structure, transcript},
        random::Random,
    },
};

/// Alice's group with bob in it, her key, the state and its context.
fn scene() -> (Member, SignatureSecretKey, PublicState, Vec<u8>) {
    let (alice, key) = client_and_key(1, clients::basic("alice"));
    let none = ExtensionList::default;
    let mut alice = alice.create_group_with_id(b"a group".to_vec(), none(), none(), None).unwrap();
    alice.commit_builder().add_member(key_package(&named(1, "bob"))).unwrap().build().unwrap();
    alice.apply_pending_commit().unwrap();
    let (state, context) = (observe(&alice), alice.context().mls_encode_to_vec().unwrap());
    (alice, key, state, context)
}

/// Who is no member cannot check the confirmation tag. The GroupInfo of the true epoch tells.
#[test]
fn a_garbage_confirmation_tag_is_followed_and_found_out() {
    let mut members = gather(1, &["alice", "bob"]);
    let state = observe(&members[0]);
    let output = members[0].commit(Vec::new()).unwrap();
    let mut garbage = output.commit_message().to_bytes().unwrap();
    let tag = garbage.len() - 65; // confirmation_tag<V> membership_tag<V>
    garbage[tag] ^= 1;
    let step = follow(&state, &[], &WireMessage::parse(&garbage).unwrap());
    take(&mut members, 0, &output);
    assert_eq!(step.next.export_tree(), members[0].export_tree().to_bytes().unwrap());
    assert_eq!(step.next.check(&info(&members[0], true)), Err(GroupInfoMismatch::ConfirmationTag));
    // The transcript of the next epoch has the tag in it, and commits sign what came before them.
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&step.next, &[], &commit);
    assert_eq!(step.next.check(&info(&members[0], true)), Err(GroupInfoMismatch::Context));
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = take(&mut members, 0, &output);
    assert_eq!(step.next.follow(&[], &commit).unwrap_err(), Unobservable::Signature);
}

#[test]
fn a_garbage_membership_tag_is_followed() {
    let mut members = gather(1, &["alice", "bob"]);
    let state = observe(&members[0]);
    let output = members[0].commit(Vec::new()).unwrap();
    let mut garbage = output.commit_message().to_bytes().unwrap();
    *garbage.last_mut().unwrap() ^= 1;
    let step = follow(&state, &[], &WireMessage::parse(&garbage).unwrap());
    take(&mut members, 0, &output);
    assert_eq!(step.next.check(&info(&members[0], true)), Ok(()), "it is not part of the transcript");
}

/// What is encrypted in the path only its receivers can tell from garbage; its public keys are hashed into the leaf.
#[test]
fn a_garbage_path_is_followed_where_only_members_see_it() {
    let (mut alice, key, state, context) = scene();
    let output = alice.commit(Vec::new()).unwrap();
    let commit = output.commit_message().to_bytes().unwrap();
    let state_after = |changed: &[u8]| state.follow(&[], &sign_again(1, changed, &context, &key));
    // signature<V> and the two tags stand behind the path, whose last part is a ciphertext.
    let ciphertext_end = commit.len() - 2 * 33 - (1 + 1 + 64);
    let mut garbage = commit.clone();
    garbage[ciphertext_end - 1] ^= 1;
    let step = state_after(&garbage).unwrap();
    alice.apply_pending_commit().unwrap();
    assert_eq!(step.next.check(&info(&alice, true)), Err(GroupInfoMismatch::Context), "another transcript");
    let mut refused = 0;
    for at in 4 + 8 + 8 + 5 + 2..ciphertext_end {
        let mut garbage = commit.clone();
        garbage[at] ^= 1;
        if WireMessage::parse(&garbage).is_ok() && state_after(&garbage).is_err() {
            refused += 1;
        }
    }
    assert!(refused > 200, "{refused}: the leaf, its signature, the keys that its parent hash binds");
}

#[test]
fn what_is_no_commit_for_a_state_is_not_followed() {
    let mut members = gather(1, &["alice", "bob"]);
    let root = observe(&members[0]);
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = take(&mut members, 0, &output);
    let state = root.follow(&[], &commit).unwrap().next;
    let refused = |message: &WireMessage| state.follow(&[], message).unwrap_err();
    assert_eq!(refused(&commit), Unobservable::Elsewhere, "a commit that was taken");
    let proposal = wire(&members[0].propose_remove(1, Vec::new()).unwrap());
    assert_eq!(refused(&proposal), Unobservable::Elsewhere, "a proposal");
    let elsewhere = gather(1, &["alice", "bob"]);
    let mut other = elsewhere[0].clone();
    let foreign = wire(other.commit(Vec::new()).unwrap().commit_message());
    assert_eq!(root.follow(&[], &foreign).unwrap_err(), Unobservable::Signature, "the same id, epoch and names");
    for encrypted in [true, false] {
        let told = transcript(1, encrypted, b"a group");
        let commits = told.samples.iter().filter(|sample| sample.structure == Structure::Message);
        for sample in commits.filter(|sample| sample.name.starts_with("commit")) {
            let found = root.follow(&[], &WireMessage::parse(&sample.bytes).unwrap()).unwrap_err();
            let expected = if sample.name == "commit_add" { Unobservable::Elsewhere } else { Unobservable::Signature };
            let expected = if encrypted && sample.name != "commit_add" { Unobservable::Encrypted } else { expected };
            assert_eq!(found, expected, "{}", sample.name);
        }
    }
}

#[test]
fn no_bit_of_what_is_signed_can_be_changed() {
    let (mut alice, _, state, _) = scene();
    let output = alice.commit_builder().add_member(key_package(&named(1, "carol"))).unwrap().build().unwrap();
    let commit = output.commit_message().to_bytes().unwrap();
    assert!(state.follow(&[], &WireMessage::parse(&commit).unwrap()).is_ok());
    for at in 0..commit.len() - 2 * 33 {
        let mut changed = commit.clone();
        changed[at] ^= 1;
        if let Ok(changed) = WireMessage::parse(&changed) {
            assert!(state.follow(&[], &changed).is_err(), "byte {at}");
        }
    }
}

/// Members sign nonsense too: whatever stands in a commit, an answer comes, and the state stays.
#[test]
fn signed_nonsense_does_no_harm() {
    let (mut alice, key, state, context) = scene();
    let kinds = [
        alice.commit_builder().add_member(key_package(&named(1, "carol"))).unwrap().build().unwrap(),
        {
            alice.clear_pending_commit();
            alice.commit_builder().remove_member(1).unwrap().build().unwrap()
        },
        {
            alice.clear_pending_commit();
            alice.commit_builder().set_group_context_ext(clients::banned("bob")).unwrap().build().unwrap()
        },
    ];
    let (before, mut random, mut followed) = (state.save(), Random::new(0x0bad_c033_17ed), 0);
    for round in 0..3_000_usize {
        let mut changed = kinds[round % kinds.len()].commit_message().to_bytes().unwrap();
        for _ in 0..=random.below(2) {
            let at = random.below(changed.len());
            match random.below(3) {
                0 => changed[at] = random.byte(),
                1 => drop(changed.remove(at)),
                _ => changed.insert(at, random.byte()),
            }
        }
        if WireMessage::parse(&changed).is_ok() {
            let signed = sign_again(1, &changed, &context, &key);
            followed += usize::from(state.follow(&[], &signed).is_ok());
        }
    }
    assert!(followed > 10, "{followed}: some changes are in what only members can judge");
    assert_eq!(state.save(), before);
}

#[test]
fn proposals_of_others_are_left_alone() {
    let mut members = gather(1, &["alice", "bob", "carol"]);
    let state = observe(&members[0]);
    let removes = members[1].propose_remove(2, Vec::new()).unwrap();
    hear(&mut members[..2], Some(1), &removes);
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = wire(output.commit_message());
    // Damaged in its signature, it has another reference; encrypted ones and other kinds of messages are passed over.
    let mut damaged = removes.to_bytes().unwrap();
    let at = damaged.len() - 33 - 10;
    damaged[at] ^= 1;
    let damaged = WireMessage::parse(&damaged).unwrap();
    assert_eq!(state.follow(std::slice::from_ref(&damaged), &commit).unwrap_err(), Unobservable::UnknownProposal);
    let told = transcript(1, true, b"a group");
    let mut others: Vec<WireMessage> =
        told.samples.iter().filter_map(|sample| WireMessage::parse(&sample.bytes).ok()).collect();
    others.extend([damaged, commit.clone(), wire(&removes)]);
    assert_eq!(state.follow(&others, &commit).unwrap().removed, [2]);
}
