//! Commits that must be ignored (draft §4.4): everybody converges on the first valid one.

use mls_rs_codec::MlsEncode;

use super::{
    cast::{BOTH, GROUP_ID, Handshakes, Person, assert_converged, committed, deliver, group, ignored, said},
    hub::ModelHub,
};
use crate::{
    client::{Event, ExpectCommit, Reason},
    mls::{ContentType, WireMessage},
    wire::{CommitData, PartitionKey, SendRequest},
};

/// Sends `bad`, then an honest commit, and sees that the others ignore the one and apply the other.
fn ignore_then_converge(hub: &mut ModelHub, bad: &SendRequest, reason: Reason, alice: &mut Person, bob: &mut Person) {
    deliver(hub, bad);
    for person in [&mut *alice, &mut *bob] {
        let before = person.group.partition_key().clone();
        assert_eq!(ignored(&person.read_all(hub)), [(0, reason)]);
        assert_eq!(person.group.partition_key(), &before);
        assert_eq!(person.group.counter(), 1);
        assert_eq!(person.group.expect_commit(), ExpectCommit::Index(0));
    }
    // The same partition goes on.
    bob.say(hub, "still here");
    assert_eq!(said(&alice.read_all(hub)).len(), 1);
    let good = alice.group.commit_update(true).unwrap();
    hub.send(&good, Some(alice.group.expect_commit())).unwrap();
    for person in [&mut *alice, &mut *bob] {
        assert_eq!(committed(&person.read_all(hub)).len(), 1);
    }
    assert_converged(&[alice, bob]);
}

fn data(request: &mut SendRequest) -> &mut CommitData {
    request.commit_data.as_mut().unwrap()
}

#[test]
fn another_next_partition_key() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        let mut bad = mallory.group.commit_update(false).unwrap();
        data(&mut bad).next_partition_key = PartitionKey::new([7; 16]);
        ignore_then_converge(hub, &bad, Reason::PartitionKeyMismatch, &mut alice, &mut bob);
        // Nor does the one who made it apply it in that form.
        let events = mallory.read_all(hub);
        assert!(events.contains(&Event::Lost { digest: bad.message.digest(), content_type: ContentType::Commit }));
        assert_converged(&[&alice, &bob, &mallory]);
    }
}

#[test]
fn the_group_info_of_another_branch() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        let mut other = mallory.group.commit_update(true).unwrap();
        mallory.group.abandon_commit();
        let mut bad = mallory.group.commit_update(true).unwrap();
        data(&mut bad).group_info = data(&mut other).group_info.take();
        ignore_then_converge(hub, &bad, Reason::GroupInfoMismatch, &mut alice, &mut bob);
        assert!(committed(&mallory.read_all(hub))[0].epoch == alice.group.epoch());
        assert_converged(&[&alice, &bob, &mallory]);
    }
}

#[test]
fn a_group_info_that_somebody_else_signed() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        let mut bad = mallory.group.commit_update(true).unwrap();
        // Bob moves on elsewhere and signs a GroupInfo of the right epoch.
        let (elsewhere, mut abroad) = (&mut ModelHub::default(), bob.copy());
        deliver(elsewhere, &bad);
        abroad.read_all(elsewhere);
        data(&mut bad).group_info = Some(abroad.group.group_info().unwrap());
        ignore_then_converge(hub, &bad, Reason::GroupInfoSigner, &mut alice, &mut bob);
    }
}

#[test]
fn a_group_info_with_a_broken_signature() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        let mut bad = mallory.group.commit_update(true).unwrap();
        let mut info = data(&mut bad).group_info.as_ref().unwrap().bytes().to_vec();
        *info.last_mut().unwrap() ^= 1;
        data(&mut bad).group_info = Some(crate::wire::decode(&info).unwrap());
        ignore_then_converge(hub, &bad, Reason::GroupInfoMismatch, &mut alice, &mut bob);
    }
}

