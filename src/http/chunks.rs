//! A body of few pieces, of which each may be shared with other bodies.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// Pieces that go out one behind the other, without being copied into one.
pub(super) struct Chunks(VecDeque<Bytes>);

impl Chunks {
    /// A body of these pieces.
    pub(super) fn body(pieces: impl IntoIterator<Item = Bytes>) -> Body {
        Body::new(Self(pieces.into_iter().filter(|piece| !piece.is_empty()).collect()))
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.iter().map(|piece| piece.len() as u64).sum())
    }
}
