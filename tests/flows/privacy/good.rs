//! What people do who mean well: real MLS clients and some made-up messages, with a canary wherever one fits.

use std::time::Duration;

use restante::{
    client::{
        Outsider,
        http::{ChannelRequest, DeliveryService, LocalClient, Operation},
    },
    forks::{group_name, partition_name},
    mls::{CipherSuite, ProtocolVersion},
    sequencer::GroupKey,
    wire::{
        BearerToken, BearerTokenKind, ClientId, CreateGroupRequest, GroupId, JoinToken, JoinTokenRequest,
        KeyPackageRequest, KeyPackageRequests, KeyPackageStatus, MintTokenRequest, PartitionKey, ReportReason,
        ReportRequest, decode, encode,
    },
};

use super::{
    canary::{Canaries, Kind},
    stage::{ALICE, AWAY, BOB, CAROL, Stage, WRONG_TOKEN, way},
};
use crate::{
    federation::{
        device::{Device, pace, policy},
        newcomer::{Handshakes, Newcomer},
    },
    fixtures::{
        mls,
        requests::{self, Attached, CreateGroup},
    },
    site::{FOLLOWER, HUB, token_of},
};

/// Of a group whose messages are made up.
pub(super) const KEYS: [[u8; 16]; 4] =
    [*b"canary-key-zero-", *b"canary-key-one--", *b"canary-key-orph-", *b"canary-key-read-"];
/// Of a group that forks, of made-up messages as well.
const FORKED_KEYS: [[u8; 16]; 3] = [*b"canary-key-fork-", *b"canary-key-left-", *b"canary-key-right"];
pub(super) const CIPHERTEXT: &[u8] = b"canary payload that is ciphertext";
/// Of a KeyPackage at the provider that is away.
const REFERENCE: &[u8] = b"canary-reference-of-a-KeyPackage";
const PHONE: [u8; 16] = *b"canary-phone-bob";
const LAPTOP: [u8; 16] = *b"canary-laptop-bo";
const TABLET: [u8; 16] = *b"canary-tablet-ca";
const NAMES: [&str; 5] = [
    "canary-name-of-alice",
    "canary-name-of-bob-1",
    "canary-name-of-bob-2",
    "canary-name-of-carol",
    "canary-name-of-bob-3",
];
const WORDS: [&str; 4] =
    ["canary words of alice", "canary words of bob", "canary words that wait", "canary words of carol"];

fn user(stage: &Stage, provider: &str, name: &str) -> DeliveryService<LocalClient> {
    DeliveryService::new(way(stage.provider(provider), &token_of(provider), name))
}

fn newcomer(stage: &Stage, provider: &'static str, user: &str, name: usize, id: [u8; 16]) -> Newcomer {
    let way = way(stage.provider(provider), &token_of(provider), user);
    Newcomer::over(way, provider, NAMES[name], ClientId::new(id), Handshakes::Public)
}

