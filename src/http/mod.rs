//! The HTTP binding (specs/http.md): listeners, extraction, problem documents.
//!
//! Two listeners: *provider*, for other providers over mutual TLS, and *local*, for this provider's own service over
//! loopback or a unix socket. A handler reads the whole body, decodes all of it, calls one use case of
//! [`crate::service`] and encodes the answer. Nothing here decides anything about groups.
//!
//! # Privacy
//! No group id, key, user, token or payload stands in a URL, a log line or an error text.

mod admin;
mod arrangements;
mod body;
mod chunks;
mod fields;
mod forward;
mod health;
mod hub;
mod hub_answer;
mod inbox;
mod key_package_target;
mod key_packages;
pub mod local;
mod metrics;
mod operations;
mod outside;
mod peer;
mod problem;
pub mod provider;
mod push_wait;
mod pushes;
mod respond;
mod route;
mod shared_receives;
mod silence;
#[cfg(test)]
mod tests;
mod upstream;

pub use hub::{Hub, HubParts, HubSettings};
pub use key_package_target::KeyPackageTarget;
pub use metrics::Expose;
pub use peer::Peer;
pub use problem::Problem;
pub use route::route;
pub use upstream::Upstream;
