//! Creating a group (draft §7.1): its hub takes the Welcome to the providers of all new members, who begin to read.
//!
//! What counts as a failure:
//! * a new member to whom no Welcome is delivered, whatever was lost or killed on the way,
//! * a Welcome that is shown again after it was acknowledged, or in two entries,
//! * a provider that sees a reference to a KeyPackage of another provider's user,
//! * members who do not end up in one epoch of one branch,
//! * a message that was acknowledged and is not where its receipt says, or that somebody reads twice or not at all.

use super::{
    device::{Device, assert_together, talk},
    fault::Deck,
    newcomer::{Handshakes, Newcomer},
    world::{THIRD, World},
};
use crate::site::{FOLLOWER, HUB};

/// Rough from and to the hub: between followers there is nothing to say.
fn weather(from: &str, to: &str) -> Deck {
    match (from, to) {
        // Fewer exchanges go well than Welcomes take, before all has gone wrong once.
        (HUB, FOLLOWER) => Deck::shuffled(1, 1, 1),
        (HUB, _) => Deck::shuffled(2, 1, 0),
        (FOLLOWER, HUB) => Deck::shuffled(3, 3, 4),
        (_, HUB) => Deck::shuffled(4, 3, 4),
        _ => Deck::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_welcomed_once_when_handshakes_are_public() {
    Box::pin(create(Handshakes::Public)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_is_welcomed_once_when_handshakes_are_encrypted() {
    Box::pin(create(Handshakes::Encrypted)).await;
}

async fn create(handshakes: Handshakes) {
    let mut world = World::new(weather, |usual| usual).await;
    let alice = Newcomer::new(&world, HUB, "alice", handshakes);
    let newcomers = [(HUB, "bob"), (FOLLOWER, "carol-phone"), (FOLLOWER, "carol-pad"), (THIRD, "dave")];
    let newcomers = newcomers.map(|(provider, name)| Newcomer::new(&world, provider, name, handshakes));
    let mut members = Vec::new();
    for newcomer in &newcomers {
        members.push(newcomer.upload().await);
    }
    let references: Vec<_> = members.iter().map(|member| member.reference().unwrap().0).collect();

    // third.example is not there, and the hub does not live longer than its acknowledgement.
    world.kill(THIRD).await;
    let alice = alice.found(&members, false).await;
    world.restart(HUB).await;
    world.start(THIRD).await;
    let mut devices = vec![alice];
    for (newcomer, reference) in newcomers.into_iter().zip(&references) {
        devices.push(join(&mut world, newcomer, reference).await);
    }
    assert_together(&devices.iter().collect::<Vec<_>>());
    for (follower, own) in [(FOLLOWER, [false, true, true, false]), (THIRD, [false, false, false, true])] {
        let line = world.line(HUB, follower);
        let seen: Vec<_> = references.iter().map(|reference| line.has_carried(reference)).collect();
        assert_eq!(seen, own, "{follower} is told of its own users");
    }

    // They begin to read, and to talk.
    talk(&mut devices, "hello from").await;

    // Another one comes later, while both processes that have to do with it are killed.
    let tablet = Newcomer::new(&world, FOLLOWER, "carol-tab", handshakes);
    let member = tablet.upload().await;
    let reference = member.reference().unwrap().0;
    devices[0].member.add(vec![member]).unwrap();
    devices[0].flush().await;
    world.restart(HUB).await;
    world.restart(FOLLOWER).await;
    devices.push(join(&mut world, tablet, &reference).await);
    talk(&mut devices, "hello again from").await;
    assert_together(&devices.iter().collect::<Vec<_>>());
    assert!(!world.line(HUB, THIRD).has_carried(&reference));

    for device in &devices[1..] {
        assert_eq!(device.newcomer.inbox().await, [], "{} was shown its Welcome", device.name());
    }
    for line in [(HUB, FOLLOWER), (HUB, THIRD), (FOLLOWER, HUB), (THIRD, HUB)] {
        let happened = world.line(line.0, line.1).happened();
        assert!(happened.is_rough(), "{line:?}: {happened:?}");
    }
    world.end().await;
}

/// Waits for the Welcome, forgets it, asks again behind a restart, and joins.
async fn join(world: &mut World, newcomer: Newcomer, reference: &[u8]) -> Device {
    let shown = newcomer.welcomed().await;
    let named: Vec<_> = shown.welcome.key_package_refs().collect();
    assert_eq!(named, [reference], "{} is the only one in it", newcomer.name);
    if newcomer.name == "carol-phone" {
        world.restart(FOLLOWER).await;
    }
    assert_eq!(newcomer.inbox().await, std::slice::from_ref(&shown), "it is kept until it is acknowledged");
    let group = newcomer.join(&shown).await;
    if newcomer.name == "carol-phone" {
        world.restart(FOLLOWER).await;
    }
    assert_eq!(newcomer.inbox().await, [], "{} joined", newcomer.name);
    newcomer.enter(group)
}
