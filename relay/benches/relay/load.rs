//! The generator: TLS connections with one request in flight each, driven by one thread.
//!
//! It writes prepared bytes and looks only for the end of the answer, so that most of the machine is left to the servers.

use std::{
    cell::Cell,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::{JoinSet, LocalSet},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    REQUEST_BYTES,
    pki::{self, GATEWAY, RELAY},
    row::Measured,
};

pub(crate) struct Load<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) folder: &'a Path,
    pub(crate) token: &'a str,
    pub(crate) in_flight: usize,
    pub(crate) length: Duration,
    pub(crate) pace: Pace,
}

/// Tokio's timer wakes as late as this.
const TIMER_GRAIN: Duration = Duration::from_millis(2);

/// When the next request begins.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// As soon as the one before has been answered.
    Closed,
    /// At its time, whether others were answered or not: time is counted from when it should have begun.
    Open { per_second: f64 },
}

/// What connections share.
#[derive(Default)]
struct Progress {
    counting: Cell<bool>,
    ending: Cell<bool>,
}

pub(crate) fn run(load: &Load<'_>, cpu_seconds: impl Fn() -> f64) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let progress = Rc::new(Progress::default());
    LocalSet::new().block_on(&runtime, async {
        let request: Rc<[u8]> = request(load.token).into();
        let mut connections = JoinSet::new();
        for number in 0..load.in_flight {
            let stream = connect(load).await;
            let pause = match load.pace {
                Pace::Closed => None,
                Pace::Open { per_second } => Some(Duration::from_secs_f64(load.in_flight as f64 / per_second)),
            };
            // Connections take turns.
            let offset = pause.unwrap_or_default().mul_f64(number as f64 / load.in_flight as f64);
            connections.spawn_local(ask(stream, request.clone(), offset, pause, progress.clone()));
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
        summarise(&all, elapsed, cpu)
    })
}

fn request(token: &str) -> Vec<u8> {
    let head = format!(
        "POST /v1/relay/{GATEWAY} HTTP/1.1\r\nhost: {RELAY}\r\ncontent-type: message/ohttp-req\r\n\
         proxy-authorization: Bearer {token}\r\ncontent-length: {REQUEST_BYTES}\r\n\r\n"
    );
    [head.as_bytes(), &[7; REQUEST_BYTES]].concat()
}

async fn connect(load: &Load<'_>) -> TlsStream<TcpStream> {
    let connector = TlsConnector::from(pki::client(load.folder, b"http/1.1"));
    // The gateway alone has another name than what stands before it.
    for name in [RELAY, GATEWAY].map(|name| ServerName::try_from(name).unwrap()) {
        let stream = TcpStream::connect(load.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        if let Ok(stream) = connector.connect(name, stream).await {
            return stream;
        }
    }
    panic!("no TLS");
}

async fn ask(
    mut stream: TlsStream<TcpStream>,
    request: Rc<[u8]>,
    offset: Duration,
    pause: Option<Duration>,
    progress: Rc<Progress>,
) -> Histogram<u64> {
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    let mut answer = Vec::with_capacity(16 * 1024);
    let mut next = Instant::now() + offset;
    while !progress.ending.get() {
        let start = match pause {
            None => Instant::now(),
            Some(pause) => {
                tokio::time::sleep_until(next.into()).await;
                let (due, now) = (next, Instant::now());
                next += pause;
                // The timer's own grain is not the server's; being late because the last answer was is.
                if now - due > TIMER_GRAIN { due } else { now }
            }
        };
        stream.write_all(&request).await.unwrap();
        stream.flush().await.unwrap();
        answer.clear();
        while !is_whole(&answer) {
            assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the server closed the connection");
        }
        if progress.counting.get() {
            histogram.record(u64::try_from(start.elapsed().as_nanos()).unwrap()).unwrap();
        }
    }
    histogram
}

fn summarise(histogram: &Histogram<u64>, elapsed: Duration, cpu_seconds: f64) -> Measured {
    let count = histogram.len() as f64;
    Measured {
        rate: count / elapsed.as_secs_f64(),
        p50_us: histogram.value_at_quantile(0.5) as f64 / 1e3,
        p99_us: histogram.value_at_quantile(0.99) as f64 / 1e3,
        server_cpu_us: cpu_seconds * 1e6 / count,
    }
}

/// Whether an answer with a Content-Length and status 200 is all there.
fn is_whole(bytes: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 16];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = response.parse(bytes).unwrap() else { return false };
    assert_eq!(response.code, Some(200), "{}", String::from_utf8_lossy(bytes));
    let length = response.headers.iter().find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length: usize = length.map_or(0, |header| std::str::from_utf8(header.value).unwrap().parse().unwrap());
    bytes.len() >= head + length
}
