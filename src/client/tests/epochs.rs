//! The ordinary life of a group.

use mls_rs::{ExtensionList, MlsMessage};

use super::{
    cast::{
        BOTH, GROUP_ID, Handshakes, Person, assert_converged, client, committed, deliver, group, hub_id, ignored,
        new_member, said,
    },
    hub::ModelHub,
};
use crate::{
    client::{Event, ExpectCommit, GroupError, PartitionedGroup, Reason},
    mls::{ContentType, WireFormat},
    wire::{GroupId, PartitionKey, PartitionKeyContext, encode},
};

#[test]
fn the_partition_key_is_the_exported_one_and_the_same_for_everybody() {
    let [alice, bob] = group(["alice", "bob"], Handshakes::Public);
    assert_converged(&[&alice, &bob]);
    let context = encode(&PartitionKeyContext { hub: hub_id() }).unwrap();
    assert_eq!(context, b"\x0bhub.example");
    let exported = alice.group.group().export_secret(b"mimi-ds partition key", &context, 16).unwrap();
    assert_eq!(alice.group.partition_key(), &PartitionKey::new(exported.as_bytes().try_into().unwrap()));
    assert_eq!(alice.group.masked_partition_key(), alice.group.partition_key().masked());
}

#[test]
fn talk_and_commit_across_epochs_in_both_handshake_modes() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        for round in 0..4_u32 {
            alice.say(hub, "from alice");
            bob.say(hub, "from bob");
            let committer = if round % 2 == 0 { &mut alice } else { &mut bob };
            let request = committer.group.commit_update(round == 3).unwrap();
            let expected = match handshakes {
                Handshakes::Public => WireFormat::PublicMessage,
                Handshakes::Encrypted => WireFormat::PrivateMessage,
            };
            assert_eq!(request.message.wire_format(), expected);
            let announced = request.commit_data.as_ref().unwrap().next_partition_key.clone();
            // Not applied before it is read back.
            assert_eq!(committer.group.partition_key(), &request.partition_key);
            assert_eq!(deliver(hub, &request), 2);

            for person in [&mut alice, &mut bob, &mut carol] {
                let events = person.read_all(hub);
                assert_eq!(ignored(&events), []);
                assert_eq!(person.group.partition_key(), &announced);
                assert_eq!(person.group.counter(), 0);
                let heard = said(&events).len();
                let own = events.iter().filter(|event| matches!(event, Event::Sent { .. })).count();
                assert_eq!(heard + own, 2, "{handshakes:?}");
                assert_eq!(committed(&events).len(), 1);
            }
            assert_converged(&[&alice, &bob, &carol]);
        }
        assert_eq!(alice.group.epoch().0, 5);
    }
}

#[test]
fn members_are_added_with_their_providers_beside_the_welcome() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        let (carol, dave) = (client("carol", handshakes), client("dave", handshakes));
        let mut members = vec![new_member(&carol), new_member(&dave)];
        members[0].service_provider = "carol.example".parse().unwrap();
        let request = alice.group.commit_add(&members, true).unwrap();
        let data = request.commit_data.as_ref().unwrap();
        assert!(data.group_info.as_ref().unwrap().has_ratchet_tree());
        let welcome = data.welcome_data.as_ref().unwrap();
        for (reference, provider) in welcome.welcome.key_package_refs().zip(&welcome.service_providers) {
            let member = members.iter().find(|member| member.reference().unwrap().0 == reference).unwrap();
            assert_eq!(provider, &member.service_provider);
        }
        deliver(hub, &request);
        let events = alice.read_all(hub);
        assert!(committed(&events)[0].own);
        assert_eq!(committed(&events)[0].joined.len(), 2);
        bob.read_all(hub);
        let welcome = MlsMessage::from_bytes(welcome.welcome.bytes()).unwrap();
        let mut carol = Person::join(carol, &welcome);
        let mut dave = Person::join(dave, &welcome);
        assert_converged(&[&alice, &bob, &carol, &dave]);
        carol.say(hub, "hello");
        assert_eq!(said(&dave.read_all(hub)), [(carol.leaf(), "hello".to_owned(), false)]);
        assert_eq!(said(&alice.read_all(hub)).len(), 1);
    }
}

