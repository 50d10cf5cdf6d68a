//! The library against the real relay and gateway.

use std::time::Duration;

use restante::{
    client::{
        ProblemCode,
        oblivious::{FetchError, KEY_LOG_MAX},
    },
    mls::{CipherSuite, ProtocolVersion},
    wire::{KeyPackageRequest, KeyPackageStatus},
};
use restante_gateway::Outcome;
use restante_relay::keys::{KeyLog, LogError};

use crate::{
    follower::FOLLOWER,
    site::{Site, now},
};

fn request(user: &str, token: &[u8]) -> KeyPackageRequest {
    KeyPackageRequest {
        user_id: user.as_bytes().to_vec(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    }
}

#[tokio::test]
async fn a_clock_that_is_an_hour_ahead_costs_one_more_request() {
    let site = Site::new().await;
    site.follower.upload("bob", 1, 1).await;
    let token = site.follower.token("bob").await;
    let fetcher = site.fetcher(|| now() + Duration::from_secs(3600));
    let fetched = fetcher.fetch(&FOLLOWER.parse().unwrap(), vec![request("bob", &token)]).await.unwrap();
    assert_eq!((fetched[0].status, fetched[0].key_packages.len()), (KeyPackageStatus::Ok, 1));
    assert_eq!(site.follower.counters.of(Outcome::WrongDate), 1);
}

#[tokio::test]
async fn the_largest_bundle_and_the_literal_request_fit_through() {
    let site = Site::new().await;
    site.follower.upload("bob", 1, 1).await;
    let token = site.follower.token("bob").await;
    let fetcher = site.fetcher(now);
    let provider = FOLLOWER.parse().unwrap();
    let many = (0..32).map(|number| request(&format!("nobody {number}"), &[b'x'; 200])).collect();
    let fetched = fetcher.fetch(&provider, many).await.unwrap();
    assert!(fetched.len() == 32 && fetched.iter().all(|result| result.status == KeyPackageStatus::Denied));
    let one = fetcher.fetch_one(&provider, &request("bob", &token)).await.unwrap();
    assert_eq!(one.cipher_suite(), CipherSuite(1));
    let denied = fetcher.fetch_one(&provider, &request("nobody", &token)).await;
    assert!(
        matches!(denied, Err(FetchError::Problem(problem)) if problem.code == Some(ProblemCode::Denied)),
        "{denied:?}"
    );
}

/// A longer log would shut out everybody who checks it.
#[test]
fn a_client_reads_as_long_a_log_as_a_relay_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let file = std::fs::File::create(&path).unwrap();
    let length = u64::try_from(KEY_LOG_MAX).unwrap();
    file.set_len(length).unwrap();
    assert!(!matches!(KeyLog::check(&path), Err(LogError::Full)));
    file.set_len(length + 1).unwrap();
    assert!(matches!(KeyLog::check(&path), Err(LogError::Full)));
}
