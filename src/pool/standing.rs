//! What a user sees of the own KeyPackages.

use super::{Place, Policy, State};
use crate::{
    sequencer::{UnixMillis, UserTag},
    wire::{KeyPackageStanding, KeyPackageStock},
};

/// Counts of what has not expired.
///
/// # Errors
/// When the state cannot be read.
pub fn standing<S: State + ?Sized>(
    state: &S,
    user: &UserTag,
    policy: &Policy,
    now: UnixMillis,
) -> Result<KeyPackageStanding, S::Error> {
    let account = state.account(user)?.unwrap_or_default();
    let mut stocks = Vec::with_capacity(account.shelves.len());
    for key in account.stocks(*user) {
        let stock = state.stock(&key)?.unwrap_or_default();
        let mut available = stock.items;
        if stock.first.is_some_and(|first| first.expires_ms <= now) {
            // They will be removed with the next sweep.
            let expired = state.items(&key, Place::FIRST, available as usize)?;
            let expired = expired.iter().take_while(|item| item.expires_ms <= now).count();
            available = available.saturating_sub(u32::try_from(expired).unwrap_or(u32::MAX));
        }
        let spare = stock.spare(now);
        stocks.push(KeyPackageStock {
            client_id: key.client,
            version: key.version,
            cipher_suite: key.cipher_suite,
            available,
            has_last_resort: spare.is_some(),
            last_resort_uses: spare.map_or(0, |spare| spare.uses),
            last_resort_used_ms: spare.map_or(0, |spare| spare.last_used_ms),
        });
    }
    Ok(KeyPackageStanding { low_water_mark: policy.low_water_mark, stocks })
}
