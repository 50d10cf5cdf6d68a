//! The power is cut while a relay writes down a gateway's key list: what it has served is served afterwards, without the
//! gateway, and stands in its log.

use std::{
    ffi::OsStr,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use crate::{
    disk::{Disk, Faults},
    https::Place,
    lone_gateway::LoneGateway,
    process::{PATIENCE, Process},
    relay::{self, RELAY},
    site::{FOLLOWER, Site},
};

const MEBIBYTES: usize = 48;
/// In each of them the power is cut one flush later: what is done for a list has fewer.
const ROUNDS: u64 = 8;
/// Between two looks at what the relay serves, which nobody announces.
const STEP: Duration = Duration::from_millis(5);
/// Nobody listens there.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// The relay, whose state is on a disk of its own.
struct Post {
    site: Site,
    disk: Disk,
    authority: PathBuf,
}

/// What somebody was given.
#[derive(Default)]
struct Given {
    list: Vec<u8>,
    log: String,
}

impl Post {
    async fn new(seed: u64) -> Self {
        let site = Site::new(&[RELAY]).await;
        let disk = Disk::new(&site.of(RELAY).join("disk"), MEBIBYTES, seed);
        let authority = site.pki.authority();
        Self { site, disk, authority }
    }

    /// A relay in front of a gateway there. It listens when this returns.
    async fn start(&self, gateway: SocketAddr) -> (Process, SocketAddr) {
        let folder = self.site.of(RELAY);
        let tokens = folder.join("tokens");
        fs::write(&tokens, "").unwrap();
        fs::set_permissions(&tokens, fs::Permissions::from_mode(0o600)).unwrap();
        let own = format!("cert_file = \"../pki/{RELAY}/cert.pem\"\nkey_file = \"../pki/{RELAY}/key.pem\"\n");
        let text = format!(
            "[relay]\nlisten = \"127.0.0.1:0\"\n{own}tokens_file = \"tokens\"\nstate_path = \"disk/state\"\n\
             operator = [\"hub.example\"]\n[limits]\nkey_change_min_hours = 0\n\
             [[gateways]]\nprovider = \"{FOLLOWER}\"\nurl = \"https://{FOLLOWER}/.well-known/ohttp-gateway\"\n\
             address = \"{gateway}\"\nca_file = \"../pki/ca.pem\"\n{own}"
        );
        let file = folder.join("relay.toml");
        fs::write(&file, text).unwrap();
        let arguments = ["--log", "info", "serve", "--config"].map(OsStr::new);
        let arguments = [&arguments[..], &[file.as_os_str()]].concat();
        let mut process = Process::start_program(&relay::program(), "", &arguments, &self.site.log(RELAY));
        let address = process.listening_tcp("relay").await;
        (process, address)
    }

    /// A gateway with keys that nobody has seen.
    async fn gateway(&self, before: Option<LoneGateway>) -> LoneGateway {
        if let Some(mut before) = before {
            before.process.kill().await;
            fs::remove_dir_all(&before.folder).unwrap();
        }
        LoneGateway::start(&self.site, ("", "info"), "").await
    }

    /// What the relay gives to anybody: its list, if it has one, and its log.
    async fn ask(&self, address: SocketAddr) -> (Option<Vec<u8>>, String) {
        let place = Place { authority: &self.authority, name: RELAY, address };
        let list = place.exchange(&format!("GET /v1/relay/{FOLLOWER}/keys"), "", b"").await;
        let log = place.exchange(&format!("GET /v1/relay/{FOLLOWER}/keys/log"), "", b"").await;
        assert!((list.status == 200 || list.status == 503) && log.status == 200, "{} {}", list.head, log.head);
        ((list.status == 200).then_some(list.body), String::from_utf8(log.body).unwrap())
    }

    /// Asks until there is another list than that one, or no power. What was given last.
    async fn another(&self, address: SocketAddr, before: Given) -> Given {
        let mut given = before;
        let before = given.list.clone();
        let asking = async {
            while given.list == before && !self.disk.platter().is_dark() {
                let (list, log) = self.ask(address).await;
                given.list = list.unwrap_or(given.list);
                given.log = log;
                tokio::time::sleep(STEP).await;
            }
            given
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("the relay looks at the gateway")
    }
}

fn hash(list: &[u8]) -> String {
    hex::encode(Sha256::digest(list))
}

pub(crate) async fn what_a_relay_has_served_is_kept(seed: u64) {
    let mut post = Post::new(seed).await;
    let (mut gateway, mut given) = (post.gateway(None).await, Given::default());
    let (mut served, mut cut_before) = (0, 0);
    for round in 0..ROUNDS {
        let place = format!("seed {seed}, round {round}");
        // The first relay makes its folders. The others find them, and what they flush is a list and its line.
        let flushes_left = round.checked_sub(1);
        post.disk.break_by(Faults { flushes_left, ..Faults::default() });
        let (mut process, address) = post.start(gateway.address).await;
        let before = given.list.clone();
        given = post.another(address, given).await;
        // As soon as it is given to somebody, if that was not too late.
        post.disk.cut_power();
        let is_served = given.list != before;
        served += u64::from(is_served);
        cut_before += u64::from(!is_served);
        process.kill().await;
        post.disk.start_again();

        let (mut process, address) = post.start(NOWHERE).await;
        let (list, log) = post.ask(address).await;
        assert!(log.starts_with(&given.log), "{place}: lines that were shown are gone:\n{}---\n{log}", given.log);
        // If nobody was given the new one, the log may have its line, and there may be no list before the gateway gives it.
        let is_kept = list.as_deref() == Some(&given.list[..]);
        assert!(is_kept || !is_served, "{place}: what was served is not served any more: {}", process.logged());
        given.list = list.unwrap_or(given.list);
        assert!(given.list.is_empty() || log.contains(&hash(&given.list)), "{place}: it is not in the log:\n{log}");
        given.log = log;
        process.kill().await;
        gateway = post.gateway(Some(gateway)).await;
    }
    assert!(served > 0 && cut_before > 0, "seed {seed}: {served} lists were served, {cut_before} were not");
    gateway.process.kill().await;
}
