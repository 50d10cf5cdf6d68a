//! `examples/two_members`, as an author of an app runs it.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Stdio};

use tokio::process::Command;

use crate::{
    process::{PATIENCE, PROGRAM},
    site::{HUB, Setting, Site, token_of},
};

/// Beside `restante`, where cargo puts examples.
fn program() -> PathBuf {
    let program = PathBuf::from(PROGRAM).with_file_name("examples").join("two_members");
    assert!(
        program.exists(),
        "{} is missing: run `cargo xtask test`, or `cargo build --example two_members` before these tests alone",
        program.display()
    );
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_talk_and_one_comes_back() {
    let site = Site::new(&[]).await;
    let hub = site.start(&Setting::new(HUB)).await;
    let (token, folder) = (site.of(HUB).join("token-of-the-app"), site.of("two-members"));
    fs::write(&token, token_of(HUB)).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let run = async || {
        let mut command = Command::new(program());
        command.arg(hub.local_tcp().to_string()).arg(&token).arg(HUB).arg(&folder);
        let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
        tokio::time::timeout(PATIENCE, output).await.expect("it ends in time").unwrap()
    };
    let output = run().await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let expected = [
        "Alice has founded a group",
        "Bob has joined; there are 2 members",
        "Bob hears: hello, Bob",
        "Bob is back, and hears: still there?",
        "Alice hears: here I am",
        "both are in epoch 2 and 2",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
    let again = run().await;
    assert!(!again.status.success() && again.stdout.is_empty(), "what is there is left alone");
}
