//! An Oblivious HTTP relay (RFC 9458).
//!
//! Owns the way of an Encapsulated Request from a client to the gateway that it names, and of the answer back: which
//! gateways may be reached, how large and how many requests may be, and which fields are left behind. The relay sees
//! who asks, and no word of what.
//!
//! * [`Relay`]: the service. `reading` takes requests in, `exchanges` and `resource` relay them; `key_resource` shows key
//!   lists; `tunnel` lets clients fetch them from the gateway itself.
//! * [`Gateway`], [`Routes`]: where requests may go. `upstream`: the connections that all users share.
//! * [`UserTokens`], [`Limits`]: who may ask, and how much.
//! * [`keys`]: copies of key lists, their log, and when a new one is taken.
//! * `outer_fields`, [`Failure`]: everything that is said on either side besides content.
//! * [`Counters`] and [`RelayStanding`]: what the operator sees. [`config`], [`token_file`], [`server`]: how the program runs.
//!
//! # Privacy
//!
//! This crate must know no HPKE and no MLS. A relay that cannot decapsulate cannot be made to read what it forwards,
//! whoever changes its code: `cargo xtask check` and a test assert that neither `ohttp` nor `hpke` nor any crate of
//! mls-rs is in its dependency tree. It knows neither the gateway's code nor the hub's, writes down no target and no
//! address, and forwards nothing that tells one client from another.

mod admin;
pub mod config;
mod counters;
mod exchanges;
mod failure;
mod gateway;
mod key_resource;
pub mod keys;
mod limits;
mod outer_fields;
mod provider_id;
mod public_addresses;
mod rate;
mod reading;
mod relay;
mod resolver;
mod resource;
mod routes;
pub mod server;
mod shared_link;
pub mod token_file;
mod tunnel;
mod upstream;
mod user_tokens;

pub use admin::RelayStanding;
pub use counters::{Counted, Counters, Dial, KeyFetch, Label, Outcome, TunnelEnd};
pub use failure::Failure;
pub use gateway::{Gateway, GatewayUrl, IdentityFiles, InvalidUrl, TlsError};
pub use limits::{KeyLimits, Limits, TunnelLimits, UserLimits};
pub use provider_id::{InvalidProviderId, ProviderId};
pub use relay::Relay;
pub use routes::{RouteError, Routes};
pub use user_tokens::{InvalidHash, TokenHash, TokensError, UserToken, UserTokens, hashes};
