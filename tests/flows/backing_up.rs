//! Backups that end in the middle: the server is killed, or told to end, while it makes one. And whose folder it is that
//! they are made in.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    process::Output,
};

use crate::{
    people::Person,
    process::{PATIENCE, run},
    site::{FOLLOWER, HUB, Provider, Setting, Site, files},
};

/// So much is said before each backup, so that making it takes a while.
const SAID: usize = 24;
const BYTES: usize = 200_000;

/// So often one is begun in order to be cut off.
const ATTEMPTS: usize = 20;

/// How far a backup has come: something new is in that folder of its place.
const STAGES: [&str; 3] = ["private", "shared_checksum", "meta"];

fn setting() -> Setting {
    Setting { more: "backup_path = \"backups\"\nbackups_kept = 3\n".to_owned(), ..Setting::new(HUB) }
}

fn names(folder: &Path) -> BTreeSet<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// The numbers of all backups that are offered.
async fn listed(config: &str) -> BTreeSet<String> {
    let listed = run(&["backup", "list", "--config", config]).await;
    assert!(listed.status.success(), "{listed:?}");
    let listed = String::from_utf8(listed.stdout).unwrap();
    let lines = listed.lines().filter(|line| !line.starts_with("there is no backup in "));
    lines.map(|line| number(line).to_owned()).collect()
}

/// `backup 7  …`
fn number(line: &str) -> &str {
    line.split_whitespace().nth(1).unwrap()
}

