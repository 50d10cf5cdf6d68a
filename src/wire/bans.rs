//! Arrangements between a hub and its followers (specs/protocol.md, Y8): whom the hub bans, and complaints.

use std::fmt;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use sha2::{Digest, Sha256};

use super::ServiceProviderId;
use crate::mls::{Fault, fixed};

/// `opaque salt[32]`: of one hub, the same for all of its peers.
#[derive(Clone, Copy, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct BanSalt([u8; 32]);

impl BanSalt {
    /// Thirty-two bytes that nobody could have expected.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// `opaque tag[16]`: a user, by a hash under the hub's salt.
///
/// # Privacy
/// Whoever can guess a user id can try it out. The list is for the user's own provider, which knows the user anyway; on
/// the disks of both sides the tag hides users from whoever cannot guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode)]
pub struct BanTag([u8; 16]);

impl BanTag {
    /// Of which no user has the tag.
    pub const NONE: Self = Self([0; 16]);

    /// Sixteen bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The first half of SHA-256(salt ‖ name).
    pub fn of(salt: &BanSalt, name: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::new().chain_update(salt.0).chain_update(name).finalize().into();
        let mut tag = [0; 16];
        tag.copy_from_slice(&digest[..16]);
        Self(tag)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// What a user may not do in groups of a hub (`enum { … (255) } Sanction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum Sanction {
    /// Send application messages.
    Muted = 1,
    /// Take part.
    Banned = 2,
}

/// One of the asking provider's users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct BannedUser {
    /// Who.
    pub tag: BanTag,
    /// What that user may not do.
    pub sanction: Sanction,
}

/// Asks a hub which users of the asking provider it bans.
#[derive(Clone, Copy, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct BansRequest {
    /// SHA-256 of the [`BanList`] that the asker has; zeros for none.
    pub known: [u8; 32],
}

/// Users of the asking provider, and of no other, sorted by their tags.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct BanList {
    /// Under which the tags were made.
    pub salt: BanSalt,
    /// At most [`BanList::MAX`].
    pub users: Vec<BannedUser>,
}

impl BanList {
    /// The most users of one provider that one hub can ban.
    pub const MAX: usize = 65_536;

    /// SHA-256 of the encoded list: by this two sides know that they have the same one.
    pub fn digest(&self) -> [u8; 32] {
        // What is too long to be encoded is not a list: it never is the one that somebody has.
        self.mls_encode_to_vec().map_or([0; 32], |bytes| Sha256::digest(bytes).into())
    }
}

/// The answer: nothing when the asker has the list as it is.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct BansResponse {
    /// The whole list.
    pub list: Option<BanList>,
}

/// What a provider is reported for (`enum { … (255) } ReportReason`). A closed set: usable as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum ReportReason {
    /// A user whom the hub bans takes part in its groups.
    BannedUser = 1,
    /// Its users send more than was arranged.
    Flooding = 2,
    /// Messages that violate the group's policy come through it.
    PolicyViolation = 3,
    /// It withholds, reorders or invents messages.
    Misdelivery = 4,
    /// A group of that hub has forked: some of its members cannot follow the others.
    Fork = 5,
}

impl ReportReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::BannedUser, Self::Flooding, Self::PolicyViolation, Self::Misdelivery, Self::Fork];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BannedUser => "banned_user",
            Self::Flooding => "flooding",
            Self::PolicyViolation => "policy_violation",
            Self::Misdelivery => "misdelivery",
            Self::Fork => "fork",
        }
    }
}

/// Complains about a provider that breaks an arrangement in a group, or tells the group's hub of a fork there.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct ReportRequest {
    /// The group, of whatever hub.
    #[mls_codec(with = "byte_vec")]
    pub group_id: Vec<u8>,
    /// Who breaks it; of a fork, the hub.
    pub about: ServiceProviderId,
    /// How.
    pub reason: ReportReason,
}

impl MlsDecode for BanSalt {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        fixed(reader).map(Self)
    }
}

impl MlsDecode for BanTag {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        fixed(reader).map(Self)
    }
}

impl MlsDecode for BansRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { known: fixed(reader)? })
    }
}

impl MlsDecode for BanList {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let salt = BanSalt::mls_decode(reader)?;
        let users: Vec<BannedUser> = super::bounded_list(reader, Self::MAX)?;
        // One list has one encoding.
        if !users.is_sorted_by(|one, next| one.tag < next.tag) {
            return Err(Fault::Repetition.into());
        }
        Ok(Self { salt, users })
    }
}

impl fmt::Debug for BanSalt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BanSalt(..)")
    }
}

impl fmt::Debug for BanTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BanTag(..)")
    }
}

impl fmt::Debug for BansRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BansRequest(..)")
    }
}

impl fmt::Debug for BanList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BanList").field("users", &self.users.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for ReportRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ReportRequest").field("reason", &self.reason).finish_non_exhaustive()
    }
}
