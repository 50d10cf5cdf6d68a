//! A disk that is full: sends are refused, and what was acknowledged stays; no backup is claimed that is not there, and
//! nothing half is put back.

use std::{
    fs,
    io::{ErrorKind, Write},
};

use crate::{
    house::{ENDED, House, end, is_unavailable},
    much,
    people::Person,
    site::Provider,
};

const MEBIBYTES: usize = 96;

/// So much more room is there at each attempt, in bytes: less than what is written to a copy that is made ready.
const STEP: u64 = 32 * 1024;

/// Room for some long messages, in bytes.
const ROOM: u64 = 1024 * 1024;

/// More of them than the disk has room for, in case that the database has taken some in advance.
const SAID_MAX: u32 = 2_500;

/// Takes what room is left, but for so many bytes.
fn fill(house: &House, left: u64) {
    let mut file = fs::File::options().create(true).append(true).open(house.on_disk("filling")).unwrap();
    let mut length = file.metadata().unwrap().len();
    let error = loop {
        match file.write(&[0; 4096]) {
            Ok(written) => length += written as u64,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    file.set_len(length.saturating_sub(left)).unwrap();
    file.sync_all().unwrap();
}

fn make_room(house: &House) {
    fs::remove_file(house.on_disk("filling")).unwrap();
}

async fn backups(house: &House) -> usize {
    let (is_listed, said) = house.operate(&["backup", "list"], None).await;
    assert!(is_listed, "{said}");
    said.lines().filter(|line| line.starts_with("backup ")).count()
}

pub(crate) async fn sends_on_a_full_disk(seed: u64) {
    let house = House::new(MEBIBYTES, seed).await;
    let mut hub = house.start().await;
    let (alice, bob) = (hub.user("alice"), hub.user("bob"));
    let group = alice.found().await;
    // The log is begun anew behind a backup, and has taken no room in advance before something is written to it.
    house.back_up(&hub).await.unwrap();
    fill(&house, ROOM);
    let mut acknowledged = 0;
    let error = loop {
        assert!(acknowledged < SAID_MAX, "the disk does not become full");
        match much::say(&alice, &group, 0, acknowledged).await {
            Ok(index) => {
                assert_eq!(index, acknowledged);
                acknowledged += 1;
            }
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 0, "there was room for something");
    assert!(is_unavailable(&error), "{error}");
    // It stays so, for what would have room too; it is said why; and reads go on.
    assert!(is_unavailable(&alice.mint_group_id().await.unwrap_err()));
    assert!(is_unavailable(&alice.say(&group, 0, "small").await.unwrap_err()));
    let readiness = hub.ready().await;
    assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains("takes no writes"), "{readiness}");
    let logged = hub.process.logged();
    assert!(logged.lines().any(|line| line.contains(ENDED) && line.contains("No space left on device")), "{logged}");
    let said: Vec<u32> = (0..acknowledged).collect();
    assert_eq!(much::numbers(&bob, &group, 0).await.unwrap(), said);
    end(&mut hub).await;

    make_room(&house);
    let mut hub = house.start().await;
    assert!(hub.ready().await.starts_with("HTTP/1.1 200"));
    let found = much::numbers(&hub.user("bob"), &group, 0).await.unwrap();
    // The write that failed is there or not.
    let with_doubted: Vec<u32> = (0..=acknowledged).collect();
    assert!(found == said || found == with_doubted, "{} of {acknowledged}", found.len());
    let index = much::say(&hub.user("alice"), &group, 0, SAID_MAX).await.unwrap();
    assert_eq!(index as usize, found.len());
    end(&mut hub).await;
}

pub(crate) async fn backups_on_a_full_disk(seed: u64) {
    let house = House::new(MEBIBYTES, seed).await;
    let mut hub = house.start().await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    alice.say(&group, 0, "before").await.unwrap();
    house.back_up(&hub).await.unwrap();
    alice.say(&group, 0, "after").await.unwrap();

    // Each backup gives some room back: that of the log that it made a table of.
    let mut made = 1;
    let said = loop {
        assert!(made < 8, "the disk does not become full");
        fill(&house, 0);
        match house.back_up(&hub).await {
            Ok(_) => made += 1,
            Err(said) => break said,
        }
    };
    assert!(said.contains("no backup was made") && said.contains("No space left"), "{said}");
    assert_eq!(backups(&house).await, made);
    assert_eq!(alice.read_all(&group, 0).await.len(), 2);
    make_room(&house);
    hub = again(hub, &house).await;
    let alice = hub.user("alice");
    assert_eq!(alice.read_all(&group, 0).await.len(), 2, "what was acknowledged is there");
    alice.say(&group, 0, "with room").await.unwrap();
    house.back_up(&hub).await.unwrap();
    assert_eq!(backups(&house).await, made + 1);
    end(&mut hub).await;

    fs::remove_dir_all(house.on_disk("data")).unwrap();
    fill(&house, 20_000);
    let (is_restored, said) = house.operate(&["backup", "restore"], None).await;
    assert!(!is_restored && said.contains("No space left"), "{said}");
    assert!(!house.on_disk("data").exists() && !house.on_disk("data.restoring").exists());
    let (is_sound, said) = house.operate(&["backup", "verify"], None).await;
    assert!(!is_sound && said.contains("No space left"), "{said}");
    restore_with_ever_more_room(&house).await;
    make_room(&house);
    let mut hub = house.start().await;
    assert_eq!(hub.user("alice").read(&group, 0, 0).await.unwrap().response.epoch.messages.len(), 3);
    end(&mut hub).await;
}

/// At first there is room for a part of the copy, then for all of it, and in the end for what has to be written to it: what
/// fails leaves nothing behind that takes the room of the next attempt, wherever it does.
async fn restore_with_ever_more_room(house: &House) {
    let (mut left, mut has_failed_behind_the_copy) = (0, false);
    loop {
        // The engine takes room for its log in advance, as much as there is.
        left += if has_failed_behind_the_copy { left } else { STEP };
        fill(house, left);
        let (is_restored, said) = house.operate(&["backup", "restore"], None).await;
        if is_restored {
            assert!(has_failed_behind_the_copy, "no attempt came so far and no further");
            return;
        }
        assert!(left < (MEBIBYTES as u64) << 20, "{said}");
        has_failed_behind_the_copy |= said.contains("the database cannot be read or written");
        assert!(!house.on_disk("data").exists() && !house.on_disk("data.restoring").exists(), "{left}: {said}");
    }
}

/// A backup begins with a flush: if that has failed, writes have ended as well, until the next start.
async fn again(mut hub: Provider, house: &House) -> Provider {
    if hub.ready().await.starts_with("HTTP/1.1 503") {
        assert!(is_unavailable(&hub.user("alice").mint_group_id().await.unwrap_err()));
    }
    end(&mut hub).await;
    house.start().await
}
