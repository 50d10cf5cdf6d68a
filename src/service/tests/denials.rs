//! That a denial tells nothing: whatever its reason, the same rows are read and the same is written.

use crate::{
    fixtures::key_packages::Device,
    mls::{CipherSuite, ProtocolVersion},
    pool::{Policy, Rate, ReplayMark},
    service::setup::{START, Setup, user_id},
    wire::{
        BearerToken, BearerTokenKind, ClientId, KeyPackageRequest, KeyPackageStatus, RevokeTokenRequest, TokenHandle,
        UploadKeyPackagesRequest, decode, encode,
    },
};

const RARELY: Rate = Rate::each_ms(1, 3_600_000);

async fn upload(setup: &Setup, user: &str, packages: &[Vec<u8>]) {
    let key_packages = packages.iter().map(|bytes| decode(bytes).unwrap()).collect();
    let request = UploadKeyPackagesRequest { client_id: ClientId::new([1; 16]), key_packages };
    setup.service.upload_key_packages(&user_id(user), request).await.unwrap();
}

async fn mint(setup: &Setup, user: &str, kind: BearerTokenKind) -> BearerToken {
    setup.service.mint_token(&user_id(user), kind).await.unwrap()
}

/// What a request comes to, and which rows it reads.
async fn ask(setup: &Setup, number: u8, user: &str, token: &[u8]) -> (KeyPackageStatus, Vec<&'static str>) {
    let request = KeyPackageRequest {
        user_id: user.as_bytes().to_vec(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    let mark = Some(ReplayMark { digest: [number; 32], expires_ms: START + 120_000 });
    let written = setup.store.attempts();
    setup.store.watch();
    let results = setup.service.fetch_key_packages(&[request], mark).await.unwrap().results;
    let read = setup.store.watched();
    assert_eq!(setup.store.attempts(), written + 1);
    (results[0].status, read)
}

#[tokio::test]
async fn every_denial_reads_the_same_rows() {
    let setup = Setup::with_pool(Policy { token_rate: RARELY, ..Policy::default() });
    for user in ["bob", "carol", "dora"] {
        upload(&setup, user, &[Device::new(1).one_time(START / 1000), Device::new(1).last_resort(START / 1000)]).await;
    }
    let shared = mint(&setup, "bob", BearerTokenKind::Shared).await;
    let mut forged = shared.clone();
    forged.tag[0] ^= 1;
    let mut forged_unique = mint(&setup, "bob", BearerTokenKind::Unique).await;
    forged_unique.tag[0] ^= 1;
    let of_nobody_s = BearerToken { handle: vec![0xee; 16], ..forged_unique.clone() };
    let of_another_length = BearerToken { handle: vec![0xee; 3], ..forged_unique.clone() };
    let as_shared = BearerToken { kind: BearerTokenKind::Shared, handle: Vec::new(), ..forged_unique.clone() };
    let revoked = mint(&setup, "bob", BearerTokenKind::Unique).await;
    let handle = TokenHandle::of(&revoked.handle).unwrap();
    setup.service.revoke_token(&user_id("bob"), &RevokeTokenRequest::Handle(handle)).await.unwrap();
    let busy = mint(&setup, "bob", BearerTokenKind::Unique).await;
    let carols = mint(&setup, "carol", BearerTokenKind::Unique).await;
    let (doras, doras_unique) =
        (mint(&setup, "dora", BearerTokenKind::Shared).await, mint(&setup, "dora", BearerTokenKind::Unique).await);
    setup.service.revoke_token(&user_id("dora"), &RevokeTokenRequest::User).await.unwrap();
    assert_eq!(ask(&setup, 0, "bob", &encode(&busy).unwrap()).await.0, KeyPackageStatus::Ok);

    let encoded = |token: &BearerToken| encode(token).unwrap();
    let cases = [
        ("a wrong token", "bob", encoded(&forged)),
        ("a wrong token with a known handle", "bob", encoded(&forged_unique)),
        ("a wrong token with an unknown handle", "bob", encoded(&of_nobody_s)),
        ("a wrong token with no handle of ours", "bob", encoded(&of_another_length)),
        ("a unique token as if it were shared", "bob", encoded(&as_shared)),
        ("no token", "bob", Vec::new()),
        ("garbage", "bob", b"garbage".to_vec()),
        ("a revoked token", "bob", encoded(&revoked)),
        ("a token that was shown too often", "bob", encoded(&busy)),
        ("the token of somebody else", "bob", encoded(&carols)),
        ("the shared token of an earlier generation", "dora", encoded(&doras)),
        ("a unique token of an earlier generation", "dora", encoded(&doras_unique)),
        ("an unknown user", "nobody", encoded(&shared)),
        ("an unknown user and a unique token", "nobody", encoded(&carols)),
        ("nobody and nothing", "", Vec::new()),
    ];
    for (number, (reason, user, token)) in (1..).zip(&cases) {
        let (status, read) = ask(&setup, number, user, token).await;
        assert_eq!(status, KeyPackageStatus::Denied, "{reason}");
        assert_eq!(read, ["account", "handle", "token_period"], "{reason}");
    }
    setup.service.revoke_all_tokens().await.unwrap();
    for (number, token) in (100..).zip([shared, carols]) {
        let (status, read) = ask(&setup, number, "bob", &encoded(&token)).await;
        assert_eq!(status, KeyPackageStatus::Denied, "a token of an earlier period");
        assert_eq!(read, ["account", "handle", "token_period"]);
    }
}

/// To whoever has a token the reasons are the same as well: nothing left, and asked for too often.
#[tokio::test]
async fn exhaustion_reads_the_same_rows_whatever_the_reason() {
    let setup = Setup::with_pool(Policy { target_rate: RARELY, ..Policy::default() });
    let device = Device::new(1);
    upload(&setup, "bob", &[device.one_time(START / 1000)]).await;
    upload(&setup, "carol", &[device.one_time(START / 1000), device.one_time(START / 1000)]).await;
    let mut read = Vec::new();
    for (number, user) in [(1, "bob"), (11, "carol")] {
        let token = encode(&mint(&setup, user, BearerTokenKind::Shared).await).unwrap();
        let (status, of_success) = ask(&setup, number, user, &token).await;
        assert_eq!(status, KeyPackageStatus::Ok);
        assert!(
            of_success.ends_with(&["package", "reference", "items"]),
            "the search sees what is read: {of_success:?}"
        );
        let (status, of_failure) = ask(&setup, number + 1, user, &token).await;
        assert_eq!(status, KeyPackageStatus::Exhausted);
        read.push(of_failure);
    }
    assert_eq!(read[0], ["account", "handle", "token_period", "stock"]);
    assert_eq!(read[0], read[1]);
}
