//! A user wants no more messages of a group (draft §7.3).

use std::sync::Arc;

use super::{Error, Service, UserId};
use crate::{
    sequencer::{Command, Forget, GroupKey, UserTag},
    wire::MaskedPartitionKey,
};

/// Presentations looked at in one step.
const PAGE: usize = 1024;
/// Steps of one request: a group with more epochs and users at one provider than that is left step by step.
const PAGES_MAX: usize = 256;
/// Followed partitions of one group that are ended.
const FOLLOWED_MAX: usize = 4096;

impl Service {
    /// Forgets which keys of the group's partitions the user presented, here or at another hub. What was followed for
    /// nobody else is not followed any more: the hub's next push is answered so.
    ///
    /// # Privacy
    /// Nobody learns whether there was anything to forget.
    ///
    /// # Errors
    /// When it could not be recorded, in whole or in part; asking again goes on with what is left.
    pub async fn leave_group(self: &Arc<Self>, user: &UserId, group_id: &[u8]) -> Result<(), Error> {
        let (group, user) = (GroupKey::of(group_id), self.tag(user));
        let (mut after, mut others, mut is_last) = (None, false, false);
        for _page in 0..PAGES_MAX {
            let rows = self.presenters(group, after).await?;
            after = rows.last().copied();
            is_last = rows.len() < PAGE;
            let (own, of_others): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, who)| *who == user);
            others |= !of_others.is_empty();
            if !own.is_empty() {
                let partitions = own.into_iter().map(|(partition, _)| partition).collect();
                self.lanes.submit(group, Command::Forget(Forget { user, partitions }), None).await?;
            }
            if is_last {
                break;
            }
        }
        if !is_last {
            return Err(Error::Overloaded);
        }
        if others {
            return Ok(());
        }
        let followed = self.snapshot_read(move |snapshot| snapshot.followed_of(&group, FOLLOWED_MAX)).await?;
        for partition in followed {
            self.lanes.submit(group, Command::Unfollow(partition), None).await?;
        }
        Ok(())
    }

    async fn presenters(
        self: &Arc<Self>,
        group: GroupKey,
        after: Option<(MaskedPartitionKey, UserTag)>,
    ) -> Result<Vec<(MaskedPartitionKey, UserTag)>, Error> {
        self.snapshot_read(move |snapshot| snapshot.presenters(&group, after.as_ref(), PAGE)).await
    }
}
