//! Finding out whether the hub's newest GroupInfo is of the branch that this client is on (draft §5, specs/protocol.md C11).
//!
//! Looks and tells. It must never join, leave or move, nor tell anybody but its user unasked: what to do about a fork is the
//! user's choice.

use std::time::Duration;

use mls_rs::{Client, client_builder::MlsConfig};

use super::{Member, MemberError, Outsider, Progress};
use crate::{
    client::{
        GroupError, Keep, Pace, Participant, Problem, ProblemCode,
        external_join::published_roster,
        http::{CallError, Channel, ChannelRequest, Operation, delivery_service},
    },
    mls::EpochNumber,
    wire::{GroupId, GroupInfoRequest, GroupInfoResponse, MaskedPartitionKey, ReportReason, ReportRequest},
};

/// Where a member stands, as far as its hub tells.
///
/// # Security
/// It is the hub's word. A hub that lies about it keeps nobody from reading on, and gets nobody to move: moving is a
/// choice of the user, who is shown who is on the other branch.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// The branch that the hub shows to newcomers is the one that this member is on.
    Dominant,
    /// It is another one.
    Fork(Box<Fork>),
    /// The hub has no GroupInfo to give, or none that holds together, does not say of which partition it is, says what cannot
    /// be, or speaks of a time that this member does not remember.
    Unknown,
}

/// A branch that this member is not on and that the hub shows to newcomers.
///
/// The choices are: to stay, and be read by whoever else has; to go there, as a new leaf in the place of the old one
/// ([`Member::into_outsider`], [`Outsider::resync`]); to leave ([`Member::leave`]).
///
/// # Privacy
/// `Debug` shows numbers only.
#[derive(Clone, PartialEq)]
pub struct Fork {
    /// The partition to which the hub leads newcomers.
    pub partition: MaskedPartitionKey,
    /// Its epoch.
    pub epoch: EpochNumber,
    /// The epoch in which this member is.
    pub own_epoch: EpochNumber,
    /// Who is there, if the GroupInfo came with the tree: by the tree that the GroupInfo's signer has signed for. Whether they
    /// are who they say is for the app's identity provider, as in any join; those whose keys this member knows from its own
    /// branch, it knows.
    pub members: Option<Vec<Participant>>,
}

impl std::fmt::Debug for Fork {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Fork")
            .field("epoch", &self.epoch)
            .field("own_epoch", &self.own_epoch)
            .field("members", &self.members.as_ref().map(Vec::len))
            .finish_non_exhaustive()
    }
}

/// When to look by itself: some calls of `sync` after a commit was passed over, and then each time after twice as many.
///
/// A fork shows only after others have used the other branch, so one look is too soon; somebody who sends bad commits
/// all the time does not get more of them. That the group has moved on settles nothing: who made a commit that some
/// cannot open may have made another one for them.
#[derive(Default)]
pub(super) struct Watch {
    /// The newest epoch in which a commit was passed over: ignored, or behind the first valid one.
    suspected: Option<EpochNumber>,
    /// Calls since, and at which of them the next look is due.
    calls: u32,
    next: u32,
    looks: u32,
    /// What was told last: nothing is told twice.
    told: Option<MaskedPartitionKey>,
    /// And what was reported, by itself or not.
    reported: Option<MaskedPartitionKey>,
}

impl Watch {
    /// A commit was passed over in that epoch, if in any.
    pub(super) fn suspect(&mut self, epoch: Option<EpochNumber>) {
        if epoch > self.suspected {
            let (told, reported) = (self.told.take(), self.reported.take());
            *self = Self { suspected: epoch, next: 1, told, reported, ..Self::default() };
        }
    }

    /// Counts a call. Whether to look, of `looks` times at most.
    fn is_due(&mut self, looks: u32) -> bool {
        if self.suspected.is_none() || self.looks >= looks {
            return false;
        }
        self.calls = self.calls.saturating_add(1);
        if self.calls < self.next {
            return false;
        }
        self.looks += 1;
        self.next = self.next.saturating_mul(2);
        true
    }
}

