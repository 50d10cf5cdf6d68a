//! Whatever honest members, a saboteur and an unlucky schedule do: honest members end up in one epoch, unless they were
//! removed.

use mls_rs::group::CommitBuilder;
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use super::{
    cast::{BOTH, Handshakes, Person, assert_converged, client, committed, deliver, group, ignored, new_member, said},
    hub::ModelHub,
};
use crate::{
    client::{CommitOptions, Event, NewMember, PartitionedGroup},
    wire::{PartitionKey, SendRequest},
};

/// Alice, Bob and Carol are honest; Mallory is the fourth.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Somebody says something, in whatever epoch they think it is.
    Say(usize),
    /// Somebody commits what they have read.
    Commit(usize),
    /// Somebody commits and removes somebody else.
    Remove(usize, u32),
    ProposeUpdate(usize),
    ProposeRemove(usize, u32),
    ProposeAdd(usize),
    /// Mallory sends a commit that leads elsewhere.
    Sabotage(u8),
    Read(usize),
    Restart(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..4_usize;
    prop_oneof![
        3 => who.clone().prop_map(Step::Say),
        3 => who.clone().prop_map(Step::Commit),
        1 => (who.clone(), 0..6_u32).prop_map(|(who, leaf)| Step::Remove(who, leaf)),
        2 => who.clone().prop_map(Step::ProposeUpdate),
        1 => (who.clone(), 0..6_u32).prop_map(|(who, leaf)| Step::ProposeRemove(who, leaf)),
        1 => who.clone().prop_map(Step::ProposeAdd),
        1 => any::<u8>().prop_map(Step::Sabotage),
        6 => who.clone().prop_map(Step::Read),
        1 => who.prop_map(Step::Restart),
    ]
}

struct Run {
    hub: ModelHub,
    people: [Person; 4],
    heard: [Vec<Event>; 4],
    said: [usize; 4],
    dave: NewMember,
}

impl Run {
    fn new(handshakes: Handshakes, hints: usize, page: usize) -> Self {
        Self {
            hub: ModelHub { hints, page, ..ModelHub::default() },
            people: group(["alice", "bob", "carol", "mallory"], handshakes),
            heard: Default::default(),
            said: [0; 4],
            dave: new_member(&client("dave", handshakes)),
        }
    }

    fn step(&mut self, step: Step) {
        let options = CommitOptions::for_new_members(std::slice::from_ref(&self.dave)).unwrap().with_group_info(true);
        // What the group refuses at the moment is not sent.
        let made = match step {
            Step::Say(who) => {
                let made = self.people[who].group.application(b"word", Vec::new());
                self.said[who] += usize::from(made.is_ok());
                made.ok()
            }
            Step::Commit(who) => self.people[who].group.commit(unchanged, &options).ok(),
            Step::Remove(who, leaf) => {
                self.people[who].group.commit(|commit| commit.remove_member(leaf), &options).ok()
            }
            Step::ProposeUpdate(who) => self.people[who].group.propose_update(Vec::new()).ok(),
            Step::ProposeRemove(who, leaf) => self.people[who].group.propose_remove(leaf, Vec::new()).ok(),
            Step::ProposeAdd(who) => self.people[who].group.propose_add(&self.dave, Vec::new()).ok(),
            Step::Sabotage(byte) => {
                let made = self.people[3].group.commit(unchanged, &options).ok();
                made.map(|mut request: SendRequest| {
                    request.commit_data.as_mut().unwrap().next_partition_key = PartitionKey::new([byte; 16]);
                    request
                })
            }
            Step::Read(who) => return self.read(who),
            Step::Restart(who) => return self.people[who].restart(),
        };
        if let Some(request) = made {
            self.hub.send(&request, None).unwrap();
        }
    }

    fn read(&mut self, who: usize) {
        if !self.people[who].group.is_removed() {
            self.heard[who].extend(self.people[who].read(&self.hub));
        }
    }

    fn read_to_the_end(&mut self, who: usize) {
        loop {
            let at = |person: &Person| (person.group.is_removed(), person.group.epoch(), person.group.counter());
            let before = at(&self.people[who]);
            self.read(who);
            if before == at(&self.people[who]) {
                return;
            }
        }
    }

    /// Whether somebody believes in a removal that has not taken place.
    fn was_fooled(&self, who: usize) -> bool {
        let own = self.people[who].group.group().current_member_signing_identity().unwrap();
        let truth = self.people.iter().find(|person| !person.group.is_removed()).unwrap();
        let roster = truth.group.group().roster();
        self.people[who].group.is_removed() && roster.member_identities_iter().any(|member| member == own)
    }

