//! The local listener on a unix socket: served, taken over when it is stale, gone at the end.

use std::os::unix::fs::FileTypeExt;

use crate::{
    people::Person,
    site::{HUB, Setting, Site},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_serves_is_taken_over_and_goes_away() {
    let site = Site::new(&[]).await;
    let setting = Setting { local: "unix:local.sock".to_owned(), ..Setting::new(HUB) };
    let socket = site.of(HUB).join("local.sock");
    let mut hub = site.start(&setting).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    alice.say(&group, 0, "over a socket").await.unwrap();

    // The process is killed and leaves its socket behind; the next one takes it over.
    hub.process.kill().await;
    assert!(std::fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
    let mut hub = site.start(&setting).await;
    assert_eq!(hub.user("alice").read_all(&group, 0).await, [(0, "over a socket".to_owned())]);

    // A socket on which somebody answers is not taken away.
    let other = Setting { local: format!("unix:{}", socket.display()), ..Setting::new("follower.example") };
    let mut refused = site.spawn("", &other);
    assert_eq!(refused.ended().await.code(), Some(1));
    assert!(refused.logged().contains("local.sock") || !refused.logged().is_empty());
    hub.user("alice").say(&group, 0, "still mine").await.unwrap();

    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0));
    assert!(!socket.exists());
}

/// What stands there is no socket: it is somebody's file, and stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_in_the_way_is_left_alone() {
    let site = Site::new(&[]).await;
    let setting = Setting { local: "unix:local.sock".to_owned(), ..Setting::new(HUB) };
    site.configure(&setting);
    let file = site.of(HUB).join("local.sock");
    std::fs::write(&file, "precious").unwrap();
    let mut process = site.spawn("", &setting);
    assert_eq!(process.ended().await.code(), Some(78));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}
