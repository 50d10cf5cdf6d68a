//! What hubs of one run share: certificates, a configuration, and a database with groups.

use std::{
    fs, iter,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use crate::{group::Group, groups::create_groups, hub::Hub, peer::Peer, server};
use restante::{
    client::http::{Limits as ClientLimits, ProviderClient, ProviderIdentity},
    dev_pki::{self, Existing},
    pool,
    wire::ServiceProviderId,
};

const HUB: &str = "hub.example";
/// The peer that sends; all others read.
const SENDER: &str = "sender.example";

pub(crate) struct Site {
    folder: tempfile::TempDir,
    readers: usize,
    pub(crate) groups: Vec<Arc<Group>>,
}

impl Site {
    /// So many groups, and so many peers that read.
    pub(crate) async fn make(groups: usize, readers: usize) -> Self {
        let folder = server::folder();
        let all: Vec<ServiceProviderId> =
            (0..readers).map(reader_id).chain([SENDER.parse().unwrap(), HUB.parse().unwrap()]).collect();
        dev_pki::issue(&folder.path().join("pki"), &all, Existing::Refuse, SystemTime::now()).unwrap();
        let groups = new_database(&folder.path().join("data"), groups).await;
        Self { folder, readers, groups }
    }

    /// Starts the program on it. Nobody listens at its peers.
    pub(crate) fn serve(&self) -> Hub {
        self.serve_to(&[])
    }

    /// Starts the program on it. The first of those that read listen at these addresses.
    pub(crate) fn serve_to(&self, listening: &[SocketAddr]) -> Hub {
        let nobody: SocketAddr = (Ipv4Addr::LOCALHOST, 1).into();
        let addresses = listening.iter().copied().chain(iter::repeat(nobody));
        let readers = (0..self.readers).map(reader_id).zip(addresses);
        let file = self.folder.path().join("hub.toml");
        fs::write(&file, configuration(readers.chain([(SENDER.parse().unwrap(), nobody)]))).unwrap();
        Hub::start(&file)
    }

    /// The files of a reader's certificate, its key, and the authority.
    pub(crate) fn certificate_of_reader(&self, number: usize) -> (PathBuf, PathBuf, PathBuf) {
        let pki = self.folder.path().join("pki");
        let own = pki.join(reader_id(number).as_str());
        (own.join("cert.pem"), own.join("key.pem"), pki.join("ca.pem"))
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

/// All limits are the defaults but the rates, which are there to keep one provider from doing what this does.
fn configuration(peers: impl Iterator<Item = (ServiceProviderId, SocketAddr)>) -> String {
    let peers = peers.map(|(id, address)| format!("[[peers]]\nid = \"{id}\"\nurl = \"https://{address}\"\n"));
    format!(
        "[provider]\nid = \"{HUB}\"\nlisten = \"127.0.0.1:0\"\ncert_file = \"pki/{HUB}/cert.pem\"\n\
         key_file = \"pki/{HUB}/key.pem\"\nca_file = \"pki/ca.pem\"\n[store]\npath = \"data\"\n\
         [policy]\nmessages_per_provider_and_second = 1000000\n\
         messages_per_provider_group_and_second = 1000000\n{}",
        peers.collect::<String>()
    )
}

/// Creates groups in a new database and closes it: the hub does not begin with what this leaves in memory.
async fn new_database(path: &Path, count: usize) -> Vec<Arc<Group>> {
    let service = server::service(server::store(path, HUB, 64), HUB, pool::Policy::default());
    let ids = create_groups(&service, count).await;
    tokio::task::spawn_blocking(move || service.finish()).await.unwrap();
    ids.into_iter().enumerate().map(|(number, id)| Arc::new(Group::new(id, number))).collect()
}
