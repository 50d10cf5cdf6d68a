//! What handlers share.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

use super::{Problem, Upstream};
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
    /// Who may use the provider listener.
    pub peers: BTreeSet<ServiceProviderId>,
    /// What the local listener asks for; nobody may use it without.
    pub service_token: Option<zeroize::Zeroizing<String>>,
    /// The longest body of a request, in bytes.
    pub request_bytes_max: usize,
    /// Bytes of request bodies that may be held at once, over all listeners.
    pub in_flight_bytes_max: usize,
    /// How long a request may take to send its body.
    pub body_timeout: Duration,
}

/// The service and what stands around it.
pub struct Hub {
    pub(super) service: Arc<Service>,
    pub(super) upstream: Upstream,
    pub(super) request_bytes_max: usize,
    pub(super) body_timeout: Duration,
    /// In steps of [`super::body::STEP_BYTES`].
    pub(super) body_steps: Arc<Semaphore>,
    peers: RwLock<BTreeSet<ServiceProviderId>>,
    /// SHA-256, so that tokens of any length compare in the same time.
    service_token: Option<[u8; 32]>,
    draining: AtomicBool,
    remarks: RwLock<Vec<&'static str>>,
}

impl Hub {
    /// Puts the parts together.
    pub fn new(parts: HubParts) -> Self {
        let steps = (parts.in_flight_bytes_max / super::body::STEP_BYTES).clamp(1, Semaphore::MAX_PERMITS);
        Self {
            service: parts.service,
            upstream: parts.upstream,
            request_bytes_max: parts.request_bytes_max,
            body_timeout: parts.body_timeout,
            body_steps: Arc::new(Semaphore::new(steps)),
            peers: RwLock::new(parts.peers),
            service_token: parts.service_token.map(|token| Sha256::digest(token.as_bytes()).into()),
            draining: AtomicBool::new(false),
            remarks: RwLock::default(),
        }
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
        id != self.service.provider() && self.peers.read().unwrap_or_else(PoisonError::into_inner).contains(id)
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
        self.service_token.is_some_and(|expected| expected.ct_eq(&shown).into())
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hub").field("draining", &self.draining).finish_non_exhaustive()
    }
}
