//! What holds for a whole group.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use sha2::{Digest, Sha256};

use super::{Evidence, Partition, Rejection, UnixMillis};
use crate::{
    mls::{CipherSuite, EpochNumber},
    wire::{MaskedPartitionKey, ServiceProviderId, WelcomeData},
};

/// SHA-256 of a group id: the name under which a group is stored and sequenced.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct GroupKey([u8; Self::LENGTH]);

impl GroupKey {
    /// Thirty-two bytes.
    pub const LENGTH: usize = 32;

    /// The key of the group with that id.
    pub fn of(group_id: &[u8]) -> Self {
        Self(Sha256::digest(group_id).into())
    }

    /// A key from its bytes.
    pub const fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

/// Shows two bytes, for tests. For people a group is named by the first eight bytes, which only the operator's
/// commands print.
impl std::fmt::Debug for GroupKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, ..] = self.0;
        write!(formatter, "{a:02x}{b:02x}…")
    }
}

/// A local user, by a keyed hash: sequencing needs to tell users apart, never to know them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct UserTag(pub [u8; 16]);

impl std::fmt::Debug for UserTag {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UserTag(..)")
    }
}

/// The group as a whole.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Group {
    /// The partition of the creation.
    pub root: MaskedPartitionKey,
    /// The suite that the creation named.
    pub cipher_suite: CipherSuite,
    /// When it was created.
    pub created_ms: UnixMillis,
    /// SHA-256 of the creation request: the same request again is answered the same.
    pub creation: [u8; 32],
    /// Providers that presented the key of a partition which edges connect to the root.
    pub users: Vec<ServiceProviderId>,
    /// Providers that a Welcome of the group is for, as its sender said.
    pub welcomed: Vec<ServiceProviderId>,
    /// What its partitions have shown, each since it was shown first.
    pub evidence: Evidence,
    /// When one of them last showed something new.
    pub evident_ms: Option<UnixMillis>,
    /// How many branches the operator has ended and not taken back.
    pub terminated: u32,
    /// The branch that is being ended, or taken back, step by step.
    pub spreading: Option<Spread>,
    /// When one of its connected partitions was last used, to the day.
    pub used_ms: UnixMillis,
    /// When it was deleted: nothing is sequenced any more.
    pub deleted_ms: Option<UnixMillis>,
}

/// How far the marks of a branch have got that the operator ends or takes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Spread {
    /// The partition with which the branch begins.
    pub top: MaskedPartitionKey,
    /// The partition at which the next step goes on.
    pub at: MaskedPartitionKey,
    /// The epoch number of the first one.
    pub epoch: EpochNumber,
    /// Whether it is taken back.
    #[mls_codec(with = "crate::wire::flag")]
    pub restores: bool,
}

/// So exactly it is known when a group was last used: more often it is not written.
const USED_INTERVAL_MS: UnixMillis = 24 * 3_600_000;

impl Group {
    /// A group of which there is nothing but its beginning.
    pub fn new(root: MaskedPartitionKey, cipher_suite: CipherSuite, creation: [u8; 32], now: UnixMillis) -> Self {
        Self {
            root,
            cipher_suite,
            created_ms: now,
            creation,
            users: Vec::new(),
            welcomed: Vec::new(),
            evidence: Evidence::default(),
            evident_ms: None,
            terminated: 0,
            spreading: None,
            used_ms: now,
            deleted_ms: None,
        }
    }

    /// Notes whom a Welcome is for. Returns whether that is news.
    pub(super) fn welcome(&mut self, data: &WelcomeData) -> bool {
        let before = self.welcomed.len();
        for provider in &data.service_providers {
            if !self.welcomed.contains(provider) {
                self.welcomed.push(provider.clone());
            }
        }
        self.welcomed.len() > before
    }

    /// Whether the provider used the group, as far as that partition of it goes: where the hub sees who is there, the
    /// provider must have a member there too.
    pub fn is_used_by(&self, provider: &ServiceProviderId, partition: &Partition) -> bool {
        self.users.contains(provider) && partition.may_have_member_of(provider)
    }

    /// Notes that a provider used a connected partition. Returns whether that is news.
    pub(super) fn record_use(&mut self, provider: &ServiceProviderId, now: UnixMillis) -> bool {
        let is_new = !self.users.contains(provider);
        if is_new {
            self.users.push(provider.clone());
        }
        let is_later = self.is_use_news(now);
        if is_later {
            self.used_ms = now;
        }
        is_new || is_later
    }

    /// Whether a use now is worth a record.
    pub(super) fn is_use_news(&self, now: UnixMillis) -> bool {
        now >= self.used_ms.saturating_add(USED_INTERVAL_MS)
    }

    /// Refuses what would be sequenced in a group that was deleted.
    ///
    /// # Errors
    /// [`Rejection::GroupDeleted`].
    pub fn require_open(&self) -> Result<(), Rejection> {
        if self.deleted_ms.is_some() { Err(Rejection::GroupDeleted) } else { Ok(()) }
    }

    /// Whether nothing is left of it but that it was deleted.
    pub fn is_tombstone(&self) -> bool {
        // Whoever created it used it.
        self.deleted_ms.is_some() && self.users.is_empty()
    }

    /// Whether keys of the group may be presented by that provider without naming the group (specs/protocol.md R2, R3).
    pub fn concerns(&self, provider: &ServiceProviderId) -> bool {
        self.users.contains(provider) || self.welcomed.contains(provider)
    }
}

/// A minted group id that waits for its creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Reservation {
    /// Who may use it.
    pub holder: UserTag,
    /// When it lapses.
    pub until_ms: UnixMillis,
}
