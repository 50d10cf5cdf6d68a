//! KeyPackages that arrive.

use std::sync::Arc;

use http::Method;
use mls_rs::CipherSuite as MlsSuite;
use ohttp::hpke::Kem;

use super::{
    gateway::{Gateway, Inner, Reply},
    stage::{Script, Stage, follower, now},
};
use crate::{
    client::{
        Problem, ProblemCode,
        oblivious::{FetchError, FetchedKeyPackages, Kems},
        tests::cast::{Handshakes, client, new_member},
    },
    mls::{CipherSuite, Fault, ProtocolVersion, WireKeyPackage},
    wire::{
        self, DecodeError, KeyPackageRequest, KeyPackageRequests, KeyPackageResponse, KeyPackageResult,
        KeyPackageResults, KeyPackageStatus, MEDIA_TYPE,
    },
};

pub(super) fn request(user: &[u8]) -> KeyPackageRequest {
    request_for(user, CipherSuite(MlsSuite::CURVE25519_AES128.into()))
}

fn request_for(user: &[u8], cipher_suite: CipherSuite) -> KeyPackageRequest {
    KeyPackageRequest {
        user_id: user.to_vec(),
        bearer_token: b"a token from discovery".to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite,
    }
}

pub(super) fn package(name: &str) -> WireKeyPackage {
    new_member(&client(name, Handshakes::Public)).key_package
}

pub(super) fn given(key_packages: Vec<WireKeyPackage>) -> KeyPackageResult {
    KeyPackageResult { status: KeyPackageStatus::Ok, key_packages }
}

fn refused(status: KeyPackageStatus) -> KeyPackageResult {
    KeyPackageResult { status, key_packages: Vec::new() }
}

/// A target that gives these results to whatever bundle.
pub(super) fn giving(results: Vec<KeyPackageResult>) -> impl Fn(&Inner) -> Reply + Send + Sync {
    let body = wire::encode(&KeyPackageResults { results }).unwrap();
    move |_| Reply::ok(body.clone())
}

async fn fetch(
    target: impl Fn(&Inner) -> Reply + Send + Sync + 'static,
    users: &[&[u8]],
) -> (Result<Vec<FetchedKeyPackages>, FetchError>, Arc<Gateway>) {
    let gateway = Gateway::new(Kem::X25519Sha256, target);
    let stage = Stage::new(&Script::honest(&gateway)).await;
    let requests = users.iter().map(|user| request(user)).collect();
    (stage.fetcher().fetch(&follower(), requests).await, gateway)
}

#[tokio::test]
async fn a_bundle_is_answered_in_order() {
    let (phone, laptop) = (package("bob's phone"), package("bob's laptop"));
    let results = vec![
        given(vec![phone.clone(), laptop.clone()]),
        refused(KeyPackageStatus::Denied),
        refused(KeyPackageStatus::Exhausted),
        refused(KeyPackageStatus::Incompatible),
    ];
    let (fetched, gateway) = fetch(giving(results), &[b"bob", b"carol", b"dave", b"erin"]).await;
    let fetched = fetched.unwrap();
    assert_eq!(fetched[0].key_packages, [phone, laptop]);
    let statuses: Vec<_> = fetched.iter().map(|result| (result.status, result.invalid)).collect();
    let expected = [
        (KeyPackageStatus::Ok, 0),
        (KeyPackageStatus::Denied, 0),
        (KeyPackageStatus::Exhausted, 0),
        (KeyPackageStatus::Incompatible, 0),
    ];
    assert_eq!(statuses, expected);
    let seen = gateway.seen.lock().unwrap();
    assert_eq!((seen[0].authority.as_str(), seen[0].path.as_str()), ("follower.example", "/v1/key-packages"));
    assert_eq!(seen[0].field("content-type"), MEDIA_TYPE);
    let bundle: KeyPackageRequests = wire::decode(&seen[0].body).unwrap();
    let users: Vec<_> = bundle.requests.iter().map(|request| request.user_id.clone()).collect();
    assert_eq!(users, [&b"bob"[..], b"carol", b"dave", b"erin"]);
}

#[tokio::test]
async fn the_literal_request_is_answered_with_one_key_package() {
    let bob = package("bob");
    let body = wire::encode(&KeyPackageResponse { key_package: bob.clone() }).unwrap();
    let gateway = Gateway::new(Kem::X25519Sha256, move |inner| match inner.path.as_str() {
        "/v1/key-package" => Reply::ok(body.clone()),
        path => panic!("{path}"),
    });
    let stage = Stage::new(&Script::honest(&gateway)).await;
    let fetched = stage.fetcher().fetch_one(&follower(), &request(b"bob")).await.unwrap();
    assert_eq!(fetched, bob);
    let asked: KeyPackageRequest = wire::decode(&gateway.seen.lock().unwrap()[0].body).unwrap();
    assert_eq!(asked.user_id, b"bob");
    let other = request_for(b"bob", CipherSuite(2));
    assert_eq!(stage.fetcher().fetch_one(&follower(), &other).await, Err(FetchError::Results));
}

