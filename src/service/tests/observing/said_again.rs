//! A commit that was sequenced is sent again, with another story of whose the new members are. Its bytes are known to
//! all members, and to all providers that have read them: whose leaves are is what came with it when it was sequenced.

use super::*;
use crate::{
    client::{JoinOptions, PartitionedGroup},
    service::tests::tally::read,
    wire::{GroupInfoRequest, ServiceProviderId},
};

const HUB: &str = "hub.example";
const FOLLOWER: &str = "follower.example";
const THIRD: &str = "third.example";

fn third() -> Submitter {
    peer(THIRD)
}

impl Hub {
    /// The providers of the leaves of an epoch, as its record has it.
    fn providers(&self, at: &MaskedPartitionKey) -> Vec<ServiceProviderId> {
        let roster = self.record_of(at).public.unwrap().roster;
        assert_eq!(roster.unowned, 0);
        roster.providers
    }

    /// Whether the epoch has a leaf of a user of the hub.
    fn has_leaf(&self, user_of: &str, at: &MaskedPartitionKey) -> bool {
        let (_, tag) = self.setup.service.actor(&user(user_of));
        let snapshot = self.setup.store.snapshot().unwrap();
        self.setup.service.leaves_of(&*snapshot, self.group(), tag.unwrap()).has_leaf(at).unwrap()
    }

    /// Nothing that was said again is believed: neither of that partition, nor of the one that the next commit makes,
    /// nor in what is kept of both.
    async fn assert_unmoved(self, group: &mut Member, (at, next): (u8, u8)) {
        let providers = self.providers(&masked(at));
        self.send(&alice(), &commit(group, Info::Bare), (at, next), &[]).await.unwrap();
        assert_eq!(self.providers(&masked(next)), providers, "the leaves are whose they were");
        for at in [at, next] {
            self.setup.service.checkpoint(self.group(), masked(at)).await.unwrap();
            assert!(self.record(at).public.unwrap().replay.is_checkpoint());
        }
        self.setup.assert_sound().await;
    }
}

fn names(names: &[&str]) -> Vec<ServiceProviderId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

/// Alice adds bob, of the follower.
fn with_bob(group: &mut Member) -> Commit {
    commit_with(group, Info::Absent, |builder| builder.add_member(key_package("bob")).unwrap())
}

#[tokio::test]
async fn a_commit_that_names_other_providers_when_it_comes_again_changes_nobody_s_leaves() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let added = with_bob(&mut group);
    hub.send(&alice(), &added, (0, 1), &[FOLLOWER]).await.unwrap();
    hub.send(&third(), &added, (0, 1), &[THIRD]).await.unwrap();
    assert_eq!(hub.providers(&masked(1)), names(&[FOLLOWER, HUB]));
    hub.assert_unmoved(&mut group, (1, 2)).await;
}

#[tokio::test]
async fn a_commit_that_comes_again_leaves_at_hand_what_was_seen_of_it_first() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let added = with_bob(&mut group);
    hub.send(&alice(), &added, (0, 1), &[FOLLOWER]).await.unwrap();
    hub.send(&third(), &added, (0, 1), &[THIRD]).await.unwrap();
    let missed = |hub: &Hub| read(&hub.setup.service)("state_lookups_total{outcome=\"missed\"}");
    let before = missed(&hub);
    assert_eq!(hub.tree(1).await, Some(tree_of(&group)));
    assert_eq!(missed(&hub), before);
}

/// The epoch is the same, what its commit changes as well, and only further up another provider was named.
#[tokio::test]
async fn a_branch_of_the_same_commits_with_other_providers_changes_nobody_s_leaves_elsewhere() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let (added, then) = (with_bob(&mut group), commit(&mut group, Info::Absent));
    hub.send(&alice(), &added, (0, 1), &[FOLLOWER]).await.unwrap();
    hub.send(&alice(), &then, (1, 2), &[]).await.unwrap();
    hub.send(&third(), &added, (0, 7), &[THIRD]).await.unwrap();
    hub.send(&third(), &then, (7, 2), &[]).await.unwrap();
    assert_eq!(hub.providers(&masked(7)), names(&[HUB, THIRD]));
    assert_eq!(hub.record(2).parent.map(|parent| parent.key), Some(masked(1)));
    hub.assert_unmoved(&mut group, (2, 3)).await;
}

#[tokio::test]
async fn a_join_that_somebody_else_sends_again_leaves_the_joiner_s_leaf_with_the_joiner() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    hub.send(&alice(), &commit(&mut group, Info::Bare), (0, 1), &[]).await.unwrap();
    let asked = GroupInfoRequest { group_id: hub.group_id.clone() };
    let published = hub.setup.service.group_info(&alice(), &asked, None).await.unwrap().response;
    let options = JoinOptions { group_info: true, ..JoinOptions::default() };
    let (dora, hub_id) = (client("dora", Handshakes::Public), HUB.parse().unwrap());
    let (dora, request) =
        PartitionedGroup::join_externally(&dora, hub_id, &hub.group_id, &published, &options).unwrap();
    let message = request.message.bytes().to_vec();
    let group_info = request.commit_data.group_info.as_ref().map(|group_info| group_info.bytes().to_vec());
    hub.setup.service.external_join(&user("dora"), request, None).await.unwrap();
    let joined = dora.partition_key();
    assert!(hub.has_leaf("dora", &joined.masked()));

    let again = Attached { group_info, welcome_data: None };
    let body = send_commit(&message, key(1), *joined.as_bytes(), &again);
    hub.setup.send(third(), decode(&body).unwrap()).await.unwrap();
    assert!(hub.has_leaf("dora", &joined.masked()));
    assert_eq!(hub.providers(&joined.masked()), names(&[HUB]));
    hub.setup.service.checkpoint(hub.group(), joined.masked()).await.unwrap();
    hub.setup.assert_sound().await;
}