    fn end(mut self) {
        for who in 0..4 {
            self.read_to_the_end(who);
        }
        for who in 0..4 {
            // A saboteur's removal is ignored by all but its victim, who learns of it in some other way.
            while self.was_fooled(who) {
                self.people[who].group.disregard_removal();
                self.read_to_the_end(who);
            }
        }
        let remaining: Vec<&Person> = self.people.iter().filter(|person| !person.group.is_removed()).collect();
        assert!(!remaining.is_empty());
        assert_converged(&remaining);
        let roster = remaining[0].group.group().roster();
        let members: Vec<_> = roster.member_identities_iter().collect();
        for person in &self.people {
            let own = person.group.group().current_member_signing_identity().unwrap();
            assert_eq!(members.contains(&own), !person.group.is_removed());
        }
        let all: usize = self.said.iter().sum();
        for (heard, said_by_self) in self.heard.iter().zip(self.said) {
            assert!(!heard.iter().any(|event| matches!(event, Event::Gap { .. })));
            assert!(said(heard).len() <= all - said_by_self);
        }
    }
}

fn unchanged<C: mls_rs::client_builder::MlsConfig>(
    commit: CommitBuilder<'_, C>,
) -> Result<CommitBuilder<'_, C>, mls_rs::error::MlsError> {
    Ok(commit)
}

impl Person {
    fn restart(&mut self) {
        let saved = self.save();
        let group = self.client.load_group(self.group.group_id()).unwrap();
        self.group = PartitionedGroup::restore(group, self.group.hub().clone(), &saved).unwrap();
    }
}

proptest! {
    #![proptest_config(Config {
        cases: 64, rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default()
    })]

    #[test]
    fn honest_members_converge(
        encrypted in any::<bool>(),
        hints in prop_oneof![Just(0), Just(8)],
        page in prop_oneof![Just(0_usize), Just(2)],
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut run = Run::new(if encrypted { Handshakes::Encrypted } else { Handshakes::Public }, hints, page);
        for step in steps {
            run.step(step);
        }
        run.end();
    }
}

#[test]
fn two_updates_by_one_member_do_not_lead_the_next_committer_astray() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], handshakes);
        deliver(hub, &mallory.group.propose_update(Vec::new()).unwrap());
        deliver(hub, &mallory.group.propose_update(Vec::new()).unwrap());
        bob.read_all(hub);
        deliver(hub, &bob.group.commit_update(true).unwrap());
        for person in [&mut alice, &mut bob, &mut mallory] {
            let events = person.read_all(hub);
            assert_eq!(ignored(&events), []);
            assert_eq!(committed(&events).len(), 1);
        }
        assert_converged(&[&alice, &bob, &mallory]);
    }
}

#[test]
fn building_a_commit_twice_uses_no_key_of_the_handshake_ratchet_twice() {
    let hub = &mut ModelHub::default();
    let [mut alice, mut bob, mut mallory] = group(["alice", "bob", "mallory"], Handshakes::Encrypted);
    deliver(hub, &mallory.group.propose_update(Vec::new()).unwrap());
    deliver(hub, &mallory.group.propose_update(Vec::new()).unwrap());
    bob.read_all(hub);
    let commit = bob.group.commit_update(true).unwrap();
    deliver(hub, &bob.group.propose_update(Vec::new()).unwrap());
    deliver(hub, &commit);
    for person in [&mut alice, &mut bob] {
        assert_eq!(ignored(&person.read_all(hub)), []);
    }
    assert_converged(&[&alice, &bob]);
}

#[test]
fn nobody_escapes_removal_by_proposing_updates() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let [mut alice, mut bob, mut carol, mut mallory] = group(["alice", "bob", "carol", "mallory"], handshakes);
        // Bob's is good, which brings the others with it.
        for person in [&mut mallory, &mut carol, &mut bob] {
            deliver(hub, &person.group.propose_update(Vec::new()).unwrap());
        }
        let leaving = carol.group.propose_remove(carol.leaf(), Vec::new()).unwrap();
        deliver(hub, &leaving);
        alice.read_all(hub);
        deliver(hub, &alice.group.commit_remove(&[mallory.leaf()], true).unwrap());
        for person in [&mut alice, &mut bob] {
            let events = person.read_all(hub);
            assert_eq!(ignored(&events), []);
            // Carol wanted to leave, and that was not lost over the contradiction.
            assert_eq!(committed(&events)[0].left.len(), 2);
        }
        assert_converged(&[&alice, &bob]);
        for person in [&mut mallory, &mut carol] {
            person.read_all(hub);
            assert!(person.group.is_removed());
        }
    }
}
