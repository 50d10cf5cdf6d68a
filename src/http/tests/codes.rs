//! The table of problem codes, each produced by a request that deserves it.

use std::{collections::HashSet, sync::Arc};

use super::{Bounds, Call, House, Listener, application};
use crate::{
    client::ProblemCode,
    fixtures::{
        key_packages::Device,
        mls,
        requests::{Attached, CreateGroup, send_commit, welcome_data},
    },
    sequencer::{Command, GroupKey, Policy, Terminate, Usage},
    service::{
        Limits,
        setup::{START, key},
    },
    store::{Batch, Store},
    wire::{PartitionKey, PushRequest, ReceiveResponse, encode},
};

/// What has no way to be answered yet. Whoever builds it takes it out here and adds a request below.
const TO_COME: [ProblemCode; 5] = [
    ProblemCode::Denied,
    ProblemCode::Exhausted,
    // Only what is signed can be forged: `super::outside`.
    ProblemCode::PolicyDenied,
    ProblemCode::GroupDeleted,
    ProblemCode::WelcomeRefused,
];

/// The partition holds as many messages as indexes can count.
fn fill(house: &House, group: &[u8]) {
    let row = (GroupKey::of(group), PartitionKey::new(key(0)).masked());
    let mut record = house.setup.store.snapshot().unwrap().partition(&row.0, &row.1).unwrap().unwrap();
    record.next_index = u32::MAX;
    let batch = Batch { partitions: [(row, Arc::new(record))].into(), ..Batch::default() };
    house.setup.store.commit(&batch).unwrap();
    // The lane looks again only when it is told that somebody else wrote.
    house.setup.store.conflict(1);
}

/// For an epoch that the group has not come to.
fn external_join(group: &[u8]) -> Vec<u8> {
    let mut body = vec![0, 1, 0, 1];
    body.extend(mls::vector(group));
    body.extend(7_u64.to_be_bytes());
    // new_member_commit, no authenticated_data, a commit of one ExternalInit with a path, signature, confirmation_tag
    body.extend([4, 0, 3, 4, 1, 0, 6, 0]);
    body.extend([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0]);
    body.extend([0, 0]);
    // next_partition_key, no GroupInfo, no Welcome
    body.extend(key(1));
    body.extend([0, 0]);
    body
}

