//! Asking a provider about a Welcome before its commit is sequenced (specs/protocol.md, V10).

use std::{collections::HashMap, sync::Arc};

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
    places: HashMap<ServiceProviderId, Semaphore>,
}

impl Asker {
    /// One that asks those providers, `each` times at once.
    pub fn new(client: ProviderClient, providers: impl Iterator<Item = ServiceProviderId>, each: usize) -> Self {
        let each = each.clamp(1, Semaphore::MAX_PERMITS);
        Self { client, places: providers.map(|provider| (provider, Semaphore::new(each))).collect() }
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
            let Some(places) = self.places.get(provider) else { return welcomes::failed(Fault::UNKNOWN) };
            let Ok(_place) = places.acquire().await else { return welcomes::failed(Fault::UNKNOWN) };
            welcomes::ask(&Addressee::of(provider, service, &self.client), request).await
        }
        .boxed()
    }
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Asker").field("providers", &self.places.len()).finish_non_exhaustive()
    }
}
