//! What providers said about a Welcome before its commit was sequenced (specs/protocol.md, V10).

use super::{Rejection, Ticket};
use crate::wire::ServiceProviderId;

/// What is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Preflight {
    /// Nobody was asked.
    #[default]
    NotAsked,
    /// Nobody refused. Whoever wants the Welcome gave a ticket for it; the others have not said anything of use.
    Passed(Vec<(ServiceProviderId, Ticket)>),
    /// A provider takes the Welcome for none of its KeyPackages.
    Refused,
}

impl Preflight {
    pub(super) fn check(&self) -> Result<(), Rejection> {
        match self {
            Self::NotAsked | Self::Passed(_) => Ok(()),
            Self::Refused => Err(Rejection::WelcomeRefused),
        }
    }

    /// What that provider gave.
    pub(super) fn ticket_of(&self, provider: &ServiceProviderId) -> Option<Ticket> {
        match self {
            Self::NotAsked | Self::Refused => None,
            Self::Passed(tickets) => tickets.iter().find(|(whose, _)| whose == provider).map(|(_, ticket)| *ticket),
        }
    }
}
