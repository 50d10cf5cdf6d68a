//! Whether members may still be where a commit has led away from, long after it (specs/protocol.md E2).
//!
//! Doubt (J3) says where somebody may join, and passes when others go on. What retention removes does not come back: here
//! everybody counts who was there and has not been seen to go on, for as long as a group lives that nobody uses. Nor does
//! it help that a commit says who was removed: whoever makes one that members ignore can remove them all.

use std::sync::Arc;

use super::{
    Child, Partition, Policy, State, UnixMillis, Use,
    dominance::{WALK_MAX, dominant_child},
};
use crate::wire::ServiceProviderId;

/// Whether somebody may not have followed the commit that announced the dominant child of a partition.
pub(super) fn may_stay<S: State + ?Sized>(
    state: &S,
    partition: &Partition,
    child: &Child,
    policy: &Policy,
    now: UnixMillis,
) -> Result<bool, S::Error> {
    let Some(announced) = state.partition(&child.key)? else { return Ok(false) };
    let since_ms = now.saturating_sub(policy.idle_ms);
    let has_others = has_others(state, partition, &announced, since_ms)?;
    let stays_ms = child.announced_ms.saturating_add(policy.doubt_after_ms).max(since_ms);
    let mut staying: Vec<&Use> = partition.uses.iter().filter(|a_use| a_use.last_ms >= stays_ms).collect();
    let (mut is_followed, mut below) = (!has_others, announced.clone());
    for _step in 0..WALK_MAX {
        for a_use in &below.uses {
            let is_announcer = announced.announced_by.as_ref() == Some(&a_use.provider);
            is_followed |= !is_announcer;
            // Who announces goes on, and says nothing of others at the same provider. When none of them has come back for
            // a while, all went on.
            let window_ms = policy.silence_ms;
            let is_back = |stayed: &Use| is_announcer && a_use.last_ms < stayed.last_ms.saturating_add(window_ms);
            staying.retain(|stayed| stayed.provider != a_use.provider || is_back(stayed));
        }
        if staying.is_empty() && is_followed {
            return Ok(false);
        }
        let Some(next) = dominant_child(state, &below)? else { break };
        let Some(next) = state.partition(&next.key)? else { break };
        below = next;
    }
    Ok(true)
}

/// Whether somebody else than the announcer's provider used the partition, or one above it, since then.
fn has_others<S: State + ?Sized>(
    state: &S,
    partition: &Partition,
    announced: &Partition,
    since_ms: UnixMillis,
) -> Result<bool, S::Error> {
    let is_other = |provider: &ServiceProviderId| announced.announced_by.as_ref() != Some(provider);
    // In most groups of one provider there never was another one.
    if !state.group()?.is_some_and(|group| group.users.iter().any(is_other)) {
        return Ok(false);
    }
    let counts = |a_use: &Use| is_other(&a_use.provider) && a_use.last_ms >= since_ms;
    let mut above = Arc::new(partition.clone());
    for _step in 0..WALK_MAX {
        if above.uses.iter().any(counts) {
            return Ok(true);
        }
        let Some(parent) = above.parent else { break };
        let Some(found) = state.partition(&parent.key)? else { break };
        above = found;
    }
    Ok(false)
}
