//! External joins: placed by proof, once, or refused.

use super::*;
use crate::{
    mls::WireMessage,
    sequencer::Rejection,
    service::setup::say,
    wire::{CommitData, DecodeError, PartitionKey, WelcomeData, decode},
};

const STALE: Error = Error::Rejected(Rejection::StaleJoin);

/// The commit's message with other bytes.
fn altered(request: &ExternalJoinRequest, alter: impl FnOnce(&mut Vec<u8>)) -> ExternalJoinRequest {
    let mut bytes = request.message.bytes().to_vec();
    alter(&mut bytes);
    ExternalJoinRequest { message: WireMessage::parse(&bytes).unwrap(), commit_data: request.commit_data.clone() }
}

#[tokio::test]
async fn a_joiner_reads_and_writes_at_once_and_members_follow() {
    let mut town = Town::found(open(), true).await;
    let from = peer("third.example");
    let published = town.published(&from, None).await.unwrap();
    let (mut dora, request) = town.dora(&published);
    let response = town.join(&from, request, None).await.unwrap();
    assert_eq!((response.index, response.commits_before), (0, 0));
    // The key of the epoch that her commit creates, before anybody has read it (K3).
    town.setup.send(&from, dora.application(b"good evening", Vec::new()).unwrap()).await.unwrap();
    for events in town.read_all().await {
        assert_eq!(joined(&events), 1);
        assert!(
            events.iter().any(|event| matches!(event, Event::Message { data, .. } if &data[..] == b"good evening"))
        );
    }
    read(&mut dora, &from, &town.setup).await;
    let [alice, bob, carol] = &*town.people;
    assert_together(&[&alice.group, &bob.group, &carol.group, &dora]);
}

/// A message that nobody has followed yet does not keep a second joiner out, who was given what the first one published.
#[tokio::test]
async fn joiners_follow_each_other() {
    let mut town = Town::found(open(), true).await;
    for name in ["follower.example", "third.example"] {
        let published = town.published(&peer(name), None).await.unwrap();
        let (_newcomer, request) = town.newcomer(name, &published);
        assert_eq!(town.join(&peer(name), request, None).await.unwrap().commits_before, 0);
    }
    assert!(town.read_all().await.iter().all(|events| joined(events) == 2));
}

#[tokio::test]
async fn the_same_bytes_are_one_join_also_after_a_restart() {
    let mut town = Town::found(open(), true).await;
    let published = town.published(&user("dora"), None).await.unwrap();
    let (_dora, request) = town.dora(&published);
    let first = town.join(&user("dora"), request.clone(), None).await.unwrap();
    town.setup.clock.advance(1000);
    assert_eq!(town.join(&user("dora"), request.clone(), None).await.unwrap(), first);
    // Through another provider, with another GroupInfo beside it.
    let mut other = request.clone();
    other.commit_data.group_info = None;
    assert_eq!(town.join(&peer("follower.example"), other, None).await.unwrap(), first);
    let Town { setup, group_id, people } = town;
    town = Town { setup: setup.restart().await, group_id, people };
    assert_eq!(town.join(&user("dora"), request, None).await.unwrap(), first);
    assert!(town.read_all().await.iter().all(|events| joined(events) == 1));
}

/// Two heads of one epoch number: which of them a join is for, its signature alone tells.
#[tokio::test]
async fn at_a_fork_each_join_goes_where_it_was_made_for() {
    let mut town = Town::found(open(), true).await;
    let first = town.commit(0, true).await;
    let second = town.commit(1, true).await;
    for commit in [&second, &first] {
        let (mut dora, request) = town.dora(&as_published(commit));
        let next = commit.commit_data.as_ref().unwrap().next_partition_key.clone();
        town.join(&peer("third.example"), request.clone(), None).await.unwrap();
        let there = messages(&town, next).await;
        assert_eq!(there, [request.message], "in its own partition, and nowhere else");
        town.setup.send(&peer("third.example"), dora.application(b"here", Vec::new()).unwrap()).await.unwrap();
    }
}

/// What is in a partition.
async fn messages(town: &Town, partition_key: PartitionKey) -> Vec<WireMessage> {
    let request = crate::wire::ReceiveRequest { group_id: town.group_id.clone(), partition_key, counter: 0 };
    let receive = Receive::new(&request, std::time::Duration::ZERO);
    let received = town.setup.service.receive(&peer("third.example"), receive).await.unwrap().received;
    received.response.epoch.messages.into_iter().map(|message| message.message).collect()
}

/// Somebody announces a partition of its own, and uses it, with the GroupInfo of the good commit that is returned.
async fn borrow_group_info(town: &mut Town) -> SendRequest {
    let good = town.commit(0, true).await;
    let mut bad = town.people[1].group.commit_update(false).unwrap();
    let data = bad.commit_data.as_mut().unwrap();
    data.next_partition_key = PartitionKey::new([0xbb; 16]);
    data.group_info = good.commit_data.as_ref().unwrap().group_info.clone();
    town.setup.send(&town.people[1].from, bad).await.unwrap();
    town.setup.send(&town.people[1].from, key_of(town, [0xbb; 16])).await.unwrap();
    good
}

