//! What a `CONNECT` turns into (RFC 9110, §9.3.6).

use std::{fmt, sync::Arc};

use http::Request;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use crate::exchanges::Exchange;

/// A stream of bytes in place of a request that was answered with a success. Closing it at the end is its owner's
/// business; as long as this is there, its connection is not idle.
pub struct Tunnel {
    upgrade: OnUpgrade,
    exchange: Option<Underneath>,
}

/// The exchange that a tunnel keeps under way, on its way through the service.
#[derive(Clone)]
pub(crate) struct Underneath(#[expect(dead_code, reason = "it is there to be dropped")] pub(crate) Arc<Exchange>);

impl Tunnel {
    /// Takes it out of the request. It opens when the client is answered.
    pub fn of<B>(request: &mut Request<B>) -> Self {
        let exchange = request.extensions_mut().remove();
        Self { upgrade: hyper::upgrade::on(request), exchange }
    }

    /// Waits until it is open, and runs what reads and writes it to its end.
    ///
    /// # Errors
    /// It never opened: the request was refused, or its connection ended.
    pub async fn carry<F: Future>(self, carry: impl FnOnce(TokioIo<Upgraded>) -> F) -> hyper::Result<F::Output> {
        let stream = self.upgrade.await?;
        let ended = carry(TokioIo::new(stream)).await;
        drop(self.exchange);
        Ok(ended)
    }
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tunnel")
    }
}
