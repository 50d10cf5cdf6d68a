//! Members who go to another branch and do not get there, or whose process dies on the way: until the hub has let them in
//! they are where they were, and afterwards they are there, with one leaf.

use mls_rs::Client;

use super::{
    acting::{Acting, enter, settle, words},
    cast::{BOTH, Config, GROUP_ID, Handshakes},
    channel::{Fault, ModelChannel, ModelPace},
    failing::Failing,
    forks::{forked, forks},
};
use crate::client::{
    GroupError, JoinError, Keep, MemberError, MemberPolicy, MemoryKeep, OldLeaf, Outsider, PartitionedGroup,
    ProblemCode, http::Operation, pending_join::PendingJoin,
};

type Wanting<K> = Outsider<Config, ModelChannel, ModelPace, K>;

/// Alice and Bob on a branch that Carol could not follow to, and all of Carol's device but its process.
struct Town {
    channel: ModelChannel,
    others: [Acting; 2],
    client: Client<Config>,
    keep: MemoryKeep,
}

impl Town {
    async fn forked(handshakes: Handshakes) -> Self {
        let (channel, [mut alice, mut bob, mut carol], client) =
            Box::pin(forked(handshakes, MemberPolicy::default())).await;
        alice.send(b"on we go").unwrap();
        settle(&mut alice).await;
        settle(&mut bob).await;
        assert_eq!(forks(&settle(&mut carol).await).len(), 1);
        let keep = MemoryKeep::new(client.group_state_storage());
        let (mut group, _intents) = carol.into_parts();
        group.save(&mut keep.clone()).await.unwrap();
        Self { channel, others: [alice, bob], client, keep }
    }

    fn wanting<K: Keep>(&self, keep: K) -> Wanting<K> {
        let id = crate::wire::GroupId::parse(GROUP_ID).unwrap();
        let (channel, pace) = (self.channel.clone(), ModelPace::default());
        Outsider::new(self.client.clone(), channel, pace, keep, MemberPolicy::default(), id)
    }

    /// The next process, if the one before has left a join behind.
    fn resumed<K: Keep>(&self, keep: K) -> Option<Wanting<K>> {
        let kept = self.keep.join(GROUP_ID)?;
        let (client, channel, pace) = (self.client.clone(), self.channel.clone(), ModelPace::default());
        Some(Outsider::resume(client, channel, pace, keep, MemberPolicy::default(), &kept).unwrap())
    }

    fn joins(&self) -> usize {
        self.channel.sent().iter().filter(|sent| sent.0 == Operation::ExternalJoin).count()
    }

    /// Carol as her device has stored her.
    fn stored(&self) -> Acting {
        let state = self.keep.state(GROUP_ID).expect("something is kept");
        let group = PartitionedGroup::load(&self.client, GROUP_ID, &state).unwrap().expect("the group is stored");
        enter(group, self.keep.clone(), &self.channel)
    }

    /// Nothing has come of it: she is where she was, and talks there.
    async fn assert_stayed(&self) {
        assert!(self.keep.join(GROUP_ID).is_none(), "nothing is left of the join");
        let mut carol = self.stored();
        assert_eq!(carol.group().epoch().0 + 1, self.others[0].group().epoch().0);
        let epoch = carol.group().epoch();
        carol.send(b"still here").unwrap();
        settle(&mut carol).await;
        assert_eq!(carol.group().epoch(), epoch);
    }

    /// She is with the others, also after one more restart, and in the place of her old leaf.
    async fn assert_together(mut self) {
        assert!(self.keep.join(GROUP_ID).is_none(), "nothing is left of the join");
        let mut carol = self.stored();
        carol.send(b"there you are").unwrap();
        settle(&mut carol).await;
        for other in &mut self.others {
            assert!(words(&settle(other).await).contains(&&b"there you are"[..]));
            assert_eq!(other.group().partition_key(), carol.group().partition_key());
            assert_eq!(other.group().group().roster().members().len(), 4, "one leaf has taken the other's place");
        }
        // And on: the MLS library's storage has no past that stands in the way.
        carol.update().unwrap();
        settle(&mut carol).await;
        let [mut alice, _bob] = self.others;
        settle(&mut alice).await;
        assert_eq!(alice.group().partition_key(), carol.group().partition_key());
    }
}

/// At each call of the storage, before and after it.
#[tokio::test]
async fn a_process_that_dies_on_its_way_is_here_or_there() {
    for does_the_last in [false, true] {
        for calls in 0.. {
            let town = Box::pin(Town::forked(Handshakes::Public)).await;
            let mut dying = town.wanting(Failing::after(calls, town.keep.clone(), does_the_last));
            match dying.resync(OldLeaf::Own).await {
                Ok(_joined) => {
                    assert_eq!(calls, 5, "the join, that it was taken, the group in two steps, and the join goes");
                    Box::pin(town.assert_together()).await;
                    break;
                }
                Err(error) => assert!(matches!(error, JoinError::Member(MemberError::Keep(_))), "{error:?}"),
            }
            drop(dying);
            // Most die twice.
            if let Some(mut again) = town.resumed(Failing::after(calls, town.keep.clone(), does_the_last)) {
                drop(again.settle().await);
            }
            if let Some(mut again) = town.resumed(town.keep.clone()) {
                assert!(again.settle().await.unwrap().is_some(), "it is of the newest epoch");
            } else if town.joins() == 0 {
                town.assert_stayed().await;
                town.wanting(town.keep.clone()).resync(OldLeaf::Own).await.unwrap();
            }
            Box::pin(town.assert_together()).await;
        }
    }
}

