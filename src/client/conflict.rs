//! Proposals that were read and that a commit must not take up.

use std::collections::HashSet;

use mls_rs::group::{
    CommitEffect, CommitMessageDescription, Sender,
    proposal::{AddProposal, Proposal},
};

/// Looks for leaves that a commit changes twice by reference, updated twice, or updated and removed (RFC 9420 §12.2), and
/// for Adds that others proposed and that are not `placed`: their Welcomes could not be sent.
///
/// `None`: there are none. Otherwise what was committed by reference, without the Updates and without those Adds, to be
/// committed by value.
///
/// # Security
/// mls-rs 0.57 lets such Updates into its own commits and refuses them in others': any member could make whoever commits
/// next leave everybody else behind, or keep others from removing it, by proposing two Updates. And anybody at all can
/// have a new member proposed from outside: that must not keep members from committing.
pub(super) fn without_conflicts(
    commit: &CommitMessageDescription,
    placed: impl Fn(&AddProposal) -> bool,
) -> Option<Vec<Proposal>> {
    let CommitEffect::NewEpoch(epoch) = &commit.effect else { return None };
    let removed: HashSet<u32> = epoch
        .applied_proposals
        .iter()
        .filter_map(|info| if let Proposal::Remove(remove) = &info.proposal { Some(remove.to_remove()) } else { None })
        .collect();
    let mut updated = HashSet::new();
    let conflict = epoch.applied_proposals.iter().any(|info| match (&info.proposal, info.sender) {
        (Proposal::Update(_), Sender::Member(leaf)) => removed.contains(&leaf) || !updated.insert(leaf),
        (Proposal::Add(add), _) => info.is_by_reference() && !placed(add),
        _ => false,
    });
    let carries = |proposal: &Proposal| match proposal {
        Proposal::Update(_) => false,
        Proposal::Add(add) => placed(add),
        _ => true,
    };
    let carried = epoch
        .applied_proposals
        .iter()
        .filter(|info| info.is_by_reference() && carries(&info.proposal))
        .map(|info| info.proposal.clone());
    conflict.then(|| carried.collect())
}
