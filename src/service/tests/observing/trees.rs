//! Trees that are inferred, and GroupInfos that lie (S16 to S18, G6).

use super::*;
use crate::{
    client::{JoinOptions, PartitionedGroup},
    wire::{GroupInfoRequest, GroupInfoResponse},
};

#[tokio::test]
async fn a_group_info_needs_no_tree_where_the_hub_can_infer_it() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    for epoch in 0..4 {
        let package = key_package(&format!("member {epoch}"));
        let added = commit_with(&mut group, Info::Bare, |builder| builder.add_member(package).unwrap());
        hub.send(&alice(), &added, (epoch, epoch + 1), &["follower.example"]).await.unwrap();
        assert_eq!(hub.tree(epoch + 1).await, Some(tree_of(&group)));
    }
    assert!(hub.record(4).public.unwrap().verified.is_some());
}

#[tokio::test]
async fn whoever_joins_is_given_the_inferred_tree() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    hub.send(&alice(), &commit(&mut group, Info::Bare), (0, 1), &[]).await.unwrap();
    let request = GroupInfoRequest { group_id: hub.group_id.clone() };
    let answer = hub.setup.service.group_info(&alice(), &request, None).await.unwrap();
    assert_eq!(answer.response.ratchet_tree.as_ref().unwrap().bytes(), &tree_of(&group));

    // With that tree somebody joins, and again no tree is needed.
    let (dora, request) = join(&hub, &answer.response);
    hub.setup.service.external_join(&follower(), request, None).await.unwrap();
    let record = hub.record_of(&dora.partition_key().masked());
    let roster = record.public.expect("a join is seen like any commit").roster;
    assert_eq!((roster.members, roster.unowned), (2, 0));
    assert_eq!(roster.providers, ["follower.example", "hub.example"].map(|name| name.parse().unwrap()));
}

/// A tree is not made before there is memory for it, also as it is decoded; and no more is asked for.
#[tokio::test]
async fn an_inferred_tree_takes_the_memory_that_it_is_long() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    hub.send(&alice(), &commit(&mut group, Info::Bare), (0, 1), &[]).await.unwrap();
    let request = GroupInfoRequest { group_id: hub.group_id.clone() };
    let asked = |room| {
        let (service, request) = (&hub.setup.service, &request);
        async move {
            let mut others = service.pages.lend(service.provider(), u64::MAX).await.unwrap();
            others.keep(others.bytes() - room);
            service.group_info(&alice(), request, None).await.map(drop)
        }
    };
    assert_eq!(asked(4096).await, Err(Error::Overloaded), "it is long enough for the answer, and not for the state");
    assert_eq!(asked(256 * 1024).await, Ok(()));
}

fn join(hub: &Hub, published: &GroupInfoResponse) -> (PartitionedGroup<Config>, crate::wire::ExternalJoinRequest) {
    let options = JoinOptions { group_info: true, ..JoinOptions::default() };
    let dora = client("dora", Handshakes::Public);
    PartitionedGroup::join_externally(&dora, "hub.example".parse().unwrap(), &hub.group_id, published, &options)
        .unwrap()
}

#[tokio::test]
async fn the_tree_is_asked_for_where_it_cannot_be_inferred() {
    let (hub, mut encrypted) = Hub::found(ObservingLimits::default(), Handshakes::Encrypted).await;
    let bare = commit(&mut encrypted, Info::Bare);
    assert_eq!(hub.send(&alice(), &bare, (0, 1), &[]).await, rejected(Rejection::RatchetTreeRequired));
    // The same commit, with its GroupInfo signed again around the tree.
    let complete = Commit { group_info: info(&encrypted, Info::WithTree), ..bare };
    hub.send(&alice(), &complete, (0, 1), &[]).await.unwrap();
    assert!(!hub.record(1).may_be_observable());
    assert_eq!(hub.tree(1).await, None);
}

