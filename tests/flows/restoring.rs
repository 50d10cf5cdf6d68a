//! A backup that is made while people talk, and a hub that is put back from it.

use std::{
    collections::HashMap,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use restante::sequencer::Forgotten;
use tokio::sync::Notify;

use crate::{
    people::{Person, say},
    process::{PATIENCE, PROGRAM, run},
    site::{HUB, Setting, Site, User},
};

fn setting() -> Setting {
    // As fast as they like: all four talk in the name of one user.
    let more = "backup_path = \"backups\"\n[policy]\nmessages_per_user_and_second = 1000000\n".to_owned();
    Setting { more, ..Setting::new(HUB) }
}

/// So much is acknowledged under load before somebody asks for a backup.
const ENOUGH: usize = 60;

/// What was acknowledged while people talk: by text, at which index.
#[derive(Default)]
struct Acknowledged {
    indexes: Mutex<HashMap<String, u32>>,
    more: Notify,
}

impl Acknowledged {
    /// A copy of what there is as soon as it is enough.
    async fn enough(&self) -> HashMap<String, u32> {
        let reached = async {
            loop {
                let now = self.indexes.lock().unwrap().clone();
                if now.len() >= ENOUGH {
                    return now;
                }
                self.more.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("people talk")
    }
}

/// Talks until it is told to end.
async fn talk(user: User, group: Arc<[u8]>, who: usize, acknowledged: Arc<Acknowledged>, ends: Arc<AtomicBool>) {
    let mut number = 0;
    while !ends.load(Ordering::Acquire) {
        let text = format!("{number} of {who}");
        let receipt = user.send(&say(&group, 0, &text), None).await.unwrap();
        acknowledged.indexes.lock().unwrap().insert(text, receipt.index);
        acknowledged.more.notify_one();
        number += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_goes_on_from_a_backup_and_gives_no_index_twice() {
    let site = Site::new(&[]).await;
    let mut hub = site.start(&setting()).await;
    let config = site.configure(&setting());
    let config = config.to_str().unwrap();
    let group: Arc<[u8]> = hub.user("alice").found().await.into();
    let mut before = Vec::new();
    for number in 0..20 {
        let text = format!("before {number}");
        before.push((text.clone(), hub.user("alice").say(&group, 0, &text).await.unwrap().index));
    }
    let (talked, ends) = (Arc::new(Acknowledged::default()), Arc::new(AtomicBool::new(false)));
    let mut talking = tokio::task::JoinSet::new();
    for who in 0..4 {
        talking.spawn(talk(hub.user("alice"), group.clone(), who, talked.clone(), ends.clone()));
    }
    // All of this has to be in a backup that is asked for now.
    let mut promised = talked.enough().await;
    promised.extend(before);
    // Each who asks is given one that was begun after they asked.
    let create = site.backup_create(&hub);
    let (one, other) = tokio::join!(run(&create), run(&create));
    for made in [&one, &other] {
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }
    // Who asked later is told of the second one, which was begun behind the first.
    assert!([&one, &other].iter().any(|made| made.stdout.starts_with(b"backup 2 ")), "{one:?} {other:?}");
    // One that is served with is not looked at: under a reader its files go.
    let refused = run(&["db", "verify", "--config", config]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another process has the database open"), "{refused:?}");
    let after = hub.user("alice").say(&group, 0, "after the backup").await.unwrap().index;
    ends.store(true, Ordering::Release);
    talking.join_all().await;
    let mut acknowledged = promised.clone();
    acknowledged.extend(talked.indexes.lock().unwrap().drain());
    hub.process.kill().await;

    // Not over what is there.
    let refused = run(&["backup", "restore", "--config", config]).await;
    assert_eq!(refused.status.code(), Some(1));
    fs::rename(site.database(HUB), site.of(HUB).join("lost")).unwrap();
    let verified = run(&["backup", "verify", "--config", config, "--backup", "2"]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert_mount_points_are_refused_at_once(&site, config).await;
    let restored = run(&["backup", "restore", "--config", config]).await;
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let verified = run(&["db", "verify", "--config", config]).await;
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stdout));

    let hub = site.start(&setting()).await;
    let alice = hub.user("alice");
    let kept: HashMap<_, _> = alice.read_all(&group, 0).await.into_iter().collect();
    let count = u32::try_from(kept.len()).unwrap();
    assert!(kept.keys().all(|index| *index < count), "dense");
    for (text, index) in &promised {
        assert_eq!(kept.get(index), Some(text), "acknowledged before the backup was asked for");
    }
    // What is there stands where it was acknowledged: said again, it gets the receipt that it had.
    let mut known = 0;
    for (text, index) in &acknowledged {
        if *index < count {
            assert_eq!(alice.say(&group, 0, text).await.unwrap().index, *index, "{text}");
            known += 1;
        }
    }
    assert!(known >= promised.len());
    assert!(after >= count, "the last one is forgotten");
    let again = alice.say(&group, 0, "after the restore").await.unwrap().index;
    assert!(again >= Forgotten::GAP && !acknowledged.values().any(|index| *index == again), "{again}");
    let behind = alice.read(&group, 0, after + 1).await.unwrap();
    assert!(behind.restored);
    assert!(behind.first_index.unwrap() >= Forgotten::GAP);
}

/// Also one on the disk that the folder above is on, as far as the system lets us make one, for this command alone.
async fn assert_mount_points_are_refused_at_once(site: &Site, config: &str) {
    let data = site.database(HUB);
    fs::create_dir(&data).unwrap();
    let own_mounts = |script: &str| {
        let mut command = tokio::process::Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]).arg(&data).kill_on_drop(true);
        command
    };
    let can = own_mounts("mount --bind \"$1\" \"$1\"").status().await.is_ok_and(|status| status.success());
    if can {
        let mut restore = own_mounts("mount --bind \"$1\" \"$1\" && shift && exec \"$@\"");
        restore.arg(PROGRAM).args(["backup", "restore", "--config", config]);
        let refused = tokio::time::timeout(PATIENCE, restore.output()).await.expect("it ends in time").unwrap();
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("is a link or a mount point"), "{said}");
    }
    // An empty folder is in nobody's way.
    assert!(fs::read_dir(&data).unwrap().next().is_none());
}
