//! What requests take while they are read.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http::header::CONTENT_TYPE;
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use tokio::task::{JoinHandle, yield_now};

use super::*;

/// Gives its bytes once, announces more, and never ends.
struct Slow(Option<Bytes>);

impl Body for Slow {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(1000)
    }
}

fn reading(reading_bytes: usize) -> Arc<Reading> {
    let limits = Limits { request_bytes: 1000, reading_bytes, ..Limits::default() };
    Arc::new(Reading::new(&limits, Arc::default()))
}

fn request<B>(body: B) -> Request<B> {
    Request::builder().header(CONTENT_TYPE, REQUEST_TYPE).body(body).unwrap()
}

async fn read(reading: &Reading, bytes: usize) -> Result<usize, Failure> {
    reading.read(request(Full::new(vec![7; bytes].into()))).await.map(|content| content.len())
}

/// Reads one that has sent so much.
async fn begin(reading: &Arc<Reading>, bytes: usize) -> JoinHandle<Result<Bytes, Failure>> {
    let (reading, body) = (reading.clone(), Slow(Some(vec![7; bytes].into())));
    let task = tokio::spawn(async move { reading.read(request(body)).await });
    // There is one thread: it reads until it waits.
    yield_now().await;
    task
}

#[tokio::test(start_paused = true)]
async fn a_request_takes_what_has_arrived_of_it_until_it_ends() {
    let reading = reading(3 * BESIDES_BYTES);
    let slow = begin(&reading, 600).await;
    let other = begin(&reading, 1).await;
    assert_eq!(reading.free.available_permits(), BESIDES_BYTES - 601);
    assert_eq!(read(&reading, 1).await, Err(Failure::Overloaded));
    assert_eq!(slow.await.unwrap(), Err(Failure::SlowBody));
    assert_eq!(other.await.unwrap(), Err(Failure::SlowBody));
    assert_eq!(reading.free.available_permits(), 3 * BESIDES_BYTES);
    assert_eq!(read(&reading, 1000).await, Ok(1000));
    assert_eq!(reading.free.available_permits(), 3 * BESIDES_BYTES, "what was read has a place elsewhere");
}

/// Room for the request, and not for what it goes on with.
#[tokio::test(start_paused = true)]
async fn a_request_for_whose_content_there_is_no_room_is_refused_where_it_is() {
    let reading = reading(2 * BESIDES_BYTES + 1000);
    let slow = begin(&reading, 900).await;
    assert_eq!(read(&reading, 100).await, Ok(100));
    assert_eq!(read(&reading, 101).await, Err(Failure::Overloaded));
    assert_eq!(read(&reading, 1001).await, Err(Failure::TooLarge));
    slow.abort();
    assert!(slow.await.unwrap_err().is_cancelled());
    assert_eq!(read(&reading, 101).await, Ok(101));
}
