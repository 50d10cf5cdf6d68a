//! What the operator decides: the tables of the configuration file, the layers above it, and their checks.
//!
//! Layers, weakest first: the file, environment variables (`RESTANTE_GATEWAY_GATEWAY__LISTEN`), `--set
//! gateway.listen=…`. Whoever holds a [`Config`] from [`Config::load`] holds one whose names, addresses and files were
//! checked.
//!
//! # Privacy
//! Its errors name paths, hosts and addresses. They are for the operator's terminal, never for the log.

mod files;
mod limits;
#[cfg(test)]
mod tests;
mod written;

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::SystemTime,
};

use http::{Method, Uri, uri::Authority};
pub(crate) use limits::Limits;
use restante_gateway::RotationSchedule;
use restante_names::have_one_holder;
use restante_process::{
    config::{LocalAddress, Problems, Program, Sources, dns_names_of, expires_soon, read_certificates},
    export::ExportSettings,
    too_few_files,
};
use written::Layers;

/// The sample file: every table and key, with defaults in comments. `restante-gateway config example` prints it.
pub(crate) const EXAMPLE: &str = include_str!("../../../../../config/gateway.toml");

const PROGRAM: Program = Program {
    name: "restante-gateway",
    sample: "gateway.toml",
    prefix: "RESTANTE_GATEWAY_",
    siblings: &[],
    table: "gateway",
    others: &[("restante", "provider"), ("restante-relay", "relay")],
};

/// Everything that the operator configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// `gateway.listen`: where relays connect, with TLS.
    pub(crate) listen: SocketAddr,
    /// `gateway.cert_file`: PEM, the gateway's certificate, then its intermediates.
    pub(crate) cert_file: PathBuf,
    /// `gateway.key_file`: PEM, its private key.
    pub(crate) key_file: PathBuf,
    /// `gateway.authority`: what inner requests must name.
    pub(crate) authority: String,
    /// `gateway.relays_ca_file` and `gateway.relays`: who has a budget of its own.
    pub(crate) relays: Option<Relays>,
    /// `[keys]`.
    pub(crate) keys: Keys,
    /// `[origin]`.
    pub(crate) origin: Origin,
    /// `replays.path`: the folder of marks, made on the first start.
    pub(crate) replays: PathBuf,
    /// `[[routes]]`: what may be asked for. At least one.
    pub(crate) routes: Vec<Route>,
    /// `admin.listen`: health and metrics, off unless configured.
    pub(crate) admin: Option<LocalAddress>,
    /// `[export]`: where metrics are pushed; off when the table is absent.
    pub(crate) export: Option<ExportSettings>,
    /// `[limits]`.
    pub(crate) limits: Limits,
}

/// Relays that are known by their certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relays {
    /// PEM: the authorities of their certificates.
    pub(crate) ca_file: PathBuf,
    /// The names in them.
    pub(crate) names: BTreeSet<String>,
}

/// `[keys]`: where the gateway's private keys are, and how they follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The folder of the keyring, made on the first start.
    pub(crate) path: PathBuf,
    /// The key that seals it, made on the first start.
    pub(crate) seal_key_file: PathBuf,
    /// Times, and whether there is an X-Wing key.
    pub(crate) schedule: RotationSchedule,
}

/// `[origin]`: where requests go that were opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Scheme, host, perhaps a port.
    pub(crate) url: Uri,
    /// PEM: the authorities that its certificate must come from; with https only.
    pub(crate) ca_file: Option<PathBuf>,
}

/// `[[routes]]`: one thing that may be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    /// Its method.
    pub(crate) method: Method,
    /// Its path, compared exactly.
    pub(crate) path: String,
    /// Every answer is padded to this.
    pub(crate) response_bytes: usize,
}

impl Config {
    /// Reads all layers and checks everything that can be known without opening a socket or the keyring. `now` is what
    /// certificates must be valid at.
    ///
    /// # Errors
    /// All problems at once, each with the place that it comes from and what to do about it.
    pub(crate) fn load(sources: &Sources<'_>, now: SystemTime) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let Some(mut layers) = Layers::read(PROGRAM, sources, &mut problems) else { return Err(problems) };
        let Some(written) = layers.extract(&mut problems) else { return Err(problems) };
        let config = written.parse(&layers, &mut problems);
        if let Some(config) = &config {
            files::check(config, now, &layers, &mut problems);
        }
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(problems),
        }
    }

    /// How many listeners there are.
    pub(crate) fn listeners(&self) -> usize {
        1 + usize::from(self.admin.is_some())
    }

    /// What is allowed but will hurt later. Sentences with numbers only, fit for the log.
    pub(crate) fn warnings(&self, now: SystemTime) -> Vec<String> {
        [
            too_few_files(self.limits.connections_max, self.listeners()),
            expires_soon("gateway.cert_file", &self.cert_file, now),
            self.own_relays(),
            self.too_few_marks(),
            self.foreign_authority(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// Relays that bring what they may, and no more, must not be refused for what others brought.
    fn too_few_marks(&self) -> Option<String> {
        let policy = self.limits.policy();
        let marks = policy.marks_within_budgets(self.relays.as_ref().map_or(0, |relays| relays.names.len()));
        ((policy.replay_marks_max as u64) < marks).then(|| {
            format!(
                "limits.replay_marks_max is {}, and relays within their budgets may bring {marks} requests in twice the \
                 date window: above it all of them are refused; raise it, at about 150 bytes of memory each",
                policy.replay_marks_max
            )
        })
    }

    /// Relays dial the name that clients ask for. That a gateway is reached by another one is for its operator to know.
    fn foreign_authority(&self) -> Option<String> {
        let authority = self.authority.parse::<Authority>().ok()?;
        let host = authority.host();
        if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
            return None;
        }
        let names = dns_names_of(read_certificates(&self.cert_file).ok()?.first()?).ok()?;
        let is_named = names.iter().any(|name| is_for(name, host));
        (!is_named).then(|| {
            "gateway.cert_file is not for gateway.authority: whoever connects to that name refuses this certificate; \
             correct the one that is wrong, unless relays reach the gateway by another name"
                .to_owned()
        })
    }

    /// Names are all that can be known here of who runs a relay.
    fn own_relays(&self) -> Option<String> {
        let names = &self.relays.as_ref()?.names;
        let host = self.authority.parse::<Authority>().ok()?;
        let own = names.iter().filter(|name| have_one_holder(name, host.host())).count();
        (own > 0).then(|| {
            format!(
                "the domains of {own} of {} gateway.relays tell that they have one holder with gateway.authority: who \
                 runs both relay and gateway sees who asks and what is asked; let relays of other operators in",
                names.len()
            )
        })
    }
}

/// Whether a name of a certificate is that of a host; a wildcard stands for one label.
fn is_for(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => name.eq_ignore_ascii_case(host),
    }
}
