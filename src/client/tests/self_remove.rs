//! Members who leave by SelfRemove, banned or not: whoever is banned may leave (Y7), and whoever joins may take it up (J4).

use mls_rs::{
    MlsMessage,
    group::proposal::{CustomProposal, ProposalType},
};

use super::{
    bans::{ban, let_go},
    cast::{BOTH, Handshakes, client, committed, deliver, group, hub_id},
    hub::ModelHub,
};
use crate::{
    client::{Event, PartitionedGroup},
    mls::{SELF_REMOVE, WireMessage},
    wire::{Message, MessageCommit},
};

#[test]
fn whoever_is_banned_leaves_by_a_self_remove() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        ban(hub, &["mallory"], &mut [&mut alice, &mut bob, &mut mallory]);
        let leaving = mallory.group.group.propose_self_remove(Vec::new()).unwrap();
        let leaving = mallory.group.request(leaving).unwrap();
        let_go(hub, &leaving, &mut [&mut alice, &mut bob]);
    }
}

/// The MLS library knows it under a number for private use; under its own it is what the app makes of it. In clear it would
/// not be read: the library expects a body.
#[test]
fn the_registered_number_means_leaving_too() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut mallory] = group(["alice", "mallory"], Handshakes::Encrypted);
    ban(hub, &["mallory"], &mut [&mut alice, &mut mallory]);
    let registered = CustomProposal::new(ProposalType::new(SELF_REMOVE), Vec::new());
    let registered = mallory.group.group.propose_custom(registered, Vec::new()).unwrap();
    let registered = mallory.group.request(registered).unwrap();
    deliver(hub, &registered);
    let events = alice.read_all(hub);
    assert!(matches!(events[..], [Event::Proposal { .. }]), "{events:?}");
}

/// Dora joins from outside, by a commit that also lets go of who is banned.
#[test]
fn who_joins_from_outside_takes_it_up() {
    let handshakes = Handshakes::Public;
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
    ban(hub, &["mallory"], &mut [&mut alice, &mut bob, &mut mallory]);
    let leaving = mallory.group.group.propose_self_remove(Vec::new()).unwrap();
    let proposal = MlsMessage::from_bytes(&leaving.to_bytes().unwrap()).unwrap();
    let leaving = mallory.group.request(leaving).unwrap();
    deliver(hub, &leaving);
    for person in [&mut alice, &mut bob] {
        person.read_all(hub);
    }

    let group_info = MlsMessage::from_bytes(alice.group.group_info().unwrap().bytes()).unwrap();
    let dora = client("dora", handshakes);
    let join = dora.external_commit_builder().unwrap().with_received_custom_proposal(proposal);
    let (joined, commit) = join.build(group_info).unwrap();
    let joined = PartitionedGroup::new(joined, hub_id()).unwrap();
    let next_partition_key = joined.masked_partition_key();
    let message = WireMessage::parse(&commit.to_bytes().unwrap()).unwrap();
    let commit = Some(Box::new(MessageCommit { next_partition_key, group_info: None }));
    hub.sequence(alice.group.group_id(), alice.group.masked_partition_key(), Message { message, commit });
    for person in [&mut alice, &mut bob] {
        let events = person.read_all(hub);
        let [committed] = committed(&events)[..] else { panic!("{events:?}") };
        assert_eq!((committed.joined.len(), committed.left.len()), (1, 1));
        assert_eq!(person.group.partition_key(), joined.partition_key());
        assert_eq!(person.group.group().context().extensions().len(), 1, "the ban stays");
    }
}
