//! Parts of a hub that panic, as over a bug: in the handler of a request that ends alone, in a lane all of it ends, and the
//! log says where and nothing else. Handlers of relays and lone gateways are the matter of `oblivious/bugs.rs`.
//!
//! The panics are asked for at points of the code (`restante_faults`), which are there in builds for tests alone.

use std::time::Duration;

use restante_faults::{PANIC_QUOTE, PANIC_TEXT, POINT, Point};

use crate::{
    fixtures::metrics::number,
    line::Line,
    people::{Person, texts},
    privacy::occurs,
    process::Process,
    relay::ask,
    site::{FOLLOWER, HUB, Provider, Setting, Site},
};

/// So many writes are there at least before the lane panics.
const WRITES: u32 = 12;

/// What each of these panics says: it may be a key, or whatever was at hand.
const QUOTED: &str = "canary-that-a-panic-quotes";

/// What stands before a program that is to panic when it is at that point for the so many-th time.
pub(crate) fn armed(point: Point, passing: u32) -> String {
    format!("export {POINT}={point}:{passing}:panic {PANIC_QUOTE}={QUOTED};")
}

/// Nothing that a panic says is there, in whatever form.
pub(crate) fn assert_unquoted(said: &str) {
    for text in [PANIC_TEXT, QUOTED] {
        assert!(!occurs(said.as_bytes(), text.as_bytes()), "the text of a panic may quote anything: {said}");
    }
}

/// A hub that panics there.
async fn panicking(site: &Site, point: Point, passing: u32) -> Provider {
    site.start_in_shell(&armed(point, passing), &Setting::new(HUB)).await
}

/// What was logged of panics, and that it is not what they said.
pub(crate) fn reported(process: &Process) -> Vec<serde_json::Value> {
    let logged = process.logged();
    assert_unquoted(&logged);
    assert_unquoted(&process.printed.join("\n"));
    let lines = logged.lines().filter(|line| line.contains("restante::panic"));
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_ends_its_request_and_no_other() {
    let site = Site::new(&[]).await;
    let mut hub = panicking(&site, Point::SendBeforeLane, 2).await;
    let line = Line::new().await;
    line.lead_to(hub.provider);
    let follower = site.start(&Setting::new(FOLLOWER).peer(HUB, line.address)).await;
    let (alice, bob) = (hub.user("alice"), follower.user("bob"));
    let (group, other) = (alice.found().await, alice.found().await);
    assert_eq!(alice.say(&group, 0, "first").await.unwrap().index, 0);

    // Two who wait for what comes, one of them through the follower: over the connection that is asked for the panic.
    let (near, far) = (hub.user("near"), follower.user("far"));
    let waiting = async { tokio::join!(near.wait(&group, 0, 1, 20), far.wait(&group, 0, 1, 20)) };
    let talking = async {
        let waits = async {
            while number(&ask(hub.local_tcp(), "/metrics").await, "restante_hub_receives_waiting") < 2 {
                // Nobody announces that somebody waits.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(crate::process::PATIENCE, waits).await.expect("both wait");
        let lost = bob.say(&group, 0, "second").await.expect_err("the handler of this one panics");
        assert!(lost.is_transient(), "nothing is known of it, so it is to be sent again: {lost:?}");
        // The same group, and another one, from either side.
        assert_eq!(alice.say(&other, 0, "elsewhere").await.unwrap().index, 0);
        assert_eq!(bob.say(&group, 0, "second").await.unwrap().index, 1);
    };
    let ((near, far), ()) = tokio::join!(waiting, talking);
    for heard in [near, far] {
        assert_eq!(texts(&heard.expect("whoever waited goes on").response.epoch), ["second"]);
    }
    assert_eq!(alice.say(&group, 0, "third").await.unwrap().index, 2);
    let said = alice.read_all(&group, 0).await;
    assert_eq!(said, [(0, "first"), (1, "second"), (2, "third")].map(|(index, text)| (index, text.to_owned())));

    let reported = reported(&hub.process);
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert_eq!(reported[0]["file"], "src/service/send.rs");
    assert!(reported[0]["line"].as_u64().unwrap() > 0);
    let metrics = ask(hub.local_tcp(), "/metrics").await;
    assert_unquoted(&metrics);
    assert_eq!(number(&metrics, "restante_hub_panics_total"), 1);
    assert_eq!(number(&metrics, "restante_hub_request_bodies_bytes"), 0, "it has left nothing behind");
    assert_eq!(number(&metrics, "restante_hub_ready"), 1);
    hub.process.terminate().await;
    assert!(hub.process.ended().await.success(), "{}", hub.process.logged());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_panics_ends_the_hub_which_says_so_and_goes_on_behind_a_restart() {
    let site = Site::new(&[]).await;
    let mut hub = panicking(&site, Point::BeforeWrite, WRITES).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    let mut said = Vec::new();
    let lost = loop {
        let text = format!("message {}", said.len());
        assert!(said.len() < WRITES as usize, "each message is a write");
        match alice.say(&group, 0, &text).await {
            Ok(receipt) => said.push((receipt.index, text)),
            Err(error) => break (error, text),
        }
    };
    assert!(lost.0.is_transient(), "{:?}", lost.0);
    // A supervisor starts it again.
    assert_eq!(hub.process.ended().await.code(), Some(1));
    let reported = reported(&hub.process);
    assert_eq!(reported.len(), 1, "{reported:?}");
    assert!(reported[0]["file"].as_str().is_some_and(|file| file.starts_with("src/store/rocks/")), "{reported:?}");
    assert!(hub.process.logged().contains(r#""part":"lanes""#), "{}", hub.process.logged());

    let hub = site.start(&Setting::new(HUB)).await;
    let alice = hub.user("alice");
    assert_eq!(alice.read_all(&group, 0).await, said, "all that was acknowledged, and nothing else");
    let receipt = alice.say(&group, 0, &lost.1).await.unwrap();
    assert_eq!(receipt.index as usize, said.len());
}
