//! Receives, and what must hold of every answer: whoever asks is given what stands in the partition of the key that was
//! shown, and hints that the rules allow (specs/protocol.md §6, §7).

use std::time::Duration;

use super::{
    cast::HUB,
    entitlement::Reader,
    forest::{Key, Said},
    world::{MAIN, World},
};
use crate::{
    client,
    sequencer::GroupKey,
    service::{Found, Receive, Received, setup::user_id},
    wire::{Epoch, Message, PartitionKey, ReceiveRequest},
};

impl World {
    /// Somebody asks with a key. Gives what the user gets, of which its provider may have kept something back.
    pub(super) async fn ask(&mut self, who: usize, group: usize, key: &PartitionKey, counter: u32) -> client::Received {
        let device = &self.devices[who];
        let (name, home, submitter) = (device.name, device.home, device.submitter());
        let group_id = self.group_ids[group].clone();
        let request = ReceiveRequest { group_id, partition_key: key.clone(), counter };
        let service = self.hub().service.clone();
        let answer = service.receive(&submitter, Receive::new(&request, Duration::ZERO)).await.unwrap();
        let mut received = answer.received;
        drop(answer.memory);
        let partition = key.masked();
        self.check_page(group, partition, counter, &received);
        let reader = Reader { provider: home, user: (home == HUB).then_some(name) };
        self.check_hints(group, partition, reader, &received);

        let now = self.now();
        let node = self.forests[group].nodes.get(&partition);
        // Of what retention has emptied nothing is recorded (E4).
        if node.is_some_and(|node| !node.is_remnant) {
            self.forests[group].use_it(partition, home, reader.user, now);
        }
        self.hub().settle().await;
        if home != HUB {
            self.keep_back(who, group, partition, &mut received).await;
        }
        client::Received {
            response: received.response,
            first_index: Some(received.first_index),
            restored: received.passed_over,
            next_index: Some(received.next_index),
            more: received.more,
        }
    }

    /// What is in the partition, from the counter on, and nothing else (K4, R4, R5, R6, R8).
    fn check_page(&mut self, group: usize, partition: Key, counter: u32, received: &Received) {
        let epoch = &received.response.epoch;
        let Some(node) = self.forests[group].nodes.get(&partition) else {
            assert!(epoch.messages.is_empty(), "messages of a partition that is not there");
            assert!(received.response.hints.is_empty(), "hints from a partition that is not there");
            assert_eq!((received.first_index, received.next_index, received.more), (counter, counter, false));
            return;
        };
        let first = node.first.max(counter as usize);
        let left = node.said.get(first..).unwrap_or_default();
        let given = epoch.messages.len();
        assert!(given <= left.len(), "messages that were never acknowledged");
        assert!(given > 0 || left.is_empty(), "the next message is kept back");
        assert_same(&left[..given], epoch);
        assert_eq!(received.first_index as usize, first, "where the page begins");
        assert_eq!(received.next_index as usize, first + given, "where it goes on");
        assert_eq!(received.more, given < left.len(), "whether it goes on");
        if received.more {
            self.note("page");
        }
    }

    /// Whole epochs that the reader may have (H1 to H10).
    fn check_hints(&mut self, group: usize, partition: Key, reader: Reader, received: &Received) {
        let hints = &received.response.hints;
        if hints.is_empty() {
            return;
        }
        assert!(!received.more, "hints before the end of the partition");
        let forest = &self.forests[group];
        let chain = self.rules.chain(forest, partition, reader, self.now());
        let mut given: Vec<Key> = hints.iter().map(|hint| hint.masked_partition_key).collect();
        let in_order = given.is_sorted();
        given.sort_unstable();
        let mut allowed = chain.get(..given.len()).unwrap_or(&chain).to_vec();
        allowed.sort_unstable();
        let names = |keys: &[Key], world: &mut Self| keys.iter().map(|key| world.name(*key)).collect::<Vec<_>>();
        if given != allowed {
            let (given, allowed) = (names(&given, self), names(&chain, self));
            panic!("{reader:?} is hinted {given:?}, and may be hinted {allowed:?}");
        }
        assert!(in_order, "the order of hints means nothing");
        for hint in hints {
            assert_same(&forest.nodes[&hint.masked_partition_key].said, &hint.epoch);
        }
        let is_by_leaf = |key: &Key| !forest.nodes[key].uses.contains_key(reader.provider);
        if given.iter().any(is_by_leaf) {
            self.note("hinted by roster");
        }
        self.note("hinted");
    }

    /// A follower keeps back what its user is not entitled to (H6).
    async fn keep_back(&mut self, who: usize, group: usize, partition: Key, received: &mut Received) {
        let name = self.devices[who].name;
        let hinted: Vec<Key> = received.response.hints.iter().map(|hint| hint.masked_partition_key).collect();
        let has_found = !received.response.epoch.messages.is_empty();
        if hinted.is_empty() && !has_found {
            return;
        }
        let found = if has_found { Found::Messages } else { Found::Nothing };
        let key = GroupKey::of(&self.group_ids[group]);
        let service = self.followers.service.clone();
        let entitled = service.entitlements(&user_id(name), key, partition, hinted.clone(), found).await.unwrap();
        self.followers.settle().await;
        let now = self.now();
        for (hint, entitled) in hinted.iter().zip(&entitled) {
            let at = self.presented.get(&(*hint, name));
            let is_recent = at.is_some_and(|at| at + self.policy.hint_window_ms >= now);
            let forwards = self.policy.hints == crate::sequencer::Hints::Forward;
            assert!(!entitled || is_recent || forwards, "a follower hands on what its user has not earned");
            if !entitled {
                self.note("kept back by a follower");
            }
        }
        if has_found && group == MAIN {
            self.presented.insert((partition, name), now);
        }
        let mut entitled = entitled.into_iter();
        received.response.hints.retain(|_| entitled.next().unwrap());
    }
}

/// Message for message, with what came beside it.
fn assert_same(said: &[Said], epoch: &Epoch) {
    assert_eq!(said.len(), epoch.messages.len(), "an epoch is whole");
    for (said, Message { message, commit }) in said.iter().zip(&epoch.messages) {
        assert!(message.bytes() == &said.bytes, "another message stands there");
        assert_eq!(
            commit.as_ref().map(|commit| commit.next_partition_key),
            said.next,
            "another partition is announced"
        );
        let info = commit.as_ref().and_then(|commit| commit.group_info.as_ref()).map(|info| info.bytes());
        assert!(info == said.group_info.as_ref(), "another GroupInfo stands beside it");
    }
}
