//! Pushes between processes. What counts as a failure: a message that does not arrive at whoever waits for it, one that
//! arrives twice or in another order, and a push that is taken from whoever was not asked for it.

use std::{fs, time::Duration};

use restante::{
    client::{
        ProblemCode,
        http::{CallError, Channel, ChannelRequest, Operation},
    },
    sequencer::Forgotten,
    wire::{Epoch, Message, PartitionKey, PushRequest, PushResponse, ReceiveResponse, decode, encode},
};

use crate::{
    line::Line,
    people::{Person, commit, key, say, texts},
    process::{PATIENCE, run},
    site::{FOLLOWER, HUB, Provider, Setting, Site, User},
};

/// A hub and a follower that are led to each other by lines, so that both can be dialled and restarted.
struct Pair {
    site: Site,
    hub: Provider,
    follower: Provider,
    to_hub: Line,
    to_follower: Line,
}

impl Pair {
    /// The follower asks for pushes. Whether the hub can dial it is up to the test.
    async fn new() -> Self {
        let site = Site::new(&[]).await;
        let (to_hub, to_follower) = (Line::new().await, Line::new().await);
        let hub = site.start(&Self::hub(&to_follower)).await;
        to_hub.lead_to(hub.provider);
        let follower = site.start(&Self::follower(&to_hub)).await;
        Self { site, hub, follower, to_hub, to_follower }
    }

    fn hub(to_follower: &Line) -> Setting {
        let more = "backup_path = \"backups\"\n".to_owned();
        Setting { more, ..Setting::new(HUB).peer(FOLLOWER, to_follower.address) }
    }

    fn follower(to_hub: &Line) -> Setting {
        Setting { push: true, ..Setting::new(FOLLOWER).peer(HUB, to_hub.address) }
    }

    fn let_push(&self) {
        self.to_follower.lead_to(self.follower.provider);
    }

    async fn restart_follower(&mut self) {
        self.follower.process.kill().await;
        self.follower = self.site.start(&Self::follower(&self.to_hub)).await;
        self.let_push();
    }

    async fn restart_hub(&mut self) {
        self.hub.process.kill().await;
        self.start_hub().await;
    }

    /// After its process has ended.
    async fn start_hub(&mut self) {
        self.hub = self.site.start(&Self::hub(&self.to_follower)).await;
        self.to_hub.lead_to(self.hub.provider);
    }
}

/// Waits for everything from that index on until the last one is there.
async fn wait_for(user: &User, group: &[u8], number: u8, from: u32, last: &str) -> Vec<String> {
    let (mut found, mut counter): (Vec<String>, u32) = (Vec::new(), from);
    let waiting = async {
        while found.last().is_none_or(|text| text != last) {
            match user.wait(group, number, counter, 10).await {
                Ok(received) => {
                    found.extend(texts(&received.response.epoch));
                    counter = received.next_index.unwrap();
                }
                // Somebody is not there for the moment.
                Err(error) => assert!(error.is_transient(), "{error}"),
            }
        }
    };
    tokio::time::timeout(3 * PATIENCE, waiting).await.expect("everything arrives");
    found
}

