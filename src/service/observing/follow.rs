//! One step: what a commit does to a state, and whether what came with it tells the truth.

use std::collections::{HashMap, HashSet};

use super::{Known, Origin};
use crate::{
    mls::{GroupInfoMismatch, PublicState, Step, WireGroupInfo, WireMessage, WireRatchetTree},
    pool::ReferenceKey,
    sequencer::{Member, Observation, Owner, OwnerChanges, Owners, Placed, Replay, UserTag, Violations, host_of},
    store::{self, Snapshot},
    wire::{MaskedPartitionKey, ServiceProviderId, WelcomeData},
};

/// A commit, and what came with it.
pub(super) struct Committed<'a> {
    /// Where it stands.
    pub(super) partition: MaskedPartitionKey,
    pub(super) message: &'a WireMessage,
    /// The public proposals that it refers to.
    pub(super) proposals: &'a [WireMessage],
    pub(super) group_info: Option<&'a WireGroupInfo>,
    pub(super) welcome_data: Option<&'a WelcomeData>,
    /// Who submitted it, if anybody knows.
    pub(super) submitter: Option<&'a ServiceProviderId>,
    pub(super) user: Option<UserTag>,
}

/// What came of it.
pub(super) enum Followed {
    /// One who is no member cannot follow.
    Unobservable,
    /// The state is known, and the GroupInfo is not that of its epoch.
    Contradicted(Box<Seen>),
    /// The state is known.
    Seen(Box<Seen>),
}

/// A state, and what led to it.
pub(super) struct Seen {
    pub(super) known: Known,
    pub(super) observation: Observation,
}

/// What a GroupInfo is to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Fits,
    /// It is a lie, whatever the hub knows of the group.
    Contradicts,
    /// It shows that the hub does not know the group's state.
    Diverges,
    /// There is none.
    Absent,
}

/// Applies a commit to a state. `hub` is this provider, and `replay` what it took to have the state: where that has become
/// much, the next one comes with a checkpoint.
pub(super) fn follow(
    before: &Known,
    committed: &Committed<'_>,
    replay: Replay,
    hub: &ServiceProviderId,
    snapshot: &dyn Snapshot,
) -> Result<Followed, store::Error> {
    let Ok(step) = before.state.follow(committed.proposals, committed.message) else {
        return Ok(Followed::Unobservable);
    };
    let fit = fit(&step, committed.group_info);
    if fit == Fit::Diverges || (fit == Fit::Absent && step.is_assumed) {
        return Ok(Followed::Unobservable);
    }
    let newcomers = newcomers(&step, committed, hub, snapshot)?;
    let placed = newcomers.iter().map(|new| Placed { leaf: new.leaf, owner: new.owner.clone() }).collect();
    let owners = OwnerChanges { removed: step.removed.clone(), placed };
    let committer = step.joined.is_none().then(|| member(before, step.committer)).flatten();
    let violations = violations(&before.state.banned(), &step, &newcomers, committer.as_ref());
    let mut newcomers = newcomers;
    newcomers.extend(committer.as_ref().and_then(|committer| renamed(&step, committer)));
    let origin = Origin { above: Some(committed.partition), changes: owners.clone() };
    let known = Known::new(step.next, before.owners.after(&owners), origin);
    let is_due = replay.then(committed.message.bytes().len() as u64).is_due();
    let observation = Observation {
        applied_to: Some(before.digest),
        roster_before: Some(before.roster.clone()),
        digest: known.digest,
        tree_hash: known.tree_hash(),
        roster: known.roster.clone(),
        group_info_fits: fit == Fit::Fits,
        owners,
        checkpoint: is_due.then(|| known.save()),
        committer,
        newcomers,
        violations,
    };
    let seen = Box::new(Seen { known, observation });
    Ok(if fit == Fit::Contradicts { Followed::Contradicted(seen) } else { Followed::Seen(seen) })
}

/// The tag of a public commit is in clear, and so the GroupInfo must have it. A GroupContext that differs in spite of that
/// shows that members see more than the hub; all else is the GroupInfo's fault, if the hub is sure of the state.
fn fit(step: &Step, group_info: Option<&WireGroupInfo>) -> Fit {
    let Some(group_info) = group_info else { return Fit::Absent };
    let Err(mismatch) = step.next.check(group_info) else { return Fit::Fits };
    if group_info.confirmation_tag() != step.next.confirmation_tag() {
        return Fit::Contradicts;
    }
    match mismatch {
        GroupInfoMismatch::Context => Fit::Diverges,
        _ if step.is_assumed => Fit::Diverges,
        GroupInfoMismatch::Epoch
        | GroupInfoMismatch::Suite
        | GroupInfoMismatch::ConfirmationTag
        | GroupInfoMismatch::Signer
        | GroupInfoMismatch::Signature
        | GroupInfoMismatch::Tree => Fit::Contradicts,
    }
}