async fn create(provider: &Provider, config: &str) -> Output {
    let local = format!("local.listen={}", provider.local_tcp());
    run(&["backup", "create", "--config", config, "--set", &local]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_of_backups_is_for_one_database() {
    let site = Site::new(&[]).await;
    let sharing = |id| {
        let more = "backup_path = \"../backups\"\nbackups_kept = 1\n".to_owned();
        Setting { more, ..Setting::new(id) }
    };
    let config = |id| site.configure(&sharing(id)).to_str().unwrap().to_owned();
    let (ours, theirs) = (config(HUB), config(FOLLOWER));
    let (mut hub, follower) = (site.start(&sharing(HUB)).await, site.start(&sharing(FOLLOWER)).await);
    let backups = site.of(HUB).with_file_name("backups");
    // Before the first one nothing is wrong, and nothing is made by looking.
    let none = run(&["backup", "list", "--config", &ours]).await;
    let said = String::from_utf8_lossy(&none.stdout).into_owned();
    assert!(none.status.success() && said.starts_with("there is no backup in "), "{none:?}");
    assert!(!backups.exists());
    let first = BTreeSet::from(["1".to_owned()]);
    let made = create(&hub, &ours).await;
    assert!(made.status.success(), "{made:?}");
    // The server decides where, and says it.
    assert!(String::from_utf8_lossy(&made.stdout).trim_end().ends_with("backups"), "{made:?}");
    let whose = run(&["backup", "list", "--config", &theirs]).await;
    assert!(String::from_utf8_lossy(&whose.stderr).contains("these are backups of provider hub.example"), "{whose:?}");
    let assert_refused = |asked: Output| {
        assert_eq!(asked.status.code(), Some(1), "{asked:?}");
        let said = String::from_utf8_lossy(&asked.stderr);
        assert!(said.contains("no backup was made") && said.contains("are another database's"), "{said}");
    };
    assert_refused(create(&follower, &theirs).await);
    assert_eq!(listed(&ours).await, first);

    // What is put back goes on there; a new database in its place does not, and what it could be put back from stays.
    hub.process.kill().await;
    fs::remove_dir_all(site.database(HUB)).unwrap();
    hub = site.start(&sharing(HUB)).await;
    assert_refused(create(&hub, &ours).await);
    assert_eq!(listed(&ours).await, first);
    hub.process.kill().await;
    fs::remove_dir_all(site.database(HUB)).unwrap();
    let restored = assert_only_its_own_is_put_back(&site, &backups, &ours).await;
    assert!(restored.status.success(), "{restored:?}");
    hub = site.start(&sharing(HUB)).await;
    let made = create(&hub, &ours).await;
    assert!(made.status.success(), "{made:?}");
    assert_eq!(listed(&ours).await, BTreeSet::from(["2".to_owned()]));
}

/// One that another database left in a folder that the two shared is refused, and nothing is left of looking. Puts it back
/// when nothing says any more whose backups these are; then it is said again.
async fn assert_only_its_own_is_put_back(site: &Site, backups: &Path, config: &str) -> Output {
    let file = backups.join("database");
    let own = fs::read(&file).unwrap();
    fs::write(&file, format!("{}\n", "0".repeat(64))).unwrap();
    for command in ["verify", "restore"] {
        let refused = run(&["backup", command, "--config", config]).await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("it is another database's") && said.contains("move that file away"), "{said}");
        let left = [backups.join("verifying"), site.database(HUB), site.of(HUB).join("data.restoring")];
        assert!(!left.iter().any(|left| left.exists()), "{command}: {left:?}");
    }
    fs::remove_file(&file).unwrap();
    let restored = run(&["backup", "restore", "--config", config]).await;
    fs::write(&file, own).unwrap();
    restored
}

/// The latest one is not passed over where it is damaged; and what is put back is for whoever has the folder, and not
/// under a server that goes on without its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_backup_is_told_and_another_one_is_put_back_by_its_number() {
    let site = Site::new(&[]).await;
    let mut hub = site.start(&setting()).await;
    let config = site.configure(&setting());
    let config = config.to_str().unwrap();
    let group = hub.user("alice").found().await;
    for text in ["one", "two"] {
        hub.user("alice").say(&group, 0, text).await.unwrap();
        let made = create(&hub, config).await;
        assert!(made.status.success(), "{made:?}");
    }
    fs::write(site.of(HUB).join("backups/meta/2"), "x\n").unwrap();
    let list = run(&["backup", "list", "--config", config]).await;
    let said = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.status.success(), "{list:?}");
    assert!(said.starts_with("backup 1  ") && said.contains("\nbackup 2: damaged, "), "{said}");

    // Its database is gone, and it serves with what it has open.
    fs::rename(site.database(HUB), site.of(HUB).join("lost")).unwrap();
    let local = format!("local.listen={}", hub.local_tcp());
    let restore = ["backup", "restore", "--config", config, "--backup", "1"];
    let refused = run(&[&restore[..], &["--set", &local]].concat()).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("stop the server first"), "{refused:?}");
    assert!(!site.database(HUB).exists());
    hub.process.kill().await;

    for command in ["verify", "restore"] {
        let refused = run(&["backup", command, "--config", config]).await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(said.contains("backup 2, the latest, is damaged") && said.contains("`--backup 1`"), "{said}");
    }
    let verified = run(&["backup", "verify", "--config", config, "--backup", "1"]).await;
    assert!(verified.status.success(), "{verified:?}");
    let owner = |path: &Path| fs::metadata(path).unwrap().uid();
    // Only root can give a folder away, and not even root in some containers.
    let own = owner(&site.of(HUB));
    let is_given = own == 0 && chown(site.of(HUB), Some(4711), None).is_ok();
    let database = site.database(HUB);
    let assert_belongs_to = async |given: u32| {
        let restored = run(&restore).await;
        assert!(restored.status.success(), "{restored:?}");
        let wanted = if is_given { given } else { own };
        let whose: BTreeSet<_> = files(&database).iter().chain([&database]).map(|file| owner(file)).collect();
        assert_eq!(whose, BTreeSet::from([wanted]), "{}", database.display());
    };
    assert_belongs_to(4711).await;
    fs::remove_dir_all(&database).unwrap();
    fs::create_dir(&database).unwrap();
    if is_given {
        chown(&database, Some(4713), None).unwrap();
    }
    assert_belongs_to(4713).await;

    // A folder that others may enter is told of.
    fs::set_permissions(site.database(HUB), Permissions::from_mode(0o755)).unwrap();
    let hub = site.start(&setting()).await;
    assert!(hub.process.logged().contains("others may enter the folder of the database"), "{}", hub.process.logged());
    assert_eq!(hub.user("alice").read_all(&group, 0).await.len(), 1);
}

/// What is said in the command's own configuration counts for nothing: the server has read another one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_says_where_a_backup_was_made() {
    let site = Site::new(&[]).await;
    let hub = site.start(&setting()).await;
    let config = site.configure(&setting());
    let local = format!("local.listen={}", hub.local_tcp());
    let elsewhere = site.of(HUB).join("elsewhere");
    let set = format!("store.backup_path={}", elsewhere.display());
    let config = config.to_str().unwrap();
    let made = run(&["backup", "create", "--config", config, "--set", &local, "--set", &set]).await;
    let said = String::from_utf8_lossy(&made.stdout);
    let place = site.of(HUB).join("backups");
    assert!(made.status.success() && said.trim_end().ends_with(place.to_str().unwrap()), "{made:?}");
    assert!(place.exists() && !elsewhere.exists());
}

