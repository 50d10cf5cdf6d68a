//! Two more ways into a group (draft §4.5): somebody proposes to be added, and is welcomed by a member; somebody joins by
//! an external commit though the hub has published nothing.
//!
//! What counts as a failure:
//! * a proposal that was acknowledged and that a member does not see, or sees twice, also when it was lost on its way,
//! * a newcomer who was added and to whom no Welcome comes, or one who reads anything before,
//! * a GroupInfo or a place in the group for who has neither used it nor a token,
//! * a join that was acknowledged and that not all members apply,
//! * members who do not end up in one epoch of one branch, or a message that somebody reads twice or not at all.

use restante::{
    client::{JoinOptions, Outsider, PartitionedGroup, ProblemCode},
    wire::{GroupId, GroupInfoResponse, JoinToken},
};

use super::{
    device::{assert_together, found, pace, policy, talk},
    fault::Deck,
    joining::{ask, code, refusal, vouch},
    newcomer::{Handshakes, Newcomer},
    world::{THIRD, World},
};
use crate::site::{FOLLOWER, HUB, Setting};

/// Rough on the way of who wants in, and on that of the Welcome.
fn weather(from: &str, to: &str) -> Deck {
    match (from, to) {
        (THIRD, HUB) => Deck::shuffled(41, 2, 1),
        (HUB, THIRD) => Deck::shuffled(42, 1, 1),
        _ => Deck::default(),
    }
}

fn open(usual: Setting) -> Setting {
    Setting { more: "[policy]\ngroup_info = \"open\"\n".to_owned(), ..usual }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_proposes_to_be_added_is_welcomed_when_handshakes_are_public() {
    Box::pin(propose(Handshakes::Public)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_proposes_to_be_added_is_welcomed_when_handshakes_are_encrypted() {
    Box::pin(propose(Handshakes::Encrypted)).await;
}

async fn propose(handshakes: Handshakes) {
    let mut world = World::new(weather, open).await;
    let mut devices = found(&world, handshakes, &[(FOLLOWER, "carol")]).await;
    talk(&mut devices, "before, from").await;
    let group_id = devices[0].member.group().group_id().to_vec();
    let dave = Newcomer::new(&world, THIRD, "dave", handshakes);
    let id = GroupId::parse(&group_id).unwrap();
    let mut outsider =
        Outsider::new(dave.client.clone(), dave.channel.clone(), pace(), dave.keep.clone(), policy(), id);
    outsider.propose(&THIRD.parse().unwrap(), &dave.service(), dave.id()).await.unwrap();
    world.restart(HUB).await;

    // Carol's device knows who asks, and lets him in; Alice's has seen the same.
    for device in &mut devices {
        device.read_until(|device| device.proposals > 0).await;
        device.read().await;
        assert_eq!(device.proposals, 1, "{}", device.name());
    }
    let newcomer = devices[1].newcomers.pop().expect("a provider is named");
    assert_eq!(newcomer.service_provider.as_str(), THIRD);
    devices[1].member.add(vec![newcomer]).unwrap();
    devices[1].flush().await;
    world.restart(THIRD).await;
    let welcome = dave.welcomed().await;
    let group = dave.join(&welcome).await;
    devices.push(dave.enter(group));
    talk(&mut devices, "with dave, from").await;
    assert_together(&devices.iter().collect::<Vec<_>>());
    assert_eq!(devices[2].newcomer.inbox().await, []);
    assert_rough(&world);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_a_group_that_published_nothing_when_handshakes_are_public() {
    Box::pin(join_unpublished(Handshakes::Public)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_opens_a_group_that_published_nothing_when_handshakes_are_encrypted() {
    Box::pin(join_unpublished(Handshakes::Encrypted)).await;
}

async fn join_unpublished(handshakes: Handshakes) {
    let mut world = World::new(weather, open).await;
    let carol = Newcomer::new(&world, FOLLOWER, "carol", handshakes);
    let member = carol.upload().await;
    let alice = Newcomer::new(&world, HUB, "alice", handshakes).found(&[member], false).await;
    let welcome = carol.welcomed().await;
    let group = carol.join(&welcome).await;
    let mut devices = vec![alice, carol.enter(group)];
    talk(&mut devices, "before, from").await;
    let group_id = devices[0].member.group().group_id().to_vec();

    // There is nothing to be given, whoever asks. Carol gives him her own, by another way.
    let dave = Newcomer::new(&world, THIRD, "dave", handshakes);
    let refused = ask(&dave, &group_id, None).await.unwrap_err();
    assert_eq!(code(&refused), Some(ProblemCode::NoGroupInfo));
    let published =
        GroupInfoResponse { group_info: devices[1].member.group().group_info().unwrap(), ratchet_tree: None };
    let options = JoinOptions { group_info: false, old_leaf: None };
    let hub = HUB.parse().unwrap();
    let (group, request) =
        PartitionedGroup::join_externally(&dave.client, hub, &group_id, &published, &options).unwrap();
    let send = async |token: Option<&JoinToken>| {
        dave.asked(async || refusal(dave.service().external_join(&request, token).await)).await
    };
    assert_eq!(send(None).await.unwrap_err(), ProblemCode::StaleJoin, "third.example has nobody in the group");
    let token = vouch(&devices[1]).await;
    let response = send(Some(&token)).await.unwrap();
    assert_eq!(response.commits_before, 0);
    world.restart(HUB).await;
    assert_eq!(send(Some(&token)).await.unwrap(), response, "it is one join, however often it is sent");

    let mut dave = dave.enter(group);
    dave.say("here I am").await;
    for device in &mut devices {
        device.read_until(|device| device.heard.values().any(|text| text == "here I am")).await;
        assert_eq!(device.joined, ["dave"], "{}", device.name());
    }
    devices.push(dave);
    talk(&mut devices, "with dave, from").await;
    assert_together(&devices.iter().collect::<Vec<_>>());
    assert_rough(&world);
    world.end().await;
}

/// Everything that can go wrong has, on the way of whoever wanted in.
fn assert_rough(world: &World) {
    let happened = world.line(THIRD, HUB).happened();
    assert!(happened.is_rough(), "{happened:?}");
}
