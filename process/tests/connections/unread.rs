//! Answers that their client does not take up, over both protocols, in clear and under TLS. The clock stands still unless
//! everybody waits; each limit of the listener is another number.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use restante_process::{Clients, Tls};
use tokio::time::{Instant, sleep, timeout};

use crate::{
    client::{Client, Protocol, Sender, WINDOW, connect, connect_tls, name_on},
    clock::{LATE, in_time, quick_clock},
    listener::{LIMITS, Listener},
    pki::Pki,
};

const SECOND: Duration = Duration::from_secs(1);
/// More than all buffers between the two ends hold together.
const LONG: usize = 48 * 1024 * 1024;

/// How long it takes until one of a listener's places is free, while the others go on being used.
async fn place_is_free(listener: &Listener, neighbours: &mut [Sender]) -> Duration {
    let began = Instant::now();
    let mut next = std::pin::pin!(name_on(connect(listener.address).await));
    let freed = async {
        loop {
            tokio::select! {
                name = &mut next => break name.unwrap(),
                () = sleep(SECOND) => {}
            }
            for neighbour in &mut *neighbours {
                neighbour.is_served().await;
            }
        }
    };
    assert_eq!(in_time(freed).await, "nobody");
    began.elapsed()
}

/// A listener with as many places as there are neighbours and one client more, which takes an answer up in its way.
async fn ended_after<F: Future<Output = ()>>(protocol: Protocol, window: u32, take_up: fn(Incoming) -> F) -> Duration {
    let listener = Listener::start(None, 3).await;
    let mut client = Client::default();
    let mut neighbours = Vec::new();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        neighbours.push(client.dial(connect(listener.address).await, protocol, WINDOW).await);
    }
    for neighbour in &mut neighbours {
        neighbour.is_served().await;
    }
    let mut slow = client.dial(connect(listener.address).await, protocol, window).await;
    let answer = slow.ask(&format!("/bytes/{LONG}")).await.unwrap();
    let took = tokio::select! {
        took = place_is_free(&listener, &mut neighbours) => took,
        () = async {
            take_up(answer.into_body()).await;
            std::future::pending().await
        } => unreachable!("it waits for ever"),
    };
    for neighbour in &mut neighbours {
        neighbour.is_served().await;
    }
    drop((client, neighbours, slow));
    listener.stop().await;
    took
}

fn assert_is(took: Duration, limit: Duration, what: &str) {
    assert!((limit..limit + LATE).contains(&took), "{what}: {took:?} and not {limit:?}");
}

/// Holds on to an answer and reads nothing of it.
async fn hold(answer: Incoming) {
    let _answer = answer;
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_ends_its_connection_and_no_other() {
    let _clock = quick_clock();
    for (protocol, window) in [(Protocol::Http1, 0), (Protocol::Http2, 0), (Protocol::Http2, WINDOW)] {
        let took = ended_after(protocol, window, hold).await;
        assert_is(took, LIMITS.response_stall, &format!("{protocol:?} with a window of {window}"));
    }
}

#[tokio::test(start_paused = true)]
async fn under_tls_as_well() {
    let _clock = quick_clock();
    let pki = Pki::new();
    let tls = Tls::read(&pki.cert_file(), &pki.key_file(), Clients::Unknown).unwrap();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let listener = Listener::start(Some(tls.clone()), 1).await;
        let mut client = Client::default();
        let mut slow = client.dial(connect_tls(listener.address, pki.anonymous()).await.unwrap(), protocol, 0).await;
        let answer = slow.ask(&format!("/bytes/{LONG}")).await.unwrap();
        let began = Instant::now();
        // Its handshake begins when there is a place.
        let next = in_time(connect_tls(listener.address, pki.anonymous())).await.unwrap();
        assert_is(began.elapsed(), LIMITS.response_stall, &format!("{protocol:?}"));
        assert_eq!(name_on(next).await.unwrap(), "nobody");
        drop((answer, slow, client));
        listener.stop().await;
    }
}

/// Takes up something before each stall is over, and is not done when its time is.
async fn sip(mut answer: Incoming) {
    loop {
        // Much more than a system keeps back before it says that there is room.
        let mut taken = 0;
        while taken < 2 * 1024 * 1024 {
            let Some(Ok(frame)) = answer.frame().await else { return };
            taken += frame.data_ref().map_or(0, Bytes::len);
        }
        sleep(LIMITS.response_stall - 2 * SECOND).await;
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_a_little_now_and_then_has_its_time_and_no_more() {
    let _clock = quick_clock();
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let took = ended_after(protocol, WINDOW, sip).await;
        assert_is(took, LIMITS.response_timeout, &format!("{protocol:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_client_that_is_in_time_gets_everything() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let mut client = Client::default();
    let mut slow = client.dial(connect(listener.address).await, Protocol::Http2, WINDOW).await;
    for _again in 0..2 {
        let began = Instant::now();
        let mut answer = slow.ask("/bytes/100000").await.unwrap().into_body();
        let mut taken = 0;
        while let Some(frame) = answer.frame().await {
            taken += frame.unwrap().data_ref().map_or(0, Bytes::len);
            sleep(6 * SECOND).await;
        }
        assert_eq!(taken, 100_000);
        assert!((LIMITS.response_stall..LIMITS.response_timeout).contains(&began.elapsed()), "{:?}", began.elapsed());
    }
    drop((slow, client));
    listener.stop().await;
}

/// Answers on one connection that are not taken up keep further requests on it from being answered.
#[tokio::test(start_paused = true)]
async fn unread_answers_of_a_connection_are_bounded() {
    let _clock = quick_clock();
    let listener = Listener::start(None, 10).await;
    let mut client = Client::default();
    let (mut greedy, mut other) = (
        client.dial(connect(listener.address).await, Protocol::Http2, 0).await,
        client.dial(connect(listener.address).await, Protocol::Http2, WINDOW).await,
    );
    let path = format!("/bytes/{}", LIMITS.unread_bytes_max / 2);
    let answers = [greedy.ask(&path).await.unwrap(), greedy.ask(&path).await.unwrap()];
    assert!(timeout(LIMITS.response_stall / 2, greedy.ask(&path)).await.is_err(), "there is no room for a third");
    assert_eq!(listener.asked(), 2);
    other.is_served().await;
    assert_eq!(listener.asked(), 3);
    // Who gives one up makes room.
    let [kept, given_up] = answers;
    drop(given_up);
    let third = timeout(SECOND, greedy.ask(&path)).await.expect("there is room").unwrap();
    drop((kept, third, greedy, other, client));
    listener.stop().await;
}
