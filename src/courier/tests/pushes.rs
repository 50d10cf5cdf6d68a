//! Pushes to a subscriber that behaves, and to one that does not.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::StatusCode;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    client::{
        Backoff,
        http::tests::{
            provider::{Authority, peer_client, server_config},
            server::{Answer, Arrived, answer, serve_tls},
        },
    },
    courier::{Courier, DeliveryLimits, pushes},
    sequencer::{GroupKey, Subscription},
    service::{
        PushEnd,
        setup::{HOUR, PATIENCE, Setup, commit, key, peer, provider, say, texts_of, user},
    },
    wire::{MEDIA_TYPE, PartitionKey, PushRequest, PushResponse, SubscribeRequest, decode, encode},
};

/// What failed is tried again after milliseconds.
const QUICK: pushes::Pace = pushes::Pace {
    backoff: Backoff {
        first: Duration::from_millis(2),
        maximum: Duration::from_millis(20),
        attempts: u32::MAX,
        retry_after_maximum: Duration::from_millis(20),
    },
    look_again: Duration::from_millis(200),
};

/// A subscriber that takes everything, after it has answered as it was told to.
#[derive(Clone)]
struct Follower {
    script: Arc<Mutex<VecDeque<Answer>>>,
    arrived: mpsc::UnboundedSender<PushRequest>,
    /// Each answer takes one. There are enough, unless a test takes them away.
    answers: Arc<Semaphore>,
    /// What has arrived and was not answered, and the most of that.
    unanswered: Arc<Mutex<(usize, usize)>>,
}

impl Follower {
    fn answer(&self, arrived: &Arrived) -> Answer {
        assert_eq!(arrived.path, "/v1/push");
        let push: PushRequest = decode(&arrived.body).unwrap();
        let count = u32::try_from(push.response.epoch.messages.len()).unwrap();
        let next_counter = push.first_counter + count;
        self.arrived.send(push).unwrap();
        let scripted = self.script.lock().unwrap().pop_front();
        scripted.unwrap_or_else(|| wants(next_counter))
    }

    /// Answers when it may.
    async fn answer_in_time(self, arrived: Arrived) -> Answer {
        {
            let (now, most) = &mut *self.unanswered.lock().unwrap();
            *now += 1;
            *most = (*most).max(*now);
        }
        let answer = self.answer(&arrived);
        self.answers.acquire().await.unwrap().forget();
        self.unanswered.lock().unwrap().0 -= 1;
        answer
    }
}

fn wants(next_counter: u32) -> Answer {
    answer(StatusCode::OK, MEDIA_TYPE, encode(&PushResponse { next_counter }).unwrap())
}

struct Stage {
    setup: Setup,
    courier: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    providers: crate::client::http::ProviderClient,
    script: Arc<Mutex<VecDeque<Answer>>>,
    answers: Arc<Semaphore>,
    unanswered: Arc<Mutex<(usize, usize)>>,
    pushed: mpsc::UnboundedReceiver<PushRequest>,
}

impl Stage {
    async fn new() -> Self {
        let setup = Setup::new();
        let authority = Authority::new();
        let (arrived, pushed) = mpsc::unbounded_channel();
        let answers = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        let follower = Follower { script: Arc::default(), arrived, answers, unanswered: Arc::default() };
        let Follower { script, answers, unanswered, .. } = follower.clone();
        let server = server_config(&authority, &authority.issue(&["follower.example"]), &["h2"]);
        let address = serve_tls(server, move |arrived| follower.clone().answer_in_time(arrived)).await;
        let providers = peer_client(&authority, &authority.issue(&["hub.example"]), "follower.example", address);
        Self { setup, courier: None, providers, script, answers, unanswered, pushed }
    }

    /// From now on there is a courier.
    fn start(&mut self) {
        let courier = Courier::new(self.setup.service.clone(), self.providers.clone(), DeliveryLimits::default());
        let (stop, stopping) = watch::channel(false);
        let pushing = async move {
            let peers = vec![provider("follower.example")];
            super::super::rounds::until_stopped(stopping, pushes::push(&courier, peers, QUICK)).await;
        };
        self.courier = Some((stop, tokio::spawn(pushing)));
    }

