//! Names that lead to the wrong places, or nowhere for a long time.

use std::{
    net::TcpListener,
    sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use tempfile::TempDir;
use tokio::time::{advance, timeout};
use tower_service::Service;
use zeroize::Zeroizing;

use super::*;
use crate::{Counters, Gateway, Limits, Relay, Routes, UserToken, UserTokens};

const TOKEN: [u8; 32] = [7; 32];
const PATIENCE: Duration = Duration::from_secs(30);

/// A place that nobody may get to, and a relay to a gateway whose name leads there.
struct Site {
    private: TcpListener,
    looked_up: Arc<AtomicUsize>,
    relay: Relay,
    _folder: TempDir,
}

impl Site {
    /// `is_configured`: the operator said that the gateway is at that place.
    fn new(is_configured: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let private = TcpListener::bind("127.0.0.1:0").unwrap();
        private.set_nonblocking(true).unwrap();
        let address = private.local_addr().unwrap();
        let authority = rcgen::generate_simple_self_signed(vec!["follower.example".to_owned()]).unwrap();
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, authority.cert.pem()).unwrap();
        let gateway = Gateway {
            provider: "follower.example".parse().unwrap(),
            url: "https://follower.example/.well-known/ohttp-gateway".parse().unwrap(),
            address: is_configured.then_some(address),
            ca_file,
            identity: None,
        };
        let looked_up = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&looked_up);
        // What the gateway's operator wrote into the name's records: this machine, in all its ways.
        let resolver = Resolver::new(move |host, port| {
            assert_eq!((host, port), ("follower.example", 443));
            counter.fetch_add(1, SeqCst);
            let texts = ["127.0.0.1", "::ffff:127.0.0.1", "::1", "0.0.0.0", "::"];
            Ok(texts.map(|text| SocketAddr::new(text.parse().unwrap(), address.port())).to_vec())
        });
        let (limits, counters) = (Limits::default(), Arc::new(Counters::default()));
        let routes = Routes::open_with(&resolver, &[gateway], folder.path(), &limits, &counters, None).unwrap();
        let hash = UserToken::of_random(Zeroizing::new(TOKEN)).hash().to_string();
        let tokens = UserTokens::parse(&hash, limits.user, None).unwrap();
        Self { private, looked_up, relay: Relay::new(limits, routes, tokens, counters), _folder: folder }
    }

    async fn ask(&mut self, method: Method, uri: &str) -> StatusCode {
        let token = UserToken::of_random(Zeroizing::new(TOKEN));
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("proxy-authorization", format!("Bearer {}", token.reveal()))
            .header("content-type", "message/ohttp-req");
        let request = request.body(Full::new(Bytes::from_static(b"sealed"))).unwrap();
        self.relay.call(request).await.unwrap().status()
    }

    /// Whether anybody has connected there: connecting ends before a request is answered.
    fn was_reached(&self) -> bool {
        match self.private.accept() {
            Ok(_) => true,
            Err(error) => {
                assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                false
            }
        }
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_leads_nowhere() {
    let mut site = Site::new(false);
    assert_eq!(site.ask(Method::POST, "/v1/relay/follower.example").await, StatusCode::BAD_GATEWAY);
    assert_eq!(site.ask(Method::CONNECT, "follower.example:443").await, StatusCode::BAD_GATEWAY);
    assert!(site.looked_up.load(SeqCst) > 0);
    assert!(!site.was_reached());
}

#[tokio::test]
async fn an_address_that_the_operator_configured_is_not_looked_up() {
    let mut site = Site::new(true);
    assert_eq!(site.ask(Method::CONNECT, "follower.example:443").await, StatusCode::OK);
    assert!(site.was_reached(), "the same place, by the operator's word");
    assert_eq!(site.looked_up.load(SeqCst), 0);
}

fn named(look_up: impl Fn() -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> GatewayName {
    GatewayName::new("follower.example", 443, Resolver::new(move |_, _| look_up()))
}

fn addresses<const N: usize>(texts: [&str; N]) -> Vec<SocketAddr> {
    texts.map(|text| SocketAddr::new(text.parse().unwrap(), 443)).to_vec()
}

#[tokio::test]
async fn what_is_public_among_the_records_is_left() {
    let name = named(|| Ok(addresses(["10.0.0.1", "9.9.9.9", "169.254.169.254", "2620:fe::fe"])));
    let left = name.public_addresses().await.unwrap();
    assert_eq!(left[..], addresses(["9.9.9.9", "2620:fe::fe"]));
}

/// Users who ask for a gateway whose name is not answered, and give up, hold one thread and not all of them: others are
/// looked up.
#[test]
fn a_name_that_is_not_answered_holds_one_thread_however_many_ask() {
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(2).enable_all().build().unwrap();
    let (answer, answers) = mpsc::channel::<()>();
    let (answers, asked) = (Mutex::new(answers), Arc::new(AtomicUsize::new(0)));
    let counter = asked.clone();
    let slow = named(move || {
        counter.fetch_add(1, SeqCst);
        // Until the test ends, or says so.
        let _ = answers.lock().unwrap().recv();
        Ok(addresses(["9.9.9.9"]))
    });
    let quick = named(|| Ok(addresses(["9.9.9.10"])));
    runtime.block_on(async {
        for _user in 0..20 {
            assert!(timeout(Duration::from_millis(2), slow.public_addresses()).await.is_err());
        }
        let looked_up = timeout(PATIENCE, quick.public_addresses()).await.expect("a thread is free").unwrap();
        assert_eq!(looked_up[..], addresses(["9.9.9.10"]));
        // Who comes late waits for the same lookup and has its answer.
        answer.send(()).unwrap();
        let looked_up = timeout(PATIENCE, slow.public_addresses()).await.expect("it is answered").unwrap();
        assert_eq!((asked.load(SeqCst), &looked_up[..]), (1, &addresses(["9.9.9.9"])[..]));
    });
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_remembered_for_seconds_and_an_error_is_not() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let name = named(move || match counter.fetch_add(1, SeqCst) {
        0 => Err(io::ErrorKind::TimedOut.into()),
        // Nothing that may be connected to is an answer as well.
        1 => Ok(addresses(["127.0.0.1"])),
        _ => Ok(addresses(["9.9.9.9"])),
    });
    assert_eq!(name.public_addresses().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    for _again in 0..2 {
        assert!(name.public_addresses().await.unwrap().is_empty());
        advance(REMEMBERED / 3).await;
    }
    assert_eq!(asked.load(SeqCst), 2);
    advance(REMEMBERED).await;
    assert_eq!(name.public_addresses().await.unwrap()[..], addresses(["9.9.9.9"]));
}
