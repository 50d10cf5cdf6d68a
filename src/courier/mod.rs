//! What goes out to other providers by itself: nobody waits for it, and no request carries it.
//!
//! The service says what is due and decides what an answer means, and records it durably before the courier goes on; the
//! courier only asks, over [`crate::client::http`], and hands back what was answered. It holds nothing that a restart
//! would lose. Each kind of errand is a task that the process owns, with its own file here.
//!
//! # Privacy
//! No id, key or payload reaches a log line: rounds are told in numbers.

mod pushes;
mod rounds;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::watch;

use crate::{client::http::ProviderClient, service::Service, wire::ServiceProviderId};

/// Goes out to other providers. Cloning is cheap: all clones share the connections.
#[derive(Clone)]
pub struct Courier {
    service: Arc<Service>,
    providers: ProviderClient,
}

impl Courier {
    /// A courier of that service.
    pub fn new(service: Arc<Service>, providers: ProviderClient) -> Self {
        Self { service, providers }
    }

    /// Delivers Welcomes (draft §4.3) until `stopping` turns true or its sender is gone.
    pub async fn deliver_welcomes(self, stopping: watch::Receiver<bool>) {
        let rounds = async {
            loop {
                rounds::rest(&self.service.errands().welcomes, None).await;
            }
        };
        rounds::until_stopped(stopping, rounds).await;
    }
}

impl Courier {
    /// Pushes messages to subscribers among these peers until `stopping` turns true or its sender is gone.
    pub async fn push(self, peers: Vec<ServiceProviderId>, stopping: watch::Receiver<bool>) {
        rounds::until_stopped(stopping, pushes::push(&self, peers, pushes::PACE)).await;
    }
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Courier").field("providers", &self.providers).finish_non_exhaustive()
    }
}