#[test]
fn proposals_wait_for_a_commit_and_are_committed_by_reference() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let request = alice.group.propose_update(Vec::new()).unwrap();
        assert!(matches!(alice.group.commit_update(false), Err(GroupError::ProposalUnconfirmed)));
        deliver(hub, &request);
        let events = alice.read_all(hub);
        assert!(matches!(events[..], [Event::Sent { content_type: ContentType::Proposal, .. }]));
        assert!(matches!(bob.read_all(hub)[..], [Event::Proposal { .. }]));
        assert!(bob.group.commit_required());
        assert!(matches!(bob.group.application(b"not yet", Vec::new()), Err(GroupError::CommitRequired)));
        deliver(hub, &bob.group.commit_update(false).unwrap());
        for person in [&mut alice, &mut bob, &mut carol] {
            assert_eq!(ignored(&person.read_all(hub)), []);
        }
        assert_converged(&[&alice, &bob, &carol]);
        alice.say(hub, "with a new leaf");
        assert_eq!(said(&carol.read_all(hub)).len(), 1);
    }
}

#[test]
fn a_proposal_that_missed_its_epoch_is_lost_and_a_refused_one_can_be_abandoned() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        let proposal = alice.group.propose_update(Vec::new()).unwrap();
        deliver(hub, &bob.group.commit_update(false).unwrap());
        deliver(hub, &proposal);
        let events = alice.read_all(hub);
        assert!(
            events.contains(&Event::Lost { digest: proposal.message.digest(), content_type: ContentType::Proposal })
        );
        bob.read_all(hub);
        assert_converged(&[&alice, &bob]);

        alice.group.propose_update(Vec::new()).unwrap();
        alice.group.abandon_proposals().unwrap();
        deliver(hub, &alice.group.commit_update(false).unwrap());
        assert!(committed(&alice.read_all(hub))[0].own);
        assert_eq!(ignored(&bob.read_all(hub)), []);
        assert_converged(&[&alice, &bob]);

        // Beside a proposal of somebody else the own one cannot be taken back.
        deliver(hub, &bob.group.propose_update(Vec::new()).unwrap());
        alice.read_all(hub);
        alice.group.propose_update(Vec::new()).unwrap();
        assert!(matches!(alice.group.abandon_proposals(), Err(GroupError::ProposalsOfOthers)));
    }
}

#[test]
fn pages_gaps_and_repeated_answers_keep_the_counter_right() {
    let hub = &mut ModelHub { page: 2, ..ModelHub::default() };
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
    for text in ["1", "2", "3", "4", "5"] {
        alice.say(hub, text);
    }
    let request = bob.group.receive_request();
    let received = hub.receive(&request);
    assert!(received.more);
    let mut events = Vec::new();
    bob.group.process(&request, &received, &mut events).unwrap();
    bob.group.process(&request, &received, &mut events).unwrap();
    assert_eq!(said(&events).len(), 2);
    assert_eq!(ignored(&events), []);
    assert_eq!(bob.group.counter(), 2);

    // Messages 2 and 3 are no longer retained.
    let request = bob.group.receive_request();
    let mut received = hub.receive(&request);
    received.response.epoch.messages = hub.messages(GROUP_ID, bob.group.masked_partition_key())[4..].to_vec();
    received.first_index = Some(4);
    events.clear();
    bob.group.process(&request, &received, &mut events).unwrap();
    assert!(matches!(events[0], Event::Gap { place, until: 4 } if place.index == 2));
    assert_eq!(said(&events).len(), 1);
    assert_eq!(bob.group.counter(), 5);
}

/// Bob slept until the commit by which the others went on was gone. Carol, who slept as well, does not know of it.
#[test]
fn no_commit_behind_a_gap_is_followed() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let old = bob.group.receive_request();
        alice.say(hub, "on we go");
        deliver(hub, &alice.group.commit_update(false).unwrap());
        alice.read_all(hub);
        deliver(hub, &carol.group.commit_update(false).unwrap());
        let mut received = hub.receive(&old);
        received.response.epoch.messages.drain(..2);
        received.first_index = Some(2);
        let mut events = Vec::new();
        bob.group.process(&old, &received, &mut events).unwrap();
        assert!(matches!(events[0], Event::Gap { .. }));
        assert_eq!(ignored(&events), [(2, Reason::BehindGap)]);
        // He makes none of his own either, also after a restart, and says so.
        let saved = bob.save();
        let group = bob.client.load_group(GROUP_ID).unwrap();
        bob.group = PartitionedGroup::restore(group, hub_id(), &saved).unwrap();
        assert!(matches!(bob.group.commit_update(false), Err(GroupError::Gap)));
        // His own that was on its way comes to nothing.
        let mut events = Vec::new();
        carol.group.process(&old, &received, &mut events).unwrap();
        assert!(matches!(events[..], [Event::Gap { .. }, Event::Ignored { .. }, Event::Lost { .. }]), "{events:?}");
    }
}

