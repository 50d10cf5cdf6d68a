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
    good,
    stage::{ALICE, BOB, MALLORY, Stage, WRONG_TOKEN},
};
use crate::{
    lone_gateway,
    process::{PATIENCE, PROGRAM},
    relay::{self, RELAY},
    site::{FOLLOWER, HUB, files},
};

/// Runs a program to its end. Returns its exit code and standard output.
async fn run(evidence: &mut Evidence, program: &Path, words: &[&str]) -> (Option<i32>, String) {
    let is_help = words.contains(&"--help");
    run_printing(evidence, if is_help { Place::Help } else { Place::Command }, program, words).await
}

/// The same of one whose standard output belongs to that place.
async fn run_printing(
    evidence: &mut Evidence,
    printed: Place,
    program: &Path,
    words: &[&str],
) -> (Option<i32>, String) {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
        command.env_remove(name);
    }
    if printed == Place::Help {
        // What stands in the environment of whoever asks for help is not help.
        for prefix in ["RESTANTE", "RESTANTE_RELAY", "RESTANTE_GATEWAY"] {
            command.env(format!("{prefix}_CONFIG"), WRONG_TOKEN);
            command.env(format!("{prefix}_LOCAL__SERVICE_TOKEN_FILE"), WRONG_TOKEN);
        }
    }
    command.env("RESTANTE_LOG", "trace");
    let output = command.args(words).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(PATIENCE, output).await.expect("it ends in time").unwrap();
    let of = words[..words.len().min(2)].join(" ");
    evidence.add(printed, &of, output.stdout.clone());
    // What is meant for somebody else goes to standard output, and to nothing else.
    evidence.add(if printed == Place::Help { Place::Help } else { Place::Command }, &of, output.stderr);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Has a token made. It is all that is printed.
async fn mint(evidence: &mut Evidence, program: &Path, words: &[&str]) -> String {
    let (code, token) = run_printing(evidence, Place::Minted, program, words).await;
    assert_eq!((code, token.lines().count()), (Some(0), 1), "{words:?}");
    token.trim().to_owned()
}

/// The words of a command, and which running provider it is for.
fn configured(stage: &Stage, id: &str, words: &[&str]) -> Vec<String> {
    let file = stage.site.of(id).join("restante.toml").to_str().unwrap().to_owned();
    let listen = format!("local.listen={}", stage.provider(id).local_tcp());
    let words = words.iter().map(|word| (*word).to_owned());
    words.chain(["--config".to_owned(), file, "--set".to_owned(), listen]).collect()
}

/// Runs one of these, which must end so. Returns what it printed.
async fn ask(stage: &Stage, evidence: &mut Evidence, (id, words, expected): (&str, &[&str], i32)) -> String {
    let words = configured(stage, id, words);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let words = if words[..2] == ["config", "check"] { &words[..4] } else { &words[..] };
    let (code, printed) = run(evidence, Path::new(PROGRAM), words).await;
    assert_eq!(code, Some(expected), "{words:?}");
    printed
}

