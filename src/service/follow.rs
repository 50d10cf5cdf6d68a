//! What a follower does for its own users with the answers of other hubs.

use std::sync::Arc;

use super::{Error, Service, UserId};
use crate::{
    sequencer::{GroupKey, Hints},
    store::Presentation,
    wire::MaskedPartitionKey,
};

/// Whether a hub had something to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Messages of the partition that was asked for.
    Messages,
    /// Nothing, which is also what a made-up key leads to.
    Nothing,
}

impl Service {
    /// Says of each partition that a hub hinted whether the user may be given it, and remembers that the user presented
    /// the key of the partition that was asked for, if the hub had something to give.
    ///
    /// # Privacy
    /// The hub gives hints to the provider as a whole. A user is given a hinted epoch only after having presented its
    /// key: otherwise a removed member could go on reading through a colleague's entitlement. Whether a group is encrypted
    /// only its hub knows: with [`Hints::Forward`] the user is given whatever the hub hinted.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn entitlements(
        self: &Arc<Self>,
        user: &UserId,
        group: GroupKey,
        partition: MaskedPartitionKey,
        hinted: Vec<MaskedPartitionKey>,
        found: Found,
    ) -> Result<Vec<bool>, Error> {
        let tag = user.tag(self.store.user_tag_secret());
        let (policy, now) = (self.policy(), self.now());
        let since = now.saturating_sub(policy.hint_window_ms);
        let forwards = policy.hints == Hints::Forward;
        let (known, entitled) = self
            .snapshot_read(move |snapshot| {
                let known = snapshot.presented(&group, &partition, &tag)?;
                let mut entitled = Vec::with_capacity(hinted.len());
                for key in &hinted {
                    let presented = snapshot.presented(&group, key, &tag)?;
                    entitled.push(forwards || presented.is_some_and(|at_ms| at_ms >= since));
                }
                Ok((known, entitled))
            })
            .await?;
        // Keys of partitions that have nothing in them are not worth a row: anybody can make up such keys.
        let due = known.is_none_or(|at_ms| now >= at_ms.saturating_add(policy.presentation_interval_ms));
        if due && found == Found::Messages {
            self.note_presentation(user, group, partition);
        }
        Ok(entitled)
    }

    /// Remembers that the user presented a partition's key at another hub.
    pub fn note_presentation(&self, user: &UserId, group: GroupKey, partition: MaskedPartitionKey) {
        let user = user.tag(self.store.user_tag_secret());
        let presentation = Presentation { group, partition, user, at_ms: self.now() };
        self.lanes.remark(group, None, Some(presentation));
    }
}
