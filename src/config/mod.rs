//! What the operator decides: the tables of the configuration file, the layers above it, and their checks.
//!
//! Layers, weakest first: the file, environment variables (`RESTANTE_LOCAL__LISTEN`), `--set local.listen=…`.
//! Whoever holds a [`Config`] from [`Config::load`] holds one whose names, addresses and files were checked;
//! what only an open socket or database can tell is left to those who open them.
//!
//! This module opens no socket and no database, writes nothing, and keeps no secret: a [`Config`] holds the paths
//! of secret files, and [`Local::read_service_token`] reads one for the caller who needs it.
//!
//! It implements the configuration part of `specs/http.md`.
//!
//! # Privacy
//! Its errors name paths, ids and addresses. They are for the operator's terminal, never for the log.

mod budgets;
mod certificate;
mod changes;
mod files;
mod limits;
mod policy;
#[cfg(test)]
mod tests;
mod warnings;
mod written;

use std::{collections::BTreeSet, net::SocketAddr, num::NonZeroU32, path::PathBuf, time::SystemTime};

pub use certificate::{CertificateFault, dns_name_of};
pub use changes::Changes;
pub(crate) use files::restoring;
pub use limits::Limits;
pub use policy::{GroupInfoAccess, Hints, Policy};
use restante_process::config::{Layers, Program, read_token};
pub use restante_process::config::{LocalAddress, Problems, Sources};
use restante_process::export::ExportSettings;
use zeroize::Zeroizing;

use crate::wire::ServiceProviderId;
use written::{OfProvider, OfPublic, OfStore, Parsed, Written};

/// The sample file: every table and key, with defaults in comments. `restante config example` prints it.
pub const EXAMPLE: &str = include_str!("../../config/hub.toml");

/// How the program calls its settings.
const PROGRAM: Program = Program {
    name: "restante",
    sample: "hub.toml",
    prefix: "RESTANTE_",
    siblings: &["RESTANTE_GATEWAY_", "RESTANTE_RELAY_"],
    table: "provider",
    others: &[("restante-relay", "relay"), ("restante-gateway", "gateway")],
};

/// Everything that the operator configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `[provider]`: who we are, and the listener for other providers.
    pub provider: Provider,
    /// `[public]`: the gateway that answers KeyPackage fetches; off when the table is absent.
    pub public: Option<Public>,
    /// `[local]`: the listener for our own service; off when the table is absent.
    pub local: Option<Local>,
    /// `[store]`: where the database is.
    pub store: Store,
    /// `[export]`: where metrics are pushed; off when the table is absent.
    pub export: Option<ExportSettings>,
    /// `[limits]`: sizes, times and numbers of the transport.
    pub limits: Limits,
    /// `[policy]`: budgets and times of sequencing.
    pub policy: Policy,
    /// `[[peers]]`: the providers that we talk to. No id twice, never our own.
    pub peers: Vec<Peer>,
}

/// `[provider]`: our identity among providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Our name, the only dNSName of our certificate.
    pub id: ServiceProviderId,
    /// Where other providers connect (mutual TLS); off unless configured. Port 0 lets the system choose.
    pub listen: Option<SocketAddr>,
    /// PEM: our certificate, then its intermediates. Used as a server and as a client.
    pub cert_file: PathBuf,
    /// PEM: the private key of that certificate.
    pub key_file: PathBuf,
    /// PEM: the certificate authorities that peers' certificates must come from.
    pub ca_file: PathBuf,
    /// Whether other hubs are asked to push what our users wait for. Everything works without.
    pub push: bool,
}

/// `[public]`: the listener for relays, with the Oblivious HTTP gateway behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public {
    /// Where relays connect (TLS). Port 0 lets the system choose.
    pub listen: SocketAddr,
    /// PEM: the certificate for our provider id, from an authority that clients and relays trust.
    pub cert_file: PathBuf,
    /// PEM: the private key of that certificate.
    pub key_file: PathBuf,
    /// The relays that have a budget each. All others share one, with or without a certificate.
    pub relays: Option<Relays>,
    /// The folder of the gateway's keys, made on the first start.
    pub keys_path: PathBuf,
    /// The key that they are sealed under, made on the first start.
    pub seal_key_file: PathBuf,
    /// Whether there are hybrid keys (X-Wing) beside those of X25519.
    pub x_wing: bool,
    /// Requests of one known relay for each second, in the long run.
    pub requests_per_second_and_relay: NonZeroU32,
    /// The same for all other relays together.
    pub requests_per_second_of_others: NonZeroU32,
}

/// `public.relay_ca_file` and `public.relays`: who has a budget of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relays {
    /// PEM: the authorities that their certificates come from.
    pub ca_file: PathBuf,
    /// The only dNSNames of their certificates; at least one.
    pub names: BTreeSet<ServiceProviderId>,
}

impl Public {
    const EACH_RELAY: NonZeroU32 = NonZeroU32::new(500).expect("not zero");
    const OTHERS: NonZeroU32 = NonZeroU32::new(5).expect("not zero");
}

/// `[local]`: the listener for the provider's own service, never for its users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Local {
    /// Loopback or a unix socket: this listener has no TLS.
    pub listen: LocalAddress,
    /// A file with the token that the service presents.
    pub service_token_file: PathBuf,
}

impl Local {
    /// Reads the service token, without the white space around it.
    ///
    /// # Errors
    /// One complete sentence: the file cannot be read, can be read by everybody, or holds no usable token.
    pub fn read_service_token(&self) -> Result<Zeroizing<String>, Problems> {
        read_token(&self.service_token_file).map_err(|sentence| Problems::one("local.service_token_file", sentence))
    }
}