#[tokio::test]
async fn every_code_of_the_table_is_answered() {
    let budget_in_group = Usage { partitions: 1, bytes: 200_000 };
    let cipher_suites = Arc::new([mls::SUITE].into());
    let policy = Policy { budget_in_group, cipher_suites, ..Policy::default() };
    let bounds = Bounds { request_bytes_max: 200_000, ..Bounds::default() };
    let house = House::with(policy, Limits::default(), bounds);
    let (group, full) = (house.setup.group().await, house.setup.group().await);
    let minted = house.setup.service.mint_group_id(&crate::service::setup::user_id(super::USER)).await.unwrap();
    let commit = |attached: &Attached| {
        Call::local("/v1/send", send_commit(&mls::commit(&group, 0, b"text"), key(0), key(1), attached))
    };
    let info = |group: &[u8], tree| Attached {
        group_info: Some(mls::group_info(group, 1, mls::SUITE, tree)),
        welcome_data: None,
    };
    let welcome = |providers: &[&str]| Attached {
        group_info: None,
        welcome_data: Some(welcome_data(&mls::welcome(mls::SUITE, &[b"one"]), providers)),
    };
    let orphan = |number| {
        let body = crate::fixtures::requests::send(&mls::application(&group, 0, b"orphan"), key(number));
        Call::provider("/v1/send", body)
    };
    let text = application(&group, b"text");
    let receive = crate::fixtures::requests::receive(&group, key(0), 0);
    let create = |id: &[u8], epoch| {
        let request = CreateGroup { epoch, ..CreateGroup::bare(id, key(0)) };
        Call::local("/v1/local/create-group", request.encode())
    };

    let other_suite = CreateGroup { suite: mls::SUITE + 1, ..CreateGroup::bare(minted.as_bytes(), key(0)) };
    let expected = [
        (ProblemCode::UnsupportedSuite, Call::local("/v1/local/create-group", other_suite.encode())),
        (ProblemCode::Malformed, Call::local("/v1/send", "garbage")),
        (ProblemCode::UnsupportedMedia, Call::local("/v1/send", text.clone()).with("content-type", "text/plain")),
        (ProblemCode::Unauthorized, Call::local("/v1/receive", receive.clone()).without("authorization")),
        (ProblemCode::NotAPeer, Call::new(Listener::Provider(None), "/v1/receive", receive)),
        (ProblemCode::UnknownGroup, Call::provider("/v1/send", application(b"unknown", b"text"))),
        (
            ProblemCode::NotSubscribed,
            Call::provider(
                "/v1/push",
                encode(&PushRequest {
                    group_id: b"mimi://follower.example/g/AAECAwQFBgcICQoLDA0ODw".to_vec(),
                    masked_partition_key: PartitionKey::new(key(0)).masked(),
                    first_counter: 0,
                    response: ReceiveResponse::default(),
                })
                .unwrap(),
            ),
        ),
        (ProblemCode::GroupIdNotReserved, create(b"never minted", 0)),
        (ProblemCode::TooLarge, Call::local("/v1/send", vec![0; 200_001])),
        (ProblemCode::RatchetTreeRequired, commit(&info(&group, None))),
        (ProblemCode::GroupInfoMismatch, commit(&info(b"another group", Some(b"tree")))),
        (ProblemCode::WelcomeProviderMismatch, commit(&welcome(&[]))),
        (ProblemCode::UnknownProvider, commit(&welcome(&["stranger.example"]))),
        (ProblemCode::NoGroupInfo, Call::provider("/v1/group-info", mls::vector(&group))),
        (ProblemCode::StaleJoin, Call::local("/v1/external-join", external_join(&group))),
    ];
    let device = Device::new(1);
    let package = device.one_time(START / 1000);
    let upload = |packages: &[Vec<u8>]| {
        Call::local("/v1/local/upload-key-packages", [vec![1; 16], mls::vector(&packages.concat())].concat())
    };
    upload(std::slice::from_ref(&package)).answer(&house).await.assert_ok();
    let expired = device.one_time(0);
    // One more than a client may have; the first is known already.
    let many: Vec<_> = (0..=255).map(|_| device.one_time(START / 1000)).collect();
    let expected = expected.into_iter().chain([
        (ProblemCode::KeyPackageReused, upload(&[package]).acting_as("somebody else")),
        (ProblemCode::InvalidKeyPackage, upload(&[expired])),
        (ProblemCode::PoolFull, upload(&many)),
    ]);
    let mut answered = HashSet::new();
    for (code, call) in expected {
        call.assert_problem(&house, code).await;
        answered.insert(code);
    }
    // Those that need a past.
    commit(&Attached::default()).answer(&house).await.assert_ok();
    let second = send_commit(&mls::commit(&group, 0, b"second"), key(0), key(2), &Attached::default());
    let second = Call::local("/v1/send", second).with("ds-expect-commit", "none");
    create(minted.as_bytes(), 0).answer(&house).await.assert_ok();
    orphan(100).answer(&house).await.assert_ok();
    for (code, call) in [
        (ProblemCode::CommitConflict, second),
        (ProblemCode::GroupExists, create(minted.as_bytes(), 1)),
        (ProblemCode::RateLimited, orphan(101)),
    ] {
        call.assert_problem(&house, code).await;
        answered.insert(code);
    }
    let terminate = Command::Terminate(Terminate { partition: PartitionKey::new(key(1)).masked() });
    house.setup.service.submit(GroupKey::of(&group), terminate).await.unwrap();
    let body = crate::fixtures::requests::send(&mls::application(&group, 1, b"text"), key(1));
    Call::provider("/v1/send", body).assert_problem(&house, ProblemCode::BranchTerminated).await;
    fill(&house, &full);
    Call::local("/v1/send", application(&full, b"text")).assert_problem(&house, ProblemCode::PartitionFull).await;
    house.setup.store.fail_writes(crate::store::Error::Io("full".to_owned()));
    Call::local("/v1/send", text).assert_problem(&house, ProblemCode::Unavailable).await;
    answered.extend([ProblemCode::BranchTerminated, ProblemCode::PartitionFull, ProblemCode::Unavailable]);

    for code in ProblemCode::ALL {
        let to_come = TO_COME.contains(&code);
        assert!(answered.contains(&code) != to_come, "{code:?} is answered, or else still to come");
    }
}
