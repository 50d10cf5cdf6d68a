//! A fork (draft §5), seen by those on it: somebody means ill and commits what one member cannot open. All others go on
//! there; she goes on alone. Her client finds out from its provider, reports it when she says so, and takes her to the
//! others when she wants that.
//!
//! What counts as a failure:
//! * a member on the branch that everybody else is on who is told that the group has forked, or one elsewhere who is not,
//! * somebody who is moved, or anything that is reported, without having been asked,
//! * a report that does not reach the hub's operator, or says more than that there is a fork,
//! * anything that was said on either branch and cannot be read there, also after the hub was killed,
//! * a member who has gone to the others and is there twice, or does not read on.

use std::time::Duration;

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList,
    client_builder::{MlsConfig, PaddingMode},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{DefaultMlsRules, EncryptionOptions},
};
use restante::{
    client::{
        Event, Fork, Inbox, NewMember, OldLeaf, PartitionedGroup, Progress, Standing,
        http::{DeliveryService, LocalClient},
    },
    demo::saboteur::Saboteur,
    wire::{ClientId, ReportReason, ReportRequest, UploadKeyPackagesRequest, encode},
};

use super::{
    device::{Device, assert_together, found, talk},
    fault::Deck,
    newcomer::Handshakes,
    world::{THIRD, World},
};
use crate::site::{FOLLOWER, HUB};

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

/// A client whose commits can be spoiled.
fn malicious(handshakes: Handshakes) -> (Saboteur, Client<impl MlsConfig + use<>>) {
    let crypto = Saboteur::default();
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    let credential = BasicCredential::new(b"mallory".to_vec()).into_credential();
    let encryption = EncryptionOptions::new(handshakes == Handshakes::Encrypted, PaddingMode::StepFunction);
    let client = Client::builder()
        .crypto_provider(crypto.clone())
        .identity_provider(BasicIdentityProvider::new())
        .mls_rules(DefaultMlsRules::new().with_encryption_options(encryption))
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build();
    (crypto, client)
}

/// Mallory is added by Alice, and commits what her sibling in the tree cannot open: the one who was added last before her.
async fn spoil(world: &World, handshakes: Handshakes, alice: &mut Device) {
    let (saboteur, client) = malicious(handshakes);
    let mallory: DeliveryService<LocalClient> = DeliveryService::new(world.channel(THIRD, "mallory"));
    let package = client.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
    let member = NewMember::from_message(&package, THIRD.parse().unwrap()).unwrap();
    let id = ClientId::new([9; 16]);
    let upload = UploadKeyPackagesRequest { client_id: id, key_packages: vec![member.key_package.clone()] };
    mallory.upload_key_packages(&upload).await.unwrap();
    alice.member.add(vec![member]).unwrap();
    alice.flush().await;
    let mut inbox = Inbox::new(id);
    let welcome = inbox.next(&mallory, Duration::from_secs(50)).await.unwrap().expect("a Welcome in time");
    let mut group = PartitionedGroup::join(&client, &welcome).unwrap();
    saboteur.spoil(&[0]);
    mallory.send(&group.commit_update(true).unwrap(), None).await.unwrap();
}

/// Reads as an app does, and what that tells.
async fn sync(device: &mut Device) -> Vec<Progress> {
    device.member.sync(Duration::ZERO).await.unwrap();
    std::iter::from_fn(|| device.member.next_progress()).collect()
}

fn fork(standing: Standing) -> Fork {
    match standing {
        Standing::Fork(fork) => *fork,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_left_behind_finds_out_when_handshakes_are_public() {
    Box::pin(leave_behind(Handshakes::Public)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_left_behind_finds_out_when_handshakes_are_encrypted() {
    Box::pin(leave_behind(Handshakes::Encrypted)).await;
}

async fn leave_behind(handshakes: Handshakes) {
    let mut world = World::new(|_, _| Deck::default(), |usual| usual).await;
    let mut devices = found(&world, handshakes, &[(THIRD, "bob"), (FOLLOWER, "carol")]).await;
    talk(&mut devices, "before, from").await;
    spoil(&world, handshakes, &mut devices[0]).await;
    let mut carol = devices.pop().expect("there are three");
    for device in &mut devices {
        device.read_until(|device| device.epoch() == 3).await;
    }
    talk(&mut devices, "on we go, says").await;

    // Carol stays in the epoch before, and her client finds out. Nobody is told but she.
    let mut told = Vec::new();
    let mut turns = 0;
    while !told.iter().any(|progress| matches!(progress, Progress::Forked(_))) {
        told.extend(sync(&mut carol).await);
        turns += 1;
        assert!(turns < 4, "{told:?}");
    }
    assert!(told.iter().any(|progress| matches!(progress, Progress::Group(Event::Ignored { .. }))));
    let seen = fork(carol.member.standing().await.unwrap());
    assert_eq!((seen.epoch.0, seen.own_epoch.0), (3, 2));
    assert_eq!(seen.partition, devices[0].member.group().masked_partition_key());
    assert_eq!(seen.members.as_ref().map(Vec::len), Some(4), "she is shown who is there");
    for device in &mut devices {
        assert_eq!(device.member.standing().await.unwrap(), Standing::Dominant, "{}", device.name());
    }

    // She goes on alone, so that there are two branches with a message on each, and a hub that has to know it from its disk.
    carol.say("is anybody here?").await;
    carol.member.update().unwrap();
    carol.flush().await;
    carol.say("still nobody").await;
    world.restart(HUB).await;
    let again = fork(carol.member.standing().await.unwrap());
    assert_eq!((again.partition, again.epoch.0, again.own_epoch.0), (seen.partition, 3, 3));
    assert_eq!(devices[0].member.standing().await.unwrap(), Standing::Dominant);
    talk(&mut devices, "and on, says").await;

    // She has it reported: no more than that.
    assert!(!world.line(FOLLOWER, HUB).has_carried(&reported(&carol)), "nobody has said so");
    carol.member.report_fork(&again).await.unwrap();
    assert!(world.line(FOLLOWER, HUB).has_carried(&reported(&carol)));
    assert_eq!(world.complaints(FOLLOWER).await, [format!("{HUB} fork {FOLLOWER} 1")]);
    assert_eq!(world.complaints(HUB).await, [format!("{HUB} fork {FOLLOWER} 1")]);

    // And goes where the others are, in the place of her old leaf.
    let Device { newcomer, member, .. } = carol;
    let mut outsider = member.into_outsider(newcomer.client.clone()).unwrap();
    let joined = outsider.resync(OldLeaf::Own).await.unwrap();
    devices.push(Device::over(newcomer, outsider.into_member(joined)));
    for device in &mut devices {
        device.read_until(|device| device.epoch() == 4).await;
        assert_eq!(device.names(), ["alice", "bob", "carol", "mallory"]);
    }
    talk(&mut devices, "together again, says").await;
    assert_together(&devices.iter().collect::<Vec<_>>());
    for device in &mut devices {
        assert_eq!(device.member.standing().await.unwrap(), Standing::Dominant, "{}", device.name());
    }
    world.end().await;
}

/// How a report of that device's group goes over the wire: the group, the hub, and that there is a fork.
fn reported(device: &Device) -> Vec<u8> {
    let group = device.member.group();
    let request =
        ReportRequest { group_id: group.group_id().to_vec(), about: group.hub().clone(), reason: ReportReason::Fork };
    encode(&request).unwrap()
}
