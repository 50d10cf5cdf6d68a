//! More than the disk can take: a bounded queue, a bounded wait, a clear answer.

use std::time::Duration;

use crate::service::{
    Error, Limits,
    setup::{PATIENCE, Setup, say, texts, user},
    tests::begin,
};

#[tokio::test]
async fn a_full_queue_is_waited_for_and_then_refused() {
    let limits = Limits { queue: 2, queue_wait: Duration::from_millis(50), ..Limits::default() };
    let setup = Setup::with(crate::sequencer::Policy::default(), limits);
    let group = setup.group().await;
    let send = |text: &str| {
        let (setup, request) = (&setup, say(&group, 0, text));
        Box::pin(async move { setup.send(user("alice"), request).await })
    };
    setup.store.hold();
    let mut stalled = send("stalled");
    begin(&mut stalled);
    setup.store.await_stalled(1);
    let mut queued = [send("queued"), send("queued too")];
    queued.iter_mut().for_each(begin);
    assert_eq!(send("one too many").await, Err(Error::Overloaded));
    // Whoever still waits for a place when there is one gets it.
    let mut patient = send("patient");
    begin(&mut patient);
    setup.store.release();
    stalled.await.unwrap();
    for send in queued {
        send.await.unwrap();
    }
    patient.await.unwrap();
    let received = setup.receive(user("bob"), &group, 0, 0).await;
    assert_eq!(texts(&received), ["stalled", "queued", "queued too", "patient"]);
}

/// A disk that hangs: the sender is told to come back, and what it sent is sequenced once, whenever that is.
#[tokio::test]
async fn a_write_that_hangs_is_not_waited_for_for_ever() {
    let mut setup = Setup::new();
    let group = setup.group().await;
    // From here on only: a loaded machine may need as long for the writes of a disk that does not hang.
    setup.limits.commit_wait = Duration::from_millis(50);
    let setup = setup.restart().await;
    let send = async || setup.send(user("alice"), say(&group, 0, "patience")).await;
    setup.store.hold();
    assert_eq!(send().await, Err(Error::Overloaded));
    setup.store.release();
    let written = async {
        loop {
            match send().await {
                Err(Error::Overloaded) => {}
                answer => break answer,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, written).await.unwrap().unwrap().index, 0);
    assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await), ["patience"]);
}

/// Reads have bounds of their own: the lane's queue is not in their way.
#[tokio::test]
async fn receives_go_on_while_the_disk_hangs() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "there")).await.unwrap();
    setup.store.hold();
    let mut stalled = Box::pin(setup.send(user("alice"), say(&group, 0, "stalled")));
    begin(&mut stalled);
    setup.store.await_stalled(1);
    for reader in 0..200 {
        let received = setup.receive(user(&format!("reader {reader}")), &group, 0, 0).await;
        assert_eq!(texts(&received), ["there"]);
    }
    setup.store.release();
    stalled.await.unwrap();
}
