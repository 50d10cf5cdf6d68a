//! The group's own policy: bans that live in the group state (draft §6, specs/protocol.md Y7 and C12).
//!
//! It is judged by the state of the epoch in which a message was sent, and by nothing that another branch of the group
//! says. What violates it is ignored as if it were cryptographically invalid; since all members judge by the same state,
//! they stay together.

use std::{collections::HashSet, sync::Arc};

use mls_rs::{
    Group,
    client_builder::MlsConfig,
    extension::ExtensionType,
    group::{CommitEffect, CommitMessageDescription, ProposalMessageDescription, ProposalSender, proposal::Proposal},
    identity::SigningIdentity,
};

use crate::{
    mls::{SELF_REMOVE, SELF_REMOVE_PRIVATE},
    wire::{self, BANNED_EXTENSION, Banned, Identity},
};

/// The policy of one epoch. Cloning is cheap.
///
/// # Privacy
/// `Debug` shows how many are banned.
#[derive(Clone, Default)]
pub(super) struct GroupPolicy {
    banned: Arc<HashSet<Vec<u8>>>,
}

impl GroupPolicy {
    /// That of the group's current epoch. An extension that cannot be read bans nobody: what it says is not known
    /// without doubt.
    pub(super) fn of<C: MlsConfig>(group: &Group<C>) -> Self {
        let extension = group.context().extensions().get(ExtensionType::new(BANNED_EXTENSION));
        let banned = extension.and_then(|extension| wire::decode::<Banned>(&extension.extension_data).ok());
        banned.unwrap_or_default().into()
    }

    /// Whether that is somebody who is banned: by the identity of a basic credential.
    pub(super) fn bans(&self, identity: &SigningIdentity) -> bool {
        !self.banned.is_empty()
            && identity.credential.as_basic().is_some_and(|basic| self.banned.contains(basic.identifier.as_slice()))
    }

    /// Whether what the member at that leaf says is suppressed.
    pub(super) fn forbids_sender<C: MlsConfig>(&self, group: &Group<C>, leaf: u32) -> bool {
        !self.banned.is_empty() && group.member_at_index(leaf).is_some_and(|member| self.bans(&member.signing_identity))
    }

    /// Whether a proposal must not be taken up: one of somebody who is banned, unless it is to leave, and one that gives
    /// somebody who is a leaf, a new one or that of the sender.
    pub(super) fn forbids_proposal<C: MlsConfig>(
        &self,
        group: &Group<C>,
        proposed: &ProposalMessageDescription,
    ) -> bool {
        if gives_leaf(&proposed.proposal).is_some_and(|identity| self.bans(identity)) {
            return true;
        }
        let ProposalSender::Member(sender) = proposed.sender else { return false };
        let leaves = match &proposed.proposal {
            Proposal::Remove(remove) => remove.to_remove() == sender,
            other => [SELF_REMOVE, SELF_REMOVE_PRIVATE].contains(&other.proposal_type().raw_value()),
        };
        !leaves && self.forbids_sender(group, sender)
    }

    /// Whether a commit must not be applied: one of a member who is banned, one that adds somebody who is, and one after
    /// which such a person has a leaf that they did not have before. `after` is the group behind it; whom it removes does not
    /// see that.
    pub(super) fn forbids_commit<C: MlsConfig>(
        &self,
        before: &Group<C>,
        commit: &CommitMessageDescription,
        after: Option<&Group<C>>,
    ) -> bool {
        if self.banned.is_empty() {
            return false;
        }
        if !commit.is_external && self.forbids_sender(before, commit.committer) {
            return true;
        }
        let applied = match &commit.effect {
            CommitEffect::NewEpoch(epoch) | CommitEffect::Removed { new_epoch: epoch, .. } => epoch.applied_proposals(),
            CommitEffect::ReInit(_) => &[],
        };
        // Also who is removed by the same commit, and comes back to the same leaf.
        if applied.iter().any(|info| gives_leaf(&info.proposal).is_some_and(|identity| self.bans(identity))) {
            return true;
        }
        let had = |leaf: u32, identity: &SigningIdentity| {
            before.member_at_index(leaf).is_some_and(|member| member.signing_identity.credential == identity.credential)
        };
        after.is_some_and(|after| {
            after.roster().members_iter().any(|member| {
                let identity = &member.signing_identity;
                let came = (commit.is_external && member.index == commit.committer) || !had(member.index, identity);
                came && self.bans(identity)
            })
        })
    }

    /// The same policy, and one copy of it in memory if the two are equal.
    pub(super) fn shared_with(self, other: &Self) -> Self {
        if self == *other { other.clone() } else { self }
    }

    /// As it is kept.
    pub(super) fn to_list(&self) -> Banned {
        let mut banned: Vec<Identity> = self.banned.iter().cloned().map(Identity).collect();
        banned.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        Banned { banned }
    }
}

impl From<Banned> for GroupPolicy {
    fn from(list: Banned) -> Self {
        Self { banned: Arc::new(list.banned.into_iter().map(|identity| identity.0).collect()) }
    }
}

impl PartialEq for GroupPolicy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.banned, &other.banned) || self.banned == other.banned
    }
}

/// Whose the leaf is that a proposal puts into the tree.
fn gives_leaf(proposal: &Proposal) -> Option<&SigningIdentity> {
    match proposal {
        Proposal::Add(add) => Some(add.signing_identity()),
        Proposal::Update(update) => Some(update.signing_identity()),
        _ => None,
    }
}

impl std::fmt::Debug for GroupPolicy {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("GroupPolicy").field("banned", &self.banned.len()).finish()
    }
}
