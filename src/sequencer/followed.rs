//! What a follower keeps of a partition at another hub, from which its users are served (specs/protocol.md, "Push").

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{Follow, Forget, Keep, Lease, Outcome, Policy, Refusal, State, Timer, Transition, UnixMillis};
use crate::wire::MaskedPartitionKey;

/// A partition at another hub that this provider has subscribed to.
///
/// # Privacy
/// Says nothing about the users who wanted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Followed {
    /// Until when the hub may push.
    pub until_ms: UnixMillis,
    /// When a local user last asked for it, to some minutes.
    pub needed_ms: UnixMillis,
    /// The first message that is kept.
    pub first_index: u32,
    /// The message that is wanted next: all between the two are kept.
    pub next_index: u32,
    /// How many bytes are kept.
    pub bytes: u64,
    /// When it is looked at whether somebody still needs it.
    pub timer_ms: UnixMillis,
}

/// A message of another hub, as it stands in a `ReceiveResponse`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the partition.
    pub index: u32,
    /// The encoded `Message`.
    pub message: Bytes,
}

/// How a followed partition changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowedChange {
    /// There is something new.
    Put {
        /// The record.
        record: Followed,
        /// What is kept besides.
        kept: Vec<Kept>,
        /// Whether messages before the record's `first_index` were kept, and are not any more.
        lets_go: bool,
    },
    /// It is not followed any more, and nothing of it is kept.
    Gone,
}

impl FollowedChange {
    fn record(record: Followed) -> Self {
        Self::Put { record, kept: Vec::new(), lets_go: false }
    }
}

/// A local user needs the partition: it is followed from here on, for longer, or as it was. When there are as many as may
/// be, another one is not, and nothing of it is wanted.
pub(super) fn follow<S: State + ?Sized>(
    state: &S,
    follow: &Follow,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let bounded = |until_ms: UnixMillis| until_ms.min(now.saturating_add(policy.lease_ms));
    let known = state.followed(&follow.partition).map_err(Refusal::State)?;
    let record = match (known, follow.lease) {
        (Some(known), lease) => {
            let until_ms = match lease {
                Lease::Asked { until_ms, .. } => bounded(until_ms).max(known.until_ms),
                Lease::Granted { until_ms } => bounded(until_ms),
                Lease::Unchanged => known.until_ms,
            };
            Followed { until_ms, needed_ms: now, ..known }
        }
        (None, Lease::Asked { .. }) if state.followed_partitions().map_err(Refusal::State)? >= policy.followed_max => {
            return Ok(Transition::unchanged(Outcome::Wanted(None)));
        }
        (None, Lease::Asked { from, until_ms }) => {
            let timer_ms = now.saturating_add(policy.unneeded_ms);
            transition.timers.push(Timer { due_ms: timer_ms, partition: follow.partition });
            let until_ms = bounded(until_ms);
            Followed { until_ms, needed_ms: now, first_index: from, next_index: from, bytes: 0, timer_ms }
        }
        (None, Lease::Granted { .. } | Lease::Unchanged) => return Ok(transition),
    };
    transition.followed.push((follow.partition, FollowedChange::record(record)));
    Ok(transition)
}

/// A hub pushes messages. The outcome is the index that is wanted next, or nothing if the partition is not followed.
///
/// Repeats change nothing. Behind a gap nothing is kept: the hub is told where it begins.
pub(super) fn keep<S: State + ?Sized>(
    state: &S,
    keep: &Keep,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let known = state.followed(&keep.partition).map_err(Refusal::State)?;
    let Some(mut record) = known.filter(|known| now < known.until_ms) else {
        return Ok(Transition::unchanged(Outcome::Wanted(None)));
    };
    let count = u32::try_from(keep.messages.len()).unwrap_or(u32::MAX);
    let end = keep.first_index.saturating_add(count);
    if keep.first_index > record.next_index || end <= record.next_index {
        return Ok(Transition::unchanged(Outcome::Wanted(Some(record.next_index))));
    }
    let repeated = (record.next_index - keep.first_index) as usize;
    let mut messages: Vec<_> = (record.next_index..end)
        .zip(&keep.messages[repeated..])
        .map(|(index, message)| Kept { index, message: message.clone() })
        .collect();
    let bytes = messages.iter().map(|kept| kept.message.len() as u64).sum::<u64>();
    // Whoever needs an earlier one asks the hub. What is kept is bounded for each partition, whoever needs it.
    let lets_go = record.bytes.saturating_add(bytes) > policy.kept_bytes;
    if lets_go {
        record.first_index = record.next_index;
        record.bytes = 0;
    }
    record.bytes += bytes;
    record.next_index = end;
    if bytes > policy.kept_bytes {
        (record.first_index, record.bytes) = (end, 0);
        messages.clear();
    }
    let mut transition = Transition::unchanged(Outcome::Wanted(Some(end)));
    transition.followed.push((keep.partition, FollowedChange::Put { record, kept: messages, lets_go }));
    Ok(transition)
}

/// No local user wants it any more, or the hub does not push.
pub(super) fn unfollow<S: State + ?Sized>(
    state: &S,
    partition: &MaskedPartitionKey,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    if let Some(known) = state.followed(partition).map_err(Refusal::State)? {
        transition.cleared_timers.push(Timer { due_ms: known.timer_ms, partition: *partition });
        transition.followed.push((*partition, FollowedChange::Gone));
    }
    Ok(transition)
}

/// A local user has left the group.
pub(super) fn forget(forget: &Forget) -> Transition {
    let forgotten = forget.partitions.iter().map(|partition| (*partition, forget.user)).collect();
    Transition { forgotten, ..Transition::unchanged(Outcome::Done) }
}

/// Looks whether anybody still needs it, when its timer is due.
pub(super) fn lapse<S: State + ?Sized>(
    state: &S,
    (partition, due_ms): (MaskedPartitionKey, UnixMillis),
    policy: &Policy,
    now: UnixMillis,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    let Some(mut record) = state.followed(&partition)?.filter(|record| record.timer_ms == due_ms) else {
        return Ok(());
    };
    let ends_ms = record.until_ms.min(record.needed_ms.saturating_add(policy.unneeded_ms));
    let change = if now >= ends_ms {
        FollowedChange::Gone
    } else {
        record.timer_ms = ends_ms;
        transition.timers.push(Timer { due_ms: ends_ms, partition });
        FollowedChange::record(record)
    };
    transition.followed.push((partition, change));
    Ok(())
}
