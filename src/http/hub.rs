//! What handlers share.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use restante_process::{Expiry, export::ExportCounts};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::{
    Problem, Upstream,
    metrics::{Expose, Requests},
};
use crate::{
    service::{Act, Service, UserId},
    wire::{GroupId, ServiceProviderId},
};

/// What a [`Hub`] is made of.
pub struct HubParts {
    /// The use cases.
    pub service: Arc<Service>,
    /// The way to other hubs.
    pub upstream: Upstream,
    /// What may change.
    pub settings: HubSettings,
    /// Bytes of request bodies that may be held at once, over all listeners.
    pub in_flight_bytes_max: usize,
    /// The certificates of listeners, by their tables.
    pub certificates: Vec<(&'static str, Expiry)>,
}

/// What an operator changes while the hub runs.
#[derive(Clone)]
pub struct HubSettings {
    /// Who may use the provider listener.
    pub peers: BTreeSet<ServiceProviderId>,
    /// What the local listener asks for; nobody may use it without.
    pub service_token: Option<zeroize::Zeroizing<String>>,
    /// The longest body of a request, in bytes.
    pub request_bytes_max: usize,
    /// How long a request may take to send its body.
    pub body_timeout: Duration,
}

impl std::fmt::Debug for HubSettings {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("HubSettings").field("peers", &self.peers.len()).finish_non_exhaustive()
    }
}

/// [`HubSettings`] as they are asked for.
struct Settings {
    peers: BTreeSet<ServiceProviderId>,
    /// SHA-256, so that tokens of any length compare in the same time.
    service_token: Option<[u8; 32]>,
    request_bytes_max: usize,
    body_timeout: Duration,
}

impl From<HubSettings> for Settings {
    fn from(settings: HubSettings) -> Self {
        let HubSettings { peers, service_token, request_bytes_max, body_timeout } = settings;
        let service_token = service_token.map(|token| Sha256::digest(token.as_bytes()).into());
        Self { peers, service_token, request_bytes_max, body_timeout }
    }
}

/// The service and what stands around it.
pub struct Hub {
    pub(super) service: Arc<Service>,
    pub(super) upstream: Upstream,
    settings: RwLock<Settings>,
    /// In steps of [`super::body::STEP_BYTES`].
    pub(super) body_steps: Arc<Semaphore>,
    draining: AtomicBool,
    /// What was asked, in numbers.
    pub(super) requests: Requests,
    body_steps_max: usize,
    remarks: RwLock<Vec<&'static str>>,
    exports: ExportCounts,
    certificates: Vec<(&'static str, Expiry)>,
}

impl Hub {
    /// Puts the parts together.
    pub fn new(parts: HubParts) -> Self {
        let steps = (parts.in_flight_bytes_max / super::body::STEP_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            service: parts.service,
            upstream: parts.upstream,
            settings: RwLock::new(parts.settings.into()),
            body_steps: Arc::new(Semaphore::new(steps)),
            draining: AtomicBool::new(false),
            requests: Requests::default(),
            body_steps_max: steps,
            remarks: RwLock::default(),
            exports: ExportCounts::default(),
            certificates: parts.certificates,
        }
    }

    /// Has a part's own numbers stand behind the hub's in `/metrics`.
    pub fn expose_also(&self, others: Box<Expose>) {
        self.requests.expose_also(others);
    }

    /// Where exports of the hub's numbers are counted.
    pub fn exports(&self) -> &ExportCounts {
        &self.exports
    }

    /// When the certificate of each listener expires, in seconds since 1970.
    pub(super) fn expiries(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.certificates.iter().map(|(listener, expiry)| (*listener, expiry.timestamp_seconds()))
    }

    /// How many peers there are.
    pub(super) fn peers(&self) -> usize {
        self.settings().peers.len()
    }

    /// How many bytes of request bodies are in memory, in whole steps.
    pub(super) fn body_bytes(&self) -> u64 {
        let steps = self.body_steps_max.saturating_sub(self.body_steps.available_permits());
        (steps as u64).saturating_mul(super::body::STEP_BYTES as u64)
    }

    /// Fails readiness from now on and answers waiting receives.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.service.stop_waiting();
    }

    /// What the operator reads below the first line of `/readyz` from now on: what is wrong, and no reason to go elsewhere.
    pub fn remark(&self, sentences: Vec<&'static str>) {
        *self.remarks.write().unwrap_or_else(PoisonError::into_inner) = sentences;
    }

    pub(super) fn remarks(&self) -> Vec<&'static str> {
        self.remarks.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Asked for every request, so that a changed list takes effect at once.
    pub(super) fn is_peer(&self, id: &ServiceProviderId) -> bool {
        id != self.service.provider() && self.settings().peers.contains(id)
    }

    /// The longest body of a request, in bytes.
    pub(super) fn request_bytes_max(&self) -> usize {
        self.settings().request_bytes_max
    }

    /// How long a request may take to send its body.
    pub(super) fn body_timeout(&self) -> Duration {
        self.settings().body_timeout
    }

    /// Asks every request from now on by these.
    pub fn reconfigure(&self, settings: HubSettings) {
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings.into();
    }

    fn settings(&self) -> RwLockReadGuard<'_, Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The hub of a group, when it is another than this one.
    pub(super) fn other_hub(&self, group_id: &[u8]) -> Option<GroupId> {
        GroupId::parse(group_id).filter(|id| id.hub() != self.service.provider())
    }

    /// Whether one of our users may do that in the group, whatever hub it has.
    pub(super) fn admit(&self, user: &UserId, group_id: &[u8], act: Act) -> Result<(), Problem> {
        let other = self.other_hub(group_id);
        let hub = other.as_ref().map_or(self.service.provider(), GroupId::hub);
        Ok(self.service.admit(user, hub, act)?)
    }

    pub(super) fn is_service_token(&self, token: &[u8]) -> bool {
        let shown: [u8; 32] = Sha256::digest(token).into();
        self.settings().service_token.is_some_and(|expected| expected.ct_eq(&shown).into())
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hub").field("draining", &self.draining).finish_non_exhaustive()
    }
}
