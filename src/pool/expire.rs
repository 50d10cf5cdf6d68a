//! What lapses by itself: KeyPackages at the end of their lifetime, later the memory of them; tickets, and Welcomes that
//! nobody came for.

use super::{
    Expiry, ExpiryOf, Place, Policy, Refusal, State, StockKey, Transition,
    inbox::{InboxState, expire_letter, expire_ticket},
};
use crate::sequencer::UnixMillis;

/// KeyPackages of a stock that are removed in one step.
const ITEMS_MAX: usize = 256;

/// Looks at something that is due: removes what has lapsed and says when to look again.
///
/// # Errors
/// [`Refusal::State`] when the state cannot be read.
pub fn expire<S: InboxState + ?Sized>(
    state: &S,
    due: &Expiry,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition { cleared_expiries: vec![*due], ..Transition::default() };
    match &due.of {
        ExpiryOf::Stock(key) => stock(state, key, &mut transition, now).map_err(Refusal::State)?,
        ExpiryOf::Reference(reference) => {
            let found = state.reference(reference).map_err(Refusal::State)?;
            if let Some(found) = found {
                let due_ms = found.expires_ms.saturating_add(policy.reference_ms);
                if now >= due_ms {
                    transition.references.push((*reference, None));
                    transition.inbox.welcomed.push((*reference, None));
                    let user = found.stock.user;
                    if let Some(mut account) = state.account(&user).map_err(Refusal::State)? {
                        account.references = account.references.saturating_sub(1);
                        transition.accounts.push((user, account));
                    }
                } else {
                    // A clock that went back, or a longer memory than when the row was written.
                    transition.expiries.push(Expiry { due_ms, of: due.of });
                }
            }
        }
        ExpiryOf::Letter(key) => expire_letter(state, key, &mut transition, now).map_err(Refusal::State)?,
        ExpiryOf::Ticket(key) => expire_ticket(state, key, &mut transition, now).map_err(Refusal::State)?,
    }
    Ok(transition)
}

fn stock<S: State + ?Sized>(
    state: &S,
    key: &StockKey,
    transition: &mut Transition,
    now: UnixMillis,
) -> Result<(), S::Error> {
    let Some(mut stock) = state.stock(key)? else { return Ok(()) };
    if stock.first.is_some_and(|first| first.expires_ms <= now) {
        let mut items = state.items(key, Place::FIRST, ITEMS_MAX)?;
        let left = items.iter().position(|item| item.expires_ms > now).unwrap_or(items.len());
        stock.first = items.get(left).copied();
        items.truncate(left);
        if let Some(last) = items.last().filter(|_| stock.first.is_none()) {
            stock.first = state.items(key, last.place().next(), 1)?.first().copied();
        }
        stock.items = stock.items.saturating_sub(u32::try_from(left).unwrap_or(u32::MAX));
        transition.packages.extend(items.iter().map(|item| ((*key, item.number), None)));
        transition.items.extend(items.iter().map(|item| ((*key, item.place()), None)));
    }
    if let Some(spare) = stock.last_resort.take_if(|spare| spare.item.expires_ms <= now) {
        transition.packages.push(((*key, spare.item.number), None));
    }
    match stock.next_expiry() {
        Some(due_ms) => {
            transition.expiries.push(Expiry { due_ms, of: ExpiryOf::Stock(*key) });
            transition.stocks.push((*key, Some(stock)));
        }
        // Nothing is left of what would have expired now, and nothing came after it.
        None => {
            transition.stocks.push((*key, None));
            if let Some(mut account) = state.account(&key.user)? {
                account.remove(key);
                transition.accounts.push((key.user, account));
            }
        }
    }
    Ok(())
}
