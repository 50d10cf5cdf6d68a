//! `CONNECT`: a way to a gateway's own key list, under its own TLS, and to nothing else.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
};
use tokio_rustls::TlsConnector;

use crate::{
    client::{Body, Client, full},
    gateway::{FOLLOWER, Gateway, key_list},
    process::PATIENCE,
    site::{RELAY, Relay, Site, gateway_table},
};

fn connect(token: &str, authority: &str) -> Request<Body> {
    Request::builder()
        .method(Method::CONNECT)
        .uri(authority)
        .header("proxy-authorization", format!("Bearer {token}"))
        .body(full(""))
        .unwrap()
}

/// A tunnel to the gateway.
async fn open(client: &mut Client, token: &str) -> TokioIo<Upgraded> {
    let response = client.send(connect(token, "follower.example:443")).await;
    assert_eq!(response.status(), 200);
    TokioIo::new(hyper::upgrade::on(response).await.unwrap())
}

/// The gateway's own list, under its own TLS.
async fn list_through(site: &Site, tunnel: TokioIo<Upgraded>) -> Bytes {
    let tls = TlsConnector::from(site.pki.client(&[b"http/1.1"]));
    let stream = tls.connect(ServerName::try_from(FOLLOWER).unwrap(), tunnel).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().uri("/.well-known/ohttp-gateway").header("host", FOLLOWER).body(full("")).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    answer.into_body().collect().await.unwrap().to_bytes()
}

/// A listener that says nothing, and what it accepts.
async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A relay in front of a listener that says nothing, with a token, when the refresher of its key list has connected.
/// That is the first to do so, and would connect again if it gave up: until the end of the test it is patient.
async fn relay_before(site: &Site, gateway: &TcpListener, limits: &str) -> (Relay, String, TcpStream) {
    let limits = format!("connect_timeout_seconds = 600\nexchange_timeout_seconds = 600\n{limits}");
    let (relay, token) = site.relay_to(gateway.local_addr().unwrap(), &limits).await;
    let refresher = accepted(gateway).await;
    (relay, token, refresher)
}

async fn accepted(listener: &TcpListener) -> TcpStream {
    tokio::time::timeout(PATIENCE, listener.accept()).await.expect("the relay connects").unwrap().0
}

/// Reads until the end, however it comes.
async fn rest(stream: &mut (impl AsyncReadExt + Unpin)) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it ends");
    rest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gateway_s_own_list_comes_through_a_tunnel_and_is_the_relay_s_copy() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2", b"http/1.1"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    relay.metric_reaches("restante_relay_key_fetches_total{outcome=\"changed\"}", 1).await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        let tunnel = open(&mut client, &token).await;
        let own = list_through(&site, tunnel).await;
        let copy = site.client(&relay).await.get("/v1/relay/follower.example/keys").await.content;
        assert_eq!((&own[..], &copy[..]), (&key_list(1)[..], &key_list(1)[..]));
    }
    relay.metric_reaches("restante_relay_tunnels_total{outcome=\"closed\"}", 2).await;
    assert_eq!(relay.metric("restante_relay_tunnels_open").await, 0);
}

