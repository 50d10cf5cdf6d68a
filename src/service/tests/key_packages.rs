//! KeyPackages on a real database: what is taken, what is given, and what of it survives a restart.

use std::collections::HashSet;

use crate::{
    client::InvalidKeyPackage,
    fixtures::key_packages::Device,
    mls::{CipherSuite, ProtocolVersion},
    pool::{Policy, Rejection, ReplayMark},
    service::{
        Error,
        setup::{DAY, START, Setup, user_id},
    },
    store::{Batch, PoolBatch, Store},
    wire::{
        BearerToken, BearerTokenKind, ClientId, KeyPackageRequest, KeyPackageResult, KeyPackageStanding,
        KeyPackageStatus, RevokeTokenRequest, TokenHandle, UploadKeyPackagesRequest, decode, encode,
    },
};

pub(super) const NOW_S: u64 = START / 1000;
const CLIENT: ClientId = ClientId::new([1; 16]);

pub(super) async fn upload(setup: &Setup, user: &str, packages: &[Vec<u8>]) -> Result<KeyPackageStanding, Error> {
    let key_packages = packages.iter().map(|bytes| decode(bytes).unwrap()).collect();
    let request = UploadKeyPackagesRequest { client_id: CLIENT, key_packages };
    setup.service.upload_key_packages(&user_id(user), request).await
}

pub(super) async fn token(setup: &Setup, user: &str) -> BearerToken {
    setup.service.mint_token(&user_id(user), BearerTokenKind::Shared).await.unwrap()
}

