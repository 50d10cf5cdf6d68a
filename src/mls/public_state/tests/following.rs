//! Each kind of commit that RFC 9420 has, as members make it and as an observer follows it.

use std::collections::HashSet;

use mls_rs::{
    ExtensionList, ProtocolVersion,
    extension::{ExtensionType, built_in::ExternalSendersExt},
    external_client::ExternalClient,
    group::proposal::{CustomProposal, ProposalType},
    mls_rs_codec::{MlsDecode, MlsEncode},
};
use mls_rs_core::extension::Extension;
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::cast::{
    assert_same, client, client_and_key, follow, found_with, gather, hear, info, key_package, named, observe, psk,
    replace, sign_again, take, wire,
};
use crate::mls::{
    CipherSuite, GroupInfoMismatch, PublicState, Unobservable, WireKeyPackage, WireMessage, ref_hash,
    tests::clients::{self, Anyone, CUSTOM_PROPOSAL, SUITES, banned},
};

#[test]
fn adds_updates_and_removes_in_every_suite() {
    for suite in SUITES {
        let mut members = gather(suite, &["alice"]);
        let root = observe(&members[0]);
        assert_same(&root, &members[0]);

        // Adds only: no path.
        let (bob, carol) = (named(suite, "bob"), client(suite, clients::x509()));
        let packages = [key_package(&bob), key_package(&carol)];
        let output = packages
            .iter()
            .fold(members[0].commit_builder(), |builder, package| builder.add_member(package.clone()).unwrap())
            .build()
            .unwrap();
        let commit = take(&mut members, 0, &output);
        for client in [&bob, &carol] {
            members.push(client.join_group(None, &output.welcome_messages()[0], None).unwrap().0);
        }
        let step = follow(&root, &[], &commit);
        assert_same(&step.next, &members[0]);
        assert_eq!((step.committer, step.joined, step.is_assumed), (0, None, false));
        assert_eq!(step.added.iter().map(|added| added.index).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(step.added[0].identity, "bob");
        // cert_data<V>, twice
        assert_eq!(step.added[1].identity[..], b"\x10leaf certificate\x12issuer certificate"[..]);
        for (added, package) in step.added.iter().zip(&packages) {
            let package = WireKeyPackage::mls_decode_exhaustive(&package.to_bytes().unwrap()[4..]).unwrap();
            assert_eq!(
                added.key_package_ref,
                ref_hash(CipherSuite(suite), b"MLS 1.0 KeyPackage Reference", package.bytes()).unwrap()
            );
        }
        assert!(step.removed.is_empty());

        // A path and nothing else.
        let output = members[2].commit(Vec::new()).unwrap();
        let commit = take(&mut members, 2, &output);
        let step = follow(&step.next, &[], &commit);
        assert_same(&step.next, &members[0]);
        assert_eq!((step.committer, step.added.len(), step.removed.len()), (2, 0, 0));

        // Bob goes, and Dave gets his leaf.
        let dave = named(suite, "dave");
        let output = members[2]
            .commit_builder()
            .remove_member(1)
            .unwrap()
            .add_member(key_package(&dave))
            .unwrap()
            .build()
            .unwrap();
        let commit = take(&mut members, 2, &output);
        let step = follow(&step.next, &[], &commit);
        assert_same(&step.next, &members[0]);
        assert_eq!((&step.removed[..], step.added[0].index), (&[1][..], 1));
        assert_eq!(step.next.leaf(1).unwrap().identity, "dave");

        // Everybody at the right goes: the tree gets shorter.
        let output = members[0].commit_builder().remove_member(1).unwrap().remove_member(2).unwrap().build().unwrap();
        members.truncate(1);
        let commit = take(&mut members, 0, &output);
        let step = follow(&step.next, &[], &commit);
        assert_same(&step.next, &members[0]);
        assert_eq!(step.next.members(), 1);
        assert_eq!(step.next.leaf(1), None);
    }
}

#[test]
fn a_group_grows_and_shrinks_like_its_members_say() {
    let mut members = gather(1, &["founder"]);
    let mut state = observe(&members[0]);
    for round in 0..40_usize {
        let committer = round % members.len();
        let guest = named(1, &format!("guest {round}"));
        let leaves = round % 3 == 2;
        let at = (committer + 1) % members.len();
        let index = members[at].current_member_index();
        let mut builder = members[committer].commit_builder();
        if leaves && at != committer {
            builder = builder.remove_member(index).unwrap();
        } else if round % 5 != 4 {
            builder = builder.add_member(key_package(&guest)).unwrap();
        }
        let output = builder.build().unwrap();
        let id = members[committer].current_member_index();
        if leaves && at != committer {
            members.remove(at);
        }
        let committer = members.iter().position(|member| member.current_member_index() == id).unwrap();
        let commit = take(&mut members, committer, &output);
        if let Some(welcome) = output.welcome_messages().first() {
            members.push(guest.join_group(None, welcome, None).unwrap().0);
        }
        state = follow(&state, &[], &commit).next;
        assert_same(&state, &members[0]);
    }
    assert!(members.len() > 8, "{}", members.len());
}

#[test]
fn proposals_by_reference_are_found_among_others() {
    let mut members = gather(1, &["alice", "bob", "carol"]);
    let state = observe(&members[0]);
    let erin = named(1, "erin");
    // Two that nobody commits, before and between.
    let ignored = [
        wire(&members[0].propose_remove(1, Vec::new()).unwrap()),
        wire(&members[0].propose_external_psk(psk(), Vec::new()).unwrap()),
    ];
    members[0].clear_proposal_cache();
    let add = members[1].propose_add(key_package(&erin), b"in clear".to_vec()).unwrap();
    hear(&mut members, Some(1), &add);
    let update = members[1].propose_update(Vec::new()).unwrap();
    hear(&mut members, Some(1), &update);
    let out = members[0].propose_remove(2, Vec::new()).unwrap();
    hear(&mut members, Some(0), &out);
    members.truncate(2);
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = take(&mut members, 0, &output);
    let proposals = [ignored[0].clone(), wire(&add), wire(&update), ignored[1].clone(), wire(&out)];
    let step = follow(&state, &proposals, &commit);
    assert_same(&step.next, &members[0]);
    assert_eq!((step.removed, step.added[0].identity.clone()), (vec![2], "erin".into()));
    // One is missing.
    for missing in [1, 2, 4] {
        let mut some = proposals.to_vec();
        some.remove(missing);
        assert_eq!(state.follow(&some, &commit).unwrap_err(), Unobservable::UnknownProposal);
    }
    assert!(!step.next.save().windows(8).any(|bytes| bytes == b"in clear"), "nothing of the epoch's proposals is kept");
}

#[test]
fn external_commits_join_and_come_back() {
    for suite in SUITES {
        let mut members = gather(suite, &["alice", "bob"]);
        let state = observe(&members[0]);
        let dave = named(suite, "dave");
        let offered = members[0].group_info_message_allowing_ext_commit(true).unwrap();
        let (dave_group, joins) =
            dave.external_commit_builder().unwrap().with_external_psk(psk()).build(offered).unwrap();
        hear(&mut members, None, &joins);
        let step = follow(&state, &[], &wire(&joins));
        assert_same(&step.next, &dave_group);
        assert_eq!((step.joined, step.committer), (Some(2), 2));
        assert_eq!(step.next.leaf(2).unwrap().identity, "dave");
        // Bob has lost his state.
        let offered = members[0].group_info_message_allowing_ext_commit(true).unwrap();
        let bob = named(suite, "bob");
        let (bob_group, returns) = bob.external_commit_builder().unwrap().with_removal(1).build(offered).unwrap();
        let step = follow(&step.next, &[], &wire(&returns));
        assert_same(&step.next, &bob_group);
        assert_eq!((step.joined, step.removed), (Some(1), vec![1]));
    }
}

#[test]
fn who_removes_itself_is_gone() {
    let mut members = gather(1, &["alice", "bob", "carol"]);
    let state = observe(&members[0]);
    let leaves = members[1].propose_self_remove(Vec::new()).unwrap();
    hear(&mut members, Some(1), &leaves);
    members.remove(1);
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&state, &[wire(&leaves)], &commit);
    assert_same(&step.next, &members[0]);
    assert_eq!(step.removed, [1]);
}

