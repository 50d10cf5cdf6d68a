//! What other hubs push to this provider (specs/protocol.md, "Push").

use super::{Error, Service};
use crate::{
    sequencer::{Command, GroupKey, Keep, Outcome},
    wire::{GroupId, PushRequest, PushResponse, ServiceProviderId, encode},
};

impl Service {
    /// Keeps what a hub has pushed, as far as it is what comes next. The answer is the index that is wanted next.
    ///
    /// # Errors
    /// [`Error::NotSubscribed`] when this provider follows no such partition at that hub; [`Error::ForeignMessage`] when a
    /// message is of another group; any other when it is unknown whether it is kept: pushing again is safe.
    pub async fn keep(&self, hub: &ServiceProviderId, push: &PushRequest) -> Result<PushResponse, Error> {
        // Subscriptions are made at the hub that the group's id names, and nowhere else.
        if GroupId::parse(&push.group_id).is_none_or(|id| id.hub() != hub) || *hub == self.provider {
            return Err(Error::NotSubscribed);
        }
        let pushed = &push.response.epoch.messages;
        if pushed.iter().any(|message| message.message.group_id() != push.group_id) {
            return Err(Error::ForeignMessage);
        }
        let (group, partition) = (GroupKey::of(&push.group_id), push.masked_partition_key);
        let pushed_to = push.first_counter.saturating_add(u32::try_from(pushed.len()).unwrap_or(u32::MAX));
        let mut messages = Vec::with_capacity(pushed.len());
        for message in pushed {
            messages.push(encode(message).map_err(|_| Error::ForeignMessage)?.into());
        }
        let keep = Keep { partition, first_index: push.first_counter, messages };
        match self.lanes.submit(group, Command::Keep(Box::new(keep)), None).await? {
            Outcome::Wanted(Some(next_counter)) => {
                // What stands behind a gap is not here, and there may be more of it: that push says nothing.
                if next_counter >= pushed_to {
                    self.following.confirm(&(group, partition), self.now());
                }
                Ok(PushResponse { next_counter })
            }
            Outcome::Wanted(None) => Err(Error::NotSubscribed),
            Outcome::Reserved
            | Outcome::Created(_)
            | Outcome::Sent(_)
            | Outcome::Branch(_)
            | Outcome::Trimmed { .. }
            | Outcome::Done => Err(Error::ShuttingDown),
        }
    }
}