/// What operators do, well and badly, at both providers and the relay; and a user who fetches KeyPackages through that.
pub(super) async fn operate(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    let mallory = ["bans", "add", "--provider", FOLLOWER, "--user", MALLORY];
    for asked in [
        (HUB, &mallory[..], 0),
        (HUB, &["bans", "add", "--user", MALLORY, "--mute"], 0),
        (HUB, &["bans", "list"], 0),
        (HUB, &["bans", "list", "--user", MALLORY], 0),
        (HUB, &["bans", "remove", "--user", MALLORY], 0),
        (HUB, &["bans", "remove", "--user", MALLORY], 1),
        (HUB, &["reports", "list"], 0),
        (HUB, &["retention", "run"], 0),
        (HUB, &["retention", "status"], 0),
        (HUB, &["backup", "create"], 0),
        (HUB, &["backup", "list"], 0),
        (HUB, &["backup", "verify"], 0),
        (HUB, &["keys", "list"], 1),
        (FOLLOWER, &["tokens", "list", "--user", BOB], 0),
        (FOLLOWER, &["tokens", "revoke", "--user", BOB, "--handle", "00000000000000000000000000000000"], 1),
        (FOLLOWER, &["keys", "list"], 0),
        (FOLLOWER, &["config", "check"], 0),
    ] {
        ask(stage, evidence, asked).await;
    }
    // With a token that the server does not take, and one that no header can carry.
    for token in [WRONG_TOKEN.to_owned(), format!("{WRONG_TOKEN} {WRONG_TOKEN}")] {
        let file = secret_file(stage, "wrong-token", &token);
        let words = configured(stage, HUB, &["tokens", "mint", "--user", ALICE]);
        let set = format!("local.service_token_file={file}");
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--set", &set]).collect();
        assert_ne!(run(evidence, Path::new(PROGRAM), &words).await.0, Some(0));
    }
    end_a_branch(stage, canaries, evidence).await;
    fetch_key_packages(stage, canaries, evidence).await;
    take_back(stage, canaries, evidence).await;
    operate_relay(stage, canaries, evidence).await;
    begin(stage, canaries, evidence).await;
}

/// A fork is looked at, one of its branches ended, and that taken back.
async fn end_a_branch(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    let [group, branch] = good::fork(stage, canaries).await;
    let listed = ask(stage, evidence, (HUB, &["forks", "list"], 0)).await;
    assert!(listed.contains(&group), "{listed}");
    for asked in [
        (HUB, &["forks", "show", "00000000000000ff"][..], 1),
        (HUB, &["forks", "show", &group], 0),
        (HUB, &["forks", "show", &group, "--format", "dot"], 0),
        (HUB, &["forks", "show", &group, "--format", "svg"], 0),
        (HUB, &["forks", "show", &group, "--format", "json"], 0),
        (HUB, &["forks", "terminate", &group, &branch, "--dry-run"], 0),
        // Nobody can be asked.
        (HUB, &["forks", "terminate", &group, &branch], 1),
        (HUB, &["forks", "terminate", &group, &branch, "--yes"], 0),
        (HUB, &["forks", "list"], 0),
        (HUB, &["forks", "show", &group], 0),
        (HUB, &["forks", "restore", &group, &branch], 0),
        (HUB, &["forks", "restore", &group, &branch], 1),
    ] {
        ask(stage, evidence, asked).await;
    }
}

async fn fetch_key_packages(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    let program = Path::new(PROGRAM);
    let words = configured(stage, FOLLOWER, &["tokens", "mint", "--user", BOB, "--unique"]);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let token = mint(evidence, program, &words).await;
    let made: BearerToken = decode(&STANDARD.decode(&token).unwrap()).unwrap();
    canaries.add(Kind::BearerToken, made.tag);
    canaries.add(Kind::Handle, &made.handle);
    let (relay_token, token_file) =
        (secret_file(stage, "relay-token", &stage.relay.token), secret_file(stage, "bobs-token", &token));
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
    let handle = hex::encode(&made.handle);
    ask(stage, evidence, (FOLLOWER, &["tokens", "revoke", "--user", BOB, "--handle", &handle], 0)).await;
}

/// What is done after a break-in: KeyPackages, tokens and a key of the gateway are worth nothing any more. Behind
/// everybody who needs them.
async fn take_back(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    Box::pin(good::keep_at_hub(stage, canaries)).await;
    let listed = ask(stage, evidence, (FOLLOWER, &["keys", "list"], 0)).await;
    for asked in [
        // Nobody can be asked.
        (HUB, &["key-packages", "delete", "--all"][..], 1),
        (HUB, &["key-packages", "delete", "--all", "--yes"], 0),
        (HUB, &["tokens", "revoke", "--all"], 1),
        (HUB, &["tokens", "revoke", "--all", "--yes"], 0),
        (FOLLOWER, &["keys", "rotate"], 0),
        // Two of a kind are live.
        (FOLLOWER, &["keys", "rotate"], 1),
        (FOLLOWER, &["keys", "retire", first_key(&listed)], 1),
        (FOLLOWER, &["keys", "retire", first_key(&listed), "--yes"], 0),
        (FOLLOWER, &["keys", "list"], 0),
    ] {
        ask(stage, evidence, asked).await;
    }
}

