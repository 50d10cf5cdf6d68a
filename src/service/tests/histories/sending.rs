//! Sends and joins, and what must hold of every answer: dense indexes, repetitions that are recognised, and no refusal
//! without its reason (specs/protocol.md §4, §14, §15).

use bytes::Bytes;
use mls_rs_codec::MlsEncode;

use super::{
    cast::{HUB, Name},
    forest::{Key, Node, Said},
    world::{MAIN, World},
};
use crate::{
    mls::ContentType,
    sequencer::{Fact, GroupKey, Rejection},
    service::{Error, setup::user_id},
    store::Store,
    wire::{CommitData, ExpectCommit, ExternalJoinRequest, PartitionKey, SendRequest, SendResponse},
};

/// What whoever makes a request knows about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// Whether some members cannot open it that others can.
    pub(super) is_spoiled: bool,
    /// Whom it brings in.
    pub(super) adds: Vec<Name>,
    /// Who is in the group after it, and whom that bans, where only its maker knows.
    pub(super) next: Option<(Vec<Name>, Vec<Name>)>,
    /// Its maker means ill.
    pub(super) is_malicious: bool,
}

/// A request that was acknowledged.
#[derive(Clone)]
pub(super) enum Asked {
    Send { who: usize, group: usize, request: SendRequest, facts: Facts },
    Join { who: usize, request: ExternalJoinRequest, response: SendResponse },
}

impl World {
    /// Sends a request, and checks what the hub says.
    pub(super) async fn send(
        &mut self,
        who: usize,
        group: usize,
        request: &SendRequest,
        expect: Option<ExpectCommit>,
        facts: &Facts,
    ) -> Result<SendResponse, Error> {
        let partition = request.partition_key.masked();
        self.write_send(who, group, request, expect);
        let submitter = self.devices[who].submitter();
        let service = self.hub().service.clone();
        let result = service.send(&submitter, request.clone(), expect).await;
        match &result {
            Ok(response) => {
                self.outcome(
                    "sequenced",
                    &format!("index {}, {} commits before", response.index, response.commits_before),
                );
                if self.acknowledge(who, group, request, facts, *response) {
                    let (request, facts) = (request.clone(), facts.clone());
                    self.asked.push(Asked::Send { who, group, request, facts });
                }
                let home = self.devices[who].home;
                if home != HUB && group == MAIN {
                    let (name, now) = (self.devices[who].name, self.now());
                    let key = GroupKey::of(&self.group_ids[group]);
                    self.followers.service.note_presentation(&user_id(name), key, partition);
                    self.followers.settle().await;
                    self.presented.insert((partition, name), now);
                }
            }
            Err(error) => {
                self.outcome("refused", &format!("{error:?}"));
                self.check_refusal(who, group, request, expect, facts, error);
            }
        }
        result
    }

    /// Keeps what was acknowledged. Says whether it is new.
    fn acknowledge(
        &mut self,
        who: usize,
        group: usize,
        request: &SendRequest,
        facts: &Facts,
        response: SendResponse,
    ) -> bool {
        let now = self.now();
        let (name, home) = (self.devices[who].name, self.devices[who].home);
        let partition = request.partition_key.masked();
        let said = self.said(request.message.bytes(), request.commit_data.as_ref(), (name, home), facts);
        let node = self.forests[group].nodes.get(&partition);
        let (index, length) = (response.index as usize, node.map_or(0, |node| node.said.len()));
        let kept = node.map_or(&[][..], |node| &node.said[node.first..]);
        let same = |other: &Said| (&other.bytes, other.next, &other.welcome) == (&said.bytes, said.next, &said.welcome);
        if index < length {
            let node = node.unwrap();
            assert!(same(&node.said[index]), "answered with the place of another message");
            assert_eq!(response.accepted_ms, node.said[index].at, "answered with another time");
            assert_eq!(response.commits_before as usize, node.commits_before(index));
            self.note("repeated");
            // Whoever repeats has shown the key again.
            self.forests[group].use_it(partition, home, (home == HUB).then_some(name), now);
            return false;
        }
        assert_eq!(index, length, "indexes are dense");
        assert!(!kept.iter().any(same), "the same was sequenced twice");
        assert_eq!(response.accepted_ms, now);
        assert_eq!(response.commits_before as usize, node.map_or(0, |node| node.commits_before(index)));
        assert!(node.is_none_or(|node| node.ended.is_none()), "sequenced on a branch that was ended");
        let next = request.commit_data.as_ref().map(|data| &data.next_partition_key);
        self.note_edge(group, partition, next);
        self.forests[group].sequence(&request.partition_key, said, next, true);
        if let (Some(next), Some(state)) = (next, &facts.next) {
            self.tell_of(next.masked(), state);
        }
        true
    }

