//! What people do with the group: with the client library, by the rules (specs/protocol.md §9).

use super::{
    cast::{Config, Device, Name, PEOPLE, banned, roster},
    sending::{Asked, Facts},
    step::Step,
    world::{Letter, MAIN, World},
};
use crate::{
    client::{
        CommitOptions, GroupError, PartitionedGroup,
        tests::{bans::banning, cast::behind_pending_commit},
    },
    mls::ContentType,
    sequencer::Rejection,
    service::Error,
    wire::{ExpectCommit, SendRequest},
};

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

    pub(super) fn group(&mut self, who: usize) -> &mut PartitionedGroup<Config> {
        self.devices[who].group.as_mut().expect("a member")
    }

    fn leaf(&mut self, who: usize, name: Name) -> u32 {
        let group = self.group(who);
        group.group().member_with_identity(name.as_bytes()).unwrap().index
    }

    /// Commits that the group bans these, and nobody else.
    fn rule(&mut self, who: usize, names: &[Name]) -> Made {
        let extensions = banning(names);
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
        self.devices[who].save().await;
        let result = self.send(who, MAIN, request, expect, &facts).await;
        if std::mem::take(&mut self.devices[who].loses_answer) {
            self.outcome("answer lost", "the answer is lost");
            return;
        }
        let (result, request) = match result {
            Err(Error::Rejected(Rejection::RatchetTreeRequired)) => {
                let Some(request) = self.group(who).attach_tree().unwrap() else { return };
                self.devices[who].save().await;
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
