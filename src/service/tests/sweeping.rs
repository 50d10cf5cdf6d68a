//! What lapses: orphans and reservations, when the clock has moved.

use bytes::Bytes;

use crate::{
    mls::{CipherSuite, ProtocolVersion},
    pool::{Account, Expiry, ExpiryOf, Item, ReferenceKey, Shelf, Stock, StockKey, Transition},
    sequencer::{GroupKey, Policy, Rejection, Usage, UserTag},
    service::{
        Error, Limits,
        setup::{DAY, HOUR, START, Setup, commit, peer, provider, say, texts, user, user_id},
    },
    store::{Batch, Store},
    wire::ClientId,
};

async fn sweep(setup: &Setup) -> usize {
    setup.service.sweep().await.unwrap()
}

#[tokio::test]
async fn an_orphan_of_one_provider_ages_out_after_a_day() {
    let policy = Policy { budget_in_group: Usage { partitions: 1, bytes: 1_000_000 }, ..Policy::default() };
    let setup = Setup::with(policy, Limits::default());
    let group = setup.group().await;
    let follower = peer("follower.example");
    setup.send(&follower, say(&group, 9, "orphan")).await.unwrap();
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "in one")).await.unwrap();
    let limited = Err(Error::Rejected(Rejection::RateLimited { retry_after_seconds: 3600 }));
    assert_eq!(setup.send(&follower, say(&group, 8, "one too many")).await, limited);

    setup.clock.advance(DAY - 1);
    assert_eq!(sweep(&setup).await, 0);
    assert_eq!(texts(&setup.receive(&follower, &group, 9, 0).await), ["orphan"]);
    let setup = setup.restart().await;
    setup.clock.advance(1);
    assert!(sweep(&setup).await > 0);
    assert_eq!(texts(&setup.receive(&follower, &group, 9, 0).await).len(), 0);
    assert_eq!(texts(&setup.receive(&follower, &group, 1, 0).await), ["in one"], "what is announced stays");
    assert_eq!(sweep(&setup).await, 0, "nothing is due twice");
    // The budget is free again, and the same message is a new one.
    let usage = setup.store.snapshot().unwrap().budget(&provider("follower.example"), &GroupKey::of(&group)).unwrap();
    assert_eq!(usage, Usage::default());
    assert_eq!(setup.send(&follower, say(&group, 9, "orphan")).await.unwrap().index, 0);
}

#[tokio::test]
async fn an_orphan_of_two_providers_ages_out_after_three_days() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(peer("follower.example"), say(&group, 9, "orphan")).await.unwrap();
    setup.receive(peer("third.example"), &group, 9, 0).await;
    setup.settle().await;
    setup.clock.advance(2 * DAY);
    sweep(&setup).await;
    assert_eq!(texts(&setup.receive(peer("follower.example"), &group, 9, 0).await), ["orphan"]);
    setup.clock.advance(DAY);
    sweep(&setup).await;
    assert_eq!(texts(&setup.receive(peer("follower.example"), &group, 9, 0).await).len(), 0);
}

#[tokio::test]
async fn an_adopted_orphan_stays() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(peer("follower.example"), say(&group, 9, "early")).await.unwrap();
    setup.clock.advance(DAY - HOUR);
    setup.send(user("alice"), commit(&group, 0, 9, "adopts")).await.unwrap();
    setup.clock.advance(30 * DAY);
    sweep(&setup).await;
    assert_eq!(texts(&setup.receive(user("alice"), &group, 9, 0).await), ["early"]);
    assert_eq!(sweep(&setup).await, 0);
}