    async fn stop(&mut self) {
        let (stop, courier) = self.courier.take().expect("it runs");
        stop.send_replace(true);
        timeout(PATIENCE, courier).await.expect("it ends").unwrap();
    }

    async fn subscribe(&self, group: &[u8], number: u8, from_counter: u32) {
        let partition_key = PartitionKey::new(key(number));
        let request = SubscribeRequest { group_id: group.to_vec(), partition_key, from_counter, ttl_seconds: 3600 };
        let response = self.setup.service.subscribe(&provider("follower.example"), &request).await.unwrap();
        assert_eq!(response.ttl_seconds, 3600);
    }

    async fn say(&self, group: &[u8], number: u8, text: &str) {
        self.setup.send(user("alice"), say(group, number, text)).await.unwrap();
    }

    /// The next push: its first index, and what is in it.
    async fn next(&mut self) -> (u32, Vec<String>) {
        let push = timeout(PATIENCE, self.pushed.recv()).await.expect("a push").unwrap();
        assert!(push.response.hints.is_empty());
        (push.first_counter, texts_of(&push.response.epoch))
    }

    fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.script.lock().unwrap().extend(answers);
    }

    fn subscription(&self, group: &[u8], number: u8) -> Option<Subscription> {
        let snapshot = crate::store::Store::snapshot(&*self.setup.store).unwrap();
        let partition = PartitionKey::new(key(number)).masked();
        let record = snapshot.partition(&GroupKey::of(group), &partition).unwrap()?;
        record.subscription_of(&provider("follower.example")).cloned()
    }

    /// Waits until the cursor stands there, or there is no subscription.
    async fn cursor(&self, group: &[u8], number: u8, expected: Option<u32>) {
        let settled = async {
            while self.subscription(group, number).map(|known| known.next_index) != expected {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, settled).await.expect("it settles");
    }
}

