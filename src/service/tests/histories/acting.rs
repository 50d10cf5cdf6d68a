//! What people do with the group: with the client library, by the rules (specs/protocol.md §9).

use mls_rs::{Extension, ExtensionList, extension::ExtensionType};

use super::{
    cast::{Config, Device, Name, PEOPLE, Visit, banned, roster},
    forest::Key,
    sending::{Asked, Facts},
    step::Step,
    world::{Letter, MAIN, World},
};
use crate::{
    client::{
        CommitOptions, Event, GroupError, JoinOptions, PartitionedGroup, Place, Reason, own_leaves,
        tests::cast::behind_pending_commit,
    },
    mls::ContentType,
    sequencer::Rejection,
    service::{Error, setup::provider},
    wire::{
        BANNED_EXTENSION, Banned, ExpectCommit, GroupInfoRequest, GroupInfoResponse, Identity, SendRequest, encode,
    },
};

/// How often somebody asks who reads to the end.
const ROUNDS_MAX: usize = 200;

type Made = Result<SendRequest, GroupError>;

impl World {
    pub(super) async fn act(&mut self, step: Step) {
        let (Step::Say(who)
        | Step::Commit(who)
        | Step::CommitFirst(who)
        | Step::Add(who, _)
        | Step::Remove(who, _)
        | Step::ProposeUpdate(who)
        | Step::ProposeRemoval(who, _)
        | Step::Ban(who, _)
        | Step::LiftBans(who)
        | Step::Read(who)
        | Step::ReadUp(who)
        | Step::Linger(who, _)
        | Step::Join(who)
        | Step::Leave(who)
        | Step::Rejoin(who)
        | Step::LoseAnswer(who)
        | Step::RestartClient(who)
        | Step::Repeat(who)) = step
        else {
            return;
        };
        match step {
            Step::Linger(_, number) => return self.linger(who, number).await,
            Step::Join(_) => return self.come(who).await,
            Step::Leave(_) => return self.leave(who).await,
            Step::Repeat(_) => return self.repeat(who).await,
            _ => {}
        }
        let Some(who) = self.pick(who, Device::is_member) else { return };
        match step {
            Step::Read(_) => drop(self.read(who).await),
            Step::ReadUp(_) => self.read_up(who).await,
            Step::Rejoin(_) if !self.devices[who].is_malicious => drop(self.rejoin(who).await),
            Step::LoseAnswer(_) => self.devices[who].loses_answer = true,
            Step::RestartClient(_) => {
                self.write(&format!("restart {}", self.devices[who].name));
                self.devices[who].restart();
            }
            Step::Rejoin(_) => {}
            step => self.want(who, step).await,
        }
    }

    /// Makes a request and sends it, after what is still on its way.
    async fn want(&mut self, who: usize, step: Step) {
        self.resume(who).await;
        if !self.devices[who].is_member() {
            return;
        }
        let (name, members) = (self.devices[who].name, roster(self.group(who).group()));
        let other = |number: usize| members[number % members.len()];
        let mut adds = Vec::new();
        let mut expect = None;
        let made: Made = match step {
            Step::Say(_) => self.group(who).application(name.as_bytes(), Vec::new()),
            Step::Commit(_) => self.group(who).commit_update(true),
            Step::CommitFirst(_) => {
                expect = Some(self.group(who).expect_commit());
                self.group(who).commit_update(true)
            }
            Step::Add(_, number) => {
                let is_out =
                    |device: &Device| !device.is_malicious && !device.is_member() && !members.contains(&device.name);
                let Some(to) = self.pick(number, is_out) else { return };
                adds.push(self.devices[to].name);
                let newcomer = self.devices[to].key_package();
                let made = self.group(who).commit_add(&[newcomer], true);
                if let Ok(request) = &made {
                    let welcome = request.commit_data.as_ref().unwrap().welcome_data.as_ref().unwrap();
                    let welcome = welcome.welcome.bytes().to_vec();
                    self.letters.push(Letter { digest: request.message.digest(), welcome, to });
                }
                made
            }
            Step::Remove(_, number) if other(number) != name => {
                let leaf = self.leaf(who, other(number));
                self.group(who).commit_remove(&[leaf], true)
            }
            Step::ProposeUpdate(_) => self.group(who).propose_update(Vec::new()),
            Step::ProposeRemoval(_, number) => {
                let leaf = self.leaf(who, other(number));
                self.group(who).propose_remove(leaf, Vec::new())
            }
            Step::Ban(_, number) => self.rule(who, &[PEOPLE[number % PEOPLE.len()].0]),
            Step::LiftBans(_) => self.rule(who, &[]),
            _ => return,
        };
        let made = match made {
            // Whoever has seen proposals commits before saying anything (RFC 9420 §12.4).
            Err(GroupError::CommitRequired) => self.group(who).commit_update(true),
            made => made,
        };
        match made {
            Ok(request) => {
                let is_malicious = self.devices[who].is_malicious;
                let behind = request.commit_data.as_ref().and_then(|_| behind_pending_commit(self.group(who)));
                let next = behind.map(|group| (roster(&group), banned(&group)));
                let facts = Facts { adds, next, is_malicious, ..Facts::default() };
                self.facts.insert(request.message.digest(), facts);
                self.transmit(who, &request, expect).await;
            }
            Err(GroupError::CommitPending | GroupError::ProposalUnconfirmed) => self.read_up(who).await,
            Err(error) => self.outcome("cannot", &format!("{name} cannot: {error}")),
        }
    }

