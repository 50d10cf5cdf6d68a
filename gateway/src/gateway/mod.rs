//! The gateway as a service: outer requests in, outer responses out.
//!
//! [`Gateway`] answers `/.well-known/ohttp-gateway` (RFC 9540): the list of keys on GET and HEAD, encapsulated requests
//! on POST, both directly, never by a redirect. A request is [received](receive) in clear, and what is wrong with it up
//! to there is said in clear; then it is opened and [dispatched](dispatch), and from there on there is only a sealed
//! answer. The signatures of the two say so: `receive` gives an [`Opened`](crate::Opened) or a refusal, `dispatch` takes
//! one and gives an [`EncapsulatedResponse`](crate::EncapsulatedResponse).

mod dispatch;
mod key_list;
mod receive;
#[cfg(test)]
mod tests;

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use http_body_util::Full;
use tokio::sync::Semaphore;
use tower::Service;

use crate::{
    budget::{Budgets, RelayIdentity},
    counters::{Counters, Outcome},
    keyring::Keyring,
    machine::Surroundings,
    policy::Policy,
    refusal::Refusal,
    replay_window::ReplayWindow,
    target::Target,
};

/// The one resource (RFC 9540 §4).
pub const WELL_KNOWN: &str = "/.well-known/ohttp-gateway";

/// Says from an inner request how large its binary response is with padding, in bytes. Asked whatever becomes of the
/// request, so that the size tells what kind of question was asked and nothing about the answer. Anything below
/// [`SMALLEST_CLASS`](crate::SMALLEST_CLASS) counts as that.
pub type ResponseClass = dyn Fn(&Request<Bytes>) -> usize + Send + Sync;

/// An Oblivious Gateway Resource around the service `T`. Cloning it is cheap; clones share everything.
///
/// `T` gets well-formed requests that the [`Target`] allows, with a [`ReplayMark`](crate::ReplayMark) and, if the outer
/// request had one, the [`RelayIdentity`] among the extensions. Its answer is sealed, whatever it is.
///
/// # Privacy
/// Nothing of a request is logged, and counted are only kinds of outcomes.
pub struct Gateway<T> {
    target: T,
    shared: Arc<Shared>,
}

struct Shared {
    keyring: Arc<Keyring>,
    replays: Arc<ReplayWindow>,
    allowed: Target,
    response_class: Box<ResponseClass>,
    policy: Policy,
    budgets: Budgets,
    places: Semaphore,
    counters: Arc<Counters>,
    surroundings: Arc<dyn Surroundings>,
}

impl<T> Gateway<T> {
    /// A gateway that opens requests with the keys of `keyring` and lets those that `allowed` lists through to `target`.
    ///
    /// The owner keeps the keyring fresh ([`Keyring::refresh`]) and, before the first request, gives marks of replays
    /// back ([`ReplayWindow::restore`]).
    pub fn new(
        target: T,
        allowed: Target,
        response_class: impl Fn(&Request<Bytes>) -> usize + Send + Sync + 'static,
        keyring: Arc<Keyring>,
        policy: Policy,
        surroundings: Arc<dyn Surroundings>,
    ) -> Self {
        let shared = Shared {
            keyring,
            replays: Arc::new(ReplayWindow::new(policy.replay_marks_max)),
            allowed,
            response_class: Box::new(response_class),
            budgets: Budgets::new(policy.each_relay, policy.others_together),
            places: Semaphore::new(policy.requests_at_once.min(Semaphore::MAX_PERMITS)),
            counters: Arc::default(),
            policy,
            surroundings,
        };
        Self { target, shared: Arc::new(shared) }
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.shared.counters)
    }

    /// The marks of requests that were let through.
    #[must_use]
    pub fn replays(&self) -> Arc<ReplayWindow> {
        Arc::clone(&self.shared.replays)
    }
}

impl<T> Gateway<T>
where
    T: Service<Request<Bytes>, Response = Response<Bytes>, Error = Infallible>,
{
    async fn answer<B>(self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes>,
    {
        let Self { target, shared } = self;
        let refused = |refusal: Refusal| {
            shared.counters.count(refusal.outcome());
            refusal.into_http()
        };
        if request.uri().path() != WELL_KNOWN {
            return refused(Refusal::NoResource);
        }
        match *request.method() {
            Method::GET | Method::HEAD => {
                shared.counters.count(Outcome::KeyList);
                key_list::answer(&shared, request.method(), request.headers())
            }
            Method::POST => {
                let relay = request.extensions().get::<RelayIdentity>().cloned();
                // Held until the answer is made: it bounds what is in memory.
                let Ok(_place) = shared.places.try_acquire() else { return refused(Refusal::Busy) };
                match receive::receive(&shared, relay.as_ref(), request).await {
                    Ok(opened) => dispatch::dispatch(&shared, target, relay, opened).await.into_http(),
                    Err(refusal) => refused(refusal),
                }
            }
            _ => refused(Refusal::Method),
        }
    }
}

impl<T: Clone> Clone for Gateway<T> {
    fn clone(&self) -> Self {
        Self { target: self.target.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Gateway<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gateway").finish_non_exhaustive()
    }
}

impl<T, B> Service<Request<B>> for Gateway<T>
where
    T: Service<Request<Bytes>, Response = Response<Bytes>, Error = Infallible> + Clone + Send + 'static,
    T::Future: Send,
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The target is asked when there is a request for it: what it says must not show before that.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let gateway = self.clone();
        Box::pin(async move { Ok(gateway.answer(request).await) })
    }
}
