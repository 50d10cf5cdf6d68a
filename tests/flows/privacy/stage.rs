//! hub.example, follower.example with its gateway, a relay in front of that, and taps on the ways between them. All of them
//! say as much as they can.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use restante::client::http::{Limits, LocalAddress, LocalClient, ServiceToken, UserId};

use super::{
    canary::{Canaries, Kind},
    evidence::{Ends, Evidence, Place},
};
use crate::{
    collector::{Collector, PATH},
    line::Line,
    oblivious::tap::{End, Tap},
    relay::{RELAY, Relay},
    site::{FOLLOWER, HUB, Provider, Setting, Site, token_of},
};

pub(super) const ALICE: &str = "canary-user-alice";
pub(super) const BOB: &str = "canary-user-bob";
pub(super) const CAROL: &str = "canary-user-carol";
pub(super) const MALLORY: &str = "canary-user-mallory";
pub(super) const WRONG_TOKEN: &str = "canary-token-that-is-wrong";
/// What programs show to the collector.
const CREDENTIALS: &str = "Bearer canary-of-credentials";
/// A provider that never answers.
pub(super) const AWAY: &str = "away.example";
/// Where somebody says to come from.
pub(super) const FORWARDED_FOR: &str = "203.0.113.77";

const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

pub(super) struct Stage {
    pub(super) site: Site,
    pub(super) hub: Provider,
    pub(super) follower: Provider,
    pub(super) relay: Relay,
    /// Where the follower's gateway listens.
    pub(super) gateway: SocketAddr,
    /// Between a user and the relay, the relay and the gateway, the follower and the hub.
    pub(super) taps: [Tap; 3],
    /// Where all of them push their metrics to, and the table that tells them.
    pub(super) collector: Collector,
    pub(super) export: String,
    hub_setting: Setting,
    /// The hub's name leads here, whatever its port is.
    to_hub: Line,
    _to_follower: Line,
}

impl Stage {
    pub(super) async fn new() -> Self {
        let site = Site::new(&[RELAY]).await;
        let collector = Collector::start().await;
        let credentials = site.of("collector-authorization");
        fs::write(&credentials, CREDENTIALS).unwrap();
        fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
        let export = format!("{}authorization_file = \"{}\"\n", collector.table(1), credentials.display());
        let (to_hub, to_follower) = (Line::new().await, Line::new().await);
        // The first line of what follows the table of the store.
        let more = format!("backup_path = \"backups\"\n{export}");
        let setting = Setting { log: "trace", more, ..Setting::new(HUB) };
        let hub_setting = setting.peer(FOLLOWER, to_follower.address).peer(AWAY, NOWHERE);
        let hub = site.start(&hub_setting).await;
        to_hub.lead_to(hub.provider);
        let far = End { name: HUB, address: to_hub.address, caller: Some(FOLLOWER) };
        let between_providers = Tap::start(&site.pki, far).await;
        let setting =
            Setting { log: "trace", push: true, more: gateway_of(FOLLOWER) + &export, ..Setting::new(FOLLOWER) };
        let mut follower = site.start(&setting.peer(HUB, between_providers.address)).await;
        to_follower.lead_to(follower.provider);
        let gateway = follower.process.listening_tcp("public").await;
        let far = End { name: FOLLOWER, address: gateway, caller: Some(RELAY) };
        let behind_relay = Tap::start(&site.pki, far).await;
        let relay = Relay::start_with(&site, behind_relay.address, &export).await;
        let far = End { name: RELAY, address: relay.address, caller: None };
        let before_relay = Tap::start(&site.pki, far).await;
        let taps = [before_relay, behind_relay, between_providers];
        let _to_follower = to_follower;
        Self { site, hub, follower, relay, gateway, taps, collector, export, hub_setting, to_hub, _to_follower }
    }

    /// The hub goes on with a disk on which no file grows beyond half a megabyte or one.
    pub(super) async fn restart_hub_with_little_room(&mut self) {
        self.hub.process.terminate().await;
        assert_eq!(self.hub.process.ended().await.code(), Some(0));
        // The log is a file, too.
        fs::rename(self.site.log(HUB), self.log_before()).unwrap();
        self.hub = self.site.start_in_shell("ulimit -f 1024; trap '' XFSZ;", &self.hub_setting).await;
        self.to_hub.lead_to(self.hub.provider);
    }

