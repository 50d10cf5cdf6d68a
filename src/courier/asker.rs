//! Asking a provider about a Welcome before its commit is sequenced (specs/protocol.md, V10).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{FutureExt, future::BoxFuture};
use tokio::sync::Semaphore;

use super::{
    addressee::{Addressee, Fault},
    welcomes,
};
use crate::{
    client::http::ProviderClient,
    sequencer::Delivered,
    service::{AskProvider, Service},
    wire::{ServiceProviderId, WelcomeInitRequest},
};

/// Asks providers as the courier does. One that is slow is waited for by few at once.
pub struct Asker {
    client: ProviderClient,
    each: usize,
    /// As many as there were peers since the start, and ourselves.
    places: Mutex<HashMap<ServiceProviderId, Arc<Semaphore>>>,
}

impl Asker {
    /// One that asks whoever is a peer by then, and ourselves, `each` times at once.
    pub fn new(client: ProviderClient, each: usize) -> Self {
        Self { client, each: each.clamp(1, Semaphore::MAX_PERMITS), places: Mutex::default() }
    }

    /// `None`: it is neither a peer nor ourselves.
    fn places(&self, provider: &ServiceProviderId, own: &ServiceProviderId) -> Option<Arc<Semaphore>> {
        if provider != own && self.client.peer(provider).is_none() {
            return None;
        }
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        Some(places.entry(provider.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone())
    }
}

impl AskProvider for Asker {
    fn ask<'a>(
        &'a self,
        service: &'a Arc<Service>,
        provider: &'a ServiceProviderId,
        request: WelcomeInitRequest,
    ) -> BoxFuture<'a, Delivered> {
        async move {
            let Some(places) = self.places(provider, service.provider()) else {
                return welcomes::failed(Fault::UNKNOWN);
            };
            let Ok(_place) = places.acquire().await else { return welcomes::failed(Fault::UNKNOWN) };
            welcomes::ask(&Addressee::of(provider, service, &self.client), request).await
        }
        .boxed()
    }
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Asker").field("each", &self.each).finish_non_exhaustive()
    }
}
