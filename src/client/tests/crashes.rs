//! Processes that die at the worst moment: between what they keep and what they send, and before they hear what became of
//! it. Each test drops the member and starts from what was kept.

use std::time::Duration;

use mls_rs::Client;

use super::{
    acting::{Acting, enter, settle, words},
    cast::{BOTH, Config, GROUP_ID, Handshakes, Person, client, group},
    channel::{Fault, ModelChannel},
    failing::Failing,
    hub::ModelHub,
    welcomed::{founded, invited},
};
use crate::client::{Event, Keep, MemberError, MemoryKeep, PartitionedGroup, ProblemCode, Progress, SaveError};

/// A member that can die.
struct Mortal {
    client: Client<Config>,
    keep: MemoryKeep,
    member: Acting<MemoryKeep>,
}

impl Mortal {
    fn new(person: Person, channel: &ModelChannel) -> Self {
        let keep = person.keep();
        let Person { client, group } = person;
        Self { client, keep: keep.clone(), member: enter(group, keep, channel) }
    }

    /// Dies, and is started again.
    fn restart(self, channel: &ModelChannel) -> Self {
        let Self { client, keep, member } = self;
        drop(member);
        let state = keep.state(GROUP_ID).expect("something was kept");
        let group = PartitionedGroup::load(&client, GROUP_ID, &state).unwrap().expect("the group is stored");
        Self { member: enter(group, keep.clone(), channel), client, keep }
    }

    async fn sync(&mut self) -> Vec<Progress> {
        settle(&mut self.member).await
    }
}

fn same_state<A: Keep, B: Keep>(one: &Acting<A>, other: &Acting<B>) {
    assert_eq!(one.group().epoch(), other.group().epoch());
    assert_eq!(one.group().partition_key(), other.group().partition_key());
}

/// The answer to the commit is lost, and with it the process.
#[tokio::test]
async fn a_commit_of_a_process_that_died_is_followed() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob] = group(["alice", "bob"], handshakes);
        let (mut alice, mut bob) = (Mortal::new(alice, &channel.another()), Mortal::new(bob, &channel.another()));
        for fault in [Fault::ResponseLost, Fault::RequestLost] {
            let rough = channel.another();
            rough.fail(&[fault; 6]);
            alice = alice.restart_if_saved(&rough);
            alice.member.update().unwrap();
            alice.member.flush().await.unwrap_err();
            alice = alice.restart(&channel.another());
            let told = alice.sync().await;
            let own = |progress: &Progress| matches!(progress, Progress::Group(Event::Committed(commit)) if commit.own);
            assert!(told.iter().any(own), "{fault:?}: {told:?}");
            bob.sync().await;
            same_state(&alice.member, &bob.member);
        }
    }
}

impl Mortal {
    /// The same over another channel; a group that was never saved goes on as it is.
    fn restart_if_saved(self, channel: &ModelChannel) -> Self {
        if self.keep.state(GROUP_ID).is_some() {
            return self.restart(channel);
        }
        let Self { client, keep, member } = self;
        let (group, _intents) = member.into_parts();
        Self { member: enter(group, keep.clone(), channel), client, keep }
    }
}

/// What it says after the restart is encrypted with another key than what it said before: others have wiped that one.
#[tokio::test]
async fn no_key_is_used_twice() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob] = group(["alice", "bob"], handshakes);
        let (mut alice, mut bob) = (Mortal::new(alice, &channel), Mortal::new(bob, &channel));
        for text in ["one", "two", "three"] {
            alice.member.send(text.as_bytes()).unwrap();
            alice.member.flush().await.unwrap();
            alice = alice.restart(&channel);
        }
        assert_eq!(words(&bob.sync().await), [&b"one"[..], b"two", b"three"]);
        // It knows its own words when it reads them.
        let told = alice.sync().await;
        let strange = |progress: &Progress| matches!(progress, Progress::Group(Event::Ignored { .. }));
        assert!(!told.iter().any(strange), "{told:?}");
    }
}

#[tokio::test]
async fn nothing_leaves_the_device_before_it_is_kept() {
    let channel = ModelChannel::new(ModelHub::default());
    let [alice, bob] = group(["alice", "bob"], Handshakes::Encrypted);
    let full = Failing::after(0, alice.keep(), false);
    let (mut alice, mut bob) = (enter(alice.group, full.clone(), &channel), Mortal::new(bob, &channel.another()));
    alice.send(b"hello").unwrap();
    alice.update().unwrap();
    for _attempt in 0..3 {
        assert!(matches!(alice.flush().await, Err(MemberError::Keep(_))));
        assert!(channel.sent().is_empty());
        assert_eq!(alice.unsettled().count(), 2);
    }
    full.heal();
    settle(&mut alice).await;
    assert_eq!(words(&bob.sync().await), [b"hello"]);
    same_state(&alice, &bob.member);
}

