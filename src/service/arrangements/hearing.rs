//! Which of our users another hub bans: this provider enforces it in all groups of that hub (draft §6).

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError},
};

use super::Change;
use crate::{
    sequencer::HeardBans,
    service::{Error, Service, UserId},
    wire::{BanList, BanSalt, BanTag, Sanction, ServiceProviderId},
};

/// What a hub said last.
#[derive(Debug)]
pub struct Heard {
    /// When.
    pub heard_ms: crate::sequencer::UnixMillis,
    digest: [u8; 32],
    salt: BanSalt,
    users: HashMap<BanTag, Sanction>,
}

impl Heard {
    pub(super) fn new(record: HeardBans) -> Self {
        let HeardBans { heard_ms, list } = record;
        let users = list.users.iter().map(|user| (user.tag, user.sanction)).collect();
        Self { heard_ms, digest: list.digest(), salt: list.salt, users }
    }

    /// How many users it is about.
    pub fn users(&self) -> usize {
        self.users.len()
    }

    /// What that user may not do.
    pub(super) fn sanction_of(&self, user: &UserId) -> Option<Sanction> {
        // Most hubs ban nobody, and hash nobody for it.
        (!self.users.is_empty()).then(|| self.users.get(&BanTag::of(&self.salt, user.as_bytes())).copied()).flatten()
    }
}

impl Service {
    /// SHA-256 of the list that the hub gave last; zeros for none.
    pub fn known_bans(&self, hub: &ServiceProviderId) -> [u8; 32] {
        self.arrangements.heard_from(hub).map_or([0; 32], |heard| heard.digest)
    }

    /// Enforces a hub's list from now on, also after a restart, in the place of the one before.
    ///
    /// # Errors
    /// When its fate is unknown: the list before stays in force until this one is durable, or comes again.
    pub async fn keep_bans(&self, hub: &ServiceProviderId, list: BanList) -> Result<(), Error> {
        let record = HeardBans { heard_ms: self.now(), list };
        self.arrange(Change::Hear(hub.clone(), record)).await.map(drop)
    }

    /// What all hubs have said, by their names.
    pub fn heard_bans(&self) -> Vec<(ServiceProviderId, Arc<Heard>)> {
        let heard = self.arrangements.heard.read().unwrap_or_else(PoisonError::into_inner);
        let mut heard: Vec<_> = heard.iter().map(|(hub, heard)| (hub.clone(), heard.clone())).collect();
        heard.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        heard
    }
}
