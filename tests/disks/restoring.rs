//! The power is cut while a backup is put back: afterwards there is nothing, and it is begun again, or all of it.

use std::{
    fs::{self, File},
    path::Path,
};

use restante::sequencer::Forgotten;

use crate::{
    disk::Faults,
    house::{House, end},
    people::Person,
};

/// In so many places.
const CUTS: u64 = 5;

pub(crate) async fn a_restore_that_is_cut_off_leaves_nothing_or_all(seed: u64) {
    let mut house = House::new(192, seed).await;
    let mut hub = house.start().await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    for number in 0..20 {
        alice.say(&group, 0, &number.to_string()).await.unwrap();
    }
    house.back_up(&hub).await.expect("there is power");
    end(&mut hub).await;
    let database = house.on_disk("data");
    lose(&database);

    // Once to the end, and the power is cut as soon as it says so.
    let before = house.disk.platter().counts().flushes;
    let (is_restored, said) = house.operate(&["backup", "restore"], None).await;
    assert!(is_restored, "{said}");
    let flushes = house.disk.platter().counts().flushes - before;
    house.disk.cut_power();
    house.disk.start_again();
    let mut last = assert_is_whole(&house, &group).await;

    let mut begun_again = 0;
    for cut in 0..CUTS {
        lose(&database);
        let flushes_left = Some(flushes * cut / CUTS);
        house.disk.break_by(Faults { flushes_left, ..Faults::default() });
        let (is_restored, said) = house.operate(&["backup", "restore"], None).await;
        assert!(house.disk.platter().is_dark(), "seed {seed}, cut {cut}: {said}");
        house.disk.start_again();
        if !holds_something(&database) {
            // How often the file system flushes is its own affair: it may have been done before the power went.
            assert!(!is_restored, "seed {seed}, cut {cut}: {said}");
            begun_again += 1;
            let (is_restored, said) = house.operate(&["backup", "restore"], None).await;
            assert!(is_restored, "seed {seed}, cut {cut}: {said}");
        }
        let index = assert_is_whole(&house, &group).await;
        assert!(index > last, "seed {seed}, cut {cut}: {index} after {last}: an index is given twice");
        last = index;
    }
    assert!(begun_again > 0, "it was never cut off early");
}

/// For good: what is only removed may come back when the power does.
fn lose(database: &Path) {
    fs::remove_dir_all(database).unwrap();
    File::open(database.parent().unwrap()).unwrap().sync_all().unwrap();
}

fn holds_something(folder: &Path) -> bool {
    fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some())
}

/// Gives the index that the next message has.
async fn assert_is_whole(house: &House, group: &[u8]) -> u32 {
    let (is_sound, said) = house.operate(&["db", "verify"], None).await;
    assert!(is_sound, "{said}");
    let mut hub = house.start().await;
    let alice = hub.user("alice");
    let page = alice.read(group, 0, 0).await.unwrap();
    assert_eq!(page.response.epoch.messages.len(), 20);
    let behind = alice.say(group, 0, "behind the restore").await.unwrap().index;
    assert!(behind > Forgotten::GAP, "{behind}");
    end(&mut hub).await;
    behind
}
