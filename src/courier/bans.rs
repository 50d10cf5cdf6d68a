//! Asking hubs which of our users they ban (draft §6), so that it can be enforced here.
//!
//! Each peer is asked at the start and then again and again: soon after a failure, later and later while it fails, and
//! never so often that it would notice. What it said last stays in force, also across restarts.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::sync::Semaphore;

use super::{Courier, addressee::Terse};
use crate::{
    client::http::ProviderClient,
    service::Service,
    wire::{BansRequest, ServiceProviderId},
};

/// How often hubs are asked.
#[derive(Clone, Copy, Debug)]
pub struct BansPace {
    /// After an answer.
    pub every: Duration,
    /// After a failure; then twice as long each time, up to `every`.
    pub first_backoff: Duration,
}

/// So many hubs are asked at the same time.
const AT_ONCE: usize = 4;

/// The longest answer: as many users as a list can hold, 17 bytes each.
const ANSWER_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Asks all of them, for ever.
pub(super) async fn follow(courier: &Courier, peers: Vec<ServiceProviderId>, pace: BansPace) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut followers: FuturesUnordered<_> = peers
        .into_iter()
        .map(|peer| follow_one(courier.service.clone(), courier.providers.clone(), peer, places.clone(), pace))
        .collect();
    while followers.next().await.is_some() {}
    // Without peers there is nothing to do, and no reason to end.
    std::future::pending().await
}

async fn follow_one(
    service: Arc<Service>,
    providers: ProviderClient,
    peer: ServiceProviderId,
    places: Arc<Semaphore>,
    pace: BansPace,
) {
    let mut backoff = pace.first_backoff;
    loop {
        let rest = match places.acquire().await {
            Ok(_place) if ask(&service, &providers, &peer).await => {
                backoff = pace.first_backoff;
                pace.every
            }
            Ok(_) => {
                let rest = backoff;
                backoff = (backoff * 2).min(pace.every);
                rest
            }
            Err(_closed) => return,
        };
        tokio::time::sleep(spread(rest, service.jitter())).await;
    }
}

/// Asks one hub, and keeps what is new. Whether it answered.
async fn ask(service: &Service, providers: &ProviderClient, peer: &ServiceProviderId) -> bool {
    let Some(channel) = providers.peer(peer).filter(|_| !service.blocks(peer)) else { return true };
    let hub = Terse::service(channel, ANSWER_BYTES_MAX);
    let answer = match hub.bans(&BansRequest { known: service.known_bans(peer) }).await {
        Ok(answer) => answer,
        Err(_) => {
            tracing::trace!("a hub did not say whom it bans");
            return false;
        }
    };
    let Some(list) = answer.list else { return true };
    let users = list.users.len();
    match service.keep_bans(peer, list).await {
        Ok(()) => {
            tracing::info!(users, "a hub has changed whom of our users it bans");
            true
        }
        Err(error) => {
            tracing::warn!(%error, "a hub's bans are not kept; it is asked again");
            false
        }
    }
}

/// Between half of it and all of it.
fn spread(rest: Duration, jitter: u64) -> Duration {
    let half = rest / 2;
    let span = u64::try_from(half.as_millis()).unwrap_or(u64::MAX);
    rest.saturating_sub(Duration::from_millis(jitter.checked_rem(span).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_are_spread_over_half_of_their_length() {
        let rest = Duration::from_secs(10);
        for jitter in [0, 1, 4_999, 5_000, 123_456_789, u64::MAX] {
            let spread = spread(rest, jitter);
            assert!(spread > rest / 2 && spread <= rest, "{spread:?}");
        }
        assert_eq!(spread(Duration::ZERO, 7), Duration::ZERO);
    }
}
