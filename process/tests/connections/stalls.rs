//! Clients that begin and do not go on. The clock stands still unless everybody waits, so that durations are exact.

use std::time::Duration;

use restante_process::{Clients, Tls};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use crate::{
    client::{Client, PREFACE, Protocol, SETTINGS, WINDOW, connect, connect_tls, name_on, read_to_end},
    clock::{LATE, quick_clock},
    listener::{LIMITS, Listener},
    pki::Pki,
};

/// Longer than any listener here waits for anything.
const NEVER: Duration = Duration::from_secs(3600);
const HEADER_TIMEOUT: Duration = LIMITS.header_timeout;
/// How long a timer may be late.
const TICK: Duration = Duration::from_millis(50);

/// Sends some bytes and then nothing: how long it takes until the connection is closed.
async fn closed_after(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> Duration {
    let began = Instant::now();
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
    timeout(NEVER, read_to_end(&mut stream)).await.expect("the connection is closed");
    began.elapsed()
}

/// Where a client of HTTP may stop before it has asked anything.
fn beginnings() -> Vec<Vec<u8>> {
    let http_2 = [PREFACE, SETTINGS].concat();
    let cuts = [0, 1, 2, 16, PREFACE.len() - 1, PREFACE.len(), PREFACE.len() + 1, http_2.len() - 1];
    let mut all: Vec<Vec<u8>> = cuts.iter().map(|cut| http_2[..*cut].to_vec()).collect();
    // A frame that says that it is longer than what comes.
    all.push([PREFACE, &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 3, 0]].concat());
    // HTTP/1.1: a word that begins like the preface, and heads without an end.
    all.extend(["PO", "PUT", "GET / HTTP/1.1", "GET / HTTP/1.1\r\nhost: a\r\n"].map(|text| text.as_bytes().to_vec()));
    all
}

fn assert_in_time(took: Duration, what: &str) {
    assert!((HEADER_TIMEOUT..HEADER_TIMEOUT + TICK).contains(&took), "{what}: {took:?}");
}

#[tokio::test(start_paused = true)]
async fn in_clear_every_beginning_has_its_deadline() {
    let listener = Listener::start(None, 10).await;
    for bytes in beginnings() {
        let took = closed_after(connect(listener.address).await, &bytes).await;
        assert_in_time(took, &String::from_utf8_lossy(&bytes));
    }
    listener.stop().await;
}

/// Who asks now and then is not ended with them.
#[tokio::test(start_paused = true)]
async fn others_on_the_same_listener_go_on() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 100).await;
    let (mut client, mut neighbours) = (Client::default(), Vec::new());
    for protocol in [Protocol::Http1, Protocol::Http2] {
        neighbours.push(client.dial(connect(listener.address).await, protocol, WINDOW).await);
    }
    let mut stalled = JoinSet::new();
    for bytes in beginnings() {
        let stream = connect(listener.address).await;
        stalled.spawn(async move { closed_after(stream, &bytes).await });
    }
    while !stalled.is_empty() {
        tokio::select! {
            Some(took) = stalled.join_next() => {
                let took = took.unwrap();
                assert!((HEADER_TIMEOUT..HEADER_TIMEOUT + LATE).contains(&took), "{took:?}");
            }
            () = sleep(HEADER_TIMEOUT / 4) => {}
        }
        for neighbour in &mut neighbours {
            neighbour.is_served().await;
        }
    }
    drop((neighbours, client));
    listener.stop().await;
}

#[tokio::test(start_paused = true)]
async fn under_tls_every_beginning_has_its_deadline() {
    let pki = Pki::new();
    let tls = Tls::read(&pki.cert_file(), &pki.key_file(), Clients::Unknown).unwrap();
    let listener = Listener::start(Some(tls), 10).await;
    // The handshake itself: nothing, and the head of a record that does not come.
    for bytes in [&[][..], &[22, 3, 1, 2, 0]] {
        assert_in_time(closed_after(connect(listener.address).await, bytes).await, "handshake");
    }
    for alpn in [&[][..], &["h2"], &["http/1.1"]] {
        for bytes in beginnings() {
            let mut config = pki.anonymous();
            config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
            let stream = connect_tls(listener.address, config).await.unwrap();
            let took = closed_after(stream, &bytes).await;
            assert_in_time(took, &format!("{alpn:?} {}", String::from_utf8_lossy(&bytes)));
        }
    }
    listener.stop().await;
}

/// A byte now and then does not put it off.
#[tokio::test(start_paused = true)]
async fn trickling_does_not_move_the_deadline() {
    let listener = Listener::start(None, 10).await;
    for bytes in [[PREFACE, SETTINGS].concat(), b"GET /a-path-that-is-long-enough HTTP/1.1\r\n".to_vec()] {
        let (mut reads, mut writes) = connect(listener.address).await.into_split();
        let began = Instant::now();
        let trickling = async {
            for byte in bytes {
                if writes.write_all(&[byte]).await.is_err() {
                    break;
                }
                sleep(HEADER_TIMEOUT / 20).await;
            }
            sleep(NEVER).await;
        };
        tokio::select! {
            _ = read_to_end(&mut reads) => {}
            () = trickling => panic!("the connection is still open"),
        }
        // Over HTTP/1.1 the head's own time begins with its first byte.
        assert_in_time(began.elapsed(), "trickling");
    }
    listener.stop().await;
}

/// Who has begun HTTP/2 and does not even answer pings is gone.
#[tokio::test(start_paused = true)]
async fn pings_find_out_who_is_silent_later() {
    let listener = Listener::start(None, 10).await;
    let took = closed_after(connect(listener.address).await, &[PREFACE, SETTINGS].concat()).await;
    // Asked after 30 seconds, and waited for 20.
    assert!((Duration::from_secs(50)..Duration::from_secs(50) + TICK).contains(&took), "{took:?}");
    listener.stop().await;
}

/// Between two requests over HTTP/1.1 the next head has to come in time.
#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed() {
    let listener = Listener::start(None, 10).await;
    let took = closed_after(connect(listener.address).await, b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert_in_time(took, "idle");
    listener.stop().await;
}

/// Those who stall hold the only places: whoever comes next is served when their time is over, not never.
#[tokio::test(start_paused = true)]
async fn stalled_clients_give_their_places_back() {
    let listener = Listener::start(None, 2).await;
    let mut stalled = Vec::new();
    for bytes in [&PREFACE[..5], PREFACE] {
        let mut stream = connect(listener.address).await;
        stream.write_all(bytes).await.unwrap();
        stalled.push(stream);
    }
    let began = Instant::now();
    assert_eq!(name_on(connect(listener.address).await).await.unwrap(), "nobody");
    assert!(began.elapsed() < HEADER_TIMEOUT + TICK, "{:?}", began.elapsed());
    drop(stalled);
    listener.stop().await;
}

/// A drain does not wait for those of whom not even the protocol is known.
#[tokio::test(start_paused = true)]
async fn a_drain_does_not_wait_for_the_stalled() {
    let listener = Listener::start(None, 10).await;
    let mut stalled = Vec::new();
    for bytes in [&PREFACE[..0], &PREFACE[..5]] {
        let mut stream = connect(listener.address).await;
        stream.write_all(bytes).await.unwrap();
        stalled.push(stream);
    }
    // Answered, so those before it were accepted.
    assert_eq!(name_on(connect(listener.address).await).await.unwrap(), "nobody");
    let began = Instant::now();
    listener.stop().await;
    assert!(began.elapsed() < HEADER_TIMEOUT, "{:?}", began.elapsed());
}
