//! The commands of the operator.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    process::{Command, Stdio},
};

use crate::{
    origin::Origin,
    process::{PATIENCE, run},
    site::Site,
    wire,
};

fn unused() -> std::net::SocketAddr {
    "127.0.0.1:1".parse().unwrap()
}

#[tokio::test]
async fn keys_are_made_listed_rotated_and_retired() {
    let site = Site::new(unused(), "");
    let config = site.config();
    let missing = run(&["keys", "list", "--config", &config]).await;
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("keys init"));
    assert!(!site.path("keys").exists(), "looking makes nothing");
    let first = site.command(&["keys", "init"]).await;
    assert_eq!(site.command(&["keys", "list"]).await, first);
    assert!(first.contains(" x25519 ") && first.contains(" in use ") && first.contains("\nlist sha256 "), "{first}");
    assert!(!run(&["keys", "init", "--config", &config]).await.status.success(), "there is one already");

    let rotated = site.command(&["keys", "rotate"]).await;
    assert_eq!(rotated.lines().count(), first.lines().count() + 1);
    assert!(rotated.contains(" published "), "{rotated}");
    let refused = run(&["keys", "rotate", "--config", &config]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("two keys of one KEM are live"));
    let refused = run(&["keys", "rotate", "--config", &config, "--kem", "x-wing"]).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("keys.x_wing = true"), "{said}");

    let id = first.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let unasked = run(&["keys", "retire", "--config", &config, &id]).await;
    let said = String::from_utf8_lossy(&unasked.stderr);
    assert!(unasked.status.code() == Some(1) && said.contains("say --yes"), "{said}");
    assert_eq!(site.command(&["keys", "list"]).await, rotated, "nobody was asked, and nothing was done");
    let retired = site.command(&["keys", "retire", &id, "--yes"]).await;
    assert_eq!(retired.lines().count(), first.lines().count());
    assert!(retired.contains(" in use ") && !retired.contains(" published "), "{retired}");
}

/// What root makes for a service that runs as somebody else: all of it can be used by the service.
#[tokio::test]
async fn what_is_made_belongs_to_whom_its_folder_belongs_to() {
    let site = Site::new(unused(), "");
    let before = fs::metadata(site.path("")).unwrap();
    // Only root can give a folder away, and not even root in some containers.
    let is_given = before.uid() == 0 && chown(site.path(""), Some(4711), Some(4712)).is_ok();
    let wanted = if is_given { (4711, 4712) } else { (before.uid(), before.gid()) };
    site.command(&["keys", "init"]).await;
    for name in ["seal-key", "keys", "keys/keyring", "keys/keyring.lock", "replays", "replays/lock", "replays/floor"] {
        let metadata = fs::metadata(site.path(name)).unwrap();
        assert_eq!((metadata.uid(), metadata.gid()), wanted, "{name}");
    }
}

/// The schedule says that an X-Wing key is due, and whoever only looks leaves that to the gateway.
#[tokio::test]
async fn listing_keys_changes_nothing() {
    let site = Site::new(unused(), "");
    let config = site.config();
    let first = site.command(&["keys", "init"]).await;
    fs::remove_file(site.path("keys/keyring.lock")).unwrap();
    let before = fs::read(site.path("keys/keyring")).unwrap();
    let listed = run(&["keys", "list", "--config", &config, "--set", "keys.x_wing=true"]).await;
    assert_eq!(String::from_utf8(listed.stdout).unwrap(), first, "{}", String::from_utf8_lossy(&listed.stderr));
    assert_eq!(fs::read(site.path("keys/keyring")).unwrap(), before);
    let left: Vec<_> = fs::read_dir(site.path("keys")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["keyring"]);
    let rotated = site.command(&["keys", "rotate", "--set", "keys.x_wing=true"]).await;
    assert!(rotated.contains(" x-wing "), "{rotated}");
}

