//! Deleting a group (specs/protocol.md, "Groups").

use std::sync::Arc;

use super::{Error, Service, UserId, view::SnapshotView};
use crate::{
    sequencer::{Command, Delete, FAR, GroupKey, Rejection, State, is_sole_head},
    wire::DeleteGroupRequest,
};

impl Service {
    /// Deletes a group of this hub for one of our users. `Ok` means that it is durable; again, it changes nothing.
    ///
    /// # Errors
    /// [`Error::TooFast`]; [`Error::Rejected`] when it is refused, any other when its fate is unknown: asking again is safe.
    pub async fn delete_group(self: &Arc<Self>, user: &UserId, request: &DeleteGroupRequest) -> Result<(), Error> {
        self.charge_user(user, 0)?;
        let (group, partition) = (GroupKey::of(&request.group_id), request.partition_key.masked());
        let policy = self.policy();
        let may_be_deleted = self
            .read_elsewhere(move |snapshot| {
                let view = SnapshotView { group, snapshot };
                let is_deleted = view.group()?.is_some_and(|record| record.deleted_ms.is_some());
                let Some(record) = view.partition(&partition)? else { return Ok(is_deleted) };
                Ok(is_deleted || is_sole_head(&view, (&partition, &record), FAR, &policy)? == Some(true))
            })
            .await?;
        if !may_be_deleted {
            return Err(Rejection::UnknownGroup.into());
        }
        self.lanes.submit(group, Command::Delete(Delete { partition }), None).await.map(drop)
    }
}
