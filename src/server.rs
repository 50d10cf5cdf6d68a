//! Puts the parts together and runs them: store, service, listeners, timers; and takes them down in order.

mod chores;
mod contents;
mod gateway_metrics;
mod gateway_watch;
mod limits;
mod policies;
mod providers;
mod public;
mod reload;
mod restore;

pub use providers::ProvidersError;
pub use public::{keyring_table, open_keyring};
pub use reload::Load;
pub use restore::{Found, RestoreError, Restored, backups, restore, verify_backup, verify_database};

use std::{fmt::Display, sync::Arc, time::Duration};

use contents::Contents;
use gateway_watch::GatewayWatch;
use reload::Reloading;
use restante_gateway::Keyring;
use restante_process::{
    Clients, Connections, Expiry, Identify, Reloads, Socket, SocketError, Stopped, Supervisor, Tasks, Tls, TlsError,
    Told, connections_of_each,
    export::{Collector, CollectorError, Export, ServiceName, Source},
    table_files, told,
};
use tokio::{sync::watch, time::Instant};
use zeroize::Zeroizing;

use crate::{
    client::http::ProviderClient,
    config::{self, Config, Problems},
    courier::{Asker, BansPace, Courier},
    http::{self, Hub, HubParts, HubSettings, Peer, Upstream},
    service::{self, AnsweredRequests, BackupPlace, Parts, Service, SystemClock, SystemEntropy},
    store::{
        self, SharedStore,
        rocks::{OpenOptions, RocksStore},
    },
};