/// How many requests of that path the process says to have answered on that listener.
fn answered(provider: &Provider, listener: &str, path: &str) -> usize {
    let (listener, path) = (format!("\"{listener}\""), format!("\"{path}\""));
    provider.process.logged().lines().filter(|line| line.contains(&listener) && line.contains(&path)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_pushed_is_there_for_everybody_who_waits_even_without_the_hub() {
    let mut pair = Pair::new().await;
    pair.let_push();
    let (alice, bob) = (pair.hub.user("alice"), pair.follower.user("bob"));
    let group = alice.found().await;
    for round in 0..5 {
        let text = format!("round {round}");
        let (sent, found) = tokio::join!(alice.say(&group, 0, &text), wait_for(&bob, &group, 0, round, &text));
        sent.unwrap();
        assert_eq!(found, [text]);
    }
    assert!(answered(&pair.hub, "provider", "/v1/subscribe") >= 1);
    let pushed = async {
        while answered(&pair.follower, "provider", "/v1/push") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, pushed).await.expect("the hub pushes");
    // Bob has waited here, and not at the hub, as far as pushes were faster than his first question.
    let carol = pair.follower.user("carol");
    let expected: Vec<_> = (0..5).map(|round| format!("round {round}")).collect();
    assert_eq!(wait_for(&carol, &group, 0, 0, "round 4").await, expected);
    pair.hub.process.kill().await;
    let dave = pair.follower.user("dave");
    let received = dave.wait(&group, 0, 1, 10).await.unwrap();
    assert_eq!(texts(&received.response.epoch), expected[1..]);
    assert_eq!((received.first_index, received.next_index, received.more), (Some(1), Some(5), false));
    // Who does not wait is given the same. What is not here, nobody can tell.
    for (from, kept) in [(0, &expected[..]), (3, &expected[3..])] {
        let received = dave.read(&group, 0, from).await.unwrap();
        assert_eq!(texts(&received.response.epoch), kept);
        assert_eq!((received.first_index, received.next_index, received.more), (Some(from), Some(5), false));
        assert!(received.response.hints.is_empty());
    }
    let unknown = [dave.read(&group, 0, 5).await, dave.read(&group, 1, 0).await, dave.wait(&group, 0, 5, 1).await];
    for answer in unknown {
        assert!(answer.as_ref().is_err_and(CallError::is_transient), "{answer:?}");
    }
    let stranger = pair.follower.user("erin");
    assert!(stranger.read(&group, 7, 0).await.is_err(), "whoever has not the key is given nothing");
}

/// Both are killed and started again, again and again; the hub follows a commit; nothing is lost or doubled.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_either_side_is_killed() {
    let mut pair = Pair::new().await;
    pair.let_push();
    let group = pair.hub.user("alice").found().await;
    let mut expected = Vec::new();
    for round in 0..3 {
        let (alice, bob) = (pair.hub.user("alice"), pair.follower.user("bob"));
        let texts: Vec<_> = (0..3).map(|number| format!("{round}.{number}")).collect();
        let from = u32::try_from(expected.len()).unwrap();
        let sending = async {
            for text in &texts {
                alice.say(&group, 0, text).await.unwrap();
            }
        };
        let ((), found) = tokio::join!(sending, wait_for(&bob, &group, 0, from, &texts[2]));
        assert_eq!(found, texts);
        expected.extend(texts);
        match round {
            0 => pair.restart_follower().await,
            1 => pair.restart_hub().await,
            _ => {}
        }
    }
    let (alice, bob) = (pair.hub.user("alice"), pair.follower.user("bob"));
    alice.send(&commit(&group, 0, 1, "to one"), None).await.unwrap();
    expected.push("to one".to_owned());
    assert_eq!(wait_for(&bob, &group, 0, 0, "to one").await, expected);
    let (sent, found) = tokio::join!(alice.say(&group, 1, "in one"), wait_for(&bob, &group, 1, 0, "in one"));
    sent.unwrap();
    assert_eq!(found, ["in one"]);
}

/// The hub takes subscriptions and cannot push. Whoever waits is told all the same, a little later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_any_push_everything_arrives() {
    let pair = Pair::new().await;
    let (alice, bob) = (pair.hub.user("alice"), pair.follower.user("bob"));
    let group = alice.found().await;
    let (sent, found) = tokio::join!(alice.say(&group, 0, "zero"), wait_for(&bob, &group, 0, 0, "zero"));
    sent.unwrap();
    assert_eq!(found, ["zero"]);
    for (index, text) in [(1, "one"), (2, "two")] {
        let began = tokio::time::Instant::now();
        let (sent, found) = tokio::join!(alice.say(&group, 0, text), wait_for(&bob, &group, 0, index, text));
        sent.unwrap();
        assert_eq!(found, [text]);
        assert!(began.elapsed() < Duration::from_secs(45), "{:?}", began.elapsed());
    }
    assert_eq!(answered(&pair.follower, "provider", "/v1/push"), 0);
}

/// Somebody with the hub's certificate, or another peer's, pushes what was not asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_hub_is_refused_and_the_honest_one_is_heard() {
    let pair = Pair::new().await;
    let (alice, bob) = (pair.hub.user("alice"), pair.follower.user("bob"));
    let group = alice.found().await;
    let hostile = pair.site.pki.client(&pair.site.pki.identity(HUB), FOLLOWER, pair.follower.provider);
    let hostile = hostile.peer(&FOLLOWER.parse().unwrap()).unwrap();
    let push = |group: &[u8], number: u8, first_counter, of: &[u8]| {
        let message = Message { message: say(of, number, "hostile").message, commit: None };
        encode(&PushRequest {
            group_id: group.to_vec(),
            masked_partition_key: PartitionKey::new(key(number)).masked(),
            first_counter,
            response: ReceiveResponse { epoch: Epoch { messages: vec![message] }, hints: Vec::new() },
        })
        .unwrap()
    };
    let ask = async |body: Vec<u8>| hostile.post(ChannelRequest::new(Operation::Push, body.into())).await.unwrap();
    let problem = |answer: &restante::client::http::ChannelResponse| {
        let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        ProblemCode::from_urn(document["type"].as_str().unwrap()).unwrap()
    };
    // Bob waits: his provider subscribes, and nothing is there yet.
    let waiting = tokio::spawn({
        let (bob, group) = (bob.clone(), group.clone());
        async move { bob.wait(&group, 0, 0, 40).await }
    });
    let subscribed = async {
        while answered(&pair.hub, "provider", "/v1/subscribe") == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, subscribed).await.expect("it subscribes");
    let elsewhere = b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw";
    assert_eq!(problem(&ask(push(&group, 7, 0, &group)).await), ProblemCode::NotSubscribed);
    assert_eq!(problem(&ask(push(elsewhere, 0, 0, elsewhere)).await), ProblemCode::NotSubscribed);
    assert_eq!(problem(&ask(push(&group, 0, 0, elsewhere)).await), ProblemCode::Malformed);
    assert_eq!(problem(&ask(b"garbage".to_vec()).await), ProblemCode::Malformed);
    let behind_a_gap = ask(push(&group, 0, 5, &group)).await;
    assert_eq!(decode::<PushResponse>(&behind_a_gap.body).unwrap().next_counter, 0);
    // The honest hub's message is the first that he hears.
    alice.say(&group, 0, "honest").await.unwrap();
    pair.let_push();
    assert_eq!(texts(&waiting.await.unwrap().unwrap().response.epoch), ["honest"]);
    let repeat = ask(push(&group, 0, 0, &group)).await;
    assert!(repeat.status.is_success());
    assert_eq!(wait_for(&pair.follower.user("carol"), &group, 0, 0, "honest").await, ["honest"]);
}

