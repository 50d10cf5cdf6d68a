//! A database that is damaged, or of another format: said clearly, never repaired silently, and served as far as it can
//! be.

use std::fs;

use restante::{
    client::{Problem, ProblemCode, http::CallError},
    sequencer::Forgotten,
};
use rocksdb::{DB, Options};
use sha2::{Digest, Sha256};

use crate::{
    people::Person,
    process::run,
    site::{HUB, Setting, Site},
    starting::refused,
};

/// A hub that ran and ended, with two groups and a message in each.
async fn after_a_run(site: &Site) -> [Vec<u8>; 2] {
    let mut hub = site.start(&Setting::new(HUB)).await;
    let alice = hub.user("alice");
    let groups = [alice.found().await, alice.found().await];
    for group in &groups {
        alice.say(group, 0, "before").await.unwrap();
    }
    hub.process.terminate().await;
    assert!(hub.process.ended().await.success());
    groups
}

/// Works on the database while nobody serves it.
fn tamper(site: &Site, work: impl FnOnce(&DB)) {
    let options = Options::default();
    let path = site.database(HUB);
    let families = DB::list_cf(&options, &path).unwrap();
    work(&DB::open_cf(&options, &path, families).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_format_is_named_and_not_touched() {
    let site = Site::new(&[]).await;
    let [group, _] = after_a_run(&site).await;
    tamper(&site, |db| db.put("format", 9_u32.to_be_bytes()).unwrap());
    for _again in 0..2 {
        let (code, said) = refused(&site, &Setting::new(HUB), HUB).await;
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("format 9") && said.contains("this program reads format 5"), "{said}");
    }
    tamper(&site, |db| db.put("format", 5_u32.to_be_bytes()).unwrap());
    let hub = site.start(&Setting::new(HUB)).await;
    assert_eq!(hub.user("alice").read_all(&group, 0).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_row_is_that_row_s_damage() {
    let site = Site::new(&[]).await;
    let [damaged, healthy] = after_a_run(&site).await;
    tamper(&site, |db| {
        let group = Sha256::digest(&damaged);
        let messages = db.cf_handle("messages").unwrap();
        let rows = db.iterator_cf(messages, rocksdb::IteratorMode::Start).map(Result::unwrap);
        let keys: Vec<_> = rows.map(|(key, _)| key).filter(|key| key.starts_with(&group)).collect();
        assert_eq!(keys.len(), 1);
        db.put_cf(messages, &keys[0], "garbage").unwrap();
    });
    let mut hub = site.start(&Setting::new(HUB)).await;
    let alice = hub.user("alice");
    for _again in 0..2 {
        match alice.read(&damaged, 0, 0).await {
            Err(CallError::Problem(Problem { code, .. })) => assert_eq!(code, Some(ProblemCode::Unavailable)),
            other => panic!("{other:?}"),
        }
        assert_eq!(alice.read_all(&healthy, 0).await.len(), 1);
    }
    // Its own group goes on too, behind what cannot be read.
    assert_eq!(alice.say(&damaged, 0, "after").await.unwrap().index, 1);
    assert_eq!(alice.read(&damaged, 0, 1).await.unwrap().response.epoch.messages.len(), 1);
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0), "{}", hub.process.logged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_is_put_back_only_where_the_operator_says_so() {
    const WRONG: &str = "WRONG  state: budgets of what nobody was charged for (1)";
    const LAST_WAY: &str = "--although-damaged";
    let site = Site::new(&[]).await;
    let setting = Setting { more: "backup_path = \"backups\"\n".to_owned(), ..Setting::new(HUB) };
    let mut hub = site.start(&setting).await;
    let (text, unread) = (hub.user("alice").found().await, hub.user("alice").found().await);
    for group in [&text, &unread] {
        hub.user("alice").say(group, 0, "before").await.unwrap();
    }
    hub.process.terminate().await;
    assert!(hub.process.ended().await.success());
    tamper(&site, |db| {
        let state = db.cf_handle("state").unwrap();
        let budget = [b"Bfollower.example\0".as_slice(), &Sha256::digest(&text)].concat();
        db.put_cf(state, budget, [0_u64.to_be_bytes(), 9_u64.to_be_bytes()].concat()).unwrap();
    });
    let config = site.configure(&setting);
    let config = config.to_str().unwrap();
    let mut hub = site.start(&setting).await;
    site.back_up(&hub).await;
    hub.process.kill().await;
    // Another one, in which rows cannot be decoded either.
    tamper(&site, |db| {
        let key = [b"P".as_slice(), &Sha256::digest(&unread)].concat();
        let state = db.cf_handle("state").unwrap();
        let mut rows = db.prefix_iterator_cf(state, &key).map(Result::unwrap).filter(|(row, _)| row.starts_with(&key));
        let (row, _) = rows.next().unwrap();
        db.put_cf(state, row, "garbage").unwrap();
    });
    let mut hub = site.start(&setting).await;
    site.back_up(&hub).await;
    hub.process.kill().await;

    for (backup, wrong) in [("2", "WRONG  state: rows that cannot be decoded (1)"), ("1", WRONG)] {
        fs::remove_dir_all(site.database(HUB)).unwrap();
        let restore = ["backup", "restore", "--config", config, "--backup", backup];
        let refused = run(&restore).await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains(wrong) && said.contains(LAST_WAY), "{said}");
        assert!(!site.database(HUB).exists(), "nothing is put there");
        let restored = run(&[&restore[..], &[LAST_WAY]].concat()).await;
        assert!(restored.status.success(), "{restored:?}");
        assert!(String::from_utf8_lossy(&restored.stderr).contains(wrong), "{restored:?}");
        assert!(String::from_utf8_lossy(&restored.stdout).contains("it is damaged as it was"), "{restored:?}");
        let mut hub = site.start(&setting).await;
        let alice = hub.user("alice");
        assert_eq!(alice.read_all(&text, 0).await.len(), 1);
        assert!(alice.say(&text, 0, "after").await.unwrap().index >= Forgotten::GAP);
        if backup == "2" {
            assert!(alice.say(&unread, 0, "after").await.is_err(), "nothing is said where nobody knows the index");
        }
        hub.process.kill().await;
    }

    // A file that is not what it was is nothing to go on from, whatever the operator says.
    fs::remove_dir_all(site.database(HUB)).unwrap();
    for file in fs::read_dir(site.of(HUB).join("backups/shared_checksum")).unwrap() {
        let file = file.unwrap().path();
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    let refused = run(&["backup", "restore", "--config", config, LAST_WAY]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("computed checksum"), "{refused:?}");
    assert!(!site.database(HUB).exists(), "nothing is put there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_list_of_files_is_not_served_and_not_repaired() {
    let site = Site::new(&[]).await;
    let [group, _] = after_a_run(&site).await;
    let manifest = fs::read_dir(site.database(HUB))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("MANIFEST"))
        .unwrap();
    let intact = fs::read(&manifest).unwrap();
    let mut damaged = intact.clone();
    damaged[intact.len() / 2] ^= 1;
    fs::write(&manifest, &damaged).unwrap();
    let (code, said) = refused(&site, &Setting::new(HUB), HUB).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("the database cannot be read or written"), "{said}");
    assert_eq!(fs::read(&manifest).unwrap(), damaged);
    fs::write(&manifest, &intact).unwrap();
    let hub = site.start(&Setting::new(HUB)).await;
    assert_eq!(hub.user("alice").read_all(&group, 0).await.len(), 1);
}
