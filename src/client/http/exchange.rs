//! The exchange itself: deadline, size limit, no redirects.

use std::{error::Error, io, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::{Client, connect::Connect};

use super::{ChannelError, ChannelRequest, ChannelResponse, DS_EXPECT_COMMIT, Limits};
use crate::wire::MEDIA_TYPE;

/// The HTTP request without what a channel adds to say who asks.
pub(super) fn http_request(uri: Uri, request: &ChannelRequest) -> Request<Full<Bytes>> {
    let mut made = Request::new(Full::new(request.body.clone()));
    *made.method_mut() = Method::POST;
    *made.uri_mut() = uri;
    let headers = made.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    if request.wait.as_secs() > 0 {
        let prefer = HeaderValue::try_from(format!("wait={}", request.wait.as_secs()));
        headers.insert(super::delivery_service::PREFER, prefer.expect("digits are a header value"));
    }
    if let Some(expect) = request.expect_commit {
        let expect = HeaderValue::try_from(expect.to_string());
        headers.insert(DS_EXPECT_COMMIT, expect.expect("a word or digits are a header value"));
    }
    made
}

/// Sends a request and reads the response to its end.
pub(in crate::client) async fn exchange<C>(
    client: &Client<C, Full<Bytes>>,
    request: Request<Full<Bytes>>,
    limits: &Limits,
    wait: Duration,
) -> Result<ChannelResponse, ChannelError>
where
    C: Connect + Clone + Send + Sync + 'static,
{
    let exchange = async {
        let response = client.request(request).await.map_err(|error| classify(&error, error.is_connect()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, limits.response_bytes).collect().await.map_err(|error| {
            let too_large = error.downcast_ref::<LengthLimitError>().is_some();
            if too_large { ChannelError::ResponseTooLarge } else { ChannelError::Broken }
        })?;
        Ok(ChannelResponse { status: head.status, headers: head.headers, body: body.to_bytes() })
    };
    tokio::time::timeout(limits.request.saturating_add(wait), exchange).await.unwrap_or(Err(ChannelError::Timeout))
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
