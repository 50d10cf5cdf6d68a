//! Building requests from intents and getting them to the hub.

use std::time::Duration;

use mls_rs::client_builder::MlsConfig;

use super::{Cause, InFlight, Intent, Member, MemberError, Progress, intent::Queued, persisting::persist};
use crate::{
    client::{
        GroupError, Keep, NewMember, Pace, Problem, ProblemCode,
        http::{CallError, Channel, ChannelRequest, ChannelResponse, Operation, delivery_service},
    },
    mls::ContentType,
    wire::{LeaveGroupRequest, SendRequest, SendResponse},
};

impl<C: MlsConfig, H: Channel, P: Pace, K: Keep> Member<C, H, P, K> {
    /// Works off the queue: each intent is sent, and a commit is read back, before the next one's turn.
    ///
    /// Ends early where a commit was read back together with what others said: take that by [`Member::next_progress`],
    /// and call again.
    ///
    /// # Errors
    /// [`MemberError`]. The intent at which it stopped stays first in line.
    pub async fn flush(&mut self) -> Result<(), MemberError> {
        // An intent takes its turn once for each rebuild and once more for a commit that has to come first.
        let turns = self.policy.queue.saturating_mul(self.policy.rebuilds as usize + 2);
        for _turn in 0..turns {
            if self.group.is_removed() || self.must_tell_first() {
                break;
            }
            self.resume_proposal()?;
            self.read_own_proposals().await?;
            // Who leaves says nothing more: what it would commit is its own removal.
            if self.in_flight.is_none() && (self.must_tell_first() || self.leaving.is_some() || !self.build_next()?) {
                break;
            }
            self.deliver().await?;
        }
        self.take_leave().await
    }

    /// Tells the provider that nothing more of the group is wanted, if this client has left by its own wish. A provider
    /// that has no such operation, as a hub that is reached directly, has nothing to be told.
    pub(super) async fn take_leave(&mut self) -> Result<(), MemberError> {
        if self.takes_leave {
            let request = LeaveGroupRequest { group_id: self.group.group_id().to_vec() };
            let request = ChannelRequest::new(
                Operation::LeaveGroup,
                delivery_service::encode(&request).map_err(GroupError::from)?,
            );
            match self.call(request).await {
                Err(error) if error.is_transient() => return Err(error.into()),
                Ok(_) | Err(_) => self.takes_leave = false,
            }
        }
        Ok(())
    }

    /// Whether the group would have to be saved before the next step, and cannot be: the app has not heard all of it.
    fn must_tell_first(&self) -> bool {
        self.untold > 0 && self.in_flight.as_ref().is_none_or(|in_flight| !in_flight.saved)
    }

    /// Takes up a proposal of which it is not known whether it was sequenced: one that was made before a restart.
    fn resume_proposal(&mut self) -> Result<(), GroupError> {
        if self.in_flight.is_none()
            && let Some(request) = self.group.pending_proposals().next()
        {
            self.in_flight = Some(InFlight::new(request, None)?);
        }
        Ok(())
    }

    /// Reads until the own proposals of this epoch have come back: no commit is made before that.
    async fn read_own_proposals(&mut self) -> Result<(), MemberError> {
        for _round in 0..self.policy.rounds {
            let waits = self.in_flight.is_none() && self.leaving.is_none() && self.group.unconfirmed_proposals() > 0;
            if !waits || !self.read_once(Duration::ZERO).await? {
                break;
            }
        }
        Ok(())
    }

