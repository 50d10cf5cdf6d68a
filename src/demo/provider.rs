//! One provider: its files, and its process while it runs.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::{Failure, relay::RELAY, server::Server};
use crate::{
    client::http::ServiceToken,
    service::{Entropy, SystemEntropy},
};

/// Who is given GroupInfos, in its configuration.
const TOKEN: &str = "# A GroupInfo is for those to whom a member has given a join token.\ngroup_info = \"token\"\n";
const PEERS: &str = "# A GroupInfo is for providers that use the group.\ngroup_info = \"peers\"\n";

/// Where a provider listens, on loopback.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) provider: SocketAddr,
    pub(super) local: SocketAddr,
    /// Its gateway, if it has one.
    pub(super) public: Option<SocketAddr>,
}

/// A provider with its own folder. Its process ends with it.
pub(super) struct Provider {
    pub(super) id: &'static str,
    pub(super) addresses: Addresses,
    token: String,
    server: Server,
}

impl Provider {
    /// Writes its folder: a service token and a configuration. Certificates are in `../pki`.
    ///
    /// # Errors
    /// When a file cannot be written, or there are no random bytes.
    pub(super) fn set_up(
        program: &Path,
        folder: PathBuf,
        id: &'static str,
        addresses: Addresses,
        peers: &[(&str, SocketAddr)],
    ) -> Result<Self, Failure> {
        fs::create_dir_all(&folder)?;
        let mut random = [0; 32];
        SystemEntropy.fill(&mut random)?;
        let token = hex::encode(random);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(folder.join("service-token"))?.write_all(token.as_bytes())?;
        fs::write(folder.join("restante.toml"), configuration(id, addresses, peers))?;
        let mut listeners = vec!["provider", "local"];
        listeners.extend(addresses.public.map(|_| "public"));
        let (program, configuration) = (program.to_owned(), "restante.toml");
        let server = Server { name: id, program, folder, configuration, listeners, process: None };
        Ok(Self { id, addresses, token, server })
    }

    /// What its services present at the local listener.
    ///
    /// # Errors
    /// Never: the token is hexadecimal.
    pub(super) fn token(&self) -> Result<ServiceToken, Failure> {
        ServiceToken::new(&self.token).ok_or_else(|| "a service token cannot be sent".into())
    }

    /// The token as it stands in its file, to look for.
    pub(super) fn token_text(&self) -> &str {
        &self.token
    }

    /// Everything that its processes have logged.
    ///
    /// # Errors
    /// When there is no log.
    pub(super) fn log(&self) -> io::Result<String> {
        self.server.log()
    }

    /// The folder of its database.
    pub(super) fn database(&self) -> PathBuf {
        self.server.folder.join("data")
    }

    /// Starts its process and waits until its listeners are there.
    ///
    /// # Errors
    /// When it ends or is silent instead, with the last line of its log.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        self.server.start().await
    }

    /// Gives GroupInfos to providers that use the group, as is usual, and no longer to whoever shows a join token: changes
    /// its configuration and starts it anew.
    ///
    /// # Errors
    /// As [`Provider::start`]; when the file cannot be changed.
    pub(super) async fn give_group_infos_to_peers(&mut self) -> Result<(), Failure> {
        let path = self.server.folder.join("restante.toml");
        let before = fs::read_to_string(&path)?;
        let (start, end) = before.split_once(TOKEN).ok_or("its configuration does not ask for join tokens")?;
        fs::write(&path, [start, PEERS, end].concat())?;
        self.kill().await?;
        self.start().await
    }

    /// Runs the program as its operator does, and returns what it prints.
    ///
    /// # Errors
    /// When the program fails.
    pub(super) async fn operate(&self, words: &[&str]) -> Result<String, Failure> {
        self.server.operate(words).await
    }

    /// Ends its process the hard way, as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not go.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        self.server.kill().await
    }
}

/// All paths are relative, so that the folder can be moved and served again.
fn configuration(id: &str, addresses: Addresses, peers: &[(&str, SocketAddr)]) -> String {
    let Addresses { provider, local, public } = addresses;
    let public = public.map(|listen| gateway(id, listen)).unwrap_or_default();
    let peers: String =
        peers.iter().map(|(id, at)| format!("\n[[peers]]\nid = \"{id}\"\nurl = \"https://{at}\"\n")).collect();
    format!(
        r#"# {id}, as the demo ran it.

[provider]
id = "{id}"
listen = "{provider}"
cert_file = "../pki/{id}/cert.pem"
key_file = "../pki/{id}/key.pem"
ca_file = "../pki/ca.pem"

[local]
listen = "{local}"
service_token_file = "service-token"
{public}
[store]
path = "data"

[limits]
connections_max = 128

[policy]
{TOKEN}{peers}"#
    )
}

fn gateway(id: &str, listen: SocketAddr) -> String {
    format!(
        r#"
[public]
listen = "{listen}"
cert_file = "../pki/{id}/cert.pem"
key_file = "../pki/{id}/key.pem"
relay_ca_file = "../pki/ca.pem"
relays = ["{RELAY}"]
keys_path = "gateway-keys"
seal_key_file = "gateway-seal-key"
"#
    )
}
