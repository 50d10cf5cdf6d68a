//! Messages behind the commit that ended their epoch.

use super::{
    cast::{BOTH, assert_converged, committed, deliver, group, ignored, said},
    hub::ModelHub,
};
use crate::client::{Event, Reason};

#[test]
fn late_messages_are_flagged_and_those_of_removed_members_dropped() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol, mut dave] = group(["alice", "bob", "carol", "dave"], handshakes);
        let removal = alice.group.commit_remove(&[carol.leaf()], false).unwrap();
        bob.say(hub, "in time");
        deliver(hub, &removal);
        bob.say(hub, "late");
        carol.say(hub, "late and gone");
        let proposal = dave.group.propose_update(Vec::new()).unwrap();
        deliver(hub, &proposal);

        let events = alice.read_all(hub);
        let words = [(bob.leaf(), "in time".to_owned(), false), (bob.leaf(), "late".to_owned(), true)];
        assert_eq!(said(&events), words);
        assert_eq!(ignored(&events), [(3, Reason::SenderLeft), (4, Reason::LateProposal)]);
        assert_eq!(committed(&events)[0].left.len(), 1);

        let events = bob.read_all(hub);
        let own: Vec<_> = events
            .iter()
            .filter_map(|event| if let Event::Sent { late, .. } = event { Some(*late) } else { None })
            .collect();
        assert_eq!(own, [false, true]);
        assert!(dave.read_all(hub).iter().any(|event| matches!(event, Event::Lost { .. })));
        assert_converged(&[&alice, &bob, &dave]);
        assert!(carol.read_all(hub).iter().any(|event| matches!(event, Event::Removed { .. })));
    }
}

#[test]
fn left_partitions_can_be_drained_for_a_while() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let stragglers: Vec<_> = (0..4)
            .map(|_round| {
                let words = carol.group.application(b"straggler", Vec::new()).unwrap();
                deliver(hub, &alice.group.commit_update(false).unwrap());
                for person in [&mut alice, &mut bob, &mut carol] {
                    person.read_all(hub);
                }
                words
            })
            .collect();
        for words in &stragglers {
            deliver(hub, words);
        }
        assert_eq!(said(&bob.read_all(hub)), []);
        let requests = bob.group.previous_receive_requests();
        assert_eq!(requests.len(), 3);
        let mut events = Vec::new();
        for request in &requests {
            assert_eq!(request.counter, 1);
            bob.group.process(request, &hub.receive(request), &mut events).unwrap();
        }
        assert_eq!(said(&events), vec![(carol.leaf(), "straggler".to_owned(), true); 3]);
        assert!(bob.group.previous_receive_requests().iter().all(|request| request.counter == 2));
        bob.group.forget_previous();
        assert!(bob.group.previous_receive_requests().is_empty());
        assert_converged(&[&alice, &bob, &carol]);
    }
}
