//! Gateways that fail: what the client is told, and that nothing is sent twice.

use std::time::{Duration, Instant};

use http::Method;
use tokio::net::{TcpListener, TcpSocket};

use crate::{
    gateway::{Gateway, Reaction, answer},
    process::PATIENCE,
    raw_gateway::RawGateway,
    site::Site,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_closes_after_reading_has_seen_the_request_once() {
    let site = Site::new();
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let gateway = Gateway::start(&site.pki, &[alpn]).await;
        let (relay, token) = site.relay_to(gateway.address, "").await;
        let mut client = site.client(&relay).await;
        // Once on a fresh connection, and once on one that was used before: libraries like to try again on those.
        gateway.react(|_| Reaction::Close);
        let failed = client.post(&token, "first").await;
        assert_eq!((failed.status, failed.problem()), (502, "gateway_failed".to_owned()));
        gateway.react(|_| Reaction::Answer(answer(200, "message/ohttp-res", "sealed")));
        assert_eq!(client.post(&token, "second").await.status, 200);
        gateway.react(|_| Reaction::Close);
        assert_eq!(client.post(&token, "third").await.status, 502);
        let contents: Vec<_> = gateway.posts().into_iter().map(|arrival| arrival.content).collect();
        assert_eq!(contents, ["first", "second", "third"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_before_an_answer_are_not_replaced_by_another_try() {
    let site = Site::new();
    let gateway = RawGateway::start(&site.pki, b"").await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    let mut client = site.client(&relay).await;
    assert_eq!(client.post(&token, "x").await.status, 502);
    assert_eq!(client.post(&token, "y").await.status, 502);
    assert_eq!(gateway.posts(2).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_hangs_is_given_up_in_time() {
    let site = Site::new();
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let gateway = Gateway::start(&site.pki, &[alpn]).await;
        gateway.react(|_| Reaction::Hang);
        let (relay, token) = site.relay_to(gateway.address, "exchange_timeout_seconds = 1").await;
        let began = Instant::now();
        let answer = site.client(&relay).await.post(&token, "x").await;
        assert_eq!((answer.status, answer.problem()), (504, "gateway_timeout".to_owned()));
        let took = began.elapsed();
        assert!((Duration::from_millis(900)..Duration::from_secs(8)).contains(&took), "{took:?}");
        assert_eq!(gateway.posts().len(), 1);
    }
}

/// The system accepts, and nobody ever says anything: TLS does not come about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_does_not_shake_hands_is_given_up_in_time() {
    let site = Site::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (relay, token) = site.relay_to(listener.local_addr().unwrap(), "connect_timeout_seconds = 1").await;
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (mut client, token) = (site.client(&relay).await, token.clone());
        asking.spawn(async move { client.post(&token, "x").await });
    }
    let began = Instant::now();
    while let Some(answer) = asking.join_next().await {
        let answer = answer.unwrap();
        assert_eq!((answer.status, answer.problem()), (504, "gateway_timeout".to_owned()));
    }
    assert!(began.elapsed() < Duration::from_secs(8), "one after the other: {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_is_not_there_is_a_bad_gateway() {
    let site = Site::new();
    // Nobody listens, and while it is bound nobody else can.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (relay, token) = site.relay_to(nobody.local_addr().unwrap(), "").await;
    let answer = site.client(&relay).await.post(&token, "x").await;
    assert_eq!((answer.status, answer.problem()), (502, "gateway_failed".to_owned()));
    assert!(relay.metric("restante_relay_dials_total{outcome=\"failed\"}").await >= 1);
}

/// Whoever only stands where the gateway should is told nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_of_another_name_or_authority_gets_no_request() {
    let site = Site::new();
    let elsewhere = crate::pki::Pki::new();
    for impostor in [
        Gateway::named(&site.pki, "impostor.example", &[b"h2"]).await,
        Gateway::named(&elsewhere, "follower.example", &[b"h2"]).await,
    ] {
        let (relay, token) = site.relay_to(impostor.address, "").await;
        let answer = site.client(&relay).await.post(&token, "x").await;
        assert_eq!((answer.status, answer.problem()), (502, "gateway_failed".to_owned()));
        assert!(impostor.posts().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_http_is_a_bad_gateway() {
    let site = Site::new();
    for garbage in [
        &b"garbage\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
        b"HTTP/1.1 200 OK\r\ncontent-type: message/ohttp-res\r\ncontent-length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-type: message/ohttp-res\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n",
    ] {
        let gateway = RawGateway::start(&site.pki, garbage).await;
        let (relay, token) = site.relay_to(gateway.address, "").await;
        let answer = site.client(&relay).await.post(&token, "x").await;
        let shown = String::from_utf8_lossy(garbage);
        assert_eq!((answer.status, answer.problem()), (502, "gateway_failed".to_owned()), "{shown}");
        assert_eq!(gateway.posts(1).await.len(), 1, "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redirects_are_not_followed() {
    let site = Site::new();
    let (gateway, elsewhere) = (Gateway::start(&site.pki, &[b"h2"]).await, Gateway::start(&site.pki, &[b"h2"]).await);
    let (relay, token) = site.relay_to(gateway.address, "").await;
    let mut client = site.client(&relay).await;
    for status in [301, 302, 303, 307, 308] {
        let location = format!("https://follower.example:{}/", elsewhere.address.port());
        gateway.react(move |_| {
            let mut response = answer(status, "message/ohttp-res", "x");
            response.headers_mut().insert("location", location.parse().unwrap());
            Reaction::Answer(response)
        });
        let answer = client.post(&token, "x").await;
        assert_eq!((answer.status, answer.problem()), (502, "gateway_failed".to_owned()));
        assert!(!answer.fields.contains_key("location"));
    }
    assert_eq!((gateway.posts().len(), elsewhere.connections()), (5, 0));
}

/// What a gateway says in clear is told in the relay's words: nothing in them can be told from what others are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_in_clear_are_told_in_fixed_words() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    let mut client = site.client(&relay).await;
    let key =
        r#"{"type":"https://iana.org/assignments/http-problem-types#ohttp-key","title":"mark7","detail":"mark7"}"#;
    let other = r#"{"type":"about:blank","title":"mark7"}"#;
    for (status, media_type, content, expected, problem) in [
        (422, "application/problem+json", key, 422, "ohttp-key"),
        (422, "application/problem+json", other, 400, "gateway_refused"),
        (422, "application/problem+json", "mark7", 400, "gateway_refused"),
        (422, "text/plain", key, 400, "gateway_refused"),
        (400, "application/problem+json", key, 400, "gateway_refused"),
        (415, "text/plain", "mark7", 400, "gateway_refused"),
        (413, "text/plain", "mark7", 400, "gateway_refused"),
        (429, "text/plain", "mark7", 503, "gateway_busy"),
        (503, "text/plain", "mark7", 503, "gateway_busy"),
        (500, "text/plain", "mark7", 502, "gateway_failed"),
        (204, "message/ohttp-res", "", 502, "gateway_failed"),
    ] {
        gateway.react(move |_| {
            let mut response = answer(status, media_type, content);
            response.headers_mut().insert("retry-after", "777".parse().unwrap());
            Reaction::Answer(response)
        });
        let answer = client.post(&token, "x").await;
        assert_eq!((answer.status, answer.problem().as_str()), (expected, problem), "{status} {media_type} {content}");
        let shown = format!("{answer:?}");
        assert!(!shown.contains("mark7") && !shown.contains("777"), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_that_is_too_large_is_not_handed_on() {
    let site = Site::new();
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let gateway = Gateway::start(&site.pki, &[alpn]).await;
        let (relay, token) = site.relay_to(gateway.address, "response_bytes = 8192").await;
        let mut client = site.client(&relay).await;
        for (length, expected) in [(8192, 200), (8193, 502), (50_000_000, 502)] {
            gateway.react(move |_| Reaction::Answer(answer(200, "message/ohttp-res", vec![7; length])));
            let answer = client.post(&token, "x").await;
            assert_eq!(answer.status, expected, "{length}");
        }
    }
}

/// A client that goes away in the middle of dialling does not take others with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_does_not_end_what_others_wait_for() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    gateway.react(|arrival| match &arrival.content[..] {
        b"leaves" => Reaction::Hang,
        _ => Reaction::Answer(answer(200, "message/ohttp-res", "sealed")),
    });
    let (relay, token) = site.relay_to(gateway.address, "").await;
    let (mut leaving, leaver) = (site.client(&relay).await, token.clone());
    let leaving = tokio::spawn(async move { leaving.post(&leaver, "leaves").await });
    gateway.has_arrivals(&Method::POST, 1).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    let answer = tokio::time::timeout(PATIENCE, async { site.client(&relay).await.post(&token, "stays").await });
    assert_eq!(answer.await.unwrap().status, 200);
    assert_eq!(gateway.connections(), 1);
}

/// A gateway that was restarted: the connection that everybody shared is gone, and the next one is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_broken_connection_there_is_a_new_one() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    let mut client = site.client(&relay).await;
    assert_eq!(client.post(&token, "x").await.status, 200);
    gateway.break_connections().await;
    let mut statuses = Vec::new();
    // The relay may hear of the end only with the next request, which then fails, once.
    for _ in 0..2 {
        statuses.push(client.post(&token, "x").await.status);
    }
    assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
    assert_eq!(gateway.connections(), 2);
}

/// A gateway that is there, answers pings, and takes no requests: whoever runs out of time there is the last one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_streams_goes_out_of_use() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    gateway.grant_no_streams_to(1);
    let (relay, token) = site.relay_to(gateway.address, "exchange_timeout_seconds = 1").await;
    let mut client = site.client(&relay).await;
    let mut statuses = Vec::new();
    // A request that is sent before the relay knows of the limit is refused at once, and one more behind it hangs.
    while statuses.last() != Some(&200) && statuses.len() < 5 {
        statuses.push(client.post(&token, "x").await.status);
    }
    assert_eq!(statuses.pop(), Some(200), "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 502 | 504)), "{statuses:?}");
    assert_eq!((gateway.connections(), gateway.posts().len()), (2, 1));
}
