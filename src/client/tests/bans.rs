//! Bans in the group state: what violates them is suppressed, by everybody alike, and in no other branch (draft §6).

use mls_rs::{Extension, ExtensionList, extension::ExtensionType};

use super::{
    cast::{
        BOTH, Config, GROUP_ID, Handshakes, Person, assert_converged, client, committed, deliver, group, hub_id,
        ignored, new_member, said,
    },
    hub::ModelHub,
};
use crate::{
    client::{CommitOptions, Event, GroupError, JoinOptions, PartitionedGroup, Reason},
    wire::{BANNED_EXTENSION, Banned, GroupInfoResponse, Identity, Message, MessageCommit, SendRequest, encode},
};

/// A GroupContext that bans these people.
pub(crate) fn banning(names: &[&str]) -> ExtensionList {
    let banned = names.iter().map(|name| Identity(name.as_bytes().to_vec())).collect();
    let data = encode(&Banned { banned }).unwrap();
    vec![Extension::new(ExtensionType::new(BANNED_EXTENSION), data)].into()
}

/// What somebody makes whose client does not care whom the group bans.
pub(super) fn defying<T>(person: &mut Person, make: impl FnOnce(&mut PartitionedGroup<Config>) -> T) -> T {
    let policy = std::mem::take(&mut person.group.partition.policy);
    let made = make(&mut person.group);
    person.group.partition.policy = policy;
    made
}

fn say_nevertheless(person: &mut Person, hub: &mut ModelHub, text: &str) {
    let request = defying(person, |group| group.application(text.as_bytes(), Vec::new())).unwrap();
    deliver(hub, &request);
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

/// Somebody's leaving is taken up by the first of those who stay, and all of them follow.
pub(super) fn let_go(hub: &mut ModelHub, leaving: &SendRequest, staying: &mut [&mut Person]) {
    deliver(hub, leaving);
    for person in staying.iter_mut() {
        let events = person.read_all(hub);
        assert!(matches!(events[..], [Event::Proposal { .. }]), "{events:?}");
    }
    let commit = staying[0].group.commit_update(false).unwrap();
    deliver(hub, &commit);
    for person in staying.iter_mut() {
        assert_eq!(committed(&person.read_all(hub))[0].left.len(), 1);
    }
    let staying: Vec<&Person> = staying.iter().map(|person| &**person).collect();
    assert_converged(&staying);
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
        say_nevertheless(&mut mallory, hub, "after");
        bob.say(hub, "who was that?");
        for person in [&mut alice, &mut mallory] {
            let events = person.read_all(hub);
            assert_eq!(said(&events).iter().map(|(_, text, _)| text.as_str()).collect::<Vec<_>>(), ["who was that?"]);
            // Also who said it is told no more than that.
            assert_eq!(ignored(&events), [(0, Reason::Forbidden)]);
            assert!(!events.iter().any(|event| matches!(event, Event::Sent { .. })));
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
        let unban = defying(&mut mallory, |group| {
            group.commit(|commit| commit.set_group_context_ext(banning(&[])), &CommitOptions::default())
        });
        deliver(hub, &unban.unwrap());
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
        let newcomer = [new_member(&client("mallory", handshakes))];
        let add = defying(&mut bob, |group| group.commit_add(&newcomer, false)).unwrap();
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
        let against = defying(&mut mallory, |group| group.propose_remove(bob.leaf(), Vec::new())).unwrap();
        deliver(hub, &against);
        for person in [&mut alice, &mut bob] {
            assert_eq!(ignored(&person.read_all(hub)), [(0, Reason::Forbidden)]);
            assert!(!person.group.commit_required());
        }
        // Whoever is banned may leave.
        let leaving = mallory.group.propose_remove(mallory.leaf(), Vec::new()).unwrap();
        let_go(hub, &leaving, &mut [&mut alice, &mut bob]);
    }
}

/// Also where the same commit frees the leaf; whom that commit removes sees it as well.
#[test]
fn nobody_banned_is_removed_and_added_at_once() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        ban(hub, &["mallory"], &mut [&mut alice, &mut bob, &mut mallory]);
        let newcomer = new_member(&client("mallory", handshakes));
        let options = CommitOptions::for_new_members(std::slice::from_ref(&newcomer)).unwrap();
        let (package, leaf) = (newcomer.to_message().unwrap(), mallory.leaf());
        let exchange = defying(&mut bob, |group| {
            group.commit(|commit| commit.remove_member(leaf)?.add_member(package.clone()), &options)
        });
        deliver(hub, &exchange.unwrap());
        for person in [&mut alice, &mut bob, &mut mallory] {
            assert_eq!(ignored(&person.read_all(hub)), [(0, Reason::Forbidden)]);
        }
        assert_converged(&[&alice, &bob, &mallory]);
    }
}

/// What everybody would ignore is not made, and leaves nothing behind in whoever wanted it.
#[test]
fn nothing_is_made_that_all_would_ignore() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        ban(hub, &["mallory", "mallet"], &mut [&mut alice, &mut bob, &mut mallory]);
        let forbidden = |made: Result<SendRequest, GroupError>| matches!(made, Err(GroupError::Forbidden));
        assert!(forbidden(mallory.group.application(b"me again", Vec::new())));
        assert!(forbidden(mallory.group.propose_update(Vec::new())));
        assert!(forbidden(mallory.group.propose_remove(bob.leaf(), Vec::new())));
        assert!(forbidden(mallory.group.propose_group_context_extensions(banning(&[]), Vec::new())));
        assert!(forbidden(mallory.group.commit_update(false)));
        let mallet = [new_member(&client("mallet", handshakes))];
        for person in [&mut mallory, &mut alice] {
            assert!(forbidden(person.group.propose_add(&mallet[0], Vec::new())));
            assert!(forbidden(person.group.commit_add(&mallet, false)));
            assert!(!person.group.commit_required());
        }
        // Both go on with what they may do.
        let leaving = mallory.group.propose_remove(mallory.leaf(), Vec::new()).unwrap();
        let_go(hub, &leaving, &mut [&mut alice, &mut bob]);
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
        say_nevertheless(&mut mallory, here, "here");
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