/// A join for the epoch of the good commit, which verifies for both, goes there.
async fn assert_joined_behind(town: &Town, good: SendRequest) {
    let (_dora, request) = town.dora(&as_published(&good));
    town.join(&peer("third.example"), request.clone(), None).await.unwrap();
    assert_eq!(messages(town, good.commit_data.unwrap().next_partition_key).await, [request.message]);
}

#[tokio::test]
async fn a_borrowed_group_info_leads_nobody_astray() {
    // Where the hub can follow, it sees through that.
    let mut town = Town::found(open(), false).await;
    let good = borrow_group_info(&mut town).await;
    town.read_all().await;
    assert_joined_behind(&town, good).await;
}

/// The same while nobody has read the good commit yet: the copy is used by its committer, and so it is the dominant one.
#[tokio::test]
async fn a_borrowed_group_info_leads_nobody_astray_before_anybody_has_moved() {
    let mut town = Town::found(open(), false).await;
    let good = borrow_group_info(&mut town).await;
    let asked = GroupInfoRequest { group_id: town.group_id.clone() };
    let given = town.setup.service.group_info(&peer("third.example"), &asked, None).await.unwrap();
    assert_eq!(given.partition, PartitionKey::new([0xbb; 16]).masked(), "it is the dominant one");
    assert_joined_behind(&town, good).await;
}

/// What fits nowhere costs signatures. A provider has so many, and others their own.
#[tokio::test]
async fn a_provider_that_guesses_is_told_to_stop() {
    let town = Town::found(open(), true).await;
    let published = town.published(&user("dora"), None).await.unwrap();
    let (_dora, request) = town.dora(&published);
    let signature_end = request.message.bytes().len() - 33; // confirmation_tag<V>
    let guess = |number: u8| altered(&request, |bytes| bytes[signature_end - 1] ^= number);
    let from = peer("third.example");
    // One candidate each.
    for number in 1..=128 {
        assert_eq!(town.join(&from, guess(number), None).await, Err(STALE), "{number}");
    }
    assert_eq!(town.join(&from, guess(129), None).await, Err(Error::TooManyInVain));
    assert_eq!(
        town.join(&from, request.clone(), None).await,
        Err(Error::TooManyInVain),
        "nobody can tell it from those"
    );
    let receipt = town.join(&peer("follower.example"), request.clone(), None).await.unwrap();
    assert_eq!(town.join(&from, request, None).await, Ok(receipt), "to know it again takes no signature");
    town.setup.clock.advance(5_000);
    let published = town.published(&from, None).await.unwrap();
    let (_erin, request) = town.newcomer("erin", &published);
    town.join(&from, request, None).await.unwrap();
}

/// An application message that presents the key.
fn key_of(town: &Town, key: [u8; 16]) -> SendRequest {
    SendRequest { partition_key: PartitionKey::new(key), ..say(&town.group_id, 2, "mine") }
}

#[tokio::test]
async fn forged_joins_are_stale() {
    let mut town = Town::found(open(), true).await;
    let published = town.published(&user("dora"), None).await.unwrap();
    let (_dora, request) = town.dora(&published);
    let signature_end = request.message.bytes().len() - 33; // confirmation_tag<V>
    let forged = altered(&request, |bytes| bytes[signature_end - 1] ^= 1);
    assert_eq!(town.join(&user("dora"), forged, None).await, Err(STALE));
    // The kem_output of the ExternalInit: as well-formed as before.
    let kem = request.message.bytes().windows(3).position(|bytes| bytes == [0, 6, 32]).unwrap() + 3;
    let forged = altered(&request, |bytes| bytes[kem] ^= 1);
    assert_eq!(town.join(&user("dora"), forged, None).await, Err(STALE));
    let nobody_has_moved = town.read_all().await;
    assert!(nobody_has_moved.iter().all(Vec::is_empty), "nothing of it was sequenced");
    town.join(&user("dora"), request, None).await.unwrap();
}

/// Signed as it should be, for a group that has the same id and epoch number and another state.
#[tokio::test]
async fn a_join_for_another_state_of_the_group_is_stale() {
    let (town, other) = (Town::found(open(), true).await, Town::found(open(), true).await);
    let published = other.published(&user("dora"), None).await.unwrap();
    let (_dora, request) = other.dora(&published);
    assert_eq!((&town.group_id, town.people[0].group.epoch()), (&other.group_id, request.message.epoch()));
    assert_eq!(town.join(&user("dora"), request.clone(), None).await, Err(STALE));
    other.join(&user("dora"), request, None).await.unwrap();
}

#[tokio::test]
async fn a_join_for_an_epoch_that_is_over_is_stale() {
    let mut town = Town::found(open(), true).await;
    let published = town.published(&user("dora"), None).await.unwrap();
    let (_dora, request) = town.dora(&published);
    town.commit(0, true).await;
    town.read_all().await;
    assert_eq!(town.join(&user("dora"), request, None).await, Err(STALE));
    // With what the hub gives now it works.
    let published = town.published(&user("dora"), None).await.unwrap();
    let (_dora, request) = town.dora(&published);
    town.join(&user("dora"), request, None).await.unwrap();
}