    fn group(&mut self, who: usize) -> &mut PartitionedGroup<Config> {
        self.devices[who].group.as_mut().expect("a member")
    }

    fn leaf(&mut self, who: usize, name: Name) -> u32 {
        let group = self.group(who);
        group.group().member_with_identity(name.as_bytes()).unwrap().index
    }

    /// Commits that the group bans these, and nobody else.
    fn rule(&mut self, who: usize, names: &[Name]) -> Made {
        let banned = names.iter().map(|name| Identity(name.as_bytes().to_vec())).collect();
        let data = encode(&Banned { banned }).unwrap();
        let extensions: ExtensionList = vec![Extension::new(ExtensionType::new(BANNED_EXTENSION), data)].into();
        let options = CommitOptions::default().with_group_info(true);
        self.group(who).commit(|builder| builder.set_group_context_ext(extensions.clone()), &options)
    }

    /// Sends again what may not have arrived, byte for byte (C6).
    async fn resume(&mut self, who: usize) {
        let group = self.group(who);
        let pending: Vec<SendRequest> = group.pending_proposals().chain(group.pending_commit()).cloned().collect();
        for request in pending {
            self.transmit(who, &request, None).await;
        }
    }

    /// Sends a member's own request, and does by the answer what a client does.
    async fn transmit(&mut self, who: usize, request: &SendRequest, expect: Option<ExpectCommit>) {
        let digest = request.message.digest();
        let facts = self.facts.get(&digest).cloned().unwrap_or_default();
        let result = self.send(who, MAIN, request, expect, &facts).await;
        if std::mem::take(&mut self.devices[who].loses_answer) {
            self.outcome("answer lost", "the answer is lost");
            return;
        }
        let (result, request) = match result {
            Err(Error::Rejected(Rejection::RatchetTreeRequired)) => {
                let Some(request) = self.group(who).attach_tree().unwrap() else { return };
                (self.send(who, MAIN, &request, expect, &facts).await, request)
            }
            result => (result, request.clone()),
        };
        let group = self.group(who);
        match result {
            Ok(_) => group.settle_proposal(&digest),
            // This very request is judged. The other refusals are of the moment, or of the branch: it stays where it is.
            Err(Error::Rejected(Rejection::Denied(_))) => {
                group.settle_proposal(&digest);
                match request.message.content_type() {
                    ContentType::Commit => group.abandon_commit(),
                    ContentType::Proposal => drop(group.abandon_proposals()),
                    ContentType::Application => {}
                }
            }
            Err(_) => {}
        }
    }

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
            self.take_note(who, event);
        }
        let device = &mut self.devices[who];
        device.note_key();
        if device.is_member() {
            assert_eq!(device.place(), device.visits.last().map(|visit| visit.partition), "{name} moved by itself");
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

    fn take_note(&mut self, who: usize, event: Event) {
        let device = &self.devices[who];
        let (name, is_malicious) = (device.name, device.is_malicious);
        let last = *device.visits.last().unwrap();
        let visited =
            |epoch| device.visits.iter().rev().find(|visit| visit.epoch == epoch).map(|visit| visit.partition);
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
                self.devices[who].visits.push(visit);
                if !is_malicious {
                    self.followed.entry(by).or_default().insert(name);
                    self.arrivals.entry(next).or_insert(by);
                }
                let next = self.name(next);
                self.outcome("moved on", &format!("{name} goes on to {next} by {committer}'s commit at {}", by.1));
                self.welcome(committed.digest, by);
            }
            Event::Message { place, sender, late, .. } => {
                let Some(partition) = visited(place.epoch) else { return };
                let node = &self.forests[MAIN].nodes[&partition];
                let said = &node.said[place.index as usize];
                assert_eq!(said.by.as_bytes(), identity(&sender), "said by somebody else");
                assert!(late || !node.banned.contains(said.by), "{name} hears {}, who is banned there", said.by);
                self.note("heard");
            }
            Event::Ignored { place, reason: Reason::Forbidden } => {
                let Some(partition) = visited(place.epoch).filter(|_| place.epoch == last.epoch) else { return };
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
                self.devices[who].removed_by = Some(by);
                self.outcome("removed", &format!("{name} was removed by the commit at {}", place.index));
            }
            Event::Gap { place, until } => {
                let node = &self.forests[MAIN].nodes[&visited(place.epoch).unwrap()];
                assert!(node.first >= until as usize, "a gap where retention has removed nothing");
                self.devices[who].gaps.push(last.partition);
                self.outcome("gap", &format!("{name} misses {} to {until}", place.index));
            }
            Event::Proposal { .. } | Event::Sent { .. } | Event::Lost { .. } | Event::Superseded { .. } => {}
        }
    }

    /// What somebody honest says is read by everybody who is there.
    fn check_ignored(&mut self, who: usize, place: Place, reason: Reason) {
        let device = &self.devices[who];
        let Some(visit) = device.visits.iter().rev().find(|visit| visit.epoch == place.epoch) else { return };
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
    async fn leave(&mut self, who: usize) {
        if let Some(who) = self.pick(who, |device| !device.held.is_empty() && !device.is_member()) {
            self.leave_for_good(who).await;
        }
    }

    /// Somebody asks with an old key: members to read again, others because they would like to know.
    async fn linger(&mut self, who: usize, number: usize) {
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

    /// Somebody who is out comes in from outside.
    async fn come(&mut self, who: usize) {
        let Some(who) = self.pick(who, |device| !device.is_malicious && !device.is_member()) else { return };
        let Some((published, _)) = self.published(who).await else { return };
        self.enter(who, &published).await;
    }

    /// What the hub gives to newcomers, and of which partition it is.
    async fn published(&mut self, who: usize) -> Option<(GroupInfoResponse, Key)> {
        let request = GroupInfoRequest { group_id: self.group_ids[MAIN].clone() };
        let service = self.hub().service.clone();
        match service.group_info(&self.devices[who].submitter(), &request, None).await {
            Ok(answer) => Some((answer.response, answer.partition)),
            Err(Error::Rejected(Rejection::NoGroupInfo)) => {
                self.note("no GroupInfo");
                None
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Joins in the place of an old leaf, if there is one. Says whether the hub took it.
    async fn enter(&mut self, who: usize, published: &GroupInfoResponse) -> bool {
        let id = self.group_ids[MAIN].clone();
        let device = &mut self.devices[who];
        let old_leaf = own_leaves(&device.client, &id, published).unwrap().first().copied();
        let options = JoinOptions { group_info: true, old_leaf };
        let hub = provider("hub.example");
        // What was there is of use until the hub has let somebody in.
        let kept = device.group.take();
        device.client.group_state_storage().delete_group(&id);
        let joined = PartitionedGroup::join_externally(&device.client, hub, &id, published, &options);
        let (mut group, request) = match joined {
            Ok(made) => made,
            Err(error) => {
                device.group = kept;
                self.outcome("cannot join", &format!("{error}"));
                return false;
            }
        };
        if self.join(who, &request).await.is_err() {
            self.devices[who].group = kept;
            return false;
        }
        group.confirm_join();
        let by = self.arrivals[&group.masked_partition_key()];
        self.devices[who].forget(&id);
        self.devices[who].enter(group, Some(by));
        self.tell(who);
        true
    }

    /// Goes where the hub leads newcomers, if that is another branch: its user has decided so (C9, C11). Says whether it is
    /// where they are now, as far as the hub let it.
    pub(super) async fn rejoin(&mut self, who: usize) -> bool {
        let Some((published, partition)) = self.published(who).await else { return false };
        self.read_up(who).await;
        let device = &self.devices[who];
        if !device.is_member() || device.visits.iter().any(|visit| visit.partition == partition) {
            return true;
        }
        let (name, place) = (device.name, self.name(partition));
        self.outcome("on a fork", &format!("{name} is not on the way to {place}"));
        self.enter(who, &published).await
    }

    /// A request is sent again.
    async fn repeat(&mut self, number: usize) {
        if self.asked.is_empty() {
            return;
        }
        match self.asked[number % self.asked.len()].clone() {
            Asked::Send { who, group, request, facts } => {
                drop(self.send(who, group, &request, None, &facts).await);
            }
            Asked::Join { who, request, response } => {
                let is_young = self.now() < response.accepted_ms + self.policy.retention_ms;
                if !is_young {
                    return;
                }
                let service = self.hub().service.clone();
                let again = service.external_join(&self.devices[who].submitter(), request, None).await;
                assert_eq!(again, Ok(response), "a join that comes again is answered as the first time");
                self.note("join repeated");
            }
        }
    }
}

fn identity(participant: &crate::client::Participant) -> &[u8] {
    &participant.signing_identity.credential.as_basic().unwrap().identifier
}
