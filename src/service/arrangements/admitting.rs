//! Whether one of our users may act in groups of a hub.

use std::sync::PoisonError;

use crate::{
    sequencer::{Fact, Rejection},
    service::{Error, Service, UserId},
    wire::{Sanction, ServiceProviderId},
};

/// What a user is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Take part, in whatever way.
    TakePart,
    /// Send an application message.
    Speak,
}

impl Service {
    /// Asks this provider's own bans, and what the hub said of our users (draft §6: the follower enforces it).
    ///
    /// # Errors
    /// [`Rejection::Denied`]
    pub fn admit(&self, user: &UserId, hub: &ServiceProviderId, act: Act) -> Result<(), Error> {
        let bans = self.policy().bans.clone();
        if bans.blocks(hub) {
            return Err(Rejection::Denied(Fact::BlockedProvider).into());
        }
        let own = (bans.users_of(&self.provider) > 0).then(|| bans.sanction_of(&self.provider, self.tag(user)));
        let heard = self.arrangements.heard_from(hub).map(|heard| heard.sanction_of(user));
        match (own.flatten().max(heard.flatten()), act) {
            (Some(Sanction::Banned), _) => Err(Rejection::Denied(Fact::BannedUser).into()),
            (Some(Sanction::Muted), Act::Speak) => Err(Rejection::Denied(Fact::MutedUser).into()),
            (Some(Sanction::Muted), Act::TakePart) | (None, _) => Ok(()),
        }
    }

    /// The hubs in whose groups the user takes no part: their Welcomes are not given.
    pub(in crate::service) fn hubs_that_ban(&self, user: &UserId) -> Vec<ServiceProviderId> {
        let heard = self.arrangements.heard.read().unwrap_or_else(PoisonError::into_inner);
        let bans = |(hub, heard): (&ServiceProviderId, &std::sync::Arc<super::Heard>)| {
            (heard.sanction_of(user) == Some(Sanction::Banned)).then(|| hub.clone())
        };
        heard.iter().filter_map(bans).collect()
    }

    /// Whether the operator wants nothing to do with that provider.
    pub fn blocks(&self, provider: &ServiceProviderId) -> bool {
        self.policy().bans.blocks(provider)
    }
}
