//! Minting a group id (specs/protocol.md, "Groups").

use super::{Error, Service, UserId};
use crate::{
    sequencer::{Command, GroupKey, Reserve},
    wire::GroupId,
};

impl Service {
    /// Mints a group id and reserves it for the user.
    ///
    /// # Errors
    /// When the reservation could not be made durable.
    pub async fn mint_group_id(&self, user: &UserId) -> Result<GroupId, Error> {
        self.charge_user(user, 0)?;
        let mut random = [0; GroupId::RANDOM_LENGTH];
        self.entropy.fill(&mut random)?;
        let id = GroupId::mint(&self.provider, random);
        let holder = user.tag(self.store.user_tag_secret());
        self.lanes.submit(GroupKey::of(id.as_bytes()), Command::Reserve(Reserve { holder }), None).await?;
        Ok(id)
    }
}
