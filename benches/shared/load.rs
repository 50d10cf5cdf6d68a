//! The generator: connections with one request in flight each, driven by one thread.
//!
//! It writes prepared bytes and looks only for the end of the answer, so that most of the machine is left to the
//! servers. Each connection asks again when it was answered, or, at a given rate, when its turn has come.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::{JoinSet, LocalSet},
};

use crate::row::Measured;

pub(crate) struct Load {
    pub(crate) address: SocketAddr,
    pub(crate) in_flight: usize,
    pub(crate) length: Duration,
    /// How many requests all connections begin in a second, whether others were answered or not, if they do not ask as
    /// fast as they can. Time is counted from when a request should have begun.
    pub(crate) rate: Option<f64>,
}

/// What is asked, and how an answer ends.
#[derive(Clone)]
pub(crate) struct Target {
    /// Writes the request with that number.
    pub(crate) request: Rc<Request>,
    /// The length of the answer at the head of the bytes, once it is all there. Panics at an answer that is none.
    pub(crate) answer: fn(&[u8]) -> Option<usize>,
}

/// Writes the request with a number.
type Request = dyn Fn(u64, &mut Vec<u8>);

/// What connections share.
#[derive(Default)]
struct Progress {
    number: Cell<u64>,
    counting: Cell<bool>,
    ending: Cell<bool>,
}

/// Asks over connections of plain TCP.
pub(crate) fn run(load: &Load, target: &Target, cpu_seconds: impl Fn() -> f64) -> Measured {
    run_over(load, dial, target, cpu_seconds)
}

/// Asks over connections that are made so, one after the other.
pub(crate) fn run_over<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    load: &Load,
    dial: impl AsyncFn(SocketAddr) -> S,
    target: &Target,
    cpu_seconds: impl Fn() -> f64,
) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let progress = Rc::new(Progress::default());
    LocalSet::new().block_on(&runtime, async {
        let mut connections = JoinSet::new();
        for number in 0..load.in_flight {
            let stream = dial(load.address).await;
            let turns = load.rate.map(|rate| Turns::of(number, load.in_flight, rate));
            connections.spawn_local(connection(stream, target.clone(), progress.clone(), turns));
        }
        tokio::time::sleep(load.length / 4).await;
        progress.counting.set(true);
        let (start, cpu) = (Instant::now(), cpu_seconds());
        tokio::time::sleep(load.length).await;
        progress.counting.set(false);
        let (elapsed, cpu) = (start.elapsed(), cpu_seconds() - cpu);
        progress.ending.set(true);
        let mut all = Histogram::<u64>::new(3).unwrap();
        while let Some(histogram) = connections.join_next().await {
            all.add(histogram.unwrap()).unwrap();
        }
        summarise(&all, elapsed, Some(cpu))
    })
}

/// Tokio's timer wakes as late as this.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// When a connection may ask, if not at once.
struct Turns {
    next: tokio::time::Instant,
    apart: Duration,
}

impl Turns {
    /// One connection of several that take turns.
    fn of(number: usize, connections: usize, rate: f64) -> Self {
        let between = Duration::from_secs_f64(1.0 / rate);
        let (number, connections) = (u32::try_from(number).unwrap(), u32::try_from(connections).unwrap());
        Self { next: tokio::time::Instant::now() + between * number, apart: between * connections }
    }

    /// A turn that was missed is taken at once. When it began, or should have begun: the timer's own grain is not the
    /// server's, and being late because the last answer was late is.
    async fn wait(&mut self) -> Instant {
        tokio::time::sleep_until(self.next).await;
        let (due, now) = (self.next.into_std(), Instant::now());
        self.next += self.apart;
        if now - due > TIMER_GRAIN { due } else { now }
    }
}

/// A connection of plain TCP.
pub(crate) async fn dial(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

async fn connection<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    target: Target,
    progress: Rc<Progress>,
    mut turns: Option<Turns>,
) -> Histogram<u64> {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    let (mut request, mut answer) = (Vec::new(), Vec::with_capacity(16 * 1024));
    while !progress.ending.get() {
        request.clear();
        (target.request)(progress.number.replace(progress.number.get() + 1), &mut request);
        let start = match &mut turns {
            Some(turns) => turns.wait().await,
            None => Instant::now(),
        };
        stream.write_all(&request).await.unwrap();
        stream.flush().await.unwrap();
        answer.clear();
        while (target.answer)(&answer).is_none() {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the server closed the connection");
        }
        if progress.counting.get() {
            histogram.record(u64::try_from(start.elapsed().as_nanos()).unwrap()).unwrap();
        }
    }
    histogram
}

/// Figures of a histogram of nanoseconds.
pub(crate) fn summarise(histogram: &Histogram<u64>, elapsed: Duration, cpu_seconds: Option<f64>) -> Measured {
    let count = histogram.len() as f64;
    Measured {
        rate: count / elapsed.as_secs_f64(),
        p50_us: histogram.value_at_quantile(0.5) as f64 / 1e3,
        p99_us: histogram.value_at_quantile(0.99) as f64 / 1e3,
        server_cpu_us: cpu_seconds.map(|seconds| seconds * 1e6 / count),
    }
}

/// The end of an HTTP/1.1 answer with a Content-Length and status 200.
pub(crate) fn http_answer(bytes: &[u8]) -> Option<usize> {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).unwrap() else { return None };
    assert_eq!(response.code, Some(200), "{}", String::from_utf8_lossy(bytes));
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |header| std::str::from_utf8(header.value).unwrap().parse().unwrap());
    (bytes.len() >= head + length).then_some(head + length)
}
