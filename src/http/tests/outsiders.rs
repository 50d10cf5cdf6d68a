//! The client that joins from outside, against the listeners.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mls_rs::{Client, ExtensionList};

use super::{Call, House};
use crate::{
    client::{
        Event, JoinError, Member, MemberPolicy, MemoryKeep, OldLeaf, Outsider, Pace, PartitionedGroup, Progress,
        http::{Channel, ChannelError, ChannelRequest, ChannelResponse, DeliveryService, Operation},
        tests::cast::{Config, Handshakes, client},
    },
    service::setup::{provider, user_id},
    wire::{ClientId, GroupId, GroupInfoResponse, encode},
};

/// The way to the local listener of the house.
#[derive(Clone)]
struct Way {
    house: Arc<House>,
    /// So many answers to joins are lost on their way back.
    losses: Arc<AtomicUsize>,
    /// So many joins are lost before they arrive.
    unsent: Arc<AtomicUsize>,
}

impl Channel for Way {
    async fn post(&self, request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        let lost = |left: usize| left.checked_sub(1);
        if request.operation == Operation::ExternalJoin
            && self.unsent.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lost).is_ok()
        {
            return Err(ChannelError::Connect);
        }
        let answer = Call::local(request.operation.path(), request.body).answer(&self.house).await;
        if request.operation == Operation::ExternalJoin
            && self.losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lost).is_ok()
        {
            return Err(ChannelError::Timeout);
        }
        Ok(ChannelResponse { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

type Acting = Member<Config, Way, Hurry, MemoryKeep>;
type Wanting = Outsider<Config, Way, Hurry, MemoryKeep>;

/// Goes on at once.
#[derive(Clone, Debug, Default)]
struct Hurry;

impl Pace for Hurry {
    async fn sleep(&mut self, _: Duration) {}

    fn random(&mut self) -> u64 {
        0
    }
}

fn policy() -> MemberPolicy {
    MemberPolicy { group_info: true, ..MemberPolicy::default() }
}

/// A house with alice's group, her at work, and the way there.
async fn town() -> (Way, Acting, GroupId) {
    let house = Arc::new(House::new());
    let id = house.setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let none = ExtensionList::new;
    let alice = client("alice", Handshakes::Public);
    let founded = alice.create_group_with_id(id.as_bytes().to_vec(), none(), none(), None).unwrap();
    let (group, request) = PartitionedGroup::create(founded, provider("hub.example"), &[], true).unwrap();
    let body = encode(&request).unwrap();
    house.setup.service.create_group(&user_id("alice"), request, &body).await.unwrap();
    let way = Way { house, losses: Arc::default(), unsent: Arc::default() };
    let keep = MemoryKeep::new(alice.group_state_storage());
    (way.clone(), Member::new(group, way, Hurry, keep, policy()), id)
}

async fn sync(member: &mut Acting) -> Vec<Progress> {
    member.sync(Duration::ZERO).await.unwrap();
    std::iter::from_fn(|| member.next_progress()).collect()
}

fn outsider(name: &str, way: &Way, id: &GroupId) -> Wanting {
    of(&client(name, Handshakes::Public), way, id)
}

/// Somebody with that client, which keeps what it has stored.
fn of(client: &Client<Config>, way: &Way, id: &GroupId) -> Wanting {
    let keep = MemoryKeep::new(client.group_state_storage());
    Outsider::new(client.clone(), way.clone(), Hurry, keep, policy(), id.clone())
}

#[tokio::test]
async fn somebody_joins_and_talks_at_once() {
    let (way, mut alice, id) = town().await;
    let mut dora = outsider("dora", &way, &id);
    let joined = dora.join().await.unwrap();
    assert_eq!(joined.response.commits_before, 0);
    let mut dora = dora.into_member(joined);
    dora.send(b"here I am").unwrap();
    sync(&mut dora).await;
    let heard = sync(&mut alice).await;
    let words = |progress: &Progress| matches!(progress, Progress::Group(Event::Message { data, .. }) if &data[..] == b"here I am");
    assert!(heard.iter().any(words), "{heard:?}");
    assert_eq!(dora.group().partition_key(), alice.group().partition_key());
}

/// Whoever was given up on and asked again is the same.
#[tokio::test]
async fn a_join_whose_answer_was_lost_is_the_same_join() {
    let (way, mut alice, id) = town().await;
    let mut dora = outsider("dora", &way, &id);
    way.losses.store(usize::MAX, Ordering::Relaxed);
    assert!(matches!(dora.join().await, Err(JoinError::Member(_))));
    way.losses.store(0, Ordering::Relaxed);
    let joined = dora.join().await.unwrap();
    sync(&mut alice).await;
    assert_eq!(alice.group().partition_key(), joined.group.partition_key());
    assert_eq!(alice.group().group().roster().members().len(), 2);
}

/// What was made for an epoch that ended meanwhile is made anew.
#[tokio::test]
async fn a_stale_join_is_made_anew() {
    let (way, mut alice, id) = town().await;
    let mut dora = outsider("dora", &way, &id);
    // It never arrives: a channel that fails before the house sees it.
    let unreachable = Call::local(Operation::ExternalJoin.path(), Vec::new());
    assert!(!unreachable.answer(&way.house).await.status.is_success());
    alice.update().unwrap();
    sync(&mut alice).await;
    let mut erin = outsider("erin", &way, &id);
    let (first, second) = (Box::pin(dora.join()), Box::pin(erin.join()));
    // Both ask for the GroupInfo before either has joined: one of them is late.
    let (first, second) = tokio::join!(first, second);
    let (first, second) = (first.unwrap(), second.unwrap());
    sync(&mut alice).await;
    assert_eq!(alice.group().group().roster().members().len(), 3);
    let epochs = [first.group.epoch(), second.group.epoch()];
    assert!(epochs.contains(&alice.group().epoch()) && epochs[0] != epochs[1]);
}

#[tokio::test]
async fn who_has_lost_everything_comes_back() {
    let (way, mut alice, id) = town().await;
    let dora = client("dora", Handshakes::Public);
    let mut first = of(&dora, &way, &id);
    let lost = first.join().await.unwrap();
    sync(&mut alice).await;
    drop(lost);
    let mut again = of(&dora, &way, &id);
    let joined = again.resync(OldLeaf::Own).await.unwrap();
    sync(&mut alice).await;
    assert_eq!(alice.group().partition_key(), joined.group.partition_key());
    assert_eq!(alice.group().group().roster().members().len(), 2);
    let mut nobody = outsider("erin", &way, &id);
    assert!(matches!(nobody.resync(OldLeaf::Own).await, Err(JoinError::OldLeafUnknown)));
}

#[tokio::test]
async fn what_nobody_published_nobody_joins() {
    let (way, mut alice, id) = town().await;
    let request = alice.group_mut().commit_update(false).unwrap();
    let body = encode(&request).unwrap();
    Call::local("/v1/send", body).answer(&way.house).await.assert_ok();
    let mut dora = outsider("dora", &way, &id);
    assert!(matches!(dora.join().await, Err(JoinError::NoGroupInfo)));
    let (home, phone) = (DeliveryService::new(way.clone()), ClientId::new([7; 16]));
    let proposed = dora.propose(&provider("third.example"), &home, phone).await;
    assert!(matches!(proposed, Err(JoinError::NoGroupInfo)));
}

/// A member hands over what the hub was not given. It is good for one join: after that the hub is asked.
#[tokio::test]
async fn who_was_handed_a_group_info_joins_with_it() {
    let (way, mut alice, id) = town().await;
    let commit = |alice: &mut Acting| encode(&alice.group_mut().commit_update(false).unwrap()).unwrap();
    let body = commit(&mut alice);
    Call::local("/v1/send", body).answer(&way.house).await.assert_ok();
    sync(&mut alice).await;
    let handed =
        |alice: &Acting| GroupInfoResponse { group_info: alice.group().group_info().unwrap(), ratchet_tree: None };
    let early = handed(&alice);
    let body = commit(&mut alice);
    Call::local("/v1/send", body).answer(&way.house).await.assert_ok();
    sync(&mut alice).await;

    let mut dora = outsider("dora", &way, &id).with_group_info(early);
    assert!(matches!(dora.join().await, Err(JoinError::NoGroupInfo)));
    let mut dora = dora.with_group_info(handed(&alice));
    let joined = dora.join().await.unwrap();
    sync(&mut alice).await;
    assert_eq!(alice.group().partition_key(), joined.group.partition_key());
}

/// The process dies before it hears that it is in: the next one asks again, and goes on as the member that it is.
#[tokio::test]
async fn a_join_of_a_process_that_died_is_a_membership() {
    let (way, mut alice, id) = town().await;
    let dora = client("dora", Handshakes::Public);
    let keep = MemoryKeep::new(dora.group_state_storage());
    let mut joining = Outsider::new(dora.clone(), way.clone(), Hurry, keep.clone(), policy(), id.clone());
    way.losses.store(usize::MAX, Ordering::Relaxed);
    joining.join().await.unwrap_err();
    way.losses.store(0, Ordering::Relaxed);
    drop(joining);

    let kept = keep.join(id.as_bytes()).expect("it was kept before it was sent");
    let mut again = Outsider::resume(dora, way, Hurry, keep.clone(), policy(), &kept).unwrap();
    let joined = again.settle().await.unwrap().expect("she is in");
    assert!(keep.join(id.as_bytes()).is_none());
    let mut dora = again.into_member(joined);
    dora.send(b"here I am").unwrap();
    sync(&mut dora).await;
    let heard = sync(&mut alice).await;
    let words = |progress: &Progress| matches!(progress, Progress::Group(Event::Message { data, .. }) if &data[..] == b"here I am");
    assert!(heard.iter().any(words), "{heard:?}");
    assert_eq!(alice.group().group().roster().members().len(), 2, "nobody is in it twice");
}

/// The same where the join has never arrived, and the group has moved on.
#[tokio::test]
async fn a_join_that_came_to_nothing_is_told() {
    let (way, mut alice, id) = town().await;
    let dora = client("dora", Handshakes::Public);
    let keep = MemoryKeep::new(dora.group_state_storage());
    let mut joining = Outsider::new(dora.clone(), way.clone(), Hurry, keep.clone(), policy(), id.clone());
    way.unsent.store(usize::MAX, Ordering::Relaxed);
    joining.join().await.unwrap_err();
    way.unsent.store(0, Ordering::Relaxed);
    drop(joining);
    alice.update().unwrap();
    sync(&mut alice).await;

    let kept = keep.join(id.as_bytes()).unwrap();
    let mut again = Outsider::resume(dora, way, Hurry, keep.clone(), policy(), &kept).unwrap();
    for _attempt in 0..2 {
        assert!(again.settle().await.unwrap().is_none());
    }
    assert!(keep.join(id.as_bytes()).is_none() && keep.state(id.as_bytes()).is_none());
    let joined = again.join().await.unwrap();
    sync(&mut alice).await;
    assert_eq!(alice.group().partition_key(), joined.group.partition_key());
}

/// Who asks for something else while a join is on its way is not given that join for it.
#[tokio::test]
async fn another_wish_waits_for_the_fate_of_the_first() {
    let (way, mut alice, id) = town().await;
    let dora = client("dora", Handshakes::Public);
    drop(of(&dora, &way, &id).join().await.unwrap());
    sync(&mut alice).await;
    let mut again = of(&dora, &way, &id);
    way.unsent.store(usize::MAX, Ordering::Relaxed);
    again.resync(OldLeaf::Own).await.unwrap_err();
    way.unsent.store(0, Ordering::Relaxed);
    assert!(matches!(again.join().await, Err(JoinError::OtherPending)));
    assert!(matches!(again.resync(OldLeaf::At(1)).await, Err(JoinError::OtherPending)));
    drop(again.resync(OldLeaf::Own).await.unwrap());
    sync(&mut alice).await;
    assert_eq!(alice.group().group().roster().members().len(), 2, "the lost leaf has gone");
}

/// A member that comes back has a past in the MLS library's storage, from which nothing leads to where it comes back.
#[tokio::test]
async fn who_comes_back_with_a_past_goes_on() {
    let (way, mut alice, id) = town().await;
    let dora = client("dora", Handshakes::Public);
    let joined = of(&dora, &way, &id).join().await.unwrap();
    let mut before = of(&dora, &way, &id).into_member(joined);
    sync(&mut alice).await;
    for _epoch in 0..2 {
        alice.update().unwrap();
        sync(&mut alice).await;
        sync(&mut before).await;
    }
    before.save().await.unwrap();
    drop(before);
    for _epoch in 0..3 {
        alice.update().unwrap();
        sync(&mut alice).await;
    }
    let mut again = of(&dora, &way, &id);
    let joined = again.resync(OldLeaf::Own).await.unwrap();
    let mut dora = again.into_member(joined);
    sync(&mut alice).await;
    alice.update().unwrap();
    sync(&mut alice).await;
    dora.update().unwrap();
    sync(&mut dora).await;
    sync(&mut alice).await;
    assert_eq!(alice.group().partition_key(), dora.group().partition_key());
}
