//! The commands of specs/http.md, "With curl", as they stand there: against a hub, and against the relay of its operator.
//!
//! Only the ports are other ones, because the system chooses them: a `curl` that stands before the real one in `PATH`
//! puts them into its arguments, reads no settings of whoever runs the tests, and takes a refusal for an error.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use tokio::process::Command;

use super::world::{World, one_time};
use crate::{
    process::PATIENCE,
    site::{HUB, Provider, Setting, token_of},
};

const SPECIFICATION: &str = include_str!("../../../specs/http.md");
/// Stands between what two blocks print.
const BETWEEN: &str = "-- the next block --";

/// The commands: each ```bash block of the section.
fn blocks() -> Vec<&'static str> {
    let (_, section) = SPECIFICATION.split_once("\n## With curl\n").expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    section.split("\n```bash\n").skip(1).map(|rest| rest.split_once("\n```\n").expect("a block ends").0).collect()
}

/// The real one, if this machine has any.
pub(super) fn curl() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("curl")).find(|file| file.is_file())
}

/// Writes the one that stands before it.
fn stand_before(curl: &Path, folder: &Path, places: &[(&str, SocketAddr)]) {
    let replace: String = places
        .iter()
        .map(|(written, place)| {
            let (host, _) = written.rsplit_once(':').unwrap();
            format!("    argument=\"${{argument//{written}/{host}:{}}}\"\n", place.port())
        })
        .collect();
    let script = format!(
        "#!/usr/bin/env bash\narguments=()\nfor argument; do\n{replace}    arguments+=(\"$argument\")\ndone\n\
         exec '{}' -q --fail-with-body \"${{arguments[@]}}\"\n",
        curl.display()
    );
    fs::create_dir_all(folder).unwrap();
    let file = folder.join("curl");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
}

/// Runs all blocks in one shell, and gives back what each printed.
async fn run(blocks: &[&str], folder: &Path, curl: &Path) -> Vec<String> {
    let script = format!("set -euo pipefail\n{}\n", blocks.join(&format!("\necho '{BETWEEN}'\n")));
    let output = shell(&script, folder, curl).await;
    let [stdout, stderr] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(output.status.success() && stderr.is_empty(), "{}\n{stdout}\n{stderr}", output.status);
    stdout.split(&format!("{BETWEEN}\n")).map(ToOwned::to_owned).collect()
}

/// Runs a script of bash to its end, in a folder, with another one before those of the `PATH`.
pub(super) async fn shell(script: &str, folder: &Path, before: &Path) -> Output {
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([before.to_owned()].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let mut shell = Command::new("bash");
    // Nothing goes to a proxy of whoever runs the tests, and none of their settings is one of a program.
    for name in ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        shell.env_remove(name);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
        shell.env_remove(name);
    }
    shell.args(["--norc", "-c", script]).current_dir(folder).env("PATH", path);
    let output = shell.env("LC_ALL", "C").stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(PATIENCE, output).await.expect("it ends in time").unwrap()
}

/// The lines that `od` printed for one answer, as one.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_do_what_the_text_says() {
    let Some(curl) = curl() else {
        eprintln!("skipped: curl is not installed, and the examples of specs/http.md were not run");
        return;
    };
    let world = World::new().await;
    let hub: Provider = world.site.start(&Setting::new(HUB)).await;
    let folder = world.site.of("");
    world.secret("service-token", &token_of(HUB));
    world.secret("relay-token", &world.relay.token);
    let [key_package] = &one_time(1)[..] else { panic!() };
    fs::write(folder.join("key-package"), key_package.bytes()).unwrap();
    let places = [
        ("127.0.0.1:8080", hub.local_tcp()),
        ("hub.example:8443", hub.provider),
        ("relay.hub.example:8444", world.relay.address),
    ];
    let before = world.site.of("before");
    stand_before(&curl, &before, &places);

    let blocks = blocks();
    let printed = run(&blocks, &folder, &before).await;
    let [groups, peer, health, key_packages, relay] = &printed[..] else { panic!("{printed:#?}") };

    let lines: Vec<_> = groups.lines().collect();
    let [group, _created, receipt, again, ..] = &lines[..] else { panic!("{groups}") };
    assert!(group.starts_with("mimi://hub.example/g/") && receipt == again, "{groups}");
    let said = words(groups);
    assert_eq!(said.matches("h e l l o").count(), 1, "by the key that leads to it: {groups}");
    assert_eq!(said.matches("2 0 0 O K").count(), 3, "{groups}");
    assert_eq!(words(peer).matches("h e l l o").count(), 1, "{peer}");
    assert_eq!(health, "ok\nready\n");

    // Uploaded and counted alike; nothing is left to be handed out, and nothing with a token that was revoked.
    let lines: Vec<_> = key_packages.lines().map(words).collect();
    assert!(lines.len() >= 7, "{key_packages}");
    let [.., exhausted, found, denied] = &lines[..] else { panic!() };
    assert_eq!([exhausted, found, denied], ["02 02 00", "01", "02 01 00"], "{key_packages}");
    let standing = &lines[..(lines.len() - 4) / 2];
    assert_eq!(standing, &lines[standing.len()..2 * standing.len()], "{key_packages}");
    let device: Vec<_> = b"a device of hers".iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(standing.concat().replace(' ', "").contains(&device.concat()), "{key_packages}");

    let lines: Vec<_> = relay.lines().collect();
    let [line, count, hash] = &lines[..] else { panic!("{relay}") };
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((&line["n"], *count), (&0.into(), "1"), "{relay}");
    assert_eq!(hash.split_whitespace().next().unwrap().len(), 64, "{relay}");
}
