//! A user wants no more messages of a group (draft §7.3).

use std::sync::Arc;

use super::{Error, Service, UserId};
use crate::{
    sequencer::{Command, Forget, GroupKey, UserTag},
    store::{self, Snapshot},
    wire::MaskedPartitionKey,
};

/// Partitions looked at in one step.
const PAGE: usize = 1024;

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
        let (mut after, mut others) = (None, false);
        loop {
            let page = self.snapshot_read(move |snapshot| presented(snapshot, &group, &user, after)).await?;
            others |= page.others;
            if !page.own.is_empty() {
                self.lanes.submit(group, Command::Forget(Forget { user, partitions: page.own }), None).await?;
            }
            // It ends: what is looked at next stands behind it.
            after = page.last;
            if after.is_none() {
                break;
            }
        }
        if others {
            // What is followed is theirs.
            return Ok(());
        }
        loop {
            let followed = self.snapshot_read(move |snapshot| snapshot.followed_of(&group, PAGE)).await?;
            let is_last = followed.len() < PAGE;
            for partition in followed {
                self.lanes.submit(group, Command::Unfollow(partition), None).await?;
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

/// Who presented the keys of some partitions, in their order.
struct Presented {
    /// Those whose key the user presented.
    own: Vec<MaskedPartitionKey>,
    /// Whether somebody else presented one of them.
    others: bool,
    /// The last one, if there may be more behind it.
    last: Option<MaskedPartitionKey>,
}

/// Looks at each partition once, whoever else presented its key: a group has many users, and each of them many partitions.
fn presented(
    snapshot: &dyn Snapshot,
    group: &GroupKey,
    user: &UserTag,
    after: Option<MaskedPartitionKey>,
) -> Result<Presented, store::Error> {
    let mut page = Presented { own: Vec::new(), others: false, last: after };
    for _partition in 0..PAGE {
        let behind = page.last.map(|partition| (partition, LAST_TAG));
        let Some(&(partition, first)) = snapshot.presenters(group, behind.as_ref(), 1)?.first() else {
            page.last = None;
            break;
        };
        if snapshot.presented(group, &partition, user)?.is_some() {
            page.own.push(partition);
        }
        if first != *user {
            page.others = true;
        } else if !page.others {
            let second = snapshot.presenters(group, Some(&(partition, *user)), 1)?;
            page.others = second.first().is_some_and(|(of, _)| *of == partition);
        }
        page.last = Some(partition);
    }
    Ok(page)
}

/// No user's tag is behind it.
const LAST_TAG: UserTag = UserTag([0xff; 16]);
