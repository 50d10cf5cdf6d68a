//! `restante fetch-key-packages`, as people and scripts use it.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::site::Site;

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_bundle_comes_back_as_objects_and_as_lines() {
    let site = Site::new().await;
    let (phone, laptop) = (site.follower.upload("bob", 1, 2).await, site.follower.upload("bob", 2, 2).await);
    let token = STANDARD.encode(site.follower.token("bob").await);
    let carols = STANDARD.encode(site.follower.token("carol").await);
    site.secret("tokens", &format!("{token}\n{carols}\n{token}\n"));
    let tokens = site.path("tokens");
    let users = ["--user", "bob", "--user", "base64:Y2Fyb2w=", "--user", "nobody"];
    let words = [&users[..], &["--token-file", tokens.to_str().unwrap()]].concat();

    let ended = site.fetch(&[&words[..], &["--json"]].concat()).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (1, ""), "not everybody has one: {}", ended.stdout);
    let results = lines(&ended.stdout);
    let said: Vec<_> = results.iter().map(|result| (&result["user"], &result["status"])).collect();
    assert_eq!(said[0], (&"bob".into(), &"ok".into()));
    assert_eq!(
        said[1],
        (&"base64:Y2Fyb2w=".into(), &"incompatible".into()),
        "who never had one has none of this suite"
    );
    assert_eq!(said[2], (&"nobody".into(), &"denied".into()));
    let given: Vec<_> =
        results[0]["key_packages"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    assert_eq!((given.len(), &results[0]["invalid"]), (2, &0.into()), "one for each device");
    let uploaded: Vec<_> = phone.iter().chain(&laptop).map(|package| STANDARD.encode(package.bytes())).collect();
    assert!(given.iter().all(|package| uploaded.iter().any(|known| known == package)));

    // The other two; for people this time.
    let ended = site.fetch(&["--user", "bob", "--token", &token]).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    let words: Vec<_> = ended.stdout.split_whitespace().collect();
    assert_eq!((words[0], words[1], words.len()), ("bob", "ok", 4), "{}", ended.stdout);

    // Each was handed out once.
    let ended = site.fetch(&["--user", "bob", "--token", &token]).await;
    assert_eq!((ended.status, ended.stdout.trim_end()), (1, "bob  exhausted"));
}

#[tokio::test]
async fn failures_say_what_failed_and_nothing_of_what_was_asked() {
    let site = Site::new().await;
    let token = STANDARD.encode(b"s3cr3t token of somebody");
    let asked = ["--user", "somebody-in-particular", "--token", &token];
    site.secret("stranger.token", "a-token-that-the-relay-never-saw");
    let stranger = site.path("stranger.token");
    let relay = site.relay.address.to_string();
    for (words, said) in [
        (&["--relay-token-file", stranger.to_str().unwrap()][..], "does not know the relay token"),
        (&["--relay-operator", "follower.example"], "belongs to the operator of the contact's provider"),
        (&["--provider", "elsewhere.example"], "404"),
        (&["--relay", "https://other.example", "--relay-address", &relay], "TLS"),
        (&["--relay-address", "127.0.0.1:1"], "no connection"),
    ] {
        let ended = site.fetch(&[&asked[..], words].concat()).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{words:?}: {}", ended.stderr);
        for secret in ["somebody", &token, "127.0.0.1", "stranger", "elsewhere"] {
            assert!(!ended.stderr.contains(secret), "{secret}: {}", ended.stderr);
        }
    }
}

#[tokio::test]
async fn wrong_usage_is_two_and_shows_no_token() {
    let site = Site::new().await;
    for words in [
        &["--user", "bob"][..],
        &["--user", "bob", "--token", "not base64: s3cr3t"],
        &["--user", "bob", "--user", "carol", "--token", "czNjcjN0"],
        &["--user", "", "--token", "czNjcjN0"],
        &["--user", "bob", "--token", "czNjcjN0", "--relay", "http://relay.hub.example"],
    ] {
        let ended = site.fetch(words).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{words:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("s3cr3t") && !ended.stderr.contains("czNjcjN0"), "{}", ended.stderr);
    }
}

#[tokio::test]
async fn a_file_of_secrets_that_everybody_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let site = Site::new().await;
    site.secret("tokens", "czNjcjN0");
    let tokens = site.path("tokens");
    for (open, named) in [("tokens", "tokens"), ("relay.token", "relay.token")] {
        std::fs::set_permissions(site.path(open), std::fs::Permissions::from_mode(0o644)).unwrap();
        let ended = site.fetch(&["--user", "bob", "--token-file", tokens.to_str().unwrap()]).await;
        assert_eq!(ended.status, 1);
        assert!(ended.stderr.contains("chmod 600") && ended.stderr.contains(named), "{}", ended.stderr);
        std::fs::set_permissions(site.path(open), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}