    /// What the hub logged when it had room.
    fn log_before(&self) -> PathBuf {
        self.site.log(HUB).with_extension("before")
    }

    /// All that a provider has logged.
    pub(super) fn log(&self, id: &str) -> String {
        let earlier = (id == HUB).then(|| self.log_before());
        let logs = earlier.into_iter().chain([self.site.log(id)]);
        logs.map(|log| fs::read_to_string(log).unwrap()).collect()
    }

    /// One of both.
    pub(super) fn provider(&self, id: &str) -> &Provider {
        if id == HUB { &self.hub } else { &self.follower }
    }

    /// What is known from the beginning.
    pub(super) fn canaries(&self) -> Canaries {
        let mut canaries = Canaries::default();
        for user in [ALICE, BOB, CAROL, MALLORY] {
            canaries.add(Kind::User, user);
        }
        for provider in [HUB, FOLLOWER, AWAY, RELAY] {
            canaries.add(Kind::Provider, provider);
        }
        for provider in [HUB, FOLLOWER, RELAY] {
            canaries.add_private_key(&self.site.pki.identity(provider).key);
        }
        for provider in [HUB, FOLLOWER] {
            canaries.add(Kind::ServiceToken, token_of(provider));
        }
        canaries.add(Kind::RelayToken, &self.relay.token);
        canaries.add(Kind::CollectorSecret, CREDENTIALS.split_once(' ').unwrap().1);
        canaries.add(Kind::CollectorSecret, PATH.split_once('=').unwrap().1);
        canaries.add(Kind::WrongToken, WRONG_TOKEN);
        canaries.add(Kind::Stranger, "stranger.example");
        canaries.add(Kind::Address, "127.0.0.1");
        canaries.add(Kind::Address, FORWARDED_FOR);
        canaries.add(Kind::SealKey, fs::read(self.site.of(FOLLOWER).join("gateway-seal-key")).unwrap());
        canaries
    }

    /// What was pushed to the collector, by each of the programs.
    pub(super) fn exported(&mut self, evidence: &mut Evidence) {
        let all = self.collector.rest();
        for program in ["restante", "restante-relay", "restante-gateway"] {
            let own: Vec<_> = all.iter().filter(|exported| exported.program() == program).collect();
            assert!(!own.is_empty(), "{program} has exported nothing");
            for exported in own {
                exported.assert_closed(program);
                evidence.add(Place::Exported, program, exported.body.to_vec());
                // Each line of text as well, with what numbers look like there.
                evidence.add(Place::Exported, program, exported.text());
                evidence.add(Place::ExportedHead, program, format!("{} {:?}", exported.target, exported.fields));
            }
        }
    }

    /// What went over the taps: the first lines of requests, and all fields.
    pub(super) fn overheard(&self, evidence: &mut Evidence) {
        for (tap, ends) in self.taps.iter().zip([Ends::UserAndRelay, Ends::RelayAndGateway, Ends::FollowerAndHub]) {
            let heard = tap.fresh();
            assert!(!heard.is_empty(), "nothing went between {ends:?}");
            for exchange in heard {
                let (target, fields) = exchange.request.head.split_once('\n').unwrap();
                evidence.add(Place::Target(ends), "a request", target);
                evidence.add(Place::Fields(ends), "a request", fields);
                evidence.add(Place::Fields(ends), "an answer", exchange.response.head);
            }
        }
    }
}

/// Somebody's way to a provider, with whatever token.
pub(super) fn way(provider: &Provider, token: &str, name: &str) -> LocalClient {
    let (token, user) = (ServiceToken::new(token).unwrap(), UserId::new(name.as_bytes()).unwrap());
    LocalClient::new(LocalAddress::Tcp(provider.local_tcp()), token, user, Limits::default())
}

/// The public table of a provider whose gateway knows one relay.
fn gateway_of(id: &str) -> String {
    let own = format!("../pki/{id}");
    format!(
        "[public]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\n\
         relay_ca_file = \"../pki/ca.pem\"\nrelays = [\"{RELAY}\"]\nkeys_path = \"gateway-keys\"\n\
         seal_key_file = \"gateway-seal-key\"\n"
    )
}
