//! Restante: a delivery service for MLS groups (RFC 9420) that never learns who talks to whom.

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "hub")]
pub mod config;
#[cfg(feature = "hub")]
pub mod dev_pki;
#[cfg(feature = "hub")]
pub mod http;
pub mod mls;
pub mod sequencer;
#[cfg(feature = "hub")]
pub mod server;
#[cfg(feature = "hub")]
pub mod service;
#[cfg(feature = "hub")]
pub mod store;
#[cfg(feature = "hub")]
pub mod telemetry;
pub mod wire;
