//! hub.example, follower.example with its gateway, and the relay of the hub's users: folders, certificates, processes.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    thread::sleep,
    time::{Duration, Instant, SystemTime},
};

use restante::{
    client::{
        http::{DeliveryService, Limits, LocalAddress, LocalClient, ServiceToken, UserId},
        oblivious::{Kems, KeyPackageFetcher, Relay, RelayToken, Surroundings, TrustRoots},
    },
    dev_pki::{self, Existing},
    wire::ServiceProviderId,
};

use crate::program::{Program, is_ready, restante};

pub(crate) const HUB: &str = "hub.example";
pub(crate) const FOLLOWER: &str = "follower.example";
const RELAY: &str = "relay.hub.example";
/// Users of the relay, each with a connection.
const RELAY_USERS: usize = 4;
/// How often other ports are tried when somebody else has taken one meanwhile.
const STARTS_MAX: usize = 5;
const READY_MAX: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);

pub(crate) type User = DeliveryService<LocalClient>;

pub(crate) struct Site {
    pub(crate) processes: [Program; 3],
    hub: LocalClient,
    follower: LocalClient,
    pub(crate) fetchers: Vec<Arc<KeyPackageFetcher>>,
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn start(push: bool) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
        fs::create_dir_all(&root).unwrap();
        // On the disk: not in memory, as the usual folder may be.
        let folder = tempfile::tempdir_in(root).unwrap();
        let names = [HUB, FOLLOWER, RELAY];
        let ids: Vec<ServiceProviderId> = names.iter().map(|name| name.parse().unwrap()).collect();
        dev_pki::issue(&folder.path().join("pki"), &ids, Existing::Refuse, SystemTime::now()).unwrap();
        names.iter().for_each(|name| fs::create_dir(folder.path().join(name)).unwrap());
        let mut tries = 0..STARTS_MAX;
        let (mut hub, mut follower) = loop {
            assert!(tries.next().is_some(), "no ports are free");
            if let Some(pair) = start_pair(folder.path(), push) {
                break pair;
            }
        };
        let [hub_local, follower_local] =
            [(&mut hub, HUB), (&mut follower, FOLLOWER)].map(|(program, id)| local(program, id));
        let gateway = follower.listening("public").unwrap();
        let (relay, fetchers) = start_relay(folder.path(), gateway);
        let processes = [hub, follower, relay];
        Self { processes, hub: hub_local, follower: follower_local, fetchers, folder }
    }

    pub(crate) fn hub_user(&self, name: &str) -> User {
        user(&self.hub, name)
    }

    pub(crate) fn follower_user(&self, name: &str) -> User {
        user(&self.follower, name)
    }

    /// Bytes of a provider's database.
    pub(crate) fn disk_bytes(&self, id: &str) -> u64 {
        let files = fs::read_dir(self.folder.path().join(id).join("data")).unwrap();
        // Files come and go.
        files.filter_map(|file| file.ok()?.metadata().ok()).map(|found| found.len()).sum()
    }

    /// Lines of warnings and errors that all of them have logged.
    pub(crate) fn logged(&self) -> Vec<String> {
        let logs =
            [HUB, FOLLOWER, RELAY].map(|id| fs::read_to_string(self.folder.path().join(id).join("log")).unwrap());
        logs.iter().flat_map(|log| log.lines().map(str::to_owned)).collect()
    }
}

fn user(client: &LocalClient, name: &str) -> User {
    DeliveryService::new(client.as_user(UserId::new(name.as_bytes()).unwrap()))
}

/// Both providers, each of which knows where the other one listens; `None` when a port was taken.
fn start_pair(folder: &Path, push: bool) -> Option<(Program, Program)> {
    // Each is to know the other's port before that one is started. They are free until somebody else takes them.
    let listeners = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    let [hub, follower] = listeners.map(|listener| listener.local_addr().unwrap());
    let public = format!(
        "[public]\nlisten = \"127.0.0.1:0\"\ncert_file = \"../pki/{FOLLOWER}/cert.pem\"\n\
         key_file = \"../pki/{FOLLOWER}/key.pem\"\nrelay_ca_file = \"../pki/ca.pem\"\nrelays = [\"{RELAY}\"]\n\
         keys_path = \"gateway-keys\"\nseal_key_file = \"gateway-seal-key\"\nrequests_per_second_and_relay = 5000\n"
    );
    let files = [
        configure(folder, HUB, hub, (FOLLOWER, follower), push, ""),
        configure(folder, FOLLOWER, follower, (HUB, hub), push, &public),
    ];
    let [mut hub, mut follower] = files.map(|file| Program::serve(&restante(), &file));
    hub.listening("local")?;
    follower.listening("local")?;
    Some((hub, follower))
}

