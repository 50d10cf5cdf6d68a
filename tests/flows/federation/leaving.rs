//! Self-remove (draft §7.3): a member proposes its own removal, in each epoch anew until a commit takes it up, and its
//! provider, which has no other user in the group, takes no more of it.
//!
//! What counts as a failure:
//! * a proposal that was acknowledged and is in no epoch, or that is not made again when a commit has passed it by,
//! * a member who is still in when a commit of somebody who has read the proposal is applied,
//! * the one who left reading anything behind that commit, or those who stay not reading everything,
//! * a provider without users in the group that goes on asking, takes a push, or is pushed what comes after.

use restante::{
    client::http::{Channel, ChannelRequest, Operation},
    wire::{MaskedPartitionKey, PushRequest, ReceiveResponse, encode},
};

use super::{
    device::{Device, assert_together, be_pushed, found, talk},
    fault::Deck,
    newcomer::Handshakes,
    world::{THIRD, World},
};
use crate::site::{FOLLOWER, HUB, Setting};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_leaves_and_the_provider_with_them_when_handshakes_are_public() {
    Box::pin(leave(Handshakes::Public)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_leaves_and_the_provider_with_them_when_handshakes_are_encrypted() {
    Box::pin(leave(Handshakes::Encrypted)).await;
}

async fn leave(handshakes: Handshakes) {
    let push_to_third = |usual: Setting| Setting { push: usual.id == THIRD, ..usual };
    let mut world = World::new(|_, _| Deck::default(), push_to_third).await;
    let mut devices = found(&world, handshakes, &[(FOLLOWER, "carol"), (THIRD, "dave")]).await;
    talk(&mut devices, "before, from").await;
    let [mut alice, mut carol, mut dave] = <[Device; 3]>::try_from(devices).ok().expect("there are three");
    be_pushed(world.line(HUB, THIRD), &mut alice, &mut dave).await;
    let followed = dave.member.group().masked_partition_key();
    // From here on nothing is sure to arrive.
    world.line(FOLLOWER, HUB).deal(Deck::shuffled(21, 1, 1));
    world.line(THIRD, HUB).deal(Deck::shuffled(22, 1, 1));

    // The hub acknowledges the proposal and dies. Alice, who has not read it, commits without it.
    dave.member.leave().unwrap();
    dave.flush().await;
    assert!(dave.member.is_leaving());
    world.restart(HUB).await;
    alice.member.update().unwrap();
    alice.flush().await;
    carol.read_until(|carol| carol.epoch() == alice.epoch()).await;
    assert_eq!((carol.proposals, alice.left.len(), carol.left.len()), (1, 0, 0));

    // He sees that, and proposes it anew. Carol commits it before she says something.
    dave.read_until(|dave| dave.epoch() == alice.epoch()).await;
    assert!(!dave.member.is_leaving());
    dave.flush().await;
    assert!(dave.member.is_leaving());
    world.restart(THIRD).await;
    carol.read_until(|carol| carol.proposals == 2).await;
    carol.say("farewell").await;
    let has_farewell = |device: &Device| device.heard.values().any(|text| text == "farewell");
    alice.read_until(has_farewell).await;
    assert_eq!(push(&world, &dave, followed).await, 200);
    dave.read_until(|dave| dave.member.group().is_removed()).await;
    assert_eq!([&alice.left, &carol.left], [&["dave"], &["dave"]]);
    assert_eq!(dave.member.unsettled().count(), 0);
    assert!(!has_farewell(&dave));

    // His client has told his provider, which has no other user in the group.
    assert_eq!(push(&world, &dave, followed).await, 410);
    let asked = world.line(THIRD, HUB).happened().requests;
    alice.member.update().unwrap();
    alice.flush().await;
    carol.read_until(|carol| carol.epoch() == alice.epoch()).await;
    let newest = alice.member.group().masked_partition_key();
    let mut rest = [alice, carol];
    talk(&mut rest, "without dave, from").await;
    assert_together(&rest.iter().collect::<Vec<_>>());
    // The commit that announces it stands in a partition that is none of its business either.
    assert!(!world.line(HUB, THIRD).has_carried(newest.as_bytes()), "{THIRD} is told nothing of it");
    assert_eq!(world.line(THIRD, HUB).happened().requests, asked, "and asks for nothing");
    for from in [FOLLOWER, THIRD] {
        let happened = world.line(from, HUB).happened();
        assert!(happened.is_rough(), "{from}: {happened:?}");
    }
    world.end().await;
}

/// What third.example answers when the hub pushes nothing but a place of its group. Whom it is about it knows by itself.
async fn push(world: &World, device: &Device, partition: MaskedPartitionKey) -> u16 {
    let request = PushRequest {
        group_id: device.member.group().group_id().to_vec(),
        masked_partition_key: partition,
        first_counter: 0,
        response: ReceiveResponse::default(),
    };
    let hub = world.site.pki.client(&world.site.pki.identity(HUB), THIRD, world.provider(THIRD));
    let third = hub.peer(&THIRD.parse().unwrap()).unwrap();
    let request = ChannelRequest::new(Operation::Push, encode(&request).unwrap().into());
    third.post(request).await.unwrap().status.as_u16()
}
