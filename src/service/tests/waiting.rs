//! Receives that wait: woken by what they wait for, by nothing else, and never missed.

use std::{sync::Arc, time::Duration};

use crate::{
    sequencer::GroupKey,
    service::{
        Error, Limits, Waiters,
        setup::{PATIENCE, Setup, commit, peer, provider, say, texts, user},
        waiters::Woken,
    },
    store::{Store, contract::samples::append},
    wire::MaskedPartitionKey,
};

const LONG: Duration = Duration::from_secs(50);

/// A wait that somebody has to end: whoever forgets to, fails here and not at the end of the wait.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(9), future).await.expect("woken before anybody looks again by itself")
}

#[tokio::test]
async fn a_send_wakes_whoever_waits_for_its_partition() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    let carol = peer("follower.example");
    let waiting = setup.receive_waiting(&carol, &group, 1, 0, LONG);
    let sending = async {
        setup.await_waiting(1).await;
        // Neither the parent, nor another group, nor an orphan.
        setup.send(user("alice"), say(&group, 0, "elsewhere")).await.unwrap();
        let other = setup.group().await;
        setup.send(user("alice"), say(&other, 0, "elsewhere")).await.unwrap();
        setup.send(peer("third.example"), say(&group, 9, "orphan")).await.unwrap();
        setup.await_waiting(1).await;
        setup.send(user("alice"), say(&group, 1, "here")).await.unwrap();
    };
    let (received, ()) = soon(Box::pin(async { tokio::join!(waiting, sending) })).await;
    assert_eq!(texts(&received.unwrap()), ["here"]);
    setup.await_waiting(0).await;
}

#[tokio::test]
async fn what_is_there_already_is_not_waited_for() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "there")).await.unwrap();
    let received = soon(setup.receive_waiting(user("bob"), &group, 0, 0, LONG)).await.unwrap();
    assert_eq!(texts(&received), ["there"]);
    // A partition may be waited for before it exists.
    let (received, ()) = soon(async {
        tokio::join!(setup.receive_waiting(user("bob"), &group, 1, 0, LONG), async {
            setup.await_waiting(1).await;
            setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
            setup.send(user("alice"), say(&group, 1, "new")).await.unwrap();
        })
    })
    .await;
    assert_eq!(texts(&received.unwrap()), ["new"]);
}

/// Whatever stands between the look and the wait: the wake is not lost.
#[tokio::test]
async fn a_wake_during_the_look_is_not_missed() {
    let waiters = Arc::new(Waiters::new(10));
    let (group, partition) = (GroupKey::new([1; 32]), MaskedPartitionKey::new([2; 32]));
    let waiter = waiters.register(&provider("a.example"), &group, &partition).unwrap();
    let look = async || {
        waiters.wake(&group, &partition);
        None::<()>
    };
    assert_eq!(soon(waiter.read_or_wait(look)).await, Err(Woken::Maybe));
    let look = async || {
        waiters.close();
        None::<()>
    };
    assert_eq!(soon(waiter.read_or_wait(look)).await, Err(Woken::Closed));
    assert_eq!(soon(waiter.read_or_wait(async || Some(5))).await, Ok(5), "what is found counts more than the end");
    assert_eq!(waiters.waiting(), 1);
    drop(waiter);
    assert_eq!(waiters.waiting(), 0);
}

/// Forty readers follow two partitions while twenty senders fill them. A single missed wake would cost ten seconds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_misses_anything_in_the_crowd() {
    const SENDERS: usize = 20;
    const EACH: usize = 10;
    let setup = Arc::new(Setup::new());
    let group: Arc<[u8]> = setup.group().await.into();
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    let total = SENDERS / 2 * EACH;
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..40_u8 {
        let (setup, group) = (setup.clone(), group.clone());
        readers.spawn(async move {
            let reader = if number % 3 == 0 { peer("follower.example") } else { user(&format!("reader {number}")) };
            let partition = number % 2;
            let mut counter = u32::from(partition == 0);
            let mut read = 0;
            while read < total {
                let received = soon(setup.receive_waiting(&reader, &group, partition, counter, LONG)).await.unwrap();
                assert_eq!(received.first_index, counter, "dense");
                read += received.response.epoch.messages.len();
                counter = received.next_index;
            }
            assert_eq!(read, total);
        });
    }
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..SENDERS {
        let (setup, group) = (setup.clone(), group.clone());
        senders.spawn(async move {
            for number in 0..EACH {
                let partition = u8::try_from(sender % 2).unwrap();
                let text = format!("{number} of {sender}");
                setup.send(user("sender"), say(&group, partition, &text)).await.unwrap();
            }
        });
    }
    while let Some(sender) = senders.join_next().await {
        sender.unwrap();
    }
    while let Some(reader) = tokio::time::timeout(PATIENCE, readers.join_next()).await.unwrap() {
        reader.unwrap();
    }
    setup.await_waiting(0).await;
}

