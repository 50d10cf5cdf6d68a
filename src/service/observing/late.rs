//! Partitions whose public state is still to be found out.
//!
//! A note may be lost: whoever needs the state finds it out. So what is held is bounded, whatever is sent meanwhile.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::{sequencer::GroupKey, wire::MaskedPartitionKey};

/// A partition of a group.
type Place = (GroupKey, MaskedPartitionKey);

/// How many are held.
const PLACES_MAX: usize = 4096;

/// In the order in which they were noted.
#[derive(Debug, Default)]
pub struct Late {
    queue: Mutex<Queue>,
    noted: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    places: VecDeque<Place>,
    known: HashSet<Place>,
}

impl Late {
    /// Somebody should look there.
    pub(in crate::service) fn note(&self, place: Place) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.places.len() < PLACES_MAX && queue.known.insert(place) {
            queue.places.push_back(place);
            self.noted.notify_one();
        }
    }

    /// Waits for the next one. Only one task does.
    pub(super) async fn next(&self) -> Place {
        loop {
            if let Some(place) = self.take() {
                return place;
            }
            self.noted.notified().await;
        }
    }

    fn take(&self) -> Option<Place> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let place = queue.places.pop_front()?;
        queue.known.remove(&place);
        Some(place)
    }
}