/// Why the server did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The service.
    #[error(transparent)]
    Service(#[from] service::Error),
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The way to other providers.
    #[error(transparent)]
    Providers(#[from] ProvidersError),
    /// A secret's file.
    #[error("{0}")]
    Config(Problems),
    /// The gateway's keys.
    #[error(transparent)]
    Keyring(#[from] restante_gateway::KeyringError),
    /// The way to the collector of metrics.
    #[error(transparent)]
    Export(#[from] CollectorError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] SocketError),
    /// A part of it stopped by a bug.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// How long a commit waits for what providers say about its Welcome, if they are to be asked before.
const PREFLIGHT_WAIT: Duration = Duration::from_secs(5);

/// Serves until `stopping` turns true or its sender is gone; calls `ready` with table and address of each listener, and
/// `load` when `reloads` asks for it: what can be changed without a restart then is, and the log says what is not.
/// `supervisor` is told what it does. Returns when everything that was being served is answered and the database is
/// closed.
///
/// # Errors
/// Why it did not start, or which part of it stopped.
pub async fn run(
    config: Config,
    mut ready: impl FnMut(&str, &dyn Display) + Send,
    load: Load,
    mut reloads: Reloads,
    supervisor: Arc<Supervisor>,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Error> {
    // Before they are read to be used: what changes in between is told once too often, and not never.
    let contents = read_contents(&config).await?;
    // Whatever can be refused is refused before the database is opened and before anything serves: a process must not
    // end while tasks still hold the database.
    let provider = match config.provider.listen {
        Some(address) => Some((provider_tls(&config)?, Socket::tcp("provider", address).await?)),
        None => None,
    };
    let mut keys_are_older = false;
    let public = match &config.public {
        Some(public) => {
            let keyring;
            (keyring, keys_are_older) = make_keyring(public).await?;
            if !keys_are_older {
                tracing::warn!("gateway: a keyring was made, with new keys: if there was one, its folder is missing");
            }
            Some((public, Arc::new(keyring), public::tls(public)?, Socket::tcp("public", public.listen).await?))
        }
        None => None,
    };
    let local = match &config.local {
        Some(local) => Some(Socket::local("local", &local.listen).await?),
        None => None,
    };
    let providers = providers::client(&config)?;
    let collector = config.export.as_ref().map(Collector::read).transpose()?;
    let (service, marks) = start_service(&config, keys_are_older, &providers).await?;
    let provider_tls = provider.as_ref().map(|(tls, _)| tls.clone());
    let public_tls = public.as_ref().map(|(_, _, tls, _)| tls.clone());
    let listeners = [("provider", &provider_tls), ("public", &public_tls)].into_iter();
    let certificates = listeners.filter_map(|(table, tls)| Some((table, tls.as_ref()?.expiry().clone()))).collect();
    let hub = Arc::new(build_hub(&config, service.clone(), providers.clone(), certificates)?);

    let (export, exports) = Export::begin(collector, source(&hub));
    let mut reloading = Reloading {
        load,
        hub: hub.clone(),
        service: service.clone(),
        providers: providers.clone(),
        export,
        provider_tls,
        public_tls,
        contents,
        config: config.clone(),
    };

    let (mut tasks, mut exporting) = (Tasks::default(), Tasks::default());
    exporting.spawn("export", exports);
    // Parts are told by a sender of their own: one that was told would otherwise have ended before it is known here why.
    let (end, ending) = watch::channel(false);
    let each = connections_of_each(config.listeners());
    let connections = |service, tls, identify| {
        let limits = limits::of_services(&config.limits, each);
        Connections { service, route: http::route, tls, identify, limits }
    };
    if let Some((tls, (socket, address))) = provider {
        let peer = Identify::by(|certificate| certificate.map(|leaf| Peer::of_certificate(leaf)));
        let connections = connections(http::provider::router(hub.clone()), Some(tls), peer);
        tasks.spawn("provider", connections.serve(socket, ending.clone()));
        ready("provider", &address);
    }
    if let Some((public, keyring, tls, (socket, address))) = public {
        let service = public::gateway(public, &config.provider.id, &service, &keyring, marks);
        let (route, tls, identify) = (public::route, Some(tls), public::identify(public));
        let limits = limits::of_relays(&config.limits, each);
        let keyring_fails = Arc::default();
        let watch = GatewayWatch::new(&service, Arc::clone(&keyring_fails));
        hub.expose_also(gateway_metrics::of(&service, Arc::clone(&keyring_fails)));
        let connections = Connections { service, route, tls, identify, limits };
        tasks.spawn("public", connections.serve(socket, ending.clone()));
        tasks.spawn("keys", public::keep_fresh(keyring, keyring_fails, ending.clone()));
        tasks.spawn("gateway", watch.watch(hub.clone(), ending.clone()));
        ready("public", &address);
    }
    if let Some((socket, address)) = local {
        let connections = connections(http::local::router(hub.clone()), None, Identify::nobody());
        tasks.spawn("local", connections.serve(socket, ending.clone()));
        ready("local", &address);
    }
    tracing::info!(peers = config.peers.len(), "serving");
    let courier = Courier::new(service.clone(), providers, limits::of_deliveries(&config.limits));
    tasks.spawn("welcomes", courier.clone().deliver_welcomes(ending.clone()));
    tasks.spawn("states", chores::catch_up(service.clone(), ending.clone()));
    tasks.spawn("timers", chores::sweep(service.clone(), ending.clone()));
    tasks.spawn("retention", chores::retain(service.clone(), ending.clone()));
    tasks.spawn("marks", chores::sweep_marks(service.clone(), ending.clone()));
    tasks.spawn("lanes", chores::watch_lanes(service.clone(), ending.clone()));
    tasks.spawn("awake", supervisor.clone().keep_awake(ending.clone()));

    let mut errands = errands(&courier, &config, &ending);
    let served = loop {
        match told_or_stopped(&supervisor, &mut stopping, &mut reloads, [&mut tasks, &mut errands, &mut exporting])
            .await
        {
            Ok(Told::ToEnd) => break Ok(()),
            Ok(Told::ToReload) => {
                if reloading.reload().await {
                    // What was under way is durable or asked for again.
                    errands.shutdown().await;
                    errands = self::errands(&courier, &reloading.config, &ending);
                } else {
                    supervisor.reload_refused();
                }
            }
            Err(stopped) => break Err(stopped),
        }
    };
    let drain = (seconds(config.limits.drain_seconds), Instant::now());
    end.send_replace(true);
    hub.drain();
    let ended = match served {
        Ok(()) => {
            let ended = tasks.ended().await;
            let ended = ended.and(errands.ended().await);
            reloading.export.end(drain.0, drain.1);
            ended.and(exporting.ended().await)
        }
        Err(stopped) => {
            tasks.shutdown().await;
            errands.shutdown().await;
            exporting.shutdown().await;
            Err(stopped)
        }
    };
    service.deletion_ended().await;
    service.backup_ended().await;
    // The lanes' threads are joined where blocking is allowed.
    drop(tokio::task::spawn_blocking(move || service.finish()).await);
    Ok(ended?)
}

/// Waits until it is time to end, or to reload.
///
/// # Errors
/// Something stopped that the rest is no server without.
async fn told_or_stopped(
    supervisor: &Supervisor,
    stopping: &mut watch::Receiver<bool>,
    reloads: &mut Reloads,
    [tasks, errands, exporting]: [&mut Tasks; 3],
) -> Result<Told, Stopped> {
    let stopped = async {
        tokio::select! {
            stopped = tasks.stopped() => stopped,
            stopped = errands.stopped() => stopped,
            stopped = exporting.stopped() => stopped,
        }
    };
    told(supervisor, stopping, reloads, stopped).await
}

/// What is exported, if anything is.
fn source(hub: &Arc<Hub>) -> Source {
    use service::Clock as _;
    let (counts, hub) = (hub.exports().clone(), Arc::clone(hub));
    let program = ServiceName { name: "restante", version: env!("CARGO_PKG_VERSION") };
    Source { program, read: Box::new(move || hub.metrics()), now_ms: || SystemClock.now(), counts }
}

/// What goes out to each peer: begun anew when peers or certificates may have changed.
fn errands(courier: &Courier, config: &Config, ending: &watch::Receiver<bool>) -> Tasks {
    let mut errands = Tasks::default();
    let peers: Vec<_> = config.peers.iter().map(|peer| peer.id.clone()).collect();
    errands.spawn("bans", courier.clone().follow_bans(peers.clone(), bans_pace(config), ending.clone()));
    errands.spawn("pushes", courier.clone().push(peers, ending.clone()));
    errands
}

/// What is in the files that a reload reads again.
async fn read_contents(config: &Config) -> Result<Contents, Error> {
    let config = config.clone();
    let read = tokio::task::spawn_blocking(move || Contents::read(&config)).await;
    Ok(read.map_err(|_| service::Error::NoThread)?)
}

/// Opens the gateway's keys, or makes them. Whether they were there.
async fn make_keyring(public: &config::Public) -> Result<(Keyring, bool), Error> {
    let public = public.clone();
    let open = move || {
        let were_there = Keyring::exists(&public.keys_path);
        Ok((public::open_keyring(&public)?.serving()?, were_there))
    };
    tokio::task::spawn_blocking(open).await.map_err(|_| service::Error::NoThread)?
}

/// The service, and the marks of requests that were answered before the restart. A database that is made now knows none
/// of those that were answered with keys that are older than it.
async fn start_service(
    config: &Config,
    keys_are_older: bool,
    providers: &ProviderClient,
) -> Result<(Arc<Service>, AnsweredRequests), Error> {
    use service::{Clock, Entropy};
    let mut fresh_secrets = [[0; 32]; 2];
    SystemEntropy.fill(fresh_secrets.as_flattened_mut())?;
    let (path, id) = (config.store.path.clone(), config.provider.id.clone());
    let cache_bytes = config.store.cache_bytes;
    let parts = (policies::policy(config), limits::of_service(config));
    let pool_policy = policies::pool_policy(config);
    let asker = config.policy.welcome_preflight.then(|| asker(config, providers.clone()));
    let (folder, keep) = (config.store.backup_path.clone(), config.store.backups_kept);
    let place = folder.map(|folder| BackupPlace { folder, keep });
    let open = move || -> Result<_, Error> {
        let forgotten_ms = if keys_are_older { public::last_mark_ms(SystemClock.now()) } else { 0 };
        let open_files = table_files();
        let options = OpenOptions { path: &path, provider: &id, fresh_secrets, forgotten_ms, cache_bytes, open_files };
        let store: SharedStore = Arc::new(RocksStore::open(options)?);
        let (policy, limits) = parts;
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let service = Service::start(Parts { provider: id, store, policy, pool_policy, limits, clock, entropy })?;
        let service = match asker {
            Some(asker) => service.asking_first(Arc::new(asker), PREFLIGHT_WAIT),
            None => service,
        };
        let service = match place {
            Some(place) => service.backing_up_to(place),
            None => service,
        };
        let marks = service.answered_requests()?;
        Ok((Arc::new(service), marks))
    };
    tokio::task::spawn_blocking(open).await.map_err(|_| service::Error::NoThread)?
}

/// Who asks providers before a commit is sequenced, as few of each at once as when Welcomes are delivered.
fn asker(config: &Config, providers: ProviderClient) -> Asker {
    Asker::new(providers, config.limits.deliveries_per_provider)
}

fn build_hub(
    config: &Config,
    service: Arc<Service>,
    providers: ProviderClient,
    certificates: Vec<(&'static str, Expiry)>,
) -> Result<Hub, Error> {
    Ok(Hub::new(HubParts {
        service,
        upstream: Upstream::new(providers),
        settings: hub_settings(config).map_err(Error::Config)?,
        in_flight_bytes_max: config.limits.in_flight_bytes_max,
        certificates,
    }))
}

/// What a reload changes of the hub. Reads the service token.
fn hub_settings(config: &Config) -> Result<HubSettings, Problems> {
    let service_token: Option<Zeroizing<String>> =
        config.local.as_ref().map(config::Local::read_service_token).transpose()?;
    Ok(HubSettings {
        peers: config.peers.iter().map(|peer| peer.id.clone()).collect(),
        service_token,
        request_bytes_max: config.limits.request_bytes_max(),
        body_timeout: seconds(config.limits.request_body_timeout_seconds),
    })
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

fn bans_pace(config: &Config) -> BansPace {
    let every = Duration::from_secs(60 * u64::from(config.policy.bans_refresh_minutes));
    BansPace { every, first_backoff: Duration::from_secs(10).min(every) }
}

/// Clients must come from the authority. Whether they are peers is asked for each request.
fn provider_tls(config: &Config) -> Result<Tls, TlsError> {
    let provider = &config.provider;
    Tls::read(&provider.cert_file, &provider.key_file, Clients::Required(&provider.ca_file))
}

#[cfg(test)]
mod tests {
    use restante_process::Signals;

    use super::*;

    /// The end of the whole, and why.
    async fn until_told(stopping: &mut watch::Receiver<bool>, tasks: &mut Tasks) -> Result<Told, Stopped> {
        let mut reloads = Signals::install().unwrap().reloads;
        let (mut errands, mut exporting) = (Tasks::default(), Tasks::default());
        let parts = [tasks, &mut errands, &mut exporting];
        told_or_stopped(&Supervisor::default(), stopping, &mut reloads, parts).await
    }

    #[tokio::test]
    async fn a_part_that_stops_ends_the_whole() {
        let (stop, mut stopping) = watch::channel(false);
        let mut tasks = Tasks::default();
        tasks.spawn("timers", std::future::pending());
        tasks.spawn("local", async { panic!("a bug") });
        assert_eq!(until_told(&mut stopping, &mut tasks).await, Err(Stopped("local")));
        // Those that end because they are told to have not stopped.
        stop.send_replace(true);
        tasks.spawn("public", async {});
        tokio::task::yield_now().await;
        assert_eq!(until_told(&mut stopping, &mut tasks).await, Ok(Told::ToEnd));
    }

    #[tokio::test]
    async fn an_errand_that_stops_ends_the_whole() {
        let (_stop, mut stopping) = watch::channel(false);
        let [mut tasks, mut errands, mut exporting]: [Tasks; 3] = Default::default();
        tasks.spawn("timers", std::future::pending());
        errands.spawn("pushes", async { panic!("a bug") });
        let mut reloads = Signals::install().unwrap().reloads;
        let nobody = Supervisor::default();
        let told =
            told_or_stopped(&nobody, &mut stopping, &mut reloads, [&mut tasks, &mut errands, &mut exporting]).await;
        assert_eq!(told, Err(Stopped("pushes")));
    }

    /// A supervisor starts a process again that ends; one that stands and refuses everything, it leaves as it is.
    #[tokio::test]
    async fn a_lane_that_panics_ends_the_whole() {
        use service::setup::{PATIENCE, Setup, user_id};
        let setup = Setup::new();
        let (_stop, mut stopping) = watch::channel(false);
        let mut tasks = Tasks::default();
        tasks.spawn("lanes", chores::watch_lanes(setup.service.clone(), stopping.clone()));
        setup.group().await;
        assert_eq!(setup.service.ready(), Ok(()));
        setup.store.panic_on_commit();
        let refused = setup.service.mint_group_id(&user_id("alice")).await;
        assert_eq!(refused.map(drop), Err(service::Error::ShuttingDown));
        let ended = tokio::time::timeout(PATIENCE, until_told(&mut stopping, &mut tasks)).await;
        assert_eq!(ended, Ok(Err(Stopped("lanes"))));
        // What is left ends in order.
        let finished = tokio::task::spawn_blocking(move || setup.service.finish());
        tokio::time::timeout(PATIENCE, finished).await.expect("no lane is kept").unwrap();
    }

    #[tokio::test]
    async fn lanes_that_are_told_to_end_have_not_stopped() {
        let setup = service::setup::Setup::new();
        let (stop, stopping) = watch::channel(false);
        let mut tasks = Tasks::default();
        tasks.spawn("lanes", chores::watch_lanes(setup.service.clone(), stopping));
        stop.send_replace(true);
        assert_eq!(tasks.ended().await, Ok(()));
    }
}
