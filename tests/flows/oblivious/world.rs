//! follower.example behind its gateway, the relay in front of it, and people on both sides.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use restante::{
    client::{
        http::Limits,
        oblivious::{FetchError, FetchedKeyPackages, Kems, KeyPackageFetcher, RelayToken, Surroundings, TrustRoots},
    },
    mls::{CipherSuite, ProtocolVersion, WireKeyPackage},
    wire::{BearerTokenKind, ClientId, KeyPackageRequest, MintTokenRequest, UploadKeyPackagesRequest, decode, encode},
};

use super::tap::{End, Tap};
use crate::{
    fixtures::key_packages::Device,
    line::Line,
    process::run,
    relay::{RELAY, Relay},
    site::{FOLLOWER, Provider, Setting, Site},
};

/// The suite of all KeyPackages.
const SUITE: u16 = 1;

pub(super) struct World {
    pub(super) site: Site,
    pub(super) follower: Provider,
    pub(super) relay: Relay,
    setting: Setting,
    line: Line,
}

/// KeyPackages as they were uploaded.
pub(super) struct Uploaded {
    pub(super) one_time: Vec<WireKeyPackage>,
    pub(super) last_resort: WireKeyPackage,
}

/// Rates that nobody reaches.
const NO_RATES: &str = "[policy]\nfetches_per_user_and_hour = 3600000\nfetches_per_token_and_hour = 3600000\n";

impl World {
    /// Without rates at the provider.
    pub(super) async fn new() -> Self {
        Self::start(NO_RATES, false, "").await.0
    }

    /// Without rates, and with a place for backups.
    pub(super) async fn with_backups() -> Self {
        Self::start(&format!("backup_path = \"backups\"\n{NO_RATES}"), false, "").await.0
    }

    /// Without rates, and with a relay behind some shell.
    #[cfg(feature = "faults")]
    pub(super) async fn with_relay_in_shell(prologue: &str) -> Self {
        Self::start(NO_RATES, false, prologue).await.0
    }

    /// With the rates that providers have unless told otherwise.
    pub(super) async fn with_rates() -> Self {
        Self::start("", false, "").await.0
    }

    /// Without rates, and with a tap between the relay and the gateway.
    pub(super) async fn overheard() -> (Self, Tap) {
        let (world, tap) = Self::start(NO_RATES, true, "").await;
        (world, tap.expect("it was asked for"))
    }

    async fn start(policy: &str, is_overheard: bool, before_relay: &str) -> (Self, Option<Tap>) {
        let site = Site::new(&[RELAY]).await;
        let own = format!("../pki/{FOLLOWER}");
        let more = format!(
            "{policy}[public]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\n\
             relay_ca_file = \"../pki/ca.pem\"\nrelays = [\"{RELAY}\"]\nkeys_path = \"gateway-keys\"\nseal_key_file = \"gateway-seal-key\"\n"
        );
        let setting = Setting { more, log: "trace", ..Setting::new(FOLLOWER) };
        let mut follower = site.start(&setting).await;
        let line = Line::new().await;
        line.lead_to(follower.process.listening_tcp("public").await);
        let tap = match is_overheard {
            true => {
                let gateway = End { name: FOLLOWER, address: line.address, caller: Some(RELAY) };
                Some(Tap::start(&site.pki, gateway).await)
            }
            false => None,
        };
        let gateway = tap.as_ref().map_or(line.address, |tap| tap.address);
        let relay = Relay::start_in_shell(before_relay, &site, gateway, "").await;
        (Self { site, follower, relay, setting, line }, tap)
    }

    /// A tap between users and the relay.
    pub(super) async fn tap_relay(&self) -> Tap {
        Tap::start(&self.site.pki, End { name: RELAY, address: self.relay.address, caller: None }).await
    }

    /// `kill -9`, and another start: the gateway keeps its name, not its port.
    pub(super) async fn restart(&mut self) {
        self.follower.process.kill().await;
        self.follower = self.site.start(&self.setting).await;
        self.line.lead_to(self.follower.process.listening_tcp("public").await);
    }

    /// The same, and in between somebody removes the database.
    pub(super) async fn lose_database(&mut self) {
        self.follower.process.kill().await;
        fs::remove_dir_all(self.site.database(FOLLOWER)).unwrap();
        self.follower = self.site.start(&self.setting).await;
        self.line.lead_to(self.follower.process.listening_tcp("public").await);
    }

