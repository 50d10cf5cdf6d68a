//! Groups whose handshakes are public: what a GroupInfo without its tree is answered with, and what one that lies.

use mls_rs::{ExtensionList, Group};

use super::{Call, House, requests::Attached};
use crate::{
    client::{
        ProblemCode,
        tests::cast::{Config, Handshakes, client},
    },
    fixtures::requests::{CreateGroup, send_commit},
    service::setup::{key, user_id},
    wire::{GroupInfoRequest, GroupInfoResponse, decode, encode},
};

/// A hub with a group of one, whose GroupInfo is published with its tree.
async fn house(handshakes: Handshakes) -> (House, Group<Config>) {
    let house = House::new();
    let id = house.setup.service.mint_group_id(&user_id(super::USER)).await.unwrap();
    let none = ExtensionList::new;
    let founder = client("alice", handshakes);
    let group = founder.create_group_with_id(id.as_bytes().to_vec(), none(), none(), None).unwrap();
    let request = CreateGroup { group_info: Some(info(&group, true)), ..CreateGroup::bare(id.as_bytes(), key(0)) };
    Call::local("/v1/local/create-group", request.encode()).answer(&house).await.assert_ok();
    (house, group)
}

fn info(group: &Group<Config>, with_tree: bool) -> Vec<u8> {
    group.group_info_message_allowing_ext_commit(with_tree).unwrap().to_bytes().unwrap()
}

/// A commit after which the group is in the next epoch.
fn commit(group: &mut Group<Config>) -> Vec<u8> {
    let output = group.commit(Vec::new()).unwrap();
    group.apply_pending_commit().unwrap();
    output.commit_message().to_bytes().unwrap()
}

fn send(message: &[u8], group_info: Vec<u8>) -> Call {
    let attached = Attached { group_info: Some(group_info), welcome_data: None };
    Call::local("/v1/send", send_commit(message, key(0), key(1), &attached))
}

#[tokio::test]
async fn the_tree_is_inferred_and_given_to_who_wants_to_join() {
    let (house, mut group) = house(Handshakes::Public).await;
    let message = commit(&mut group);
    send(&message, info(&group, false)).answer(&house).await.assert_ok();
    let request = encode(&GroupInfoRequest { group_id: group.group_id().to_vec() }).unwrap();
    let answer = Call::local("/v1/group-info", request).answer(&house).await;
    answer.assert_ok();
    let response: GroupInfoResponse = decode(&answer.body).unwrap();
    assert!(!response.group_info.has_ratchet_tree());
    assert_eq!(response.ratchet_tree.unwrap().bytes(), &group.export_tree().to_bytes().unwrap());
}

#[tokio::test]
async fn a_lie_is_refused_and_the_truth_is_taken_afterwards() {
    let (house, mut group) = house(Handshakes::Public).await;
    let mut elsewhere = group.clone();
    drop(commit(&mut elsewhere));
    let message = commit(&mut group);
    for with_tree in [false, true] {
        let lie = send(&message, info(&elsewhere, with_tree));
        lie.assert_problem(&house, ProblemCode::GroupInfoMismatch).await;
    }
    send(&message, info(&group, false)).answer(&house).await.assert_ok();
}

#[tokio::test]
async fn where_handshakes_are_encrypted_the_tree_is_asked_for() {
    let (house, mut group) = house(Handshakes::Encrypted).await;
    let message = commit(&mut group);
    send(&message, info(&group, false)).assert_problem(&house, ProblemCode::RatchetTreeRequired).await;
    send(&message, info(&group, true)).answer(&house).await.assert_ok();
}
