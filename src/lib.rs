//! Restante: a delivery service for MLS groups (RFC 9420). It sequences, keeps and hands out the messages of a group
//! across providers, by partition keys that members derive and of which a hub keeps hashes only.
//!
//! The layers, each using only what stands above it (`ARCHITECTURE.md`; `cargo xtask check` enforces it):
//!
//! * [`mls`]: what can be read of MLS without being a member. No runtime, clock, randomness or storage.
//! * [`wire`]: the structures of the draft and of `specs/protocol.md`, byte for byte. The same.
//! * [`sequencer`]: what becomes of a message, as a pure function. The same.
//! * [`client`]: what an app or another provider links: MLS groups with partition keys, and HTTP. Uses `mls` and `wire`.
//! * [`pool`]: KeyPackages and tokens, as pure functions too.
//! * [`store`]: the seam to storage, and RocksDB behind it.
//! * [`service`]: the use cases; lanes, waiting receives, timers.
//! * [`courier`]: what goes out to other providers by itself. Beside [`http`], and neither knows the other.
//! * [`http`]: what the two listeners answer, and the way to other hubs.
//! * [`server`]: puts the parts together, and takes them down in order.
//!
//! Beside them stand [`config`], [`dev_pki`] and [`demo`]. What a program needs of its machine (listeners, TLS, layers
//! of configuration, logs, signals) is the crate `restante-process`, which knows nothing of all this.
//!
//! # Features
//! * `hub` (default): everything; the program `restante`.
//! * `fuzzing`: what the targets of `fuzz/` reach into, without a database. No program has it.
//! * `client`: [`mls`], [`wire`], [`sequencer`] and [`client`]; neither a database nor a server is compiled.
//!
//! # Privacy
//! Keys, tokens and user ids print as nothing; what is logged holds no id, key, address or payload. Each promise stands
//! on the type that keeps it, under this heading, and `specs/threat-model.md` says what they are worth together.

pub mod mls;

pub mod wire;

pub mod sequencer;

#[cfg(feature = "client")]
pub mod client;

#[cfg(any(feature = "hub", feature = "fuzzing"))]
pub mod pool;

#[cfg(any(feature = "hub", feature = "fuzzing"))]
#[cfg_attr(not(feature = "hub"), allow(dead_code, reason = "fuzzing reads rows and asks for none"))]
pub mod store;

#[cfg(feature = "hub")]
pub mod forks;

#[cfg(feature = "hub")]
pub mod service;

#[cfg(feature = "hub")]
pub mod courier;

#[cfg(feature = "hub")]
pub mod http;

#[cfg(feature = "hub")]
pub mod server;

#[cfg(feature = "hub")]
pub mod config;

#[cfg(feature = "hub")]
pub mod dev_pki;

#[cfg(feature = "hub")]
pub mod demo;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

#[cfg(test)]
#[path = "../tests/fixtures/mod.rs"]
#[allow(dead_code, reason = "shared with the integration tests; nobody needs all of it")]
mod fixtures;
