//! Which groups show that they have forked.

use std::sync::Arc;

use super::super::{Error, Service};
use crate::sequencer::{Group, GroupKey};

/// How many groups are looked at for one answer.
const PAGE: usize = 1_024;

/// A group that shows forks.
#[derive(Clone, Debug)]
pub struct Forked {
    /// Which one.
    pub group: GroupKey,
    /// Its record, which says what it shows.
    pub record: Group,
}

/// Some of these groups.
#[derive(Clone, Debug, Default)]
pub struct ForkedPage {
    /// In the order of their keys.
    pub groups: Vec<Forked>,
    /// Where to go on; nothing if there are no more.
    pub after: Option<GroupKey>,
}

impl Service {
    /// Groups that have shown signs of a fork, or of which the operator has ended a branch, from behind `after` on.
    ///
    /// # Errors
    /// When the store cannot read.
    pub async fn forked_groups(self: &Arc<Self>, after: Option<GroupKey>) -> Result<ForkedPage, Error> {
        self.read_elsewhere(move |snapshot| {
            let keys = snapshot.forked(after.as_ref(), PAGE)?;
            let after = keys.last().copied().filter(|_| keys.len() == PAGE);
            let mut groups = Vec::new();
            for group in keys {
                let Some(record) = snapshot.group(&group)? else { continue };
                groups.push(Forked { group, record });
            }
            Ok(ForkedPage { groups, after })
        })
        .await
    }
}
