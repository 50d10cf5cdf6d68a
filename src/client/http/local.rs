//! A provider's local listener, over loopback TCP or a unix socket (specs/http.md).

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Uri, header};
use http_body_util::Full;
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioTimer},
};

use super::{
    Channel, ChannelError, ChannelRequest, ChannelResponse, DS_USER, Limits, ServiceToken, UserId,
    dial::{DialTcp, DialUnix},
    exchange::{exchange, http_request},
};

/// How long an idle connection is kept: shorter than the ten seconds after which a server of ours gives up on one.
const IDLE: Duration = Duration::from_secs(8);

/// Where a local listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddress {
    /// On the loopback interface.
    Tcp(SocketAddr),
    /// In the file system.
    Unix(PathBuf),
}

/// A channel to the local listener of one's own provider, as one of its users.
///
/// Cloning shares the connections.
#[derive(Clone)]
pub struct LocalClient {
    transport: Transport,
    token: ServiceToken,
    user: UserId,
    limits: Limits,
}

#[derive(Clone)]
enum Transport {
    Tcp(Client<DialTcp, Full<Bytes>>, SocketAddr),
    Unix(Client<DialUnix, Full<Bytes>>),
}

impl LocalClient {
    /// A client that connects when it is first used.
    pub fn new(address: LocalAddress, token: ServiceToken, user: UserId, limits: Limits) -> Self {
        let timeout = limits.connect;
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).pool_max_idle_per_host(256);
        let transport = match address {
            LocalAddress::Tcp(address) => Transport::Tcp(builder.build(DialTcp { address, timeout }), address),
            LocalAddress::Unix(path) => Transport::Unix(builder.build(DialUnix { path: Arc::new(path), timeout })),
        };
        Self { transport, token, user, limits }
    }

    /// The same channel for another user: a service that acts for many keeps one pool of connections.
    pub fn as_user(&self, user: UserId) -> Self {
        Self { user, ..self.clone() }
    }
}

impl Channel for LocalClient {
    async fn post(&self, request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        let path = request.operation.path();
        let uri = match &self.transport {
            Transport::Tcp(_, address) => Uri::try_from(format!("http://{address}{path}")),
            Transport::Unix(_) => Uri::try_from(format!("http://localhost{path}")),
        };
        let mut made = http_request(uri.expect("an address and a fixed path are a URI"), &request);
        made.headers_mut().insert(header::AUTHORIZATION, self.token.header());
        made.headers_mut().insert(DS_USER, self.user.header());
        match &self.transport {
            Transport::Tcp(client, _) => exchange(client, made, &self.limits, request.wait, &mut ()).await,
            Transport::Unix(client) => exchange(client, made, &self.limits, request.wait, &mut ()).await,
        }
    }
}

impl std::fmt::Debug for LocalClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalClient").field("limits", &self.limits).finish_non_exhaustive()
    }
}
