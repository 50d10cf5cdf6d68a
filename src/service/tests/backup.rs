//! A hub that was put back from a backup: what it gives and what it does not give again.

use std::{num::NonZeroU32, path::Path};

use tempfile::TempDir;

use crate::{
    fixtures::{
        mls,
        requests::{Attached, welcome_data},
    },
    pool,
    sequencer::GroupKey,
    service::{
        BackupPlace,
        setup::{DAY, HOUR, START, Setup, commit_with, provider, rest, say, service_at, texts, user, user_id},
    },
    store::{
        Store,
        rocks::{GAP, OpenOptions, RocksStore, Vault, inspect},
    },
    wire::{MaskedPartitionKey, PartitionKey},
};

/// The latest backup, put back as `restante backup restore` does.
fn put_back(backups: &Path, to: &Path) {
    let mut vault = Vault::open(backups).unwrap();
    let id = vault.find(None).unwrap().id;
    vault.copy_out(id, to).unwrap();
    let inspection = inspect(to, &provider("hub.example"), &mut |_, _| {}).unwrap();
    assert!(inspection.is_sound(), "{inspection}");
    let fresh_secrets = [[0; 32]; 2];
    let options = OpenOptions {
        path: to,
        provider: &provider("hub.example"),
        fresh_secrets,
        forgotten_ms: 0,
        cache_bytes: 1 << 20,
        open_files: 64,
    };
    RocksStore::open(options).unwrap().go_on_from_backup(&vault, START + HOUR, START + HOUR).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_index_is_given_twice() {
    let setup = Setup::new();
    let group = setup.group().await;
    let group_info = Some(mls::group_info(&group, 1, mls::SUITE, Some(&[7; 20_000])));
    let welcome = mls::welcome(mls::SUITE, &[b"one"]);
    let attached = Attached { group_info, welcome_data: Some(welcome_data(&welcome, &["third.example"])) };
    for text in ["one", "two"] {
        setup.send(user("alice"), say(&group, 0, text)).await.unwrap();
    }
    setup.send(user("alice"), commit_with(&group, 0, 1, "on", &attached)).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "kept")).await.unwrap();
    setup.receive(user("bob"), &group, 1, 0).await;
    setup.settle().await;
    let folder = TempDir::new().unwrap();
    let (backups, restored) = (folder.path().join("backups"), folder.path().join("data"));
    setup.store.back_up(&backups, 1).unwrap();
    // What is forgotten: a message, a commit, and what was said where it leads.
    let forgotten = setup.send(user("alice"), say(&group, 1, "forgotten")).await.unwrap();
    setup.send(user("alice"), commit_with(&group, 1, 2, "lost", &Attached::default())).await.unwrap();
    assert_eq!(setup.send(user("alice"), say(&group, 2, "there")).await.unwrap().index, 0);

    put_back(&backups, &restored);
    let (store, service) = service_at(&restored, START + HOUR);
    let send = async |request| service.send(&user("alice"), request, None).await.unwrap().index;
    let read = async |number: u8, counter: u32| {
        let request = crate::fixtures::requests::receive(&group, [number; 16], counter);
        let request = crate::wire::decode(&request).unwrap();
        let receive = crate::service::Receive::new(&request, std::time::Duration::ZERO);
        service.receive(&user("bob"), receive).await.unwrap().received
    };
    // What was acknowledged before is where it was, and asked for again it is what it was.
    assert_eq!(send(say(&group, 1, "kept")).await, 0);
    assert_eq!(texts(&read(1, 0).await), ["kept"]);
    let again = send(say(&group, 1, "new")).await;
    assert_eq!(again, 1 + GAP);
    assert!(again > forgotten.index);
    // Who has read the forgotten ones, and who has not, are both told.
    for counter in [1, 2, 3] {
        let received = read(1, counter).await;
        assert_eq!((texts(&received), received.first_index), (vec!["new".to_owned()], again), "{counter}");
        assert!(received.passed_over);
    }
    let from_the_start = read(1, 0).await;
    assert_eq!(
        (texts(&from_the_start), from_the_start.more, from_the_start.passed_over),
        (vec!["kept".to_owned()], true, false)
    );
    // No new configuration has it forget that it has forgotten something.
    service.reconfigure(setup.policy.clone(), pool::Policy::default(), setup.limits);
    // A partition that a forgotten commit announced is an orphan, and begins behind what stood there.
    assert_eq!(send(say(&group, 2, "elsewhere")).await, GAP);
    assert_eq!(read(2, 1).await.first_index, GAP);
    assert!(!read(2, 1).await.passed_over, "nobody commits there");
    // The commit itself comes again, byte for byte: it has another place, and what it leads to goes on behind what stood there.
    assert_eq!(send(commit_with(&group, 1, 2, "lost", &Attached::default())).await, again + 1);
    assert_eq!(send(say(&group, 2, "there")).await, GAP + 1);
    // What was an orphan is told from what retention has removed, and is asked for: nothing in a hint says where it begins.
    assert!(read(1, again).await.response.hints.is_empty());
    let adopted = read(2, 0).await;
    assert_eq!((texts(&adopted).len(), adopted.first_index, adopted.passed_over), (2, GAP, true));
    assert_eq!(send(commit_with(&group, 2, 3, "lost too", &Attached::default())).await, GAP + 2);
    assert_eq!(send(say(&group, 3, "beyond")).await, GAP);
    let beyond = read(3, 0).await;
    assert_eq!((texts(&beyond), beyond.first_index, beyond.passed_over), (vec!["beyond".to_owned()], GAP, true));
    service.finish();
    drop((service, store));
    let inspection = inspect(&restored, &provider("hub.example"), &mut |_, _| {}).unwrap();
    assert!(inspection.is_sound(), "{inspection}");
}

