//! Commits: the next partition key is known before anything is sent (draft §3, §4.2).

use mls_rs::{
    Group,
    client_builder::MlsConfig,
    error::MlsError,
    group::{
        CommitBuilder, CommitMessageDescription, CommitOutput, CommitSecrets,
        proposal::{AddProposal, Proposal},
    },
};
use mls_rs_codec::MlsEncode;

use super::{GroupError, NewMember, PartitionedGroup, conflict::without_conflicts, group::export, key_package_ref};
use crate::{
    mls::{EpochNumber, WireFormat, WireMessage},
    wire::{self, CommitData, KeyPackageRef, SendRequest, ServiceProviderId, WelcomeData},
};

/// What goes with a commit.
///
/// # Privacy
/// `Debug` shows no reference and no provider.
#[derive(Clone, Default)]
pub struct CommitOptions {
    /// Publish the GroupInfo of the new epoch, with its ratchet tree, so that others can join externally.
    pub group_info: bool,
    /// The provider of each KeyPackage that the commit adds, in any order. Further entries do no harm.
    pub service_providers: Vec<(KeyPackageRef, ServiceProviderId)>,
}

impl CommitOptions {
    /// Options for a commit that adds these members.
    ///
    /// # Errors
    /// [`GroupError::UnsupportedSuite`]
    pub fn for_new_members(members: &[NewMember]) -> Result<Self, GroupError> {
        let entry = |member: &NewMember| Ok((member.reference()?, member.service_provider.clone()));
        Ok(Self { group_info: false, service_providers: members.iter().map(entry).collect::<Result<_, GroupError>>()? })
    }

    /// The same with a published GroupInfo, or without.
    pub fn with_group_info(self, group_info: bool) -> Self {
        Self { group_info, ..self }
    }

    fn service_provider(&self, reference: &[u8]) -> Option<&ServiceProviderId> {
        self.service_providers.iter().find(|(known, _)| known.0 == reference).map(|(_, provider)| provider)
    }

    /// Whether the provider of a new member is known.
    fn places(&self, add: &AddProposal) -> bool {
        reference(add).is_some_and(|reference| self.service_provider(&reference.0).is_some())
    }

    /// Puts the providers beside a Welcome, in the order of its `secrets`.
    pub(super) fn welcome_data(&self, welcome: &mls_rs::MlsMessage) -> Result<WelcomeData, GroupError> {
        let welcome: crate::mls::WireWelcome = wire::decode(&welcome.to_bytes()?)?;
        let service_providers = welcome
            .key_package_refs()
            .map(|reference| self.service_provider(reference).cloned().ok_or(GroupError::ProviderMissing))
            .collect::<Result<_, _>>()?;
        Ok(WelcomeData { welcome, service_providers })
    }
}

impl std::fmt::Debug for CommitOptions {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CommitOptions")
            .field("group_info", &self.group_info)
            .field("service_providers", &self.service_providers.len())
            .finish()
    }
}

/// An own commit that was handed out: its secrets wait until it is read back.
#[derive(Clone)]
pub(super) struct StagedCommit {
    pub(super) digest: [u8; 32],
    /// The epoch in which it was made. The MLS library applies the secrets without asking.
    pub(super) epoch: EpochNumber,
    pub(super) secrets: CommitSecrets,
    pub(super) request: SendRequest,
    /// It was given up, which the hub may not have noticed.
    pub(super) abandoned: bool,
}

/// A commit that was built, and the group as it is behind it.
struct Draft<C: MlsConfig> {
    output: CommitOutput,
    secrets: CommitSecrets,
    next: Group<C>,
    description: CommitMessageDescription,
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// How many own commits of one epoch are remembered, abandoned ones included.
    pub(super) const STAGED_MAX: usize = 4;

