//! Bans in the group state: what violates them is suppressed, by everybody alike, and in no other branch (draft §6).

use mls_rs::{Extension, ExtensionList, extension::ExtensionType};

use super::{
    cast::{
        BOTH, GROUP_ID, Handshakes, Person, assert_converged, client, committed, deliver, group, hub_id, ignored,
        new_member, said,
    },
    hub::ModelHub,
};
use crate::{
    client::{CommitOptions, Event, JoinOptions, PartitionedGroup, Reason},
    wire::{BANNED_EXTENSION, Banned, GroupInfoResponse, Identity, Message, MessageCommit, encode},
};

/// A GroupContext that bans these people.
pub(super) fn banning(names: &[&str]) -> ExtensionList {
    let banned = names.iter().map(|name| Identity(name.as_bytes().to_vec())).collect();
    let data = encode(&Banned { banned }).unwrap();
    vec![Extension::new(ExtensionType::new(BANNED_EXTENSION), data)].into()
}

/// The first one commits that ban, and everybody follows.
pub(super) fn ban(hub: &mut ModelHub, names: &[&str], people: &mut [&mut Person]) {
    let request = people[0]
        .group
        .commit(|commit| commit.set_group_context_ext(banning(names)), &CommitOptions::default())
        .unwrap();
    deliver(hub, &request);
    for person in people {
        assert_eq!(committed(&person.read_all(hub)).len(), 1);
    }
}

#[test]
fn what_somebody_banned_says_is_suppressed() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        mallory.say(hub, "before");
        assert_eq!(said(&alice.read_all(hub)).len(), 1);
        bob.read_all(hub);
        mallory.read_all(hub);
        ban(hub, &["mallory"], &mut [&mut alice, &mut bob, &mut mallory]);
        mallory.say(hub, "after");
        bob.say(hub, "who was that?");
        for person in [&mut alice, &mut mallory] {
            let events = person.read_all(hub);
            assert_eq!(said(&events).iter().map(|(_, text, _)| text.as_str()).collect::<Vec<_>>(), ["who was that?"]);
        }
        assert_eq!(ignored(&bob.read_all(hub)), [(0, Reason::Forbidden)]);
        // Lifted, and heard again.
        ban(hub, &[], &mut [&mut bob, &mut alice, &mut mallory]);
        mallory.say(hub, "sorry");
        assert_eq!(said(&alice.read_all(hub)).len(), 1);
    }
}

#[test]
fn commits_of_somebody_banned_are_ignored_by_all() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        ban(hub, &["mallory"], &mut [&mut alice, &mut bob, &mut mallory]);
        let unban = mallory
            .group
            .commit(|commit| commit.set_group_context_ext(banning(&[])), &CommitOptions::default())
            .unwrap();
        deliver(hub, &unban);
        for person in [&mut alice, &mut bob, &mut mallory] {
            assert_eq!(ignored(&person.read_all(hub)), [(0, Reason::Forbidden)]);
        }
        // An honest commit goes on from there, for all of them.
        let honest = bob.group.commit_update(false).unwrap();
        deliver(hub, &honest);
        for person in [&mut alice, &mut bob, &mut mallory] {
            assert_eq!(committed(&person.read_all(hub)).len(), 1);
        }
        assert_converged(&[&alice, &bob, &mallory]);
    }
}

#[test]
fn commits_that_add_somebody_banned_are_ignored_by_all() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        ban(hub, &["mallory"], &mut [&mut alice, &mut bob]);
        let add = bob.group.commit_add(&[new_member(&client("mallory", handshakes))], false).unwrap();
        deliver(hub, &add);
        for person in [&mut alice, &mut bob] {
            assert_eq!(ignored(&person.read_all(hub)), [(0, Reason::Forbidden)]);
            assert_eq!(person.group.group().roster().members_iter().count(), 2);
        }
        // Somebody else is welcome.
        let add = bob.group.commit_add(&[new_member(&client("carol", handshakes))], false).unwrap();
        deliver(hub, &add);
        for person in [&mut alice, &mut bob] {
            assert_eq!(committed(&person.read_all(hub))[0].joined.len(), 1);
        }
        assert_converged(&[&alice, &bob]);
    }
}

