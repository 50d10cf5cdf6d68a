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

    // The other two; for people this time. Nothing that was handed out is lost, whoever reads it.
    let ended = site.fetch_with_input(&["--user", "bob", "--token-file", "-"], &token).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let told: Vec<Vec<_>> = ended.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(told.len(), 2, "{}", ended.stdout);
    for line in &told {
        assert_eq!(line[..2], ["bob", "ok"]);
        assert!(uploaded.iter().any(|known| known == line[2]) && !given.contains(&line[2]), "{}", ended.stdout);
    }
    assert!(
        ended.stderr.starts_with("key list: the provider's and the relay's are the same, number 1"),
        "{}",
        ended.stderr
    );
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);

    // Each was handed out once.
    let ended = site.fetch_with_input(&["--user", "bob", "--token-file", "-"], &token).await;
    assert_eq!((ended.status, ended.stdout.trim_end()), (1, "bob  exhausted"));
}

#[tokio::test]
async fn key_packages_go_to_files_that_can_be_written() {
    let site = Site::new().await;
    let uploaded = site.follower.upload("bob", 1, 2).await;
    let token = STANDARD.encode(site.follower.token("bob").await);
    let (folder, file) = (site.path("key-packages"), site.path("a-file"));
    std::fs::write(&file, "").unwrap();
    let words = |folder: &std::path::Path| {
        let words = ["--user", "bob", "--token-file", "-", "--output", folder.to_str().unwrap()];
        words.map(ToOwned::to_owned)
    };
    let refused = words(&file);
    let ended = site.fetch_with_input(&refused.each_ref().map(String::as_str), &token).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("is a file; name another folder"), "{}", ended.stderr);

    // Both are still there.
    for json in [false, true] {
        let more: &[&str] = if json { &["--json"] } else { &[] };
        let words = words(&folder);
        let words: Vec<&str> = words.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let ended = site.fetch_with_input(&words, &token).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let path = if json {
            let [object] = &lines(&ended.stdout)[..] else { panic!() };
            object["files"][0].as_str().unwrap().to_owned()
        } else {
            ended.stdout.split_whitespace().nth(2).unwrap().to_owned()
        };
        let written = std::fs::read(&path).unwrap();
        assert!(uploaded.iter().any(|package| package.bytes() == &written[..]), "{path}");
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 2, "one file each, and nothing else");
}

#[tokio::test]
async fn all_files_are_written_before_anybody_has_to_read() {
    let site = Site::new().await;
    let mut tokens = String::new();
    for (device, user) in (1..).zip(["bob", "carol", "dave"]) {
        site.follower.upload(user, device, 1).await;
        tokens.push_str(&STANDARD.encode(site.follower.token(user).await));
        tokens.push('\n');
    }
    let folder = site.path("key-packages");
    for more in [&["--json"][..], &[]] {
        let words = ["--user", "bob", "--user", "carol", "--user", "dave", "--token-file", "-", "--output"];
        let words = [&words[..], &[folder.to_str().unwrap()], more].concat();
        let (status, stderr) = site.fetch_with_closed_output(&words, &tokens).await;
        assert_eq!(status, 1, "{stderr}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 3, "{stderr}");
        std::fs::remove_dir_all(&folder).unwrap();
        for (device, user) in (4..).zip(["bob", "carol", "dave"]) {
            site.follower.upload(user, device, 1).await;
        }
    }
}

#[tokio::test]
async fn the_relay_s_log_is_checked_and_remembered() {
    let site = Site::new().await;
    site.follower.upload("bob", 1, 4).await;
    let token = STANDARD.encode(site.follower.token("bob").await);
    let file = site.path("key-logs");
    let words = ["--user", "bob", "--token-file", "-", "--key-log-file", file.to_str().unwrap()];
    for said in ["which was not seen before", "which goes on from where it was seen last"] {
        let ended = site.fetch_with_input(&words, &token).await;
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(
            ended.stderr.contains("number 1 in the relay's log") && ended.stderr.contains(said),
            "{}",
            ended.stderr
        );
    }
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.starts_with("relay.hub.example follower.example 1:"), "{kept}");

    // Another history, as if the relay had shown this user another log the time before.
    let (head, _) = kept.trim_end().split_at(kept.trim_end().len() - 64);
    site.secret("key-logs", &format!("{head}{}\n", "00".repeat(32)));
    let ended = site.fetch_with_input(&words, &token).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("the relay shows another history"), "{}", ended.stderr);
    // Nothing that cannot be read is taken for a new beginning.
    site.secret("key-logs", "not a mark\n");
    let ended = site.fetch_with_input(&words, &token).await;
    assert_eq!((ended.status, ended.stdout.as_str()), (1, ""));
    assert!(ended.stderr.contains("line 1 of"), "{}", ended.stderr);

    let ended = site.fetch_with_input(&["--user", "bob", "--token-file", "-", "--no-key-log"], &token).await;
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "two were left: {}", ended.stdout);
}

#[tokio::test]
async fn a_token_that_everybody_can_see_is_taken_with_a_warning() {
    let site = Site::new().await;
    site.follower.upload("bob", 1, 1).await;
    let token = STANDARD.encode(site.follower.token("bob").await);
    let ended = site.fetch(&["--user", "bob", "--token", &token, "--json"]).await;
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("restante: warning: every user of this machine can see"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(&token));
}

#[tokio::test]
async fn failures_say_what_failed_and_nothing_of_what_was_asked() {
    let site = Site::new().await;
    let token = STANDARD.encode(b"s3cr3t token of somebody");
    let asked = ["--user", "somebody-in-particular", "--token", &token];
    site.secret("stranger.token", "a-token-that-the-relay-never-saw");
    let stranger = site.path("stranger.token");
    let relay = site.relay.address.to_string();
    let other_authority = site.path("other-ca.pem");
    let made = rcgen::generate_simple_self_signed(["other.example".to_owned()]).unwrap();
    std::fs::write(&other_authority, made.cert.pem()).unwrap();
    for (words, said) in [
        (&["--relay-token-file", stranger.to_str().unwrap()][..], "does not know the relay token"),
        (&["--relay-operator", "follower.example"], "belongs to the operator of the contact's provider"),
        (&["--provider", "elsewhere.example"], "404"),
        (&["--relay", "https://other.example", "--relay-address", &relay], "TLS"),
        (&["--relay", "https://other.example", "--relay-address", &relay], "no certificate for other.example"),
        (&["--ca", other_authority.to_str().unwrap()], "in the files of --ca"),
        (&["--relay-address", "127.0.0.1:1"], "no connection"),
        (&["--relay-address", "127.0.0.1:1"], "nobody answers at 127.0.0.1:1; "),
    ] {
        let ended = site.fetch(&[&asked[..], words].concat()).await;
        assert_eq!((ended.status, ended.stdout.as_str()), (1, ""), "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{words:?}: {}", ended.stderr);
        for secret in ["somebody", &token, "stranger", "elsewhere"] {
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
