//! `cargo xtask check`: everything that a change has to pass besides the tests.
//!
//! Cheap steps come first. Each prints its name and its duration; the first that fails ends the
//! run and says how to repeat it alone.

use crate::cargo::Cargo;
use crate::failure::Failure;
use crate::stopwatch::Stopwatch;
use crate::{dependencies, fuzz, machine_paths, rocksdb, test, test::FEATURES, toolchain, walls};

struct Step {
    name: &'static str,
    /// What it asserts, for the reader of the output.
    claim: &'static str,
    run: fn(&mut Cargo) -> Result<(), Failure>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        claim: "rustfmt would change nothing",
        run: |cargo| {
            cargo
                .run(&["fmt", "--all", "--check"])
                .and_then(|()| cargo.run(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
                .map_err(|failure| {
                    Failure::new(format!("{failure}; `cargo fmt --all` repairs it, in fuzz/ `cargo fmt`"))
                })
        },
    },
    Step {
        name: "walls",
        claim: "each layer of src/ names only what it may, and nothing opens a span",
        run: |cargo| walls::check(cargo.root()),
    },
    Step {
        name: "machine-paths",
        claim: "no file names a folder of one machine",
        run: |cargo| machine_paths::check(cargo.root()),
    },
    Step {
        name: "dependencies",
        claim: "each package links only what it may, and Cargo.lock is up to date",
        run: |cargo| dependencies::check(cargo),
    },
    Step {
        name: "no-features",
        claim: "the pure layers compile alone",
        run: |cargo| lint(cargo, &["--package", "restante", "--lib", "--no-default-features"]),
    },
    Step {
        name: "client",
        claim: "what an app links compiles without the server",
        run: |cargo| lint(cargo, &["--package", "restante", "--lib", "--no-default-features", "--features", "client"]),
    },
    Step {
        name: "clippy",
        claim: "the workspace and its tests compile without a warning",
        run: |cargo| {
            rocksdb_ready(cargo)?;
            lint(cargo, &["--workspace", "--all-targets"])
        },
    },
    Step {
        name: "faults",
        claim: "with what only tests reach, the points at which programs end and the fuzz targets, it does too",
        run: |cargo| {
            rocksdb_ready(cargo)?;
            lint(
                cargo,
                &[
                    "--workspace",
                    "--features",
                    FEATURES,
                    "--bins",
                    "--test",
                    "torture",
                    "--test",
                    "fuzz_targets",
                    "--test",
                    "flows",
                ],
            )
        },
    },
    Step {
        name: "docs",
        claim: "the documentation builds without a warning",
        run: |cargo| {
            rocksdb_ready(cargo)?;
            cargo.run_with(&["doc", "--workspace", "--no-deps"], &[("RUSTDOCFLAGS", "-Dwarnings")])
        },
    },
    Step {
        name: "deny",
        claim: "licences, versions, advisories and sources of the dependencies (deny.toml)",
        run: deny,
    },
    Step {
        name: "fuzz",
        claim: "the fuzz targets, which are run as tests, compile for libFuzzer too",
        run: fuzz::check,
    },
];

/// Steps that are run only if they are named: what they assert is a part of `cargo xtask test`.
const NAMED_STEPS: &[Step] = &[Step {
    name: "fuzz-smoke",
    claim: "the fuzz targets bear with their corpora and with some thousand inputs made of them",
    run: |cargo| test::run(cargo, &["--test", "fuzz_targets"].map(String::from)),
}];

/// Runs all steps but those that have to be named, or those that `names` name, in the order of the tables.
///
/// # Errors
///
/// A usage failure for a name that is no step; else the first step that fails.
pub(crate) fn run(cargo: &mut Cargo, names: &[String]) -> Result<(), Failure> {
    let all = || STEPS.iter().chain(NAMED_STEPS);
    if let Some(unknown) = names.iter().find(|name| all().all(|step| step.name != **name)) {
        let steps: Vec<&str> = all().map(|step| step.name).collect();
        return Err(Failure::usage(format!("check has no step `{unknown}`; there are {}", steps.join(", "))));
    }
    let whole = Stopwatch::start();
    let mut done = 0;
    let chosen: Vec<&Step> = if names.is_empty() {
        STEPS.iter().collect()
    } else {
        all().filter(|step| names.iter().any(|name| name == step.name)).collect()
    };
    for step in chosen {
        eprintln!("check: {}: {}", step.name, step.claim);
        let watch = Stopwatch::start();
        (step.run)(cargo).map_err(|failure| {
            Failure::new(format!(
                "{failure}\ncheck: {name} failed after {watch}; repeat it with: cargo xtask check \
                 -- {name}",
                name = step.name
            ))
        })?;
        eprintln!("check: {} passed in {watch}", step.name);
        done += 1;
    }
    eprintln!("check: {done} steps passed in {whole}");
    Ok(())
}

fn lint(cargo: &Cargo, what: &[&str]) -> Result<(), Failure> {
    cargo.run(&[&["clippy"], what, &["--", "--deny", "warnings"]].concat())
}

/// Asks cargo-deny about the workspace, and about fuzz/, whose lock file is its own. Nothing of fuzz/ ships, so its
/// licences are not looked at; and versions that are skipped in the workspace need not be there.
fn deny(cargo: &mut Cargo) -> Result<(), Failure> {
    if !cargo.has_subcommand("deny") {
        eprintln!("deny: skipped, cargo-deny is not installed (cargo install --locked cargo-deny)");
        return Ok(());
    }
    let fuzz = ["--manifest-path", "fuzz/Cargo.toml"];
    let passed_over = ["--allow=unmatched-skip", "--allow=unnecessary-skip"];
    cargo.run(&["deny", "check", "licenses", "bans", "sources"])?;
    cargo.run(&[&["deny"][..], &fuzz, &["check"], &passed_over, &["bans", "sources"]].concat())?;
    // The advisories are fetched. What cannot be reached today is no fault of the change.
    if cargo.run(&["deny", "fetch", "db"]).is_err() {
        eprintln!("deny: advisories skipped, their database cannot be fetched");
        return Ok(());
    }
    cargo.run(&["deny", "--offline", "check", "advisories"])?;
    cargo.run(&[&["deny", "--offline"][..], &fuzz, &["check", "advisories"]].concat())
}

/// Build scripts run even where nothing is linked, and would compile RocksDB.
fn rocksdb_ready(cargo: &mut Cargo) -> Result<(), Failure> {
    if cargo.environment().is_empty() {
        toolchain::ensure(cargo)?;
        rocksdb::reuse(cargo)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_a_usage_failure_that_lists_the_steps() {
        let mut cargo = Cargo::here().unwrap();
        let failure = run(&mut cargo, &[String::from("fromat")]).unwrap_err();
        assert!(failure.to_string().contains("fromat"));
        for step in STEPS.iter().chain(NAMED_STEPS) {
            assert!(failure.to_string().contains(step.name));
        }
    }

    #[test]
    fn step_names_differ() {
        let mut names: Vec<&str> = STEPS.iter().chain(NAMED_STEPS).map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len() + NAMED_STEPS.len());
    }
}
