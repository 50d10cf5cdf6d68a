//! What hubs of one run share: certificates, a configuration, and a database with groups.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use restante::{
    client::http::{Limits as ClientLimits, ProviderClient, ProviderIdentity},
    dev_pki::{self, Existing},
    mls::{CipherSuite, EpochNumber, ProtocolVersion},
    sequencer::Policy,
    service::{Limits, Parts, Service, SystemClock, SystemEntropy, UserId},
    store::rocks::{OpenOptions, RocksStore},
    wire::{CreateGroupRequest, ServiceProviderId, encode},
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{group::Group, hub::Hub, message::partition_key, peer::Peer};

const HUB: &str = "hub.example";
/// The peer that sends; all others read.
const SENDER: &str = "sender.example";

pub(crate) struct Site {
    folder: tempfile::TempDir,
    pub(crate) groups: Vec<Arc<Group>>,
}

impl Site {
    /// So many groups, and so many peers that read.
    pub(crate) async fn make(groups: usize, readers: usize) -> Self {
        // On the disk that is measured: not in memory, as the usual folder may be.
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        fs::create_dir_all(&root).unwrap();
        let folder = tempfile::tempdir_in(root).unwrap();
        let peers: Vec<ServiceProviderId> = (0..readers).map(reader_id).chain([SENDER.parse().unwrap()]).collect();
        let all: Vec<_> = peers.iter().cloned().chain([HUB.parse().unwrap()]).collect();
        dev_pki::issue(&folder.path().join("pki"), &all, Existing::Refuse, SystemTime::now()).unwrap();
        fs::write(folder.path().join("hub.toml"), configuration(&peers)).unwrap();
        let groups = create_groups(&folder.path().join("data"), groups).await;
        Self { folder, groups }
    }

    /// Starts the program on it.
    pub(crate) fn serve(&self) -> Hub {
        Hub::start(&self.folder.path().join("hub.toml"))
    }

    pub(crate) fn sender(&self, hub: &Hub) -> Peer {
        self.peer(&SENDER.parse().unwrap(), hub)
    }

    pub(crate) fn reader(&self, number: usize, hub: &Hub) -> Peer {
        self.peer(&reader_id(number), hub)
    }

    fn peer(&self, id: &ServiceProviderId, hub: &Hub) -> Peer {
        let pki = self.folder.path().join("pki");
        let read = |file: PathBuf| fs::read(file).unwrap();
        let own = pki.join(id.as_str());
        let (ca, certificates, key) = (read(pki.join("ca.pem")), read(own.join("cert.pem")), read(own.join("key.pem")));
        let identity = ProviderIdentity { ca: &ca, certificates: &certificates, key: &key };
        let to: ServiceProviderId = HUB.parse().unwrap();
        let url = format!("https://{}", hub.address).parse().unwrap();
        let client = ProviderClient::new(identity, [(to.clone(), url)], ClientLimits::default()).unwrap();
        Peer::new(client.peer(&to).unwrap())
    }
}

fn reader_id(number: usize) -> ServiceProviderId {
    format!("reader-{number}.example").parse().unwrap()
}

/// All limits are the defaults. Nobody connects to the peers.
fn configuration(peers: &[ServiceProviderId]) -> String {
    let peers = peers.iter().map(|id| format!("[[peers]]\nid = \"{id}\"\nurl = \"https://127.0.0.1:1\"\n"));
    format!(
        "[provider]\nid = \"{HUB}\"\nlisten = \"127.0.0.1:0\"\ncert_file = \"pki/{HUB}/cert.pem\"\n\
         key_file = \"pki/{HUB}/key.pem\"\nca_file = \"pki/ca.pem\"\n[store]\npath = \"data\"\n{}",
        peers.collect::<String>()
    )
}

/// Creates groups in a new database, many at a time, and closes it: the hub does not begin with what this leaves in
/// memory.
async fn create_groups(path: &Path, groups: usize) -> Vec<Arc<Group>> {
    let service = service(path);
    let mut ids = vec![Vec::new(); groups];
    let mut tasks = JoinSet::new();
    let places = Arc::new(Semaphore::new(256));
    for number in 0..groups {
        let (service, places) = (service.clone(), places.clone());
        tasks.spawn(async move {
            let _place = places.acquire().await.unwrap();
            (number, create_group(&service, number).await)
        });
    }
    while let Some(created) = tasks.join_next().await {
        let (number, id) = created.unwrap();
        ids[number] = id;
    }
    tokio::task::spawn_blocking(move || service.finish()).await.unwrap();
    ids.into_iter().enumerate().map(|(number, id)| Arc::new(Group::new(id, number))).collect()
}

async fn create_group(service: &Arc<Service>, number: usize) -> Vec<u8> {
    let user = UserId::new(b"bench".to_vec()).unwrap();
    let group_id = service.mint_group_id(&user).await.unwrap().as_bytes().to_vec();
    let request = CreateGroupRequest {
        group_id: group_id.clone(),
        partition_key: partition_key(number),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
        epoch: EpochNumber(1),
        group_info: None,
        ratchet_tree: None,
        welcome_data: None,
    };
    let body = encode(&request).unwrap();
    service.create_group(&user, request, &body).await.unwrap();
    group_id
}

fn service(path: &Path) -> Arc<Service> {
    let provider: ServiceProviderId = HUB.parse().unwrap();
    let options = OpenOptions {
        path,
        provider: &provider,
        fresh_secrets: [[7; 32]; 2],
        forgotten_ms: 0,
        cache_bytes: 64 * 1024 * 1024,
    };
    let parts = Parts {
        store: Arc::new(RocksStore::open(options).unwrap()),
        provider: provider.clone(),
        policy: Policy::default(),
        pool_policy: restante::pool::Policy::default(),
        limits: Limits::default(),
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    Arc::new(Service::start(parts).unwrap())
}
