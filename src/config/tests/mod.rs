//! Whole configurations, from the layers to the checks of files.

mod certificates;
mod changes;
mod files;
mod layers;
mod numbers;
mod peers;
mod problems;
mod public;
mod sample;
mod warnings;

use std::{
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use tempfile::TempDir;

use super::*;
use crate::dev_pki::{self, Existing};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// 2026-01-01T00:00:00Z
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

/// A folder in which the sample file works: certificates, a token and `hub.toml`.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let ids = ["hub.example", "follower.example"].map(|id| id.parse().unwrap());
        dev_pki::issue(&dir.path().join("pki"), &ids, Existing::Refuse, now()).unwrap();
        let folder = Self(dir);
        folder.write_secret("service-token", "0123456789abcdef\n");
        folder.write_secret("collector-authorization", "Bearer 0123456789abcdef\n");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write_secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        self.set_mode(name, 0o600);
    }

    fn set_mode(&self, name: &str, mode: u32) {
        #[cfg(unix)]
        fs::set_permissions(self.path(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    fn load_layers(&self, toml: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
        let file = self.path("hub.toml");
        fs::write(&file, toml).unwrap();
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let sources = Sources { file: &file, environment: owned(environment), flags: owned(flags) };
        Config::load(&sources, now()).map_err(|problems| problems.to_string())
    }

    fn load(&self, toml: &str) -> Result<Config, String> {
        self.load_layers(toml, &[], &[])
    }

    /// Loads the sample file with one text replaced, which must be refused, and gives the problems.
    fn refuse(&self, from: &str, to: &str) -> String {
        self.load(&replaced(from, to)).unwrap_err()
    }
}

fn replaced(from: &str, to: &str) -> String {
    // These tables stand there in comments, and name the same files as others.
    let example = ["# [public]", "# [export]"].into_iter().fold(EXAMPLE.to_owned(), |example, table| {
        let (before, of_table) = example.split_once(table).unwrap();
        let (_, after) = of_table.split_once("\n\n").unwrap();
        format!("{before}\n\n{after}")
    });
    assert_eq!(example.matches(from).count(), 1, "{from}");
    example.replace(from, to)
}

/// The problems: a line for each word, in any order, and no others.
#[track_caller]
fn assert_problems(problems: &str, words: &[&str]) {
    for word in words {
        assert!(problems.lines().any(|line| line.contains(word)), "no problem says `{word}`:\n{problems}");
    }
    assert_eq!(problems.lines().count(), words.len(), "{problems}");
}
