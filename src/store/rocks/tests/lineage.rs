//! A folder of backups is one database's: who is refused, what is taken over, and what goes on in it.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{super::Vault, open, open_as};
use crate::store::{Error, Store, contract::samples::provider};

/// A folder that a backup may be made in, with these files.
fn holding(backups: &Path, things: &[&str]) {
    fs::create_dir(backups).unwrap();
    fs::set_permissions(backups, Permissions::from_mode(0o700)).unwrap();
    for thing in things {
        let path = backups.join(thing);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }
}

/// Everything in a folder, at any depth.
fn tree(folder: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut tree(&path));
        }
        found.insert(path);
    }
    found
}

/// Why it was refused.
fn refused<T: std::fmt::Debug>(asked: Result<T, Error>) -> String {
    match asked {
        Err(Error::Backup(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// Copies a backup out; says whether it is of the folder's database.
fn copy_out(backups: &Path, id: u32, to: &Path) -> Result<(), Error> {
    let mut vault = Vault::open(backups).unwrap();
    vault.copy_out(id, to).unwrap();
    vault.require_own(to, &provider("hub.example"))
}

#[test]
fn another_database_is_refused_and_a_restored_one_is_not() {
    let folder = TempDir::new().unwrap();
    let [one, other, backups, copy] = ["one", "other", "backups", "copy"].map(|name| folder.path().join(name));
    let (one, other) = (open(&one), open(&other));
    assert_eq!(one.back_up(&backups, 1).unwrap().id, 1);
    let before = tree(&backups);
    let text = refused(other.back_up(&backups, 1));
    assert!(text.contains("are another database's") && text.contains("name a folder"), "{text}");
    assert!(text.contains("store.path") && !text.contains("hub.example"), "no names in logs: {text}");
    assert_eq!(tree(&backups), before);

    copy_out(&backups, 1, &copy).unwrap();
    let restored = open(&copy);
    restored.go_on_from_backup(&Vault::open(&backups).unwrap(), 5, 7).unwrap();
    assert_eq!(restored.back_up(&backups, 9).unwrap().id, 2);
    assert_eq!(one.back_up(&backups, 9).unwrap().id, 3, "nobody can tell the two apart");
    refused(other.back_up(&backups, 9));
}

#[test]
fn what_is_written_stays_the_same_and_is_no_secret() {
    let folder = TempDir::new().unwrap();
    let [data, backups] = ["data", "backups"].map(|name| folder.path().join(name));
    open_as(&data, &provider("hub.example"), [7; 32]).unwrap().back_up(&backups, 1).unwrap();
    let file = backups.join("database");
    // SHA-256 of `mimi-ds folder of backups v1` and 32 bytes of 7.
    let hash = "9d87b902fe0f3e5c86bbb4d11c2bed1dbcd9c0e54b009df45ef60943579fe04c\n";
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{hash}hub.example\n"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let provider = || Vault::open(&backups).unwrap().provider().map(|provider| provider.to_string());
    assert_eq!(provider().as_deref(), Some("hub.example"));
    // As it was written before it said the provider.
    fs::write(&file, hash).unwrap();
    assert_eq!(provider(), None);
    assert_eq!(open(&data).back_up(&backups, 1).unwrap().id, 2);
}

#[test]
fn a_folder_of_other_things_is_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("data"));
    let others: [&[&str]; 5] = [
        &["letters"],
        &["private/letters"],
        &["meta/1", "private/1/letters"],
        &["shared_checksum/letters", "meta/letters", "letters"],
        &["lost+found/letters", "letters"],
    ];
    for (number, things) in others.into_iter().enumerate() {
        let backups = folder.path().join(number.to_string());
        holding(&backups, things);
        let before = tree(&backups);
        for text in [refused(store.back_up(&backups, 1)), refused(Vault::open(&backups))] {
            assert!(text.contains("other things") && text.contains("name a folder"), "{things:?}: {text}");
            assert!(text.contains(backups.to_str().unwrap()) && text.contains("among them"), "{things:?}: {text}");
        }
        assert_eq!(tree(&backups), before);
    }
    let backups = folder.path().join("backups");
    holding(&backups, &["database/letters"]);
    let before = tree(&backups);
    refused(store.back_up(&backups, 1));
    refused(Vault::open(&backups));
    assert_eq!(tree(&backups), before);
}

/// Links may lead elsewhere than when the configuration was checked.
#[test]
fn the_database_s_own_folder_is_none_for_backups() {
    let folder = TempDir::new().unwrap();
    let [data, link] = ["data", "link"].map(|name| folder.path().join(name));
    let store = open(&data);
    std::os::unix::fs::symlink(&data, &link).unwrap();
    let before = tree(&data);
    for backups in [&data, &data.join("backups"), &link, &link.join("backups"), &folder.path().to_owned()] {
        let text = refused(store.back_up(backups, 1));
        assert!(text.contains("lie in each other"), "{}: {text}", backups.display());
    }
    assert_eq!(tree(&data), before);
}

/// What it finds is what a process may have left that was killed before its first backup, and what a new disk has.
#[test]
fn what_is_left_before_the_first_backup_is_in_nobody_s_way() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder.path().join("data"));
    let left: [&[&str]; 4] = [
        &[],
        &["database.new"],
        &["lost+found/inode"],
        &["shared_checksum/half", "private/1/half", "meta/.1.tmp", "verifying.lock"],
    ];
    for (number, things) in left.into_iter().enumerate() {
        let backups = folder.path().join(number.to_string());
        holding(&backups, things);
        assert_eq!(store.back_up(&backups, 1).unwrap().id, 1, "{things:?}");
        assert!(backups.join("database").exists() && !backups.join("database.new").exists());
    }
    // Somebody has looked for backups before there were any.
    let backups = folder.path().join("backups");
    holding(&backups, &[]);
    assert!(Vault::open(&backups).unwrap().backups().unwrap().whole.is_empty());
    assert_eq!(store.back_up(&backups, 1).unwrap().id, 1);
    // It is said whose they are, and there are none.
    for engines in ["meta", "private", "shared_checksum"] {
        fs::remove_dir_all(backups.join(engines)).unwrap();
    }
    assert_eq!(store.back_up(&backups, 1).unwrap().id, 1);
}

