//! Reading, and what must hold of what a member is told: who said it, where it leads, and what is suppressed
//! (specs/protocol.md §9).

use super::{
    cast::{Device, PEOPLE, Visit},
    world::{MAIN, World},
};
use crate::client::{Event, Participant, Place, Reason};

/// How often somebody asks who reads to the end.
const ROUNDS_MAX: usize = 200;

impl World {
    /// Asks once. Says whether that led anywhere.
    pub(super) async fn read(&mut self, who: usize) -> bool {
        let group = self.group(who);
        let before = (group.epoch(), group.counter());
        let request = group.receive_request();
        let (name, at) = (self.devices[who].name, self.name(request.partition_key.masked()));
        self.write(&format!("read {name} in={at} from={}", request.counter));
        let received = self.ask(who, MAIN, &request.partition_key, request.counter).await;
        let mut events = Vec::new();
        self.group(who).process(&request, &received, &mut events).unwrap();
        for event in events {
            self.take_note(who, event).await;
        }
        let device = &mut self.devices[who];
        device.note_key();
        if device.is_member() {
            assert_eq!(
                device.place(),
                device.past.visits.last().map(|visit| visit.partition),
                "{name} moved by itself"
            );
            self.tell(who);
        }
        let device = &self.devices[who];
        let group = device.group.as_ref().unwrap();
        !group.is_removed() && before != (group.epoch(), group.counter())
    }

    pub(super) async fn read_up(&mut self, who: usize) {
        for _round in 0..ROUNDS_MAX {
            if !self.devices[who].is_member() || !self.read(who).await {
                return;
            }
        }
        panic!("reading comes to no end");
    }

    async fn take_note(&mut self, who: usize, event: Event) {
        let device = &self.devices[who];
        let (name, is_malicious) = (device.name, device.is_malicious);
        let last = *device.past.visits.last().unwrap();
        let visited =
            |epoch| device.past.visits.iter().rev().find(|visit| visit.epoch == epoch).map(|visit| visit.partition);
        match event {
            Event::Committed(committed) => {
                assert_eq!(committed.place.epoch, last.epoch);
                let by = (last.partition, committed.place.index);
                let said = &self.forests[MAIN].nodes[&by.0].said[by.1 as usize];
                let (next, committer) = (said.next.unwrap(), said.by);
                assert_eq!(committer.as_bytes(), identity(&committed.committer), "somebody else's commit");
                let banned = self.forests[MAIN].nodes[&by.0].banned.contains(committer) && !said.is_external;
                assert!(!banned, "{name} follows a commit of {committer}, who is banned there");
                let visit = Visit { partition: next, epoch: committed.epoch, by: Some(by) };
                self.devices[who].past.visits.push(visit);
                if !is_malicious {
                    self.followed.entry(by).or_default().insert(name);
                    self.arrivals.entry(next).or_insert(by);
                }
                let next = self.name(next);
                self.outcome("moved on", &format!("{name} goes on to {next} by {committer}'s commit at {}", by.1));
                self.welcome(committed.digest, by).await;
            }
            Event::Message { place, sender, .. } => {
                let Some(partition) = visited(place.epoch) else { return };
                let node = &self.forests[MAIN].nodes[&partition];
                let said = &node.said[place.index as usize];
                assert_eq!(said.by.as_bytes(), identity(&sender), "said by somebody else");
                assert!(!node.banned.contains(said.by), "{name} hears {}, who is banned there", said.by);
                self.note("heard");
            }
            Event::Ignored { place, reason: Reason::Forbidden } => {
                let Some(partition) = visited(place.epoch) else { return };
                let node = &self.forests[MAIN].nodes[&partition];
                let said = &node.said[place.index as usize];
                let is_just = node.banned.contains(said.by) || said.adds.iter().any(|name| node.banned.contains(name));
                assert!(is_just, "{name} suppresses what {} said, whom nobody bans there", said.by);
                self.outcome("suppressed", &format!("{name} suppresses {} of {}", place.index, said.by));
            }
            Event::Ignored { place, reason } => {
                self.check_ignored(who, place, reason);
                self.outcome("ignored", &format!("{name} ignores {}: {reason:?}", place.index));
            }
            Event::Removed { place, .. } => {
                let by = (last.partition, place.index);
                self.devices[who].past.removed_by = Some(by);
                self.outcome("removed", &format!("{name} was removed by the commit at {}", place.index));
            }
            Event::Gap { place, until } => {
                let node = &self.forests[MAIN].nodes[&visited(place.epoch).unwrap()];
                assert!(node.first >= until as usize, "a gap where retention has removed nothing");
                self.devices[who].past.gaps.push(last.partition);
                self.outcome("gap", &format!("{name} misses {} to {until}", place.index));
            }
            Event::Proposal { .. } | Event::Sent { .. } | Event::Lost { .. } | Event::Superseded { .. } => {}
        }
    }

    /// What somebody honest says is read by everybody who is there.
    fn check_ignored(&mut self, who: usize, place: Place, reason: Reason) {
        let device = &self.devices[who];
        let Some(visit) = device.past.visits.iter().rev().find(|visit| visit.epoch == place.epoch) else { return };
        let node = &self.forests[MAIN].nodes[&visit.partition];
        let said = &node.said[place.index as usize];
        // What follows from something that was suppressed cannot be read.
        let is_suppressed = node.banned.contains(said.by);
        // Nor can anything be read twice. The hub takes it twice when it has forgotten it.
        let is_again = node.said[..place.index as usize].iter().any(|earlier| earlier.bytes == said.bytes);
        let is_malicious = PEOPLE.iter().any(|(name, _, is_malicious)| *name == said.by && *is_malicious);
        let is_late = matches!(reason, Reason::LateProposal | Reason::SenderLeft | Reason::BehindGap);
        assert!(
            is_malicious || is_late || is_suppressed || is_again,
            "{} ignores what {} said: {reason:?}",
            device.name,
            said.by
        );
    }

    /// Somebody who is out wants nothing of the group any more (P8).
    pub(super) async fn leave(&mut self, who: usize) {
        if let Some(who) = self.pick(who, |device| !device.held.is_empty() && !device.is_member()) {
            self.leave_for_good(who).await;
        }
    }

    /// Somebody asks with an old key: members to read again, others because they would like to know.
    pub(super) async fn linger(&mut self, who: usize, number: usize) {
        // Rather somebody who has no business there any more.
        let is_out = |device: &Device| !device.held.is_empty() && !device.is_member();
        let Some(who) = self.pick(who, is_out).or_else(|| self.pick(who, |device| !device.held.is_empty())) else {
            return;
        };
        let device = &self.devices[who];
        let (name, is_member) = (device.name, device.is_member());
        let key = device.held[number % device.held.len()].clone();
        let at = self.name(key.masked());
        self.write(&format!("ask {name} in={at} from=0"));
        if !is_member {
            self.note("asked after leaving");
        }
        self.ask(who, MAIN, &key, 0).await;
    }
}

fn identity(participant: &Participant) -> &[u8] {
    &participant.signing_identity.credential.as_basic().unwrap().identifier
}
