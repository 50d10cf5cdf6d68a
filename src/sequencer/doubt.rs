//! Commits that members do not follow (specs/protocol.md, J3).
//!
//! A commit that every member ignores makes an edge like any other: the hub cannot tell. It makes a branch that nobody but
//! its committer uses, and whoever joins would join there.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Child, Partition, Policy, State, UnixMillis,
    dominance::{WALK_MAX, dominant_child, established},
};
use crate::wire::ServiceProviderId;

/// Who follows a commit, and who has read it and does not: established providers, the committer's apart. It says nothing
/// about a commit that its own provider goes on behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Were given the commit, have gone on with its partition for a while, lately too, and never used anything behind it.
    doubters: usize,
    /// Used something behind it within the window of dominance.
    followers: usize,
    /// Whether commits stand behind it.
    is_built_upon: bool,
}

impl Doubt {
    /// What the uses of a partition, and of what follows it, say about one of its children.
    pub(super) fn about<S: State + ?Sized>(
        state: &S,
        parent: &Partition,
        child: &Child,
        policy: &Policy,
        now: UnixMillis,
    ) -> Result<Self, S::Error> {
        let since = now.saturating_sub(policy.dominance_window_ms);
        let mut doubters: BTreeSet<ServiceProviderId> = parent
            .uses
            .iter()
            .filter(|a_use| a_use.last_ms >= since)
            .filter(|a_use| a_use.would_doubt_ms(child, policy).is_some_and(|doubts_ms| a_use.last_ms >= doubts_ms))
            .map(|a_use| a_use.provider.clone())
            .collect();
        // Almost always nobody: then it costs no more than this.
        if doubters.is_empty() {
            return Ok(Self::default());
        }
        let Some(announced) = state.partition(&child.key)? else { return Ok(Self::default()) };
        if let Some(committer) = &announced.announced_by {
            doubters.remove(committer);
        }
        let mut followers = BTreeSet::new();
        let mut below: Arc<Partition> = announced.clone();
        for _step in 0..WALK_MAX {
            for a_use in &below.uses {
                doubters.remove(&a_use.provider);
                if a_use.last_ms >= since {
                    followers.insert(a_use.provider.clone());
                }
            }
            // Who lagged for a while has gone on by now. Whoever follows, nobody doubts.
            if doubters.is_empty() {
                return Ok(Self::default());
            }
            let Some(next) = dominant_child(state, &below, policy, now)? else { break };
            let Some(next) = state.partition(&next.key)? else { break };
            below = next;
        }
        if let Some(committer) = &announced.announced_by {
            followers.remove(committer);
        }
        let sets = [doubters, followers];
        let established = established(state, parent, &sets)?;
        let [doubters, followers] = sets.map(|set| set.intersection(&established).count());
        Ok(Self { doubters, followers, is_built_upon: !announced.is_head() })
    }

    /// Whether the parent is as good a place as the child: one doubter is enough as long as nothing stands behind the
    /// commit. A bad committer can go on by itself, and who was removed can read on: then it takes a majority.
    pub(super) fn is_there(self) -> bool {
        if self.is_built_upon { self.prevails() } else { self.doubters > 0 }
    }

    /// Whether more doubt the commit than follow it.
    pub(super) fn prevails(self) -> bool {
        self.doubters > self.followers
    }
}