/// As in a configuration that is made for a database which is elsewhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_without_a_database_is_left_as_it_is() {
    let site = Site::new(&[]).await;
    let config = site.configure(&Setting::new(HUB));
    let verify = async || {
        let refused = run(&["db", "verify", "--config", config.to_str().unwrap()]).await;
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        String::from_utf8_lossy(&refused.stderr).into_owned()
    };
    let said = verify().await;
    assert!(said.contains("there is no database at ") && said.contains("store.path"), "{said}");
    assert!(!site.database(HUB).exists(), "nothing is made by looking");
    fs::create_dir(site.database(HUB)).unwrap();
    fs::write(site.database(HUB).join("letters"), "").unwrap();
    let mut process = site.spawn("", &Setting::new(HUB));
    assert_eq!(process.ended().await.code(), Some(1), "{}", process.logged());
    for said in [verify().await, process.logged()] {
        assert!(said.contains("but other things, `letters` among them"), "{said}");
    }
    assert_eq!(names(&site.database(HUB)).len(), 1, "and nothing among other things");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_cut_off_is_not_offered_and_in_nobody_s_way() {
    let site = Site::new(&[]).await;
    let mut hub = site.start(&setting()).await;
    let config = site.configure(&setting());
    let config = config.to_str().unwrap();
    let place = site.of(HUB).join("backups");
    let group = hub.user("alice").found().await;
    let create = |hub: &crate::site::Provider| {
        let local = format!("local.listen={}", hub.local_tcp());
        ["backup", "create", "--config", config, "--set", &local].map(str::to_owned)
    };
    let (mut cut_off, mut before) = (0, BTreeSet::new());
    for attempt in 0..ATTEMPTS {
        for part in 0..SAID {
            let text = format!("{attempt}.{part} ").repeat(BYTES / 4);
            hub.user("alice").say(&group, 0, &text).await.unwrap();
        }
        let stage = place.join(STAGES[attempt % STAGES.len()]);
        let was_there = names(&stage);
        let arguments = create(&hub);
        let making = tokio::spawn(async move { run(&arguments).await });
        // As soon as it has come so far, or has ended already.
        let begun = async {
            while !making.is_finished() && names(&stage).is_subset(&was_there) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, begun).await.expect("it begins");
        if attempt % 4 == 3 {
            // What is being made is made to its end.
            hub.process.terminate().await;
            assert_eq!(hub.process.ended().await.code(), Some(0), "{}", hub.process.logged());
        } else {
            hub.process.kill().await;
        }
        let made = making.await.unwrap();
        let after = listed(config).await;
        assert!(before.difference(&after).count() <= 1, "the oldest one at most: {before:?}, then {after:?}");
        if made.status.success() {
            let line = String::from_utf8(made.stdout).unwrap();
            assert!(after.contains(number(&line)), "{line} is none of {after:?}");
        } else if attempt % 4 != 3 {
            // It may be there all the same.
            let said = String::from_utf8_lossy(&made.stderr);
            assert!(said.contains("`restante backup list` says whether it is there"), "{said}");
        }
        if attempt % 4 == 3 {
            assert!(after.difference(&before).count() == 1, "{before:?}, then {after:?}");
        } else if after == before {
            cut_off += 1;
        }
        before = after;
        hub = site.start(&setting()).await;
        if cut_off >= STAGES.len() && attempt > STAGES.len() {
            break;
        }
    }
    assert!(cut_off > 0, "none was cut off");

    let made = run(&create(&hub)).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let whole = listed(config).await;
    assert!(whole.contains(number(std::str::from_utf8(&made.stdout).unwrap())), "{whole:?}");
    for number in &whole {
        let verified = run(&["backup", "verify", "--config", config, "--backup", number]).await;
        assert!(verified.status.success(), "{number}: {}", String::from_utf8_lossy(&verified.stderr));
    }
    // Nothing is left of those that were cut off.
    let own = |folder: &str| -> BTreeSet<String> {
        let names = names(&place.join(folder)).into_iter();
        names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!((own("meta"), own("private")), (whole.clone(), whole));
    assert!(!files(&place).iter().any(|file| file.extension().is_some_and(|end| end == "tmp")), "{:?}", files(&place));
}
