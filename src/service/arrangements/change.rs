//! Changes of what is arranged: decided by the lane that writes them, and in memory when they are durable.
//!
//! # Correctness
//! One lane decides all of them, one after another, and each sees what stands before it in the batch. Memory follows the
//! disk whether the one who asked still waits or not.

use std::sync::{Arc, PoisonError};

use super::{Arrangements, Heard};
use crate::{
    sequencer::{Ban, BanKey, BanSubject, Bans, ComplaintKey, HeardBans, Policy, UnixMillis},
    service::{Error, SharedPolicy},
    store::ArrangementBatch,
    wire::{BanList, Sanction, ServiceProviderId},
};

/// What is to be different.
pub(in crate::service) enum Change {
    /// The operator bans or mutes, or blocks a provider.
    Ban(BanKey, Sanction),
    /// The operator lifts that.
    Lift(BanKey),
    /// A hub said whom it bans.
    Hear(ServiceProviderId, HeardBans),
    /// One more complaint.
    Complain(ComplaintKey),
}

impl Arrangements {
    /// Adds a change to the batch. Returns the ban that there was before, if it is about one.
    ///
    /// # Errors
    /// [`Error::TooManyBans`]
    pub(in crate::service) fn decide(
        &self,
        change: &Change,
        bans: &Bans,
        now: UnixMillis,
        batch: &mut ArrangementBatch,
    ) -> Result<Option<Ban>, Error> {
        match change {
            Change::Ban(key, sanction) => {
                let before = known(key, bans, batch);
                if before.is_some_and(|ban| ban.sanction == *sanction) {
                    return Ok(before);
                }
                if before.is_none() && users_of(&key.provider, bans, batch) >= BanList::MAX {
                    return Err(Error::TooManyBans);
                }
                batch.bans.insert(key.clone(), Some(Ban { sanction: *sanction, since_ms: now }));
                Ok(before)
            }
            Change::Lift(key) => {
                let before = known(key, bans, batch);
                // Also where none is known: what is lifted must not be there after a restart.
                batch.bans.insert(key.clone(), None);
                Ok(before)
            }
            Change::Hear(hub, record) => {
                batch.heard.insert(hub.clone(), record.clone());
                Ok(None)
            }
            Change::Complain(key) => {
                let complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
                let known = batch.complaints.get(key).or_else(|| complaints.get(key)).copied().unwrap_or_default();
                batch.complaints.insert(key.clone(), known.one_more(now));
                Ok(None)
            }
        }
    }

    /// Decides by what is durable from now on.
    pub(in crate::service) fn adopt(&self, changes: &ArrangementBatch, policy: &SharedPolicy) {
        if !changes.bans.is_empty() {
            let mut policy = policy.write().unwrap_or_else(PoisonError::into_inner);
            let mut bans = (*policy.bans).clone();
            for (key, ban) in &changes.bans {
                bans.set(key, *ban);
            }
            *policy = Arc::new(Policy { bans: Arc::new(bans), ..(**policy).clone() });
        }
        if !changes.heard.is_empty() {
            let heard = changes.heard.iter().map(|(hub, record)| (hub.clone(), Arc::new(Heard::new(record.clone()))));
            self.heard.write().unwrap_or_else(PoisonError::into_inner).extend(heard);
        }
        if !changes.complaints.is_empty() {
            let numbers = changes.complaints.iter().map(|(key, number)| (key.clone(), *number));
            self.complaints.lock().unwrap_or_else(PoisonError::into_inner).extend(numbers);
        }
    }
}

fn known(key: &BanKey, bans: &Bans, batch: &ArrangementBatch) -> Option<Ban> {
    batch.bans.get(key).copied().unwrap_or_else(|| bans.get(key))
}

/// How many users of the provider will be banned.
fn users_of(provider: &ServiceProviderId, bans: &Bans, batch: &ArrangementBatch) -> usize {
    let of_users = batch.bans.iter().filter(|(key, _)| key.provider == *provider && key.subject == BanSubject::User);
    of_users.fold(bans.users_of(provider), |users, (key, ban)| match (bans.get(key), ban) {
        (None, Some(_)) => users + 1,
        (Some(_), None) => users.saturating_sub(1),
        (None, None) | (Some(_), Some(_)) => users,
    })
}