/// The first key's id in what `keys list` prints.
fn first_key(listed: &str) -> &str {
    listed.lines().nth(1).and_then(|line| line.split_whitespace().next()).expect("there is a key")
}

/// What the operator of the relay does, well and badly.
async fn operate_relay(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    let (program, folder) = (relay::program(), stage.site.of(RELAY));
    let [tokens, config] = ["tokens", "relay.toml"].map(|name| folder.join(name).to_str().unwrap().to_owned());
    for _user in 0..2 {
        let token = mint(evidence, &program, &["tokens", "mint", "--file", &tokens]).await;
        canaries.add(Kind::RelayToken, token);
    }
    let (_, listed) = run(evidence, &program, &["tokens", "list", "--file", &tokens]).await;
    let (id, unknown) = (listed.lines().next_back().expect("two were let in"), "0".repeat(64));
    // Somebody has taken the tokens themselves for what belongs into the file.
    let plain = secret_file(stage, "plain-tokens", &format!("{WRONG_TOKEN}\n"));
    for (words, expected) in [
        (&["tokens", "revoke", "--file", &tokens, id][..], 0),
        (&["tokens", "revoke", "--file", &tokens, &unknown], 1),
        (&["tokens", "list", "--file", &plain], 1),
        (&["tokens", "mint", "--file", &plain], 1),
        (&["config", "check", "--config", &config], 0),
    ] {
        assert_eq!(run(evidence, &program, words).await.0, Some(expected), "{words:?}");
    }
}

/// What the operator of a gateway that stands alone does while it serves, well and badly.
pub(super) async fn operate_gateway(folder: &Path, evidence: &mut Evidence) {
    let (program, config) = (lone_gateway::program(), folder.join("gateway.toml"));
    let configured = ["--config", config.to_str().unwrap()];
    let (_, listed) = run(evidence, &program, &[&["keys", "list"][..], &configured].concat()).await;
    for (words, expected) in [
        (&["keys", "init"][..], 1),
        (&["keys", "rotate"], 0),
        (&["keys", "rotate"], 1),
        (&["keys", "retire", first_key(&listed)], 1),
        (&["keys", "retire", first_key(&listed), "--yes"], 0),
        (&["keys", "list"], 0),
        (&["config", "check"], 0),
    ] {
        let words = [words, &configured].concat();
        assert_eq!(run(evidence, &program, &words).await.0, Some(expected), "{words:?}");
    }
}

/// What somebody does who begins: samples, manuals, and certificates for trying things out.
async fn begin(stage: &Stage, canaries: &mut Canaries, evidence: &mut Evidence) {
    let folder = |name: &str| stage.site.of(name).to_str().unwrap().to_owned();
    for (program, manual) in
        [(PROGRAM.into(), "manual"), (relay::program(), "manual-relay"), (lone_gateway::program(), "manual-gateway")]
    {
        // Both say what help says, with the same names.
        let manual = folder(manual);
        for words in [&["config", "example"][..], &["write-manual", &manual]] {
            assert_eq!(run_printing(evidence, Place::Help, &program, words).await.0, Some(0), "{words:?}");
        }
        for page in files(Path::new(&manual)) {
            evidence.add(Place::Help, "a manual", std::fs::read(page).unwrap());
        }
    }
    let pki = folder("more-pki");
    // The second time it is there already.
    for expected in [0, 1] {
        let (code, _) = run(evidence, Path::new(PROGRAM), &["dev-pki", &pki, FOLLOWER]).await;
        assert_eq!(code, Some(expected));
    }
    let key = Path::new(&pki).join(FOLLOWER).join("key.pem");
    canaries.add_private_key(&std::fs::read_to_string(key).unwrap());
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
