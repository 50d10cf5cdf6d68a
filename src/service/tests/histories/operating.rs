//! What the operator does, and what the hub does by itself.

use std::time::Duration;

use super::{
    cast::{HUB, Name, PEOPLE},
    forest::{Key, Provider},
    step::Step,
    world::{MAIN, World},
};
use crate::{
    forks::{group_name, parse_name, partition_name},
    sequencer::{BranchOutcome, GroupKey},
    service::{
        BanName,
        setup::{provider, rest, user_id},
    },
    wire::Sanction,
};

/// As many identities are banned at once.
const BANS_MAX: usize = 2;

impl World {
    pub(super) async fn operate(&mut self, step: Step) {
        match step {
            Step::Sweep => {
                self.write("sweep");
                while self.hub().service.clone().sweep().await.unwrap() > 0 {}
                self.audit();
                self.check_orphans_are_gone();
            }
            Step::Retain => {
                self.write("retain");
                self.hub().service.ask_for_retention();
                self.hub().retain().await;
                rest(&self.followers.service).await;
                self.audit();
            }
            Step::CatchUp => {
                // There may be nothing, and then nothing comes.
                let catching_up = tokio::time::timeout(Duration::from_millis(20), self.hub().service.catch_up()).await;
                if let Ok(caught_up) = catching_up {
                    caught_up.unwrap();
                    self.note("caught up");
                }
            }
            Step::RestartHub => {
                self.write("restart the hub");
                self.restart_hub().await;
                self.audit();
            }
            Step::Terminate(number) => self.terminate(number).await,
            Step::Restore(number) => self.restore(number).await,
            Step::OperatorBan(number) if self.barred.len() < BANS_MAX => {
                let (name, home) = person(number);
                let ban = BanName::Identity(provider(home), name.as_bytes().to_vec());
                self.write(&format!("the operator bans {name}@{home}"));
                self.hub().service.ban(&ban, Sanction::Banned).await.unwrap();
                self.barred.insert(name);
            }
            Step::OperatorLift(number) => {
                let (name, home) = person(number);
                if self.barred.remove(name) {
                    self.write(&format!("the operator lifts the ban of {name}"));
                    let ban = BanName::Identity(provider(home), name.as_bytes().to_vec());
                    assert!(self.hub().service.lift_ban(&ban).await.unwrap());
                }
            }
            _ => {}
        }
    }

    fn names_of(&self, partition: Key) -> (Vec<u8>, Vec<u8>) {
        let group = group_name(&GroupKey::of(&self.group_ids[MAIN]));
        (parse_name(&group).unwrap(), parse_name(&partition_name(&partition)).unwrap())
    }

    /// Ends a branch: rather one that is not the dominant one.
    async fn terminate(&mut self, number: usize) {
        let forest = &self.forests[MAIN];
        let (aside, all): (Vec<Key>, Vec<Key>) = {
            let all = forest.in_order().into_iter();
            let branches = all.filter(|key| *key != forest.root && forest.is_connected(*key));
            let branches: Vec<Key> = branches.filter(|key| forest.nodes[key].ended.is_none()).collect();
            (branches.iter().copied().filter(|key| !forest.is_on_dominant_branch(*key)).collect(), branches)
        };
        let from = if aside.is_empty() || number.is_multiple_of(5) { all } else { aside };
        if from.is_empty() || self.is_deleted {
            return;
        }
        let top = from[number % from.len()];
        let name = self.name(top);
        self.write(&format!("terminate {name}"));
        let (group, partition) = self.names_of(top);
        let ended = self.hub().service.clone().terminate_branch(group, partition).await.unwrap().unwrap();
        assert!(ended.is_ok_and(|done| done.is_done), "it is a branch");
        let now = self.now();
        self.forests[MAIN].end(top, now);
        self.note("terminated");
    }

    async fn restore(&mut self, number: usize) {
        let forest = &self.forests[MAIN];
        let ended =
            forest.in_order().into_iter().filter_map(|key| forest.nodes[&key].ended.filter(|(top, _)| *top == key));
        let tops: Vec<(Key, u64)> = ended.collect();
        if tops.is_empty() || self.is_deleted {
            return;
        }
        let (top, at) = tops[number % tops.len()];
        let name = self.name(top);
        self.write(&format!("restore {name}"));
        let (group, partition) = self.names_of(top);
        let restored = self.hub().service.clone().restore_branch(group, partition).await.unwrap().unwrap();
        match restored {
            Ok(done) => {
                assert!(done.is_done && self.now() < at + self.policy.restore_ms, "restored when it was too late");
                self.forests[MAIN].restore(top);
                self.note("restored");
            }
            Err(BranchOutcome::TooLate) => assert!(self.now() >= at + self.policy.restore_ms, "it is not too late"),
            // What is above is ended as well.
            Err(refused) => self.outcome("not restored", &format!("{refused:?}")),
        }
    }

    /// A user has left for good: nothing is known any more of what it presented (P8).
    pub(super) async fn leave_for_good(&mut self, who: usize) {
        let (name, id) = (self.devices[who].name, self.group_ids[MAIN].clone());
        self.write(&format!("leave {name}"));
        if self.devices[who].home == HUB {
            self.hub().service.clone().leave_group(&user_id(name), &id).await.unwrap();
            for node in self.forests[MAIN].nodes.values_mut() {
                node.users.remove(name);
            }
        } else {
            self.followers.service.clone().leave_group(&user_id(name), &id).await.unwrap();
            self.presented.retain(|(_, user), _| *user != name);
        }
        self.note("left for good");
    }
}

fn person(number: usize) -> (Name, Provider) {
    let (name, home, _) = PEOPLE[number % PEOPLE.len()];
    (name, home)
}