/// mls-rs sends SelfRemove under a number for private use; this is what a client sends that uses the registered one.
#[test]
fn who_removes_itself_by_the_registered_number_is_gone() {
    for suite in SUITES {
        let (alice, alice_key) = client_and_key(suite, clients::basic("alice"));
        let (bob, bob_key) = client_and_key(suite, clients::basic("bob"));
        let none = ExtensionList::default;
        let mut alice = alice.create_group_with_id(b"a group".to_vec(), none(), none(), None).unwrap();
        let output = alice.commit_builder().add_member(key_package(&bob)).unwrap().build().unwrap();
        alice.apply_pending_commit().unwrap();
        let (mut bob, _) = bob.join_group(None, &output.welcome_messages()[0], None).unwrap();
        let (state, context) = (observe(&alice), alice.context().mls_encode_to_vec().unwrap());

        let private = bob.propose_self_remove(b"by".to_vec()).unwrap();
        alice.process_incoming_message(private.clone()).unwrap();
        let commit = alice.commit(Vec::new()).unwrap();
        alice.apply_pending_commit().unwrap();
        // content_type and proposal_type
        let registered = replace(&private.to_bytes().unwrap(), b"by\x02\xf0\x03", b"by\x02\x00\x0a");
        let unsigned = WireMessage::parse(&registered).unwrap();
        let registered = sign_again(suite, &registered, &context, &bob_key);
        let refer = |proposal: &WireMessage| {
            let known = alice_reference(suite, &wire(&private));
            let changed =
                replace(&commit.commit_message().to_bytes().unwrap(), &known, &alice_reference(suite, proposal));
            sign_again(suite, &changed, &context, &alice_key)
        };
        let step = follow(&state, &[unsigned.clone(), registered.clone()], &refer(&registered));
        assert_eq!((&step.removed[..], step.next.members()), (&[1][..], 1));
        assert_eq!(step.next.export_tree(), alice.export_tree().to_bytes().unwrap());
        // One whose signature does not hold is none, nor is one that somebody else sent.
        let refused = state.follow(std::slice::from_ref(&unsigned), &refer(&unsigned)).unwrap_err();
        assert_eq!(refused, Unobservable::UnknownProposal);
        let forged = sign_again(suite, unsigned.bytes(), &context, &alice_key);
        assert_eq!(
            state.follow(std::slice::from_ref(&forged), &refer(&forged)).unwrap_err(),
            Unobservable::UnknownProposal
        );
    }
}