/// `[store]`: the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    /// Its folder, made on the first start.
    pub path: PathBuf,
    /// The folder of this database's backups; without one none can be made.
    pub backup_path: Option<PathBuf>,
    /// How many backups are kept.
    pub backups_kept: NonZeroU32,
    /// Memory in which parts of the database are kept at hand, in bytes.
    pub cache_bytes: usize,
}

impl Store {
    const BACKUPS_KEPT: NonZeroU32 = NonZeroU32::new(7).expect("not zero");
    const CACHE_BYTES: usize = 256 * 1024 * 1024;
    /// It is in many pieces, and a block for which its piece is too small is read from its file each time.
    const CACHE_BYTES_MIN: usize = 8 * 1024 * 1024;
    /// More memory than a machine has.
    const CACHE_BYTES_MAX: u64 = 1 << 40;
}

/// One of `[[peers]]`: a provider that may connect to us, and where we connect to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its name: the only dNSName of the certificate that it must present.
    pub id: ServiceProviderId,
    /// `https`, a host, perhaps a port, no path. The host may differ from the id; the certificate may not.
    pub url: http::Uri,
}

impl Config {
    /// Reads all layers and checks everything that can be known without opening a socket or the database. `now` is
    /// what certificates must be valid at.
    ///
    /// # Errors
    /// All problems at once, each with the place that it comes from and what to do about it.
    pub fn load(sources: &Sources<'_>, now: SystemTime) -> Result<Self, Problems> {
        Self::read(sources, now, false)
    }

    /// As [`Self::load`], for a process that is to serve: it must be able to write to its folders as well. A reload does not
    /// ask for that.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn load_to_serve(sources: &Sources<'_>, now: SystemTime) -> Result<Self, Problems> {
        Self::read(sources, now, true)
    }

    fn read(sources: &Sources<'_>, now: SystemTime, serves: bool) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let Some(mut layers) = Layers::<Written>::read(PROGRAM, sources, &mut problems) else { return Err(problems) };
        let Some(written) = layers.extract(&mut problems) else { return Err(problems) };
        let parsed = written.parse(&layers, &mut problems);
        let place = |key: &str| layers.place(key);
        files::check_provider(&parsed.of_provider, now, &place, &mut problems);
        files::check_public(&parsed.of_public, &parsed.of_provider, now, &place, &mut problems);
        if let Some(public) = &parsed.public {
            files::check_budgets(public, &place, &mut problems);
        }
        if let Some(local) = &parsed.local {
            files::check_local(local, &place, &mut problems);
        }
        files::check_store(&parsed.of_store, &place, &mut problems);
        files::check_apart(&parsed.of_store, &parsed.of_public, &place, &mut problems);
        if serves {
            files::check_writing(&parsed.of_store, &parsed.of_public, &place, &mut problems);
        }
        let Parsed { of_provider, of_public, local, .. } = &parsed;
        written::check_addresses(of_provider, of_public, local.as_ref(), &place, &mut problems);
        if let Some(export) = &parsed.export {
            files::check_export(export, &place, &mut problems);
        }
        parsed.limits.check(&place, &mut problems);
        parsed.policy.check(&place, &mut problems);
        parsed.policy.check_inboxes(&parsed.limits, &place, &mut problems);
        match (parsed.provider, parsed.store) {
            (Some(provider), Some(store)) if problems.is_empty() => Ok(Self {
                provider,
                public: parsed.public,
                local: parsed.local,
                store,
                export: parsed.export,
                limits: parsed.limits,
                policy: parsed.policy,
                peers: parsed.peers,
            }),
            _ => Err(problems),
        }
    }

    /// The same checks for a configuration that was built in code.
    ///
    /// # Errors
    /// All problems at once.
    pub fn check(&self, now: SystemTime) -> Result<(), Problems> {
        let mut problems = Problems::default();
        let place = str::to_owned;
        let of_provider = OfProvider::from(&self.provider);
        let of_public = self.public.as_ref().map(OfPublic::from).unwrap_or_default();
        files::check_provider(&of_provider, now, &place, &mut problems);
        files::check_public(&of_public, &of_provider, now, &place, &mut problems);
        if let Some(public) = &self.public {
            files::check_budgets(public, &place, &mut problems);
        }
        if let Some(local) = &self.local {
            if let Err(sentence) = local.listen.check() {
                problems.add(place("local.listen"), sentence);
            }
            files::check_local(local, &place, &mut problems);
        }
        let of_store = OfStore::from(&self.store);
        files::check_store(&of_store, &place, &mut problems);
        files::check_apart(&of_store, &of_public, &place, &mut problems);
        if let Some(export) = &self.export {
            files::check_export(export, &place, &mut problems);
        }
        self.limits.check(&place, &mut problems);
        self.policy.check(&place, &mut problems);
        self.policy.check_inboxes(&self.limits, &place, &mut problems);
        written::check_peers(Some(&self.provider.id), &self.peers, &place, &mut problems);
        for (index, peer) in self.peers.iter().enumerate() {
            if let Err(sentence) = written::check_url(&peer.url) {
                problems.add(place(&format!("peers.{index}.url")), sentence);
            }
        }
        written::check_listeners(self.provider.listen.is_some(), self.local.is_some(), &place, &mut problems);
        written::check_addresses(&of_provider, &of_public, self.local.as_ref(), &place, &mut problems);
        problems.into_result()
    }

    /// How many listeners there are.
    pub(crate) fn listeners(&self) -> usize {
        [self.provider.listen.is_some(), self.public.is_some(), self.local.is_some()].into_iter().map(usize::from).sum()
    }

    /// What is allowed but will hurt: a certificate about to expire, too few files that the process may open.
    /// Sentences with numbers only, fit for the log.
    pub fn warnings(&self, now: SystemTime) -> Vec<String> {
        warnings::of(self, now)
    }
}
