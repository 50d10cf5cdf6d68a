//! Proposals of a process that died while it saved them. MLS commits to every proposal that it remembers, and nobody follows
//! a commit to one that was never sent: so either the proposal is sent, or MLS knows nothing of it.

use super::{
    acting::{act, settle},
    bans::banning,
    cast::{BOTH, GROUP_ID, Handshakes, Person, client, group, new_member},
    channel::ModelChannel,
    failing::Failing,
    hub::ModelHub,
};
use crate::{
    client::{GroupError, MemoryKeep, PartitionedGroup, SaveError},
    wire::{SendRequest, encode},
};

/// When the process dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// Before anything is kept.
    First,
    /// When something was kept, before the MLS library stores the group.
    BeforeMls,
    /// When the MLS library has stored the group, before the rest is kept.
    AfterMls,
}

impl Death {
    fn of_whoever_saves_in(self, keep: MemoryKeep) -> Failing {
        match self {
            Self::First => Failing::after(0, keep, false),
            Self::BeforeMls => Failing::after(0, keep, true),
            Self::AfterMls => Failing::after(1, keep, false),
        }
    }
}

type Proposes = fn(&mut Person, Handshakes) -> Result<SendRequest, GroupError>;

const KINDS: [(&str, Proposes); 4] = [
    ("add", |alice, handshakes| alice.group.propose_add(&new_member(&client("dora", handshakes)), Vec::new())),
    ("update", |alice, _| alice.group.propose_update(Vec::new())),
    ("remove", |alice, _| alice.group.propose_remove(2, Vec::new())),
    ("extensions", |alice, _| alice.group.propose_group_context_extensions(banning(&["dora"]), Vec::new())),
];

#[tokio::test]
async fn what_was_proposed_when_the_process_died_leads_nobody_astray() {
    for handshakes in BOTH {
        for death in [Death::First, Death::BeforeMls, Death::AfterMls] {
            for moved_on in [false, true] {
                for (kind, propose) in KINDS {
                    let case = format!("{handshakes:?} {death:?} {moved_on} {kind}");
                    let channel = ModelChannel::new(ModelHub::default());
                    let [mut alice, bob, _carol] = group(["alice", "bob", "carol"], handshakes);
                    let mut keep = alice.keep();
                    alice.group.save(&mut keep).await.unwrap();
                    let mut bob = act(bob, &channel);
                    if moved_on {
                        // What was kept is of an earlier epoch than the proposal.
                        bob.update().unwrap();
                        settle(&mut bob).await;
                        alice.read_all(&channel.hub.lock().unwrap());
                    }
                    let proposed = propose(&mut alice, handshakes).unwrap();
                    let mut dying = death.of_whoever_saves_in(keep.clone());
                    assert!(matches!(alice.group.save(&mut dying).await, Err(SaveError::Keep(_))), "{case}");

                    let state = keep.state(GROUP_ID).unwrap();
                    let group = PartitionedGroup::load(&alice.client, GROUP_ID, &state).unwrap().unwrap();
                    let mut alice = act(Person { client: alice.client, group }, &channel);
                    settle(&mut alice).await;
                    alice.update().unwrap();
                    settle(&mut alice).await;
                    settle(&mut bob).await;
                    let both = [&alice, &bob].map(|member| (member.group().epoch(), member.group().partition_key()));
                    assert_eq!(both[0], both[1], "{case}");
                    let sent = channel.sent().iter().any(|sent| sent.2 == encode(&proposed).unwrap());
                    assert_eq!(sent, matches!(death, Death::AfterMls), "{case}");
                }
            }
        }
    }
}
