//! Forks that somebody hides, and forks that a hub makes up (C11).

use mls_rs::ExtensionList;

use super::{
    acting::{act, settle},
    cast::{BOTH, Config, GROUP_ID, Handshakes, Person, client, deliver, group, hub_id},
    channel::ModelChannel,
    forks::{forked, forks, infiltrated, lead_to},
    hub::ModelHub,
};
use crate::{
    client::{MemberPolicy, PartitionedGroup, Standing},
    mls::WireGroupInfo,
    wire::{GroupInfoResponse, MaskedPartitionKey, PartitionKey, decode},
};

/// Mallory sends two commits: one that Carol alone cannot open, and one that Carol alone can. In whatever order they come, and
/// although she moves on with one of them, she finds out.
#[tokio::test]
async fn whom_another_commit_leads_away_finds_out() {
    for handshakes in BOTH {
        for lure_first in [false, true] {
            let (channel, [mut alice, mut bob, mut carol], _client, (saboteur, mut mallory)) =
                Box::pin(infiltrated(handshakes, MemberPolicy::default())).await;
            saboteur.spoil(&[0]);
            let for_others = mallory.commit_update(true).unwrap();
            mallory.abandon_commit();
            saboteur.spoil(&[1, 2]);
            let for_carol = mallory.commit_update(true).unwrap();
            let order = if lure_first { [&for_carol, &for_others] } else { [&for_others, &for_carol] };
            for commit in order {
                deliver(&mut channel.hub.lock().unwrap(), commit);
            }
            lead_to(&channel, &for_others);
            for member in [&mut alice, &mut bob] {
                assert!(forks(&settle(member).await).is_empty());
            }
            let told = settle(&mut carol).await;
            let keys = [alice.group(), bob.group(), carol.group()].map(PartitionedGroup::partition_key);
            assert!(keys[0] == keys[1] && keys[0] != keys[2], "{handshakes:?} {lure_first}");
            let [fork] = forks(&told)[..] else { panic!("{handshakes:?} {lure_first}: {told:?}") };
            assert_eq!(fork.partition, alice.group().masked_partition_key());
        }
    }
}

#[tokio::test]
async fn who_starts_anew_still_finds_out() {
    let (channel, [_alice, _bob, mut carol], client) =
        Box::pin(forked(Handshakes::Encrypted, MemberPolicy::default())).await;
    let published = channel.hub.lock().unwrap().published.take();
    assert!(forks(&settle(&mut carol).await).is_empty(), "the hub does not know it yet");
    carol.save().await.unwrap();
    let (group, _intents) = carol.into_parts();
    let kept = group.kept.clone().unwrap();
    drop(group);
    let group = PartitionedGroup::load(&client, GROUP_ID, &kept).unwrap().unwrap();
    let mut carol = act(Person { client, group }, &channel);
    channel.hub.lock().unwrap().published = published;
    assert_eq!(forks(&settle(&mut carol).await).len(), 1);
}

/// What a hub says that cannot be is no fork, and nobody is shown whom it makes up.
#[tokio::test]
async fn what_cannot_be_is_no_fork() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, mut bob] = group(["alice", "bob"], Handshakes::Public);
    let [stranger, _] = group(["alice", "bob"], Handshakes::Public);
    let other_id = b"mimi://hub.example/g/AQEBAQEBAQEBAQEBAQEBAQ".to_vec();
    let elsewhere = client("alice", Handshakes::Public);
    let elsewhere = elsewhere.create_group_with_id(other_id, ExtensionList::new(), ExtensionList::new(), None);
    let elsewhere = PartitionedGroup::new(elsewhere.unwrap(), hub_id()).unwrap();
    let made_up = PartitionKey::new([7; 16]).masked();
    let here = alice.group.masked_partition_key();
    // It moves on without alice.
    let next = bob.group.commit_update(true).unwrap();
    let mut apart = ModelHub::default();
    deliver(&mut apart, &next);
    bob.read_all(&apart);
    let mut alice = act(alice, &channel);
    let info = |group: &PartitionedGroup<Config>| group.group_info().unwrap();
    let bare = |group: &PartitionedGroup<Config>| -> WireGroupInfo {
        let message = group.group().group_info_message_allowing_ext_commit(false).unwrap();
        decode(&message.to_bytes().unwrap()).unwrap()
    };
    let (of_alice, bare_of_alice) = (info(alice.group()), bare(alice.group()));
    let (of_bob, bare_of_bob) = (info(&bob.group), bare(&bob.group));
    let stolen = info(&stranger.group).ratchet_tree();
    let mut ask = async |group_info, ratchet_tree, partition: MaskedPartitionKey| {
        channel.hub.lock().unwrap().published = Some((GroupInfoResponse { group_info, ratchet_tree }, partition));
        alice.standing().await.unwrap()
    };
    assert_eq!(ask(of_alice.clone(), None, here).await, Standing::Dominant);
    assert_eq!(ask(bare_of_alice, None, here).await, Standing::Dominant, "whoever wants the tree may ask for it");
    assert_eq!(ask(of_alice, None, made_up).await, Standing::Unknown, "the own branch under another name");
    assert_eq!(ask(info(&stranger.group), None, here).await, Standing::Unknown, "another branch under the own name");
    assert_eq!(ask(info(&elsewhere), None, made_up).await, Standing::Unknown, "another group");
    assert_eq!(ask(bare_of_bob, stolen, made_up).await, Standing::Unknown, "another tree");
    // This one may be: alice has not seen that commit.
    assert!(matches!(ask(of_bob, None, bob.group.masked_partition_key()).await, Standing::Fork(_)));
}
