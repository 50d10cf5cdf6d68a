//! Real MLS clients around a small model of a hub.

mod acting;
mod bad_commits;
pub(crate) mod bans;
pub(crate) mod cast;
mod catching_up;
mod channel;
mod convergence;
mod crashes;
mod departing;
mod epochs;
mod failing;
#[cfg(feature = "hub")]
mod forks;
mod hub;
mod key_package_validity;
mod late;
mod leaving;
#[cfg(feature = "hub")]
mod led_astray;
mod members;
#[cfg(feature = "hub")]
mod moving;
mod races;
mod renaming;
mod saved;
// The MLS library knows SelfRemove with that feature only.
#[cfg(feature = "hub")]
mod self_remove;
mod storage;
mod undecided;
mod unsent;
mod welcomed;
