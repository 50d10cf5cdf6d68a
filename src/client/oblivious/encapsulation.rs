//! Sealing a request to a gateway, and opening what it sealed for us (RFC 9458 §4).

use bytes::Bytes;

use super::{binary_response::read_response, key_list::GatewayKey};
use crate::client::http::ChannelResponse;

/// What opens the response to one request, once.
pub(super) struct ResponseContext(ohttp::ClientResponse);

/// An encapsulated response cannot be opened: it is not for this request, was changed, or is no response.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unopened;

/// Seals a binary request under a context of its own; `None` when the gateway's key is not one that can be used.
pub(super) fn encapsulate(key: &GatewayKey, request: &[u8]) -> Option<(Bytes, ResponseContext)> {
    let (sealed, context) = key.context().and_then(|context| context.encapsulate(request)).ok()?;
    Some((sealed.into(), ResponseContext(context)))
}

impl ResponseContext {
    /// Opens the response.
    pub(super) fn open(self, sealed: &[u8]) -> Result<ChannelResponse, Unopened> {
        let opened = self.0.decapsulate(sealed).map_err(|_| Unopened)?;
        read_response(&opened).ok_or(Unopened)
    }
}
