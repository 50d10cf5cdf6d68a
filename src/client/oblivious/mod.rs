//! The oblivious client (RFC 9458, draft §4.1.1): KeyPackages of people at other providers, without telling those who
//! asks, and without telling one's own provider about whom.
//!
//! ```text
//! client --- who asks, not what ---> relay (own provider) --- what is asked, not who ---> gateway (contact's provider)
//! ```
//!
//! A request is binary HTTP (RFC 9292), padded to a size class, sealed with HPKE under the gateway's key, and posted to
//! the relay. [`KeyPackageFetcher`] is the way in. The gateway's key is taken only from a list that came over TLS from
//! the gateway itself, in a tunnel through the relay, and that the relay has the same copy of; and, where the caller wants
//! it, that stands in the relay's public log.
//!
//! This module must never retry what may have been processed, send anything that tells one client from another, or use
//! what a gateway said in one answer in a later request.
//!
//! # Privacy
//! No user id, token or key is in a url, an error or an outer field. What stays visible is told in
//! `specs/threat-model.md`.

mod binary_request;
mod binary_response;
mod certificate_fault;
mod encapsulation;
mod fetch_error;
mod fetcher;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzed;
mod key_list;
mod key_log;
mod key_log_watch;
mod key_source;
mod relay;
mod relay_channel;
mod remembered_keys;
mod size_class;
#[cfg(test)]
mod tests;
mod trust_roots;
mod tunnel;
mod turns;

pub use certificate_fault::CertificateFault;
pub use fetch_error::FetchError;
pub use fetcher::{FetchedKeyPackages, KeyPackageFetcher, Surroundings};
pub use key_list::{KEY_LIST_MAX, Kems, KeyListError};
pub use key_log::{InvalidKeyLogMark, KEY_LOG_MAX, KeyLogError, KeyLogMark, KeyLogReport};
pub use key_log_watch::KeyLogCheck;
pub use relay::{InvalidRelayUrl, Relay, RelayToken, RelayUrl};
pub use trust_roots::{NoTrustRoots, TrustRoots};

/// The media type of key lists (RFC 9458 §3.2).
pub const KEY_LIST_MEDIA_TYPE: &str = "application/ohttp-keys";
/// The media type of encapsulated requests (RFC 9458 §4.5).
pub const OHTTP_REQUEST: &str = "message/ohttp-req";
/// The media type of encapsulated responses (RFC 9458 §4.5).
pub const OHTTP_RESPONSE: &str = "message/ohttp-res";
