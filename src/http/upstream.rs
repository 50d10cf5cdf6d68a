//! The way to other hubs.

use std::{sync::Arc, time::Duration};

use restante_process::{Stopwatch, status_class};
use tokio::time::Instant;
use tracing::Level;

use super::{Problem, hub_answer::HubAnswer, shared_receives::SharedReceives, silence::Silence};
use crate::{
    client::http::{ChannelError, ChannelRequest, ChannelResponse, ProviderClient},
    sequencer::Fact,
    service::Service,
    wire::ServiceProviderId,
};

/// The way to other hubs. The default one leads nowhere: no provider is a peer.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    client: Option<ProviderClient>,
    silence: Arc<Silence>,
    pub(super) receives: Arc<SharedReceives>,
}

impl Upstream {
    /// The way over channels to all configured peers.
    pub fn new(client: ProviderClient) -> Self {
        Self { client: Some(client), ..Self::default() }
    }

    /// Sends a request to a hub. The answer is whatever the hub says, also a refusal. Whoever finds out whether a hub that
    /// was silent is back does not wait there: [`HubAnswer::is_hurried`].
    ///
    /// # Errors
    /// When the operator blocks the hub, it is no peer, or gives no answer, or none of a delivery service.
    pub(super) async fn call(
        &self,
        service: &Arc<Service>,
        hub: &ServiceProviderId,
        request: ChannelRequest,
    ) -> Result<HubAnswer, Problem> {
        if service.blocks(hub) {
            return Err(Problem::denied(Fact::BlockedProvider));
        }
        let mut request = request;
        let channel = self.client.as_ref().and_then(|client| client.peer(hub)).ok_or_else(Problem::unknown_hub)?;
        let (operation, began) = (request.operation.path(), Instant::now());
        let finding_out = self.silence.admit(hub, began)?;
        let is_hurried = finding_out.is_some() && !request.wait.is_zero();
        if is_hurried {
            request.wait = Duration::ZERO;
        }
        let watch = Stopwatch::start_if(tracing::enabled!(Level::TRACE));
        let mut memory = service.arriving(hub);
        let answer = channel.post_within(request, &mut memory).await;
        tracing::trace!(operation, outcome = outcome(&answer), duration_us = watch.micros(), "request forwarded");
        let now = Instant::now();
        match answer {
            Ok(answer) => {
                self.silence.heard(hub, now);
                HubAnswer::new(answer, memory.into_lent()).map(|answer| answer.hurried(is_hurried))
            }
            Err(ChannelError::UnknownPeer) => Err(Problem::unknown_hub()),
            Err(ChannelError::NoMemory) => {
                self.silence.heard(hub, now);
                Err(Problem::unavailable())
            }
            Err(ChannelError::ResponseTooLarge) => {
                self.silence.heard(hub, now);
                Err(Problem::hub_unavailable())
            }
            Err(error @ (ChannelError::Connect | ChannelError::Tls | ChannelError::Timeout | ChannelError::Broken)) => {
                self.silence.failed(hub, error, began, now);
                Err(Problem::hub_unavailable())
            }
        }
    }
}

/// What came of it, as the log says it.
fn outcome(answer: &Result<ChannelResponse, ChannelError>) -> &'static str {
    match answer {
        Ok(response) => status_class(response.status),
        Err(ChannelError::UnknownPeer) => "unknown_peer",
        Err(ChannelError::Connect) => "connect",
        Err(ChannelError::Tls) => "tls",
        Err(ChannelError::Timeout) => "timeout",
        Err(ChannelError::Broken) => "broken",
        Err(ChannelError::ResponseTooLarge) => "response_too_large",
        Err(ChannelError::NoMemory) => "no_memory",
    }
}
