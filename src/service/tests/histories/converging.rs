//! Where everybody is in the end (specs/protocol.md C1 to C11): honest members are together, but for those whom a commit
//! has parted that not all could open; and they come together again when their users want it.

use std::collections::BTreeMap;

use super::{
    forest::Key,
    world::{MAIN, World},
};

/// How often those who are elsewhere go where the others are.
const ROUNDS: usize = 4;

/// A step from a partition to the next one, by the commit at that index.
type Way = Vec<(Key, u32)>;

impl World {
    /// Everybody reads to the end; who was told a lie about a removal disregards it.
    pub(super) async fn end(&mut self) {
        self.write("all read to the end");
        for who in self.honest() {
            self.devices[who].loses_answer = false;
            self.read_up(who).await;
        }
        // What the others have followed is known only now.
        self.disregard_lies().await;
        self.check_forks();
        self.heal().await;
        self.check_forks();
        self.audit();
        self.read_everything().await;
    }

    fn honest(&self) -> Vec<usize> {
        (0..self.devices.len())
            .filter(|who| !self.devices[*who].is_malicious && self.devices[*who].group.is_some())
            .collect()
    }

    /// Who was removed by a commit that none of the others has followed is still a member, and finds out by what they say:
    /// one after the other, as those commits were sequenced.
    async fn disregard_lies(&mut self) {
        while let Some((who, (partition, index))) = self.first_lie() {
            let (name, at) = (self.devices[who].name, self.name(partition));
            self.outcome("lie disregarded", &format!("{name} disregards the removal at {index} in {at}"));
            let device = &mut self.devices[who];
            device.past.removed_by = None;
            device.group.as_mut().unwrap().disregard_removal();
            self.read_up(who).await;
        }
    }

    /// The removal that was sequenced first, of those that nobody has followed and somebody believes in.
    fn first_lie(&self) -> Option<(usize, (Key, u32))> {
        let removed = self.honest().into_iter().filter_map(|who| Some((who, self.devices[who].past.removed_by?)));
        let lies = removed.filter(|(who, by)| !self.followed.contains_key(by) && !self.devices[*who].is_member());
        lies.min_by_key(|(_, (partition, index))| {
            self.forests[MAIN].nodes.get(partition).map(|node| node.said[*index as usize].at)
        })
    }

    /// Whoever is not where another one is was parted by a spoiled commit, came in where no member was, or came when
    /// messages were not there any more.
    fn check_forks(&mut self) {
        let members: Vec<usize> = self.honest().into_iter().filter(|who| self.devices[*who].is_member()).collect();
        let ways: Vec<(usize, Way)> = members.iter().map(|who| (*who, self.way(*who))).collect();
        for (at, (one, way)) in ways.iter().enumerate() {
            for (other, other_way) in &ways[at + 1..] {
                self.check_parting((*one, way), (*other, other_way));
            }
        }
    }

    fn check_parting(&mut self, (one, way): (usize, &Way), (other, other_way): (usize, &Way)) {
        let common = way.iter().zip(other_way).take_while(|(one, other)| one == other).count();
        let names = (self.devices[one].name, self.devices[other].name);
        let (first, late) = match (way.get(common), other_way.get(common)) {
            (None, None) => {
                assert_eq!(self.devices[one].place(), self.devices[other].place(), "{names:?} went one way");
                let authenticator = |who: usize| {
                    let group = self.devices[who].group.as_ref().unwrap();
                    group.group().epoch_authenticator().unwrap().as_bytes().to_vec()
                };
                assert_eq!(
                    authenticator(one),
                    authenticator(other),
                    "{names:?} are in one partition, and not together"
                );
                self.note("together");
                return;
            }
            (Some(step), None) => ((step, one), (None, other)),
            (None, Some(step)) => ((step, other), (None, one)),
            (Some(a), Some(b)) if a.1 <= b.1 => ((a, one), (Some(b), other)),
            (Some(a), Some(b)) => ((b, other), (Some(a), one)),
        };
        let ((partition, index), _) = first;
        if let Some(step) = late.0 {
            assert_eq!(step.0, *partition, "{names:?} part in one partition");
        }
        let said = &self.forests[MAIN].nodes.get(partition).map(|node| node.said[*index as usize].clone());
        let is_spoiled = said.as_ref().is_some_and(|said| said.is_spoiled);
        // No member went that way: it is where somebody came in, too late, or where the hub thought that the group was.
        let is_followed = |step: Option<&(Key, u32)>| step.is_none_or(|step| self.followed.contains_key(step));
        let is_entry = !is_followed(Some(&(*partition, *index))) || !is_followed(late.0);
        let has_gap = self.devices[late.1].past.gaps.contains(partition);
        let at = self.name(*partition);
        let why = match (is_spoiled, is_entry, has_gap) {
            (true, _, _) => "parted by a spoiled commit",
            (_, true, _) => "parted from the beginning",
            (_, _, true) => "parted by retention",
            (false, false, false) => panic!("{names:?} part in {at} at {index}, and nothing has parted them"),
        };
        self.note(why);
    }

    /// The commits that lead from the root to where a device is.
    fn way(&self, who: usize) -> Way {
        let visits = &self.devices[who].past.visits;
        let mut way: Way = visits.iter().rev().filter_map(|visit| visit.by).collect();
        while let Some(step) = way.last().map(|(partition, _)| *partition) {
            let parent = self.forests[MAIN].nodes.get(&step).and_then(|node| node.parent);
            match self.arrivals.get(&step).copied().or(parent) {
                Some(before) if way.len() < 10_000 => way.push(before),
                _ => break,
            }
        }
        way.reverse();
        way
    }

    /// Users decide to go where the hub leads newcomers, until all are there.
    async fn heal(&mut self) {
        if self.is_deleted {
            return;
        }
        self.write("all go where the hub leads newcomers");
        let mut refused = true;
        for _round in 0..ROUNDS {
            refused = false;
            for who in self.honest() {
                if self.devices[who].is_member() && !self.rejoin(who).await {
                    refused = true;
                }
            }
        }
        for who in self.honest() {
            self.read_up(who).await;
        }
        self.disregard_lies().await;
        if refused || self.is_deleted {
            self.note("not healed");
            return;
        }
        let mut places: BTreeMap<Key, Vec<&'static str>> = BTreeMap::new();
        for who in self.honest() {
            let device = &self.devices[who];
            let has_gap = device.place().is_some_and(|place| device.past.gaps.contains(&place));
            if device.is_member() && !has_gap {
                places.entry(device.place().unwrap()).or_default().push(device.name);
            }
        }
        let line = format!("{:?}", places.values().collect::<Vec<_>>());
        self.outcome("healed", &line);
        assert!(places.len() <= 1, "they went to one branch, and are not together: {line}");
    }

    /// Everything that was acknowledged is read at its index by its key, until retention has removed it.
    async fn read_everything(&mut self) {
        for group in 0..self.forests.len() {
            let keys: Vec<_> = self.forests[group].nodes.values().map(|node| node.key.clone()).collect();
            for key in keys {
                let mut counter = 0;
                loop {
                    let received = self.ask(0, group, &key, counter).await;
                    counter = received.next_index.unwrap();
                    if !received.more {
                        break;
                    }
                }
                let length = self.forests[group].nodes[&key.masked()].said.len();
                assert_eq!(counter as usize, length, "an acknowledged message cannot be read");
            }
        }
    }
}
