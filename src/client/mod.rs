//! What an app, or a provider that talks to other providers, links.
//!
//! Floors, each usable without those above it, and a door of its own:
//!
//! * [`PartitionedGroup`]: an MLS group with its partition keys (draft §3, §4.2, §4.4). A state machine: no network, no
//!   clock, no `async`. It makes requests and digests responses.
//! * [`http`]: the HTTP binding (specs/http.md): typed operations over a [`http::Channel`], which is a provider's local
//!   listener ([`http::LocalClient`]) or another provider's listener over mutual TLS ([`http::ProviderClient`]).
//! * [`Keep`]: the app's storage, into which groups are saved before anything that depends on it leaves the device.
//! * [`Inbox`]: the Welcomes that wait at one's own provider; [`PartitionedGroup::join`] makes a group of one.
//! * [`Member`]: group and binding joined by a bounded queue of intents; it resends what was lost and rebuilds what lost a race.
//! * [`Outsider`]: whoever is not in a group, or not any more, and joins from outside. It keeps the join beside the group that
//!   it replaces, and goes on with it after a restart.
//! * [`oblivious`]: KeyPackages of people at other providers, through a relay (RFC 9458).
//!
//! Nothing here compiles RocksDB or a server.
//!
//! # Privacy
//! No id, key, address or payload is logged, put into an error's text or shown by `Debug`.

mod backoff;
mod committing;
mod conflict;
mod creating;
mod event;
mod external_join;
mod group;
mod group_error;
pub mod http;
mod inbox;
mod joining;
mod keep;
mod key_package_ref;
mod member;
mod memory_keep;
mod new_member;
pub mod oblivious;
mod pace;
mod partition;
mod payload;
mod pending_join;
mod policy;
mod problem;
mod reading;
mod received;
mod reserve;
mod saving;
mod sending;

#[cfg(test)]
pub(crate) mod tests;
mod valid_key_package;
mod verdict;

pub use backoff::Backoff;
pub use committing::CommitOptions;
pub use event::{Committed, Event, Participant, Place, Reason};
pub use external_join::{JoinOptions, own_leaves, propose_joining};
pub use group::PartitionedGroup;
pub use group_error::GroupError;
pub use inbox::Inbox;
pub use keep::{Keep, KeepError, SaveError};
pub use key_package_ref::key_package_ref;
pub use member::{
    Cause, Fork, Intent, IntentId, JoinError, Joined, Member, MemberError, MemberPolicy, OldLeaf, Outsider, Progress,
    Proposed, QueueFull, Standing,
};
pub use memory_keep::MemoryKeep;
pub use new_member::NewMember;
pub use pace::{Pace, TokioPace};
pub use payload::Payload;
pub use problem::Problem;
pub use received::Received;
#[cfg(feature = "fuzzing")]
pub(crate) use saving::written_again as kept_again;
pub use valid_key_package::{InvalidKeyPackage, ValidKeyPackage};

// Where whoever calls an operation of this module looks for them.
pub use crate::wire::{ExpectCommit, ProblemCode};