/// Whatever a user asks for, the gateway is connected to by the relay, and sees its address alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_does_not_see_where_users_are() {
    let relay_s: IpAddr = [127, 0, 0, 1].into();
    let user_s: IpAddr = [127, 0, 0, 2].into();
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2", b"http/1.1"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    relay.metric_reaches("restante_relay_key_fetches_total{outcome=\"changed\"}", 1).await;
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let mut client = Client::connect_from(user_s, relay.address, RELAY, site.pki.client(&[alpn])).await;
        assert_eq!(client.post(&token, "x").await.status, 200);
        let tunnel = open(&mut client, &token).await;
        assert_eq!(list_through(&site, tunnel).await, key_list(1));
    }
    assert_eq!(gateway.peers(&Method::POST), [relay_s; 2]);
    // The relay's own look, and two through tunnels.
    assert_eq!(gateway.peers(&Method::GET), [relay_s; 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_lead_to_configured_gateways_only() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (victim, victim_address) = listener().await;
    let limits = "requests_per_minute_per_user = 6000\nburst_per_user = 500";
    let (relay, token) = site.relay_to(gateway.address, limits).await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        for authority in [
            "follower.example:80",
            "follower.example:8443",
            "follower.example:0443",
            "follower.example",
            "FOLLOWER.example:443",
            "follower.example.:443",
            "user@follower.example:443",
            "victim.example:443",
            "hub.example:443",
            "localhost:443",
            &victim_address.to_string(),
            &gateway.address.to_string(),
        ] {
            let answer = client.ask(connect(&token, authority)).await;
            assert_eq!((answer.status, answer.problem()), (403, "tunnel_refused".to_owned()), "{authority}");
        }
        let answer = client.ask(connect("not-a-token", "follower.example:443")).await;
        assert_eq!((answer.status, answer.problem()), (407, "unauthorized".to_owned()));
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), victim.accept()).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_carries_its_bytes_and_no_more() {
    let site = Site::new();
    let (gateway, _) = listener().await;
    let (relay, token, _refresher) = relay_before(&site, &gateway, "tunnel_bytes = 5000").await;
    let mut cut = 0;
    for (number, mut client) in [site.client(&relay).await, site.old_client(&relay).await].into_iter().enumerate() {
        // Towards the client: it gets 5000 bytes and the end.
        let mut tunnel = open(&mut client, &token).await;
        let mut far = accepted(&gateway).await;
        far.write_all(&[7; 6000]).await.unwrap();
        assert_eq!(rest(&mut tunnel).await, [7; 5000]);
        // Towards the gateway, on a new connection: an upgraded one is over with HTTP/1.1.
        let mut client = if number == 0 { site.client(&relay).await } else { site.old_client(&relay).await };
        let mut tunnel = open(&mut client, &token).await;
        let mut far = accepted(&gateway).await;
        // The write may fail when the tunnel is cut in its middle.
        let _ = tunnel.write_all(&[9; 6000]).await;
        assert_eq!(rest(&mut far).await, [9; 5000]);
        cut += 2;
        relay.metric_reaches("restante_relay_tunnels_total{outcome=\"too_many_bytes\"}", cut).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_ends_with_its_time_and_frees_its_place() {
    let site = Site::new();
    let (gateway, _) = listener().await;
    let limits = "tunnel_seconds = 3\ntunnels_max = 1";
    let (relay, token, _refresher) = relay_before(&site, &gateway, limits).await;
    for (ended, mut client) in (1..).zip([site.client(&relay).await, site.old_client(&relay).await]) {
        let began = Instant::now();
        let mut tunnel = open(&mut client, &token).await;
        let answer = site.client(&relay).await.ask(connect(&token, "follower.example:443")).await;
        assert_eq!((answer.status, answer.problem()), (503, "overloaded".to_owned()));
        // Bytes that pass do not make it last longer.
        let mut far = accepted(&gateway).await;
        let chatting = async {
            loop {
                if far.write_all(b"x").await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let (rest, ()) = tokio::join!(rest(&mut tunnel), chatting);
        assert!(!rest.is_empty());
        let took = began.elapsed();
        assert!((Duration::from_millis(2900)..Duration::from_secs(30)).contains(&took), "{took:?}");
        relay.metric_reaches("restante_relay_tunnels_total{outcome=\"too_long\"}", ended).await;
    }
}

/// Who holds a place without using it loses it long before the tunnel's whole time is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_through_which_nothing_passes_ends_early() {
    let site = Site::new();
    let (gateway, _) = listener().await;
    let limits = "tunnel_seconds = 600\ntunnel_idle_seconds = 2\ntunnels_max = 1";
    let (relay, token, _refresher) = relay_before(&site, &gateway, limits).await;
    for (ended, mut client) in (1..).zip([site.client(&relay).await, site.old_client(&relay).await]) {
        let mut tunnel = open(&mut client, &token).await;
        let mut far = accepted(&gateway).await;
        // Bytes of either end keep it.
        let began = Instant::now();
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(350)).await;
            tunnel.write_all(b"x").await.unwrap();
            assert_eq!(far.read_u8().await.unwrap(), b'x');
            tokio::time::sleep(Duration::from_millis(350)).await;
            far.write_all(b"y").await.unwrap();
            assert_eq!(tunnel.read_u8().await.unwrap(), b'y');
        }
        assert!(rest(&mut tunnel).await.is_empty() && rest(&mut far).await.is_empty());
        let took = began.elapsed();
        assert!((Duration::from_millis(4700)..Duration::from_secs(30)).contains(&took), "{took:?}");
        relay.metric_reaches("restante_relay_tunnels_total{outcome=\"idle\"}", ended).await;
    }
}

/// Each end may finish first, and the other one still gets what was sent.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_halves_of_a_tunnel_end_apart() {
    let site = Site::new();
    let (gateway, _) = listener().await;
    let (relay, token, _refresher) = relay_before(&site, &gateway, "").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        let mut tunnel = open(&mut client, &token).await;
        let mut far = accepted(&gateway).await;
        tunnel.write_all(b"question").await.unwrap();
        tunnel.shutdown().await.unwrap();
        assert_eq!(rest(&mut far).await, b"question");
        far.write_all(b"answer").await.unwrap();
        drop(far);
        assert_eq!(rest(&mut tunnel).await, b"answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tunnels_count_among_a_user_s_requests() {
    let site = Site::new();
    let (gateway, _) = listener().await;
    let (relay, token, _refresher) = relay_before(&site, &gateway, "in_flight_per_user = 1").await;
    let mut client = site.client(&relay).await;
    let tunnel = open(&mut client, &token).await;
    let refused = client.ask(connect(&token, "follower.example:443")).await;
    assert_eq!((refused.status, refused.problem()), (429, "too_many_at_once".to_owned()));
    let far = accepted(&gateway).await;
    drop((tunnel, far));
    relay.metric_reaches("restante_relay_tunnels_total{outcome=\"closed\"}", 1).await;
    open(&mut client, &token).await;
}

/// A key list takes one tunnel: whoever opens many leaves the others their places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_has_two_tunnels_at_a_time() {
    let site = Site::new();
    let (gateway, _) = listener().await;
    let other = site.mint().await;
    let (relay, token, _refresher) = relay_before(&site, &gateway, "tunnels_max = 3").await;
    let mut client = site.client(&relay).await;
    let mut held = Vec::new();
    for _tunnel in 0..2 {
        held.push((open(&mut client, &token).await, accepted(&gateway).await));
    }
    let refused = client.ask(connect(&token, "follower.example:443")).await;
    assert_eq!((refused.status, refused.problem()), (429, "too_many_at_once".to_owned()));
    let _others = open(&mut site.client(&relay).await, &other).await;
    held.pop();
    relay.metric_reaches("restante_relay_tunnels_total{outcome=\"closed\"}", 1).await;
    open(&mut client, &token).await;
}

