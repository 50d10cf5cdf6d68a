//! An Oblivious HTTP gateway (RFC 9458) around any tower service.
//!
//! Owns the gateway's private keys and their key configurations, decapsulates requests, hands the Binary HTTP message
//! inside (RFC 9292) to the service that it wraps, and encapsulates the answer. The service sees a request that nobody
//! sent; the gateway sees a relay and no client.
//!
//! | module | owns |
//! |---|---|
//! | [`Gateway`] | the way of a request: received in clear, opened, dispatched, sealed |
//! | [`Keyring`] | private keys on disk, their schedule, which are live |
//! | `encapsulation`, `hpke`, `key_config` | RFC 9458 §3 and §4 on the receiving side of RFC 9180 |
//! | `binary` | RFC 9292, decoded strictly, encoded with padding |
//! | [`ReplayWindow`], [`Budgets`], [`Target`], [`Policy`] | what is refused, and how much is taken |
//! | [`Counters`] | what may be known of all this |
//!
//! # Privacy
//! What an error says after decapsulation is encapsulated like any answer and has the size that the request decided, so
//! that the relay learns nothing from it. The types see to that: see [`Opened`].
//!
//! This crate must know no MLS, and neither the hub that it stands in front of nor the relay: only a program that is told
//! to joins them. `cargo xtask check` asserts that none is in its dependency tree.

mod binary;
mod budget;
mod counters;
mod encapsulation;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod gateway;
mod hpke;
mod key_config;
mod keyring;
mod live_keys;
mod machine;
mod media_type;
mod policy;
mod problem;
mod refusal;
mod replay_window;
mod target;
#[cfg(test)]
mod tests;

pub use binary::{BinaryRequest, DoesNotFit, Malformed, Padded};
pub use budget::{Budgets, Rate, RelayIdentity};
pub use counters::{Counters, Outcome};
pub use encapsulation::{EncapsulatedResponse, NotOpened, Opened, Unopened};
pub use gateway::{Gateway, ResponseClass, WELL_KNOWN};
pub use hpke::{Aead, Kem, Undecryptable};
pub use key_config::KeyConfig;
pub use keyring::{
    BEFORE_RETIRING, KeyDescription, KeyState, Keyring, KeyringError, RotationSchedule, SealKey, after_a_change,
};
pub use live_keys::LiveKeys;
pub use machine::{Machine, NoEntropy, Surroundings};
pub use media_type::{OHTTP_KEYS, OHTTP_REQUEST, OHTTP_RESPONSE};
pub use policy::{Policy, SMALLEST_CLASS};
pub use problem::{DATE, OHTTP_KEY};
pub use replay_window::{Replay, ReplayMark, ReplayWindow};
pub use target::{NotAllowed, Target};
