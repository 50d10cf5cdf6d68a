//! How much waits for a user, over all clients.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use crate::wire::ServiceProviderId;

/// So many letters, and so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Room {
    /// Letters.
    pub letters: u32,
    /// Bytes of the Welcomes and trees that they refer to.
    pub bytes: u64,
}

/// What a user has waiting.
///
/// # Privacy
/// There is no row when nothing waits: it would say from whom there was something.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Mailbox {
    /// All that waits.
    pub all: Room,
    /// The same by the hubs that it is from, of which no other may take up everything.
    pub hubs: Vec<HubRoom>,
}

/// What waits from one hub.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct HubRoom {
    /// The hub.
    pub hub: ServiceProviderId,
    /// What waits from it.
    pub room: Room,
}

impl Room {
    /// Whether one more letter with so many bytes stays within that.
    pub(super) fn takes(self, bytes: u64, within: Self) -> bool {
        self.letters < within.letters && self.bytes.saturating_add(bytes) <= within.bytes
    }

    fn add(&mut self, bytes: u64) {
        self.letters = self.letters.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn remove(&mut self, bytes: u64) {
        self.letters = self.letters.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

impl Mailbox {
    /// What waits from that hub.
    pub fn of(&self, hub: &ServiceProviderId) -> Room {
        self.hubs.iter().find(|share| share.hub == *hub).map_or(Room::default(), |share| share.room)
    }

    /// The row, if there is to be one.
    pub(super) fn into_row(self) -> Option<Self> {
        (self.all.letters > 0).then_some(self)
    }

    /// Counts one more.
    pub(crate) fn add(&mut self, hub: &ServiceProviderId, bytes: u64) {
        self.all.add(bytes);
        match self.hubs.iter_mut().find(|share| share.hub == *hub) {
            Some(share) => share.room.add(bytes),
            None => self.hubs.push(HubRoom { hub: hub.clone(), room: Room { letters: 1, bytes } }),
        }
    }

    /// Counts one less. A hub from which nothing waits is forgotten.
    pub(super) fn remove(&mut self, hub: &ServiceProviderId, bytes: u64) {
        self.all.remove(bytes);
        if let Some(share) = self.hubs.iter_mut().find(|share| share.hub == *hub) {
            share.room.remove(bytes);
        }
        self.hubs.retain(|share| share.room.letters > 0);
    }
}
