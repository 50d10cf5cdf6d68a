//! A relay with its folder: certificates, tokens, configuration.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Output,
};

use tempfile::TempDir;

use crate::{
    client::Client,
    gateway::FOLLOWER,
    pki::Pki,
    process::{Process, run},
};

pub(crate) const RELAY: &str = "relay.hub.example";

/// Where everything of a test lies.
pub(crate) struct Site {
    pub(crate) folder: TempDir,
    pub(crate) pki: Pki,
}

/// A relay that serves.
pub(crate) struct Relay {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Site {
    pub(crate) fn new() -> Self {
        let (folder, pki) = (TempDir::new().unwrap(), Pki::new());
        pki.write_authority(&folder.path().join("ca.pem"));
        pki.issue(RELAY).write(folder.path(), "relay");
        fs::write(folder.path().join("tokens"), "").unwrap();
        Self { folder, pki }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a configuration: these limits, and one gateway there.
    pub(crate) fn configure(&self, limits: &str, gateway: SocketAddr) -> PathBuf {
        self.configure_gateways(limits, &[gateway_table(FOLLOWER, gateway)].concat())
    }

    pub(crate) fn configure_gateways(&self, limits: &str, gateways: &str) -> PathBuf {
        let text = format!(
            "[relay]\nlisten = \"127.0.0.1:0\"\ncert_file = \"relay.pem\"\nkey_file = \"relay.key\"\n\
             tokens_file = \"tokens\"\nstate_path = \"state\"\noperator = [\"hub.example\"]\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n[limits]\n{limits}\n{gateways}"
        );
        let file = self.path("relay.toml");
        fs::write(&file, text).unwrap();
        file
    }

    /// `restante-relay tokens …` on this relay's file.
    pub(crate) async fn tokens(&self, words: &[&str]) -> Output {
        let file = self.path("tokens");
        let words = ["tokens"].iter().chain(words).chain(&["--file"]).map(OsStr::new);
        run(&words.chain([file.as_os_str()]).collect::<Vec<_>>()).await
    }

    /// A new user's token.
    pub(crate) async fn mint(&self) -> String {
        let output = self.tokens(&["mint"]).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Starts a relay with the configuration that was written; it listens when this returns.
    pub(crate) async fn start(&self) -> Relay {
        let mut process = Process::serve(&self.path("relay.toml"), &self.path("log"));
        let address = process.listening("relay").await;
        let admin = process.listening("admin").await;
        Relay { process, address, admin }
    }

    /// A relay before one gateway, and the token of its only user.
    pub(crate) async fn relay_to(&self, gateway: SocketAddr, limits: &str) -> (Relay, String) {
        let token = self.mint().await;
        self.configure(limits, gateway);
        (self.start().await, token)
    }

    /// A client of the relay over HTTP/2.
    pub(crate) async fn client(&self, relay: &Relay) -> Client {
        Client::connect(relay.address, RELAY, self.pki.client(&[b"h2"])).await
    }

    /// The same over HTTP/1.1.
    pub(crate) async fn old_client(&self, relay: &Relay) -> Client {
        Client::connect(relay.address, RELAY, self.pki.client(&[b"http/1.1"])).await
    }
}

pub(crate) fn gateway_table(provider: &str, address: SocketAddr) -> String {
    format!(
        "[[gateways]]\nprovider = \"{provider}\"\nurl = \"https://{provider}/.well-known/ohttp-gateway\"\n\
         address = \"{address}\"\nca_file = \"ca.pem\"\n"
    )
}

impl Relay {
    /// What a path of the admin listener says.
    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let answer = Client::plain(self.admin).await.get(path).await;
        (answer.status, String::from_utf8(answer.content.to_vec()).unwrap())
    }

    /// A number of the metrics, by its whole name.
    pub(crate) async fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.admin("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name}: {text}")).parse().unwrap()
    }

    /// Waits until a number is this one.
    pub(crate) async fn metric_is(&self, name: &str, wanted: u64) {
        let reached = async {
            while self.metric(name).await != wanted {
                // Metrics are asked, they do not tell.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(crate::process::PATIENCE, reached).await.expect(name);
    }

    /// Waits until a number is so high.
    pub(crate) async fn metric_reaches(&self, name: &str, wanted: u64) {
        let reached = async {
            while self.metric(name).await < wanted {
                // Metrics are asked, they do not tell.
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(crate::process::PATIENCE, reached).await.expect(name);
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
