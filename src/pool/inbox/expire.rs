//! Welcomes that nobody came for, and tickets that are not good any more.

use super::{InboxState, LetterKey, TicketKey, hub_share::Shares, remove};
use crate::{pool::Transition, sequencer::UnixMillis};

/// Removes a letter that is due.
pub(in crate::pool) fn expire_letter<S: InboxState + ?Sized>(
    state: &S,
    key: &LetterKey,
    transition: &mut Transition,
    now: UnixMillis,
) -> Result<(), S::Error> {
    match state.letter(key)? {
        None => Ok(()),
        Some(letter) if letter.expires_ms <= now => remove(state, key, &letter, false, transition),
        Some(letter) => {
            transition.expiries.push(key.expiry(&letter));
            Ok(())
        }
    }
}

/// Removes a ticket that is due.
pub(in crate::pool) fn expire_ticket<S: InboxState + ?Sized>(
    state: &S,
    key: &TicketKey,
    transition: &mut Transition,
    now: UnixMillis,
) -> Result<(), S::Error> {
    let Some(ticket) = state.ticket(key)? else { return Ok(()) };
    if ticket.expires_ms > now {
        transition.expiries.push(key.expiry(&ticket));
        return Ok(());
    }
    let mut shares = Shares::read(state, &ticket.hub)?;
    shares.forget(&ticket);
    shares.write(&ticket.hub, transition);
    transition.inbox.tickets.push((*key, None));
    Ok(())
}
