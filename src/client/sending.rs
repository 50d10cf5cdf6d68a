//! Application messages and proposals (draft §4.2).

use mls_rs::{ExtensionList, Group, MlsMessage, client_builder::MlsConfig, error::MlsError};

use super::{GroupError, NewMember, PartitionedGroup};
use crate::{
    mls::{ContentType, WireMessage},
    wire::SendRequest,
};

/// An own message that was handed out and not read back yet: MLS cannot decrypt one's own, so it is known by its digest.
#[derive(Clone)]
pub(super) struct Unconfirmed {
    pub(super) digest: [u8; 32],
    pub(super) content_type: ContentType,
    /// A proposal of which it is not known that the hub has sequenced it. MLS remembers it, and makes no commit without it.
    pub(super) request: Option<SendRequest>,
    /// The MLS library's storage was written since it was made: after a restart, MLS remembers it.
    pub(super) written: bool,
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// More messages on their way than a client can sensibly have. The oldest application message is forgotten, and will be
    /// reported as [`super::Reason::FromSelf`] when it is read. Proposals are not: MLS does not forget them either.
    pub(super) const UNCONFIRMED_MAX: usize = 4096;

    /// Encrypts `data` for the members of the current epoch. `authenticated_data` travels in clear.
    ///
    /// The request may be sent any number of times, byte for byte: the hub sequences it once.
    ///
    /// # Errors
    /// [`GroupError::CommitRequired`] while proposals wait; [`GroupError::Removed`]; [`GroupError::Forbidden`]; the MLS
    /// library's.
    pub fn application(&mut self, data: &[u8], authenticated_data: Vec<u8>) -> Result<SendRequest, GroupError> {
        self.require_voice()?;
        let message = self.group.encrypt_application_message(data, authenticated_data)?;
        self.request(message)
    }

    /// Proposes to add somebody. Whoever commits it must know the new member's provider.
    ///
    /// # Errors
    /// [`GroupError::Removed`]; [`GroupError::Forbidden`]; [`GroupError::TooManyProposals`]; the MLS library's.
    pub fn propose_add(&mut self, member: &NewMember, authenticated_data: Vec<u8>) -> Result<SendRequest, GroupError> {
        self.require_voice()?;
        let key_package = member.to_message()?;
        if key_package.as_key_package().is_some_and(|package| self.partition.policy.bans(package.signing_identity())) {
            return Err(GroupError::Forbidden);
        }
        self.propose(|group| group.propose_add(key_package, authenticated_data))
    }

    /// Proposes new keys for one's own leaf.
    ///
    /// # Errors
    /// As [`PartitionedGroup::propose_add`].
    pub fn propose_update(&mut self, authenticated_data: Vec<u8>) -> Result<SendRequest, GroupError> {
        self.require_voice()?;
        self.propose(|group| group.propose_update(authenticated_data))
    }

    /// Proposes to remove a leaf; one's own, to leave the group (draft §7.3), which also who is banned may.
    ///
    /// # Errors
    /// As [`PartitionedGroup::propose_add`].
    pub fn propose_remove(&mut self, leaf_index: u32, authenticated_data: Vec<u8>) -> Result<SendRequest, GroupError> {
        self.require_membership()?;
        if leaf_index != self.group.current_member_index() {
            self.require_voice()?;
        }
        self.propose(|group| group.propose_remove(leaf_index, authenticated_data))
    }

    /// Proposes other extensions of the GroupContext.
    ///
    /// # Errors
    /// As [`PartitionedGroup::propose_add`].
    pub fn propose_group_context_extensions(
        &mut self,
        extensions: ExtensionList,
        authenticated_data: Vec<u8>,
    ) -> Result<SendRequest, GroupError> {
        self.require_voice()?;
        self.propose(|group| group.propose_group_context_extensions(extensions, authenticated_data))
    }

    /// Gives up the proposals that were not read back, after the hub has refused them for good.
    ///
    /// # Errors
    /// [`GroupError::ProposalsOfOthers`]: the MLS library forgets all proposals or none, and those of others must stay,
    /// or their commit could not be read. The next commit of another member ends that state.
    pub fn abandon_proposals(&mut self) -> Result<(), GroupError> {
        let own = self.unconfirmed_proposals();
        if own == 0 {
            return Ok(());
        }
        if self.group.get_cached_proposals().len() > own {
            return Err(GroupError::ProposalsOfOthers);
        }
        self.group.clear_proposal_cache();
        self.unconfirmed.retain(|message| message.content_type != ContentType::Proposal);
        Ok(())
    }

    /// Proposals that were handed out and of which it is not known that the hub has sequenced them. After a restart they are
    /// to be sent again, byte for byte: this client makes no commit before it has read them back.
    pub fn pending_proposals(&self) -> impl Iterator<Item = &SendRequest> {
        self.unconfirmed.iter().filter_map(|message| message.request.as_ref())
    }

    /// Takes note that the fate of a proposal is known: the hub has sequenced it, or refused it for good.
    pub fn settle_proposal(&mut self, digest: &[u8; 32]) {
        for message in self.unconfirmed.iter_mut().filter(|message| message.digest == *digest) {
            message.request = None;
        }
    }

    pub(super) fn unconfirmed_proposals(&self) -> usize {
        self.unconfirmed.iter().filter(|message| message.content_type == ContentType::Proposal).count()
    }

    fn propose(
        &mut self,
        make: impl FnOnce(&mut Group<C>) -> Result<MlsMessage, MlsError>,
    ) -> Result<SendRequest, GroupError> {
        if self.unconfirmed_proposals() == Self::UNCONFIRMED_MAX {
            return Err(GroupError::TooManyProposals);
        }
        let message = make(&mut self.group)?;
        self.request(message)
    }

    pub(super) fn request(&mut self, message: MlsMessage) -> Result<SendRequest, GroupError> {
        let message = WireMessage::parse(&message.to_bytes()?)?;
        let request = SendRequest { message, partition_key: self.partition.key.clone(), commit_data: None };
        self.note(&request, false);
        Ok(request)
    }

    /// Takes note of a message that is handed out.
    pub(super) fn note(&mut self, request: &SendRequest, written: bool) {
        if self.unconfirmed.len() >= Self::UNCONFIRMED_MAX {
            let oldest = self.unconfirmed.iter().position(|known| known.content_type != ContentType::Proposal);
            oldest.and_then(|oldest| self.unconfirmed.remove(oldest));
        }
        let (digest, content_type) = (request.message.digest(), request.message.content_type());
        let pending = (content_type == ContentType::Proposal).then(|| request.clone());
        self.unconfirmed.push_back(Unconfirmed { digest, content_type, request: pending, written });
    }
}
