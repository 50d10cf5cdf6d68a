//! Reading what goes out: Welcomes, and what is to be brought to whom.

use crate::{
    sequencer::{Dispatch, DispatchKey, GroupKey, Outgoing, WelcomeName},
    store::{Error, OutgoingRow},
    wire::{ServiceProviderId, WelcomeData},
};

/// Reads of a [`super::Snapshot`].
///
/// # Errors
/// As there, for all of them.
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait OutboxReads {
    /// A Welcome as it came, and its providers.
    fn welcome(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<WelcomeData>, Error>;

    /// How far a Welcome has got; `None` when nothing of it is left to be done.
    fn outgoing(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<Outgoing>, Error>;

    /// The same of all Welcomes, in order, at most `limit` after `after`.
    fn undelivered(&self, after: Option<&(GroupKey, WelcomeName)>, limit: usize) -> Result<Vec<OutgoingRow>, Error>;

    /// The first provider after that one, in order, to which something is to be delivered.
    fn addressee(&self, after: Option<&ServiceProviderId>) -> Result<Option<ServiceProviderId>, Error>;

    /// What is to be delivered to the provider, earliest first, at most `limit`: those that are due, and those that will be.
    fn dispatches(&self, provider: &ServiceProviderId, limit: usize) -> Result<Vec<(GroupKey, DispatchKey)>, Error>;

    /// A dispatch that is to be tried at that time.
    fn dispatch(&self, group: &GroupKey, key: &DispatchKey) -> Result<Option<Dispatch>, Error>;
}
