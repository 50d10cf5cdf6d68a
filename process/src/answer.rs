//! The body of a response, known to its connection until the client has taken up the last byte of it.
//!
//! That HTTP has fetched a body to its end says nothing: it keeps the bytes until there is room for them. The bytes
//! themselves say when they are gone.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::{Buf, Bytes};
use http::Response;
use hyper::body::{Body, Frame, SizeHint};

use crate::exchanges::Exchange;

/// The body of a response.
pub(crate) struct Answer<B> {
    body: B,
    /// `None`: there is nothing to take up.
    exchange: Option<Arc<Exchange>>,
}

impl<B: Body> Answer<B> {
    /// The response of that exchange.
    pub(crate) fn of(response: Response<B>, exchange: Arc<Exchange>) -> Response<Self> {
        response.map(|body| {
            if body.is_end_stream() {
                return Self { body, exchange: None };
            }
            exchange.answered(usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX));
            Self { body, exchange: Some(exchange) }
        })
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Piece;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, Self::Error>>> {
        let Self { body, exchange } = &mut *self;
        let frame = Pin::new(body).poll_frame(context);
        frame.map_ok(|frame| frame.map_data(|bytes| Piece { bytes, exchange: exchange.clone() }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Some bytes of a response, as HTTP keeps them until it has written them.
#[derive(Debug)]
pub(crate) struct Piece {
    bytes: Bytes,
    exchange: Option<Arc<Exchange>>,
}

impl Piece {
    fn note(&mut self) {
        if self.bytes.is_empty() {
            self.exchange = None;
        } else if let Some(exchange) = &self.exchange {
            exchange.moved();
        }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.bytes
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        self.note();
    }

    fn copy_to_bytes(&mut self, length: usize) -> Bytes {
        let bytes = self.bytes.copy_to_bytes(length);
        self.note();
        bytes
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, Empty, Full};

    use super::*;
    use crate::{ConnectionLimits, exchanges::Exchanges};

    fn under_way(exchanges: &Arc<Exchanges>) -> bool {
        // One for the exchanges themselves.
        Arc::strong_count(exchanges) > 1
    }

    #[tokio::test]
    async fn an_exchange_lasts_until_its_bytes_are_gone() {
        let exchanges = Arc::new(Exchanges::new(ConnectionLimits::default()));
        let body = Full::new(Bytes::from_static(b"0123456789"));
        let mut answer = Answer::of(Response::new(body), Arc::new(exchanges.begin())).into_body();
        let mut piece = answer.frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(answer.is_end_stream());
        drop(answer);
        piece.advance(4);
        assert_eq!(piece.chunk(), b"456789");
        assert_eq!(piece.copy_to_bytes(5).as_ref(), b"45678");
        assert!(under_way(&exchanges));
        piece.advance(1);
        assert!(!under_way(&exchanges));
    }

    #[tokio::test]
    async fn what_is_thrown_away_is_over() {
        let exchanges = Arc::new(Exchanges::new(ConnectionLimits::default()));
        let answer =
            |bytes| Answer::of(Response::new(Full::new(Bytes::from_static(bytes))), Arc::new(exchanges.begin()));
        let unfetched = answer(b"x");
        assert!(under_way(&exchanges));
        drop(unfetched);
        assert!(!under_way(&exchanges));
        let piece = answer(b"x").into_body().frame().await.unwrap().unwrap().into_data().unwrap();
        assert!(under_way(&exchanges));
        drop(piece);
        assert!(!under_way(&exchanges));
    }

    #[test]
    fn without_content_there_is_nothing_to_take_up() {
        let exchanges = Arc::new(Exchanges::new(ConnectionLimits::default()));
        let _answer = Answer::of(Response::new(Empty::<Bytes>::new()), Arc::new(exchanges.begin()));
        assert!(!under_way(&exchanges));
    }
}