#[tokio::test]
async fn a_sealed_denial_is_the_providers_answer() {
    let denied = |_: &Inner| Reply::problem(401, &ProblemCode::Denied.urn(), Vec::new());
    let gateway = Gateway::new(Kem::X25519Sha256, denied);
    let stage = Stage::new(&Script::honest(&gateway)).await;
    let problem = Problem { status: 401, code: Some(ProblemCode::Denied), retry_after: None };
    let refused = stage.fetcher().fetch_one(&follower(), &request(b"bob")).await;
    assert_eq!(refused, Err(FetchError::Problem(problem)));
}

#[tokio::test]
async fn key_packages_that_are_wrong_are_left_out_and_counted() {
    let good = package("bob");
    let mut forged = package("mallory").bytes().to_vec();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let forged: WireKeyPackage = wire::decode(&forged).unwrap();
    let (fetched, _) = fetch(giving(vec![given(vec![forged.clone(), good.clone()])]), &[b"bob"]).await;
    let left = FetchedKeyPackages { status: KeyPackageStatus::Ok, key_packages: vec![good.clone()], invalid: 1 };
    assert_eq!(fetched, Ok(vec![left]));

    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![good])]));
    let stage = Stage::new(&Script::honest(&gateway)).await;
    let other_suite = request_for(b"bob", CipherSuite(3));
    let fetched = stage.fetcher().fetch(&follower(), vec![other_suite.clone()]).await;
    let none = FetchedKeyPackages { status: KeyPackageStatus::Ok, key_packages: Vec::new(), invalid: 1 };
    assert_eq!(fetched, Ok(vec![none.clone()]), "of another suite than asked for");
    // A clock in which the KeyPackage has expired.
    let later = || now() + std::time::Duration::from_secs(3 * 365 * 86_400);
    let fetched = stage.fetcher_at(Kems::WithHybrid, later).fetch(&follower(), vec![request(b"bob")]).await;
    assert_eq!(fetched, Ok(vec![none]), "expired");
}

#[tokio::test]
async fn results_must_fit_the_requests() {
    let bob = package("bob");
    let contradictions = [
        vec![],
        vec![given(vec![bob.clone()])],
        vec![given(vec![bob.clone()]), given(vec![bob.clone()]), given(vec![bob.clone()])],
        vec![given(vec![bob.clone()]), given(vec![])],
        vec![
            given(vec![bob.clone()]),
            KeyPackageResult { status: KeyPackageStatus::Denied, key_packages: vec![bob.clone()] },
        ],
    ];
    for results in contradictions {
        let (fetched, _) = fetch(giving(results.clone()), &[b"bob", b"carol"]).await;
        assert_eq!(fetched, Err(FetchError::Results), "{results:?}");
    }
}

#[tokio::test]
async fn sealed_nonsense_is_told_apart() {
    let (fetched, _) = fetch(|_| Reply::ok(b"\x01".to_vec()), &[b"bob"]).await;
    assert!(matches!(fetched, Err(FetchError::Encoding(_))), "{fetched:?}");
    let text = |_: &Inner| Reply { status: 200, fields: vec![("content-type", "text/html".into())], body: vec![0] };
    assert_eq!(fetch(text, &[b"bob"]).await.0, Err(FetchError::MediaType));
    let (fetched, _) = fetch(|_| Reply { status: 503, fields: Vec::new(), body: Vec::new() }, &[b"bob"]).await;
    let problem = Problem { status: 503, code: None, retry_after: None };
    assert_eq!(fetched, Err(FetchError::Problem(problem)));
    assert!(fetched.unwrap_err().is_transient());
}

#[tokio::test]
async fn x_wing_is_used_where_the_gateway_has_it() {
    let bob = package("bob");
    let gateway = Gateway::new(Kem::XWing, giving(vec![given(vec![bob.clone()])]));
    let script = Script::honest(&gateway);
    let stage = Stage::new(&script).await;
    let fetched = stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    assert_eq!(fetched[0].key_packages, [bob]);
    assert_eq!(script.arrived.lock().unwrap().last().unwrap().body.len(), 1024 + 1143);
    let classical = stage.fetcher_at(Kems::Classical, now).fetch(&follower(), vec![request(b"bob")]).await;
    let none = FetchError::KeyList(crate::client::oblivious::KeyListError::NoUsableKey);
    assert_eq!(classical, Err(none));
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![]));
    let script = Script::honest(&gateway);
    let fetcher = Stage::new(&script).await.fetcher();
    let many = |count: usize, length: usize| -> Vec<KeyPackageRequest> {
        let user = |number: usize| format!("{number:0length$}").into_bytes();
        (0..count).map(|number| request(&user(number))).collect()
    };
    assert_eq!(fetcher.fetch(&follower(), Vec::new()).await, Err(FetchError::BundleCount));
    assert_eq!(fetcher.fetch(&follower(), many(33, 3)).await, Err(FetchError::BundleCount));
    assert_eq!(fetcher.fetch(&follower(), many(32, 512)).await, Err(FetchError::BundleTooLarge));
    let twice = Err(FetchError::Encoding(DecodeError::Fault(Fault::Repetition)));
    assert_eq!(fetcher.fetch(&follower(), [many(2, 3), many(1, 3)].concat()).await, twice);
    let hub = "hub.example".parse().unwrap();
    assert_eq!(fetcher.fetch(&hub, many(1, 3)).await, Err(FetchError::SameOperator));
    assert!(script.arrived.lock().unwrap().is_empty(), "not even a key list was asked for");
    assert_eq!(script.count(&Method::POST), 0);
}
