//! Negative policy: what is refused because of a fact that is known without doubt (draft §6).
//!
//! A rule is judged on the state of the partition that the command names, and on no other branch of the group. What
//! cannot be judged is taken: a hub must not refuse for criteria that are not unambiguously known to be met. There are
//! no rules by which members would have to accept something.

use super::{Member, Observation, Partition, Policy, Rejection, Sight, host_of};
use crate::wire::Sanction;

/// What is known without doubt, and forbidden. A closed set: it says nothing of whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The acting user is banned from the groups of that hub.
    BannedUser,
    /// The acting user is muted, and the message is an application message.
    MutedUser,
    /// The operator wants nothing to do with that provider.
    BlockedProvider,
    /// A commit of a member whom the group's state, or the operator, bans.
    BannedCommitter,
    /// Somebody would be a member whom the group's state, or the operator, bans.
    BannedMember,
    /// The group would have more members than the operator wants groups to have.
    TooManyMembers,
}

/// What a policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing of it is forbidden, as far as it could be seen.
    Pass,
    /// It is forbidden.
    Reject(Fact),
    /// It could not be seen. Nothing follows from that.
    Unknown,
}

impl Verdict {
    /// Judges a commit in that partition; without one, the beginning of a group.
    pub(super) fn of(sight: &Sight, partition: Option<&Partition>, policy: &Policy) -> Self {
        let seen = match (partition, sight) {
            (Some(partition), sight) => sight.of(partition),
            (None, Sight::Seen(observation)) if observation.applied_to.is_none() => Some(&**observation),
            (None, _) => None,
        };
        seen.map_or(Self::Unknown, |observation| judge(observation, policy))
    }

    /// What cannot be judged is taken.
    pub(super) fn into_result(self) -> Result<(), Rejection> {
        match self {
            Self::Pass | Self::Unknown => Ok(()),
            Self::Reject(fact) => Err(Rejection::Denied(fact)),
        }
    }
}

fn judge(observation: &Observation, policy: &Policy) -> Verdict {
    let committer = observation.committer.as_ref();
    if observation.violations.committer || committer.is_some_and(|committer| is_banned(committer, policy)) {
        return Verdict::Reject(Fact::BannedCommitter);
    }
    for newcomer in &observation.newcomers {
        let owner = newcomer.owner.as_ref().map(|owner| owner.provider.clone());
        if owner.into_iter().chain(host_of(&newcomer.identity)).any(|provider| policy.bans.blocks(&provider)) {
            return Verdict::Reject(Fact::BlockedProvider);
        }
        if is_banned(newcomer, policy) {
            return Verdict::Reject(Fact::BannedMember);
        }
    }
    if observation.violations.newcomer {
        return Verdict::Reject(Fact::BannedMember);
    }
    // A group that has grown too large where nobody looked may go on, and get smaller.
    let grows = !observation.newcomers.is_empty() || observation.applied_to.is_none();
    let members = usize::try_from(observation.roster.members).unwrap_or(usize::MAX);
    if grows && members > policy.group_members_max {
        return Verdict::Reject(Fact::TooManyMembers);
    }
    Verdict::Pass
}

/// By the operator. Whose a leaf is, a committer says: where the identity names another provider, that is not known.
fn is_banned(member: &Member, policy: &Policy) -> bool {
    let owner = member.owner.as_ref();
    let of_user = owner.and_then(|owner| policy.bans.sanction_of(&owner.provider, owner.user?));
    let host = host_of(&member.identity);
    let whose =
        owner.map(|owner| &owner.provider).filter(|provider| host.as_ref().is_none_or(|host| host == *provider));
    let of_identity = policy.bans.sanction_of_identity(whose, &member.identity);
    of_user == Some(Sanction::Banned) || of_identity == Some(Sanction::Banned)
}
