//! Two look late at the same commits, and in between a Welcome is gone: the first knows whose the new leaf is, the second
//! does not. What the lane has recorded counts, in all that follows from it.

use std::collections::HashMap;

use super::*;
use crate::{
    sequencer::{Command, Observe, Roster, Sight, WelcomeName},
    service::{Checkpointing, setup::say, tests::begin},
    store::Batch,
};

/// Alice adds many in the partition of key 0, bob in that of key 1, and commits once more in that of key 2. What the two
/// would note of the last two epochs, which nobody has looked at yet.
async fn two() -> (Hub, [Vec<Observe>; 2]) {
    let (hub, mut group) = Hub::found(no_time(), Handshakes::Public).await;
    hub.catch_up().await;
    let many = commit_with(&mut group, Info::Absent, |builder| {
        (0..8).fold(builder, |builder, number| builder.add_member(key_package(&format!("{number}"))).unwrap())
    });
    hub.send(&alice(), &many, (0, 1), &["follower.example"; 8]).await.unwrap();
    hub.catch_up().await;
    let bob = commit_with(&mut group, Info::Absent, |builder| builder.add_member(key_package("bob")).unwrap());
    hub.send(&alice(), &bob, (1, 2), &["third.example"]).await.unwrap();
    hub.send(&alice(), &commit(&mut group, Info::Absent), (2, 3), &[]).await.unwrap();
    let first = hub.late_notes(3);
    let welcome = WelcomeName { partition: masked(2), commit: hub.record(2).parent };
    let outgoing = HashMap::from([((hub.group(), welcome), None)]);
    hub.setup.store.commit(&Batch { outgoing, ..Batch::default() }).unwrap();
    let second = hub.late_notes(3);
    assert_eq!([&first, &second].map(|notes| notes.iter().map(unowned).collect::<Vec<_>>()), [[0, 0], [1, 1]]);
    (hub, [first, second])
}

/// Of how many leaves it is not known whose they are.
fn unowned(note: &Observe) -> u32 {
    let Sight::Seen(seen) = &note.sight else { panic!("it can be followed") };
    seen.roster.unowned
}

impl Hub {
    fn late_notes(&self, at: u8) -> Vec<Observe> {
        self.setup.service.late_notes(self.group(), &masked(at)).unwrap()
    }

    async fn note(&self, note: &Observe) {
        let command = Command::Observe(Box::new(note.clone()));
        self.setup.service.lanes.submit(self.group(), command, None).await.unwrap();
    }

    /// Who is there by the list beside a checkpoint.
    fn saved(&self, at: u8) -> Option<Roster> {
        let snapshot = self.setup.store.snapshot().unwrap();
        snapshot.owners(&self.group(), &masked(at)).unwrap().map(|owners| owners.roster())
    }

    /// It is known whose all leaves are, by the record and by a checkpoint that is kept now.
    async fn assert_known(&self, at: u8) {
        let kept = self.setup.service.checkpoint(self.group(), masked(at)).await.unwrap();
        assert_eq!(kept, Checkpointing::Kept);
        let roster = self.record(at).public.unwrap().roster;
        assert_eq!(roster.unowned, 0);
        assert_eq!(self.saved(at), Some(roster));
    }
}

/// The second one has looked before the first has noted anything, and asks for a checkpoint of what it saw.
#[tokio::test]
async fn a_checkpoint_is_of_what_was_recorded() {
    let (hub, [first, _second]) = two().await;
    let Sight::Seen(seen) = &first[0].sight else { panic!("it can be followed") };
    assert!(seen.checkpoint.is_none(), "there is one to ask for");
    hub.setup.store.hold();
    let mut before = Box::pin(hub.setup.send(alice(), say(&hub.group_id, 9, "nothing is noted yet")));
    begin(&mut before);
    hub.setup.store.await_stalled(1);
    let mut noting = Box::pin(hub.note(&first[0]));
    begin(&mut noting);
    let snapshots = hub.setup.store.snapshots();
    let mut asking = Box::pin(hub.assert_known(2));
    begin(&mut asking);
    let looks = async {
        while hub.setup.store.snapshots() == snapshots {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looks).await.expect("the second one looks");
    hub.setup.store.release();
    tokio::join!(async { before.await.unwrap() }, noting, asking);
}

/// The first one was quicker with the epoch of bob, and the second is with the next.
#[tokio::test]
async fn what_is_recorded_of_an_epoch_follows_from_what_is_recorded_above_it() {
    let (hub, [first, second]) = two().await;
    for note in [&first[0], &second[0], &second[1]] {
        hub.note(note).await;
    }
    assert!(hub.record(2).public.is_some());
    assert!(hub.record(3).unobserved, "it is looked for once more");
    hub.assert_known(3).await;
}

/// The first one was quicker with both, and what the second made of them is still at hand.
#[tokio::test]
async fn what_is_at_hand_of_another_roster_is_of_no_use() {
    let (hub, [first, _second]) = two().await;
    for note in &first {
        hub.note(note).await;
    }
    hub.assert_known(3).await;
}
