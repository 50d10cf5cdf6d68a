//! Founding a group (specs/protocol.md, "Groups").

use mls_rs::{Group, client_builder::MlsConfig, group::CommitBuilder};

use super::{CommitOptions, GroupError, NewMember, PartitionedGroup};
use crate::{
    mls::{CipherSuite, EpochNumber, ProtocolVersion, WireGroupInfo},
    wire::{self, CreateGroupRequest, ServiceProviderId, WelcomeData},
};

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Adds the first members to a group that nobody else knows of yet, and makes the request that hands it to its hub.
    ///
    /// `group` was just created under an id that the hub minted. The commit that adds the members is applied at once:
    /// nobody can race it. With no members the request describes the group as it is. `group_info` publishes the
    /// GroupInfo of the group, so that others can join externally.
    ///
    /// # Privacy
    /// A GroupInfo shows the hub every member's credential, whatever the mode of the handshakes.
    ///
    /// # Errors
    /// [`GroupError::OtherHub`] when the group id was not minted by `hub`; [`GroupError::SeveralWelcomes`]; the MLS
    /// library's.
    pub fn create(
        mut group: Group<C>,
        hub: ServiceProviderId,
        members: &[NewMember],
        group_info: bool,
    ) -> Result<(Self, CreateGroupRequest), GroupError> {
        let welcome_data = if members.is_empty() { None } else { Some(add(&mut group, members)?) };
        let created = Self::new(group, hub)?;
        let request = CreateGroupRequest {
            group_id: created.group_id().to_vec(),
            partition_key: created.partition.key.clone(),
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(created.group.cipher_suite().into()),
            epoch: EpochNumber(created.group.current_epoch()),
            group_info: group_info.then(|| created.group_info()).transpose()?,
            ratchet_tree: None,
            welcome_data,
        };
        Ok((created, request))
    }

    /// The signed GroupInfo of the current epoch, with the ratchet tree, as others need it to join externally.
    ///
    /// # Errors
    /// The MLS library's.
    pub fn group_info(&self) -> Result<WireGroupInfo, GroupError> {
        Ok(wire::decode(&self.group.group_info_message_allowing_ext_commit(true)?.to_bytes()?)?)
    }
}

fn add<C: MlsConfig>(group: &mut Group<C>, members: &[NewMember]) -> Result<WelcomeData, GroupError> {
    let messages = members.iter().map(NewMember::to_message).collect::<Result<Vec<_>, _>>()?;
    let output = messages.into_iter().try_fold(group.commit_builder(), CommitBuilder::add_member)?.build()?;
    group.apply_pending_commit()?;
    let options = CommitOptions::for_new_members(members)?;
    match output.welcome_messages.as_slice() {
        [welcome] => options.welcome_data(welcome),
        _ => Err(GroupError::SeveralWelcomes),
    }
}
