//! Creating a group (specs/protocol.md, "Groups").

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{Error, Service, Submitter, UserId, vain_proofs::Trier};
use crate::{
    sequencer::{Create, GroupKey, Outcome},
    wire::{CreateGroupRequest, CreateGroupResponse},
};

impl Service {
    /// Creates a group. `body` are the request's own bytes: the same bytes again are the same request.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is refused, any other when its fate is unknown: asking again is safe.
    pub async fn create_group(
        self: &Arc<Self>,
        user: &UserId,
        request: CreateGroupRequest,
        body: &[u8],
    ) -> Result<CreateGroupResponse, Error> {
        let group = GroupKey::of(&request.group_id);
        let (asked_ms, charge) = self.charge(&Submitter::User(user.clone()), group, body.len())?;
        let holder = user.tag(self.store.user_tag_secret());
        let create = Create::new(self.provider.clone(), holder, request, Sha256::digest(body).into());
        let command = self.look_at_creation(group, create).await?;
        let (command, _turn) = self.ask_first(group, Trier::User(holder), command).await?;
        match self.lanes.submit(group, command, None).await? {
            Outcome::Created(created_ms) => {
                self.settle_charge(charge, asked_ms, created_ms);
                Ok(CreateGroupResponse { created_ms })
            }
            Outcome::Reserved
            | Outcome::Sent(_)
            | Outcome::Wanted(_)
            | Outcome::Branch(_)
            | Outcome::Trimmed { .. }
            | Outcome::Done => Err(Error::ShuttingDown),
        }
    }
}
