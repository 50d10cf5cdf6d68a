//! The server under measurement: the local listener over plain HTTP, in a process of its own (the measurement again, with
//! `--serve`), so that its processor time can be read apart from the generator's.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Lines, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Bytes, routing::post};
use restante::{
    http::{Hub, HubParts, HubSettings, Upstream, local},
    pool,
    sequencer::Policy,
    service::{Limits, Parts, RateLimits, Service, SystemClock, SystemEntropy},
    store::{
        Store,
        rocks::{OpenOptions, RocksStore},
    },
    wire::ServiceProviderId,
};
use restante_process::{ConnectionLimits, Connections, Identify, Socket, table_files};
use zeroize::Zeroizing;

const MIB: usize = 1024 * 1024;

/// A path that reads what it is given and does nothing.
pub(crate) const EMPTY: &str = "/empty";

/// A folder on the disk that is measured: not in memory, as the usual one may be.
pub(crate) fn folder() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&root).unwrap();
    tempfile::tempdir_in(root).unwrap()
}

/// A database, with memory for so many MiB of it.
pub(crate) fn store(path: &Path, provider: &str, cache_mib: usize) -> Arc<dyn Store> {
    let provider = &provider.parse().unwrap();
    let cache_bytes = cache_mib * MIB;
    let (fresh_secrets, forgotten_ms, open_files) = ([[7; 32]; 2], 0, table_files());
    let options = OpenOptions { path, provider, fresh_secrets, forgotten_ms, cache_bytes, open_files };
    Arc::new(RocksStore::open(options).unwrap())
}

/// A provider as `restante serve` has it, but for what its operator decides about KeyPackages.
pub(crate) fn service(store: Arc<dyn Store>, provider: &str, pool_policy: pool::Policy) -> Arc<Service> {
    let provider: ServiceProviderId = provider.parse().unwrap();
    let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    // One user asks for everything: what an operator allows each of many is not what is measured.
    let rates = RateLimits::per_second(1_000_000, 1_000_000, 1_000_000, 64 * MIB);
    let (policy, limits) = (Policy::default(), Limits { rates, ..Limits::default() });
    Arc::new(Service::start(Parts { store, provider, policy, pool_policy, limits, clock, entropy }).unwrap())
}

/// Its local listener, and the path that does nothing.
pub(crate) fn router(service: Arc<Service>, service_token: String) -> Router {
    let hub = Hub::new(HubParts {
        service,
        upstream: Upstream::default(),
        settings: HubSettings {
            peers: BTreeSet::new(),
            service_token: Some(Zeroizing::new(service_token)),
            request_bytes_max: 8 * MIB,
            body_timeout: Duration::from_secs(10),
        },
        in_flight_bytes_max: 256 * MIB,
        certificates: Vec::new(),
    });
    local::router(Arc::new(hub)).route(EMPTY, post(async |_body: Bytes| {}))
}

/// Tells address and these lines on standard output, and serves until the input ends.
pub(crate) async fn serve(router: Router, lines: Vec<String>) {
    let (socket, address) = Socket::tcp("local", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut out = std::io::stdout().lock();
    writeln!(out, "{address}").unwrap();
    lines.iter().for_each(|line| writeln!(out, "{line}").unwrap());
    out.flush().unwrap();
    drop(out);
    let connections = Connections {
        service: router,
        route: restante::http::route,
        tls: None,
        identify: Identify::nobody(),
        limits: ConnectionLimits {
            connections_max: 1024,
            // The generator is one address.
            connections_per_address_max: Some(1024),
            ..ConnectionLimits::default()
        },
    };
    let (stop, stopping) = tokio::sync::watch::channel(false);
    let serving = tokio::spawn(connections.serve(socket, stopping));
    tokio::task::spawn_blocking(|| std::io::stdin().lines().count()).await.unwrap();
    stop.send_replace(true);
    serving.await.unwrap();
}

/// The process that does.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
    lines: Lines<BufReader<ChildStdout>>,
    _folder: tempfile::TempDir,
}

impl Server {
    /// Starts this program with `--serve`, a folder, and these words.
    pub(crate) fn start(words: &[String]) -> Self {
        let folder = folder();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--serve").arg(folder.path()).args(words).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = lines.next().expect("the server tells its address").unwrap().parse().unwrap();
        Self { process, address, lines, _folder: folder }
    }

    /// The next line of those that it told.
    pub(crate) fn line(&mut self) -> String {
        self.lines.next().expect("the server tells as many lines").unwrap()
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        crate::cpu::seconds(self.process.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}
