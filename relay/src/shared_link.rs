//! The HTTP/2 connection to a gateway that all users share, and how it goes out of use.
//!
//! # Correctness
//! Pings find out that nobody is there. They do not find out a gateway that answers them and grants no streams, or has
//! forgotten those that it granted: each request on such a connection would wait for its whole time, for ever. So an
//! exchange that has run out of time retires the connection. The next request dials; what is under way on the old one has
//! a bounded time left.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{body::Incoming, client::conn::http2};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

/// What others have left on a retired connection. More than an exchange takes unless the operator allowed it minutes.
const RETIRED_TIME: Duration = Duration::from_secs(60);

/// A connection. Clones are the same one.
#[derive(Clone)]
pub(crate) struct SharedLink {
    sender: http2::SendRequest<Full<Bytes>>,
    is_retired: watch::Sender<bool>,
}

/// An exchange under way. Dropped at its deadline or later, it retires the connection; one that a client has left before
/// says nothing about the gateway.
pub(crate) struct Exchange {
    is_retired: watch::Sender<bool>,
    deadline: Instant,
}

impl SharedLink {
    /// The connection, and what drives it until it ends or its time is over.
    pub(crate) fn new(
        sender: http2::SendRequest<Full<Bytes>>,
        connection: impl Future<Output = Result<(), hyper::Error>> + Send,
    ) -> (Self, impl Future<Output = Result<(), hyper::Error>> + Send) {
        let (is_retired, mut retired) = watch::channel(false);
        let driven = async move {
            let ended = async {
                // Without anybody who could use it, it is retired as well.
                let _ = retired.wait_for(|is_retired| *is_retired).await;
                sleep(RETIRED_TIME).await;
            };
            tokio::select! {
                driven = connection => driven,
                () = ended => Ok(()),
            }
        };
        (Self { sender, is_retired }, driven)
    }

    /// Waits until it takes requests.
    pub(crate) async fn ready(&mut self) -> Result<(), hyper::Error> {
        self.sender.ready().await
    }

    /// Whether requests may still begin.
    pub(crate) async fn is_usable(&mut self) -> bool {
        !*self.is_retired.borrow() && self.sender.ready().await.is_ok()
    }

    /// Sends a request that must be answered before `deadline`.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, Exchange), hyper::Error> {
        let exchange = Exchange { is_retired: self.is_retired.clone(), deadline };
        let response = self.sender.send_request(request).await?;
        Ok((response, exchange))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if Instant::now() >= self.deadline {
            self.is_retired.send_replace(true);
        }
    }
}
