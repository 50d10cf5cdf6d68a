//! `CONNECT` to a configured gateway, so that a client can fetch the key list under the gateway's own TLS without the
//! gateway seeing where it comes from (RFC 9458 §3, §6.1; RFC 9110 §9.3.6).
//!
//! A tunnel is good for a key list and for little else: it is bounded in bytes, in time, and in time without bytes.
//! Nothing is read from what passes through it.

mod activity;

use std::sync::{Arc, Mutex, PoisonError};

use activity::Activity;
use restante_process::Tunnel;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
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
    tasks: Mutex<JoinSet<()>>,
    counters: Arc<Counters>,
}

impl Tunnels {
    pub(crate) fn new(limits: TunnelLimits, counters: Arc<Counters>) -> Self {
        Self { limits, tasks: Mutex::default(), counters }
    }

    /// Connects to the gateway; the tunnel begins when the client has got its answer. `admission` is the user's place.
    pub(crate) async fn open(
        &self,
        route: &Route,
        tunnel: Tunnel,
        admission: Admission,
        limits: &Limits,
    ) -> Result<(), Failure> {
        let place = route.tunnels.clone().try_acquire_owned().map_err(|_| Failure::Overloaded)?;
        let gateway = match timeout(limits.connect, route.upstream.connect_tcp()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(_)) => return Err(Failure::GatewayFailed),
            Err(_) => return Err(Failure::GatewayTimeout),
        };
        let (limits, counters) = (self.limits, self.counters.clone());
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move { carry(tunnel, gateway, limits, &counters, (admission, place)).await });
        Ok(())
    }

    /// Waits until all have ended; each does in its time.
    pub(crate) async fn ended(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        while tasks.join_next().await.is_some() {}
    }
}

async fn carry(
    tunnel: Tunnel,
    gateway: TcpStream,
    limits: TunnelLimits,
    counters: &Counters,
    places: (Admission, OwnedSemaphorePermit),
) {
    let present = Present::in_gauge(&counters.tunnels_open);
    let carrying = tunnel.carry(|client| async {
        let activity = Activity::default();
        tokio::select! {
            end = copy_both(client, gateway, limits.bytes, &activity) => end,
            () = activity.ceases(limits.idle) => TunnelEnd::Idle,
        }
    });
    let carrying = async { carrying.await.unwrap_or(TunnelEnd::Closed) };
    let end = timeout(limits.time, carrying).await.unwrap_or(TunnelEnd::Time);
    // First: where an end was counted, there is room for another tunnel.
    drop((places, present));
    counters.tunnels.add(end);
}

/// Copies in both directions until both have ended, or one has carried its share or broke.
async fn copy_both(
    client: impl AsyncRead + AsyncWrite,
    gateway: TcpStream,
    bytes: u64,
    activity: &Activity,
) -> TunnelEnd {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_gateway, mut to_gateway) = gateway.into_split();
    let up = copy(activity.of(&mut from_client), &mut to_gateway, bytes);
    let down = copy(activity.of(&mut from_gateway), &mut to_client, bytes);
    match tokio::try_join!(up, down) {
        Ok(((), ())) => TunnelEnd::Closed,
        Err(end) => end,
    }
}

/// Copies one direction to its end.
///
/// # Errors
/// What ends the other direction too: this one has carried its share, or it broke.
async fn copy(from: impl AsyncRead + Unpin, to: &mut (impl AsyncWrite + Unpin), bytes: u64) -> Result<(), TunnelEnd> {
    let mut bounded = from.take(bytes);
    tokio::io::copy(&mut bounded, to).await.map_err(|_| TunnelEnd::Closed)?;
    if bounded.limit() == 0 {
        return Err(TunnelEnd::Bytes);
    }
    to.shutdown().await.map_err(|_| TunnelEnd::Closed)
}