/// The hub has taken the join, and the process dies before it hears of it, or the join never gets there.
#[tokio::test]
async fn a_join_whose_fate_is_unknown_is_sent_again_after_a_restart() {
    for (handshakes, fault) in BOTH.into_iter().zip([Fault::RequestLost, Fault::ResponseLost]) {
        let town = Box::pin(Town::forked(handshakes)).await;
        let mut wanting = town.wanting(town.keep.clone());
        town.channel.fail(&[Fault::Nothing]);
        town.channel.fail(&[fault; 6]);
        wanting.resync(OldLeaf::Own).await.unwrap_err();
        drop(wanting);
        // Meanwhile she is where she was.
        assert_eq!(town.stored().group().epoch().0 + 1, town.others[0].group().epoch().0);
        let mut again = town.resumed(town.keep.clone()).unwrap();
        assert!(matches!(again.join().await, Err(JoinError::OtherPending)));
        again.resync(OldLeaf::Own).await.unwrap();
        Box::pin(town.assert_together()).await;
    }
}

#[tokio::test]
async fn who_is_not_let_in_stays_where_they_were() {
    for code in [ProblemCode::PolicyDenied, ProblemCode::BranchTerminated, ProblemCode::StaleJoin] {
        let town = Box::pin(Town::forked(Handshakes::Public)).await;
        let mut wanting = town.wanting(town.keep.clone());
        let attempts = if code == ProblemCode::StaleJoin { MemberPolicy::default().rebuilds as usize + 1 } else { 1 };
        town.channel.fail(&[Fault::Nothing, Fault::Refused(code)].repeat(attempts));
        let refused = wanting.resync(OldLeaf::Own).await;
        match code {
            ProblemCode::StaleJoin => assert!(matches!(refused, Err(JoinError::Outrun)), "{refused:?}"),
            _ => assert!(matches!(refused, Err(JoinError::Member(_))), "{refused:?}"),
        }
        town.assert_stayed().await;
        // Also when that was said to the next process.
        town.channel.fail(&[Fault::Nothing]);
        town.channel.fail(&[Fault::RequestLost; 6]);
        wanting.resync(OldLeaf::Own).await.unwrap_err();
        drop(wanting);
        let mut again = town.resumed(town.keep.clone()).unwrap();
        town.channel.fail(&[Fault::Refused(code)]);
        match code {
            ProblemCode::StaleJoin => assert!(again.settle().await.unwrap().is_none()),
            _ => drop(again.settle().await.unwrap_err()),
        }
        town.assert_stayed().await;
    }
}

/// Once the group is on its way into the storage, nothing that the hub says takes it away.
#[tokio::test]
async fn what_the_hub_has_taken_is_not_asked_about_again() {
    let town = Box::pin(Town::forked(Handshakes::Encrypted)).await;
    // It dies when the old state goes.
    let mut dying = town.wanting(Failing::after(2, town.keep.clone(), true));
    dying.resync(OldLeaf::Own).await.unwrap_err();
    drop(dying);
    assert!(town.keep.state(GROUP_ID).is_none());
    let asked = town.joins();
    town.channel.fail(&[Fault::Refused(ProblemCode::UnknownGroup)]);
    assert!(town.resumed(town.keep.clone()).unwrap().settle().await.unwrap().is_some());
    assert_eq!(town.joins(), asked);
    town.channel.faults.lock().unwrap().clear();
    Box::pin(town.assert_together()).await;
}

#[tokio::test]
async fn strange_bytes_are_no_join() {
    let town = Box::pin(Town::forked(Handshakes::Public)).await;
    let mut dying = town.wanting(Failing::after(0, town.keep.clone(), true));
    dying.resync(OldLeaf::Own).await.unwrap_err();
    let kept = town.keep.join(GROUP_ID).unwrap();
    let resume = |bytes: &[u8]| {
        let (client, channel, pace) = (town.client.clone(), town.channel.clone(), ModelPace::default());
        Outsider::resume(client, channel, pace, town.keep.clone(), MemberPolicy::default(), bytes).map(drop)
    };
    assert!(resume(&kept).is_ok());
    for end in 0..kept.len() {
        assert!(matches!(resume(&kept[..end]), Err(GroupError::SavedState)));
    }
    assert!(resume(&[&kept[..], &[0]].concat()).is_err());
    assert!(resume(&[&[0, 9], &kept[2..]].concat()).is_err());
    // Nor are those of a version that kept the group in another way: what is stored would have gone for nothing.
    let join = PendingJoin::restore(&kept).unwrap();
    let at = kept.windows(join.state.len()).position(|window| window == &join.state[..]).unwrap();
    let mut older = kept.clone();
    older[at + 1] -= 1;
    assert!(matches!(resume(&older), Err(GroupError::SavedState)));
}
