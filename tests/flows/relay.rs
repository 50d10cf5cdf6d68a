//! A running `restante-relay`: that of hub.example's operator, with follower.example behind it.

use std::{ffi::OsStr, fs, net::SocketAddr, path::PathBuf, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};

use crate::{
    process::{PATIENCE, Process, beside},
    site::{FOLLOWER, Site},
};

/// The host in its url and in its certificate.
pub(crate) const RELAY: &str = "relay.hub.example";
/// Between two looks at `/readyz`, which nobody announces.
const STEP: Duration = Duration::from_millis(20);

/// A relay with one user. It ends when it is dropped.
pub(crate) struct Relay {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// The user's token, as the operator gave it to them.
    pub(crate) token: String,
    pub(crate) admin: SocketAddr,
}

impl Relay {
    /// Starts one with these lines in `[limits]`; it has the gateway's key list when this returns.
    pub(crate) async fn start_with(site: &Site, gateway: SocketAddr, limits: &str) -> Self {
        Self::start_in_shell("", site, gateway, limits).await
    }

    /// The same behind some shell.
    pub(crate) async fn start_in_shell(prologue: &str, site: &Site, gateway: SocketAddr, limits: &str) -> Self {
        let folder = site.of(RELAY);
        fs::create_dir_all(&folder).unwrap();
        let mut mint = Command::new(program());
        let minted = mint.args(["tokens", "mint", "--file"]).arg(folder.join("tokens")).output().await.unwrap();
        assert!(minted.status.success(), "{}", String::from_utf8_lossy(&minted.stderr));
        let token = String::from_utf8(minted.stdout).unwrap().trim().to_owned();
        let text = format!(
            "[relay]\nlisten = \"127.0.0.1:0\"\ncert_file = \"../pki/{RELAY}/cert.pem\"\n\
             key_file = \"../pki/{RELAY}/key.pem\"\ntokens_file = \"tokens\"\nstate_path = \"state\"\n\
             operator = [\"hub.example\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [limits]\nrequests_per_minute_per_user = 1000000\nburst_per_user = 1000000\nin_flight_per_user = 64\n{limits}\
             [[gateways]]\nprovider = \"{FOLLOWER}\"\nurl = \"https://{FOLLOWER}/.well-known/ohttp-gateway\"\n\
             address = \"{gateway}\"\nca_file = \"../pki/ca.pem\"\n\
             cert_file = \"../pki/{RELAY}/cert.pem\"\nkey_file = \"../pki/{RELAY}/key.pem\"\n"
        );
        let file = folder.join("relay.toml");
        fs::write(&file, text).unwrap();
        let arguments = ["--log", "trace", "serve", "--config"].map(OsStr::new);
        let arguments = [&arguments[..], &[file.as_os_str()]].concat();
        let mut process = Process::start_program(&program(), prologue, &arguments, &site.log(RELAY));
        let address = process.listening_tcp("relay").await;
        let admin = process.listening_tcp("admin").await;
        let relay = Self { process, address, token, admin };
        until_ready(admin).await;
        relay
    }

    /// What its operator's listener answers.
    pub(crate) async fn admin(&self, path: &str) -> String {
        ask(self.admin, path).await
    }
}

/// Returns when a relay has the gateways' key lists.
pub(crate) async fn until_ready(admin: SocketAddr) {
    let ready = async {
        while !ask(admin, "/readyz").await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("it has the key list in time");
}

pub(crate) async fn ask(admin: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

pub(crate) fn program() -> PathBuf {
    beside("restante-relay")
}
