//! Welcome delivery between providers (draft §4.3).

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use super::WelcomeData;
use crate::mls::{Fault, WireRatchetTree, WireWelcome};

/// `opaque KeyPackageRef<V>` (RFC 9420 §5.2).
#[derive(Clone, PartialEq, Eq, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct KeyPackageRef(#[mls_codec(with = "byte_vec")] pub Vec<u8>);

impl std::fmt::Debug for KeyPackageRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KeyPackageRef(..)")
    }
}

/// The hub asks a provider whether it takes a Welcome for these KeyPackages.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct WelcomeInitRequest {
    /// The entries that were indicated as belonging to that provider, and no others.
    pub key_package_refs: Vec<KeyPackageRef>,
}

impl MlsDecode for WelcomeInitRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { key_package_refs: super::bounded_list(reader, WelcomeData::PROVIDERS_MAX)? })
    }
}

/// What a provider says of one KeyPackageRef (`enum { … (255) } WelcomeDecision`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum WelcomeDecision {
    /// The Welcome is welcome.
    Accepted = 1,
    /// No such KeyPackage here.
    Unknown = 2,
    /// The KeyPackage is past its lifetime.
    Expired = 3,
    /// Its owner joined a group with it already.
    AlreadyUsed = 4,
    /// Not taken, for a reason that is not told.
    Refused = 5,
}

/// The answer to a [`WelcomeInitRequest`] (an extension: the draft says "responds affirmatively").
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct WelcomeInitResponse {
    /// 16 random bytes to be shown with the Welcome, bound to the asking hub.
    #[mls_codec(with = "byte_vec")]
    pub welcome_ticket: Vec<u8>,
    /// One decision for each ref, in order. At least one `Accepted` is an affirmative answer.
    pub decisions: Vec<WelcomeDecision>,
}

/// The Welcome for one provider's new members.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct WelcomePush {
    /// From the [`WelcomeInitResponse`].
    #[mls_codec(with = "byte_vec")]
    pub welcome_ticket: Vec<u8>,
    /// `MLSMessage` with a Welcome whose `secrets` hold only that provider's entries.
    pub welcome: WireWelcome,
    /// The tree, when the GroupInfo inside the Welcome has none.
    pub ratchet_tree: Option<WireRatchetTree>,
}

/// Tickets have one length, so that no decoder keeps a peer's megabytes.
const TICKET_LENGTH: usize = 16;

fn ticket(reader: &mut &[u8]) -> Result<Vec<u8>, mls_rs_codec::Error> {
    let ticket = super::bounded_bytes(reader, TICKET_LENGTH, Fault::TokenLength)?;
    if ticket.len() == TICKET_LENGTH { Ok(ticket) } else { Err(Fault::TokenLength.into()) }
}

impl MlsDecode for WelcomeInitResponse {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { welcome_ticket: ticket(reader)?, decisions: Vec::mls_decode(reader)? })
    }
}

impl MlsDecode for WelcomePush {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self {
            welcome_ticket: ticket(reader)?,
            welcome: WireWelcome::mls_decode(reader)?,
            ratchet_tree: Option::mls_decode(reader)?,
        })
    }
}

impl std::fmt::Debug for WelcomeInitResponse {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WelcomeInitResponse").field("decisions", &self.decisions).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for WelcomePush {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("WelcomePush").field("welcome", &self.welcome).finish_non_exhaustive()
    }
}
