//! The operator's numbers as the sequencer and the pool take them.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    config::{self, Config},
    pool::{self, InboxPolicy, Rate, Room},
    sequencer::{GroupInfoAccess, Hints, Policy, SizeLimits, Undelivered, Usage},
    wire::ServiceProviderId,
};

/// The operator's numbers as the sequencer takes them.
pub(super) fn policy(config: &Config) -> Policy {
    const HOUR_MS: u64 = 3_600_000;
    let (limits, written) = (&config.limits, &config.policy);
    let budget_in_group = Usage {
        partitions: written.partitions_per_provider_and_group.into(),
        bytes: written.bytes_per_provider_and_group,
    };
    let peers = config.peers.iter().map(|peer| peer.id.clone());
    let providers: BTreeSet<ServiceProviderId> = peers.chain([config.provider.id.clone()]).collect();
    Policy {
        providers: Arc::new(providers),
        hub: Some(config.provider.id.clone()),
        sizes: SizeLimits {
            application: limits.application_message_bytes,
            handshake: limits.handshake_bytes,
            welcome: limits.welcome_bytes,
            group_info: limits.group_info_bytes,
        },
        group_info: match written.group_info {
            config::GroupInfoAccess::Peers => GroupInfoAccess::Peers,
            config::GroupInfoAccess::Token => GroupInfoAccess::Token,
            config::GroupInfoAccess::Open => GroupInfoAccess::Open,
        },
        reservation_ms: u64::from(written.group_id_reservation_hours) * HOUR_MS,
        orphan_ms: u64::from(written.orphan_hours) * HOUR_MS,
        shared_orphan_ms: u64::from(written.shared_orphan_hours) * HOUR_MS,
        budget_in_group,
        budget_in_all: budget_in_group.times(written.all_groups_factor.into()),
        late_after_ms: u64::from(written.late_minutes) * 60_000,
        welcome_hold_ms: u64::from(written.welcome_hold_days) * 24 * HOUR_MS,
        welcome_lifetime_ms: u64::from(written.welcome_delivery_days) * 24 * HOUR_MS,
        longest_backoff_ms: u64::from(written.welcome_retry_seconds_max) * 1000,
        undelivered: Undelivered {
            welcomes: written.undelivered_welcomes_per_provider.into(),
            bytes: written.undelivered_welcome_bytes_per_provider,
        },
        cipher_suites: Arc::new(written.cipher_suites.iter().copied().collect()),
        group_members_max: written.group_members_max,
        retention_ms: u64::from(written.retention_days) * 24 * HOUR_MS,
        idle_ms: u64::from(written.group_idle_days) * 24 * HOUR_MS,
        hint_window_ms: u64::from(written.hint_window_days) * 24 * HOUR_MS,
        hints: match written.hints {
            config::Hints::Entitled => Hints::Entitled,
            config::Hints::Forward => Hints::Forward,
        },
        hint_epochs: written.hint_epochs_max,
        hint_bytes: written.hint_bytes_max,
        ..Policy::default()
    }
}

/// The operator's numbers about KeyPackages and tokens.
pub(super) fn pool_policy(config: &Config) -> pool::Policy {
    const HOUR_MS: u64 = 3_600_000;
    let written = &config.policy;
    let hourly = |burst, fetches: u32| Rate { burst, each: Duration::from_secs(3600) / fetches.max(1) };
    let default = pool::Policy::default();
    pool::Policy {
        stock_items: written.key_packages_per_client,
        low_water_mark: written.key_package_low_water_mark,
        clients: written.clients_per_user,
        token_rate: hourly(default.token_rate.burst, written.fetches_per_token_and_hour),
        target_rate: hourly(default.target_rate.burst, written.fetches_per_user_and_hour),
        inbox: InboxPolicy {
            per_user: Room { letters: written.inbox_entries_per_user, bytes: written.inbox_bytes_per_user },
            bytes_max: written.inbox_bytes_max,
            letter_ms: u64::from(written.inbox_days) * 24 * HOUR_MS,
            ..default.inbox.clone()
        },
        ..default
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::RateLimits;

    #[test]
    fn the_configuration_s_defaults_are_the_sequencer_s() {
        let limits = crate::config::Limits::default();
        let sizes = Policy::default().sizes;
        assert_eq!(limits.application_message_bytes, sizes.application);
        assert_eq!(limits.handshake_bytes, sizes.handshake);
        assert_eq!(limits.welcome_bytes, sizes.welcome);
        assert_eq!(limits.group_info_bytes, sizes.group_info);
        let (written, policy) = (crate::config::Policy::default(), Policy::default());
        assert_eq!(u64::from(written.orphan_hours) * 3_600_000, policy.orphan_ms);
        assert_eq!(u64::from(written.shared_orphan_hours) * 3_600_000, policy.shared_orphan_ms);
        assert_eq!(u64::from(written.partitions_per_provider_and_group), policy.budget_in_group.partitions);
        assert_eq!(written.bytes_per_provider_and_group, policy.budget_in_group.bytes);
        assert_eq!(u64::from(written.group_id_reservation_hours) * 3_600_000, policy.reservation_ms);
        assert_eq!(written.hint_epochs_max, policy.hint_epochs);
        assert_eq!(written.hint_bytes_max, policy.hint_bytes);
        assert_eq!(u64::from(written.hint_window_days) * 24 * 3_600_000, policy.hint_window_ms);
        assert_eq!(u64::from(written.welcome_hold_days) * 24 * 3_600_000, policy.welcome_hold_ms);
        assert_eq!(u64::from(written.welcome_delivery_days) * 24 * 3_600_000, policy.welcome_lifetime_ms);
        assert_eq!(u64::from(written.welcome_retry_seconds_max) * 1000, policy.longest_backoff_ms);
        assert_eq!(u64::from(written.undelivered_welcomes_per_provider), policy.undelivered.welcomes);
        assert_eq!(written.undelivered_welcome_bytes_per_provider, policy.undelivered.bytes);
        assert_eq!(u64::from(written.late_minutes) * 60_000, policy.late_after_ms);
        let rates = |bytes| {
            RateLimits::per_second(
                written.messages_per_provider_and_second,
                written.messages_per_provider_group_and_second,
                written.messages_per_user_and_second,
                bytes,
            )
        };
        assert_eq!(rates(64 * 1024 * 1024), RateLimits::default());
        assert_eq!(u64::from(written.retention_days) * 24 * 3_600_000, policy.retention_ms);
        assert_eq!(u64::from(written.group_idle_days) * 24 * 3_600_000, policy.idle_ms);
        let pool = pool::Policy::default();
        assert_eq!(written.key_packages_per_client, pool.stock_items);
        assert_eq!(written.key_package_low_water_mark, pool.low_water_mark);
        assert_eq!(written.clients_per_user, pool.clients);
        assert_eq!(written.inbox_entries_per_user, pool.inbox.per_user.letters);
        assert_eq!(written.inbox_bytes_per_user, pool.inbox.per_user.bytes);
        assert_eq!(written.inbox_bytes_max, pool.inbox.bytes_max);
        assert_eq!(u64::from(written.inbox_days) * 24 * 3_600_000, pool.inbox.letter_ms);
        assert_eq!(Duration::from_secs(3600) / written.fetches_per_token_and_hour, pool.token_rate.each);
        assert_eq!(Duration::from_secs(3600) / written.fetches_per_user_and_hour, pool.target_rate.each);
    }
}
