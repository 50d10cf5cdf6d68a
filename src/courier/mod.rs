//! What goes out to other providers by itself: nobody waits for it, and no request carries it.
//!
//! The service says what is due and decides what an answer means, and records it durably before the courier goes on; the
//! courier only asks, over [`crate::client::http`], and hands back what was answered. It holds nothing that a restart
//! would lose. Each kind of errand is a task that the process owns, with its own file here.
//!
//! # Privacy
//! No id, key or payload reaches a log line: rounds are told in numbers.

mod addressee;
mod asker;
mod bans;
mod pushes;
mod rounds;
#[cfg(test)]
mod tests;
mod welcomes;

use std::sync::Arc;

pub use bans::BansPace;
use tokio::sync::watch;

use crate::{client::http::ProviderClient, service::Service, wire::ServiceProviderId};
use welcomes::Welcomes;

pub use asker::Asker;

/// How much goes out at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryLimits {
    /// Visits with Welcomes that are under way at once.
    pub at_once: usize,
    /// Of these, with one provider.
    pub each_provider: usize,
    /// Bytes of Welcomes and trees that are in memory because of them, of which one provider has at most half. The longest
    /// goes out alone, if it is longer.
    pub bytes_max: usize,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self { at_once: 32, each_provider: 4, bytes_max: 128 * 1024 * 1024 }
    }
}

/// Goes out to other providers. Cloning is cheap: all clones share the connections.
#[derive(Clone)]
pub struct Courier {
    service: Arc<Service>,
    providers: ProviderClient,
    limits: DeliveryLimits,
}

impl Courier {
    /// A courier of that service.
    pub fn new(service: Arc<Service>, providers: ProviderClient, limits: DeliveryLimits) -> Self {
        Self { service, providers, limits }
    }

    /// Delivers Welcomes (draft §4.3) until `stopping` turns true or its sender is gone.
    pub async fn deliver_welcomes(self, stopping: watch::Receiver<bool>) {
        rounds::until_stopped(stopping, Welcomes::new(&self).deliver()).await;
    }

    /// Asks these peers which of our users they ban (draft §6) until `stopping` turns true or its sender is gone.
    pub async fn follow_bans(self, peers: Vec<ServiceProviderId>, pace: BansPace, stopping: watch::Receiver<bool>) {
        rounds::until_stopped(stopping, bans::follow(&self, peers, pace)).await;
    }

    /// Pushes messages to subscribers among these peers until `stopping` turns true or its sender is gone.
    pub async fn push(self, peers: Vec<ServiceProviderId>, stopping: watch::Receiver<bool>) {
        rounds::until_stopped(stopping, pushes::push(&self, peers, pushes::PACE)).await;
    }
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Courier").field("limits", &self.limits).finish_non_exhaustive()
    }
}
