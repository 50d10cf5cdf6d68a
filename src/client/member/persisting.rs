//! Sending a request again while that may help.

use crate::client::{
    Backoff, Pace,
    http::{CallError, Channel, ChannelRequest, ChannelResponse, DeliveryService},
};

/// Sends a request until it succeeds, fails for good, or has failed as often as `backoff` allows.
pub(super) async fn persist<H: Channel, P: Pace>(
    service: &DeliveryService<H>,
    pace: &mut P,
    backoff: &Backoff,
    request: ChannelRequest,
) -> Result<ChannelResponse, CallError> {
    let mut failures = 0;
    loop {
        let error = match service.successful(request.clone()).await {
            Ok(response) => return Ok(response),
            Err(error) => error,
        };
        failures += 1;
        if !error.is_transient() || failures >= backoff.attempts {
            return Err(error);
        }
        let retry_after = if let CallError::Problem(problem) = error { problem.retry_after } else { None };
        let delay = backoff.delay(failures, pace.random(), retry_after);
        pace.sleep(delay).await;
    }
}
