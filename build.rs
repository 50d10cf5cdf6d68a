//! Tells `restante --version` which commit and which engines it was built from. Needs neither git nor a network:
//! without them it says less.

use std::{env, fs, path::Path, process::Command};

/// Packages in Cargo.lock, and what people call them.
const ENGINES: [(&str, &str); 4] =
    [("librocksdb-sys", "RocksDB"), ("mls-rs", "mls-rs"), ("rustls", "rustls"), ("aws-lc-rs", "aws-lc-rs")];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=Cargo.lock");
    println!("cargo::rerun-if-env-changed=RESTANTE_COMMIT");
    println!("cargo::rustc-env=RESTANTE_COMMIT={}", commit().map(|commit| format!(" ({commit})")).unwrap_or_default());
    println!("cargo::rustc-env=RESTANTE_ENGINES={}", engines());
}

/// The commit, from whoever packages a source archive, or from git. Only release builds ask git: otherwise every
/// commit would compile everything again.
fn commit() -> Option<String> {
    if let Ok(commit) = env::var("RESTANTE_COMMIT") {
        return Some(commit);
    }
    if env::var("PROFILE").as_deref() != Ok("release") {
        return Some("development build".to_owned());
    }
    // As a dependency inside somebody else's repository we would report their commit.
    let root = fs::canonicalize(git(&["rev-parse", "--show-toplevel"])?).ok()?;
    if root != fs::canonicalize(env::var_os("CARGO_MANIFEST_DIR")?).ok()? {
        return None;
    }
    // Grows with each commit and checkout. Cargo runs the script every time when a file that it names is missing.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "--short=12", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// `RocksDB 11.8.1, mls-rs 0.57.0, …` as Cargo.lock has them.
fn engines() -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let versions = ENGINES.iter().filter_map(|(package, name)| {
        let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
        let (version, _) = rest.split_once('"')?;
        // A crate that wraps a library has the library's version after the plus sign.
        Some(format!("{name} {}", version.split_once('+').map_or(version, |(_, library)| library)))
    });
    let versions: Vec<_> = versions.collect();
    if versions.is_empty() { "engines unknown: built without Cargo.lock".to_owned() } else { versions.join(", ") }
}