    /// Builds a commit of the proposals that were read and of those that `build` adds.
    ///
    /// The group stays in its epoch until the commit is read back as the first valid one of the partition
    /// ([`super::Event::Committed`] with `own`), or another one is ([`super::Event::Lost`]). Until then the request may
    /// be sent any number of times, byte for byte.
    ///
    /// Where proposals that were read contradict each other, the Updates among them are left out (RFC 9420 §12.2 allows
    /// one proposal for each leaf), and so are Adds of others whose provider `options` does not name; `build` is then
    /// called a second time.
    ///
    /// # Errors
    /// [`GroupError::CommitPending`], [`GroupError::TooManyCommits`], [`GroupError::ProposalUnconfirmed`],
    /// [`GroupError::ProviderMissing`], [`GroupError::SeveralWelcomes`], [`GroupError::Removed`],
    /// [`GroupError::Forbidden`], [`GroupError::Gap`]; the MLS library's.
    pub fn commit<F>(&mut self, build: F, options: &CommitOptions) -> Result<SendRequest, GroupError>
    where
        F: for<'a> Fn(CommitBuilder<'a, C>) -> Result<CommitBuilder<'a, C>, MlsError>,
    {
        self.require_voice()?;
        if self.partition.has_gap {
            return Err(GroupError::Gap);
        }
        if self.pending_commit().is_some() {
            return Err(GroupError::CommitPending);
        }
        if self.staged.len() == Self::STAGED_MAX {
            return Err(GroupError::TooManyCommits);
        }
        if self.unconfirmed_proposals() > 0 {
            return Err(GroupError::ProposalUnconfirmed);
        }
        let Draft { output, secrets, next, description } = self.draft(build, options)?;
        if self.partition.policy.forbids_commit(&self.group, &description, Some(&next)) {
            return Err(GroupError::Forbidden);
        }
        let message = WireMessage::parse(&output.commit_message.to_bytes()?)?;
        let with_tree = !(self.trees_on_demand && message.wire_format() == WireFormat::PublicMessage);
        let group_info = if options.group_info {
            let message = next.group_info_message_allowing_ext_commit(with_tree)?;
            Some(wire::decode(&message.to_bytes()?)?)
        } else {
            None
        };
        let welcome_data = match output.welcome_messages.as_slice() {
            [] => None,
            [welcome] => Some(options.welcome_data(welcome)?),
            _ => return Err(GroupError::SeveralWelcomes),
        };
        let request = SendRequest {
            message,
            partition_key: self.partition.key.clone(),
            commit_data: Some(CommitData { next_partition_key: export(&next, &self.hub)?, group_info, welcome_data }),
        };
        self.staged.push(StagedCommit {
            digest: request.message.digest(),
            epoch: self.partition.epoch,
            secrets,
            request: request.clone(),
            abandoned: false,
        });
        Ok(request)
    }

    fn draft<F>(&mut self, build: F, options: &CommitOptions) -> Result<Draft<C>, GroupError>
    where
        F: for<'a> Fn(CommitBuilder<'a, C>) -> Result<CommitBuilder<'a, C>, MlsError>,
    {
        let (output, secrets) = build(self.group.commit_builder())?.build_detached()?;
        let mut next = self.group.clone();
        let description = next.apply_detached_commit(secrets.clone())?;
        let placed = |add: &AddProposal| options.places(add);
        let Some(carried) = without_conflicts(&description, placed) else {
            return Ok(Draft { output, secrets, next, description });
        };
        // The cache is dropped on a clone only: others may commit what is in it.
        let mut cleared = self.group.clone();
        cleared.clear_proposal_cache();
        let builder = build(cleared.commit_builder())?.raw_proposals(carried);
        let (output, secrets) = builder.build_detached()?;
        // The clone has used a key of the handshake ratchet, which the group must not use again.
        self.group.commit_builder().build_detached()?;
        let mut next = self.group.clone();
        let description = next.apply_detached_commit(secrets.clone())?;
        Ok(Draft { output, secrets, next, description })
    }

    /// Builds a commit that adds members.
    ///
    /// # Errors
    /// As [`PartitionedGroup::commit`].
    pub fn commit_add(&mut self, members: &[NewMember], group_info: bool) -> Result<SendRequest, GroupError> {
        let options = CommitOptions::for_new_members(members)?.with_group_info(group_info);
        // Who is proposed already is added by that proposal: nobody can be added twice.
        let cached = self.group.get_cached_proposals();
        let proposed: Vec<KeyPackageRef> = cached
            .iter()
            .filter_map(|cached| if let Proposal::Add(add) = cached.proposal() { reference(add) } else { None })
            .collect();
        let mut messages = Vec::new();
        for member in members {
            if !proposed.contains(&member.reference()?) {
                messages.push(member.to_message()?);
            }
        }
        self.commit(|builder| messages.iter().cloned().try_fold(builder, CommitBuilder::add_member), &options)
    }

    /// Builds a commit that removes leaves.
    ///
    /// # Errors
    /// As [`PartitionedGroup::commit`].
    pub fn commit_remove(&mut self, leaf_indexes: &[u32], group_info: bool) -> Result<SendRequest, GroupError> {
        let options = CommitOptions::default().with_group_info(group_info);
        self.commit(|builder| leaf_indexes.iter().copied().try_fold(builder, CommitBuilder::remove_member), &options)
    }

    /// Builds a commit of nothing but the proposals that were read, with fresh keys for the own path.
    ///
    /// # Errors
    /// As [`PartitionedGroup::commit`].
    pub fn commit_update(&mut self, group_info: bool) -> Result<SendRequest, GroupError> {
        self.commit(unchanged, &CommitOptions::default().with_group_info(group_info))
    }

    /// The commit that was made in this epoch and is neither read back nor abandoned.
    pub fn pending_commit(&self) -> Option<&SendRequest> {
        self.staged.iter().find(|staged| !staged.abandoned).map(|staged| &staged.request)
    }

    /// Whether GroupInfos beside commits go without the ratchet tree where handshakes are public: the hub follows such
    /// groups, and asks for a tree that it does not know (`ratchet_tree_required`, [`PartitionedGroup::attach_tree`]). Off
    /// until it is asked for.
    pub fn publish_trees_on_demand(&mut self, on_demand: bool) {
        self.trees_on_demand = on_demand;
    }

    /// Signs the GroupInfo beside the pending commit again, with the ratchet tree. The commit is the same, and to the hub
    /// the request is (S8). `None`: no commit is pending with a GroupInfo that lacks its tree.
    ///
    /// # Errors
    /// The MLS library's.
    pub fn attach_tree(&mut self) -> Result<Option<SendRequest>, GroupError> {
        let Some(staged) = self.staged.iter_mut().find(|staged| !staged.abandoned) else { return Ok(None) };
        let data = staged.request.commit_data.as_mut();
        let bare = data.and_then(|data| data.group_info.as_mut()).filter(|info| !info.has_ratchet_tree());
        let Some(group_info) = bare else { return Ok(None) };
        let mut next = self.group.clone();
        next.apply_detached_commit(staged.secrets.clone())?;
        *group_info = wire::decode(&next.group_info_message_allowing_ext_commit(true)?.to_bytes()?)?;
        Ok(Some(staged.request.clone()))
    }

    /// Gives up the pending commit, after the hub has refused it for good, so that another can be made.
    ///
    /// Its secrets stay until the epoch ends: should it turn out to be sequenced after all, it is applied like any
    /// other first valid commit, instead of leaving this client behind.
    pub fn abandon_commit(&mut self) {
        for staged in &mut self.staged {
            staged.abandoned = true;
        }
    }
}

/// Under which reference somebody would be added.
fn reference(add: &AddProposal) -> Option<KeyPackageRef> {
    let package = add.key_package().mls_encode_to_vec().ok()?;
    key_package_ref(&wire::decode(&package).ok()?)
}

fn unchanged<C: MlsConfig>(builder: CommitBuilder<'_, C>) -> Result<CommitBuilder<'_, C>, MlsError> {
    Ok(builder)
}
