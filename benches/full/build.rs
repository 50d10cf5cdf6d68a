//! Building a database: by the service, as its users would, but without HTTP and as fast as it goes.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use restante::{
    pool,
    sequencer::Policy,
    service::{Limits, Next, Parts, RateLimits, Service, Submitter, SystemClock, SystemEntropy, UserId},
    store::{
        SharedStore,
        rocks::{OpenOptions, RocksStore},
    },
    wire::encode,
};
use restante_process::table_files;
use tokio::{sync::Semaphore, task::JoinSet};

use super::plan::Size;
use crate::traffic::{self, Place};

pub(crate) const PROVIDER: &str = "hub.example";
const MIB: usize = 1024 * 1024;
/// As the program has it.
const CACHE_BYTES: usize = 256 * MIB;
/// Groups that are built at once, each message by message.
const AT_ONCE: usize = 512;
const LANES: usize = 2;
/// Between two lines about how far it has come.
const PROGRESS: Duration = Duration::from_secs(10);

/// What was seen while it was built.
pub(crate) struct Building {
    /// The ids of the groups, in the order of their numbers.
    pub(crate) ids: Vec<String>,
    /// Until all of it was durable.
    pub(crate) seconds: f64,
    /// How long retention walked over it.
    pub(crate) walk_seconds: f64,
    /// How long the compaction took.
    pub(crate) compaction_seconds: f64,
}

/// Builds it in a folder that is not there, and compacts it.
pub(crate) fn build(folder: &Path, size: Size) -> Building {
    let store = Arc::new(open(folder));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let service = start(store.clone());
    let begun = Instant::now();
    let ids = runtime.block_on(fill(&service, size));
    let seconds = begun.elapsed().as_secs_f64();
    // The first walk is over before anything is measured; the next one begins a day later.
    let begun = Instant::now();
    runtime.block_on(async { while let Next::Step(_) = service.retain().await.unwrap() {} });
    let walk_seconds = begun.elapsed().as_secs_f64();
    service.finish();
    drop(runtime);
    let begun = Instant::now();
    store.compact().unwrap();
    Building { ids, seconds, walk_seconds, compaction_seconds: begun.elapsed().as_secs_f64() }
}

fn open(path: &Path) -> RocksStore {
    let provider = &PROVIDER.parse().unwrap();
    let fresh_secrets = [[7; 32], [8; 32]];
    let (forgotten_ms, cache_bytes, open_files) = (0, CACHE_BYTES, table_files());
    RocksStore::open(OpenOptions { path, provider, fresh_secrets, forgotten_ms, cache_bytes, open_files }).unwrap()
}

fn start(store: SharedStore) -> Arc<Service> {
    // One user makes everything: what an operator allows each of many is not what is built.
    let rates = RateLimits::per_second(1_000_000, 1_000_000, 1_000_000, 64 * MIB);
    let parts = Parts {
        provider: PROVIDER.parse().unwrap(),
        store,
        policy: Policy::default(),
        pool_policy: pool::Policy::default(),
        limits: Limits { rates, lanes: LANES, ..Limits::default() },
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
    };
    Arc::new(Service::start(parts).unwrap())
}

async fn fill(service: &Arc<Service>, size: Size) -> Vec<String> {
    let (places, written) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(AtomicU64::new(0)));
    let telling = tokio::spawn(tell(written.clone(), size));
    let mut ids = vec![String::new(); size.groups];
    let mut groups = JoinSet::new();
    for group in 0..size.groups {
        let place = places.clone().acquire_owned().await.unwrap();
        let (service, written) = (service.clone(), written.clone());
        groups.spawn(async move {
            let id = make_group(&service, u64::try_from(group).unwrap(), size, &written).await;
            drop(place);
            (group, id)
        });
        while let Some(made) = groups.try_join_next() {
            let (group, id) = made.unwrap();
            ids[group] = id;
        }
    }
    while let Some(made) = groups.join_next().await {
        let (group, id) = made.unwrap();
        ids[group] = id;
    }
    telling.abort();
    ids
}

/// One group with all its epochs.
async fn make_group(service: &Arc<Service>, group: u64, size: Size, written: &AtomicU64) -> String {
    let user = UserId::new(b"bench".to_vec()).unwrap();
    let id = service.mint_group_id(&user).await.unwrap();
    let request = traffic::create_request(id.as_bytes(), group);
    let body = encode(&request).unwrap();
    service.create_group(&user, request, &body).await.unwrap();
    let submitter = Submitter::User(user);
    let (epochs, messages) = (u64::try_from(size.epochs).unwrap(), u64::try_from(size.messages).unwrap());
    for epoch in 0..epochs {
        let place = Place { group, epoch };
        for index in 0..messages {
            let number = (group * epochs + epoch) * messages + index;
            let opens = index + 1 == messages && epoch + 1 < epochs;
            let request = match opens {
                true => traffic::commit(id.as_bytes(), place, number, None),
                false => traffic::application(id.as_bytes(), place, number),
            };
            let answer = service.send(&submitter, request, None).await.unwrap();
            assert_eq!(u64::from(answer.index), index, "the only sender's messages stand in their order");
            written.fetch_add(1, Ordering::Relaxed);
        }
    }
    String::from_utf8(id.as_bytes().to_vec()).unwrap()
}

/// Says now and then how far it has come.
async fn tell(written: Arc<AtomicU64>, size: Size) {
    let (begun, all) = (Instant::now(), size.all_messages());
    loop {
        tokio::time::sleep(PROGRESS).await;
        let (written, seconds) = (written.load(Ordering::Relaxed), begun.elapsed().as_secs_f64());
        eprintln!("full: {written} of {all} messages in {seconds:.0} s, {:.0} per second", written as f64 / seconds);
    }
}
