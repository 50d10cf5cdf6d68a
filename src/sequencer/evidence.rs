//! Signs that the state of a group has forked (specs/protocol.md F8, F9): recorded with the partition where they show, and
//! with the group, so that the operator finds it. Never a reason to reject anything.

use std::sync::Arc;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{Group, Partition, State, Transition, UnixMillis};
use crate::wire::{MaskedPartitionKey, ServiceProviderId};

/// How many children of a partition are looked at for users. More of them than that were paid for out of budgets.
const RIVALS_MAX: usize = 64;

/// A kind of evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum Sign {
    /// A message named another epoch than that of its partition.
    OtherEpoch = 1,
    /// A commit announced a partition that could not become its child, or that another commit took.
    NoEdge = 2,
    /// A handshake message came after the dominant child had lived for longer than the late window.
    LateHandshake = 3,
    /// Two children are used by different providers.
    RivalChildren = 4,
    /// Two providers use a partition to which no edges lead from the root.
    SharedOrphan = 5,
    /// Two newest epochs of one number have different GroupContexts, as the hub has verified.
    RivalHeads = 6,
}

/// That a sign was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Seen {
    /// Which.
    pub sign: Sign,
    /// The first time.
    pub since_ms: UnixMillis,
}

/// The signs that were seen, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Evidence {
    seen: Vec<Seen>,
}

impl Evidence {
    /// Adds a sign. Returns whether it is new.
    pub(crate) fn note(&mut self, sign: Sign, now: UnixMillis) -> bool {
        let is_new = !self.shows(sign);
        if is_new {
            self.seen.push(Seen { sign, since_ms: now });
        }
        is_new
    }

    /// Takes a sign back that has turned out to be none.
    pub(super) fn forget(&mut self, sign: Sign) {
        self.seen.retain(|seen| seen.sign != sign);
    }

    /// Whether the sign was seen.
    pub fn shows(&self, sign: Sign) -> bool {
        self.seen.iter().any(|seen| seen.sign == sign)
    }

    /// All of them, in the order in which they were first seen.
    pub fn iter(&self) -> impl Iterator<Item = Seen> + '_ {
        self.seen.iter().copied()
    }
}

/// Notes in the group's record that one of its partitions shows something new.
pub(super) fn show(group: &mut Arc<Group>, sign: Sign, now: UnixMillis, transition: &mut Transition) {
    let record = Arc::make_mut(group);
    record.evidence.note(sign, now);
    record.evident_ms = Some(now);
    transition.group = Some(record.clone());
    transition.shows_forks = true;
}

/// What it shows that the provider uses the partition for the first time, which its record does not say yet.
pub(super) fn of_first_use<S: State + ?Sized>(
    state: &S,
    (key, partition): (&MaskedPartitionKey, &mut Partition),
    provider: &ServiceProviderId,
    group: &mut Arc<Group>,
    now: UnixMillis,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    if !partition.is_connected() {
        if !partition.uses.is_empty() && partition.evidence.note(Sign::SharedOrphan, now) {
            show(group, Sign::SharedOrphan, now, transition);
        }
        return Ok(());
    }
    // Whoever reads what the operator has ended shows nothing new.
    if partition.is_terminated() {
        return Ok(());
    }
    of_rival_heads(state, (key, partition), group, now, transition)?;
    let Some(parent) = partition.parent else { return Ok(()) };
    // It may have lost a child in the same step.
    let Some(above) = transition.newest(state, &parent.key)? else { return Ok(()) };
    if above.children.len() > 1
        && !above.evidence.shows(Sign::RivalChildren)
        && has_rival(state, &above, key, std::slice::from_ref(provider))?
    {
        let mut above = Arc::unwrap_or_clone(above);
        above.evidence.note(Sign::RivalChildren, now);
        show(group, Sign::RivalChildren, now, transition);
        transition.change(parent.key, above);
    }
    Ok(())
}

/// Two newest epochs of one number that somebody uses and that are not the same, as the hub knows from GroupInfos that fit
/// what it has followed: a fork also where only one provider is on both sides.
fn of_rival_heads<S: State + ?Sized>(
    state: &S,
    (key, partition): (&MaskedPartitionKey, &mut Partition),
    group: &mut Arc<Group>,
    now: UnixMillis,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    let verified = |partition: &Partition| partition.public.as_ref().and_then(|public| public.verified);
    let (Some(epoch), Some(own), true) = (partition.epoch, verified(partition), partition.is_head()) else {
        return Ok(());
    };
    for rival in state.heads(epoch)? {
        let Some(other) = transition.newest(state, &rival)?.filter(|_| rival != *key) else { continue };
        let differs = verified(&other).is_some_and(|theirs| theirs != own);
        if !differs || !other.is_head() || other.uses.is_empty() {
            continue;
        }
        let mut other = Arc::unwrap_or_clone(other);
        if other.evidence.note(Sign::RivalHeads, now) {
            transition.change(rival, other);
            show(group, Sign::RivalHeads, now, transition);
        }
        if partition.evidence.note(Sign::RivalHeads, now) {
            show(group, Sign::RivalHeads, now, transition);
        }
    }
    Ok(())
}

/// Whether another child of the partition, which the operator has not ended, is used by somebody else than one of those
/// that use this one.
pub(super) fn has_rival<S: State + ?Sized>(
    state: &S,
    parent: &Partition,
    child: &MaskedPartitionKey,
    users: &[ServiceProviderId],
) -> Result<bool, S::Error> {
    for other in parent.live_children().filter(|other| other.key != *child).take(RIVALS_MAX) {
        let Some(other) = state.partition(&other.key)? else { continue };
        let differs = |theirs: &ServiceProviderId| users.iter().any(|ours| ours != theirs);
        if other.uses.iter().any(|a_use| differs(&a_use.provider)) {
            return Ok(true);
        }
    }
    Ok(false)
}
