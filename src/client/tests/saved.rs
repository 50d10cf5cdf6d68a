//! Processes that die.

use super::{
    bans::{ban, defying},
    cast::{BOTH, GROUP_ID, Person, assert_converged, committed, deliver, group, hub_id, ignored, said},
    hub::ModelHub,
};
use crate::client::{Event, GroupError, PartitionedGroup, Reason};

fn restart(person: &Person, saved: &[u8]) -> Result<Person, GroupError> {
    let group = person.client.load_group(GROUP_ID).unwrap();
    Ok(Person { client: person.client.clone(), group: PartitionedGroup::restore(group, hub_id(), saved)? })
}

#[test]
fn a_pending_commit_and_own_messages_survive() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        alice.say(hub, "before");
        let commit = alice.group.commit_update(true).unwrap();
        let saved = alice.save();
        deliver(hub, &commit);
        let mut alice = restart(&alice, &saved).unwrap();
        assert_eq!(alice.group.pending_commit(), Some(&commit));
        let events = alice.read_all(hub);
        assert!(matches!(events[0], Event::Sent { .. }));
        assert!(committed(&events)[0].own);
        bob.read_all(hub);
        assert_converged(&[&alice, &bob]);

        let saved = alice.save();
        let mut alice = restart(&alice, &saved).unwrap();
        assert_eq!(alice.group.previous_receive_requests().len(), 1);
        bob.say(hub, "after");
        assert_eq!(said(&alice.read_all(hub)).len(), 1);
    }
}

#[test]
fn bytes_from_before_the_last_save_cost_repeated_reading_only() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        let old = bob.save();
        alice.say(hub, "one");
        deliver(hub, &alice.group.commit_update(false).unwrap());
        alice.read_all(hub);
        alice.say(hub, "two");
        bob.read_all(hub);
        // The MLS group is written; the process dies before the bytes are kept.
        drop(bob.save());
        let mut bob = restart(&bob, &old).unwrap();
        assert_converged(&[&alice, &bob]);
        alice.say(hub, "three");
        let events = bob.read_all(hub);
        assert_eq!(ignored(&events), [(0, Reason::Invalid)]);
        assert_eq!(said(&events)[0].1, "three");
    }
}

/// What was said in an epoch is judged by that epoch, also by a process that has started anew in a later one: a later ban does
/// not reach back, and neither does its end (Y7).
#[test]
fn a_ban_does_not_reach_back_after_a_restart() {
    let late = |alice: &mut Person, hub: &ModelHub| {
        let mut events = Vec::new();
        for request in alice.group.previous_receive_requests() {
            alice.group.process(&request, &hub.receive(&request), &mut events).unwrap();
        }
        events
    };
    for handshakes in BOTH {
        for behind in [false, true] {
            let hub = &mut ModelHub::default();
            let [mut alice, mut mallory] = group(["alice", "mallory"], handshakes);
            let before = mallory.group.application(b"before", Vec::new()).unwrap();
            let old = alice.save();
            ban(hub, &["mallory"], &mut [&mut alice, &mut mallory]);
            let saved = alice.save();
            // Or the process dies when the MLS library has stored the group, and before the rest is kept.
            let mut alice = restart(&alice, if behind { &old } else { &saved }).unwrap();
            deliver(hub, &before);
            assert_eq!(said(&late(&mut alice, hub)), [(1, "before".to_owned(), true)], "{handshakes:?} {behind}");

            let meanwhile = defying(&mut mallory, |group| group.application(b"meanwhile", Vec::new())).unwrap();
            let old = alice.save();
            ban(hub, &[], &mut [&mut alice, &mut mallory]);
            let saved = alice.save();
            let mut alice = restart(&alice, if behind { &old } else { &saved }).unwrap();
            let index = deliver(hub, &meanwhile);
            let events = late(&mut alice, hub);
            assert_eq!(ignored(&events).last(), Some(&(index, Reason::Forbidden)), "{handshakes:?} {behind}");
            assert!(said(&events).is_empty());
        }
    }
}

#[test]
fn strange_bytes_are_refused() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob] = group(["alice", "bob"], BOTH[0]);
    alice.save();
    let mut early = alice.copy();
    deliver(hub, &bob.group.commit_update(false).unwrap());
    alice.read_all(hub);
    let group = early.client.load_group(GROUP_ID).unwrap();
    let saved = alice.save();
    assert!(matches!(PartitionedGroup::restore(group, hub_id(), &saved), Err(GroupError::SavedState)));
    for end in 0..saved.len() {
        assert!(matches!(restart(&alice, &saved[..end]), Err(GroupError::SavedState)));
    }
    assert!(restart(&alice, &[&saved[..], &[0]].concat()).is_err());
    // What is read is written again as the same bytes: no byte has two meanings.
    for at in 0..saved.len() {
        let mut changed = saved.to_vec();
        changed[at] = 0x02;
        if let Ok(again) = crate::client::saving::written_again(&changed) {
            assert_eq!(*again, changed, "byte {at}");
        }
    }
    let mut other_version = saved.to_vec();
    other_version[1] = 9;
    assert!(matches!(restart(&alice, &other_version), Err(GroupError::SavedState)));
    drop(early.save());
}

/// What fuzzing begins with is what a client keeps: it is laid out by hand (`tests/fuzz_corpus/`).
#[test]
fn fuzzing_begins_with_what_is_read() {
    for name in ["founded", "busy"] {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/saved_group").join(name);
        let kept = std::fs::read(file).unwrap();
        crate::client::saving::check(&kept).unwrap();
        assert_eq!(*crate::client::saving::written_again(&kept).unwrap(), kept, "{name}");
    }
}
