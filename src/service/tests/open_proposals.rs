//! Proposals of types that the hub does not know: sequenced by their heads, and given out where their end is plain.

use crate::{
    fixtures::{mls, requests},
    service::{
        Received,
        setup::{Setup, commit, key, say, texts, user},
    },
    wire::{ReceiveResponse, SendRequest, decode, encode},
};

/// `app_data_update` in the framing of draft-ietf-mls-extensions: component 5 is removed. Signature, membership tag.
const REMOVE: (u16, &[u8]) = (0x0008, b"\x00\x05\x02\x01\x51\x01\x3a");
/// The `self_remove` of mls-rs: nothing but signature and membership tag.
const SELF_REMOVE: (u16, &[u8]) = (0xf003, b"\x01\x51\x01\x3a");

fn proposal(group: &[u8], (kind, body): (u16, &[u8])) -> Vec<u8> {
    mls::public_proposal(group, 0, kind, body)
}

fn send(message: &[u8]) -> SendRequest {
    decode(&requests::send(message, key(0))).unwrap()
}

/// What is in an answer, after its way over the wire.
fn over_the_wire(received: &Received) -> Vec<Vec<u8>> {
    let response: ReceiveResponse = decode(&encode(&received.response).unwrap()).unwrap();
    assert_eq!(response, received.response);
    response.epoch.messages.iter().map(|message| message.message.bytes().to_vec()).collect()
}

#[tokio::test]
async fn each_is_the_last_of_its_page() {
    let setup = Setup::new();
    let group = setup.group().await;
    let said = mls::application(&group, 0, b"before");
    let messages = [said, proposal(&group, REMOVE), proposal(&group, SELF_REMOVE), mls::application(&group, 0, b"end")];
    for (index, message) in (0..).zip(&messages) {
        assert_eq!(setup.send(user("alice"), send(message)).await.unwrap().index, index);
    }
    // Sent again, it is the same message: nothing was added to it.
    assert_eq!(setup.send(user("alice"), send(&messages[1])).await.unwrap().index, 1);

    for (counter, expected, more) in [(0, 0..2, true), (1, 1..2, true), (2, 2..3, true), (3, 3..4, false)] {
        let received = setup.receive(user("bob"), &group, 0, counter).await;
        assert_eq!(over_the_wire(&received), messages[expected.clone()], "from {counter}");
        assert_eq!((received.first_index, received.next_index as usize), (counter, expected.end));
        assert_eq!(received.more, more, "from {counter}");
    }
}

/// An epoch is hinted whole or not at all, and nothing behind one that is not.
#[tokio::test]
async fn hints_end_before_an_epoch_that_is_no_list() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    let open = mls::public_proposal(&group, 1, REMOVE.0, REMOVE.1);
    let request = |message: &[u8]| decode(&requests::send(message, key(1))).unwrap();
    setup.send(user("alice"), request(&open)).await.unwrap();
    setup.receive(user("alice"), &group, 1, 0).await;
    setup.settle().await;
    // Alone, or the last, it has an end: that of the list.
    let received = setup.receive(user("alice"), &group, 0, 0).await;
    assert_eq!(received.response.hints.len(), 1);
    assert_eq!(over_the_wire(&received).len(), 1);

    setup.send(user("alice"), commit(&group, 1, 2, "to two")).await.unwrap();
    setup.send(user("alice"), say(&group, 2, "in two")).await.unwrap();
    setup.settle().await;
    assert!(setup.receive(user("alice"), &group, 0, 0).await.response.hints.is_empty());
    let behind = setup.receive(user("alice"), &group, 1, 1).await;
    assert_eq!(texts(&behind), ["to two"]);
    assert_eq!(behind.response.hints.len(), 1, "from where it can be read");
}
