//! The hub under measurement: the local listener over plain HTTP, and beside it a path that does nothing.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use axum::{body::Bytes, routing::post};
use restante::{
    http::{Hub as HttpHub, HubParts, Upstream, local},
    mls::{CipherSuite, EpochNumber, ProtocolVersion},
    sequencer::Policy,
    service::{Limits, Parts, Service, SystemClock, SystemEntropy, UserId},
    store::rocks::{OpenOptions, RocksStore},
    wire::{CreateGroupRequest, encode},
};
use restante_process::{ConnectionLimits, Connections, Identify, Socket};

use crate::{
    load::{Target, http_answer},
    message::{http_request, partition_key, receive_request, send_request, token},
};

/// A folder on the disk that is measured: not in memory, as the usual one may be.
pub(crate) fn folder() -> tempfile::TempDir {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&root).unwrap();
    tempfile::tempdir_in(root).unwrap()
}

pub(crate) fn service(folder: &Path) -> Arc<Service> {
    let provider = "hub.example".parse().unwrap();
    let options = OpenOptions {
        path: folder,
        provider: &provider,
        fresh_secrets: [[7; 32]; 2],
        forgotten_ms: 0,
        cache_bytes: 256 * 1024 * 1024,
    };
    let store = Arc::new(RocksStore::open(options).unwrap());
    let parts = Parts {
        provider: provider.clone(),
        store,
        policy: Policy::default(),
        pool_policy: restante::pool::Policy::default(),
        limits: Limits::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    Arc::new(Service::start(parts).unwrap())
}

/// Creates groups, many at a time. Returns their ids.
pub(crate) async fn create_groups(service: &Arc<Service>, groups: usize) -> Vec<Vec<u8>> {
    let mut ids = vec![Vec::new(); groups];
    let mut tasks = tokio::task::JoinSet::new();
    let places = Arc::new(tokio::sync::Semaphore::new(256));
    for group in 0..groups {
        let (service, places) = (service.clone(), places.clone());
        tasks.spawn(async move {
            let _place = places.acquire().await.unwrap();
            let user = UserId::new(b"bench".to_vec()).unwrap();
            let id = service.mint_group_id(&user).await.unwrap().as_bytes().to_vec();
            let request = CreateGroupRequest {
                group_id: id.clone(),
                partition_key: partition_key(group),
                version: ProtocolVersion::MLS10,
                cipher_suite: CipherSuite(1),
                epoch: EpochNumber(1),
                group_info: None,
                ratchet_tree: None,
                welcome_data: None,
            };
            let body = encode(&request).unwrap();
            service.create_group(&user, request, &body).await.unwrap();
            (group, id)
        });
    }
    while let Some(created) = tasks.join_next().await {
        let (group, id) = created.unwrap();
        ids[group] = id;
    }
    ids
}

/// The server's process: creates the groups, tells address and ids on standard output, serves until its input ends.
pub(crate) fn serve(folder: &Path) {
    let groups = std::env::var("GROUPS").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let service = service(folder);
        let ids = create_groups(&service, groups).await;
        let hub = Arc::new(HttpHub::new(HubParts {
            service,
            upstream: Upstream::default(),
            peers: BTreeSet::new(),
            service_token: Some(zeroize::Zeroizing::new(token())),
            request_bytes_max: 1 << 20,
            in_flight_bytes_max: 1 << 28,
            body_timeout: Duration::from_secs(10),
        }));
        let router = local::router(hub).route("/empty", post(async |_body: Bytes| {}));
        let (socket, address) = Socket::tcp("local", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", address).unwrap();
        for id in ids {
            writeln!(out, "{}", String::from_utf8(id).unwrap()).unwrap();
        }
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
    });
}

/// The running server's process and its groups.
pub(crate) struct Hub {
    process: Child,
    pub(crate) address: SocketAddr,
    groups: Rc<Vec<Vec<u8>>>,
    _folder: tempfile::TempDir,
}

impl Hub {
    pub(crate) fn start(groups: usize) -> Self {
        let folder = folder();
        let mut process = Command::new(std::env::current_exe().unwrap())
            .arg("--serve")
            .arg(folder.path())
            .env("GROUPS", groups.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.next().expect("the server told its address").parse().unwrap();
        let groups = Rc::new(lines.by_ref().take(groups).map(String::into_bytes).collect());
        Self { process, address, groups, _folder: folder }
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        crate::cpu::seconds(self.process.id())
    }

    /// The same bodies as those of sends, to a path that reads them and does nothing.
    pub(crate) fn empty_posts(&self) -> Target {
        self.target("/empty", 1)
    }

    /// Sends to the first so many groups in turn.
    pub(crate) fn sends(&self, groups: usize) -> Target {
        self.target("/v1/send", groups)
    }

    fn target(&self, path: &'static str, spread: usize) -> Target {
        let groups = self.groups.clone();
        // Numbers of different rows must not meet: a repeated message would be answered without a write.
        let run = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
        let run = u64::from(run) << 32;
        Target {
            request: Rc::new(move |number, out| {
                let group = usize::try_from(number).unwrap() % spread;
                let request = send_request(&groups[group], group, run + number);
                http_request(path, &encode(&request).unwrap(), out);
            }),
            answer: http_answer,
        }
    }

    /// Receives of the first message of a partition that has one or more.
    pub(crate) fn receives(&self) -> Target {
        let groups = self.groups.clone();
        Target {
            request: Rc::new(move |number, out| {
                let group = usize::try_from(number).unwrap() % 64 + 1;
                http_request("/v1/receive", &receive_request(&groups[group], group, 0), out);
            }),
            answer: http_answer,
        }
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        drop(self.process.wait());
    }
}
