//! The way to the collector: one connection for each export, closed behind it.
//!
//! # Security
//! Host and path come from the configuration alone; redirects are refusals like others. The answer is read up to a limit
//! and looked at for one number. Nothing is sent twice.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderValue, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message as _;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{InvalidDnsNameError, ServerName},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use super::{CollectorUrl, ExportOutcome, ExportSettings};
use crate::{
    config::read_authorization,
    pem::{self, PemError},
};

/// What an answer may take; it is a number and perhaps a sentence.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What its header fields may take.
const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Why the way to the collector cannot be prepared. For the operator's terminal: it names files.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// The authorities cannot be read.
    #[error("export.ca_file: {0}")]
    Pem(#[from] PemError),
    /// TLS cannot be begun.
    #[error("export.url: TLS cannot be begun: {0}")]
    Rustls(#[from] rustls::Error),
    /// No certificate can name such a host.
    #[error("export.url: no certificate can name the host")]
    Host(#[from] InvalidDnsNameError),
    /// The credentials; the sentence holds nothing of them.
    #[error("export.authorization_file: {0}")]
    Authorization(String),
}

/// Where metrics are pushed to, how often, and with which credentials.
pub struct Collector {
    url: CollectorUrl,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    authorization: Option<Zeroizing<Vec<u8>>>,
    pub(super) instance: Option<String>,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
}

impl Collector {
    /// Reads the files that the settings name. Blocks.
    ///
    /// # Errors
    /// [`CollectorError`]
    pub fn read(settings: &ExportSettings) -> Result<Self, CollectorError> {
        let authorization = settings.authorization_file.as_deref().map(read_authorization).transpose();
        let tls = settings.url.is_tls().then(|| -> Result<_, CollectorError> {
            // Without authorities nobody is trusted.
            let roots = settings.ca_file.as_deref().map(pem::authorities).transpose()?;
            let roots = roots.unwrap_or_else(RootCertStore::empty);
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let mut config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            Ok((Arc::new(config).into(), ServerName::try_from(settings.url.host().to_owned())?))
        });
        Ok(Self {
            url: settings.url.clone(),
            tls: tls.transpose()?,
            authorization: authorization.map_err(CollectorError::Authorization)?,
            instance: settings.instance.clone(),
            interval: settings.interval,
            timeout: settings.timeout,
        })
    }

    /// Pushes one message, and waits for the answer. How long it may take is the caller's business.
    pub(super) async fn push(&self, message: Vec<u8>) -> ExportOutcome {
        match self.try_push(message).await {
            Ok(outcome) | Err(outcome) => outcome,
        }
    }

    async fn try_push(&self, message: Vec<u8>) -> Result<ExportOutcome, ExportOutcome> {
        let request = self.request(message).ok_or(ExportOutcome::Broken)?;
        let stream = TcpStream::connect((self.url.host(), self.url.port())).await;
        let stream = stream.map_err(|_| ExportOutcome::Unreachable)?;
        match &self.tls {
            Some((tls, name)) => {
                let stream = tls.connect(name.clone(), stream).await.map_err(|_| ExportOutcome::Tls)?;
                exchange(stream, request).await
            }
            None => exchange(stream, request).await,
        }
    }

    fn request(&self, message: Vec<u8>) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::post(self.url.path().as_str())
            .header(HOST, self.url.authority())
            .header(CONTENT_TYPE, "application/x-protobuf");
        if let Some(bytes) = &self.authorization {
            let mut value = HeaderValue::from_bytes(bytes).ok()?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.body(Full::new(message.into())).ok()
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url: _, tls: _, authorization: _, instance: _, interval, timeout } = self;
        let mut shown = formatter.debug_struct("Collector");
        shown.field("interval", interval).field("timeout", timeout).finish_non_exhaustive()
    }
}

/// One request over a connection of its own.
async fn exchange<S>(stream: S, request: Request<Full<Bytes>>) -> Result<ExportOutcome, ExportOutcome>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let handshake = http1::Builder::new().max_buf_size(HEADER_BYTES_MAX).handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(|_| ExportOutcome::Broken)?;
    let asking = async move {
        let (head, body) = sender.send_request(request).await.map_err(|_| ExportOutcome::Broken)?.into_parts();
        if !head.status.is_success() {
            return Ok(ExportOutcome::Refused);
        }
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(|_| ExportOutcome::Broken)?;
        read_answer(head.status, &body.to_bytes())
    };
    tokio::pin!(asking);
    tokio::select! {
        biased;
        answered = &mut asking => answered,
        // It has ended, and all that came over it is with whoever asked.
        _ = connection => asking.await,
    }
}

pub(crate) fn read_answer(status: StatusCode, body: &[u8]) -> Result<ExportOutcome, ExportOutcome> {
    if status == StatusCode::NO_CONTENT {
        return Ok(ExportOutcome::Done);
    }
    let answer = ExportMetricsServiceResponse::decode(body).map_err(|_| ExportOutcome::Broken)?;
    let rejected = answer.partial_success.map_or(0, |partial| partial.rejected_data_points);
    Ok(if rejected == 0 { ExportOutcome::Done } else { ExportOutcome::Partial })
}
