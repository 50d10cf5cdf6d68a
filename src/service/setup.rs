//! A hub for tests: a real database in a folder of its own, a clock that stands still, and a store that can misbehave.

use std::{
    borrow::Borrow,
    collections::BTreeSet,
    path::Path,
    sync::{
        Arc, Weak,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::Duration,
};

use mls_rs::ExtensionList;
use tempfile::TempDir;

use super::{Answer, AskProvider, Clock, Entropy, Error, Limits, Parts, Receive, Received, Service, Submitter, UserId};
use crate::{
    client::tests::cast::{Handshakes, client},
    fixtures::{
        mls,
        requests::{self, Attached, CreateGroup},
    },
    pool,
    sequencer::{Policy, UnixMillis},
    store::{
        Store,
        faulty::Faulty,
        rocks::{OpenOptions, RocksStore, inspect, inspect_open},
    },
    wire::{ReceiveRequest, SendRequest, SendResponse, ServiceProviderId, decode},
};

/// When the tests' clock starts.
pub(crate) const START: UnixMillis = 1_700_000_000_000;
pub(crate) const HOUR: UnixMillis = 3_600_000;
pub(crate) const DAY: UnixMillis = 24 * HOUR;

/// No test waits longer for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A clock that moves when it is told to.
#[derive(Debug)]
pub(crate) struct StoppedClock {
    now: AtomicU64,
    step: AtomicU64,
}

impl StoppedClock {
    pub(crate) fn advance(&self, by: UnixMillis) {
        self.now.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn put_back(&self, by: UnixMillis) {
        self.now.fetch_sub(by, Ordering::Relaxed);
    }

    /// Makes it go on by so much whenever somebody looks.
    pub(crate) fn step(&self, by: UnixMillis) {
        self.step.store(by, Ordering::Relaxed);
    }
}

impl Clock for StoppedClock {
    fn now(&self) -> UnixMillis {
        self.now.fetch_add(self.step.load(Ordering::Relaxed), Ordering::Relaxed)
    }
}

/// Random bytes that count.
#[derive(Debug, Default)]
pub(crate) struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) -> Result<(), Error> {
        buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
        Ok(())
    }
}

/// hub.example, with follower.example and third.example as peers.
pub(crate) struct Setup {
    pub(crate) folder: TempDir,
    pub(crate) clock: Arc<StoppedClock>,
    /// What `store` leads to, as long as it is open.
    database: Weak<RocksStore>,
    pub(crate) store: Arc<Faulty>,
    pub(crate) service: Arc<Service>,
    pub(crate) policy: Policy,
    pool_policy: pool::Policy,
    pub(crate) limits: Limits,
    entropy: Arc<Counting>,
    asker: Option<Asking>,
}

/// Who has providers asked before a Welcome's commit is sequenced, and for how long.
type Asking = (Arc<dyn AskProvider>, Duration);

pub(crate) fn provider(name: &str) -> ServiceProviderId {
    name.parse().unwrap()
}

pub(crate) fn peers() -> BTreeSet<ServiceProviderId> {
    ["follower.example", "third.example"].map(provider).into()
}

pub(crate) fn peer(name: &str) -> Submitter {
    Submitter::Peer(provider(name))
}

pub(crate) fn user_id(name: &str) -> UserId {
    UserId::new(name.as_bytes().to_vec()).unwrap()
}

pub(crate) fn user(name: &str) -> Submitter {
    Submitter::User(user_id(name))
}

/// The partition key of that number.
pub(crate) fn key(number: u8) -> [u8; 16] {
    [number; 16]
}

/// An application message for the partition of that number.
/// What somebody publishes who is alone in a group of that id, at epoch 0: a GroupInfo, and the tree beside it.
pub(crate) fn published(group_id: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let none = ExtensionList::new;
    let founder = client("founder", Handshakes::Public);
    let group = founder.create_group_with_id(group_id.to_vec(), none(), none(), None).unwrap();
    let group_info = group.group_info_message_allowing_ext_commit(false).unwrap();
    (group_info.to_bytes().unwrap(), group.export_tree().to_bytes().unwrap())
}

pub(crate) fn say(group_id: &[u8], number: u8, text: &str) -> SendRequest {
    let message = mls::application(group_id, number.into(), text.as_bytes());
    decode(&requests::send(&message, key(number))).unwrap()
}