    /// A backup of the running process.
    pub(super) async fn back_up(&self) {
        self.site.back_up(&self.follower).await;
    }

    /// `kill -9`, and in the place of the database its latest backup, which is sound.
    pub(super) async fn put_back(&mut self) {
        self.follower.process.kill().await;
        fs::remove_dir_all(self.site.database(FOLLOWER)).unwrap();
        let configured = self.configured();
        for command in [["backup", "restore"], ["db", "verify"]] {
            let done = run(&[&command.map(str::to_owned)[..], &configured].concat()).await;
            assert!(done.status.success(), "{command:?}: {done:?}");
        }
        self.follower = self.site.start(&self.setting).await;
        self.line.lead_to(self.follower.process.listening_tcp("public").await);
    }

    /// A device of the user uploads so many one-time KeyPackages, and a last-resort one.
    pub(super) async fn upload(&self, user: &str, device: u8, count: usize) -> Uploaded {
        let one_time = one_time(count);
        let last_resort: WireKeyPackage = decode(&Device::new(SUITE).last_resort(now_s())).unwrap();
        let key_packages = one_time.iter().chain([&last_resort]).cloned().collect();
        let request = UploadKeyPackagesRequest { client_id: ClientId::new([device; 16]), key_packages };
        self.follower.user(user).upload_key_packages(&request).await.unwrap();
        Uploaded { one_time, last_resort }
    }

    /// How many one-time KeyPackages the user has left.
    pub(super) async fn available(&self, user: &str) -> u32 {
        let standing = self.follower.user(user).key_package_status().await.unwrap();
        standing.stocks.iter().map(|stock| stock.available).sum()
    }

    /// A token for the user's contacts.
    pub(super) async fn mint(&self, user: &str, kind: BearerTokenKind) -> Vec<u8> {
        let minted = self.follower.user(user).mint_token(&MintTokenRequest { kind }).await.unwrap();
        encode(&minted.token).unwrap()
    }

    /// The client of somebody at hub.example.
    pub(super) fn fetcher(&self) -> KeyPackageFetcher {
        self.fetcher_at(self.relay.address)
    }

    /// The same with another way to the relay.
    pub(super) fn fetcher_at(&self, relay: SocketAddr) -> KeyPackageFetcher {
        let roots = TrustRoots::from_pem(&fs::read(self.site.pki.authority()).unwrap()).unwrap();
        let relay = restante::client::oblivious::Relay {
            url: format!("https://{RELAY}").parse().unwrap(),
            address: Some(relay),
            token: RelayToken::new(&self.relay.token).unwrap(),
            operators: vec!["hub.example".parse().unwrap()],
        };
        let surroundings = Surroundings { now: Arc::new(now), random: Arc::new(|| 0) };
        let limits = Limits { request: Duration::from_secs(20), ..Limits::default() };
        KeyPackageFetcher::new(relay, &roots, Kems::Classical, surroundings, limits)
    }

    /// Writes a file for its owner alone.
    pub(super) fn secret(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.site.of(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    /// The follower's configuration, as the running process would have it: its local listener is where it listens.
    pub(super) fn configured(&self) -> [String; 4] {
        self.site.configured(&self.follower)
    }
}

/// So many one-time KeyPackages of a device.
pub(super) fn one_time(count: usize) -> Vec<WireKeyPackage> {
    let maker = Device::new(SUITE);
    (0..count).map(|_| decode(&maker.one_time(now_s())).unwrap()).collect()
}

/// Asks for one user's KeyPackages.
pub(super) async fn fetch(
    fetcher: &KeyPackageFetcher,
    user: &str,
    token: &[u8],
) -> Result<FetchedKeyPackages, FetchError> {
    let mut fetched = fetcher.fetch(&FOLLOWER.parse().unwrap(), vec![request(user, token)]).await?;
    assert_eq!(fetched.len(), 1);
    Ok(fetched.remove(0))
}

pub(super) fn request(user: &str, token: &[u8]) -> KeyPackageRequest {
    KeyPackageRequest {
        user_id: user.as_bytes().to_vec(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(SUITE),
    }
}

fn now_s() -> u64 {
    now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(super) fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "certificates and KeyPackages of these tests are made now")]
    SystemTime::now()
}
