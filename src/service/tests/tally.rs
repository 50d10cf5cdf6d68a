//! Numbers for the operator that move: each of them before and after what it is about.

use restante_process::metrics::Exposition;

use crate::{
    fixtures::metrics::number,
    sequencer::{Policy, Usage},
    service::{
        Limits, Service,
        setup::{DAY, Setup, commit, peer, provider, say, user, user_id},
    },
    wire::Sanction,
};

/// What the hub says of itself now.
pub(super) fn read(service: &Service) -> impl Fn(&str) -> u64 + use<> {
    let mut text = Exposition::default();
    service.expose(&mut text);
    let text = text.finish();
    move |line| number(&text, &format!("restante_hub_{line}"))
}

#[tokio::test]
async fn orphans_are_summed_up_over_providers_until_a_commit_vouches_for_them() {
    let budget_in_all = Usage { partitions: 4, bytes: 1024 * 1024 };
    let setup = Setup::with(Policy { budget_in_all, ..Policy::default() }, Limits::default());
    let group = setup.group().await;
    let orphan = async |name, number| setup.send(peer(name), say(&group, number, "orphan")).await.unwrap();
    let numbers = || {
        let read = read(&setup.service);
        ["orphan_providers", "orphan_providers_near_budget", "orphan_partitions"].map(read)
    };
    assert_eq!(numbers(), [0, 0, 0]);
    orphan("follower.example", 1).await;
    assert_eq!(numbers(), [1, 0, 1]);
    let bytes = read(&setup.service)("orphan_bytes");
    assert!(bytes > 6, "{bytes}");
    orphan("follower.example", 2).await;
    orphan("third.example", 3).await;
    assert_eq!(numbers(), [2, 1, 3], "two of four are half of them");
    assert_eq!(read(&setup.service)("orphan_bytes"), 3 * bytes);
    setup.send(user("alice"), commit(&group, 0, 1, "vouches for one of them")).await.unwrap();
    assert_eq!(numbers(), [2, 0, 2]);
    assert_eq!(read(&setup.service)("orphan_bytes"), 2 * bytes);
}

#[tokio::test]
async fn a_walk_of_retention_says_what_it_looked_at_and_removed() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "first")).await.unwrap();
    setup.send(user("alice"), commit(&group, 0, 1, "leads on")).await.unwrap();
    let before = read(&setup.service);
    assert_eq!((before("retention_walking"), before("retention_last_ended_timestamp_seconds")), (0, 0));
    setup.clock.advance(31 * DAY);
    setup.retain().await;
    let after = read(&setup.service);
    assert_eq!(after("retention_last_ended_timestamp_seconds"), setup.service.now() / 1000);
    let walk = |what: &str| after(&format!("retention_last_walk{{what=\"{what}\"}}"));
    assert_eq!(
        ["groups_seen", "partitions_seen", "messages", "partitions_emptied", "unreadable"].map(walk),
        [1, 2, 2, 1, 0]
    );
    assert!(walk("bytes") > 0);
    assert_eq!(after("retention_resting"), 0);
}

/// A hub that was away does not know whom it kept waiting.
#[tokio::test]
async fn that_nothing_is_removed_for_now_is_told() {
    let setup = Setup::new();
    setup.group().await;
    setup.retain().await;
    setup.clock.advance(9 * DAY);
    let setup = setup.restart().await;
    setup.service.retain().await.unwrap();
    assert_eq!(read(&setup.service)("retention_resting"), 1);
}

#[tokio::test]
async fn receives_that_wait_and_commands_that_were_refused_are_counted() {
    let setup = Setup::new();
    let group = setup.group().await;
    let before = read(&setup.service);
    let long = std::time::Duration::from_secs(30);
    let mut waiting = Box::pin(setup.receive_waiting(user("bob"), &group, 0, 0, long));
    tokio::select! {
        _ = &mut waiting => panic!("there is nothing to read"),
        () = setup.await_waiting(1) => {}
    }
    assert_eq!(read(&setup.service)("receives_waiting"), 1);
    drop(waiting);
    assert_eq!(read(&setup.service)("receives_waiting"), 0);
    setup.settle().await;
    let ban = crate::service::BanName::User(provider("follower.example"), user_id("mallory"));
    setup.service.ban(&ban, Sanction::Banned).await.unwrap();
    let after = read(&setup.service);
    let grown = |line: &str| after(line) - before(line);
    assert_eq!(grown("commands_total{lane=\"groups\",outcome=\"refused\"}"), 1, "that of a group that is not there");
    assert_eq!(grown("commands_total{lane=\"pool\",outcome=\"done\"}"), 1, "the ban");
    assert_eq!(grown("batches_total{lane=\"pool\",outcome=\"durable\"}"), 1);
}

#[tokio::test]
async fn a_write_that_fails_is_counted() {
    let setup = Setup::new();
    let group = setup.group().await;
    let before = read(&setup.service);
    setup.store.conflict(1);
    setup.send(user("alice"), say(&group, 0, "decided twice")).await.unwrap();
    setup.store.fail_writes(crate::store::Error::Io("no space".to_owned()));
    setup.send(user("alice"), say(&group, 0, "lost")).await.unwrap_err();
    let after = read(&setup.service);
    let grown = ["durable", "conflict", "failed"].map(|outcome| {
        let line = format!("batches_total{{lane=\"groups\",outcome=\"{outcome}\"}}");
        after(&line) - before(&line)
    });
    assert_eq!(grown, [1, 1, 1]);
}