/// A group with public handshakes: a Welcome, messages, commits, a push, a join from outside.
pub(super) async fn live(stage: &Stage, canaries: &mut Canaries) {
    NAMES.iter().for_each(|name| canaries.add(Kind::Name, name));
    WORDS.iter().for_each(|words| canaries.add(Kind::Words, words));
    [PHONE, LAPTOP, TABLET].iter().for_each(|client| canaries.add(Kind::Client, client));
    let phone = newcomer(stage, FOLLOWER, BOB, 1, PHONE);
    let laptop = newcomer(stage, FOLLOWER, BOB, 2, LAPTOP);
    let members = [phone.upload().await, laptop.upload().await];
    // One that nobody fetches.
    let kept = laptop.upload().await;
    for member in members.iter().chain([&kept]) {
        canaries.add_key_package(member.key_package.bytes(), &member.reference().unwrap().0);
    }
    let mut alice = newcomer(stage, HUB, ALICE, 0, *b"canary-device-al").found(&members, true).await;
    canaries.add_group(alice.member.group().group_id());
    let welcome = phone.welcomed().await;
    let mut bob = {
        let group = phone.join(&welcome).await;
        phone.enter(group)
    };
    // It has not come yet to acknowledging.
    laptop.welcomed().await;
    let know = |canaries: &mut Canaries, device: &Device| canaries.add_key(device.member.group().partition_key());
    know(canaries, &alice);

    alice.say(WORDS[0]).await;
    bob.read_until(|bob| bob.heard.values().any(|heard| heard == WORDS[0])).await;
    bob.say(WORDS[1]).await;
    // An Add in clear.
    let watch = newcomer(stage, FOLLOWER, BOB, 4, *b"canary-watch-bob");
    let added = watch.upload().await;
    canaries.add_key_package(added.key_package.bytes(), &added.reference().unwrap().0);
    alice.member.add(vec![added]).unwrap();
    alice.flush().await;
    know(canaries, &alice);
    bob.read_until(|bob| bob.epoch() == alice.epoch()).await;
    // He waits in the new partition, and the hub pushes.
    let heard = |bob: &Device| bob.heard.values().any(|heard| heard == WORDS[2]);
    tokio::join!(bob.read_until(heard), async { alice.say(WORDS[2]).await });

    join_from_outside(stage, &alice, canaries).await;
    alice.read().await;
    know(canaries, &alice);
    let (group_id, about) = (alice.member.group().group_id().to_vec(), HUB.parse().unwrap());
    let report = ReportRequest { group_id, about, reason: ReportReason::Fork };
    bob.newcomer.service().report(&report).await.unwrap();
}

async fn join_from_outside(stage: &Stage, alice: &Device, canaries: &mut Canaries) {
    let (group_id, key) = (alice.member.group().group_id().to_vec(), alice.member.group().partition_key().clone());
    let request = JoinTokenRequest { group_id: group_id.clone(), partition_key: key, ttl_seconds: 600 };
    let token = alice.newcomer.service().join_token(&request).await.unwrap().token;
    canaries.add(Kind::JoinToken, &token);
    let carol = newcomer(stage, FOLLOWER, CAROL, 3, TABLET);
    let (client, channel, keep) = (carol.client.clone(), carol.channel.clone(), carol.keep.clone());
    let group_id = GroupId::parse(&group_id).unwrap();
    let mut outside =
        Outsider::new(client, channel, pace(), keep, policy(), group_id).with_token(JoinToken::new(token).unwrap());
    let joined = outside.join().await.unwrap();
    canaries.add_key(joined.group.partition_key());
    let mut carol = Device::over(carol, outside.into_member(joined));
    carol.say(WORDS[3]).await;
}

/// A group whose messages are made up, with canaries for partition keys, an orphan, a GroupInfo and a Welcome that stays in
/// the outbox. Returns its id.
pub(super) async fn make_up(stage: &Stage, canaries: &mut Canaries) -> Vec<u8> {
    KEYS.iter().for_each(|key| canaries.add_key(&PartitionKey::new(*key)));
    canaries.add(Kind::Ciphertext, CIPHERTEXT);
    canaries.add(Kind::KeyPackageRef, REFERENCE);
    let (alice, bob) = (user(stage, HUB, ALICE), user(stage, FOLLOWER, BOB));
    let group = found(&alice, KEYS[0], canaries).await;
    let attached = Attached {
        group_info: Some(mls::group_info(&group, 1, mls::SUITE, Some(CIPHERTEXT))),
        welcome_data: Some(requests::welcome_data(&mls::welcome(mls::SUITE, &[REFERENCE]), &[AWAY])),
    };
    let commit = requests::send_commit(&mls::commit(&group, 0, CIPHERTEXT), KEYS[0], KEYS[1], &attached);
    alice.send_encoded(commit.into(), None).await.unwrap();
    for key in [KEYS[1], KEYS[2]] {
        let message = mls::application(&group, 1, CIPHERTEXT);
        bob.send_encoded(requests::send(&message, key).into(), None).await.unwrap();
    }
    for key in KEYS {
        let request = decode(&requests::receive(&group, key, 0)).unwrap();
        alice.receive(&request, Duration::ZERO).await.unwrap();
        bob.receive(&request, Duration::from_secs(1)).await.unwrap();
        let literal = requests::receive_literal(key, 0);
        alice.raw(ChannelRequest::new(Operation::ReceiveLiteral, literal.into())).await.unwrap();
    }
    group
}

