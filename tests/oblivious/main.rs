//! KeyPackages from one provider to a user of another, with all real parts: `restante fetch-key-packages` as a process,
//! the relay of the user's provider, the gateway of the contact's with a pool of KeyPackages behind it, each on its own
//! TLS listener on loopback.
//!
//! Nothing is waited for without an end.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a broken flow fails loudly")]

mod command;
#[path = "../fixtures/mod.rs"]
#[allow(dead_code, reason = "shared with the unit tests; nobody needs all of it")]
mod fixtures;
mod follower;
mod library;
mod relay;
mod site;
