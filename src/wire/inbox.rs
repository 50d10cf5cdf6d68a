//! Fetching and acknowledging Welcomes, over the local listener (specs/protocol.md, "Welcomes").

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{ClientId, ServiceProviderId};
use crate::mls::{WireRatchetTree, WireWelcome};

/// Asks for the Welcomes that wait for one client of the acting user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct InboxRequest {
    /// The device.
    pub client_id: ClientId,
    /// Only entries with greater numbers are wanted; 0 for all of them.
    pub after: u64,
}

/// A Welcome that waits for a client.
///
/// # Privacy
/// `Debug` shows how long it is.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct InboxEntry {
    /// By which it is acknowledged. Numbers grow from entry to entry, with gaps, and none is used twice.
    pub number: u64,
    /// Who delivered it: the group's id must name this hub.
    pub hub: ServiceProviderId,
    /// When it came: milliseconds from the Unix epoch.
    pub arrived_ms: u64,
    /// `MLSMessage` with a Welcome. Its `secrets` are those of this client's KeyPackages, and no others.
    pub welcome: WireWelcome,
    /// The tree, when it was delivered beside the Welcome.
    pub ratchet_tree: Option<WireRatchetTree>,
}

impl std::fmt::Debug for InboxEntry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("InboxEntry").field("welcome", &self.welcome).finish_non_exhaustive()
    }
}

/// Entries in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct InboxResponse {
    /// As many as a page holds, and at least one if there is one.
    pub entries: Vec<InboxEntry>,
    /// Whether there are more behind the last one.
    #[mls_codec(with = "super::flag")]
    pub more: bool,
}

impl InboxResponse {
    /// More entries than any policy allows.
    const ENTRIES_MAX: usize = 65_536;
}

impl MlsDecode for InboxResponse {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { entries: super::bounded_list(reader, Self::ENTRIES_MAX)?, more: super::flag::mls_decode(reader)? })
    }
}

/// `enum { joined(1), dropped(2), (255) } InboxOutcome`: what a client has done with an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum InboxOutcome {
    /// It joined the group: its one-time KeyPackage takes no further Welcome.
    Joined = 1,
    /// It did not, and does not want to see the entry again.
    Dropped = 2,
}

/// Acknowledges an entry, which is then gone. The answer is an empty body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct InboxAckRequest {
    /// The device.
    pub client_id: ClientId,
    /// The entry's. One that is not there was acknowledged before, or has expired.
    pub number: u64,
    /// What became of it.
    pub outcome: InboxOutcome,
}
