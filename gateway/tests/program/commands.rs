//! The commands of the operator.

use crate::{
    origin::Origin,
    process::{PATIENCE, run},
    site::Site,
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
    let first = site.command(&["keys", "init"]).await;
    assert_eq!(site.command(&["keys", "list"]).await, first);
    assert!(first.contains(" x25519 ") && first.contains(" in use ") && first.contains("\nlist sha256 "), "{first}");
    assert!(!run(&["keys", "init", "--config", &config]).await.status.success(), "there is one already");

    let rotated = site.command(&["keys", "rotate"]).await;
    assert_eq!(rotated.lines().count(), first.lines().count() + 1);
    assert!(rotated.contains(" published "), "{rotated}");
    let refused = run(&["keys", "rotate", "--config", &config]).await;
    assert!(String::from_utf8_lossy(&refused.stderr).contains("two keys of this KEM are live"));

    let id = first.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let retired = site.command(&["keys", "retire", &id]).await;
    assert_eq!(retired.lines().count(), first.lines().count());
    assert!(retired.contains(" in use ") && !retired.contains(" published "), "{retired}");
}

#[tokio::test]
async fn a_running_gateway_takes_changed_keys_on_sighup() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let running = site.start().await;
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