/// What is wrong is said by closed words: in the log, which is all JSON, and by the operator's listener.
#[tokio::test]
async fn a_reload_that_fails_names_nothing_and_changes_nothing() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let running = site.start().await;
    let set_mode = |mode| fs::set_permissions(site.path("keys/keyring"), fs::Permissions::from_mode(mode)).unwrap();
    set_mode(0o644);
    running.process.signal("HUP").await;
    running.process.has_logged("keys were not taken").await;
    let (status, told) = running.admin("/readyz").await;
    assert!(status == 200 && told.starts_with("ready\nthe keyring cannot be read or written"), "{status} {told}");
    assert!(running.admin("/metrics").await.1.contains("restante_gateway_key_refreshes_total{outcome=\"failed\"} 1\n"));
    assert_eq!(running.ask("question").await.0, 200);
    set_mode(0o600);
    running.process.signal("HUP").await;
    running.process.has_logged("\"reloaded\"").await;
    assert_eq!(running.admin("/readyz").await, (200, "ready\n".to_owned()));
    fs::write(site.path("pki/follower.example.pem"), "garbage").unwrap();
    running.process.signal("HUP").await;
    running.process.has_logged("the new configuration was not taken").await;
    assert_eq!(running.ask("question").await.0, 200);
    let logged = running.process.logged();
    for line in logged.lines() {
        assert!(line.starts_with('{') && line.ends_with('}'), "{line}");
        assert!(!line.contains(site.path("").to_str().unwrap()) && !line.contains("pem"), "{line}");
    }
}

/// Who connects behind a reload is shown the new certificate, and it fits its key.
#[tokio::test]
async fn a_reload_shows_the_new_certificate() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let running = site.start().await;
    let shown = async || {
        let stream = wire::connect(running.address, &running.pki, None).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let before = shown().await;
    site.renew("follower.example", 2100);
    assert_eq!(shown().await, before, "nobody has asked for it yet");
    running.process.signal("HUP").await;
    running.process.has_logged("\"reloaded\"").await;
    assert_ne!(shown().await, before);
    // `date -u -d 2100-01-01 +%s`
    let expires = "\nrestante_gateway_certificate_expires_timestamp_seconds 4102444800\n";
    assert!(running.admin("/metrics").await.1.contains(expires));
    assert_eq!(running.ask("question").await.0, 200);
}

#[tokio::test]
async fn a_running_gateway_takes_changed_keys_on_sighup() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let running = site.start().await;
    // Somebody whose disk is not there is not left with other keys without a word.
    assert!(running.process.logged().contains("a keyring was made"), "{}", running.process.logged());
    let list = running.list().await;
    site.command(&["keys", "rotate"]).await;
    assert_eq!(running.list().await, list);
    running.process.signal("HUP").await;
    let changed = async { while running.list().await == list {} };
    tokio::time::timeout(PATIENCE, changed).await.expect("the new list in time");
    assert_eq!(running.list().await.len(), 2 * list.len());
    assert_eq!(running.ask("with the first key").await.0, 200);
}

#[tokio::test]
async fn configurations_are_checked_and_begun() {
    let site = Site::new(unused(), "");
    assert_eq!(site.command(&["config", "check"]).await, "the configuration is fine\n");
    let example = run(&["config", "example"]).await;
    assert!(example.status.success() && String::from_utf8_lossy(&example.stdout).contains("[[routes]]"));
    std::fs::write(site.config(), "[gatewy]\n").unwrap();
    for command in ["config check", "serve", "keys list"] {
        let words: Vec<&str> = command.split(' ').chain(["--config"]).collect();
        let config = site.config();
        let output = run(&[words, vec![&config]].concat()).await;
        assert_eq!(output.status.code(), Some(78), "{command}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("did you mean `gateway`?"), "{command}");
    }
    assert_eq!(run(&["serve"]).await.status.code(), Some(2));
}

/// As in `restante-gateway … | head`.
#[test]
fn whoever_stops_reading_is_told_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_restante-gateway"));
    let output = command.args(["config", "example"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}
