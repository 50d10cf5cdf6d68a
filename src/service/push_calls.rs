//! Which partitions have something to push, for whom: how those who push are called.
//!
//! A call may be lost by contract: whoever pushes looks now and then at all subscriptions of its provider. So what is
//! held for a provider that takes nothing is bounded, whatever is sent meanwhile.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::Notify;

use crate::{
    sequencer::GroupKey,
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// A partition of a group.
pub type Place = (GroupKey, MaskedPartitionKey);

/// How many places are held for one provider. When there are more, all of its subscriptions are looked at.
const PLACES_MAX: usize = 4096;

/// What was called for, by provider. Only providers that somebody pushes to have an entry.
#[derive(Debug, Default)]
pub struct PushCalls(Mutex<HashMap<ServiceProviderId, Calls>>);

#[derive(Debug, Default)]
struct Calls {
    notify: Arc<Notify>,
    places: HashSet<Place>,
    overflowed: bool,
}

/// What has been called for since somebody looked.
#[derive(Debug, Default)]
pub struct Called {
    /// Partitions with something new.
    pub places: HashSet<Place>,
    /// Whether there were more.
    pub overflowed: bool,
}

impl PushCalls {
    /// From now on calls for that provider are kept. What it returns is notified of them.
    pub fn open(&self, provider: &ServiceProviderId) -> Arc<Notify> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.entry(provider.clone()).or_default().notify.clone()
    }

    /// There is something to push.
    pub fn call(&self, provider: &ServiceProviderId, place: Place) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(calls) = calls.get_mut(provider) else { return };
        if calls.places.len() < PLACES_MAX {
            calls.places.insert(place);
        } else {
            calls.overflowed = true;
        }
        calls.notify.notify_one();
    }

    /// Takes what has been called for.
    pub fn take(&self, provider: &ServiceProviderId) -> Called {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(calls) = calls.get_mut(provider) else { return Called::default() };
        Called { places: std::mem::take(&mut calls.places), overflowed: std::mem::take(&mut calls.overflowed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(number: u16) -> Place {
        let [high, low] = number.to_be_bytes();
        (GroupKey::new([high; 32]), MaskedPartitionKey::new([low; 32]))
    }

    #[tokio::test]
    async fn calls_are_kept_once_and_bounded() {
        let (calls, provider) = (PushCalls::default(), "follower.example".parse().unwrap());
        calls.call(&provider, place(0));
        assert!(calls.take(&provider).places.is_empty(), "nobody pushes to it");
        let notify = calls.open(&provider);
        for number in 0..5000 {
            calls.call(&provider, place(number));
            calls.call(&provider, place(0));
        }
        notify.notified().await;
        let called = calls.take(&provider);
        assert_eq!((called.places.len(), called.overflowed), (PLACES_MAX, true));
        let called = calls.take(&provider);
        assert_eq!((called.places.len(), called.overflowed), (0, false));
    }
}
