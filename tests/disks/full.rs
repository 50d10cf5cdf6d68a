//! Backups on a disk that is full: none is claimed that is not there, what was there stays, and nothing half is put back.

use std::{
    fs,
    io::{ErrorKind, Write},
};

use crate::{
    house::{House, end, is_unavailable},
    people::Person,
    site::Provider,
};

const MEBIBYTES: usize = 96;

/// So much more room is there at each attempt, in bytes: less than what is written to a copy that is made ready.
const STEP: u64 = 32 * 1024;

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
