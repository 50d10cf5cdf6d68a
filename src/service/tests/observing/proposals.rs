//! Proposals that commits refer to, and what others send in their place.

use super::*;
use crate::{
    mls::{CipherSuite, ProposalRef, WireMessage},
    store::Batch,
};

/// A group of nine whose first commit has a checkpoint, and whose second one, which takes up a proposal, has none.
async fn taken_up() -> (Hub, Member, MlsMessage) {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let added = commit_with(&mut group, Info::Absent, |builder| {
        (0..8).fold(builder, |builder, number| builder.add_member(key_package(&format!("{number}"))).unwrap())
    });
    hub.send(&alice(), &added, (0, 1), &["follower.example"; 8]).await.unwrap();
    let proposal = group.propose_add(key_package("late"), Vec::new()).unwrap();
    hub.say(&alice(), &proposal, 1).await;
    hub.send(&alice(), &commit(&mut group, Info::Absent), (1, 2), &["follower.example"]).await.unwrap();
    let public = hub.record(2).public.unwrap();
    assert_eq!((public.roster.members, public.replay.is_checkpoint()), (10, false));
    (hub, group, proposal)
}

async fn restarted(hub: Hub) -> Hub {
    Hub { setup: hub.setup.restart().await, group_id: hub.group_id }
}

/// Nobody but members can tell a membership tag from garbage, and the name of the proposal is the same.
#[tokio::test]
async fn who_sends_a_proposal_again_with_another_tag_changes_nothing() {
    let (hub, group, proposal) = taken_up().await;
    let mut again = proposal.to_bytes().unwrap();
    *again.last_mut().unwrap() ^= 1;
    for from in [follower(), user("mallory")] {
        hub.setup.send(from, decode(&send(&again, key(1))).unwrap()).await.unwrap();
        *again.last_mut().unwrap() ^= 2;
    }
    let hub = restarted(hub).await;
    assert_eq!(hub.tree(2).await, Some(tree_of(&group)));
}

/// A state to which nothing leads any more is given up, and what follows from it: retention would wait for it for ever.
#[tokio::test]
async fn what_nothing_leads_to_is_given_up() {
    let (hub, mut group, proposal) = taken_up().await;
    hub.send(&alice(), &commit(&mut group, Info::Absent), (2, 3), &[]).await.unwrap();
    let hub = restarted(hub).await;
    let message: WireMessage = decode(&proposal.to_bytes().unwrap()).unwrap();
    let suite = CipherSuite(group.cipher_suite().into());
    let row = ((hub.group(), masked(1), ProposalRef::of(&message, suite).unwrap()), 1_000);
    let lost = Batch { proposals: [row].into(), ..Batch::default() };
    hub.setup.store.commit(&lost).unwrap();
    for _again in 0..2 {
        let asked = hub.setup.service.checkpoint(hub.group(), masked(3)).await.unwrap();
        assert_eq!(asked, crate::service::Checkpointing::Unobservable);
    }
    assert!(hub.record(1).public.is_some());
    assert!([2, 3].iter().all(|at| !hub.record(*at).may_be_observable()));
    // It goes on as where nobody can follow.
    hub.send(&alice(), &commit(&mut group, Info::WithTree), (3, 4), &[]).await.unwrap();
    assert!(!hub.record(4).may_be_observable());
}
