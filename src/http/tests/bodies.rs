//! How bodies arrive: in pieces, slowly, never, and too much at once.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes};
use hyper::body::Frame;

use super::{Bounds, Call, House, application};
use crate::{
    client::ProblemCode,
    fixtures::requests::{receive, receive_literal},
    sequencer::Policy,
    service::{Limits, setup::key},
};

/// Pieces, and what happens after the last one.
struct Pieces {
    pieces: VecDeque<Bytes>,
    end: End,
}

enum End {
    Regular,
    Never,
    Broken,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match (self.pieces.pop_front(), &self.end) {
            (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            (None, End::Regular) => Poll::Ready(None),
            (None, End::Never) => Poll::Pending,
            (None, End::Broken) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
        }
    }
}

fn body(pieces: impl IntoIterator<Item = Vec<u8>>, end: End) -> Body {
    Body::new(Pieces { pieces: pieces.into_iter().map(Bytes::from).collect(), end })
}

fn quick(bounds: Bounds) -> House {
    let bounds = Bounds { body_timeout: Duration::from_millis(200), ..bounds };
    House::with(Policy::default(), Limits::default(), bounds)
}

#[tokio::test]
async fn pieces_are_put_together() {
    let house = House::new();
    let group = house.setup.group().await;
    let call = Call::local("/v1/send", "");
    for (number, size) in [1, 7, 4096, 100_000].into_iter().enumerate() {
        let whole = application(&group, &vec![u8::try_from(number).unwrap(); 10_000]);
        let pieces = whole.chunks(size).map(<[u8]>::to_vec);
        call.answer_to(&house, body(pieces, End::Regular)).await.assert_ok();
    }
    let empty_pieces = [vec![], application(&group, b"text"), vec![]];
    call.answer_to(&house, body(empty_pieces, End::Regular)).await.assert_ok();
    assert_eq!(house.messages(&group, 0).await, 5);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_malformed() {
    let house = House::new();
    let group = house.setup.group().await;
    let call = Call::local("/v1/send", "");
    for pieces in [vec![], vec![application(&group, b"whole, and yet broken")]] {
        call.answer_to(&house, body(pieces, End::Broken)).await.assert_problem(ProblemCode::Malformed);
    }
    assert_eq!(house.messages(&group, 0).await, 0);
}

#[tokio::test]
async fn a_body_that_does_not_end_is_given_up() {
    let house = quick(Bounds::default());
    let group = house.setup.group().await;
    for pieces in [vec![], vec![application(&group, b"whole")]] {
        for call in [Call::local("/v1/send", ""), Call::provider("/v1/send", "")] {
            let answer = call.answer_to(&house, body(pieces.clone(), End::Never)).await;
            answer.assert_problem(ProblemCode::Unavailable);
        }
    }
    assert_eq!(house.messages(&group, 0).await, 0);
}

/// It is not read to its end first.
#[tokio::test]
async fn a_body_that_is_too_large_is_refused_when_it_gets_there() {
    let house =
        House::with(Policy::default(), Limits::default(), Bounds { request_bytes_max: 10_000, ..Bounds::default() });
    let pieces = (0..11).map(|_| vec![0; 1000]);
    let answer = Call::local("/v1/send", "").answer_to(&house, body(pieces, End::Never)).await;
    answer.assert_problem(ProblemCode::TooLarge);
}

/// All bodies share the memory; whoever takes more than there is waits, and is told to come back.
#[tokio::test]
async fn memory_is_lent_and_given_back() {
    let house = quick(Bounds { in_flight_bytes_max: 8 * 1024, ..Bounds::default() });
    let group = house.setup.group().await;
    let send = |number: u8| Call::local("/v1/send", application(&group, &[number; 5000]));
    send(0).answer(&house).await.assert_ok();
    // Two steps are held by somebody who never comes to an end.
    let call = Call::local("/v1/send", "");
    let mut holding = Box::pin(call.answer_to(&house, body([vec![0; 5000]], End::Never)));
    let mut context = Context::from_waker(std::task::Waker::noop());
    assert!(holding.as_mut().poll(&mut context).is_pending());
    send(1).assert_problem(&house, ProblemCode::Unavailable).await;
    drop(holding);
    send(1).answer(&house).await.assert_ok();
    for number in 2..20 {
        send(number).answer(&house).await.assert_ok();
    }
    assert_eq!(house.messages(&group, 0).await, 20);
}

/// However many wait, for however long: what they asked with is gone, and others can ask.
#[tokio::test]
async fn memory_is_given_back_before_a_wait() {
    let house = quick(Bounds { in_flight_bytes_max: 4096, ..Bounds::default() });
    let group = house.setup.group().await;
    let (named, literal, inbox) = (receive(&group, key(0), 0), receive_literal(key(0), 0), vec![0; 24]);
    let next = Call::provider("/v1/receive", named.clone());
    for waiting in [
        Call::local("/v1/receive", named.clone()),
        Call::local("/v1/receive-literal", literal.clone()),
        Call::local("/v1/local/inbox", inbox),
        Call::provider("/v1/receive", named),
        Call::provider("/v1/receive-literal", literal),
    ] {
        let waiting = waiting.with("prefer", "wait=50");
        let asking = async {
            house.setup.await_waiting(1).await;
            next.answer(&house).await.assert_ok();
        };
        tokio::select! {
            answer = waiting.answer(&house) => panic!("it does not wait: {}", answer.status),
            () = asking => {}
        }
        house.setup.await_waiting(0).await;
    }
}
