//! A commit, applied to a state that stays as it is.

use std::fmt;

use bytes::Bytes;
use mls_rs::{
    MlsMessage,
    external_client::ExternalReceivedMessage,
    group::{CommitEffect, CommitMessageDescription, Sender, proposal::Proposal},
};
use mls_rs_codec::MlsEncode;

use super::{
    super::{CipherSuite, ContentType, MAX_NODES, SELF_REMOVE_PRIVATE, WireFormat, WireMessage, ref_hash},
    PublicState, Unobservable, bounds,
    leaf::identity,
    observer::ObservedGroup,
    references,
};

/// What a commit did.
///
/// # Privacy
/// `Debug` shows counts only.
#[derive(Clone)]
pub struct Step {
    /// The state of the epoch that it made.
    pub next: PublicState,
    /// The leaf of whoever made it: of an external commit, the new one.
    pub committer: u32,
    /// The KeyPackages that it added, in order.
    pub added: Vec<Added>,
    /// The leaves that it removed, also those of members who removed themselves, or who came back at another leaf.
    pub removed: Vec<u32>,
    /// The new leaf, if it is an external commit.
    pub joined: Option<u32>,
    /// The leaves of members who are given a new LeafNode: by an Update, or by the path of the commit.
    pub renewed: Vec<u32>,
    /// Whether it holds proposals whose effect only the application knows. Then `next` is the group's state if a GroupInfo
    /// agrees with it ([`PublicState::check`]), and nobody knows the state if there is none or it does not agree.
    pub is_assumed: bool,
}

/// A new member.
///
/// # Privacy
/// `Debug` shows the index only.
#[derive(Clone, PartialEq, Eq)]
pub struct Added {
    /// Its place in the tree.
    pub index: u32,
    /// The `KeyPackageRef`, as a Welcome has it: a hash of the suite.
    pub key_package_ref: Bytes,
    /// What its credential says, as in [`super::Leaf`].
    pub identity: Bytes,
}

impl fmt::Debug for Added {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Added").field("index", &self.index).finish_non_exhaustive()
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Step")
            .field("added", &self.added.len())
            .field("removed", &self.removed.len())
            .field("is_assumed", &self.is_assumed)
            .finish_non_exhaustive()
    }
}

impl PublicState {
    /// Applies a commit to a copy of this state. `proposals` are the messages that were sequenced before it in its
    /// partition; only those that the commit refers to are looked at closely.
    ///
    /// Members check what cannot be checked here: the confirmation tag, what is encrypted in the path, credentials, and
    /// the lifetimes of KeyPackages, which depend on a clock. So the state of a commit that members refuse may be followed
    /// too: it is that commit's own state, and not that of the group.
    ///
    /// # Errors
    /// Why nobody who is no member can tell what the commit does, or what is wrong with it.
    pub fn follow(&self, proposals: &[WireMessage], commit: &WireMessage) -> Result<Step, Unobservable> {
        if self.is_reinitialized {
            return Err(Unobservable::Reinitialized);
        }
        if commit.content_type() != ContentType::Commit || !self.is_addressed(commit) {
            return Err(Unobservable::Elsewhere);
        }
        if commit.wire_format() == WireFormat::PrivateMessage {
            return Err(Unobservable::Encrypted);
        }
        let listed = bounds::check_commit(commit)?;
        let message = MlsMessage::from_bytes(commit.bytes()).map_err(|_| Unobservable::Encoding)?;
        let confirmation_tag = references::confirmation_tag(commit).map_err(|_| Unobservable::Encoding)?;
        let mut group = self.group.clone();
        references::present(&mut group, proposals, &listed.references);
        let described = match group.process_incoming_message(message).map_err(|error| Unobservable::of(&error))? {
            ExternalReceivedMessage::Commit(described) => described,
            _ => return Err(Unobservable::Elsewhere),
        };
        // Nothing of this epoch's proposals stays with the next.
        group.clear_proposal_cache();
        let mut changes = Changes::default();
        if !described.is_external {
            changes.renewed.push(described.committer);
        }
        let is_reinitialized = changes.read(&group, &described)?;
        if group.exported_tree().nodes().len() > MAX_NODES {
            return Err(Unobservable::TooLarge);
        }
        Ok(Step {
            next: Self::of(group, Bytes::copy_from_slice(confirmation_tag), is_reinitialized),
            committer: described.committer,
            added: changes.added,
            removed: changes.removed,
            renewed: changes.renewed,
            joined: described.is_external.then_some(described.committer),
            is_assumed: listed.has_custom || changes.has_custom,
        })
    }

    fn is_addressed(&self, commit: &WireMessage) -> bool {
        let context = self.group.group_context();
        commit.group_id() == context.group_id && commit.epoch().0 == context.epoch
    }
}

/// What the proposals of a commit did.
#[derive(Default)]
struct Changes {
    added: Vec<Added>,
    removed: Vec<u32>,
    renewed: Vec<u32>,
    has_custom: bool,
}

impl Changes {
    /// Whether the group was re-initialized.
    fn read(&mut self, after: &ObservedGroup, described: &CommitMessageDescription) -> Result<bool, Unobservable> {
        let epoch = match &described.effect {
            CommitEffect::NewEpoch(epoch) => epoch,
            CommitEffect::Removed { new_epoch, .. } => new_epoch,
            CommitEffect::ReInit(_) => return Ok(true),
        };
        for applied in epoch.applied_proposals() {
            match &applied.proposal {
                Proposal::Add(add) => self.added.push(added(after, add.key_package())?),
                Proposal::Remove(remove) => self.removed.push(remove.to_remove()),
                Proposal::Update(_) => {
                    if let Sender::Member(leaf) = applied.sender() {
                        self.renewed.push(*leaf);
                    }
                }
                Proposal::Custom(_) => self.has_custom = true,
                other if other.proposal_type().raw_value() == SELF_REMOVE_PRIVATE => {
                    if let Sender::Member(leaf) = applied.sender() {
                        self.removed.push(*leaf);
                    }
                }
                _ => {}
            }
        }
        Ok(false)
    }
}

fn added(after: &ObservedGroup, key_package: &mls_rs::KeyPackage) -> Result<Added, Unobservable> {
    let signing_identity = key_package.signing_identity();
    let member = after.get_member_with_identity(signing_identity).map_err(|_| Unobservable::Invalid)?;
    let suite = CipherSuite(key_package.cipher_suite().into());
    let encoded = key_package.mls_encode_to_vec().map_err(|_| Unobservable::Encoding)?;
    let reference = ref_hash(suite, b"MLS 1.0 KeyPackage Reference", &encoded).ok_or(Unobservable::UnknownSuite)?;
    Ok(Added {
        index: member.index,
        key_package_ref: reference.into(),
        identity: identity(&signing_identity.credential),
    })
}
