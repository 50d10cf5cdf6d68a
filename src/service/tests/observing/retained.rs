//! Public states outlive the messages that they were derived from: retention has a checkpoint made before those go.

use super::*;
use crate::service::{
    Next,
    setup::{DAY, rest},
};

/// A group of nine after five commits, and the tree of its last epoch but one. All epochs before that have had their time,
/// and it has no checkpoint.
async fn aged() -> (Hub, Member, Bytes) {
    let (hub, mut group) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let added = commit_with(&mut group, Info::Absent, |builder| {
        (0..8).fold(builder, |builder, number| builder.add_member(key_package(&format!("{number}"))).unwrap())
    });
    hub.send(&alice(), &added, (0, 1), &["follower.example"; 8]).await.unwrap();
    for epoch in [1, 2, 3] {
        hub.send(&alice(), &commit(&mut group, Info::Absent), (epoch, epoch + 1), &[]).await.unwrap();
    }
    let tree = tree_of(&group);
    hub.setup.clock.advance(20 * DAY);
    hub.send(&alice(), &commit(&mut group, Info::Absent), (4, 5), &[]).await.unwrap();
    let is_checkpoint = |at| hub.record(at).public.unwrap().replay.is_checkpoint();
    assert_eq!([3, 4].map(is_checkpoint), [true, false]);
    hub.setup.clock.advance(11 * DAY);
    (hub, group, tree)
}

impl Hub {
    fn messages(&self, at: u8) -> usize {
        let snapshot = self.setup.store.snapshot().unwrap();
        snapshot.messages(&self.group(), &masked(at), 0, u64::MAX).unwrap().entries.len()
    }

    async fn restart(self) -> Self {
        Self { setup: self.setup.restart().await, group_id: self.group_id }
    }

    /// Nothing is left of what the states of the last two epochs came from, and they are what they were.
    async fn assert_observes(&self, group: &Member, tree: &Bytes) {
        assert_eq!([0, 1, 2, 3, 4].map(|at| self.messages(at)), [0, 0, 0, 0, 1]);
        assert!(self.record(4).public.unwrap().replay.is_checkpoint());
        assert_eq!(self.tree(4).await.as_ref(), Some(tree));
        assert_eq!(self.tree(5).await, Some(tree_of(group)));
    }

    /// What a GroupInfo says is checked as ever: a lie is refused, and the truth needs no tree.
    async fn assert_checks(&self, group: &mut Member, at: u8) {
        let mut elsewhere = group.clone();
        drop(commit(&mut elsewhere, Info::Absent));
        let truth = commit(group, Info::Bare);
        let lie = Commit { message: truth.message.clone(), group_info: info(&elsewhere, Info::Bare), welcome: None };
        assert_eq!(self.send(&alice(), &lie, (at, at + 1), &[]).await, rejected(Rejection::GroupInfoMismatch));
        self.send(&alice(), &truth, (at, at + 1), &[]).await.unwrap();
        assert_eq!(self.tree(at + 1).await, Some(tree_of(group)));
        assert_eq!(self.record(at + 1).public.unwrap().roster.members, 9);
    }
}

#[tokio::test]
async fn a_state_outlives_the_messages_that_it_came_from() {
    let (hub, mut group, tree) = aged().await;
    // A process that has nothing at hand removes.
    let hub = hub.restart().await;
    rest(&hub.setup.service).await;
    hub.assert_observes(&group, &tree).await;
    hub.assert_checks(&mut group, 5).await;
    // And one that has nothing at hand goes on from what is left.
    let hub = hub.restart().await;
    hub.assert_checks(&mut group, 6).await;
}

/// The process ends after each step: between the checkpoint and what goes then, for one.
#[tokio::test]
async fn a_state_outlives_a_process_that_ends_while_it_removes() {
    let (mut hub, mut group, tree) = aged().await;
    let mut checkpoint_first = false;
    for _step in 0..100 {
        let done = matches!(hub.setup.service.retain().await.unwrap(), Next::Walk(_));
        let is_checkpoint = hub.record(4).public.unwrap().replay.is_checkpoint();
        checkpoint_first |= is_checkpoint && hub.messages(3) == 1;
        assert!(is_checkpoint || hub.messages(3) == 1, "nothing goes before there is a checkpoint");
        hub = hub.restart().await;
        if done {
            assert!(checkpoint_first);
            hub.assert_observes(&group, &tree).await;
            return hub.assert_checks(&mut group, 5).await;
        }
        assert_eq!(hub.tree(4).await.as_ref(), Some(&tree));
    }
    panic!("there is always something to do");
}
