//! What the relay does not take, and whom it does not let in.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request};
use hyper::body::Frame;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    task::JoinSet,
};

use crate::{
    client::{Client, Frames, encapsulated, full, tls},
    gateway::{Gateway, Reaction, answer},
    patience,
    process::{PATIENCE, command},
    site::{RELAY, Relay, Site},
};

/// A site with a relay before one gateway.
async fn relaying(limits: &str) -> (Site, Gateway, Relay, String) {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, token) = site.relay_to(gateway.address, limits).await;
    (site, gateway, relay, token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_must_be_of_the_one_media_type_and_there() {
    let (site, gateway, relay, token) = relaying("").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        for media_type in
            ["", "message/ohttp-res", "message/ohttp-chunked-req", "message/bhttp", "application/octet-stream"]
        {
            let mut request = encapsulated(&token, "x");
            request.headers_mut().insert("content-type", media_type.parse().unwrap());
            let answer = client.ask(request).await;
            assert_eq!((answer.status, answer.problem()), (415, "unsupported_media".to_owned()), "{media_type}");
        }
        let mut request = encapsulated(&token, "x");
        request.headers_mut().remove("content-type");
        assert_eq!(client.ask(request).await.status, 415);
        let mut request = encapsulated(&token, "x");
        request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        assert_eq!(client.ask(request).await.status, 415);
        let answer = client.post(&token, "").await;
        assert_eq!((answer.status, answer.problem()), (400, "empty".to_owned()));
    }
    assert!(gateway.posts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn content_over_the_limit_is_refused_with_and_without_a_length() {
    let (site, gateway, relay, token) = relaying("request_bytes = 1000").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        assert_eq!(client.post(&token, vec![7; 1000]).await.status, 200);
        let answer = client.post(&token, vec![7; 1001]).await;
        assert_eq!((answer.status, answer.problem()), (413, "too_large".to_owned()));
    }
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        let frames = (0..20).map(|_| Frame::data(Bytes::from(vec![7; 100])));
        let answer = client.ask(encapsulated(&token, "").map(|_| Frames::ending(frames))).await;
        assert_eq!((answer.status, answer.problem()), (413, "too_large".to_owned()));
    }
    assert_eq!(gateway.posts().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_end_is_cut() {
    let (site, gateway, relay, token) = relaying("request_body_timeout_seconds = 1").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        let began = Instant::now();
        let slow = Frames::hanging([Frame::data(Bytes::from("begins"))]);
        let answer = client.ask(encapsulated(&token, "").map(|_| slow)).await;
        assert_eq!((answer.status, answer.problem()), (408, "slow_body".to_owned()));
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    }
    assert!(gateway.posts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_user_s_token_nobody_gets_in() {
    let (site, gateway, relay, token) = relaying("").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        for value in ["", "Bearer", "Bearer x", &format!("Basic {token}"), &token, &format!("Bearer {token}x")] {
            let mut request = encapsulated(&token, "x");
            request.headers_mut().insert("proxy-authorization", value.parse().unwrap());
            let answer = client.ask(request).await;
            assert_eq!((answer.status, answer.problem()), (407, "unauthorized".to_owned()), "{value}");
            assert_eq!(answer.fields["proxy-authenticate"], "Bearer");
        }
        // The field for servers is not the one for proxies.
        let mut request = encapsulated(&token, "x");
        let value = request.headers_mut().remove("proxy-authorization").unwrap();
        request.headers_mut().insert("authorization", value);
        assert_eq!(client.ask(request).await.status, 407);
        // Strangers are told nothing of what there is.
        let mut request = encapsulated("not-a-token", "x");
        *request.uri_mut() = "/v1/relay/other.example".parse().unwrap();
        assert_eq!(client.ask(request).await.status, 407);
    }
    assert!(gateway.posts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_come_and_go_with_a_reload() {
    let (site, _gateway, relay, first) = relaying("").await;
    let mut client = site.client(&relay).await;
    let second = site.mint().await;
    assert_eq!(client.post(&second, "x").await.status, 407, "not before the reload");
    relay.process.reload().await;
    assert_eq!(client.post(&second, "x").await.status, 200);
    let listed = String::from_utf8(site.tokens(&["list"]).await.stdout).unwrap();
    let id = listed.lines().next().unwrap();
    assert!(!listed.contains(&first));
    let revoked = site.tokens(&["revoke", id]).await;
    assert!(revoked.status.success());
    assert_eq!(client.post(&first, "x").await.status, 200, "not before the reload");
    relay.process.reload().await;
    assert_eq!(client.post(&first, "x").await.status, 407);
    assert_eq!(client.post(&second, "x").await.status, 200);
}

/// Its id would otherwise be one of a token that nobody has.
#[tokio::test]
async fn a_token_that_cannot_be_printed_is_not_let_in() {
    let site = Site::new();
    site.mint().await;
    let before = site.tokens(&["list"]).await.stdout;
    let file = site.path("tokens");
    let mut mint = command(&["tokens".as_ref(), "mint".as_ref(), "--file".as_ref(), file.as_os_str()]);
    mint.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap()).stderr(std::process::Stdio::piped());
    let failed = tokio::time::timeout(PATIENCE, mint.spawn().unwrap().wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8_lossy(&failed.stderr);
    assert!(failed.status.code() == Some(1) && said.contains("standard output: "), "{said}");
    assert_eq!(site.tokens(&["list"]).await.stdout, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_fast_is_told_to_wait_and_others_are_not() {
    let (site, gateway, relay, first) = relaying("requests_per_minute_per_user = 1\nburst_per_user = 3").await;
    let second = site.mint().await;
    relay.process.reload().await;
    let mut client = site.client(&relay).await;
    for _ in 0..3 {
        assert_eq!(client.post(&first, "x").await.status, 200);
    }
    // Another connection is no other user, and a reload no new beginning.
    relay.process.reload().await;
    let answer = site.old_client(&relay).await.post(&first, "x").await;
    assert_eq!((answer.status, answer.problem()), (429, "rate_limited".to_owned()));
    let seconds: u64 = answer.fields["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    assert_eq!(client.post(&second, "x").await.status, 200);
    assert_eq!(gateway.posts().len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_one_user_and_of_all_are_bounded_while_under_way() {
    let (site, gateway, relay, first) = relaying("in_flight_per_user = 2\nin_flight_max = 3").await;
    let (second, third) = (site.mint().await, site.mint().await);
    relay.process.reload().await;
    let (answered, when) = watch::channel(false);
    gateway.react(move |_| Reaction::Later(when.clone(), answer(200, "message/ohttp-res", "sealed")));
    let mut asking = JoinSet::new();
    for token in [&first, &first, &second] {
        let (mut client, token) = (site.client(&relay).await, token.clone());
        asking.spawn(async move { client.post(&token, "x").await.status });
    }
    gateway.has_arrivals(&Method::POST, 3).await;
    let mut client = site.client(&relay).await;
    let answer = client.post(&first, "x").await;
    assert_eq!((answer.status, answer.problem()), (429, "too_many_at_once".to_owned()));
    let answer = client.post(&third, "x").await;
    assert_eq!((answer.status, answer.problem()), (503, "overloaded".to_owned()));
    assert_eq!(relay.metric("restante_relay_requests_in_flight").await, 3);
    // Places are free again when those who had them are answered.
    answered.send_replace(true);
    assert_eq!(asking.join_all().await, [200; 3]);
    for token in [&first, &third] {
        assert_eq!(client.post(token, "x").await.status, 200);
    }
}

/// Whoever sends slowly has no place that others wait for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_hold_up_nobody() {
    let limits = "in_flight_max = 2\nin_flight_per_user = 2\nrequest_body_timeout_seconds = 600";
    let (site, gateway, relay, first) = relaying(limits).await;
    let (second, third) = (site.mint().await, site.mint().await);
    relay.process.reload().await;
    let mut slow = JoinSet::new();
    for token in [&first, &first, &second, &second] {
        let mut client = site.client(&relay).await;
        let request = encapsulated(token, "").map(|_| Frames::hanging([Frame::data(Bytes::from("begins"))]));
        // They end with the test.
        slow.spawn(async move { drop(client.send(request).await) });
    }
    relay.metric_is("restante_relay_requests_reading", 4).await;
    assert_eq!(site.client(&relay).await.post(&third, "x").await.status, 200);
    assert_eq!(relay.metric("restante_relay_requests_in_flight").await, 0);
    // They are under way all the same, among their users' requests.
    let answer = site.client(&relay).await.post(&first, "x").await;
    assert_eq!((answer.status, answer.problem()), (429, "too_many_at_once".to_owned()));
    slow.shutdown().await;
    relay.metric_is("restante_relay_requests_reading", 0).await;
    assert_eq!(gateway.posts().len(), 1);
}

/// What they send is bounded for all of them together, before it has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_read_share_their_memory() {
    // For two, whatever they send.
    let limits = "request_bytes = 1000\nreading_bytes_max = 6100\nrequest_body_timeout_seconds = 600";
    let (site, gateway, relay, token) = relaying(limits).await;
    let mut slow = JoinSet::new();
    for _slow in 0..2 {
        let mut client = site.client(&relay).await;
        let request = encapsulated(&token, "").map(|_| Frames::hanging([Frame::data(Bytes::from("begins"))]));
        slow.spawn(async move { drop(client.send(request).await) });
    }
    relay.metric_is("restante_relay_requests_reading", 2).await;
    let mut client = site.client(&relay).await;
    let answer = client.post(&token, vec![7; 1000]).await;
    assert_eq!((answer.status, answer.problem()), (503, "overloaded".to_owned()));
    assert!(gateway.posts().is_empty());
    slow.shutdown().await;
    relay.metric_is("restante_relay_requests_reading", 0).await;
    assert_eq!(client.post(&token, vec![7; 1000]).await.status, 200);
}

/// Whatever somebody writes, requests go to configured gateways only.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_no_open_relay() {
    let (site, gateway, relay, token) = relaying("requests_per_minute_per_user = 6000\nburst_per_user = 500").await;
    let victim = Gateway::named(&site.pki, "victim.example", &[b"h2", b"http/1.1"]).await;
    let victim_port = victim.address.port();
    let absolute = format!("https://127.0.0.1:{victim_port}/");
    let targets = [
        "/v1/relay/victim.example",
        "/v1/relay/127.0.0.1",
        &format!("/v1/relay/127.0.0.1:{victim_port}"),
        &format!("/v1/relay/https://127.0.0.1:{victim_port}/"),
        "/v1/relay/follower.example/",
        "/v1/relay/follower.example/..",
        "/v1/relay/follower.example/../victim.example",
        "/v1/relay/../relay/follower.example",
        "/v1/relay/follower.example%2f..",
        "/v1/relay/follower%2eexample",
        "/v1/relay/follower.example%00",
        "/v1/relay/FOLLOWER.EXAMPLE",
        "/v1/relay/follower.example.",
        "/v1/relay/follower.example?url=https://victim.example",
        "/v1/relay//follower.example",
        "//v1/relay/follower.example",
        "/v1/relay/follower.example;x",
        "/v1/relay/hub.example",
        "/v1/relay/",
        "/",
        "*",
        &absolute,
        "http://follower.example/v1/relay/follower.example",
        "https://follower.example/.well-known/ohttp-gateway",
    ];
    for target in targets {
        let status = raw_status(&site, &relay, &format!("POST {target}"), &token).await;
        assert!(matches!(status, 400 | 404), "{target}: {status}");
    }
    // Another host is no other gateway.
    let mut request = encapsulated(&token, "x");
    request.headers_mut().insert("host", format!("127.0.0.1:{victim_port}").parse().unwrap());
    assert_eq!(site.old_client(&relay).await.ask(request).await.status, 200);
    let request = encapsulated(&token, "x");
    let (mut head, body) = request.into_parts();
    head.uri = format!("https://127.0.0.1:{victim_port}/v1/relay/follower.example").parse().unwrap();
    assert_eq!(site.client(&relay).await.ask(Request::from_parts(head, body)).await.status, 200);
    assert_eq!((gateway.posts().len(), victim.connections()), (2, 0));
}

/// The status of a request whose first line begins like this, sent as it is.
async fn raw_status(site: &Site, relay: &Relay, beginning: &str, token: &str) -> u16 {
    let mut stream = tls(relay.address, RELAY, site.pki.client(&[b"http/1.1"])).await;
    let request = format!(
        "{beginning} HTTP/1.1\r\nhost: x\r\nproxy-authorization: Bearer {token}\r\ncontent-type: message/ohttp-req\r\n\
         content-length: 1\r\nconnection: close\r\n\r\nx"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The end of the connection may come without TLS's own.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer);
    answer
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .unwrap_or_else(|| panic!("{answer}"))
        .parse()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resources_have_their_methods() {
    let (site, gateway, relay, token) = relaying("").await;
    let mut client = site.client(&relay).await;
    for (method, path) in [
        ("GET", "/v1/relay/follower.example"),
        ("PUT", "/v1/relay/follower.example"),
        ("OPTIONS", "/v1/relay/follower.example"),
        ("POST", "/v1/relay/follower.example/keys"),
        ("DELETE", "/v1/relay/follower.example/keys/log"),
    ] {
        let request = encapsulated(&token, "x").into_parts().0;
        let mut request = Request::from_parts(request, full("x"));
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        *request.uri_mut() = path.parse().unwrap();
        let answer = client.ask(request).await;
        assert_eq!((answer.status, answer.problem()), (405, "wrong_method".to_owned()), "{method} {path}");
    }
    assert!(gateway.posts().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_listener_ends_slow_and_silent_connections_and_no_others() {
    let (site, _gateway, relay, _token) = relaying(patience::LIMITS).await;
    let tls = Some((site.pki.client(&[]), RELAY));
    let listeners = [
        ("relay", patience::Listener { address: relay.address, tls, method: Method::GET, path: "/nothing" }),
        ("admin", patience::Listener { address: relay.admin, tls: None, method: Method::GET, path: "/healthz" }),
    ];
    patience::are_patient_within_limits(&listeners).await;
    patience::assert_reasons(&relay.process.logged(), listeners.len());
}

/// The admin listener is for this machine, whose addresses tell nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_has_its_share_of_the_relay_s_connections() {
    // Nothing else ends a connection on which nothing is said.
    let limits = "connections_per_address_max = 2\nheader_read_timeout_seconds = 600";
    let (site, _gateway, relay, token) = relaying(limits).await;
    let held = [site.client(&relay).await, site.old_client(&relay).await];
    let mut third = TcpStream::connect(relay.address).await.unwrap();
    // However abrupt, it is the end, and nothing came before it.
    let mut said = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, third.read_to_end(&mut said)).await.expect("it ends");
    assert!(said.is_empty());
    let elsewhere = [127, 0, 0, 2].into();
    let other = Client::connect_from(elsewhere, relay.address, RELAY, site.pki.client(&[b"h2"])).await;
    for mut client in held.into_iter().chain([other]) {
        assert_eq!(client.post(&token, "x").await.status, 200);
    }
    let mut operators = Vec::new();
    for _operator in 0..3 {
        let mut operator = Client::plain(relay.admin).await;
        assert_eq!(operator.get("/healthz").await.status, 200);
        operators.push(operator);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_without_tls_is_not_spoken() {
    let (_site, gateway, relay, token) = relaying("").await;
    let mut stream = TcpStream::connect(relay.address).await.unwrap();
    let request = format!(
        "POST /v1/relay/follower.example HTTP/1.1\r\nhost: x\r\nproxy-authorization: Bearer {token}\r\n\
         content-type: message/ohttp-req\r\ncontent-length: 1\r\n\r\nx"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // An alert, or the end of the connection.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("it ends");
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    assert!(gateway.posts().is_empty());
}
