//! Who is given a join token.

use super::*;
use crate::{
    sequencer::Rejection,
    wire::{PartitionKey, ReceiveRequest},
};

const UNKNOWN: Error = Error::Rejected(Rejection::UnknownGroup);

#[tokio::test]
async fn members_are_given_tokens_and_former_ones_are_not() {
    let mut town = Town::found(Policy::default(), true).await;
    let old = JoinTokenRequest {
        group_id: town.group_id.clone(),
        partition_key: town.people[2].group.partition_key().clone(),
        ttl_seconds: 60,
    };
    town.token(2).await.unwrap();
    let carol = town.people[2].group.group().current_member_index();
    let removal = town.people[0].group.commit_remove(&[carol], true).unwrap();
    town.setup.send(&user("alice"), removal).await.unwrap();
    town.read_all().await;
    // Carol's provider goes on with the old key, so that the removal is in doubt for a while: no majority doubts it.
    let read_on =
        ReceiveRequest { group_id: old.group_id.clone(), partition_key: old.partition_key.clone(), counter: 0 };
    for _minute in [0, 11] {
        let receive = Receive::new(&read_on, std::time::Duration::ZERO);
        town.setup.service.receive(&peer("third.example"), receive).await.unwrap();
        town.setup.settle().await;
        town.setup.clock.advance(11 * 60_000);
    }
    let service = &town.setup.service;
    let refused = service.join_token(&peer("third.example"), &old).await;
    assert_eq!(refused, Err(UNKNOWN), "the key of an epoch that is over");
    let made_up = JoinTokenRequest { partition_key: PartitionKey::new([9; 16]), ..old.clone() };
    assert_eq!(service.join_token(&peer("third.example"), &made_up).await, Err(UNKNOWN));
    let elsewhere = JoinTokenRequest { group_id: b"unknown".to_vec(), ..old };
    assert_eq!(service.join_token(&peer("third.example"), &elsewhere).await, Err(UNKNOWN));
    town.token(0).await.unwrap();
    town.token(1).await.unwrap();
}

#[tokio::test]
async fn no_token_is_good_for_longer_than_a_week() {
    let policy = Policy { group_info: GroupInfoAccess::Token, ..Policy::default() };
    let town = Town::found(policy, true).await;
    let alice = &town.people[0];
    let request = JoinTokenRequest {
        group_id: town.group_id.clone(),
        partition_key: alice.group.partition_key().clone(),
        ttl_seconds: u32::MAX,
    };
    let response = town.setup.service.join_token(&alice.from, &request).await.unwrap();
    let token = JoinToken::new(response.token).unwrap();
    let week = 7 * crate::service::setup::DAY;
    town.setup.clock.advance(week - 1);
    town.published(&peer("fourth.example"), Some(&token)).await.unwrap();
    town.setup.clock.advance(1);
    assert!(town.published(&peer("fourth.example"), Some(&token)).await.is_err());
}
