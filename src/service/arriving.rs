//! Memory for answers of other hubs, which the follower hands on to its users.

use std::sync::Arc;

use super::{Error, Lent, Service};
use crate::{
    client::http::{NoMemory, ResponseMemory},
    wire::ServiceProviderId,
};

/// Memory for one answer, lent as the answer arrives. Answers of other hubs and answers to receives have one bound
/// together, and each provider has a share of it: a hub that answers with more than its users take up keeps nobody else
/// from theirs.
#[derive(Debug)]
pub struct Arriving {
    service: Arc<Service>,
    hub: ServiceProviderId,
    lent: Option<Lent>,
    bytes: u64,
}

impl Service {
    /// For one answer of that hub. Nothing is lent yet.
    pub fn arriving(self: &Arc<Self>, hub: &ServiceProviderId) -> Arriving {
        Arriving { service: self.clone(), hub: hub.clone(), lent: None, bytes: 0 }
    }
}

impl Arriving {
    /// What was lent: to be kept until the answer is.
    pub fn into_lent(self) -> Option<Lent> {
        self.lent
    }

    async fn grow(&mut self, bytes: usize) -> Result<(), Error> {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let (pages, held) = (&self.service.pages, self.lent.as_ref().map_or(0, Lent::bytes));
        if let Some(more) = pages.lend_more(&self.hub, held, self.bytes).await? {
            match &mut self.lent {
                Some(lent) => lent.merge(more),
                None => self.lent = Some(more),
            }
        }
        Ok(())
    }
}

impl ResponseMemory for Arriving {
    async fn lend(&mut self, bytes: usize) -> Result<(), NoMemory> {
        self.grow(bytes).await.map_err(|_| NoMemory)
    }
}
