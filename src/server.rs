//! Puts the parts together and runs them: store, service, listeners, timers; and takes them down in order.

mod gateway_watch;
mod limits;
mod providers;
mod public;

pub use providers::ProvidersError;
pub use public::{keyring_table, open_keyring};

use std::{collections::BTreeSet, fmt::Display, sync::Arc, time::Duration};

use gateway_watch::GatewayWatch;
use restante_gateway::Keyring;
use restante_process::{Clients, Connections, Identify, Socket, SocketError, Stopped, Tasks, Tls, TlsError};
use tokio::sync::watch;
use zeroize::Zeroizing;

use crate::{
    client::http::ProviderClient,
    config::{self, Config, Problems},
    courier::{Asker, BansPace, Courier},
    http::{self, Hub, HubParts, Peer, Upstream},
    pool::{self, InboxPolicy, Rate, Room},
    sequencer::{GroupInfoAccess, Hints, Policy, SizeLimits, Undelivered, Usage},
    service::{
        self, AnsweredRequests, Limits, Next, ObservingLimits, Parts, RateLimits, SWEEP_INTERVAL, Service, SystemClock,
        SystemEntropy,
    },
    store::{
        self, SharedStore,
        rocks::{OpenOptions, RocksStore},
    },
    wire::ServiceProviderId,
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
    /// A listener.
    #[error(transparent)]
    Listen(#[from] SocketError),
    /// A part of it stopped by a bug.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Memory for cached blocks of the database.
const CACHE_BYTES: usize = 256 * 1024 * 1024;

/// How long a commit waits for what providers say about its Welcome, if they are to be asked before.
const PREFLIGHT_WAIT: Duration = Duration::from_secs(5);

/// Serves until `stopping` turns true or its sender is gone; calls `ready` with table and address of each listener.
/// Returns when everything that was being served is answered and the database is closed.
///
/// # Errors
/// Why it did not start, or which part of it stopped.
pub async fn run(
    config: Config,
    mut ready: impl FnMut(&str, &dyn Display) + Send,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Error> {
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
            Some((public, Arc::new(keyring), public::tls(public)?, Socket::tcp("public", public.listen).await?))
        }
        None => None,
    };
    let local = match &config.local {
        Some(local) => Some(Socket::local("local", &local.listen).await?),
        None => None,
    };
    let providers = providers::client(&config)?;
    let (service, marks) = start_service(&config, keys_are_older, &providers).await?;
    let hub = Arc::new(build_hub(&config, service.clone(), providers.clone())?);

    let mut tasks = Tasks::default();
    // Parts are told by a sender of their own: one that was told would otherwise have ended before it is known here why.
    let (end, ending) = watch::channel(false);
    let connections = |service, tls, identify| {
        let limits = limits::of_services(&config.limits);
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
        let limits = limits::of_relays(&config.limits);
        let keyring_fails = Arc::default();
        let watch = GatewayWatch::new(&service, Arc::clone(&keyring_fails));
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
    let courier = Courier::new(service.clone(), providers, limits::of_deliveries(&config.limits));
    let peers: Vec<_> = config.peers.iter().map(|peer| peer.id.clone()).collect();
    tasks.spawn("bans", courier.clone().follow_bans(peers.clone(), bans_pace(&config), ending.clone()));
    tasks.spawn("pushes", courier.clone().push(peers, ending.clone()));
    tasks.spawn("welcomes", courier.deliver_welcomes(ending.clone()));
    tasks.spawn("states", catch_up(service.clone(), ending.clone()));
    tasks.spawn("timers", sweep(service.clone(), ending.clone()));
    tasks.spawn("retention", retain(service.clone(), ending.clone()));
    tasks.spawn("marks", sweep_marks(service.clone(), ending.clone()));
    tasks.spawn("lanes", watch_lanes(service.clone(), ending.clone()));

    let served = until_told(&mut stopping, &mut tasks).await;
    end.send_replace(true);
    hub.drain();
    let ended = match served {
        Ok(()) => tasks.ended().await,
        Err(stopped) => {
            tasks.shutdown().await;
            Err(stopped)
        }
    };
    service.deletion_ended().await;
    // The lanes' threads are joined where blocking is allowed.
    drop(tokio::task::spawn_blocking(move || service.finish()).await);
    Ok(ended?)
}

/// Waits until it is time to end.
///
/// # Errors
/// Something stopped that the rest is no server without.
async fn until_told(stopping: &mut watch::Receiver<bool>, tasks: &mut Tasks) -> Result<(), Stopped> {
    tokio::select! {
        biased;
        // A dropped sender means the end as well. First: told to end, the tasks do.
        _ = stopping.wait_for(|ends| *ends) => Ok(()),
        stopped = tasks.stopped() => Err(stopped),
    }
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
    let parts = (policy(config), service_limits(config));
    let pool_policy = pool_policy(config);
    let asker = config.policy.welcome_preflight.then(|| asker(config, providers.clone()));
    let open = move || -> Result<_, Error> {
        let forgotten_ms = if keys_are_older { public::last_mark_ms(SystemClock.now()) } else { 0 };
        let options = OpenOptions { path: &path, provider: &id, fresh_secrets, forgotten_ms, cache_bytes: CACHE_BYTES };
        let store: SharedStore = Arc::new(RocksStore::open(options)?);
        let (policy, limits) = parts;
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let service = Service::start(Parts { provider: id, store, policy, pool_policy, limits, clock, entropy })?;
        let service = match asker {
            Some(asker) => service.asking_first(Arc::new(asker), PREFLIGHT_WAIT),
            None => service,
        };
        let marks = service.answered_requests()?;
        Ok((Arc::new(service), marks))
    };
    tokio::task::spawn_blocking(open).await.map_err(|_| service::Error::NoThread)?
}

/// Who asks providers before a commit is sequenced: ourselves and all peers, as few of each at once as when Welcomes are
/// delivered.
fn asker(config: &Config, providers: ProviderClient) -> Asker {
    let peers = config.peers.iter().map(|peer| peer.id.clone());
    Asker::new(providers, peers.chain([config.provider.id.clone()]), config.limits.deliveries_per_provider)
}

fn build_hub(config: &Config, service: Arc<Service>, providers: ProviderClient) -> Result<Hub, Error> {
    let service_token: Option<Zeroizing<String>> =
        config.local.as_ref().map(|local| local.read_service_token().map_err(Error::Config)).transpose()?;
    Ok(Hub::new(HubParts {
        service,
        upstream: Upstream::new(providers),
        peers: config.peers.iter().map(|peer| peer.id.clone()).collect(),
        service_token,
        request_bytes_max: config.limits.request_bytes_max(),
        in_flight_bytes_max: config.limits.in_flight_bytes_max,
        body_timeout: seconds(config.limits.request_body_timeout_seconds),
    }))
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

fn bans_pace(config: &Config) -> BansPace {
    let every = Duration::from_secs(60 * u64::from(config.policy.bans_refresh_minutes));
    BansPace { every, first_backoff: Duration::from_secs(10).min(every) }
}

/// The operator's numbers as the sequencer takes them.
fn policy(config: &Config) -> Policy {
    const HOUR_MS: u64 = 3_600_000;
    let (limits, written) = (&config.limits, &config.policy);
    let budget_in_group = Usage {
        partitions: written.partitions_per_provider_and_group.into(),
        bytes: written.bytes_per_provider_and_group,
    };
    let peers = config.peers.iter().map(|peer| peer.id.clone());
    let providers: BTreeSet<ServiceProviderId> = peers.chain([config.provider.id.clone()]).collect();
    Policy {
        providers: Arc::new(providers),
        hub: Some(config.provider.id.clone()),
        sizes: SizeLimits {
            application: limits.application_message_bytes,
            handshake: limits.handshake_bytes,
            welcome: limits.welcome_bytes,
            group_info: limits.group_info_bytes,
        },
        group_info: match written.group_info {
            config::GroupInfoAccess::Peers => GroupInfoAccess::Peers,
            config::GroupInfoAccess::Token => GroupInfoAccess::Token,
            config::GroupInfoAccess::Open => GroupInfoAccess::Open,
        },
        reservation_ms: u64::from(written.group_id_reservation_hours) * HOUR_MS,
        orphan_ms: u64::from(written.orphan_hours) * HOUR_MS,
        shared_orphan_ms: u64::from(written.shared_orphan_hours) * HOUR_MS,
        budget_in_group,
        budget_in_all: budget_in_group.times(written.all_groups_factor.into()),
        late_after_ms: u64::from(written.late_minutes) * 60_000,
        welcome_hold_ms: u64::from(written.welcome_hold_days) * 24 * HOUR_MS,
        welcome_lifetime_ms: u64::from(written.welcome_delivery_days) * 24 * HOUR_MS,
        undelivered: Undelivered {
            welcomes: written.undelivered_welcomes_per_provider.into(),
            bytes: written.undelivered_welcome_bytes_per_provider,
        },
        cipher_suites: Arc::new(written.cipher_suites.iter().copied().collect()),
        group_members_max: written.group_members_max,
        retention_ms: u64::from(written.retention_days) * 24 * HOUR_MS,
        idle_ms: u64::from(written.group_idle_days) * 24 * HOUR_MS,
        hint_window_ms: u64::from(written.hint_window_days) * 24 * HOUR_MS,
        hints: match written.hints {
            config::Hints::Entitled => Hints::Entitled,
            config::Hints::Forward => Hints::Forward,
        },
        hint_epochs: written.hint_epochs_max,
        hint_bytes: written.hint_bytes_max,
        ..Policy::default()
    }
}

/// The operator's numbers about KeyPackages and tokens.
fn pool_policy(config: &Config) -> pool::Policy {
    const HOUR_MS: u64 = 3_600_000;
    let written = &config.policy;
    let hourly = |burst, fetches: u32| Rate { burst, each: Duration::from_secs(3600) / fetches.max(1) };
    let default = pool::Policy::default();
    pool::Policy {
        stock_items: written.key_packages_per_client,
        low_water_mark: written.key_package_low_water_mark,
        clients: written.clients_per_user,
        token_rate: hourly(default.token_rate.burst, written.fetches_per_token_and_hour),
        target_rate: hourly(default.target_rate.burst, written.fetches_per_user_and_hour),
        inbox: InboxPolicy {
            per_user: Room { letters: written.inbox_entries_per_user, bytes: written.inbox_bytes_per_user },
            bytes_max: written.inbox_bytes_max,
            letter_ms: u64::from(written.inbox_days) * 24 * HOUR_MS,
            ..default.inbox.clone()
        },
        ..default
    }
}

fn service_limits(config: &Config) -> Limits {
    Limits {
        receive_wait: seconds(config.limits.wait_seconds_max),
        waiting_per_provider: config.limits.waiting_per_provider,
        page_bytes: config.limits.page_bytes,
        pages_bytes_max: config.limits.responses_in_flight_bytes_max,
        follows: config.provider.push,
        rates: RateLimits::per_second(
            config.policy.messages_per_provider_and_second,
            config.policy.messages_per_provider_group_and_second,
            config.policy.messages_per_user_and_second,
            config.limits.request_bytes_max(),
        ),
        observing: observing_limits(config),
        ..Limits::default()
    }
}

/// What is done with the public states of groups leaves a processor to everything else.
fn observing_limits(config: &Config) -> ObservingLimits {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    ObservingLimits {
        at_once: processors.saturating_sub(1).max(1),
        states_bytes_max: config.limits.public_states_bytes_max,
        ..ObservingLimits::default()
    }
}

/// Clients must come from the authority. Whether they are peers is asked for each request.
fn provider_tls(config: &Config) -> Result<Tls, TlsError> {
    let provider = &config.provider;
    Tls::read(&provider.cert_file, &provider.key_file, Clients::Required(&provider.ca_file))
}

/// Ends when a lane does, or when all are told to: without a lane, what belongs to it would be refused for ever.
async fn watch_lanes(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    tokio::select! {
        () = service.lane_ended() => {}
        _ = stopping.wait_for(|ends| *ends) => {}
    }
}

/// Finds out public states that nobody had time to look at, one after another, until the end.
async fn catch_up(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            caught_up = service.catch_up() => {
                if let Err(error) = caught_up {
                    tracing::warn!(%error, "a public state is found out by whoever needs it");
                }
            }
            _ = stopping.wait_for(|ends| *ends) => return,
        }
    }
}

/// Looks for due timers until the end.
async fn sweep(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    let mut ticks = ticks();
    while is_next(&mut ticks, &mut stopping).await {
        match service.sweep().await {
            Ok(0) => tracing::trace!("no timer is due"),
            Ok(timers) => tracing::debug!(timers, "due timers done"),
            Err(error) => tracing::warn!(%error, "due timers wait for the next look"),
        }
    }
}

/// Removes marks of answered requests until the end, also while many timers are due.
async fn sweep_marks(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    let mut ticks = ticks();
    while is_next(&mut ticks, &mut stopping).await {
        match service.sweep_marks().await {
            Ok(any) => tracing::trace!(any, "expired marks removed"),
            Err(error) => tracing::warn!(%error, "expired marks wait for the next look"),
        }
    }
}

/// Walks over what is kept until the end, and removes what has had its time.
async fn retain(service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    loop {
        let rest = match service.retain().await {
            Ok(Next::Step(pause)) => {
                tokio::select! {
                    () = tokio::time::sleep(pause) => continue,
                    _ = stopping.wait_for(|ends| *ends) => return,
                }
            }
            Ok(Next::Walk(rest)) => {
                let removed = service.retention_status().last_removed;
                let (messages, partitions) = (removed.messages, removed.partitions);
                tracing::debug!(messages, partitions, "retention has come to its end");
                rest
            }
            Err(error) => {
                tracing::warn!(%error, "retention waits");
                SWEEP_INTERVAL
            }
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = service.retention_asked_for() => {}
            _ = stopping.wait_for(|ends| *ends) => return,
        }
    }
}

/// The first one now. What takes longer than the interval puts the next one off.
fn ticks() -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    ticks
}

