//! A device that slept through epochs.

use super::{
    cast::{BOTH, Handshakes, Person, assert_converged, committed, deliver, group, ignored, said},
    hub::ModelHub,
};

/// Four epochs in which Alice talks and commits; Bob sleeps.
fn live(hub: &mut ModelHub, alice: &mut Person, bystander: &mut Person) {
    for text in ["one", "two", "three", "four"] {
        alice.say(hub, text);
        deliver(hub, &alice.group.commit_update(true).unwrap());
        bystander.say(hub, "late");
        alice.read_all(hub);
        bystander.read_all(hub);
    }
    alice.say(hub, "five");
    alice.read_all(hub);
}

#[test]
fn shuffled_hints_are_followed_in_the_order_of_the_epochs() {
    for handshakes in BOTH {
        let hub = &mut ModelHub { hints: 8, ..ModelHub::default() };
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        live(hub, &mut alice, &mut carol);
        let request = bob.group.receive_request();
        let mut received = hub.receive(&request);
        assert_eq!(received.response.hints.len(), 4);
        received.response.hints.reverse();
        let mut events = Vec::new();
        bob.group.process(&request, &received, &mut events).unwrap();
        let words: Vec<_> =
            said(&events).into_iter().filter(|word| word.0 == alice.leaf()).map(|word| word.1).collect();
        assert_eq!(words, ["one", "two", "three", "four", "five"]);
        assert_eq!(said(&events).iter().filter(|word| word.2).count(), 4);
        assert_eq!(committed(&events).len(), 4);
        assert_eq!(ignored(&events), []);
        assert_eq!(bob.group.counter(), 1);
        assert_converged(&[&alice, &bob]);
        // Nothing is left to read, and nothing is delivered twice.
        assert!(bob.read_all(hub).is_empty());
    }
}

#[test]
fn without_hints_the_partitions_are_read_one_by_one() {
    for handshakes in BOTH {
        let hub = &mut ModelHub { page: 2, ..ModelHub::default() };
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        live(hub, &mut alice, &mut carol);
        let events = bob.read_all(hub);
        assert_eq!(committed(&events).len(), 4);
        assert_converged(&[&alice, &bob]);
        assert_eq!(said(&events).iter().filter(|word| !word.2).count(), 5);
    }
}

#[test]
fn hints_of_other_branches_are_left_alone() {
    let hub = &mut ModelHub { hints: 8, ..ModelHub::default() };
    let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], Handshakes::Public);
    live(hub, &mut alice, &mut carol);
    let request = bob.group.receive_request();
    let mut received = hub.receive(&request);
    // The step that leads from the second epoch to the third is missing.
    let second = hub.messages(&request.group_id, bob.group.masked_partition_key())[1].commit.clone().unwrap();
    received.response.hints.retain(|hint| hint.masked_partition_key != second.next_partition_key);
    let mut events = Vec::new();
    bob.group.process(&request, &received, &mut events).unwrap();
    assert_eq!(committed(&events).len(), 1);
    assert_eq!(bob.group.masked_partition_key(), second.next_partition_key);
    assert_eq!(bob.group.counter(), 0);
    bob.read_all(hub);
    assert_converged(&[&alice, &bob]);
}
