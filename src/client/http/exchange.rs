//! The exchange itself: deadline, size limit, no redirects.

use std::{error::Error, io, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::{Client, connect::Connect};

use super::{ChannelError, ChannelRequest, ChannelResponse, DS_EXPECT_COMMIT, DS_JOIN_TOKEN, Limits, ResponseMemory};

/// The HTTP request without what a channel adds to say who asks.
pub(super) fn http_request(uri: Uri, request: &ChannelRequest) -> Request<Full<Bytes>> {
    let mut made = Request::new(Full::new(request.body.clone()));
    *made.method_mut() = Method::POST;
    *made.uri_mut() = uri;
    let headers = made.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(request.operation.media_type()));
    if request.wait.as_secs() > 0 {
        let prefer = HeaderValue::try_from(format!("wait={}", request.wait.as_secs()));
        headers.insert(super::delivery_service::PREFER, prefer.expect("digits are a header value"));
    }
    if let Some(expect) = request.expect_commit {
        let expect = HeaderValue::try_from(expect.to_string());
        headers.insert(DS_EXPECT_COMMIT, expect.expect("a word or digits are a header value"));
    }
    if let Some(token) = &request.join_token {
        let token = HeaderValue::try_from(format!(":{}:", STANDARD.encode(token.as_bytes())));
        let mut token = token.expect("base64 between colons is a header value");
        token.set_sensitive(true);
        headers.insert(DS_JOIN_TOKEN, token);
    }
    made
}

/// Sends a request and reads the response to its end.
pub(in crate::client) async fn exchange<C>(
    client: &Client<C, Full<Bytes>>,
    request: Request<Full<Bytes>>,
    limits: &Limits,
    wait: Duration,
    memory: &mut impl ResponseMemory,
) -> Result<ChannelResponse, ChannelError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let deadline = limits.request.saturating_add(wait).saturating_add(upload(&request));
    let exchange = async {
        let response = client.request(request).await.map_err(|error| classify(&error, error.is_connect()))?;
        let (head, body) = response.into_parts();
        let body = collect(body, limits.response_bytes, memory).await?;
        Ok(ChannelResponse { status: head.status, headers: head.headers, body })
    };
    tokio::time::timeout(deadline, exchange).await.unwrap_or(Err(ChannelError::Timeout))
}

/// How long the request's body may take to be sent, beside what every exchange has.
fn upload(request: &Request<Full<Bytes>>) -> Duration {
    let mebibytes = request.body().size_hint().lower() / (1024 * 1024);
    Duration::from_secs(mebibytes)
}

/// The whole body. One frame is the ordinary case, and is not copied.
async fn collect(
    mut body: Incoming,
    bytes_max: usize,
    memory: &mut impl ResponseMemory,
) -> Result<Bytes, ChannelError> {
    let (mut first, mut rest) = (Bytes::new(), Vec::new());
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| ChannelError::Broken)?.into_data() else { continue };
        if first.len() + rest.len() + data.len() > bytes_max {
            return Err(ChannelError::ResponseTooLarge);
        }
        memory.lend(data.len()).await.map_err(|_| ChannelError::NoMemory)?;
        if first.is_empty() && rest.is_empty() {
            first = data;
            continue;
        }
        rest.extend_from_slice(&std::mem::take(&mut first));
        rest.extend_from_slice(&data);
    }
    Ok(if rest.is_empty() { first } else { rest.into() })
}

/// Which kind of fault is at the bottom of an error of hyper's.
pub(in crate::client) fn classify(error: &(dyn Error + 'static), connecting: bool) -> ChannelError {
    let mut cause = Some(error);
    // An error's chain of causes ends; the bound keeps a looping one from being a hang.
    for _depth in 0..16 {
        let Some(this) = cause else { break };
        // HTTP/2 hands on the text of a TLS fault without its type; its kind remains, and sockets know no such kind.
        if this.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
            return ChannelError::ResponseTooLarge;
        }
        let io = this.downcast_ref::<io::Error>();
        if this.is::<rustls::Error>() || io.is_some_and(|io| io.kind() == io::ErrorKind::InvalidData) {
            return ChannelError::Tls;
        }
        cause = match io.and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => this.source(),
        };
    }
    if connecting { ChannelError::Connect } else { ChannelError::Broken }
}
