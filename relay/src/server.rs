//! Puts the parts together and runs them: listeners, refreshers of key lists, reloads; and takes them down in order.

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use restante_files::make_folder;
use restante_process::{
    Clients, Connections, Identify, Reloads, Socket, SocketError, Stopped, Supervisor, Tasks, Tls, TlsError, Told,
    admin::{self, Admin, Standing as _},
    config::Problems,
    connections_of_each,
    export::{Collector, CollectorError, Export, ServiceName, Source},
    told,
};
use tokio::{sync::watch, time::Instant};

use crate::{
    admin::RelayStanding,
    config::Config,
    counters::Counters,
    keys::{Refreshing, keep_fresh},
    limits::UserLimits,
    relay::{self, Relay},
    routes::{RouteError, Routes},
    user_tokens::{TokensError, UserTokens, read_text},
};

/// Why the relay did not start, or did not take a new configuration. For the operator's terminal: it names files. While
/// the relay serves, nothing of it is written anywhere.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A gateway.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] SocketError),
    /// The file of tokens cannot be read.
    #[error("{0}: {1}")]
    TokensFile(PathBuf, io::Error),
    /// The file of tokens holds something else.
    #[error("{0}: {1}")]
    Tokens(PathBuf, TokensError),
    /// The folder of key lists.
    #[error("{0}: {1}")]
    State(PathBuf, io::Error),
    /// The way to the collector of metrics.
    #[error(transparent)]
    Export(#[from] CollectorError),
    /// The configuration, at a reload.
    #[error("{0}")]
    Config(Problems),
    /// A task that reads files stopped by a bug.
    #[error("a part of the process stopped")]
    Join(#[from] tokio::task::JoinError),
    /// A part stopped by a bug, and without it the rest is no relay.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Reads the configuration again, off the threads that serve.
pub type Load = Arc<dyn Fn() -> Result<Config, Problems> + Send + Sync>;

/// Where the program tells its surroundings about itself.
pub struct Surroundings<'a> {
    /// Called with table and address of each listener that is ready.
    pub announce: &'a mut (dyn FnMut(&str, &dyn Display) + Send),
    /// Reads the configuration again.
    pub load: Load,
    /// Who started the process.
    pub supervisor: Arc<Supervisor>,
}

/// Serves until `stopping` turns true or its sender is gone. Returns when everything that was under way has ended.
///
/// # Errors
/// Why it did not start, or which part of it stopped.
pub async fn run(
    config: Config,
    surroundings: Surroundings<'_>,
    reloads: &mut Reloads,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Error> {
    let tls = Tls::read(&config.cert_file, &config.key_file, Clients::Unknown)?;
    let counters = Arc::new(Counters { certificate: tls.expiry().clone(), ..Counters::default() });
    let keys_folder = config.keys_folder();
    make_folder(&keys_folder, 0o777).map_err(|error| Error::State(keys_folder.clone(), error))?;
    let collector = config.export.as_ref().map(Collector::read).transpose()?;
    let limits = config.limits.of_relay();
    let routes = Routes::open(&config.gateways, &keys_folder, &limits, &counters, None)?;
    let tokens = read_tokens(&config.tokens_file, limits.user, None)?;
    let (socket, address) = Socket::tcp("relay", config.listen).await?;
    let admin_socket = match &config.admin {
        Some(address) => Some(Socket::local("admin", address).await?),
        None => None,
    };
    let relay = Relay::new(limits.clone(), routes, tokens, counters);
    let standing = RelayStanding::new(relay.clone());

    let (mut tasks, mut exporting) = (Tasks::default(), Tasks::default());
    let (export, exports) = Export::begin(collector, source(&relay, &standing));
    exporting.spawn("export", exports);
    // Parts are told by a sender of their own: one that was told would otherwise have ended before it is known here why.
    let (end, ending) = watch::channel(false);
    let limits = config.limits.of_connections().at_most(connections_of_each(config.listeners()));
    let identify = Identify::nobody();
    let connections = Connections {
        service: relay.clone(),
        route: relay::route,
        tls: Some(tls.clone()),
        identify: identify.clone(),
        limits,
    };
    tasks.spawn("relay", connections.serve(socket, ending.clone()));
    (surroundings.announce)("relay", &address);
    if let Some((socket, address)) = admin_socket {
        let connections = Connections {
            service: Admin(standing.clone()),
            route: admin::route,
            tls: None,
            identify,
            limits: limits.of_operator(),
        };
        tasks.spawn("admin", connections.serve(socket, ending.clone()));
        (surroundings.announce)("admin", &address);
    }

    tracing::info!(users = relay.tokens().len(), gateways = config.gateways.len(), "serving");
    if relay.tokens().is_empty() {
        tracing::warn!("there are no users' tokens: everybody is refused");
    }
    let supervisor = surroundings.supervisor;
    tasks.spawn("awake", Arc::clone(&supervisor).keep_awake(ending.clone()));
    let mut refreshers = refreshers(&relay, &config);
    loop {
        let stopped = async {
            tokio::select! {
                stopped = tasks.stopped() => stopped,
                stopped = refreshers.stopped() => stopped,
                stopped = exporting.stopped() => stopped,
            }
        };
        match told(&supervisor, &mut stopping, reloads, stopped).await? {
            Told::ToEnd => break,
            Told::ToReload => {}
        }
        match read_again(&relay, &keys_folder, &surroundings.load).await {
            Ok(ready) => {
                let config = ready.take(&relay, &tls, &export);
                refreshers.shutdown().await;
                refreshers = self::refreshers(&relay, &config);
                tracing::info!(users = relay.tokens().len(), gateways = config.gateways.len(), "reloaded");
                let now = UNIX_EPOCH + Duration::from_millis(now_ms());
                config.warnings(now).iter().for_each(|sentence| tracing::warn!("{sentence}"));
            }
            // The reason names providers and addresses, and standard error of a service is its log. Whoever asks by
            // hand is told.
            Err(_) => {
                supervisor.reload_refused();
                tracing::error!("the new configuration was not taken: `restante-relay config check` says why");
            }
        }
    }
    let drain = (Duration::from_secs(config.limits.drain_seconds.into()), Instant::now());
    standing.drain();
    end.send_replace(true);
    let ended = tasks.ended().await;
    relay.ended().await;
    refreshers.shutdown().await;
    export.end(drain.0, drain.1);
    Ok(ended.and(exporting.ended().await)?)
}

/// What is exported, if anything is.
fn source(relay: &Relay, standing: &RelayStanding) -> Source {
    let (counts, standing) = (relay.counters().exports.clone(), standing.clone());
    let program = ServiceName { name: "restante-relay", version: env!("CARGO_PKG_VERSION") };
    Source { program, read: Box::new(move || standing.metrics()), now_ms, counts }
}

/// Tokens, gateways, certificates and the way to the collector: everything that was read, and nothing taken over yet.
struct Ready {
    config: Config,
    tokens: UserTokens,
    routes: Routes,
    collector: Option<Collector>,
    tls: Tls,
}

/// Reads all files again, on a thread that may wait for the disk while others serve.
async fn read_again(relay: &Relay, keys_folder: &Path, load: &Load) -> Result<Ready, Error> {
    let (relay, keys_folder, load) = (relay.clone(), keys_folder.to_owned(), Arc::clone(load));
    tokio::task::spawn_blocking(move || Ready::read(&relay, &keys_folder, &load)).await?
}

impl Ready {
    fn read(relay: &Relay, keys_folder: &Path, load: &Load) -> Result<Self, Error> {
        let config = load().map_err(Error::Config)?;
        let (limits, before) = (relay.limits(), relay.routes());
        Ok(Self {
            tokens: read_tokens(&config.tokens_file, limits.user, Some(&relay.tokens()))?,
            routes: Routes::open(&config.gateways, keys_folder, limits, relay.counters(), Some(&before))?,
            collector: config.export.as_ref().map(Collector::read).transpose()?,
            tls: Tls::read(&config.cert_file, &config.key_file, Clients::Unknown)?,
            config,
        })
    }

    /// Nothing here can fail. Gives the configuration that is in force.
    fn take(self, relay: &Relay, tls: &Tls, export: &Export) -> Config {
        tls.adopt(&self.tls);
        relay.replace_tokens(self.tokens);
        relay.replace_routes(self.routes);
        export.adopt(self.collector);
        self.config
    }
}

fn read_tokens(file: &Path, limits: UserLimits, before: Option<&UserTokens>) -> Result<UserTokens, Error> {
    let text = read_text(file).map_err(|error| Error::TokensFile(file.to_owned(), error))?;
    UserTokens::parse(&text, limits, before).map_err(|error| Error::Tokens(file.to_owned(), error))
}

/// One task for each gateway; all end with the set.
fn refreshers(relay: &Relay, config: &Config) -> Tasks {
    let mut set = Tasks::default();
    for route in relay.routes().all() {
        let refreshing = Refreshing {
            limits: config.limits.of_relay().keys,
            exchange: relay.limits().exchange,
            counters: relay.counters().clone(),
            now_ms,
        };
        set.spawn("keys", keep_fresh(route.clone(), refreshing));
    }
    set
}

/// The time of the day for key logs, in milliseconds since 1970.
fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the only reader; everything else is given the time")]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    #[cfg(feature = "faults")]
    let now_ms = now_ms.saturating_add(restante_faults::ahead_ms());
    now_ms
}
