//! Joins from outside, and what is made of them.

use super::{Asked, Model, Verdict};
use crate::sequencer::{Policy, UnixMillis, Usage};

/// Why a join belongs to a partition, as somebody found who looked before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Found {
    /// Its signature is right by the GroupInfo there.
    GroupInfo,
    /// It came with a token.
    Token,
    /// It came with one, and by now there is another GroupInfo.
    Changed,
}

impl Model {
    /// Joins. `elsewhere` is what the provider has used up in other groups. The message alone tells whether it came
    /// before, wherever it was placed then.
    pub(in super::super) fn join(
        &mut self,
        asked: &Asked,
        found: Found,
        elsewhere: Usage,
        policy: &Policy,
        now: UnixMillis,
    ) -> Verdict {
        let (message, ..) = asked.content;
        if let Some((at, index, commits_before)) = self.joins.get(&message).copied() {
            return Verdict::Repeated { at, index, commits_before };
        }
        if self.deleted.is_some() {
            return Verdict::Deleted;
        }
        if !self.may_join(asked, found) {
            return Verdict::Stale;
        }
        let verdict = self.enter(asked, elsewhere, policy, now);
        if let Verdict::Sequenced { at, index, commits_before } = verdict {
            self.joins.insert(message, (at, index, commits_before));
        }
        verdict
    }

    /// Only at the end of a branch, since nobody here is ever in doubt of a commit; with a token at the end of the one
    /// that leads.
    fn may_join(&self, asked: &Asked, found: Found) -> bool {
        let key = asked.partition;
        let Some(target) = self.partitions.get(&key) else { return false };
        let is_newest =
            self.epoch(key) == Some(asked.names_epoch) && target.ended.is_none() && self.rivals(key).is_empty();
        is_newest
            && match found {
                Found::GroupInfo => target.has_group_info,
                Found::Token => self.is_on_dominant_branch(key),
                Found::Changed => false,
            }
    }
}
