//! Subscribing at other hubs: what is left of an attempt, whatever became of it.

use crate::{
    sequencer::{Followed, GroupKey},
    service::{
        Limits, Place, Step, Subscribing,
        setup::{HOUR, Setup, key, provider, say, user_id},
    },
    store::Store,
    wire::{Epoch, Message, PartitionKey, PushRequest, ReceiveResponse},
};

const THEIRS: &[u8] = b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw";
const DAY_SECONDS: u32 = 86_400;

fn place() -> Place {
    (GroupKey::of(THEIRS), PartitionKey::new(key(0)).masked())
}

fn following() -> Setup {
    Setup::with(crate::sequencer::Policy::default(), Limits { follows: true, ..Limits::default() })
}

async fn next(setup: &Setup) -> Step {
    setup.service.next_step(&user_id("bob"), &provider("third.example"), place(), 0).await.unwrap()
}

async fn subscribing(setup: &Setup) -> Subscribing {
    match next(setup).await {
        Step::Subscribe(subscribing) => subscribing,
        _ => panic!("nobody has subscribed"),
    }
}

fn record(setup: &Setup) -> Option<Followed> {
    let (group, partition) = place();
    setup.store.snapshot().unwrap().followed(&group, &partition).unwrap()
}

/// The hub was not reached, the user has gone, or the process has died: the next wait subscribes.
#[tokio::test]
async fn a_subscription_that_came_to_nothing_is_made_by_the_next_wait() {
    let mut setup = following();
    let first = subscribing(&setup).await;
    assert!(matches!(next(&setup).await, Step::Pull), "others wait at the hub meanwhile");
    drop(first);
    drop(subscribing(&setup).await);
    setup = setup.restart().await;
    subscribing(&setup).await.ended(Some(DAY_SECONDS)).await.unwrap();
    assert!(matches!(next(&setup).await, Step::AwaitPush(_)));
    let until_ms = record(&setup).unwrap().until_ms;
    assert_eq!(until_ms, crate::service::setup::START + 24 * HOUR);
    // A renewal that comes to nothing takes nothing of the lease that there is.
    setup.clock.advance(13 * HOUR);
    drop(subscribing(&setup).await);
    assert_eq!(record(&setup).unwrap().until_ms, until_ms);
    subscribing(&setup).await.ended(Some(DAY_SECONDS / 2)).await.unwrap();
    assert_eq!(record(&setup).unwrap().until_ms, crate::service::setup::START + 25 * HOUR, "as it was granted");
}

#[tokio::test]
async fn a_hub_that_refuses_leaves_nothing() {
    for granted in [None, Some(0), Some(599)] {
        let setup = following();
        subscribing(&setup).await.ended(granted).await.unwrap();
        assert_eq!(record(&setup), None);
        assert!(matches!(next(&setup).await, Step::Pull));
    }
}

/// What was granted and cannot be written down is asked for again.
#[tokio::test]
async fn a_lease_that_is_not_recorded_is_none() {
    let setup = following();
    let first = subscribing(&setup).await;
    setup.store.fail_reads(Some(crate::store::Error::Io("gone".to_owned())));
    assert!(first.ended(Some(DAY_SECONDS)).await.is_err());
    setup.store.fail_reads(None);
    drop(subscribing(&setup).await);
}

/// Somebody leaves while the hub is asked: nothing is followed for nobody.
#[tokio::test]
async fn whoever_leaves_meanwhile_has_left() {
    let setup = following();
    let first = subscribing(&setup).await;
    setup.service.leave_group(&user_id("bob"), THEIRS).await.unwrap();
    first.ended(Some(DAY_SECONDS)).await.unwrap();
    assert_eq!(record(&setup), None);
}

/// Whoever waits in one more waits at the hub, also when nobody remembers what was followed before.
#[tokio::test]
async fn there_is_a_bound_that_outlives_the_process() {
    let policy = crate::sequencer::Policy { followed_max: 2, ..Default::default() };
    let mut setup = Setup::with(policy, Limits { follows: true, ..Limits::default() });
    let place = |number| (GroupKey::of(THEIRS), PartitionKey::new(key(number)).masked());
    let (bob, hub) = (user_id("bob"), provider("third.example"));
    for number in [1, 2] {
        let Step::Subscribe(subscribing) = setup.service.next_step(&bob, &hub, place(number), 0).await.unwrap() else {
            panic!("{number}")
        };
        subscribing.ended(Some(DAY_SECONDS)).await.unwrap();
    }
    for _process in 0..2 {
        let third = setup.service.next_step(&bob, &hub, place(3), 0).await.unwrap();
        assert!(matches!(third, Step::Pull));
        setup = setup.restart().await;
    }
    let first = setup.service.next_step(&bob, &hub, place(1), 0).await.unwrap();
    assert!(matches!(first, Step::Look), "those that are followed are");
    let (group, partition) = place(2);
    setup.service.submit(group, crate::sequencer::Command::Unfollow(partition)).await.unwrap();
    let third = setup.service.next_step(&bob, &hub, place(3), 0).await.unwrap();
    assert!(matches!(third, Step::Subscribe(_)));
}

/// That the hub pushes what cannot be kept does not mean that it has nothing more; and behind what no push gets over, the
/// partition is followed anew.
#[tokio::test]
async fn a_hub_that_goes_on_far_behind_is_followed_from_there() {
    const BEHIND: u32 = 1 << 24;
    let setup = following();
    let at = async |counter| {
        let hub = provider("third.example");
        setup.service.next_step(&user_id("bob"), &hub, place(), counter).await.unwrap()
    };
    let push = async |first_counter| {
        let message = Message { message: say(THEIRS, 0, "pushed").message, commit: None };
        let response = ReceiveResponse { epoch: Epoch { messages: vec![message] }, hints: Vec::new() };
        let masked_partition_key = place().1;
        let push = PushRequest { group_id: THEIRS.to_vec(), masked_partition_key, first_counter, response };
        setup.service.keep(&provider("third.example"), &push).await.unwrap().next_counter
    };
    subscribing(&setup).await.ended(Some(DAY_SECONDS)).await.unwrap();
    assert_eq!(push(0).await, 1);
    setup.clock.advance(30_000);
    assert!(matches!(at(1).await, Step::Look));
    assert_eq!(push(BEHIND).await, 1);
    assert!(matches!(at(1).await, Step::Look), "it has more than it can push");
    assert_eq!(push(0).await, 1);
    assert!(matches!(at(1).await, Step::AwaitPush(_)), "a repeat says that this is all");

    setup.service.hub_had_messages(place(), 1, 2).await;
    assert!(matches!(at(2).await, Step::Pull), "it is waited for");
    assert_eq!(record(&setup).unwrap().next_index, 1);
    setup.service.hub_had_messages(place(), BEHIND, BEHIND + 1).await;
    let Step::Subscribe(subscribing) = at(BEHIND + 1).await else { panic!("it is followed anew") };
    assert_eq!(subscribing.from, BEHIND + 1);
    subscribing.ended(Some(DAY_SECONDS)).await.unwrap();
    assert_eq!(push(BEHIND + 1).await, BEHIND + 2);
    // Whoever is not so far yet reads at the hub, and changes nothing.
    setup.service.hub_had_messages(place(), 1, 2).await;
    assert!(matches!(at(2).await, Step::Pull));
    assert_eq!(record(&setup).unwrap().next_index, BEHIND + 2);
}
