//! Whose turn it is to have decisions about Welcomes made: a question may be about a hundred thousand KeyPackages.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Error;
use crate::wire::ServiceProviderId;

/// Of each hub one question is looked at at a time, and of all of them few: other readers are not kept waiting.
pub(super) struct WelcomeTurns {
    all: Arc<Semaphore>,
    /// As many as there are peers, and one.
    hubs: Mutex<HashMap<ServiceProviderId, Arc<Semaphore>>>,
    wait: Duration,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_hub: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl WelcomeTurns {
    /// So many at once. `wait` is how long a hub may wait for its turn.
    pub(super) fn new(at_once: usize, wait: Duration) -> Self {
        Self { all: Arc::new(Semaphore::new(at_once.max(1))), hubs: Mutex::default(), wait }
    }

    /// Waits for the hub's turn.
    ///
    /// # Errors
    /// [`Error::Overloaded`] when it does not come in time.
    pub(super) async fn take(&self, hub: &ServiceProviderId) -> Result<Turn, Error> {
        let of_hub = self.of(hub);
        let waiting = async {
            // In this order: whoever waits for its own hub holds nothing of what all want.
            let of_hub = of_hub.acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
            let of_all = self.all.clone().acquire_owned().await.map_err(|_| Error::ShuttingDown)?;
            Ok(Turn { _of_hub: of_hub, _of_all: of_all })
        };
        tokio::time::timeout(self.wait, waiting).await.unwrap_or(Err(Error::Overloaded))
    }

    fn of(&self, hub: &ServiceProviderId) -> Arc<Semaphore> {
        let mut hubs = self.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hubs.get(hub) {
            return known.clone();
        }
        let of_hub = Arc::new(Semaphore::new(1));
        hubs.insert(hub.clone(), of_hub.clone());
        of_hub
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(number: usize) -> ServiceProviderId {
        format!("hub-{number}.example").parse().unwrap()
    }

    #[tokio::test]
    async fn each_hub_has_one_turn_and_all_have_few() {
        let turns = WelcomeTurns::new(2, Duration::from_millis(50));
        let first = turns.take(&hub(1)).await.unwrap();
        assert_eq!(turns.take(&hub(1)).await.unwrap_err(), Error::Overloaded);
        let second = turns.take(&hub(2)).await.unwrap();
        assert_eq!(turns.take(&hub(3)).await.unwrap_err(), Error::Overloaded, "two of all");
        drop(second);
        let third = turns.take(&hub(3)).await.unwrap();
        drop(first);
        let again = turns.take(&hub(1)).await.unwrap();
        drop((third, again));
    }
}
