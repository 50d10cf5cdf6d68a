//! The end: waits are answered, what is queued is finished, and after that nothing is taken.

use std::{sync::Arc, time::Duration};

use crate::service::{
    Error,
    setup::{PATIENCE, Setup, say, texts, user, user_id},
    tests::begin,
};

const LONG: Duration = Duration::from_secs(50);

#[tokio::test]
async fn waits_are_answered_and_no_new_ones_begin() {
    let setup = Arc::new(Setup::new());
    let group: Arc<[u8]> = setup.group().await.into();
    let mut waiting = tokio::task::JoinSet::new();
    for partition in 0..20 {
        let (setup, group) = (setup.clone(), group.clone());
        waiting.spawn(async move { setup.receive_waiting(user("bob"), &group, partition % 3, 0, LONG).await });
    }
    setup.await_waiting(20).await;
    setup.service.stop_waiting();
    while let Some(answered) = tokio::time::timeout(Duration::from_secs(9), waiting.join_next()).await.unwrap() {
        assert_eq!(texts(&answered.unwrap().unwrap()).len(), 0);
    }
    let again = setup.receive_waiting(user("bob"), &group, 0, 0, LONG);
    assert_eq!(texts(&tokio::time::timeout(Duration::from_secs(9), again).await.unwrap().unwrap()).len(), 0);
    tokio::time::timeout(PATIENCE, setup.service.waiting_ends()).await.unwrap();
    // Commands still go on, and what is there is still given.
    setup.send(user("alice"), say(&group, 0, "late")).await.unwrap();
    assert_eq!(texts(&setup.receive_waiting(user("bob"), &group, 0, 0, LONG).await.unwrap()), ["late"]);
}

#[tokio::test]
async fn what_is_queued_is_finished_and_nothing_more_is_taken() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.store.hold();
    let mut sends: Vec<_> = (0..10)
        .map(|number| {
            let (setup, request) = (&setup, say(&group, 0, &format!("number {number}")));
            Box::pin(async move { setup.send(user("alice"), request).await })
        })
        .collect();
    sends.iter_mut().for_each(begin);
    setup.store.await_stalled(1);
    let service = setup.service.clone();
    let finishing = tokio::task::spawn_blocking(move || service.finish());
    // It takes no more from the moment on at which it says so.
    while setup.service.ready().is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(setup.service.ready(), Err(Error::ShuttingDown));
    assert_eq!(setup.send(user("alice"), say(&group, 0, "too late")).await, Err(Error::ShuttingDown));
    assert!(!finishing.is_finished(), "it waits for what is queued");
    setup.store.release();
    for (index, send) in sends.into_iter().enumerate() {
        assert_eq!(send.await.unwrap().index as usize, index);
    }
    tokio::time::timeout(PATIENCE, finishing).await.unwrap().unwrap();
    assert_eq!(setup.service.mint_group_id(&user_id("alice")).await.map(drop), Err(Error::ShuttingDown));
    assert_eq!(setup.create(&group).await, Err(Error::ShuttingDown));
    // Ending twice is ending once.
    setup.service.finish();
    let setup = setup.restart().await;
    assert_eq!(texts(&setup.receive(user("alice"), &group, 0, 0).await).len(), 10);
    setup.send(user("alice"), say(&group, 0, "after the restart")).await.unwrap();
}
