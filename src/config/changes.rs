//! What a new configuration changes in a process that runs by an old one.
//!
//! Every field is named here once: one that is added does not compile until it is said what a reload does with it.
//!
//! # Privacy
//! Changes are told by the names of settings, which come from a closed set, and never by their values.

use super::{Config, Limits, Local, Policy, Provider, Public, Store};

/// Names of settings, as they stand in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that a reload takes over.
    pub taken: Vec<&'static str>,
    /// Those that stay as they are until a restart.
    pub left: Vec<&'static str>,
}

/// Compares two tables, and gives the new one the old values of what is left.
macro_rules! merge {
    ($changes:ident, $name:literal, $table:ident, $old:expr, $new:expr;
     taken: $($taken:ident)*; left: $($left:ident)*) => {{
        let $table { $($taken: _,)* $($left: _,)* } = $old;
        $(if $old.$taken != $new.$taken {
            $changes.taken.push(concat!($name, ".", stringify!($taken)));
        })*
        $(if $old.$left != $new.$left {
            $changes.left.push(concat!($name, ".", stringify!($left)));
            $new.$left = $old.$left.clone();
        })*
    }};
}

impl Config {
    /// This configuration as a process can take it over that runs by `old`: settings that need a restart are as they were
    /// there. It has not been checked whether what was mixed in this way fits together.
    #[must_use]
    pub fn reloaded_over(self, old: &Self) -> (Self, Changes) {
        let (mut new, mut changes) = (self, Changes::default());
        // Named, so that a new table is not forgotten.
        let Self { provider: _, public: _, local: _, store: _, export: _, limits: _, policy: _, peers: _ } = old;
        merge!(changes, "provider", Provider, &old.provider, new.provider;
            taken: cert_file key_file ca_file; left: id listen push);
        match (&old.public, &mut new.public) {
            (Some(old), Some(new)) => merge!(changes, "public", Public, old, new;
                taken: cert_file key_file;
                left: listen relays keys_path seal_key_file x_wing
                      requests_per_second_and_relay requests_per_second_of_others),
            (None, None) => {}
            (old, new) => {
                changes.left.push("public");
                new.clone_from(old);
            }
        }
        match (&old.local, &mut new.local) {
            (Some(old), Some(new)) => merge!(changes, "local", Local, old, new;
                taken: service_token_file; left: listen),
            (None, None) => {}
            (old, new) => {
                changes.left.push("local");
                new.clone_from(old);
            }
        }
        merge!(changes, "store", Store, &old.store, new.store; taken: ; left: path backup_path backups_kept cache_bytes);
        merge!(changes, "limits", Limits, &old.limits, new.limits;
            taken: application_message_bytes handshake_bytes welcome_bytes group_info_bytes page_bytes
                   wait_seconds_max waiting_per_provider request_body_timeout_seconds;
            left: connections_max header_read_timeout_seconds response_timeout_seconds idle_timeout_seconds
                  in_flight_bytes_max responses_in_flight_bytes_max deliveries_max deliveries_per_provider
                  deliveries_in_flight_bytes_max public_states_bytes_max drain_seconds);
        merge!(changes, "policy", Policy, &old.policy, new.policy;
            taken: orphan_hours shared_orphan_hours partitions_per_provider_and_group bytes_per_provider_and_group
                   all_groups_factor group_id_reservation_hours hints hint_epochs_max hint_bytes_max group_info
                   hint_window_days key_packages_per_client key_package_low_water_mark clients_per_user
                   fetches_per_token_and_hour fetches_per_user_and_hour inbox_entries_per_user inbox_bytes_per_user
                   inbox_bytes_max inbox_days welcome_hold_days welcome_delivery_days
                   welcome_retry_seconds_max undelivered_welcomes_per_provider
                   undelivered_welcome_bytes_per_provider cipher_suites
                   group_members_max bans_refresh_minutes messages_per_provider_and_second
                   messages_per_provider_group_and_second messages_per_user_and_second retention_days
                   group_idle_days late_minutes;
            left: welcome_preflight);
        if old.export != new.export {
            changes.taken.push("export");
        }
        if old.peers != new.peers {
            changes.taken.push("peers");
        }
        (new, changes)
    }
}
