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

/// A connection. Clones are the same one.
#[derive(Clone)]
pub(crate) struct SharedLink {
    sender: http2::SendRequest<Full<Bytes>>,
    is_retired: watch::Sender<bool>,
}

/// An exchange under way. Dropped at its deadline or later, it retires the connection.
pub(crate) struct Exchange {
    is_retired: watch::Sender<bool>,
    deadline: Instant,
}

impl SharedLink {
    /// The connection, and what drives it until it ends or its time is over. `exchange` is what an exchange may take:
    /// none begins on a retired connection, so after that time none is under way on it.
    pub(crate) fn new(
        sender: http2::SendRequest<Full<Bytes>>,
        connection: impl Future<Output = Result<(), hyper::Error>> + Send,
        exchange: Duration,
    ) -> (Self, impl Future<Output = Result<(), hyper::Error>> + Send) {
        let (is_retired, mut retired) = watch::channel(false);
        let driven = async move {
            let ended = async {
                // Without anybody who could use it, it is retired as well.
                let _ = retired.wait_for(|is_retired| *is_retired).await;
                sleep(exchange).await;
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

#[cfg(test)]
mod tests {
    use hyper_util::rt::{TokioExecutor, TokioIo};

    use super::*;

    const EXCHANGE: Duration = Duration::from_secs(7);

    /// A gateway that answers nothing keeps no connection longer than the last exchange on it may take.
    #[tokio::test(start_paused = true)]
    async fn a_retired_connection_ends_when_its_last_exchange_must_have() {
        let (near, _far) = tokio::io::duplex(65_536);
        let (sender, _connection) =
            http2::Builder::new(TokioExecutor::new()).handshake(TokioIo::new(near)).await.unwrap();
        let (mut link, driven) = SharedLink::new(sender, std::future::pending(), EXCHANGE);
        let began = Instant::now();
        let late = Exchange { is_retired: link.is_retired.clone(), deadline: began + EXCHANGE };
        let early = Exchange { is_retired: link.is_retired.clone(), deadline: began + EXCHANGE };
        drop(early);
        let retiring = async {
            sleep(EXCHANGE).await;
            drop(late);
        };
        let (ended, ()) = tokio::join!(driven, retiring);
        ended.unwrap();
        assert_eq!(began.elapsed(), 2 * EXCHANGE);
        assert!(!link.is_usable().await);
    }
}