#[test]
fn backups_of_which_nothing_says_whose_they_are_go_to_the_first_who_adds_one() {
    let folder = TempDir::new().unwrap();
    let [one, other, backups] = ["one", "other", "backups"].map(|name| folder.path().join(name));
    let copy = |name: &str| folder.path().join(format!("copy-{name}"));
    let (one, other) = (open(&one), open(&other));
    assert_eq!(other.back_up(&backups, 9).unwrap().id, 1);
    let file = backups.join("database");
    fs::remove_file(&file).unwrap();
    fs::write(backups.join("letters"), "").unwrap();
    copy_out(&backups, 1, &copy("unsaid")).unwrap();
    assert_eq!(one.back_up(&backups, 9).unwrap().id, 2);
    assert!(refused(other.back_up(&backups, 9)).contains("are another database's"));
    // Of those that are there the one is not the folder's own.
    let text = refused(copy_out(&backups, 1, &copy("others")));
    assert!(text.contains("it is another database's") && text.contains("restante backup list"), "{text}");
    copy_out(&backups, 2, &copy("own")).unwrap();

    fs::write(&file, "half of a lin").unwrap();
    let text = refused(one.back_up(&backups, 9));
    assert!(text.contains("is damaged") && text.contains("move it away"), "{text}");
    // Whoever has lost the rest does not need it.
    copy_out(&backups, 1, &copy("damaged")).unwrap();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("database", &file).unwrap();
    let text = refused(one.back_up(&backups, 9));
    assert!(text.contains("backups/database, which says") && text.contains("cannot be read"), "{text}");
    copy_out(&backups, 1, &copy("unreadable")).unwrap();
    fs::remove_file(&file).unwrap();
    assert_eq!(one.back_up(&backups, 9).unwrap().id, 3);
}
