//! Members who are removed.

use super::{
    cast::{BOTH, assert_converged, committed, deliver, group, ignored},
    hub::ModelHub,
};
use crate::client::{Event, GroupError, Reason};

#[test]
fn a_removed_member_gets_no_further_partition() {
    for handshakes in BOTH {
        let hub = &mut ModelHub { hints: 8, ..ModelHub::default() };
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let old = carol.group.receive_request();
        deliver(hub, &alice.group.commit_remove(&[carol.leaf()], true).unwrap());
        alice.read_all(hub);
        bob.read_all(hub);
        assert_converged(&[&alice, &bob]);
        alice.say(hub, "now we can talk");

        let mut events = Vec::new();
        carol.group.process(&old, &hub.receive(&old), &mut events).unwrap();
        let [Event::Removed { place, committer: Some(committer) }] = &events[..] else { panic!("{events:?}") };
        assert_eq!((place.index, committer.leaf_index), (0, alice.leaf()));
        assert!(carol.group.is_removed());
        assert!(matches!(carol.group.application(b"?", Vec::new()), Err(GroupError::Removed)));
        assert!(matches!(carol.group.commit_update(false), Err(GroupError::Removed)));
        assert!(matches!(carol.group.process(&old, &hub.receive(&old), &mut events), Err(GroupError::Removed)));
        assert_eq!(events.len(), 1);
    }
}

#[test]
fn a_removal_with_an_implausible_group_info_is_ignored() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let mut removal = alice.group.commit_remove(&[carol.leaf()], true).unwrap();
        removal.commit_data.as_mut().unwrap().group_info = Some(bob.group.group_info().unwrap());
        deliver(hub, &removal);
        assert_eq!(ignored(&carol.read_all(hub)), [(0, Reason::GroupInfoMismatch)]);
        assert_eq!(ignored(&bob.read_all(hub)), [(0, Reason::GroupInfoSigner)]);
    }
}

#[test]
fn one_leaves_by_proposing_ones_own_removal() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        deliver(hub, &carol.group.propose_remove(carol.leaf(), Vec::new()).unwrap());
        alice.read_all(hub);
        deliver(hub, &alice.group.commit_update(false).unwrap());
        let events = bob.read_all(hub);
        assert_eq!(committed(&events)[0].left[0].leaf_index, carol.leaf());
        alice.read_all(hub);
        assert_converged(&[&alice, &bob]);
        assert!(matches!(carol.read_all(hub)[..], [Event::Sent { .. }, Event::Removed { .. }]));
    }
}