    fn said(&self, bytes: &Bytes, commit: Option<&CommitData>, by: (Name, &'static str), facts: &Facts) -> Said {
        let welcome = commit.and_then(|commit| commit.welcome_data.as_ref());
        Said {
            bytes: bytes.clone(),
            next: commit.map(|commit| commit.next_partition_key.masked()),
            group_info: commit.and_then(|commit| commit.group_info.as_ref()).map(|info| info.bytes().clone()),
            welcome: welcome.map(|welcome| welcome.mls_encode_to_vec().unwrap().into()),
            by: by.0,
            provider: by.1,
            at: self.now(),
            is_spoiled: facts.is_spoiled,
            is_external: false,
            adds: facts.adds.clone(),
        }
    }

    fn note_edge(&mut self, group: usize, partition: Key, next: Option<&PartitionKey>) {
        if !self.forests[group].is_connected(partition) {
            self.note("in an orphan");
        }
        let Some(next) = next else { return };
        let forest = &self.forests[group];
        match forest.nodes.get(&next.masked()).map(|found| found.parent.is_some()) {
            None => {}
            Some(false) if forest.is_connected(next.masked()) => self.note("no edge"),
            Some(false) => self.note("adopted"),
            Some(true) => self.note("announced before"),
        }
        if self.forests[group].nodes.get(&partition).is_some_and(|node| !node.children.is_empty()) {
            self.note("raced");
        }
    }

    /// Joins from outside where the hub finds the place.
    pub(super) async fn join(&mut self, who: usize, request: &ExternalJoinRequest) -> Result<SendResponse, Error> {
        let (name, home, submitter) = {
            let device = &self.devices[who];
            (device.name, device.home, device.submitter())
        };
        let next = &request.commit_data.next_partition_key;
        let announcing = self.name(next.masked());
        self.write(&format!("join from {name} by={home} announcing={announcing}"));
        let facts = Facts { adds: vec![name], ..Facts::default() };
        let service = self.hub().service.clone();
        let result = service.external_join(&submitter, request.clone(), None).await;
        match &result {
            Ok(response) => {
                let place = self.place_of(request.message.bytes(), *response);
                let place_name = self.name(place);
                self.outcome("joined", &format!("in {place_name}, index {}", response.index));
                let node = &self.forests[MAIN].nodes[&place];
                assert!(node.ended.is_none(), "joined on a branch that was ended");
                assert_eq!(response.commits_before as usize, node.commits_before(response.index as usize));
                let key = node.key.clone();
                let said = self.said(request.message.bytes(), Some(&request.commit_data), (name, home), &facts);
                let said = Said { is_external: true, ..said };
                self.forests[MAIN].sequence(&key, said, Some(next), false);
                self.asked.push(Asked::Join { who, request: request.clone(), response: *response });
                self.arrivals.entry(next.masked()).or_insert((place, response.index));
            }
            Err(error) => {
                self.outcome("join refused", &format!("{error:?}"));
                match error {
                    Error::Rejected(Rejection::StaleJoin | Rejection::RateLimited { .. }) => {}
                    Error::TooManyInVain => {}
                    Error::Rejected(Rejection::GroupDeleted) => self.check_deletion(),
                    Error::Rejected(Rejection::Denied(fact)) => {
                        let bans = |ban: &dyn Fn(&Name) -> bool| ban(&name);
                        let by_group =
                            |name: &Name| self.forests[MAIN].nodes.values().any(|node| node.banned.contains(name));
                        let by_operator = |name: &Name| self.barred.contains(name);
                        assert!(*fact == Fact::BannedMember && (bans(&by_group) || bans(&by_operator)), "{fact:?}");
                        self.note("newcomer denied");
                    }
                    error => panic!("no reason to refuse a join: {error:?}"),
                }
            }
        }
        result
    }

    /// Where the hub has put a join: the one partition that has grown.
    fn place_of(&self, message: &Bytes, response: SendResponse) -> Key {
        let group = GroupKey::of(&self.group_ids[MAIN]);
        let snapshot = self.hub().store.snapshot().unwrap();
        let grown = |key: &&Key| {
            let page = snapshot.messages(&group, key, response.index, 1).unwrap();
            page.entries.first().is_some_and(|(index, entry)| *index == response.index && entry.message == *message)
        };
        let nodes = &self.forests[MAIN].nodes;
        let places: Vec<Key> = nodes.keys().filter(grown).copied().collect();
        let [place] = places[..] else { panic!("a join stands in {} partitions", places.len()) };
        assert_eq!(nodes[&place].said.len(), response.index as usize, "indexes are dense");
        place
    }

    /// No refusal without its reason.
    fn check_refusal(
        &mut self,
        who: usize,
        group: usize,
        request: &SendRequest,
        expect: Option<ExpectCommit>,
        facts: &Facts,
        error: &Error,
    ) {
        let Error::Rejected(rejection) = error else { panic!("no reason to refuse: {error:?}") };
        let partition = request.partition_key.masked();
        let node = self.forests[group].nodes.get(&partition).cloned();
        let node = node.as_ref();
        let info = request.commit_data.as_ref().and_then(|data| data.group_info.as_ref());
        let (name, home) = (self.devices[who].name, self.devices[who].home);
        match rejection {
            Rejection::BranchTerminated => {
                assert!(node.is_some_and(|node| node.ended.is_some()), "no branch of it was ended");
                self.note("on an ended branch");
            }
            Rejection::CommitConflict => {
                let last = node.and_then(|node| node.said.iter().rposition(|said| said.next.is_some()));
                let expected = match expect.expect("nothing was expected") {
                    ExpectCommit::None => None,
                    ExpectCommit::Index(index) => Some(index as usize),
                };
                assert!(last > expected, "nobody was faster");
                self.note("conflict");
            }
            Rejection::RateLimited { .. } => {
                self.note("over budget");
                // B5: what honest members need to go on costs nothing.
                let own = |said: &&Said| said.next.is_some() && said.provider == home && !said.is_external;
                let made = node.map_or(0, |node| node.said.iter().filter(own).count());
                let is_first = request.commit_data.is_some() && made < self.policy.free_commits as usize;
                // What only one provider has made and used is no race.
                let is_shared = |node: &Node| node.announced_by != Some(home) || node.is_used_beside(Some(home));
                let is_race = is_first && node.is_some_and(is_shared);
                let is_honest_race = is_race && self.forests[group].is_on_dominant_branch(partition);
                assert!(!is_honest_race, "the first commits of members on the dominant branch cost nothing");
            }
            Rejection::RatchetTreeRequired => {
                assert!(info.is_some_and(|info| !info.has_ratchet_tree()), "the tree is there");
                self.note("tree required");
            }
            Rejection::GroupInfoMismatch => {
                assert!(facts.is_malicious, "an honest GroupInfo");
                self.note("lie found");
            }
            Rejection::Denied(fact) => self.check_denial(name, group, partition, facts, *fact),
            Rejection::GroupDeleted => self.check_deletion(),
            rejection => panic!("no reason to refuse: {rejection:?}"),
        }
    }

    /// A ban acts where it was made, and on no other branch (Y4, Y7).
    fn check_denial(&mut self, name: Name, group: usize, partition: Key, facts: &Facts, fact: Fact) {
        let node = &self.forests[group].nodes[&partition];
        assert!(node.is_told, "nobody knows of that state, so nobody can be denied anything in it");
        let is_banned = |name: &Name| node.banned.contains(name) || self.barred.contains(name);
        let is_just = match fact {
            Fact::BannedCommitter => is_banned(&name),
            Fact::BannedMember => facts.adds.iter().any(is_banned),
            Fact::BannedUser | Fact::MutedUser | Fact::BlockedProvider | Fact::TooManyMembers => false,
        };
        let elsewhere = self.forests[group].nodes.values().any(|node| node.banned.contains(&name));
        assert!(
            is_just,
            "{name} is denied ({fact:?}) what nobody forbids there; banned on another branch: {elsewhere}"
        );
        self.note("denied");
    }

    /// A group ends when nobody has used it for long (E6).
    pub(super) fn check_deletion(&mut self) {
        let idle = self.now() - self.forests[MAIN].used;
        assert!(self.is_deleted || idle >= self.policy.idle_ms, "a group in use was deleted");
        self.is_deleted = true;
        self.note("deleted");
    }

    fn write_send(&mut self, who: usize, group: usize, request: &SendRequest, expect: Option<ExpectCommit>) {
        let (name, home) = (self.devices[who].name, self.devices[who].home);
        let to = self.name(request.partition_key.masked());
        let kind = match request.message.content_type() {
            ContentType::Application => "application",
            ContentType::Proposal => "proposal",
            ContentType::Commit => "commit",
        };
        let of = if group == MAIN { "" } else { " group=other" };
        let mut line = format!("send {kind} from-{name} to={to}{of} by={home}");
        if let Some(data) = &request.commit_data {
            line += &format!(" announcing={}", self.name(data.next_partition_key.masked()));
            if let Some(info) = &data.group_info {
                line += if info.has_ratchet_tree() { " group-info=with-tree" } else { " group-info=bare" };
            }
            if data.welcome_data.is_some() {
                line += " welcome";
            }
        }
        if let Some(expect) = expect {
            line += &format!(" expect={expect:?}");
        }
        self.write(&line);
    }
}
