//! The privacy contract: everything that serves and every command talks as much as it can, with a canary wherever one fits,
//! in good exchanges and bad ones, and pushes its metrics to a collector; and everything that is left behind is searched
//! for the canaries in all their forms: logs, what was printed, problem documents, metrics, what was exported of them,
//! `--help` and manuals, the lines between those who serve, each file in their folders and its name, and each column
//! family of the databases. What may stand where is a table (`permitted.rs`), and it is held to both ways.

mod alone;
mod bad;
mod canary;
mod commands;
mod database;
mod evidence;
mod folder;
mod forms;
mod good;
mod permitted;
mod stage;

use std::{fs, path::Path};

use restante::client::http::{Channel, ChannelRequest, Operation};

use self::{
    canary::Canaries,
    evidence::{Ends, Evidence, Place},
    forms::{Search, forms},
    permitted::PERMITTED,
    stage::{ALICE, BOB, CAROL, MALLORY, Stage, way},
};
use crate::{
    fixtures::{mls, requests},
    relay::RELAY,
    site::{FOLLOWER, HUB, files, token_of},
};

/// What every provider of this test says at the highest level, and what only one of them has reason to say.
const BOTH_SAY: [&str; 8] = [
    "starting",
    "database opened",
    "connection opened",
    "request answered",
    "batch committed",
    "no timer is due",
    "connection closed",
    "drained",
];
const HUB_SAYS: [&str; 3] =
    ["a TLS handshake failed", "partition read", "a write failed: no more writes until the next start"];
const FOLLOWER_SAYS: [&str; 3] = ["request forwarded", "gateway opened", "KeyPackages fetched"];

/// Below `info` events have no words but those that stand in the program's text.
fn assert_closed(event: &serde_json::Value) {
    const LISTENERS: [&str; 3] = ["provider", "public", "local"];
    const CLASSES: [&str; 4] = ["2xx", "4xx", "5xx", "other"];
    const ENDED: [&str; 2] = ["an answer was not taken up", "idle"];
    const FORWARDED: [&str; 7] =
        ["unknown_peer", "connect", "tls", "timeout", "broken", "response_too_large", "no_memory"];
    const ASKED: [&str; 3] = ["not_asked", "passed", "refused"];
    const VISITS: [&str; 6] = ["nothing", "none_accepted", "not_answered", "taken", "refused", "not_taken"];
    const PUSHES: [&str; 5] = ["done", "more", "refused", "unreached", "stuck"];
    let known = [&LISTENERS[..], &CLASSES, &ENDED, &FORWARDED, &ASKED, &VISITS, &PUSHES].concat();
    let is_known = |word: &str| {
        known.contains(&word)
            || ["gateway", "/metrics"].contains(&word)
            || Operation::ALL.iter().any(|known| known.path() == word)
    };
    for (name, value) in event.as_object().unwrap() {
        let is_of_every_event = matches!(name.as_str(), "timestamp" | "level" | "target" | "message");
        let is_closed = value.is_number() || value.is_boolean() || value.as_str().is_some_and(is_known);
        assert!(is_of_every_event || is_closed, "{event}");
    }
}

/// There is something to search: an event of each kind, and each as it should be.
fn assert_talkative(log: &str, expected: &[&str]) {
    let events: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for message in expected {
        assert!(events.iter().any(|event| event["message"] == *message), "nothing says {message:?}");
    }
    events.iter().filter(|event| event["level"] == "DEBUG" || event["level"] == "TRACE").for_each(assert_closed);
    let answered =
        |class: &str| events.iter().any(|event| event["message"] == "request answered" && event["status"] == *class);
    assert!(answered("2xx") && answered("4xx"));
}

/// Whether it stands there in any form.
pub(crate) fn occurs(content: &[u8], secret: &[u8]) -> bool {
    forms(secret).iter().any(|(_, form)| content.windows(form.len()).any(|window| window == form.as_slice()))
}

pub(crate) fn assert_absent(what: &str, content: &[u8], secrets: &[(&str, Vec<u8>)]) {
    let search = Search::new(secrets.iter().map(|(name, secret)| (*name, secret.as_slice())));
    assert_eq!(search.found_in(content).into_iter().next(), None, "{what}");
}

pub(crate) fn contents(folder: &Path) -> Vec<u8> {
    files(folder).iter().flat_map(|path| fs::read(path).unwrap()).collect()
}

