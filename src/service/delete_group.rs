//! Deleting a group (specs/protocol.md, "Groups").

use super::{Error, Service};
use crate::{
    sequencer::{Command, Delete, GroupKey},
    wire::DeleteGroupRequest,
};

impl Service {
    /// Deletes a group of this hub. `Ok` means that it is durable; again, it changes nothing.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is refused, any other when its fate is unknown: asking again is safe.
    pub async fn delete_group(&self, request: &DeleteGroupRequest) -> Result<(), Error> {
        let delete = Delete { partition: request.partition_key.masked() };
        self.lanes.submit(GroupKey::of(&request.group_id), Command::Delete(delete), None).await.map(drop)
    }
}
