//! A provider that is put back from a backup which was made while KeyPackages were fetched, as fast as they could be: what
//! was given before is not given again.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use restante::{
    client::oblivious::KeyPackageFetcher,
    mls::WireKeyPackage,
    wire::{BearerTokenKind, ClientId, UploadKeyPackagesRequest},
};
use tokio::sync::Notify;

use super::{
    sealed::{encapsulate, key_list, open, post},
    world::{World, fetch, request},
};
use crate::{fixtures::metrics::number, process::PATIENCE, relay::ask};

const USERS: [&str; 2] = ["bob", "carol"];
/// One-time KeyPackages of each user: fewer than a user may be asked for at once.
const EACH: usize = 80;
/// So many are given before the backup is begun, and so many more after it was made.
const GIVEN: usize = 10;

struct Fetching {
    fetcher: KeyPackageFetcher,
    given: AtomicUsize,
    more: Notify,
    ends: AtomicBool,
}

impl Fetching {
    fn new(world: &World) -> Arc<Self> {
        let (given, more, ends) = (AtomicUsize::new(0), Notify::new(), AtomicBool::new(false));
        Arc::new(Self { fetcher: world.fetcher(), given, more, ends })
    }

    /// Waits until so many more are given.
    async fn goes_on(&self, more: usize) {
        let enough = self.given.load(Ordering::Acquire) + more;
        let reached = async {
            while self.given.load(Ordering::Acquire) < enough {
                self.more.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("fetches go on");
    }
}

/// Fetches until it is told to end. Gives the one-time KeyPackages that it got.
async fn fetch_all(
    fetching: Arc<Fetching>,
    user: &'static str,
    token: Arc<[u8]>,
    last_resort: WireKeyPackage,
) -> Vec<WireKeyPackage> {
    let mut given = Vec::new();
    while !fetching.ends.load(Ordering::Acquire) {
        let fetched = fetch(&fetching.fetcher, user, &token).await.unwrap();
        fetching.given.fetch_add(1, Ordering::AcqRel);
        fetching.more.notify_one();
        given.extend(fetched.key_packages.into_iter().filter(|package| *package != last_resort));
    }
    given
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_provider_gives_nothing_twice() {
    let mut world = World::with_backups().await;
    let mut uploads = Vec::new();
    for (device, user) in (1..).zip(USERS) {
        let uploaded = world.upload(user, device, EACH).await;
        let token: Arc<[u8]> = world.mint(user, BearerTokenKind::Shared).await.into();
        uploads.push((user, device, token, uploaded));
    }
    let begin = |number: usize| {
        let (user, _, token, uploaded) = &uploads[number];
        let fetching = Fetching::new(&world);
        (fetching.clone(), tokio::spawn(fetch_all(fetching, user, token.clone(), uploaded.last_resort.clone())))
    };
    let (bob_s, of_bob) = begin(0);
    bob_s.goes_on(GIVEN).await;
    world.back_up().await;
    // What the backup knows nothing of: KeyPackages of carol that are given, and a request that is answered.
    let (carol_s, of_carol) = begin(1);
    carol_s.goes_on(GIVEN).await;
    let mut given = Vec::new();
    for (fetching, fetched) in [(bob_s, of_bob), (carol_s, of_carol)] {
        fetching.ends.store(true, Ordering::Release);
        let fetched = tokio::time::timeout(PATIENCE, fetched).await.expect("it ends in time").unwrap();
        assert!(fetched.len() >= GIVEN, "{}", fetched.len());
        given.extend(fetched);
    }
    let (_, _, token, _) = &uploads[0];
    let (encapsulated, context) = encapsulate(&key_list(&world).await, vec![request("bob", token)]);
    assert_eq!(post(&world, &encapsulated).await.status, 200);
    let distinct: HashSet<_> = given.iter().map(|package| package.bytes().to_vec()).collect();
    assert_eq!(distinct.len(), given.len(), "each was given once");

    world.put_back().await;
    for (user, device, _, uploaded) in &uploads {
        assert_eq!(world.available(user).await, 0);
        let standing = world.follower.user(user).key_package_status().await.unwrap();
        assert!(standing.stocks.iter().all(|stock| !stock.has_last_resort), "{standing:?}");
        // A device that brings those again that it has kept: what the backup knew stays given.
        let again = UploadKeyPackagesRequest {
            client_id: ClientId::new([*device; 16]),
            key_packages: uploaded.one_time.iter().chain([&uploaded.last_resort]).cloned().collect(),
        };
        world.follower.user(user).upload_key_packages(&again).await.unwrap();
        assert_eq!(world.available(user).await, 0, "{user}");
    }
    // The copy of what was answered after the backup is refused, and so is everything that may be one.
    let (status, _) = open(context, &post(&world, &encapsulated).await);
    assert_eq!(status, 503);
    let fresh = world.mint("bob", BearerTokenKind::Shared).await;
    world.upload("bob", 1, 3).await;
    for token in [&uploads[0].2[..], &fresh[..]] {
        let refused = fetch(&world.fetcher(), "bob", token).await.unwrap_err();
        assert!(refused.is_transient(), "{refused}");
    }
    assert_eq!(world.available("bob").await, 3);
    assert!(world.follower.process.logged().contains("the gateway refuses requests for now"));
    let metrics = ask(world.follower.local_tcp(), "/metrics").await;
    let refused = number(&metrics, "restante_gateway_refused_seconds");
    assert!((1..=120).contains(&refused), "for as long as dates may be off: {refused}");
}
