//! The operator's numbers, with the defaults of specs/protocol.md.

use std::{collections::BTreeSet, sync::Arc};

use super::{Bans, Undelivered, UnixMillis, Usage};
use crate::wire::ServiceProviderId;

const MINUTE: UnixMillis = 60_000;
const HOUR: UnixMillis = 60 * MINUTE;
const DAY: UnixMillis = 24 * HOUR;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// The largest messages that are sequenced, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SizeLimits {
    /// An application message.
    pub application: usize,
    /// A proposal or a commit.
    pub handshake: usize,
    /// A Welcome.
    pub welcome: usize,
    /// A GroupInfo, its tree included.
    pub group_info: usize,
}

/// Who is given a group's GroupInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupInfoAccess {
    /// Providers that used the group.
    Peers,
    /// Whoever shows a join token.
    Token,
    /// Everyone who may ask at all.
    Open,
}

/// Who is given hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hints {
    /// Whoever is entitled to them.
    Entitled,
    /// In groups with encrypted handshakes, everyone who asks with a key of the group.
    ///
    /// # Privacy
    /// Somebody who was removed can go on reading which messages are sent, from an old key on.
    Forward,
}

/// What the operator decides about sequencing.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Providers that a Welcome may be addressed to: the peers and the hub itself.
    pub providers: Arc<BTreeSet<ServiceProviderId>>,
    /// The hub, whose own users are limited one by one.
    pub hub: Option<ServiceProviderId>,
    /// Whom the operator bans or blocks.
    pub bans: Arc<Bans>,
    /// The suites that a group may be created with; empty for all.
    pub cipher_suites: Arc<BTreeSet<u16>>,
    /// The most members of a group whose members the hub can count.
    pub group_members_max: usize,
    /// Sizes.
    pub sizes: SizeLimits,
    /// Who is given a GroupInfo.
    pub group_info: GroupInfoAccess,
    /// The longest that a join token is good.
    pub join_token_ms: UnixMillis,
    /// How long a minted group id is reserved.
    pub reservation_ms: UnixMillis,
    /// How long an unadopted orphan lives.
    pub orphan_ms: UnixMillis,
    /// How long it lives when two providers used it.
    pub shared_orphan_ms: UnixMillis,
    /// What one provider may use up in one group.
    pub budget_in_group: Usage,
    /// What one provider may use up over all groups.
    pub budget_in_all: Usage,
    /// How long after the first use of the dominant child a send to the parent is free of charge.
    pub late_after_ms: UnixMillis,
    /// How many commits of each provider's members in a partition that no branch outnumbers are free of charge.
    pub free_commits: u32,
    /// How many partitions in a row that only one provider makes and uses are free of charge.
    pub free_chain: u32,
    /// A commit is in doubt when who was given it goes on with the partition in which it stands for so long.
    pub doubt_after_ms: UnixMillis,
    /// Whoever has been silent for so long, while others were not, does not count where a commit is doubted (J3); candidates
    /// are ranked by uses within it (J1).
    pub silence_ms: UnixMillis,
    /// How long a provider, or a user, that presented a key may be given that partition as a hint.
    pub hint_window_ms: UnixMillis,
    /// Who is given hints.
    pub hints: Hints,
    /// How many epochs may be hinted.
    pub hint_epochs: usize,
    /// How many bytes of messages may be hinted.
    pub hint_bytes: u64,
    /// A repeated presentation is recorded when the last one is older than this.
    pub presentation_interval_ms: UnixMillis,
    /// How long a Welcome is held until somebody presents the key of its partition.
    pub welcome_hold_ms: UnixMillis,
    /// For how long after its submission it is tried to deliver a Welcome.
    pub welcome_lifetime_ms: UnixMillis,
    /// What one submitting provider may have in Welcomes that are not delivered yet.
    pub undelivered: Undelivered,
    /// How long a ticket is used again: less than providers let it be good.
    pub ticket_ms: UnixMillis,
    /// How long it takes until what failed once is tried again.
    pub first_backoff_ms: UnixMillis,
    /// How long it takes at most.
    pub longest_backoff_ms: UnixMillis,
    /// The longest lease of a subscription.
    pub lease_ms: UnixMillis,
    /// How long a partition at another hub is followed after a local user last asked for it.
    pub unneeded_ms: UnixMillis,
    /// How many bytes of pushed messages are kept of one partition.
    pub kept_bytes: u64,
    /// For how long a terminated branch can be restored.
    pub restore_ms: UnixMillis,
    /// How many steps from partition to partition are done at once when a branch is terminated or restored.
    pub spread_partitions: usize,
    /// How many partitions at other hubs are followed at once. Whoever waits in another one waits at its hub.
    pub followed_max: usize,
    /// How long a partition stays after it was superseded, a group after it was deleted, a receipt of somebody who is no
    /// member after its message.
    pub retention_ms: UnixMillis,
    /// How long a group that nobody uses lives.
    pub idle_ms: UnixMillis,
    /// `Retry-After` of a refusal for want of budget, in seconds.
    pub retry_after_seconds: u32,
    /// What is forgotten since the database was put back from a backup.
    pub forgotten: Forgotten,
}

