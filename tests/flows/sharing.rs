//! Equal receives of a follower's users, which become one request to the hub.

use restante::client::ExpectCommit;

use crate::{
    people::{Person, commit, texts},
    site::Site,
};

/// How many receives the process says that it has answered.
fn receives(log: &str) -> usize {
    log.lines().filter(|line| line.contains("\"/v1/receive\"") && line.contains("\"provider\"")).count()
}

const USERS: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_waits_are_one_request_and_everybody_is_answered() {
    let site = Site::new(&[]).await;
    let (hub, follower, _line) = site.pair().await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    // One after the other they find out what there is; each does so with a request of their own.
    let users: Vec<_> = (0..USERS).map(|number| follower.user(&format!("user {number}"))).collect();
    let before = receives(&hub.process.logged());
    let waiting: Vec<_> = users
        .iter()
        .map(|user| {
            let (user, group) = (user.clone(), group.clone());
            tokio::spawn(async move { user.wait(&group, 0, 0, 2).await })
        })
        .collect();
    for waiting in waiting {
        let received = waiting.await.unwrap().unwrap();
        assert_eq!((received.response.epoch.messages.len(), received.next_index), (0, Some(0)));
    }
    let shared = receives(&hub.process.logged()) - before;
    assert!((1..=4).contains(&shared), "{USERS} users waited with {shared} requests");
    // What ends a wait reaches all who share it, whenever they joined.
    let waiting: Vec<_> = users
        .iter()
        .map(|user| {
            let (user, group) = (user.clone(), group.clone());
            tokio::spawn(async move { user.wait(&group, 0, 0, 50).await })
        })
        .collect();
    alice.say(&group, 0, "for all").await.unwrap();
    for waiting in waiting {
        assert_eq!(texts(&waiting.await.unwrap().unwrap().response.epoch), ["for all"]);
    }
}

/// The answer is shared, and what each user may see of it is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shares_a_request_gets_the_hints_of_nobody_else() {
    let site = Site::new(&[]).await;
    let (hub, follower, _line) = site.pair().await;
    let (awake, removed) = (follower.user("awake"), follower.user("removed"));
    let group = hub.user("alice").found().await;
    awake.send(&commit(&group, 0, 1, "to one"), Some(ExpectCommit::None)).await.unwrap();
    awake.say(&group, 1, "in one").await.unwrap();
    let recorded = async { while awake.read(&group, 0, 0).await.unwrap().response.hints.is_empty() {} };
    tokio::time::timeout(crate::process::PATIENCE, recorded).await.expect("a hint");
    for _again in 0..20 {
        let (theirs, others) = tokio::join!(awake.read(&group, 0, 0), removed.read(&group, 0, 0));
        let (theirs, others) = (theirs.unwrap(), others.unwrap());
        assert_eq!(texts(&theirs.response.hints[0].epoch), ["in one"]);
        assert_eq!(others.response.hints, []);
        assert_eq!(theirs.response.epoch, others.response.epoch);
        assert_eq!((theirs.next_index, theirs.more), (others.next_index, others.more));
    }
}
