//! What an operator does about a fork, with the program: find it, draw it, end a branch and take that back, while other
//! providers' users go on, over HTTP, at the hub and through a follower.
//!
//! What counts as a failure:
//! * a branch that is ended before whoever asked has agreed, or without having been told what it means,
//! * a message that is sequenced on an ended branch, also after the hub was killed, or one elsewhere that is not,
//! * a message that was acknowledged and cannot be read any more,
//! * the name of a group in a log.

use std::process::Output;

use restante::{
    client::{Problem, ProblemCode, http::CallError},
    forks::{group_name, partition_name},
    sequencer::GroupKey,
    wire::PartitionKey,
};

use crate::{
    people::{Person, commit, key},
    process::run,
    site::{HUB, Provider, Setting, Site},
};

/// `restante forks WORDS… --config …` at the hub.
async fn forks(site: &Site, hub: &Provider, words: &[&str]) -> Output {
    let file = site.of(HUB).join("restante.toml").to_str().unwrap().to_owned();
    let local = format!("local.listen={}", hub.local_tcp());
    let configured = ["--config", &file, "--set", &local];
    run(&[&["forks"], words, &configured].concat()).await
}

fn told(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.into_owned()
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn partition(number: u8) -> String {
    partition_name(&PartitionKey::new(key(number)).masked())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_branch_is_found_drawn_ended_and_restored() {
    let site = Site::new(&[]).await;
    let (mut hub, follower, line) = site.pair().await;
    let (alice, bob) = (hub.user("alice"), follower.user("bob"));
    let group = alice.found().await;
    let name = group_name(&GroupKey::of(&group));
    assert!(told(&forks(&site, &hub, &["list"]).await).contains("no group shows a fork"));

    // Two commits, and somebody on each side.
    alice.say(&group, 0, "before").await.unwrap();
    bob.say(&group, 0, "before, too").await.unwrap();
    alice.send(&commit(&group, 0, 1, "one"), None).await.unwrap();
    bob.send(&commit(&group, 0, 2, "other"), None).await.unwrap();
    alice.say(&group, 1, "on this side").await.unwrap();
    bob.say(&group, 2, "on that side").await.unwrap();
    bob.send(&commit(&group, 2, 3, "further"), None).await.unwrap();
    bob.say(&group, 3, "further there").await.unwrap();

    let listed = told(&forks(&site, &hub, &["list"]).await);
    let mut below =
        listed.lines().skip_while(|line| !line.starts_with(&name)).skip(1).take_while(|line| line.starts_with(' '));
    assert!(below.any(|sign| sign.contains("rival children since")), "{listed}");
    let drawn = told(&forks(&site, &hub, &["show", &name]).await);
    for number in 0..4 {
        assert!(drawn.contains(&partition(number)), "{drawn}");
    }
    assert!(drawn.contains("follower.example") && drawn.contains("dominant"), "{drawn}");
    assert!(told(&forks(&site, &hub, &["show", &name, "--format", "svg"]).await).starts_with("<svg "));
    assert!(told(&forks(&site, &hub, &["show", &name, "--format", "dot"]).await).starts_with("digraph "));
    assert!(refused(&forks(&site, &hub, &["show", "00000000000000ff"]).await).contains("no such group"));

    // It is said what it would mean. Nobody can be asked, and nobody has said yes.
    let top = partition(2);
    let dry = told(&forks(&site, &hub, &["terminate", &name, &top, "--dry-run"]).await);
    assert!(dry.contains("2 partitions") && dry.contains("follower.example"), "{dry}");
    let unasked = forks(&site, &hub, &["terminate", &name, &top]).await;
    assert_eq!(String::from_utf8_lossy(&unasked.stdout), dry);
    assert!(refused(&unasked).contains("--yes"));
    bob.say(&group, 3, "still there").await.unwrap();

    let ended = told(&forks(&site, &hub, &["terminate", &name, &top, "--yes"]).await);
    assert!(ended.ends_with("terminated: 2 partitions\n"), "{ended}");
    for number in [2, 3] {
        for person in [&alice, &bob] {
            let refusal = person.say(&group, number, "too late").await.unwrap_err();
            let expected = Problem { status: 410, code: Some(ProblemCode::BranchTerminated), retry_after: None };
            assert_eq!(refusal, CallError::Problem(expected));
        }
    }
    bob.say(&group, 1, "on this side, too").await.unwrap();
    let expected: Vec<_> = (0_u32..).zip(["further there", "still there"].map(str::to_owned)).collect();
    assert_eq!(bob.read_all(&group, 3).await, expected);
    assert!(refused(&forks(&site, &hub, &["terminate", &name, &partition(3), "--yes"]).await).contains(&top));

    // It is so after a crash as well.
    assert!(!hub.process.logged().contains(&name), "no log names a group");
    hub.process.kill().await;
    let hub = site.start(&Setting::new(HUB)).await;
    line.lead_to(hub.provider);
    let alice = hub.user("alice");
    assert_eq!(code(&alice.say(&group, 3, "too late").await.unwrap_err()), Some(ProblemCode::BranchTerminated));
    let drawn = told(&forks(&site, &hub, &["show", &name]).await);
    assert!(drawn.contains("terminated"), "{drawn}");

    assert!(refused(&forks(&site, &hub, &["restore", &name, &partition(3)]).await).contains(&top));
    assert_eq!(told(&forks(&site, &hub, &["restore", &name, &top]).await), "restored: 2 partitions\n");
    alice.say(&group, 3, "once more").await.unwrap();
    assert_eq!(alice.read_all(&group, 3).await.len(), 3);
    assert!(!hub.process.logged().contains(&name), "no log names a group");
}

fn code(error: &CallError) -> Option<ProblemCode> {
    match error {
        CallError::Problem(Problem { code, .. }) => *code,
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_words_are_refused_before_anything_runs() {
    for words in [
        &["forks", "show", "--config", "no such file", "4f1d"][..],
        &["forks", "terminate", "--config", "no such file", "4f1d2c3b5a697887"],
        &[
            "forks",
            "terminate",
            "--config",
            "no such file",
            "4f1d2c3b5a697887",
            "4f1d2c3b5a697887",
            "--yes",
            "--dry-run",
        ],
        &["forks", "show", "--config", "no such file", "4f1d2c3b5a697887", "--format", "png"],
    ] {
        assert_eq!(run(words).await.status.code(), Some(2), "{words:?}");
    }
    assert_eq!(run(&["forks", "list", "--config", "no such file"]).await.status.code(), Some(78));
}