/// Waits for the next tick, or for the end.
async fn is_next(ticks: &mut tokio::time::Interval, stopping: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        _ = ticks.tick() => true,
        _ = stopping.wait_for(|ends| *ends) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_s_defaults_are_the_sequencer_s() {
        let limits = crate::config::Limits::default();
        let sizes = Policy::default().sizes;
        assert_eq!(limits.application_message_bytes, sizes.application);
        assert_eq!(limits.handshake_bytes, sizes.handshake);
        assert_eq!(limits.welcome_bytes, sizes.welcome);
        assert_eq!(limits.group_info_bytes, sizes.group_info);
        let (written, policy) = (crate::config::Policy::default(), Policy::default());
        assert_eq!(u64::from(written.orphan_hours) * 3_600_000, policy.orphan_ms);
        assert_eq!(u64::from(written.shared_orphan_hours) * 3_600_000, policy.shared_orphan_ms);
        assert_eq!(u64::from(written.partitions_per_provider_and_group), policy.budget_in_group.partitions);
        assert_eq!(written.bytes_per_provider_and_group, policy.budget_in_group.bytes);
        assert_eq!(u64::from(written.group_id_reservation_hours) * 3_600_000, policy.reservation_ms);
        assert_eq!(written.hint_epochs_max, policy.hint_epochs);
        assert_eq!(written.hint_bytes_max, policy.hint_bytes);
        assert_eq!(u64::from(written.hint_window_days) * 24 * 3_600_000, policy.hint_window_ms);
        assert_eq!(u64::from(written.welcome_hold_days) * 24 * 3_600_000, policy.welcome_hold_ms);
        assert_eq!(u64::from(written.welcome_delivery_days) * 24 * 3_600_000, policy.welcome_lifetime_ms);
        assert_eq!(u64::from(written.undelivered_welcomes_per_provider), policy.undelivered.welcomes);
        assert_eq!(written.undelivered_welcome_bytes_per_provider, policy.undelivered.bytes);
        assert_eq!(u64::from(written.late_minutes) * 60_000, policy.late_after_ms);
        let rates = |bytes| {
            RateLimits::per_second(
                written.messages_per_provider_and_second,
                written.messages_per_provider_group_and_second,
                written.messages_per_user_and_second,
                bytes,
            )
        };
        assert_eq!(rates(64 * 1024 * 1024), RateLimits::default());
        assert_eq!(u64::from(written.retention_days) * 24 * 3_600_000, policy.retention_ms);
        assert_eq!(u64::from(written.group_idle_days) * 24 * 3_600_000, policy.idle_ms);
        let pool = pool::Policy::default();
        assert_eq!(written.key_packages_per_client, pool.stock_items);
        assert_eq!(written.key_package_low_water_mark, pool.low_water_mark);
        assert_eq!(written.clients_per_user, pool.clients);
        assert_eq!(written.inbox_entries_per_user, pool.inbox.per_user.letters);
        assert_eq!(written.inbox_bytes_per_user, pool.inbox.per_user.bytes);
        assert_eq!(written.inbox_bytes_max, pool.inbox.bytes_max);
        assert_eq!(u64::from(written.inbox_days) * 24 * 3_600_000, pool.inbox.letter_ms);
        assert_eq!(Duration::from_secs(3600) / written.fetches_per_token_and_hour, pool.token_rate.each);
        assert_eq!(Duration::from_secs(3600) / written.fetches_per_user_and_hour, pool.target_rate.each);
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
        assert_eq!(until_told(&mut stopping, &mut tasks).await, Ok(()));
    }

    /// A supervisor starts a process again that ends; one that stands and refuses everything, it leaves as it is.
    #[tokio::test]
    async fn a_lane_that_panics_ends_the_whole() {
        use service::setup::{PATIENCE, Setup, user_id};
        let setup = Setup::new();
        let (_stop, mut stopping) = watch::channel(false);
        let mut tasks = Tasks::default();
        tasks.spawn("lanes", watch_lanes(setup.service.clone(), stopping.clone()));
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
        tasks.spawn("lanes", watch_lanes(setup.service.clone(), stopping));
        stop.send_replace(true);
        assert_eq!(tasks.ended().await, Ok(()));
    }
}