fn pushed(first_index: u32, texts: &[&str]) -> (u32, Vec<String>) {
    (first_index, texts.iter().map(|text| (*text).to_owned()).collect())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_pushed_from_a_cursor_that_outlives_the_process() {
    let mut stage = Stage::new().await;
    let group = stage.setup.group().await;
    for text in ["zero", "one", "two"] {
        stage.say(&group, 0, text).await;
    }
    stage.subscribe(&group, 0, 1).await;
    stage.start();
    assert_eq!(stage.next().await, pushed(1, &["one", "two"]));
    stage.cursor(&group, 0, Some(3)).await;
    stage.say(&group, 0, "three").await;
    assert_eq!(stage.next().await, pushed(3, &["three"]));
    stage.cursor(&group, 0, Some(4)).await;
    stage.stop().await;
    stage.say(&group, 0, "four").await;
    stage.setup = stage.setup.restart().await;
    stage.start();
    assert_eq!(stage.next().await, pushed(4, &["four"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_ends_a_subscription() {
    let mut stage = Stage::new().await;
    let (group, other) = (stage.setup.group().await, stage.setup.group().await);
    stage.start();
    stage.subscribe(&group, 0, 0).await;
    stage.subscribe(&other, 0, 0).await;
    stage.script([answer(StatusCode::GONE, "text/plain", "")]);
    stage.say(&group, 0, "not wanted").await;
    assert_eq!(stage.next().await, pushed(0, &["not wanted"]));
    stage.cursor(&group, 0, None).await;
    stage.say(&group, 0, "not pushed").await;
    stage.say(&other, 0, "of another group").await;
    assert_eq!(stage.next().await, pushed(0, &["of another group"]));
    // Until it subscribes again.
    stage.subscribe(&group, 0, 1).await;
    assert_eq!(stage.next().await, pushed(1, &["not pushed"]));
}

/// Whatever a subscriber answers, it is tried again, and what it wants counts when it says so in the right form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_subscriber_harms_nobody_but_itself() {
    let mut stage = Stage::new().await;
    let group = stage.setup.group().await;
    stage.say(&group, 0, "zero").await;
    stage.say(&group, 0, "one").await;
    let whole = encode(&PushResponse { next_counter: 2 }).unwrap();
    let scripted = [
        answer(StatusCode::INTERNAL_SERVER_ERROR, MEDIA_TYPE, whole.clone()),
        answer(StatusCode::TOO_MANY_REQUESTS, MEDIA_TYPE, ""),
        answer(StatusCode::FOUND, MEDIA_TYPE, whole.clone()),
        answer(StatusCode::NO_CONTENT, MEDIA_TYPE, ""),
        answer(StatusCode::OK, "text/html", whole.clone()),
        answer(StatusCode::OK, MEDIA_TYPE, ""),
        answer(StatusCode::OK, MEDIA_TYPE, [whole.as_slice(), &[0]].concat()),
        answer(StatusCode::OK, MEDIA_TYPE, Bytes::from(vec![0x5a; 100_000])),
        // Beyond what it was given, and nothing of it.
        wants(3),
        wants(u32::MAX),
        wants(0),
    ];
    let count = scripted.len();
    stage.script(scripted);
    stage.subscribe(&group, 0, 0).await;
    stage.start();
    for round in 0..=count {
        assert_eq!(stage.next().await, pushed(0, &["zero", "one"]), "round {round}");
    }
    stage.cursor(&group, 0, Some(2)).await;
    // It has lost what it had, and wants it again: from there on.
    stage.script([wants(0), wants(1)]);
    stage.say(&group, 0, "two").await;
    assert_eq!(stage.next().await, pushed(2, &["two"]));
    assert_eq!(stage.next().await, pushed(0, &["zero", "one", "two"]));
    assert_eq!(stage.next().await, pushed(1, &["one", "two"]));
    stage.cursor(&group, 0, Some(3)).await;
}

/// For one that takes nothing, names of partitions are held and no messages; nothing is lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_was_down_gets_everything_when_it_is_back() {
    let mut stage = Stage::new().await;
    let group = stage.setup.group().await;
    stage.start();
    let down = |_| answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "");
    stage.script((0..30).map(down));
    for number in 0..20 {
        stage.say(&group, number, "first").await;
        stage.subscribe(&group, number, 0).await;
        stage.say(&group, number, "second").await;
    }
    for number in 0..20 {
        stage.cursor(&group, number, Some(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_follows_the_key_that_its_provider_presents() {
    let mut stage = Stage::new().await;
    let group = stage.setup.group().await;
    stage.start();
    stage.subscribe(&group, 0, 0).await;
    stage.setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    assert_eq!(stage.next().await, pushed(0, &["to one"]));
    stage.say(&group, 1, "in one").await;
    assert_eq!(stage.subscription(&group, 1), None, "nobody there has shown the key");
    stage.setup.receive(peer("follower.example"), &group, 1, 1).await;
    assert_eq!(stage.next().await, pushed(0, &["in one"]));
}

/// A lease that is over is over, also before anybody has looked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_pushed_after_the_lease() {
    let mut stage = Stage::new().await;
    let (group, other) = (stage.setup.group().await, stage.setup.group().await);
    stage.subscribe(&group, 0, 0).await;
    stage.setup.clock.advance(3_600_000);
    stage.subscribe(&other, 0, 0).await;
    stage.start();
    stage.say(&group, 0, "too late").await;
    stage.say(&other, 0, "in time").await;
    assert_eq!(stage.next().await, pushed(0, &["in time"]));
    stage.cursor(&other, 0, Some(1)).await;
    assert_eq!(stage.subscription(&group, 0).map(|known| known.next_index), Some(0));
    stage.setup.service.sweep().await.unwrap();
    assert_eq!(stage.subscription(&group, 0), None);
}

/// Nobody listens there. What was not taken is still there when somebody does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_is_not_there_loses_nothing() {
    let mut stage = Stage::new().await;
    let authority = Authority::new();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nowhere.local_addr().unwrap();
    drop(nowhere);
    let reachable = std::mem::replace(
        &mut stage.providers,
        peer_client(&authority, &authority.issue(&["hub.example"]), "follower.example", address),
    );
    let group = stage.setup.group().await;
    for number in 0..10 {
        stage.say(&group, number, "kept").await;
        stage.subscribe(&group, number, 0).await;
    }
    stage.start();
    // Meanwhile the hub goes on as if there were none.
    stage.say(&group, 0, "meanwhile").await;
    stage.stop().await;
    assert_eq!(stage.subscription(&group, 0).map(|known| known.next_index), Some(0));
    stage.providers = reachable;
    stage.start();
    for number in 0..10 {
        stage.cursor(&group, number, Some(if number == 0 { 2 } else { 1 })).await;
    }
}

/// An hour by the hub's clock, in which the group talks on: what it missed comes in order and once, under the same lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_was_down_for_an_hour_has_missed_nothing() {
    let mut stage = Stage::new().await;
    let group = stage.setup.group().await;
    let partition_key = PartitionKey::new(key(0));
    let request = SubscribeRequest { group_id: group.clone(), partition_key, from_counter: 0, ttl_seconds: 7200 };
    stage.setup.service.subscribe(&provider("follower.example"), &request).await.unwrap();
    stage.start();
    let minutes: Vec<_> = (0..60).map(|minute| format!("minute {minute}")).collect();
    for text in &minutes {
        stage.script([answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "")]);
        stage.say(&group, 0, text).await;
        stage.setup.clock.advance(HOUR / 60);
    }
    stage.cursor(&group, 0, Some(60)).await;
    let mut taken: Vec<String> = Vec::new();
    while taken.len() < minutes.len() {
        let (first_index, texts) = stage.next().await;
        // What it refused comes again, from the same place on.
        taken.truncate(usize::try_from(first_index).unwrap());
        assert_eq!(usize::try_from(first_index).unwrap(), taken.len(), "no gap");
        taken.extend(texts);
    }
    assert_eq!(taken, minutes);
}

/// How often one that is down is dialled: not so often that it matters, often enough for who comes back.
#[test]
fn a_peer_that_is_down_is_tried_a_few_times_an_hour() {
    for jitter in [0, u64::MAX] {
        let (mut waited, mut tries) = (Duration::ZERO, 0);
        while waited < Duration::from_secs(3600) {
            tries += 1;
            waited += pushes::PACE.backoff.delay(tries, jitter, None);
        }
        assert!((12..60).contains(&tries), "{tries}");
    }
}

/// It takes its time for each push: a few are with it, the others wait in the store, and the group does not wait at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_subscriber_keeps_nobody_waiting_but_itself() {
    const PARTITIONS: u8 = 20;
    let mut stage = Stage::new().await;
    let group = stage.setup.group().await;
    stage.answers.forget_permits(Semaphore::MAX_PERMITS);
    for number in 0..PARTITIONS {
        stage.say(&group, number, "first").await;
        stage.subscribe(&group, number, 0).await;
    }
    stage.start();
    let full = async {
        while stage.unanswered.lock().unwrap().0 < 8 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, full).await.expect("as many as may be under way are");
    // What is sent meanwhile is acknowledged as ever.
    for number in 0..PARTITIONS {
        stage.say(&group, number, "second").await;
    }
    assert_eq!(*stage.unanswered.lock().unwrap(), (8, 8));
    stage.answers.add_permits(1000);
    for number in 0..PARTITIONS {
        stage.cursor(&group, number, Some(2)).await;
    }
    assert_eq!(stage.unanswered.lock().unwrap().1, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_of_pushes_is_counted() {
    let mut stage = Stage::new().await;
    let group = stage.setup.group().await;
    stage.subscribe(&group, 0, 0).await;
    stage.script([answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "")]);
    stage.say(&group, 0, "refused, and taken").await;
    let count = |stage: &Stage| {
        let ends = [PushEnd::Done, PushEnd::More, PushEnd::Refused, PushEnd::Unreached, PushEnd::Stuck];
        ends.map(|end| stage.setup.service.tally().pushes.count(end))
    };
    stage.start();
    stage.cursor(&group, 0, Some(1)).await;
    // It is counted when its cursor has been moved.
    let counted = async {
        while count(&stage)[0] == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, counted).await.expect("what was taken is counted");
    stage.stop().await;
    assert_eq!(count(&stage), [1, 0, 1, 0, 0]);
    // And one that cannot be read from the disk.
    stage.say(&group, 0, "unreadable").await;
    stage.setup.store.fail_reads(Some(crate::store::Error::Io("broken".to_owned())));
    stage.start();
    let counted = async {
        while count(&stage)[4] == 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, counted).await.expect("it is tried, and cannot be made");
    assert_eq!(count(&stage)[..4], [1, 0, 1, 0]);
}
