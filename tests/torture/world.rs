//! The programs: two providers and a relay, each behind lines that outlive it.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use restante::client::{
    http::{DeliveryService, Limits, LocalAddress, LocalClient, ServiceToken, UserId},
    oblivious::{self, Kems, KeyPackageFetcher, RelayToken, Surroundings, TrustRoots},
};

use crate::{
    gateway::{self, GATEWAY},
    line::Line,
    member::{self, Diary},
    model::Model,
    origin::Origin,
    plan::Victim,
    process::{PATIENCE, PROGRAM, beside},
    relay::{RELAY, program as relay_program, until_ready},
    running::{Harm, Running, run},
    site::{FOLLOWER, HUB, Setting, Site, User, token_of},
};

/// Where the client's files are.
pub(crate) const MEMBER: &str = "member";
/// Between two looks at something that tells nobody when it changes.
const STEP: Duration = Duration::from_millis(20);
/// No request takes longer; one to a program that is just being killed ends with its connection.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(5), request: Duration::from_secs(20), response_bytes: 16 * 1024 * 1024 };

/// A provider that was away whenever it was to be given a Welcome is not left alone for as long as all may take to settle.
const RETRY_S: u32 = 10;

/// How the lone gateway changes its keys: at each leap of a day there is another one.
const SCHEDULE: [&str; 3] = ["keys.life_hours=24", "keys.publish_ahead_hours=6", "keys.accept_after_hours=6"];

/// One of the two providers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Provider {
    Hub,
    Follower,
}

impl Provider {
    pub(crate) const BOTH: [Self; 2] = [Self::Hub, Self::Follower];

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Hub => HUB,
            Self::Follower => FOLLOWER,
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Hub => Self::Follower,
            Self::Follower => Self::Hub,
        }
    }
}

/// The lines to the listeners of a provider.
struct Doors {
    provider: Line,
    local: Line,
    public: Line,
}

/// Where everything is, for those who put the programs under load. Addresses stay, also behind a restart.
pub(crate) struct World {
    pub(crate) site: Site,
    doors: [Doors; 2],
    relay: Line,
    pub(crate) lone_gateway: Line,
    origin: Origin,
    relay_token: String,
    ahead_ms: AtomicU64,
    /// Which life of the relay's state it is.
    relay_states: AtomicU64,
    /// Whether the hub's next life offers hybrid keys as well.
    offers_hybrid: AtomicBool,
}

impl World {
    /// Nothing runs yet.
    pub(crate) async fn new(model: Arc<Model>) -> Arc<Self> {
        let site = Site::new(&[RELAY, GATEWAY]).await;
        let doors = [Doors::new().await, Doors::new().await];
        let folder = site.of(RELAY);
        fs::create_dir_all(&folder).unwrap();
        let tokens = folder.join("tokens");
        let words = ["tokens", "mint", "--file"].map(OsStr::new);
        let minted = run(&relay_program(), &[&words[..], &[tokens.as_os_str()]].concat(), &Harm::default()).await;
        assert!(minted.status.success(), "{}", String::from_utf8_lossy(&minted.stderr));
        let relay_token = String::from_utf8(minted.stdout).unwrap().trim().to_owned();
        let world = Self {
            site,
            doors,
            relay: Line::new().await,
            lone_gateway: Line::new().await,
            origin: Origin::start(move |call| model.hold(model.calls().arrive(call))).await,
            relay_token,
            ahead_ms: AtomicU64::new(0),
            relay_states: AtomicU64::new(0),
            offers_hybrid: AtomicBool::new(false),
        };
        Arc::new(world)
    }

    fn doors(&self, provider: Provider) -> &Doors {
        &self.doors[provider as usize]
    }

    /// By how much all clocks are ahead.
    pub(crate) fn ahead(&self) -> Duration {
        Duration::from_millis(self.ahead_ms.load(Ordering::SeqCst))
    }