#[tokio::test]
async fn a_welcome_or_a_private_message_is_no_join() {
    let town = Town::found(open(), true).await;
    let published = town.published(&user("dora"), None).await.unwrap();
    let (_dora, request) = town.dora(&published);
    let welcome = crate::fixtures::mls::welcome(crate::fixtures::mls::SUITE, &[b"one"]);
    let welcome_data =
        Some(WelcomeData { welcome: decode(&welcome).unwrap(), service_providers: vec![provider("follower.example")] });
    let commit_data = CommitData { welcome_data, ..request.commit_data.clone() };
    let with_welcome = ExternalJoinRequest { commit_data, ..request.clone() };
    let refused = town.join(&user("dora"), with_welcome, None).await;
    assert_eq!(refused, Err(Error::Rejected(Rejection::WelcomeInJoin)));
    let private = crate::fixtures::mls::commit(&town.group_id, 1, b"private");
    let body = [private, encode(&request.commit_data).unwrap()].concat();
    assert!(matches!(decode::<ExternalJoinRequest>(&body), Err(DecodeError::Fault(crate::mls::Fault::WireFormat))));
    // A member's own commit is none either.
    let mut town = town;
    let commit = town.people[0].group.commit_update(false).unwrap();
    let as_join = ExternalJoinRequest { message: commit.message, commit_data: commit.commit_data.unwrap() };
    let refused = town.setup.service.external_join(&user("alice"), as_join, None).await;
    let sender = crate::mls::NotAnExternalCommit::Sender;
    assert_eq!(refused, Err(Error::Rejected(Rejection::NotAnExternalCommit(sender))));
}

/// Without any GroupInfo at the hub: whoever used the group may join at its newest epoch, and who shows a token (J2).
#[tokio::test]
async fn without_a_group_info_use_or_a_token_opens_the_newest_epoch() {
    let mut town = Town::found(Policy::default(), false).await;
    let none = Error::Rejected(Rejection::NoGroupInfo);
    assert_eq!(town.published(&peer("follower.example"), None).await, Err(none));
    // Members give it away by other ways.
    let by_hand =
        |town: &Town| GroupInfoResponse { group_info: town.people[0].group.group_info().unwrap(), ratchet_tree: None };
    let published = by_hand(&town);
    let (_dora, request) = town.dora(&published);
    let stranger = peer("fourth.example");
    assert_eq!(town.join(&stranger, request.clone(), None).await, Err(STALE));
    let garbage = JoinToken::new(vec![7; 40]).unwrap();
    assert_eq!(town.join(&stranger, request.clone(), Some(&garbage)).await, Err(STALE));
    let token = town.token(1).await.unwrap();
    town.join(&stranger, request, Some(&token)).await.unwrap();
    assert!(town.read_all().await.iter().all(|events| joined(events) == 1));
    // Dora's own commit was published with a GroupInfo; the next one is not.
    town.commit(0, false).await;
    town.read_all().await;
    let (_erin, request) = town.newcomer("erin", &by_hand(&town));
    town.join(&peer("follower.example"), request, None).await.unwrap();
    // An epoch that is not the newest one fits nothing.
    let (_frank, late) = town.newcomer("frank", &by_hand(&town));
    town.read_all().await;
    assert_eq!(town.join(&peer("follower.example"), late, None).await, Err(STALE));
}

/// A member that has lost everything comes back by a join that removes its old leaf.
#[tokio::test]
async fn a_member_that_lost_its_state_comes_back() {
    let mut town = Town::found(Policy::default(), true).await;
    let from = peer("follower.example");
    let published = town.published(&from, None).await.unwrap();
    let bob = client("bob", Handshakes::Public);
    let old = crate::client::own_leaves(&bob, &town.group_id, &published).unwrap();
    assert_eq!(old, [1]);
    let options = JoinOptions { group_info: true, old_leaf: old.first().copied() };
    let joining = PartitionedGroup::join_externally(&bob, hub_id(), &town.group_id, &published, &options);
    let (again, request) = joining.unwrap();
    assert!(crate::mls::ExternalCommit::of(&request.message).unwrap().is_resync());
    town.join(&from, request, None).await.unwrap();
    let [alice, lost, carol] = town.read_all().await;
    for events in [alice, carol] {
        let [Event::Committed(committed)] = &events[..] else { panic!("{events:?}") };
        assert!(committed.external && committed.joined.is_empty() && committed.left.is_empty());
    }
    assert!(matches!(lost[..], [Event::Removed { .. }]), "the copy that was lost is no member any more");
    let [alice, _, carol] = &*town.people;
    assert_together(&[&alice.group, &carol.group, &again]);
    assert_eq!(alice.group.group().roster().members().len(), 3);
}
