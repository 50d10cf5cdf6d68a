//! What a user sees of the own KeyPackages.

use super::{Policy, State};
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
        let available = stock.items.iter().filter(|item| item.expires_ms > now).count();
        let spare = stock.spare(now);
        stocks.push(KeyPackageStock {
            client_id: key.client,
            version: key.version,
            cipher_suite: key.cipher_suite,
            available: u32::try_from(available).unwrap_or(u32::MAX),
            has_last_resort: spare.is_some(),
            last_resort_uses: spare.map_or(0, |spare| spare.uses),
            last_resort_used_ms: spare.map_or(0, |spare| spare.last_used_ms),
        });
    }
    Ok(KeyPackageStanding { low_water_mark: policy.low_water_mark, stocks })
}
