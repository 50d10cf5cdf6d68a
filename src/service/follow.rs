//! What a follower does for its own users with the answers of other hubs.

use std::sync::Arc;

use super::{Error, Service, UserId};
use crate::{
    sequencer::GroupKey,
    store::Presentation,
    wire::{MaskedPartitionKey, ReceiveResponse},
};

impl Service {
    /// Remembers that the user presented the key of a partition at another hub, and takes out of the answer what the
    /// user may not be given as a hint.
    ///
    /// # Privacy
    /// The hub gives hints to the provider as a whole. A user is given a hinted epoch only after having presented its
    /// key: otherwise a removed member could go on reading through a colleague's entitlement.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn filter_hints(
        self: &Arc<Self>,
        user: &UserId,
        group: GroupKey,
        partition: MaskedPartitionKey,
        response: &mut ReceiveResponse,
    ) -> Result<(), Error> {
        let tag = user.tag(self.store.user_tag_secret());
        let (policy, now) = (self.policy(), self.now());
        let since = now.saturating_sub(policy.hint_window_ms);
        let hinted: Vec<_> = response.hints.iter().map(|hint| hint.masked_partition_key).collect();
        let (known, allowed) = self
            .snapshot_read(move |snapshot| {
                let known = snapshot.presented(&group, &partition, &tag)?;
                let mut allowed = Vec::new();
                for key in &hinted {
                    let presented = snapshot.presented(&group, key, &tag)?;
                    allowed.push(presented.is_some_and(|at_ms| at_ms >= since));
                }
                Ok((known, allowed))
            })
            .await?;
        let mut allowed = allowed.into_iter();
        response.hints.retain(|_| allowed.next().unwrap_or(false));
        // Keys of partitions that have nothing in them are not worth a row: anybody can make up such keys.
        let due = known.is_none_or(|at_ms| now >= at_ms.saturating_add(policy.presentation_interval_ms));
        if due && !response.epoch.messages.is_empty() {
            self.note_presentation(user, group, partition);
        }
        Ok(())
    }

    /// Remembers that the user presented a partition's key at another hub.
    pub fn note_presentation(&self, user: &UserId, group: GroupKey, partition: MaskedPartitionKey) {
        let user = user.tag(self.store.user_tag_secret());
        let presentation = Presentation { group, partition, user, at_ms: self.now() };
        self.lanes.remark(group, None, Some(presentation));
    }
}
