//! Revoking tokens, from the next fetch on.
//!
//! # Security
//! Periods and generations are times as well as counters. After an old copy of the database was put back, one that only
//! counted would give a number for the second time, and with it the tokens that were minted under it and revoked since
//! would be good again.

use super::{Refusal, State, Transition};
use crate::{
    sequencer::{UnixMillis, UserTag},
    wire::TokenHandle,
};

/// Which tokens open nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoke {
    /// The unique token of that handle.
    Handle(UserTag, TokenHandle),
    /// All tokens of the user.
    User(UserTag),
    /// All tokens of all users.
    All,
}

/// Returns also whether there was anything to revoke: the handle, or the user. Revoking what is not known changes nothing;
/// what was revoked before is found again until it is forgotten, when room is needed for another handle.
///
/// # Errors
/// [`Refusal::State`] when the state cannot be read.
pub fn revoke<S: State + ?Sized>(
    state: &S,
    revoke: &Revoke,
    now: UnixMillis,
) -> Result<(bool, Transition), Refusal<S::Error>> {
    let mut transition = Transition::default();
    let mut found = true;
    match revoke {
        Revoke::Handle(user, handle) => match state.handle(user, handle).map_err(Refusal::State)? {
            Some(mut record) => {
                record.revoked = true;
                transition.handles.push(((*user, *handle), Some(record)));
            }
            None => found = false,
        },
        Revoke::User(user) => match state.account(user).map_err(Refusal::State)? {
            Some(mut account) => {
                account.generation = generation_of(now).max(account.generation.wrapping_add(1));
                account.handles = 0;
                // Worth nothing under a new generation.
                let handles = state.handles(user).map_err(Refusal::State)?;
                transition.handles.extend(handles.into_iter().map(|(handle, _)| ((*user, handle), None)));
                transition.accounts.push((*user, account));
            }
            None => found = false,
        },
        Revoke::All => {
            let period = state.token_period().map_err(Refusal::State)?;
            transition.token_period = Some(now.max(period.wrapping_add(1)));
        }
    }
    Ok((found, transition))
}

/// In seconds, so that thirty-two bits hold it until 2106. From then on generations count.
fn generation_of(now: UnixMillis) -> u32 {
    u32::try_from(now / 1000).unwrap_or(0)
}
