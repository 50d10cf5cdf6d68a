//! hub.example and follower.example: folders, certificates, configurations, processes.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use restante::client::http::{DeliveryService, Limits, LocalAddress, LocalClient, ServiceToken, UserId};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    line::Line,
    pki::Pki,
    process::{PATIENCE, Process, run},
};

pub(crate) const HUB: &str = "hub.example";
pub(crate) const FOLLOWER: &str = "follower.example";

/// Somebody's way to their own provider.
pub(crate) type User = DeliveryService<LocalClient>;

/// Where everything of a test lies.
pub(crate) struct Site {
    folder: TempDir,
    pub(crate) pki: Pki,
}

/// How one provider is configured, beyond what all are.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) id: String,
    /// `[local]` listens here.
    pub(crate) local: String,
    /// Other providers and where they are.
    pub(crate) peers: Vec<(String, SocketAddr)>,
    /// Where its database is.
    pub(crate) data: &'static str,
    /// Further tables.
    pub(crate) more: String,
    pub(crate) log: &'static str,
    /// Whether it asks other hubs to push.
    pub(crate) push: bool,
}

/// Nobody listens there, and nobody is asked.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

impl Setting {
    /// A provider whose peers only come, and are never dialled.
    pub(crate) fn new(id: &str) -> Self {
        let peers = [HUB, FOLLOWER].into_iter().filter(|peer| *peer != id);
        Self {
            id: id.to_owned(),
            local: "127.0.0.1:0".to_owned(),
            peers: peers.map(|peer| (peer.to_owned(), NOWHERE)).collect(),
            data: "data",
            more: String::new(),
            log: "debug",
            push: false,
        }
    }

    /// The same with a peer at that address.
    pub(crate) fn peer(mut self, id: &str, address: SocketAddr) -> Self {
        self.peers.retain(|(known, _)| known != id);
        self.peers.push((id.to_owned(), address));
        self
    }
}

impl Site {
    /// Certificates for the hub and the follower, and for these as well.
    pub(crate) async fn new(others: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let ids = [&[HUB, FOLLOWER], others].concat();
        let pki = Pki::issue(&folder.path().join("pki"), &ids).await;
        Self { folder, pki }
    }

    /// A provider's own folder.
    pub(crate) fn of(&self, id: &str) -> PathBuf {
        self.folder.path().join(id)
    }

    pub(crate) fn database(&self, id: &str) -> PathBuf {
        self.of(id).join("data")
    }

    pub(crate) fn log(&self, id: &str) -> PathBuf {
        self.of(id).join("log")
    }

    /// Writes the configuration and the service token. Returns the configuration's path.
    pub(crate) fn configure(&self, setting: &Setting) -> PathBuf {
        let folder = self.of(&setting.id);
        fs::create_dir_all(&folder).unwrap();
        let token = folder.join("token");
        fs::write(&token, token_of(&setting.id)).unwrap();
        fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
        let peers: String = setting
            .peers
            .iter()
            .map(|(id, address)| format!("[[peers]]\nid = \"{id}\"\nurl = \"https://{address}\"\n"))
            .collect();
        let text = format!(
            "[provider]\nid = \"{id}\"\nlisten = \"127.0.0.1:0\"\ncert_file = \"../pki/{id}/cert.pem\"\n\
             key_file = \"../pki/{id}/key.pem\"\nca_file = \"../pki/ca.pem\"\npush = {push}\n\
             [local]\nlisten = \"{local}\"\nservice_token_file = \"token\"\n\
             [store]\npath = \"{data}\"\n{more}\n{peers}",
            id = setting.id,
            local = setting.local,
            data = setting.data,
            more = setting.more,
            push = setting.push,
        );
        let file = folder.join("restante.toml");
        fs::write(&file, text).unwrap();
        file
    }

    /// Configures and starts a provider; it listens when this returns.
    pub(crate) async fn start(&self, setting: &Setting) -> Provider {
        self.start_in_shell("", setting).await
    }

    pub(crate) async fn start_in_shell(&self, prologue: &str, setting: &Setting) -> Provider {
        let mut process = self.spawn(prologue, setting);
        let provider = process.listening_tcp("provider").await;
        let local = process.listening("local").await;
        let local = match local.strip_prefix("unix:") {
            Some(path) => LocalAddress::Unix(path.into()),
            None => LocalAddress::Tcp(local.parse().unwrap()),
        };
        Provider { id: setting.id.clone(), process, provider, local }
    }

    /// The process alone, which may not get so far as to listen.
    pub(crate) fn spawn(&self, prologue: &str, setting: &Setting) -> Process {
        let file = self.configure(setting);
        let arguments = ["--log", setting.log, "serve", "--config"].map(OsStr::new);
        let arguments = [&arguments[..], &[file.as_os_str()]].concat();
        Process::start_in_shell(prologue, &arguments, &self.log(&setting.id))
    }

    /// What a command is told of a running provider: its configuration, and where it listens.
    pub(crate) fn configured(&self, provider: &Provider) -> [String; 4] {
        let file = self.of(&provider.id).join("restante.toml").to_str().unwrap().to_owned();
        ["--config".into(), file, "--set".into(), format!("local.listen={}", provider.local_tcp())]
    }

    /// The arguments that have it make a backup.
    pub(crate) fn backup_create(&self, provider: &Provider) -> Vec<String> {
        [&["backup", "create"].map(str::to_owned)[..], &self.configured(provider)].concat()
    }

    /// Has it make one, which must succeed.
    pub(crate) async fn back_up(&self, provider: &Provider) {
        let made = run(&self.backup_create(provider)).await;
        assert!(made.status.success(), "{made:?}");
    }

    /// A hub, a follower, and the line between them that survives a restart of the hub.
    pub(crate) async fn pair(&self) -> (Provider, Provider, Line) {
        let hub = self.start(&Setting::new(HUB)).await;
        let line = Line::new().await;
        line.lead_to(hub.provider);
        let follower = self.start(&Setting::new(FOLLOWER).peer(HUB, line.address)).await;
        (hub, follower, line)
    }
}

/// The service token of a provider.
pub(crate) fn token_of(id: &str) -> String {
    format!("service-token-of-{id}")
}

/// A provider that serves.
pub(crate) struct Provider {
    pub(crate) id: String,
    pub(crate) process: Process,
    pub(crate) provider: SocketAddr,
    pub(crate) local: LocalAddress,
}

impl Provider {
    /// A user of this provider.
    pub(crate) fn user(&self, name: &str) -> User {
        let token = ServiceToken::new(&token_of(&self.id)).unwrap();
        let user = UserId::new(name.as_bytes()).unwrap();
        DeliveryService::new(LocalClient::new(self.local.clone(), token, user, Limits::default()))
    }

    pub(crate) fn local_tcp(&self) -> SocketAddr {
        match &self.local {
            LocalAddress::Tcp(address) => *address,
            LocalAddress::Unix(path) => panic!("{} is no address", path.display()),
        }
    }

    /// The status line and the body of `/readyz`.
    pub(crate) async fn ready(&self) -> String {
        let mut stream = TcpStream::connect(self.local_tcp()).await.unwrap();
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: hub\r\nconnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer)).await.expect("an answer in time").unwrap();
        answer
    }
}

/// All files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
