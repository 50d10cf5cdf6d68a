//! Places of a listener: so many connections may be open, and each says when it comes and when it has gone.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// All places of one listener.
#[derive(Debug)]
pub(crate) struct Places {
    /// The table of the configuration.
    listener: &'static str,
    free: Arc<Semaphore>,
    open: AtomicUsize,
}

/// The place of an open connection, which is given back when it is dropped.
///
/// # Privacy
/// It knows nothing of who has it.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(listener: &'static str, connections_max: usize) -> Self {
        let free = Arc::new(Semaphore::new(connections_max.min(Semaphore::MAX_PERMITS)));
        Self { listener, free, open: AtomicUsize::new(0) }
    }

    /// Waits for a place for the next connection.
    pub(crate) async fn free(&self) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.free.clone().acquire_owned().await
    }

    /// The connection is there.
    pub(crate) fn take(self: &Arc<Self>, permit: OwnedSemaphorePermit) -> Place {
        let open = self.open.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        tracing::debug!(listener = self.listener, open, "connection opened");
        Place { places: self.clone(), _permit: permit }
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
        let places = Arc::new(Places::new("test", 1));
        let place = places.take(places.free().await.unwrap());
        assert_eq!((place.listener(), places.open.load(Ordering::Relaxed)), ("test", 1));
        assert_eq!(places.free.available_permits(), 0);
        drop(place);
        assert_eq!((places.free.available_permits(), places.open.load(Ordering::Relaxed)), (1, 0));
    }
}
