//! Proposals that contradict each other.

use std::collections::HashSet;

use mls_rs::group::{CommitEffect, CommitMessageDescription, Sender, proposal::Proposal};

/// Looks for leaves that a commit changes twice by reference: updated twice, or updated and removed (RFC 9420 §12.2).
///
/// `None`: there are none. Otherwise what was committed by reference, without the Updates, to be committed by value.
///
/// # Security
/// mls-rs 0.57 lets such Updates into its own commits and refuses them in others': any member could make whoever commits
/// next leave everybody else behind, or keep others from removing it, by proposing two Updates.
pub(super) fn without_conflicts(commit: &CommitMessageDescription) -> Option<Vec<Proposal>> {
    let CommitEffect::NewEpoch(epoch) = &commit.effect else { return None };
    let removed: HashSet<u32> = epoch
        .applied_proposals
        .iter()
        .filter_map(|info| if let Proposal::Remove(remove) = &info.proposal { Some(remove.to_remove()) } else { None })
        .collect();
    let mut updated = HashSet::new();
    let conflict = epoch.applied_proposals.iter().any(|info| match (&info.proposal, info.sender) {
        (Proposal::Update(_), Sender::Member(leaf)) => removed.contains(&leaf) || !updated.insert(leaf),
        _ => false,
    });
    let carried = epoch
        .applied_proposals
        .iter()
        .filter(|info| info.is_by_reference() && !matches!(info.proposal, Proposal::Update(_)))
        .map(|info| info.proposal.clone());
    conflict.then(|| carried.collect())
}
