//! File, environment and flags.

use super::*;

#[test]
fn the_defaults_are_those_of_the_protocol() {
    let limits = Limits::default();
    assert_eq!(
        (limits.application_message_bytes, limits.handshake_bytes, limits.welcome_bytes, limits.group_info_bytes),
        (256 << 10, 4 << 20, 16 << 20, 32 << 20)
    );
    assert_eq!((limits.page_bytes, limits.wait_seconds_max, limits.drain_seconds), (4 << 20, 50, 60));
    let policy = Policy::default();
    assert_eq!((policy.orphan_hours, policy.shared_orphan_hours, policy.group_id_reservation_hours), (24, 72, 24));
    assert_eq!(policy.partitions_per_provider_and_group, 64);
    assert_eq!((policy.bytes_per_provider_and_group, policy.all_groups_factor), (8 << 20, 8));
    assert_eq!((policy.hint_epochs_max, policy.hint_bytes_max, policy.hint_window_days), (8, 1 << 20, 30));
    assert_eq!((policy.inbox_entries_per_user, policy.inbox_bytes_per_user), (512, 256 << 20));
    assert_eq!((policy.inbox_bytes_max, policy.inbox_days), (8 << 30, 30));
    assert_eq!((policy.welcome_hold_days, policy.welcome_delivery_days), (7, 30));
    assert_eq!(policy.welcome_retry_seconds_max, 600);
    assert_eq!(policy.undelivered_welcomes_per_provider, 1000);
    assert_eq!(policy.undelivered_welcome_bytes_per_provider, 256 << 20);
    assert_eq!((limits.deliveries_max, limits.deliveries_per_provider), (32, 4));
    assert_eq!(limits.deliveries_in_flight_bytes_max, 128 << 20);
    assert_eq!(policy.late_minutes, 15);
}

#[test]
fn flags_stand_above_the_environment_and_that_above_the_file() {
    let folder = Folder::new();
    let environment = [
        ("RESTANTE_LOCAL__LISTEN", "[::1]:2"),
        ("RESTANTE_LIMITS__CONNECTIONS_MAX", "7"),
        ("RESTANTE_STORE__PATH", "/"),
        ("RESTANTE_PORT", "tcp://10.0.0.1:80"),
        ("RESTANTE_LOG", "debug"),
    ];
    let config = folder.load_layers(EXAMPLE, &environment, &[("limits.connections_max", "8")]).unwrap();
    assert_eq!(config.local.unwrap().listen.to_string(), "[::1]:2");
    assert_eq!(config.limits.connections_max, 8);
    assert_eq!(config.store.path, Path::new("/"));
    assert_eq!(config.provider.listen.unwrap().port(), 8443);
}

#[test]
fn peers_can_come_from_the_environment() {
    let peers = r#"[{id="a.example", url="https://127.0.0.1:1"}, {id="b.example", url="https://[::1]:2"}]"#;
    let config = Folder::new().load_layers(EXAMPLE, &[("RESTANTE_PEERS", peers)], &[]).unwrap();
    let ids: Vec<_> = config.peers.iter().map(|peer| peer.id.as_str()).collect();
    assert_eq!(ids, ["a.example", "b.example"]);
}

#[test]
fn relative_paths_start_where_they_were_written() {
    let folder = Folder::new();
    let config = folder.load(&replaced("\"127.0.0.1:8080\"", "\"unix:local.sock\"")).unwrap();
    assert_eq!(config.local.unwrap().listen, LocalAddress::Unix(folder.path("local.sock")));
    let config = folder.load_layers(EXAMPLE, &[], &[("store.path", "here")]).unwrap();
    assert_eq!(config.store.path, Path::new("here"));
}

#[test]
fn a_file_that_cannot_be_read_says_how_to_begin() {
    let sources = Sources { file: Path::new("/nonexistent/hub.toml"), environment: Vec::new(), flags: Vec::new() };
    let problems = Config::load(&sources, now()).unwrap_err().to_string();
    assert!(problems.contains("/nonexistent/hub.toml") && problems.contains("restante config example"), "{problems}");
}
