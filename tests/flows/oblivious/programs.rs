//! `restante tokens`, `restante keys` and `restante fetch-key-packages` against running processes.

use std::process::Output;

use base64::{Engine, engine::general_purpose::STANDARD};
use restante::wire::BearerTokenKind;

use super::world::World;
use crate::{process::run, relay::RELAY, site::FOLLOWER};

fn lines(output: &Output) -> Vec<String> {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout.lines().map(str::to_owned).collect()
}

/// `restante WORDS… --config … --set … MORE…`
async fn manage(world: &World, words: &[&str], more: &[&str]) -> Output {
    let configured = world.configured();
    let arguments: Vec<&str> =
        words.iter().copied().chain(configured.iter().map(String::as_str)).chain(more.iter().copied()).collect();
    run(&arguments).await
}

/// What `fetch-key-packages --json` says of one user, and its exit code.
async fn fetch(world: &World, user: &str, token: &str) -> (Option<i32>, serde_json::Value) {
    let files = [world.secret("relay.token", &world.relay.token), world.secret("bob.token", token)];
    let [relay_token, token] = files.each_ref().map(|path| path.to_str().unwrap());
    let (relay, address, ca) =
        (format!("https://{RELAY}"), world.relay.address.to_string(), world.site.pki.authority());
    let output = run(&[
        "fetch-key-packages",
        "--json",
        "--relay",
        &relay,
        "--relay-address",
        &address,
        "--relay-token-file",
        relay_token,
        "--ca",
        ca.to_str().unwrap(),
        "--provider",
        FOLLOWER,
        "--user",
        user,
        "--token-file",
        token,
    ])
    .await;
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_are_minted_listed_and_revoked() {
    let world = World::new().await;
    let uploaded = world.upload("bob", 1, 2).await;
    let minted = manage(&world, &["tokens", "mint"], &["--user", "bob"]).await;
    assert_eq!(minted.stderr.len(), 0, "it has no handle");
    let [shared] = &lines(&minted)[..] else { panic!() };
    let [same] = &lines(&manage(&world, &["tokens", "mint"], &["--user", "bob"]).await)[..] else { panic!() };
    assert_eq!(shared, same, "shared by all contacts");
    let minted = manage(&world, &["tokens", "mint"], &["--user", "bob", "--unique"]).await;
    let [unique] = &lines(&minted)[..] else { panic!() };
    assert_ne!(unique, shared);
    let told = String::from_utf8(minted.stderr).unwrap();
    let told = told.trim_end().strip_prefix("handle ").expect("how it can be revoked");

    let (code, found) = fetch(&world, "bob", unique).await;
    assert_eq!((code, &found["status"]), (Some(0), &"ok".into()), "{found}");
    let given = STANDARD.decode(found["key_packages"][0].as_str().unwrap()).unwrap();
    assert!(uploaded.one_time.iter().any(|package| *package.bytes() == given), "one that was uploaded");

    let listed = lines(&manage(&world, &["tokens", "list"], &["--user", "bob"]).await);
    let row: Vec<&str> = listed[1].split_whitespace().collect();
    let (handle, state) = (row[0], row[row.len() - 1]);
    assert_eq!((listed.len(), handle, state), (2, told, "good"), "{listed:?}");
    // Whoever mistypes is not told that the token is revoked.
    let mistyped = "0".repeat(handle.len());
    let unknown: [&[&str]; 3] = [
        &["--user", "bob", "--handle", &mistyped],
        &["--user", "canary-of-bob", "--handle", handle],
        &["--user", "canary-of-bob"],
    ];
    for words in unknown {
        let refused = manage(&world, &["tokens", "revoke"], words).await;
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0), "{words:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("nothing was revoked") && said.contains("`restante tokens "), "{said}");
        assert!(["canary-of-bob", handle, &mistyped].iter().all(|name| !said.contains(name)), "{said}");
    }
    let listed = lines(&manage(&world, &["tokens", "list"], &["--user", "bob"]).await);
    assert!(listed[1].ends_with("good"), "{listed:?}");
    for _again in 0..2 {
        let revoke = manage(&world, &["tokens", "revoke"], &["--user", "bob", "--handle", handle]).await;
        assert_eq!(lines(&revoke), ["revoked"]);
        let listed = lines(&manage(&world, &["tokens", "list"], &["--user", "bob"]).await);
        assert!(listed[1].ends_with("revoked"), "{listed:?}");
    }

    let (code, revoked) = fetch(&world, "bob", unique).await;
    assert_eq!((code, &revoked["status"]), (Some(1), &"denied".into()));
    assert_eq!(fetch(&world, "bob", shared).await.0, Some(0), "the others' token is still good");
    let unasked = manage(&world, &["tokens", "revoke"], &["--all"]).await;
    assert_eq!((unasked.status.code(), unasked.stdout.len()), (Some(1), 0));
    assert!(String::from_utf8_lossy(&unasked.stderr).contains("say --yes"));
    assert_eq!(fetch(&world, "bob", shared).await.0, Some(0), "nobody was asked, and nothing was done");
    lines(&manage(&world, &["tokens", "revoke"], &["--all", "--yes"]).await);
    assert_eq!(fetch(&world, "bob", shared).await, (code, revoked));

    // A list tells the truth about tokens that were revoked with all others.
    lines(&manage(&world, &["tokens", "mint"], &["--user", "bob", "--unique"]).await);
    let state = async || {
        let listed = lines(&manage(&world, &["tokens", "list"], &["--user", "bob"]).await);
        let mut states: Vec<_> =
            listed[1..].iter().map(|line| line.split_whitespace().last().unwrap().to_owned()).collect();
        states.sort();
        states
    };
    assert_eq!(state().await, ["good", "revoked"]);
    lines(&manage(&world, &["tokens", "revoke"], &["--all", "--yes"]).await);
    assert_eq!(state().await, ["revoked", "revoked"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_key_packages_are_deleted() {
    let world = World::new().await;
    world.upload("bob", 1, 2).await;
    let token = STANDARD.encode(world.mint("bob", BearerTokenKind::Shared).await);
    assert_eq!(manage(&world, &["key-packages", "delete"], &[]).await.status.code(), Some(2), "all has to be written");
    assert_eq!(world.available("bob").await, 2);
    let unasked = manage(&world, &["key-packages", "delete"], &["--all"]).await;
    assert_eq!((unasked.status.code(), unasked.stdout.len()), (Some(1), 0));
    assert_eq!(world.available("bob").await, 2, "nobody was asked, and nothing was done");
    assert_eq!(lines(&manage(&world, &["key-packages", "delete"], &["--all", "--yes"]).await), ["deleted"]);
    let (code, found) = fetch(&world, "bob", &token).await;
    assert_eq!((code, &found["status"]), (Some(1), &"incompatible".into()));
    world.upload("bob", 1, 1).await;
    assert_eq!(fetch(&world, "bob", &token).await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_is_asked_for_and_says_how_it_stands() {
    let world = World::new().await;
    for word in ["run", "status"] {
        let said = lines(&manage(&world, &["retention", word], &[]).await);
        assert!(said.iter().any(|line| line.starts_with("last walk: ")), "{said:?}");
        // Who asks for a walk that has not begun is told that it will.
        let idle = if word == "run" { "a walk begins now" } else { "no walk is under way" };
        let stands = |line: &String| line.starts_with(idle) || line.starts_with("a walk is under way since");
        assert_eq!(said.iter().filter(|line| stands(line)).count(), 1, "{said:?}");
        let numbers = said.iter().filter_map(|line| line.strip_prefix("  messages removed"));
        assert!(numbers.clone().all(|number| number.trim() == "0"), "{said:?}");
    }
    // The first walk begins with the process, and there is nothing to be removed.
    let mut looks = 0..1000;
    while !lines(&manage(&world, &["retention", "status"], &[]).await)
        .iter()
        .any(|line| line.starts_with("last walk: began"))
    {
        assert!(looks.next().is_some(), "a walk comes to its end");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_listed_and_rotated() {
    let world = World::new().await;
    let before = lines(&manage(&world, &["keys", "list"], &[]).await);
    assert!(before[0].contains("kem") && before[1].contains("x25519"), "{before:?}");
    // The schedule of this configuration has a key to make, and whoever only looks does not.
    let looked = manage(&world, &["keys", "list"], &["--set", "public.x_wing=true"]).await;
    assert_eq!(lines(&looked), before);
    assert_eq!(lines(&manage(&world, &["keys", "list"], &[]).await), before);
    let refused = manage(&world, &["keys", "rotate"], &["--kem", "x-wing"]).await;
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && said.contains("public.x_wing = true"), "{said}");
    let rotated = manage(&world, &["keys", "rotate"], &[]).await;
    let after = lines(&rotated);
    let said = String::from_utf8_lossy(&rotated.stderr);
    assert!(said.contains("within 10 min") && said.contains("12 hours"), "{said}");
    assert_eq!(after.len(), before.len() + 1, "{after:?}");
    assert_eq!(lines(&manage(&world, &["keys", "list"], &[]).await), after);
    let again = manage(&world, &["keys", "rotate"], &[]).await;
    assert_eq!((again.status.code(), again.stdout.len()), (Some(1), 0), "two of a kind are live");
    assert!(!again.stderr.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_usage_and_a_server_that_is_away_have_codes_of_their_own() {
    let mut world = World::new().await;
    for words in [&["tokens", "revoke"][..], &["tokens", "mint"], &["keys", "retire"]] {
        assert_eq!(manage(&world, words, &[]).await.status.code(), Some(2), "{words:?}");
    }
    assert_eq!(run(&["keys", "list", "--config", "no such file"]).await.status.code(), Some(78));
    let other = world.secret("other-token", "another-token-than-that-of-the-server");
    let set = format!("local.service_token_file={}", other.display());
    let stranger = manage(&world, &["tokens", "mint"], &["--user", "bob", "--set", &set]).await;
    assert_eq!((stranger.status.code(), stranger.stdout.len()), (Some(1), 0));
    let said = String::from_utf8(stranger.stderr).unwrap();
    assert!(said.contains("local.service_token_file"), "{said}");
    world.follower.process.kill().await;
    let away = manage(&world, &["tokens", "mint"], &["--user", "canary-of-bob"]).await;
    assert_eq!((away.status.code(), away.stdout.len()), (Some(1), 0));
    let said = String::from_utf8(away.stderr).unwrap();
    assert!(said.contains("restante serve") && !said.contains("canary-of-bob"), "{said}");
    let place = format!("restante: {}: ", world.follower.local_tcp());
    assert!(said.starts_with(&place), "{place}: {said}");
}
