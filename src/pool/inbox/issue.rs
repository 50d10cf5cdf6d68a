//! Giving a hub a ticket.

use super::{InboxPolicy, InboxState, Ticket, TicketKey, hub_share::Shares};
use crate::{
    pool::{ReferenceKey, Refusal, Rejection, Transition},
    sequencer::UnixMillis,
    wire::ServiceProviderId,
};

/// A ticket that was drawn for what a hub asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its hash.
    pub ticket: TicketKey,
    /// Who asked.
    pub hub: ServiceProviderId,
    /// What was accepted, in any order.
    pub references: Vec<ReferenceKey>,
}

/// Remembers the ticket. Nothing is kept free for what it will be used for.
///
/// # Errors
/// [`Refusal::Rejected`] when the hub has too many; [`Refusal::State`] when the state cannot be read.
pub fn issue<S: InboxState + ?Sized>(
    state: &S,
    issue: Issue,
    policy: &InboxPolicy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let Issue { ticket: key, hub, mut references } = issue;
    references.sort_unstable();
    let ticket = Ticket { hub, expires_ms: now.saturating_add(policy.ticket_ms), references, used_for: None };
    let mut shares = Shares::read(state, &ticket.hub).map_err(Refusal::State)?;
    if !shares.open(&ticket, policy) {
        return Err(Rejection::TooManyTickets.into());
    }
    let mut transition = Transition::default();
    shares.write(&ticket.hub, &mut transition);
    transition.expiries.push(key.expiry(&ticket));
    transition.inbox.tickets.push((key, Some(ticket)));
    Ok(transition)
}