/// Whoever fills the tunnels to one gateway, its operator perhaps, keeps nobody from another's key list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gateway_has_tunnels_of_its_own() {
    let site = Site::new();
    let ((filled, filled_address), (free, free_address)) = (listener().await, listener().await);
    let (first, second) = (site.mint().await, site.mint().await);
    let limits = "connect_timeout_seconds = 600\nexchange_timeout_seconds = 600\ntunnels_max = 1";
    let tables = [gateway_table(FOLLOWER, filled_address), gateway_table("other.example", free_address)].concat();
    site.configure_gateways(limits, &tables);
    let relay = site.start().await;
    let _refreshers = (accepted(&filled).await, accepted(&free).await);
    let _tunnel = open(&mut site.client(&relay).await, &first).await;
    // A reload gives nothing back.
    relay.process.reload().await;
    let mut client = site.client(&relay).await;
    let refused = client.ask(connect(&second, "follower.example:443")).await;
    assert_eq!((refused.status, refused.problem()), (503, "overloaded".to_owned()));
    assert_eq!(client.send(connect(&second, "other.example:443")).await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_gateway_is_told_before_the_tunnel_begins() {
    let site = Site::new();
    // Nobody listens, and while it is bound nobody else can.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let (relay, token) = site.relay_to(nobody.local_addr().unwrap(), "").await;
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        let answer = client.ask(connect(&token, "follower.example:443")).await;
        assert_eq!((answer.status, answer.problem()), (502, "gateway_failed".to_owned()));
    }
}
