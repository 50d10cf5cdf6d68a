//! A write that fails: the sender learns that nobody knows, nothing more is written, and reads go on.

use crate::{
    sequencer::Rejection,
    service::{
        Error,
        setup::{Setup, key, say, texts, user, user_id},
        tests::begin,
    },
    store,
};

fn full() -> store::Error {
    store::Error::Io("No space left on device".to_owned())
}

#[tokio::test]
async fn nothing_is_written_any_more_and_reads_go_on() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "durable")).await.unwrap();
    setup.service.ready().unwrap();
    setup.store.fail_writes(full());
    assert_eq!(setup.send(user("alice"), say(&group, 0, "lost")).await, Err(Error::Store(full())));
    let poisoned = Error::Store(store::Error::Poisoned);
    for _again in 0..2 {
        assert_eq!(setup.service.ready(), Err(poisoned.clone()));
        assert_eq!(setup.send(user("alice"), say(&group, 0, "lost")).await, Err(poisoned.clone()));
        assert_eq!(setup.service.mint_group_id(&user_id("alice")).await.map(drop), Err(poisoned.clone()));
        assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await), ["durable"]);
    }
    // The lane remembers nothing of what was not written.
    let setup = setup.restart().await;
    setup.service.ready().unwrap();
    assert_eq!(setup.send(user("alice"), say(&group, 0, "again")).await.unwrap().index, 1);
    assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await), ["durable", "again"]);
}

/// A refusal may rest on what stood before it in the batch. When that is not written, the refusal is not true.
#[tokio::test]
async fn a_refusal_falls_with_what_it_rests_on() {
    let setup = Setup::new();
    let (group, other) = (setup.group().await, setup.service.mint_group_id(&user_id("alice")).await.unwrap());
    setup.store.hold();
    let mut first = Box::pin(setup.send(user("alice"), say(&group, 0, "durable")));
    begin(&mut first);
    setup.store.await_stalled(1);
    let mut creating = Box::pin(setup.create(other.as_bytes()));
    begin(&mut creating);
    let request = crate::fixtures::requests::CreateGroup {
        epoch: 5,
        ..crate::fixtures::requests::CreateGroup::bare(other.as_bytes(), key(0))
    };
    let body = request.encode();
    let alice = user_id("alice");
    let mut racing = Box::pin(setup.service.create_group(&alice, crate::wire::decode(&body).unwrap(), &body));
    begin(&mut racing);
    // The first commit is past the point where it would fail; the next one is not.
    setup.store.fail_after(1, full());
    setup.store.release();
    first.await.unwrap();
    assert_eq!(creating.await, Err(Error::Store(full())));
    let outcome = racing.await;
    assert_ne!(outcome, Err(Error::Rejected(Rejection::GroupExists)), "there is no such group");
    assert_eq!(outcome, Err(Error::Store(full())));
}

/// Damage in one group is that group's: in the same batch others are served.
#[tokio::test]
async fn a_corrupt_group_does_not_stand_in_the_way_of_others() {
    let setup = Setup::new();
    let (broken, healthy) = (setup.group().await, setup.group().await);
    setup.send(user("alice"), say(&broken, 0, "before")).await.unwrap();
    let setup = setup.restart().await;
    let garbage = crate::store::contract::samples::append(
        crate::sequencer::GroupKey::of(&broken),
        crate::wire::PartitionKey::new(key(0)).masked(),
        1,
    );
    store::Store::commit(&*setup.store, &garbage).unwrap();
    let bob = user("bob");
    let read = setup.receive_waiting(&bob, &broken, 0, 0, std::time::Duration::ZERO).await;
    assert_eq!(read, Err(Error::Store(store::Error::Corrupt("message"))));
    let read = setup.receive_waiting(&bob, &broken, 0, 0, std::time::Duration::from_secs(50)).await;
    assert_eq!(read, Err(Error::Store(store::Error::Corrupt("message"))), "waiting does not make it better");
    setup.send(user("alice"), say(&healthy, 0, "fine")).await.unwrap();
    assert_eq!(texts(&setup.receive(&bob, &healthy, 0, 0).await), ["fine"]);
    setup.service.ready().unwrap();
}
