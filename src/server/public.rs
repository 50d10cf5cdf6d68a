//! The gateway in front of KeyPackage fetches: its keys, what it remembers, and the service that the listener serves.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use restante_gateway::{
    Gateway, Keyring, KeyringError, Machine, Policy, RelayIdentity, ReplayMark, ReplayWindow, RotationSchedule,
    Surroundings, Target, WELL_KNOWN,
};
use restante_process::{Clients, Identify, Tls, TlsError};
use tokio::sync::watch;

use crate::{
    config,
    http::KeyPackageTarget,
    pool,
    service::{AnsweredRequests, Service},
    wire::ServiceProviderId,
};

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
    let clients = public.relays.as_ref().map_or(Clients::Unknown, |relays| Clients::Known(&relays.ca_file));
    Tls::read(&public.cert_file, &public.key_file, clients)
}

/// What the log calls a request: there is one resource. What is inside of requests is not seen here.
pub(super) fn route(_: &::http::Method, uri: &::http::Uri) -> &'static str {
    if uri.path() == WELL_KNOWN { "gateway" } else { "other" }
}

/// A relay is known by the one name in its certificate, if the operator listed it. Whatever else the authority signed
/// for is one of the others.
pub(super) fn identify(public: &config::Public) -> Identify {
    let Some(config::Relays { names, .. }) = public.relays.clone() else { return Identify::nobody() };
    Identify::by(move |certificate| known(&names, certificate.map(AsRef::as_ref)))
}

fn known(names: &BTreeSet<ServiceProviderId>, certificate: Option<&[u8]>) -> Option<RelayIdentity> {
    let name = config::dns_name_of(certificate?).ok()?;
    names.contains(&name).then(|| RelayIdentity(name.as_str().into()))
}

/// By then every mark of a request has lapsed that anybody has answered until now: its date may be a window ahead, is
/// good for another, and the mark lapses a millisecond after the last at which it is.
pub(super) fn last_mark_ms(now_ms: u64) -> u64 {
    let window = Policy::default().date_window.as_millis();
    now_ms.saturating_add(u64::try_from(2 * window).unwrap_or(u64::MAX)).saturating_add(1)
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
    let policy = public.gateway_policy();
    let target = Marked(KeyPackageTarget::new(service.clone()));
    let class = KeyPackageTarget::response_class;
    let gateway = Gateway::new(target, allowed, class, keyring.clone(), policy, Arc::new(Machine));
    gateway.replays().distrust(answered.forgotten_ms);
    let marks = answered.marks.into_iter().map(|mark| ReplayMark { digest: mark.digest, expires_ms: mark.expires_ms });
    let restored = gateway.replays().restore(marks, Machine.now_ms());
    tracing::info!(restored, "gateway opened");
    let refused_ms = refused_ms(&gateway.replays(), Machine.now_ms());
    if refused_ms > 0 {
        let seconds = refused_ms.div_ceil(1000);
        tracing::warn!(seconds, "the gateway refuses requests for now: copies of earlier ones would not be recognised");
    }
    gateway
}

/// For how long requests that are dated now are still refused, since nobody could tell whether they are copies.
pub(super) fn refused_ms(replays: &ReplayWindow, now_ms: u64) -> u64 {
    let window_ms = u64::try_from(Policy::default().date_window.as_millis()).unwrap_or(u64::MAX);
    replays.forgotten_ms().saturating_sub(now_ms.saturating_add(window_ms))
}

/// Keeps the keys fresh until the end, and says in `fails` whether they cannot be: those in use stay then.
pub(super) async fn keep_fresh(keyring: Arc<Keyring>, fails: Arc<AtomicBool>, mut stopping: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(keyring.rest(Machine.now_ms())) => {}
            _ = stopping.wait_for(|ends| *ends) => return,
        }
        let refreshed = {
            let keyring = keyring.clone();
            tokio::task::spawn_blocking(move || keyring.refresh(&Machine)).await
        };
        fails.store(!matches!(refreshed, Ok(Ok(()))), Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A request that was answered just before the database was lost, dated as far ahead as is allowed: no copy of it
    /// passes, at no moment.
    #[test]
    fn the_last_mark_of_a_lost_database_is_refused_to_its_end() {
        let (now_ms, window_ms) = (1_000_000, 120_000);
        let replays = restante_gateway::ReplayWindow::new(10);
        replays.distrust(last_mark_ms(now_ms));
        let last = ReplayMark { digest: [1; 32], expires_ms: now_ms + window_ms + window_ms + 1 };
        for passed_ms in [0, 1, window_ms, 2 * window_ms] {
            assert!(replays.admit(last, now_ms + passed_ms).is_err(), "{passed_ms}");
        }
        let next = ReplayMark { digest: [2; 32], expires_ms: last.expires_ms + 1 };
        assert_eq!(replays.admit(next, now_ms), Ok(()), "and no more than that");
    }

    /// Relays ask some seconds after the time at which the list was to change.
    #[tokio::test]
    async fn the_list_changes_when_it_is_due_and_not_a_minute_later() {
        let folder = tempfile::TempDir::new().unwrap();
        let schedule =
            RotationSchedule { life_ms: 60_000, publish_ahead_ms: 58_500, accept_after_ms: 1_000, x_wing: false };
        let (keys, seal_key) = (folder.path().join("keys"), folder.path().join("seal-key"));
        let keyring = Arc::new(Keyring::open(&keys, &seal_key, schedule, &Machine).unwrap());
        let before = keyring.live().list().clone();
        let (stop, stopping) = watch::channel(false);
        let fails = Arc::new(AtomicBool::new(true));
        let fresh = tokio::spawn(keep_fresh(keyring.clone(), fails.clone(), stopping));
        let changed = async {
            // A keyring tells nobody that it has changed.
            while keyring.live().list() == &before {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), changed).await.expect("seconds after it was due");
        assert_eq!(keyring.live().list().len(), 2 * before.len());
        // Told right after the list has changed, and the list changes once a minute.
        let told = async {
            while fails.load(Ordering::Relaxed) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), told).await.expect("as soon as it is written");
        stop.send_replace(true);
        fresh.await.unwrap();
    }

    #[test]
    fn only_listed_relays_are_known() {
        let certificate = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            rcgen::generate_simple_self_signed(names).unwrap().cert.der().to_vec()
        };
        let names = BTreeSet::from(["relay.example".parse().unwrap()]);
        let known = |certificate: Option<&[u8]>| known(&names, certificate);
        assert_eq!(known(Some(&certificate(&["relay.example"]))), Some(RelayIdentity("relay.example".into())));
        for stranger in [&["another.example"][..], &["relay.example", "another.example"], &["*.example"], &[]] {
            assert_eq!(known(Some(&certificate(stranger))), None, "{stranger:?}");
        }
        assert_eq!(known(None), None);
        assert_eq!(known(Some(b"no certificate")), None);
    }
}
