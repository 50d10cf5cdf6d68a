//! Joining a group from outside, by an external commit (draft §4.5, §7.2).
//!
//! Nothing here decides to join: whether and where is the user's choice (draft §5).

use mls_rs::{
    Client, ExtensionList, MlsMessage,
    client_builder::MlsConfig,
    error::MlsError,
    extension::built_in::RatchetTreeExt,
    group::{ExportedTree, Member},
};

use super::{GroupError, Participant, PartitionedGroup};
use crate::{
    mls::{ExternalProposal, PublicState, Unobservable, WireKeyPackage, WireMessage},
    wire::{
        self, CommitData, DecodeError, ExternalJoinRequest, ExternalProposalRequest, GroupInfoResponse,
        ServiceProviderId,
    },
};

/// How somebody joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinOptions {
    /// Publish the GroupInfo of the new epoch, so that the next ones can join externally as well.
    pub group_info: bool,
    /// The leaf of which this client has lost the state: it is removed by the same commit.
    pub old_leaf: Option<u32>,
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Makes an external commit out of what the hub answered about the group `group_id`.
    ///
    /// The group that it returns is in the epoch that the commit creates, and can be used as soon as the hub has taken the
    /// request: nobody has to confirm it. It knows nothing of the request: a process that dies before it knows what became
    /// of that may leave a leaf in the group that nobody owns. [`super::Outsider`] joins with this function, keeps both, and
    /// replaces a group that is stored when the hub has taken the join, and not before.
    ///
    /// The MLS library's storage must have no group of that id.
    ///
    /// If `commits_before` of the hub's answer is more than 0, members may have followed another commit: then nothing of
    /// theirs will be read here, and nothing of ours by them.
    ///
    /// # Errors
    /// [`GroupError::OtherGroup`] when the GroupInfo is another group's; [`GroupError::OtherHub`]; the MLS library's, when
    /// the GroupInfo or its tree is not valid.
    pub fn join_externally(
        client: &Client<C>,
        hub: ServiceProviderId,
        group_id: &[u8],
        published: &GroupInfoResponse,
        options: &JoinOptions,
    ) -> Result<(Self, ExternalJoinRequest), GroupError> {
        let (group_info, tree) = open(group_id, published)?;
        let mut builder = client.external_commit_builder()?;
        if let Some(tree) = tree {
            builder = builder.with_tree_data(tree);
        }
        if let Some(leaf) = options.old_leaf {
            builder = builder.with_removal(leaf);
        }
        let (group, commit) = builder.build(group_info)?;
        let joined = Self::new(group, hub)?;
        let commit_data = CommitData {
            next_partition_key: joined.partition.key.clone(),
            group_info: options.group_info.then(|| joined.group_info()).transpose()?,
            welcome_data: None,
        };
        let request = ExternalJoinRequest { message: WireMessage::parse(&commit.to_bytes()?)?, commit_data };
        Ok((joined, request))
    }
}

/// The leaves of the published tree that have the client's credential: one of them is what it has lost, if it has lost
/// something. Where several devices of a user have one credential, the app must know which one it was.
///
/// # Errors
/// As [`PartitionedGroup::join_externally`]; [`GroupError::GroupInfo`].
pub fn own_leaves<C: MlsConfig>(
    client: &Client<C>,
    group_id: &[u8],
    published: &GroupInfoResponse,
) -> Result<Vec<u32>, GroupError> {
    let own = &client.signing_identity()?.0.credential;
    let members = published_roster(group_id, published)?.unwrap_or_default();
    let own = members.iter().filter(|member| &member.signing_identity.credential == own);
    Ok(own.map(|member| member.leaf_index).collect())
}

/// Who is in a published GroupInfo's tree; `None` when there is none. The tree is the one that the GroupInfo's signer has
/// signed for, and no larger than what can be looked into; no credential is judged.
pub(super) fn published_roster(
    group_id: &[u8],
    published: &GroupInfoResponse,
) -> Result<Option<Vec<Participant>>, GroupError> {
    if published.group_info.group_id() != group_id {
        return Err(GroupError::OtherGroup);
    }
    match PublicState::observe(&published.group_info, published.ratchet_tree.as_ref()) {
        Ok(_state) => {}
        Err(Unobservable::NoTree) => return Ok(None),
        Err(unobservable) => return Err(GroupError::GroupInfo(unobservable)),
    }
    let (group_info, tree) = open(group_id, published)?;
    let within = match tree {
        Some(tree) => Some(tree),
        None => {
            let info = group_info.as_group_info().ok_or(MlsError::UnexpectedMessageType)?;
            info.extensions().get_as::<RatchetTreeExt>().map_err(MlsError::from)?.map(|extension| extension.tree_data)
        }
    };
    let participant =
        |member: &Member| Participant { leaf_index: member.index, signing_identity: member.signing_identity.clone() };
    Ok(within.map(|tree| tree.roster().members().iter().map(participant).collect()))
}

/// Makes a proposal of somebody who is no member to be added (RFC 9420 §12.1.8). The private keys of its KeyPackage stay
/// with the client, for the Welcome that may follow. `service_provider`, where that is to go, stands beside it in clear.
///
/// Register the KeyPackage at that provider before the proposal leaves the device
/// ([`super::http::DeliveryService::register_key_packages`]): it takes no Welcome for one that it does not know.
///
/// # Errors
/// As [`PartitionedGroup::join_externally`].
pub fn propose_joining<C: MlsConfig>(
    client: &Client<C>,
    service_provider: &ServiceProviderId,
    group_id: &[u8],
    published: &GroupInfoResponse,
) -> Result<(WireKeyPackage, ExternalProposalRequest), GroupError> {
    let (group_info, tree) = open(group_id, published)?;
    let authenticated_data = wire::encode(service_provider)?;
    let (none, nothing) = (ExtensionList::new(), ExtensionList::new());
    let proposal = client.external_add_proposal(&group_info, tree, authenticated_data, none, nothing, None)?;
    let message = WireMessage::parse(&proposal.to_bytes()?)?;
    let key_package = ExternalProposal::of(&message).ok().and_then(|proposal| proposal.key_package());
    Ok((key_package.ok_or(DecodeError::InvalidValue)?, ExternalProposalRequest { message }))
}

type Opened = (MlsMessage, Option<ExportedTree<'static>>);

/// GroupInfo and tree as the MLS library takes them.
fn open(group_id: &[u8], published: &GroupInfoResponse) -> Result<Opened, GroupError> {
    if published.group_info.group_id() != group_id {
        return Err(GroupError::OtherGroup);
    }
    let tree = published.ratchet_tree.as_ref().map(|tree| ExportedTree::from_bytes(tree.bytes())).transpose()?;
    Ok((MlsMessage::from_bytes(published.group_info.bytes())?, tree))
}