/// Whoever leaves is not served any more from what others were pushed, and the hub is told with its next push.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_one_to_leave_ends_the_pushes() {
    let pair = Pair::new().await;
    pair.let_push();
    let (alice, bob) = (pair.hub.user("alice"), pair.follower.user("bob"));
    let group = alice.found().await;
    let (sent, found) = tokio::join!(alice.say(&group, 0, "zero"), wait_for(&bob, &group, 0, 0, "zero"));
    sent.unwrap();
    assert_eq!(found, ["zero"]);
    let pushes = || pair.follower.process.logged().matches("\"/v1/push\"").count();
    let pushed = async {
        while pushes() == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, pushed).await.expect("it is pushed");
    bob.leave_group(&group).await.unwrap();
    let refused = || {
        pair.follower
            .process
            .logged()
            .lines()
            .filter(|line| line.contains("\"/v1/push\""))
            .any(|line| line.contains("4xx"))
    };
    alice.say(&group, 0, "one").await.unwrap();
    let ended = async {
        while !refused() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the hub is told");
    let before = pushes();
    for number in 0..5 {
        alice.say(&group, 0, &format!("more {number}")).await.unwrap();
    }
    assert_eq!(pushes(), before, "nobody is left to push to");
    // He can come back.
    assert_eq!(wait_for(&bob, &group, 0, 1, "more 4").await.len(), 6);
}

/// The hub is put back from a backup. Whoever waits is told what comes behind the gap, and it is pushed from then on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_the_gap_of_a_restored_hub_pushes_go_on() {
    let mut pair = Pair::new().await;
    pair.let_push();
    let (alice, bob) = (pair.hub.user("alice"), pair.follower.user("bob"));
    let group = alice.found().await;
    let (sent, found) = tokio::join!(alice.say(&group, 0, "zero"), wait_for(&bob, &group, 0, 0, "zero"));
    sent.unwrap();
    assert_eq!(found, ["zero"]);
    let config = pair.site.configure(&Pair::hub(&pair.to_follower));
    let config = config.to_str().unwrap().to_owned();
    pair.site.back_up(&pair.hub).await;
    let (sent, found) = tokio::join!(alice.say(&group, 0, "forgotten"), wait_for(&bob, &group, 0, 1, "forgotten"));
    sent.unwrap();
    assert_eq!(found, ["forgotten"]);
    pair.hub.process.kill().await;
    fs::rename(pair.site.database(HUB), pair.site.of(HUB).join("lost")).unwrap();
    let restored = run(&["backup", "restore", "--config", &config]).await;
    assert!(restored.status.success(), "{restored:?}");
    pair.start_hub().await;

    let alice = pair.hub.user("alice");
    let waiting = tokio::spawn({
        let (bob, group) = (bob.clone(), group.clone());
        async move { wait_for(&bob, &group, 0, 2, "behind").await }
    });
    let index = alice.say(&group, 0, "behind").await.unwrap().index;
    assert!(index >= Forgotten::GAP);
    assert_eq!(waiting.await.unwrap(), ["behind"]);
    // Not ten minutes later: the hub has done nothing wrong.
    let pushes = || answered(&pair.follower, "provider", "/v1/push");
    let before = pushes();
    let next = index + 1;
    let pushed = async {
        for number in 0.. {
            let text = format!("number {number}");
            let from = next + number;
            let (sent, found) = tokio::join!(alice.say(&group, 0, &text), wait_for(&bob, &group, 0, from, &text));
            sent.unwrap();
            assert_eq!(found, [text]);
            if pushes() > before {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, pushed).await.expect("the hub pushes again");
}
