//! What a new configuration changes in a process that runs by an old one.

use super::*;

/// Every key of the sample file with another value, one at a time.
fn changed(key: &str) -> Config {
    let folder = Folder::new();
    folder.load_layers(EXAMPLE, &[], &[(key, "7")]).unwrap()
}

#[test]
fn nothing_is_changed_by_the_same_configuration() {
    let folder = Folder::new();
    let config = folder.load(EXAMPLE).unwrap();
    assert_eq!(config.clone().reloaded_over(&config), (config, Changes::default()));
}

#[test]
fn a_change_is_taken_or_left_and_what_is_left_stays() {
    let folder = Folder::new();
    let old = folder.load(EXAMPLE).unwrap();
    let text = replaced("[limits]\n", "[limits]\nwait_seconds_max = 7\nconnections_max = 77\n")
        .replace("[policy]\n", "[policy]\norphan_hours = 1\nwelcome_preflight = true\n")
        .replace("127.0.0.1:8443", "127.0.0.1:9443")
        .replace("https://follower.example:8443", "https://follower.example:9443");
    let new = folder.load(&text).unwrap();
    let (mixed, changes) = new.clone().reloaded_over(&old);
    assert_eq!(changes.taken, ["limits.wait_seconds_max", "policy.orphan_hours", "peers"]);
    assert_eq!(changes.left, ["provider.listen", "limits.connections_max", "policy.welcome_preflight"]);
    let limits = Limits { wait_seconds_max: 7, ..old.limits };
    let policy = Policy { orphan_hours: 1, ..old.policy.clone() };
    assert_eq!(mixed, Config { limits, policy, peers: new.peers, ..old });
}

#[test]
fn tables_that_come_or_go_wait_for_a_restart() {
    let folder = Folder::new();
    let whole = folder.load(EXAMPLE).unwrap();
    let without = Config { local: None, ..whole.clone() };
    for (old, new) in [(&whole, &without), (&without, &whole)] {
        let (mixed, changes) = new.clone().reloaded_over(old);
        assert_eq!((&mixed, changes.left, changes.taken), (old, vec!["local"], vec![]));
    }
}

/// Names of changes are names of settings: an operator looks for them in the file.
#[test]
fn every_number_is_told_by_its_name() {
    let folder = Folder::new();
    let old = folder.load(EXAMPLE).unwrap();
    let (_, changes) = changed("policy.late_minutes").reloaded_over(&old);
    let names: Vec<_> = changes.taken.iter().filter(|name| name.starts_with("policy.")).copied().collect();
    assert_eq!(names, ["policy.late_minutes"]);
    // The folder is another one, and so are all paths.
    assert_eq!(changes.left, ["store.path"]);
}
