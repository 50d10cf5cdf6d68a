//! The rest of a body that was refused before its end.
//!
//! Over HTTP/1.1, closing a connection on which the client still sends resets it, and the client never reads why it was
//! refused: it would send the same again. So the rest is read and thrown away first, within bounds. HTTP/2 can refuse a
//! body without any of this.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Version, header::EXPECT};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// Whoever sends more than this after a refusal may be cut off.
const DISCARDED_BYTES_MAX: usize = 64 * 1024 * 1024;
const DISCARDING_MAX: Duration = Duration::from_secs(5);

/// What a handler has left of a request's body.
pub(crate) struct Unread(Option<Arc<Mutex<Incoming>>>);

impl Unread {
    /// Gives the handler the body, and keeps a hand on it.
    pub(crate) fn lend(request: Request<Incoming>) -> (Request<RequestBody>, Self) {
        // Whoever waits for `100 Continue` has not sent anything, and reading would ask for it.
        let keeps = request.version() <= Version::HTTP_11
            && !request.body().is_end_stream()
            && !request.headers().contains_key(EXPECT);
        if !keeps {
            return (request.map(|body| RequestBody(Held::Whole(body))), Self(None));
        }
        let (head, body) = request.into_parts();
        let shared = Arc::new(Mutex::new(body));
        (Request::from_parts(head, RequestBody(Held::Shared(Lent(shared.clone())))), Self(Some(shared)))
    }

    /// Reads what is left, if anything is, before the answer goes out.
    pub(crate) async fn discard(self) {
        let Some(body) = self.0 else { return };
        let mut body = Lent(body);
        if body.is_end_stream() {
            return;
        }
        let mut discarded = 0;
        let discarding = async {
            while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                discarded += frame.data_ref().map_or(0, Bytes::len);
                if discarded > DISCARDED_BYTES_MAX {
                    return;
                }
            }
        };
        // Whether it came to an end or not: the answer goes out now.
        let _ = tokio::time::timeout(DISCARDING_MAX, discarding).await;
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