/// The hub was put back from a backup. Nobody can go on by what it has forgotten, so what stands behind counts.
#[test]
fn a_commit_behind_what_a_restored_hub_has_forgotten_is_followed() {
    const GAP: u32 = 1 << 24;
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol] = group(["alice", "bob", "carol"], handshakes);
        let old = bob.group.receive_request();
        alice.say(hub, "forgotten");
        deliver(hub, &carol.group.commit_update(false).unwrap());
        let mut received = hub.receive(&old);
        received.response.epoch.messages.drain(..1);
        (received.first_index, received.next_index, received.restored) = (Some(GAP), Some(GAP + 1), true);
        for reader in [&mut bob, &mut carol] {
            let mut events = Vec::new();
            reader.group.process(&old, &received, &mut events).unwrap();
            assert!(matches!(events[0], Event::Gap { until: GAP, .. }), "{events:?}");
            assert_eq!(ignored(&events), []);
        }
        assert_eq!(bob.group.epoch(), carol.group.epoch());
        // He makes his own, in the next epoch and, if nothing came, in this one.
        assert!(bob.group.commit_update(false).is_ok());
        received.response.epoch.messages.clear();
        alice.group.process(&old, &received, &mut Vec::new()).unwrap();
        assert!(alice.group.commit_update(false).is_ok());
    }
}

#[test]
fn answers_for_unknown_partitions_change_nothing() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
    alice.say(hub, "hello");
    let mut request = bob.group.receive_request();
    let received = hub.receive(&request);
    request.partition_key = PartitionKey::new([7; 16]);
    let mut events = Vec::new();
    assert!(matches!(bob.group.process(&request, &received, &mut events), Err(GroupError::OtherPartition)));
    let mut request = bob.group.receive_request();
    request.group_id.push(0);
    assert!(matches!(bob.group.process(&request, &received, &mut events), Err(GroupError::OtherPartition)));
    assert!(events.is_empty());
    assert_eq!(bob.group.counter(), 0);
}

#[test]
fn groups_of_another_hub_are_refused() {
    let alice = client("alice", Handshakes::Public);
    let found =
        |id: &[u8]| alice.create_group_with_id(id.to_vec(), ExtensionList::new(), ExtensionList::new(), None).unwrap();
    assert!(GroupId::parse(GROUP_ID).is_some());
    let other = PartitionedGroup::new(found(GROUP_ID), "other.example".parse().unwrap());
    assert!(matches!(other, Err(GroupError::OtherHub)));
    let unnamed = PartitionedGroup::new(found(b"group"), hub_id());
    assert!(matches!(unnamed, Err(GroupError::OtherHub)));
}

#[test]
fn an_external_join_is_a_commit_like_any_other() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob] = group(["alice", "bob"], handshakes);
        let info = MlsMessage::from_bytes(alice.group.group_info().unwrap().bytes()).unwrap();
        let carol = client("carol", handshakes);
        let (joined, commit) = carol.commit_external(info).unwrap();
        let joined = PartitionedGroup::new(joined, hub_id()).unwrap();
        let request = crate::wire::SendRequest {
            message: crate::mls::WireMessage::parse(&commit.to_bytes().unwrap()).unwrap(),
            partition_key: alice.group.partition_key().clone(),
            commit_data: Some(crate::wire::CommitData {
                next_partition_key: joined.partition_key().clone(),
                group_info: Some(joined.group_info().unwrap()),
                welcome_data: None,
            }),
        };
        deliver(hub, &request);
        for person in [&mut alice, &mut bob] {
            let events = person.read_all(hub);
            let commits = committed(&events);
            assert!(commits[0].external && !commits[0].own);
            assert_eq!(commits[0].joined, [commits[0].committer.clone()]);
        }
        assert_converged(&[&alice, &bob, &Person { client: carol, group: joined }]);
    }
}

#[test]
fn what_is_shown_for_debugging_holds_no_secret() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
    alice.say(hub, "attack at dawn");
    let events = bob.read_all(hub);
    let text = format!("{events:?} {:?} {:?}", bob.group, bob.group.receive_request());
    for secret in ["attack", "alice", "mimi://", "97, 116, 116"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert_eq!(bob.group.expect_commit(), ExpectCommit::None);
}
