//! The decision about one KeyPackageRef.

use super::{DeliveryKey, HubShare, InboxPolicy, InboxState, Mailbox, Welcomed, hub_share::Shares};
use crate::{
    pool::{Reference, ReferenceKey},
    sequencer::UnixMillis,
    wire::{ServiceProviderId, WelcomeDecision},
};

/// What somebody would take, as far as is known before it is there.
pub(super) enum Judged {
    /// One more Welcome is taken.
    Takes(Reference, Welcomed),
    /// This very Welcome was taken before.
    Has,
    /// None is as long as so many wait.
    Later,
    /// None is.
    Not(WelcomeDecision),
}

/// Whether a Welcome from that hub is taken for a KeyPackage. Asking consumes nothing.
///
/// # Errors
/// When the state cannot be read.
pub fn judge<S: InboxState + ?Sized>(
    state: &S,
    hub: &ServiceProviderId,
    reference: &ReferenceKey,
    policy: &InboxPolicy,
    now: UnixMillis,
) -> Result<WelcomeDecision, S::Error> {
    let judged = match judge_reference(state, hub, reference, None, policy, now)? {
        Judged::Not(decision) => return Ok(decision),
        Judged::Has => return Ok(WelcomeDecision::Accepted),
        Judged::Later => return Ok(WelcomeDecision::Refused),
        Judged::Takes(reference, _) => reference,
    };
    let mailbox = state.mailbox(&judged.stock.user)?.unwrap_or_default();
    // How long the Welcome is will show.
    Ok(match has_place(&mailbox, hub, 1, policy) {
        true => WelcomeDecision::Accepted,
        false => WelcomeDecision::Refused,
    })
}

/// Whether there is room for anything at all from that hub.
///
/// # Errors
/// When the state cannot be read.
pub fn has_room<S: InboxState + ?Sized>(
    state: &S,
    hub: &ServiceProviderId,
    policy: &InboxPolicy,
) -> Result<bool, S::Error> {
    Ok(Shares::read(state, hub)?.have_room(HubShare::LETTER_BYTES, policy))
}

/// Whether the user has room for one more of so many bytes.
pub(super) fn has_place(mailbox: &Mailbox, hub: &ServiceProviderId, bytes: u64, policy: &InboxPolicy) -> bool {
    mailbox.all.takes(bytes, policy.per_user) && mailbox.of(hub).takes(bytes, policy.per_user_and_hub())
}

pub(super) fn judge_reference<S: InboxState + ?Sized>(
    state: &S,
    hub: &ServiceProviderId,
    reference: &ReferenceKey,
    delivery: Option<&DeliveryKey>,
    policy: &InboxPolicy,
    now: UnixMillis,
) -> Result<Judged, S::Error> {
    let Some(record) = state.reference(reference)? else { return Ok(Judged::Not(WelcomeDecision::Unknown)) };
    let welcomed = state.welcomed(reference)?.unwrap_or_default();
    // First of all: whoever repeats what was done is told that it is done.
    if delivery.is_some_and(|delivery| welcomed.has(delivery)) {
        return Ok(Judged::Has);
    }
    if record.expires_ms <= now {
        return Ok(Judged::Not(WelcomeDecision::Expired));
    }
    if record.joined && !record.last_resort {
        return Ok(Judged::Not(WelcomeDecision::AlreadyUsed));
    }
    if !welcomed.takes_more(hub, record.last_resort, policy) {
        // A one-time KeyPackage never takes more than it has taken.
        return Ok(if record.last_resort { Judged::Later } else { Judged::Not(WelcomeDecision::Refused) });
    }
    Ok(Judged::Takes(record, welcomed))
}
