//! What a delivery service reads of MLS (RFC 9420) without being a member of the group.
//!
//! Sequencing needs the *head* of a message and its *extent*: the drafts place an `MLSMessage` in front of other
//! fields without a length, so whoever decodes a `SendRequest` must know where the message ends. The grammar in
//! this module walks over the structures of RFC 9420 without building them: no allocation grows with the input,
//! and everything that is not named in a head stays opaque, kept exactly as it was received.
//!
//! This layer has no clock, no randomness, no I/O and no `async`.

#[cfg(feature = "client")]
mod any_identity;
mod external_commit;
mod external_proposal;
mod fault;
mod grammar;
mod group_info;
mod key_package;
mod message;
mod numbers;
mod proposal_ref;
#[cfg(feature = "client")]
mod public_state;
mod ratchet_tree;
#[cfg(feature = "client")]
mod signature;
mod suite_hash;
#[cfg(test)]
pub(crate) mod tests;
mod tree_hash;
mod welcome;

pub use external_commit::{ExternalCommit, NotAnExternalCommit};
pub use external_proposal::{ExternalProposal, NotAnExternalProposal};
pub use fault::Fault;
pub use group_info::WireGroupInfo;
pub use key_package::WireKeyPackage;
pub use message::{ContentType, Sender, WireFormat, WireMessage};
pub use numbers::{CipherSuite, EpochNumber, ProtocolVersion};
pub use proposal_ref::ProposalRef;
#[cfg(feature = "client")]
pub use public_state::{Added, DamagedCheckpoint, GroupInfoMismatch, Leaf, PublicState, Step, Unobservable};
pub use ratchet_tree::WireRatchetTree;
#[cfg(feature = "client")]
pub use signature::Proof;
pub use tree_hash::{MAX_NODES, TreeFit, ratchet_tree_matches};
pub use welcome::WireWelcome;

#[cfg(feature = "client")]
pub(crate) use any_identity::AnyIdentity;
pub(crate) use grammar::{fixed, vector};
pub(crate) use numbers::SELF_REMOVE;
#[cfg(feature = "client")]
pub(crate) use numbers::SELF_REMOVE_PRIVATE;
#[cfg(feature = "client")]
pub(crate) use suite_hash::ref_hash;

/// The most identities that one group can ban in its own state (specs/protocol.md W17).
pub const BANNED_MAX: usize = 65_536;

/// The result of walking or decoding bytes that a peer sent.
pub(crate) type Walk<T> = Result<T, mls_rs_codec::Error>;
