//! A database that is damaged, or of another format: said clearly, never repaired silently, and served as far as it can
//! be.

use std::fs;

use restante::client::{Problem, ProblemCode, http::CallError};
use rocksdb::{DB, Options};
use sha2::{Digest, Sha256};

use crate::{
    people::Person,
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