/// All limits and numbers are the defaults.
fn configure(
    folder: &Path,
    id: &str,
    listen: SocketAddr,
    (peer, peer_address): (&str, SocketAddr),
    push: bool,
    more: &str,
) -> PathBuf {
    let folder = folder.join(id);
    private(&folder.join("token"), &token_of(id));
    let text = format!(
        "[provider]\nid = \"{id}\"\nlisten = \"{listen}\"\ncert_file = \"../pki/{id}/cert.pem\"\n\
         key_file = \"../pki/{id}/key.pem\"\nca_file = \"../pki/ca.pem\"\npush = {push}\n{more}\
         [local]\nlisten = \"127.0.0.1:0\"\nservice_token_file = \"token\"\n[store]\npath = \"data\"\n\
         [[peers]]\nid = \"{peer}\"\nurl = \"https://{peer_address}\"\n"
    );
    let file = folder.join("restante.toml");
    fs::write(&file, text).unwrap();
    file
}

fn local(program: &mut Program, id: &str) -> LocalClient {
    let address = program.listening("local").unwrap();
    let (token, user) = (ServiceToken::new(&token_of(id)).unwrap(), UserId::new(b"nobody").unwrap());
    LocalClient::new(LocalAddress::Tcp(address), token, user, Limits::default())
}

/// The relay of the hub's operator, and clients of its users. Its rates are for people: these are few who ask for many.
fn start_relay(folder: &Path, gateway: SocketAddr) -> (Program, Vec<Arc<KeyPackageFetcher>>) {
    let program = restante().with_file_name("restante-relay");
    assert!(program.exists(), "{} is missing: run `cargo build --package restante-relay` before", program.display());
    let own = folder.join(RELAY);
    let tokens: Vec<String> = (0..RELAY_USERS).map(|_| mint(&program, &own.join("tokens"))).collect();
    let file = own.join("relay.toml");
    let text = format!(
        "[relay]\nlisten = \"127.0.0.1:0\"\ncert_file = \"../pki/{RELAY}/cert.pem\"\n\
         key_file = \"../pki/{RELAY}/key.pem\"\ntokens_file = \"tokens\"\nstate_path = \"state\"\n\
         operator = [\"{HUB}\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [limits]\nrequests_per_minute_per_user = 1000000\nburst_per_user = 1000000\nin_flight_per_user = 64\n\
         [[gateways]]\nprovider = \"{FOLLOWER}\"\nurl = \"https://{FOLLOWER}/.well-known/ohttp-gateway\"\n\
         address = \"{gateway}\"\nca_file = \"../pki/ca.pem\"\n\
         cert_file = \"../pki/{RELAY}/cert.pem\"\nkey_file = \"../pki/{RELAY}/key.pem\"\n"
    );
    fs::write(&file, text).unwrap();
    let mut relay = Program::serve(&program, &file);
    let address = relay.listening("relay").expect("the relay says where it listens");
    let admin = relay.listening("admin").expect("the relay says where it listens");
    let begun = Instant::now();
    while !is_ready(admin) {
        assert!(begun.elapsed() < READY_MAX, "the relay does not get the list of keys");
        sleep(STEP);
    }
    let roots = TrustRoots::from_pem(&fs::read(folder.join("pki/ca.pem")).unwrap()).unwrap();
    let fetcher = |token: &String| {
        let relay = Relay {
            url: format!("https://{RELAY}").parse().unwrap(),
            address: Some(address),
            token: RelayToken::new(token).unwrap(),
            operators: vec![HUB.parse().unwrap()],
        };
        let surroundings = Surroundings { now: Arc::new(SystemTime::now), random: Arc::new(|| 0) };
        Arc::new(KeyPackageFetcher::new(relay, &roots, Kems::Classical, surroundings, Limits::default()))
    };
    (relay, tokens.iter().map(fetcher).collect())
}

fn mint(program: &Path, file: &Path) -> String {
    let minted = Command::new(program).args(["tokens", "mint", "--file"]).arg(file).output().unwrap();
    assert!(minted.status.success(), "{}", String::from_utf8_lossy(&minted.stderr));
    String::from_utf8(minted.stdout).unwrap().trim().to_owned()
}

fn token_of(id: &str) -> String {
    format!("service-token-of-{id}")
}

fn private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
