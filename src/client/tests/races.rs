//! Two commits for one epoch, and requests whose outcome is unknown.

use super::{
    cast::{BOTH, Handshakes, assert_converged, committed, deliver, group, ignored, said},
    hub::ModelHub,
};
use crate::{
    client::{Event, ExpectCommit, GroupError, ProblemCode},
    mls::ContentType,
};

#[test]
fn the_first_valid_commit_wins_and_the_loser_rebuilds() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let first = alice.group.commit_update(true).unwrap();
        let second = bob.group.commit_update(true).unwrap();
        assert!(matches!(bob.group.commit_update(false), Err(GroupError::CommitPending)));
        deliver(hub, &first);
        assert_eq!(hub.send(&second, None).unwrap().commits_before, 1);

        let events = bob.read_all(hub);
        assert!(!committed(&events)[0].own);
        let lost = Event::Lost { digest: second.message.digest(), content_type: ContentType::Commit };
        assert!(events.contains(&lost));
        assert!(matches!(events.last(), Some(Event::Superseded { place }) if place.index == 1));
        assert!(bob.group.pending_commit().is_none());
        let events = alice.read_all(hub);
        assert!(committed(&events)[0].own);
        assert!(matches!(events.last(), Some(Event::Superseded { .. })));
        carol.read_all(hub);
        assert_converged(&[&alice, &bob, &carol]);

        deliver(hub, &bob.group.commit_update(false).unwrap());
        for person in [&mut alice, &mut bob, &mut carol] {
            assert_eq!(committed(&person.read_all(hub)).len(), 1);
        }
        assert_converged(&[&alice, &bob, &carol]);
    }
}

#[test]
fn an_expectation_turns_the_lost_race_into_a_refusal() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Encrypted);
    let second = bob.group.commit_update(false).unwrap();
    deliver(hub, &alice.group.commit_update(false).unwrap());
    assert_eq!(bob.group.expect_commit(), ExpectCommit::None);
    assert_eq!(hub.send(&second, Some(bob.group.expect_commit())), Err(ProblemCode::CommitConflict));
    assert!(bob.read_all(hub).iter().any(|event| matches!(event, Event::Lost { .. })));
}

#[test]
fn resent_requests_are_sequenced_once() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
    let message = alice.group.application(b"once", Vec::new()).unwrap();
    assert_eq!(hub.send(&message, None), hub.send(&message, None));
    let commit = alice.group.commit_update(false).unwrap();
    assert_eq!(alice.group.pending_commit(), Some(&commit));
    let answer = hub.send(&commit, Some(ExpectCommit::None));
    assert_eq!(hub.send(&commit, Some(ExpectCommit::None)), answer);
    assert_eq!(said(&bob.read_all(hub)).len(), 1);
    alice.read_all(hub);
    assert_converged(&[&alice, &bob]);
}

#[test]
fn a_commit_that_was_given_up_and_sequenced_after_all_is_applied() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        let given_up = alice.group.commit_update(false).unwrap();
        alice.group.abandon_commit();
        let second = alice.group.commit_update(false).unwrap();
        deliver(hub, &given_up);
        deliver(hub, &second);
        let events = alice.read_all(hub);
        assert!(committed(&events)[0].own);
        assert_eq!(committed(&events)[0].digest, given_up.message.digest());
        assert!(events.contains(&Event::Lost { digest: second.message.digest(), content_type: ContentType::Commit }));
        assert_eq!(ignored(&bob.read_all(hub)), []);
        assert_converged(&[&alice, &bob]);
    }
}

#[test]
fn commits_that_are_given_up_again_and_again_meet_a_bound() {
    let [mut alice, _bob] = group(["alice", "bob"], Handshakes::Public);
    for _attempt in 0..4 {
        alice.group.commit_update(false).unwrap();
        alice.group.abandon_commit();
    }
    assert!(matches!(alice.group.commit_update(false), Err(GroupError::TooManyCommits)));
}
