//! The HTTP binding, seen from the client (specs/http.md).
//!
//! [`DeliveryService`] speaks the drafts' operations over any [`Channel`]: a provider's local listener
//! ([`LocalClient`], for its own users' devices and services) or another provider's listener over mutual TLS
//! ([`ProviderClient`]). Every exchange has a deadline and a limit on what it reads; redirects, cookies and proxies do
//! not exist.
//!
//! # Privacy
//! Everything travels in bodies and headers of POST requests to fixed paths. Errors carry no addresses and no texts of
//! the other side.

mod call_error;
mod channel;
pub(in crate::client) mod delivery_service;
pub(in crate::client) mod dial;
pub(in crate::client) mod exchange;
mod limits;
mod local;
mod operation;
mod peer_certificate;
mod provider;
mod refusal;
mod response_memory;
mod service_token;
#[cfg(test)]
pub(crate) mod tests;

pub use call_error::CallError;
pub use channel::{Channel, ChannelError, ChannelRequest, ChannelResponse};
pub use delivery_service::{
    DS_EXPECT_COMMIT, DS_FIRST_INDEX, DS_JOIN_TOKEN, DS_MORE, DS_NEXT_INDEX, DS_PARTITION, DS_RESTORED, DS_USER,
    DeliveryService, PROBLEM_MEDIA_TYPE, WAIT_MAX,
};
pub use limits::Limits;
pub use local::{LocalAddress, LocalClient};
pub use operation::Operation;
pub use provider::{InvalidPeerUrl, InvalidTls, PeerChannel, PeerUrl, ProviderClient, ProviderIdentity};
pub use response_memory::{NoMemory, ResponseMemory};
pub use service_token::{ServiceToken, UserId};