#[tokio::test]
async fn a_group_info_of_another_branch_is_refused() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let mut branch = group.clone();
    let elsewhere = commit(&mut branch, Info::WithTree);
    let here = commit(&mut group, Info::WithTree);
    for which in [Info::WithTree, Info::Bare] {
        let lie = Commit { message: here.message.clone(), group_info: info(&branch, which), welcome: None };
        assert_eq!(hub.send(&alice(), &lie, (0, 1), &[]).await, rejected(Rejection::GroupInfoMismatch));
    }
    // Nothing of that was kept, and each with its own is taken: both are somebody's truth.
    assert_eq!(hub.send(&alice(), &here, (0, 1), &[]).await.unwrap().index, 0);
    assert_eq!(hub.send(&alice(), &elsewhere, (0, 2), &[]).await.unwrap().index, 1);
    assert_eq!((hub.tree(1).await, hub.tree(2).await), (Some(tree_of(&group)), Some(tree_of(&branch))));
}

#[tokio::test]
async fn a_group_info_with_a_broken_signature_is_refused() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let mut forged = commit(&mut group, Info::Bare);
    let group_info = forged.group_info.as_mut().unwrap();
    *group_info.last_mut().unwrap() ^= 1;
    assert_eq!(hub.send(&alice(), &forged, (0, 1), &[]).await, rejected(Rejection::GroupInfoMismatch));
}

#[tokio::test]
async fn the_tree_beside_a_creation_is_the_one_that_it_names() {
    for observing in [ObservingLimits::default(), no_time()] {
        assert_tree_is_checked(observing).await;
    }
}

/// Whether or not somebody has time to look at the rest.
async fn assert_tree_is_checked(observing: ObservingLimits) {
    let hub = Hub::with(observing).await;
    let group = founded(&hub.group_id, Handshakes::Public);
    let other = founded(&hub.group_id, Handshakes::Public);
    let group_info = info(&group, Info::Bare);
    let tree = |member: &Member| Some(tree_of(member).to_vec());
    let refused = hub.create(group_info.clone(), tree(&other)).await;
    assert_eq!(refused, Err(Error::Rejected(Rejection::GroupInfoMismatch)));
    hub.create(group_info, tree(&group)).await.unwrap();
    assert_eq!(hub.tree(0).await, Some(tree_of(&group)));
}

#[tokio::test]
async fn states_are_derived_again_after_a_restart() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let mut checkpoints = 0;
    for epoch in 0..6 {
        hub.send(&alice(), &commit(&mut group, Info::Absent), (epoch, epoch + 1), &[]).await.unwrap();
        checkpoints += u32::from(hub.record(epoch + 1).public.unwrap().replay.is_checkpoint());
    }
    assert!((1..6).contains(&checkpoints), "now and then, as more was sent than a state is long: {checkpoints}");
    let hub = Hub { setup: hub.setup.restart().await, group_id: hub.group_id };
    hub.send(&alice(), &commit(&mut group, Info::Bare), (6, 7), &[]).await.unwrap();
    assert_eq!(hub.tree(7).await, Some(tree_of(&group)));
}

#[tokio::test]
async fn proposals_are_found_by_reference() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    for name in ["bob", "carol"] {
        let proposal = group.propose_add(key_package(name), Vec::new()).unwrap();
        hub.say(&alice(), &proposal, 0).await;
    }
    hub.send(&alice(), &commit(&mut group, Info::Bare), (0, 1), &["follower.example"; 2]).await.unwrap();
    assert_eq!(hub.record(1).public.unwrap().roster.members, 3);
    assert_eq!(hub.tree(1).await, Some(tree_of(&group)));
}

#[tokio::test]
async fn a_checkpoint_that_is_asked_for_stands_alone() {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let added = commit_with(&mut group, Info::Absent, |builder| {
        (0..8).fold(builder, |builder, number| builder.add_member(key_package(&format!("{number}"))).unwrap())
    });
    hub.send(&alice(), &added, (0, 1), &["follower.example"; 8]).await.unwrap();
    hub.send(&alice(), &commit(&mut group, Info::Absent), (1, 2), &[]).await.unwrap();
    assert!(!hub.record(2).public.unwrap().replay.is_checkpoint(), "the first one has one, and is longer");
    for _again in 0..2 {
        let kept = hub.setup.service.checkpoint(hub.group(), masked(2)).await.unwrap();
        assert_eq!(kept, crate::service::Checkpointing::Kept);
    }
    assert!(hub.record(2).public.unwrap().replay.is_checkpoint());
    let hub = Hub { setup: hub.setup.restart().await, group_id: hub.group_id };
    assert_eq!(hub.tree(2).await, Some(tree_of(&group)));
}
