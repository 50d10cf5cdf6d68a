//! What providers arrange with each other (draft §6): whom this hub bans, which of our users other hubs ban, what was
//! reported. All of it is in memory, read at the start, and changed only behind a durable write, by the lane that writes.
//!
//! # Privacy
//! Users are known by hashes. A peer is told of its own users and of no other. Complaints are numbers.

mod admitting;
mod banning;
mod change;
mod hearing;
mod reporting;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use sha2::{Digest, Sha256};

pub use admitting::Act;
pub use banning::BanName;
pub(super) use change::Change;
pub use hearing::Heard;

use super::Error;
use crate::{
    sequencer::{Bans, ComplaintKey, Complaints},
    store::Store,
    wire::{BanSalt, ServiceProviderId},
};

/// Rows read at once.
const PAGE: usize = 1024;

/// Bans of other hubs, and complaints. This hub's own bans are part of its policy, where the lanes see them.
#[derive(Debug, Default)]
pub(super) struct Arrangements {
    heard: RwLock<HashMap<ServiceProviderId, Arc<Heard>>>,
    complaints: Mutex<BTreeMap<ComplaintKey, Complaints>>,
}

impl Arrangements {
    /// Reads everything.
    pub(super) fn load(store: &dyn Store) -> Result<(Self, Bans), Error> {
        let snapshot = store.snapshot()?;
        let mut bans = Bans::new(
            salt(b"mimi-ds bans of users v1", store.user_tag_secret()),
            salt(b"mimi-ds bans of names v1", store.user_tag_secret()),
        );
        let mut after = None;
        loop {
            let rows = snapshot.bans(after.as_ref(), PAGE)?;
            for (key, ban) in &rows {
                bans.set(key, Some(*ban));
            }
            match rows.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => break,
            }
        }
        let heard = snapshot.heard_bans()?.into_iter().map(|(hub, record)| (hub, Arc::new(Heard::new(record))));
        let complaints = snapshot.complaints()?.into_iter().collect();
        let arrangements = Self { heard: RwLock::new(heard.collect()), complaints: Mutex::new(complaints) };
        Ok((arrangements, bans))
    }

    fn heard_from(&self, hub: &ServiceProviderId) -> Option<Arc<Heard>> {
        self.heard.read().unwrap_or_else(PoisonError::into_inner).get(hub).cloned()
    }
}

/// Peers are told the first one; the secret that tags are made with does not follow from it.
fn salt(label: &[u8; 24], secret: &[u8; 32]) -> BanSalt {
    BanSalt::new(Sha256::new().chain_update(label).chain_update(secret).finalize().into())
}
