//! The four operations for who is not in a group yet, on both listeners.

use base64::{Engine, engine::general_purpose::STANDARD};
use mls_rs::ExtensionList;

use super::{
    Call, House, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked,
    assert_peers_are_checked, malformed,
};
use crate::{
    client::{
        JoinOptions, PartitionedGroup, ProblemCode, propose_joining,
        tests::cast::{Config, Handshakes, client},
    },
    fixtures::mls,
    sequencer::{GroupInfoAccess, Policy},
    service::{
        Limits,
        setup::{START, provider, user_id},
    },
    wire::{
        ExternalProposalResponse, GroupInfoRequest, GroupInfoResponse, JoinTokenRequest, JoinTokenResponse,
        SendResponse, decode, encode,
    },
};

const JOIN: &str = "/v1/external-join";
const PROPOSAL: &str = "/v1/external-proposal";
const INFO: &str = "/v1/group-info";
const TOKEN: &str = "/v1/join-token";

/// A hub with a group of one, that gives its GroupInfo to whoever shows a token.
async fn house() -> (House, PartitionedGroup<Config>) {
    let policy = Policy { group_info: GroupInfoAccess::Token, ..Policy::default() };
    let house = House::with(policy, Limits::default(), super::Bounds::default());
    let alice = client("alice", Handshakes::Public);
    let id = house.setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let none = ExtensionList::new;
    let founded = alice.create_group_with_id(id.as_bytes().to_vec(), none(), none(), None).unwrap();
    let (group, request) = PartitionedGroup::create(founded, provider("hub.example"), &[], true).unwrap();
    let body = encode(&request).unwrap();
    house.setup.service.create_group(&user_id("alice"), request, &body).await.unwrap();
    (house, group)
}

fn info_request(group: &PartitionedGroup<Config>) -> Vec<u8> {
    encode(&GroupInfoRequest { group_id: group.group_id().to_vec() }).unwrap()
}

fn token_request(group: &PartitionedGroup<Config>) -> Vec<u8> {
    let (group_id, partition_key) = (group.group_id().to_vec(), group.partition_key().clone());
    encode(&JoinTokenRequest { group_id, partition_key, ttl_seconds: 600 }).unwrap()
}

/// What to show in `DS-Join-Token`.
async fn token(house: &House, group: &PartitionedGroup<Config>) -> String {
    let answer = Call::provider(TOKEN, token_request(group)).answer(house).await;
    answer.assert_ok();
    let response: JoinTokenResponse = decode(&answer.body).unwrap();
    format!(":{}:", STANDARD.encode(response.token))
}

async fn published(house: &House, group: &PartitionedGroup<Config>) -> GroupInfoResponse {
    let shown = token(house, group).await;
    let answer = Call::local(INFO, info_request(group)).with("ds-join-token", &shown).answer(house).await;
    answer.assert_ok();
    let partition = format!(":{}:", STANDARD.encode(group.masked_partition_key().as_bytes()));
    assert_eq!(answer.header("ds-partition"), Some(partition.as_str()));
    decode(&answer.body).unwrap()
}

fn join_request(group: &PartitionedGroup<Config>, published: &GroupInfoResponse) -> Vec<u8> {
    let dora = client("dora", Handshakes::Public);
    let (hub, options) = (provider("hub.example"), JoinOptions::default());
    let (_dora, request) =
        PartitionedGroup::join_externally(&dora, hub, group.group_id(), published, &options).unwrap();
    encode(&request).unwrap()
}

fn proposal_request(group: &PartitionedGroup<Config>, published: &GroupInfoResponse) -> Vec<u8> {
    let erin = client("erin", Handshakes::Public);
    let (_package, request) = propose_joining(&erin, &provider("third.example"), group.group_id(), published).unwrap();
    encode(&request).unwrap()
}

#[tokio::test]
async fn a_token_opens_the_group_info_and_that_a_join() {
    let (house, group) = house().await;
    let info = info_request(&group);
    for call in [Call::provider(INFO, info.clone()), Call::local(INFO, info.clone())] {
        call.assert_problem(&house, ProblemCode::NoGroupInfo).await;
        let made_up = format!(":{}:", STANDARD.encode([7; 40]));
        call.with("ds-join-token", &made_up).assert_problem(&house, ProblemCode::NoGroupInfo).await;
    }
    let published = published(&house, &group).await;
    let (join, proposal) = (join_request(&group, &published), proposal_request(&group, &published));
    let answer = Call::provider(PROPOSAL, proposal).answer(&house).await;
    answer.assert_ok();
    let accepted: ExternalProposalResponse = decode(&answer.body).unwrap();
    assert_eq!(accepted.accepted_ms, START);
    let answer = Call::local(JOIN, join).answer(&house).await;
    answer.assert_ok();
    let response: SendResponse = decode(&answer.body).unwrap();
    assert_eq!(response, SendResponse { accepted_ms: START, index: 1, commits_before: 0 });
}

