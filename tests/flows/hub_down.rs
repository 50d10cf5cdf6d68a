//! A follower whose hub is not there: an answer in time, and everything works again when it is back.

use std::time::Duration;

use restante::client::{Problem, ProblemCode, http::CallError};
use tokio::net::TcpListener;

use crate::{
    people::Person,
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