/// Indexes that were passed over are no messages: neither do they keep anything, nor are they counted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_removes_and_counts_what_is_there() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "one")).await.unwrap();
    for (next, text) in [(1, "first"), (2, "second")] {
        setup.send(user("alice"), commit_with(&group, 0, next, text, &Attached::default())).await.unwrap();
    }
    setup.send(user("alice"), say(&group, 1, "there")).await.unwrap();
    setup.settle().await;
    let key = GroupKey::of(&group);
    let place = |number| PartitionKey::new([number; 16]).masked();
    let folder = TempDir::new().unwrap();
    let mut before = setup.store.clone();
    let mut services = Vec::new();
    // The second time there is a remnant, and nothing more to do about it.
    for (days, removed) in [(40, 3), (80, 0)] {
        let [backups, restored] = ["backups", "data"].map(|name| folder.path().join(format!("{name}-{days}")));
        before.back_up(&backups, 1).unwrap();
        put_back(&backups, &restored);
        let (store, service) = service_at(&restored, START + days * DAY);
        rest(&service).await;
        assert_eq!(service.retention_status().last_removed.messages, removed, "after {days} days");
        let snapshot = store.snapshot().unwrap();
        let remnant = snapshot.partition(&key, &place(0)).unwrap().unwrap();
        assert!(remnant.is_remnant() && !remnant.has_messages());
        assert_eq!(remnant.messages(store.forgotten()), 0);
        assert_eq!(snapshot.partition(&key, &place(1)).unwrap().unwrap().messages(store.forgotten()), 1);
        assert_eq!(snapshot.partition(&key, &place(2)).unwrap(), None, "nobody ever used it");
        drop(snapshot);
        before = store;
        services.push(service);
    }
    services.iter().for_each(|service| service.finish());
}

/// What users present at other hubs has its partitions there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_is_sound() {
    let setup = Setup::new();
    let group = GroupKey::of(b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw");
    setup.service.note_presentation(&user_id("alice"), group, MaskedPartitionKey::new([7; 32]));
    setup.settle().await;
    assert_eq!(setup.store.snapshot().unwrap().presentations(None, 2).unwrap().len(), 1);
    setup.assert_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_backup_is_made_at_a_time_and_it_is_told_how_it_went() {
    let setup = Setup::new();
    setup.group().await;
    assert_eq!(setup.service.begin_backup(), None, "there is no place for it");
    let folder = TempDir::new().unwrap();
    let place = BackupPlace { folder: folder.path().join("backups"), keep: NonZeroU32::MIN };
    let (_store, service) = service_at(&folder.path().join("data"), START);
    let service = std::sync::Arc::new(std::sync::Arc::into_inner(service).unwrap().backing_up_to(place.clone()));
    let held = std::fs::create_dir(&place.folder).and_then(|()| std::fs::File::open(&place.folder)).unwrap();
    std::fs::set_permissions(&place.folder, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    held.try_lock().unwrap();
    let first = service.begin_backup().unwrap();
    assert!(first.began && first.status.started_ms.is_some());
    assert_eq!((first.number, first.status.ended()), (1, 0));
    // One who asks meanwhile is told that theirs is another one.
    let second = service.begin_backup().unwrap();
    assert_eq!((second.began, second.number, second.status), (false, 1, first.status));
    drop(held);
    service.backup_ended().await;
    let status = service.backup_status();
    assert_eq!((status.started_ms, status.ended(), status.last().unwrap().as_ref().unwrap().id), (None, 1, 1));
    std::fs::remove_dir_all(&place.folder).unwrap();
    std::fs::write(&place.folder, "in the way").unwrap();
    assert_eq!(service.begin_backup().unwrap().number, 2);
    service.backup_ended().await;
    let status = service.backup_status();
    assert_eq!(status.ended(), 2);
    assert!(status.last().unwrap().is_err());
    // The first one is still known to be made, until many have ended behind it.
    assert!(matches!(status.recent.front(), Some((1, Ok(made))) if made.id == 1));
    for _again in 0..20 {
        service.begin_backup().unwrap();
        service.backup_ended().await;
    }
    let numbers: Vec<_> = service.backup_status().recent.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, (15..=22).collect::<Vec<u64>>());
    service.finish();
}
