//! The service on the relay's listener: which resource a request is for, and who may ask.
//!
//! # Security
//! Where a request goes is looked up by the bytes of its path, without decoding anything: what is not the name of a
//! configured provider leads nowhere. No authority, query or field of a request is ever a place to connect to.

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, Uri, Version};
use http_body_util::Full;
use hyper::body::Body;
use restante_process::{Tunnel, admin::without_content};
use tokio::time::Instant;
use tower_service::Service;

use crate::{
    counters::{Counters, Outcome},
    exchanges::Exchanges,
    failure::Failure,
    key_resource,
    limits::Limits,
    outer_fields::client_response,
    reading::Reading,
    routes::Routes,
    tunnel::Tunnels,
    user_tokens::UserTokens,
};

type Answer = Result<(Outcome, Response<Full<Bytes>>), Failure>;

/// An Oblivious Relay, as a tower service. Clones share everything.
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

struct Shared {
    limits: Limits,
    counters: Arc<Counters>,
    routes: RwLock<Arc<Routes>>,
    tokens: RwLock<Arc<UserTokens>>,
    reading: Reading,
    exchanges: Exchanges,
    tunnels: Tunnels,
    /// What rates are measured from.
    origin: Instant,
}

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Resource<'a> {
    Relay(&'a str),
    Keys(&'a str),
    KeyLog(&'a str),
}

impl Relay {
    /// A relay for these gateways and users.
    pub fn new(limits: Limits, routes: Routes, tokens: UserTokens, counters: Arc<Counters>) -> Self {
        Self(Arc::new(Shared {
            reading: Reading::new(&limits, counters.clone()),
            exchanges: Exchanges::new(&limits, counters.clone()),
            tunnels: Tunnels::new(limits.tunnel, counters.clone()),
            limits,
            counters,
            routes: RwLock::new(Arc::new(routes)),
            tokens: RwLock::new(Arc::new(tokens)),
            origin: Instant::now(),
        }))
    }

    /// The gateways that are relayed to.
    pub fn routes(&self) -> Arc<Routes> {
        self.0.routes.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The users.
    pub fn tokens(&self) -> Arc<UserTokens> {
        self.0.tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Relays to these gateways from now on. Requests that are under way end with the ones that they began with.
    pub fn replace_routes(&self, routes: Routes) {
        *self.0.routes.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(routes);
    }

    /// Lets in these users from now on.
    pub fn replace_tokens(&self, tokens: UserTokens) {
        *self.0.tokens.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(tokens);
    }

    /// The operator's numbers.
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// What was counted.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.0.counters
    }

    /// For when no client is connected any more: waits until all tunnels have ended, at most `limits.tunnel.time`, and
    /// ends exchanges that nobody waits for.
    pub async fn ended(&self) {
        self.0.tunnels.ended().await;
        self.0.exchanges.shutdown().await;
    }

    async fn answer<B>(self, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body<Data = Bytes> + Send,
    {
        let is_head = request.method() == Method::HEAD;
        let (outcome, response) = match self.serve(request).await {
            Ok(answered) => answered,
            Err(failure) => (Outcome::Failed(failure), failure.respond()),
        };
        self.0.counters.requests.add(outcome);
        if is_head { without_content(response) } else { response }
    }

    async fn serve<B>(&self, request: Request<B>) -> Answer
    where
        B: Body<Data = Bytes> + Send,
    {
        if request.method() == Method::CONNECT {
            return self.open_tunnel(request).await;
        }
        let resource = resource_of(request.uri(), request.version()).ok_or(Failure::NotFound)?;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let routes = self.routes();
        let route = |provider: &str| routes.of_provider(provider).ok_or(Failure::NotFound);
        match resource {
            Resource::Relay(provider) if request.method() == Method::POST => {
                let admission = self.tokens().admit(request.headers(), self.now(), self.0.limits.user)?;
                let route = route(provider)?.clone();
                let content = self.0.reading.read(request).await?;
                #[cfg(feature = "faults")]
                restante_faults::pass(restante_faults::Point::RelayBeforeGateway);
                let answer = self.0.exchanges.run(route, content, admission).await?;
                Ok((Outcome::Relayed, client_response(answer)))
            }
            Resource::Keys(provider) if reads => {
                let response = key_resource::list(&route(provider)?.keys, request.headers(), Instant::now())?;
                Ok((Outcome::KeyList, response))
            }
            Resource::KeyLog(provider) if reads => Ok((Outcome::KeyLog, key_resource::log(&route(provider)?.keys))),
            Resource::Relay(_) | Resource::Keys(_) | Resource::KeyLog(_) => Err(Failure::WrongMethod),
        }
    }

    async fn open_tunnel<B>(&self, mut request: Request<B>) -> Answer {
        let admission = self.tokens().admit_tunnel(request.headers(), self.now(), self.0.limits.user)?;
        let routes = self.routes();
        let authority = request.uri().authority().filter(|_| is_authority_alone(request.uri()));
        let route = authority.and_then(|authority| routes.of_authority(authority.as_str()));
        let route = route.ok_or(Failure::TunnelRefused)?.clone();
        let tunnel = Tunnel::of(&mut request);
        self.0.tunnels.open(&route, tunnel, admission, &self.0.limits).await?;
        Ok((Outcome::Tunnel, Response::default()))
    }

    /// What rates are measured by.
    fn now(&self) -> Duration {
        self.0.origin.elapsed()
    }
}

/// What the log calls a request: what is asked for, and never which provider is named.
pub(crate) fn route(method: &Method, uri: &Uri) -> &'static str {
    if *method == Method::CONNECT {
        return "tunnel";
    }
    // What is refused for its form is called the same.
    match resource_of(uri, Version::HTTP_2) {
        Some(Resource::Relay(_)) => "relay",
        Some(Resource::Keys(_)) => "keys",
        Some(Resource::KeyLog(_)) => "key_log",
        None => "other",
    }
}

/// What `CONNECT` names, and nothing behind it.
fn is_authority_alone(uri: &Uri) -> bool {
    uri.path_and_query().is_none_or(|path| matches!(path.as_str(), "" | "/"))
}

/// What the request's path names, letter for letter. An absolute form over HTTP/1.1 is what is said to a forward proxy,
/// and this is none; HTTP/2 always names scheme and authority.
fn resource_of(uri: &Uri, version: Version) -> Option<Resource<'_>> {
    if (version <= Version::HTTP_11 && uri.authority().is_some()) || uri.query().is_some() {
        return None;
    }
    let path = uri.path().strip_prefix("/v1/relay/")?;
    let mut segments = path.split('/');
    let provider = segments.next()?;
    match (segments.next(), segments.next(), segments.next()) {
        (None, None, None) => Some(Resource::Relay(provider)),
        (Some("keys"), None, None) => Some(Resource::Keys(provider)),
        (Some("keys"), Some("log"), None) => Some(Resource::KeyLog(provider)),
        _ => None,
    }
}

impl<B> Service<Request<B>> for Relay
where
    B: Body<Data = Bytes> + Send + 'static,
{
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let relay = self.clone();
        Box::pin(async move { Ok(relay.answer(request).await) })
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Relay").field("limits", &self.0.limits).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_letter_for_letter() {
        let named = |path: &'static str| resource_of(Box::leak(Box::new(Uri::from_static(path))), Version::HTTP_11);
        assert_eq!(named("/v1/relay/a.example"), Some(Resource::Relay("a.example")));
        assert_eq!(named("/v1/relay/a.example/keys"), Some(Resource::Keys("a.example")));
        assert_eq!(named("/v1/relay/a.example/keys/log"), Some(Resource::KeyLog("a.example")));
        for path in [
            "/",
            "/v1/relay",
            "/v1/relays/a.example",
            "/v1/relay/a.example/",
            "/v1/relay/a.example/keys/",
            "/v1/relay/a.example/log",
            "/v1/relay/a.example?x",
            "/v1/relay/a.example/keys/log/x",
            "//v1/relay/a.example",
            "http://a.example/v1/relay/a.example",
            "/V1/relay/a.example",
        ] {
            assert_eq!(named(path), None, "{path}");
        }
        // These name a provider that cannot be configured.
        for path in ["/v1/relay/", "/v1/relay/..", "/v1/relay/a%2eexample", "/v1/relay/%2e%2e", "/v1/relay/A.example"] {
            let Some(Resource::Relay(provider)) = named(path) else { panic!("{path}") };
            assert!(provider.parse::<crate::ProviderId>().is_err(), "{path}");
        }
    }

    #[test]
    fn over_http2_an_authority_is_part_of_every_request() {
        let uri = Uri::from_static("https://relay.example/v1/relay/a.example");
        assert_eq!(resource_of(&uri, Version::HTTP_2), Some(Resource::Relay("a.example")));
        assert_eq!(resource_of(&uri, Version::HTTP_11), None);
    }
}