#[tokio::test]
async fn access_media_type_and_bodies_are_checked() {
    let (house, group) = house().await;
    let published = published(&house, &group).await;
    let (join, proposal) = (join_request(&group, &published), proposal_request(&group, &published));
    for (path, body, group_id_at, message_at) in [
        (INFO, info_request(&group), 0, None),
        (TOKEN, token_request(&group), 0, None),
        (PROPOSAL, proposal, 4, Some(0)),
        (JOIN, join, 4, Some(0)),
    ] {
        let call = Call::provider(path, body.clone());
        assert_peers_are_checked(&house, &call).await;
        // The longest of them is cut at a few places only: each cut is a request.
        let variants = malformed(&body, group_id_at, message_at);
        let step = variants.len().div_ceil(64);
        let variants = variants.into_iter().enumerate().filter(|(at, _)| at % step == 0 || *at >= body.len());
        let variants: Vec<_> = variants.map(|(_, variant)| variant).collect();
        assert_all_malformed(&house, &call, variants.clone()).await;
        let call = Call::local(path, body);
        assert_all_malformed(&house, &call, variants).await;
        assert_local_access_is_checked(&house, &call).await;
        assert_media_type_is_checked(&house, &call).await;
    }
}

#[tokio::test]
async fn tokens_have_one_form() {
    let (house, group) = house().await;
    let shown = token(&house, &group).await;
    let too_long = format!(":{}:", STANDARD.encode([1; 257]));
    for wrong in ["", "::", "token", &shown[1..], "\"token\"", &too_long] {
        let call = Call::local(INFO, info_request(&group)).with("ds-join-token", wrong);
        call.assert_problem(&house, ProblemCode::Malformed).await;
    }
    let twice = Call::local(INFO, info_request(&group)).with("ds-join-token", &shown).and("ds-join-token", &shown);
    twice.assert_problem(&house, ProblemCode::Malformed).await;
}

/// What has not the form of a join or of an external proposal is no body of theirs.
#[tokio::test]
async fn other_messages_are_malformed() {
    let (house, mut group) = house().await;
    let commit = group.commit_update(false).unwrap();
    let data = encode(commit.commit_data.as_ref().unwrap()).unwrap();
    let member_s = [commit.message.bytes(), data.as_slice()].concat();
    let private = [mls::commit(group.group_id(), 0, b"private"), data].concat();
    for body in [member_s, private, mls::application(group.group_id(), 0, b"text")] {
        Call::provider(JOIN, body).assert_problem(&house, ProblemCode::Malformed).await;
    }
    let member_s = mls::public_proposal(group.group_id(), 0, 3, &[0, 0, 0, 0, 0, 0]);
    for body in [member_s, mls::private_message(group.group_id(), 0, mls::Content::Proposal, b"private")] {
        Call::provider(PROPOSAL, body).assert_problem(&house, ProblemCode::Malformed).await;
    }
}

/// On the local listener they go to the hub that the group id names.
#[tokio::test]
async fn groups_of_an_unknown_hub_are_refused() {
    let (house, group) = house().await;
    let elsewhere = b"mimi://stranger.example/g/AAECAwQFBgcICQoLDA0ODw".to_vec();
    let info = encode(&GroupInfoRequest { group_id: elsewhere.clone() }).unwrap();
    let request =
        JoinTokenRequest { group_id: elsewhere.clone(), partition_key: group.partition_key().clone(), ttl_seconds: 1 };
    let published = published(&house, &group).await;
    let moved = |body: Vec<u8>| {
        let own = group.group_id();
        let at = body.windows(own.len()).position(|bytes| bytes == own).unwrap();
        [&body[..at - 1], &mls::vector(&elsewhere), &body[at + own.len()..]].concat()
    };
    for (path, body) in [
        (INFO, info),
        (TOKEN, encode(&request).unwrap()),
        (PROPOSAL, moved(proposal_request(&group, &published))),
        (JOIN, moved(join_request(&group, &published))),
    ] {
        Call::local(path, body.clone()).assert_problem(&house, ProblemCode::UnknownProvider).await;
        // A hub forwards nothing for its peers.
        let code = if path == INFO { ProblemCode::NoGroupInfo } else { ProblemCode::UnknownGroup };
        Call::provider(path, body).assert_problem(&house, code).await;
    }
}

/// Two codes that only these operations have.
#[tokio::test]
async fn stale_and_forged_messages_are_told_apart() {
    let (house, group) = house().await;
    let published = published(&house, &group).await;
    let mut forged = proposal_request(&group, &published);
    *forged.last_mut().unwrap() ^= 1;
    Call::provider(PROPOSAL, forged).assert_problem(&house, ProblemCode::PolicyDenied).await;
    let (first, second) = (join_request(&group, &published), join_request(&group, &published));
    Call::provider(JOIN, first).answer(&house).await.assert_ok();
    Call::provider(JOIN, second).assert_problem(&house, ProblemCode::StaleJoin).await;
}