impl<C: MlsConfig, H: Channel, P: Pace, K: Keep> Member<C, H, P, K> {
    /// Asks the hub to which partition it leads newcomers, and reads on to see whether this member gets there.
    ///
    /// # Privacy
    /// The hub is asked what anybody asks who wants to join, and the user's provider sees that it is asked. It looks no
    /// different whether the member is on a fork or not.
    ///
    /// # Errors
    /// [`MemberError`]; no answer to the question itself is [`Standing::Unknown`] and no error, unless the exchange failed.
    pub async fn standing(&mut self) -> Result<Standing, MemberError> {
        let request = GroupInfoRequest { group_id: self.group.group_id().to_vec() };
        let body = delivery_service::encode(&request).map_err(GroupError::from)?;
        let answer = match self.call(ChannelRequest::new(Operation::GroupInfo, body)).await {
            Ok(answer) => answer,
            Err(CallError::Problem(Problem { code: Some(ProblemCode::NoGroupInfo), .. })) => {
                return Ok(Standing::Unknown);
            }
            Err(error) => return Err(error.into()),
        };
        let published: GroupInfoResponse = delivery_service::decode(&answer)?;
        let Some(partition) = delivery_service::partition(&answer.headers) else { return Ok(Standing::Unknown) };
        // What leads there, if anything does, was sequenced before the answer: it is read now.
        for _round in 0..self.policy.rounds {
            let leads_nowhere = self.group.has_been_in(&partition) || self.group.is_removed();
            if leads_nowhere || !self.read_once(Duration::ZERO).await? {
                break;
            }
        }
        let (epoch, own_epoch) = (published.group_info.epoch(), self.group.epoch());
        let Ok(members) = published_roster(self.group.group_id(), &published) else { return Ok(Standing::Unknown) };
        // Whoever names one branch and describes another leads newcomers astray, or this member.
        let is_here = self.group.masked_partition_key() == partition;
        if self.group.is_removed() || self.group.is_described_by(&published.group_info)? != is_here {
            return Ok(Standing::Unknown);
        }
        if self.group.has_been_in(&partition) {
            return Ok(Standing::Dominant);
        }
        if epoch < self.group.remembers_from() {
            return Ok(Standing::Unknown);
        }
        Ok(Standing::Fork(Box::new(Fork { partition, epoch, own_epoch, members })))
    }

    /// Reports a fork to the user's own provider, which counts it and hands it on to the group's hub: its operator can see
    /// the branches, and end one. What was reported of this fork before is not reported again.
    ///
    /// # Privacy
    /// The user's decision, like [`MemberPolicy::report_forks`](super::MemberPolicy::report_forks), which has it done
    /// whenever a fork is found. The user's provider learns that this user found the group forked; the hub, that
    /// somebody of that provider did. Neither is told which branch the user is on, nor who else is.
    ///
    /// # Errors
    /// [`MemberError`]. Nothing is reported by itself later on.
    pub async fn report_fork(&mut self, fork: &Fork) -> Result<(), MemberError> {
        if self.watch.reported == Some(fork.partition) {
            return Ok(());
        }
        let (group_id, about) = (self.group.group_id().to_vec(), self.group.hub().clone());
        let report = ReportRequest { group_id, about, reason: ReportReason::Fork };
        let body = delivery_service::encode(&report).map_err(GroupError::from)?;
        self.call(ChannelRequest::new(Operation::Report, body)).await?;
        self.watch.reported = Some(fork.partition);
        Ok(())
    }

    /// Looks where it stands if that is due, and tells a fork once. That the hub could not be asked, or nothing be reported, is
    /// no error here.
    pub(super) async fn watch(&mut self) {
        if !self.watch.is_due(self.policy.looks) {
            return;
        }
        let Ok(Standing::Fork(fork)) = self.standing().await else { return };
        if self.policy.report_forks {
            drop(self.report_fork(&fork).await);
        }
        if self.watch.told.replace(fork.partition) != Some(fork.partition) {
            self.progress.push_back(Progress::Forked(fork));
        }
    }

    /// Takes the member apart, to go to another branch: somebody who joins the group anew over the same channel
    /// ([`Outsider::resync`], as the old leaf may be there as well). What is stored of the group goes when the hub has taken
    /// the join, and not before: if nothing comes of it, load the group, and it is where it was. Intents that are not
    /// settled ([`Member::unsettled`]) are to be wanted again there.
    ///
    /// # Security
    /// The user's decision, never the app's (draft §5).
    ///
    /// # Errors
    /// [`GroupError::OtherHub`], which cannot be: the group was taken over with that id.
    pub fn into_outsider(self, client: Client<C>) -> Result<Outsider<C, H, P, K>, GroupError> {
        let group_id = GroupId::parse(self.group.group_id()).ok_or(GroupError::OtherHub)?;
        Ok(Outsider::over(client, self.service, self.pace, self.keep, self.policy, group_id))
    }
}

#[cfg(test)]
mod tests {
    use super::Watch;
    use crate::mls::EpochNumber;

    #[test]
    fn looks_are_few_and_far_between() {
        let [here, before] = [7, 6].map(|epoch| Some(EpochNumber(epoch)));
        let mut watch = Watch::default();
        watch.suspect(None);
        assert!(!watch.is_due(6), "nothing has happened");
        watch.suspect(here);
        let mut looked = Vec::new();
        for call in 1..1000 {
            // Bad commits all the time make no difference, nor do those of earlier epochs.
            watch.suspect(before);
            watch.suspect(here);
            if watch.is_due(6) {
                looked.push(call);
            }
        }
        assert_eq!(looked, [1, 2, 4, 8, 16, 32]);
        watch.suspect(Some(EpochNumber(8)));
        assert!(watch.is_due(6));
        watch.suspect(Some(EpochNumber(9)));
        assert!(!watch.is_due(0), "it is turned off");
    }
}
