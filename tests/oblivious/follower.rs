//! The contact's provider, `follower.example`: a database with KeyPackages, a gateway in front of it, a listener.

use std::{net::SocketAddr, path::Path, sync::Arc};

use http::Request;
use restante::{
    http::KeyPackageTarget,
    mls::WireKeyPackage,
    pool,
    sequencer::Policy,
    service::{Limits, Parts, Service, SystemClock, SystemEntropy, UserId},
    store::{
        SharedStore,
        rocks::{OpenOptions, RocksStore},
    },
    wire::{BearerTokenKind, ClientId, ServiceProviderId, UploadKeyPackagesRequest, decode, encode},
};
use restante_gateway::{Counters, Gateway, Keyring, Machine, ReplayMark, RotationSchedule, Target};
use restante_process::{Clients, ConnectionLimits, Connections, Identify, Socket, Tls};
use tokio::{sync::watch, task::JoinHandle};
use tower::ServiceExt;

use crate::fixtures::key_packages::Device;

pub(crate) const FOLLOWER: &str = "follower.example";

/// It listens until it is dropped.
pub(crate) struct Follower {
    pub(crate) address: SocketAddr,
    pub(crate) counters: Arc<Counters>,
    service: Arc<Service>,
    _serving: watch::Sender<bool>,
    _task: JoinHandle<()>,
}

impl Follower {
    pub(crate) async fn start(folder: &Path, pki: &Path) -> Self {
        let id: ServiceProviderId = FOLLOWER.parse().unwrap();
        let path = folder.join("database");
        let options = OpenOptions {
            path: &path,
            provider: &id,
            fresh_secrets: [[7; 32]; 2],
            forgotten_ms: 0,
            cache_bytes: 1 << 20,
            open_files: 64,
        };
        let store: SharedStore = Arc::new(RocksStore::open(options).unwrap());
        let parts = Parts {
            provider: id,
            store,
            policy: Policy::default(),
            pool_policy: pool::Policy::default(),
            limits: Limits::default(),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        };
        let service = Arc::new(Service::start(parts).unwrap());

        let keys = (folder.join("keys"), folder.join("seal.key"));
        let schedule = RotationSchedule { x_wing: true, ..RotationSchedule::default() };
        let keyring = Arc::new(Keyring::open(&keys.0, &keys.1, schedule, &Machine).unwrap());
        let target = KeyPackageTarget::new(Arc::clone(&service)).map_request(|mut request: Request<bytes::Bytes>| {
            if let Some(ReplayMark { digest, expires_ms }) = request.extensions_mut().remove::<ReplayMark>() {
                request.extensions_mut().insert(pool::ReplayMark { digest, expires_ms });
            }
            request
        });
        let allowed = Target { authority: FOLLOWER.to_owned(), routes: KeyPackageTarget::routes() };
        let gateway = Gateway::new(
            target,
            allowed,
            KeyPackageTarget::response_class,
            keyring,
            restante_gateway::Policy::default(),
            Arc::new(Machine),
        );
        let counters = gateway.counters();

        let own = pki.join(FOLLOWER);
        let tls = Tls::read(&own.join("cert.pem"), &own.join("key.pem"), Clients::Unknown).unwrap();
        let (socket, address) = Socket::tcp("public", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let connections = Connections {
            service: gateway,
            route: |_, _| "gateway",
            tls: Some(tls),
            identify: Identify::nobody(),
            limits: ConnectionLimits { connections_max: 64, ..ConnectionLimits::default() },
        };
        let (serving, stopping) = watch::channel(false);
        let task = tokio::spawn(connections.serve(socket, stopping));
        Self { address, counters, service, _serving: serving, _task: task }
    }

    /// A device of the user uploads KeyPackages; gives them back as they are.
    pub(crate) async fn upload(&self, user: &str, device: u8, count: usize) -> Vec<WireKeyPackage> {
        let from_s = now_s();
        let maker = Device::new(1);
        let key_packages: Vec<WireKeyPackage> = (0..count).map(|_| decode(&maker.one_time(from_s)).unwrap()).collect();
        let upload =
            UploadKeyPackagesRequest { client_id: ClientId::new([device; 16]), key_packages: key_packages.clone() };
        self.service.upload_key_packages(&user_id(user), upload).await.unwrap();
        key_packages
    }

    /// A token for the contacts of the user, as it is handed on in discovery.
    pub(crate) async fn token(&self, user: &str) -> Vec<u8> {
        encode(&self.service.mint_token(&user_id(user), BearerTokenKind::Shared).await.unwrap()).unwrap()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.service.finish();
    }
}

fn user_id(user: &str) -> UserId {
    UserId::new(user.as_bytes().to_vec()).unwrap()
}

fn now_s() -> u64 {
    use restante_gateway::Surroundings;
    Machine.now_ms() / 1000
}
