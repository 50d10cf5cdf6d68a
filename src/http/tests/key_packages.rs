//! `POST /v1/local/{upload-key-packages, delete-key-packages, key-package-status, fetch-key-packages}`.

use super::{Call, House, USER, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked};
use crate::{
    client::ProblemCode,
    fixtures::{key_packages::Device, mls::vector},
    mls::{CipherSuite, ProtocolVersion},
    service::setup::START,
    wire::{
        BearerTokenKind, KeyPackageRequest, KeyPackageRequests, KeyPackageResults, KeyPackageStanding,
        KeyPackageStatus, MintTokenRequest, MintTokenResponse, decode, encode,
    },
};

const UPLOAD: &str = "/v1/local/upload-key-packages";
const DELETE: &str = "/v1/local/delete-key-packages";
const STATUS: &str = "/v1/local/key-package-status";
const FETCH: &str = "/v1/local/fetch-key-packages";
const CLIENT: [u8; 16] = [7; 16];

fn upload(packages: &[Vec<u8>]) -> Vec<u8> {
    [CLIENT.as_slice(), &vector(&packages.concat())].concat()
}

async fn standing(house: &House, call: Call) -> KeyPackageStanding {
    let answer = call.answer(house).await;
    answer.assert_ok();
    decode(&answer.body).unwrap()
}

async fn token(house: &House) -> Vec<u8> {
    let body = encode(&MintTokenRequest { kind: BearerTokenKind::Shared }).unwrap();
    let answer = Call::local("/v1/local/mint-token", body).answer(house).await;
    answer.assert_ok();
    encode(&decode::<MintTokenResponse>(&answer.body).unwrap().token).unwrap()
}

/// Asks for the user's KeyPackages of that many suites, from 1 on.
fn bundle(token: &[u8], suites: u16) -> Vec<u8> {
    let request = |suite| KeyPackageRequest {
        user_id: USER.as_bytes().to_vec(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(suite),
    };
    encode(&KeyPackageRequests { requests: (1..=suites).map(request).collect() }).unwrap()
}

#[tokio::test]
async fn what_is_uploaded_is_counted_given_and_deleted() {
    let house = House::new();
    let device = Device::new(1);
    let packages = [device.one_time(START / 1000), device.last_resort(START / 1000)];
    let stored = standing(&house, Call::local(UPLOAD, upload(&packages))).await;
    assert_eq!(stored.stocks.len(), 1);
    assert_eq!(standing(&house, Call::local(STATUS, "")).await, stored);
    let token = token(&house).await;
    for package in packages {
        let answer = Call::local(FETCH, bundle(&token, 1)).acting_as("anybody").answer(&house).await;
        answer.assert_ok();
        let results: KeyPackageResults = decode(&answer.body).unwrap();
        assert_eq!(results.results[0].key_packages[0].bytes()[..], package);
    }
    assert!(standing(&house, Call::local(DELETE, CLIENT.to_vec())).await.stocks.is_empty());
}

#[tokio::test]
async fn the_operator_deletes_all_key_packages() {
    let house = House::new();
    let device = Device::new(1);
    let packages = || [device.one_time(START / 1000), device.last_resort(START / 1000)];
    for user in ["bob", "carol"] {
        standing(&house, Call::local(UPLOAD, upload(&packages())).acting_as(user)).await;
    }
    let call = Call::local("/admin/delete-all-key-packages", "").without("ds-user").without("content-type");
    call.clone().without("authorization").assert_problem(&house, ProblemCode::Unauthorized).await;
    assert_eq!(standing(&house, Call::local(STATUS, "").acting_as("bob")).await.stocks.len(), 1);
    let answer = call.answer(&house).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &br#"{"users":2}"#[..]));
    for user in ["bob", "carol"] {
        assert!(standing(&house, Call::local(STATUS, "").acting_as(user)).await.stocks.is_empty());
    }
}

#[tokio::test]
async fn an_invalid_key_package_is_named_by_its_place() {
    let house = House::new();
    let device = Device::new(1);
    let mut forged = device.one_time(START / 1000);
    *forged.last_mut().unwrap() ^= 1;
    let call = Call::local(UPLOAD, upload(&[device.one_time(START / 1000), forged]));
    let document = call.assert_problem(&house, ProblemCode::InvalidKeyPackage).await;
    assert!(document["detail"].as_str().unwrap().contains("KeyPackage 1 "), "{document}");
}

#[tokio::test]
async fn a_bad_token_is_a_result_and_no_problem() {
    let house = House::new();
    let answer = Call::local(FETCH, bundle(b"garbage", 32)).answer(&house).await;
    answer.assert_ok();
    let results: KeyPackageResults = decode(&answer.body).unwrap();
    assert_eq!(results.results.len(), 32);
    assert!(results.results.iter().all(|result| result.status == KeyPackageStatus::Denied));
}

#[tokio::test]
async fn access_media_type_and_bodies_are_checked() {
    let house = House::new();
    let package = Device::new(1).one_time(START / 1000);
    for (path, good) in
        [(UPLOAD, upload(&[package])), (DELETE, CLIENT.to_vec()), (STATUS, Vec::new()), (FETCH, bundle(b"token", 1))]
    {
        let call = Call::local(path, good.clone());
        assert_media_type_is_checked(&house, &call).await;
        assert_local_access_is_checked(&house, &call).await;
        let mut variants = vec![("a trailing byte".to_owned(), [good.as_slice(), &[0]].concat())];
        variants.extend((0..good.len()).step_by(7).map(|at| (format!("cut at {at}"), good[..at].to_vec())));
        // Nothing is what this one takes.
        variants.retain(|(_, body)| !(path == STATUS && body.is_empty()));
        assert_all_malformed(&house, &call, variants).await;
    }
}

#[tokio::test]
async fn bundles_and_sizes_are_bounded() {
    let house = House::new();
    Call::local(FETCH, bundle(b"t", 33)).assert_problem(&house, ProblemCode::Malformed).await;
    let twice = vector(&bundle(b"t", 1)[1..].repeat(2));
    Call::local(FETCH, twice).assert_problem(&house, ProblemCode::Malformed).await;
    Call::local(FETCH, vec![0; 64 * 1024 + 1]).assert_problem(&house, ProblemCode::TooLarge).await;
    Call::local(UPLOAD, vec![0; 2 * 1024 * 1024 + 1]).assert_problem(&house, ProblemCode::TooLarge).await;
}
