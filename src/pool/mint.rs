//! Minting tokens (specs/protocol.md, "Bearer tokens").

use super::{Account, Handle, Policy, Refusal, Rejection, State, TokenSecret, Transition, day::day_of};
use crate::{
    sequencer::{UnixMillis, UserTag},
    wire::{BearerToken, BearerTokenKind, TokenHandle},
};
use zeroize::Zeroizing;

/// Makes a token that opens the user's own KeyPackages.
pub struct Mint {
    /// Whose, by hash.
    pub user: UserTag,
    /// The same by name: the token covers it.
    pub user_id: Zeroizing<Vec<u8>>,
    /// A random handle for a unique token, nothing for the shared one.
    pub handle: Option<TokenHandle>,
}

impl std::fmt::Debug for Mint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mint").field("unique", &self.handle.is_some()).finish_non_exhaustive()
    }
}

/// The shared token is always the same until it is revoked.
///
/// # Errors
/// [`Refusal::Rejected`] when the user has too many handles; [`Refusal::State`] when the state cannot be read.
pub fn mint<S: State + ?Sized>(
    state: &S,
    mint: &Mint,
    secret: &TokenSecret,
    policy: &Policy,
    now: UnixMillis,
) -> Result<(BearerToken, Transition), Refusal<S::Error>> {
    let mut transition = Transition::default();
    let found = state.account(&mint.user).map_err(Refusal::State)?;
    let is_new = found.is_none();
    let mut account = found.unwrap_or_default();
    let period = state.token_period().map_err(Refusal::State)?;
    let (kind, handle): (_, &[u8]) = match &mint.handle {
        None => (BearerTokenKind::Shared, &[]),
        Some(handle) => {
            if account.handles >= policy.handles {
                forget_revoked(state, mint.user, &mut account, period, &mut transition).map_err(Refusal::State)?;
            }
            if account.handles >= policy.handles {
                return Err(Rejection::TooManyHandles(policy.handles).into());
            }
            account.handles += 1;
            let record = Handle { minted_ms: day_of(now), period, ..Handle::default() };
            transition.handles.push(((mint.user, *handle), Some(record)));
            (BearerTokenKind::Unique, handle.as_bytes())
        }
    };
    let token = secret.token(kind, &mint.user_id, handle, period, account.generation);
    if is_new || mint.handle.is_some() {
        transition.accounts.push((mint.user, account));
    }
    Ok((token, transition))
}

/// A token opens nothing without its handle, so those that open nothing can be forgotten.
fn forget_revoked<S: State + ?Sized>(
    state: &S,
    user: UserTag,
    account: &mut Account,
    period: u64,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    let handles = state.handles(&user)?;
    let good = handles.iter().filter(|(_, record)| record.is_good(period)).count();
    account.handles = u32::try_from(good).unwrap_or(u32::MAX);
    let revoked = handles.into_iter().filter(|(_, record)| !record.is_good(period));
    transition.handles.extend(revoked.map(|(handle, _)| ((user, handle), None)));
    Ok(())
}