fn member(known: &Known, leaf: u32) -> Option<Member> {
    let identity = known.state.leaf(leaf)?.identity;
    Some(Member { leaf, identity, owner: known.owners.of(leaf) })
}

/// The committer, where the commit gives it another identity: to the operator it is somebody new.
fn renamed(step: &Step, committer: &Member) -> Option<Member> {
    let identity = step.next.leaf(committer.leaf)?.identity;
    (identity != committer.identity).then(|| Member { identity, ..committer.clone() })
}

/// What the state to which the commit was applied forbids (specs/protocol.md Y7).
fn violations(banned: &HashSet<&[u8]>, step: &Step, newcomers: &[Member], committer: Option<&Member>) -> Violations {
    if banned.is_empty() {
        return Violations::default();
    }
    let is_banned = |member: &Member| banned.contains(&member.identity[..]);
    let is_banned_leaf = |leaf: &u32| step.next.leaf(*leaf).is_some_and(|leaf| banned.contains(&leaf.identity[..]));
    Violations {
        committer: committer.is_some_and(is_banned),
        newcomer: newcomers.iter().any(is_banned) || step.renewed.iter().any(is_banned_leaf),
    }
}

/// Who is new, and whose: the provider that is named for the KeyPackage, or whoever submitted the external commit.
fn newcomers(
    step: &Step,
    committed: &Committed<'_>,
    hub: &ServiceProviderId,
    snapshot: &dyn Snapshot,
) -> Result<Vec<Member>, store::Error> {
    let mut newcomers = Vec::with_capacity(step.added.len() + 1);
    let addressees = committed.welcome_data.map(addressees).unwrap_or_default();
    for added in &step.added {
        let provider = addressees.get(&added.key_package_ref[..]).copied();
        let user = match provider {
            Some(provider) if provider == hub => {
                snapshot.reference(&ReferenceKey::of(&added.key_package_ref))?.map(|reference| reference.stock.user)
            }
            Some(_) | None => None,
        };
        let owner = provider.map(|provider| Owner { provider: provider.clone(), user });
        newcomers.push(Member { leaf: added.index, identity: added.identity.clone(), owner });
    }
    if let Some(leaf) = step.joined {
        let identity = step.next.leaf(leaf).map(|leaf| leaf.identity).unwrap_or_default();
        let owner = committed.submitter.map(|provider| Owner { provider: provider.clone(), user: committed.user });
        newcomers.push(Member { leaf, identity, owner });
    }
    Ok(newcomers)
}

/// The providers that are named for the KeyPackages of a Welcome.
fn addressees(data: &WelcomeData) -> HashMap<&[u8], &ServiceProviderId> {
    data.welcome.key_package_refs().zip(&data.service_providers).collect()
}

/// The state in which a group begins, with a checkpoint; `None` when one who is no member cannot tell. The leaf of whoever
/// signed the GroupInfo is the creator's; others are those of the hosts in their credentials.
pub(super) fn begin(
    group_info: &WireGroupInfo,
    tree: Option<&WireRatchetTree>,
    hub: &ServiceProviderId,
    creator: Option<UserTag>,
) -> Option<Seen> {
    let state = PublicState::observe(group_info, tree).ok()?;
    let newcomers: Vec<_> = state
        .leaves()
        .map(|leaf| {
            let host = host_of(&leaf.identity);
            let is_creator = leaf.index == group_info.signer() && host.as_ref().is_none_or(|host| host == hub);
            let owner = match host {
                _ if is_creator => Some(Owner { provider: hub.clone(), user: creator }),
                host => host.map(|provider| Owner { provider, user: None }),
            };
            Member { leaf: leaf.index, identity: leaf.identity, owner }
        })
        .collect();
    let placed = newcomers.iter().map(|new| Placed { leaf: new.leaf, owner: new.owner.clone() }).collect();
    let owners = OwnerChanges { removed: Vec::new(), placed };
    let banned = state.banned();
    let newcomer = newcomers.iter().any(|new| banned.contains(&new.identity[..]));
    let violations = Violations { committer: false, newcomer };
    let origin = Origin { above: None, changes: owners.clone() };
    let known = Known::new(state, Owners::default().after(&owners), origin);
    let observation = Observation {
        applied_to: None,
        roster_before: None,
        digest: known.digest,
        tree_hash: known.tree_hash(),
        roster: known.roster.clone(),
        group_info_fits: true,
        owners,
        checkpoint: Some(known.save()),
        committer: None,
        newcomers,
        violations,
    };
    Some(Seen { known, observation })
}