/// A commit that no member can read.
fn garbage(handshakes: Handshakes, mallory: &mut Person) -> SendRequest {
    let mut request = mallory.group.commit_update(false).unwrap();
    let bytes = match handshakes {
        // The membership tag is the last field.
        Handshakes::Public => {
            let mut bytes = request.message.bytes().to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            bytes
        }
        Handshakes::Encrypted => {
            let mut bytes = vec![0, 1, 0, 2];
            mls_rs_codec::byte_vec::mls_encode(&GROUP_ID, &mut bytes).unwrap();
            mallory.group.epoch().mls_encode(&mut bytes).unwrap();
            bytes.extend([3, 0]);
            mls_rs_codec::byte_vec::mls_encode(&[9_u8; 28], &mut bytes).unwrap();
            mls_rs_codec::byte_vec::mls_encode(&[8_u8; 400], &mut bytes).unwrap();
            bytes
        }
    };
    request.message = WireMessage::parse(&bytes).unwrap();
    request
}

#[test]
fn garbage_bytes() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        let bad = garbage(handshakes, &mut mallory);
        ignore_then_converge(hub, &bad, Reason::Invalid, &mut alice, &mut bob);
    }
}

#[test]
fn a_commit_of_another_epoch_or_another_group() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        let stale = mallory.group.commit_update(false).unwrap();
        deliver(hub, &alice.group.commit_update(false).unwrap());
        for person in [&mut alice, &mut bob, &mut mallory] {
            person.read_all(hub);
        }
        // Sent to the new partition, as if it belonged there.
        let stale = SendRequest { partition_key: bob.group.partition_key().clone(), ..stale };
        ignore_then_converge(hub, &stale, Reason::OtherEpoch, &mut alice, &mut bob);
        mallory.read_all(hub);
        assert_converged(&[&alice, &bob, &mallory]);

        let foreign = crate::wire::Message {
            message: stale.message,
            commit: Some(Box::new(crate::wire::MessageCommit {
                next_partition_key: PartitionKey::new([1; 16]).masked(),
                group_info: None,
            })),
        };
        // The hub itself puts a message of this group's name into another group's answer.
        let request = crate::wire::ReceiveRequest { group_id: GROUP_ID.to_vec(), ..alice.group.receive_request() };
        let mut bytes = foreign.message.bytes().to_vec();
        let at = bytes.windows(GROUP_ID.len()).position(|window| window == GROUP_ID).unwrap();
        bytes[at + GROUP_ID.len() - 1] = b'x';
        let foreign = crate::wire::Message { message: WireMessage::parse(&bytes).unwrap(), ..foreign };
        let received = crate::client::Received {
            response: crate::wire::ReceiveResponse {
                epoch: crate::wire::Epoch { messages: vec![foreign] },
                hints: Vec::new(),
            },
            ..Default::default()
        };
        let mut events = Vec::new();
        alice.group.process(&request, &received, &mut events).unwrap();
        assert_eq!(ignored(&events), [(0, Reason::OtherGroup)]);
    }
}

#[test]
fn a_bad_message_uses_up_no_key_of_a_good_one() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob] = group(["alice", "bob"], Handshakes::Encrypted);
    let good = alice.group.application(&[b'x'; 300], Vec::new()).unwrap();
    // Two that differ from the good one and from each other, whatever byte it ends in.
    let damaged = |flipped: u8| {
        let mut bytes = good.message.bytes().to_vec();
        *bytes.last_mut().unwrap() ^= flipped;
        SendRequest { message: WireMessage::parse(&bytes).unwrap(), ..good.clone() }
    };
    // Good ones before and after, which are read once although the group goes back.
    alice.say(hub, "before");
    deliver(hub, &damaged(1));
    deliver(hub, &good);
    alice.say(hub, "between");
    deliver(hub, &damaged(2));
    alice.say(hub, "after");
    let events = bob.read_all(hub);
    assert_eq!(ignored(&events), [(1, Reason::Invalid), (4, Reason::Invalid)]);
    let words = said(&events).into_iter().map(|word| word.1).collect::<Vec<_>>();
    assert_eq!((words[0].as_str(), words[2].as_str(), words[3].as_str()), ("before", "between", "after"));
    assert_eq!(words.len(), 4);
}