    /// All clocks are to be later: who is started from now on has it so, and who is asked here.
    pub(crate) fn leap(&self, by: Duration) {
        self.ahead_ms.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// What time it is in this world.
    pub(crate) fn now(&self) -> SystemTime {
        #[expect(clippy::disallowed_methods, reason = "certificates and KeyPackages are made now")]
        let now = SystemTime::now();
        now + self.ahead()
    }

    pub(crate) fn now_s(&self) -> u64 {
        self.now_ms() / 1000
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
    }

    /// A program begins another life. Nothing when it has ended by itself before it listened.
    pub(crate) async fn start(&self, victim: Victim, point: Option<String>) -> Result<Running, Running> {
        let harm = Harm { point, ahead: self.ahead() };
        match victim {
            Victim::Hub => self.start_provider(Provider::Hub, &harm).await,
            Victim::Follower => self.start_provider(Provider::Follower, &harm).await,
            Victim::Relay => self.start_relay(&harm).await,
            Victim::Gateway => self.start_gateway(&harm).await,
            Victim::Member => self.start_member(&harm).await,
            Victim::KeysCommand => panic!("a command is no server"),
        }
    }

    async fn start_gateway(&self, harm: &Harm) -> Result<Running, Running> {
        let file = gateway::configure(&self.site.of(GATEWAY), self.origin.address);
        let words = ["--log", "info", "serve", "--config"].map(OsStr::new);
        let schedule = SCHEDULE.map(|setting| ["--set", setting].map(OsStr::new));
        let arguments = [&words[..], &[file.as_os_str()], schedule.as_flattened()].concat();
        let mut running = Running::start(&beside("restante-gateway"), &arguments, harm, &self.site.log(GATEWAY));
        match running.listening("gateway").await {
            Some(address) => {
                self.lone_gateway.lead_to(address);
                Ok(running)
            }
            None => Err(running),
        }
    }

    /// Its first life has begun its group when this returns.
    async fn start_member(&self, harm: &Harm) -> Result<Running, Running> {
        let (folder, diary) = (self.site.of(MEMBER), self.diary());
        let hub = self.doors(Provider::Hub).local.address.to_string();
        let variables = [(member::FOLDER, folder.as_os_str()), (member::HUB_ADDRESS, OsStr::new(&hub))];
        let mut running = Running::start_self(member::PROGRAM, &variables, harm, &self.site.log(MEMBER));
        let began = async {
            while !diary.has_begun() {
                if running.has_ended().is_some() {
                    return false;
                }
                tokio::time::sleep(STEP).await;
            }
            true
        };
        if tokio::time::timeout(PATIENCE, began).await.expect("a group begins in time") {
            Ok(running)
        } else {
            Err(running)
        }
    }

    /// What the client's devices say of themselves.
    pub(crate) fn diary(&self) -> Diary {
        Diary::of(&self.site.of(MEMBER))
    }

    async fn start_provider(&self, which: Provider, harm: &Harm) -> Result<Running, Running> {
        let file = self.site.configure(&self.setting(which));
        let words = ["--log", "info", "serve", "--config"].map(OsStr::new);
        let arguments = [&words[..], &[file.as_os_str()]].concat();
        let mut running = Running::start(Path::new(PROGRAM), &arguments, harm, &self.site.log(which.id()));
        let doors = self.doors(which);
        for (table, line) in [("provider", &doors.provider), ("local", &doors.local), ("public", &doors.public)] {
            match running.listening(table).await {
                Some(address) => line.lead_to(address),
                None => return Err(running),
            }
        }
        Ok(running)
    }

    /// Nobody is led to it any more.
    pub(crate) fn close(&self, victim: Victim) {
        let which = match victim {
            Victim::Hub => Provider::Hub,
            Victim::Follower => Provider::Follower,
            Victim::Relay => return self.relay.lead_nowhere(),
            Victim::Gateway => return self.lone_gateway.lead_nowhere(),
            Victim::Member | Victim::KeysCommand => return,
        };
        let Doors { provider, local, public } = self.doors(which);
        [provider, local, public].into_iter().for_each(Line::lead_nowhere);
    }

    fn setting(&self, which: Provider) -> Setting {
        let own = format!("../pki/{}", which.id());
        let x_wing = which == Provider::Hub && self.offers_hybrid();
        // Rates and numbers that nobody reaches; times that a clock which leaps a day gets behind.
        let more = format!(
            "backup_path = \"backups\"\nbackups_kept = 2\n[policy]\nfetches_per_user_and_hour = 3600000\nfetches_per_token_and_hour = 3600000\n\
             messages_per_provider_and_second = 1000000\nmessages_per_provider_group_and_second = 1000000\n\
             messages_per_user_and_second = 1000000\npartitions_per_provider_and_group = 100000\n\
             bytes_per_provider_and_group = 1000000000\nundelivered_welcomes_per_provider = 100000\n\
             retention_days = 1\nwelcome_delivery_days = 1\nwelcome_retry_seconds_max = {RETRY_S}\n\
             [public]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\n\
             relay_ca_file = \"../pki/ca.pem\"\nrelays = [\"{RELAY}\"]\nkeys_path = \"gateway-keys\"\n\
             seal_key_file = \"gateway-seal-key\"\nx_wing = {x_wing}\n"
        );
        let peer = self.doors(which.other()).provider.address;
        Setting { more, push: true, ..Setting::new(which.id()).peer(which.other().id(), peer) }
    }

    async fn start_relay(&self, harm: &Harm) -> Result<Running, Running> {
        let folder = self.site.of(RELAY);
        let gateway = self.doors(Provider::Follower).public.address;
        let state = self.relay_states.load(Ordering::SeqCst);
        let text = format!(
            "[relay]\nlisten = \"127.0.0.1:0\"\ncert_file = \"../pki/{RELAY}/cert.pem\"\n\
             key_file = \"../pki/{RELAY}/key.pem\"\ntokens_file = \"tokens\"\nstate_path = \"state-{state}\"\n\
             operator = [\"{HUB}\"]\n[admin]\nlisten = \"127.0.0.1:0\"\n\
             [limits]\nrequests_per_minute_per_user = 1000000\nburst_per_user = 1000000\nin_flight_per_user = 64\n\
             [[gateways]]\nprovider = \"{FOLLOWER}\"\nurl = \"https://{FOLLOWER}/.well-known/ohttp-gateway\"\n\
             address = \"{gateway}\"\nca_file = \"../pki/ca.pem\"\n\
             cert_file = \"../pki/{RELAY}/cert.pem\"\nkey_file = \"../pki/{RELAY}/key.pem\"\n"
        );
        let file = folder.join("relay.toml");
        fs::write(&file, text).unwrap();
        let words = ["--log", "info", "serve", "--config"].map(OsStr::new);
        let arguments = [&words[..], &[file.as_os_str()]].concat();
        let mut running = Running::start(&relay_program(), &arguments, harm, &self.site.log(RELAY));
        match (running.listening("relay").await, running.listening("admin").await) {
            (Some(address), Some(admin)) => {
                self.relay.lead_to(address);
                // One that is to end over its first key list never has it.
                if harm.point.is_none() {
                    until_ready(admin).await;
                }
                Ok(running)
            }
            _ => Err(running),
        }
    }

    /// The relay's next life is one without a past: it writes the first line of a log.
    pub(crate) fn forget_relay_state(&self) {
        self.relay_states.fetch_add(1, Ordering::SeqCst);
    }

    /// The hub's next life begins, or ceases, to offer hybrid keys, and so changes its keys by itself when it starts. By
    /// the clock it would do so every six days, and a hub whose clock leaps so far removes nothing for a week
    /// (specs/protocol.md, E8).
    pub(crate) fn switch_hybrid(&self) {
        self.offers_hybrid.fetch_xor(true, Ordering::SeqCst);
    }

    pub(crate) fn offers_hybrid(&self) -> bool {
        self.offers_hybrid.load(Ordering::SeqCst)
    }

    /// Somebody's way to their own provider.
    pub(crate) fn user(&self, at: Provider, name: &str) -> User {
        let token = ServiceToken::new(&token_of(at.id())).unwrap();
        let user = UserId::new(name.as_bytes()).unwrap();
        let address = LocalAddress::Tcp(self.doors(at).local.address);
        DeliveryService::new(LocalClient::new(address, token, user, LIMITS))
    }

    /// Of somebody at the hub's provider, for KeyPackages of the follower's users.
    pub(crate) fn fetcher(self: &Arc<Self>) -> KeyPackageFetcher {
        let roots = TrustRoots::from_pem(&fs::read(self.authority()).unwrap()).unwrap();
        let relay = oblivious::Relay {
            url: format!("https://{RELAY}").parse().unwrap(),
            address: Some(self.relay.address),
            token: RelayToken::new(&self.relay_token).unwrap(),
            operators: vec![HUB.parse().unwrap()],
        };
        let world = self.clone();
        let surroundings = Surroundings { now: Arc::new(move || world.now()), random: Arc::new(|| 0) };
        KeyPackageFetcher::new(relay, &roots, Kems::Classical, surroundings, LIMITS)
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.site.pki.authority()
    }

    /// Where the relay is, and the token of its user.
    pub(crate) fn relay(&self) -> (SocketAddr, &str) {
        (self.relay.address, &self.relay_token)
    }

    /// Where a provider's gateway is.
    pub(crate) fn gateway(&self, of: Provider) -> SocketAddr {
        self.doors(of).public.address
    }
}

impl Doors {
    async fn new() -> Self {
        Self { provider: Line::new().await, local: Line::new().await, public: Line::new().await }
    }
}
