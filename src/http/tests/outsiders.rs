//! The client that joins from outside, against the listeners.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use mls_rs::ExtensionList;

use super::{Call, House};
use crate::{
    client::{
        Event, JoinError, Member, MemberPolicy, OldLeaf, Outsider, Pace, PartitionedGroup, Progress,
        http::{Channel, ChannelError, ChannelRequest, ChannelResponse, Operation},
        tests::cast::{Config, Handshakes, client},
    },
    service::setup::{provider, user_id},
    wire::{ClientId, GroupId, encode},
};

/// The way to the local listener of the house.
#[derive(Clone)]
struct Way {
    house: Arc<House>,
    /// So many answers to joins are lost on their way back.
    losses: Arc<AtomicUsize>,
}

impl Channel for Way {
    async fn post(&self, request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        let answer = Call::local(request.operation.path(), request.body).answer(&self.house).await;
        let lost = |left: usize| left.checked_sub(1);
        if request.operation == Operation::ExternalJoin
            && self.losses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lost).is_ok()
        {
            return Err(ChannelError::Timeout);
        }
        Ok(ChannelResponse { status: answer.status, headers: answer.headers, body: answer.body })
    }
}

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
async fn town() -> (Way, Member<Config, Way, Hurry>, GroupId) {
    let house = Arc::new(House::new());
    let id = house.setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let none = ExtensionList::new;
    let alice = client("alice", Handshakes::Public);
    let founded = alice.create_group_with_id(id.as_bytes().to_vec(), none(), none(), None).unwrap();
    let (group, request) = PartitionedGroup::create(founded, provider("hub.example"), &[], true).unwrap();
    let body = encode(&request).unwrap();
    house.setup.service.create_group(&user_id("alice"), request, &body).await.unwrap();
    let way = Way { house, losses: Arc::default() };
    (way.clone(), Member::new(group, way, Hurry, policy()), id)
}

async fn sync(member: &mut Member<Config, Way, Hurry>) -> Vec<Progress> {
    member.sync(Duration::ZERO).await.unwrap();
    std::iter::from_fn(|| member.next_progress()).collect()
}

fn outsider(name: &str, way: &Way, id: &GroupId) -> Outsider<Config, Way, Hurry> {
    Outsider::new(client(name, Handshakes::Public), way.clone(), Hurry, policy(), id.clone())
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
    let mut first = Outsider::new(dora.clone(), way.clone(), Hurry, policy(), id.clone());
    let lost = first.join().await.unwrap();
    sync(&mut alice).await;
    drop(lost);
    let mut again = Outsider::new(dora, way.clone(), Hurry, policy(), id.clone());
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
    assert!(matches!(
        dora.propose(&provider("third.example"), ClientId::new([4; 16])).await,
        Err(JoinError::NoGroupInfo)
    ));
}