/// Creates a group of made-up messages with that key. Returns its id.
async fn found(alice: &DeliveryService<LocalClient>, key: [u8; 16], canaries: &mut Canaries) -> Vec<u8> {
    let group = alice.mint_group_id().await.unwrap().group_id;
    canaries.add_group(&group);
    let request: CreateGroupRequest = decode(&CreateGroup::bare(&group, key).encode()).unwrap();
    alice.create_group(&request).await.unwrap();
    group
}

/// A group that has forked, with a provider on each side. Returns the names of the group and of the follower's branch, as
/// the operator is shown them.
pub(super) async fn fork(stage: &Stage, canaries: &mut Canaries) -> [String; 2] {
    FORKED_KEYS.iter().for_each(|key| canaries.add_key(&PartitionKey::new(*key)));
    let (alice, bob) = (user(stage, HUB, ALICE), user(stage, FOLLOWER, BOB));
    let [root, left, right] = FORKED_KEYS;
    let group = found(&alice, root, canaries).await;
    let text = |words: &[u8]| [CIPHERTEXT, words].concat();
    for (person, words) in [(&alice, b"left "), (&bob, b"right")] {
        let before = mls::application(&group, 0, &text(words));
        person.send_encoded(requests::send(&before, root).into(), None).await.unwrap();
    }
    for (person, words, key) in [(&alice, b"left ", left), (&bob, b"right", right)] {
        let commit = mls::commit(&group, 0, &text(words));
        let commit = requests::send_commit(&commit, root, key, &Attached::default());
        person.send_encoded(commit.into(), None).await.unwrap();
        let behind = mls::application(&group, 1, &text(words));
        person.send_encoded(requests::send(&behind, key).into(), None).await.unwrap();
    }
    [group_name(&GroupKey::of(&group)), partition_name(&PartitionKey::new(right).masked())]
}

/// Somebody at the hub has a KeyPackage there.
pub(super) async fn keep_at_hub(stage: &Stage, canaries: &mut Canaries) {
    let kept = newcomer(stage, HUB, ALICE, 0, *b"canary-device-al").upload().await;
    canaries.add_key_package(kept.key_package.bytes(), &kept.reference().unwrap().0);
}

/// A bundle for one user, with that user's token and with another.
pub(super) fn bundle(token: &BearerToken) -> Vec<KeyPackageRequest> {
    let request = |user: &str, bearer_token: Vec<u8>| KeyPackageRequest {
        user_id: user.into(),
        bearer_token,
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    vec![request(CAROL, encode(token).unwrap()), request(BOB, WRONG_TOKEN.into())]
}

/// Somebody at the follower asks for a colleague's KeyPackages, who has none. Returns the token for them.
pub(super) async fn fetch(stage: &Stage, canaries: &mut Canaries) -> BearerToken {
    let carol = user(stage, FOLLOWER, CAROL);
    let token = carol.mint_token(&MintTokenRequest { kind: BearerTokenKind::Unique }).await.unwrap().token;
    canaries.add(Kind::BearerToken, token.tag);
    canaries.add(Kind::Handle, &token.handle);
    let requests = KeyPackageRequests { requests: bundle(&token) };
    let fetched = user(stage, FOLLOWER, BOB).fetch_key_packages(&requests).await.unwrap();
    let statuses: Vec<_> = fetched.results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [KeyPackageStatus::Incompatible, KeyPackageStatus::Denied]);
    token
}
