//! The part of a batch that concerns bans and complaints.

use std::collections::HashMap;

use crate::{
    sequencer::{Ban, BanKey, ComplaintKey, Complaints, HeardBans},
    wire::ServiceProviderId,
};

/// Rows to set, or to remove where there is `None`.
///
/// # Privacy
/// `Debug` shows how many rows there are, and none.
#[derive(Clone, Default)]
pub struct ArrangementBatch {
    /// Whom this hub bans.
    pub bans: HashMap<BanKey, Option<Ban>>,
    /// Which of our users other hubs ban.
    pub heard: HashMap<ServiceProviderId, HeardBans>,
    /// What was reported.
    pub complaints: HashMap<ComplaintKey, Complaints>,
}

impl ArrangementBatch {
    /// Adds what came after.
    pub fn absorb(&mut self, later: Self) {
        self.bans.extend(later.bans);
        self.heard.extend(later.heard);
        self.complaints.extend(later.complaints);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.bans.is_empty() && self.heard.is_empty() && self.complaints.is_empty()
    }
}

impl std::fmt::Debug for ArrangementBatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("ArrangementBatch");
        shown.field("bans", &self.bans.len()).field("heard", &self.heard.len());
        shown.field("complaints", &self.complaints.len()).finish()
    }
}
