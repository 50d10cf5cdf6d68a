//! The relay of the user's provider: `relay.hub.example`.

use std::{fmt::Display, fs, net::SocketAddr, path::Path, time::Duration};

use restante_process::{Signals, config::Sources};
use restante_relay::{
    UserToken,
    config::Config,
    server::{self, Surroundings},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use zeroize::Zeroizing;

use crate::{
    follower::FOLLOWER,
    site::{PATIENCE, now},
};

pub(crate) const RELAY: &str = "relay.hub.example";

/// It listens until it is dropped.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    _stop: watch::Sender<bool>,
    _task: JoinHandle<()>,
}

impl Relay {
    /// In front of the gateway at this address, with one user; ready when it has the gateway's key list.
    pub(crate) async fn start(folder: &Path, pki: &Path, gateway: SocketAddr, token: &UserToken) -> Self {
        let file = folder.join("relay.toml");
        let hash = token.hash();
        fs::write(folder.join("tokens"), format!("{hash}\n")).unwrap();
        let pki = pki.display();
        let text = format!(
            "[relay]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{pki}/{RELAY}/cert.pem\"\n\
             key_file = \"{pki}/{RELAY}/key.pem\"\ntokens_file = \"tokens\"\nstate_path = \"state\"\n\
             operator = [\"hub.example\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [[gateways]]\nprovider = \"{FOLLOWER}\"\nurl = \"https://{FOLLOWER}/.well-known/ohttp-gateway\"\n\
             address = \"{gateway}\"\nca_file = \"{pki}/ca.pem\"\n"
        );
        fs::write(&file, text).unwrap();
        let sources = Sources { file: &file, environment: Vec::new(), flags: Vec::new() };
        let config = Config::load(&sources, now()).unwrap_or_else(|problems| panic!("{problems}"));
        let (announced, mut announcements) = mpsc::unbounded_channel();
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(async move {
            // Reloads come with the other signals. Until this binary ends, only SIGKILL ends it: its tests end by themselves.
            let mut reloads = Signals::install().unwrap().reloads;
            let mut announce = |_: &str, address: &dyn Display| drop(announced.send(address.to_string()));
            let supervisor = std::sync::Arc::default();
            let load: server::Load = std::sync::Arc::new(|| panic!("nothing reloads it"));
            let surroundings = Surroundings { announce: &mut announce, load, supervisor };
            server::run(config, surroundings, &mut reloads, stopping).await.unwrap();
        });
        let mut next = async || tokio::time::timeout(PATIENCE, announcements.recv()).await.unwrap().unwrap();
        let address = next().await.parse().unwrap();
        let admin = next().await.parse().unwrap();
        let relay = Self { address, admin, _stop: stop, _task: task };
        tokio::time::timeout(PATIENCE, relay.ready()).await.expect("it gets the key list in time");
        relay
    }

    /// `/readyz` is the only one who tells.
    async fn ready(&self) {
        while !self.admin("/readyz").await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What the admin listener answers.
    pub(crate) async fn admin(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.admin).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

/// A token of the relay's user.
pub(crate) fn user_token() -> UserToken {
    UserToken::of_random(Zeroizing::new([42; 32]))
}
