//! Connectors for hyper's pooled client.

use std::{
    future::Future,
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixStream};
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;
type Dialling<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// Always dials one TCP address.
#[derive(Clone, Copy)]
pub(super) struct DialTcp {
    pub(super) address: SocketAddr,
    pub(super) timeout: Duration,
}

impl Service<Uri> for DialTcp {
    type Response = TokioIo<TcpStream>;
    type Error = BoxError;
    type Future = Dialling<Self::Response>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let Self { address, timeout } = *self;
        Box::pin(within(timeout, async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(TokioIo::new(stream))
        }))
    }
}

/// Always dials one unix socket.
#[derive(Clone)]
pub(super) struct DialUnix {
    pub(super) path: Arc<PathBuf>,
    pub(super) timeout: Duration,
}

impl Service<Uri> for DialUnix {
    type Response = TokioIo<UnixStream>;
    type Error = BoxError;
    type Future = Dialling<Self::Response>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let Self { path, timeout } = self.clone();
        Box::pin(within(timeout, async move { Ok(TokioIo::new(UnixStream::connect(path.as_path()).await?)) }))
    }
}

/// Another connector with a deadline for all that it does: a handshake that hangs must not outlive its request.
#[derive(Clone)]
pub(in crate::client) struct Within<S> {
    pub(in crate::client) connector: S,
    pub(in crate::client) timeout: Duration,
}

impl<S> Service<Uri> for Within<S>
where
    S: Service<Uri>,
    S::Error: Into<BoxError>,
    S::Response: 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Dialling<S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialling = self.connector.call(uri);
        Box::pin(within(self.timeout, async move { dialling.await.map_err(Into::into) }))
    }
}

async fn within<T>(timeout: Duration, dialling: impl Future<Output = Result<T, BoxError>>) -> Result<T, BoxError> {
    tokio::time::timeout(timeout, dialling)
        .await
        .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
}
