//! Who is given a GroupInfo, and which one.

use super::*;
use crate::sequencer::Rejection;

const NONE: Error = Error::Rejected(Rejection::NoGroupInfo);

#[tokio::test]
async fn providers_that_used_the_group_are_given_it() {
    let town = Town::found(Policy::default(), true).await;
    for from in [user("anybody here"), peer("follower.example"), peer("third.example")] {
        let answer = town.published(&from, None).await.unwrap();
        assert_eq!(answer.group_info.bytes(), town.people[0].group.group_info().unwrap().bytes());
    }
    // A stranger is told what one is told about a group that is not there, and a token changes nothing.
    let token = town.token(0).await.unwrap();
    assert_eq!(town.published(&peer("fourth.example"), None).await, Err(NONE));
    assert_eq!(town.published(&peer("fourth.example"), Some(&token)).await, Err(NONE));
    let unknown = GroupInfoRequest { group_id: b"unknown".to_vec() };
    let refused = town.setup.service.group_info(&peer("follower.example"), &unknown, None).await;
    assert_eq!(refused.map(drop), Err(NONE));
}

#[tokio::test]
async fn where_a_token_is_asked_for_it_opens_and_nothing_else_does() {
    let policy = Policy { group_info: GroupInfoAccess::Token, ..Policy::default() };
    let town = Town::found(policy, true).await;
    assert_eq!(town.published(&peer("follower.example"), None).await, Err(NONE));
    let token = town.token(1).await.unwrap();
    town.published(&peer("fourth.example"), Some(&token)).await.unwrap();
    town.setup.clock.advance(3_600_000);
    assert_eq!(town.published(&peer("fourth.example"), Some(&token)).await, Err(NONE), "it has expired");
}

#[tokio::test]
async fn it_is_that_of_the_newest_epoch_with_its_partition() {
    let mut town = Town::found(open(), true).await;
    for _epoch in 0..3 {
        town.commit(1, true).await;
        town.read_all().await;
        let request = GroupInfoRequest { group_id: town.group_id.clone() };
        let answer = town.setup.service.group_info(&peer("fourth.example"), &request, None).await.unwrap();
        assert_eq!(answer.partition, town.people[0].group.masked_partition_key());
        assert_eq!(answer.response.group_info.epoch(), town.people[0].group.epoch());
        assert_eq!(answer.response.ratchet_tree, None, "it has its tree inside");
    }
    // An epoch whose committer published none has none.
    town.commit(1, false).await;
    assert_eq!(town.published(&peer("fourth.example"), None).await, Err(NONE));
}

/// Whoever asks or joins is lent memory for what was published, not for the longest that might have been.
#[tokio::test]
async fn it_takes_the_memory_that_it_is_long() {
    const ROOM: u64 = 64 * 1024;
    let town = Town::found(open(), true).await;
    let mut others = town.setup.service.pages.lend(&provider("third.example"), u64::MAX).await.unwrap();
    others.keep(others.bytes() - ROOM);
    let from = peer("third.example");
    let published = town.published(&from, None).await.unwrap();
    let (_dora, request) = town.dora(&published);
    town.join(&from, request, None).await.unwrap();
    assert!(town.setup.service.pages.lend(&provider("third.example"), ROOM).await.is_ok(), "it is given back");
}
