//! What is sent is what is received, in the order of the receipts.

use crate::{
    fixtures::{mls, requests::Attached},
    sequencer::Rejection,
    service::{
        Error, Limits,
        setup::{START, Setup, commit, commit_with, key, peer, say, texts, user},
    },
    wire::{ExpectCommit, PartitionKey, SendResponse},
};

#[tokio::test]
async fn messages_come_back_in_order_byte_for_byte() {
    let setup = Setup::new();
    let group = setup.group().await;
    let mut sent = Vec::new();
    for (index, (submitter, text)) in
        [(user("alice"), "one"), (peer("follower.example"), "two"), (user("bob"), "three")].into_iter().enumerate()
    {
        setup.clock.advance(10);
        let request = say(&group, 0, text);
        sent.push(request.message.clone());
        let receipt = setup.send(&submitter, request).await.unwrap();
        let index = u32::try_from(index).unwrap();
        assert_eq!(receipt, SendResponse { accepted_ms: START + 10 * u64::from(index + 1), index, commits_before: 0 });
    }
    let received = setup.receive(user("carol"), &group, 0, 0).await;
    assert!(received.response.epoch.messages.iter().map(|message| &message.message).eq(&sent));
    assert_eq!((received.first_index, received.next_index, received.more), (0, 3, false));
    // From the middle, from the end, and from beyond the end.
    for (counter, expected, next) in [(1, &["two", "three"][..], 3), (3, &[], 3), (9, &[], 9)] {
        let received = setup.receive(peer("third.example"), &group, 0, counter).await;
        assert_eq!(texts(&received), expected);
        assert_eq!((received.first_index, received.next_index, received.more), (counter, next, false));
    }
}

#[tokio::test]
async fn commits_carry_their_masked_key_and_group_info() {
    let setup = Setup::new();
    let group = setup.group().await;
    let info = mls::group_info(&group, 1, mls::SUITE, Some(b"tree"));
    let attached = Attached { group_info: Some(info.clone()), welcome_data: None };
    setup.send(user("alice"), commit_with(&group, 0, 1, "first", &attached)).await.unwrap();
    let second = setup.send(user("bob"), commit(&group, 0, 2, "second")).await.unwrap();
    assert_eq!((second.index, second.commits_before), (1, 1), "both are sequenced, and the second is told");
    let received = setup.receive(user("alice"), &group, 0, 0).await;
    let commits: Vec<_> =
        received.response.epoch.messages.iter().map(|message| message.commit.clone().unwrap()).collect();
    assert_eq!(commits[0].next_partition_key, PartitionKey::new(key(1)).masked());
    assert_eq!(commits[0].group_info.as_ref().unwrap().bytes(), &info);
    assert_eq!(commits[1].next_partition_key, PartitionKey::new(key(2)).masked());
    assert_eq!(commits[1].group_info, None);
}

#[tokio::test]
async fn a_commit_that_expects_to_be_the_first_is_refused_when_it_is_not() {
    let setup = Setup::new();
    let group = setup.group().await;
    let send = async |request, expect| setup.service.send(&user("alice"), request, Some(expect)).await;
    send(commit(&group, 0, 1, "first"), ExpectCommit::None).await.unwrap();
    let conflict = Err(Error::Rejected(Rejection::CommitConflict));
    assert_eq!(send(commit(&group, 0, 2, "second"), ExpectCommit::None).await, conflict);
    assert_eq!(send(commit(&group, 0, 2, "second"), ExpectCommit::Index(0)).await.unwrap().index, 1);
    assert_eq!(send(commit(&group, 0, 3, "third"), ExpectCommit::Index(0)).await, conflict);
    assert_eq!(texts(&setup.receive(user("alice"), &group, 0, 0).await), ["first", "second"]);
}

#[tokio::test]
async fn nothing_is_sent_to_a_group_that_is_not_there() {
    let setup = Setup::new();
    let refused = setup.send(user("alice"), say(b"mimi://hub.example/g/none", 0, "lost")).await;
    assert_eq!(refused, Err(Error::Rejected(Rejection::UnknownGroup)));
    let received = setup.receive(user("alice"), b"mimi://hub.example/g/none", 0, 7).await;
    assert_eq!((texts(&received).len(), received.first_index, received.next_index, received.more), (0, 7, 7, false));
}

#[tokio::test]
async fn a_partition_is_read_page_by_page() {
    let setup = Setup::with(crate::sequencer::Policy::default(), Limits { page_bytes: 200, ..Limits::default() });
    let group = setup.group().await;
    for number in 0..10 {
        setup.send(user("alice"), say(&group, 0, &format!("number {number}"))).await.unwrap();
    }
    let (mut read, mut counter, mut pages) = (Vec::new(), 0, 0);
    loop {
        let received = setup.receive(user("bob"), &group, 0, counter).await;
        assert_eq!(received.first_index, counter);
        read.extend(texts(&received));
        (counter, pages) = (received.next_index, pages + 1);
        if !received.more {
            break;
        }
    }
    assert!(read.iter().eq(&(0..10).map(|number| format!("number {number}")).collect::<Vec<_>>()));
    assert!(pages > 3, "{pages} pages");
}

#[tokio::test]
async fn partitions_of_one_key_in_two_groups_are_two() {
    let setup = Setup::new();
    let (first, second) = (setup.group().await, setup.group().await);
    setup.send(user("alice"), say(&first, 0, "here")).await.unwrap();
    let receipt = setup.send(user("alice"), say(&second, 0, "there")).await.unwrap();
    assert_eq!(receipt.index, 0);
    assert_eq!(texts(&setup.receive(user("alice"), &first, 0, 0).await), ["here"]);
    assert_eq!(texts(&setup.receive(user("alice"), &second, 0, 0).await), ["there"]);
}
