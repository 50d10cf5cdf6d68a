//! The relay's copy of each gateway's key list, and the record of all lists that it ever served, or refused.
//!
//! A client uses a list only when the relay's copy and the gateway's own, fetched through a tunnel, are the same bytes.
//! So the copy must be one for all users, must not follow a gateway that shows everybody something else, and what was
//! served must stay visible. This module decides nothing cryptographic: it reads lengths (RFC 9458 §3).

mod cache;
mod chain;
mod key_list;
mod log;
mod pace;
mod refresh;

pub use cache::{CachedList, Fetched, KeyTrouble, Keys, Offer};
pub use key_list::{KeyListFault, check};
pub use log::{KeyLog, LogError};
pub(crate) use refresh::{Refreshing, keep_fresh};