    /// Makes the request of the first intent that has one. Says whether there is any.
    fn build_next(&mut self) -> Result<bool, GroupError> {
        while let Some(queued) = self.queue.pop_front() {
            let built = match self.build(&queued.intent) {
                // RFC 9420 §12.4: whoever has seen proposals commits before saying anything.
                Err(GroupError::CommitRequired) => match self.group.commit_update(self.policy.group_info) {
                    Ok(request) => {
                        self.queue.push_front(queued);
                        self.in_flight = Some(InFlight::new(&request, None)?);
                        return Ok(true);
                    }
                    // Behind a gap, for one, there is no commit to come first, and so nothing to say in this epoch.
                    Err(error) => Err(error),
                },
                built => built,
            };
            match built {
                Ok(Some(request)) => {
                    self.in_flight = Some(InFlight::new(&request, Some(queued))?);
                    return Ok(true);
                }
                Ok(None) => self.progress.push_back(Progress::Moot { intent: queued.id }),
                Err(error @ GroupError::Storage(_)) => {
                    self.queue.push_front(queued);
                    return Err(error);
                }
                Err(error) => {
                    let cause = Cause::Impossible(error);
                    self.progress.push_back(Progress::Dropped { intent: queued.id, cause });
                }
            }
        }
        Ok(false)
    }

    /// The request for an intent in the current epoch; `None` when there is nothing left to do.
    fn build(&mut self, intent: &Intent) -> Result<Option<SendRequest>, GroupError> {
        let group_info = self.policy.group_info;
        match intent {
            Intent::Send { data, authenticated_data } => {
                self.group.application(data, authenticated_data.clone()).map(Some)
            }
            Intent::Add(members) => {
                let missing = self.missing(members)?;
                if missing.is_empty() { Ok(None) } else { self.group.commit_add(&missing, group_info).map(Some) }
            }
            Intent::Remove { identity } => match self.group.group().member_with_identity(identity) {
                Ok(member) => self.group.commit_remove(&[member.index], group_info).map(Some),
                Err(mls_rs::error::MlsError::MemberNotFound) => Ok(None),
                Err(error) => Err(error.into()),
            },
            Intent::Update => self.group.commit_update(group_info).map(Some),
            Intent::Leave => self.group.propose_remove(self.group.group().current_member_index(), Vec::new()).map(Some),
        }
    }

    /// Those whose credential is not in the group.
    fn missing(&self, members: &[NewMember]) -> Result<Vec<NewMember>, GroupError> {
        let roster = self.group.group().roster();
        let mut missing = Vec::new();
        for member in members {
            let package = member.to_message()?.into_key_package().ok_or(crate::wire::DecodeError::InvalidValue)?;
            let credential = &package.signing_identity().credential;
            if !roster.member_identities_iter().any(|known| &known.credential == credential) {
                missing.push(member.clone());
            }
        }
        Ok(missing)
    }

    /// Sends the request that is on its way until its fate is known.
    async fn deliver(&mut self) -> Result<(), MemberError> {
        for _round in 0..self.policy.rounds {
            let Some(in_flight) = &self.in_flight else { return Ok(()) };
            if in_flight.sequenced {
                self.read_back().await?;
                continue;
            }
            if !in_flight.saved {
                self.save().await?;
                if let Some(in_flight) = &mut self.in_flight {
                    in_flight.saved = true;
                }
                continue;
            }
            let expect_commit = in_flight.is_commit().then(|| self.group.expect_commit());
            let request = ChannelRequest::new(Operation::Send, in_flight.body.clone());
            let response = self.call(ChannelRequest { expect_commit, ..request }).await;
            match response.and_then(|response| delivery_service::decode::<SendResponse>(&response)) {
                Ok(response) => self.sequenced(&response),
                // Somebody was faster: see who, and whether the commit that is there counts.
                Err(CallError::Problem(Problem { code: Some(ProblemCode::CommitConflict), .. })) => {
                    self.read_back().await?;
                }
                Err(CallError::Problem(problem)) if needs_tree(&problem) && self.attach_tree()? => {}
                Err(CallError::Problem(problem)) if is_final(&problem) => self.refused(problem),
                Err(error) => return Err(error.into()),
            }
        }
        if self.in_flight.is_some() { Err(MemberError::Stalled) } else { Ok(()) }
    }

