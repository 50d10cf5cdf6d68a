//! A disk that fails reads or writes: what was acknowledged stays, what cannot be is not claimed, and the operator is told.

use restante::client::http::CallError;

use crate::{
    course::Course,
    disk::Faults,
    house::{ENDED, House, end, is_unavailable},
    much,
    people::Person,
    site::User,
};

const MEBIBYTES: usize = 128;
/// So many long messages on both sides of what cannot be read.
const AROUND: u32 = 12;
/// So many writes of the disk fail, each in its turn: several operations of every kind have theirs among them.
const PLACES: u32 = 12;

/// How many messages there are, page by page.
async fn count(user: &User, group: &[u8]) -> Result<u32, CallError> {
    let (mut count, mut counter) = (0, 0);
    loop {
        let page = user.read(group, 0, counter).await?;
        count += u32::try_from(page.response.epoch.messages.len()).unwrap();
        counter = page.next_index.unwrap();
        if !page.more {
            return Ok(count);
        }
    }
}

/// The disk fails in the middle of a batch, at another write for each seed.
pub(crate) async fn a_failed_write_ends_writes_until_the_next_start(seed: u64) {
    let mut house = House::new(MEBIBYTES, seed).await;
    let mut hub = house.start().await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    for number in 0..3 {
        assert_eq!(much::say(&alice, &group, 0, number).await.unwrap(), number);
    }
    let mut acknowledged = 3;
    house.disk.break_by(Faults { writes_left: Some(1 + seed), ..Faults::default() });
    let error = loop {
        assert!(acknowledged < 200, "the disk does not fail");
        match much::say(&alice, &group, 0, acknowledged).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(house.disk.platter().counts().failed > 0);
    assert!(is_unavailable(&error), "{error}");
    assert!(is_unavailable(&much::say(&alice, &group, 0, 1000).await.unwrap_err()));
    assert!(is_unavailable(&alice.mint_group_id().await.unwrap_err()));
    let readiness = hub.ready().await;
    assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains("takes no writes"), "{readiness}");
    assert!(hub.process.logged().contains(ENDED));
    assert_eq!(count(&alice, &group).await.unwrap(), acknowledged, "reads go on");
    hub.process.kill().await;

    // Another disk with what could be copied of the first one.
    house.disk.start_again();
    let (is_sound, said) = house.operate(&["db", "verify"], None).await;
    assert!(is_sound, "seed {seed}: {said}");
    let mut hub = house.start().await;
    let alice = hub.user("alice");
    let found = count(&alice, &group).await.unwrap();
    assert!(found == acknowledged || found == acknowledged + 1, "seed {seed}: {found} of {acknowledged}");
    assert_eq!(much::say(&alice, &group, 0, 1000).await.unwrap(), found);
    end(&mut hub).await;
}

/// The same wherever the disk fails: in the middle of a message, a commit, a Welcome, or an upload of KeyPackages.
pub(crate) async fn writes_end_wherever_the_disk_fails(seed: u64) {
    let mut house = House::new(MEBIBYTES, seed).await;
    let mut courses: Vec<Course> = Vec::new();
    for place in 1..=PLACES {
        let mut hub = house.start().await;
        let mut course = Course::begin(&hub, place).await;
        let told = hub.process.logged().matches(ENDED).count();
        house.disk.break_by(Faults { writes_left: Some(place.into()), ..Faults::default() });
        let error = course.go_on(&hub).await;
        assert!(house.disk.platter().counts().failed > 0, "write {place}: {error}");
        assert!(is_unavailable(&error), "write {place}: {error}");
        course.assert_takes_nothing(&hub).await;
        let readiness = hub.ready().await;
        assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains("takes no writes"), "{readiness}");
        assert!(hub.process.logged().matches(ENDED).count() > told, "write {place}: nobody is told");
        hub.process.kill().await;

        house.disk.start_again();
        let (is_sound, said) = house.operate(&["db", "verify"], None).await;
        assert!(is_sound || said.contains("its last write was cut off"), "write {place}: {said}");
        let mut hub = house.start().await;
        assert!(hub.ready().await.starts_with("HTTP/1.1 200"), "write {place}");
        course.assert_is_there(&hub).await;
        end(&mut hub).await;
        courses.push(course);
    }
    let mut hub = house.start().await;
    for course in &courses {
        course.assert_is_there(&hub).await;
    }
    end(&mut hub).await;
}

/// What of the database cannot be read: a table, which is found out when somebody asks for what is in it.
pub(crate) async fn what_cannot_be_read_is_told_and_never_made_up(seed: u64) {
    let mut house = House::new(MEBIBYTES, seed).await;
    let mut hub = house.start().await;
    let alice = hub.user("alice");
    let (broken, healthy) = (alice.found().await, alice.found().await);
    for (group, text) in [(&broken, "in the broken sector"), (&healthy, "elsewhere")] {
        // The database and the kernel read ahead: the other group's rows lie far from that sector.
        for number in 0..AROUND {
            much::say(&alice, group, 0, number).await.unwrap();
        }
        alice.say(group, 0, text).await.unwrap();
        for number in AROUND..2 * AROUND {
            much::say(&alice, group, 0, number).await.unwrap();
        }
    }
    // Makes tables of what is in the log.
    house.back_up(&hub).await.unwrap();
    end(&mut hub).await;
    house.disk.start_again();
    let unreadable = house.disk.platter().sectors_with(b"in the broken sector");
    assert!(!unreadable.is_empty());
    house.disk.break_by(Faults { unreadable, ..Faults::default() });

    let mut hub = house.start().await;
    let alice = hub.user("alice");
    assert!(hub.ready().await.starts_with("HTTP/1.1 200"));
    let error = count(&alice, &broken).await.unwrap_err();
    assert!(is_unavailable(&error), "{error}");
    assert_eq!(count(&alice, &healthy).await.unwrap(), 2 * AROUND + 1, "what can be read is given");
    let readiness = hub.ready().await;
    assert!(readiness.starts_with("HTTP/1.1 503") && readiness.contains("cannot be read"), "{readiness}");
    assert!(is_unavailable(&alice.say(&healthy, 0, "more").await.unwrap_err()), "nothing is written behind damage");
    let logged = hub.process.logged();
    assert!(logged.contains("messages") && logged.contains("restante backup restore"), "{logged}");
    end(&mut hub).await;
    let (is_sound, said) = house.operate(&["db", "verify"], None).await;
    assert!(!is_sound && said.contains("WRONG"), "{said}");

    // The sectors were copied off somehow.
    house.disk.start_again();
    let mut hub = house.start().await;
    assert_eq!(count(&hub.user("alice"), &broken).await.unwrap(), 2 * AROUND + 1);
    end(&mut hub).await;
}

/// The log of recent writes cannot be read: nothing is served, because nobody knows what is missing.
pub(crate) async fn a_log_that_cannot_be_read_is_not_passed_over(seed: u64) {
    let mut house = House::new(MEBIBYTES, seed).await;
    let mut hub = house.start().await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    for text in ["before", "in the broken sector", "behind"] {
        alice.say(&group, 0, text).await.unwrap();
    }
    hub.process.kill().await;
    house.disk.start_again();
    let unreadable = house.disk.platter().sectors_with(b"in the broken sector");
    assert!(!unreadable.is_empty());
    house.disk.break_by(Faults { unreadable, ..Faults::default() });
    let said = house.refused().await;
    assert!(said.contains("the database cannot be read or written"), "{said}");
    house.disk.start_again();
    let mut hub = house.start().await;
    assert_eq!(hub.user("alice").read_all(&group, 0).await.len(), 3);
    end(&mut hub).await;
}
