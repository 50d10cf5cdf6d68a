//! Which provider's resource leads to which gateway: an allow-list, made of the configuration.

use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};

use http::Uri;
use tokio::sync::Semaphore;

use crate::{
    counters::Counters,
    gateway::{Gateway, TlsError},
    keys::{Keys, LogError},
    limits::Limits,
    provider_id::ProviderId,
    resolver::Resolver,
    upstream::{Times, Upstream},
};

/// The way to one gateway, and its keys.
pub(crate) struct Route {
    /// Which of the configured gateways it is, counted from 0: its name in logs.
    pub(crate) place: usize,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) uri: Uri,
    pub(crate) tunnel_authority: String,
    pub(crate) keys: Arc<Keys>,
    /// One for each tunnel there: whoever fills one gateway's keeps nobody from another's.
    pub(crate) tunnels: Arc<Semaphore>,
}

/// All gateways.
#[derive(Default)]
pub struct Routes {
    by_provider: BTreeMap<ProviderId, Arc<Route>>,
}

/// A gateway that cannot be relayed to. For the operator's terminal: it names files and providers.
#[derive(Debug, thiserror::Error)]
pub enum RouteError {
    /// Its certificates.
    #[error("the gateway of {0}: {1}")]
    Tls(ProviderId, TlsError),
    /// Its key log.
    #[error("the gateway of {0}: {1}")]
    Log(ProviderId, LogError),
}

impl Routes {
    /// Gets ready for all gateways; connects to none. Key lists and logs that `before` has open are taken over, the count
    /// of tunnels, and connections to gateways of which nothing has changed. Reads files.
    ///
    /// # Errors
    /// Which gateway's files cannot be used.
    pub fn open(
        gateways: &[Gateway],
        keys_folder: &Path,
        limits: &Limits,
        counters: &Arc<Counters>,
        before: Option<&Self>,
    ) -> Result<Self, RouteError> {
        Self::open_with(&Resolver::system(), gateways, keys_folder, limits, counters, before)
    }

    /// The same with another resolver than the system's.
    pub(crate) fn open_with(
        resolver: &Resolver,
        gateways: &[Gateway],
        keys_folder: &Path,
        limits: &Limits,
        counters: &Arc<Counters>,
        before: Option<&Self>,
    ) -> Result<Self, RouteError> {
        let times = Times { connect: limits.connect, exchange: limits.exchange };
        let mut by_provider = BTreeMap::new();
        for (place, gateway) in gateways.iter().enumerate() {
            let provider = gateway.provider.clone();
            let known = before.and_then(|before| before.by_provider.get(&provider));
            let (keys, tunnels) = match known {
                Some(route) => (route.keys.clone(), route.tunnels.clone()),
                None => {
                    let keys = Keys::open(keys_folder, &provider);
                    let keys = keys.map_err(|error| RouteError::Log(provider.clone(), error))?;
                    let tunnels = Semaphore::new(limits.tunnel.open.min(Semaphore::MAX_PERMITS));
                    (Arc::new(keys), Arc::new(tunnels))
                }
            };
            let upstream = match known.filter(|route| route.upstream.is_to(gateway)) {
                Some(route) => route.upstream.clone(),
                None => {
                    let made = Upstream::new(gateway.clone(), resolver.clone(), times, counters.clone());
                    Arc::new(made.map_err(|error| RouteError::Tls(provider.clone(), error))?)
                }
            };
            let url = &gateway.url;
            let uri = Uri::builder().scheme("https").authority(url.authority()).path_and_query(url.path()).build();
            let route = Route {
                place,
                upstream,
                uri: uri.expect("host, port and path were parts of a url"),
                tunnel_authority: url.tunnel_authority(),
                keys,
                tunnels,
            };
            by_provider.insert(provider, Arc::new(route));
        }
        Ok(Self { by_provider })
    }

    /// The gateway of a provider, by the bytes of its name.
    pub(crate) fn of_provider(&self, provider: &str) -> Option<&Arc<Route>> {
        self.by_provider.get(provider)
    }

    /// The gateway that `CONNECT` names: host and port, compared as bytes.
    pub(crate) fn of_authority(&self, authority: &str) -> Option<&Arc<Route>> {
        self.all().find(|route| route.tunnel_authority == authority)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.by_provider.values()
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Routes").field("len", &self.by_provider.len()).finish_non_exhaustive()
    }
}
