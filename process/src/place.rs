//! Places of a listener: so many connections may be open, so many of them from one address, and each says when it comes
//! and when it has gone.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::{
    ConnectionLimits,
    origin::{Origins, Share},
};

/// All places of one listener.
#[derive(Debug)]
pub(crate) struct Places {
    /// The table of the configuration.
    listener: &'static str,
    free: Arc<Semaphore>,
    open: AtomicUsize,
    origins: Arc<Origins>,
}

/// The place of an open connection, which is given back when it is dropped.
///
/// # Privacy
/// It says nothing of who has it.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    _share: Option<Share>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(listener: &'static str, limits: &ConnectionLimits) -> Self {
        let free = Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS)));
        Self { listener, free, open: AtomicUsize::new(0), origins: Arc::new(Origins::new(limits.of_one_address())) }
    }

    /// Waits for a place for the next connection.
    pub(crate) async fn free(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.free.clone().acquire_owned().await
    }

    /// The connection is there, from this address if that matters. `None`: from there come enough already.
    pub(crate) fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit, from: Option<IpAddr>) -> Option<Place> {
        let share = match from.map(|address| self.origins.share(address)) {
            Some(None) => {
                tracing::debug!(listener = self.listener, "connection refused: too many from one address");
                return None;
            }
            Some(share) => share,
            None => None,
        };
        let open = self.open.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        tracing::debug!(listener = self.listener, open, "connection opened");
        Some(Place { places: self.clone(), _share: share, _permit: permit })
    }
}

impl Place {
    /// Whose place it is.
    pub(crate) fn listener(&self) -> &'static str {
        self.places.listener
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let open = self.places.open.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        tracing::debug!(listener = self.places.listener, open, "connection closed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_is_free_again_when_its_connection_has_gone() {
        let limits = ConnectionLimits { connections_max: 1, ..ConnectionLimits::default() };
        let places = Arc::new(Places::new("test", &limits));
        let place = places.take(places.free().await.unwrap(), None).unwrap();
        assert_eq!((place.listener(), places.open.load(Ordering::Relaxed)), ("test", 1));
        assert_eq!(places.free.available_permits(), 0);
        drop(place);
        assert_eq!((places.free.available_permits(), places.open.load(Ordering::Relaxed)), (1, 0));
    }

    /// Whoever is refused takes nobody's place.
    #[tokio::test]
    async fn one_address_has_its_share_of_the_places() {
        let limits = ConnectionLimits {
            connections_max: 4,
            connections_per_address_max: Some(2),
            ..ConnectionLimits::default()
        };
        let places = Arc::new(Places::new("test", &limits));
        let (greedy, other) = (Some([192, 0, 2, 1].into()), Some([192, 0, 2, 2].into()));
        let mut held = Vec::new();
        for from in [greedy, greedy, other, None] {
            held.push(places.take(places.free().await.unwrap(), from).unwrap());
        }
        drop(held.pop());
        assert!(places.take(places.free().await.unwrap(), greedy).is_none());
        assert_eq!((places.free.available_permits(), places.open.load(Ordering::Relaxed)), (1, 3));
        drop(held.swap_remove(0));
        assert!(places.take(places.free().await.unwrap(), greedy).is_some());
    }
}
