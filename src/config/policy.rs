//! `[policy]`: the numbers with which a hub sequences. Each is a policy of `specs/protocol.md`, not a wire format.

use std::ops::RangeInclusive;

use serde::Deserialize;

use super::{Limits, Problems};

/// Who is given the GroupInfo of a group, with which it can be joined from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupInfoAccess {
    /// Providers that used the group.
    Peers,
    /// Whoever shows a join token.
    Token,
    /// Every peer.
    Open,
}

/// Who is given hints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hints {
    /// Whoever is entitled to them.
    Entitled,
    /// In groups with encrypted handshakes, everyone who asks with a key of the group.
    Forward,
}

/// Budgets and times of sequencing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How long an orphan is kept that only one provider used.
    pub orphan_hours: u32,
    /// How long an orphan is kept that two providers used.
    pub shared_orphan_hours: u32,
    /// The most metered partitions of one provider in one group.
    pub partitions_per_provider_and_group: u32,
    /// The most metered bytes of one provider in one group.
    pub bytes_per_provider_and_group: u64,
    /// A provider's budget over all groups is this many times its budget in one group.
    pub all_groups_factor: u32,
    /// How long a minted group id waits for its group.
    pub group_id_reservation_hours: u32,
    /// Who is given hints.
    pub hints: Hints,
    /// The most hinted epochs in one answer; 0 gives none.
    pub hint_epochs_max: usize,
    /// The most bytes of hinted epochs in one answer.
    pub hint_bytes_max: u64,
    /// Who is given the GroupInfo of a group.
    pub group_info: GroupInfoAccess,
    /// For how long a provider that presented a partition key is given that partition as a hint.
    pub hint_window_days: u32,
    /// The most one-time KeyPackages of a client for one suite.
    pub key_packages_per_client: usize,
    /// A client with fewer KeyPackages than this is told to upload more.
    pub key_package_low_water_mark: u32,
    /// The most clients of a user.
    pub clients_per_user: usize,
    /// Fetches for each hour that one unique token opens in the long run.
    pub fetches_per_token_and_hour: u32,
    /// Fetches of a user's one-time KeyPackages for each hour in the long run; beyond it the last-resort one is given.
    pub fetches_per_user_and_hour: u32,
    /// The most Welcomes that wait for a user, over all clients. Half of them may be from one hub.
    pub inbox_entries_per_user: u32,
    /// The most bytes of Welcomes and trees that wait for a user. Half of them may be from one hub.
    pub inbox_bytes_per_user: u64,
    /// The most bytes of Welcomes and trees that wait for all users. A quarter of them may be from one hub.
    pub inbox_bytes_max: u64,
    /// How long a Welcome waits for its client.
    pub inbox_days: u32,
    /// How long a Welcome is held until somebody presents the key of the partition that it opens.
    pub welcome_hold_days: u32,
    /// Whether providers are asked before a commit with a Welcome is sequenced, and may refuse it.
    pub welcome_preflight: bool,
    /// For how long it is tried to deliver a Welcome.
    pub welcome_delivery_days: u32,
    /// How long it takes at most until what could not be delivered is tried again.
    pub welcome_retry_seconds_max: u32,
    /// The most Welcomes of one submitting provider that are not delivered yet.
    pub undelivered_welcomes_per_provider: u32,
    /// The most bytes of them.
    pub undelivered_welcome_bytes_per_provider: u64,
    /// The cipher suites that our users may create groups with; empty for all.
    pub cipher_suites: Vec<u16>,
    /// The most members of a group whose handshakes are public.
    pub group_members_max: usize,
    /// How often other hubs are asked which of our users they ban.
    pub bans_refresh_minutes: u32,
    /// What each other provider may have sequenced in a second in the long run, in units of 64 KiB begun.
    pub messages_per_provider_and_second: u32,
    /// The same in one group.
    pub messages_per_provider_group_and_second: u32,
    /// The same of each of our own users, in groups of whatever hub.
    pub messages_per_user_and_second: u32,
    /// How long a partition stays after it was superseded, and a group after it was deleted.
    pub retention_days: u32,
    /// How long a group lives that nobody uses.
    pub group_idle_days: u32,
    /// After this long a partition whose dominant child is in use counts what is still sent to it as late.
    pub late_minutes: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            orphan_hours: 24,
            shared_orphan_hours: 72,
            partitions_per_provider_and_group: 64,
            bytes_per_provider_and_group: 8 * 1024 * 1024,
            all_groups_factor: 8,
            group_id_reservation_hours: 24,
            hints: Hints::Entitled,
            hint_epochs_max: 8,
            hint_bytes_max: 1024 * 1024,
            group_info: GroupInfoAccess::Peers,
            hint_window_days: 30,
            key_packages_per_client: 256,
            key_package_low_water_mark: 20,
            clients_per_user: 64,
            fetches_per_token_and_hour: 6,
            fetches_per_user_and_hour: 60,
            inbox_entries_per_user: 512,
            inbox_bytes_per_user: 256 * 1024 * 1024,
            inbox_bytes_max: 8 * 1024 * 1024 * 1024,
            inbox_days: 30,
            welcome_hold_days: 7,
            welcome_preflight: false,
            welcome_delivery_days: 30,
            welcome_retry_seconds_max: 600,
            undelivered_welcomes_per_provider: 1_000,
            undelivered_welcome_bytes_per_provider: 256 * 1024 * 1024,
            cipher_suites: Vec::new(),
            group_members_max: 100_000,
            bans_refresh_minutes: 15,
            messages_per_provider_and_second: 5_000,
            messages_per_provider_group_and_second: 500,
            messages_per_user_and_second: 100,
            retention_days: 30,
            group_idle_days: 180,
            late_minutes: 15,
        }
    }
}

