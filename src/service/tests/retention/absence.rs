//! Clocks that leap, and hubs that were off: whoever could not come is given time.

use std::sync::Arc;

use crate::{
    sequencer::GroupKey,
    service::{
        Next, Service,
        setup::{DAY, START, Setup, commit, key, say, texts, user},
    },
    store::Store,
    wire::PartitionKey,
};

/// What the task does that owns retention, until there is nothing to do.
async fn walk(service: &Arc<Service>) {
    for _step in 0..1000 {
        if let Next::Walk(_) = service.retain().await.unwrap() {
            return;
        }
    }
    panic!("a walk comes to its end");
}

async fn days(setup: &Setup, number: u64) {
    for _day in 0..number {
        setup.clock.advance(DAY);
        walk(&setup.service).await;
    }
}

/// A group that has gone on, with something to read in both epochs, on a hub that is there.
async fn group(setup: &Setup) -> Vec<u8> {
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "first")).await.unwrap();
    setup.send(user("alice"), commit(&group, 0, 1, "leads on")).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "second")).await.unwrap();
    walk(&setup.service).await;
    group
}

fn first_epoch(setup: &Setup, group: &[u8]) -> usize {
    let first = PartitionKey::new(key(0)).masked();
    setup.store.snapshot().unwrap().messages(&GroupKey::of(group), &first, 0, u64::MAX).unwrap().entries.len()
}

fn is_deleted(setup: &Setup, group: &[u8]) -> bool {
    let record = setup.store.snapshot().unwrap().group(&GroupKey::of(group)).unwrap();
    record.unwrap().deleted_ms.is_some()
}

#[tokio::test]
async fn a_clock_that_was_wrong_for_days_removes_nothing() {
    let setup = Setup::new();
    let group = group(&setup).await;
    days(&setup, 1).await;
    // Seven months ahead, and put right after six days.
    setup.clock.advance(210 * DAY);
    days(&setup, 6).await;
    assert_eq!((first_epoch(&setup, &group), is_deleted(&setup, &group)), (2, false));
    let rests = setup.service.retention_status().rests_until_ms;
    assert_eq!(rests, Some(START + 219 * DAY));
    setup.clock.put_back(210 * DAY);
    days(&setup, 20).await;
    assert_eq!((first_epoch(&setup, &group), is_deleted(&setup, &group)), (2, false));
    assert!(setup.send(user("alice"), say(&group, 1, "third")).await.is_ok());
    assert_eq!(setup.service.retention_status().rests_until_ms, None);
}

/// Also when the process ended in the middle of a walk.
#[tokio::test]
async fn who_could_not_come_while_the_hub_was_off_has_a_week() {
    let setup = Setup::new();
    let group = group(&setup).await;
    days(&setup, 1).await;
    setup.clock.advance(DAY);
    assert!(matches!(setup.service.retain().await, Ok(Next::Step(_))), "it is in the middle");
    setup.clock.advance(40 * DAY);
    let setup = setup.restart().await;
    walk(&setup.service).await;
    // Asking changes nothing.
    setup.service.ask_for_retention();
    days(&setup, 3).await;
    // Nor do restarts, in which it stays known how long that was.
    let setup = setup.restart().await;
    days(&setup, 3).await;
    assert_eq!(first_epoch(&setup, &group), 2);
    days(&setup, 1).await;
    assert_eq!(first_epoch(&setup, &group), 0);
    assert_eq!(texts(&setup.receive(user("bob"), &group, 1, 0).await), ["second"]);
}

#[tokio::test]
async fn a_group_has_a_month_before_it_is_deleted_because_nobody_came() {
    let setup = Setup::new();
    let (idle, used) = (group(&setup).await, group(&setup).await);
    setup.clock.advance(200 * DAY);
    let setup = setup.restart().await;
    walk(&setup.service).await;
    days(&setup, 29).await;
    setup.send(user("alice"), say(&used, 1, "third")).await.unwrap();
    assert!(setup.send(user("alice"), say(&idle, 9, "an orphan is no use")).await.is_ok());
    days(&setup, 2).await;
    assert_eq!((is_deleted(&setup, &idle), is_deleted(&setup, &used)), (true, false));
}
