//! Removing a client, for example a lost device.

use super::{Place, Refusal, State, Transition};
use crate::{sequencer::UserTag, wire::ClientId};

/// Removes the KeyPackages of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forget {
    /// Whose.
    pub user: UserTag,
    /// The device.
    pub client: ClientId,
}

/// What a Welcome may still refer to is remembered until it lapses.
///
/// # Errors
/// [`Refusal::State`] when the state cannot be read.
pub fn forget<S: State + ?Sized>(state: &S, forget: &Forget) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::default();
    let Some(mut account) = state.account(&forget.user).map_err(Refusal::State)? else { return Ok(transition) };
    for key in account.stocks(forget.user).filter(|key| key.client == forget.client) {
        let stock = state.stock(&key).map_err(Refusal::State)?.unwrap_or_default();
        let items = state.items(&key, Place::FIRST, usize::MAX).map_err(Refusal::State)?;
        let spare = stock.last_resort.iter().map(|spare| spare.item.number);
        let numbers = items.iter().map(|item| item.number).chain(spare);
        transition.packages.extend(numbers.map(|number| ((key, number), None)));
        transition.items.extend(items.iter().map(|item| ((key, item.place()), None)));
        transition.stocks.push((key, None));
    }
    account.shelves.retain(|shelf| shelf.client != forget.client);
    transition.accounts.push((forget.user, account));
    Ok(transition)
}
