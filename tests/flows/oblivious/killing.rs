//! The provider is killed in the middle of many fetches, again and again.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use restante::{client::oblivious::KeyPackageFetcher, mls::WireKeyPackage, wire::BearerTokenKind};
use tokio::sync::{Notify, watch};

use super::world::{World, fetch};
use crate::process::PATIENCE;

const USERS: [&str; 2] = ["bob", "carol"];
/// One-time KeyPackages of each user: fewer than a user may be asked for at once.
const EACH: usize = 80;
/// Fetches at the same time.
const FETCHERS: usize = 8;
/// After so many answers the provider is killed.
const KILLED_AT: [usize; 3] = [30, 60, 90];
/// How long somebody waits who got no answer, if the provider does not come back before.
const PAUSE: Duration = Duration::from_millis(50);

struct Progress {
    fetcher: KeyPackageFetcher,
    answers: AtomicUsize,
    failures: AtomicUsize,
    more: Notify,
}

/// Fetches until only the last-resort KeyPackage is given; returns all that was given.
async fn fetch_all(
    progress: Arc<Progress>,
    user: &'static str,
    token: Arc<[u8]>,
    last_resort: WireKeyPackage,
    mut restarts: watch::Receiver<usize>,
) -> Vec<WireKeyPackage> {
    let mut given = Vec::new();
    loop {
        let fetched = match fetch(&progress.fetcher, user, &token).await {
            Ok(fetched) => fetched,
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                progress.failures.fetch_add(1, Ordering::AcqRel);
                let _ = tokio::time::timeout(PAUSE, restarts.changed()).await;
                continue;
            }
        };
        assert_eq!((fetched.key_packages.len(), fetched.invalid), (1, 0), "the last-resort KeyPackage is always there");
        progress.answers.fetch_add(1, Ordering::AcqRel);
        progress.more.notify_one();
        let done = fetched.key_packages[0] == last_resort;
        given.extend(fetched.key_packages);
        if done {
            return given;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_one_time_key_package_is_given_twice() {
    let mut world = World::new().await;
    let progress = Arc::new(Progress {
        fetcher: world.fetcher(),
        answers: AtomicUsize::new(0),
        failures: AtomicUsize::new(0),
        more: Notify::new(),
    });
    let (restarted, restarts) = watch::channel(0);
    let mut fetches = tokio::task::JoinSet::new();
    let (mut one_time, mut last_resort) = (HashSet::new(), Vec::new());
    for (device, user) in (1..).zip(USERS) {
        let uploaded = world.upload(user, device, EACH).await;
        let token: Arc<[u8]> = world.mint(user, BearerTokenKind::Shared).await.into();
        for _ in 0..FETCHERS / USERS.len() {
            let last = uploaded.last_resort.clone();
            fetches.spawn(fetch_all(progress.clone(), user, token.clone(), last, restarts.clone()));
        }
        one_time.extend(uploaded.one_time.iter().map(|package| package.bytes().to_vec()));
        last_resort.push(uploaded.last_resort);
    }
    for (round, enough) in KILLED_AT.into_iter().enumerate() {
        let reached = async {
            while progress.answers.load(Ordering::Acquire) < enough {
                progress.more.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, reached).await.expect("fetches go on");
        world.restart().await;
        restarted.send_replace(round);
    }
    let given = tokio::time::timeout(PATIENCE, fetches.join_all()).await.expect("all fetches end").concat();
    assert!(progress.failures.load(Ordering::Acquire) > 0, "it was killed while somebody asked");

    let (spare, used): (Vec<_>, Vec<_>) = given.into_iter().partition(|package| last_resort.contains(package));
    assert_eq!(spare.len(), FETCHERS, "everybody stopped at their first one");
    let distinct: HashSet<_> = used.iter().map(|package| package.bytes().to_vec()).collect();
    assert_eq!(distinct.len(), used.len(), "each was given once");
    assert!(distinct.is_subset(&one_time), "and each is as it was uploaded");
    // What a killed provider had handed out and could not send is lost, and nothing else is: one for each fetch that was
    // under way.
    assert!(used.len() >= one_time.len() - KILLED_AT.len() * FETCHERS, "{} of {}", used.len(), one_time.len());
    for user in USERS {
        assert_eq!(world.available(user).await, 0);
        let standing = world.follower.user(user).key_package_status().await.unwrap();
        assert!(standing.stocks.iter().all(|stock| stock.has_last_resort && stock.last_resort_uses > 0));
    }
}
