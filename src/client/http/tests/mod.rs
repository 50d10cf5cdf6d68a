//! Channels against small servers on loopback.

mod local;
pub(crate) mod provider;
pub(crate) mod server;