/// More than a page of timers, and more than one group.
#[tokio::test]
async fn one_sweep_takes_all_that_is_due() {
    let budget_in_group = Usage { partitions: 1000, bytes: 1_000_000 };
    let policy = Policy { budget_in_group, budget_in_all: budget_in_group, ..Policy::default() };
    let setup = Setup::with(policy, Limits::default());
    let groups = [setup.group().await, setup.group().await, setup.group().await];
    for group in &groups {
        for number in 100..200 {
            setup.send(peer("follower.example"), say(group, number, "orphan")).await.unwrap();
        }
    }
    setup.clock.advance(DAY);
    // Three hundred orphans and three reservations.
    assert_eq!(sweep(&setup).await, 303);
    assert_eq!(setup.store.snapshot().unwrap().due(u64::MAX, 10).unwrap(), []);
    assert_eq!(setup.store.snapshot().unwrap().budgets(None, 10).unwrap(), []);
}

#[tokio::test]
async fn a_reservation_lapses_after_a_day() {
    let setup = Setup::new();
    let (kept, lapsed) = (
        setup.service.mint_group_id(&user_id("alice")).await.unwrap(),
        setup.service.mint_group_id(&user_id("alice")).await.unwrap(),
    );
    setup.clock.advance(DAY - 1);
    setup.create(kept.as_bytes()).await.unwrap();
    setup.clock.advance(1);
    let not_reserved = Err(Error::Rejected(Rejection::GroupIdNotReserved));
    assert_eq!(setup.create(lapsed.as_bytes()).await, not_reserved, "also before the sweep");
    assert_eq!(sweep(&setup).await, 2);
    assert_eq!(setup.create(lapsed.as_bytes()).await, not_reserved);
    let reservation = setup.store.snapshot().unwrap().reservation(&GroupKey::of(lapsed.as_bytes())).unwrap();
    assert_eq!(reservation, None);
    setup.send(user("alice"), say(kept.as_bytes(), 0, "here")).await.unwrap();
}

#[tokio::test]
async fn a_sweep_that_fails_is_tried_again() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(peer("follower.example"), say(&group, 9, "orphan")).await.unwrap();
    setup.clock.advance(DAY);
    setup.store.fail_reads(Some(crate::store::Error::Io("for a moment".to_owned())));
    assert!(setup.service.sweep().await.is_err());
    setup.store.fail_reads(None);
    assert!(sweep(&setup).await > 0);
}

/// A full stock whose KeyPackages expire a day after the start.
fn stock(number: u8) -> (StockKey, Transition) {
    let (user, expires_ms) = (UserTag([number; 16]), START + DAY);
    let key = StockKey {
        user,
        client: ClientId::new([1; 16]),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    let item = |number| Item { number, reference: ReferenceKey([0; 32]), length: 1, expires_ms };
    let account = Account { shelves: vec![Shelf::from(&key)], ..Account::default() };
    let first = Some(item(0));
    let transition = Transition {
        accounts: vec![(user, account)],
        stocks: vec![(key, Some(Stock { next_number: 256, items: 256, first, last_resort: None }))],
        items: (0..256).map(|number| ((key, item(number).place()), Some(item(number)))).collect(),
        packages: (0..256).map(|number| ((key, number), Some(Bytes::from_static(b"x")))).collect(),
        expiries: vec![Expiry { due_ms: expires_ms, of: ExpiryOf::Stock(key) }],
        ..Transition::default()
    };
    (key, transition)
}

/// Everything that expires at one moment is not removed in one write: fetches would wait for it.
#[tokio::test]
async fn what_is_too_much_for_a_batch_is_swept_away_in_several() {
    let setup = Setup::new();
    let (keys, transitions): (Vec<_>, Vec<_>) = (0..60).map(stock).unzip();
    let mut batch = Batch::default();
    transitions.into_iter().for_each(|transition| batch.pool.push(transition));
    setup.store.commit(&batch).unwrap();
    setup.clock.advance(DAY);
    let left = || {
        let snapshot = setup.store.snapshot().unwrap();
        keys.iter().filter(|key| snapshot.stock(key).unwrap().is_some()).count()
    };
    sweep(&setup).await;
    let after_one = left();
    assert!((1..60).contains(&after_one), "{after_one} of 60 are left");
    sweep(&setup).await;
    assert_eq!(left(), 0);
    assert_eq!(sweep(&setup).await, 0);
}
