//! Who may look at a state next.
//!
//! To follow a commit takes time that grows with the group. So few do it at once, of each provider fewer, and of each
//! provider only so many wait: whoever sends many commits keeps nobody else from being seen.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Whose;
use crate::wire::ServiceProviderId;

/// How many of one provider wait.
const WAITING_MAX: usize = 64;

pub(super) struct Turns {
    all: Arc<Semaphore>,
    each: usize,
    /// As many as there are peers, and one.
    shares: Mutex<HashMap<Option<ServiceProviderId>, Share>>,
}

#[derive(Clone)]
struct Share {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_share: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    /// So many at once. One provider has half of them, but for the only one.
    pub(super) fn new(at_once: usize) -> Self {
        let at_once = at_once.max(1);
        Self { all: Arc::new(Semaphore::new(at_once)), each: at_once.div_ceil(2), shares: Mutex::default() }
    }

    /// A turn for a provider, or for what nobody waits for; `None` when too many of it wait, or when it takes too long.
    pub(super) async fn take(&self, whose: Whose<'_>, wait: Duration) -> Option<Turn> {
        let share = self.share(whose);
        let place = share.places.try_acquire_owned().ok()?;
        let waiting = async {
            // In this order: whoever waits for the share holds nothing that all want.
            let of_share = share.turns.acquire_owned().await.ok()?;
            let of_all = self.all.clone().acquire_owned().await.ok()?;
            Some(Turn { _of_share: of_share, _of_all: of_all })
        };
        let turn = tokio::time::timeout(wait, waiting).await.ok().flatten();
        drop(place);
        turn
    }

    fn share(&self, whose: Whose<'_>) -> Share {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let new =
            || Share { turns: Arc::new(Semaphore::new(self.each)), places: Arc::new(Semaphore::new(WAITING_MAX)) };
        shares.entry(whose.cloned()).or_insert_with(new).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(30);

    fn provider(number: u32) -> ServiceProviderId {
        format!("provider-{number}.example").parse().unwrap()
    }

    #[tokio::test]
    async fn one_provider_has_half_of_the_turns() {
        let turns = Turns::new(4);
        let (one, other) = (provider(1), provider(2));
        let of_one = [turns.take(Some(&one), SOON).await, turns.take(Some(&one), SOON).await];
        assert!(of_one.iter().all(Option::is_some));
        assert!(turns.take(Some(&one), SOON).await.is_none());
        assert!(turns.take(Some(&other), SOON).await.is_some());
        drop(of_one);
        assert!(turns.take(Some(&one), SOON).await.is_some());
    }

    #[tokio::test]
    async fn the_only_turn_goes_round() {
        let turns = Arc::new(Turns::new(1));
        let (one, other) = (provider(1), provider(2));
        let first = turns.take(Some(&one), SOON).await.unwrap();
        // Many of the one are there before the other, which is next all the same: of the one a single wait for all.
        let many: Vec<_> = (0..WAITING_MAX)
            .map(|_| {
                let (turns, one) = (turns.clone(), one.clone());
                tokio::spawn(async move { turns.take(Some(&one), PATIENCE).await.map(drop) })
            })
            .collect();
        while turns.share(Some(&one)).places.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(turns.take(Some(&one), PATIENCE).await.is_none(), "too many wait");
        let mut of_other = std::pin::pin!(turns.take(Some(&other), PATIENCE));
        assert!(futures_util::poll!(of_other.as_mut()).is_pending());
        drop(first);
        drop(of_other.await.expect("the next turn or the one after it"));
        for waited in many {
            assert!(waited.await.unwrap().is_some(), "everybody's turn comes");
        }
    }
}