/// What was read and not taken is not lost by a save: there is none before it was taken.
#[tokio::test]
async fn what_was_said_is_taken_before_the_group_is_saved() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob] = group(["alice", "bob"], handshakes);
        let (mut alice, mut bob) = (Mortal::new(alice, &channel), Mortal::new(bob, &channel.another()));
        alice.member.save().await.unwrap();
        bob.member.send(b"did you hear?").unwrap();
        bob.sync().await;
        alice.member.read(Duration::ZERO).await.unwrap();
        alice.member.send(b"what?").unwrap();
        for _attempt in 0..3 {
            alice.member.flush().await.unwrap();
            assert!(matches!(alice.member.save().await, Err(MemberError::Untold)));
            assert!(alice.member.has_work() && channel.sent().is_empty());
        }
        // It dies, and reads it again.
        let mut alice = alice.restart(&channel);
        assert_eq!(words(&alice.sync().await), [b"did you hear?"]);
        alice.member.save().await.unwrap();
        let mut alice = alice.restart(&channel);
        assert!(words(&alice.sync().await).is_empty());
    }
}

/// MLS remembers an own proposal and makes no commit without it: so it is sent, and read back.
#[tokio::test]
async fn a_proposal_of_a_process_that_died_is_sent() {
    for (handshakes, fault) in BOTH.into_iter().zip([Fault::RequestLost, Fault::ResponseLost]) {
        let (channel, rough) = (ModelChannel::new(ModelHub::default()), ModelChannel::new(ModelHub::default()));
        let rough = ModelChannel { hub: channel.hub.clone(), ..rough };
        let [alice, bob, carol] = group(["alice", "bob", "carol"], handshakes);
        let (mut alice, mut bob) = (Mortal::new(alice, &channel), Mortal::new(bob, &channel));
        let mut carol = Mortal::new(carol, &rough);
        rough.fail(&[fault; 6]);
        carol.member.leave().unwrap();
        carol.member.flush().await.unwrap_err();
        let mut carol = carol.restart(&channel);
        carol.sync().await;
        bob.sync().await;
        bob.member.update().unwrap();
        bob.sync().await;
        alice.sync().await;
        assert_eq!(alice.member.group().group().roster().members().len(), 2, "{handshakes:?}");
        same_state(&alice.member, &bob.member);
        assert!(carol.sync().await.iter().any(|told| matches!(told, Progress::Group(Event::Removed { .. }))));
    }
}

/// A proposal that was saved and never sent does not keep its author from committing.
#[tokio::test]
async fn who_has_proposed_before_a_restart_commits_after_it() {
    for handshakes in BOTH {
        let channel = ModelChannel::new(ModelHub::default());
        let [alice, bob, carol] = group(["alice", "bob", "carol"], handshakes);
        let leaf = carol.leaf();
        let (mut alice, mut bob) = (Mortal::new(alice, &channel), Mortal::new(bob, &channel));
        drop(alice.member.group_mut().propose_remove(leaf, Vec::new()).unwrap());
        alice.member.save().await.unwrap();
        let mut alice = alice.restart(&channel);
        let id = alice.member.update().unwrap();
        let told = alice.sync().await;
        let done = |progress: &Progress| matches!(progress, Progress::Done { intent } if *intent == id);
        assert!(told.iter().any(done), "{told:?}");
        bob.sync().await;
        same_state(&alice.member, &bob.member);
        assert_eq!(bob.member.group().group().roster().members().len(), 2);
    }
}

/// The process dies while it saves the group that it has just joined, at either side of the MLS library's own write.
#[tokio::test]
async fn a_join_from_a_welcome_is_kept_or_can_be_done_again() {
    let bob = client("bob", Handshakes::Encrypted);
    let (alice, entries) = founded(GROUP_ID, &[&invited(&bob)]);
    let mut dying = Failing::after(0, MemoryKeep::new(bob.group_state_storage()), true);
    let mut joined = PartitionedGroup::join(&bob, &entries[0]).unwrap();
    assert!(matches!(joined.save(&mut dying).await, Err(SaveError::Keep(_))));
    drop(joined);
    let state = dying.keep.state(GROUP_ID).unwrap();
    assert!(PartitionedGroup::load(&bob, GROUP_ID, &state).unwrap().is_none(), "the MLS library has not stored it");

    dying.heal();
    let mut joined = PartitionedGroup::join(&bob, &entries[0]).unwrap();
    joined.save(&mut dying).await.unwrap();
    drop(joined);
    let state = dying.keep.state(GROUP_ID).unwrap();
    let loaded = PartitionedGroup::load(&bob, GROUP_ID, &state).unwrap().expect("it is stored");
    assert_eq!(loaded.partition_key(), alice.partition_key());
    assert!(loaded.was_joined_from(&entries[0]));
}

/// The refusal of a proposal is final: it is not sent again after a restart, nor in between.
#[tokio::test]
async fn a_proposal_that_was_refused_is_not_sent_again() {
    let channel = ModelChannel::new(ModelHub::default());
    let [_alice, bob] = group(["alice", "bob"], Handshakes::Public);
    let mut bob = Mortal::new(bob, &channel);
    bob.member.leave().unwrap();
    channel.fail(&[Fault::Refused(ProblemCode::PolicyDenied)]);
    bob.sync().await;
    bob.member.save().await.unwrap();
    let mut bob = bob.restart(&channel);
    bob.sync().await;
    assert_eq!(channel.sent().len(), 1);
}
