//! What the operator decides: the tables of the configuration file, the layers above it, and their checks.
//!
//! Layers, weakest first: the file, environment variables (`RESTANTE_RELAY_RELAY__LISTEN`), `--set relay.listen=…`.
//! Whoever holds a [`Config`] from [`Config::load`] holds one whose names, addresses and files were checked.
//!
//! # Privacy
//! Its errors name paths, providers and addresses. They are for the operator's terminal, never for the log.

mod files;
mod limits;
#[cfg(test)]
mod tests;
mod written;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time::SystemTime};

pub use limits::Limits;
use restante_process::{
    config::{LocalAddress, Problems, Program, Sources, expires_soon},
    export::ExportSettings,
    too_few_files,
};
use written::Layers;

use crate::{gateway::Gateway, provider_id::ProviderId};

/// The sample file: every table and key, with defaults in comments. `restante-relay config example` prints it.
pub const EXAMPLE: &str = include_str!("../../../config/relay.toml");

const PROGRAM: Program = Program {
    name: "restante-relay",
    sample: "relay.toml",
    prefix: "RESTANTE_RELAY_",
    siblings: &[],
    table: "relay",
    others: &[("restante", "provider"), ("restante-gateway", "gateway")],
};

/// Everything that the operator configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `relay.listen`: where users connect, with TLS.
    pub listen: SocketAddr,
    /// `relay.cert_file`: PEM, the relay's certificate, then its intermediates.
    pub cert_file: PathBuf,
    /// `relay.key_file`: PEM, its private key.
    pub key_file: PathBuf,
    /// `relay.tokens_file`: hashes of the users' tokens.
    pub tokens_file: PathBuf,
    /// `relay.state_path`: the folder of key lists and their logs, made on the first start.
    pub state_path: PathBuf,
    /// `relay.operator`: providers that the relay's operator runs. No gateway is one of theirs.
    pub operator: BTreeSet<ProviderId>,
    /// `admin.listen`: health and metrics, off unless configured.
    pub admin: Option<LocalAddress>,
    /// `[export]`: where metrics are pushed; off when the table is absent.
    pub export: Option<ExportSettings>,
    /// `[limits]`.
    pub limits: Limits,
    /// `[[gateways]]`: where requests may go. No provider twice.
    pub gateways: Vec<Gateway>,
}

impl Config {
    /// Reads all layers and checks everything that can be known without opening a socket. `now` is what certificates
    /// must be valid at.
    ///
    /// # Errors
    /// All problems at once, each with the place that it comes from and what to do about it.
    pub fn load(sources: &Sources<'_>, now: SystemTime) -> Result<Self, Problems> {
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

    /// Where key lists and their logs are.
    pub(crate) fn keys_folder(&self) -> PathBuf {
        self.state_path.join("keys")
    }

    /// How many listeners there are.
    pub(crate) fn listeners(&self) -> usize {
        1 + usize::from(self.admin.is_some())
    }

    /// What is allowed but will hurt later. Sentences with numbers only, fit for the log.
    pub fn warnings(&self, now: SystemTime) -> Vec<String> {
        let identities = self.gateways.iter().enumerate().filter_map(|(index, gateway)| {
            let files = gateway.identity.as_ref()?;
            expires_soon(&format!("gateways[{index}].cert_file"), &files.cert_file, now)
        });
        let own = expires_soon("relay.cert_file", &self.cert_file, now);
        [too_few_files(self.limits.connections_max, self.listeners()), own]
            .into_iter()
            .flatten()
            .chain(identities)
            .collect()
    }
}
