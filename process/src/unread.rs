//! The rest of a body that was refused before its end.
//!
//! Over HTTP/1.1, closing a connection on which the client still sends resets it, and the client never reads why it was
//! refused: it would send the same again. So the rest is read and thrown away first, within bounds.
//!
//! HTTP/2 can refuse a body without any of this: an answer, and behind it RST_STREAM with NO_ERROR (RFC 9113, §8.1). But
//! there are clients that take that for a failure and drop the answer (curl before 8.0). So a little is read there too:
//! what a client may have sent already. Whoever sends more is told to stop.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Version, header::EXPECT};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use crate::protocols::WINDOW_BYTES;

/// How much is read of a refused body, and for how long.
#[derive(Clone, Copy, Debug)]
struct Patience {
    bytes: usize,
    time: Duration,
}

/// Over HTTP/1.1: whoever sends more than this after a refusal may be cut off.
const PATIENCE: Patience = Patience { bytes: 64 * 1024 * 1024, time: Duration::from_secs(5) };
/// Over HTTP/2: as much as a client may send before anybody reads.
const PATIENCE_OF_HTTP2: Patience = Patience { bytes: WINDOW_BYTES as usize, time: Duration::from_secs(1) };

/// What a handler has left of a request's body.
pub(crate) struct Unread(Option<(Arc<Mutex<Incoming>>, Patience)>);

impl Unread {
    /// Gives the handler the body, and keeps a hand on it.
    pub(crate) fn lend(request: Request<Incoming>) -> (Request<RequestBody>, Self) {
        // Whoever waits for `100 Continue` has not sent anything, and reading would ask for it.
        let keeps = request.method() != Method::CONNECT
            && !request.body().is_end_stream()
            && !request.headers().contains_key(EXPECT);
        if !keeps {
            return (request.map(|body| RequestBody(Held::Whole(body))), Self(None));
        }
        let patience = if request.version() <= Version::HTTP_11 { PATIENCE } else { PATIENCE_OF_HTTP2 };
        let (head, body) = request.into_parts();
        let shared = Arc::new(Mutex::new(body));
        (Request::from_parts(head, RequestBody(Held::Shared(Lent(shared.clone())))), Self(Some((shared, patience))))
    }

    /// Reads what is left, if anything is, before the answer goes out.
    pub(crate) async fn discard(self) {
        let Some((body, patience)) = self.0 else { return };
        let mut body = Lent(body);
        if body.is_end_stream() {
            return;
        }
        let mut discarded = 0;
        let discarding = async {
            while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                discarded += frame.data_ref().map_or(0, Bytes::len);
                if discarded > patience.bytes {
                    return;
                }
            }
        };
        // Whether it came to an end or not: the answer goes out now.
        let _ = tokio::time::timeout(patience.time, discarding).await;
    }
}

/// The body of a request: what its sender sends, as it comes.
#[derive(Debug)]
pub struct RequestBody(Held);

#[derive(Debug)]
enum Held {
    Whole(Incoming),
    Shared(Lent),
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.0 {
            Held::Whole(body) => Pin::new(body).poll_frame(context),
            Held::Shared(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Held::Whole(body) => body.is_end_stream(),
            Held::Shared(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Held::Whole(body) => body.size_hint(),
            Held::Shared(body) => body.size_hint(),
        }
    }
}

/// A body that two parts of the process can read, one after the other.
#[derive(Debug)]
struct Lent(Arc<Mutex<Incoming>>);

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if body.is_end_stream() {
            return Poll::Ready(None);
        }
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}
