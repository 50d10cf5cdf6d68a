//! A follower whose hub is not there: an answer in time, and everything works again when it is back.

use std::time::Duration;

use restante::client::{Problem, ProblemCode, http::CallError};
use tokio::net::TcpListener;

use crate::{
    people::Person,
    process::PATIENCE,
    site::{FOLLOWER, HUB, Setting, Site},
};

fn assert_unavailable<T: std::fmt::Debug>(result: Result<T, CallError>) {
    match result {
        Err(CallError::Problem(Problem {
            status: 503,
            code: Some(ProblemCode::Unavailable),
            retry_after: Some(_),
        })) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_hub_is_unavailable_at_once_and_back_when_it_is_back() {
    let site = Site::new(&[]).await;
    let (mut hub, follower, line) = site.pair().await;
    let bob = follower.user("bob");
    let group = hub.user("alice").found().await;
    bob.say(&group, 0, "before").await.unwrap();
    let waiting = {
        let (bob, group) = (bob.clone(), group.clone());
        tokio::spawn(async move { bob.wait(&group, 0, 1, 50).await })
    };
    // A wait through the follower is under way when a message wakes another one like it.
    let (woken, sent) = tokio::join!(bob.wait(&group, 1, 0, 50), bob.say(&group, 1, "wake"));
    woken.unwrap();
    sent.unwrap();
    let began = tokio::time::Instant::now();
    hub.process.kill().await;
    assert_unavailable(waiting.await.unwrap());
    for _again in 0..3 {
        assert_unavailable(bob.say(&group, 0, "meanwhile").await);
        assert_unavailable(bob.read(&group, 0, 0).await);
        assert_unavailable(bob.wait(&group, 0, 1, 50).await);
    }
    assert!(began.elapsed() < Duration::from_secs(15), "nobody hangs: {:?}", began.elapsed());
    // The follower's own groups are its own business.
    let own = bob.found().await;
    bob.say(&own, 0, "at home").await.unwrap();

    let hub = site.start(&Setting::new(HUB)).await;
    line.lead_to(hub.provider);
    assert_eq!(bob.say(&group, 0, "meanwhile").await.unwrap().index, 1);
    assert_eq!(bob.read_all(&group, 0).await.len(), 2);
}

/// So long the follower tries to connect.
const CONNECT: Duration = Duration::from_secs(5);

/// How many wait while somebody wants to send.
const WAITING: u8 = 30;

/// What a client does that wants something of a hub which is not there: it comes back when it was told to.
async fn come_back(error: CallError) {
    match error {
        CallError::Problem(Problem { retry_after: Some(retry_after), .. }) => tokio::time::sleep(retry_after).await,
        error => assert!(error.is_transient(), "{error}"),
    }
}

/// The hub hangs, is killed and started again, while many wait for its messages: they keep nobody from sending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hub_that_was_silent_is_usable_at_once_however_many_wait() {
    let site = Site::new(&[]).await;
    let (mut hub, follower, line) = site.pair().await;
    let bob = follower.user("bob");
    let group = hub.user("alice").found().await;
    bob.say(&group, 0, "before").await.unwrap();
    let mut waiting = tokio::task::JoinSet::new();
    for number in 1..=WAITING {
        let (user, group) = (follower.user(&format!("user {number}")), group.clone());
        waiting.spawn(async move {
            loop {
                if let Err(error) = user.wait(&group, number, 0, 50).await {
                    come_back(error).await;
                }
            }
        });
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    line.lead_to(silent.local_addr().unwrap());
    hub.process.kill().await;
    // The connections break first; then nobody answers those that are made anew, and that is remembered.
    let _unanswered = tokio::time::timeout(PATIENCE, silent.accept()).await.expect("somebody comes back").unwrap();
    let began = tokio::time::Instant::now();
    while began.elapsed() < CONNECT + Duration::from_secs(1) {
        come_back(bob.say(&group, 0, "meanwhile").await.unwrap_err()).await;
    }
    let hub = site.start(&Setting::new(HUB)).await;
    line.lead_to(hub.provider);
    let began = tokio::time::Instant::now();
    while let Err(error) = bob.say(&group, 0, "meanwhile").await {
        come_back(error).await;
    }
    // Whoever found out last may have connected to where nobody answers: five seconds, and two until the next one.
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
    assert_eq!(bob.read_all(&group, 0).await.len(), 2);
}

/// Somebody accepts the connection and says nothing: as a machine that hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_hub_is_unavailable_after_a_few_seconds() {
    let site = Site::new(&[]).await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let follower = site.start(&Setting::new(FOLLOWER).peer(HUB, silent.local_addr().unwrap())).await;
    let bob = follower.user("bob");
    let group = b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw";
    let began = tokio::time::Instant::now();
    let (said, read) = tokio::join!(bob.say(group, 0, "hello?"), bob.read(group, 0, 0));
    assert_unavailable(said);
    assert_unavailable(read);
    assert!(began.elapsed() < Duration::from_secs(14), "{:?}", began.elapsed());
    // Nobody else has to find that out alone.
    let began = tokio::time::Instant::now();
    assert_unavailable(bob.wait(group, 0, 0, 50).await);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}