/// `ProposalRef`: of everything between the version and the membership tag, a MAC of the suite's hash.
fn alice_reference(suite: u16, proposal: &WireMessage) -> Vec<u8> {
    let tag = if matches!(suite, 1..=3) {
        1 + 32
    } else if suite == 7 {
        1 + 48
    } else {
        2 + 64
    };
    let bytes = proposal.bytes();
    ref_hash(CipherSuite(suite), b"MLS 1.0 Proposal Reference", &bytes[2..bytes.len() - tag]).unwrap()
}

#[test]
fn the_group_changes_its_extensions_and_bans() {
    let mut members = vec![found_with(1, "alice", banned("mallory"))];
    let state = observe(&members[0]);
    assert_same(&state, &members[0]);
    assert_eq!(state.banned(), HashSet::from([&b"mallory"[..]]));
    assert_eq!(state.extension(0xf0d5).unwrap(), b"\x08\x07mallory");
    let output = members[0].commit_builder().set_group_context_ext(banned("bob")).unwrap().build().unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&state, &[], &commit);
    assert_same(&step.next, &members[0]);
    assert_eq!(step.next.banned(), HashSet::from([&b"bob"[..]]));
    assert_eq!(state.banned(), HashSet::from([&b"mallory"[..]]), "as it was");
    // One that cannot be read bans nobody.
    let unreadable = Extension::new(ExtensionType::new(0xf0d5), b"\x08\x09mallory".to_vec());
    let list = ExtensionList::from(vec![unreadable]);
    let output = members[0].commit_builder().set_group_context_ext(list).unwrap().build().unwrap();
    let commit = take(&mut members, 0, &output);
    assert!(follow(&step.next, &[], &commit).next.banned().is_empty());
}

#[test]
fn shared_secrets_are_taken_on_trust() {
    let mut members = gather(1, &["alice", "bob"]);
    let state = observe(&members[0]);
    let output = members[0].commit_builder().add_external_psk(psk()).unwrap().build().unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&state, &[], &commit);
    assert_same(&step.next, &members[0]);
    let output = members[1].commit_builder().add_resumption_psk(1).unwrap().build().unwrap();
    let commit = take(&mut members, 1, &output);
    assert_same(&follow(&step.next, &[], &commit).next, &members[0]);
}

