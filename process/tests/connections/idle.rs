//! Connections on which nothing is asked any more, and what a listener says of its limits.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::{
    client::{PREFACE, SETTINGS, connect},
    clock::{LATE, in_time, quick_clock},
    listener::{LIMITS, Listener},
    pki::SERVER,
};

const SECOND: Duration = Duration::from_secs(1);
/// How long a client may take to part after it was told that the connection ends.
const PARTING: Duration = Duration::from_secs(5);

type Sender = http2::SendRequest<Empty<Bytes>>;

/// The end of the connection comes through the task; `true` when it was announced.
async fn dial(listener: &Listener) -> (Sender, JoinHandle<bool>) {
    let stream = TokioIo::new(connect(listener.address).await);
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    (sender, tokio::spawn(async { connection.await.is_ok() }))
}

async fn ask(sender: &mut Sender) {
    let request = Request::get(format!("http://{SERVER}/")).body(Empty::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(answer.to_bytes(), "nobody");
}

fn assert_is(took: Duration, limit: Duration) {
    assert!((limit..limit + LATE).contains(&took), "{took:?} and not {limit:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nothing_is_asked_is_ended_and_told() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let ((mut busy, _busy), (mut once, ended)) = (dial(&listener).await, dial(&listener).await);
    ask(&mut once).await;
    let began = Instant::now();
    let asking = async {
        loop {
            ask(&mut busy).await;
            sleep(LIMITS.idle_timeout / 3).await;
        }
    };
    tokio::select! {
        announced = in_time(ended) => assert!(announced.unwrap()),
        () = asking => {}
    }
    assert_is(began.elapsed(), LIMITS.idle_timeout);
    ask(&mut busy).await;
    drop((once, busy));
    listener.stop().await;
}

/// As long as a tunnel is open its connection is in use, over HTTP/2 as well.
#[tokio::test(start_paused = true)]
async fn a_tunnel_is_not_idle() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let (mut sender, ended) = dial(&listener).await;
    let request = Request::connect("follower.example:443").body(Empty::new()).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let mut tunnel = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    for _again in 0..2 {
        sleep(LIMITS.idle_timeout + SECOND).await;
        tunnel.write_all(b"x").await.unwrap();
        tunnel.read_exact(&mut [0; 1]).await.unwrap();
    }
    drop(tunnel);
    let began = Instant::now();
    assert!(in_time(ended).await.unwrap());
    assert_is(began.elapsed(), LIMITS.idle_timeout);
    drop(sender);
    listener.stop().await;
}

/// What a frame says of itself (RFC 9113, §4.1), and its payload.
async fn read_frame(stream: &mut TcpStream) -> Option<(u8, u8, Vec<u8>)> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let mut payload = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
    stream.read_exact(&mut payload).await.ok()?;
    Some((head[3], head[4], payload))
}

const SETTINGS_FRAME: u8 = 4;
const PING_FRAME: u8 = 6;
const GOAWAY_FRAME: u8 = 7;
const ACK: u8 = 1;

/// Answers every ping, asks nothing, and does not go when it is told to.
#[tokio::test(start_paused = true)]
async fn whoever_does_not_go_when_told_is_cut_off() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let mut stream = connect(listener.address).await;
    stream.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
    let (began, mut told) = (Instant::now(), None);
    while let Some((kind, flags, payload)) = in_time(read_frame(&mut stream)).await {
        match kind {
            PING_FRAME if flags & ACK == 0 && told.is_none() => {
                let answer = [&[0, 0, 8, PING_FRAME, ACK, 0, 0, 0, 0], &payload[..]].concat();
                stream.write_all(&answer).await.unwrap();
            }
            GOAWAY_FRAME if told.is_none() => told = Some(began.elapsed()),
            _ => {}
        }
    }
    assert_is(told.expect("it was told"), LIMITS.idle_timeout);
    assert_is(began.elapsed(), LIMITS.idle_timeout + PARTING);
    listener.stop().await;
}

/// And it does not hold up a drain.
#[tokio::test(start_paused = true)]
async fn a_drain_waits_for_the_farewell_and_not_for_ever() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let mut silent = connect(listener.address).await;
    silent.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
    // With its settings it says that it has read ours: the connection stands.
    while read_frame(&mut silent).await.unwrap() != (SETTINGS_FRAME, ACK, Vec::new()) {}
    sleep(LIMITS.header_timeout).await;
    let began = Instant::now();
    in_time(listener.stop()).await;
    // What was idle before the end began has had its time.
    assert!(began.elapsed() <= PARTING + LATE, "{:?}", began.elapsed());
}

/// The settings that HTTP/2 begins with tell a client what it may do (RFC 9113, §6.5.2).
#[tokio::test(start_paused = true)]
async fn streams_and_heads_are_bounded_and_the_client_is_told() {
    let _clock = quick_clock();
    const MAX_CONCURRENT_STREAMS: u16 = 3;
    const INITIAL_WINDOW_SIZE: u16 = 4;
    const MAX_HEADER_LIST_SIZE: u16 = 6;
    let listener = Listener::start(None, 10).await;
    let mut stream = connect(listener.address).await;
    stream.write_all(&[PREFACE, SETTINGS].concat()).await.unwrap();
    let (kind, _, payload) = read_frame(&mut stream).await.unwrap();
    assert_eq!(kind, SETTINGS_FRAME);
    let setting = |id: u16| {
        let mut all = payload.as_chunks::<6>().0.iter();
        let found = all.find(|setting| setting[..2] == id.to_be_bytes()).expect("it is said");
        u32::from_be_bytes([found[2], found[3], found[4], found[5]])
    };
    assert_eq!(setting(MAX_CONCURRENT_STREAMS), LIMITS.streams_max);
    assert_eq!(setting(INITIAL_WINDOW_SIZE), 1024 * 1024);
    assert_eq!(setting(MAX_HEADER_LIST_SIZE), 16 * 1024);
    drop(stream);
    listener.stop().await;
}