#[test]
fn proposals_of_somebody_banned_are_taken_up_by_nobody() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        ban(hub, &["mallory"], &mut [&mut alice, &mut bob, &mut mallory]);
        let against = mallory.group.propose_remove(bob.leaf(), Vec::new()).unwrap();
        deliver(hub, &against);
        for person in [&mut alice, &mut bob] {
            assert_eq!(ignored(&person.read_all(hub)), [(0, Reason::Forbidden)]);
            assert!(!person.group.commit_required());
        }
        // Whoever is banned may leave.
        let leaving = mallory.group.propose_remove(mallory.leaf(), Vec::new()).unwrap();
        deliver(hub, &leaving);
        for person in [&mut alice, &mut bob] {
            let events = person.read_all(hub);
            assert!(matches!(events[..], [Event::Proposal { .. }]), "{events:?}");
        }
        let commit = alice.group.commit_update(false).unwrap();
        deliver(hub, &commit);
        for person in [&mut alice, &mut bob] {
            assert_eq!(committed(&person.read_all(hub))[0].left.len(), 1);
        }
        assert_converged(&[&alice, &bob]);
    }
}

#[test]
fn somebody_banned_does_not_come_back_from_outside() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        ban(hub, &["mallory"], &mut [&mut alice, &mut bob]);
        let published = GroupInfoResponse { group_info: alice.group.group_info().unwrap(), ratchet_tree: None };
        let (outsider, options) = (client("mallory", handshakes), JoinOptions::default());
        let (_joined, join) =
            PartitionedGroup::join_externally(&outsider, hub_id(), GROUP_ID, &published, &options).unwrap();
        let next_partition_key = join.commit_data.next_partition_key.masked();
        let commit = Some(Box::new(MessageCommit { next_partition_key, group_info: None }));
        hub.sequence(GROUP_ID, alice.group.masked_partition_key(), Message { message: join.message, commit });
        for person in [&mut alice, &mut bob] {
            assert_eq!(ignored(&person.read_all(hub)), [(0, Reason::Forbidden)]);
        }
        assert_converged(&[&alice, &bob]);
    }
}

/// M6-3: two branches of one group, one of which bans.
#[test]
fn a_ban_in_one_branch_does_nothing_in_the_other() {
    for handshakes in BOTH {
        let (here, there) = (&mut ModelHub::default(), &mut ModelHub::default());
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        let [mut alice_there, mut bob_there, mut mallory_there] = [alice.copy(), bob.copy(), mallory.copy()];
        ban(here, &["mallory"], &mut [&mut alice, &mut bob, &mut mallory]);
        ban(there, &[], &mut [&mut bob_there, &mut alice_there, &mut mallory_there]);
        mallory.say(here, "here");
        mallory_there.say(there, "there");
        assert_eq!(ignored(&alice.read_all(here)), [(0, Reason::Forbidden)]);
        assert_eq!(said(&alice_there.read_all(there)).len(), 1);
        bob_there.read_all(there);
        mallory_there.read_all(there);
        let commit = mallory_there.group.commit_update(false).unwrap();
        deliver(there, &commit);
        for person in [&mut alice_there, &mut bob_there, &mut mallory_there] {
            assert_eq!(committed(&person.read_all(there)).len(), 1);
        }
        assert_converged(&[&alice_there, &bob_there, &mallory_there]);
    }
}

#[test]
fn a_policy_that_names_nobody_or_cannot_be_read_forbids_nothing() {
    for data in [encode(&Banned::default()).unwrap(), b"no list of identities".to_vec(), Vec::new()] {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
        let extensions = vec![Extension::new(ExtensionType::new(BANNED_EXTENSION), data)];
        let request = alice
            .group
            .commit(|commit| commit.set_group_context_ext(extensions.clone().into()), &CommitOptions::default())
            .unwrap();
        deliver(hub, &request);
        for person in [&mut alice, &mut bob] {
            assert_eq!(committed(&person.read_all(hub)).len(), 1);
        }
        bob.say(hub, "still here");
        assert_eq!(said(&alice.read_all(hub)).len(), 1);
    }
}
