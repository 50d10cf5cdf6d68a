//! The one origin: a pooled client that can reach nothing else.
//!
//! # Security
//! Scheme and host come from the configuration alone; of the request come method, listed path, fields and content.
//! Redirects are answers like others and are not followed.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, Uri, header, uri::Parts};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use restante_process::pem::{self, PemError};
use rustls::{ClientConfig, RootCertStore};

/// Idle connections are kept so long.
const IDLE: Duration = Duration::from_secs(60);
const IDLE_MAX: usize = 64;

/// The origin gave no answer that can be handed on. What it said instead is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAnswer;

/// Why the way to the origin cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OriginError {
    /// The authorities cannot be read.
    #[error("origin.ca_file: {0}")]
    Pem(#[from] PemError),
    /// TLS cannot be begun.
    #[error("TLS with the origin cannot be begun: {0}")]
    Rustls(#[from] rustls::Error),
}

/// The way to the origin. Clones share connections.
#[derive(Clone)]
pub(crate) struct Origin {
    base: Uri,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Origin {
    pub(crate) fn new(base: Uri, ca_file: Option<&Path>, connect_timeout: Duration) -> Result<Self, OriginError> {
        let roots = ca_file.map(pem::authorities).transpose()?.unwrap_or_else(RootCertStore::empty);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            // One mark stands for one asking, whatever a part of the client believes about what was sent. An origin
            // that closes a connection at that moment costs a 502, and the client asks again with a request of its own.
            .retry_canceled_requests(false)
            .build(connector);
        Ok(Self { base, client })
    }

    /// Asks, and reads the answer up to `bytes_max`. How long it may take is the caller's business.
    pub(crate) async fn ask(&self, request: Request<Bytes>, bytes_max: usize) -> Result<Response<Bytes>, NoAnswer> {
        let request = self.direct(request).ok_or(NoAnswer)?;
        let (head, body) = self.client.request(request).await.map_err(|_| NoAnswer)?.into_parts();
        let body = Limited::new(body, bytes_max).collect().await.map_err(|_| NoAnswer)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// The request at the origin: its path there, and the host that was asked for in `Host`.
    fn direct(&self, request: Request<Bytes>) -> Option<Request<Full<Bytes>>> {
        let (mut head, content) = request.into_parts();
        let host = HeaderValue::try_from(head.uri.authority()?.as_str()).ok()?;
        let mut target = Parts::from(self.base.clone());
        target.path_and_query = head.uri.path_and_query().cloned();
        head.uri = Uri::from_parts(target).ok()?;
        head.headers.insert(header::HOST, host);
        // Marks and identities are for this process.
        head.extensions.clear();
        Some(Request::from_parts(head, Full::new(content)))
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Origin").finish_non_exhaustive()
    }
}
