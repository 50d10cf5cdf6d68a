//! What outlives the process: keys and marks.

use std::{fs, os::unix::fs::PermissionsExt as _};

use crate::{origin::Origin, site::Site, wire};

#[tokio::test]
async fn a_restart_keeps_the_list_byte_for_byte_and_no_copy_passes() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    for kill in [false, true] {
        let mut running = site.start().await;
        let list = running.list().await;
        let (answered, unanswered) = (wire::seal(&list, "once"), wire::seal(&list, "later"));
        let answer = running.post(answered.body.clone()).await;
        let before = origin.seen().len();
        if kill {
            running.process.signal("KILL").await;
            assert!(!running.process.ended().await.success());
        } else {
            running.process.finish().await;
        }
        let mut running = site.start().await;
        assert_eq!(running.list().await, list);
        let copy = running.post(answered.body.clone()).await;
        assert_eq!(copy.body().len(), answer.body().len());
        assert_eq!(wire::open(&copy, answered).0, 409);
        assert_eq!(origin.seen().len(), before, "the copy did not reach the origin");
        let late = running.post(unanswered.body.clone()).await;
        assert_eq!(wire::open(&late, unanswered), (200, "later".to_owned()));
        running.process.finish().await;
    }
}

#[tokio::test]
async fn keys_that_others_may_read_are_refused() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    site.command(&["keys", "init"]).await;
    for name in ["keys/keyring", "seal-key"] {
        fs::set_permissions(site.path(name), fs::Permissions::from_mode(0o644)).unwrap();
        let mut process = site.spawn();
        assert_eq!(process.ended().await.code(), Some(1));
        assert!(process.logged().contains("has mode 0644: others may read it"), "{}", process.logged());
        fs::set_permissions(site.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    site.start().await.process.finish().await;
}

/// Whoever loses the marks cannot tell copies from requests, and refuses both until copies would be too old.
#[tokio::test]
async fn without_its_marks_it_refuses_what_may_be_a_copy() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let mut running = site.start().await;
    let sealed = wire::seal(&running.list().await, "once");
    running.post(sealed.body.clone()).await;
    running.process.finish().await;
    fs::remove_dir_all(site.path("replays")).unwrap();
    let running = site.start().await;
    let copy = running.post(sealed.body.clone()).await;
    let (status, problem) = wire::open(&copy, sealed);
    assert_eq!(status, 400);
    assert!(problem.contains("http-problem-types#date"), "{problem}");
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn one_process_writes_the_marks() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let _running = site.start().await;
    let mut second = site.spawn();
    assert_eq!(second.ended().await.code(), Some(1));
    assert!(second.logged().contains("in use by another process"), "{}", second.logged());
}
