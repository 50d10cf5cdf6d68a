//! What lapses by itself: KeyPackages at the end of their lifetime, and later the memory of them.

use super::{Expiry, ExpiryOf, Policy, Refusal, State, StockKey, Transition};
use crate::sequencer::UnixMillis;

/// Looks at something that is due: removes what has lapsed and says when to look again.
///
/// # Errors
/// [`Refusal::State`] when the state cannot be read.
pub fn expire<S: State + ?Sized>(
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
                } else {
                    // A clock that went back, or a longer memory than when the row was written.
                    transition.expiries.push(Expiry { due_ms, of: due.of });
                }
            }
        }
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
    let lapsed = stock.items.iter().filter(|item| item.expires_ms <= now).map(|item| item.number);
    transition.packages.extend(lapsed.map(|number| ((*key, number), None)));
    stock.items.retain(|item| item.expires_ms > now);
    if let Some(spare) = stock.last_resort.take_if(|spare| spare.item.expires_ms <= now) {
        transition.packages.push(((*key, spare.item.number), None));
    }
    if let Some(due_ms) = stock.next_expiry() {
        transition.expiries.push(Expiry { due_ms, of: ExpiryOf::Stock(*key) });
    }
    // An empty stock stays: the client is there, and has nothing to give until it uploads again.
    transition.stocks.push((*key, Some(stock)));
    Ok(())
}
