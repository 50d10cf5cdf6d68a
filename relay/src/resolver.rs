//! How the name of a gateway becomes addresses to connect to.
//!
//! # Security
//! Whatever stands in a resolver's place, only public addresses leave this module: see [`public_of`].

use std::{io, net::SocketAddr, pin::Pin, sync::Arc};

use crate::public_addresses::public_of;

type Looking = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>>;

/// What looks names up.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<dyn Fn(String, u16) -> Looking + Send + Sync>);

impl Resolver {
    /// The system's.
    pub(crate) fn system() -> Self {
        Self::new(|host, port| async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }

    /// Another one.
    pub(crate) fn new<L>(look_up: impl Fn(String, u16) -> L + Send + Sync + 'static) -> Self
    where
        L: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |host, port| Box::pin(look_up(host, port))))
    }

    /// The public addresses of a name, in the resolver's order; none is no error here.
    pub(crate) async fn public_addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(public_of((self.0)(host.to_owned(), port).await?))
    }
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use bytes::Bytes;
    use http::{Method, Request, StatusCode};
    use http_body_util::Full;
    use tempfile::TempDir;
    use tower_service::Service;
    use zeroize::Zeroizing;

    use super::*;
    use crate::{Counters, Gateway, Limits, Relay, Routes, UserToken, UserTokens};

    const TOKEN: [u8; 32] = [7; 32];

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
                assert_eq!((host.as_str(), port), ("follower.example", 443));
                counter.fetch_add(1, Ordering::Relaxed);
                let port = address.port();
                let texts = ["127.0.0.1", "::ffff:127.0.0.1", "::1", "0.0.0.0", "::"];
                let records = texts.map(|text| SocketAddr::new(text.parse().unwrap(), port)).to_vec();
                async move { Ok(records) }
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
        assert_eq!(site.looked_up.load(Ordering::Relaxed), 2, "each time anew");
        assert!(!site.was_reached());
    }

    #[tokio::test]
    async fn an_address_that_the_operator_configured_is_not_looked_up() {
        let mut site = Site::new(true);
        assert_eq!(site.ask(Method::CONNECT, "follower.example:443").await, StatusCode::OK);
        assert!(site.was_reached(), "the same place, by the operator's word");
        assert_eq!(site.looked_up.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_is_public_among_the_records_is_left() {
        let resolver = Resolver::new(|_, port| async move {
            let texts = ["10.0.0.1", "9.9.9.9", "169.254.169.254", "2620:fe::fe"];
            Ok(texts.map(|text| SocketAddr::new(text.parse().unwrap(), port)).to_vec())
        });
        let left = resolver.public_addresses("follower.example", 443).await.unwrap();
        assert_eq!(left, ["9.9.9.9:443".parse().unwrap(), "[2620:fe::fe]:443".parse().unwrap()]);
    }
}
