//! Taking over a new configuration while everything runs: certificates, peers, the service token, the policy and what
//! of the limits can be changed. All of it or nothing: whatever can be refused is refused before the first thing changes.
//!
//! # Privacy
//! The log says which settings changed, or have files of other contents, by their names, and never what they are. What
//! is wrong with a configuration names files and providers, and standard error of a service is its log: that says how
//! many mistakes there are, and in which tables. Whoever asks `config check` by hand is told.

use std::{
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use restante_process::{
    Tls, TlsError,
    export::{Collector, CollectorError, Export},
};

use super::{ProvidersError, contents::Contents, limits, policies, provider_tls, providers, public};
use crate::{
    client::http::ProviderClient,
    config::{Changes, Config, Problems},
    http::{Hub, HubSettings},
    service::{Clock, Service, SystemClock},
};

/// Reads the configuration again, from where the first one came. Called where blocking is allowed.
pub type Load = Arc<dyn Fn() -> Result<Config, Problems> + Send + Sync>;

/// Why a new configuration was not taken.
#[derive(Debug, thiserror::Error)]
enum Refused {
    /// It is wrong.
    #[error("it is wrong, with {}: `restante config check` says how", mistakes(.0))]
    Config(Problems),
    /// It is that of another provider.
    #[error("provider.id is another: that is another provider, with a process and a database of its own")]
    OtherProvider,
    /// It is fine; but with what only a restart takes over being as it is, it is not.
    #[error("what it changes without a restart does not fit what it changes with one, with {}: restart", mistakes(.0))]
    NotWithoutRestart(Problems),
    /// Certificates.
    #[error("the certificates of a listener cannot be used: `restante config check` says more")]
    Tls(#[from] TlsError),
    /// Certificates, on the way to others.
    #[error("the certificates or peers cannot be used: `restante config check` says more")]
    Providers(#[from] ProvidersError),
    /// Certificates or credentials for the collector.
    #[error("the way to the collector of metrics cannot be used: `restante config check` says more")]
    Export(#[from] CollectorError),
    /// A bug.
    #[error("it could not be read to its end")]
    NoThread,
}

/// The tables of a configuration: the only words of it that are logged when it is wrong.
const TABLES: [&str; 8] = ["provider", "public", "local", "store", "export", "limits", "policy", "peers"];

/// How many mistakes there are, and where.
fn mistakes(problems: &Problems) -> String {
    let plural = if problems.len() == 1 { "" } else { "s" };
    let mut sentence = format!("{} mistake{plural}", problems.len());
    for (index, table) in problems.tables(&TABLES).into_iter().enumerate() {
        sentence.push_str(if index == 0 { " in " } else { ", " });
        sentence.push_str(table);
    }
    sentence
}

/// What is to be told of a new configuration, and what it is told to.
pub(super) struct Reloading {
    pub(super) config: Config,
    pub(super) contents: Contents,
    pub(super) load: Load,
    pub(super) hub: Arc<Hub>,
    pub(super) service: Arc<Service>,
    pub(super) providers: ProviderClient,
    pub(super) export: Export,
    /// Of the listeners that are there.
    pub(super) provider_tls: Option<Tls>,
    pub(super) public_tls: Option<Tls>,
}

/// Everything that was read, and nothing taken over yet.
struct Ready {
    config: Config,
    contents: Contents,
    changes: Changes,
    hub: HubSettings,
    providers: ProviderClient,
    collector: Option<Collector>,
    provider_tls: Option<Tls>,
    public_tls: Option<Tls>,
}

impl Reloading {
    /// Takes over a new configuration, or says in the log why not. Whether it did.
    pub(super) async fn reload(&mut self) -> bool {
        let (old, load) = (self.config.clone(), self.load.clone());
        let read = tokio::task::spawn_blocking(move || Ready::read(&old, &load)).await;
        match read.unwrap_or(Err(Refused::NoThread)) {
            Ok(ready) => {
                self.take(ready);
                true
            }
            Err(reason) => {
                tracing::error!(%reason, "the new configuration was not taken, and the old one stays");
                false
            }
        }
    }

    /// Nothing here can fail.
    fn take(&mut self, ready: Ready) {
        let Ready { config, contents, changes, hub, providers, collector, provider_tls, public_tls } = ready;
        for (running, read) in [(&self.provider_tls, provider_tls), (&self.public_tls, public_tls)] {
            if let (Some(running), Some(read)) = (running, read) {
                running.adopt(&read);
            }
        }
        self.providers.adopt(&providers);
        self.export.adopt(collector);
        self.hub.reconfigure(hub);
        self.service.reconfigure(
            policies::policy(&config),
            policies::pool_policy(&config),
            limits::of_service(&config),
        );
        let mut changed = changes.taken;
        for setting in contents.changed_since(&self.contents) {
            if !changed.contains(&setting) {
                changed.push(setting);
            }
        }
        tracing::info!(peers = config.peers.len(), changed = %changed.join(", "), "reloaded");
        if !changes.left.is_empty() {
            tracing::warn!(settings = %changes.left.join(", "), "these settings were changed, and need a restart");
        }
        config.warnings(now()).iter().for_each(|sentence| tracing::warn!("{sentence}"));
        self.config = config;
        self.contents = contents;
    }
}

impl Ready {
    fn read(old: &Config, load: &Load) -> Result<Self, Refused> {
        let new = load().map_err(Refused::Config)?;
        if new.provider.id != old.provider.id {
            return Err(Refused::OtherProvider);
        }
        let (config, changes) = new.reloaded_over(old);
        if !changes.left.is_empty() {
            config.check(now()).map_err(Refused::NotWithoutRestart)?;
        }
        let has_provider = config.provider.listen.is_some();
        // As at the start: before they are read to be used.
        let contents = Contents::read(&config);
        Ok(Self {
            hub: super::hub_settings(&config).map_err(Refused::Config)?,
            providers: providers::client(&config)?,
            collector: config.export.as_ref().map(Collector::read).transpose()?,
            provider_tls: has_provider.then(|| provider_tls(&config)).transpose()?,
            public_tls: config.public.as_ref().map(public::tls).transpose()?,
            contents,
            config,
            changes,
        })
    }
}

/// What certificates are to be valid at.
fn now() -> std::time::SystemTime {
    UNIX_EPOCH + Duration::from_millis(SystemClock.now())
}