/// What both providers count.
async fn count(stage: &Stage, evidence: &mut Evidence) {
    for provider in [&stage.hub, &stage.follower] {
        evidence.add(Place::Metrics, &provider.id, alone::metrics(provider.local_tcp()).await);
    }
}

/// The hub and the follower end, one after the other and in order, so that they have said everything.
async fn end(stage: &mut Stage, group: &[u8], evidence: &mut Evidence) {
    stage.hub.process.terminate().await;
    assert_eq!(stage.hub.process.ended().await.code(), Some(0));
    // The follower notices.
    let request = requests::send(&mls::application(group, 1, good::CIPHERTEXT), good::KEYS[1]);
    let bob = way(&stage.follower, &token_of(FOLLOWER), BOB);
    let answer = bob.post(ChannelRequest::new(Operation::Send, request.into())).await.unwrap();
    assert!(answer.status.is_server_error());
    evidence.add(Place::Problem, FOLLOWER, answer.body.to_vec());
    evidence.add(Place::Metrics, RELAY, stage.relay.admin("/metrics").await);
    for process in [&mut stage.follower.process, &mut stage.relay.process] {
        process.terminate().await;
        assert_eq!(process.ended().await.code(), Some(0));
    }
}

/// What has been left behind by those who served.
async fn gather(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    // A backup is what a database is, and what came back from one as well.
    for file in files(&stage.site.of(HUB).join("backups")) {
        evidence.add(Place::Engine, "a backup", fs::read(file).unwrap());
    }
    database::read("a backup", &commands::restore(stage, evidence).await, evidence);
    for provider in [&stage.hub, &stage.follower] {
        let (id, folder) = (provider.id.as_str(), stage.site.database(&provider.id));
        database::know(&folder, &[ALICE, BOB, CAROL, MALLORY], canaries);
        database::read(id, &folder, evidence);
        // The engine's own texts name its files, and these are in a folder that is called like the provider.
        let log = stage.log(id).replace(folder.to_str().unwrap(), "the database");
        evidence.add(Place::Log, id, log);
        evidence.add(Place::Printed, id, provider.process.printed.join("\n"));
    }
    for id in [HUB, FOLLOWER, RELAY] {
        folder::read(id, &stage.site.of(id), evidence);
    }
    evidence.add(Place::Log, RELAY, fs::read(stage.site.log(RELAY)).unwrap());
    evidence.add(Place::Printed, RELAY, stage.relay.process.printed.join("\n"));
    stage.overheard(evidence);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_behind_but_what_is_permitted() {
    let (mut stage, mut evidence) = (Stage::new().await, Evidence::default());
    let mut canaries = stage.canaries();
    Box::pin(good::live(&stage, &mut canaries)).await;
    let group = good::make_up(&stage, &mut canaries).await;
    let token = good::fetch(&stage, &mut canaries).await;
    bad::pass_the_gateway(&stage, &token, &mut evidence).await;
    bad::misbehave(&stage, &group, &mut evidence).await;
    commands::operate(&stage, &mut canaries, &mut evidence).await;
    commands::help(&mut evidence).await;
    alone::serve(&stage, &token, &mut canaries, &mut evidence).await;
    count(&stage, &mut evidence).await;
    stage.restart_hub_with_little_room().await;
    bad::fill_the_disk(&stage, &group, &mut evidence).await;
    count(&stage, &mut evidence).await;
    end(&mut stage, &group, &mut evidence).await;
    stage.exported(&mut evidence);
    gather(&stage, &mut canaries, &mut evidence).await;

    for place in [
        Place::Log,
        Place::Printed,
        Place::Command,
        Place::Minted,
        Place::Help,
        Place::Problem,
        Place::Metrics,
        Place::Exported,
        Place::File,
        Place::FileName,
        Place::Target(Ends::FollowerAndHub),
    ] {
        assert!(evidence.length(place) > 100, "there is nothing to search in {place:?}");
    }
    evidence.assert_exactly(PERMITTED, &canaries);
    for (id, own) in [(HUB, &HUB_SAYS[..]), (FOLLOWER, &FOLLOWER_SAYS)] {
        assert_talkative(&stage.log(id), &[&BOTH_SAY[..], own].concat());
    }
}
