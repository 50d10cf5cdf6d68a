//! Channels against small servers on loopback.

mod local;
mod provider;
mod server;
