//! `restante bans` and `restante reports` against running processes: a hub bans a follower's user, and the follower
//! enforces it (draft §6).

use std::process::Output;

use restante::{
    client::{ProblemCode, http::CallError},
    wire::{ReportReason, ReportRequest},
};

use crate::{
    people::Person,
    process::{PATIENCE, run},
    site::{FOLLOWER, HUB, Provider, Setting, Site},
};

/// `restante WORDS… --config … --set … MORE…`.
async fn ask(site: &Site, provider: &Provider, words: &[&str], more: &[&str]) -> Output {
    let config = site.of(&provider.id).join("restante.toml");
    let listen = format!("local.listen={}", provider.local_tcp());
    let configured = ["--config", config.to_str().unwrap(), "--set", &listen];
    run(&[words, &configured, more].concat()).await
}

/// The same: what it printed.
async fn manage(site: &Site, provider: &Provider, words: &[&str], more: &[&str]) -> String {
    let output = ask(site, provider, words, more).await;
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.into_owned()
}

fn is_denied<T>(answer: Result<T, CallError>) -> bool {
    matches!(answer, Err(CallError::Problem(problem)) if problem.code == Some(ProblemCode::PolicyDenied))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_enforces_what_its_hub_bans() {
    let site = Site::new(&[]).await;
    let hub = site.start(&Setting::new(HUB)).await;
    let mallory = ["--provider", FOLLOWER, "--user", "mallory"];
    assert_eq!(manage(&site, &hub, &["bans", "add"], &mallory).await, "banned\n");
    assert_eq!(manage(&site, &hub, &["bans", "add"], &mallory).await, "was banned already\n");
    let muted = [&mallory[..], &["--mute"]].concat();
    assert_eq!(manage(&site, &hub, &["bans", "add"], &muted).await, "muted (was banned)\n");
    assert_eq!(manage(&site, &hub, &["bans", "add"], &muted).await, "was muted already\n");
    assert_eq!(manage(&site, &hub, &["bans", "add"], &mallory).await, "banned (was muted)\n");
    // A follower asks when it starts.
    let mut follower = site.start(&Setting::new(FOLLOWER).peer(HUB, hub.provider)).await;
    let (alice, bob) = (hub.user("alice"), follower.user("bob"));
    let group = alice.found().await;
    bob.say(&group, 0, "hello").await.unwrap();
    let heard = async { while !is_denied(follower.user("mallory").read(&group, 0, 0).await) {} };
    tokio::time::timeout(PATIENCE, heard).await.expect("the follower asks its hub");
    assert!(is_denied(follower.user("mallory").say(&group, 0, "me too").await));
    let listed = manage(&site, &follower, &["bans", "list"], &[]).await;
    assert!(listed.contains("hub.example bans 1 of our users"), "{listed}");
    // Also while the hub is away, and in another process.
    drop(hub);
    follower.process.terminate().await;
    assert!(follower.process.ended().await.success());
    let follower = site.start(&Setting::new(FOLLOWER)).await;
    assert!(is_denied(follower.user("mallory").read(&group, 0, 0).await));
    assert!(!is_denied(follower.user("bob").read(&group, 0, 0).await), "refused for another reason");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn own_users_are_muted_and_complaints_are_listed() {
    let site = Site::new(&[]).await;
    let hub = site.start(&Setting::new(HUB)).await;
    let alice = hub.user("alice-canary");
    let group = alice.found().await;
    alice.say(&group, 0, "before").await.unwrap();
    assert_eq!(manage(&site, &hub, &["bans", "add"], &["--user", "alice-canary", "--mute"]).await, "muted\n");
    assert!(is_denied(alice.say(&group, 0, "after").await));
    assert_eq!(alice.read_all(&group, 0).await.len(), 1);
    let listed = manage(&site, &hub, &["bans", "list"], &[]).await;
    assert!(listed.contains("muted") && !listed.contains("canary"), "{listed}");
    let listed = manage(&site, &hub, &["bans", "list"], &["--user", "alice-canary"]).await;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    assert_eq!(manage(&site, &hub, &["bans", "remove"], &["--user", "alice-canary"]).await, "lifted\n");
    let again = ask(&site, &hub, &["bans", "remove"], &["--user", "alice-canary"]).await;
    let said = String::from_utf8_lossy(&again.stderr);
    assert_eq!((again.status.code(), again.stdout.len()), (Some(1), 0), "{said}");
    assert!(said.contains("nothing was lifted: there is no such ban") && !said.contains("canary"), "{said}");
    // Somebody who knows no name lifts it by what is listed.
    assert_eq!(manage(&site, &hub, &["bans", "add"], &["--user", "alice-canary", "--mute"]).await, "muted\n");
    let listed = manage(&site, &hub, &["bans", "list"], &[]).await;
    let tag = listed.lines().find_map(|line| line.strip_prefix("  tag ")).expect("it has a tag");
    let elsewhere = ask(&site, &hub, &["bans", "remove"], &["--provider", FOLLOWER, "--tag", tag]).await;
    let said = String::from_utf8_lossy(&elsewhere.stderr);
    assert_eq!(elsewhere.status.code(), Some(1), "{said}");
    assert!(said.contains("`restante bans list`") && !said.contains(tag), "{said}");
    assert_eq!(manage(&site, &hub, &["bans", "remove"], &["--tag", tag]).await, "lifted\n");
    alice.say(&group, 0, "again").await.unwrap();
    let about = ReportRequest { group_id: group, about: FOLLOWER.parse().unwrap(), reason: ReportReason::Flooding };
    for _complaint in 0..2 {
        alice.report(&about).await.unwrap();
    }
    let stranger = ReportRequest { about: "stranger.example".parse().unwrap(), ..about };
    let refused = alice.report(&stranger).await;
    assert!(matches!(refused, Err(CallError::Problem(problem)) if problem.code == Some(ProblemCode::UnknownProvider)));
    let listed = manage(&site, &hub, &["reports", "list"], &[]).await;
    let line = listed.lines().nth(1).unwrap();
    assert!(line.starts_with(FOLLOWER) && line.contains("flooding") && line.contains("  2  "), "{listed}");
    assert!(!hub.process.logged().contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_there_is_said_in_words() {
    let site = Site::new(&[]).await;
    let hub = site.start(&Setting::new(HUB)).await;
    assert_eq!(manage(&site, &hub, &["bans", "list"], &[]).await, "this hub bans nobody\n");
    assert_eq!(manage(&site, &hub, &["bans", "list"], &["--user", "bob"]).await, "there is no such ban\n");
    assert_eq!(manage(&site, &hub, &["reports", "list"], &[]).await, "nothing was reported\n");
    assert_eq!(manage(&site, &hub, &["tokens", "list"], &["--user", "bob"]).await, "the user has no unique tokens\n");
    for (provider, said) in
        [("nosuch.example", "nosuch.example is none of the [[peers]]"), (HUB, "is the hub itself: name a user")]
    {
        let refused = ask(&site, &hub, &["bans", "add"], &["--provider", provider]).await;
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(1) && stderr.contains(said), "{stderr}");
    }
    for command in ["remove", "list"] {
        let refused = ask(&site, &hub, &["bans", command], &["--provider", "nosuch.example"]).await;
        let stderr = String::from_utf8_lossy(&refused.stderr);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{stderr}");
        assert!(stderr.contains("there is no such ban, and nosuch.example is none of the [[peers]]"), "{stderr}");
    }
    let mistyped = ask(&site, &hub, &["bans", "add"], &["--user", "canary-mistyped"]).await;
    let said = String::from_utf8_lossy(&mistyped.stderr);
    assert_eq!((mistyped.status.code(), &mistyped.stdout[..]), (Some(0), &b"banned\n"[..]), "{said}");
    assert!(said.contains("the ban is for this id") && !said.contains("canary"), "{said}");
    assert_eq!(manage(&site, &hub, &["bans", "remove"], &["--user", "canary-mistyped"]).await, "lifted\n");
    assert_eq!(manage(&site, &hub, &["bans", "list"], &["--provider", FOLLOWER]).await, "there is no such ban\n");
    assert_eq!(manage(&site, &hub, &["bans", "add"], &["--provider", FOLLOWER]).await, "blocked\n");
    assert_eq!(manage(&site, &hub, &["bans", "add"], &["--provider", FOLLOWER]).await, "was blocked already\n");
    let listed = manage(&site, &hub, &["bans", "list"], &[]).await;
    let blocked: Vec<_> = listed.lines().nth(1).unwrap().split_whitespace().collect();
    assert_eq!((blocked[0], blocked[2], listed.lines().count()), (FOLLOWER, "blocked", 2), "no tag: {listed}");
}
