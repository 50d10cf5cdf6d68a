//! What is attacked: a provider with all of its listeners, a relay, and a gateway that stands alone.

use super::{
    target::{Place, Target},
    vitals::Vitals,
};
use crate::{
    lone_gateway::{LoneGateway, WELL_KNOWN},
    process::Process,
    relay::{RELAY, Relay},
    site::{FOLLOWER, HUB, Provider, Setting, Site},
};

/// So many connections of each listener are open at once.
pub(super) const CONNECTIONS: usize = 100;

/// Lines of `[limits]` of each program: silence ends soon, and that nothing is asked ends no attack before it is noticed.
pub(super) const LIMITS: &str =
    "connections_max = 100\nheader_read_timeout_seconds = 2\nresponse_timeout_seconds = 3\nidle_timeout_seconds = 60\n";

/// The processes, which end with this, and their listeners.
pub(super) struct Grounds {
    pub(super) targets: Vec<Target>,
    provider: Provider,
    relay: Relay,
    gateway: LoneGateway,
    _site: Site,
}

impl Grounds {
    /// With these lines of `[limits]` in each program.
    pub(super) async fn new(limits: &str) -> Self {
        let site = Site::new(&[RELAY]).await;
        let own = format!("../pki/{FOLLOWER}");
        let more = format!(
            "[limits]\n{limits}request_body_timeout_seconds = 2\n[public]\nlisten = \"127.0.0.1:0\"\n\
             cert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\nkeys_path = \"gateway-keys\"\n\
             seal_key_file = \"gateway-seal-key\"\n"
        );
        let setting = Setting { more, local: "unix:local.sock".to_owned(), ..Setting::new(FOLLOWER) };
        let mut provider = site.start(&setting).await;
        let public = provider.process.listening_tcp("public").await;
        let relay = Relay::start_with(&site, public, limits).await;
        // Lists of keys are all that it is asked for.
        let gateway = LoneGateway::start(&site, ("", "debug"), &format!("[limits]\n{limits}")).await;

        let anybody = |name| Some((site.pki.tls(None), name));
        let peer = Some((site.pki.tls(Some(&site.pki.identity(HUB))), FOLLOWER));
        let (of_provider, of_relay) = (Vitals(provider.process.id()), Vitals(relay.process.id()));
        let of_gateway = Vitals(gateway.process.id());
        let target = |name, process, place, tls, path| Target { name, process, place, tls, method: "GET", path };
        let targets = vec![
            // Refused with a problem document, as an answer to a peer.
            Target {
                method: "POST",
                ..target("provider", of_provider, Place::Tcp(provider.provider), peer, "/v1/receive")
            },
            target("public", of_provider, Place::Tcp(public), anybody(FOLLOWER), WELL_KNOWN),
            target("local", of_provider, Place::Unix(site.of(FOLLOWER).join("local.sock")), None, "/healthz"),
            target("relay", of_relay, Place::Tcp(relay.address), anybody(RELAY), "/v1/relay/follower.example/keys"),
            target("admin of the relay", of_relay, Place::Tcp(relay.admin), None, "/healthz"),
            target("gateway", of_gateway, Place::Tcp(gateway.address), anybody(FOLLOWER), WELL_KNOWN),
            target("admin of the gateway", of_gateway, Place::Tcp(gateway.admin), None, "/healthz"),
        ];
        Self { targets, provider, relay, gateway, _site: site }
    }

    /// The processes themselves.
    pub(super) fn processes(&self) -> [&Process; 3] {
        [&self.provider.process, &self.relay.process, &self.gateway.process]
    }

    /// The listeners of that process.
    pub(super) fn of(&self, process: Vitals) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(move |target| target.process == process)
    }
}
