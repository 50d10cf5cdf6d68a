//! Exchanges with gateways, each run to its end by a task of its own, whoever still waits for it.
//!
//! # Privacy
//! When a user leaves shows to nobody behind the relay: a request that was read is sent, and its answer read, at the time
//! that it takes. Otherwise the gateway would see a stream reset at the moment in which somebody reset one here.
//!
//! # Correctness
//! A gateway ends a connection on which many streams are reset early (CVE-2023-44487), and the connection is everybody's:
//! a few users who post and leave would end it again and again. They keep their admissions and places instead, until the
//! gateway has answered or its time is over.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinSet,
};

use crate::{
    counters::{Counters, Present},
    failure::Failure,
    limits::Limits,
    resource,
    routes::Route,
    user_tokens::Admission,
};

/// All exchanges that are under way. They end with this.
pub(crate) struct Exchanges {
    limits: Limits,
    /// One for each.
    places: Arc<Semaphore>,
    tasks: Mutex<JoinSet<()>>,
    counters: Arc<Counters>,
}

impl Exchanges {
    pub(crate) fn new(limits: &Limits, counters: Arc<Counters>) -> Self {
        let places = Arc::new(Semaphore::new(limits.in_flight.min(Semaphore::MAX_PERMITS)));
        Self { limits: limits.clone(), places, tasks: Mutex::default(), counters }
    }

    /// Takes content to a gateway once, and waits for the answer's. `admission` is the user's place, for as long as the
    /// exchange takes.
    pub(crate) async fn run(&self, route: Arc<Route>, content: Bytes, admission: Admission) -> Result<Bytes, Failure> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Failure::Overloaded)?;
        let (limits, counters) = (self.limits.clone(), self.counters.clone());
        let (tell, told) = oneshot::channel();
        self.spawn(async move {
            let present = Present::in_gauge(&counters.in_flight);
            let answer = resource::exchange(&route, content, &limits).await;
            // First: whoever is answered may ask again.
            drop((place, admission, present));
            // Nobody may be waiting any more.
            let _ = tell.send(answer);
        });
        // It is always told, but by a task that panicked or was ended with the relay.
        told.await.unwrap_or(Err(Failure::GatewayFailed))
    }

    fn spawn(&self, exchange: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(exchange);
    }

    /// Ends those that are left when nobody waits for any more.
    pub(crate) async fn shutdown(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }
}
