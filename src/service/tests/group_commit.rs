//! What queues while the disk syncs becomes one write.

use crate::service::{
    setup::{Setup, say, texts, user},
    tests::begin,
};

#[tokio::test]
async fn what_queued_meanwhile_is_one_write() {
    let setup = Setup::new();
    let groups = [setup.group().await, setup.group().await];
    let before = setup.store.commits().len();
    setup.store.hold();
    let mut first = Box::pin(setup.send(user("alice"), say(&groups[0], 0, "first")));
    begin(&mut first);
    setup.store.await_stalled(1);
    let mut others: Vec<_> = (0..20)
        .map(|number| {
            let request = say(&groups[number % 2], 0, &format!("number {number}"));
            let setup = &setup;
            Box::pin(async move { setup.send(user("alice"), request).await })
        })
        .collect();
    others.iter_mut().for_each(begin);
    setup.store.release();
    assert_eq!(first.await.unwrap().index, 0);
    for (number, send) in others.into_iter().enumerate() {
        let index = send.await.unwrap().index as usize;
        assert_eq!(index, number / 2 + usize::from(number % 2 == 0), "in the order in which they queued");
    }
    assert_eq!(setup.store.commits()[before..], [1, 20]);
    assert_eq!(texts(&setup.receive(user("alice"), &groups[0], 0, 0).await).len(), 11);
    assert_eq!(texts(&setup.receive(user("alice"), &groups[1], 0, 0).await).len(), 10);
}

/// Nobody is told, and nobody sees anything, before the write is durable.
#[tokio::test]
async fn nothing_is_seen_before_it_is_durable() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.store.hold();
    let mut send = Box::pin(setup.send(user("alice"), say(&group, 0, "not yet")));
    begin(&mut send);
    setup.store.await_stalled(1);
    assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await).len(), 0);
    begin(&mut send);
    setup.store.release();
    send.await.unwrap();
    assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await), ["not yet"]);
}

/// Within one batch a command sees what those before it did.
#[tokio::test]
async fn commands_of_a_batch_see_each_other() {
    use crate::service::setup::commit;
    let setup = Setup::new();
    let group = setup.group().await;
    setup.store.hold();
    let mut first = Box::pin(setup.send(user("alice"), say(&group, 0, "first")));
    begin(&mut first);
    setup.store.await_stalled(1);
    let mut commit_to_one = Box::pin(setup.send(user("alice"), commit(&group, 0, 1, "commit")));
    let mut in_one = Box::pin(setup.send(user("bob"), say(&group, 1, "already there")));
    let mut repeat = Box::pin(setup.send(user("alice"), commit(&group, 0, 1, "commit")));
    let mut racing = Box::pin(setup.send(user("bob"), commit(&group, 0, 2, "racing")));
    begin(&mut commit_to_one);
    begin(&mut in_one);
    begin(&mut repeat);
    begin(&mut racing);
    setup.store.release();
    first.await.unwrap();
    let commit = commit_to_one.await.unwrap();
    assert_eq!((commit.index, commit.commits_before), (1, 0));
    assert_eq!(in_one.await.unwrap().index, 0);
    assert_eq!(repeat.await.unwrap(), commit);
    assert_eq!(racing.await.unwrap().commits_before, 1);
    assert_eq!(*setup.store.commits().last().unwrap(), 3, "one write");
}
