//! Limits and policy.

use super::*;

#[test]
fn numbers_of_key_packages_that_contradict_each_other_are_refused() {
    for (key, value) in
        [("key_packages_per_client", "1025"), ("key_package_low_water_mark", "257"), ("clients_per_user", "257")]
    {
        let flags = [(format!("policy.{key}"), value)];
        let flags: Vec<_> = flags.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let problems = Folder::new().load_layers(EXAMPLE, &[], &flags).unwrap_err();
        assert_problems(&problems, &[&format!("policy.{key}: ")]);
    }
}

/// Half of a user's room, and a quarter of all, must hold the longest Welcome with its tree.
#[test]
fn inboxes_that_could_never_take_a_welcome_are_refused() {
    let longest = (16 << 20) + (32 << 20) + 1024;
    for (key, value, is_good) in [
        ("inbox_entries_per_user", 0, false),
        ("inbox_days", 0, false),
        ("inbox_bytes_per_user", 2 * longest - 1, false),
        ("inbox_bytes_per_user", 2 * longest, true),
        ("inbox_bytes_max", 4 * longest - 1, false),
        ("inbox_bytes_max", 4 * longest, true),
    ] {
        let (key, value) = (format!("policy.{key}"), value.to_string());
        match Folder::new().load_layers(EXAMPLE, &[], &[(&key, &value)]) {
            Ok(_) => assert!(is_good, "{key} = {value}"),
            Err(problems) => {
                assert!(!is_good, "{problems}");
                assert_problems(&problems, &[&format!("{key}: ")]);
            }
        }
    }
}

#[test]
fn limits_that_would_stop_all_traffic_are_refused() {
    let folder = Folder::new();
    let limit = |key: &str, value: &str| folder.load_layers(EXAMPLE, &[], &[(key, value)]).err().unwrap_or_default();
    assert_problems(&limit("limits.connections_max", "0"), &["--set limits.connections_max: 0 would refuse"]);
    assert_problems(&limit("limits.in_flight_bytes_max", "1000"), &["give at least 54591488"]);
    let pages = limit("limits.responses_in_flight_bytes_max", "16777215");
    assert_problems(&pages, &["give at least 16777216"]);
    assert_problems(&limit("limits.responses_in_flight_bytes_max", "16777216"), &[]);
    assert_problems(&limit("limits.wait_seconds_max", "0"), &[]);
    assert_problems(&limit("policy.hint_epochs_max", "0"), &[]);
    assert_problems(&limit("policy.all_groups_factor", "0"), &["policy.all_groups_factor: 0 would leave"]);
}

#[test]
fn a_group_does_not_end_before_what_is_in_it() {
    let folder = Folder::new();
    let policy = |key: &str, value: &str| folder.load_layers(EXAMPLE, &[], &[(key, value)]).err().unwrap_or_default();
    let long = policy("policy.retention_days", "500");
    assert_problems(&long, &["--set policy.retention_days: a group that nobody uses would end after 180 days"]);
    let short = policy("policy.group_idle_days", "29");
    assert_problems(&short, &["--set policy.group_idle_days: a group that nobody uses would end after 29 days"]);
    assert_problems(&policy("policy.retention_days", "180"), &[]);
}

#[test]
fn welcomes_are_tried_again_neither_all_the_time_nor_hardly_ever() {
    let folder = Folder::new();
    for (seconds, is_good) in [("0", false), ("1", false), ("2", true), ("3600", true), ("3601", false)] {
        let loaded = folder.load_layers(EXAMPLE, &[], &[("policy.welcome_retry_seconds_max", seconds)]);
        assert_eq!(loaded.is_ok(), is_good, "{seconds}");
        if let Err(problems) = loaded {
            assert_problems(&problems, &["--set policy.welcome_retry_seconds_max: a provider that is away"]);
        }
    }
}