#[tokio::test]
async fn a_wait_ends_empty_when_its_time_is_over() {
    let limits = Limits { receive_wait: Duration::from_millis(400), ..Limits::default() };
    let setup = Setup::with(crate::sequencer::Policy::default(), limits);
    let group = setup.group().await;
    for (asked, granted) in [(100, 100), (400, 400), (3_600_000, 400)] {
        let began = tokio::time::Instant::now();
        let wait = Duration::from_millis(asked);
        let received = soon(setup.receive_waiting(user("bob"), &group, 0, 3, wait)).await.unwrap();
        assert_eq!((texts(&received).len(), received.next_index), (0, 3));
        assert!(began.elapsed() >= Duration::from_millis(granted), "{asked}");
    }
}

/// Nobody wakes it: somebody else wrote. It looks again by itself, after ten seconds at the latest.
#[tokio::test]
async fn a_wait_looks_again_by_itself() {
    let setup = Setup::new();
    let group = setup.group().await;
    let began = tokio::time::Instant::now();
    let before = setup.store.snapshots();
    let writing = async {
        // Its first look is at a snapshot in which there is nothing.
        while setup.store.snapshots() == before {
            tokio::task::yield_now().await;
        }
        let key = crate::wire::PartitionKey::new([0; 16]).masked();
        let mut batch = append(GroupKey::of(&group), key, 0);
        batch.entries[0].3.message = say(&group, 0, "from elsewhere").message.bytes().clone();
        setup.store.commit(&batch).unwrap();
    };
    let (received, ()) = tokio::join!(setup.receive_waiting(user("bob"), &group, 0, 0, LONG), writing);
    assert_eq!(texts(&received.unwrap()), ["from elsewhere"]);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

/// Waiting tells nothing about what exists: an unknown group, an unknown key and an empty partition wait alike.
#[tokio::test]
async fn the_unknown_waits_as_long_as_the_empty() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    let wait = Duration::from_millis(300);
    let mut answers = Vec::new();
    for (group, partition) in [(group.as_slice(), 1), (&group, 99), (b"mimi://hub.example/g/unknown", 0)] {
        let began = tokio::time::Instant::now();
        answers.push(setup.receive_waiting(peer("third.example"), group, partition, 0, wait).await.unwrap());
        assert!(began.elapsed() >= wait);
    }
    assert!(answers.iter().all(|received| *received == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn each_provider_has_its_number_of_waiters() {
    let limits = Limits { waiting_per_provider: 3, ..Limits::default() };
    let setup = Arc::new(Setup::with(crate::sequencer::Policy::default(), limits));
    let group: Arc<[u8]> = setup.group().await.into();
    let mut waiting = tokio::task::JoinSet::new();
    for partition in [0, 0, 1] {
        let (setup, group) = (setup.clone(), group.clone());
        waiting.spawn(async move {
            setup.receive_waiting(peer("follower.example"), &group, partition, 0, LONG).await.map(drop)
        });
    }
    setup.await_waiting(3).await;
    let refused = setup.receive_waiting(peer("follower.example"), &group, 0, 0, LONG).await;
    assert_eq!(refused, Err(Error::TooManyWaiting));
    // Without waiting it may still ask, and others may wait; whoever leaves makes room.
    setup.receive(peer("follower.example"), &group, 0, 0).await;
    let other = setup.clone();
    let others_group = group.clone();
    waiting.spawn(async move { other.receive_waiting(&user("alice"), &others_group, 0, 0, LONG).await.map(drop) });
    setup.await_waiting(4).await;
    waiting.shutdown().await;
    setup.await_waiting(0).await;
}

#[tokio::test]
async fn a_failed_read_ends_the_wait() {
    let setup = Setup::new();
    let group = setup.group().await;
    let failing = async {
        setup.await_waiting(1).await;
        setup.store.fail_reads(Some(crate::store::Error::Io("gone".to_owned())));
        setup.service.waiters.wake(&GroupKey::of(&group), &crate::wire::PartitionKey::new([0; 16]).masked());
    };
    let bob = user("bob");
    let (received, ()) = soon(async { tokio::join!(setup.receive_waiting(&bob, &group, 0, 0, LONG), failing) }).await;
    assert!(matches!(received, Err(Error::Store(crate::store::Error::Io(_)))), "{received:?}");
}
