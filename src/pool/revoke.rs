//! Revoking tokens, from the next fetch on.

use super::{Refusal, State, Transition};
use crate::{sequencer::UserTag, wire::TokenHandle};

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

/// Revoking what is revoked, or was never minted, changes nothing.
///
/// # Errors
/// [`Refusal::State`] when the state cannot be read.
pub fn revoke<S: State + ?Sized>(state: &S, revoke: &Revoke) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::default();
    match revoke {
        Revoke::Handle(user, handle) => {
            if let Some(mut record) = state.handle(user, handle).map_err(Refusal::State)? {
                record.revoked = true;
                transition.handles.push(((*user, *handle), Some(record)));
            }
        }
        Revoke::User(user) => {
            if let Some(mut account) = state.account(user).map_err(Refusal::State)? {
                account.generation = account.generation.wrapping_add(1);
                account.handles = 0;
                // Worth nothing under a new generation.
                let handles = state.handles(user).map_err(Refusal::State)?;
                transition.handles.extend(handles.into_iter().map(|(handle, _)| ((*user, handle), None)));
                transition.accounts.push((*user, account));
            }
        }
        Revoke::All => {
            let period = state.token_period().map_err(Refusal::State)?;
            transition.token_period = Some(period.wrapping_add(1));
        }
    }
    Ok(transition)
}
