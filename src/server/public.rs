//! The gateway in front of KeyPackage fetches: its keys, what it remembers, and the service that the listener serves.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use restante_gateway::{
    Gateway, Keyring, KeyringError, Machine, Policy, Rate, RelayIdentity, ReplayMark, RotationSchedule, Surroundings,
    Target, WELL_KNOWN,
};
use restante_process::{Clients, Identify, Tls, TlsError, config::dns_name_of};
use tokio::sync::watch;

use crate::{
    config,
    http::KeyPackageTarget,
    pool,
    service::{AnsweredRequests, Service},
    wire::ServiceProviderId,
};

/// How often the keys are looked at: what the operator's commands or the schedule have changed is published by then.
const REFRESH_INTERVAL: Duration = Duration::from_secs(60);

/// What the public listener serves.
pub(super) type PublicService = Gateway<Marked>;

/// The keys of `[public]`, made if there are none. Blocks.
///
/// # Errors
/// [`KeyringError`]
pub fn open_keyring(public: &config::Public) -> Result<Keyring, KeyringError> {
    Keyring::open(&public.keys_path, &public.seal_key_file, schedule(public), &Machine)
}

/// The keys of `[public]` as a table for people, read and left as they are. Blocks.
///
/// # Errors
/// [`KeyringError`]
pub fn keyring_table(public: &config::Public) -> Result<Vec<String>, KeyringError> {
    Keyring::table_of(&public.keys_path, &public.seal_key_file, &schedule(public), Machine.now_ms())
}

fn schedule(public: &config::Public) -> RotationSchedule {
    RotationSchedule { x_wing: public.x_wing, ..RotationSchedule::default() }
}

/// TLS, with the certificates of relays that have one.
pub(super) fn tls(public: &config::Public) -> Result<Tls, TlsError> {
    let clients = public.relay_ca_file.as_deref().map_or(Clients::Unknown, Clients::Known);
    Tls::read(&public.cert_file, &public.key_file, clients)
}

/// What the log calls a request: there is one resource. What is inside of requests is not seen here.
pub(super) fn route(_: &::http::Method, uri: &::http::Uri) -> &'static str {
    if uri.path() == WELL_KNOWN { "gateway" } else { "other" }
}

/// A relay is known by the name in its certificate.
pub(super) fn identify() -> Identify {
    Identify::by(|certificate| {
        let name = dns_name_of(certificate?).ok()?;
        Some(RelayIdentity(name.into()))
    })
}

/// Makes the gateway. Requests that were answered before a restart are known.
pub(super) fn gateway(
    public: &config::Public,
    provider: &ServiceProviderId,
    service: &Arc<Service>,
    keyring: &Arc<Keyring>,
    answered: AnsweredRequests,
) -> PublicService {
    let allowed = Target { authority: provider.to_string(), routes: KeyPackageTarget::routes() };
    let policy = Policy {
        each_relay: rate(public.requests_per_second_and_relay),
        others_together: rate(public.requests_per_second_of_others),
        ..Policy::default()
    };
    let target = Marked(KeyPackageTarget::new(service.clone()));
    let class = KeyPackageTarget::response_class;
    let gateway = Gateway::new(target, allowed, class, keyring.clone(), policy, Arc::new(Machine));
    gateway.replays().distrust(answered.forgotten_ms);
    let marks = answered.marks.into_iter().map(|mark| ReplayMark { digest: mark.digest, expires_ms: mark.expires_ms });
    let restored = gateway.replays().restore(marks, Machine.now_ms());
    tracing::info!(restored, "gateway opened");
    gateway
}

/// Twice a second's requests may come at once.
fn rate(per_second: NonZeroU32) -> Rate {
    Rate { per_second, burst: per_second.saturating_mul(NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN)) }
}

/// Keeps the keys fresh until the end.
pub(super) async fn keep_fresh(keyring: Arc<Keyring>, mut stopping: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(REFRESH_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.wait_for(|ends| *ends) => return,
        }
        let refreshed = {
            let keyring = keyring.clone();
            tokio::task::spawn_blocking(move || keyring.refresh(&Machine)).await
        };
        if !matches!(refreshed, Ok(Ok(()))) {
            tracing::error!("the gateway's keys cannot be read or written: those in use stay, none will follow them");
        }
    }
}

/// Translates the gateway's mark into the pool's: neither crate knows the other.
#[derive(Clone, Debug)]
pub(super) struct Marked(KeyPackageTarget);

impl tower::Service<http::Request<bytes::Bytes>> for Marked {
    type Response = http::Response<bytes::Bytes>;
    type Error = std::convert::Infallible;
    type Future = <KeyPackageTarget as tower::Service<http::Request<bytes::Bytes>>>::Future;

    fn poll_ready(&mut self, context: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        tower::Service::poll_ready(&mut self.0, context)
    }

    fn call(&mut self, mut request: http::Request<bytes::Bytes>) -> Self::Future {
        if let Some(ReplayMark { digest, expires_ms }) = request.extensions_mut().remove::<ReplayMark>() {
            request.extensions_mut().insert(pool::ReplayMark { digest, expires_ms });
        }
        self.0.call(request)
    }
}