#[test]
fn nothing_follows_a_reinitialization() {
    let mut members = gather(1, &["alice", "bob"]);
    let state = observe(&members[0]);
    let next = members[0].commit(Vec::new()).unwrap();
    members[0].clear_pending_commit();
    let output = members[0]
        .commit_builder()
        .reinit(None, ProtocolVersion::MLS_10, mls_rs::CipherSuite::new(2), ExtensionList::default())
        .unwrap()
        .build()
        .unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&state, &[], &commit);
    assert!(step.next.is_reinitialized() && !state.is_reinitialized());
    assert_same(&step.next, &members[0]);
    for state in [&step.next, &PublicState::load(&step.next.save()).unwrap()] {
        assert!(state.is_reinitialized());
        assert_eq!(state.follow(&[], &wire(next.commit_message())).unwrap_err(), Unobservable::Reinitialized);
    }
}

#[test]
fn what_a_custom_proposal_does_is_for_a_group_info_to_say() {
    let custom = CustomProposal::new(ProposalType::new(CUSTOM_PROPOSAL), b"a proposal of our own".to_vec());
    // By value, and by reference.
    let mut members = gather(1, &["alice", "bob"]);
    let state = observe(&members[0]);
    let output = members[0].commit_builder().custom_proposal(custom.clone()).build().unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&state, &[], &commit);
    assert!(step.is_assumed);
    assert_eq!(step.next.check(&info(&members[1], true)), Ok(()), "these members do nothing about it");
    let proposal = members[1].propose_custom(custom, Vec::new()).unwrap();
    hear(&mut members, Some(1), &proposal);
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&step.next, &[wire(&proposal)], &commit);
    assert!(step.is_assumed);
    assert_same(&step.next, &members[1]);
}

#[test]
fn outsiders_propose() {
    let (guard, guard_key) = clients::identity(1, clients::basic("guard"));
    let mut context = ExtensionList::default();
    context.set_from(ExternalSendersExt::new(vec![guard.clone()])).unwrap();
    let mut members = vec![found_with(1, "alice", context)];
    let output = members[0].commit_builder().add_member(key_package(&named(1, "bob"))).unwrap().build().unwrap();
    let root = observe(&members[0]);
    let commit = take(&mut members, 0, &output);
    let state = follow(&root, &[], &commit).next;
    let outsider = ExternalClient::builder()
        .identity_provider(Anyone)
        .crypto_provider(AwsLcCryptoProvider::new())
        .signer(guard_key, guard)
        .build();
    let offered = members[0].group_info_message_allowing_ext_commit(true).unwrap();
    let removes = outsider.observe_group(offered.clone(), None, None).unwrap().propose_remove(1, Vec::new()).unwrap();
    let none = ExtensionList::default;
    let asks = named(1, "dave").external_add_proposal(&offered, None, Vec::new(), none(), none(), None).unwrap();
    for proposal in [&removes, &asks] {
        hear(&mut members, None, proposal);
    }
    let output = members[0].commit(Vec::new()).unwrap();
    let commit = take(&mut members, 0, &output);
    let step = follow(&state, &[wire(&removes), wire(&asks)], &commit);
    assert_same(&step.next, &members[0]);
    assert_eq!((step.removed, step.added[0].identity.clone()), (vec![1], "dave".into()));
}

/// Two commits of one epoch: each leads to a state of its own, and the state before stays good for both.
#[test]
fn branches_do_not_know_of_each_other() {
    let mut members = gather(1, &["alice", "bob", "carol"]);
    let state = observe(&members[0]);
    let mut others = members.clone();
    let here = members[0].commit_builder().remove_member(2).unwrap().build().unwrap();
    let there = others[1].commit_builder().set_group_context_ext(banned("alice")).unwrap().build().unwrap();
    members.truncate(2);
    let (here, there) = (take(&mut members, 0, &here), take(&mut others, 1, &there));
    let (here, there) = (follow(&state, &[], &here).next, follow(&state, &[], &there).next);
    assert_same(&here, &members[1]);
    assert_same(&there, &others[2]);
    assert_eq!((here.banned().len(), there.banned()), (0, HashSet::from([&b"alice"[..]])));
    assert_eq!((here.members(), there.members()), (2, 3));
    assert_eq!(here.check(&info(&others[0], true)), Err(GroupInfoMismatch::Context));
}
