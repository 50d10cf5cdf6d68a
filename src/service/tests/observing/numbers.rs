//! What the operator is told of the states that are at hand.

use super::*;
use crate::service::tests::tally::read;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_at_hand_are_counted_and_so_is_whether_one_was_found() {
    let (mut hub, mut alice) = Hub::found(ObservingLimits::default(), Handshakes::Public).await;
    let states = |hub: &Hub| read(&hub.setup.service)("states_at_hand");
    let bytes = |hub: &Hub| read(&hub.setup.service)("states_at_hand_bytes");
    let looks = |hub: &Hub| {
        let read = read(&hub.setup.service);
        ["found", "missed"].map(|outcome| read(&format!("state_lookups_total{{outcome=\"{outcome}\"}}")))
    };
    hub.send(&super::alice(), &commit(&mut alice, Info::WithTree), (0, 1), &[]).await.unwrap();
    assert!(states(&hub) > 0);
    assert_eq!(bytes(&hub), hub.setup.service.observing.bytes() as u64);

    hub.setup = hub.setup.restart().await;
    assert_eq!((states(&hub), bytes(&hub), looks(&hub)), (0, 0, [0, 0]), "nothing is at hand after a start");
    hub.send(&super::alice(), &commit(&mut alice, Info::WithTree), (1, 2), &[]).await.unwrap();
    let [_, missed] = looks(&hub);
    assert!(missed > 0 && states(&hub) > 0, "it was derived, and is kept");
    let [found, missed] = looks(&hub);
    hub.send(&super::alice(), &commit(&mut alice, Info::WithTree), (2, 3), &[]).await.unwrap();
    let [found_now, missed_now] = looks(&hub);
    assert!(found_now > found, "{found_now} of {found}");
    assert_eq!(missed_now, missed);
    let read = read(&hub.setup.service);
    for kind in ["small", "large", "tree"] {
        assert_eq!(read(&format!("observing_turns_taken{{kind=\"{kind}\"}}")), 0, "all were given back");
    }
}
