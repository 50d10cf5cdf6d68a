//! Subscriptions of other providers (specs/protocol.md, "Push").

use super::{Error, Service};
use crate::{
    sequencer::{Command, GroupKey, Subscribe},
    wire::{ServiceProviderId, SubscribeRequest, SubscribeResponse},
};

impl Service {
    /// Pushes a partition to that provider from now on, for as long as the answer says.
    ///
    /// # Privacy
    /// An unknown group or key is answered as a known one is.
    ///
    /// # Errors
    /// When it could not be recorded; subscribing again is safe.
    pub async fn subscribe(
        &self,
        provider: &ServiceProviderId,
        request: &SubscribeRequest,
    ) -> Result<SubscribeResponse, Error> {
        let (group, partition) = (GroupKey::of(&request.group_id), request.partition_key.masked());
        let lease_ms = (u64::from(request.ttl_seconds) * 1000).min(self.policy().lease_ms);
        let until_ms = self.now().saturating_add(lease_ms);
        let subscribe = Subscribe { provider: provider.clone(), partition, from: request.from_counter, until_ms };
        self.lanes.submit(group, Command::Subscribe(subscribe), None).await?;
        Ok(SubscribeResponse { ttl_seconds: u32::try_from(lease_ms / 1000).unwrap_or(u32::MAX) })
    }
}