/// An encrypted commit that announces the next partition.
pub(crate) fn commit(group_id: &[u8], number: u8, next: u8, text: &str) -> SendRequest {
    commit_with(group_id, number, next, text, &Attached::default())
}

pub(crate) fn commit_with(group_id: &[u8], number: u8, next: u8, text: &str, attached: &Attached) -> SendRequest {
    let message = mls::commit(group_id, number.into(), text.as_bytes());
    decode(&requests::send_commit(&message, key(number), key(next), attached)).unwrap()
}

/// What the messages of an answer say.
pub(crate) fn texts(received: &Received) -> Vec<String> {
    texts_of(&received.response.epoch)
}

pub(crate) fn texts_of(epoch: &crate::wire::Epoch) -> Vec<String> {
    let text = |message: &crate::wire::Message| {
        // The ciphertext is the last field, and short.
        let bytes = message.message.bytes();
        let start = (0..bytes.len()).rfind(|at| usize::from(bytes[*at]) == bytes.len() - at - 1).unwrap();
        String::from_utf8(bytes[start + 1..].to_vec()).unwrap()
    };
    epoch.messages.iter().map(text).collect()
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::with(Policy::default(), Limits::default())
    }

    /// Policy and limits of one's own; who is a peer is filled in.
    pub(crate) fn with(policy: Policy, limits: Limits) -> Self {
        Self::with_all((policy, pool::Policy::default()), limits, None)
    }

    /// One that has providers asked before it sequences a Welcome's commit.
    pub(crate) fn asking_first(asker: Arc<dyn AskProvider>, wait: Duration) -> Self {
        Self::with_all(Default::default(), Limits::default(), Some((asker, wait)))
    }

    pub(crate) fn with_pool(pool_policy: pool::Policy) -> Self {
        Self::with_all((Policy::default(), pool_policy), Limits::default(), None)
    }

    fn with_all(policies: (Policy, pool::Policy), limits: Limits, asker: Option<Asking>) -> Self {
        let (policy, pool_policy) = policies;
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(StoppedClock { now: AtomicU64::new(START), step: AtomicU64::new(0) });
        let entropy = Arc::new(Counting::default());
        let mut providers = peers();
        providers.insert(provider("hub.example"));
        let policy = Policy { providers: Arc::new(providers), hub: Some(provider("hub.example")), ..policy };
        let (database, store, service) =
            start(folder.path(), &clock, &entropy, (&policy, &pool_policy), limits, asker.as_ref()).unwrap();
        Self { folder, clock, database, store, service, policy, pool_policy, limits, entropy, asker }
    }

    /// Ends the service, closes the database and starts both again.
    pub(crate) async fn restart(self) -> Self {
        let Self { folder, clock, database: _, store, service, policy, pool_policy, limits, entropy, asker } = self;
        let stopped = tokio::task::spawn_blocking(move || {
            service.finish();
            drop((service, store));
            let (database, store, service) =
                start(folder.path(), &clock, &entropy, (&policy, &pool_policy), limits, asker.as_ref()).unwrap();
            Self { folder, clock, database, store, service, policy, pool_policy, limits, entropy, asker }
        });
        stopped.await.unwrap()
    }

    /// Looks at every row while the service is at work: between two writes a database is sound as well.
    pub(crate) fn assert_sound_now(&self) {
        let database = self.database.upgrade().unwrap();
        let inspection = inspect_open(&database, &mut |_, _| {});
        assert!(inspection.is_sound(), "{inspection}");
    }

    /// Ends the service, closes the database and looks at every row of it.
    pub(crate) async fn assert_sound(self) {
        let Self { folder, store, service, .. } = self;
        let looked_at = tokio::task::spawn_blocking(move || {
            service.finish();
            drop((service, store));
            inspect(folder.path(), &provider("hub.example"), &mut |_, _| {}).unwrap()
        });
        let inspection = looked_at.await.unwrap();
        assert!(inspection.is_sound(), "{inspection}");
    }

    /// The id of a new group of alice, whose root is the partition of key 0.
    pub(crate) async fn group(&self) -> Vec<u8> {
        let id = self.service.mint_group_id(&user_id("alice")).await.unwrap();
        self.create(id.as_bytes()).await.unwrap();
        id.as_bytes().to_vec()
    }

    pub(crate) async fn create(&self, group_id: &[u8]) -> Result<crate::wire::CreateGroupResponse, Error> {
        let body = CreateGroup::bare(group_id, key(0)).encode();
        self.service.create_group(&user_id("alice"), decode(&body).unwrap(), &body).await
    }

    pub(crate) async fn send(
        &self,
        submitter: impl Borrow<Submitter>,
        request: SendRequest,
    ) -> Result<SendResponse, Error> {
        tokio::time::timeout(PATIENCE, self.service.send(submitter.borrow(), request, None)).await.expect("an answer")
    }

    pub(crate) async fn receive(
        &self,
        submitter: impl Borrow<Submitter>,
        group_id: &[u8],
        number: u8,
        counter: u32,
    ) -> Received {
        self.receive_waiting(submitter, group_id, number, counter, Duration::ZERO).await.unwrap()
    }

    pub(crate) async fn receive_waiting(
        &self,
        submitter: impl Borrow<Submitter>,
        group_id: &[u8],
        number: u8,
        counter: u32,
        wait: Duration,
    ) -> Result<Received, Error> {
        self.answer(submitter, group_id, number, counter, wait).await.map(|answer| answer.received)
    }

    /// The same with the memory that it takes.
    pub(crate) async fn answer(
        &self,
        submitter: impl Borrow<Submitter>,
        group_id: &[u8],
        number: u8,
        counter: u32,
        wait: Duration,
    ) -> Result<Answer, Error> {
        let request: ReceiveRequest = decode(&requests::receive(group_id, key(number), counter)).unwrap();
        self.service.receive(submitter.borrow(), Receive::new(&request, wait)).await
    }

    /// Lets the lane finish the bookkeeping that receives left there.
    pub(crate) async fn settle(&self) {
        // One lane takes its jobs in order, and this one changes nothing.
        let refused = self.send(&peer("follower.example"), say(b"no such group", 0, "")).await;
        assert_eq!(refused, Err(Error::Rejected(crate::sequencer::Rejection::UnknownGroup)));
    }

    /// Does what retention does, until it rests.
    pub(crate) async fn retain(&self) {
        rest(&self.service).await;
    }

    /// Waits until so many receives are registered as waiting.
    pub(crate) async fn await_waiting(&self, number: usize) {
        let registered = async {
            while self.service.waiters.waiting() != number {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, registered).await.expect("receives wait");
    }
}

