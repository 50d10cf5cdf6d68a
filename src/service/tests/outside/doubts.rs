//! A bad commit must not capture joiners (J3).

use super::*;
use crate::wire::PartitionKey;

const MINUTE: u64 = 60_000;

/// A commit that members ignore, with a GroupInfo that describes something else.
async fn bad_commit(town: &mut Town) {
    let mut bad = town.people[1].group.commit_update(true).unwrap();
    let data = bad.commit_data.as_mut().unwrap();
    data.next_partition_key = PartitionKey::new([0xbb; 16]);
    town.setup.send(&town.people[1].from, bad.clone()).await.unwrap();
    // The committer goes there.
    let there = SendRequest { partition_key: PartitionKey::new([0xbb; 16]), commit_data: None, ..say(town) };
    town.setup.send(&town.people[1].from, there).await.unwrap();
}

fn say(town: &Town) -> SendRequest {
    crate::service::setup::say(&town.group_id, 2, "here am I")
}

#[tokio::test]
async fn joiners_are_led_past_a_commit_that_members_do_not_follow() {
    let mut town = Town::found(open(), true).await;
    let good = town.published(&user("dora"), None).await.unwrap();
    town.setup.clock.advance(MINUTE);
    bad_commit(&mut town).await;
    assert_ne!(town.published(&user("dora"), None).await.unwrap(), good, "nobody has said anything yet");

    // Alice and carol read the commit, ignore it, and read on.
    town.read_all().await;
    town.setup.clock.advance(11 * MINUTE);
    town.read_all().await;
    let published = town.published(&user("dora"), None).await.unwrap();
    assert_eq!(published, good);
    let (dora, request) = town.dora(&published);
    let response = town.join(&user("dora"), request, None).await.unwrap();
    assert_eq!(response.commits_before, 1);
    let [alice, _, carol] = town.read_all().await;
    assert_eq!((joined(&alice), joined(&carol)), (1, 1));
    let [alice, _, carol] = &*town.people;
    assert_together(&[&alice.group, &carol.group, &dora]);

    // From now on it is as if that commit had never been.
    let published = town.published(&user("dora"), None).await.unwrap();
    assert_eq!(published.group_info.epoch(), dora.epoch());
    let (_erin, request) = town.newcomer("erin", &published);
    assert_eq!(town.join(&user("dora"), request, None).await.unwrap().commits_before, 0);
}

/// Whoever has the bad committer's GroupInfo may go there: nobody is refused because of what others think.
#[tokio::test]
async fn who_wants_to_join_the_bad_committer_may() {
    let mut town = Town::found(open(), true).await;
    town.setup.clock.advance(MINUTE);
    bad_commit(&mut town).await;
    let lies = town.published(&user("dora"), None).await.unwrap();
    town.read_all().await;
    town.setup.clock.advance(11 * MINUTE);
    town.read_all().await;
    let (_dora, request) = town.dora(&lies);
    assert_eq!(town.join(&user("dora"), request, None).await.unwrap().index, 1, "behind the committer's own words");
    assert!(town.read_all().await.iter().all(|events| joined(events) == 0));
}