    /// Reads on; there must be something.
    async fn read_back(&mut self) -> Result<(), MemberError> {
        if self.read_once(Duration::ZERO).await? || self.in_flight.is_none() {
            Ok(())
        } else {
            Err(MemberError::Stalled)
        }
    }

    /// Puts the ratchet tree beside the commit that is on its way: to the hub the same commit, with another GroupInfo (S8).
    fn attach_tree(&mut self) -> Result<bool, GroupError> {
        let Some(in_flight) = self.in_flight.as_mut().filter(|in_flight| in_flight.is_commit()) else {
            return Ok(false);
        };
        let Some(request) = self.group.attach_tree()? else { return Ok(false) };
        in_flight.body = delivery_service::encode(&request)?;
        Ok(true)
    }

    fn sequenced(&mut self, response: &SendResponse) {
        match &mut self.in_flight {
            Some(in_flight) if in_flight.is_commit() => in_flight.sequenced = true,
            _ => {
                let Some(in_flight) = self.in_flight.take() else { return };
                self.group.settle_proposal(&in_flight.digest);
                match in_flight.queued {
                    Some(queued) if queued.intent == Intent::Leave => self.leaving = Some(queued),
                    queued => {
                        let accepted = |queued: Queued| Progress::Accepted { intent: queued.id, index: response.index };
                        self.progress.extend(queued.map(accepted));
                    }
                }
            }
        }
    }

    fn refused(&mut self, problem: Problem) {
        let Some(in_flight) = self.in_flight.take() else { return };
        self.group.settle_proposal(&in_flight.digest);
        match in_flight.content_type {
            ContentType::Commit => self.group.abandon_commit(),
            // Where others' proposals wait, this one waits with them until the epoch ends.
            ContentType::Proposal => drop(self.group.abandon_proposals()),
            ContentType::Application => {}
        }
        let dropped =
            in_flight.queued.map(|queued| Progress::Dropped { intent: queued.id, cause: Cause::Refused(problem) });
        self.progress.extend(dropped);
    }

    /// Sends a request, again and again while that may help.
    pub(super) async fn call(&mut self, request: ChannelRequest) -> Result<ChannelResponse, CallError> {
        persist(&self.service, &mut self.pace, &self.policy.backoff, request).await
    }
}

/// Whether the hub does not know the tree of a GroupInfo that came without.
pub(super) fn needs_tree(problem: &Problem) -> bool {
    problem.code == Some(ProblemCode::RatchetTreeRequired)
}

/// Whether the hub has judged this very request, so that it will never be sequenced; the other refusals speak of the
/// connection, the group or the moment, and leave the request where it is.
pub(super) fn is_final(problem: &Problem) -> bool {
    let Some(code) = problem.code else { return false };
    match code {
        ProblemCode::Malformed
        | ProblemCode::PolicyDenied
        | ProblemCode::TooLarge
        | ProblemCode::RatchetTreeRequired
        | ProblemCode::GroupInfoMismatch
        | ProblemCode::WelcomeProviderMismatch
        | ProblemCode::UnknownProvider
        | ProblemCode::InvalidKeyPackage
        | ProblemCode::UnsupportedSuite
        | ProblemCode::WelcomeRefused => true,
        ProblemCode::UnsupportedMedia
        | ProblemCode::Unauthorized
        | ProblemCode::Denied
        | ProblemCode::NotAPeer
        | ProblemCode::UnknownGroup
        | ProblemCode::NoGroupInfo
        | ProblemCode::StaleJoin
        | ProblemCode::PartitionFull
        | ProblemCode::GroupExists
        | ProblemCode::GroupIdNotReserved
        | ProblemCode::KeyPackageReused
        | ProblemCode::PoolFull
        | ProblemCode::Exhausted
        | ProblemCode::BranchTerminated
        | ProblemCode::GroupDeleted
        | ProblemCode::NotSubscribed
        | ProblemCode::CommitConflict
        | ProblemCode::RateLimited
        | ProblemCode::Unavailable => false,
    }
}
