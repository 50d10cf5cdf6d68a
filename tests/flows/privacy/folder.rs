//! A program's own folder: all that it keeps, and the names of that. What nobody has written down here is a failure, so
//! that whoever has a program keep something new says where it is looked for.

use std::{fs, path::Path};

use super::evidence::{Evidence, Place};
use crate::site::files;

/// Configurations, and secrets that the operator put there: what they hold is known.
const GIVEN: [&str; 6] = ["restante.toml", "relay.toml", "gateway.toml", "token", "gateway-seal-key", "seal-key"];
/// What the run itself reads, behind what went before it.
const LOGS: [&str; 2] = ["log", "log.before"];
/// Databases, which are read row by row and file by file.
const DATABASES: [&str; 2] = ["data", "restored"];
/// The engine's backups, and what stands beside them.
const BACKUPS: &str = "backups";
/// Keyrings, marks, hashes of users' tokens, key lists and their logs.
const KEPT: [&str; 5] = ["gateway-keys", "keys", "replays", "tokens", "state"];

/// Takes down what a program keeps beside logs and databases, and the names of all of it.
pub(super) fn read(of: &str, folder: &Path, evidence: &mut Evidence) {
    for file in files(folder) {
        let inner = file.strip_prefix(folder).unwrap();
        let name = inner.to_str().expect("what programs call their files is text");
        evidence.add(Place::FileName, of, name);
        let (first, rest) = name.split_once('/').unwrap_or((name, ""));
        if KEPT.contains(&first) {
            evidence.add(Place::File, of, fs::read(&file).unwrap());
            continue;
        }
        let is_known = match rest {
            "" => GIVEN.contains(&first) || LOGS.contains(&first),
            _ => first == BACKUPS || (DATABASES.contains(&first) && is_engines(rest)),
        };
        assert!(is_known, "{of} keeps {name}, which nobody has written down");
    }
}

/// Whether the engine calls a file of a database so.
fn is_engines(name: &str) -> bool {
    let beginnings = ["LOG.old.", "MANIFEST-", "OPTIONS-"];
    ["CURRENT", "IDENTITY", "LOCK", "LOG"].contains(&name)
        || beginnings.iter().any(|beginning| name.starts_with(beginning))
        || name.split_once('.').is_some_and(|(number, end)| {
            ["blob", "dbtmp", "log", "sst"].contains(&end) && number.bytes().all(|digit| digit.is_ascii_digit())
        })
}

#[test]
fn what_nobody_has_written_down_is_told() {
    let told = |name: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "canary").unwrap();
        let mut evidence = Evidence::default();
        let reading = std::panic::AssertUnwindSafe(|| read("somebody", folder.path(), &mut evidence));
        std::panic::catch_unwind(reading).is_err()
    };
    for name in ["new", "data/000012.new", "data/users", "restored/keys/1", "backup/1", "log.1", "token/user"] {
        assert!(told(name), "{name}");
    }
    for name in ["log", "data/000012.sst", "data/LOG.old.17", "backups/meta/1", "state/keys/somebody/log", "tokens"] {
        assert!(!told(name), "{name}");
    }
}
