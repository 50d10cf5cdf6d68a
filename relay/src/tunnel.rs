//! `CONNECT` to a configured gateway, so that a client can fetch the key list under the gateway's own TLS without the
//! gateway seeing where it comes from (RFC 9458 §3, §6.1; RFC 9110 §9.3.6).
//!
//! A tunnel is good for a key list and for little else: it is bounded in bytes and time. Nothing is read from what passes
//! through it.

use std::{
    future::poll_fn,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::timeout,
};

use crate::{
    counters::{Counters, Present, TunnelEnd},
    failure::Failure,
    limits::{Limits, TunnelLimits},
    routes::Route,
    user_tokens::Admission,
};

/// All open tunnels. They end with this.
pub(crate) struct Tunnels {
    limits: TunnelLimits,
    places: Arc<Semaphore>,
    tasks: Mutex<JoinSet<()>>,
    counters: Arc<Counters>,
}

impl Tunnels {
    pub(crate) fn new(limits: TunnelLimits, counters: Arc<Counters>) -> Self {
        let places = Arc::new(Semaphore::new(limits.open.min(Semaphore::MAX_PERMITS)));
        Self { limits, places, tasks: Mutex::default(), counters }
    }

    /// Connects to the gateway; the tunnel begins when the client has got its answer. `admission` is the user's place.
    pub(crate) async fn open(
        &self,
        route: &Route,
        upgrade: OnUpgrade,
        admission: Admission,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Failure::Overloaded)?;
        let gateway = match timeout(limits.connect, route.upstream.connect_tcp()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) => return Err(Failure::GatewayFailed),
            Err(_) => return Err(Failure::GatewayTimeout),
        };
        let (limits, counters) = (self.limits, self.counters.clone());
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { carry(upgrade, gateway, limits, &counters, (admission, place)).await });
        Ok(())
    }

    /// Waits until all have ended; each does in its time.
    pub(crate) async fn ended(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}

async fn carry(
    upgrade: OnUpgrade,
    gateway: TcpStream,
    limits: TunnelLimits,
    counters: &Counters,
    _places: (Admission, OwnedSemaphorePermit),
) {
    let _present = Present::in_gauge(&counters.tunnels_open);
    let carrying = async {
        match upgrade.await {
            Ok(client) => copy_both(TokioIo::new(client), gateway, limits.bytes).await,
            Err(_) => TunnelEnd::Closed,
        }
    };
    counters.tunnels.add(timeout(limits.time, carrying).await.unwrap_or(TunnelEnd::Time));
}

/// Copies in both directions until both have ended, or one has carried its share.
async fn copy_both(client: impl AsyncRead + AsyncWrite, gateway: TcpStream, bytes: u64) -> TunnelEnd {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_gateway, mut to_gateway) = gateway.into_split();
    let mut up = std::pin::pin!(copy(&mut from_client, &mut to_gateway, bytes));
    let mut down = std::pin::pin!(copy(&mut from_gateway, &mut to_client, bytes));
    let (mut up_ended, mut down_ended) = (false, false);
    poll_fn(|context| {
        for (direction, ended) in
            [(up.as_mut() as Pin<&mut dyn Future<Output = _>>, &mut up_ended), (down.as_mut(), &mut down_ended)]
        {
            if !*ended && let std::task::Poll::Ready(end) = direction.poll(context) {
                match end {
                    Some(TunnelEnd::Closed) => *ended = true,
                    Some(end) => return std::task::Poll::Ready(end),
                    // A broken half is the end of both.
                    None => return std::task::Poll::Ready(TunnelEnd::Closed),
                }
            }
        }
        if up_ended && down_ended { std::task::Poll::Ready(TunnelEnd::Closed) } else { std::task::Poll::Pending }
    })
    .await
}

/// Copies one direction. `None` when it broke.
async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    bytes: u64,
) -> Option<TunnelEnd> {
    let mut bounded = from.take(bytes);
    tokio::io::copy(&mut bounded, to).await.ok()?;
    if bounded.limit() == 0 {
        return Some(TunnelEnd::Bytes);
    }
    to.shutdown().await.ok()?;
    Some(TunnelEnd::Closed)
}
