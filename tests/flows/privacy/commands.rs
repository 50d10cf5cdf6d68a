//! The commands of operators and users, and what every program says of itself.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use restante::wire::{BearerToken, decode};
use tokio::process::Command;

use super::{
    canary::{Canaries, Kind},
    evidence::{Evidence, Place},
    stage::{ALICE, BOB, MALLORY, Stage, WRONG_TOKEN},
};
use crate::{
    lone_gateway,
    process::{PATIENCE, PROGRAM},
    relay::{self, RELAY},
    site::{FOLLOWER, HUB},
};

/// Runs a program to its end. Returns its exit code and standard output.
async fn run(evidence: &mut Evidence, program: &Path, words: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
        command.env_remove(name);
    }
    let is_help = words.contains(&"--help");
    if is_help {
        // What stands in the environment of whoever asks for help is not help.
        for prefix in ["RESTANTE", "RESTANTE_RELAY", "RESTANTE_GATEWAY"] {
            command.env(format!("{prefix}_CONFIG"), WRONG_TOKEN).env(format!("{prefix}_LOG"), "trace");
            command.env(format!("{prefix}_LOCAL__SERVICE_TOKEN_FILE"), WRONG_TOKEN);
        }
    } else if program == Path::new(PROGRAM) {
        command.env("RESTANTE_LOG", "trace");
    }
    let output = command.args(words).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("it ends in time").unwrap();
    let of = words[..words.len().min(2)].join(" ");
    let place = if is_help { Place::Help } else { Place::Command };
    evidence.add(place, &of, output.stdout.clone());
    evidence.add(place, &of, output.stderr);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// What operators do, well and badly, at both providers; and a user who fetches KeyPackages through the relay.
pub(super) async fn operate(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    let program = Path::new(PROGRAM);
    let configured = |id: &str, words: &[&str]| -> Vec<String> {
        let file = stage.site.of(id).join("restante.toml").to_str().unwrap().to_owned();
        let listen = format!("local.listen={}", stage.provider(id).local_tcp());
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain(["--config".to_owned(), file, "--set".to_owned(), listen]).collect()
    };
    let mallory = ["bans", "add", "--provider", FOLLOWER, "--user", MALLORY];
    for (id, words, expected) in [
        (HUB, &mallory[..], 0),
        (HUB, &["bans", "add", "--user", MALLORY, "--mute"], 0),
        (HUB, &["bans", "list"], 0),
        (HUB, &["bans", "list", "--user", MALLORY], 0),
        (HUB, &["reports", "list"], 0),
        (HUB, &["forks", "list"], 0),
        (HUB, &["forks", "show", "00000000000000ff"], 1),
        (HUB, &["retention", "run"], 0),
        (HUB, &["retention", "status"], 0),
        (HUB, &["backup", "create"], 0),
        (HUB, &["backup", "list"], 0),
        (HUB, &["backup", "verify"], 0),
        (FOLLOWER, &["tokens", "list", "--user", BOB], 0),
        (FOLLOWER, &["tokens", "revoke", "--user", BOB, "--handle", "00000000000000000000000000000000"], 1),
        (FOLLOWER, &["keys", "list"], 0),
        (FOLLOWER, &["config", "check"], 0),
    ] {
        let words = configured(id, words);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let words = if words[..2] == ["config", "check"] { &words[..4] } else { &words[..] };
        assert_eq!(run(evidence, program, words).await.0, Some(expected), "{words:?}");
    }
    // With a token that the server does not take, and one that no header can carry.
    for token in [WRONG_TOKEN.to_owned(), format!("{WRONG_TOKEN} {WRONG_TOKEN}")] {
        let file = secret_file(stage, "wrong-token", &token);
        let words = configured(HUB, &["tokens", "mint", "--user", ALICE]);
        let set = format!("local.service_token_file={file}");
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--set", &set]).collect();
        assert_ne!(run(evidence, program, &words).await.0, Some(0));
    }
    fetch_key_packages(
        stage,
        canaries,
        evidence,
        &configured(FOLLOWER, &["tokens", "mint", "--user", BOB, "--unique"]),
    )
    .await;
}

async fn fetch_key_packages(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence, mint: &[String]) {
    let program = Path::new(PROGRAM);
    let mint: Vec<&str> = mint.iter().map(String::as_str).collect();
    let (code, token) = run(evidence, program, &mint).await;
    assert_eq!(code, Some(0));
    let made: BearerToken = decode(&STANDARD.decode(token.trim()).unwrap()).unwrap();
    canaries.add(Kind::BearerToken, made.tag);
    canaries.add(Kind::Handle, &made.handle);
    let (relay_token, token_file) =
        (secret_file(stage, "relay-token", &stage.relay.token), secret_file(stage, "bobs-token", token.trim()));
    let (relay, address) = (format!("https://{RELAY}"), stage.taps[0].address.to_string());
    let authority = stage.site.pki.authority();
    for (user, expected) in [(BOB, 0), (ALICE, 1)] {
        let words = [
            ["--relay", &relay],
            ["--relay-address", &address],
            ["--relay-token-file", &relay_token],
            ["--ca", authority.to_str().unwrap()],
            ["--provider", FOLLOWER],
            ["--user", user],
            ["--token-file", &token_file],
        ];
        let words = [&["fetch-key-packages", "--json"][..], &words.concat()].concat();
        assert_eq!(run(evidence, program, &words).await.0, Some(expected));
    }
}

/// What operators do when nobody serves: look at the hub's database, and put the backup somewhere. Returns where.
pub(super) async fn restore(stage: &Stage, evidence: &mut Evidence) -> PathBuf {
    let folder = stage.site.of(HUB);
    let (file, restored) = (folder.join("restante.toml"), folder.join("restored"));
    let (file, elsewhere) = (file.to_str().unwrap(), format!("store.path={}", restored.display()));
    for words in [
        &["db", "verify", "--config", file][..],
        &["backup", "restore", "--config", file, "--set", &elsewhere],
        &["db", "verify", "--config", file, "--set", &elsewhere],
    ] {
        assert_eq!(run(evidence, Path::new(PROGRAM), words).await.0, Some(0), "{words:?}");
    }
    restored
}

/// A file for its owner alone. Returns its path.
fn secret_file(stage: &Stage, name: &str, text: &str) -> String {
    use std::os::unix::fs::PermissionsExt;
    let path = stage.site.of(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// `--help` of all programs and all their commands.
pub(super) async fn help(evidence: &mut Evidence) {
    for program in [PROGRAM.into(), relay::program(), lone_gateway::program()] {
        let mut left: Vec<Vec<String>> = vec![Vec::new()];
        while let Some(words) = left.pop() {
            let asked: Vec<&str> = words.iter().map(String::as_str).chain(["--help"]).collect();
            let (code, said) = run(evidence, &program, &asked).await;
            assert_eq!(code, Some(0), "{asked:?}: {said}");
            // The names of commands stand in a paragraph of their own, two spaces from the left.
            let listed = said.split("\nCommands:\n").nth(1).unwrap_or_default().lines();
            let listed = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
            let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
            left.extend(names.map(|name| [&words[..], &[name.to_owned()]].concat()));
        }
    }
}
