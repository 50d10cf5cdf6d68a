//! The commands of README.md, "Run it", as they stand there.
//!
//! Only the ports are other ones, because the system chooses them: in the commands, and in the sample files, which two
//! scripts under the programs' names print instead of them. What serves runs until the test ends; nothing else is different.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use tempfile::TempDir;

use super::curl::{curl, shell};
use crate::{
    process::{PROGRAM, Process},
    relay::{program, until_ready},
};

const README: &str = include_str!("../../../README.md");
/// Those that stand in the text and in the samples.
const PORTS: [u16; 6] = [8080, 8081, 8443, 8444, 8445, 9191];

/// What stands in one terminal: commands that end, and one that serves if it is the last.
struct Block {
    commands: String,
    /// The program and its arguments.
    serves: Option<(String, Vec<String>)>,
}

/// The section, with other ports: each ```sh block of it.
fn blocks(ports: &[(u16, u16)]) -> Vec<Block> {
    let (_, section) = README.split_once("\n## Run it\n").expect("the section is there");
    let section = other_ports(section.split("\n## ").next().unwrap(), ports);
    let blocks = section.split("\n```sh\n").skip(1).map(|rest| rest.split_once("\n```\n").expect("a block ends").0);
    blocks.map(block).collect()
}

fn block(text: &str) -> Block {
    let (before, last) = text.rsplit_once('\n').unwrap_or(("", text));
    let mut words = last.split(' ').map(ToOwned::to_owned);
    match (words.next(), words.collect::<Vec<_>>()) {
        (Some(program), arguments) if arguments.first().is_some_and(|word| word == "serve") => {
            Block { commands: before.to_owned(), serves: Some((program, arguments)) }
        }
        _ => Block { commands: text.to_owned(), serves: None },
    }
}

fn other_ports(text: &str, ports: &[(u16, u16)]) -> String {
    ports
        .iter()
        .fold(text.to_owned(), |text, (written, free)| text.replace(&format!(":{written}"), &format!(":{free}")))
}

/// A port for each of those that are written. Nobody has them when they are taken.
fn free_ports() -> Vec<(u16, u16)> {
    let held = PORTS.map(|written| (written, TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()));
    held.iter().map(|(written, listener)| (*written, listener.local_addr().unwrap().port())).collect()
}

/// Writes the script that stands for a program: its sample has other ports.
fn stand_for(program: &Path, folder: &Path, ports: &[(u16, u16)]) {
    let replace: String = ports.iter().map(|(written, free)| format!("s/:{written}/:{free}/; ")).collect();
    let script = format!(
        "#!/usr/bin/env bash\nset -o pipefail\nif [ \"$1 $2\" = 'config example' ]; then\n    '{program}' \"$@\" | sed \
         '{replace}'\nelse\n    exec '{program}' \"$@\"\nfi\n",
        program = program.display()
    );
    let file = folder.join(program.file_name().unwrap());
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_readme_do_what_it_says() {
    if curl().is_none() {
        eprintln!("skipped: curl is not installed, and the commands of README.md were not run");
        return;
    }
    let site = TempDir::new().unwrap();
    let programs = site.path().join("target/debug");
    fs::create_dir_all(&programs).unwrap();
    let ports = free_ports();
    stand_for(Path::new(PROGRAM), &programs, &ports);
    stand_for(&program(), &programs, &ports);
    let place = |written: u16| {
        let (_, free) = ports.iter().find(|(port, _)| *port == written).unwrap();
        SocketAddr::from((Ipv4Addr::LOCALHOST, *free))
    };

    let blocks = blocks(&ports);
    // A terminal begins with these.
    let begin: String = blocks[0].commands.split_inclusive('\n').take(3).collect();
    let mut serving = Vec::new();
    let mut printed = Vec::new();
    for (number, Block { commands, serves }) in blocks.iter().enumerate() {
        let begin = if number == 0 { "" } else { &begin };
        let output = shell(&format!("set -eo pipefail\n{begin}{commands}\n"), site.path(), &programs).await;
        let [stdout, stderr] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
        assert!(output.status.success() || number == 4, "block {number}: {}\n{stdout}\n{stderr}", output.status);
        printed.push((stdout, stderr));
        if let Some((program, arguments)) = serves {
            let prologue = format!("cd '{}' && umask 077 &&", site.path().join("target/try").display());
            let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
            let log = site.path().join(format!("log-{number}"));
            let mut process = Process::start_program(&programs.join(program), &prologue, &arguments, &log);
            let (table, written) = [("local", 8080), ("local", 8081), ("relay", 8444)][serving.len()];
            assert_eq!(process.listening_tcp(table).await, place(written));
            serving.push(process);
        }
        if serving.len() == 3 {
            until_ready(place(9191)).await;
        }
    }

    let [(checked, _), (asked, _), _, (keys, _), (fetched, told)] = &printed[..] else { panic!("{printed:#?}") };
    assert!(checked.ends_with("the configuration is fine\n"), "{checked}");
    let [ready, group] = &asked.lines().collect::<Vec<_>>()[..] else { panic!("{asked}") };
    assert!(*ready == "ready" && group.starts_with("mimi://hub.example/g/"), "{asked}");
    assert!(keys.contains("x25519  in use") && keys.contains("list sha256 "), "{keys}");
    assert_eq!(fetched, "carol  incompatible\n");
    assert!(told.starts_with("key list: the provider's and the relay's are the same"), "{told}");
}
