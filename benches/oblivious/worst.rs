//! What the costliest bundle takes that somebody can ask for, and how long a group's write waits behind many of them.
//!
//! Every request of the bundle names another user, and each of them has as many clients with as full stocks as the
//! policy allows. The rows are made by the pool's own functions and written to the store: uploading them would take
//! half a million signatures.

use std::{sync::Arc, time::Instant};

use restante::{
    mls::{CipherSuite, ProtocolVersion},
    pool::{self, Rate, upload},
    sequencer::UserTag,
    service::{Service, UserId},
    store::{Batch, Store},
    wire::{BearerTokenKind, ClientId, KeyPackageRequest, KeyPackageRequests, KeyPackageStatus, encode},
};
use sha2::{Digest, Sha256};

use crate::{key_packages::Device, provider::PROVIDER, sealed::now_s, server};

/// Bundles one after another, and then at once.
const BUNDLES: usize = 16;
const AT_ONCE: usize = 64;
const SUITE: CipherSuite = CipherSuite(1);

/// Prints how long they take.
pub(crate) fn measure() {
    let folder = server::folder();
    let store = server::store(folder.path(), PROVIDER, 256);
    let plenty = Rate::each_ms(1_000_000, 1);
    let pool_policy = pool::Policy { target_rate: plenty, ..pool::Policy::default() };
    let users: Vec<Vec<u8>> =
        (0..KeyPackageRequests::MAX).map(|number| format!("user {number}").into_bytes()).collect();
    users.iter().for_each(|user| fill(&*store, &pool_policy, user));
    let service = server::service(store, PROVIDER, pool_policy);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(ask(&service, &users));
    service.finish();
}

async fn ask(service: &Arc<Service>, users: &[Vec<u8>]) {
    let mut requests = Vec::new();
    for user in users {
        let token = service.mint_token(&UserId::new(user.clone()).unwrap(), BearerTokenKind::Shared).await.unwrap();
        requests.push(KeyPackageRequest {
            user_id: user.clone(),
            bearer_token: encode(&token).unwrap(),
            version: ProtocolVersion::MLS10,
            cipher_suite: SUITE,
        });
    }
    let requests = Arc::new(requests);
    let mut took = Vec::new();
    for _ in 0..BUNDLES {
        let begun = Instant::now();
        let results = service.fetch_key_packages(&requests, None).await.unwrap().results;
        took.push(begun.elapsed().as_secs_f64() * 1e3);
        assert!(results.iter().all(|result| result.status == KeyPackageStatus::Ok && result.key_packages.len() == 16));
    }
    let mut bundles = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let (service, requests) = (service.clone(), requests.clone());
        bundles.spawn(async move { service.fetch_key_packages(&requests, None).await.unwrap() });
    }
    let alice = UserId::new(b"alice".to_vec()).unwrap();
    let begun = Instant::now();
    let mut writes = Vec::new();
    while !bundles.is_empty() {
        while bundles.try_join_next().is_some() {}
        let begun = Instant::now();
        service.mint_group_id(&alice).await.unwrap();
        writes.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    let all = begun.elapsed().as_secs_f64() * 1e3;
    println!("\nthe costliest bundle: {} users, each with all clients and full stocks", users.len());
    println!("{:8.1} ms p50 of {BUNDLES} one after another", crate::ranks::median(&mut took));
    println!("{all:8.1} ms until {AT_ONCE} at once are answered; of a group's {} writes meanwhile:", writes.len());
    let longest = writes.iter().copied().fold(0.0, f64::max);
    println!("{:8.1} ms p50, {longest:.1} ms at most", crate::ranks::median(&mut writes));
}

/// The rows of a user with as much as the policy allows.
fn fill(store: &dyn Store, policy: &pool::Policy, user: &[u8]) {
    let digest: [u8; 32] = Sha256::new().chain_update(store.user_tag_secret()).chain_update(user).finalize().into();
    let mut tag = [0; 16];
    tag.copy_from_slice(&digest[..16]);
    let tag = UserTag(tag);
    let bytes = bytes::Bytes::from(Device::new(SUITE.0).one_time(now_s()));
    let mut user = Known { account: None };
    for client in 0..policy.clients {
        let client = u8::try_from(client).unwrap();
        let package = |number: usize| pool::Package {
            bytes: bytes.clone(),
            reference: pool::ReferenceKey::of(&[&tag.0[..], &[client], &number.to_be_bytes()].concat()),
            version: ProtocolVersion::MLS10,
            cipher_suite: SUITE,
            expires_ms: (now_s() + 90 * 86_400) * 1000,
            last_resort: false,
        };
        let packages = (0..policy.stock_items).map(package).collect();
        let command = pool::Upload { user: tag, client: ClientId::new([client; 16]), packages, to_hand_out: true };
        let mut meters = pool::Meters::new(policy);
        let transition = upload(&user, &command, policy, &mut meters, now_s() * 1000).unwrap();
        user.account = transition.accounts.first().map(|(_, account)| account.clone());
        let mut batch = Batch::default();
        batch.pool.push(transition);
        store.commit(&batch).unwrap();
    }
}

/// A user of whom no more is known than which clients there are.
struct Known {
    account: Option<pool::Account>,
}

impl pool::State for Known {
    type Error = std::convert::Infallible;

    fn account(&self, _: &UserTag) -> Result<Option<pool::Account>, Self::Error> {
        Ok(self.account.clone())
    }

    fn stock(&self, _: &pool::StockKey) -> Result<Option<pool::Stock>, Self::Error> {
        Ok(None)
    }

    fn items(&self, _: &pool::StockKey, _: pool::Place, _: usize) -> Result<Vec<pool::Item>, Self::Error> {
        Ok(Vec::new())
    }

    fn package(&self, _: &pool::StockKey, _: u32) -> Result<Option<bytes::Bytes>, Self::Error> {
        Ok(None)
    }

    fn reference(&self, _: &pool::ReferenceKey) -> Result<Option<pool::Reference>, Self::Error> {
        Ok(None)
    }

    fn handle(&self, _: &UserTag, _: &restante::wire::TokenHandle) -> Result<Option<pool::Handle>, Self::Error> {
        Ok(None)
    }

    fn handles(&self, _: &UserTag) -> Result<Vec<(restante::wire::TokenHandle, pool::Handle)>, Self::Error> {
        Ok(Vec::new())
    }

    fn token_period(&self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn missing(&self, what: &'static str) -> Self::Error {
        unreachable!("{what} is not asked for")
    }
}
