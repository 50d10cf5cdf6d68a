//! Commits that members do not follow (specs/protocol.md, J3).
//!
//! A commit that every member ignores makes an edge like any other: the hub cannot tell. It makes a branch that nobody but
//! its committer uses, and whoever joins would join there.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Child, Partition, Policy, State, UnixMillis,
    dominance::{WALK_MAX, dominant_child, established},
};
use crate::wire::ServiceProviderId;

/// Who follows a commit, and who has read it and does not: established providers, the committer's apart. It says nothing
/// about a commit that its own provider goes on behind it, but that time passes: whoever has been silent for a while,
/// while others were not, does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// Were given the commit, have gone on with its partition for a while, and never used anything behind it.
    doubters: usize,
    /// Used something behind it.
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
    ) -> Result<Self, S::Error> {
        let mut doubters: BTreeMap<ServiceProviderId, UnixMillis> = parent
            .uses
            .iter()
            .filter(|a_use| a_use.would_doubt_ms(child, policy).is_some_and(|doubts_ms| a_use.last_ms >= doubts_ms))
            .map(|a_use| (a_use.provider.clone(), a_use.last_ms))
            .collect();
        // Almost always nobody: then it costs no more than this.
        if doubters.is_empty() {
            return Ok(Self::default());
        }
        let Some(announced) = state.partition(&child.key)? else { return Ok(Self::default()) };
        if let Some(committer) = &announced.announced_by {
            doubters.remove(committer);
        }
        let mut followers: BTreeMap<ServiceProviderId, UnixMillis> = BTreeMap::new();
        let mut below: Arc<Partition> = announced.clone();
        for _step in 0..WALK_MAX {
            for a_use in &below.uses {
                doubters.remove(&a_use.provider);
                let last_ms = followers.entry(a_use.provider.clone()).or_default();
                *last_ms = a_use.last_ms.max(*last_ms);
            }
            // Who lagged for a while has gone on by now. Whoever follows, nobody doubts.
            if doubters.is_empty() {
                return Ok(Self::default());
            }
            let Some(next) = dominant_child(state, &below)? else { break };
            let Some(next) = state.partition(&next.key)? else { break };
            below = next;
        }
        // Who is silent counts as long as all are, the committer too: otherwise whoever comes back first after a pause would
        // decide. Whoever has left is silent, and those who stay may all be the committer's.
        let latest_ms = doubters.values().chain(followers.values()).copied().max().unwrap_or_default();
        if let Some(committer) = &announced.announced_by {
            followers.remove(committer);
        }
        let since = latest_ms.saturating_sub(policy.silence_ms);
        let sets = [doubters, followers].map(|providers| {
            let lately = providers.into_iter().filter(|(_, last_ms)| *last_ms >= since);
            lately.map(|(provider, _)| provider).collect::<BTreeSet<_>>()
        });
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