/// Has retention walk to its end, as if it had walked each day until now.
pub(crate) async fn rest(service: &Arc<Service>) {
    service.retention.was_there(service.now());
    while let super::Next::Step(_) = service.retain().await.unwrap() {}
}

/// A database, as long as it is open, what may misbehave before it, and the service that uses both.
type Running = (Weak<RocksStore>, Arc<Faulty>, Arc<Service>);

/// A service on a database that is there, at that time.
pub(crate) fn service_at(folder: &Path, now: UnixMillis) -> (Arc<Faulty>, Arc<Service>) {
    let clock = Arc::new(StoppedClock { now: AtomicU64::new(now), step: AtomicU64::new(0) });
    let mut providers = peers();
    providers.insert(provider("hub.example"));
    let policy = Policy { providers: Arc::new(providers), ..Policy::default() };
    let (_, store, service) =
        start(folder, &clock, &Arc::default(), (&policy, &pool::Policy::default()), Limits::default(), None).unwrap();
    (store, service)
}

fn start(
    folder: &Path,
    clock: &Arc<StoppedClock>,
    entropy: &Arc<Counting>,
    (policy, pool_policy): (&Policy, &pool::Policy),
    limits: Limits,
    asker: Option<&Asking>,
) -> Result<Running, Error> {
    let id = provider("hub.example");
    let options = OpenOptions {
        path: folder,
        provider: &id,
        fresh_secrets: [[0x5e; 32], [0x70; 32]],
        forgotten_ms: 0,
        cache_bytes: 8 * 1024 * 1024,
        open_files: 64,
    };
    let database = Arc::new(RocksStore::open(options)?);
    let store = Arc::new(Faulty::new(database.clone()));
    let shared: Arc<dyn Store> = store.clone();
    let parts = Parts {
        provider: id,
        store: shared,
        policy: policy.clone(),
        pool_policy: pool_policy.clone(),
        limits,
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    let service = Service::start(parts)?;
    let service = match asker {
        Some((asker, wait)) => service.asking_first(asker.clone(), *wait),
        None => service,
    };
    Ok((Arc::downgrade(&database), store, Arc::new(service)))
}
