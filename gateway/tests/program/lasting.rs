//! What outlives the process: keys, marks, and up to when marks have gone.

use std::{fs, os::unix::fs::PermissionsExt as _};

use restante_gateway::{Machine, Surroundings as _};
use sha2::{Digest as _, Sha256};

use crate::{origin::Origin, site::Site, supervised, wire};

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
    // The seal key's place is a setting, and it is looked at before anything is opened.
    for (name, code, told) in [
        ("keys/keyring", 1, "has mode 0644: others may read it"),
        ("seal-key", 78, "keys.seal_key_file: "),
        ("seal-key", 78, "others than its owner may open it (mode 644)"),
    ] {
        fs::set_permissions(site.path(name), fs::Permissions::from_mode(0o644)).unwrap();
        let mut process = site.spawn();
        assert_eq!(process.ended().await.code(), Some(code));
        assert!(process.logged().contains(told), "{}", process.logged());
        fs::set_permissions(site.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }
    site.start().await.process.finish().await;
}

/// Keys that nobody can open are no reason to make others: relays and clients know these.
#[tokio::test]
async fn without_the_seal_key_of_its_keyring_it_does_not_start() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    site.command(&["keys", "init"]).await;
    fs::rename(site.path("seal-key"), site.path("kept")).unwrap();
    let mut process = site.spawn();
    assert_eq!(process.ended().await.code(), Some(78));
    let told = process.logged();
    assert!(told.contains("is missing, and opens the keyring in keys.path; put it back"), "{told}");
    fs::rename(site.path("kept"), site.path("seal-key")).unwrap();
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
    assert!(status == 503 && problem.contains("copies cannot be told from new requests"), "{status} {problem}");
    assert_eq!(origin.seen().len(), 1);
}

/// What the disk lost from the middle of a file is not taken for what a crash left at its end.
#[tokio::test]
async fn marks_that_are_damaged_are_refused_with_all_that_they_may_have_been() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let mut running = site.start().await;
    let list = running.list().await;
    let requests = ["first", "second"].map(|content| wire::seal(&list, content));
    for request in &requests {
        running.post(request.body.clone()).await;
    }
    running.process.finish().await;
    let file = site.path("replays/marks-0000000000000000");
    let mut bytes = fs::read(&file).unwrap();
    bytes[16] ^= 1;
    fs::write(&file, bytes).unwrap();
    let mut floors = Vec::new();
    for request in requests {
        let mut running = site.start().await;
        let copy = running.post(request.body.clone()).await;
        assert_eq!(wire::open(&copy, request).0, 503);
        let (status, told) = running.admin("/readyz").await;
        assert!(status == 503 && told.starts_with("marks of earlier requests were lost"), "{status} {told}");
        running.process.finish().await;
        // The next start finds no damage, still knows that marks are missing, and refuses no longer than this one.
        assert!(!file.exists());
        floors.push(fs::read(site.path("replays/floor")).unwrap());
    }
    assert_eq!(floors[0], floors[1]);
    assert_eq!(origin.seen().len(), 2);
}

/// The clock was ahead before the start, and marks of that time have been removed: their requests do not come back.
#[tokio::test]
async fn a_clock_that_went_back_is_seen_across_a_restart() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let mut running = site.start().await;
    assert_eq!(running.admin("/readyz").await, (200, "ready\n".to_owned()));
    running.process.finish().await;
    let floor_ms = (Machine.now_ms() + 3_600_000).to_be_bytes();
    let sum = Sha256::digest(floor_ms);
    fs::write(site.path("replays/floor"), [b"restante floor1\n", &floor_ms[..], &sum[..4]].concat()).unwrap();
    let running = site.start().await;
    let (status, told) = running.admin("/readyz").await;
    assert!(status == 503 && told.starts_with("the clock went back"), "{status} {told}");
    let (status, problem) = running.ask("of now").await;
    assert!(status == 503 && problem.contains("copies cannot be told from new requests"), "{status} {problem}");
    let (_, metrics) = running.admin("/metrics").await;
    let refused = metrics.lines().find_map(|line| line.strip_prefix("restante_gateway_refused_seconds ")).unwrap();
    assert!((3_000..=3_600).contains(&refused.parse::<u64>().unwrap()), "{refused}");
    assert!(origin.seen().is_empty());
}

/// Each would let through what the other one has answered.
#[tokio::test]
async fn one_process_serves_with_a_keyring_and_one_writes_the_marks() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let mut running = site.start().await;
    let elsewhere = |key: &str| format!("{key}={}", site.path(key).display());
    let other_keys = ["keys.path", "keys.seal_key_file"].map(elsewhere);
    for (settings, told) in [
        (&[elsewhere("replays.path")][..], "serving.lock is held by another process that serves with this keyring"),
        (&other_keys, "replays.path is in use by another process"),
    ] {
        let mut second = site.spawn_with(&settings.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(second.ended().await.code(), Some(1));
        assert!(second.logged().contains(told), "{told}: {}", second.logged());
    }
    // Killed, it holds nothing any more.
    running.process.signal("KILL").await;
    running.process.ended().await;
    site.start().await.process.finish().await;
}

#[tokio::test]
async fn the_service_manager_is_told_of_each_step() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    supervised::lives(env!("CARGO_BIN_EXE_restante-gateway").as_ref(), &site.path("gateway.toml")).await;
}