/// That the hub may have sequenced messages once that it knows nothing of. All zeros when it was never put back from a
/// backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Groups that were made up to then may have had more messages than are there.
    pub until_ms: UnixMillis,
    /// The index with which partitions of such groups begin that no commit announces: the forgotten ones had lower indexes.
    pub indexes: u32,
}

/// For so long after a restore commits may come again that were sequenced before it and are forgotten. Their senders had no
/// answer, and send them byte for byte until they have one.
const COMES_AGAIN_MS: UnixMillis = 7 * DAY;

impl Forgotten {
    /// So many indexes are passed over at each restore: more than one partition is given between a backup and its restore, or
    /// between two restores. 255 restores fit into the indexes that there are.
    pub const GAP: u32 = 1 << 24;

    /// With which index a partition goes on that a commit announces in one that was made then: the same commit may have
    /// announced it before, and messages may have stood there.
    pub(super) fn next_index_behind(self, parent_created_ms: UnixMillis) -> u32 {
        if parent_created_ms <= self.until_ms.saturating_add(COMES_AGAIN_MS) { self.indexes } else { 0 }
    }

    /// With which index an unannounced partition of a group begins that was made then.
    pub(super) fn first_index(self, group_created_ms: UnixMillis) -> u32 {
        if group_created_ms <= self.until_ms { self.indexes } else { 0 }
    }
}

impl Default for Policy {
    fn default() -> Self {
        let budget_in_group = Usage { partitions: 64, bytes: 8 * MIB as u64 };
        Self {
            providers: Arc::default(),
            hub: None,
            bans: Arc::default(),
            cipher_suites: Arc::default(),
            group_members_max: 100_000,
            sizes: SizeLimits { application: 256 * KIB, handshake: 4 * MIB, welcome: 16 * MIB, group_info: 32 * MIB },
            group_info: GroupInfoAccess::Peers,
            join_token_ms: 7 * DAY,
            reservation_ms: DAY,
            orphan_ms: DAY,
            shared_orphan_ms: 3 * DAY,
            budget_in_group,
            budget_in_all: budget_in_group.times(8),
            late_after_ms: 15 * MINUTE,
            free_commits: 2,
            free_chain: 256,
            doubt_after_ms: 10 * MINUTE,
            silence_ms: 7 * DAY,
            hint_window_ms: 30 * DAY,
            hints: Hints::Entitled,
            hint_epochs: 8,
            hint_bytes: MIB as u64,
            presentation_interval_ms: HOUR,
            welcome_hold_ms: 7 * DAY,
            welcome_lifetime_ms: 30 * DAY,
            undelivered: Undelivered { welcomes: 1_000, bytes: 256 * MIB as u64 },
            ticket_ms: 23 * HOUR,
            first_backoff_ms: 2_000,
            longest_backoff_ms: 10 * MINUTE,
            lease_ms: 7 * DAY,
            unneeded_ms: HOUR,
            kept_bytes: 256 * KIB as u64,
            restore_ms: 30 * DAY,
            spread_partitions: 512,
            followed_max: 16_384,
            retention_ms: 30 * DAY,
            idle_ms: 180 * DAY,
            retry_after_seconds: 3600,
            forgotten: Forgotten::default(),
        }
    }
}
