//! Who is at the other end of a provider connection.

use axum::{
    extract::{FromRequestParts, Request},
    http::request::Parts,
};
use std::sync::Arc;

use super::{Hub, Problem};
use crate::{config::dns_name_of, sequencer::Fact, service::Submitter, wire::ServiceProviderId};

/// The one dNSName of the certificate that the connection presented, if it has exactly one.
#[derive(Clone, Debug)]
pub struct Peer(Option<ServiceProviderId>);

impl Peer {
    /// Reads the name from an end-entity certificate in DER.
    pub fn of_certificate(certificate: &[u8]) -> Self {
        Self(dns_name_of(certificate).ok())
    }

    /// The peer with that name, for requests that come over no socket.
    pub fn named(id: ServiceProviderId) -> Self {
        Self(Some(id))
    }

    /// Marks a request as coming from this peer.
    pub fn mark<B>(&self, mut request: Request<B>) -> Request<B> {
        request.extensions_mut().insert(self.clone());
        request
    }
}

/// A peer that was found among the configured ones for this very request.
pub(super) struct AdmittedProvider(pub(super) ServiceProviderId);

impl FromRequestParts<Arc<Hub>> for AdmittedProvider {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Problem> {
        match parts.extensions.get::<Peer>() {
            Some(Peer(Some(id))) if hub.is_peer(id) => match hub.service.blocks(id) {
                true => Err(Problem::denied(Fact::BlockedProvider)),
                false => Ok(Self(id.clone())),
            },
            Some(Peer(_)) | None => Err(Problem::not_a_peer()),
        }
    }
}

/// The same, as the one on whose behalf an operation of both listeners runs.
pub(super) struct Admitted(pub(super) Submitter);

impl FromRequestParts<Arc<Hub>> for Admitted {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, hub: &Arc<Hub>) -> Result<Self, Problem> {
        AdmittedProvider::from_request_parts(parts, hub).await.map(|AdmittedProvider(id)| Self(Submitter::Peer(id)))
    }
}
