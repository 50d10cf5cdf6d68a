//! Puts the parts together and runs them: keys, marks, listeners, reloads; and takes them down in order.

use std::{
    fmt::Display,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, UNIX_EPOCH},
};

use http::{Method, Uri};
use restante_gateway::{Gateway, Keyring, KeyringError, Machine, Surroundings as _, Target, WELL_KNOWN};
use restante_process::{
    Connections, Identify, Reloads, Socket, SocketError, Stopped, Supervisor, Tasks, Tls, TlsError, Told,
    admin::{self, Admin, Standing as _},
    clock::{self, ClockWatch},
    config::Problems,
    connections_of_each,
    export::{Collector, CollectorError, Export, ServiceName, Source},
    told,
};
use tokio::{sync::watch, time::Instant};

use crate::{
    admin::GatewayStanding,
    config::{Config, Route},
    forward::{Forward, response_class},
    health::Health,
    keys,
    marks::{self, Marks, MarksError, Restored},
    origin::{Origin, OriginError},
    relays,
};

/// What the log calls a request: there is one resource. What is inside of requests is not seen here.
fn route(_: &Method, uri: &Uri) -> &'static str {
    if uri.path() == WELL_KNOWN { "gateway" } else { "other" }
}

/// Why the gateway did not start, or did not take a new configuration. For the operator's terminal: it names files.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Its certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Its keys.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Marks of requests.
    #[error(transparent)]
    Marks(#[from] MarksError),
    /// The way to the origin.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// The way to the collector of metrics.
    #[error(transparent)]
    Export(#[from] CollectorError),
    /// A listener.
    #[error(transparent)]
    Listen(#[from] SocketError),
    /// The configuration, at a reload.
    #[error("{0}")]
    Config(Problems),
    /// A thread or task that the system did not give.
    #[error("a part of the process could not be started: {0}")]
    NoThread(#[from] std::io::Error),
    /// A task that reads files stopped by a bug.
    #[error("a part of the process stopped")]
    Join(#[from] tokio::task::JoinError),
    /// A part stopped by a bug, and without it the rest is no gateway.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Where the program tells its surroundings about itself.
pub(crate) struct Terminal<'a> {
    /// Called with table and address of each listener that is ready.
    pub(crate) announce: &'a mut (dyn FnMut(&str, &dyn Display) + Send),
    /// Reads the configuration again.
    pub(crate) load: &'a (dyn Fn() -> Result<Config, Problems> + Sync),
    /// Who started the process.
    pub(crate) supervisor: Arc<Supervisor>,
}

/// Serves until `stopping` turns true or its sender is gone. Returns when everything that was under way has ended.
///
/// # Errors
/// Why it did not start, or which part of it stopped.
pub(crate) async fn run(
    config: Config,
    terminal: Terminal<'_>,
    reloads: &mut Reloads,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), Error> {
    let tls = Tls::read(&config.cert_file, &config.key_file, relays::clients(&config))?;
    let origin = Origin::new(
        config.origin.url.clone(),
        config.origin.ca_file.as_deref(),
        Duration::from_secs(config.limits.connect_timeout_seconds.into()),
    )?;
    let collector = config.export.as_ref().map(Collector::read).transpose()?;
    let (socket, address) = Socket::tcp("gateway", config.listen).await?;
    let admin_socket = match &config.admin {
        Some(address) => Some(Socket::local("admin", address).await?),
        None => None,
    };
    let state = open_state(&config).await?;
    let State { keyring, marks, marks_thread, restored } = state;
    let health = Arc::new(Health::of(&tls));
    let (gateway, standing) =
        build(&config, origin, Arc::clone(&keyring), marks.clone(), restored, Arc::clone(&health));

    let (mut tasks, mut exporting) = (Tasks::default(), Tasks::default());
    let (export, exports) = Export::begin(collector, source(&standing));
    exporting.spawn("export", exports);
    // Parts are told by a sender of their own: one that was told would otherwise have ended before it is known here why.
    let (end, ending) = watch::channel(false);
    let limits = config.limits.of_connections().at_most(connections_of_each(config.listeners()));
    let identify = relays::identify(config.relays.as_ref());
    let connections = Connections { service: gateway, route, tls: Some(tls.clone()), identify, limits };
    tasks.spawn("gateway", connections.serve(socket, ending.clone()));
    (terminal.announce)("gateway", &address);
    if let Some((socket, address)) = admin_socket {
        let (service, identify, limits) = (Admin(standing.clone()), Identify::nobody(), limits.of_operator());
        let connections = Connections { service, route: admin::route, tls: None, identify, limits };
        tasks.spawn("admin", connections.serve(socket, ending.clone()));
        (terminal.announce)("admin", &address);
    }
    tasks.spawn("keys", keep_fresh(Arc::clone(&keyring), Arc::clone(&health), ending.clone()));
    tasks.spawn("clock", watch_clock(Arc::clone(&health), ending.clone()));
    let supervisor = terminal.supervisor;
    tasks.spawn("awake", Arc::clone(&supervisor).keep_awake(ending.clone()));
    while is_to_reload(&supervisor, &mut stopping, reloads, [&mut tasks, &mut exporting], &marks).await? {
        let Err(error) = reload(&tls, &keyring, &health, &export, terminal.load).await else {
            tracing::info!("reloaded");
            continue;
        };
        supervisor.reload_refused();
        // The reason names files and hosts, and standard error of a service is its log. Whoever asks by hand is told.
        if matches!(error, Error::Config(_) | Error::Tls(_) | Error::Export(_)) {
            tracing::error!("the new configuration was not taken: `restante-gateway config check` says why");
        } else {
            tracing::error!("keys were not taken: `restante-gateway keys list` says why");
        }
    }
    let drain = (Duration::from_secs(config.limits.drain_seconds.into()), Instant::now());
    health.drain();
    end.send_replace(true);
    let ended = tasks.ended().await;
    export.end(drain.0, drain.1);
    let ended = ended.and(exporting.ended().await);
    // All that could still write is gone with the listeners and this; the thread is joined where blocking is allowed.
    drop((marks, standing));
    let joined = tokio::task::spawn_blocking(move || marks_thread.join()).await?;
    joined.map_err(|_| Stopped("marks"))?;
    Ok(ended?)
}

/// Waits until there is something to do: to read files again, or else to end.
///
/// # Errors
/// Something stopped that the rest is no gateway without.
async fn is_to_reload(
    supervisor: &Supervisor,
    stopping: &mut watch::Receiver<bool>,
    reloads: &mut Reloads,
    [tasks, exporting]: [&mut Tasks; 2],
    marks: &Marks,
) -> Result<bool, Stopped> {
    let stopped = async {
        tokio::select! {
            stopped = tasks.stopped() => stopped,
            stopped = exporting.stopped() => stopped,
            () = marks.ended() => Stopped("marks"),
        }
    };
    Ok(told(supervisor, stopping, reloads, stopped).await? == Told::ToReload)
}

/// What is exported, if anything is.
fn source(standing: &GatewayStanding) -> Source {
    let (counts, standing) = (standing.health.exports.clone(), standing.clone());
    let program = ServiceName { name: "restante-gateway", version: env!("CARGO_PKG_VERSION") };
    Source { program, read: Box::new(move || standing.metrics()), now_ms: || Machine.now_ms(), counts }
}

/// What is on the disk.
struct State {
    keyring: Arc<Keyring>,
    marks: Marks,
    marks_thread: JoinHandle<()>,
    restored: Restored,
}

async fn open_state(config: &Config) -> Result<State, Error> {
    let (config_keys, replays) = (config.keys.clone(), config.replays.clone());
    let window_ms = date_window_ms(config);
    let open = move || -> Result<State, Error> {
        let had_keys = Keyring::exists(&config_keys.path);
        let keyring = Arc::new(keys::open(&config_keys)?.serving()?);
        if !had_keys {
            tracing::warn!("a keyring was made, with new keys: if there was one, its folder is missing");
        }
        // Keys that were made just now have opened nothing yet: there is nothing to remember.
        let lost_ms = if had_keys { lost_until_ms(Machine.now_ms(), window_ms) } else { 0 };
        let (folder, mut restored) = marks::restore(&replays, lost_ms)?;
        restored.is_incomplete &= had_keys;
        let (marks, marks_thread) = Marks::start(folder, || Machine.now_ms())?;
        Ok(State { keyring, marks, marks_thread, restored })
    };
    tokio::task::spawn_blocking(open).await?
}

fn build(
    config: &Config,
    origin: Origin,
    keyring: Arc<Keyring>,
    marks: Marks,
    restored: Restored,
    health: Arc<Health>,
) -> (Gateway<Forward>, GatewayStanding) {
    let routes: Arc<[Route]> = config.routes.clone().into();
    let allowed = Target {
        authority: config.authority.clone(),
        routes: routes.iter().map(|route| (route.method.clone(), route.path.clone())).collect(),
    };
    let forward = Forward::new(marks.clone(), origin, Arc::clone(&routes));
    let class = move |request: &_| response_class(&routes, request);
    let policy = config.limits.policy();
    let gateway = Gateway::new(forward, allowed, class, keyring, policy, Arc::new(Machine));
    let (replays, now_ms) = (gateway.replays(), Machine.now_ms());
    replays.distrust(restored.floor_ms);
    let count = replays.restore(restored.marks, now_ms);
    tracing::info!(marks = count, "requests of before are remembered");
    if restored.is_incomplete {
        tracing::warn!(
            seconds = restored.floor_ms.saturating_sub(now_ms.saturating_add(date_window_ms(config))).div_ceil(1000),
            "marks of earlier requests are missing or damaged: requests are refused until copies would be too old"
        );
    }
    let standing = GatewayStanding {
        counters: gateway.counters(),
        replays,
        marks,
        health,
        date_window_ms: date_window_ms(config),
        // A floor that is further ahead than any loss puts it is there because the clock went back.
        lost_ms: (restored.floor_ms <= lost_until_ms(now_ms, date_window_ms(config))).then_some(restored.floor_ms),
        now_ms: || Machine.now_ms(),
    };
    (gateway, standing)
}

/// When the last mark expires that may be missing: of a request that was dated as far ahead as is allowed.
fn lost_until_ms(now_ms: u64, window_ms: u64) -> u64 {
    now_ms.saturating_add(window_ms.saturating_mul(2)).saturating_add(1)
}

fn date_window_ms(config: &Config) -> u64 {
    u64::try_from(config.limits.policy().date_window.as_millis()).unwrap_or(u64::MAX)
}

/// Takes over certificates, the way to the collector, and keys; if something is wrong with one, it stays as it was.
async fn reload(
    tls: &Tls,
    keyring: &Arc<Keyring>,
    health: &Health,
    export: &Export,
    load: &(dyn Fn() -> Result<Config, Problems> + Sync),
) -> Result<(), Error> {
    let config = load().map_err(Error::Config)?;
    let collector = config.export.as_ref().map(Collector::read).transpose()?;
    tls.replace(&config.cert_file, &config.key_file, relays::clients(&config))?;
    export.adopt(collector);
    let now = UNIX_EPOCH + Duration::from_millis(Machine.now_ms());
    config.warnings(now).iter().for_each(|sentence| tracing::warn!("{sentence}"));
    refresh(keyring, health).await
}

async fn refresh(keyring: &Arc<Keyring>, health: &Health) -> Result<(), Error> {
    let keyring = Arc::clone(keyring);
    let refreshed = tokio::task::spawn_blocking(move || keyring.refresh(&Machine)).await;
    health.note_refresh(matches!(refreshed, Ok(Ok(()))));
    Ok(refreshed??)
}

/// Does what the schedule of the keys says, until the end.
async fn keep_fresh(keyring: Arc<Keyring>, health: Arc<Health>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(keyring.rest(Machine.now_ms())) => {}
            _ = stopping.wait_for(|ends| *ends) => return,
        }
        // Its failure is told by the health that notes it.
        let _ = refresh(&keyring, &health).await;
    }
}

/// Looks whether the clock of the day jumps, until the end.
async fn watch_clock(health: Arc<Health>, mut stopping: watch::Receiver<bool>) {
    let began = Instant::now();
    let mut watch = ClockWatch::new(Machine.now_ms(), began.elapsed());
    loop {
        tokio::select! {
            () = tokio::time::sleep(clock::LOOK_INTERVAL) => {}
            _ = stopping.wait_for(|ends| *ends) => return,
        }
        if let Some((jump, seconds)) = watch.look(Machine.now_ms(), began.elapsed()) {
            health.note_jump(jump, Instant::now());
            tracing::warn!(direction = jump.word(), seconds, "the clock of the day jumped");
        }
    }
}

#[cfg(test)]
mod tests {
    use restante_process::Signals;
    use tempfile::TempDir;

    use super::*;

    struct Bench {
        _folder: TempDir,
        stop: watch::Sender<bool>,
        reloads: Reloads,
        tasks: Tasks,
        marks: Marks,
    }

    impl Bench {
        fn new(now_ms: fn() -> u64) -> Self {
            let folder = TempDir::new().unwrap();
            let (opened, _) = marks::restore(folder.path(), 0).unwrap();
            let (marks, _) = Marks::start(opened, now_ms).unwrap();
            let mut tasks = Tasks::default();
            tasks.spawn("lasting", std::future::pending());
            let reloads = Signals::install().unwrap().reloads;
            Self { _folder: folder, stop: watch::Sender::new(false), reloads, tasks, marks }
        }

        async fn waits_for(&mut self) -> Result<bool, Stopped> {
            let (nobody, mut stopping) = (Supervisor::default(), self.stop.subscribe());
            let mut exporting = Tasks::default();
            let tasks = [&mut self.tasks, &mut exporting];
            let waiting = is_to_reload(&nobody, &mut stopping, &mut self.reloads, tasks, &self.marks);
            tokio::time::timeout(Duration::from_secs(30), waiting).await.expect("an end in time")
        }
    }

    #[tokio::test]
    async fn a_part_that_stops_ends_the_whole() {
        let mut bench = Bench::new(|| 0);
        bench.tasks.spawn("listener", async { panic!("a bug") });
        assert_eq!(bench.waits_for().await, Err(Stopped("listener")));
        let mut bench = Bench::new(|| panic!("a bug"));
        let mark = restante_gateway::ReplayMark { digest: [1; 32], expires_ms: 1 };
        assert!(bench.marks.write(mark).await.is_err());
        assert_eq!(bench.waits_for().await, Err(Stopped("marks")));
    }

    #[tokio::test]
    async fn tasks_that_end_because_they_were_told_to_have_not_stopped() {
        let mut bench = Bench::new(|| 0);
        bench.stop.send_replace(true);
        bench.tasks.spawn("listener", async {});
        tokio::task::yield_now().await;
        assert_eq!(bench.waits_for().await, Ok(false));
    }
}
