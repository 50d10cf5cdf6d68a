//! States that retention waits for: not found out yet, or not to be had any more.

use std::sync::Arc;

use super::*;
use crate::{
    sequencer::{Replay, StateDigest},
    service::setup::DAY,
    store::Batch,
};

/// Commits up to the partition of key 3, where somebody is.
async fn three_epochs(hub: &Hub, group: &mut Member) {
    for epoch in 0..3 {
        hub.send(&alice(), &commit(group, Info::WithTree), (epoch, epoch + 1), &[]).await.unwrap();
    }
    hub.hints(&alice(), 3, 0).await;
}

async fn a_month_later(hub: &Hub) -> [bool; 4] {
    hub.setup.clock.advance(31 * DAY);
    hub.setup.retain().await;
    [0, 1, 2, 3].map(|epoch| hub.record(epoch).is_remnant())
}

/// Nobody had time to look at them, but the group goes on and needs the last one.
#[tokio::test]
async fn a_state_that_was_not_found_out_yet_is_found_out_before_it_is_too_late() {
    let (hub, mut group) = Hub::found(no_time(), Handshakes::Public).await;
    three_epochs(&hub, &mut group).await;
    assert!(hub.record(3).unobserved);
    assert_eq!(a_month_later(&hub).await, [true, true, true, false]);
    assert!(hub.record(3).public.unwrap().replay.is_checkpoint());
    assert_eq!(hub.tree(3).await, Some(tree_of(&group)));
}

/// As if a program had followed a commit that sees it in another way.
#[tokio::test]
async fn a_state_that_cannot_be_had_any_more_is_not_waited_for() {
    let (mut hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    three_epochs(&hub, &mut group).await;
    let far = Replay { commits: 2, bytes: 100, checkpoint_bytes: 1_000 };
    let mut partitions = [2, 3].map(|at| ((hub.group(), masked(at)), hub.record(at)));
    for (_, record) in &mut partitions {
        record.public.as_mut().unwrap().replay = far;
    }
    partitions[0].1.public.as_mut().unwrap().digest = StateDigest([9; 32]);
    let partitions = partitions.into_iter().map(|(key, record)| (key, Arc::new(record))).collect();
    hub.setup.store.commit(&Batch { partitions, ..Batch::default() }).unwrap();
    hub.setup = hub.setup.restart().await;
    assert_eq!(a_month_later(&hub).await, [true, true, true, false]);
    assert!(!hub.record(3).may_be_observable(), "nothing leads there");
    // What is sequenced is taken as in any group that cannot be followed.
    hub.send(&alice(), &commit(&mut group, Info::WithTree), (3, 4), &[]).await.unwrap();
}
