//! GroupInfos without trees (draft §5.1, specs/protocol.md S17, S18, C14): where handshakes are public and the hub saw how
//! the group began, it knows the tree and gives it to who wants to join. Where it did not, it asks whoever publishes, who
//! sends the same commit with the tree.
//!
//! What counts as a failure:
//! * a tree that a follower sends though the hub can infer it, or that a hub does not ask for though it cannot,
//! * a commit or join that is in the group twice because it was sent twice, or that is not in it,
//! * a newcomer who is given another tree than the members have, or who cannot join with it,
//! * any of that with a hub that was killed in between.

use super::{
    device::{Device, assert_together, found, talk},
    fault::Deck,
    joining::{ask, enter},
    newcomer::{Handshakes, Newcomer},
    world::{THIRD, World},
};
use crate::site::{FOLLOWER, HUB};

/// What went wrong is sent again, with or without the tree.
fn weather(from: &str, to: &str) -> Deck {
    match (from, to) {
        (FOLLOWER, HUB) => Deck::shuffled(51, 3, 3),
        (THIRD, HUB) => Deck::shuffled(52, 3, 3),
        _ => Deck::default(),
    }
}

/// What stands in every tree of the group, and in nothing else that others send: the key by which somebody signs.
fn signature_key(device: &Device) -> Vec<u8> {
    let own = device.member.group().group().current_member_signing_identity().unwrap();
    own.signature_key.to_vec()
}

fn tree(device: &Device) -> Vec<u8> {
    device.member.group().group().export_tree().to_bytes().unwrap()
}

/// One after the other commits and publishes what comes of it.
async fn all_commit(devices: &mut [Device]) {
    for at in 0..devices.len() {
        devices[at].member.update().unwrap();
        devices[at].flush().await;
        let epoch = devices[at].epoch();
        for device in devices.iter_mut() {
            device.read_until(|device| device.epoch() == epoch).await;
        }
    }
    assert_together(&devices.iter().collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sends_a_tree_that_the_hub_can_infer() {
    let mut world = World::new(weather, |usual| usual).await;
    let mut devices = found(&world, Handshakes::Public, &[(FOLLOWER, "carol"), (THIRD, "erin")]).await;
    talk(&mut devices, "before, from").await;
    all_commit(&mut devices).await;

    // The hub has nothing at hand, and gives the tree that the members have.
    world.restart(HUB).await;
    let group_id = devices[0].member.group().group_id().to_vec();
    let dave = Newcomer::new(&world, THIRD, "dave", Handshakes::Public);
    let published = ask(&dave, &group_id, None).await.unwrap();
    assert!(!published.group_info.has_ratchet_tree(), "nobody has published one");
    assert_eq!(published.ratchet_tree.unwrap().bytes(), &tree(&devices[1]));
    devices.push(enter(dave, &group_id, None, None).await);
    all_commit(&mut devices).await;
    talk(&mut devices, "with dave, from").await;

    let founder = signature_key(&devices[0]);
    assert!(tree(&devices[0]).windows(founder.len()).any(|window| window == founder));
    for from in [FOLLOWER, THIRD] {
        assert!(!world.line(from, HUB).has_carried(&founder), "{from} has sent a tree");
        let happened = world.line(from, HUB).happened();
        assert!(happened.is_rough(), "{from}: {happened:?}");
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_cannot_infer_a_tree_is_sent_it() {
    let mut world = World::new(weather, |usual| usual).await;
    // The group was created without a GroupInfo: the hub knows nothing of its beginning.
    let [carol, erin] = [(FOLLOWER, "carol"), (THIRD, "erin")]
        .map(|(provider, name)| Newcomer::new(&world, provider, name, Handshakes::Public));
    let members = [carol.upload().await, erin.upload().await];
    let mut devices = vec![Newcomer::new(&world, HUB, "alice", Handshakes::Public).found(&members, false).await];
    for newcomer in [carol, erin] {
        let welcome = newcomer.welcomed().await;
        let group = newcomer.join(&welcome).await;
        devices.push(newcomer.enter(group));
    }
    talk(&mut devices, "before, from").await;
    let (first, founder) = (devices[0].epoch(), signature_key(&devices[0]));
    for from in [FOLLOWER, THIRD] {
        assert!(!world.line(from, HUB).has_carried(&founder));
    }
    all_commit(&mut devices).await;
    assert_eq!(devices[0].epoch(), first + 3, "each commit counts once, though each was sent twice at least");
    for from in [FOLLOWER, THIRD] {
        assert!(world.line(from, HUB).has_carried(&founder), "{from} was not asked for the tree");
    }

    world.restart(HUB).await;
    let group_id = devices[0].member.group().group_id().to_vec();
    let dave = Newcomer::new(&world, THIRD, "dave", Handshakes::Public);
    let published = ask(&dave, &group_id, None).await.unwrap();
    assert!(published.group_info.has_ratchet_tree() && published.ratchet_tree.is_none());
    devices.push(enter(dave, &group_id, None, None).await);
    all_commit(&mut devices).await;
    talk(&mut devices, "with dave, from").await;
    for from in [FOLLOWER, THIRD] {
        let happened = world.line(from, HUB).happened();
        assert!(happened.is_rough(), "{from}: {happened:?}");
    }
    world.end().await;
}