pub(super) fn request(user: &str, token: &BearerToken) -> KeyPackageRequest {
    KeyPackageRequest {
        user_id: user.as_bytes().to_vec(),
        bearer_token: encode(token).unwrap(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    }
}

pub(super) async fn fetch(setup: &Setup, request: KeyPackageRequest) -> KeyPackageResult {
    let mut results = setup.service.fetch_key_packages(&[request], None).await.unwrap().results;
    assert_eq!(results.len(), 1);
    results.remove(0)
}

#[tokio::test]
async fn what_was_uploaded_is_given_byte_for_byte_and_once() {
    let setup = Setup::new();
    let device = Device::new(1);
    let packages = [device.one_time(NOW_S), device.last_resort(NOW_S)];
    let standing = upload(&setup, "bob", &packages).await.unwrap();
    assert_eq!((standing.stocks[0].available, standing.stocks[0].has_last_resort), (1, true));
    let token = token(&setup, "bob").await;
    for expected in [&packages[0], &packages[1], &packages[1]] {
        let result = fetch(&setup, request("bob", &token)).await;
        assert_eq!(result.status, KeyPackageStatus::Ok);
        assert_eq!(result.key_packages.len(), 1);
        assert_eq!(&result.key_packages[0].bytes()[..], &expected[..]);
    }
}

#[tokio::test]
async fn an_upload_with_one_invalid_key_package_is_refused_whole() {
    let setup = Setup::new();
    let device = Device::new(1);
    let good = device.one_time(NOW_S);
    let mut forged = device.one_time(NOW_S);
    *forged.last_mut().unwrap() ^= 1;
    let mut of_another_suite = device.one_time(NOW_S);
    of_another_suite[3] = 3;
    let mut of_no_suite = device.one_time(NOW_S);
    of_no_suite[2..4].copy_from_slice(&[0xf0, 0x00]);
    for (bad, expected) in [
        (forged, InvalidKeyPackage::Content),
        (of_another_suite, InvalidKeyPackage::Content),
        (of_no_suite, InvalidKeyPackage::UnsupportedSuite),
        (device.one_time(NOW_S - 400 * DAY / 1000), InvalidKeyPackage::Lifetime),
        (device.one_time(NOW_S + DAY / 1000), InvalidKeyPackage::Lifetime),
    ] {
        let refused = upload(&setup, "bob", &[good.clone(), bad]).await;
        assert_eq!(refused, Err(Error::InvalidKeyPackage { at: 1, reason: expected }));
    }
    assert!(setup.service.key_package_standing(&user_id("bob")).await.unwrap().stocks.is_empty());
}

#[tokio::test]
async fn a_key_package_of_somebody_else_is_refused() {
    let setup = Setup::new();
    let package = Device::new(1).one_time(NOW_S);
    upload(&setup, "bob", std::slice::from_ref(&package)).await.unwrap();
    let refused = upload(&setup, "mallory", &[package]).await;
    assert_eq!(refused, Err(Error::PoolRejected(Rejection::KeyPackageReused)));
}

#[tokio::test]
async fn many_fetches_at_once_never_see_a_one_time_key_package_twice() {
    const PACKAGES: usize = 60;
    let policy = crate::pool::Policy {
        token_rate: crate::pool::Rate::each_ms(1000, 1),
        target_rate: crate::pool::Rate::each_ms(1000, 1),
        ..crate::pool::Policy::default()
    };
    let setup = Setup::with_pool(policy);
    let device = Device::new(1);
    let packages: Vec<_> = (0..PACKAGES).map(|_| device.one_time(NOW_S)).collect();
    upload(&setup, "bob", &packages).await.unwrap();
    let token = token(&setup, "bob").await;
    let mut fetches = tokio::task::JoinSet::new();
    for _ in 0..PACKAGES + 20 {
        let (service, request) = (setup.service.clone(), request("bob", &token));
        // A bundle of two for the same user: the second sees what the first took.
        fetches.spawn(async move { service.fetch_key_packages(&[request.clone(), request], None).await.unwrap() });
    }
    let mut given = HashSet::new();
    let mut exhausted = 0;
    while let Some(results) = fetches.join_next().await {
        for result in results.unwrap().results {
            match result.status {
                KeyPackageStatus::Ok => {
                    let [package] = &result.key_packages[..] else { panic!("one device gives one") };
                    assert!(given.insert(package.bytes().clone()), "given twice");
                }
                other => {
                    assert_eq!(other, KeyPackageStatus::Exhausted);
                    exhausted += 1;
                }
            }
        }
    }
    assert_eq!((given.len(), exhausted), (PACKAGES, PACKAGES + 40));
}

#[tokio::test]
async fn what_was_given_is_not_given_again_after_a_restart() {
    let setup = Setup::new();
    let device = Device::new(1);
    upload(&setup, "bob", &[device.one_time(NOW_S), device.one_time(NOW_S)]).await.unwrap();
    let token = token(&setup, "bob").await;
    let first = fetch(&setup, request("bob", &token)).await.key_packages;
    let setup = setup.restart().await;
    let second = fetch(&setup, request("bob", &token)).await.key_packages;
    assert!(first.len() == 1 && second.len() == 1 && first != second);
    assert_eq!(fetch(&setup, request("bob", &token)).await.status, KeyPackageStatus::Exhausted);
}

#[tokio::test]
async fn revoking_takes_effect_at_once_and_after_a_restart() {
    let setup = Setup::new();
    upload(&setup, "bob", &[Device::new(1).last_resort(NOW_S)]).await.unwrap();
    let unique = setup.service.mint_token(&user_id("bob"), BearerTokenKind::Unique).await.unwrap();
    let shared = token(&setup, "bob").await;
    let handle = crate::wire::TokenHandle::of(&unique.handle).unwrap();
    assert_eq!(fetch(&setup, request("bob", &unique)).await.status, KeyPackageStatus::Ok);
    setup.service.revoke_token(&user_id("bob"), &RevokeTokenRequest::Handle(handle)).await.unwrap();
    assert_eq!(fetch(&setup, request("bob", &unique)).await.status, KeyPackageStatus::Denied);
    assert_eq!(fetch(&setup, request("bob", &shared)).await.status, KeyPackageStatus::Ok);
    let setup = setup.restart().await;
    assert_eq!(fetch(&setup, request("bob", &unique)).await.status, KeyPackageStatus::Denied);
    assert_eq!(fetch(&setup, request("bob", &shared)).await.status, KeyPackageStatus::Ok);
    let listed = setup.service.list_tokens(&user_id("bob")).await.unwrap();
    assert_eq!((listed.tokens.len(), listed.tokens[0].revoked, listed.tokens[0].uses), (1, true, 1));
    setup.service.revoke_token(&user_id("bob"), &RevokeTokenRequest::User).await.unwrap();
    assert_eq!(fetch(&setup, request("bob", &shared)).await.status, KeyPackageStatus::Denied);
    let renewed = token(&setup, "bob").await;
    setup.service.revoke_all_tokens().await.unwrap();
    let setup = setup.restart().await;
    assert_eq!(fetch(&setup, request("bob", &renewed)).await.status, KeyPackageStatus::Denied);
}

/// Also when minting and revoking are one write.
#[tokio::test]
async fn a_handle_that_was_forgotten_for_another_is_not_found_again() {
    let setup = Setup::with_pool(Policy { handles: 1, ..Policy::default() });
    let bob = user_id("bob");
    let mint = || setup.service.mint_token(&bob, BearerTokenKind::Unique);
    let first = TokenHandle::of(&mint().await.unwrap().handle).unwrap();
    assert_eq!(mint().await.unwrap_err(), Error::PoolRejected(Rejection::TooManyHandles(1)));
    let request = RevokeTokenRequest::Handle(first);
    let revoke = || setup.service.revoke_token(&bob, &request);
    assert_eq!(revoke().await, Ok(true));
    assert_eq!(revoke().await, Ok(true), "as long as nobody needs its place");

    setup.store.hold();
    let carol = user_id("carol");
    let mut busy = Box::pin(setup.service.mint_token(&carol, BearerTokenKind::Unique));
    super::begin(&mut busy);
    setup.store.await_stalled(1);
    let (mut minting, mut revoking) = (Box::pin(mint()), Box::pin(revoke()));
    super::begin(&mut minting);
    super::begin(&mut revoking);
    setup.store.release();
    busy.await.unwrap();
    let second = TokenHandle::of(&minting.await.unwrap().handle).unwrap();
    assert_eq!(revoking.await, Ok(false));

    let setup = setup.restart().await;
    assert_eq!(setup.service.revoke_token(&bob, &request).await, Ok(false));
    let listed = setup.service.list_tokens(&bob).await.unwrap().tokens;
    assert_eq!(listed.iter().map(|token| (token.handle, token.revoked)).collect::<Vec<_>>(), [(second, false)]);
    setup.assert_sound().await;
}

#[tokio::test]
async fn denials_are_the_same_bytes() {
    let setup = Setup::new();
    upload(&setup, "bob", &[Device::new(1).one_time(NOW_S)]).await.unwrap();
    let good = token(&setup, "bob").await;
    let mut of_no_token = request("bob", &good);
    of_no_token.bearer_token = b"garbage".to_vec();
    let nobody = request("", &good);
    let denied = KeyPackageResult { status: KeyPackageStatus::Denied, key_packages: Vec::new() };
    for request in [of_no_token, nobody, request("nobody", &good)] {
        assert_eq!(fetch(&setup, request).await, denied);
    }
}

#[tokio::test]
async fn a_mark_is_written_whatever_is_given_and_lapses() {
    let setup = Setup::new();
    upload(&setup, "bob", &[Device::new(1).one_time(NOW_S)]).await.unwrap();
    let token = token(&setup, "bob").await;
    let mark = |number| Some(ReplayMark { digest: [number; 32], expires_ms: START + 120_000 });
    let given = setup.service.fetch_key_packages(&[request("bob", &token)], mark(1)).await.unwrap();
    assert_eq!(given.results[0].status, KeyPackageStatus::Ok);
    let nothing = setup.service.fetch_key_packages(&[request("bob", &token)], mark(2)).await.unwrap();
    assert_eq!(nothing.results[0].status, KeyPackageStatus::Exhausted);
    let setup = setup.restart().await;
    assert_eq!(setup.service.answered_requests().unwrap().marks, [mark(1).unwrap(), mark(2).unwrap()]);
    assert!(!setup.service.sweep_marks().await.unwrap());
    assert_eq!(setup.service.answered_requests().unwrap().marks.len(), 2);
    assert_eq!(setup.service.answered_requests().unwrap().forgotten_ms, 0);
    setup.clock.advance(120_000);
    assert!(setup.service.sweep_marks().await.unwrap());
    // Also when the clock goes back and the process starts anew.
    let setup = setup.restart().await;
    assert_eq!(setup.service.answered_requests().unwrap().forgotten_ms, START + 120_000);
    assert_eq!(setup.service.answered_requests().unwrap().marks, []);
}

/// As known relays can bring them in seconds. Those that have expired are neither read at a start nor removed one by one.
#[tokio::test]
async fn any_number_of_marks_lapses_at_once() {
    const MARKS: u32 = 40_000;
    let setup = Setup::new();
    let mark = |number: u32| {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        ReplayMark { digest, expires_ms: START + u64::from(number) }
    };
    let marks = (0..MARKS).map(mark).collect();
    let pool = PoolBatch { marks, ..PoolBatch::default() };
    setup.store.commit(&Batch { pool, ..Batch::default() }).unwrap();
    setup.clock.advance(u64::from(MARKS) - 3);
    let answered = setup.service.answered_requests().unwrap();
    assert_eq!(answered.marks, [mark(MARKS - 2), mark(MARKS - 1)]);
    assert_eq!(answered.forgotten_ms, mark(MARKS - 3).expires_ms, "what was not read is answered for");
    assert!(setup.service.sweep_marks().await.unwrap());
    let left = setup.store.snapshot().unwrap().replay_marks(None, 10).unwrap();
    assert_eq!(left, [mark(MARKS - 2), mark(MARKS - 1)]);
    assert!(!setup.service.sweep_marks().await.unwrap(), "nothing lapses twice");
    assert_eq!(setup.service.answered_requests().unwrap(), answered);
}

#[tokio::test]
async fn expired_key_packages_are_swept_away() {
    let setup = Setup::new();
    upload(&setup, "bob", &[Device::new(1).one_time(NOW_S)]).await.unwrap();
    let stock = |setup: &Setup| {
        let snapshot = crate::store::Store::snapshot(&*setup.store).unwrap();
        snapshot.expiries(u64::MAX, 10).unwrap().len()
    };
    assert_eq!(stock(&setup), 2, "the KeyPackage, and later what is known of it");
    setup.clock.advance(366 * DAY);
    setup.service.sweep().await.unwrap();
    assert_eq!(stock(&setup), 1);
    setup.clock.advance(31 * DAY);
    setup.service.sweep().await.unwrap();
    assert_eq!(stock(&setup), 0);
}

#[tokio::test]
async fn one_key_package_is_given_for_the_literal_request() {
    let setup = Setup::new();
    upload(&setup, "bob", &[Device::new(1).one_time(NOW_S)]).await.unwrap();
    let token = token(&setup, "bob").await;
    let ask = || async { setup.service.fetch_key_package(&request("bob", &token), None).await.unwrap() };
    assert!(ask().await.is_ok());
    assert_eq!(ask().await, Err(KeyPackageStatus::Exhausted));
}

/// A refused fetch waits for the disk like any other: the time of its answer tells nothing.
#[tokio::test]
async fn a_denied_fetch_through_the_gateway_is_written_too() {
    let setup = Setup::new();
    let before = setup.store.attempts();
    let mark = Some(ReplayMark { digest: [1; 32], expires_ms: START + 120_000 });
    let request = KeyPackageRequest {
        user_id: b"nobody".to_vec(),
        bearer_token: b"garbage".to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    setup.service.fetch_key_packages(&[request], mark).await.unwrap();
    assert_eq!(setup.store.attempts(), before + 1);
}

#[tokio::test]
async fn nothing_is_handed_out_to_who_has_gone() {
    let setup = Setup::new();
    upload(&setup, "bob", &[Device::new(1).one_time(NOW_S)]).await.unwrap();
    let token = token(&setup, "bob").await;
    let request_of_bob = request("bob", &token);
    setup.store.hold();
    // The lane is busy writing; the fetch waits in the queue, and whoever asked goes away.
    let carol = user_id("carol");
    let mut minting: std::pin::Pin<Box<dyn Future<Output = _>>> =
        Box::pin(setup.service.mint_token(&carol, BearerTokenKind::Unique));
    super::begin(&mut minting);
    setup.store.await_stalled(1);
    let mut asked: std::pin::Pin<Box<dyn Future<Output = _>>> =
        Box::pin(setup.service.fetch_key_packages(std::slice::from_ref(&request_of_bob), None));
    super::begin(&mut asked);
    drop(asked);
    setup.store.release();
    minting.await.unwrap();
    assert_eq!(fetch(&setup, request_of_bob).await.status, KeyPackageStatus::Ok, "it is still there");
}
