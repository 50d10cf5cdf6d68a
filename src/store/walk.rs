//! How far retention has come on its way through all that is kept.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use crate::sequencer::UnixMillis;

/// A walk of retention, and the one before it. Written now and then: what is done twice after a crash changes nothing the
/// second time.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Walk {
    /// When the walk began that is under way.
    pub started_ms: Option<UnixMillis>,
    /// How far it has come, in the walk's own words.
    #[mls_codec(with = "byte_vec")]
    pub place: Vec<u8>,
    /// What it has looked at and removed so far.
    pub removed: Removed,
    /// When the last one that came to its end began.
    pub last_started_ms: UnixMillis,
    /// When it ended; 0 as long as none did.
    pub last_ended_ms: UnixMillis,
    /// What that one looked at and removed.
    pub last_removed: Removed,
    /// How long the hub has been there.
    pub presence: Presence,
}

/// Since when there was no break in which nobody could come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Presence {
    /// When the last break ended; 0 when there was none.
    pub since_ms: UnixMillis,
    /// When the clock was last looked at.
    pub seen_ms: UnixMillis,
}

/// What a walk looks at and removes: numbers only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Removed {
    /// Groups that were looked at.
    pub groups: u64,
    /// Partitions that were looked at.
    pub partitions: u64,
    /// Messages that were removed.
    pub messages: u64,
    /// Bytes of messages and GroupInfos that were removed.
    pub bytes: u64,
    /// Partitions of which the last message was removed.
    pub emptied: u64,
    /// Receipts of joins and external proposals that were removed.
    pub receipts: u64,
    /// Presentations that were removed.
    pub presentations: u64,
    /// What was passed over because it, or something that it is judged by, cannot be read.
    pub unreadable: u64,
}