impl Policy {
    const KEY_PACKAGES_MAX: usize = 1024;
    const CLIENTS_MAX: usize = 256;
    const BANS_REFRESH_MAX: u32 = 24 * 60;
    /// Units of a second that are told apart: one each microsecond.
    const RATE_MAX: u32 = 1_000_000;
    /// The first pause is as long as the least (specs/protocol.md V8).
    const WELCOME_RETRY: RangeInclusive<u32> = 2..=3600;

    pub(super) fn check(&self, place: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let mut refuse = |key: &str, sentence: &str| problems.add(place(&format!("policy.{key}")), sentence.to_owned());
        if self.shared_orphan_hours < self.orphan_hours {
            refuse(
                "shared_orphan_hours",
                "an orphan that two providers used must not age out sooner than one that a single provider made; \
                 give at least policy.orphan_hours",
            );
        }
        if self.orphan_hours == 0 {
            refuse("orphan_hours", "0 would drop partitions before their commit can arrive; give at least 1");
        }
        if self.partitions_per_provider_and_group == 0 {
            refuse(
                "partitions_per_provider_and_group",
                "0 would refuse sends that arrive before the commit that announces them; give at least 1",
            );
        }
        if self.bytes_per_provider_and_group == 0 {
            refuse(
                "bytes_per_provider_and_group",
                "0 would refuse sends that arrive before the commit that announces them; give at least 1",
            );
        }
        if self.all_groups_factor == 0 {
            refuse("all_groups_factor", "0 would leave providers no budget at all; give at least 1");
        }
        for (key, is_zero) in [
            ("key_packages_per_client", self.key_packages_per_client == 0),
            ("clients_per_user", self.clients_per_user == 0),
            ("fetches_per_token_and_hour", self.fetches_per_token_and_hour == 0),
            ("fetches_per_user_and_hour", self.fetches_per_user_and_hour == 0),
        ] {
            if is_zero {
                refuse(key, "0 would let nobody be added to a group; give at least 1");
            }
        }
        if self.key_packages_per_client > Self::KEY_PACKAGES_MAX {
            refuse("key_packages_per_client", "makes rows that every fetch has to read too long; give at most 1024");
        }
        if usize::try_from(self.key_package_low_water_mark).is_ok_and(|mark| mark > self.key_packages_per_client) {
            refuse(
                "key_package_low_water_mark",
                "is more than a client may store, so that clients would upload for ever; give at most \
                 policy.key_packages_per_client",
            );
        }
        if self.clients_per_user > Self::CLIENTS_MAX {
            refuse("clients_per_user", "a user can have at most 256 stocks over all clients; give at most 256");
        }
        for (key, is_zero) in [
            ("welcome_hold_days", self.welcome_hold_days == 0),
            ("welcome_delivery_days", self.welcome_delivery_days == 0),
            ("undelivered_welcomes_per_provider", self.undelivered_welcomes_per_provider == 0),
            ("undelivered_welcome_bytes_per_provider", self.undelivered_welcome_bytes_per_provider == 0),
        ] {
            if is_zero {
                refuse(key, "0 would let nobody be welcomed to a group; give at least 1");
            }
        }
        if !Self::WELCOME_RETRY.contains(&self.welcome_retry_seconds_max) {
            refuse(
                "welcome_retry_seconds_max",
                "a provider that is away must not be asked all the time, and one that is back is to get its Welcomes within the \
                 hour; give 2 to 3600",
            );
        }
        if let Some(twice) =
            self.cipher_suites.iter().find(|suite| self.cipher_suites.iter().filter(|other| other == suite).count() > 1)
        {
            refuse("cipher_suites", &format!("{twice} stands there twice; take one out"));
        }
        if self.cipher_suites.contains(&0) {
            refuse("cipher_suites", "0 is reserved and no group has it; give numbers of RFC 9420 §17.1, or [] for all");
        }
        if self.group_members_max < 2 {
            refuse("group_members_max", "nobody could talk to anybody; give at least 2");
        }
        if self.bans_refresh_minutes == 0 || self.bans_refresh_minutes > Self::BANS_REFRESH_MAX {
            refuse(
                "bans_refresh_minutes",
                "bans must take effect within a day, and hubs not be asked all the time; give 1 to 1440",
            );
        }
        for (key, per_second) in [
            ("messages_per_provider_and_second", self.messages_per_provider_and_second),
            ("messages_per_provider_group_and_second", self.messages_per_provider_group_and_second),
            ("messages_per_user_and_second", self.messages_per_user_and_second),
        ] {
            if per_second == 0 {
                refuse(key, "0 would let nobody send anything; give at least 1");
            }
            if per_second > Self::RATE_MAX {
                refuse(key, "is more than any hub sequences, and limits nobody; give at most 1000000");
            }
        }
        if self.messages_per_provider_group_and_second > self.messages_per_provider_and_second {
            refuse(
                "messages_per_provider_group_and_second",
                "is more than the provider may send to all groups together; give at most \
                 policy.messages_per_provider_and_second",
            );
        }
        if self.retention_days == 0 {
            refuse("retention_days", "0 would remove messages before everybody has read them; give at least 1");
        }
        let (idle, retention) = (self.group_idle_days, self.retention_days);
        if idle < retention {
            // What was left as it is by default is not what has to be put right.
            let key = if idle == Self::default().group_idle_days { "retention_days" } else { "group_idle_days" };
            refuse(
                key,
                &format!(
                    "a group that nobody uses would end after {idle} days, before what was superseded in it is removed \
                     after {retention}; give policy.group_idle_days at least policy.retention_days"
                ),
            );
        }
        if self.group_id_reservation_hours == 0 {
            refuse("group_id_reservation_hours", "0 would let no group be created; give at least 1");
        }
    }

    /// A mailbox that could never take the longest Welcome with its tree would refuse it for ever.
    pub(super) fn check_inboxes(&self, limits: &Limits, place: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let mut refuse = |key: &str, sentence: String| problems.add(place(&format!("policy.{key}")), sentence);
        for (key, is_zero) in
            [("inbox_entries_per_user", self.inbox_entries_per_user == 0), ("inbox_days", self.inbox_days == 0)]
        {
            if is_zero {
                refuse(key, "0 would let nobody be welcomed to a group; give at least 1".to_owned());
            }
        }
        let longest = limits.welcome_bytes.saturating_add(limits.group_info_bytes).saturating_add(1024) as u64;
        for (key, bytes, share) in
            [("inbox_bytes_per_user", self.inbox_bytes_per_user, 2), ("inbox_bytes_max", self.inbox_bytes_max, 4)]
        {
            let least = longest.saturating_mul(share);
            if bytes < least {
                refuse(
                    key,
                    format!(
                        "{bytes} bytes, of which one hub may have a part, do not hold the longest Welcome with its tree; \
                         give at least {least}, or lower limits.welcome_bytes and limits.group_info_bytes"
                    ),
                );
            }
        }
    }
}
